//! Watches what is recorded and objects to what must not be. It keeps books of its own, from the allocations alone, and
//! uses nothing of the scheduler's or the state's arithmetic.
//!
//! - [`books`]: nothing is given out twice: CPUs, memory, units, licences, whole nodes, an array's throttle.
//! - [`rules`]: who starts was allowed to, and got what was asked for.
//! - [`courses`]: dependencies, and every attempt ends once.
//! - [`together`]: components start together; turns of jobs that recur are due and one at a time.
//! - [`making_way`]: who is pushed aside may be, and not in vain; who is halted goes on.
//! - [`reserved`]: reservations are kept, and used by those they are for.
//! - [`limited`]: limits of accounting hold, and nobody waits for one that leaves room.
//! - [`promises`]: whoever is first in order is never delayed by those behind.

mod books;
mod courses;
mod foresight;
mod limited;
mod making_way;
mod promises;
mod reserved;
mod rules;
mod together;

use super::play::Tally;
use super::scene::KILL_WAIT;
use books::Books;
use courses::Courses;
use domain::cluster::Cluster;
use domain::job::{ArrayPart, Hold, Job, Phase, Reason, Resources, SuspendedBy};
use domain::ports::{Batch, Plan};
use domain::state::{Snapshot, State};
use domain::{JobId, Text, Timestamp};
use making_way::MakingWay;
use promises::Promises;
use reserved::Reserved;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use together::Turns;

