//! Changing jobs, holding and releasing them. Who may change what and when is said in `changeable`.

use super::ledger::Ledger;
use super::selection::Handled;
use crate::job::{ArrayPart, Change, Event, Hold, Job, Phase};
use crate::who::Principal;
use crate::{Error, JobId, Problem, Text};
use std::sync::Arc;

/// What shall be different about a job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// Fields with their new values.
    pub changes: Vec<Change>,
    /// Hold it, or release it.
    pub hold: Option<HoldWish>,
}

/// Hold or release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HoldWish {
    /// Hold: as owner, or as operator.
    Hold,
    /// Hold so that the owner may release it, whoever asks.
    HoldForUser,
    /// Release.
    Release,
}

impl Ledger<'_> {
    /// Changes every record of a job number.
    pub(super) fn update(
        &mut self,
        by: &Principal,
        id: JobId,
        update: &Update,
    ) -> Result<Vec<Handled>, Error> {
        // Of a heterogeneous job each component is changed by its own number (facts: so is the leader).
        let is_meant = |job: &Arc<Job>| job.het.is_none() || job.id == id;
        let records: Vec<_> = self.records(id).into_iter().filter(is_meant).collect();
        if records.is_empty() {
            return Err(Problem::UnknownJob(id).into());
        }
        let mut handled = Vec::new();
        // Of an array the tasks that are over are left alone, unless all are.
        let open: Vec<_> = records.iter().filter(|job| !job.is_final()).cloned().collect();
        let records = if open.is_empty() { records } else { open };
        for job in &records {
            let task = match job.array {
                Some(ArrayPart::Task { index, .. }) => Some(index),
                _ => None,
            };
            let result = self.update_one(by, job, update);
            let tasks = match &job.array {
                Some(ArrayPart::Pool { waiting, .. }) => Some(waiting.clone()),
                _ => None,
            };
            handled.push(Handled { job: Some(job.id), task, tasks, result });
        }
        // What all of them refuse is refused as a whole.
        match handled.first().map(|first| &first.result) {
            Some(Err(error)) if handled.iter().all(|one| is_refused_like(one, error)) => Err(error.clone()),
            _ => Ok(handled),
        }
    }

    fn update_one(&mut self, by: &Principal, job: &Arc<Job>, update: &Update) -> Result<(), Error> {
        // Also of a request that changes nothing it is told that it could not be made.
        if !by.may_change(job) {
            return Err(Problem::NotOwner.into());
        }
        match &job.phase {
            Phase::Ended(_) => return Err(Problem::AlreadyEnded(job.id).into()),
            Phase::Completing(completing) if completing.requeue.is_none() => {
                return Err(Problem::AlreadyEnded(job.id).into());
            }
            Phase::Completing(_) => return Err(Problem::AlreadyEnding(job.id).into()),
            Phase::Pending(_) | Phase::Running(_) => {}
        }
        if update.changes.is_empty() && update.hold.is_none() {
            return Ok(());
        }
        if job.recurs() {
            return Err(Problem::CronJob(job.id).into());
        }
        let mut changes = Vec::with_capacity(update.changes.len());
        let mut rest = None;
        for change in &update.changes {
            changes.extend(match change {
                Change::Nodes { .. } | Change::RequiredNodes(_) if let Phase::Running(run) = &job.phase => {
                    rest = self.rest_of(job, run, update)?;
                    None
                }
                Change::Tasks(tasks) if job.is_pending() => {
                    self.changeable(by, job, &tasks_for_nodes(job, update, *tasks)?)?
                }
                change => self.changeable(by, job, change)?,
            });
        }
        self.check_outcome(job, &changes)?;
        self.check_charge(by, job, &changes)?;
        if !changes.is_empty() {
            self.happen(job.id, Event::Updated { at: self.now, changes })?;
        }
        if let Some(rest) = rest {
            self.happen(job.id, rest.event(self.now))?;
        }
        match update.hold {
            Some(HoldWish::Release) => self.release(by, job.id),
            Some(wish) => self.hold(by, job.id, wish),
            None => Ok(()),
        }
    }

    fn hold(&mut self, by: &Principal, id: JobId, wish: HoldWish) -> Result<(), Error> {
        let Some(job) = self.job(id) else { return Ok(()) };
        let hold = match wish {
            HoldWish::HoldForUser if by.is_operator() => Hold::User,
            // Whoever holds his own job does not release it from an operator's hold.
            _ if by.uid == Some(job.spec.owner.uid) || !by.is_operator() => job.hold().max(Hold::User),
            _ => Hold::Admin,
        };
        Ok(self.happen(id, Event::Held { hold })?)
    }

    fn release(&mut self, by: &Principal, id: JobId) -> Result<(), Error> {
        let Some(job) = self.job(id).cloned() else { return Ok(()) };
        match &job.phase {
            Phase::Pending(_) | Phase::Running(_) if job.hold() == Hold::Admin && !by.is_operator() => {
                Err(Problem::OperatorOnly(Text::const_new("release")).into())
            }
            Phase::Pending(pending)
                if pending.hold == Hold::None && job.priority != 0 && job.spec.fixed_priority.is_none() =>
            {
                Ok(())
            }
            Phase::Running(_) if job.priority != 0 => Ok(()),
            Phase::Pending(_) | Phase::Running(_) => {
                let mut free = (*job).clone();
                Arc::make_mut(&mut free.spec).fixed_priority = None;
                let priority = self.state().priority_of(&free);
                Ok(self.happen(id, Event::Released { at: self.now, priority })?)
            }
            Phase::Completing(_) | Phase::Ended(_) => Ok(()),
        }
    }
}

/// Tells whether a job was refused for the same kind of reason.
fn is_refused_like(handled: &Handled, error: &Error) -> bool {
    let kind = |error: &Error| match error {
        Error::NotFound(problem)
        | Error::Invalid(problem)
        | Error::Conflict(problem)
        | Error::Forbidden(problem) => Some(std::mem::discriminant(problem)),
        Error::Unavailable(_) | Error::Bug(_) => None,
    };
    handled.result.as_ref().is_err_and(|other| kind(other) == kind(error))
}

/// Returns the tasks a job gets: each node has one at least. Where nodes are changed along they decide, otherwise the nodes
/// it has; nodes alone may be raised beyond the tasks (asked of the original).
///
/// # Errors
/// [`Problem::BadTaskCount`] for fewer tasks than the job has nodes.
fn tasks_for_nodes(job: &Job, update: &Update, tasks: u32) -> Result<Change, Problem> {
    let nodes = update.changes.iter().find_map(|change| match change {
        Change::Nodes { min, .. } => Some(*min),
        _ => None,
    });
    match nodes {
        Some(least) => Ok(Change::Tasks(tasks.max(least))),
        None if tasks < job.spec.resources.min_nodes => Err(Problem::BadTaskCount),
        None => Ok(Change::Tasks(tasks)),
    }
}
