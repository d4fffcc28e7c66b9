//! Taking a checked submission in: what needs the live jobs, and the job's number.

use super::dependencies;
use super::ledger::Ledger;
use super::prepare::Draft;
use super::submission::{Note, Submitted};
use crate::cluster::PartitionState;
use crate::job::{Hold, Job, JobSpec, Payload, Pending, Phase, Reason};
use crate::{Error, JobId, Problem, Timestamp};
use std::sync::Arc;

impl Ledger<'_> {
    /// Makes the job.
    pub(super) fn accept(&mut self, draft: Draft) -> Result<Submitted, Error> {
        self.check_room(1)?;
        // The number the job will get is not taken before nothing can go wrong any more.
        let (mut job, payload, notes) = self.new_job(self.state().next_id(), draft)?;
        job.id = self.take_id();
        let id = job.id;
        self.keep(job, payload);
        self.end_if_hopeless(id);
        Ok(Submitted { id, notes })
    }

    /// Checks that there is room for so many more jobs.
    pub(super) fn check_room(&self, more: usize) -> Result<(), Error> {
        if self.state().jobs().len().saturating_add(more) > self.cluster().limits.max_jobs {
            return Err(Problem::TooManyJobs.into());
        }
        Ok(())
    }

    /// Makes the record of a job that gets this number.
    pub(super) fn new_job(
        &self,
        id: JobId,
        mut draft: Draft,
    ) -> Result<(Job, Arc<Payload>, Vec<Note>), Error> {
        if draft.hold == Hold::None {
            let note = self.look_at_reservations(&draft.spec)?;
            draft.notes.extend(note.filter(|_| draft.notes.is_empty()));
        } else {
            self.check_reservations(&draft.spec)?;
        }
        self.check_limits(&draft.spec, draft.array.as_ref(), None)?;
        let mut job = Job {
            id,
            spec: draft.spec,
            array: draft.array,
            het: None,
            submitted: self.now,
            eligible: Timestamp::NEVER,
            priority: 0,
            dependency: None,
            restarts: 0,
            has_failed_siblings: false,
            phase: Phase::Pending(Pending { hold: draft.hold, ..Pending::default() }),
        };
        if let Some(dependency) = draft.dependency {
            let (dependency, not_before) = dependencies::first_look(self.state(), &job, &dependency)?;
            job.dependency = Some(Box::new(dependency));
            job.phase =
                Phase::Pending(Pending { hold: draft.hold, retry_after: not_before, ..Pending::default() });
        }
        Ok((job, draft.payload, draft.notes))
    }

    /// Puts a new job among the others.
    pub(super) fn keep(&mut self, job: Job, payload: Arc<Payload>) {
        let mut job = self.with_first_reason(job.settled(self.now));
        if matches!(&job.phase, Phase::Pending(pending) if pending.hold == Hold::None) {
            job.priority = self.state().priority_of(&job);
        }
        self.keep_payload(job.id, payload);
        self.keep_wckey(&job);
        self.put(job);
    }

    /// A job that could start says at once why it may have to wait, before the scheduler has looked at it.
    fn with_first_reason(&self, mut job: Job) -> Job {
        let reason = match self.first_reason(&job.spec) {
            // The pass that tells whose turn it is has yet to look at components.
            Reason::Priority if job.het.is_some() => Reason::None,
            reason => reason,
        };
        if job.eligible != Timestamp::NEVER
            && let Phase::Pending(pending) = &mut job.phase
        {
            pending.reason = reason;
        }
        job
    }

    fn first_reason(&self, spec: &Arc<JobSpec>) -> Reason {
        if self.look_at_reservations(spec) == Ok(Some(Note::ReservationNotOpen)) {
            return Reason::Reservation;
        }
        let partitions = || spec.partitions.iter().filter_map(|name| self.cluster().partition(name));
        if partitions().all(|partition| partition.state == PartitionState::Down) {
            return Reason::PartitionDown;
        }
        if !partitions().any(|partition| self.cluster().gives_time(partition, spec)) {
            return Reason::PartitionTimeLimit;
        }
        if partitions().all(|partition| self.state().queues().len_of(&partition.name) > 0) {
            return Reason::Priority;
        }
        Reason::None
    }
}
