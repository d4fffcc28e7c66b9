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

    /// Names the lines of a run that tell of nothing: no such case was played, or it agrees by now. `agrees` are all
    /// cases of the run, and whether their answers were the recorded ones.
    pub(crate) fn stale(&self, run: &str, agrees: &BTreeMap<u64, bool>) -> Vec<String> {
        // What depends on the moment agrees now and then, and with no answer at all nothing can be compared.
        let is_telling =
            |reason: &str| !["whether ", "the original dies "].iter().any(|it| reason.starts_with(it));
        let of_run = self.0.iter().filter(|((of, _), reason)| of == run && is_telling(reason));
        let stale = of_run.filter_map(|((_, seq), reason)| match agrees.get(seq) {
            None => Some(format!("{run} {seq} is no recorded case")),
            Some(true) => Some(format!("{run} {seq} does not differ any more: {reason}")),
            Some(false) => None,
        });
        stale.collect()
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
    fn lines_that_tell_of_nothing_are_named() {
        let text =
            "main 1 it crashes\nmain 2 it crashes\nmain 3 it crashes\nmain 4 whether it rains\nextra 9 no\n";
        let stale =
            Differences::parse(text).unwrap().stale("main", &[(1, false), (2, true), (4, true)].into());
        assert_eq!(stale, ["main 2 does not differ any more: it crashes", "main 3 is no recorded case"]);
    }

    #[test]
    fn every_line_names_a_recorded_case_once() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../slurm");
        let mut recorded = std::collections::BTreeSet::new();
        for run in ["main", "enforce", "extra"] {
            let steps = crate::recording::read_run(&folder.join("golden.jsonl.zst"), run).unwrap();
            recorded.extend(steps.into_iter().filter_map(|placed| match placed.step {
                crate::recording::Step::Ask(_) => Some((run.to_owned(), placed.seq)),
                _ => None,
            }));
        }
        for name in ["deliberate.txt", "differences.txt"] {
            let file = folder.join(name);
            let cases = Differences::read(&file).unwrap();
            for (case, _) in cases.cases() {
                assert!(recorded.contains(case), "{name}: {case:?} is no recorded case");
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).count();
            assert_eq!(lines, cases.cases().count(), "{name}: a case is named twice");
        }
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
