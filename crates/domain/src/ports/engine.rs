//! Where jobs run. The port is narrow: it proposes who starts where, it is told what to do, it reports what became
//! of it.

use super::Gauge;
use crate::cluster::Cluster;
use crate::job::{Allocation, End, Job, JobStep, Payload, Reason, StepEnd, Usage, WarningScope};
use crate::state::{Planned, State};
use crate::{JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Runs jobs.
pub trait Engine: Send {
    /// Proposes which jobs start now and where, and says why others wait.
    ///
    /// A pure function of the state and the time; it changes nothing. Asked after every batch of changes, so it must
    /// look at few jobs when few can start. A proposal that no longer fits is dropped without harm.
    fn plan(&mut self, state: &State, now: Timestamp) -> Plan;

    /// Says when and where waiting jobs would start if nobody came after them, of each once and as far as it can be said.
    /// Like [`Engine::plan`] it changes nothing; what it costs is a whole look at the queue.
    fn foresee(&mut self, _state: &State, _jobs: &[JobId], _now: Timestamp) -> Vec<Foreseen> {
        Vec::new()
    }

    /// Returns steps that have ended and were not forgotten yet by [`Order::ForgetStep`]. Asked in every batch, before
    /// the ends of attempts are taken in.
    fn step_ends(&mut self, _state: &State) -> Vec<StepReport> {
        Vec::new()
    }

    /// Proposes steps that were asked for and can begin. Whoever must wait or cannot have any is told so by the
    /// engine itself. Like [`Engine::plan`] it changes nothing: what is not recorded is proposed again.
    fn plan_steps(&mut self, _state: &State, _now: Timestamp) -> Vec<StepStart> {
        Vec::new()
    }

    /// Hears that a launch will probably be ordered at once, after a time in which nothing happened.
    fn expect_launch(&mut self) {}

    /// Does as told. Never blocks for long; what became of it comes back through [`Reports`]. Orders may come twice
    /// for the same attempt: the second is without effect, but a report that has not been taken in by
    /// [`Order::Forget`] is given again.
    fn perform(&mut self, order: Order);

    /// Names the folder where clients of steps find the launchers; `None` where there are no steps.
    fn steps_folder(&self) -> Option<Text> {
        None
    }

    /// Returns what lets look at jobs from elsewhere; `None` where they cannot be looked at.
    fn gauge(&self) -> Option<Arc<dyn Gauge>> {
        None
    }

    /// Names the boot of the machine: processes started under another name are gone.
    fn boot(&self) -> Text;

    /// Takes in what is configured, with the nodes that were made at run time. Called before anything else, and once.
    fn know(&mut self, _cluster: &Arc<Cluster>) {}

    /// Tells what became of the attempts that were on record as running when the service started. Called once,
    /// before anything is planned or performed.
    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered>;

    /// Says how far jobs are held to what they were given.
    fn enforcement(&self) -> Vec<Enforced> {
        Vec::new()
    }

    /// Stops serving. Jobs go on.
    fn stop(&mut self) {}
}

/// How far jobs are held to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// To what: `memory`, `cpus`, …
    pub what: &'static str,
    /// How far: `enforced`, `advisory` (a job can escape), `absent`.
    pub how: &'static str,
}

/// What became of an attempt while nobody listened.
#[derive(Clone, Debug, PartialEq)]
pub enum Recovered {
    /// It runs.
    Alive {
        /// It is suspended.
        suspended: bool,
    },
    /// It has ended.
    Ended {
        /// When.
        at: Timestamp,
        /// How.
        end: End,
        /// What it used.
        usage: Usage,
        /// As in [`Report`].
        fault: Option<Text>,
    },
    /// The engine has never heard of it: its start was recorded but not performed, or the machine has booted since.
    Unknown,
}

/// What the scheduler proposes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Jobs that make way, before anything starts.
    pub preempts: Vec<Preempt>,
    /// Suspended jobs that go on, before anything starts.
    pub resumes: Vec<JobId>,
    /// Jobs to start, in this order.
    pub starts: Vec<Start>,
    /// Why others wait, where that is new, and when they should start.
    pub waits: Vec<(JobId, Reason, Option<Timestamp>)>,
    /// Where jobs that wait are expected to start; `None` if this pass did not look ahead.
    pub planned: Option<Planned>,
    /// When to plan again even if nothing happens.
    pub again: Option<Timestamp>,
    /// Jobs looked at.
    pub depth: usize,
    /// Jobs looked at out of order.
    pub backfill_depth: usize,
    /// Jobs that waited, in all.
    pub queue: usize,
    /// Why the main pass went no further.
    pub exit: PassExit,
    /// Why the look out of order went no further.
    pub backfill_exit: PassExit,
    /// Steps of the future the look out of order kept in mind.
    pub table: usize,
}

