//! The end of a step: asked to end, killed, and only when none of its processes is left closed and reported.

use std::time::{Duration, Instant};

use super::{Closing, Live, Step, StepState};
use crate::cgroup::RunFolder;
use crate::launcher::serve::Launcher;
use crate::launcher::tree;
use crate::proc;
use crate::run::{RunId, UnixMicros};
use crate::steps::{StepAnswer, StepCut, StepEnded};

/// How long processes may take to die before they are given up.
const GIVE_UP: Duration = Duration::from_secs(30);

impl Launcher {
    /// Signals every task of a step; `SIGKILL` ends it with all it has started.
    pub(super) fn signal_step(&mut self, ticket: u64, signal: i32) {
        let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { return };
        if signal == libc::SIGKILL {
            live.cut.get_or_insert(StepCut::Killed);
            self.kill_step(ticket);
            return;
        }
        for task in live.tasks.iter_mut().filter(|task| task.pid > 0) {
            match task.failures {
                // It would hit the launcher's own code in the child.
                Some(_) => task.early.push(signal),
                None => signal_group(task.pid, signal),
            }
        }
    }

    /// Ends a step before its tasks do: by `SIGTERM`, and later by `SIGKILL`.
    pub(super) fn cut_step(&mut self, ticket: u64, cut: StepCut) {
        let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { return };
        live.cut.get_or_insert(cut);
        live.program = None;
        if live.kill_at.is_none() {
            live.kill_at = Some(Instant::now() + live.grant.kill_wait);
            // A stopped process takes no other signal until it is woken.
            self.signal_step(ticket, libc::SIGCONT);
            self.signal_step(ticket, libc::SIGTERM);
        }
    }

    /// Kills every process of a step that can be found.
    pub(in crate::launcher) fn kill_step(&mut self, ticket: u64) {
        let mark = self.step_mark(ticket);
        let Some(step) = self.steps.table.get_mut(&ticket) else { return };
        let Some(live) = step.live_mut() else { return };
        live.program = None;
        // Looked for before any of them dies: the children of the dead are nobody's, and harder to find.
        let found = if live.tracking().is_none() { live.processes(&mark) } else { Vec::new() };
        // The number of one that was waited for may be somebody else's by now.
        for task in live.tasks.iter().filter(|task| self.steps.by_pid.contains_key(&task.pid)) {
            signal_process(task.pid, libc::SIGKILL);
        }
        match live.tracking() {
            Some(folder) => folder.kill(),
            None => found.into_iter().for_each(|pid| signal_process(pid, libc::SIGKILL)),
        }
    }

    /// The assignment that marks the processes of a step.
    fn step_mark(&self, ticket: u64) -> Vec<u8> {
        let live = self.steps.table.get(&ticket).and_then(|step| Some((step.run, step.live()?)));
        let value = live.map(|(run, live)| self.step_mark_value(run, live.number()));
        format!("{}={}", tree::STEP_MARK, value.unwrap_or_default()).into_bytes()
    }

    /// The value of the same.
    pub(super) fn step_mark_value(&self, run: RunId, number: u32) -> String {
        format!("{}/{number}", self.mark_value(run))
    }

    /// The run of these steps is ending, and they with it.
    pub(in crate::launcher) fn end_steps_of(&mut self, run: RunId) {
        for ticket in self.steps.open_of(run) {
            let Some(step) = self.steps.table.get_mut(&ticket) else { continue };
            match &mut step.state {
                StepState::Asked { .. } => {
                    self.answer(
                        ticket,
                        &StepAnswer::Refused { why: "Job/step already completing or completed".into() },
                    );
                    self.steps.table.remove(&ticket);
                    self.outgoing.push(crate::report::Report::StepGone { run, ticket });
                }
                StepState::Live(live) => {
                    live.cut.get_or_insert(StepCut::RunEnded);
                    self.kill_step(ticket);
                }
                StepState::Over { .. } => {}
            }
        }
        self.settle_steps();
    }

