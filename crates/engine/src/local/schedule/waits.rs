//! Collects why jobs wait, and tells only what is new, so that a waiting queue writes no records.

use domain::fit::Placement;
use domain::job::{Phase, Reason};
use domain::ports::{Foreseen, Start};
use domain::state::{Planned, State};
use domain::{ByNumber, JobId, Text, Timestamp};
use std::time::Duration;

/// Why jobs wait, as one pass found.
#[derive(Debug, Default)]
pub(super) struct Waits {
    found: ByNumber<JobId, (Reason, Option<Timestamp>)>,
    /// Of whom it is told when and where they would start.
    curious_about: Vec<JobId>,
    /// What was found of them.
    foreseen: Vec<Foreseen>,
    /// The pass has looked deep: who is first and who is behind is told too. Otherwise the head of a busy queue would
    /// write a record for each start.
    pub(super) is_deep: bool,
    /// Where jobs are expected to start.
    pub(super) planned: Planned,
    /// Expected start times that have moved are told too; else only new ones and those that have passed.
    pub(super) tell_expectations: bool,
}

impl Waits {
    /// Notes why a job waits. A job that stands in several partitions keeps the reason that gives most hope.
    pub(super) fn note(&mut self, job: JobId, reason: Reason, expected: Option<Timestamp>) {
        let entry = self.found.entry(job).or_insert((reason, expected));
        if expected.is_some() || hope(reason) > hope(entry.0) {
            *entry = (reason, expected.or(entry.1));
        }
    }

    /// Notes what keeps a job waiting for which the pass that plans ahead has found a place. As in Slurm that is told instead
    /// of its place in a queue, for the main pass knew no more than who is ahead; unless it is expected to start elsewhere.
    pub(super) fn overrule(&mut self, job: JobId, reason: Reason) {
        let is_expected = self.found.get(&job).is_some_and(|(_, expected)| expected.is_some());
        if !is_expected {
            self.found.insert(job, (reason, None));
        }
    }

    /// Tells whether something has been noted of a job that keeps it from starting even if it is its turn.
    pub(super) fn is_in_vain(&self, job: JobId) -> bool {
        self.found.get(&job).is_some_and(|(reason, _)| !may_start(*reason))
    }

    /// Collects as well when and where these would start.
    pub(super) fn curious_about(jobs: Vec<JobId>) -> Self {
        Waits { curious_about: jobs, ..Waits::default() }
    }

    /// Notes when and where a job could start, if anybody wants to know. What is found first counts.
    pub(super) fn foresee(&mut self, job: JobId, at: Timestamp, partition: &Text, place: &Placement) {
        let is_told = |foreseen: &Foreseen| foreseen.job == job;
        if self.curious_about.contains(&job) && !self.foreseen.iter().any(is_told) {
            let nodes = place.nodes.iter().map(|placed| placed.node).collect();
            let cpus = place.nodes.iter().map(|placed| placed.takes.cpus).sum();
            self.foreseen.push(Foreseen { job, at, partition: partition.clone(), nodes, cpus });
        }
    }

    /// Returns whom somebody is curious about.
    pub(super) fn curious(&self) -> &[JobId] {
        &self.curious_about
    }

    /// Tells whether somebody is curious, and knows all by now.
    pub(super) fn knows_all(&self, starts: &[Start]) -> bool {
        !self.curious_about.is_empty() && self.curious_about.iter().all(|job| self.knows(*job, starts))
    }

    /// Tells whether it is known of a job.
    pub(super) fn knows(&self, job: JobId, starts: &[Start]) -> bool {
        self.foreseen.iter().any(|foreseen| foreseen.job == job)
            || starts.iter().any(|start| start.job == job)
    }

    /// Returns what was found of those that somebody was curious about.
    pub(super) fn into_foreseen(self) -> Vec<Foreseen> {
        self.foreseen
    }

    /// Forgets what was noted of a job that starts after all.
    pub(super) fn strike(&mut self, job: JobId) {
        self.found.remove(&job);
    }

    /// Returns what differs from what is on record.
    pub(super) fn changed(&self, state: &State, now: Timestamp) -> Vec<(JobId, Reason, Option<Timestamp>)> {
        let mut changed: Vec<_> = self
            .found
            .iter()
            .filter_map(|(id, (reason, expected))| {
                let Phase::Pending(pending) = &state.job(*id)?.phase else { return None };
                let told = pending.expected_start.filter(|told| *told > now && may_start(*reason));
                // Where there is news to tell, an old expectation is not told with it.
                let has_news = pending.reason != *reason;
                let expected = self.settle(told, *expected, self.tell_expectations || has_news);
                let is_only_rank = !self.is_deep && may_start(*reason) && may_start(pending.reason);
                let is_new =
                    (pending.reason != *reason || pending.expected_start != expected) && !is_only_rank;
                is_new.then_some((*id, *reason, expected))
            })
            .collect();
        changed.sort_unstable_by_key(|(id, _, _)| *id);
        changed
    }

    /// Rounds an expected start to the minute after it; keeps the one on record while it is about right.
    fn settle(&self, told: Option<Timestamp>, found: Option<Timestamp>, anew: bool) -> Option<Timestamp> {
        let Some(found) = found else { return told };
        let minute = Timestamp::from_seconds(found.seconds().saturating_add(59).div_euclid(60) * 60);
        match told {
            Some(told) if !anew || is_near(told, minute) => Some(told),
            _ => Some(minute),
        }
    }
}

/// Tells whether a job with this reason starts by itself in time.
fn may_start(reason: Reason) -> bool {
    matches!(reason, Reason::Resources | Reason::Priority | Reason::Licenses | Reason::Reserved)
}

fn is_near(one: Timestamp, other: Timestamp) -> bool {
    one.since(other).max(other.since(one)) <= Duration::from_secs(60)
}

/// Ranks reasons by how near they are to a start.
fn hope(reason: Reason) -> u8 {
    match reason {
        Reason::Resources => 4,
        Reason::Priority => 3,
        Reason::Licenses | Reason::JobArrayTaskLimit => 2,
        Reason::ReqNodeNotAvail | Reason::Reserved => 1,
        _ => 0,
    }
}
