//! Submitting: written down, sent, and answered with the number that the cluster gives.

use super::take::notes_of;
use super::{Mirror, unsupported};
use crate::job::JobKind;
use crate::ports::{RemoteError, Told};
use crate::service::prepare::{check_author, check_texts};
use crate::service::submission::{Submission, Submitted};
use crate::who::Principal;
use crate::{Error, JobId, Problem, Text};

/// Where a submission stands before it is sent.
enum Begun {
    /// It was answered before.
    Answered(Submitted),
    /// It has just been written down.
    New(JobId),
    /// It was sent before, and its answer was lost.
    Lost(JobId),
}

impl Mirror {
    /// Submits a job. When this returns, it is recorded, and readers see it as the cluster has it.
    pub(super) fn submit(&self, by: &Principal, mut submission: Submission) -> Result<Submitted, Error> {
        check(by, &mut submission, &self.image().state.cluster().limits)?;
        match self.begin(&submission)? {
            Begun::Answered(answer) => Ok(answer),
            Begun::New(place) => self.attempt(place, &submission),
            Begun::Lost(place) => match self.find(place) {
                Ok(None) => self.attempt(place, &submission),
                Ok(Some(found)) => {
                    self.leave_open(place);
                    Ok(found)
                }
                Err(error) => {
                    self.leave_open(place);
                    Err(error)
                }
            },
        }
    }

    fn begin(&self, submission: &Submission) -> Result<Begun, Error> {
        let now = self.clock.now();
        let mut image = self.image();
        let key = submission.client_key.as_ref();
        if let Some(answer) = key.and_then(|key| self.receipts.answer(key, now)) {
            return answer.map(Begun::Answered);
        }
        if !image.memo.has_seen {
            return Err(Error::Unavailable(Text::const_new("the cluster has not been seen yet")));
        }
        let Some(key) = key else { return image.open(&self.shown(), now, submission).map(Begun::New) };
        let open = image.memo.open_for(key).map(|(place, open)| (place, open.clone()));
        match open {
            None => image.open(&self.shown(), now, submission).map(Begun::New),
            Some((_, open)) if open.key.as_ref() != Some(key) => Err(Problem::KeyReused.into()),
            Some((_, open)) if open.is_at_work => {
                Err(Error::Unavailable(Text::const_new("the same submission is being sent")))
            }
            Some((place, _)) => {
                if let Some(open) = image.memo.open.get_mut(&place) {
                    open.is_at_work = true;
                }
                Ok(Begun::Lost(place))
            }
        }
    }

    /// Sends a submission that is written down.
    fn attempt(&self, place: JobId, submission: &Submission) -> Result<Submitted, Error> {
        let outcome = self.send(place, submission);
        self.leave_open(place);
        outcome
    }

    fn send(&self, place: JobId, submission: &Submission) -> Result<Submitted, Error> {
        let mark = {
            let now = self.clock.now();
            let mut image = self.image();
            match image.memo.open.get_mut(&place) {
                Some(open) => {
                    open.sent = now;
                    open.mark()
                }
                None => return image.memo.answer_to(place),
            }
        };
        match self.remote.submit(submission, &mark) {
            Ok(id) => self.adopt(place, id, submission),
            Err(error @ (RemoteError::Refused(_) | RemoteError::Unreachable(_))) => {
                self.image().give_up(&self.shown(), self.clock.now(), place)?;
                Err(error.into())
            }
            Err(RemoteError::Unknown(why)) => {
                self.note_lost(place);
                match self.find(place) {
                    Ok(Some(found)) => Ok(found),
                    Ok(None) | Err(_) => Err(Error::Unavailable(Text::from(format!(
                        "it is not known whether the cluster has taken the job: {why}"
                    )))),
                }
            }
        }
    }

    fn note_lost(&self, place: JobId) {
        let now = self.clock.now();
        if let Some(open) = self.image().memo.open.get_mut(&place) {
            open.sent = now;
        }
    }

    /// Looks for the job of a submission whose answer was lost; `None` if it has come to nothing for sure.
    fn find(&self, place: JobId) -> Result<Option<Submitted>, Error> {
        let settles = self.remote.settles();
        let is_settled = {
            let now = self.clock.now();
            let image = self.image();
            image.memo.open.get(&place).is_some_and(|open| now.since(open.sent) >= settles)
        };
        self.find_open()?;
        if is_settled {
            self.recall(place)?;
        }
        let image = self.image();
        match image.memo.open.contains_key(&place) {
            false => image.memo.answer_to(place).map(Some),
            true if is_settled => Ok(None),
            true => Err(Error::Unavailable(Text::const_new(
                "it is not known yet whether the cluster has taken the job",
            ))),
        }
    }

    /// Takes in a job whose number the cluster has just told.
    fn adopt(&self, place: JobId, id: JobId, submission: &Submission) -> Result<Submitted, Error> {
        let told = match self.remote.job(id, &self.cluster()) {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(job.id = id.0, %error, "a job that was just submitted could not be read");
                Vec::new()
            }
        };
        let now = self.clock.now();
        let submitted = told.first().map(|told| told.job.submitted);
        let mut image = self.image();
        // Whoever had the number leaves first.
        image.turn(&self.shown(), now, |ledger, memo| {
            for told in &told {
                ledger.retire(memo, &told.job);
            }
        })?;
        image.turn(&self.shown(), now, |ledger, memo| {
            let expected = memo.open.get(&place).map(|open| open.job.submitted);
            if let Some(submitted) = submitted.or(expected) {
                ledger.claim(memo, place, id, submitted);
            }
            for told in told {
                ledger.take_told(memo, &*self.history, Told { mark: Text::default(), ..told });
            }
        })?;
        drop(image);
        self.gaze.ring();
        let notes = notes_of(&super::open::expected(id, submission, now));
        Ok(Submitted { id, notes })
    }
}

/// What cannot be right whatever the cluster says.
fn check(by: &Principal, submission: &mut Submission, limits: &crate::cluster::Limits) -> Result<(), Error> {
    check_author(by, &mut submission.spec)?;
    check_texts(&submission.spec, &submission.payload, limits)?;
    if submission.spec.kind != JobKind::Batch {
        return Err(unsupported("an allocation in front of a cluster").into());
    }
    Ok(())
}

impl super::image::Memo {
    /// Returns what a submission is answered that somebody else has found the job of.
    fn answer_to(&self, place: JobId) -> Result<Submitted, Error> {
        match self.found.get(&place) {
            Some(id) => Ok(Submitted { id: *id, notes: Vec::new() }),
            None => Err(Error::Unavailable(Text::const_new("the submission has come to nothing"))),
        }
    }
}
