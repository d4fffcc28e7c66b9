//! Jobs that could start as far as they themselves go, in the order they shall be tried, by partition.

use crate::job::{Job, Phase};
use crate::{JobId, Text, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A job's place in a queue: higher priority first, then the older one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// Priority, the highest first.
    pub priority: Reverse<u32>,
    /// Number of the job, the oldest first.
    pub job: JobId,
}

/// Eligible jobs by partition. A job that names several partitions stands in several queues.
#[derive(Clone, Debug, Default)]
pub struct Queues(BTreeMap<Text, BTreeSet<QueueKey>>);

impl Queues {
    /// Returns the jobs of a partition in the order they shall be tried.
    pub fn of(&self, partition: &str) -> impl Iterator<Item = QueueKey> + '_ {
        self.0.get(partition).into_iter().flatten().copied()
    }

    /// Returns how many jobs wait in a partition.
    pub fn len_of(&self, partition: &str) -> usize {
        self.0.get(partition).map_or(0, BTreeSet::len)
    }

    /// Tells whether no job is eligible anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// Takes in that a job has changed.
    pub(super) fn moved(&mut self, before: Option<&Job>, after: Option<&Job>) {
        let (old, new) = (before.and_then(key), after.and_then(key));
        let same_partitions = || {
            before.zip(after).is_some_and(|(before, after)| before.spec.partitions == after.spec.partitions)
        };
        if old == new && (old.is_none() || same_partitions()) {
            return;
        }
        if let (Some(key), Some(job)) = (old, before) {
            for partition in &job.spec.partitions {
                if let Some(queue) = self.0.get_mut(partition) {
                    queue.remove(&key);
                }
            }
        }
        if let (Some(key), Some(job)) = (new, after) {
            for partition in &job.spec.partitions {
                self.0.entry(partition.clone()).or_default().insert(key);
            }
        }
    }
}

fn key(job: &Job) -> Option<QueueKey> {
    let waits = matches!(job.phase, Phase::Pending(_)) && job.eligible != Timestamp::NEVER;
    waits.then_some(QueueKey { priority: Reverse(job.priority), job: job.id })
}
