//! Which batches there are and how they stand. Every array of jobs is a batch, and so is a job that is none; those made here
//! are remembered until they are deleted, others as long as anybody knows them.

use super::error::EtError;
use super::handlers::World;
use super::record::{Batch, Deleted, Origin};
use super::shelves::by_batch;
use super::uuid;
use crate::ids::Kind;
use domain::history::{Between, Kind as Attempts, Moments, Order, Wanted};
use domain::job::{ArrayPart, Job, Outcome};
use domain::ports::Closed;
use domain::state::{Snapshot, Standing};
use domain::{JobId, TaskIndex, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What stands before what this dialect keeps with a job.
const ORIGIN: &str = "et-engine:";

/// Writes what is kept with the jobs of a batch.
pub(super) fn origin_written(origin: &Origin) -> Result<String, EtError> {
    let json = serde_json::to_string(origin).map_err(|_| EtError::Internal)?;
    Ok(format!("{ORIGIN}{json}"))
}

/// Reads what is kept with a job, if it was made here.
pub(super) fn origin_of(job: &Job) -> Option<Origin> {
    serde_json::from_str(job.spec.uncommon().origin.strip_prefix(ORIGIN)?).ok()
}

/// A batch.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Number of its array, or of its only job.
    pub(super) job: JobId,
    /// The second in which it was submitted.
    pub(super) second: i64,
    /// What it is, if it was made here.
    pub(super) origin: Option<Origin>,
    /// One of its records, if it was made elsewhere.
    pub(super) record: Option<Arc<Job>>,
    /// How many jobs ended well, if that is known for good.
    succeeded: Option<u32>,
}

/// How many jobs of a batch stand how, in the order of [`super::to_wire::STATES`].
pub(super) type Counts = [u32; 7];

/// A job of a batch, as far as anybody knows it.
#[derive(Clone, Debug)]
pub(super) enum Member {
    /// Its record, or that of those which wait with it.
    Known {
        /// The record.
        job: Arc<Job>,
        /// Names of its nodes.
        nodes: Vec<String>,
    },
    /// It was cancelled while it waited, which leaves no record.
    Gone,
}

impl Found {
    fn of_record(record: &Arc<Job>) -> Self {
        Found {
            job: record.array_id(),
            second: record.submitted.seconds(),
            origin: origin_of(record),
            record: Some(Arc::clone(record)),
            succeeded: None,
        }
    }

    fn of_kept(batch: Batch) -> Self {
        let Batch { job, second, origin, succeeded } = batch;
        Found { job: JobId(job), second, origin: Some(origin), record: None, succeeded }
    }

    /// Tells whether its jobs are tasks of an array.
    pub(super) fn is_array(&self) -> bool {
        self.origin.is_some() || self.record.as_ref().is_some_and(|job| job.array.is_some())
    }

