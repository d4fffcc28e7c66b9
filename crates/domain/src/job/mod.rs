//! The job: what was asked ([`spec`]), where it stands ([`phase`]), and [`apply`](Job::apply), the one pure
//! function through which its state changes.

mod apply;
mod array;
mod attend;
mod change;
mod constraint;
mod dependency;
mod ends;
mod event;
pub(crate) mod flags;
mod het;
mod paths;
mod phase;
mod reason;
mod resources;
mod shrink;
mod spec;
mod step;
mod suspend;

#[cfg(test)]
pub(crate) mod tests;

pub use apply::{Effect, Step};
pub use array::{ArrayPart, Progression, TaskSet};
pub use attend::{Attendant, IfGone};
pub use change::Change;
pub use constraint::{Constraint, Expression, MOST_COUNTS};
pub use dependency::{Dependency, Relation, Requirement, Term, TermState};
pub use ends::{ExitCodes, Outcomes};
pub use event::{Event, PreemptionWarning, Requeue};
pub use flags::{JobFlags, MailTypes};
pub use het::HetPart;
pub use phase::{
    Completing, End, Ended, Exit, Hold, Outcome, Pause, Pending, Phase, Preemption, PutBack, Running,
    SuspendedBy, Usage, WayIn,
};
pub use reason::Reason;
pub use resources::{
    Allocation, CpuSet, GresRequest, GresShare, LicenseWish, Memory, NodeShare, Per, Resources, Sharing,
};
pub use shrink::Resize;
pub use spec::{JobKind, JobSpec, OpenMode, Owner, Payload, Streams, Uncommon, Warning, WarningScope};

pub use step::{EndedStep, JobStep, StepEnd, StepUsage, Steps};

use crate::{JobId, Timestamp};
use std::sync::Arc;

/// One job, one array whose tasks still wait, or one task that has left its array.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The job's number.
    pub id: JobId,
    /// What was asked for; shared by all tasks of an array.
    pub spec: Arc<JobSpec>,
    /// Its part in an array, if it has one.
    pub array: Option<ArrayPart>,
    /// Its part in a heterogeneous job, if it has one.
    pub het: Option<HetPart>,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// Since when it could run as far as begin time, hold and dependencies go; [`Timestamp::NEVER`] while it cannot.
    pub eligible: Timestamp,
    /// Rank among waiting jobs, higher runs first; zero while held.
    pub priority: u32,
    /// What it waits for; `None` where nothing was asked or all is met.
    pub dependency: Option<Box<Dependency>>,
    /// How often it has been put back into the queue: the number of its present attempt.
    pub restarts: u32,
    /// A task of its array has ended badly, and its record is gone: whoever waits for the array must still learn it.
    pub has_failed_siblings: bool,
    /// Where it stands.
    pub phase: Phase,
}

impl Job {
    /// Tells whether nothing can happen to it any more.
    pub fn is_final(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// Tells whether it waits to be started.
    pub fn is_pending(&self) -> bool {
        matches!(self.phase, Phase::Pending(_))
    }

    /// Tells whether it waits for nothing but resources: neither held nor kept back by begin time or dependencies.
    pub fn is_eligible(&self) -> bool {
        self.is_pending() && self.eligible != Timestamp::NEVER
    }

    /// Returns who holds it; one that runs will wait when it is put back.
    pub fn hold(&self) -> Hold {
        match &self.phase {
            Phase::Pending(pending) => pending.hold,
            Phase::Running(run) => run.hold,
            Phase::Completing(completing) => completing.run.hold,
            Phase::Ended(_) => Hold::None,
        }
    }

    /// Tells whether it is suspended.
    pub fn is_suspended(&self) -> bool {
        matches!(&self.phase, Phase::Running(run) if run.is_suspended())
    }

    /// Tells whether it has given its CPUs away: it is suspended, or was when its end was decided.
    pub fn has_given_cpus_away(&self) -> bool {
        match &self.phase {
            Phase::Running(run) => run.is_suspended(),
            Phase::Completing(completing) => completing.run.is_suspended(),
            Phase::Pending(_) | Phase::Ended(_) => false,
        }
    }

    /// Tells whether it goes back into the queue for its next turn whenever it has ended.
    pub fn recurs(&self) -> bool {
        self.spec.flags.has(JobFlags::CRON_JOB)
    }

    /// Returns the number its array has, or its own outside arrays.
    pub fn array_id(&self) -> JobId {
        match &self.array {
            Some(ArrayPart::Task { of, .. }) => *of,
            _ => self.id,
        }
    }

    /// Tells whether the engine keeps a run for it: of its script, or as a place for steps.
    pub fn has_run(&self) -> bool {
        let is_place = self.spec.kind == JobKind::Allocation && self.het.is_none_or(HetPart::is_leader);
        is_place || self.runs_script()
    }

    /// Tells whether a script of its own is run for it: it is no allocation, and no component that follows a leader.
    pub fn runs_script(&self) -> bool {
        self.spec.kind == JobKind::Batch && self.het.is_none_or(HetPart::is_leader)
    }

    /// Returns the resources it holds now, if any. A suspended job holds all but its CPUs.
    pub fn held_resources(&self) -> Option<&Arc<Allocation>> {
        match &self.phase {
            Phase::Running(running) => Some(&running.allocation),
            Phase::Completing(completing) => Some(&completing.run.allocation),
            Phase::Pending(_) | Phase::Ended(_) => None,
        }
    }

    /// Returns the run it has or had, as long as it has left one.
    pub fn run(&self) -> Option<&Running> {
        match &self.phase {
            Phase::Running(running) => Some(running),
            Phase::Completing(completing) => Some(&completing.run),
            Phase::Ended(ended) => ended.run.as_ref(),
            Phase::Pending(_) => None,
        }
    }
}
