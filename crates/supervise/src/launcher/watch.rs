//! Seeing processes end: children by `wait`, those of a launcher before us by a descriptor of the process.

use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::close::is_end;
use super::journal::{Memory, Remembered, Start};
use super::runs::{Outcome, Run, State};
use super::serve::Launcher;
use crate::cgroup::RunFolder;
use crate::proc::{self, ProcessStat};
use crate::report::{Status, Usage};
use crate::run::{RunId, UnixMicros};

/// How long the kernel may take to say how a process ended that was not ours.
const UNCLEAR: Duration = Duration::from_millis(500);

/// The bytes that the kernel counts as one block of input or output.
const BLOCK: u64 = 512;

/// A process found by what the journal says about it.
enum Sighting {
    Gone,
    Lives(OwnedFd, ProcessStat),
    Zombie(ProcessStat),
}

impl Launcher {
    /// Waits for all children that have ended.
    pub(super) fn reap(&mut self) {
        loop {
            let mut status = 0;
            // SAFETY: an rusage is plain numbers, for which zeros are a value.
            let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
            // SAFETY: both places are ours and of the right type.
            let pid = unsafe { libc::wait4(-1, &mut status, libc::WNOHANG, &mut usage) };
            let at = UnixMicros::now();
            let Some(pid) = u32::try_from(pid).ok().filter(|pid| *pid > 0) else { return };
            // Otherwise an orphan of some run: its end tells nothing.
            if let Some(id) = self.runs.by_pid.remove(&pid) {
                self.leader_ended(id, Status::from_wait(status), usage_of(&usage), at);
            } else if let Some(id) = self.runs.by_hook.remove(&pid) {
                self.hook_ended(id, Status::from_wait(status));
            } else {
                self.task_ended(pid, Status::from_wait(status), &usage);
            }
        }
    }

    fn leader_ended(&mut self, id: RunId, status: Status, mut usage: Usage, at: UnixMicros) {
        usage.energy = self.energy.as_mut().and_then(|energy| energy.end(id));
        // If it was on its way to its program, it has said by now how that went.
        self.hear_start(id);
        let outcome = match self.runs.by_id.get_mut(&id).map(|run| &mut run.state) {
            Some(State::Failing { failure, cradle }) => {
                if let Some(cradle) = cradle.take() {
                    // SAFETY: it has been waited for.
                    unsafe { cradle.vacated() };
                }
                Outcome::Failed(*failure)
            }
            _ => Outcome::Ended { status, at, usage },
        };
        self.close(id, outcome);
    }

    /// Takes over what the journal remembers.
    pub(super) fn adopt(&mut self, memory: Memory) {
        let Memory { runs, steps, other_boot } = memory;
        let runs: HashMap<RunId, Remembered> = runs;
        let mut after = self.recall_after();
        if other_boot {
            after = after.into_iter().map(|(id, around)| (id, around.after_boot())).collect();
        }
        for (id, Remembered { start, end }) in runs {
            let folder = start.as_ref().and_then(|start| RunFolder::found(&self.hierarchy, id, start.trees));
            let mut run = Run {
                id,
                owner: start.as_ref().map_or(0, |start| start.owner),
                start,
                folder,
                state: State::Running { watch: None },
                stopped: false,
                is_child: false,
                early_signals: Vec::new(),
                around: after.remove(&id),
            };
            let outcome = match end {
                Some(end) if is_end(&end) && run.around.is_some() => {
                    run.folder = None;
                    self.runs.insert(run);
                    self.next_after(id, end, 0);
                    continue;
                }
                Some(end) if is_end(&end) => {
                    // The one before us may not have come to it.
                    self.chores.extend(run.script());
                    run.state = State::Over(end);
                    run.folder = None;
                    None
                }
                // Of an earlier life of the machine nothing is left that could be looked for.
                _ if other_boot => Some(Outcome::Vanished),
                _ => self.find_again(&mut run),
            };
            self.runs.insert(run);
            match outcome {
                Some(outcome) if other_boot => self.finish(id, outcome, false, false),
                Some(outcome) => self.close(id, outcome),
                None => {}
            }
        }
        self.adopt_unbegun(after);
        self.adopt_steps(steps);
    }

