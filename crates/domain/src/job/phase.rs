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
//!
//! A suspended job is a running one with a [`Pause`]; one that has been told to make way, and still has its grace
//! time, is a running one with a [`Preemption`].

use super::{Allocation, Attendant, Reason, Resize, Steps};
use crate::{JobId, Text, TimeLimit, Timestamp, Uid};
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
    /// What else is said of a job that was put back.
    pub put_back: PutBack,
    /// What went wrong with its last attempt, in words; mostly empty.
    pub remark: Text,
}

/// What is said of a job that was put back into the queue, until it is released or starts again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PutBack {
    /// Nothing out of the ordinary.
    #[default]
    Plain,
    /// It was held with it (Slurm's `REQUEUE_HOLD`).
    Held,
    /// It left an exit code that holds it (Slurm's `SPECIAL_EXIT`).
    SpecialExit,
    /// It could not be started, and not by its own fault.
    LaunchFailed,
    /// It has been put back as often as a job may be.
    TooOften,
    /// It waited for a reservation that is gone; it was not put back, but is held (Slurm's `RESV_DEL_HOLD`).
    ReservationGone,
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
    /// When it was suspended or resumed last; `None` if never.
    pub pause: Option<Pause>,
    /// It has been told to make way for another job.
    pub preemption: Option<Preemption>,
    /// How long it may run on when its time is up (`OverTimeLimit`).
    pub overtime: Duration,
    /// Its steps that live.
    pub steps: Steps,
    /// The limit it got, minutes, if that is less than it asked for: to start earlier, or to end before its deadline.
    pub shortened: Option<u32>,
    /// The program it was made for, if it is an allocation whose program is watched.
    pub attendant: Option<Attendant>,
    /// What the owner of an allocation told of its end.
    pub told: Exit,
    /// The gravest end of one of its steps so far.
    pub derived: Exit,
    /// How its turn came.
    pub way_in: WayIn,
    /// When it was made smaller, the first time first; mostly never.
    pub resizes: Vec<Resize>,
    /// Who holds it, for the time when it is put back.
    pub hold: Hold,
}

/// How a job's turn to start came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WayIn {
    /// In order.
    #[default]
    InOrder,
    /// It overtook others that could not start yet.
    Overtaking,
    /// An allocation for which somebody waited, at once.
    Submission,
}

impl Running {
    /// Makes a run that begins.
    pub fn new(started: Timestamp, allocation: Arc<Allocation>, until: Timestamp, boot: Text) -> Self {
        Running {
            started,
            allocation,
            until,
            warned: false,
            stopped: false,
            boot,
            pause: None,
            preemption: None,
            overtime: Duration::ZERO,
            steps: Steps::default(),
            shortened: None,
            attendant: None,
            told: Exit::None,
            derived: Exit::None,
            way_in: WayIn::InOrder,
            resizes: Vec::new(),
            hold: Hold::None,
        }
    }

    /// Returns who suspended it; `None` while it runs.
    pub fn suspended_by(&self) -> Option<SuspendedBy> {
        self.pause.and_then(|pause| pause.by)
    }

    /// Tells whether it is suspended: it keeps its memory, and others may use its CPUs.
    pub fn is_suspended(&self) -> bool {
        self.suspended_by().is_some()
    }

    /// Returns when it is given up because the program it was made for is away.
    pub fn last_patience(&self) -> Option<Timestamp> {
        self.attendant.and_then(|attendant| attendant.back_until)
    }

    /// Returns how long it has run until `now`, suspensions left out.
    pub fn elapsed(&self, now: Timestamp) -> Duration {
        match self.pause {
            None => now.since(self.started),
            Some(Pause { ran, by: Some(_), .. }) => ran,
            Some(Pause { ran, changed, by: None }) => ran.saturating_add(now.since(changed)),
        }
    }

    /// Returns when a limit is used up if the run is not suspended any more: suspensions do not count.
    pub fn end_within(&self, limit: TimeLimit) -> Timestamp {
        match self.pause {
            None => limit.end_from(self.started),
            Some(pause) => limit.end_from(pause.changed.before(pause.ran)),
        }
    }
}

/// The last time a run was suspended or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When that was.
    pub changed: Timestamp,
    /// How long it had run until it was suspended last, earlier suspensions left out.
    pub ran: Duration,
    /// Who suspended it; `None` once it has been resumed.
    pub by: Option<SuspendedBy>,
}

/// Who suspended a job, and so who resumes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuspendedBy {
    /// An operator; only an operator lets it go on.
    Operator,
    /// The scheduler, or an operator who has let it go on since: it does as soon as its CPUs are free.
    Scheduler,
}

/// A run has been told to make way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// When.
    pub at: Timestamp,
    /// For which job.
    pub by: JobId,
    /// It goes back into the queue afterwards.
    pub requeue: bool,
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
    /// What is said of it then.
    pub put_back: PutBack,
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
    /// Put back into the queue: how an attempt ends, not a job.
    Requeued,
    /// Made smaller: how the part of an attempt ends that had more, not a job.
    Resized,
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
        Outcome::Requeued,
        Outcome::Resized,
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
            Outcome::Requeued => "REQUEUED",
            Outcome::Resized => "RESIZING",
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
    /// It could not be started by its own fault: the output file, the working directory, the script; what went wrong
    /// in words.
    NotStarted(Text),
    /// Its script cannot be executed: the code that stands for that, and what went wrong in words.
    NotExecuted(u8, Text),
    /// It could not be started for a reason of the node, such as a prolog that failed; what went wrong in words. The
    /// job goes back into the queue and is held.
    LaunchFailed(Text),
    /// Its processes are gone and nobody saw how (the machine went down).
    Vanished,
    /// An allocation was given back.
    Released,
}
