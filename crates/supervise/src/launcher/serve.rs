//! A launcher's life: wait until something happens, deal with all of it, write it down, tell the server.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Options;
use super::cradle::Nursery;
use super::daemon::{arrange_signals, log, widen_file_limit};
use super::journal::Journal;
use super::memory::LOOK;
use super::runs::{Runs, State};
use super::server::{Renewal, Server, executable_mark};
use super::start::{drain, remove_script};
use super::steps::Steps;
use crate::cgroup::{Hierarchy, instance_name};
use crate::energy::EnergyMeter;
use crate::report::Report;
use crate::run::RunId;
use crate::slot::Slot;
use crate::wire::ExecutableMark;

/// Everything a launcher has.
pub(super) struct Launcher {
    pub(super) options: Options,
    pub(super) instance: String,
    pub(super) lock: File,
    pub(super) journal: Journal,
    pub(super) hierarchy: Hierarchy,
    pub(super) ignored_signals: Rc<[libc::c_int]>,
    pub(super) nursery: Nursery,
    /// What the launcher had before it widened it for itself.
    pub(super) file_limit: libc::rlimit,
    /// Where the machine tells what it takes.
    pub(super) energy: Option<EnergyMeter>,
    pub(super) executable: ExecutableMark,
    pub(super) listener: UnixListener,
    pub(super) server: Option<Server>,
    pub(super) renewal: Option<Renewal>,
    pub(super) runs: Runs,
    pub(super) steps: Steps,
    /// What the server is to be told at the end of this turn.
    pub(super) outgoing: Vec<Report>,
    /// Scripts to remove once that is told, and whether their folders were made for them.
    pub(super) chores: Vec<(PathBuf, bool)>,
    /// Room for reading.
    pub(super) piece: Vec<u8>,
    children: File,
    /// Since when nobody needs it.
    idle: Option<Instant>,
    /// Until then it looks for what comes without sleeping.
    pub(super) awake_until: Option<Instant>,
}

/// What made a turn begin.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Caller,
    Server,
    Children,
    Starting(RunId),
    Watched(RunId),
    StepCaller,
    StepClient(u64),
    /// A task on its way to its program: its step's ticket and its number.
    Task(u64, usize),
}

/// Lives until nobody needs it. Calls `ready` once the socket can be connected to.
pub(super) fn run(options: Options, slot: &Slot, mut ready: impl FnMut()) -> io::Result<()> {
    let lock = match options.renewed {
        Some(descriptor) => Slot::inherit_lock(descriptor)?,
        None => match slot.lock()? {
            Some(lock) => lock,
            None => {
                // Somebody is here already, which is all that was wanted.
                ready();
                return Ok(());
            }
        },
    };
    let (children, ignored_signals) = arrange_signals()?;
    let hierarchy = if options.cgroups { Hierarchy::open(&options.dir) } else { Hierarchy::none() };
    hierarchy.shelter_launcher();
    let (journal, memory) = Journal::open(&slot.folder)?;
    let mut launcher = Launcher {
        instance: instance_name(&options.dir),
        options,
        lock,
        journal,
        hierarchy,
        ignored_signals: ignored_signals.into(),
        nursery: Nursery::new(),
        file_limit: widen_file_limit(),
        energy: EnergyMeter::of_this_machine(),
        executable: executable_mark(Path::new("/proc/self/exe")).unwrap_or_default(),
        listener: slot.listen()?,
        server: None,
        renewal: None,
        runs: Runs::default(),
        steps: Steps::default(),
        outgoing: Vec::new(),
        chores: Vec::new(),
        piece: Vec::new(),
        children: File::from(children),
        idle: None,
        awake_until: None,
    };
    if let Some(kept) = launcher.options.kept.take() {
        launcher.take_over_steps(kept)?;
    }
    launcher.options.renewed = None;
    launcher.open_step_socket()?;
    launcher.adopt(memory);
    launcher.reap();
    ready();
    while !launcher.is_done() {
        launcher.turn()?;
    }
    slot.close();
    launcher.close_step_socket();
    if launcher.runs.by_id.is_empty() {
        // Nobody needs to look here again.
        launcher.journal.remove();
    }
    launcher.hierarchy.leave();
    Ok(())
}

impl Launcher {
    fn turn(&mut self) -> io::Result<()> {
        for cause in self.wait()? {
            match cause {
                Cause::Caller => self.accept(),
                Cause::Server => self.hear_server(),
                Cause::Children => drain(&self.children),
                Cause::Starting(id) => self.hear_start(id),
                Cause::Watched(id) => self.watched_ended(id),
                Cause::StepCaller => self.accept_step_clients(),
                Cause::StepClient(id) => self.hear_step_client(id),
                Cause::Task(ticket, task) => self.hear_task(ticket, task),
            }
        }
        // Cheap if nobody ended, and a signal may have come just now.
        self.reap();
        self.start_tasks();
        self.look_for_memory();
        self.settle_steps();
        self.settle();
        self.hurry_hooks();
        if let Some(energy) = self.energy.as_mut().filter(|energy| energy.patience().is_zero()) {
            energy.read();
        }
        self.write_down();
        self.tell_server();
        self.tell_step_clients();
        for (script, made_folder) in self.chores.drain(..) {
            remove_script(&script, made_folder);
        }
        if self.renewal.is_some() && self.is_between_forks() && self.journal.is_saved() {
            self.renew();
        }
        Ok(())
    }

