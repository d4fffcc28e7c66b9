//! Dependencies between jobs: how they are kept, and when they are met. Slurm's `--dependency` grammar, and two relations
//! beyond it that say more of how the other job must have ended.

use super::{ExitCodes, Outcomes};
use crate::{JobId, Problem, TaskIndex, Text};
use std::time::Duration;

/// What a job waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The terms, in the order written.
    pub terms: Vec<Term>,
    /// Whether all terms must be met (`,`) or one will do (`?`).
    pub require: Requirement,
}

/// How terms combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// All (`,`).
    All,
    /// Any (`?`).
    Any,
}

/// One term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// How the jobs relate.
    pub relation: Relation,
    /// The other job; `None` for a singleton.
    pub job: Option<JobId>,
    /// A single task of it, if one was named.
    pub task: Option<TaskIndex>,
    /// Minutes written behind a relation that has no use for them: Slurm takes and shows them, and goes by them for
    /// `after` alone.
    pub unheeded: u32,
    /// Whether it is met.
    pub state: TermState,
}

/// How two jobs relate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The other has started (or was cancelled), and this long has passed since.
    After(Duration),
    /// The other has ended, however.
    AfterAny,
    /// The other has ended well.
    AfterOk,
    /// The other has ended badly.
    AfterNotOk,
    /// The task of the same index has ended well.
    AfterCorr,
    /// The other has ended, and left one of these exit codes.
    AfterExit(ExitCodes),
    /// The other has ended in one of these ways.
    AfterEnd(Outcomes),
    /// No earlier job of the same name and user is unfinished, and no later one runs.
    Singleton,
}

/// Whether a term is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TermState {
    /// Not yet.
    Unfulfilled,
    /// Yes.
    Fulfilled,
    /// Never will be.
    Failed,
}

impl Relation {
    /// Returns the word Slurm uses, or ours.
    pub fn word(self) -> &'static str {
        match self {
            Relation::After(_) => "after",
            Relation::AfterAny => "afterany",
            Relation::AfterOk => "afterok",
            Relation::AfterNotOk => "afternotok",
            Relation::AfterCorr => "aftercorr",
            Relation::AfterExit(_) => "afterexit",
            Relation::AfterEnd(_) => "afterend",
            Relation::Singleton => "singleton",
        }
    }

    /// Returns the word with what belongs to it.
    fn written(self) -> String {
        match self {
            Relation::AfterExit(codes) => format!("{}.{}", self.word(), codes.written()),
            Relation::AfterEnd(outcomes) => format!("{}.{}", self.word(), outcomes.written()),
            other => other.word().to_owned(),
        }
    }

    /// Reads one of the relations beyond Slurm's: `afterexit.0-3.5`, `afterend.COMPLETED.FAILED`.
    fn beyond(written: &str) -> Option<Self> {
        match written.split_once('.')? {
            ("afterexit", codes) => ExitCodes::read(codes).map(Relation::AfterExit),
            ("afterend", outcomes) => Outcomes::read(outcomes).map(Relation::AfterEnd),
            _ => None,
        }
    }
}

impl Dependency {
    /// Reads `afterok:1:2,afterany:3`, `after:4+10?singleton`, `afterexit.0-3:5` and the like. An empty text is no
    /// dependency.
    ///
    /// # Errors
    /// [`Problem::BadDependency`] where it cannot be read; [`Problem::Unsupported`] for `expand` and
    /// `afterburstbuffer`, which need what one machine has not.
    pub fn parse(written: &str) -> Result<Option<Self>, Problem> {
        let bad = || Problem::BadDependency(Text::from(written));
        if written.is_empty() {
            return Ok(None);
        }
        let require = match (written.contains(','), written.contains('?')) {
            (true, true) => return Err(bad()),
            (_, true) => Requirement::Any,
            _ => Requirement::All,
        };
        let mut terms = Vec::new();
        for part in written.split([',', '?']) {
            let (word, targets) = part.split_once(':').unwrap_or((part, ""));
            let relation = match word.to_ascii_lowercase().as_str() {
                "after" => Relation::After(Duration::ZERO),
                "afterany" => Relation::AfterAny,
                "afterok" => Relation::AfterOk,
                "afternotok" => Relation::AfterNotOk,
                "aftercorr" => Relation::AfterCorr,
                "singleton" if targets.is_empty() => Relation::Singleton,
                "expand" | "afterburstbuffer" => return Err(Problem::Unsupported(Text::from(word))),
                // A bare number is `afterany`, as in the oldest versions.
                _ if part.parse::<u32>().is_ok() => {
                    terms.push(Term::parse(Relation::AfterAny, part).ok_or_else(bad)?);
                    continue;
                }
                _ => Relation::beyond(word).ok_or_else(bad)?,
            };
            if relation == Relation::Singleton {
                terms.push(Term {
                    relation,
                    job: None,
                    task: None,
                    unheeded: 0,
                    state: TermState::Unfulfilled,
                });
                continue;
            }
            if targets.is_empty() {
                return Err(bad());
            }
            for target in targets.split(':') {
                terms.push(Term::parse(relation, target).ok_or_else(bad)?);
            }
        }
        if terms.len() > 10_000 {
            return Err(bad());
        }
        Ok(Some(Dependency { terms, require }))
    }