/// The referee.
pub(crate) struct Referee {
    cluster: Arc<Cluster>,
    jobs: BTreeMap<JobId, Arc<Job>>,
    alarms: BTreeSet<(Timestamp, JobId)>,
    books: Books,
    courses: Courses,
    promises: Promises,
    making_way: MakingWay,
    reserved: Reserved,
    turns: Turns,
    /// Jobs that somebody has interfered with.
    touched: BTreeSet<JobId>,
    /// What has happened last, for the report.
    trail: VecDeque<String>,
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
            making_way: MakingWay::default(),
            reserved: Reserved::default(),
            turns: Turns::default(),
            touched: BTreeSet::new(),
            trail: VecDeque::new(),
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
        for preempt in &plan.preempts {
            self.note(now, format!("{preempt:?}"));
        }
        let is_calm = self.making_way.is_calm(state) && self.reserved.are_plain();
        let tally = &mut self.tally;
        let outcome = self.promises.planned(state, plan, (now, is_calm), tally);
        let outcome = outcome.and_then(|()| self.making_way.planned(state, plan, now, tally));
        if let Err(objection) = outcome.and_then(|()| limited::check_plan(state, plan, tally)) {
            self.object(now, objection);
        }
    }

    /// Takes in that an operator lets a suspended job go on.
    pub(crate) fn resume_asked(&mut self, job: JobId) {
        self.making_way.resume_asked(job);
    }

    /// Takes in that a node is taken out of service, or put back.
    pub(crate) fn nodes_changed(&mut self) {
        self.promises.forget();
        self.making_way.forget_all();
    }

    /// Takes in that an operator asks to make, change or delete a reservation.
    pub(crate) fn reservation_asked(&mut self, name: Text) {
        self.reserved.asked(Some(name));
        self.nodes_changed();
    }

    /// Takes in that this has been done, or refused.
    pub(crate) fn reservation_answered(&mut self) {
        self.reserved.asked(None);
    }

    /// Takes in that attempts have gone down with their node.
    pub(crate) fn lost(&mut self, attempts: impl Iterator<Item = (JobId, u32)>) {
        self.courses.lost(attempts);
    }

    /// Checks, when nothing more can happen, that nobody was forgotten whom the scheduler has halted.
    pub(crate) fn check_forgotten(&self) -> Result<(), String> {
        let waits = |job: &&Arc<Job>| {
            job.het.is_none()
                && matches!(&job.phase, Phase::Running(run) if run.suspended_by() == Some(SuspendedBy::Scheduler))
        };
        let could =
            |job: &&Arc<Job>| job.held_resources().is_some_and(|allocation| self.books.are_free(allocation));
        match self.jobs.values().filter(waits).find(could) {
            None => Ok(()),
            Some(job) => Err(format!("its CPUs are free and it does not go on: {}", brief(job))),
        }
    }

    /// Takes in that somebody has interfered with a job.
    pub(crate) fn disturbed(&mut self, job: JobId) {
        self.touched.insert(job);
        self.promises.forget();
        self.making_way.forget_all();
    }

    /// Returns when something is due without anybody asking.
    pub(crate) fn next_alarm(&self, now: Timestamp) -> Option<Timestamp> {
        let of_jobs = self.alarms.first().map(|(at, _)| *at);
        of_jobs.into_iter().chain(self.reserved.next_edge(now)).min()
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
            Ok(()) => self
                .jobs
                .values()
                .find(|job| is_overdue(job, snapshot.at))
                .map(|job| format!("it waits though it cannot end by its deadline: {}", brief(job))),
        };
        if let Some(objection) = objection {
            self.object(snapshot.at, objection);
        }
    }

    /// Returns what has happened last.
    pub(crate) fn last_happenings(&self) -> String {
        let trail: Vec<&str> = self.trail.iter().map(String::as_str).collect();
        format!("    {}", trail.join("\n    "))
    }

    /// Returns an objection if there is a job that has not ended, or anything is still taken.
    pub(crate) fn all_ended(&self) -> Option<String> {
        let waiting = self.jobs.values().find(|job| matches!(job.phase, Phase::Pending(_)));
        waiting.map(|job| format!("{} could not even be cancelled", brief(job)))
    }

    fn object(&mut self, now: Timestamp, objection: String) {
        let trail = self.last_happenings();
        self.objection.get_or_insert(format!("{trail}\nat {} s: {objection}", now.seconds()));
    }

    fn note(&mut self, now: Timestamp, what: String) {
        self.trail.extend([format!("{:>6} s  {what}", now.seconds())]);
        while self.trail.len() > TRAIL {
            self.trail.pop_front();
        }
    }

    fn take_in(&mut self, batch: &Batch, now: Timestamp) -> Result<(), String> {
        for job in &batch.jobs {
            if self.jobs.get(&job.id).is_none_or(|before| standing(before) != standing(job)) {
                self.note(now, standing(job));
            }
            self.give_back(job);
        }
        let reservations = self.reserved.known();
        for one in &batch.reservations {
            self.note(now, format!("{one:?}"));
        }
        self.reserved.moved(batch, &self.jobs, now, &mut self.tally)?;
        if !batch.reservations.is_empty() || !batch.removed_reservations.is_empty() {
            // It may have taken a node that others have left for somebody, or that was told to be free.
            self.making_way.forget_all();
            self.promises.forget();
        }
        for job in &batch.jobs {
            let before = self.jobs.get(&job.id);
            if let Some(before) = before {
                let gone = &batch.removed_reservations;
                self.reserved.check_left(gone, &reservations, before, job)?;
            }
            self.courses.moved(before, job, &mut self.tally)?;
            self.courses.check_lost(before.map(|job| &**job), Some(job))?;
            let is_touched = self.touched.contains(&job.array_id());
            self.making_way.moved(before.map(|job| &**job), job, (now, is_touched), &mut self.tally)?;
            self.turns.ended(job, now);
        }
        for closed in &batch.closed {
            self.courses.closed(&closed.job)?;
            if !self.touched.contains(&closed.job.array_id()) {
                rules::check_end(&closed.job)?;
            }
        }
        let mut begun = Vec::new();
        for job in &batch.jobs {
            let before = self.jobs.insert(job.id, Arc::clone(job));
            self.set_alarm(before.as_deref(), Some(job));
            if before.as_deref().and_then(attempt) != attempt(job) {
                begun.push(Arc::clone(job));
            } else if let Some(allocation) = job.held_resources()
                && matches!(job.phase, Phase::Running(_))
                && !job.is_suspended()
                && self.books.is_halted(job, allocation)
            {
                let outcome = self.books.go_on(&self.cluster, job, allocation);
                outcome.map_err(|objection| format!("{objection}; {} goes on", brief(job)))?;
            }
        }
        self.courses.singletons_follow(batch, &begun, &self.jobs);
        for job in &begun {
            self.take_in_start(job, now)?;
        }
        let overrun = self.cluster.limits.reservation_overrun;
        self.reserved.check_jobs(batch, &reservations, &self.jobs, (now, overrun))?;
        for job in &batch.jobs {
            together::check_leader(job, &self.jobs)?;
        }
        for id in &batch.gone {
            let job = self.jobs.remove(id);
            self.set_alarm(job.as_deref(), None);
        }
        Ok(())
    }

    /// Writes down what a job does not have any more.
    fn give_back(&mut self, job: &Arc<Job>) {
        let Some(before) = self.jobs.get(&job.id) else { return };
        let Some(allocation) = before.held_resources() else { return };
        if attempt(before) != attempt(job) {
            self.books.give_back(before, allocation);
        } else if job.is_suspended() {
            self.books.halt(before, allocation);
        }
        if let Some(now) = job.held_resources()
            && attempt(before) == attempt(job)
            && now.nodes.len() < allocation.nodes.len()
        {
            self.tally.count("made smaller");
            self.books.leave_nodes(before, allocation, now);
        }
    }

    fn take_in_start(&mut self, job: &Arc<Job>, now: Timestamp) -> Result<(), String> {
        let Some(allocation) = job.held_resources() else { return Ok(()) };
        self.tally.count("started");
        if job.recurs() {
            self.tally.count("turns of jobs that recur");
        }
        if job.het.is_some_and(|part| part.size > 1) {
            self.tally.count("components started");
        }
        // The clock may have been set anew since this was decided.
        let now = job.run().map_or(now, |run| run.started);
        rules::check_start(&self.cluster, job, allocation, now)
            .and_then(|()| self.courses.check_start(job))
            .and_then(|()| self.turns.check_start(job))
            .and_then(|()| together::check_start(job, &self.jobs))
            .and_then(|()| limited::check_start(&self.cluster, job, &self.jobs, &mut self.tally))
            .and_then(|()| self.books.hand_out(&self.cluster, job, allocation))
            .and_then(|()| {
                let world = (&self.jobs, &self.cluster.licenses);
                self.reserved.check_start(job, allocation, now, world, &mut self.tally)
            })
            .map_err(|objection| format!("{objection}; {} starts", brief(job)))?;
        self.making_way.started(&self.cluster, job, allocation, &mut self.tally)?;
        self.promises.started(job, now, &mut self.tally)
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
    // Whoever is behind others in strict order is not told that there are too few nodes.
    let is_beyond = |name: &Text, job: &Job| {
        let partition = snapshot.cluster.partition(name);
        partition.is_none_or(|partition| partition.nodes.len() < job.spec.resources.min_nodes as usize)
    };
    let is_hopeless = |job: &Job| match &job.phase {
        Phase::Pending(pending) => {
            pending.hold != Hold::None
                || courses::waits_for_others(snapshot, job)
                || HOPELESS.contains(&pending.reason)
                || limited::may_be_hopeless(snapshot, job, pending.reason)
                || job.spec.partitions.iter().all(|name| is_beyond(name, job))
        }
        Phase::Running(_) | Phase::Completing(_) | Phase::Ended(_) => false,
    };
    // Components wait for each other, and together may need more than there is.
    let is_excused = |job: &Job| match job.het.filter(|part| part.size > 1 && job.is_pending()) {
        None => is_hopeless(job),
        Some(part) => {
            let members: Vec<&Arc<Job>> = part.members().filter_map(|id| snapshot.jobs.job(id)).collect();
            members.iter().any(|job| is_hopeless(job)) || !members.iter().all(|job| is_little(job))
        }
    };
    let open = snapshot.jobs.iter().filter(|job| !job.is_final());
    open.map(|job| (Arc::clone(job), is_excused(job))).collect()
}

