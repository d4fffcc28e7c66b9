//! Running jobs that could make way: how each does, for whom, and in which order they are asked.

use super::super::ground::Ground;
use domain::cluster::{Cluster, Partition, PreemptMode, PreemptType};
use domain::fit::Placement;
use domain::job::{Job, JobKind, Phase, Running};
use domain::ports::PreemptHow;
use domain::state::State;
use domain::{NodeIndex, Text, Timestamp};
use smallvec::SmallVec;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// A running job that could make way for somebody. Of a heterogeneous job it is the leader, who takes the others along.
pub(super) struct Candidate<'a> {
    pub(super) job: &'a Arc<Job>,
    /// It and its components, all that hold something.
    pub(super) members: SmallVec<[&'a Arc<Job>; 1]>,
    rank: u32,
    pub(super) how: PreemptHow,
    pub(super) grace: Duration,
}

/// Finds every running job that could make way for somebody, in the order in which they are asked.
pub(super) fn candidates(state: &State, now: Timestamp) -> Vec<Candidate<'_>> {
    let mut all: Vec<Candidate<'_>> =
        state.holding().filter_map(|job| Candidate::of(state, job, now)).collect();
    all.sort_by_key(|candidate| {
        let started = candidate.job.run().map_or(Timestamp::EPOCH, |run| run.started);
        (candidate.rank, candidate.job.priority, Reverse(started), Reverse(candidate.job.id))
    });
    all
}

/// Tells whether a job that would run in a partition may push another aside.
pub(in crate::local::schedule) fn may_push(
    cluster: &Cluster,
    job: &Job,
    partition: &Partition,
    other: &Job,
) -> bool {
    if let (Some(own), Some(theirs)) = (job.het, other.het)
        && own.leader == theirs.leader
    {
        return false;
    }
    match cluster.preempt.by {
        PreemptType::None => false,
        PreemptType::PartitionPriority => partition.tier > tier(cluster, other),
        PreemptType::Qos => cluster.qos(&job.spec.qos).is_some_and(|qos| qos.may_preempt(&other.spec.qos)),
    }
}

/// Returns the tier of the partition a job runs in.
fn tier(cluster: &Cluster, job: &Job) -> u16 {
    let partition = job.held_resources().and_then(|allocation| cluster.partition(&allocation.partition));
    partition.map_or(u16::MAX, |partition| partition.tier)
}

