//! Features asked of nodes: `a&b`, `a|b`, parentheses. Counts and exclusive alternatives (`[a|b]`, `a*2`) are
//! kept in the language of Slurm but refused until the scheduler can honour them.

use crate::{Problem, Text};

/// A readable constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// As written.
    pub written: Text,
    /// What it means.
    pub meaning: Expression,
}

/// The meaning of a constraint.
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
    /// [`Problem::BadConstraint`] where it cannot be read.
    pub fn parse(written: &str) -> Result<Self, Problem> {
        let bad = || Problem::BadConstraint(Text::from(written));
        if written.len() > 4096 {
            return Err(bad());
        }
        let mut reader = Reader { rest: written.trim(), depth: 0 };
        let meaning = reader.any().ok_or_else(bad)?;
        if !reader.rest.is_empty() {
            return Err(bad());
        }
        Ok(Constraint { written: Text::from(written), meaning })
    }

    /// Tells whether a node with these features will do.
    pub fn holds(&self, features: &[Text]) -> bool {
        self.meaning.holds(features)
    }

    /// Returns every feature named.
    pub fn features(&self) -> Vec<&Text> {
        let mut named = Vec::new();
        self.meaning.collect(&mut named);
        named
    }
}

impl Expression {
    fn holds(&self, features: &[Text]) -> bool {
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
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

impl Reader<'_> {
    fn any(&mut self) -> Option<Expression> {
        let mut parts = vec![self.all()?];
        while self.take('|') {
            parts.push(self.all()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Option<Expression> {
        let mut parts = vec![self.one()?];
        // Slurm reads a comma as "and".
        while self.take('&') || self.take(',') {
            parts.push(self.one()?);
        }
        Some(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn one(&mut self) -> Option<Expression> {
        if self.take('(') {
            self.depth += 1;
            let inner = (self.depth <= 16).then(|| self.any()).flatten()?;
            self.depth -= 1;
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
