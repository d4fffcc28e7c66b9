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

    /// The cases with their reasons.
    #[cfg(test)]
    fn cases(&self) -> impl Iterator<Item = (&(String, u64), &String)> {
        self.0.iter()
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

    #[test]
    fn what_differs_on_purpose_is_known_to_other_comparers_and_explained() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let ours = Differences::read(&root.join("conformance/slurm/differences.txt")).unwrap();
        let all = Differences::read(&root.join("conformance/slurm/deliberate.txt")).unwrap();
        let page = std::fs::read_to_string(root.join("docs/dialects/slurm.md")).unwrap();
        for (case, reason) in ours.cases() {
            assert_eq!(all.0.get(case), Some(reason), "{case:?} is not in deliberate.txt");
        }
        for (case, reason) in all.cases() {
            let line = format!("- {reason}");
            assert!(page.lines().any(|known| known == line), "{case:?}: the page does not say {line:?}");
        }
    }
}
