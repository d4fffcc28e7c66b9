//! Adds outcomes up by group and prints them, with the reasons that cost most.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::compare::Level;
use crate::conversation::Outcome;
use crate::mask::without_numbers;

/// How many of how many cases agree, by level from status to values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) cases: usize,
    pub(crate) agreeing: [usize; 4],
}

impl Score {
    pub(crate) fn add(&mut self, level: Level) {
        self.cases += 1;
        for (counted, agreeing) in Level::COUNTED.into_iter().zip(&mut self.agreeing) {
            *agreeing += usize::from(level >= counted);
        }
    }

    fn percentages(&self) -> String {
        let share = |agreeing| 100.0 * f64::from(agreeing) / (self.cases.max(1) as f64);
        let agreeing = self.agreeing.map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        agreeing.map(|count| format!("{:6.1}%", share(count))).join(" ")
    }
}

/// Adds up by group.
pub(crate) fn scores<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> BTreeMap<String, Score> {
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    for outcome in outcomes {
        scores.entry(outcome.group.clone()).or_default().add(outcome.verdict.level);
    }
    scores
}

/// Draws the groups of a run, with a remark each, and their sum.
pub(crate) fn draw(
    run: &str,
    scores: &BTreeMap<String, Score>,
    remark: impl Fn(&str, &Score) -> String,
) -> String {
    let mut text = format!("{run:16} cases  status  errors   shape  values\n");
    let mut sum = Score::default();
    for (group, score) in scores {
        let _ =
            writeln!(text, "{group:16} {:5} {} {}", score.cases, score.percentages(), remark(group, score));
        sum.cases += score.cases;
        sum.agreeing.iter_mut().zip(score.agreeing).for_each(|(sum, agreeing)| *sum += agreeing);
    }
    let _ = writeln!(text, "{:16} {:5} {}", "all", sum.cases, sum.percentages());
    text
}

/// Returns the differences, the most frequent first: how often, what, and in which cases.
pub(crate) fn causes<'a>(outcomes: impl Iterator<Item = &'a Outcome>) -> Vec<(usize, String, Vec<u64>)> {
    let mut found: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for outcome in outcomes {
        for difference in &outcome.verdict.differences {
            let calm = without_numbers(difference).chars().take(300).collect();
            let cases = found.entry(calm).or_default();
            if cases.last() != Some(&outcome.seq) {
                cases.push(outcome.seq);
            }
        }
    }
    let mut causes: Vec<_> = found.into_iter().map(|(why, cases)| (cases.len(), why, cases)).collect();
    causes.sort_by_key(|(count, ..)| std::cmp::Reverse(*count));
    causes
}

/// One line about a case that differs, with its first differences.
pub(crate) fn line(outcome: &Outcome, most: usize) -> String {
    let Outcome { seq, group, name, method, path, verdict } = outcome;
    let shown: Vec<_> = verdict.differences.iter().take(most).map(String::as_str).collect();
    let text = format!("{seq} {group}/{name}: {method} {path}: {}", shown.join("; "));
    text.chars().take(1_000).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Verdict;

    #[test]
    fn a_level_counts_all_before_it() {
        let mut score = Score::default();
        [Level::Nothing, Level::Errors, Level::Values].into_iter().for_each(|level| score.add(level));
        assert_eq!(score, Score { cases: 3, agreeing: [2, 2, 1, 1] });
    }

    #[test]
    fn frequent_causes_come_first() {
        let outcome = |seq, why: &str| Outcome {
            seq,
            group: "g".to_owned(),
            name: String::new(),
            method: String::new(),
            path: String::new(),
            verdict: Verdict { level: Level::Shape, differences: vec![why.to_owned()] },
        };
        let outcomes = [outcome(1, "rare"), outcome(2, "job 1"), outcome(3, "job 2")];
        let causes = causes(outcomes.iter());
        assert_eq!(causes[0], (2, "job #".to_owned(), vec![2, 3]));
        assert_eq!(causes.len(), 2);
    }
}
