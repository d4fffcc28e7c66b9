//! sacctmgr's flat file: one line for each quality of service, cluster, account and user, where accounts and users belong
//! to the parent named last.

use super::limits::{Set, SetLimits, listed};
use super::words::{Word, unquoted};
use domain::accounting::Limit;
use std::fmt::Write;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Qos,
    Cluster,
    Parent,
    Account,
    User,
}

const KINDS: [(&str, Kind); 6] = [
    ("QOS", Kind::Qos),
    ("Cluster", Kind::Cluster),
    ("Machine", Kind::Cluster),
    ("Parent", Kind::Parent),
    ("Account", Kind::Account),
    ("User", Kind::User),
];

/// A line of a flat file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Counted from one.
    pub(super) number: usize,
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) words: Vec<Word>,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {number}: {why}")]
pub(super) struct BadLine {
    /// Counted from one.
    pub(super) number: usize,
    /// What is wrong with it.
    pub(super) why: String,
}

/// Reads a flat file. Empty lines and those that begin with `#` say nothing.
pub(super) fn read(text: &str) -> Result<Vec<Line>, BadLine> {
    let numbered = (1..).zip(text.lines().map(str::trim));
    let said = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    said.map(|(number, line)| one(number, line)).collect()
}

fn one(number: usize, line: &str) -> Result<Line, BadLine> {
    let bad = |why: &str| BadLine { number, why: why.to_owned() };
    let (kind, rest) =
        line.split_once('-').ok_or_else(|| bad("expected a kind, as in `Account - 'name'`"))?;
    let kind = KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind.trim()));
    let (_, kind) =
        kind.ok_or_else(|| bad("it is of none of the kinds QOS, Cluster, Parent, Account and User"))?;
    let mut parts = parts(rest).ok_or_else(|| bad("a quote is not closed"))?.into_iter();
    let name = parts.next().map(|name| unquoted(name.trim()).to_owned()).unwrap_or_default();
    if name.is_empty() {
        return Err(bad("there is no name"));
    }
    let words: Vec<Word> =
        parts.filter(|part| !part.trim().is_empty()).map(|part| Word::read(part.trim())).collect();
    match words.iter().find(|word| word.is_bare()) {
        Some(word) => Err(bad(&format!("{} has no value", word.raw))),
        None => Ok(Line { number, kind: *kind, name, words }),
    }
}

/// Divides at colons that stand in no quotes; `None` if a quote is not closed.
fn parts(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut from, mut open) = (0, None);
    for (at, letter) in text.char_indices() {
        match (open, letter) {
            (None, '\'' | '"') => open = Some(letter),
            (Some(quote), letter) if quote == letter => open = None,
            (None, ':') => {
                parts.push(text.get(from..at)?);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(from..)?);
    open.is_none().then_some(parts)
}

/// A line while it is written.
pub(super) struct Written(String);

impl Written {
    /// Begins a line.
    pub(super) fn of(kind: &str, name: &str) -> Self {
        Written(format!("{kind} - '{}'", name.replace('\'', "`")))
    }

    /// Adds words in quotes, unless there are none.
    pub(super) fn words(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            // Nothing else can stand in quotes.
            let value = value.replace('\'', "`").replace(['\n', '\r'], " ");
            self.put(key, &format!("'{value}'"));
        }
    }

    /// Adds a number, if there is one.
    pub(super) fn number<T: ToString>(&mut self, key: &str, value: Option<T>) {
        if let Some(value) = value {
            self.put(key, &value.to_string());
        }
    }

    /// Adds a limit, if it is set.
    pub(super) fn limit(&mut self, key: &str, limits: &SetLimits, limit: Limit) {
        match limits.get(&limit) {
            Some(Set::Count(count)) => self.put(key, &count.to_string()),
            Some(Set::Amounts(amounts)) => self.put(key, &listed(amounts)),
            None => {}
        }
    }

    /// Adds limits under the names that both sides know.
    pub(super) fn limits(&mut self, limits: &SetLimits, wanted: &[Limit]) {
        for limit in wanted {
            self.limit(limit.name(), limits, *limit);
        }
    }

    fn put(&mut self, key: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, ":{key}={value}");
    }

    /// Ends the line.
    pub(super) fn end(self, text: &mut String) {
        text.push_str(&self.0);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let text = "# a comment\n\nCluster - 'testbed':Fairshare=1:QOS='normal'\nParent - root\n\
                    Account - 'a':Description='one: two':GrpTRES=cpu=1,mem=4G\n";
        let lines = read(text).unwrap();
        let seen: Vec<_> = lines.iter().map(|line| (line.number, line.kind, line.name.as_str())).collect();
        assert_eq!(seen, [(3, Kind::Cluster, "testbed"), (4, Kind::Parent, "root"), (5, Kind::Account, "a")]);
        let words: Vec<_> =
            lines[2].words.iter().map(|word| (word.name.as_str(), word.value.as_str())).collect();
        assert_eq!(words, [("Description", "one: two"), ("GrpTRES", "cpu=1,mem=4G")]);
    }

    #[test]
    fn lines_that_make_no_sense_are_named() {
        for (text, why) in [
            ("Frob - 'x'", "line 1: it is of none of the kinds QOS, Cluster, Parent, Account and User"),
            ("\nAccount", "line 2: expected a kind, as in `Account - 'name'`"),
            ("Account - ", "line 1: there is no name"),
            ("Account - 'x", "line 1: a quote is not closed"),
            ("Account - 'x':frob", "line 1: frob has no value"),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn lines_are_written() {
        let mut line = Written::of("Account", "a");
        line.words("Description", "it's");
        line.words("Organization", "");
        line.number("Fairshare", Some(1));
        let limits = [(Limit::GrpWall, Set::Count(90))].into();
        line.limits(&limits, &[Limit::GrpWall, Limit::MaxJobs]);
        let mut text = String::new();
        line.end(&mut text);
        assert_eq!(text, "Account - 'a':Description='it`s':Fairshare=1:GrpWall=90\n");
    }
}
