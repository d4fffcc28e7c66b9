//! Jobs that could start as far as they themselves go, in the order they shall be tried, by partition.

use crate::job::{Job, JobSpec, Phase};
use crate::priority::Ranking;
use crate::{JobId, Text, Timestamp};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

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

    /// Returns those behind a place.
    pub fn behind(&self, partition: &str, place: QueueKey) -> impl Iterator<Item = QueueKey> + '_ {
        let behind = (Bound::Excluded(place), Bound::Unbounded);
        self.0.get(partition).into_iter().flat_map(move |queue| queue.range(behind)).copied()
    }

    /// Returns how many jobs wait in a partition.
    pub fn len_of(&self, partition: &str) -> usize {
        self.0.get(partition).map_or(0, BTreeSet::len)
    }

    /// Tells whether no job is eligible anywhere.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// Returns every job once for each partition it waits in, in the order of one partition after the other.
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.0.values().flatten().map(|key| key.job)
    }

    /// Takes in that a job has changed.
    pub(super) fn moved(&mut self, ranking: &Ranking, before: Option<&Job>, after: Option<&Job>) {
        let (old, new) = (before.filter(|job| waits(job)), after.filter(|job| waits(job)));
        if let Some((old, new)) = old.zip(new)
            && old.priority == new.priority
            && (Arc::ptr_eq(&old.spec, &new.spec) || stands_alike(&old.spec, &new.spec))
        {
            return;
        }
        if let Some(job) = old {
            for partition in &job.spec.partitions {
                if let Some(queue) = self.0.get_mut(partition) {
                    queue.remove(&key(ranking, job, partition));
                }
            }
        }
        if let Some(job) = new {
            for partition in &job.spec.partitions {
                let queue = match self.0.get_mut(partition) {
                    Some(queue) => queue,
                    None => self.0.entry(partition.clone()).or_default(),
                };
                queue.insert(key(ranking, job, partition));
            }
        }
    }
}

fn waits(job: &Job) -> bool {
    matches!(job.phase, Phase::Pending(_)) && job.eligible != Timestamp::NEVER
}

/// Tells whether two requests have the same places in the same queues, given the same priority.
fn stands_alike(one: &JobSpec, other: &JobSpec) -> bool {
    // What a job asks for moves its priority differently in each of several partitions.
    one.partitions == other.partitions && one.partitions.len() < 2
}

fn key(ranking: &Ranking, job: &Job, partition: &str) -> QueueKey {
    QueueKey { priority: Reverse(ranking.in_partition(job, partition)), job: job.id }
}
