//! How jobs have gone: what others may wait for, and that every attempt ends once.

use crate::trial::executor::Tag;
use crate::trial::play::Tally;
use domain::job::{Job, JobKind, Outcome, Phase, Relation, TermState};
use domain::ports::Batch;
use domain::state::Snapshot;
use domain::{JobId, Text, Uid};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How jobs have gone, by their numbers; an array is one.
#[derive(Default)]
pub(super) struct Courses {
    courses: HashMap<JobId, Course>,
    closed: HashMap<(JobId, u32), Arc<Job>>,
    /// Attempts that went down with their node.
    lost: BTreeSet<(JobId, u32)>,
    namesakes: HashMap<(Uid, Text), Namesakes>,
    /// Singletons, arrays as one, that have once had nobody to wait for: that is so for ever, as in Slurm, even if one of those
    /// before them is put back later.
    alone: BTreeSet<JobId>,
}

/// Jobs of one user that have one name.
#[derive(Default)]
struct Namesakes {
    /// Those that have not ended, an array's by its number first.
    open: BTreeSet<(JobId, JobId)>,
    /// Singletons among them that have not been alone yet.
    waiting: BTreeSet<JobId>,
}

/// How one has gone. What has once been true counts for those who waited for it, even if it is put back later.
#[derive(Default)]
struct Course {
    /// How each of its records has ended.
    ends: BTreeMap<JobId, Option<Outcome>>,
    started: bool,
    ended: bool,
    ended_well: bool,
    ended_badly: bool,
}

impl Courses {
    /// Takes in that a job's record changes.
    pub(super) fn moved(
        &mut self,
        before: Option<&Arc<Job>>,
        job: &Job,
        tally: &mut Tally,
    ) -> Result<(), String> {
        self.count_namesakes(before.is_none(), job);
        let course = self.courses.entry(job.array_id()).or_default();
        course.started |= job.run().is_some();
        let outcome = match &job.phase {
            Phase::Ended(ended) => Some(ended.outcome),
            _ => None,
        };
        if let (Some(outcome), false) = (outcome, before.is_some_and(|before| before.is_final())) {
            tally.count(outcome.name());
        }
        if let Some(before) = before.filter(|before| before.is_final() && !job.is_final()) {
            tally.count("put back after its end");
            if job.restarts <= before.restarts {
                return Err(format!("job {} lives again and is no other attempt", job.id));
            }
        }
        course.ends.insert(job.id, outcome);
        // What was never started does not count for an array whose other tasks have gone another way.
        if course.ends.values().all(Option::is_some) {
            course.ended = true;
            let well = course.ends.values().all(|outcome| *outcome == Some(Outcome::Completed));
            course.ended_well |= well;
            course.ended_badly |= !well;
        }
        Ok(())
    }

    fn count_namesakes(&mut self, is_new: bool, job: &Job) {
        let namesakes = self.namesakes.entry(family(job)).or_default();
        if job.is_final() {
            namesakes.open.remove(&(job.array_id(), job.id));
            namesakes.waiting.remove(&job.id);
            return;
        }
        namesakes.open.insert((job.array_id(), job.id));
        let is_singleton = || Tag::of(job).after.iter().any(|(word, _)| word == "singleton");
        if is_new && !self.alone.contains(&job.array_id()) && is_singleton() {
            namesakes.waiting.insert(job.id);
        }
    }

    /// Finds the singletons that are alone once a batch is recorded. Components start together, of whatever name; and what has
    /// ended in the same batch need not be over: it may be put back, or have another turn.
    pub(super) fn singletons_follow(
        &mut self,
        batch: &Batch,
        begun: &[Arc<Job>],
        jobs: &BTreeMap<JobId, Arc<Job>>,
    ) {
        let leader = |id: &JobId| jobs.get(id).and_then(|job| job.het).map(|part| part.leader);
        let families: BTreeSet<(Uid, Text)> = batch.jobs.iter().map(|job| family(job)).collect();
        let begun: BTreeSet<JobId> = begun.iter().map(|job| job.id).collect();
        let ended: BTreeSet<JobId> = batch.closed.iter().map(|closed| closed.job.id).collect();
        for family in families {
            let Some(Namesakes { open, waiting }) = self.namesakes.get_mut(&family) else { continue };
            waiting.retain(|id| {
                let Some(job) = jobs.get(id) else { return false };
                let is_sibling = |other: &JobId| job.het.is_some() && leader(other) == leader(id);
                let runs = |other: &JobId| jobs.get(other).is_some_and(|job| holds(job));
                // Whoever came later counts while it runs.
                let is_ahead = |(array, other): &(JobId, JobId)| match array.cmp(&job.array_id()) {
                    Ordering::Less => !ended.contains(other),
                    Ordering::Equal => false,
                    Ordering::Greater => runs(other) && !begun.contains(other),
                };
                let is_alone = !open.iter().any(|other| is_ahead(other) && !is_sibling(&other.1));
                if is_alone {
                    self.alone.insert(job.array_id());
                }
                !is_alone
            });
        }
    }

