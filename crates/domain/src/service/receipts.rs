//! What submissions were answered that their clients gave a key: one that is sent again under its key is answered again,
//! and makes no second job. Receipts are recorded in the commit of their job, and forgotten after some time or when there
//! are too many, the oldest first.

use super::submission::{Note, Submitted};
use crate::{Error, JobId, Problem, Text, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// By what a client knows a submission again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientKey {
    /// Whose key it is: everybody has keys of his own.
    pub user: Text,
    /// The key itself.
    pub key: Text,
    /// Stands for everything that was sent: another one under the same key is a mistake.
    pub content: Text,
}

/// What a submission with a key was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Counts up; the order in which receipts are forgotten.
    pub number: u64,
    /// The key.
    pub key: ClientKey,
    /// When it was answered.
    pub at: Timestamp,
    /// The job that was made.
    pub job: JobId,
    /// What else was said.
    pub notes: Vec<Note>,
}

impl Receipt {
    /// Tells whether it was answered: before a cluster elsewhere is asked, the key is noted with a number that no job has.
    fn is_answer(&self) -> bool {
        self.job <= JobId::MAX
    }

    /// Returns the answer, if the same is asked for.
    fn answer(&self, key: &ClientKey) -> Result<Submitted, Error> {
        match self.key.content == key.content {
            true => Ok(Submitted { id: self.job, notes: self.notes.clone() }),
            false => Err(Problem::KeyReused.into()),
        }
    }
}

/// The receipts that are kept. The writer adds to them after a commit, everybody reads.
#[derive(Debug)]
pub(super) struct Receipts {
    kept: Mutex<Kept>,
    most: usize,
    lifetime: Duration,
}

#[derive(Debug, Default)]
struct Kept {
    in_order: VecDeque<Arc<Receipt>>,
    by_key: HashMap<(Text, Text), Arc<Receipt>>,
    last: u64,
}

impl Receipts {
    /// Begins with what was remembered; keeps at most `most` for `lifetime`.
    pub(super) fn new(remembered: Vec<Receipt>, most: usize, lifetime: Duration) -> Self {
        let receipts = Receipts { kept: Mutex::default(), most, lifetime };
        receipts.add(remembered);
        receipts
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what a submission under this key was answered, if there was one; an error if it was another one.
    pub(super) fn answer(&self, key: &ClientKey, now: Timestamp) -> Option<Result<Submitted, Error>> {
        let kept = self.kept();
        let receipt = kept.by_key.get(&(key.user.clone(), key.key.clone()))?;
        (receipt.is_answer() && now.since(receipt.at) < self.lifetime).then(|| receipt.answer(key))
    }

    /// Returns the number of the last receipt.
    pub(super) fn last(&self) -> u64 {
        self.kept().last
    }

    /// Returns up to which number receipts need not be remembered any more once `coming` more are added.
    pub(super) fn surplus(&self, coming: usize, now: Timestamp) -> Option<u64> {
        let kept = self.kept();
        let too_many = (kept.in_order.len() + coming).saturating_sub(self.most);
        let is_over = |(place, receipt): &(usize, &Arc<Receipt>)| {
            *place < too_many || now.since(receipt.at) >= self.lifetime
        };
        kept.in_order.iter().enumerate().take_while(is_over).last().map(|(_, receipt)| receipt.number)
    }

    /// Forgets receipts up to this number.
    pub(super) fn forget(&self, last: u64) {
        let mut kept = self.kept();
        while kept.in_order.front().is_some_and(|receipt| receipt.number <= last) {
            let Some(receipt) = kept.in_order.pop_front() else { return };
            let place = (receipt.key.user.clone(), receipt.key.key.clone());
            // The key may have been used anew since.
            if kept.by_key.get(&place).is_some_and(|now| now.number == receipt.number) {
                kept.by_key.remove(&place);
            }
        }
    }

    /// Adds receipts that have been committed.
    pub(super) fn add(&self, receipts: Vec<Receipt>) {
        let mut kept = self.kept();
        for receipt in receipts {
            let receipt = Arc::new(receipt);
            kept.last = kept.last.max(receipt.number);
            let place = (receipt.key.user.clone(), receipt.key.key.clone());
            kept.by_key.insert(place, Arc::clone(&receipt));
            kept.in_order.push_back(receipt);
        }
    }
}

/// The receipts as one batch sees them: those that are kept and those it adds.
pub(super) struct Counter {
    kept: Arc<Receipts>,
    now: Timestamp,
    added: Vec<Receipt>,
}

impl Counter {
    /// Opens it for a batch that is decided at `now`.
    pub(super) fn open(kept: &Arc<Receipts>, now: Timestamp) -> Self {
        Counter { kept: Arc::clone(kept), now, added: Vec::new() }
    }

