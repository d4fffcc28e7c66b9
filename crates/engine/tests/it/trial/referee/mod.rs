//! Watches what is recorded and objects to what must not be. It keeps books of its own, from the allocations alone, and
//! uses nothing of the scheduler's or the state's arithmetic.
//!
//! - [`books`]: nothing is given out twice: CPUs, memory, units, licences, whole nodes, an array's throttle.
//! - [`rules`]: who starts was allowed to, and got what was asked for.
//! - [`courses`]: dependencies, and every attempt ends once.
//! - [`promises`]: whoever is first in order is never delayed by those behind.

mod books;
mod courses;
mod foresight;
mod promises;
mod rules;

use super::play::Tally;
use super::scene::KILL_WAIT;
use books::Books;
use courses::Courses;
use domain::cluster::Cluster;
use domain::job::{ArrayPart, Hold, Job, Phase, Reason};
use domain::ports::{Batch, Plan};
use domain::state::{Snapshot, State};
use domain::{JobId, Timestamp};
use promises::Promises;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// The referee.
pub(crate) struct Referee {
    cluster: Arc<Cluster>,
    jobs: BTreeMap<JobId, Arc<Job>>,
    alarms: BTreeSet<(Timestamp, JobId)>,
    books: Books,
    courses: Courses,
    promises: Promises,
    /// Jobs that somebody has interfered with.
    touched: BTreeSet<JobId>,
    /// The first objection.
    pub(crate) objection: Option<String>,
    /// What was counted.
    pub(crate) tally: Tally,
}

impl Referee {
    /// Begins with a cluster on which nothing runs.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        Referee {
            books: Books::new(cluster),
            cluster: Arc::new(cluster.clone()),
            jobs: BTreeMap::new(),
            alarms: BTreeSet::new(),
            courses: Courses::default(),
            promises: Promises::default(),
            touched: BTreeSet::new(),
            objection: None,
            tally: Tally::default(),
        }
    }

    /// Takes in what the service records.
    pub(crate) fn record(&mut self, batch: &Batch, now: Timestamp) {
        if let Err(objection) = self.take_in(batch, now) {
            self.object(now, objection);
        }
    }

    /// Takes in what the scheduler has planned, before any of it is recorded.
    pub(crate) fn planned(&mut self, state: &State, plan: &Plan, now: Timestamp) {
        self.cluster = Arc::clone(state.cluster());
        let (promises, tally) = (&mut self.promises, &mut self.tally);
        if let Err(objection) = promises.planned(state, plan, now, tally) {
            self.object(now, objection);
        }
    }

    /// Takes in that somebody has interfered with a job.
    pub(crate) fn disturbed(&mut self, job: JobId) {
        self.touched.insert(job);
        self.promises.forget();
    }

    /// Returns when something is due without anybody asking.
    pub(crate) fn next_alarm(&self) -> Option<Timestamp> {
        self.alarms.first().map(|(at, _)| *at)
    }

    /// Compares what readers see with the books.
    pub(crate) fn audit(&mut self, snapshot: &Snapshot) {
        let jobs =
            self.jobs.values().all(|job| snapshot.jobs.job(job.id).is_some_and(|seen| is_same(job, seen)));
        let objection = match self.books.compare(snapshot) {
            Err(objection) => Some(objection),
            Ok(()) if !jobs || self.jobs.len() != snapshot.jobs.len() => {
                Some("readers see other jobs than were recorded".to_owned())
            }
            Ok(()) => None,
        };
        if let Some(objection) = objection {
            self.object(snapshot.at, objection);
        }
    }

    /// Returns an objection if there is a job that has not ended, or anything is still taken.
    pub(crate) fn all_ended(&self) -> Option<String> {
        let waiting = self.jobs.values().find(|job| matches!(job.phase, Phase::Pending(_)));
        waiting.map(|job| format!("{} could not even be cancelled", brief(job)))
    }

    fn object(&mut self, now: Timestamp, objection: String) {
        self.objection.get_or_insert(format!("at {} s: {objection}", now.seconds()));
    }

    fn take_in(&mut self, batch: &Batch, now: Timestamp) -> Result<(), String> {
        for job in &batch.jobs {
            let before = self.jobs.get(&job.id).filter(|before| attempt(before) != attempt(job));
            if let Some((before, allocation)) =
                before.and_then(|before| Some((before, before.held_resources()?)))
            {
                self.books.give_back(before, allocation);
            }
        }
        for job in &batch.jobs {
            self.courses.moved(self.jobs.get(&job.id), job, &mut self.tally)?;
        }
        for closed in &batch.closed {
            self.courses.closed(&closed.job)?;
            if !self.touched.contains(&closed.job.array_id()) {
                rules::check_end(&closed.job)?;
            }
        }
        for job in &batch.jobs {
            let before = self.jobs.insert(job.id, Arc::clone(job));
            self.set_alarm(before.as_deref(), Some(job));
            let starts = before.as_deref().and_then(attempt) != attempt(job);
            if let (true, Some(allocation)) = (starts, job.held_resources()) {
                self.tally.count("started");
                // The clock may have been set anew since this was decided.
                let now = job.run().map_or(now, |run| run.started);
                rules::check_start(&self.cluster, job, allocation, now)
                    .and_then(|()| self.courses.check_start(job, &self.jobs))
                    .and_then(|()| self.books.hand_out(&self.cluster, job, allocation))
                    .map_err(|objection| format!("{objection}; {} starts", brief(job)))?;
                self.promises.started(job, now, &mut self.tally)?;
            }
        }
        for id in &batch.gone {
            let job = self.jobs.remove(id);
            self.set_alarm(job.as_deref(), None);
        }
        Ok(())
    }

    fn set_alarm(&mut self, before: Option<&Job>, after: Option<&Job>) {
        if let Some((at, job)) = before.and_then(|job| Some((job.next_alarm(KILL_WAIT)?, job))) {
            self.alarms.remove(&(at, job.id));
        }
        if let Some((at, job)) = after.and_then(|job| Some((job.next_alarm(KILL_WAIT)?, job))) {
            self.alarms.insert((at, job.id));
        }
    }
}

