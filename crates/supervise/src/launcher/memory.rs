//! Runs and steps of which all processes die if one is killed for want of memory. The unified tree of control groups
//! sees to that by itself; of the old one the launcher reads now and then what the kernel has done.

use std::time::Duration;

use super::runs::State;
use super::serve::Launcher;
use crate::cgroup::RunFolder;

/// How often it looks.
pub(super) const LOOK: Duration = Duration::from_millis(200);

impl Launcher {
    /// Ends what has lost a process for want of memory, where all shall die together.
    pub(super) fn look_for_memory(&mut self) {
        let is_due = |folder: Option<&RunFolder>| {
            folder.is_some_and(|folder| folder.wants_a_look() && folder.was_over_memory())
        };
        for id in std::mem::take(&mut self.runs.together) {
            let Some(run) = self.runs.by_id.get(&id) else { continue };
            match run.state {
                State::Running { .. } if is_due(run.folder.as_ref()) => self.kill_all(run),
                State::Running { .. } | State::Starting { .. } | State::Hooked(_) => {
                    self.runs.together.push(id)
                }
                // What ends is killed with all that is left of it anyway.
                _ => {}
            }
        }
        for ticket in self.steps.over_memory(is_due) {
            self.kill_step(ticket);
        }
    }
}
