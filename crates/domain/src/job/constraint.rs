//! Features asked of nodes, in the language of Slurm's `--constraint`: `a&b`, `a|b`, parentheses, counts of nodes
//! (`a*2`), and one pair of brackets around alternatives of which all nodes must have the same (`[a|b]`) or around counts
//! (`[a*2&b*1]`). How nodes are chosen by it is in `fit`.

use crate::{Problem, Text};

/// The longest constraint read, bytes.
const LONGEST: usize = 4096;
/// Most kinds of nodes that are counted: each takes a bit while nodes are chosen.
pub const MOST_COUNTS: usize = 32;

/// A readable constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// As written.
    pub written: Text,
    /// What every node must meet; nothing for an empty list of [`Expression::All`].
    pub meaning: Expression,
    /// Alternatives of which all nodes must meet the same one; empty if there is no such choice.
    pub same: Vec<Expression>,
    /// How many nodes must meet what; any further nodes are free in that respect.
    pub counts: Vec<(Expression, u32)>,
}

/// The meaning of a constraint, as far as a single node goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// The node has this feature.
    Feature(Text),
    /// All hold.
    All(Vec<Expression>),
    /// At least one holds.
    Any(Vec<Expression>),
}

impl Constraint {
    /// Reads a constraint.
    ///
    /// # Errors
    /// [`Problem::BadConstraint`] where it cannot be read, counts no nodes, or has brackets or counts in places where
    /// Slurm has none: two pairs of brackets, two counts outside of them, a count beside something that has none.
    pub fn parse(written: &str) -> Result<Self, Problem> {
        let bad = || Problem::BadConstraint(Text::from(written));
        if written.len() > LONGEST {
            return Err(bad());
        }
        let mut reader = Reader { rest: written, is_inside: false };
        let parsed = reader.whole().ok_or_else(bad)?;
        if !reader.rest.is_empty() || parsed.counts.len() > MOST_COUNTS {
            return Err(bad());
        }
        Ok(Constraint { written: Text::from(written), ..parsed })
    }

    /// Tells whether a node with these features could be one of the job's, as far as it alone is concerned.
    pub fn holds(&self, features: &[Text]) -> bool {
        self.meaning.holds(features)
            && (self.same.is_empty() || self.same.iter().any(|one| one.holds(features)))
    }

    /// Returns every feature named.
    pub fn features(&self) -> Vec<&Text> {
        let mut named = Vec::new();
        self.meaning.collect(&mut named);
        self.same.iter().for_each(|one| one.collect(&mut named));
        self.counts.iter().for_each(|(one, _)| one.collect(&mut named));
        named
    }

    /// Returns how many nodes the counts need together.
    pub fn counted_nodes(&self) -> u32 {
        self.counts.iter().fold(0, |all, (_, count)| all.saturating_add(*count))
    }
}

impl Expression {
    /// Asks nothing.
    pub fn nothing() -> Self {
        Expression::All(Vec::new())
    }

    /// Tells whether a node with these features meets it.
    pub fn holds(&self, features: &[Text]) -> bool {
        match self {
            Expression::Feature(name) => features.contains(name),
            Expression::All(parts) => parts.iter().all(|part| part.holds(features)),
            Expression::Any(parts) => parts.iter().any(|part| part.holds(features)),
        }
    }

    fn collect<'a>(&'a self, into: &mut Vec<&'a Text>) {
        match self {
            Expression::Feature(name) => into.push(name),
            Expression::All(parts) | Expression::Any(parts) => {
                parts.iter().for_each(|part| part.collect(into))
            }
        }
    }

    fn all(mut parts: Vec<Expression>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) }
    }

    fn any(mut parts: Vec<Expression>) -> Self {
        if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) }
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Within parentheses, which cannot be nested.
    is_inside: bool,
}

/// A part of a constraint, with the number of nodes it counts.
struct Item {
    meaning: Expression,
    count: Option<u32>,
}

impl Reader<'_> {
    /// Reads the whole: parts joined by "and", one of which may be a pair of brackets; or a plain expression.
    fn whole(&mut self) -> Option<Constraint> {
        let mut found = Constraint {
            written: Text::default(),
            meaning: Expression::nothing(),
            same: Vec::new(),
            counts: Vec::new(),
        };
        if !self.rest.contains(['[', '*']) {
            found.meaning = self.any()?;
            return Some(found);
        }
        let mut each = Vec::new();
        let mut brackets = 0;
        let mut bare_counts = 0;
        loop {
            if self.take('[') {
                brackets += 1;
                self.bracketed(&mut found)?;
            } else {
                let item = self.counted()?;
                match item.count {
                    Some(count) => {
                        bare_counts += 1;
                        found.counts.push((item.meaning, count));
                    }
                    None => each.push(item.meaning),
                }
            }
            if !self.and() {
                break;
            }
        }
        // A count beside anything else needs brackets around all of it, and of those there is one pair only.
        if brackets > 1 || bare_counts > 0 && bare_counts + brackets + each.len() > 1 {
            return None;
        }
        found.meaning = Expression::all(each);
        Some(found)
    }

    fn bracketed(&mut self, found: &mut Constraint) -> Option<()> {
        let mut items = vec![self.counted()?];
        if self.take('|') {
            loop {
                items.push(self.counted()?);
                if !self.take('|') {
                    break;
                }
            }
        } else {
            while self.and() {
                items.push(self.counted()?);
            }
            // Within brackets "and" joins counts.
            if items.len() > 1 && items.iter().any(|item| item.count.is_none()) {
                return None;
            }
        }
        if !self.take(']') {
            return None;
        }
        match items.iter().filter(|item| item.count.is_some()).count() {
            0 => found.same = items.into_iter().map(|item| item.meaning).collect(),
            counted if counted == items.len() => {
                found.counts.extend(items.into_iter().filter_map(|item| Some((item.meaning, item.count?))));
            }
            _ => return None,
        }
        Some(())
    }

    /// Reads one part: a feature or parentheses, with a count behind or not.
    fn counted(&mut self) -> Option<Item> {
        let meaning = self.one()?;
        if !self.take('*') {
            return Some(Item { meaning, count: None });
        }
        let end = self.rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        let count = digits.parse().ok().filter(|count| *count > 0)?;
        Some(Item { meaning, count: Some(count) })
    }

    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.take('|') {
            parts.push(self.all()?);
        }
        Some(Expression::any(parts))
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        while self.and() {
            parts.push(self.one()?);
        }
        Some(Expression::all(parts))
    }

    /// Slurm reads a comma as "and".
    fn and(&mut self) -> bool {
        self.take('&') || self.take(',')
    }

    fn one(&mut self) -> Option<Expression> {
        if self.take('(') {
            if std::mem::replace(&mut self.is_inside, true) {
                return None;
            }
            let inner = self.any()?;
            self.is_inside = false;
            return self.take(')').then_some(inner);
        }
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || "._-:+=/".contains(c)));
        let (name, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!name.is_empty()).then(|| Expression::Feature(Text::from(name)))
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }
}
