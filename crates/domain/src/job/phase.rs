//! Where a job stands. Each phase owns the facts it needs, so that nonsense cannot be written.
//!
//! ```text
//!            Started            Ended
//! Pending ──────────▶ Running ─────────▶ Ended
//!    │ ▲                 │ LimitReached,    ▲
//!    │ │                 ▼ Cancelled, …     │ Ended
//!    │ └────────────  Completing ───────────┤
//!    │     requeued                         │
//!    └──────────────────────────────────────┘ Cancelled
//! ```

use super::{Allocation, Reason};
use crate::{Text, Timestamp, Uid};
use std::sync::Arc;
use std::time::Duration;

/// Where a job stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    /// Waits to be started.
    Pending(Pending),
    /// Has resources, and its processes run or are being started.
    Running(Box<Running>),
    /// Its outcome is decided; its processes are being ended.
    Completing(Box<Completing>),
    /// Over for good.
    Ended(Box<Ended>),
}

impl Phase {
    /// Returns the phase's name, for messages.
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Pending(_) => "pending",
            Phase::Running(_) => "running",
            Phase::Completing(_) => "completing",
            Phase::Ended(_) => "ended",
        }
    }
}

/// Waits to be started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Why it waits.
    pub reason: Reason,
    /// Who holds it.
    pub hold: Hold,
    /// Put back, and not to be tried again before this time.
    pub retry_after: Option<Timestamp>,
    /// When the scheduler expects to start it; not remembered over a restart.
    pub expected_start: Option<Timestamp>,
}

/// Who holds a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Nobody.
    #[default]
    None,
    /// Its owner.
    User,
    /// An operator; the owner cannot release it.
    Admin,
}

/// Has resources, and its processes run or are being started.
#[derive(Clone, Debug, PartialEq)]
pub struct Running {
    /// When it got its resources.
    pub started: Timestamp,
    /// What it got.
    pub allocation: Arc<Allocation>,
    /// When its time is up.
    pub until: Timestamp,
    /// The warning signal has been sent.
    pub warned: bool,
    /// It has been sent SIGSTOP and not yet SIGCONT.
    pub stopped: bool,
    /// The boot of the machine it was started in; processes cannot outlive it.
    pub boot: Text,
}

/// Its outcome is decided; its processes are being ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Completing {
    /// The run that is ending.
    pub run: Running,
    /// When the ending began.
    pub since: Timestamp,
    /// How it will have ended.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// SIGKILL has been sent.
    pub killed: bool,
    /// Who cancelled it.
    pub cancelled_by: Option<Uid>,
    /// It goes back into the queue afterwards, held like this.
    pub requeue: Option<Hold>,
}

/// Over for good.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// Why.
    pub reason: Reason,
    /// When.
    pub ended: Timestamp,
    /// What the batch script left.
    pub exit: Exit,
    /// What its processes used.
    pub usage: Usage,
    /// Who cancelled it.
    pub cancelled_by: Option<Uid>,
    /// Its run; `None` if it never started.
    pub run: Option<Running>,
    /// What went wrong, in words for its owner; empty if there is no more to say.
    pub remark: Text,
}

/// How a job ended: Slurm's final states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// With exit code zero.
    Completed,
    /// With another exit code, or by a signal of its own.
    Failed,
    /// Cancelled by somebody.
    Cancelled,
    /// Out of time.
    Timeout,
    /// Its node failed under it.
    NodeFail,
    /// Out of memory.
    OutOfMemory,
    /// Its deadline passed.
    Deadline,
    /// Made way for another job.
    Preempted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: &'static [Outcome] = &[
        Outcome::Completed,
        Outcome::Failed,
        Outcome::Cancelled,
        Outcome::Timeout,
        Outcome::NodeFail,
        Outcome::OutOfMemory,
        Outcome::Deadline,
        Outcome::Preempted,
    ];

    /// Returns the name Slurm shows.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Completed => "COMPLETED",
            Outcome::Failed => "FAILED",
            Outcome::Cancelled => "CANCELLED",
            Outcome::Timeout => "TIMEOUT",
            Outcome::NodeFail => "NODE_FAIL",
            Outcome::OutOfMemory => "OUT_OF_MEMORY",
            Outcome::Deadline => "DEADLINE",
            Outcome::Preempted => "PREEMPTED",
        }
    }
}

/// What a batch script left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exit {
    /// Nothing: it never ran, or nobody saw it end.
    #[default]
    None,
    /// An exit code, 0 to 255.
    Code(u8),
    /// The number of the signal that ended it.
    Signal(u8),
}

/// What the processes of a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// Largest resident memory of a process, kilobytes.
    pub max_rss_kb: u64,
    /// Most memory of all processes together, page cache included, kilobytes; zero where nobody counted it.
    pub peak_kb: u64,
    /// Bytes read from storage.
    pub read_bytes: u64,
    /// Bytes written to storage.
    pub written_bytes: u64,
    /// Energy that the machine took meanwhile, millijoules; `None` where it does not tell.
    pub energy_mj: Option<u64>,
}

/// How a run ended, as the engine saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The batch script ended by itself or by a signal.
    Process(Exit),
    /// The kernel ended it for want of memory.
    OverMemory(Exit),
    /// It could not be started: the output file, the working directory, the script; what went wrong in words.
    NotStarted(Text),
    /// Its processes are gone and nobody saw how (the machine went down).
    Vanished,
    /// An allocation was given back.
    Released,
}