/// Tells whether a job needs so little that any few of them have room together in every partition that shares its nodes.
fn is_little(job: &Job) -> bool {
    let asked = &job.spec.resources;
    let little = Resources {
        min_nodes: 1,
        tasks: asked.tasks.filter(|tasks| *tasks == 1),
        cpus_per_task: 1,
        ..Resources::default()
    };
    *asked == little && !job.spec.partitions.iter().any(|name| name == "alone")
}

/// Reasons that tell somebody to change the job or the configuration.
const HOPELESS: [Reason; 5] = [
    Reason::PartitionConfig,
    Reason::PartitionNodeLimit,
    Reason::PartitionTimeLimit,
    Reason::BadConstraints,
    Reason::ReqNodeNotAvail,
];

/// Tells whether a job waits beyond its deadline.
fn is_overdue(job: &Job, now: Timestamp) -> bool {
    job.is_pending() && job.spec.deadline.is_some_and(|deadline| deadline.after(SLACK) < now)
}

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

/// So many happenings are told with an objection.
const TRAIL: usize = 40;

/// Returns in a few words where a job stands.
fn standing(job: &Job) -> String {
    let shares = job.held_resources().into_iter().flat_map(|allocation| &allocation.nodes);
    let shares: Vec<String> = shares
        .map(|share| format!("n{}:{:?}", share.node.0, share.cpus.iter().collect::<Vec<_>>()))
        .collect();
    let how = match &job.phase {
        Phase::Pending(_) if !job.is_eligible() => "not eligible".to_owned(),
        Phase::Running(run) if run.is_suspended() => format!("suspended by {:?}", run.suspended_by()),
        Phase::Running(run) if run.preemption.is_some() => "making way".to_owned(),
        Phase::Completing(completing) => completing.outcome.name().to_owned(),
        Phase::Ended(ended) => ended.outcome.name().to_owned(),
        _ => String::new(),
    };
    format!("{} {} {how} {}", name(job), job.phase.name(), shares.join(" "))
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
