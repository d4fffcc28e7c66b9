//! How many tasks of each array run, for its throttle.

use crate::JobId;
use crate::job::{ArrayPart, Job};
use std::collections::HashMap;

/// Tasks that hold resources, by array.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningTasks(HashMap<JobId, u32>);

impl RunningTasks {
    /// Returns how many tasks of the array hold resources.
    pub(super) fn of(&self, array: JobId) -> u32 {
        self.0.get(&array).copied().unwrap_or(0)
    }

    /// Takes in that a job has changed.
    pub(super) fn moved(&mut self, before: Option<&Job>, after: Option<&Job>) {
        let running = |job: Option<&Job>| {
            job.filter(|job| {
                matches!(job.array, Some(ArrayPart::Task { .. })) && job.held_resources().is_some()
            })
            .map(Job::array_id)
        };
        match (running(before), running(after)) {
            (None, Some(array)) => *self.0.entry(array).or_default() += 1,
            (Some(array), None) => {
                if let Some(count) = self.0.get_mut(&array) {
                    *count -= 1;
                    if *count == 0 {
                        self.0.remove(&array);
                    }
                }
            }
            _ => {}
        }
    }
}
