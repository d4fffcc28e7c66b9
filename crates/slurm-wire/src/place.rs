//! Where in a document something is, as diagnostics name it: `#/accounts[0]/name/`.

use std::fmt;

/// A place in a document; costs nothing until it is written.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The document itself.
    pub const ROOT: Place<'static> = Place { parent: None, step: Step::Root };

    /// Returns the place of `key` in the dictionary here.
    pub fn key(&'a self, key: &'a str) -> Place<'a> {
        Place { parent: Some(self), step: Step::Key(key) }
    }

    /// Returns the place of an entry of the list here.
    pub fn index(&'a self, index: usize) -> Place<'a> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    /// Returns whether this is the document itself.
    pub fn is_root(&self) -> bool {
        matches!(self.step, Step::Root)
    }

    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.write(f)?;
        }
        match self.step {
            Step::Root => f.write_str("#"),
            Step::Key(key) => write!(f, "/{key}"),
            Step::Index(index) => write!(f, "[{index}]"),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)?;
        f.write_str("/")
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_read_like_pointers() {
        let root = Place::ROOT;
        let list = root.key("accounts");
        let entry = list.index(0);
        assert_eq!(entry.key("name").to_string(), "#/accounts[0]/name/");
        assert_eq!(root.to_string(), "#/");
    }
}
