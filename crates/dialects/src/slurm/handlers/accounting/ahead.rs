//! The attempts of a list, read some hundred at a time: those that come next on other threads, while those before them
//! are written.

use crate::site::Site;
use crate::slurm::to_wire::accounting::foreign;
use domain::job::Job;
use domain::monitoring::RecordId;
use domain::ports::{ClosedStep, Recorded};
use domain::{JobId, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Attempts read at once while a list is sent.
const AT_ONCE: usize = 125;
/// As many of them at first: nothing can be written before.
const AT_FIRST: usize = 25;
/// As many times that is done ahead: attempts that lie far apart take longer to be read than to be written.
const AHEAD: usize = 2;

/// An attempt that was found.
pub(super) enum Item {
    /// In this row.
    Past(u64),
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
#[derive(Default)]
pub(super) struct Batch {
    pub(super) attempts: VecDeque<AtHand>,
    /// Steps of their jobs that have ended.
    pub(super) steps: HashMap<JobId, Vec<ClosedStep>>,
}

/// How attempts are read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) site: Arc<Site>,
    /// Steps are not wanted.
    pub(super) no_steps: bool,
    /// What time it is for jobs that go on.
    pub(super) now: Timestamp,
}

/// What is still to be read of a list.
pub(super) struct Ahead {
    items: VecDeque<Item>,
    reading: Reading,
    next: VecDeque<Next>,
}

/// What is read meanwhile.
struct Next {
    part: Arc<Part>,
    read: Receiver<Batch>,
}

/// A part of a list, for whoever comes first: the thread that reads ahead, or the one that needs it now. So no thread
/// waits for another that has not begun.
struct Part {
    items: Vec<Item>,
    is_taken: AtomicBool,
}

impl Part {
    fn take(&self) -> Option<&[Item]> {
        (!self.is_taken.swap(true, Ordering::Relaxed)).then_some(&self.items)
    }
}

impl Ahead {
    /// Makes one that has read nothing yet.
    pub(super) fn of(items: VecDeque<Item>, reading: Reading) -> Self {
        Ahead { items, reading, next: VecDeque::new() }
    }

    /// Returns the next attempts; `None` at the end. Blocks, within the runtime.
    pub(super) fn next(&mut self) -> Option<Batch> {
        // All of some may have been purged meanwhile.
        loop {
            let next = match self.next.pop_front() {
                Some(next) => next,
                None => Next::of(self.some(AT_FIRST)?).0,
            };
            while self.next.len() < AHEAD
                && let Some(items) = self.some(AT_ONCE)
            {
                self.next.push_back(Next::begin(items, &self.reading));
            }
            let batch = next.batch(&self.reading);
            if !batch.attempts.is_empty() {
                return Some(batch);
            }
        }
    }

    fn some(&mut self, most: usize) -> Option<Vec<Item>> {
        let some: Vec<Item> = self.items.drain(..self.items.len().min(most)).collect();
        Some(some).filter(|some| !some.is_empty())
    }
}

impl Next {
    /// Makes one that nobody has begun, and where to say what was read.
    fn of(items: Vec<Item>) -> (Self, SyncSender<Batch>) {
        let part = Arc::new(Part { items, is_taken: AtomicBool::new(false) });
        let (send, read) = sync_channel(1);
        (Next { part, read }, send)
    }

    fn begin(items: Vec<Item>, reading: &Reading) -> Self {
        let (next, send) = Next::of(items);
        let (of, reading) = (Arc::clone(&next.part), reading.clone());
        tokio::task::spawn_blocking(move || {
            if let Some(items) = of.take() {
                // Nobody may want it any more.
                let _ = send.send(reading.batch(items));
            }
        });
        next
    }

    fn batch(self, reading: &Reading) -> Batch {
        match self.part.take() {
            Some(items) => reading.batch(items),
            // One that broke off is repeated here, where that ends the answer.
            None => self.read.recv().unwrap_or_else(|_| reading.batch(&self.part.items)),
        }
    }
}

impl Reading {
    /// Reads attempts; what cannot be read is left out and logged.
    fn batch(&self, items: &[Item]) -> Batch {
        let row = |item: &Item| match item {
            Item::Past(row) => Some(*row),
            Item::Living(_) | Item::Foreign(_) => None,
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
                Item::Foreign(id) => {
                    attempts.extend(self.other(*id).map(|job| AtHand::Foreign(Box::new(job))));
                }
                Item::Past(row) => {
                    let found = read.next_if(|found| found.row == *row);
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