    /// Looks at every living step: whether its time is up, whether it is through, whether it is gone.
    pub(in crate::launcher) fn settle_steps(&mut self) {
        let now = Instant::now();
        for ticket in self.steps.live.clone() {
            let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { continue };
            if live.cut.is_none() && live.deadline.is_some_and(|deadline| deadline <= now) {
                self.cut_step(ticket, StepCut::TimeLimit);
            }
            let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { continue };
            if live.kill_at.is_some_and(|at| at <= now) {
                live.kill_at = None;
                self.kill_step(ticket);
            }
            let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { continue };
            let is_over = live.is_through() || (live.cut.is_some() && live.running == 0);
            if is_over && live.closing.is_none() {
                live.closing = Some(Closing { tries: 0, next: now, give_up: now + GIVE_UP });
            }
            if live.closing.as_ref().is_some_and(|closing| closing.next <= now) {
                self.try_close_step(ticket);
            }
        }
    }

    /// Kills what is left of a step; if nothing is, reports its end.
    fn try_close_step(&mut self, ticket: u64) {
        let mark = self.step_mark(ticket);
        let Some(step) = self.steps.table.get_mut(&ticket) else { return };
        let run = step.run;
        let Some(live) = step.live_mut() else { return };
        let over_memory = live.folder.as_ref().is_some_and(RunFolder::was_over_memory);
        if let Some((user, system)) = live.folder.as_ref().and_then(RunFolder::cpu_time) {
            (live.usage.user, live.usage.system) = (user, system);
        }
        let is_empty = match live.tracking() {
            Some(folder) => folder.remove(),
            None => live.processes(&mark).is_empty() && live.folder.as_ref().is_none_or(RunFolder::remove),
        };
        let Some(closing) = &mut live.closing else { return };
        if !is_empty && closing.give_up > Instant::now() {
            closing.next = Instant::now() + Duration::from_millis(1 << closing.tries.min(6));
            closing.tries += 1;
            return self.kill_step(ticket);
        }
        let ended = Box::new(live.conclude(over_memory));
        let number = live.number();
        self.answer(ticket, &StepAnswer::Ended(ended.clone()));
        self.conclude_step(run, ticket, number, ended);
    }
}

impl Live {
    /// The folder that knows all processes of the step.
    fn tracking(&self) -> Option<&RunFolder> {
        self.folder.as_ref().filter(|folder| folder.tracks())
    }

    /// The processes of a step that nothing holds together but this mark.
    fn processes(&self, mark: &[u8]) -> Vec<u32> {
        let tasks: Vec<u32> = self.tasks.iter().map(|task| task.pid).filter(|pid| *pid > 0).collect();
        tree::step_members(&tasks, mark)
    }

    fn conclude(&self, over_memory: bool) -> StepEnded {
        let mut usage = self.usage;
        let count =
            u64::try_from(self.tasks.iter().filter(|task| task.failed.is_none()).count()).unwrap_or(0);
        usage.mean_rss = self.rss_sum / count.max(1);
        StepEnded {
            started_at: self.started_at,
            at: UnixMicros::now(),
            status: self.status,
            cut: self.cut,
            over_memory,
            usage,
        }
    }
}

/// Signals a task's process group: it leads a session of its own.
pub(super) fn signal_group(pid: u32, signal: i32) {
    // SAFETY: kill takes no pointers. The process has not been waited for, so its number is its own.
    unsafe { libc::kill(-(pid as libc::pid_t), signal) };
}

pub(super) fn signal_process(pid: u32, signal: i32) {
    // SAFETY: kill takes no pointers. The number is a child's that was not waited for, or was just listed.
    unsafe { libc::kill(pid as libc::pid_t, signal) };
}

/// Kills what a launcher before us has left of steps of this run; says whether something lived.
pub(in crate::launcher) fn kill_leftovers(
    folder: Option<&RunFolder>,
    run_mark: &[u8],
    leader: Option<u32>,
) -> bool {
    match folder.filter(|folder| folder.tracks()) {
        Some(folder) => {
            let steps = folder.steps_below();
            steps.iter().for_each(RunFolder::kill);
            steps.iter().any(|step| !step.remove())
        }
        None => {
            let keeps: Vec<u32> =
                leader.map(|leader| proc::with_descendants(std::iter::once(leader))).unwrap_or_default();
            let left: Vec<u32> = proc::all()
                .into_iter()
                .filter(|pid| !keeps.contains(pid) && tree::is_task(*pid, run_mark))
                .collect();
            left.iter().for_each(|pid| signal_process(*pid, libc::SIGKILL));
            !left.is_empty()
        }
    }
}
