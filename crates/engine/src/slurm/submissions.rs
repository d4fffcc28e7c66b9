//! Submissions under a client's key: written down before they are sent, carried by a mark that the job shows again, and
//! looked for on the cluster before anything is sent a second time. What the cluster acknowledged and lost, as it was
//! killed before it had saved it, is sent again under the same key.

use super::identity::As;
use super::mark::Mark;
use domain::ports::{Shelf, StoreError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where they are written down.
const SHELF: &str = "cluster.submissions";
/// Records that are read at a time.
const AT_A_TIME: usize = 1000;

/// A client's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// The key.
    pub key: String,
    /// What stands for the request under it.
    pub content: String,
}

/// What is written down of a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Whose it is.
    pub(super) user: String,
    /// What stands for the request.
    pub(super) content: String,
    /// The digits of its mark.
    pub(super) mark: String,
    /// When it came in, in seconds of UNIX time.
    pub(super) at: u64,
    /// The version it was sent in.
    pub(super) version: String,
    /// What was sent, as long as it may have to be sent again.
    pub(super) body: Option<String>,
    /// The job it became, once that is known.
    pub(super) job: Option<u32>,
    /// The answer that was given.
    pub(super) answer: Option<String>,
    /// Numbers that the job had before it was lost.
    pub(super) before: Vec<u32>,
    /// Whether the cluster has saved it by now.
    pub(super) is_settled: bool,
}

impl Record {
    pub(super) fn mark(&self) -> Mark {
        Mark(self.mark.clone())
    }

    /// Returns how long ago it came in.
    pub(super) fn age(&self) -> Duration {
        Duration::from_secs(now().saturating_sub(self.at))
    }
}

/// One that was acknowledged a moment ago.
#[derive(Clone, Debug)]
pub(super) struct Unsettled {
    pub(super) name: String,
    pub(super) who: As,
    pub(super) since: Instant,
}

/// How many are remembered, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How many.
    pub most: usize,
    /// How long.
    pub window: Duration,
}

/// All submissions that are remembered.
pub(super) struct Submissions {
    shelf: Arc<dyn Shelf>,
    memory: Memory,
    /// Whoever has one may send what is under its name.
    locks: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    order: Mutex<VecDeque<(u64, String)>>,
    unsettled: Mutex<Vec<Unsettled>>,
    /// Which number a job has instead of the one it had.
    instead: Mutex<HashMap<u32, u32>>,
}

impl Submissions {
    /// Reads what is remembered. Blocks.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn open(shelf: Arc<dyn Shelf>, memory: Memory) -> Result<Self, StoreError> {
        let submissions = Submissions {
            shelf,
            memory,
            locks: Mutex::default(),
            order: Mutex::default(),
            unsettled: Mutex::default(),
            instead: Mutex::default(),
        };
        let (mut after, mut order): (Option<String>, Vec<(u64, String)>) = (None, Vec::new());
        loop {
            let read = submissions.shelf.list(SHELF, "", after.as_deref(), AT_A_TIME)?;
            let Some((last, _)) = read.last() else { break };
            after = Some(last.clone());
            for (name, document) in read {
                let Some(record) = record(&document) else { continue };
                order.push((record.at, name.clone()));
                submissions.knows(&record);
                if record.job.is_some() && !record.is_settled {
                    let who = As::User(record.user);
                    submissions.unsettled().push(Unsettled { name, who, since: Instant::now() });
                }
            }
        }
        order.sort();
        *submissions.order.lock().unwrap_or_else(PoisonError::into_inner) = order.into();
        Ok(submissions)
    }

    /// Returns the name under which a key of a user is kept.
    pub(super) fn name(user: &str, key: &str) -> String {
        let mut digest = Sha256::new();
        digest.update((user.len() as u64).to_le_bytes());
        digest.update(user);
        digest.update(key);
        digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Begins a record.
    pub(super) fn new_record(name: &str, user: &str, content: &str, version: &str) -> Record {
        let mut digest = Sha256::new();
        digest.update(name);
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // A key whose first submission was refused names another job afterwards.
        digest.update(since_epoch.as_nanos().to_le_bytes());
        Record {
            user: user.to_owned(),
            content: content.to_owned(),
            mark: Mark::of(&digest.finalize()).0,
            at: now(),
            version: version.to_owned(),
            body: None,
            job: None,
            answer: None,
            before: Vec::new(),
            is_settled: false,
        }
    }

    /// Waits until nobody else is at work under a name.
    pub(super) async fn lock(&self, name: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
            if locks.len() > AT_A_TIME {
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            Arc::clone(locks.entry(name.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    /// Returns what is written down. Blocks.
    pub(super) fn get(&self, name: &str) -> Result<Option<Record>, StoreError> {
        let found = self.shelf.get(SHELF, name)?.and_then(|document| record(&document));
        Ok(found.filter(|record| record.age() < self.memory.window))
    }

    /// Writes a record down; it is safe when this returns. Blocks.
    pub(super) fn put(&self, name: &str, record: &Record) -> Result<(), StoreError> {
        let document = serde_json::to_vec(record).unwrap_or_default();
        self.shelf.put(SHELF, name, &document)?;
        self.knows(record);
        let mut old = Vec::new();
        {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            if order.back().is_none_or(|(at, last)| (*at, last.as_str()) != (record.at, name))
                && record.job.is_none()
            {
                order.push_back((record.at, name.to_owned()));
            }
            let end = now().saturating_sub(self.memory.window.as_secs());
            while order.len() > self.memory.most || order.front().is_some_and(|(at, _)| *at < end) {
                old.extend(order.pop_front());
            }
        }
        for (at, name) in old {
            // One that was begun anew under its key stays.
            if self.shelf.get(SHELF, &name)?.and_then(|document| record_at(&document)) == Some(at) {
                self.shelf.remove(SHELF, &name)?;
            }
        }
        Ok(())
    }

    /// Forgets a submission that came to nothing. Blocks.
    pub(super) fn forget(&self, name: &str) -> Result<(), StoreError> {
        self.shelf.remove(SHELF, name).map(drop)
    }

    fn unsettled(&self) -> std::sync::MutexGuard<'_, Vec<Unsettled>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that one was acknowledged.
    pub(super) fn acknowledged(&self, name: String, who: As) {
        self.unsettled().push(Unsettled { name, who, since: Instant::now() });
    }

    /// Takes those that were acknowledged longer ago than that.
    pub(super) fn due(&self, after: Duration) -> Vec<Unsettled> {
        let mut unsettled = self.unsettled();
        let (due, rest) = unsettled.drain(..).partition(|one| one.since.elapsed() >= after);
        *unsettled = rest;
        due
    }

    /// Takes them back: they could not be looked at.
    pub(super) fn still_due(&self, unsettled: impl IntoIterator<Item = Unsettled>) {
        self.unsettled().extend(unsettled);
    }

    fn knows(&self, record: &Record) {
        let Some(job) = record.job.filter(|_| !record.before.is_empty()) else { return };
        let mut instead = self.instead.lock().unwrap_or_else(PoisonError::into_inner);
        instead.extend(record.before.iter().map(|before| (*before, job)));
    }

    /// Returns the number that a job has now which was lost under another.
    pub(super) fn instead_of(&self, job: u32) -> Option<u32> {
        self.instead.lock().unwrap_or_else(PoisonError::into_inner).get(&job).copied()
    }
}

fn record(document: &[u8]) -> Option<Record> {
    serde_json::from_slice(document).ok()
}

fn record_at(document: &[u8]) -> Option<u64> {
    record(document).map(|record| record.at)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
