//! Crontabs: putting one in the place of another, and what becomes of its jobs when they end. As with `scrontab`: an
//! entry is a job that goes back into the queue for its next turn; turns it misses while it waits or runs are left
//! out; cancelling it switches the entry off.

use super::dependencies;
use super::ledger::Ledger;
use super::prepare::Draft;
use super::submission::Submission;
use crate::cron::{self, BadLine, Crontab, Installed, Schedule};
use crate::job::{Event, Job, JobFlags, Owner, Phase};
use crate::who::Principal;
use crate::{Error, JobId, Problem, Text, Timestamp, Uid};
use std::sync::Arc;

/// Largest crontab, bytes; and most entries of one.
const MOST_TEXT: usize = 1 << 20;
const MOST_ENTRIES: usize = 1_000;

/// Why a crontab was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCrontab {
    /// A line cannot be understood.
    #[error(transparent)]
    Line(#[from] BadLine),
    /// The job of an entry cannot be accepted.
    #[error("lines {first}-{last}: {error}")]
    Entry {
        /// First line of the entry, counted from one.
        first: u32,
        /// Its last line.
        last: u32,
        /// What is wrong.
        error: Error,
    },
    /// Anything else.
    #[error(transparent)]
    Whole(#[from] Error),
}

/// A crontab that is right as far as the configuration goes.
pub(super) struct NewCrontab {
    by: Uid,
    owner: Owner,
    text: Text,
    entries: Vec<(u32, u32, Draft)>,
}

impl NewCrontab {
    /// Brings entries and jobs together, and checks each with `prepare`.
    pub(super) fn prepare(
        by: &Principal,
        owner: Owner,
        text: Text,
        jobs: Vec<Submission>,
        prepare: impl Fn(Submission, &Schedule) -> Result<Draft, Error>,
    ) -> Result<Self, BadCrontab> {
        check_author(by, owner.uid)?;
        if text.len() > MOST_TEXT || jobs.len() > MOST_ENTRIES {
            return Err(Error::from(Problem::TooLong(Text::const_new("crontab"))).into());
        }
        let found = cron::entries(&text)?;
        if found.len() != jobs.len() || jobs.iter().any(|job| job.spec.owner.uid != owner.uid) {
            return Err(Error::from(Problem::BadField(Text::const_new("jobs"))).into());
        }
        let entries = found.iter().zip(jobs).map(|(entry, job)| {
            let (first, last) = (entry.first_line, entry.last_line);
            let draft = prepare(job, &entry.schedule);
            draft.map(|draft| (first, last, draft)).map_err(|error| BadCrontab::Entry { first, last, error })
        });
        let entries = entries.collect::<Result<_, _>>()?;
        Ok(NewCrontab { by: by.uid.unwrap_or(Uid(0)), owner, text, entries })
    }
}

/// Makes a submission one that recurs, with its first turn.
pub(super) fn due(
    mut submission: Submission,
    schedule: &Schedule,
    begin: Timestamp,
) -> Result<Submission, Error> {
    // Seen with scrontab: arrays and begin times are refused.
    if !submission.array.is_empty() {
        return Err(Problem::BadArray(submission.array).into());
    }
    if submission.spec.begin.is_some() || submission.immediate {
        return Err(Problem::BadField(Text::const_new("begin_time")).into());
    }
    let spec = &mut submission.spec;
    spec.begin = Some(begin);
    spec.flags = spec.flags.with(JobFlags::CRON_JOB);
    spec.uncommon_mut().cron = Text::from(schedule.written());
    Ok(submission)
}

impl Ledger<'_> {
    /// Puts a crontab in the place of the one before.
    pub(super) fn set_crontab(&mut self, wish: NewCrontab) -> Result<Vec<Installed>, Error> {
        let NewCrontab { by, owner, text, entries } = wish;
        self.check_room(entries.len())?;
        let next = self.state().next_id();
        let mut made = Vec::with_capacity(entries.len());
        for (first_line, last_line, draft) in entries {
            let job = self.take_id();
            match self.new_job(job, draft) {
                Ok((record, payload, _)) => {
                    made.push((Installed { first_line, last_line, job }, record, payload))
                }
                Err(error) => {
                    self.count_from(next);
                    return Err(error);
                }
            }
        }
        self.dismiss_entries(owner.uid, by);
        let installed: Vec<Installed> = made.iter().map(|(installed, ..)| *installed).collect();
        for (_, mut record, payload) in made {
            // Only now the entries before it are there, and those of the old crontab have gone.
            if let Some(dependency) = record.dependency.take() {
                record.dependency =
                    Some(Box::new(dependencies::look_anew(self.state(), &record, &dependency)));
            }
            self.keep(record, payload);
        }
        let uid = owner.uid;
        self.keep_crontab(uid, Some(Crontab { owner, text, installed: installed.clone() }));
        Ok(installed)
    }

    /// Takes a crontab away.
    pub(super) fn remove_crontab(&mut self, by: &Principal, owner: Uid) -> Result<(), Error> {
        check_author(by, owner)?;
        if self.state().crontab(owner).is_some() {
            self.dismiss_entries(owner, by.uid.unwrap_or(Uid(0)));
            self.keep_crontab(owner, None);
        }
        Ok(())
    }

    /// Lets the jobs of a crontab come to their end: those that wait at once, those that run by themselves.
    fn dismiss_entries(&mut self, owner: Uid, by: Uid) {
        let Some(crontab) = self.state().crontab(owner).cloned() else { return };
        for installed in &crontab.installed {
            let Some(job) = self.job(installed.job).filter(|job| job.recurs()).cloned() else { continue };
            self.put(without_turns(&job));
            if job.is_pending()
                && let Err(refused) = self.happen(job.id, Event::Cancelled { at: self.now, by, kill: false })
            {
                tracing::error!(job.id = job.id.0, error = %refused, "job of an old crontab could not be cancelled");
            }
        }
    }

    /// Sends a job that recurs back into the queue for its next turn; one that was cancelled switches its entry off.
    pub(super) fn recurs(&mut self, ended: &Arc<Job>) {
        let Phase::Ended(end) = &ended.phase else { return };
        if !ended.recurs() {
            return;
        }
        let schedule = Schedule::parse(&ended.spec.uncommon().cron).ok();
        let next = schedule.and_then(|schedule| schedule.next_after(self.now, self.calendar()));
        let Some(begin) = next.filter(|_| end.cancelled_by.is_none()) else {
            self.put(without_turns(ended));
            return self.switch_off(ended.id, ended.spec.owner.uid);
        };
        if let Err(refused) = self.happen(ended.id, Event::Recurs { at: self.now, begin }) {
            tracing::error!(job.id = ended.id.0, error = %refused, "job could not go back for its next turn");
        }
    }

    fn switch_off(&mut self, job: JobId, owner: Uid) {
        let Some(crontab) = self.state().crontab(owner).cloned() else { return };
        let Some(off) = crontab.installed.iter().find(|installed| installed.job == job) else { return };
        let text = cron::disabled(&crontab.text, off.first_line, off.last_line);
        let installed = crontab.installed.iter().filter(|other| other.job != job).copied().collect();
        let owner_record = crontab.owner.clone();
        self.keep_crontab(owner, Some(Crontab { owner: owner_record, text: Text::from(text), installed }));
    }
}

/// Returns the job as one that does not recur any more.
fn without_turns(job: &Job) -> Job {
    let mut job = job.clone();
    let spec = Arc::make_mut(&mut job.spec);
    spec.flags = spec.flags.without(JobFlags::CRON_JOB);
    job
}

/// A crontab is changed by its owner, or by an administrator.
fn check_author(by: &Principal, owner: Uid) -> Result<(), Error> {
    if by.uid == Some(owner) || by.is_administrator() {
        return Ok(());
    }
    Err(Problem::NotThatUser(Text::from(owner.to_string())).into())
}
