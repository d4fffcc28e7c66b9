//! What changes of jobs mean: which programs are to be run, and what they are told.

use super::deliver::{Called, Notice, Way};
use super::limits::Limits;
use super::occasion::{Occasion, ending, failed, subject, summary};
use super::recipient::recipient;
use super::relay::Letter;
use super::variables::{Variables, of_completion, of_mail};
use crate::config::{NoticeConfig, this_machine};
use domain::job::{ArrayPart, Ended, HetPart, Job, MailTypes, Phase, Reason};
use domain::ports::Closed;
use domain::service::{JobService, StateChange, StateWord};
use domain::state::Snapshot;
use domain::{ChangeId, JobId, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How often jobs are looked at that want to hear of a dependency that can never be met.
const DEPENDENCIES: Duration = Duration::from_secs(1);

/// Reads changes and keeps in mind what spans several of them.
#[derive(Debug)]
pub(super) struct Digest {
    wants: NoticeConfig,
    limits: Limits,
    /// Arrays of which is known that they have begun.
    begun: HashSet<JobId>,
    /// Arrays whose end has been told.
    ended: HashSet<JobId>,
    /// Waiting jobs that want to hear of a dependency that can never be met.
    dependent: BTreeSet<JobId>,
}

/// What one reading has found.
struct Reading<'a> {
    jobs: &'a JobService,
    snapshot: Arc<Snapshot>,
    now: Timestamp,
    wants: &'a NoticeConfig,
    notices: Vec<Notice<'a>>,
    /// Arrays of which a task has ended, each with such a task.
    arrays: BTreeMap<JobId, Arc<Job>>,
}

impl Digest {
    /// Looks at the jobs that are there already; `last` is the last change that others have been told of.
    pub(super) fn new(wants: NoticeConfig, jobs: &JobService, last: ChangeId) -> Self {
        let untold =
            jobs.feed().after(last, 1).ok().and_then(|changes| changes.first().map(|change| change.at));
        let since = untold.unwrap_or_else(|| jobs.clock().now());
        let (mut limits, mut begun, mut dependent) = (Limits::default(), HashSet::new(), BTreeSet::new());
        for job in jobs.snapshot().jobs.iter().filter(|job| wishes(job) != MailTypes::default()) {
            limits.watch(job, since);
            if job.array.is_some() && job.run().is_some_and(|run| run.started < since) {
                begun.insert(job.array_id());
            }
            if job.is_pending() && wishes(job).has(MailTypes::INVALID_DEPENDENCY) {
                dependent.insert(job.id);
            }
        }
        Digest { wants, limits, begun, ended: HashSet::new(), dependent }
    }

    /// Returns what is to be told of these changes, and of what time has brought; and how long there will be nothing
    /// more unless something changes.
    pub(super) fn read<'a>(
        &'a mut self,
        changes: &[StateChange],
        jobs: &'a JobService,
    ) -> (Vec<Notice<'a>>, Option<Duration>) {
        let Digest { wants, limits, begun, ended, dependent } = self;
        let snapshot = jobs.snapshot();
        let mut reading = Reading {
            jobs,
            now: jobs.clock().now(),
            wants,
            notices: Vec::new(),
            arrays: BTreeMap::new(),
            snapshot,
        };
        for change in changes {
            let Some((job, closed)) = reading.job(change) else { continue };
            if let Some(closed) = &closed {
                reading.complete(closed);
            }
            if wants.sends_mail()
                && wishes(&job) != MailTypes::default()
                && job.het.is_none_or(HetPart::is_leader)
            {
                limits.watch(&job, Timestamp::EPOCH);
                if change.from.is_none() && wishes(&job).has(MailTypes::INVALID_DEPENDENCY) {
                    dependent.insert(change.job);
                }
                reading.change(change, &job, closed.as_ref(), begun, ended);
            }
        }
        reading.arrays(ended);
        reading.dependencies(dependent);
        let (due, mut wait) = limits.due(&reading.snapshot, reading.now);
        for (job, occasion) in due {
            reading.mail(occasion, &job);
        }
        if !dependent.is_empty() {
            wait = Some(wait.map_or(DEPENDENCIES, |wait| wait.min(DEPENDENCIES)));
        }
        begun.retain(|array| lives(&reading.snapshot, *array));
        ended.retain(|array| lives(&reading.snapshot, *array));
        (reading.notices, wait)
    }
}

