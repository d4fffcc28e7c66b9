//! Where requests are taken in, wait for their turn, and are remembered.

use super::record::Record;
use super::run;
use crate::online::Online;
use crate::places::Places;
use domain::ports::{NoTransfer, Progress, Shelf, StoreError, Transfer, Transfers};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;

/// The shelf of requests; their names are their numbers.
const SHELF: &str = "nifcloud.sync";
/// Requests done at a time.
const AT_ONCE: usize = 4;
/// Requests of a user that may wait.
const MOST_OF_USER: usize = 100;
/// Requests that may wait in all.
const MOST: usize = 10_000;
/// Requests that are over and still known.
const REMEMBERED: usize = 10_000;

/// The desk. Copies are handles to the same one.
#[derive(Clone)]
pub struct Syncs(Arc<Inner>);

struct Inner {
    shelf: Arc<dyn Shelf>,
    places: Places,
    /// `None` where there is no object store.
    online: Option<Online>,
    runtime: Handle,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    last: u64,
    /// In the order of their numbers.
    waiting: VecDeque<(u64, Record)>,
    running: BTreeMap<u64, Record>,
    /// Over, oldest first.
    over: VecDeque<u64>,
}

impl Syncs {
    /// Opens the desk; what was not done in an earlier life is begun again. Call it within the runtime.
    ///
    /// # Errors
    /// If what is remembered cannot be read.
    pub fn open(
        shelf: Arc<dyn Shelf>,
        places: Places,
        online: Option<Online>,
        runtime: Handle,
    ) -> Result<Self, StoreError> {
        let mut queue = Queue::default();
        for (name, document) in shelf.list(SHELF, "", None, usize::MAX)? {
            let (Ok(number), Some(record)) = (name.parse(), Record::read(&document)) else { continue };
            queue.last = queue.last.max(number);
            match record.progress() {
                Progress::Waiting => queue.waiting.push_back((number, record)),
                Progress::Complete { .. } | Progress::Unfit => queue.over.push_back(number),
            }
        }
        let syncs = Syncs(Arc::new(Inner { shelf, places, online, runtime, queue: Mutex::new(queue) }));
        syncs.begin();
        Ok(syncs)
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        // No panic can leave the queue half changed.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins what can be begun.
    fn begin(&self) {
        let Some(online) = &self.0.online else { return };
        let mut queue = self.queue();
        while let Some((number, record)) = queue.take_next() {
            queue.running.insert(number, record.clone());
            let (syncs, online) = (self.clone(), online.clone());
            self.0.runtime.spawn(async move {
                let done = run(&syncs.0.places, &online, &record.transfer()).await;
                let ended = record.ended(done);
                let kept = tokio::task::spawn_blocking(move || {
                    syncs.end(number, &ended);
                    syncs.begin();
                });
                // Only the end of the service ends it; then the next life does it again.
                let _ = kept.await;
            });
        }
    }

    fn end(&self, number: u64, record: &Record) {
        if let Err(error) = self.0.shelf.put(SHELF, &name(number), &record.written()) {
            // It is done again by the next life.
            tracing::error!(%error, "the end of a synchronization cannot be kept");
        }
        let mut queue = self.queue();
        queue.running.remove(&number);
        queue.over.push_back(number);
        let oldest = if queue.over.len() > REMEMBERED { queue.over.pop_front() } else { None };
        drop(queue);
        if let Some(Err(error)) = oldest.map(|oldest| self.0.shelf.remove(SHELF, &name(oldest))) {
            tracing::warn!(%error, "an old synchronization cannot be forgotten");
        }
    }
}

impl Queue {
    /// Takes out the next request that touches nothing of those under way, or of those before it.
    fn take_next(&mut self) -> Option<(u64, Record)> {
        if self.running.len() >= AT_ONCE {
            return None;
        }
        let at = (0..self.waiting.len()).find(|at| {
            let Some((_, own)) = self.waiting.get(*at) else { return false };
            let before = self.waiting.iter().take(*at).map(|(_, other)| other);
            !self.running.values().chain(before).any(|other| own.touches(other))
        })?;
        self.waiting.remove(at)
    }
}

impl Record {
    /// Tells whether two requests could touch the same files: one directory is the other, or within it.
    fn touches(&self, other: &Record) -> bool {
        let names = |record: &Record| -> Vec<String> {
            let path = record.transfer().path.into_string();
            path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
        };
        let (own, others) = (names(self), names(other));
        let is_absolute = |record: &Record| record.transfer().path.starts_with('/');
        let may_be_same = is_absolute(self) != is_absolute(other);
        self.user == other.user && (may_be_same || own.iter().zip(&others).all(|(own, other)| own == other))
    }
}

/// A name that sorts as its number.
fn name(number: u64) -> String {
    format!("{number:020}")
}

impl Transfers for Syncs {
    fn request(&self, transfer: &Transfer) -> Result<u64, NoTransfer> {
        if self.0.online.is_none() {
            return Err(NoTransfer::Nowhere);
        }
        let record = Record::of(transfer);
        let mut queue = self.queue();
        let of_user = queue.waiting.iter().filter(|(_, other)| other.user == record.user).count();
        if of_user >= MOST_OF_USER || queue.waiting.len() >= MOST {
            return Err(NoTransfer::TooMany);
        }
        let number = queue.last + 1;
        // Under the lock, so that numbers are taken in the order in which they are safe.
        self.0.shelf.put(SHELF, &name(number), &record.written())?;
        queue.last = number;
        queue.waiting.push_back((number, record));
        drop(queue);
        self.begin();
        Ok(number)
    }

    fn progress(&self, user: &str, number: u64) -> Result<Option<Progress>, StoreError> {
        let document = self.0.shelf.get(SHELF, &name(number))?;
        let record = document.and_then(|document| Record::read(&document));
        Ok(record.filter(|record| record.user == user).map(|record| record.progress()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ports::Direction;

    fn record(user: &str, path: &str) -> Record {
        let direction = Direction::ToOnline;
        Record::of(&Transfer { user: user.into(), path: path.into(), direction, delete: false })
    }

    #[test]
    fn requests_that_touch_the_same_files_follow_one_another() {
        let touch = |one: &str, other: &str| record("a", one).touches(&record("a", other));
        assert!(touch("d", "d/") && touch("d/e", "./d") && touch("d", "d//e/f"));
        assert!(!touch("d", "de") && !touch("d/e", "d/f"));
        assert!(touch("/home/a/d", "e"), "it may be the same");
        assert!(!record("a", "d").touches(&record("b", "d")));
        let mut queue = Queue::default();
        let waiting = [("a", "d"), ("a", "d/e"), ("a", "f"), ("b", "d"), ("a", "d/e/f")];
        queue.waiting = (1..).zip(waiting.map(|(user, path)| record(user, path))).collect();
        let mut begun = Vec::new();
        while let Some((number, record)) = queue.take_next() {
            begun.push(number);
            queue.running.insert(number, record);
        }
        assert_eq!(begun, [1, 3, 4]);
        queue.running.remove(&1);
        assert_eq!(queue.take_next().map(|(number, _)| number), Some(2));
    }

    #[test]
    fn records_are_written_and_read() {
        let own = record("a", "d\u{e9}");
        assert_eq!(Record::read(&own.written()), Some(own.clone()));
        let ended = own.ended(super::super::Done::Complete(3));
        let progress = Record::read(&ended.written()).map(|record| record.progress());
        assert_eq!(progress, Some(Progress::Complete { failures: 3 }));
        assert_eq!(Record::read(b"{}"), None);
    }
}
