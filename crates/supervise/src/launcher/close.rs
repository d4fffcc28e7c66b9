//! The end of a run: whatever it left running is killed, its control group is removed, and only then is the end written
//! down and reported. Its script goes after that.

use std::time::{Duration, Instant};

use super::journal::Record;
use super::runs::{Closing, Outcome, Run, State};
use super::serve::Launcher;
use super::signal::tracking_folder;
use crate::cgroup::RunFolder;
use crate::report::{Found, FoundState};
use crate::run::RunId;

impl Launcher {
    /// The first process is gone: begins to close the run, and mostly finishes at once.
    pub(super) fn close(&mut self, id: RunId, outcome: Outcome) {
        self.end_steps_of(id);
        if self.runs_task_after(id, outcome) {
            return;
        }
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        run.state = State::Closing(Closing::new(outcome));
        if !self.try_close(id) {
            self.runs.unsettled.push(id);
        }
    }

    /// Looks after runs that are not closed yet.
    pub(super) fn settle(&mut self) {
        for id in std::mem::take(&mut self.runs.unsettled) {
            let settled = match self.runs.by_id.get(&id).map(|run| &run.state) {
                Some(State::Unclear { .. }) => self.ask_again(id),
                Some(State::Closing(closing)) if closing.next <= Instant::now() => self.try_close(id),
                Some(State::Closing(_)) => false,
                _ => true,
            };
            if !settled {
                self.runs.unsettled.push(id);
            }
        }
    }

    /// Kills what is left; if nothing is, finishes. Says whether it did.
    fn try_close(&mut self, id: RunId) -> bool {
        let Some(run) = self.runs.by_id.get(&id) else { return true };
        let State::Closing(Closing { mut outcome, tries, give_up, over_memory, .. }) = run.state else {
            return true;
        };
        // Of several folders some may go before others, and with them what they know.
        let over_memory = add_group_facts(run, &mut outcome) || over_memory;
        let is_empty = match tracking_folder(run) {
            Some(folder) => folder.remove(),
            None => self.processes(run).is_empty() && run.folder.as_ref().is_none_or(RunFolder::remove),
        };
        // Their ends are told before the run's.
        let is_empty = is_empty && !self.steps.has_live(id);
        if is_empty || give_up <= Instant::now() {
            self.finish(id, outcome, over_memory, !is_empty);
            return true;
        }
        self.kill_all(run);
        if let Some(Run { state: State::Closing(closing), .. }) = self.runs.by_id.get_mut(&id) {
            closing.outcome = outcome;
            closing.over_memory = over_memory;
            closing.tries = tries + 1;
            closing.next = Instant::now() + Duration::from_millis(1 << tries.min(6));
        }
        false
    }

    /// Settles a run of which nothing is left: what comes after it, then its end.
    pub(super) fn finish(&mut self, id: RunId, outcome: Outcome, over_memory: bool, left_behind: bool) {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        self.chores.extend(run.script());
        let end = run.conclude(outcome, over_memory, left_behind);
        run.folder = None;
        match run.around {
            Some(_) => self.next_after(id, end, 0),
            None => self.over(id, end),
        }
    }

    /// Writes the end of a run down and reports it.
    pub(super) fn over(&mut self, id: RunId, end: FoundState) {
        let Some(run) = self.runs.by_id.get_mut(&id) else { return };
        run.state = State::Over(end.clone());
        self.runs.live -= 1;
        self.journal.add(&Record::Over { run: id, end: end.clone() });
        let mut reports = Found { run: id, state: end, steps: Vec::new() }.reports();
        // Its start has been reported in its time.
        self.outgoing.extend(reports.pop());
    }

    /// Drops runs whose ends the server has put in safety.
    pub(super) fn forget(&mut self, ids: &[RunId]) {
        for id in ids {
            if self.runs.by_id.get(id).is_some_and(|run| !run.is_live()) {
                self.runs.by_id.remove(id);
                self.forget_steps_of(*id);
                self.journal.add(&Record::Forgotten { run: *id });
            }
        }
    }
}

/// Adds what the control group knows: the CPU time of all processes, and whether memory ran out.
fn add_group_facts(run: &Run, outcome: &mut Outcome) -> bool {
    let (Some(folder), Outcome::Ended { usage, .. }) = (&run.folder, outcome) else { return false };
    if let Some((user, system)) = folder.cpu_time() {
        (usage.user, usage.system) = (user, system);
    }
    if let Some((read, written)) = folder.storage() {
        (usage.read_bytes, usage.written_bytes) = (read, written);
    }
    usage.memory_peak = folder.memory_peak().or(usage.memory_peak);
    folder.was_over_memory()
}

/// Whether this is a way for a run to end.
pub(super) fn is_end(state: &FoundState) -> bool {
    !matches!(state, FoundState::Starting | FoundState::Running { .. })
}
