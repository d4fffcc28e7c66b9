//! Submissions whose outcome is not known: written down before they are sent, so that neither a lost answer nor an end of
//! this process makes a job twice, or one that nobody knows.
//!
//! Each is remembered as a job that waits, under a number that no cluster gives. In the commit in which its outcome is
//! recorded it leaves.

use super::Mirror;
use super::image::{Image, Memo, Shown};
use crate::job::{Hold, Job, JobSpec, Payload, Pending, Phase, TaskSet};
use crate::service::receipts::ClientKey;
use crate::service::submission::Submission;
use crate::{Error, JobId, Text, Timestamp};
use std::sync::Arc;

/// Numbers from here on, beyond [`JobId::MAX`], are no cluster's.
const FIRST: u32 = 0xF000_0000;
/// Most submissions whose outcome may be open at once.
const MOST: usize = 10_000;

/// A submission whose outcome is not known.
#[derive(Clone)]
pub(super) struct Open {
    /// As it is remembered.
    pub(super) job: Arc<Job>,
    pub(super) payload: Arc<Payload>,
    /// By what its client knows it again.
    pub(super) key: Option<ClientKey>,
    /// When it was sent last.
    pub(super) sent: Timestamp,
    /// Somebody is sending it.
    pub(super) is_at_work: bool,
}

impl Open {
    /// Returns the mark that its job carries.
    pub(super) fn mark(&self) -> Text {
        mark(&self.job)
    }
}

/// What is told with a job tells which submission it was: no other one has these 32 hexadecimal digits.
fn mark(job: &Job) -> Text {
    Text::from(format!("{:016x}{:016x}", job.submitted.micros(), job.id.0.saturating_sub(FIRST)))
}

/// Tells whether a number is that of a submission whose outcome is not known.
pub(super) fn is_open(id: JobId) -> bool {
    id > JobId::MAX
}

/// Describes a job as it is known before the cluster has told of it.
pub(super) fn expected(id: JobId, submission: &Submission, now: Timestamp) -> Job {
    let mut spec: JobSpec = submission.spec.clone();
    spec.requeue = submission.requeue.unwrap_or(spec.requeue);
    if let Some(limit) = submission.time_limit {
        spec.time_limit = limit;
    }
    let tasks = TaskSet::parse(&submission.array, u32::MAX);
    let array = tasks.map(|(waiting, throttle)| {
        let size = waiting.len();
        crate::job::ArrayPart::Pool { waiting, throttle, size }
    });
    let hold = if submission.hold { Hold::User } else { Hold::None };
    Job {
        id,
        spec: Arc::new(spec),
        array,
        het: None,
        submitted: never_told(now),
        eligible: Timestamp::NEVER,
        priority: 0,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Pending(Pending { hold, ..Pending::default() }),
    }
}

/// A cluster counts in whole seconds: a time with a part of one is ours.
fn never_told(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.micros() | 1)
}

/// Tells whether the cluster has not told of a job yet.
pub(super) fn is_expected(job: &Job) -> bool {
    job.submitted.micros() % 1_000_000 != 0
}

impl Memo {
    /// Returns the open submission with that mark.
    pub(super) fn open_with(&self, mark: &str) -> Option<JobId> {
        if mark.is_empty() {
            return None;
        }
        self.open.iter().find(|(_, open)| open.mark() == mark).map(|(place, _)| *place)
    }

    /// Returns the open submission with that key of its client.
    pub(super) fn open_for(&self, key: &ClientKey) -> Option<(JobId, &Open)> {
        let is_it = |open: &Open| {
            open.key.as_ref().is_some_and(|other| other.user == key.user && other.key == key.key)
        };
        self.open.iter().find(|(_, open)| is_it(open)).map(|(place, open)| (*place, open))
    }

    /// Returns a place that no submission has had since this process began: with the time it makes the mark.
    fn next_place(&mut self) -> JobId {
        loop {
            let place = JobId(FIRST | self.opened);
            self.opened = self.opened.wrapping_add(1) & !FIRST;
            if !self.open.contains_key(&place) {
                return place;
            }
        }
    }
}

impl Image {
    /// Writes down that a submission is about to be sent.
    pub(super) fn open(
        &mut self,
        shown: &Shown<'_>,
        now: Timestamp,
        submission: &Submission,
    ) -> Result<JobId, Error> {
        if self.memo.open.len() >= MOST {
            return Err(Error::Unavailable(Text::const_new("too many submissions wait for the cluster")));
        }
        let place = self.memo.next_place();
        let job = Arc::new(expected(place, submission, now));
        let payload = Arc::new(submission.payload.clone());
        self.turn(shown, now, |ledger, memo| {
            memo.fresh.push(Arc::clone(&job));
            ledger.keep_payload(place, Arc::clone(&payload));
            if let Some(key) = &submission.client_key {
                ledger.intend(key, place);
            }
        })?;
        let key = submission.client_key.clone();
        self.memo.open.insert(place, Open { job, payload, key, sent: now, is_at_work: true });
        Ok(place)
    }

    /// Notes that a submission has come to nothing.
    pub(super) fn give_up(&mut self, shown: &Shown<'_>, now: Timestamp, place: JobId) -> Result<(), Error> {
        if !self.memo.open.contains_key(&place) {
            return Ok(());
        }
        self.turn(shown, now, |_, memo| memo.dropped.push(place))?;
        self.memo.open.remove(&place);
        Ok(())
    }
}

impl Mirror {
    /// Sets down that nobody works on a submission any more.
    pub(super) fn leave_open(&self, place: JobId) {
        let mut image = self.image();
        image.memo.found.remove(&place);
        if let Some(open) = image.memo.open.get_mut(&place) {
            open.is_at_work = false;
        }
    }
}