/// Tells whether anything of an array may still change: the number of the array is its last task's, or its pool's.
fn lives(snapshot: &Snapshot, array: JobId) -> bool {
    snapshot.jobs.job(array).is_some() || !snapshot.records(array).is_empty()
}

fn wishes(job: &Job) -> MailTypes {
    job.spec.uncommon().mail_types
}

impl<'a> Reading<'a> {
    /// Returns the job of a change, and, where the change ended an attempt, that attempt.
    fn job(&self, change: &StateChange) -> Option<(Arc<Job>, Option<Closed>)> {
        use StateWord::{Completing, Running, Stopped, Suspended};
        let now = self.snapshot.jobs.job(change.job).cloned();
        let had_run = matches!(change.from, Some(Running | Stopped | Suspended | Completing));
        let is_over = match change.to {
            StateWord::Ended(_) => true,
            StateWord::Pending => had_run,
            Running => change.from == Some(Running),
            _ => false,
        };
        if !is_over {
            return now.map(|job| (job, None));
        }
        if let (StateWord::Ended(_), Some(job)) = (change.to, now.as_ref().filter(|job| job.is_final())) {
            let nodes = job.run().map(|run| self.snapshot.cluster.fold_nodes(&run.allocation));
            let closed = Closed { job: Arc::clone(job), nodes: nodes.unwrap_or_default(), also: Vec::new() };
            return Some((Arc::clone(job), Some(closed)));
        }
        let attempts = self.jobs.history().attempts(change.job);
        let attempts = attempts
            .inspect_err(|error| tracing::warn!(job = %change.job, "a notice is lost: {error}"))
            .unwrap_or_default();
        let is_meant = |closed: &Closed| {
            closed.job.id == change.job
                && matches!(&closed.job.phase, Phase::Ended(ended) if ended.ended <= change.at)
        };
        let closed = attempts.into_iter().rev().find(is_meant);
        now.or_else(|| closed.as_ref().map(|closed| Arc::clone(&closed.job))).map(|job| (job, closed))
    }

    /// Has the completion script told of an attempt that is over.
    fn complete(&mut self, closed: &Closed) {
        let Some(program) = &self.wants.completion else { return };
        let Some(variables) = of_completion(&closed.job, &closed.nodes, &self.snapshot.cluster) else {
            return;
        };
        let called = Called { program, arguments: Vec::new(), environment: variables.0 };
        self.notices.push(Notice { job: closed.job.id, way: Way::Program(called) });
    }

    fn change(
        &mut self,
        change: &StateChange,
        job: &Arc<Job>,
        closed: Option<&Closed>,
        begun: &mut HashSet<JobId>,
        told: &mut HashSet<JobId>,
    ) {
        let array = job.array_id();
        let as_whole = job.array.is_some() && !wishes(job).has(MailTypes::ARRAY_TASKS);
        match change.to {
            StateWord::Ended(_) if as_whole => {
                self.arrays.insert(array, Arc::clone(job));
            }
            StateWord::Pending => {
                told.remove(&array);
            }
            _ => {}
        }
        let past = closed.map_or(job, |closed| &closed.job);
        let mut occasions = Occasion::of(change, wishes(job));
        if let (true, StateWord::Pending, Phase::Ended(ended)) = (job.recurs(), change.to, &past.phase) {
            // A job of a crontab that waits for its next turn: this one is over.
            occasions = ending(failed(ended.outcome), wishes(job)).into_iter().collect();
        }
        for occasion in occasions {
            match occasion {
                Occasion::Began if as_whole => {
                    if begun.insert(array) {
                        self.mail_summary(occasion, job, &[]);
                    }
                }
                Occasion::Ended | Occasion::Failed if as_whole => {}
                Occasion::Requeued if as_whole => self.mail_summary(occasion, job, &[]),
                Occasion::Ended | Occasion::Failed | Occasion::Requeued => self.mail(occasion, past),
                _ => self.mail(occasion, job),
            }
        }
    }