impl<'a> Candidate<'a> {
    fn of(state: &'a State, job: &'a Arc<Job>, now: Timestamp) -> Option<Self> {
        if job.het.is_some_and(|part| !part.is_leader()) {
            return None;
        }
        let cluster = state.cluster();
        let (mut rank, how, grace) = terms(cluster, job, now)?;
        let others = job.het.into_iter().flat_map(|part| part.members().skip(1));
        let others = others.filter_map(|id| state.job(id)).filter(|job| job.held_resources().is_some());
        let mut members: SmallVec<[&'a Arc<Job>; 1]> = SmallVec::from_slice(&[job]);
        for other in others {
            if matches!(other.phase, Phase::Running(_)) {
                // All of them make way or none, so each must be one of those who do.
                let (their_rank, ..) = terms(cluster, other, now)?;
                rank = rank.max(their_rank);
            }
            members.push(other);
        }
        Some(Candidate { job, members, rank, how, grace })
    }

    /// Tells whether all of it may be pushed aside by a job that would run in a partition.
    pub(super) fn yields_to(&self, cluster: &Cluster, job: &Job, partition: &Partition) -> bool {
        self.members.iter().all(|member| may_push(cluster, job, partition, member))
    }

    /// Tells whether it holds something of these nodes.
    pub(super) fn uses(&self, nodes: &HashSet<NodeIndex>) -> bool {
        let shares = self.members.iter().filter_map(|job| job.held_resources());
        shares.flat_map(|allocation| &allocation.nodes).any(|share| nodes.contains(&share.node))
    }

    /// Tells whether it gives back one of these licences when it goes.
    pub(super) fn gives_back(&self, cluster: &Cluster, licenses: &[(Text, u32)]) -> bool {
        let held = self.members.iter().filter_map(|job| job.held_resources());
        let is_wanted = |name: &Text| licenses.iter().any(|(wanted, _)| wanted == name);
        cluster.preempt.for_licenses
            && self.how != PreemptHow::Suspend
            && held.flat_map(|allocation| &allocation.licenses).any(|(name, _)| is_wanted(name))
    }

    /// Takes it off the ground: all of it, or its CPUs alone.
    pub(super) fn leave(&self, ground: &mut Ground<'_>) {
        for job in &self.members {
            if let Some(allocation) = job.held_resources() {
                match self.how {
                    PreemptHow::Suspend => ground.suspend(job, allocation),
                    PreemptHow::Cancel | PreemptHow::Requeue => ground.give_back(job, allocation),
                }
            }
        }
    }
}

/// Returns how high a running job ranks among those who make way, how it does, and what grace it has; `None` if it does
/// not, or not yet.
fn terms(cluster: &Cluster, job: &Job, now: Timestamp) -> Option<(u32, PreemptHow, Duration)> {
    let Phase::Running(run) = &job.phase else { return None };
    if run.preemption.is_some() || run.elapsed(now) < cluster.exempt_time(job) {
        return None;
    }
    let rules = &cluster.preempt;
    let (rank, mode, grace) = match rules.by {
        PreemptType::None => return None,
        PreemptType::PartitionPriority => {
            let partition = cluster.partition(&run.allocation.partition)?;
            let grace = Duration::from_secs(u64::from(partition.grace_time));
            (u32::from(partition.tier), partition.preempt_mode, grace)
        }
        PreemptType::Qos => {
            let qos = cluster.qos(&job.spec.qos)?;
            (qos.priority, qos.preempt_mode, qos.grace_time)
        }
    };
    Some((rank, way(mode.unwrap_or(rules.mode), job, run)?, grace))
}

/// Returns how a job makes way; `None` if it does not. What cannot go back into the queue is cancelled.
fn way(mode: PreemptMode, job: &Job, run: &Running) -> Option<PreemptHow> {
    match mode {
        PreemptMode::Off => None,
        PreemptMode::Cancel => Some(PreemptHow::Cancel),
        PreemptMode::Requeue if job.spec.requeue && job.spec.kind == JobKind::Batch => {
            Some(PreemptHow::Requeue)
        }
        PreemptMode::Requeue => Some(PreemptHow::Cancel),
        PreemptMode::Suspend if run.is_suspended() => None,
        PreemptMode::Suspend => Some(PreemptHow::Suspend),
    }
}

/// Returns as few as are needed of those who could go, the first ones first; `None` if all are not enough. `is_of_use` tells
/// whether somebody holds what is wanted, where the job would then be; of so many the need of each is doubted.
pub(super) fn fewest<'c, 'a>(
    all: Vec<&'c Candidate<'a>>,
    most_doubts: usize,
    mut fits: impl FnMut(&[&'c Candidate<'a>]) -> Option<Placement>,
    is_of_use: impl Fn(&Candidate<'a>, &HashSet<NodeIndex>) -> bool,
) -> Option<Vec<&'c Candidate<'a>>> {
    if all.is_empty() {
        return None;
    }
    fits(&all)?;
    let (mut too_few, mut enough) = (0, all.len());
    while too_few + 1 < enough {
        let middle = too_few + (enough - too_few) / 2;
        if fits(&all[..middle]).is_some() { enough = middle } else { too_few = middle }
    }
    let mut chosen = all[..enough].to_vec();
    // Those who are not where the job will be have no need to go.
    if let Some(placement) = fits(&chosen) {
        let nodes = placement.nodes.iter().map(|placed| placed.node).collect();
        let near: Vec<_> = chosen.iter().copied().filter(|candidate| is_of_use(candidate, &nodes)).collect();
        if fits(&near).is_some() {
            chosen = near;
        }
    }
    for at in (0..chosen.len().min(most_doubts)).rev() {
        let mut without = chosen.clone();
        without.remove(at);
        if fits(&without).is_some() {
            chosen = without;
        }
    }
    // With fewer gone the place may be another.
    while let Some(placement) = fits(&chosen) {
        let nodes = placement.nodes.iter().map(|placed| placed.node).collect();
        let near: Vec<_> = chosen.iter().copied().filter(|candidate| is_of_use(candidate, &nodes)).collect();
        if near.len() == chosen.len() || fits(&near).is_none() {
            break;
        }
        chosen = near;
    }
    Some(chosen)
}
