//! What a launcher holds of its runs, and what it says about them when asked.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::cradle::Cradle;
use super::hook::{Around, Waiting};
use super::journal::{Record, Remembered, Start, records};
use crate::cgroup::RunFolder;
use crate::report::{Ended, Found, FoundState, StartFailure, Status, Usage};
use crate::run::{RunId, UnixMicros};
use crate::wire::Whom;

/// One run.
pub(super) struct Run {
    pub(super) id: RunId,
    /// Absent for one that failed before it had a process.
    pub(super) start: Option<Start>,
    pub(super) folder: Option<RunFolder>,
    pub(super) state: State,
    /// Suspended without a control group.
    pub(super) stopped: bool,
    /// Whether `wait` tells of its end.
    pub(super) is_child: bool,
    /// Whose it is: who may have steps in it.
    pub(super) owner: u32,
    /// Signals that came before the program could take them.
    pub(super) early_signals: Vec<(i32, Whom)>,
    /// What goes on around it.
    pub(super) around: Option<Box<Around>>,
}

/// How far a run has come.
pub(super) enum State {
    /// Between fork and program; the pipe tells which of the two endings of that it is, and is listened to from a
    /// moment on: many programs are over before it.
    Starting { failures: OwnedFd, heard_from: Instant, cradle: Option<Cradle> },
    /// Between a failure and the end of its process.
    Failing { failure: StartFailure, cradle: Option<Cradle> },
    /// The program runs. Of one that is not our child, the descriptor tells when it ends.
    Running { watch: Option<OwnedFd> },
    /// Not our child, ended, and the kernel has not yet said how.
    Unclear { watch: OwnedFd, until: Instant },
    /// The first process ended; others of the run may live.
    Closing(Closing),
    /// A hook is running, before it, at its side or after it.
    Hooked(Box<Waiting>),
    /// All is said.
    Over(FoundState),
}

/// The time between the end of the first process and that of the run.
pub(super) struct Closing {
    pub(super) outcome: Outcome,
    /// The kernel has killed something of it for its memory limit.
    pub(super) over_memory: bool,
    pub(super) tries: u32,
    pub(super) next: Instant,
    pub(super) give_up: Instant,
}

/// What will be reported when the run is closed.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Failed(StartFailure),
    Ended { status: Status, at: UnixMicros, usage: Usage },
    Vanished,
}

impl Closing {
    pub(super) fn new(outcome: Outcome) -> Self {
        let now = Instant::now();
        Self { outcome, over_memory: false, tries: 0, next: now, give_up: now + Duration::from_secs(30) }
    }
}

impl Run {
    /// The first process while it exists: its number is then nobody else's.
    pub(super) fn living_leader(&self) -> Option<u32> {
        let lives =
            matches!(self.state, State::Starting { .. } | State::Failing { .. } | State::Running { .. });
        self.start.as_ref().map(|start| start.pid).filter(|pid| lives && *pid > 0)
    }

    /// Whether it is a place for steps alone, without a program.
    pub(super) fn is_held(&self) -> bool {
        matches!(self.state, State::Running { .. }) && self.start.as_ref().is_some_and(|start| start.pid == 0)
    }

    /// Whether steps may begin in it.
    pub(super) fn may_have_steps(&self) -> bool {
        matches!(self.state, State::Starting { .. } | State::Running { .. })
    }

    /// Whether it has not been reported as over.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, State::Over(_))
    }

    pub(super) fn script(&self) -> Option<(PathBuf, bool)> {
        let start = self.start.as_ref()?;
        Some((start.script.clone()?, start.made_folder))
    }

    fn is_suspended(&self) -> bool {
        self.stopped || self.folder.as_ref().is_some_and(RunFolder::is_frozen)
    }

    /// Says what a server needs to know.
    pub(super) fn found(&self) -> Found {
        let state = match (&self.state, &self.start) {
            (State::Over(state), _) => state.clone(),
            (State::Starting { .. } | State::Failing { .. }, _) | (_, None) => FoundState::Starting,
            // Until it is closed it counts as running: its end is not settled.
            (_, Some(start)) => {
                FoundState::Running { pid: start.pid, at: start.at, suspended: self.is_suspended() }
            }
        };
        Found { run: self.id, state, steps: Vec::new() }
    }

    /// Says what the journal must keep.
    pub(super) fn records(&self) -> Vec<Record> {
        let end = match &self.state {
            State::Over(end) => Some(end.clone()),
            State::Hooked(waiting) => waiting.end().cloned(),
            _ => None,
        };
        records(self.id, &Remembered { start: self.start.clone(), end })
    }

    /// Makes the final state of what is known.
    pub(super) fn conclude(&self, outcome: Outcome, over_memory: bool, left_behind: bool) -> FoundState {
        match (outcome, &self.start) {
            (Outcome::Failed(failure), _) => {
                FoundState::FailedToStart { failure, hook_failed: false, at: UnixMicros::now() }
            }
            (Outcome::Ended { status, at, usage }, Some(start)) => FoundState::Ended(Ended {
                pid: start.pid,
                started_at: start.at,
                at,
                status,
                usage,
                over_memory,
                left_behind,
                hook_failed: false,
            }),
            (Outcome::Ended { .. } | Outcome::Vanished, _) => FoundState::Vanished { at: UnixMicros::now() },
        }
    }
}

/// All runs of a launcher, by name and by first process.
#[derive(Default)]
pub(super) struct Runs {
    pub(super) by_id: HashMap<RunId, Run>,
    /// First processes that exist, as children to wait for.
    pub(super) by_pid: HashMap<u32, RunId>,
    /// Processes of hooks.
    pub(super) by_hook: HashMap<u32, RunId>,
    /// Runs that wait for a hook.
    pub(super) hooked: Vec<RunId>,
    /// Those whose state needs a look now and then; few at any time.
    pub(super) starting: Vec<RunId>,
    pub(super) watched: Vec<RunId>,
    pub(super) unsettled: Vec<RunId>,
    /// Those of which all have to die if one is killed for want of memory, and the kernel does not see to it.
    pub(super) together: Vec<RunId>,
    /// How many are not over.
    pub(super) live: usize,
}

impl Runs {
    /// Takes a run out, to be inserted again as something else.
    pub(super) fn take(&mut self, id: RunId) -> Option<Run> {
        let run = self.by_id.remove(&id)?;
        self.live -= usize::from(run.is_live());
        Some(run)
    }

    pub(super) fn insert(&mut self, run: Run) {
        self.live += usize::from(run.is_live());
        if run.folder.as_ref().is_some_and(RunFolder::wants_a_look) && !self.together.contains(&run.id) {
            self.together.push(run.id);
        }
        self.by_id.insert(run.id, run);
    }
}
