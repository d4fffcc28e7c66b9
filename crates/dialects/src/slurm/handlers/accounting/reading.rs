//! The attempts of a part of a list, read together, and their steps.

use crate::site::Site;
use crate::slurm::to_wire::accounting::foreign;
use domain::job::Job;
use domain::monitoring::RecordId;
use domain::ports::{ClosedStep, Recorded};
use domain::{JobId, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// An attempt that was found.
pub(super) enum Item {
    /// In this row.
    Past(u64),
    /// Read as it was found.
    Read(Box<Recorded>),
    Living(Arc<Job>),
    /// A job of another cluster, under this number in the registry.
    Foreign(RecordId),
}

/// An attempt at hand.
pub(super) enum AtHand {
    Past(Box<Recorded>),
    Living(Arc<Job>),
    Foreign(Box<slurm_wire::accounting::job::Job>),
}

/// Attempts that were read together.
pub(super) struct Batch {
    pub(super) attempts: VecDeque<AtHand>,
    /// Steps of their jobs that have ended.
    pub(super) steps: HashMap<JobId, Vec<ClosedStep>>,
}

/// How attempts are read.
pub(super) struct Reading {
    pub(super) site: Arc<Site>,
    /// Steps are not wanted.
    pub(super) no_steps: bool,
    /// What time it is for jobs that go on.
    pub(super) now: Timestamp,
}

impl Reading {
    /// Reads attempts; what cannot be read is left out and logged.
    pub(super) fn batch(&self, items: Vec<Item>) -> Batch {
        let row = |item: &Item| match item {
            Item::Past(row) => Some(*row),
            Item::Read(_) | Item::Living(_) | Item::Foreign(_) => None,
        };
        let rows: Vec<u64> = items.iter().filter_map(row).collect();
        let read = self.site.jobs.history().rows(&rows).unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "history cannot be read");
            Vec::new()
        });
        let mut read = read.into_iter().peekable();
        let mut attempts = VecDeque::with_capacity(items.len());
        for item in items {
            match item {
                Item::Living(job) => attempts.push_back(AtHand::Living(job.recorded())),
                Item::Read(found) => attempts.push_back(AtHand::Past(found)),
                Item::Foreign(id) => {
                    attempts.extend(self.other(id).map(|job| AtHand::Foreign(Box::new(job))));
                }
                Item::Past(row) => {
                    let found = read.next_if(|found| found.row == row);
                    attempts.extend(found.map(|found| AtHand::Past(Box::new(found))));
                }
            }
        }
        let steps = if self.no_steps { HashMap::new() } else { self.steps(&attempts) };
        Batch { attempts, steps }
    }

    /// Describes a job of another cluster; `None` if it is gone, or if its number is none of Slurm's.
    fn other(&self, id: RecordId) -> Option<slurm_wire::accounting::job::Job> {
        let read = self.site.monitoring()?.registry().record(id).unwrap_or_else(|error| {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a job of another cluster cannot be read"
            );
            None
        });
        foreign(&read?.record, self.now.seconds())
    }

    /// Reads the steps of all of them at once.
    fn steps(&self, attempts: &VecDeque<AtHand>) -> HashMap<JobId, Vec<ClosedStep>> {
        let jobs = attempts.iter().filter_map(|at_hand| match at_hand {
            AtHand::Past(found) => Some(&found.closed.job),
            AtHand::Living(job) => Some(job),
            AtHand::Foreign(_) => None,
        });
        // What has ended keeps no trace of its steps: whether there were any, history knows.
        let mut ids: Vec<JobId> = jobs.filter(|job| job.run().is_some()).map(|job| job.id).collect();
        ids.sort_unstable();
        ids.dedup();
        let read = self.site.jobs.history().steps_of(&ids).unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "steps cannot be read");
            Vec::new()
        });
        let mut steps: HashMap<JobId, Vec<ClosedStep>> = HashMap::new();
        for step in read {
            steps.entry(step.job).or_default().push(step);
        }
        steps
    }
}
