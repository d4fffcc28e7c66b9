//! Who makes way for a job that cannot start, and how: running jobs of lower partitions, or of qualities of service that
//! the job's own may push aside (`PreemptType`). Lowest rank first, among equals the youngest; never more than needed.
//!
//! Jobs that are suspended give up their CPUs at once, so the job starts in the same pass. Others need time to end; until
//! then the job waits with its room kept free for it, and asks nobody else.

use super::ground::Ground;
use super::layout::{Entry, Layout};
use domain::cluster::{Cluster, Partition, PreemptMode, PreemptType};
use domain::fit::{Demand, Placement, place};
use domain::job::{Job, JobKind, Phase, Running};
use domain::ports::{Preempt, PreemptHow};
use domain::state::State;
use domain::{JobId, NodeIndex, Timestamp};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How many jobs of a pass may look for others to push aside.
const MOST_TRIES: usize = 8;
/// How many victims of one job are looked at again, to see whether it can do without them.
const MOST_DOUBTS: usize = 64;
/// A job for whom nobody can make way looks again after this.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// How long the room others have left is kept for a job beyond the time they may take to leave it.
const KEPT: Duration = Duration::from_secs(60);

/// What is remembered between passes.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Jobs for whom nobody could make way, and when they look again.
    futile: HashMap<JobId, Timestamp>,
    /// Jobs for whom others make way, and until when their room is kept.
    claims: HashMap<JobId, Timestamp>,
}

/// Who makes way in a pass.
pub(super) struct Displacing<'a, 'm> {
    layout: &'a Layout,
    state: &'a State,
    now: Timestamp,
    candidates: Option<Vec<Candidate<'a>>>,
    memory: &'m mut Memory,
    chosen: HashSet<JobId>,
    tries: usize,
    /// What was decided.
    pub(super) preempts: Vec<Preempt>,
}

/// A running job that could make way for somebody.
struct Candidate<'a> {
    job: &'a Arc<Job>,
    rank: u32,
    how: PreemptHow,
    grace: Duration,
}

/// What came of looking for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is none to be made.
    None,
    /// Others have been told to go; it will be there.
    Coming,
    /// Others have been suspended; it is there.
    Made,
}

impl<'a, 'm> Displacing<'a, 'm> {
    /// Begins a pass: nobody has been asked yet.
    pub(super) fn new(layout: &'a Layout, state: &'a State, now: Timestamp, memory: &'m mut Memory) -> Self {
        memory.futile.retain(|_, again| now < *again && *again <= now.after(TRY_AGAIN));
        let waits = |id: &JobId| state.job(*id).is_some_and(|job| job.is_pending());
        memory.claims.retain(|id, until| now < *until && waits(id));
        // After a restart those who leave still know for whom.
        for preemption in state.making_way().filter_map(|job| job.run()?.preemption) {
            if waits(&preemption.by) {
                memory.claims.entry(preemption.by).or_insert(now.after(KEPT));
            }
        }
        Displacing {
            layout,
            state,
            now,
            candidates: None,
            memory,
            chosen: HashSet::new(),
            tries: 0,
            preempts: Vec::new(),
        }
    }

    /// Looks for room for a job that cannot start in a partition. What is suspended for it is off the ground afterwards.
    pub(super) fn make_room(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        entry: &Entry,
        ground: &mut Ground<'a>,
        is_closed: impl Fn(NodeIndex) -> bool,
    ) -> Room {
        let cluster = self.layout.cluster();
        // Components of a heterogeneous job start together; room for one alone is of no use.
        if cluster.preempt.by == PreemptType::None || job.het.is_some() {
            return Room::None;
        }
        if awaits_room(self.state, job.id) {
            return Room::Coming;
        }
        if self.tries >= MOST_TRIES || self.memory.futile.contains_key(&job.id) {
            return Room::None;
        }
        self.tries += 1;
        let candidates = match self.candidates.take() {
            Some(candidates) => candidates,
            None => candidates(self.state, self.now),
        };
        let partition = self.layout.partition(entry);
        let nodes: HashSet<NodeIndex> = entry.nodes.iter().copied().collect();
        let eligible: Vec<&Candidate<'a>> = candidates
            .iter()
            .filter(|candidate| !self.chosen.contains(&candidate.job.id))
            .filter(|candidate| may_push(cluster, job, partition, candidate.job))
            .filter(|candidate| candidate.uses(&nodes))
            .collect();
        let fits = |victims: &[&Candidate<'a>], ground: &Ground<'a>| {
            let mut cleared = ground.clone();
            victims.iter().for_each(|victim| victim.leave(self.state, &mut cleared));
            let free = |index: NodeIndex| {
                if is_closed(index) { None } else { cleared.free_for(index, demand, job.spec.owner.uid) }
            };
            place(demand, cluster, &entry.nodes, free)
        };
        let victims = fewest(eligible, |victims| fits(victims, ground));
        let room = match &victims {
            None => {
                self.memory.futile.insert(job.id, self.now.after(TRY_AGAIN));
                Room::None
            }
            Some(victims) if victims.iter().all(|victim| victim.how == PreemptHow::Suspend) => {
                victims.iter().for_each(|victim| victim.leave(self.state, ground));
                Room::Made
            }
            Some(victims) => {
                let grace = victims.iter().map(|victim| victim.grace).max().unwrap_or_default();
                let gone = self.now.after(grace).after(cluster.limits.kill_wait);
                self.memory.claims.insert(job.id, gone.after(KEPT));
                Room::Coming
            }
        };
        // While some have to end first, the others need not be halted yet.
        let told =
            victims.iter().flatten().filter(|victim| room == Room::Made || victim.how != PreemptHow::Suspend);
        for victim in told {
            let Candidate { job: other, how, grace, .. } = **victim;
            self.chosen.insert(other.id);
            self.preempts.push(Preempt { job: other.id, how, by: job.id, grace });
        }
        self.candidates = Some(candidates);
        room
    }
}

impl<'a> Displacing<'a, '_> {
    /// Returns the waiting jobs for whom others make way or have done so, in order.
    pub(super) fn claimants(&self) -> Vec<&'a Arc<Job>> {
        let mut jobs: Vec<&Arc<Job>> =
            self.memory.claims.keys().filter_map(|id| self.state.job(*id)).collect();
        jobs.sort_by_key(|job| (Reverse(job.priority), job.id));
        jobs
    }

    /// Keeps room for a job where those who leave for it will have left it; tells whether it could.
    pub(super) fn keep_room(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        entry: &Entry,
        ground: &mut Ground<'a>,
    ) -> bool {
        let mut left = ground.clone();
        for other in self.state.making_way().filter(|other| makes_way_for(other, job.id)) {
            if let Some(allocation) = other.held_resources() {
                left.give_back(other, allocation);
            }
        }
        let free = |index: NodeIndex| left.free_for(index, demand, job.spec.owner.uid);
        let placement = place(demand, self.layout.cluster(), &entry.nodes, free);
        let kept = placement.and_then(|placement| ground.keep(job, demand, &placement, &left));
        kept.is_some()
    }
}

