//! Dependencies between live jobs: what a term's other job says about it, and who must be looked at when a job moves
//! on.

use super::ledger::Ledger;
use crate::job::{
    ArrayPart, Dependency, Ended, Event, Job, JobFlags, Outcome, Phase, Relation, Term, TermState,
};
use crate::state::State;
use crate::{JobId, Problem, TaskIndex, Text, Timestamp, Uid};
use std::cmp::Ordering;
use std::sync::Arc;

/// Looks at a dependency for the first time; also says before which time the job must not start, if a delay counts.
///
/// # Errors
/// [`Problem::BadDependency`] if a job it names is unknown, or is the job itself.
pub(super) fn first_look(
    state: &State,
    job: &Job,
    dependency: &Dependency,
) -> Result<(Dependency, Option<Timestamp>), Problem> {
    for term in &dependency.terms {
        if let Some(target) = term.job
            && (target == job.id
                || is_sibling(state, job, target)
                || records_of(state, target, term.task).is_empty())
        {
            return Err(Problem::BadDependency(Text::from(format!("job {target}"))));
        }
    }
    Ok(look(state, job, dependency))
}

/// Looks at a dependency as if nothing were known of it, where others have come and gone since the first look.
pub(super) fn look_anew(state: &State, job: &Job, dependency: &Dependency) -> Dependency {
    let mut unknown = dependency.clone();
    unknown.terms.iter_mut().for_each(|term| term.state = TermState::Unfulfilled);
    look(state, job, &unknown).0
}

/// Components start together, so that none can wait for another.
fn is_sibling(state: &State, job: &Job, target: JobId) -> bool {
    state.job(target).is_some_and(|target| are_siblings(job, target))
}

/// Returns the dependency with each open term as it stands now, and the latest end of a delay that began with it.
fn look(state: &State, job: &Job, dependency: &Dependency) -> (Dependency, Option<Timestamp>) {
    let mut looked_at = dependency.clone();
    let mut not_before = None;
    for term in looked_at.terms.iter_mut().filter(|term| term.state == TermState::Unfulfilled) {
        term.state = term_state(state, job, term);
        if let (TermState::Fulfilled, Relation::After(delay), Some(target)) =
            (term.state, term.relation, term.job)
            && !delay.is_zero()
        {
            not_before = not_before.max(last_start(state, target, term.task).map(|start| start.after(delay)));
        }
    }
    (looked_at, not_before)
}

fn term_state(state: &State, job: &Job, term: &Term) -> TermState {
    let Some(target) = term.job else { return singleton_state(state, job) };
    if matches!(term.relation, Relation::AfterCorr) {
        let own = match &job.array {
            Some(ArrayPart::Task { index, .. }) => Some(*index),
            // Tasks that wait together are looked at one by one when their counterparts end.
            Some(ArrayPart::Pool { .. }) => return TermState::Unfulfilled,
            None => None,
        };
        return ended_state(state, target, own.or(term.task), Relation::AfterOk);
    }
    match term.relation {
        Relation::After(_) => started_state(state, target, term.task),
        relation => ended_state(state, target, term.task, relation),
    }
}

/// As the original does: whoever was submitted before is waited for until it has ended, whoever came later while it runs.
/// Components of one heterogeneous job start together, whatever they are called.
fn singleton_state(state: &State, job: &Job) -> TermState {
    let same = |other: &Job| other.spec.owner.uid == job.spec.owner.uid && other.spec.name == job.spec.name;
    // Tasks of an earlier array have later numbers of their own.
    let is_ahead = |other: &Job| match other.array_id().cmp(&job.array_id()) {
        Ordering::Less => !other.is_final(),
        Ordering::Equal => false,
        Ordering::Greater => other.held_resources().is_some(),
    };
    let blocks = |other: &Job| is_ahead(other) && same(other) && !are_siblings(job, other);
    let is_blocked = state.jobs().iter().any(|other| blocks(other));
    if is_blocked { TermState::Unfulfilled } else { TermState::Fulfilled }
}