    /// Returns how many jobs it has.
    pub(super) fn jobs(&self) -> u32 {
        let of_record = |job: &Arc<Job>| match &job.array {
            Some(ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. }) => *size,
            None => 1,
        };
        match (&self.origin, &self.record) {
            (Some(origin), _) => origin.jobs,
            (None, Some(record)) => of_record(record),
            (None, None) => 1,
        }
    }

    /// Returns the name of the batch.
    pub(super) fn name(&self, world: &World) -> String {
        uuid::written(self.number(world))
    }

    /// Returns the number that the name is of.
    pub(super) fn number(&self, world: &World) -> u128 {
        world.et.ids.of(Kind::EtBatch, self.job, None, Timestamp::from_seconds(self.second))
    }

    /// Returns the names of a job of it and of its log.
    pub(super) fn job_names(&self, world: &World, task: Option<TaskIndex>) -> (String, String) {
        let at = Timestamp::from_seconds(self.second);
        let name = |kind| uuid::written(world.et.ids.of(kind, self.job, task, at));
        (name(Kind::EtJob), name(Kind::EtLog))
    }

    /// Returns under which name it is kept.
    fn place(&self) -> String {
        by_batch(self.job, self.second)
    }

    /// Tells whether a record is one of this batch.
    fn owns(&self, job: &Job, world: &World) -> bool {
        job.array_id() == self.job
            && job.spec.owner.uid == world.by.uid()
            && match &self.origin {
                // One that was put back after its end counts as submitted then.
                Some(origin) => origin_of(job).is_some_and(|other| other.folder == origin.folder),
                None => job.submitted.seconds() >= self.second,
            }
    }

    /// Returns a record of it that lives. Looks at few, as long as its own number is taken by one of them.
    pub(super) fn living(&self, world: &World, snapshot: &Snapshot) -> Option<Arc<Job>> {
        if let Some(job) = snapshot.jobs.job(self.job).filter(|job| self.owns(job, world)) {
            return Some(Arc::clone(job));
        }
        snapshot.tallies.of(self.job)?;
        snapshot.jobs.iter_from(self.job).find(|job| self.owns(job, world)).cloned()
    }

    /// Counts how its jobs stand: what was counted while they moved, and not by a look at each. Blocks.
    pub(super) fn counts(&self, world: &World) -> Result<Counts, EtError> {
        let snapshot = world.site.jobs.snapshot();
        let Some(record) = self.living(world, &snapshot) else { return self.last_counts(world) };
        if record.array.is_none() {
            let mut counts = Counts::default();
            if let Some(count) = counts.get_mut(place_of(Standing::of(&record))) {
                *count = 1;
            }
            return Ok(counts);
        }
        let tally = snapshot.tallies.of(self.job).unwrap_or_default();
        Ok([tally.unseen, tally.blocked, tally.queued, 0, tally.running, tally.completed, tally.failed()])
    }

    /// Counts jobs that are over and have left, once for all.
    fn last_counts(&self, world: &World) -> Result<Counts, EtError> {
        let jobs = self.jobs();
        let succeeded = match (self.succeeded, &self.origin) {
            (Some(known), _) => known,
            (None, _) => {
                let moments = Moments {
                    kind: Attempts::Ended(vec![Outcome::Completed]),
                    submitted: Between::from(Timestamp::from_seconds(self.second)),
                    ..Moments::default()
                };
                let wanted = Wanted { moments: vec![moments], limit: usize::MAX, ..self.wanted(world, None) };
                let keys = world.site.jobs.history().keys(&wanted)?;
                let known: BTreeSet<JobId> = keys.iter().map(|key| key.job).collect();
                u32::try_from(known.len()).unwrap_or(u32::MAX).min(jobs)
            }
        };
        if self.origin.is_some() && self.succeeded.is_none() {
            let known = |batch: &mut Batch| {
                batch.succeeded = Some(succeeded);
                Ok(())
            };
            world.et.shelves.change::<Batch>(world.by.name(), &self.place(), known)?;
        }
        Ok([0, 0, 0, 0, 0, succeeded, jobs - succeeded])
    }

    fn wanted(&self, world: &World, task: Option<TaskIndex>) -> Wanted {
        Wanted {
            jobs: vec![(self.job, task)],
            users: vec![world.by.uid()],
            order: Order::LatestFirst,
            limit: 1,
            ..Wanted::default()
        }
    }

    /// Finds a job of it; `None` if it never had such a one. Blocks.
    pub(super) fn member(&self, world: &World, task: Option<TaskIndex>) -> Result<Option<Member>, EtError> {
        if task.is_some() != self.is_array() {
            return Ok(None);
        }
        let snapshot = world.site.jobs.snapshot();
        if self.living(world, &snapshot).is_some() {
            let mut records = snapshot.jobs.iter_from(self.job);
            let is_meant = |job: &&Arc<Job>| {
                self.owns(job, world)
                    && match (&job.array, task) {
                        (Some(ArrayPart::Task { index, .. }), Some(task)) => *index == task,
                        (Some(ArrayPart::Pool { waiting, .. }), Some(task)) => waiting.contains(task),
                        (None, None) => true,
                        _ => false,
                    }
            };
            if let Some(job) = records.find(is_meant) {
                let share = job.run().and_then(|run| run.allocation.nodes.first());
                let node = share.and_then(|share| snapshot.cluster.node(share.node));
                let nodes = node.map(|node| node.name.to_string()).into_iter().collect();
                return Ok(Some(Member::Known { job: Arc::clone(job), nodes }));
            }
        }
        let found = world.site.jobs.history().search(&self.wanted(world, task))?;
        let found = found.into_iter().map(|found| found.closed).find(|closed| self.owned(&closed.job));
        let is_one = task.is_none_or(|task| self.origin.as_ref().is_none_or(|origin| task.0 < origin.jobs));
        Ok(match found {
            Some(Closed { job, nodes, .. }) => {
                let nodes = domain::cluster::unfold(&nodes).iter().map(ToString::to_string).collect();
                Some(Member::Known { job, nodes })
            }
            None => is_one.then_some(Member::Gone),
        })
    }

    /// Tells whether an attempt that is history is one of this batch: numbers come again after a long time.
    fn owned(&self, job: &Job) -> bool {
        job.submitted.seconds() >= self.second
    }

    /// Says of each job how it stands. Looks at all of them. Blocks.
    pub(super) fn standings(&self, world: &World) -> Result<BTreeMap<u32, Standing>, EtError> {
        let mut known = BTreeMap::new();
        let wanted = Wanted { limit: usize::MAX, order: Order::OldestFirst, ..self.wanted(world, None) };
        let mut note = |job: &Job| match &job.array {
            Some(ArrayPart::Task { index, .. }) => drop(known.insert(index.0, Standing::of(job))),
            Some(ArrayPart::Pool { waiting, .. }) => {
                let standing = Standing::of(job);
                known.extend(waiting.iter().map(|index| (index.0, standing)));
            }
            None => drop(known.insert(0, Standing::of(job))),
        };
        let snapshot = world.site.jobs.snapshot();
        // What lives speaks last: history has earlier attempts of it.
        let is_all_here = self.living(world, &snapshot).is_some()
            && snapshot.jobs.iter_from(self.job).filter(|job| self.owns(job, world)).count()
                >= self.jobs() as usize;
        if !is_all_here {
            let past = world.site.jobs.history().search(&wanted)?;
            past.iter()
                .filter(|found| self.owned(&found.closed.job))
                .for_each(|found| note(&found.closed.job));
        }
        if self.living(world, &snapshot).is_some() {
            snapshot.jobs.iter_from(self.job).filter(|job| self.owns(job, world)).for_each(|job| note(job));
        }
        if let Some(origin) = &self.origin {
            (0..origin.jobs).for_each(|index| {
                known.entry(index).or_insert(Standing::Failed);
            });
        }
        Ok(known)
    }

    /// Deletes it: nobody finds it here any more. Its folder goes when its jobs are over. Blocks.
    pub(super) fn delete(&self, world: &World) -> Result<(), EtError> {
        let deleted = Deleted { folder: self.origin.as_ref().map(|origin| origin.folder.clone()) };
        world.et.shelves.put(world.by.name(), &self.place(), &deleted)?;
        world.et.shelves.remove::<Batch>(world.by.name(), &self.place())?;
        Ok(())
    }
}

