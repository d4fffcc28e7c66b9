//! The lines of a crontab: comments, options in `#SCRON` lines, variables, and entries. Each was tried with `scrontab`.

use super::{BadSchedule, Schedule};
use crate::Text;

/// What stands before an entry that has been switched off.
const DISABLED: &str = "#DISABLED: ";
/// How options for the next entry begin.
const OPTIONS: &str = "#SCRON";

/// One entry with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its first line, counted from one: that of its first options, if it has some.
    pub first_line: u32,
    /// Its own line.
    pub last_line: u32,
    /// Options with their lines, without `#SCRON`.
    pub options: Vec<(u32, Text)>,
    /// Variables set in lines before it, here or for earlier entries; a later value counts.
    pub variables: Vec<(Text, Text)>,
    /// When it is due.
    pub schedule: Schedule,
    /// The same as written, with single blanks between the fields.
    pub written: Text,
    /// What is run.
    pub command: Text,
}

/// A line that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadLine {
    /// Its number, counted from one.
    pub line: u32,
    /// What is wrong with it.
    pub why: BadEntry,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadEntry {
    /// Its schedule.
    #[error(transparent)]
    Schedule(#[from] BadSchedule),
    /// Nothing follows the schedule.
    #[error("no command follows the schedule")]
    NoCommand,
}

/// Finds the entries of a crontab, in order. Options count for the next entry alone, variables for all that follow.
///
/// # Errors
/// The first line that is neither empty, a comment, a variable, nor an entry.
pub fn entries(text: &str) -> Result<Vec<Entry>, BadLine> {
    let mut entries = Vec::new();
    let mut options: Vec<(u32, Text)> = Vec::new();
    let mut variables: Vec<(Text, Text)> = Vec::new();
    for (line, written) in (1..).zip(text.lines()) {
        let written = written.trim();
        if let Some(given) = written.strip_prefix(OPTIONS) {
            options.push((line, Text::from(given.trim())));
        } else if written.is_empty() || written.starts_with('#') {
            continue;
        } else if let Some((name, value)) = variable(written) {
            variables.retain(|(other, _)| *other != name);
            variables.push((name, value));
        } else {
            let (schedule, command) = divided(written);
            let bad = |why| BadLine { line, why };
            let parsed = Schedule::parse(&schedule).map_err(|why| bad(why.into()))?;
            if command.is_empty() {
                return Err(bad(BadEntry::NoCommand));
            }
            let options = std::mem::take(&mut options);
            entries.push(Entry {
                first_line: options.first().map_or(line, |(line, _)| *line),
                last_line: line,
                options,
                variables: variables.clone(),
                schedule: parsed,
                written: Text::from(schedule),
                command: Text::from(command),
            });
        }
    }
    Ok(entries)
}

/// Returns the text with some lines, counted from one, both ends included, switched off.
pub fn disabled(text: &str, first: u32, last: u32) -> String {
    let mut changed = String::with_capacity(text.len() + 64);
    for (line, written) in (1..).zip(text.split_inclusive('\n')) {
        let is_meant = (first..=last).contains(&line) && !written.trim().is_empty();
        if is_meant && !written.starts_with(DISABLED) {
            changed.push_str(DISABLED);
        }
        changed.push_str(written);
    }
    changed
}

/// Reads `NAME=value` or `NAME = "value"`.
fn variable(line: &str) -> Option<(Text, Text)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let value = value.trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(value);
    is_name.then(|| (Text::from(name), Text::from(unquoted)))
}

/// Divides an entry into its schedule, with single blanks, and its command.
fn divided(line: &str) -> (String, &str) {
    let mut rest = line;
    let mut fields = Vec::new();
    let wanted = if line.starts_with('@') { 1 } else { 5 };
    while fields.len() < wanted && !rest.is_empty() {
        let end = rest.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(rest.len());
        let (field, after) = rest.split_at(end);
        fields.push(field);
        rest = after.trim_start();
    }
    (fields.join(" "), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_belong_to_the_next_entry_and_variables_to_all_that_follow() {
        let text = "# mine\nA=1\n#SCRON -t 5\n\n# why\n#SCRON -n 2 \n*/5 * *  * *  echo  a b\nA = \"2 3\"\n@daily\ttrue # x\n";
        let found = entries(text).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|entry| {
                let lines = (entry.first_line, entry.last_line);
                let options: Vec<_> =
                    entry.options.iter().map(|(line, text)| (*line, text.as_str())).collect();
                let variables: Vec<_> =
                    entry.variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
                (lines, options, variables.join(","), entry.written.as_str(), entry.command.as_str())
            })
            .collect();
        assert_eq!(
            told,
            [
                ((3, 7), vec![(3, "-t 5"), (6, "-n 2")], "A=1".to_owned(), "*/5 * * * *", "echo  a b"),
                ((9, 9), vec![], "A=2 3".to_owned(), "@daily", "true # x"),
            ]
        );
    }

    #[test]
    fn a_line_that_is_nothing_is_refused_with_its_number() {
        for (text, line, why) in [
            ("@daily x\njunk\n", 2, BadEntry::Schedule(BadSchedule::Fields)),
            ("* * * * true", 1, BadEntry::Schedule(BadSchedule::Field("day of week"))),
            ("* * * true", 1, BadEntry::Schedule(BadSchedule::Fields)),
            ("* * * * foo true", 1, BadEntry::Schedule(BadSchedule::Field("day of week"))),
            ("@reboot true", 1, BadEntry::Schedule(BadSchedule::Word)),
            ("\n\n* * * * *  \n", 3, BadEntry::NoCommand),
            ("@daily echo \\\n b", 2, BadEntry::Schedule(BadSchedule::Fields)),
        ] {
            assert_eq!(entries(text), Err(BadLine { line, why }), "{text:?}");
        }
        assert_eq!(entries("\n# nothing\n#SCRON -t 5\nA=1").unwrap(), []);
    }

    #[test]
    fn an_entry_is_switched_off_with_its_options() {
        let text = "A=1\n#SCRON -t 5\n\n@daily true\n@daily false";
        let off = disabled(text, 2, 4);
        assert_eq!(off, "A=1\n#DISABLED: #SCRON -t 5\n\n#DISABLED: @daily true\n@daily false");
        assert_eq!(disabled(&off, 2, 4), off, "once is enough");
        assert_eq!(entries(&off).unwrap().len(), 1);
    }
}
