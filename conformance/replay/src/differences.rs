//! The cases in which this service differs on purpose: they are played and counted apart. One a line: RUN SEQ REASON.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The reasons by run and number.
#[derive(Debug, Default)]
pub(crate) struct Differences(BTreeMap<(String, u64), String>);

impl Differences {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("read {}", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut reasons = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let mut words = line.splitn(3, ' ');
            let (Some(run), Some(Ok(seq)), Some(reason)) =
                (words.next(), words.next().map(str::parse), words.next())
            else {
                bail!("line {}: expected RUN SEQ REASON, found {line:?}", number + 1);
            };
            reasons.insert((run.to_owned(), seq), reason.to_owned());
        }
        Ok(Self(reasons))
    }

    /// Whether the case is one of them.
    pub(crate) fn contains(&self, run: &str, seq: u64) -> bool {
        self.0.contains_key(&(run.to_owned(), seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_needs_a_reason() {
        let differences = Differences::parse("# why\n\nmain 12 the original crashes\n").unwrap();
        assert!(differences.contains("main", 12) && !differences.contains("extra", 12));
        assert!(Differences::parse("main 12\n").is_err());
    }
}
