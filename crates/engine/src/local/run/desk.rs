//! The desk where steps are asked for: what launchers tell of steps, kept until the domain has decided or taken note.

use super::report::{exit, run_of, timestamp};
use domain::job::{Exit, Job, Outcome, StepEnd, StepUsage};
use domain::ports::StepReport;
use domain::{JobId, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use supervise::steps::{FoundStep, FoundStepState, StepCut, StepEnded, StepRequest};
use supervise::{Report, RunId, Status};

/// What is known of steps.
#[derive(Default)]
pub(super) struct Desk {
    /// Who asks for a step, in the order in which they came.
    pub(super) asks: BTreeMap<(RunId, u64), Ask>,
    /// Ends that are not on record yet.
    ends: BTreeMap<(RunId, u32), StepEnd>,
    /// Runs whose launcher was connected to anew, and the tickets of the steps it knows.
    inventories: HashMap<RunId, HashSet<u64>>,
    /// The jobs as they were when their asks were looked at last: while nothing changes, nothing fits that did not.
    pub(super) looked_at: HashMap<RunId, Arc<Job>>,
}

/// Somebody who asks for a step.
pub(super) struct Ask {
    /// Who.
    pub(super) uid: u32,
    /// What for.
    pub(super) request: Box<StepRequest>,
    /// What was said about waiting.
    pub(super) told: Option<&'static str>,
    /// Nobody has looked at it yet.
    pub(super) is_new: bool,
}

impl Ask {
    fn new(uid: u32, request: Box<StepRequest>) -> Self {
        Ask { uid, request, told: None, is_new: true }
    }
}

impl Desk {
    /// Takes in what a launcher reports; says whether it is news about steps.
    pub(super) fn take_in(&mut self, report: &Report) -> bool {
        match report {
            Report::StepAsked { run, ticket, uid, request } => {
                self.asks.insert((*run, *ticket), Ask::new(*uid, request.clone()));
            }
            Report::StepGone { run, ticket } => drop(self.asks.remove(&(*run, *ticket))),
            Report::StepEnded { run, ticket, step, ended } => {
                self.asks.remove(&(*run, *ticket));
                self.ends.insert((*run, *step), to_domain(ended));
            }
            Report::Steps { run, steps } => self.take_inventory(*run, steps),
            _ => return false,
        }
        true
    }

    /// Takes in everything that a launcher knows of a run's steps.
    pub(super) fn take_inventory(&mut self, run: RunId, steps: &[FoundStep]) {
        self.asks.retain(|(of, _), _| *of != run);
        for step in steps {
            match &step.state {
                FoundStepState::Asked { uid, request } => {
                    self.asks.insert((run, step.ticket), Ask::new(*uid, request.clone()));
                }
                FoundStepState::Granted { .. } => {}
                FoundStepState::Ended { step, ended } => {
                    self.ends.insert((run, *step), to_domain(ended));
                }
            }
        }
        self.inventories.insert(run, steps.iter().map(|step| step.ticket).collect());
    }

    /// Takes out the runs whose launchers were connected to anew, with what those know.
    pub(super) fn take_inventories(&mut self) -> HashMap<RunId, HashSet<u64>> {
        std::mem::take(&mut self.inventories)
    }

    /// Notes the end of a step that its launcher does not know: it was replaced, and the step is gone.
    pub(super) fn lose(&mut self, run: RunId, number: u32, at: Timestamp) {
        let usage = StepUsage::default();
        let end = StepEnd { at, outcome: Outcome::NodeFail, exit: Exit::None, usage };
        self.ends.entry((run, number)).or_insert(end);
    }

    /// Returns the ends that are not on record yet.
    pub(super) fn ends(&self) -> Vec<StepReport> {
        let report = |((run, number), end): (&(RunId, u32), &StepEnd)| {
            let job = JobId(u32::try_from(run.key).ok()?);
            Some(StepReport { job, attempt: run.attempt, number: *number, end: end.clone() })
        };
        self.ends.iter().filter_map(report).collect()
    }

    /// The end of a step is on record.
    pub(super) fn forget(&mut self, job: JobId, attempt: u32, number: u32) {
        self.ends.remove(&(run_of(job, attempt), number));
    }

    /// A run is over and forgotten.
    pub(super) fn forget_run(&mut self, run: RunId) {
        self.asks.retain(|(of, _), _| *of != run);
        self.ends.retain(|(of, _), _| *of != run);
        self.looked_at.remove(&run);
        self.inventories.remove(&run);
    }
}

/// Says how a step ended. As Slurm counts, one that a signal ended was cancelled.
fn to_domain(ended: &StepEnded) -> StepEnd {
    let outcome = match (ended.over_memory, ended.cut, ended.status) {
        (true, ..) => Outcome::OutOfMemory,
        (_, Some(StepCut::TimeLimit), _) => Outcome::Timeout,
        (_, Some(StepCut::ClientGone | StepCut::Killed | StepCut::RunEnded), _) => Outcome::Cancelled,
        (_, Some(StepCut::Lost), _) => Outcome::NodeFail,
        (_, Some(StepCut::NotStarted), _) => Outcome::Failed,
        (_, None, Some(Status::Exited(0))) => Outcome::Completed,
        (_, None, Some(Status::Exited(_))) => Outcome::Failed,
        (_, None, Some(Status::Signalled { .. }) | None) => Outcome::Cancelled,
    };
    let usage = StepUsage {
        user: ended.usage.user,
        system: ended.usage.system,
        max_rss_kb: ended.usage.max_rss / 1024,
        max_rss_task: ended.usage.max_rss_task,
        mean_rss_kb: ended.usage.mean_rss / 1024,
        read_bytes: ended.usage.read,
        written_bytes: ended.usage.written,
    };
    StepEnd { at: timestamp(ended.at), outcome, exit: ended.status.map_or(Exit::None, exit), usage }
}