/// Returns the jobs that have not ended, each with whether that is as it should be when nothing more can happen.
pub(crate) fn left(snapshot: &Snapshot) -> Vec<(Arc<Job>, bool)> {
    let is_excused = |job: &Job| match &job.phase {
        Phase::Pending(pending) => {
            pending.hold != Hold::None || job.dependency.is_some() || HOPELESS.contains(&pending.reason)
        }
        Phase::Running(_) | Phase::Completing(_) | Phase::Ended(_) => false,
    };
    let open = snapshot.jobs.iter().filter(|job| !job.is_final());
    open.map(|job| (Arc::clone(job), is_excused(job))).collect()
}

/// Reasons that tell somebody to change the job or the configuration.
const HOPELESS: [Reason; 5] = [
    Reason::PartitionConfig,
    Reason::PartitionNodeLimit,
    Reason::PartitionTimeLimit,
    Reason::BadConstraints,
    Reason::ReqNodeNotAvail,
];

/// What a job has cost, if it holds resources: a later attempt is another.
fn attempt(job: &Job) -> Option<(JobId, u32)> {
    job.held_resources().map(|_| (job.id, job.restarts))
}

/// Tells whether two records are the same but for what is not recorded.
fn is_same(recorded: &Job, seen: &Job) -> bool {
    match (&recorded.phase, &seen.phase) {
        (Phase::Pending(_), Phase::Pending(_)) => {
            recorded.restarts == seen.restarts && recorded.spec == seen.spec
        }
        _ => recorded == seen,
    }
}

/// Returns what a job is called in an objection.
fn name(job: &Job) -> String {
    match &job.array {
        Some(ArrayPart::Task { of, index, .. }) => format!("task {of}_{index} ({})", job.id),
        Some(ArrayPart::Pool { .. }) => format!("array {}", job.id),
        None => format!("job {}", job.id),
    }
}

/// Returns what an objection says of a job: what is out of the ordinary.
pub(crate) fn brief(job: &Job) -> String {
    let text = format!(
        "{} in {:?}, {:?}: {:?} {:?}",
        name(job),
        job.spec.partitions,
        job.spec.time_limit,
        job.spec.resources,
        job.phase
    );
    let ordinary = [": 0", ": None", ": []", ": Default", ": false", ": \"\""];
    text.split(", ")
        .filter(|part| !ordinary.iter().any(|end| part.ends_with(end)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// How late a promise may be kept: it is told to the minute, and those who run may take a while to end.
const SLACK: Duration = Duration::from_secs(60 + 2 * KILL_WAIT.as_secs());
