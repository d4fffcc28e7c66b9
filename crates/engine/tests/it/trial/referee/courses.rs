//! How jobs have gone: what others may wait for, and that every attempt ends once.

use crate::trial::executor::Tag;
use crate::trial::play::Tally;
use domain::JobId;
use domain::job::{Job, JobKind, Outcome, Phase};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// How jobs have gone, by their numbers; an array is one.
#[derive(Default)]
pub(super) struct Courses {
    courses: HashMap<JobId, Course>,
    closed: HashMap<(JobId, u32), Arc<Job>>,
    /// Attempts that went down with their node.
    lost: BTreeSet<(JobId, u32)>,
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
    pub(super) fn check_start(&self, job: &Job, jobs: &BTreeMap<JobId, Arc<Job>>) -> Result<(), String> {
        // Whoever is put back waits for nobody any more.
        let terms = if job.restarts == 0 { Tag::of(job).after } else { Vec::new() };
        for (word, other) in terms {
            let is_met = match (word.as_str(), self.courses.get(&other)) {
                ("singleton", _) => !has_namesake(job, jobs),
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

/// Tells whether an older job of this name and user holds resources. Components start together, of whatever name; one that
/// runs once more since this one has been eligible does not count any more.
fn has_namesake(job: &Job, jobs: &BTreeMap<JobId, Arc<Job>>) -> bool {
    let leader = |job: &Job| job.het.map(|part| part.leader);
    jobs.values().any(|other| {
        other.array_id() < job.array_id()
            && (job.het.is_none() || leader(other) != leader(job))
            && other.held_resources().is_some()
            && (other.restarts == 0 || other.run().is_none_or(|run| run.started <= job.eligible))
            && other.spec.name == job.spec.name
            && other.spec.owner.uid == job.spec.owner.uid
    })
}
