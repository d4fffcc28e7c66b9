//! Steps on nodes that their run has no more: their tasks there are killed, the others go on.

use super::Step;
use super::end::{signal_group, signal_process};
use crate::launcher::serve::Launcher;
use crate::proc;
use crate::run::RunId;

/// Stands in a layout for the place of a node that is gone.
const GONE: u32 = u32::MAX;

impl Launcher {
    /// Kills the tasks of a run's steps that are not on these nodes; those that have not begun are killed when they do.
    pub(in crate::launcher) fn lose_nodes(&mut self, run: RunId, kept: &[String]) {
        for ticket in self.steps.open_of(run) {
            let Some(live) = self.steps.table.get_mut(&ticket).and_then(Step::live_mut) else { continue };
            let layout = &mut live.grant.layout;
            let mut lost = Vec::new();
            for (number, place) in layout.tasks.iter_mut().enumerate() {
                if layout.nodes.get(*place as usize).is_none_or(|node| !kept.contains(node)) {
                    *place = GONE;
                    lost.push(number);
                }
            }
            lost.into_iter().for_each(|number| self.kill_task(ticket, number));
        }
    }

    /// Kills a task that is on a node its run has no more.
    pub(super) fn kill_if_lost(&mut self, ticket: u64, number: usize) {
        let live = self.steps.table.get(&ticket).and_then(Step::live);
        if live.is_some_and(|live| live.grant.layout.tasks.get(number) == Some(&GONE)) {
            self.kill_task(ticket, number);
        }
    }

    /// Kills what descends from a task, as far as it can be told from the other tasks.
    fn kill_task(&self, ticket: u64, number: usize) {
        let live = self.steps.table.get(&ticket).and_then(Step::live);
        let task = live.and_then(|live| live.tasks.get(number)).map(|task| task.pid);
        // The number of one that was waited for may be somebody else's by now.
        let Some(pid) = task.filter(|pid| self.steps.by_pid.contains_key(pid)) else { return };
        // Looked for before any of them dies: the children of the dead are nobody's.
        let all = proc::with_descendants(std::iter::once(pid));
        signal_group(pid, libc::SIGKILL);
        all.into_iter().for_each(|pid| signal_process(pid, libc::SIGKILL));
    }
}
