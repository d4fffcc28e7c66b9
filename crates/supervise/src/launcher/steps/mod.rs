//! Steps of runs: clients come to the launcher's second socket, the server decides, tasks are started, watched and
//! ended. A step lives as long as its client and its launcher; what it left is kept until the server has recorded it.
//!
//! A client's way is in `clients.rs`, the server's wishes in `orders.rs`, tasks in `tasks.rs`, the end in `end.rs`, and
//! what outlives the launcher's own program in `keep.rs`.

mod clients;
mod end;
mod keep;
mod lose;
mod orders;
mod tasks;

pub(crate) use keep::{KeptClient, KeptLive, KeptState, KeptStep, KeptSteps};

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::journal::Record;
use super::serve::Cause;
use crate::cgroup::RunFolder;
use crate::report::Status;
use crate::run::{RunId, UnixMicros};
use crate::steps::{
    FoundStep, FoundStepState, StepCut, StepEnded, StepGrant, StepProgram, StepRequest, StepUsage,
};
use clients::Client;

/// How many tasks of a launcher may be between fork and program at a time.
const STARTING_AT_ONCE: usize = 64;

/// All steps of a launcher and all clients of them.
#[derive(Default)]
pub(super) struct Steps {
    listener: Option<UnixListener>,
    /// Where clients connect to.
    pub(super) socket: Option<PathBuf>,
    clients: BTreeMap<u64, Client>,
    last_client: u64,
    /// By ticket.
    table: BTreeMap<u64, Step>,
    last_ticket: u64,
    /// Tickets of granted steps by their number.
    numbers: HashMap<(RunId, u32), u64>,
    /// Tickets of the steps that live: few at any time, while those that are over wait for the server.
    live: Vec<u64>,
    /// Processes of tasks that have not been waited for.
    by_pid: HashMap<u32, (u64, usize)>,
    /// Tasks between fork and program.
    starting: Vec<(u64, usize)>,
    /// The highest status, as `wait` tells it, of the steps of runs that had a bad one.
    worst: HashMap<RunId, u32>,
}

/// One step, or the wish for one.
struct Step {
    run: RunId,
    /// Where the answers go, while somebody is there.
    client: Option<u64>,
    state: StepState,
}

enum StepState {
    /// The server has not decided yet.
    Asked { uid: u32, request: Box<StepRequest> },
    /// It has a number, and tasks as soon as the client says which.
    Live(Box<Live>),
    /// The server has not taken note of its end yet.
    Over { number: u32, ended: Box<StepEnded> },
}

/// A granted step that has not ended.
struct Live {
    grant: StepGrant,
    folder: Option<RunFolder>,
    /// What is still being started, with the client's files.
    program: Option<(Rc<StepProgram>, Vec<OwnedFd>)>,
    tasks: Vec<Task>,
    /// How many tasks have not ended.
    running: usize,
    started_at: Option<UnixMicros>,
    status: Option<Status>,
    cut: Option<StepCut>,
    usage: StepUsage,
    rss_sum: u64,
    /// When its time is up.
    deadline: Option<Instant>,
    /// When whatever still lives is killed.
    kill_at: Option<Instant>,
    closing: Option<Closing>,
}

/// One process that was asked for.
struct Task {
    /// Zero once it has been waited for.
    pid: u32,
    /// The pipe that tells how the way to the program went.
    failures: Option<OwnedFd>,
    failed: Option<crate::report::StartFailure>,
    /// Signals that came before the program could take them.
    early: Vec<i32>,
}

/// The time between the end of the last task and that of the step.
struct Closing {
    tries: u32,
    next: Instant,
    give_up: Instant,
}

impl Step {
    fn live(&self) -> Option<&Live> {
        if let StepState::Live(live) = &self.state { Some(live) } else { None }
    }

    fn live_mut(&mut self) -> Option<&mut Live> {
        if let StepState::Live(live) = &mut self.state { Some(live) } else { None }
    }
}

impl Live {
    fn new(grant: StepGrant, folder: Option<RunFolder>) -> Self {
        let deadline = grant.time_limit.and_then(|limit| Instant::now().checked_add(limit));
        Self {
            grant,
            folder,
            program: None,
            tasks: Vec::new(),
            running: 0,
            started_at: None,
            status: None,
            cut: None,
            usage: StepUsage::default(),
            rss_sum: 0,
            deadline,
            kill_at: None,
            closing: None,
        }
    }

    fn number(&self) -> u32 {
        self.grant.layout.step
    }

    /// Whether every task that is wanted has been started and has ended.
    fn is_through(&self) -> bool {
        self.program.is_none() && self.running == 0 && !self.tasks.is_empty()
    }
}

