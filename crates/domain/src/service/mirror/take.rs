//! Taking in what the cluster tells of jobs.

use super::image::Memo;
use super::merge::{
    accounted, forgotten, is_same, merged, put_back, unaccounted, waiting_for_accounting, with_ours,
};
use crate::job::{Job, Phase};
use crate::ports::{History, Told};
use crate::service::ledger::Ledger;
use crate::service::submission::{Note, Submitted};
use crate::{JobId, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// How long it is waited for what accounting says of a job that is over: it hears of it within seconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// How long a job may be unknown to the cluster and to its accounting before it is given up.
pub(super) const GIVEN_UP_AFTER: Duration = Duration::from_secs(60);

impl Ledger<'_> {
    /// Takes in what is told of a job; tells whether it was news. What is told of a number that was another job's must be
    /// told again once that one has left: its script leaves with it.
    pub(super) fn take_told(&mut self, memo: &mut Memo, history: &dyn History, told: Told) -> bool {
        if self.retire(memo, &told.job) {
            memo.since = None;
            return false;
        }
        if let Some(place) = memo.open_with(&told.mark) {
            self.claim(memo, place, told.job.array_id(), told.job.submitted);
        }
        if !told.mark.is_empty() && !told.job.is_final() {
            memo.ours.insert(told.job.id);
        }
        if !memo.is_news(told.job.id, told.as_of) {
            return false;
        }
        match self.job(told.job.id).cloned() {
            Some(known) => self.take_further(memo, &known, told),
            None => self.take_new(memo, history, told),
        }
        true
    }

    /// Ends the job that had the number of another one, which a cluster gives again that has lost its state.
    pub(super) fn retire(&mut self, memo: &mut Memo, told: &Job) -> bool {
        let known = self.job(told.id).cloned();
        let Some(known) = known.filter(|known| !is_same(known, told)) else { return false };
        self.end_forgotten(memo, &known);
        self.leave(known.id);
        true
    }

    /// Takes in the first that is told of a job.
    fn take_new(&mut self, memo: &mut Memo, history: &dyn History, mut told: Told) {
        if told.job.is_final() && self.has_left(memo, history, &told.job) {
            return;
        }
        // Tasks share what was asked for with their array.
        let array = told.job.array_id();
        let sibling = self.job(array).cloned().filter(|_| told.job.array.is_some());
        if let Some(sibling) = sibling {
            let spec = with_ours(&told.job.spec, &sibling.spec);
            told.job.spec = if spec == *sibling.spec { Arc::clone(&sibling.spec) } else { Arc::new(spec) };
        }
        self.put_told(memo, told);
    }

    /// Tells whether a job that is over has been recorded and has left before.
    fn has_left(&self, memo: &mut Memo, history: &dyn History, job: &Job) -> bool {
        if memo.left.get(&job.id) == Some(&job.submitted) {
            return true;
        }
        let attempts = history.attempts(job.array_id()).unwrap_or_default();
        let is_it =
            attempts.iter().any(|closed| closed.job.id == job.id && closed.job.submitted == job.submitted);
        if is_it {
            memo.left.insert(job.id, job.submitted);
        }
        is_it
    }

    fn take_further(&mut self, memo: &mut Memo, known: &Arc<Job>, told: Told) {
        memo.missing.remove(&known.id);
        if known.is_final() && told.job.is_final() {
            return;
        }
        self.close_put_back(known, &told.job);
        let job = merged(known, told.job);
        self.put_told(memo, Told { job, ..told });
    }

    /// Takes the attempt that was known into history, if what is told is a later one.
    fn close_put_back(&mut self, known: &Job, told: &Job) {
        if told.restarts > known.restarts
            && let Some(attempt) = put_back(known, self.now)
        {
            self.close(Arc::new(attempt));
        }
    }

    /// Puts a job in its place; one that is over goes into history with what it used.
    fn put_told(&mut self, memo: &mut Memo, told: Told) {
        let Told { job, accounted, .. } = told;
        let has_run = matches!(&job.phase, Phase::Ended(ended) if ended.run.is_some());
        let job = match has_run && !accounted {
            true => {
                let since = *memo.ending.entry(job.id).or_insert(self.now);
                let is_patient = self.now.since(since) < PATIENCE;
                if is_patient { waiting_for_accounting(job) } else { job }
            }
            false => job,
        };
        if self.job(job.id).is_some_and(|known| **known == job) {
            return;
        }
        let job = self.take_in(job);
        if job.is_final() {
            memo.ending.remove(&job.id);
            memo.missing.remove(&job.id);
            self.close(job);
        }
    }

    /// Takes in what accounting knows of the end of a job.
    pub(super) fn take_accounted(&mut self, memo: &mut Memo, told: Told) {
        let known = self.job(told.job.id).cloned();
        let Some(known) = known.filter(|known| !known.is_final() && is_same(known, &told.job)) else {
            return;
        };
        // It had begun anew meanwhile.
        if memo.told.get(&known.id).is_some_and(|newest| *newest > told.as_of) {
            return;
        }
        if let Some(job) = accounted(&known, &told.job) {
            self.close_put_back(&known, &told.job);
            self.put_told(memo, Told { job, accounted: true, ..told });
        }
    }

    /// Ends a job although accounting has not said what it used.
    pub(super) fn end_unaccounted(&mut self, memo: &mut Memo, id: JobId) {
        let job = self.job(id).and_then(|known| unaccounted(known));
        match job {
            Some(job) => self.put_told(
                memo,
                Told { job, mark: Default::default(), accounted: true, as_of: Default::default() },
            ),
            None => drop(memo.ending.remove(&id)),
        }
    }

    /// Ends a job of which nobody knows any more.
    pub(super) fn end_forgotten(&mut self, memo: &mut Memo, known: &Arc<Job>) {
        if known.is_final() {
            return;
        }
        tracing::warn!(job.id = known.id.0, "the cluster does not know a job any more");
        let job = forgotten(known, self.now);
        self.put_told(
            memo,
            Told { job, mark: Default::default(), accounted: true, as_of: Default::default() },
        );
    }

    /// Gives a submission whose outcome was not known the number that the cluster has given it.
    pub(super) fn claim(&mut self, memo: &mut Memo, place: JobId, id: JobId, submitted: Timestamp) {
        let Some(open) = memo.open.remove(&place) else { return };
        memo.dropped.push(place);
        memo.ours.insert(id);
        if open.is_at_work {
            memo.found.insert(place, id);
        }
        match self.job(id).cloned() {
            // The cluster has told of it before, without what only we know.
            Some(known) => {
                let spec = Arc::new(with_ours(&known.spec, &open.job.spec));
                self.take_in(Job { spec, ..(*known).clone() });
            }
            None => drop(self.take_in(Job { id, submitted, ..(*open.job).clone() })),
        }
        self.keep_payload(id, Arc::clone(&open.payload));
        if let Some(key) = &open.key {
            self.note_answer(key.clone(), &Submitted { id, notes: notes_of(&open.job) });
        }
        memo.claimed.push((place, open));
    }

    /// Takes those out of the live ones that have been over for long enough.
    pub(super) fn see_told_off(&mut self, memo: &mut Memo) {
        const MOST: usize = 10_000;
        for id in self.state().leaving(self.now, MOST) {
            if let Some(job) = self.leave(id) {
                memo.left.insert(id, job.submitted);
            }
        }
    }
}

/// What the author of a submission should know.
pub(super) fn notes_of(job: &Job) -> Vec<Note> {
    match job.hold() {
        crate::job::Hold::None => Vec::new(),
        _ => vec![Note::Held],
    }
}