fn makes_way_for(other: &Job, job: JobId) -> bool {
    other.run().and_then(|run| run.preemption).is_some_and(|preemption| preemption.by == job)
}

/// Tells whether others have been told to make way for a job and are not gone yet.
pub(super) fn awaits_room(state: &State, job: JobId) -> bool {
    state.making_way().any(|other| makes_way_for(other, job))
}

/// Tells whether a job that would run in a partition may push another aside.
pub(super) fn may_push(cluster: &Cluster, job: &Job, partition: &Partition, other: &Job) -> bool {
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

/// Finds every running job that could make way for somebody, in the order in which they are asked.
fn candidates(state: &State, now: Timestamp) -> Vec<Candidate<'_>> {
    let cluster = state.cluster();
    let candidate = |job| Candidate::of(cluster, job, now);
    let mut all: Vec<Candidate<'_>> = state.holding().filter_map(candidate).collect();
    all.sort_by_key(|candidate| {
        let started = candidate.job.run().map_or(Timestamp::EPOCH, |run| run.started);
        (candidate.rank, candidate.job.priority, Reverse(started), Reverse(candidate.job.id))
    });
    all
}

impl<'a> Candidate<'a> {
    fn of(cluster: &Cluster, job: &'a Arc<Job>, now: Timestamp) -> Option<Self> {
        let Phase::Running(run) = &job.phase else { return None };
        // Of a heterogeneous job the leader is asked, and takes the others along.
        if run.preemption.is_some() || job.het.is_some_and(|part| !part.is_leader()) {
            return None;
        }
        let rules = &cluster.preempt;
        let qos = cluster.qos(&job.spec.qos);
        let exempt = qos.and_then(|qos| qos.preempt_exempt_time).unwrap_or(rules.exempt_time);
        if run.elapsed(now) < exempt {
            return None;
        }
        let (rank, mode, grace) = match rules.by {
            PreemptType::None => return None,
            PreemptType::PartitionPriority => {
                let partition = cluster.partition(&run.allocation.partition)?;
                let grace = Duration::from_secs(u64::from(partition.grace_time));
                (u32::from(partition.tier), partition.preempt_mode, grace)
            }
            PreemptType::Qos => {
                let qos = qos?;
                (qos.priority, qos.preempt_mode, qos.grace_time)
            }
        };
        let how = way(mode.unwrap_or(rules.mode), job, run)?;
        Some(Candidate { job, rank, how, grace })
    }

    fn uses(&self, nodes: &HashSet<NodeIndex>) -> bool {
        let shares = self.job.held_resources().into_iter().flat_map(|allocation| &allocation.nodes);
        shares.into_iter().any(|share| nodes.contains(&share.node))
    }

    /// Takes it off the ground, with its components: all of it, or its CPUs alone.
    fn leave(&self, state: &State, ground: &mut Ground<'_>) {
        let members = self.job.het.into_iter().flat_map(|part| part.members().skip(1));
        let others = members.filter_map(|id| state.job(id));
        for job in std::iter::once(self.job).chain(others) {
            if let Some(allocation) = job.held_resources() {
                match self.how {
                    PreemptHow::Suspend => ground.suspend(job, allocation),
                    PreemptHow::Cancel | PreemptHow::Requeue => ground.give_back(job, allocation),
                }
            }
        }
    }
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

/// Returns as few as are needed of those who could go, the first ones first; `None` if all are not enough.
fn fewest<'c, 'a>(
    all: Vec<&'c Candidate<'a>>,
    fits: impl Fn(&[&'c Candidate<'a>]) -> Option<Placement>,
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
        let near: Vec<_> = chosen.iter().copied().filter(|candidate| candidate.uses(&nodes)).collect();
        if fits(&near).is_some() {
            chosen = near;
        }
    }
    for at in (0..chosen.len().min(MOST_DOUBTS)).rev() {
        let mut without = chosen.clone();
        without.remove(at);
        if fits(&without).is_some() {
            chosen = without;
        }
    }
    Some(chosen)
}