/// Returns the place of a standing among the states.
pub(super) fn place_of(standing: Standing) -> usize {
    match standing {
        Standing::Unseen => 0,
        Standing::Blocked => 1,
        Standing::Queued => 2,
        Standing::Running => 4,
        Standing::Completed => 5,
        Standing::Failed => 6,
    }
}

/// Keeps a batch that was made.
pub(super) fn keep(world: &World, job: JobId, second: i64, origin: Origin) -> Result<Found, EtError> {
    let batch = Batch { job: job.0, second, origin, succeeded: None };
    world.et.shelves.put_new(world.by.name(), &by_batch(job, second), &batch)?;
    Ok(Found::of_kept(batch))
}

/// Finds a batch of the caller's by its name. Blocks.
pub(super) fn find(world: &World, id: &str) -> Result<Found, EtError> {
    let none = || EtError::NotFound("Batch");
    let number = uuid::read(id).ok_or_else(none)?;
    let (job, task, second) = world.et.ids.read(Kind::EtBatch, number).ok_or_else(none)?;
    if task.is_some() {
        return Err(none());
    }
    find_by_number(world, job, second)?.ok_or_else(none)
}

/// Finds the batch and the task that a name of a job or a log stands for. Blocks.
pub(super) fn find_job(world: &World, kind: Kind, id: &str) -> Result<(Found, Option<TaskIndex>), EtError> {
    let none = || EtError::NotFound("Job");
    let number = uuid::read(id).ok_or_else(none)?;
    let (job, task, second) = world.et.ids.read(kind, number).ok_or_else(none)?;
    Ok((find_by_number(world, job, second)?.ok_or_else(none)?, task))
}

fn find_by_number(world: &World, job: JobId, second: i64) -> Result<Option<Found>, EtError> {
    let (user, place) = (world.by.name(), by_batch(job, second));
    if world.et.shelves.get::<Deleted>(user, &place)?.is_some() {
        return Ok(None);
    }
    if let Some(batch) = world.et.shelves.get::<Batch>(user, &place)? {
        return Ok(Some(Found::of_kept(batch)));
    }
    let wanted = Found { job, second, origin: None, record: None, succeeded: None };
    if let Some(record) = wanted.living(world, &world.site.jobs.snapshot()) {
        // A record of it may have been put back after its end; the batch keeps its name.
        return Ok(Some(Found { second, ..Found::of_record(&record) }));
    }
    let past = world.site.jobs.history().search(&Wanted { limit: 10, ..wanted.wanted(world, None) })?;
    let past = past.iter().map(|found| &found.closed.job).find(|job| job.submitted.seconds() == second);
    // What was made here and is not kept any more has been deleted.
    Ok(past.filter(|job| origin_of(job).is_none()).map(Found::of_record))
}

/// Returns all batches of the caller, the oldest first. Blocks.
pub(super) fn all(world: &World) -> Result<Vec<Found>, EtError> {
    let user = world.by.name();
    let deleted: BTreeSet<String> =
        world.et.shelves.all_of::<Deleted>(user)?.into_iter().map(|(place, _)| place).collect();
    let kept = world.et.shelves.all_of::<Batch>(user)?;
    let mut all: BTreeMap<String, Found> =
        kept.into_iter().map(|(place, batch)| (place, Found::of_kept(batch))).collect();
    let snapshot = world.site.jobs.snapshot();
    let known: BTreeMap<JobId, i64> = all.values().map(|found| (found.job, found.second)).collect();
    let mut seen: BTreeSet<JobId> = BTreeSet::new();
    for job in snapshot.jobs.iter().filter(|job| job.spec.owner.uid == world.by.uid()) {
        let number = job.array_id();
        let is_of_kept =
            |second: &i64| *second <= job.submitted.seconds() && !job.spec.uncommon().origin.is_empty();
        if known.get(&number).is_some_and(is_of_kept) || !seen.insert(number) {
            continue;
        }
        let found = Found::of_record(job);
        all.entry(found.place()).or_insert(found);
    }
    all.retain(|place, _| !deleted.contains(place));
    Ok(all.into_values().collect())
}