    /// Takes in that an attempt goes into history. A finished job that is put back is written there once more.
    pub(super) fn closed(&mut self, job: &Arc<Job>) -> Result<(), String> {
        if !job.is_final() {
            return Err(format!("job {} goes into history unfinished", job.id));
        }
        if matches!(&job.phase, Phase::Ended(ended) if ended.outcome == Outcome::Resized) {
            // A part of an attempt that goes on.
            return Ok(());
        }
        if job.recurs()
            && let Phase::Ended(ended) = &job.phase
        {
            // Its next turn is the same record.
            let course = self.courses.entry(job.array_id()).or_default();
            course.ended = true;
            course.ended_well |= ended.outcome == Outcome::Completed;
            course.ended_badly |= ended.outcome != Outcome::Completed;
        }
        let known = self.closed.insert((job.id, job.restarts), Arc::clone(job));
        match known.is_none_or(|known| known.phase == job.phase) {
            true => Ok(()),
            false => Err(format!("attempt {} of job {} ends twice", job.restarts, job.id)),
        }
    }

    /// Takes in that attempts have gone down with their node.
    pub(super) fn lost(&mut self, attempts: impl Iterator<Item = (JobId, u32)>) {
        self.lost.extend(attempts);
    }

    /// Checks what becomes of an attempt that has gone down with its node: it comes back if that was wanted.
    pub(super) fn check_lost(&mut self, before: Option<&Job>, now: Option<&Job>) -> Result<(), String> {
        let Some(before) = before.filter(|before| self.lost.remove(&(before.id, before.restarts))) else {
            return Ok(());
        };
        let (Phase::Running(_), Some(now)) = (&before.phase, now) else { return Ok(()) };
        let comes_back = before.spec.requeue && before.spec.kind == JobKind::Batch || before.recurs();
        let is_back = now.restarts > before.restarts;
        match is_back == comes_back {
            true => Ok(()),
            false => Err(format!("its node failed, comes back {is_back}: {}", super::brief(now))),
        }
    }

    /// Checks that whoever starts has not waited too short.
    pub(super) fn check_start(&self, job: &Job) -> Result<(), String> {
        // Whoever is put back waits for nobody any more.
        let terms = if job.restarts == 0 { Tag::of(job).after } else { Vec::new() };
        for (word, other) in terms {
            let is_met = match (word.as_str(), self.courses.get(&other)) {
                ("singleton", _) => self.alone.contains(&job.array_id()),
                // Gone before anybody asked.
                (_, None) => true,
                ("after", Some(course)) => course.started || course.ended,
                ("afterany", Some(course)) => course.ended,
                ("afterok", Some(course)) => course.ended_well,
                ("afternotok", Some(course)) => course.ended_badly,
                (word, _) => return Err(format!("no rule for {word}")),
            };
            if !is_met {
                return Err(format!("it waits {word}:{other}, which is not so"));
            }
        }
        Ok(())
    }
}

/// Tells whether a job waits for others that have not come to what it waits for.
pub(super) fn waits_for_others(snapshot: &Snapshot, job: &Job) -> bool {
    let Some(dependency) = &job.dependency else { return false };
    let mut open = dependency.terms.iter().filter(|term| term.state == TermState::Unfulfilled);
    let leader = |job: &Job| job.het.map_or(job.id, |part| part.leader);
    let is_ahead = |other: &Arc<Job>| {
        let is_older = other.array_id() < job.array_id();
        let is_in_the_way = is_older && !other.is_final() || holds(other);
        family(other) == family(job) && leader(other) != leader(job) && is_in_the_way
    };
    match dependency.state() {
        TermState::Fulfilled => false,
        TermState::Failed => true,
        TermState::Unfulfilled => {
            let is_single = open.all(|term| term.relation == Relation::Singleton);
            !is_single || snapshot.jobs.iter().any(is_ahead)
        }
    }
}

/// Tells whether a job has anything of the cluster.
fn holds(job: &Job) -> bool {
    job.held_resources().is_some()
}

/// Returns what a singleton looks at: whose job it is, and its name.
fn family(job: &Job) -> (Uid, Text) {
    (job.spec.owner.uid, job.spec.name.clone())
}
