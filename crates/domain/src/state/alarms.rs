//! When something is due for a job without anybody asking: one entry a job, the earliest first.

use crate::{JobId, Timestamp};
use std::collections::{BTreeSet, HashMap};

/// The alarms of all jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Alarms {
    by_time: BTreeSet<(Timestamp, JobId)>,
    by_job: HashMap<JobId, Timestamp>,
}

impl Alarms {
    /// Sets or clears the alarm of a job.
    pub(super) fn set(&mut self, job: JobId, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.by_job.insert(job, at),
            None => self.by_job.remove(&job),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, job));
        }
        if let Some(at) = at {
            self.by_time.insert((at, job));
        }
    }

    /// Returns the time of the earliest alarm.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Returns the jobs whose alarm is due, at most `most` of them.
    pub(super) fn due(&self, now: Timestamp, most: usize) -> Vec<JobId> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).take(most).map(|(_, job)| *job).collect()
    }
}
