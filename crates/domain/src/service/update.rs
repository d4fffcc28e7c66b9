//! Changing jobs: who may change what, and when. The rules are Slurm's (facts 2.6).

use super::dependencies;
use super::ledger::Ledger;
use super::selection::Handled;
use crate::job::{ArrayPart, Change, Event, Hold, Job, Phase};
use crate::who::Principal;
use crate::{Error, JobId, Problem, Text, TimeLimit};
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
            handled.push(Handled { job: Some(job.id), task, result });
        }
        match handled.as_slice() {
            [Handled { result: Err(error), .. }] => Err(error.clone()),
            _ => Ok(handled),
        }
    }

    fn update_one(&mut self, by: &Principal, job: &Arc<Job>, update: &Update) -> Result<(), Error> {
        if update.changes.is_empty() && update.hold.is_none() {
            return Ok(());
        }
        if !by.may_change(job) {
            return Err(Problem::NotOwner.into());
        }
        if let Phase::Ended(_) = job.phase {
            return Err(Problem::AlreadyEnded(job.id).into());
        }
        if job.recurs() {
            return Err(Problem::CronJob(job.id).into());
        }
        let changes = update
            .changes
            .iter()
            .map(|change| match change {
                Change::Tasks(tasks) => self.checked(by, job, &tasks_for_nodes(job, update, *tasks)?),
                change => self.checked(by, job, change),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let changes: Vec<Change> = changes.into_iter().flatten().collect();
        if !changes.is_empty() {
            self.happen(job.id, Event::Updated { at: self.now, changes })?;
        }
        match update.hold {
            Some(HoldWish::Release) => self.release(by, job.id),
            Some(wish) => self.hold(by, job.id, wish),
            None => Ok(()),
        }
    }

    /// Returns the change as it is to be made, `None` if the original would ignore it silently.
    fn checked(&self, by: &Principal, job: &Job, change: &Change) -> Result<Option<Change>, Error> {
        if change.is_for_operators() && !by.is_operator() {
            return Err(Problem::OperatorOnly(Text::const_new("this field")).into());
        }
        let running = matches!(job.phase, Phase::Running(_));
        if matches!(job.phase, Phase::Completing(_)) {
            return Err(Problem::AlreadyEnding(job.id).into());
        }
        if running && !change.fits_running() {
            return Err(Problem::NotPending(Text::const_new("this field")).into());
        }
        match change {
            Change::TimeLimit(limit) => self.check_time_limit(by, job, *limit)?,
            Change::TimeMinimum(minutes) if job.spec.time_limit < TimeLimit::Minutes(*minutes) => {
                return Err(Problem::BadTimeMinimum.into());
            }
            Change::Priority(_) if matches!(&job.phase, Phase::Pending(pending) if pending.hold != Hold::None) =>
            {
                return Err(Problem::Held(job.id).into());
            }
            Change::Nice(nice) if *nice < job.spec.nice && !by.is_operator() => {
                return Err(Problem::BadNice.into());
            }
            Change::Throttle(_) if job.array.is_none() => {
                return Err(Problem::BadArray(Text::const_new("no array")).into());
            }
            Change::Account(account) => {
                let charged = super::prepare::charged(self.cluster(), &job.spec.owner.name, account);
                return Ok(Some(Change::Account(charged)));
            }
            // One that is not known is passed over, as long as accounting is not enforced.
            Change::Qos(qos) => return Ok(self.cluster().qos(qos).map(|qos| Change::Qos(qos.name.clone()))),
            Change::Reservation(list) => {
                let mut spec = (*job.spec).clone();
                spec.uncommon_mut().reservation = list.clone();
                self.check_reservations(&spec)?;
            }
            Change::Partitions(names) => return self.known_partitions(names).map(Some),
            Change::RequiredNodes(names) | Change::ExcludedNodes(names) => {
                if let Some(unknown) = names.iter().find(|name| self.cluster().node_index(name).is_none()) {
                    return Err(Problem::UnknownNode(unknown.clone()).into());
                }
            }
            Change::Dependency(Some(dependency)) => {
                let (dependency, _) = dependencies::first_look(self.state(), job, dependency)?;
                return Ok(Some(Change::Dependency(Some(Box::new(dependency)))));
            }
            _ => {}
        }
        Ok(Some(change.clone()))
    }

    fn known_partitions(&self, names: &[Text]) -> Result<Change, Error> {
        let known = names.iter().map(|name| match self.cluster().partition(name) {
            Some(partition) => Ok(partition.name.clone()),
            None => Err(Problem::UnknownPartition(name.clone())),
        });
        Ok(Change::Partitions(known.collect::<Result<_, _>>()?))
    }

    fn check_time_limit(&self, by: &Principal, job: &Job, limit: TimeLimit) -> Result<(), Error> {
        let most = self
            .cluster()
            .partition(job.spec.partition())
            .map_or(TimeLimit::Unlimited, |partition| partition.max_time);
        // While it waits, a job may be given more time as long as the partition has it.
        if by.is_operator() || limit <= job.spec.time_limit || (job.is_pending() && limit <= most) {
            return Ok(());
        }
        Err(Problem::OperatorOnly(Text::const_new("time_limit")).into())
    }

    fn hold(&mut self, by: &Principal, id: JobId, wish: HoldWish) -> Result<(), Error> {
        let owner = self.job(id).is_some_and(|job| by.uid == Some(job.spec.owner.uid));
        let hold = if owner || wish == HoldWish::HoldForUser { Hold::User } else { Hold::Admin };
        Ok(self.happen(id, Event::Held { hold })?)
    }

    fn release(&mut self, by: &Principal, id: JobId) -> Result<(), Error> {
        let Some(job) = self.job(id).cloned() else { return Ok(()) };
        match &job.phase {
            Phase::Pending(pending) if pending.hold == Hold::Admin && !by.is_operator() => {
                Err(Problem::OperatorOnly(Text::const_new("release")).into())
            }
            Phase::Pending(pending) if pending.hold == Hold::None && job.priority != 0 => Ok(()),
            Phase::Pending(_) => {
                let priority = self.state().priority_of(&job);
                Ok(self.happen(id, Event::Released { at: self.now, priority })?)
            }
            _ => Ok(()),
        }
    }
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