    /// Sends the mail about arrays of which the last task has ended.
    fn arrays(&mut self, told: &mut HashSet<JobId>) {
        for (array, job) in std::mem::take(&mut self.arrays) {
            let records = self.snapshot.records(array);
            if records.iter().any(|job| !job.is_final()) || !told.insert(array) {
                continue;
            }
            // Tasks that ended long ago are history.
            let past = self.jobs.history().attempts(array).unwrap_or_default();
            let mut ends: BTreeMap<JobId, Ended> = BTreeMap::new();
            for job in past.iter().map(|closed| &closed.job).chain(&records) {
                if let (Phase::Ended(ended), true) = (&job.phase, job.array_id() == array) {
                    ends.insert(job.id, (**ended).clone());
                }
            }
            let ends: Vec<Ended> = ends.into_values().collect();
            let failed = ends.iter().any(|ended| failed(ended.outcome));
            if let Some(occasion) = ending(failed, wishes(&job)) {
                self.mail_summary(occasion, &job, &ends);
            }
        }
    }

    /// Sends the mail about jobs that wait for what can never be.
    fn dependencies(&mut self, dependent: &mut BTreeSet<JobId>) {
        let mut found = Vec::new();
        dependent.retain(|id| {
            let Some(job) = self.snapshot.jobs.job(*id) else { return false };
            let reason = match &job.phase {
                Phase::Pending(pending) => pending.reason,
                Phase::Ended(ended) => ended.reason,
                _ => return false,
            };
            let is_so = reason == Reason::DependencyNeverSatisfied;
            if is_so {
                found.push(Arc::clone(job));
            }
            !is_so && job.is_pending()
        });
        for job in found {
            self.mail(Occasion::InvalidDependency, &job);
        }
    }

    /// Sends mail about a job or a task.
    fn mail(&mut self, occasion: Occasion, job: &Job) {
        let spent = spent(occasion, job, self.now);
        let name = match &job.array {
            Some(ArrayPart::Task { of, index, .. }) => format!("Array Task Job_id={of}_{index} ({})", job.id),
            _ => format!("Job_id={}", job.id),
        };
        let variables = of_mail(occasion, job, &self.snapshot.cluster, spent);
        self.send(job, subject(occasion, job, &name, spent), variables);
    }

    /// Sends mail about an array.
    fn mail_summary(&mut self, occasion: Occasion, task: &Job, ends: &[Ended]) {
        let variables = of_mail(occasion, task, &self.snapshot.cluster, spent(occasion, task, self.now));
        self.send(task, summary(occasion, task, ends), variables);
    }

    fn send(&mut self, job: &Job, subject: String, variables: Variables) {
        let wants = self.wants;
        // A relay knows no users of this machine but by its name.
        let machine = wants.relay.as_ref().filter(|_| wants.domain.is_empty()).map(|_| this_machine());
        let Some(user) = recipient(job, machine.as_ref().unwrap_or(&wants.domain)) else {
            return tracing::warn!(job = %job.id, user = %job.spec.uncommon().mail_user, "no mail can be sent to this name");
        };
        // A line break would begin another header.
        let subject = subject.replace(char::is_control, " ");
        let letter = Letter { to: user.clone(), subject: subject.clone(), facts: variables.0.clone() };
        let called = wants.mail.as_deref().map(|program| Called {
            program,
            arguments: vec!["-s".to_owned(), subject, user],
            environment: variables.0,
        });
        let way = match (&wants.relay, called) {
            (Some(relay), called) => Way::Mail(relay, letter, called),
            (None, Some(called)) => Way::Program(called),
            (None, None) => return,
        };
        self.notices.push(Notice { job: job.array_id(), way });
    }
}

/// Returns how long a job queued, or how long it ran.
fn spent(occasion: Occasion, job: &Job, now: Timestamp) -> Duration {
    let run = job.run();
    match (occasion, &job.phase) {
        (Occasion::Began, _) => run.map_or(now, |run| run.started).since(job.submitted),
        (_, Phase::Ended(ended)) => run.map_or(Duration::ZERO, |run| run.elapsed(ended.ended)),
        _ => run.map_or(Duration::ZERO, |run| run.elapsed(now)),
    }
}
