//! The order in which jobs are tried: partitions by tier, within a tier by priority and age over all its partitions.

use super::layout::Layout;
use domain::job::Job;
use domain::state::{QueueKey, State};
use std::iter::Peekable;
use std::sync::Arc;

/// Walks the queues of some partitions in order.
pub(super) struct Walk<'a> {
    layout: &'a Layout,
    state: &'a State,
    queues: Vec<Queue<'a>>,
    last: Option<QueueKey>,
}

struct Queue<'a> {
    partition: usize,
    tier: u16,
    keys: Peekable<Box<dyn Iterator<Item = QueueKey> + 'a>>,
}

/// A job to try in a partition, given by its place in the layout.
pub(super) struct Turn<'a> {
    /// The job.
    pub(super) job: &'a Arc<Job>,
    /// The partition.
    pub(super) partition: usize,
}

impl<'a> Walk<'a> {
    /// Begins a walk over the partitions for which `wanted` holds.
    pub(super) fn over(layout: &'a Layout, state: &'a State, wanted: impl Fn(usize) -> bool) -> Self {
        let chosen = layout.partitions.iter().enumerate().filter(|(at, _)| wanted(*at));
        let queues = chosen.filter(|(_, entry)| state.queues().len_of(&entry.name) > 0).map(|(at, entry)| {
            let keys: Box<dyn Iterator<Item = QueueKey> + 'a> = Box::new(state.queues().of(&entry.name));
            Queue { partition: at, tier: entry.tier, keys: keys.peekable() }
        });
        Walk { layout, state, queues: queues.collect(), last: None }
    }

    /// Returns the place in its queue of the job that was tried last.
    pub(super) fn last_place(&self) -> Option<QueueKey> {
        self.last
    }

    /// Goes on behind a place in a partition's queue.
    pub(super) fn go_on_behind(&mut self, partition: usize, place: QueueKey) {
        if let Some(queue) = self.queues.iter_mut().find(|queue| queue.partition == partition) {
            let name = &self.layout.partitions[partition].name;
            let keys: Box<dyn Iterator<Item = QueueKey> + 'a> =
                Box::new(self.state.queues().behind(name, place));
            queue.keys = keys.peekable();
        }
    }

    /// Leaves out the rest of a partition's queue.
    pub(super) fn close(&mut self, partition: usize) {
        self.queues.retain(|queue| queue.partition != partition);
    }

    /// Tells whether there is a job left.
    pub(super) fn has_more(&mut self) -> bool {
        self.queues.iter_mut().any(|queue| queue.keys.peek().is_some())
    }

    /// Returns the queue whose turn it is. A job that stands in several queues of a tier is tried in the order in
    /// which it names the partitions.
    fn next_queue(&mut self) -> Option<usize> {
        let mut best: Option<(usize, u16, QueueKey)> = None;
        for at in 0..self.queues.len() {
            let Some(key) = self.queues[at].keys.peek().copied() else { continue };
            let tier = self.queues[at].tier;
            let is_better = match best {
                None => true,
                Some((other, best_tier, best_key)) if best_tier == tier => {
                    key < best_key || key == best_key && self.names_first(key, at, other)
                }
                Some(_) => false,
            };
            if is_better {
                best = Some((at, tier, key));
            }
        }
        best.map(|(at, _, _)| at)
    }

    fn names_first(&self, key: QueueKey, one: usize, other: usize) -> bool {
        let Some(job) = self.state.job(key.job) else { return false };
        let rank = |at: usize| {
            let name = &self.layout.partitions[self.queues[at].partition].name;
            job.spec.partitions.iter().position(|partition| partition == name)
        };
        rank(one) < rank(other)
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Turn<'a>;

    fn next(&mut self) -> Option<Turn<'a>> {
        loop {
            let at = self.next_queue()?;
            let queue = &mut self.queues[at];
            let key = queue.keys.next()?;
            self.last = Some(key);
            if let Some(job) = self.state.job(key.job) {
                return Some(Turn { job, partition: queue.partition });
            }
        }
    }
}
