//! What has been reached and may not be lost again: the required counts of every group, kept in `expected.toml`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::conversation::Outcome;
use crate::table::Score;

/// What stands at the top of the file.
const HEADER: &str = "\
# What the replayed conversations must reach, by run and group: of `cases` counted ones at least so many agree in
# status, errors, shape and values. `replay --update` writes the numbers of a run into it; they should only rise.
# A group with `served = false` belongs to a later issue: it is played for its effects and not judged.
# So are single operations of judged groups that stand under `later` (a method and the beginning of a path).
";

/// The file `expected.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    /// Operations that no issue so far has served.
    #[serde(default)]
    pub(crate) later: Vec<String>,
    /// The groups by run and name.
    #[serde(default)]
    pub(crate) groups: BTreeMap<String, BTreeMap<String, Required>>,
}

/// What one group must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Required {
    pub(crate) served: bool,
    #[serde(default)]
    pub(crate) cases: usize,
    #[serde(default)]
    pub(crate) status: usize,
    #[serde(default)]
    pub(crate) errors: usize,
    #[serde(default)]
    pub(crate) shape: usize,
    #[serde(default)]
    pub(crate) values: usize,
}

impl Required {
    fn counts(&self) -> [usize; 4] {
        [self.status, self.errors, self.shape, self.values]
    }
}

impl Expected {
    pub(crate) fn read(file: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
        toml::from_str(&text).with_context(|| format!("read {}", file.display()))
    }

    /// Whether the operation of a case belongs to a later issue.
    pub(crate) fn is_later(&self, outcome: &Outcome) -> bool {
        let path = outcome.path.replace("//", "/");
        let asked = format!("{} {path}", outcome.method);
        self.later.iter().any(|operation| asked.starts_with(operation.as_str()))
    }

    /// Whether a group is judged; groups that the file does not know are.
    pub(crate) fn is_served(&self, run: &str, group: &str) -> bool {
        self.required(run, group).is_none_or(|required| required.served)
    }

    fn required(&self, run: &str, group: &str) -> Option<&Required> {
        self.groups.get(run)?.get(group)
    }

    /// Says in what a group has fallen below what it had reached; empty when in nothing.
    pub(crate) fn losses(&self, run: &str, group: &str, score: &Score) -> Vec<String> {
        let Some(required) = self.required(run, group) else {
            return vec!["not listed in the file of required counts".to_owned()];
        };
        let mut losses = Vec::new();
        for ((level, reached), required) in
            ["status", "errors", "shape", "values"].iter().zip(score.agreeing).zip(required.counts())
        {
            if reached < required {
                losses.push(format!("{level} {reached} of {required} required"));
            }
        }
        losses
    }

    /// Takes over what a run reached; groups that are not served stay so.
    pub(crate) fn learn(&mut self, run: &str, scores: &BTreeMap<String, Score>) {
        let groups = self.groups.entry(run.to_owned()).or_default();
        for (group, score) in scores {
            let served = groups.get(group).is_none_or(|required| required.served);
            let [status, errors, shape, values] = score.agreeing;
            let reached = Required { served, cases: score.cases, status, errors, shape, values };
            groups.insert(group.clone(), reached);
        }
    }

    /// Writes the file anew.
    pub(crate) fn write(&self, file: &Path) -> Result<()> {
        let mut text = HEADER.to_owned();
        text.push_str("later = [\n");
        for operation in &self.later {
            let _ = writeln!(text, "  {operation:?},");
        }
        text.push_str("]\n");
        for (run, groups) in &self.groups {
            let _ = writeln!(text, "\n[groups.{run}]");
            for (group, Required { served, cases, status, errors, shape, values }) in groups {
                let counts = match served {
                    true => format!(
                        ", cases = {cases}, status = {status}, errors = {errors}, shape = {shape}, values = {values}"
                    ),
                    false => String::new(),
                };
                let _ = writeln!(text, "{group} = {{ served = {served}{counts} }}");
            }
        }
        std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::{Level, Verdict};

    fn expected() -> Expected {
        toml::from_str(
            "later = ['POST /slurm/v0.0.44/node/']
             [groups.main]
             auth = { served = true, cases = 3, status = 3, errors = 2, shape = 2, values = 1 }
             het = { served = false }",
        )
        .unwrap()
    }

    #[test]
    fn falling_below_is_a_loss_and_rising_is_not() {
        let score = |agreeing| Score { cases: 3, agreeing };
        assert!(expected().losses("main", "auth", &score([3, 3, 2, 1])).is_empty());
        assert_eq!(expected().losses("main", "auth", &score([3, 2, 1, 1])), ["shape 1 of 2 required"]);
        assert_eq!(expected().losses("main", "new", &score([3, 3, 3, 3])).len(), 1);
    }

    #[test]
    fn what_was_learned_can_be_read_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut expected = expected();
        let reached = [("auth", [3, 3, 3, 3]), ("het", [3, 0, 0, 0])];
        let scores = reached.map(|(group, agreeing)| (group.to_owned(), Score { cases: 3, agreeing }));
        expected.learn("main", &scores.into());
        expected.write(file.path()).unwrap();
        let again = Expected::read(file.path()).unwrap();
        assert_eq!(
            again.groups["main"]["auth"],
            Required { served: true, cases: 3, status: 3, errors: 3, shape: 3, values: 3 }
        );
        assert!(!again.is_served("main", "het"));
        assert_eq!(again.later, expected.later);
    }

    #[test]
    fn operations_of_later_issues_are_known_by_their_beginning() {
        let outcome = |method: &str, path: &str| Outcome {
            seq: 1,
            group: String::new(),
            name: String::new(),
            method: method.to_owned(),
            path: path.to_owned(),
            verdict: Verdict { level: Level::Values, differences: Vec::new() },
        };
        assert!(expected().is_later(&outcome("POST", "/slurm//v0.0.44/node/n1")));
        assert!(!expected().is_later(&outcome("GET", "/slurm/v0.0.44/node/n1")));
    }
}
