//! Which jobs somebody means, and what shall be done with them.

use crate::job::{Exit, Phase, TaskSet, WarningScope};
use crate::state::State;
use crate::{Error, JobId, TaskIndex, Text, Uid};
use std::collections::BTreeSet;

/// Jobs by number, by what they have in common, or both: named jobs that pass the filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Named jobs; empty for all that pass the filter.
    pub targets: Vec<Target>,
    /// What they must have in common.
    pub filter: Filter,
    /// Jobs that recur are meant too, where the configuration wants that said before they are cancelled.
    pub cron_jobs: bool,
}

/// A job, a whole array or heterogeneous job, or some tasks or a component of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Number of the job, the array or the leader.
    pub job: JobId,
    /// Tasks of the array; `None` for all of it.
    pub tasks: Option<TaskSet>,
    /// A component of the heterogeneous job; `None` for all of it.
    pub component: Option<u32>,
    /// A step of the job; `None` for the job itself.
    pub step: Option<u32>,
}

/// What jobs must have in common; what is `None` or empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Whose they are.
    pub user: Option<Uid>,
    /// Account charged.
    pub account: Option<Text>,
    /// Name.
    pub name: Option<Text>,
    /// Partition they run in or may run in.
    pub partition: Option<Text>,
    /// Quality of service.
    pub qos: Option<Text>,
    /// Reservation.
    pub reservation: Option<Text>,
    /// Workload key.
    pub wckey: Option<Text>,
    /// They wait (`Some(false)`) or run (`Some(true)`).
    pub running: Option<bool>,
    /// They are stopped or suspended.
    pub stopped: bool,
    /// They run on one of these nodes.
    pub nodes: BTreeSet<Text>,
    /// Nothing that a job can have is asked for.
    pub by_nobody: bool,
}

/// What shall be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// End them: politely, or at once.
    Cancel {
        /// SIGKILL without SIGTERM before.
        kill: bool,
    },
    /// Say of allocations that they are complete.
    Complete {
        /// What the program left that they were made for.
        exit: Exit,
    },
    /// Send a signal.
    Signal {
        /// Its number.
        signal: i32,
        /// Who of a job gets it.
        scope: WarningScope,
    },
    /// Send a signal to one of its steps.
    SignalStep {
        /// Number of the step.
        number: u32,
        /// Number of the signal; SIGKILL ends the step.
        signal: i32,
    },
    /// Kill the scripts of those that run, and nothing else of them; end whatever waits or has no script.
    KillScript,
    /// End the steps of those that run, and whatever waits.
    KillSteps,
    /// Put them back into the queue.
    Requeue {
        /// And hold them.
        hold: bool,
        /// Marked as something special (`State=SpecialExit`); held as well.
        special: bool,
    },
    /// Halt them: they keep their memory, and others may use their CPUs.
    Suspend,
    /// Let suspended ones go on, as soon as their CPUs are free.
    Resume,
}

/// What became of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handled {
    /// The job or the array; `None` where there is no such thing.
    pub job: Option<JobId>,
    /// The task, where one was meant.
    pub task: Option<TaskIndex>,
    /// The tasks that wait together or are not there, where such were meant; of an array that is updated all that wait.
    pub tasks: Option<TaskSet>,
    /// Whether it was done.
    pub result: Result<(), Error>,
}

impl Handled {
    /// Tells what became of a job as a whole.
    pub(super) fn whole(job: JobId, result: Result<(), Error>) -> Self {
        Handled { job: Some(job), task: None, tasks: None, result }
    }
}

impl Filter {
    /// Tells whether nothing is filtered.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Tells whether a job passes.
    pub fn passes(&self, job: &crate::job::Job, state: &State) -> bool {
        let spec = &job.spec;
        let is = |wanted: &Option<Text>, actual: &str| wanted.as_ref().is_none_or(|wanted| wanted == actual);
        !self.by_nobody
            && self.user.is_none_or(|user| user == spec.owner.uid)
            && is(&self.account, &spec.account)
            && is(&self.name, &spec.name)
            && is(&self.qos, &spec.qos)
            && is(&self.wckey, spec.wckey.trim_start_matches('*'))
            && is(&self.reservation, &spec.uncommon().reservation)
            && self.partition.as_ref().is_none_or(|name| match job.held_resources() {
                Some(allocation) => allocation.partition.eq_ignore_ascii_case(name),
                None => spec.partitions.iter().any(|partition| partition.eq_ignore_ascii_case(name)),
            })
            && self.running.is_none_or(|running| running == matches!(job.phase, Phase::Running(_)))
            && (!self.stopped
                || matches!(&job.phase, Phase::Running(run) if run.stopped || run.is_suspended()))
            && (self.nodes.is_empty() || self.runs_on(job, state))
    }

    fn runs_on(&self, job: &crate::job::Job, state: &State) -> bool {
        let shares = job.held_resources().into_iter().flat_map(|allocation| &allocation.nodes);
        shares
            .filter_map(|share| state.cluster().node(share.node))
            .any(|node| self.nodes.contains(&node.name))
    }
}
