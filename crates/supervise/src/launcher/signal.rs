//! Sending signals to the processes of a run.

use std::io;
use std::os::fd::AsRawFd;

use super::runs::{Outcome, Run, State};
use super::serve::Launcher;
use super::tree;
use crate::cgroup::RunFolder;
use crate::report::{Report, Status, Usage};
use crate::run::{RunId, UnixMicros};
use crate::wire::Whom;

impl Launcher {
    /// Signals a run, or keeps the signal until its program is there to take it.
    pub(super) fn signal(&mut self, id: RunId, signal: i32, whom: Whom) {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        if matches!(run.state, State::Hooked(_)) {
            match signal {
                libc::SIGKILL if self.cancels_hook(id) => {}
                _ => run_early(&mut self.runs.by_id, id, signal, whom),
            }
            return;
        }
        if signal != libc::SIGKILL {
            self.hear_start(id);
        }
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        // A killed start is no start; any other signal would hit the launcher's own code in the child.
        if matches!(run.state, State::Starting { .. }) && signal != libc::SIGKILL {
            run.early_signals.push((signal, whom));
            return;
        }
        if whom == Whom::Steps {
            return self.signal_steps(id, signal);
        }
        if whom == Whom::All && signal == libc::SIGKILL && run.is_held() {
            return self.release(id);
        }
        if let Err(error) = self.deliver(id, signal, whom) {
            self.not_signalled(id, signal, &error);
        }
    }

    fn not_signalled(&mut self, id: RunId, signal: i32, error: &io::Error) {
        let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
        // It ended in the meantime; its report is on the way.
        if errno != libc::ESRCH {
            self.outgoing.push(Report::NotSignalled { run: id, signal, errno });
        }
    }

    fn deliver(&self, id: RunId, signal: i32, whom: Whom) -> io::Result<()> {
        let Some(run) = self.runs.by_id.get(&id).filter(|run| run.is_live()) else { return Ok(()) };
        match (whom, addressable_leader(run)) {
            (Whom::All, _) if signal == libc::SIGKILL => {
                self.kill_all(run);
                Ok(())
            }
            (Whom::All, _) => self.signal_all(run, signal),
            (Whom::Leader, Some(pid)) => send(pid as libc::pid_t, signal),
            (Whom::Group, Some(pid)) => send(-(pid as libc::pid_t), signal),
            (Whom::Leader | Whom::Group, None) | (Whom::Steps, _) => Ok(()),
        }
    }

    /// Ends a place for steps: there is no process whose end would do it.
    fn release(&mut self, id: RunId) {
        let (status, at) = (Status::Exited(0), UnixMicros::now());
        self.close(id, Outcome::Ended { status, at, usage: Usage::default() });
    }

    /// Kills every process of a run that can be found; some may appear meanwhile.
    pub(super) fn kill_all(&self, run: &Run) {
        // First, or it might see its children die and end with a code of its own. It may also not have entered its
        // folder yet.
        if let Some(pid) = addressable_leader(run) {
            let _ = send(pid as libc::pid_t, libc::SIGKILL);
        }
        match tracking_folder(run) {
            Some(folder) => folder.kill(),
            None => drop(self.signal_all(run, libc::SIGKILL)),
        }
    }

    fn signal_all(&self, run: &Run, signal: i32) -> io::Result<()> {
        let mut result = Ok(());
        for pid in self.processes(run) {
            if let Err(error) = send(pid as libc::pid_t, signal)
                && error.raw_os_error() != Some(libc::ESRCH)
            {
                result = Err(error);
            }
        }
        result
    }

    /// Finds the living processes of a run.
    pub(super) fn processes(&self, run: &Run) -> Vec<u32> {
        match tracking_folder(run) {
            Some(folder) => folder.processes(),
            None => tree::members(run, &self.runs, self.mark(run.id).as_bytes()),
        }
    }

    /// Suspends a run or lets it go on.
    pub(super) fn set_suspended(&mut self, id: RunId, suspended: bool) {
        let Some(run) = self.runs.by_id.get(&id).filter(|run| run.is_live()) else { return };
        let signal = if suspended { libc::SIGSTOP } else { libc::SIGCONT };
        let result = match tracking_folder(run) {
            Some(folder) => folder.set_frozen(suspended),
            None => self.signal_all(run, signal),
        };
        match result {
            Err(error) => self.not_signalled(id, signal, &error),
            Ok(()) => {
                if let Some(run) = self.runs.by_id.get_mut(&id) {
                    run.stopped = suspended && run.folder.as_ref().is_none_or(|folder| !folder.tracks());
                }
            }
        }
    }
}

/// Keeps a signal until there is a program to take it.
fn run_early(runs: &mut std::collections::HashMap<RunId, Run>, id: RunId, signal: i32, whom: Whom) {
    if let Some(run) = runs.get_mut(&id) {
        run.early_signals.push((signal, whom));
    }
}

/// The folder that knows all processes of a run.
pub(super) fn tracking_folder(run: &Run) -> Option<&RunFolder> {
    run.folder.as_ref().filter(|folder| folder.tracks())
}

/// The first process, if its number is certainly still its own.
fn addressable_leader(run: &Run) -> Option<u32> {
    let pid = run.living_leader()?;
    let State::Running { watch: Some(watch) } = &run.state else { return Some(pid) };
    // Not our child: somebody else may have waited for it, and its number may be another's by now.
    let nothing = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: signal 0 only asks; without a siginfo nothing is read.
    let asked = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, watch.as_raw_fd(), 0, nothing, 0) };
    (asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)).then_some(pid)
}

fn send(pid: libc::pid_t, signal: i32) -> io::Result<()> {
    // SAFETY: kill takes no pointers. The number is a living first process, its group, or was just listed.
    if unsafe { libc::kill(pid, signal) } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
