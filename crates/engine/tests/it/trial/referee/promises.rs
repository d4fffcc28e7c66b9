//! No priority inversion: whoever is first in order is not delayed by those behind.
//!
//! The *first* is the waiting job that stands before all others: by the tier of its partition, then priority, then age.
//! Its *promise* is the earliest time at which it could start if every job that runs used up its time limit and nobody
//! else started. Three things are checked:
//!
//! 1. If it could start now, it does (requests that [`foresight`](super::foresight) can judge).
//! 2. Whatever else the same pass starts leaves its promise as it was (the same requests), and what is planned ahead leaves
//!    it within its limits of accounting. While those keep it waiting nothing of this is asked.
//! 3. It starts by the earliest time that the service ever told for it while it was first (all requests that wait for
//!    nodes alone), unless somebody interferes: an operator, a node.

use super::foresight::{earliest, is_kept_out, is_plain};
use super::limited::{is_unlimited, leaves_room, shut_out};
use super::{SLACK, brief};
use crate::trial::play::Tally;
use domain::job::{Job, Reason};
use domain::ports::{Plan, Start};
use domain::state::{QueueKey, State};
use domain::{JobId, Timestamp};
use std::cmp::Reverse;
use std::sync::Arc;

/// The promise that holds now.
#[derive(Default)]
pub(super) struct Promises {
    told: Option<(JobId, Timestamp)>,
}

/// Starts proposed in one pass; whoever is not among so many may have to wait for the next.
const MANY: usize = 500;

impl Promises {
    /// Forgets what was promised.
    pub(super) fn forget(&mut self) {
        self.told = None;
    }

    /// Takes in a plan.
    pub(super) fn planned(
        &mut self,
        state: &State,
        plan: &Plan,
        (now, is_calm): (Timestamp, bool),
        tally: &mut Tally,
    ) -> Result<(), String> {
        if !is_calm || !plan.preempts.is_empty() || !plan.resumes.is_empty() {
            // Room that is kept for those others make way for, or who go on, is nobody else's.
            self.told = None;
        }
        let backfilled = plan.starts.iter().filter(|start| start.backfilled).count();
        *tally.0.entry("backfilled".into()).or_default() += backfilled as u64;
        let Some(first) = first(state) else {
            self.told = None;
            return Ok(());
        };
        let starts = plan.starts.iter().any(|start| start.job == first.id);
        // Whoever starts inside takes no CPUs from those outside, but may take memory.
        let is_outside = |start: &Start| start.allocation.reservation.is_empty();
        let is_quiet = is_calm && plan.preempts.is_empty() && plan.starts.iter().all(is_outside);
        if !is_quiet {
            self.told = None;
        }
        let is_within = leaves_room(state, &first, &[]);
        if is_quiet && !starts && is_within && plan.starts.len() < MANY && is_plain(state, &first) {
            check(state, &first, plan, now, tally)?;
        }
        let is_overtaken = !starts && is_overtaken(state, &first, plan, now);
        self.told = self.told.filter(|(job, _)| *job == first.id && !is_overtaken);
        // Who is limited may have to wait for more than nodes by then.
        let waits_for_nodes = waits_for_nodes(&first) && is_unlimited(state.cluster(), &first);
        let told = plan.waits.iter().find(|wait| wait.0 == first.id && waits_for_nodes);
        if let Some((job, Reason::Resources, Some(expected))) = told.filter(|_| is_quiet) {
            let earlier = self.told.map_or(*expected, |(_, told)| told.min(*expected));
            self.told = Some((*job, earlier));
        }
        Ok(())
    }

    /// Takes in that a job starts.
    pub(super) fn started(&mut self, job: &Job, now: Timestamp, tally: &mut Tally) -> Result<(), String> {
        let Some((_, told)) = self.told.take_if(|(first, _)| *first == job.id) else { return Ok(()) };
        tally.count("promises kept");
        match now <= told.after(SLACK) {
            true => Ok(()),
            false => Err(format!("it was first and told to start at {} s: {}", told.seconds(), brief(job))),
        }
    }
}

/// Compares what the first could have with and without those who start before it.
fn check(state: &State, first: &Job, plan: &Plan, now: Timestamp, tally: &mut Tally) -> Result<(), String> {
    let alone = earliest(state, first, &[], now);
    tally.count("promises checked");
    if !is_unlimited(state.cluster(), first) {
        tally.count("promises checked within a limit");
    }
    if !state.reservations().is_empty() {
        tally.count("promises checked beside a reservation");
    }
    if alone == Some(now) {
        return Err(format!("it is first and could start now, but does not: {}", brief(first)));
    }
    if plan.starts.is_empty() {
        return Ok(());
    }
    if !leaves_room(state, first, &plan.starts) {
        // As in Slurm, those who start without planning ahead may use up its limits in other nodes; then it is limited.
        tally.count("limits used up before the first");
        return Ok(());
    }
    if is_overtaken(state, first, plan, now) {
        tally.count("overtaken while kept out by a reservation");
        return Ok(());
    }
    if let Some(limit) = alone.and_then(|alone| shut_out(state, first, &plan.starts, (now, alone))) {
        let others: Vec<JobId> = plan.starts.iter().map(|start| start.job).collect();
        return Err(format!("jobs {others:?} leave nothing of {limit} to the first: {}", brief(first)));
    }
    let with_others = earliest(state, first, &plan.starts, now);
    // Who plans ahead rounds times up.
    let resolution = state.cluster().scheduling.backfill.resolution;
    let latest = alone.map_or(Timestamp::NEVER, |alone| alone.after(resolution));
    if with_others.unwrap_or(Timestamp::NEVER) > latest {
        let others: Vec<JobId> = plan.starts.iter().map(|start| start.job).collect();
        return Err(format!(
            "jobs {others:?} delay the first from {alone:?} to {with_others:?}: {}",
            brief(first)
        ));
    }
    Ok(())
}

/// Tells whether some start without planning ahead before one whom only reservations keep out: as in Slurm, it keeps nobody
/// waiting until somebody plans ahead. Of requests that cannot be judged by counting that is believed beside reservations.
fn is_overtaken(state: &State, first: &Job, plan: &Plan, now: Timestamp) -> bool {
    plan.starts.iter().any(|start| !start.backfilled)
        && !state.reservations().is_empty()
        && (!is_plain(state, first) || is_kept_out(state, first, now))
}

/// Returns the waiting job that stands before all others, if nothing but resources keeps it.
fn first(state: &State) -> Option<Arc<Job>> {
    let queues = state.cluster().partitions.iter().filter(|partition| partition.state.starts_jobs());
    let keys = queues.flat_map(|partition| {
        let tier = Reverse(partition.tier);
        // Whoever waits inside of a reservation waits for nothing that others could have.
        let is_outside = |key: &QueueKey| {
            let uncommon = state.job(key.job).and_then(|job| job.spec.uncommon.as_deref());
            uncommon.is_none_or(|uncommon| uncommon.reservation.is_empty())
        };
        state.queues().of(&partition.name).find(is_outside).map(move |key| (tier, key))
    });
    let (_, key) = keys.min_by_key(|(tier, key)| (*tier, *key))?;
    state.job(key.job).cloned()
}

/// Tells whether a job waits for nodes alone, and in one place: others may overtake it while it waits for licences.
fn waits_for_nodes(job: &Job) -> bool {
    job.spec.partitions.len() == 1
        && job.spec.resources.licenses.is_empty()
        && job.array.is_none()
        && job.het.is_none()
}