fn are_siblings(one: &Job, other: &Job) -> bool {
    let leader = |job: &Job| job.het.map(|part| part.leader);
    one.het.is_some() && leader(one) == leader(other)
}

/// Whether the target has started; having been cancelled before counts as well.
fn started_state(state: &State, target: JobId, task: Option<TaskIndex>) -> TermState {
    let has_begun = |job: &Arc<Job>| job.run().is_some() || job.is_final();
    let all = records_of(state, target, task);
    if all.iter().all(has_begun) { TermState::Fulfilled } else { TermState::Unfulfilled }
}

/// When the last part of the target has begun.
fn last_start(state: &State, target: JobId, task: Option<TaskIndex>) -> Option<Timestamp> {
    let begun = |job: Arc<Job>| match (&job.phase, job.run()) {
        (_, Some(run)) => Some(run.started),
        (Phase::Ended(ended), None) => Some(ended.ended),
        _ => None,
    };
    records_of(state, target, task).into_iter().filter_map(begun).max()
}

fn ended_state(state: &State, target: JobId, task: Option<TaskIndex>, relation: Relation) -> TermState {
    if task.is_none() && state.running_tasks(target) > 0 {
        // Saves the walk over a large array of which tasks still run.
        return TermState::Unfulfilled;
    }
    let all = records_of(state, target, task);
    let ends: Vec<&Ended> = all
        .iter()
        .filter_map(|job| match &job.phase {
            Phase::Ended(ended) => Some(&**ended),
            _ => None,
        })
        .collect();
    if ends.len() < all.len() {
        return TermState::Unfulfilled;
    }
    // Whoever waits for one task is not concerned by how the others went.
    let forgotten = task.is_none() && all.iter().any(|job| job.has_failed_siblings);
    let well = !forgotten && ends.iter().all(|end| end.outcome == Outcome::Completed);
    let met = match relation {
        Relation::AfterOk => well,
        Relation::AfterNotOk => !well,
        // How those have ended that are forgotten nobody knows.
        Relation::AfterExit(codes) => !forgotten && ends.iter().all(|end| codes.has(end.exit)),
        Relation::AfterEnd(outcomes) => !forgotten && ends.iter().all(|end| outcomes.contain(end.outcome)),
        Relation::After(_) | Relation::AfterAny | Relation::AfterCorr | Relation::Singleton => true,
    };
    if met { TermState::Fulfilled } else { TermState::Failed }
}

fn records_of(state: &State, target: JobId, task: Option<TaskIndex>) -> Vec<Arc<Job>> {
    let mut all = state.records(target);
    // A component counts for itself, the leader too: seen with one that was cancelled while he went on to his good end.
    all.retain(|job| job.het.is_none() || job.id == target);
    if let Some(task) = task {
        all.retain(|job| match &job.array {
            Some(ArrayPart::Task { index, .. }) => *index == task,
            Some(ArrayPart::Pool { waiting, .. }) => waiting.contains(task),
            None => false,
        });
    }
    all
}