    /// Whether no process is on its way that only this program's memory knows.
    fn is_between_forks(&self) -> bool {
        self.runs.starting.is_empty() && self.runs.hooked.is_empty() && !self.steps.is_starting()
    }

    /// Waits for something to happen, and lists what did.
    fn wait(&mut self) -> io::Result<Vec<Cause>> {
        let awake_until = self.awake_until.take();
        let timeout = self.patience().map(|wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        let sources = self.sources();
        let mut polled: Vec<PollFd<'_>> =
            sources.iter().map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
        let is_awake = || awake_until.is_some_and(|until| Instant::now() < until);
        loop {
            let wakeful = is_awake().then_some(Timespec { tv_sec: 0, tv_nsec: 0 });
            match poll(&mut polled, wakeful.as_ref().or(timeout.as_ref())) {
                Ok(0) if wakeful.is_some() => {}
                Ok(_) | Err(rustix::io::Errno::INTR) => break,
                Err(errno) => return Err(errno.into()),
            }
        }
        let happened = polled.iter().zip(&sources).filter(|(polled, _)| !polled.revents().is_empty());
        Ok(happened.map(|(_, (cause, ..))| *cause).collect())
    }

    fn sources(&self) -> Vec<(Cause, BorrowedFd<'_>, PollFlags)> {
        let mut sources = Vec::with_capacity(3 + self.runs.starting.len() + self.runs.watched.len());
        let now = Instant::now();
        // Beginnings before ends, so that they are told in that order.
        for id in self.runs.starting.iter().chain(&self.runs.watched) {
            match self.runs.by_id.get(id).map(|run| &run.state) {
                Some(State::Starting { failures, heard_from, .. }) if *heard_from <= now => {
                    sources.push((Cause::Starting(*id), failures.as_fd(), PollFlags::IN));
                }
                Some(State::Running { watch: Some(watch) }) => {
                    sources.push((Cause::Watched(*id), watch.as_fd(), PollFlags::IN));
                }
                _ => {}
            }
        }
        self.steps.sources(&mut sources);
        sources.push((Cause::Children, self.children.as_fd(), PollFlags::IN));
        sources.push((Cause::Caller, self.listener.as_fd(), PollFlags::IN));
        if let Some(server) = &self.server {
            let out = if server.is_behind() { PollFlags::OUT } else { PollFlags::empty() };
            sources.push((Cause::Server, server.stream.as_fd(), PollFlags::IN | out));
        }
        sources
    }

    /// How long it may sleep; for ever if only others can wake it.
    fn patience(&self) -> Option<Duration> {
        let now = Instant::now();
        let unsettled = self.runs.unsettled.iter().filter_map(|id| match &self.runs.by_id.get(id)?.state {
            State::Closing(closing) => Some(closing.next.saturating_duration_since(now)),
            State::Unclear { .. } => Some(Duration::from_millis(2)),
            _ => None,
        });
        let starting = self.runs.starting.iter().filter_map(|id| match &self.runs.by_id.get(id)?.state {
            State::Starting { heard_from, .. } => heard_from.checked_duration_since(now),
            _ => None,
        });
        let hooked = self.runs.hooked.iter().filter_map(|id| match &self.runs.by_id.get(id)?.state {
            State::Hooked(waiting) => Some(waiting.deadline()?.saturating_duration_since(now)),
            _ => None,
        });
        let unsaved = (!self.journal.is_saved()).then_some(Duration::from_secs(1));
        let looking = (!self.runs.together.is_empty()).then_some(LOOK);
        let idle = self.idle.map(|since| self.options.linger.saturating_sub(since.elapsed()));
        let metered = self.energy.as_ref().filter(|_| self.runs.live > 0).map(EnergyMeter::patience);
        unsettled
            .chain(starting)
            .chain(looking)
            .chain(metered)
            .chain(hooked)
            .chain(unsaved)
            .chain(idle)
            .chain(self.steps.patience())
            .min()
    }

    fn write_down(&mut self) {
        if let Err(error) = self.journal.save() {
            // The server is told nevertheless, and the lines are kept for the next turn.
            log(self.options.slot, format_args!("write the journal: {error}"));
        }
        let runs = self.runs.by_id.len();
        if self.journal.is_saved() && self.journal.is_worth_rewriting(runs) {
            let runs = self.runs.by_id.values().flat_map(super::runs::Run::records);
            let records: Vec<_> = runs.chain(self.steps.records()).collect();
            if let Err(error) = self.journal.rewrite(&records) {
                log(self.options.slot, format_args!("rewrite the journal: {error}"));
            }
        }
    }

    /// Whether it has been of no use for long enough.
    fn is_done(&mut self) -> bool {
        if self.server.is_some() || self.runs.live > 0 || !self.journal.is_saved() {
            self.idle = None;
            return false;
        }
        let since = *self.idle.get_or_insert_with(Instant::now);
        since.elapsed() >= self.options.linger
    }
}