/// Why a scheduling pass went no further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PassExit {
    /// There was nothing left to look at.
    #[default]
    EndOfQueue,
    /// It had looked at as many jobs as it may.
    Depth,
    /// It had started as many jobs as it may.
    Starts,
    /// It had done as much work as it may.
    Work,
}

/// A job that makes way for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preempt {
    /// The job that makes way.
    pub job: JobId,
    /// How.
    pub how: PreemptHow,
    /// The job it makes way for.
    pub by: JobId,
    /// How long it has before it is ended.
    pub grace: Duration,
}

/// How a job makes way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreemptHow {
    /// It is ended.
    Cancel,
    /// It is ended and goes back into the queue.
    Requeue,
    /// It is halted, and goes on when there is room again.
    Suspend,
}

/// A job to start, or the next task of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The job; for an array the pool of its waiting tasks.
    pub job: JobId,
    /// The task, for an array.
    pub task: Option<TaskIndex>,
    /// What it gets.
    pub allocation: Arc<Allocation>,
    /// How long it may run there.
    pub limit: TimeLimit,
    /// It overtakes others that could not start.
    pub backfilled: bool,
}

/// When and where a job would start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// The job.
    pub job: JobId,
    /// When.
    pub at: Timestamp,
    /// In which partition.
    pub partition: Text,
    /// On which nodes, in ascending order.
    pub nodes: Vec<NodeIndex>,
    /// With how many CPUs in all.
    pub cpus: u32,
}

/// A step to begin.
#[derive(Clone, Debug, PartialEq)]
pub struct StepStart {
    /// The job, running.
    pub job: JobId,
    /// Which attempt.
    pub attempt: u32,
    /// The step.
    pub step: Arc<JobStep>,
}

/// A step has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepReport {
    /// The job.
    pub job: JobId,
    /// Which attempt.
    pub attempt: u32,
    /// Number of the step.
    pub number: u32,
    /// How.
    pub end: StepEnd,
}

/// What an engine is told.
#[derive(Clone, Debug)]
pub enum Order {
    /// Start the processes of a job that has its resources.
    Launch {
        /// The job, running.
        job: Arc<Job>,
        /// Script and environment.
        payload: Arc<Payload>,
        /// Of a heterogeneous job, whose leader this is, all components, itself the first; else nothing.
        components: Vec<Arc<Job>>,
    },
    /// Send a signal.
    Signal {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
        /// Signal number.
        signal: i32,
        /// To whom.
        scope: WarningScope,
    },
    /// Kill every process.
    Kill {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
    },
    /// Halt every process.
    Suspend {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
    },
    /// Let every process go on.
    Resume {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
    },
    /// A job has fewer nodes than before: end what runs on the others, and hold the rest to what it has. May come again
    /// at any time.
    Shrink {
        /// The job as it is now; the leader of a heterogeneous job.
        job: Arc<Job>,
        /// Of a heterogeneous job all components, itself the first; else nothing.
        components: Vec<Arc<Job>>,
    },
    /// A step is on record: start its tasks.
    StartStep {
        /// The job with the step.
        job: Arc<Job>,
        /// Number of the step.
        number: u32,
        /// Of a heterogeneous job, whose leader this is, all components, itself the first; else nothing.
        components: Vec<Arc<Job>>,
    },
    /// Send a signal to the tasks of a step; SIGKILL ends it.
    SignalStep {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
        /// Number of the step.
        number: u32,
        /// Signal number.
        signal: i32,
    },
    /// The end of this step is on record.
    ForgetStep {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
        /// Number of the step.
        number: u32,
    },
    /// The end of this attempt is on record.
    Forget {
        /// The job.
        job: JobId,
        /// Which attempt.
        attempt: u32,
    },
}

/// What an engine reports: an attempt has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The job.
    pub job: JobId,
    /// Which attempt.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// How.
    pub end: End,
    /// What it used.
    pub usage: Usage,
    /// What is wrong with the node it ran on: it takes no further jobs until somebody has looked.
    pub fault: Option<Text>,
}

/// Takes reports from an engine, or nothing, which says that there is news about steps; may be called from any thread, several at a time are welcome.
pub type Reports = Arc<dyn Fn(Vec<Report>) + Send + Sync>;