    /// Tells where the whole stands.
    pub fn state(&self) -> TermState {
        let all = |state| self.terms.iter().all(|term| term.state == state);
        let any = |state| self.terms.iter().any(|term| term.state == state);
        match self.require {
            Requirement::All if all(TermState::Fulfilled) => TermState::Fulfilled,
            Requirement::All if any(TermState::Failed) => TermState::Failed,
            Requirement::Any if any(TermState::Fulfilled) => TermState::Fulfilled,
            Requirement::Any if all(TermState::Failed) => TermState::Failed,
            _ => TermState::Unfulfilled,
        }
    }

    /// Writes what is left to wait for, as Slurm shows it: met terms are gone, others tell their state.
    pub fn written(&self) -> String {
        let separator = if self.require == Requirement::All { "," } else { "?" };
        let open = self.terms.iter().filter(|term| term.state != TermState::Fulfilled);
        open.map(Term::written).collect::<Vec<_>>().join(separator)
    }
}

impl Term {
    fn parse(relation: Relation, target: &str) -> Option<Term> {
        // What stands behind a plus is a time, also behind the number of a heterogeneous job; its components are named by
        // numbers of their own.
        let (target, minutes) = match target.split_once('+') {
            Some((target, minutes)) => (target, read_minutes(minutes)?),
            None => (target, 0),
        };
        let (relation, unheeded) = match relation {
            Relation::After(_) => (Relation::After(Duration::from_secs(u64::from(minutes) * 60)), 0),
            relation => (relation, minutes),
        };
        let (id, task) = match target.split_once('_') {
            Some((id, "*")) => (id, None),
            Some((id, task)) => (id, Some(TaskIndex(task.parse().ok()?))),
            None => (target, None),
        };
        let id = id.parse::<u32>().ok().filter(|id| *id > 0)?;
        Some(Term { relation, job: Some(JobId(id)), task, unheeded, state: TermState::Unfulfilled })
    }

    fn written(&self) -> String {
        let state = if self.state == TermState::Failed { "failed" } else { "unfulfilled" };
        let word = self.relation.written();
        let minutes = match self.relation {
            Relation::After(delay) => delay.as_secs() / 60,
            _ => self.unheeded.into(),
        };
        let delay = if minutes > 0 { format!("+{minutes}") } else { String::new() };
        match (self.job, self.task) {
            (None, _) => format!("{word}({state})"),
            (Some(job), None) => format!("{word}:{job}{delay}({state})"),
            (Some(job), Some(task)) => format!("{word}:{job}_{task}{delay}({state})"),
        }
    }
}

/// Reads a delay: at least a minute, and no more of them than their seconds can be counted.
fn read_minutes(written: &str) -> Option<u32> {
    written.parse::<u32>().ok().filter(|minutes| (1..=u32::MAX / 60).contains(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_stand_behind_their_word() {
        let read = Dependency::parse("afterexit.0-3.5:7:8_2,afterend.COMPLETED.FAILED:7").unwrap().unwrap();
        let shown = "afterexit.0-3.5:7(unfulfilled),afterexit.0-3.5:8_2(unfulfilled),afterend.COMPLETED.FAILED:7(unfulfilled)";
        assert_eq!(read.written(), shown);
        for refused in [
            "afterexit:7",
            "afterexit.:7",
            "afterexit.300:7",
            "afterend.BEST:7",
            "afterok.0:7",
            "afterexit.0",
        ] {
            assert!(Dependency::parse(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn minutes_go_behind_every_relation_and_count_for_one() {
        for (written, shown) in [
            ("after:24+1", "after:24+1(unfulfilled)"),
            ("afterok:24+1:25", "afterok:24+1(unfulfilled),afterok:25(unfulfilled)"),
            ("aftercorr:24_3+7", "aftercorr:24_3+7(unfulfilled)"),
        ] {
            let read = Dependency::parse(written).unwrap().unwrap();
            assert_eq!(read.written(), shown);
            let relation = read.terms[0].relation;
            let counts = matches!(relation, Relation::After(delay) if delay == Duration::from_secs(60));
            assert_eq!(counts, relation.word() == "after");
        }
        for refused in ["afterok:24+0", "after:24+0", "after:24+x", "after:1+1+2", "afterok:1+4294967295"] {
            assert!(Dependency::parse(refused).is_err(), "{refused}");
        }
    }
}