    /// Looks for the first process of a run; returns how the run ended if it has.
    fn find_again(&mut self, run: &mut Run) -> Option<Outcome> {
        let Some(start) = run.start.as_ref() else { return Some(Outcome::Vanished) };
        if start.pid == 0 {
            // A place for steps has no process to be found.
            return None;
        }
        match sight(start) {
            Sighting::Gone => Some(Outcome::Vanished),
            // Still our child: this program was executed in place of the one that started it.
            Sighting::Lives(_, stat) | Sighting::Zombie(stat) if stat.parent == std::process::id() => {
                run.is_child = true;
                self.runs.by_pid.insert(start.pid, run.id);
                None
            }
            Sighting::Lives(watch, _) => {
                run.state = State::Running { watch: Some(watch) };
                self.runs.watched.push(run.id);
                None
            }
            Sighting::Zombie(stat) => Some(stat.wait_status.map_or(Outcome::Vanished, ended_unseen)),
        }
    }

    /// A watched process has ended: asks how.
    pub(super) fn watched_ended(&mut self, id: RunId) {
        self.runs.watched.retain(|watched| *watched != id);
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        let placeholder = State::Running { watch: None };
        if let State::Running { watch: Some(watch) } = std::mem::replace(&mut run.state, placeholder) {
            run.state = State::Unclear { watch, until: Instant::now() + UNCLEAR };
            if !self.ask_again(id) {
                self.runs.unsettled.push(id);
            }
        }
    }

    /// Asks how a process ended that was not our child. Says whether that is settled.
    pub(super) fn ask_again(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.by_id.get(&id) else { return true };
        let (State::Unclear { watch, until }, Some(start)) = (&run.state, &run.start) else { return true };
        let outcome = match exit_status(watch, start) {
            Some(status) => ended_unseen(status),
            None if *until <= Instant::now() => Outcome::Vanished,
            None => return false,
        };
        self.close(id, outcome);
        true
    }
}

/// Finds the process that a start speaks of, and no other that got its number later.
fn sight(start: &Start) -> Sighting {
    let Some(pid) = i32::try_from(start.pid).ok().and_then(Pid::from_raw) else { return Sighting::Gone };
    // The descriptor comes first: what is read afterwards is then about the process it stands for.
    let watch = pidfd_open(pid, PidfdFlags::empty());
    let Some(stat) = proc::stat(start.pid) else { return Sighting::Gone };
    let started = stat.start_ticks.saturating_mul(1_000_000) / proc::ticks_per_second();
    if started > start.booted_for {
        return Sighting::Gone;
    }
    match watch {
        Ok(watch) if !stat.is_zombie() => Sighting::Lives(watch, stat),
        _ if stat.is_zombie() => Sighting::Zombie(stat),
        _ => Sighting::Gone,
    }
}

fn ended_unseen(status: i32) -> Outcome {
    Outcome::Ended { status: Status::from_wait(status), at: UnixMicros::now(), usage: Usage::default() }
}

/// Asks the kernel how a process ended that another one waits for: since Linux 6.15 by its descriptor, before that
/// only while nobody has waited for it.
fn exit_status(watch: &OwnedFd, start: &Start) -> Option<i32> {
    // SAFETY: the struct is plain numbers, for which zeros are a value.
    let mut info: libc::pidfd_info = unsafe { std::mem::zeroed() };
    info.mask = u64::from(libc::PIDFD_INFO_EXIT);
    // SAFETY: the request's number carries the size of the struct, which is ours.
    let result = unsafe { libc::ioctl(watch.as_raw_fd(), libc::PIDFD_GET_INFO, &mut info) };
    if result == 0 && info.mask & u64::from(libc::PIDFD_INFO_EXIT) != 0 {
        return Some(info.exit_code);
    }
    proc::stat(start.pid).filter(ProcessStat::is_zombie).and_then(|stat| stat.wait_status)
}

fn usage_of(usage: &libc::rusage) -> Usage {
    let duration = |time: libc::timeval| {
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_usec);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    };
    Usage {
        user: duration(usage.ru_utime),
        system: duration(usage.ru_stime),
        max_rss: u64::try_from(usage.ru_maxrss).unwrap_or(0).saturating_mul(1024),
        read_bytes: u64::try_from(usage.ru_inblock).unwrap_or(0).saturating_mul(BLOCK),
        written_bytes: u64::try_from(usage.ru_oublock).unwrap_or(0).saturating_mul(BLOCK),
        ..Usage::default()
    }
}
