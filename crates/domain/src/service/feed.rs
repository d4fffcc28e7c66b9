//! The feed of state changes: what happened to which job, in order, for those who would rather be told than ask.

use crate::job::{ArrayPart, Exit, HetPart, Job, Outcome, Phase, Reason};
use crate::{ChangeId, JobId, TaskIndex, Text, Timestamp};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// One change of a job's state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// Its place in the feed.
    pub id: ChangeId,
    /// When.
    pub at: Timestamp,
    /// Which job.
    pub job: JobId,
    /// Its array and index, if it is a task.
    pub task: Option<(JobId, TaskIndex)>,
    /// Its part in a heterogeneous job, if it has one.
    pub het: Option<HetPart>,
    /// Name of the job.
    pub name: Text,
    /// Whose it is.
    pub user: Text,
    /// Where it stood; `None` if it is new.
    pub from: Option<StateWord>,
    /// Where it stands.
    pub to: StateWord,
    /// Why.
    pub reason: Reason,
    /// What it left, at its end.
    pub exit: Exit,
}

/// A state in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWord {
    /// Waits.
    Pending,
    /// Runs.
    Running,
    /// Is stopped by SIGSTOP.
    Stopped,
    /// Is suspended.
    Suspended,
    /// Its processes are being ended.
    Completing,
    /// Is over.
    Ended(Outcome),
}

impl StateWord {
    /// Returns the word for a job's phase.
    pub fn of(job: &Job) -> Self {
        match &job.phase {
            Phase::Pending(_) => StateWord::Pending,
            Phase::Running(run) if run.is_suspended() => StateWord::Suspended,
            Phase::Running(run) if run.stopped => StateWord::Stopped,
            Phase::Running(_) => StateWord::Running,
            Phase::Completing(_) => StateWord::Completing,
            Phase::Ended(ended) => StateWord::Ended(ended.outcome),
        }
    }

    /// Returns the word Slurm uses.
    pub fn name(self) -> &'static str {
        match self {
            StateWord::Pending => "PENDING",
            StateWord::Running => "RUNNING",
            StateWord::Stopped => "STOPPED",
            StateWord::Suspended => "SUSPENDED",
            StateWord::Completing => "COMPLETING",
            StateWord::Ended(outcome) => outcome.name(),
        }
    }
}

impl StateChange {
    /// Describes the step from one record of a job to the next; `None` if its state is the same.
    pub fn between(id: ChangeId, at: Timestamp, before: Option<&Job>, after: &Job) -> Option<Self> {
        let (from, to) = (before.map(StateWord::of), StateWord::of(after));
        let restarted = before.is_some_and(|before| before.restarts != after.restarts);
        if from == Some(to) && !restarted {
            return None;
        }
        let (reason, exit) = match &after.phase {
            Phase::Pending(pending) => (pending.reason, Exit::None),
            Phase::Completing(completing) => (completing.reason, Exit::None),
            Phase::Ended(ended) => (ended.reason, ended.exit),
            Phase::Running(_) => (Reason::None, Exit::None),
        };
        let task = match after.array {
            Some(ArrayPart::Task { of, index, .. }) => Some((of, index)),
            _ => None,
        };
        let (name, user) = (after.spec.name.clone(), after.spec.owner.name.clone());
        Some(StateChange { id, at, job: after.id, task, het: after.het, name, user, from, to, reason, exit })
    }
}

/// The last changes, and a bell for those who wait for the next.
#[derive(Debug)]
pub struct Feed {
    kept: Mutex<VecDeque<StateChange>>,
    most: usize,
    bell: watch::Sender<ChangeId>,
}

impl Feed {
    /// Makes a feed that begins with what was remembered and keeps at most `most` changes.
    pub fn new(remembered: Vec<StateChange>, most: usize) -> Self {
        let last = remembered.last().map_or(ChangeId(0), |change| change.id);
        Feed { kept: Mutex::new(remembered.into()), most, bell: watch::Sender::new(last) }
    }

    /// Returns at most `most` changes after `last`, oldest first. `Err` carries the oldest one kept, if changes between
    /// are gone already.
    ///
    /// # Errors
    /// The reader has been away for too long: it must look at the whole state again and go on from the number given.
    pub fn after(&self, last: ChangeId, most: usize) -> Result<Vec<StateChange>, ChangeId> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.front() {
            Some(first) if first.id.0 > last.0 + 1 => return Err(first.id),
            _ => {}
        }
        let start = kept.partition_point(|change| change.id <= last);
        Ok(kept.range(start..).take(most).cloned().collect())
    }

    /// Returns the number of the last change, and lets wait for the next.
    pub fn bell(&self) -> watch::Receiver<ChangeId> {
        self.bell.subscribe()
    }

    /// Returns up to which change nothing need be remembered any more once `coming` more are added.
    pub(crate) fn surplus(&self, coming: usize) -> Option<ChangeId> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let surplus = (kept.len() + coming).saturating_sub(self.most);
        kept.get(surplus.checked_sub(1)?.min(kept.len().checked_sub(1)?)).map(|change| change.id)
    }

    /// Adds changes that have been committed.
    pub(crate) fn add(&self, changes: &[StateChange]) {
        let Some(last) = changes.last() else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(changes.iter().cloned());
        let surplus = kept.len().saturating_sub(self.most);
        kept.drain(..surplus);
        drop(kept);
        self.bell.send_replace(last.id);
    }
}
