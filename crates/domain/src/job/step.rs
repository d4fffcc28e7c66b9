//! Steps: what a job started within its allocation. A running job knows those that live; history keeps the others.

use super::{Exit, NodeShare, Outcome};
use crate::{Text, Timestamp};
use smallvec::SmallVec;
use std::sync::Arc;
use std::time::Duration;

/// The steps of a run that live, and the number the next one gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Steps {
    /// Number of the next step.
    pub next: u32,
    /// Those that live, in the order of their numbers.
    pub live: Vec<Arc<JobStep>>,
}

/// A step as it was granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobStep {
    /// Its number within the job.
    pub number: u32,
    /// What the engine knows it by: the same step is not granted twice.
    pub ticket: u64,
    /// Name.
    pub name: Text,
    /// The command line that started it.
    pub command: Text,
    /// When it was granted.
    pub started: Timestamp,
    /// Tasks in all.
    pub tasks: u32,
    /// What it takes of the job's share of each of its nodes.
    pub shares: SmallVec<[NodeShare; 1]>,
    /// How many of the shares each part of it has, if it has several.
    pub parts: Vec<u32>,
    /// It shares what it takes with other steps.
    pub overlaps: bool,
    /// Seconds after which it is ended; `None` for as long as its job runs.
    pub time_limit: Option<u64>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: Outcome,
    /// The highest exit code of a task, or the signal that ended one.
    pub exit: Exit,
    /// What its tasks used.
    pub usage: StepUsage,
}

/// A step that has ended, for history.
#[derive(Clone, Debug, PartialEq)]
pub struct EndedStep {
    /// The step.
    pub step: Arc<JobStep>,
    /// Its end.
    pub end: StepEnd,
}

/// What the tasks of a step used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepUsage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Largest resident memory of a task, kilobytes.
    pub max_rss_kb: u64,
    /// The task that had it.
    pub max_rss_task: u32,
    /// Mean of the tasks' largest resident memory, kilobytes.
    pub mean_rss_kb: u64,
    /// Bytes read from storage.
    pub read_bytes: u64,
    /// Bytes written to storage.
    pub written_bytes: u64,
}

impl JobStep {
    /// Returns its CPUs in all.
    pub fn cpus(&self) -> u32 {
        self.shares.iter().map(|share| share.cpus.len()).sum()
    }

    /// Returns its memory in all, megabytes.
    pub fn memory(&self) -> u64 {
        self.shares.iter().map(|share| share.memory).sum()
    }
}

impl Steps {
    /// Returns a living step.
    pub fn step(&self, number: u32) -> Option<&Arc<JobStep>> {
        self.live.iter().find(|step| step.number == number)
    }

    /// Adds a step; the next one gets a higher number.
    pub(super) fn begin(&mut self, step: Arc<JobStep>) {
        self.next = self.next.max(step.number.saturating_add(1));
        self.live.push(step);
    }

    /// Takes a step out that has ended.
    pub(super) fn end(&mut self, number: u32, end: StepEnd) -> Option<EndedStep> {
        let at = self.live.iter().position(|step| step.number == number)?;
        Some(EndedStep { step: self.live.remove(at), end })
    }

    /// Takes out all that live: their job is over.
    pub(super) fn end_all(&mut self, at: Timestamp, outcome: Outcome) -> Vec<EndedStep> {
        let end = StepEnd { at, outcome, exit: Exit::None, usage: StepUsage::default() };
        self.live.drain(..).map(|step| EndedStep { step, end: end.clone() }).collect()
    }
}