impl Ledger<'_> {
    /// Looks at every job that waits for this one.
    pub(super) fn dependents_follow(&mut self, moved: &Job) {
        let mut waiting = self.state().dependents(moved.id);
        if moved.array_id() != moved.id {
            waiting.extend(self.state().dependents(moved.array_id()));
        }
        for id in waiting {
            self.split_corresponding(id, moved);
            self.dependency_follows(id);
        }
    }

    /// Looks at the singleton that is next after a job which has ended, been put back or been given another name; at
    /// components together. Those behind wait for it.
    pub(super) fn singletons_follow(&mut self, gone: &Job) {
        let waiting: Vec<JobId> = {
            let all = self.state().singletons(gone.spec.owner.uid, &gone.spec.name);
            let mut all = all.filter_map(|id| self.job(id));
            let Some(first) = all.next() else { return };
            let others = all.take_while(|other| are_siblings(first, other)).map(|job| job.id);
            std::iter::once(first.id).chain(others).collect()
        };
        for id in waiting {
            self.dependency_follows(id);
        }
    }

    /// Looks again at what a job waits for.
    pub(super) fn dependency_follows(&mut self, id: JobId) {
        let Some(job) = self.job(id).filter(|job| job.is_pending()).cloned() else { return };
        let Some(before) = &job.dependency else { return };
        let (after, not_before) = look(self.state(), &job, before);
        if after == **before {
            return;
        }
        let event = Event::DependencyMoved { at: self.now, dependency: Box::new(after), not_before };
        if let Err(refused) = self.happen(id, event) {
            tracing::error!(job.id = id.0, error = %refused, "dependency could not be noted");
            return;
        }
        self.is_behind |= self.job(id).is_some_and(|job| job.is_eligible());
        self.end_if_hopeless(id);
    }

    /// Cancels a job that waits in vain, if it was asked for that, and then those that do so because of it.
    pub(super) fn end_if_hopeless(&mut self, id: JobId) {
        self.hopeless.waiting.push_back(id);
        if self.hopeless.is_ending {
            return;
        }
        self.hopeless.is_ending = true;
        while let Some(id) = self.hopeless.waiting.pop_front() {
            self.end_hopeless(id);
        }
        self.hopeless.is_ending = false;
    }

    fn end_hopeless(&mut self, id: JobId) {
        let always = self.cluster().limits.kill_invalid_dependency;
        let wanted = |job: &&Arc<Job>| {
            let flags = job.spec.flags;
            flags.has(JobFlags::KILL_INVALID_DEPENDENCY)
                || always && !flags.has(JobFlags::NO_KILL_INVALID_DEPENDENCY)
        };
        let Some(job) = self.job(id).filter(wanted) else { return };
        let state = job.dependency.as_ref().map(|dependency| dependency.state());
        if state == Some(TermState::Failed) {
            let event = Event::Cancelled { at: self.now, by: Uid(0), kill: false };
            if let Err(refused) = self.happen(id, event) {
                tracing::error!(job.id = id.0, error = %refused, "job that waits in vain could not be cancelled");
            }
        }
    }

    /// Lets the task of a waiting array go its own way when its counterpart in another array has ended.
    fn split_corresponding(&mut self, id: JobId, moved: &Job) {
        let Some(ArrayPart::Task { of, index, .. }) = moved.array else { return };
        let Some(pool) = self.job(id).filter(|job| moved.is_final() && job.is_pending()) else { return };
        let Some(ArrayPart::Pool { waiting, .. }) = &pool.array else { return };
        let corresponds = |term: &Term| term.relation == Relation::AfterCorr && term.job == Some(of);
        let concerned = pool.dependency.iter().flat_map(|dependency| &dependency.terms).any(corresponds);
        if concerned && waiting.contains(index) && waiting.len() > 1 {
            let task = self.split(id, index);
            self.dependency_follows(task);
        } else if concerned && waiting.contains(index) {
            self.split(id, index);
        }
    }

    /// Gives a waiting task of an array a record of its own; returns the number of the record.
    pub(super) fn split(&mut self, pool: JobId, index: TaskIndex) -> JobId {
        let Some(job) = self.job(pool).cloned() else { return pool };
        let Some(ArrayPart::Pool { waiting, throttle, size }) = &job.array else { return pool };
        let (throttle, size) = (*throttle, *size);
        let task = Some(ArrayPart::Task { of: job.id, index, throttle, size });
        let mut rest = waiting.clone();
        if !rest.remove(index) {
            return pool;
        }
        if rest.is_empty() {
            // The last task keeps the array's number.
            self.put(Job { array: task, ..(*job).clone() });
            return pool;
        }
        self.put(Job { array: Some(ArrayPart::Pool { waiting: rest, throttle, size }), ..(*job).clone() });
        let id = self.take_id();
        self.put(Job { id, array: task, ..(*job).clone() });
        id
    }
}
