//! What can happen to a job.

use super::{
    Allocation, Change, Dependency, End, Exit, Hold, IfGone, JobStep, PutBack, Reason, StepEnd, SuspendedBy,
    Usage, WarningScope, WayIn,
};
use crate::{JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;
use std::time::Duration;

/// What can happen to a job. Times are when it happened, not when we heard of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The scheduler gave it resources.
    Started {
        /// When.
        at: Timestamp,
        /// Which.
        allocation: Arc<Allocation>,
        /// How long it may run in this partition.
        limit: TimeLimit,
        /// The boot of the machine.
        boot: Text,
        /// How long it may run on when its time is up.
        overtime: Duration,
        /// How its turn came.
        way_in: WayIn,
    },
    /// All its processes are gone.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        end: End,
        /// What they used.
        usage: Usage,
        /// It goes back into the queue for the exit code it left, if it was not ending anyway.
        requeue: Option<Requeue>,
    },
    /// Its time is up.
    LimitReached {
        /// When.
        at: Timestamp,
    },
    /// The time for its warning signal has come.
    WarningDue,
    /// It has had its time to end after SIGTERM.
    KillDue {
        /// When.
        at: Timestamp,
    },
    /// Somebody cancelled it.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Who.
        by: Uid,
        /// At once by SIGKILL, without asking first.
        kill: bool,
    },
    /// Its owner says that this allocation is complete.
    Finished {
        /// When.
        at: Timestamp,
        /// What the program left that it was made for.
        exit: Exit,
    },
    /// The program it was made for is there.
    Attended {
        /// For the how-manieth time.
        visit: u32,
        /// What becomes of the allocation without it.
        if_gone: IfGone,
    },
    /// The program it was made for is not there any more.
    Left {
        /// It has until then to come back; `None` if it may stay away.
        back_until: Option<Timestamp>,
    },
    /// The program it was made for has not come back.
    Abandoned {
        /// When.
        at: Timestamp,
        /// What becomes of it.
        if_gone: IfGone,
    },
    /// Somebody sent it a signal.
    Signalled {
        /// Signal number.
        signal: i32,
        /// To whom.
        scope: WarningScope,
    },
    /// A step of it was granted.
    StepStarted {
        /// Which.
        step: Arc<JobStep>,
    },
    /// A step of it has ended.
    StepEnded {
        /// Its number.
        number: u32,
        /// How.
        end: StepEnd,
    },
    /// Somebody sent one of its steps a signal.
    StepSignalled {
        /// Number of the step.
        number: u32,
        /// Signal number.
        signal: i32,
    },
    /// Somebody holds it back.
    Held {
        /// Who.
        hold: Hold,
    },
    /// It is held no more.
    Released {
        /// When.
        at: Timestamp,
        /// Its new priority.
        priority: u32,
    },
    /// It goes back into the queue.
    Requeued {
        /// When.
        at: Timestamp,
        /// How.
        how: Requeue,
    },
    /// Its processes are halted; others may use its CPUs.
    Suspended {
        /// When.
        at: Timestamp,
        /// Who did that.
        by: SuspendedBy,
    },
    /// An operator lets a suspended job go on, but its CPUs are in use.
    ResumeAsked,
    /// Its CPUs are its own again, and its processes go on.
    Resumed {
        /// When.
        at: Timestamp,
    },
    /// It makes way for another job.
    Preempted {
        /// When.
        at: Timestamp,
        /// For which.
        by: JobId,
        /// It goes back into the queue afterwards.
        requeue: bool,
        /// How long it has before it is ended.
        grace: Duration,
        /// What it is told at the beginning of that time: the warning signal it asked for, or SIGTERM.
        warning: PreemptionWarning,
    },
    /// A node under it was declared lost.
    NodeFailed {
        /// When.
        at: Timestamp,
        /// It goes back into the queue afterwards.
        requeue: Option<Requeue>,
    },
    /// A job that recurs has ended, and goes back into the queue for its next turn.
    Recurs {
        /// When.
        at: Timestamp,
        /// Its next turn.
        begin: Timestamp,
    },
    /// It is made smaller while it runs.
    Shrunk {
        /// When.
        at: Timestamp,
        /// The nodes it keeps, one at least.
        kept: Vec<NodeIndex>,
        /// How many tasks it asks for then, with as many nodes as it keeps; `None` where its request stays as it is.
        tasks: Option<u32>,
    },
    /// Its request was changed.
    Updated {
        /// When.
        at: Timestamp,
        /// What is different now.
        changes: Vec<Change>,
    },
    /// The jobs it waits for have moved on.
    DependencyMoved {
        /// When.
        at: Timestamp,
        /// The terms as they stand now.
        dependency: Box<Dependency>,
        /// A delay after a start: not to be started before this time.
        not_before: Option<Timestamp>,
    },
    /// Its begin time has come, or its time after being put back.
    BeginReached {
        /// When.
        at: Timestamp,
    },
    /// It can no longer meet its deadline.
    DeadlinePassed {
        /// When.
        at: Timestamp,
    },
    /// The reservation it named, or one of several, is gone.
    ReservationGone {
        /// When.
        at: Timestamp,
        /// Which.
        name: Text,
        /// The others it named, as written.
        left: Text,
        /// It is held if it named no other.
        holds: bool,
    },
    /// It has to be over by then, whatever its limit: the reservation it runs in is.
    MustEnd {
        /// When.
        by: Timestamp,
    },
    /// The scheduler looked at it and says why it waits, and when it expects to start it.
    Considered {
        /// Why it waits.
        reason: Reason,
        /// When it should start.
        expected_start: Option<Timestamp>,
    },
}

/// How a job goes back into the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requeue {
    /// Held like this.
    pub hold: Hold,
    /// What is said of it.
    pub put_back: PutBack,
}

/// What a job is told when its grace time begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreemptionWarning {
    /// SIGTERM.
    #[default]
    Terminate,
    /// The signal it asked for ahead of its time limit, if it did and has not had it yet (`send_user_signal`).
    UserSignal,
}

impl Event {
    /// Returns the event's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Event::Started { .. } => "started",
            Event::Ended { .. } => "ended",
            Event::LimitReached { .. } => "limit reached",
            Event::WarningDue => "warning due",
            Event::KillDue { .. } => "kill due",
            Event::Cancelled { .. } => "cancelled",
            Event::Finished { .. } => "finished",
            Event::Attended { .. } => "attended",
            Event::Left { .. } => "left",
            Event::Abandoned { .. } => "abandoned",
            Event::Signalled { .. } => "signalled",
            Event::StepStarted { .. } => "step started",
            Event::StepEnded { .. } => "step ended",
            Event::StepSignalled { .. } => "step signalled",
            Event::Held { .. } => "held",
            Event::Released { .. } => "released",
            Event::Requeued { .. } => "requeued",
            Event::Suspended { .. } => "suspended",
            Event::ResumeAsked => "resume asked",
            Event::Resumed { .. } => "resumed",
            Event::Preempted { .. } => "preempted",
            Event::NodeFailed { .. } => "node failed",
            Event::Recurs { .. } => "recurs",
            Event::Shrunk { .. } => "shrunk",
            Event::Updated { .. } => "updated",
            Event::DependencyMoved { .. } => "dependency moved",
            Event::BeginReached { .. } => "begin reached",
            Event::DeadlinePassed { .. } => "deadline passed",
            Event::ReservationGone { .. } => "reservation gone",
            Event::MustEnd { .. } => "must end",
            Event::Considered { .. } => "considered",
        }
    }
}
