//! What can happen to a job.

use super::{Allocation, Change, Dependency, End, Hold, Reason, Usage, WarningScope};
use crate::{Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;

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
    },
    /// All its processes are gone.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        end: End,
        /// What they used.
        usage: Usage,
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
    /// Somebody sent it a signal.
    Signalled {
        /// Signal number.
        signal: i32,
        /// To whom.
        scope: WarningScope,
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
        /// Held like this.
        hold: Hold,
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
    /// The scheduler looked at it and says why it waits, and when it expects to start it.
    Considered {
        /// Why it waits.
        reason: Reason,
        /// When it should start.
        expected_start: Option<Timestamp>,
    },
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
            Event::Signalled { .. } => "signalled",
            Event::Held { .. } => "held",
            Event::Released { .. } => "released",
            Event::Requeued { .. } => "requeued",
            Event::Updated { .. } => "updated",
            Event::DependencyMoved { .. } => "dependency moved",
            Event::BeginReached { .. } => "begin reached",
            Event::DeadlinePassed { .. } => "deadline passed",
            Event::Considered { .. } => "considered",
        }
    }
}