    /// Returns what was answered under the key, also earlier in this batch.
    pub(super) fn answer(&self, key: &ClientKey) -> Option<Result<Submitted, Error>> {
        let is_it = |receipt: &&Receipt| {
            receipt.is_answer() && receipt.key.user == key.user && receipt.key.key == key.key
        };
        let added = self.added.iter().find(is_it).map(|receipt| receipt.answer(key));
        added.or_else(|| self.kept.answer(key, self.now))
    }

    /// Notes what is answered under a key.
    pub(super) fn note(&mut self, key: ClientKey, submitted: &Submitted) {
        let number = self.kept.last() + 1 + self.added.len() as u64;
        let (at, job, notes) = (self.now, submitted.id, submitted.notes.clone());
        self.added.push(Receipt { number, key, at, job, notes });
    }

    /// Returns what the batch adds, and up to which number receipts are forgotten with it.
    pub(super) fn close(self) -> (Vec<Receipt>, Option<u64>) {
        // Only who adds pays for tidying up.
        let surplus = (!self.added.is_empty()).then(|| self.kept.surplus(self.added.len(), self.now));
        (self.added, surplus.flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, content: &str) -> ClientKey {
        ClientKey { user: "alice".into(), key: name.into(), content: content.into() }
    }

    fn receipts(most: usize) -> Arc<Receipts> {
        Arc::new(Receipts::new(Vec::new(), most, Duration::from_secs(60)))
    }

    fn add(receipts: &Arc<Receipts>, name: &str, job: u32, at: i64) {
        let mut counter = Counter::open(receipts, Timestamp::from_seconds(at));
        let submitted = Submitted { id: JobId(job), notes: vec![Note::Held] };
        counter.note(key(name, "x"), &submitted);
        assert_eq!(counter.answer(&key(name, "x")), Some(Ok(submitted)));
        let (added, surplus) = counter.close();
        if let Some(last) = surplus {
            receipts.forget(last);
        }
        receipts.add(added);
    }

    fn job(receipts: &Receipts, name: &str, at: i64) -> Option<u32> {
        let answer = receipts.answer(&key(name, "x"), Timestamp::from_seconds(at))?;
        Some(answer.unwrap().id.0)
    }

    #[test]
    fn the_same_is_answered_again_and_another_is_refused() {
        let receipts = receipts(10);
        add(&receipts, "a", 5, 100);
        assert_eq!(job(&receipts, "a", 101), Some(5));
        let other = receipts.answer(&key("a", "y"), Timestamp::from_seconds(101));
        assert_eq!(other, Some(Err(Problem::KeyReused.into())));
        let stranger = ClientKey { user: "bob".into(), ..key("a", "x") };
        assert_eq!(receipts.answer(&stranger, Timestamp::from_seconds(101)), None);
    }

    #[test]
    fn receipts_are_forgotten_after_their_time_and_when_there_are_too_many() {
        let receipts = receipts(2);
        add(&receipts, "a", 1, 100);
        assert_eq!(job(&receipts, "a", 159), Some(1));
        assert_eq!(job(&receipts, "a", 160), None);
        // The same key anew.
        add(&receipts, "a", 2, 170);
        assert_eq!(job(&receipts, "a", 171), Some(2));
        assert_eq!(receipts.kept().in_order.len(), 1);
        add(&receipts, "b", 3, 171);
        add(&receipts, "c", 4, 172);
        assert_eq!((job(&receipts, "a", 173), job(&receipts, "b", 173)), (None, Some(3)));
        assert_eq!(receipts.kept().in_order.len(), 2);
        assert_eq!(receipts.kept().by_key.len(), 2);
        assert_eq!(receipts.last(), 4);
    }
}