impl Steps {
    fn take_ticket(&mut self) -> u64 {
        // By the clock, so that a later launcher does not give the same again.
        let now = u64::try_from(UnixMicros::now().0).unwrap_or(0);
        self.last_ticket = now.max(self.last_ticket.saturating_add(1));
        self.last_ticket
    }

    fn ticket_of(&self, run: RunId, number: u32) -> Option<u64> {
        self.numbers.get(&(run, number)).copied()
    }

    /// Tickets of what has not ended of a run.
    fn open_of(&self, run: RunId) -> Vec<u64> {
        let is_open = |step: &Step| step.run == run && !matches!(step.state, StepState::Over { .. });
        self.table.iter().filter(|(_, step)| is_open(step)).map(|(ticket, _)| *ticket).collect()
    }

    /// Whether a run has steps that live.
    pub(super) fn has_live(&self, run: RunId) -> bool {
        self.live.iter().any(|ticket| self.table.get(ticket).is_some_and(|step| step.run == run))
    }

    /// Tickets of the living steps whose folder is as asked.
    pub(super) fn over_memory(&self, is_due: impl Fn(Option<&RunFolder>) -> bool) -> Vec<u64> {
        let is_over = |ticket: &&u64| {
            let live = self.table.get(ticket).and_then(Step::live);
            live.is_some_and(|live| live.closing.is_none() && is_due(live.folder.as_ref()))
        };
        self.live.iter().filter(is_over).copied().collect()
    }

    /// The highest status of the steps of a run, as `wait` tells it.
    pub(super) fn worst_of(&self, run: RunId) -> u32 {
        self.worst.get(&run).copied().unwrap_or(0)
    }

    /// Says what the journal must keep.
    pub(super) fn records(&self) -> Vec<Record> {
        let record = |(ticket, step): (&u64, &Step)| {
            let (run, ticket) = (step.run, *ticket);
            match &step.state {
                StepState::Asked { .. } => None,
                StepState::Live(live) => Some(Record::StepBegan { run, ticket, step: live.number() }),
                StepState::Over { number, ended } => {
                    Some(Record::StepOver { run, ticket, step: *number, ended: ended.clone() })
                }
            }
        };
        self.table.iter().filter_map(record).collect()
    }

    /// Whether a task is between fork and program.
    pub(super) fn is_starting(&self) -> bool {
        !self.starting.is_empty()
    }

    /// Says what a server needs to know of a run's steps.
    pub(super) fn found(&self, run: RunId) -> Vec<FoundStep> {
        let of_run = self.table.iter().filter(|(_, step)| step.run == run);
        of_run.map(|(ticket, step)| FoundStep { ticket: *ticket, state: step.found() }).collect()
    }

    /// What to wait for.
    pub(super) fn sources<'a>(&'a self, sources: &mut Vec<(Cause, BorrowedFd<'a>, PollFlags)>) {
        for (ticket, task) in &self.starting {
            let found = self.table.get(ticket).and_then(Step::live).and_then(|live| live.tasks.get(*task));
            if let Some(pipe) = found.and_then(|task| task.failures.as_ref()) {
                sources.push((Cause::Task(*ticket, *task), pipe.as_fd(), PollFlags::IN));
            }
        }
        if let Some(listener) = &self.listener {
            sources.push((Cause::StepCaller, listener.as_fd(), PollFlags::IN));
        }
        for (id, client) in &self.clients {
            sources.push((Cause::StepClient(*id), client.as_fd(), client.flags()));
        }
    }

    /// How long it may be before a step must be looked at.
    pub(super) fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let live = self.live.iter().filter_map(|ticket| self.table.get(ticket)?.live());
        let due = live.filter_map(|live| {
            let closing = live.closing.as_ref().map(|closing| closing.next);
            let limit = live.deadline.filter(|_| live.cut.is_none());
            let look = live.folder.as_ref().filter(|folder| folder.wants_a_look() && live.cut.is_none());
            let look = look.map(|_| now + crate::launcher::memory::LOOK);
            [closing, live.kill_at, limit, look].into_iter().flatten().min()
        });
        let strangers = self.clients.values().filter_map(Client::deadline);
        due.chain(strangers).min().map(|at| at.saturating_duration_since(now))
    }
}

impl Step {
    fn found(&self) -> FoundStepState {
        match &self.state {
            StepState::Asked { uid, request } => {
                FoundStepState::Asked { uid: *uid, request: request.clone() }
            }
            StepState::Live(live) => FoundStepState::Granted { step: live.number() },
            StepState::Over { number, ended } => {
                FoundStepState::Ended { step: *number, ended: ended.clone() }
            }
        }
    }
}
