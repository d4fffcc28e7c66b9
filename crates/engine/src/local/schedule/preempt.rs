//! Who makes way for a job that cannot start, and how: running jobs of lower partitions, or of qualities of service that
//! the job's own may push aside (`PreemptType`). Lowest rank first, among equals the youngest; never more than needed.
//!
//! Jobs that are suspended give up their CPUs at once, so the job starts in the same pass. Others need time to end; until
//! then the job waits with its room kept free for it, and asks nobody else. The main pass looks at this moment alone; the
//! backfill pass, for jobs behind those that wait, at what is booked as well (`ahead`).

mod ahead;
mod candidate;

pub(super) use ahead::Made;
pub(super) use candidate::may_push;

use super::ground::Ground;
use super::layout::{Entry, Layout};
use super::reserved::Reserved;
use candidate::{Candidate, candidates, fewest};
use domain::cluster::PreemptType;
use domain::fit::{Demand, Placement, place};
use domain::job::{Job, JobSpec, Phase};
use domain::ports::{Preempt, PreemptHow, Start};
use domain::reservation::{Fence, Membership};
use domain::state::State;
use domain::{JobId, NodeIndex, Text, Timestamp};
use smallvec::{SmallVec, smallvec};
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
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Jobs for whom nobody could make way, and when they look again.
    futile: HashMap<JobId, Timestamp>,
    /// The same for those who looked at what is booked as well.
    futile_ahead: HashMap<JobId, Timestamp>,
    /// Jobs for whom others make way; of heterogeneous jobs the leaders.
    claims: HashMap<JobId, Claim>,
    /// Whoever makes way has been asked to by this scheduler, and not before it was made.
    has_looked: bool,
}

/// The room that others leave for a job.
#[derive(Clone, Debug)]
struct Claim {
    /// Until when it is kept.
    until: Timestamp,
    /// The nodes it is on, by component, where the job may not go elsewhere: others are ahead of it there.
    nodes: HashMap<JobId, Arc<[NodeIndex]>>,
    /// The partition and the place that were found for it, or for each component: elsewhere it might take what is left for
    /// others.
    places: HashMap<JobId, Promise>,
    /// Those who will be halted for it once the others are gone.
    halted_later: Vec<JobId>,
}

impl Memory {
    /// Takes in what a pass has decided: an array one of whose tasks starts has the room that was left for it.
    pub(super) fn settle(&mut self, starts: &[Start], preempts: &[Preempt]) {
        self.has_looked = true;
        self.claims.retain(|job, _| {
            preempts.iter().any(|preempt| preempt.by == *job) || !starts.iter().any(|start| start.job == *job)
        });
    }

    /// Returns when somebody for whom nobody could make way should look again though nothing has happened: when the next of
    /// those who run has had the time that nobody disturbs.
    pub(super) fn looks_again(&self, state: &State, now: Timestamp) -> Option<Timestamp> {
        let next_look = self.futile.values().chain(self.futile_ahead.values()).min()?;
        let from = |job: &Arc<Job>| state.cluster().preemptable_from(job, job.run()?);
        let next = state.holding().filter_map(from).filter(|from| now < *from).min()?;
        Some(next.max(*next_look))
    }
}

/// A place that was found.
#[derive(Clone, Debug)]
struct Promise {
    partition: Text,
    place: Placement,
    /// The request it was found for: another may need another.
    spec: Arc<JobSpec>,
}

impl Promise {
    fn of(job: &Job, partition: &Text, place: Placement) -> Self {
        Promise { partition: partition.clone(), place, spec: Arc::clone(&job.spec) }
    }
}

impl Claim {
    /// Makes one that holds until a time, wherever the job goes.
    fn until(until: Timestamp) -> Self {
        Claim { until, nodes: HashMap::new(), places: HashMap::new(), halted_later: Vec::new() }
    }
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
    tries_ahead: usize,
    /// What was decided.
    pub(super) preempts: Vec<Preempt>,
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
        for futile in [&mut memory.futile, &mut memory.futile_ahead] {
            futile.retain(|_, again| now < *again && *again <= now.after(TRY_AGAIN));
        }
        let waits = |id: &JobId| state.job(*id).is_some_and(|job| job.is_pending());
        memory.claims.retain(|id, claim| now < claim.until && waits(id));
        // After a restart those who leave still know for whom.
        for preemption in state.making_way().filter_map(|job| job.run()?.preemption) {
            if !memory.has_looked && waits(&preemption.by) {
                memory.claims.entry(preemption.by).or_insert_with(|| Claim::until(now.after(KEPT)));
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
            tries_ahead: 0,
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
        if cluster.preempt.by == PreemptType::None || job.het.is_some_and(|part| part.size > 1) {
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
        let licenses = demand.resources.licenses.as_slice();
        let is_of_use = |candidate: &Candidate<'a>, nodes: &HashSet<NodeIndex>| {
            candidate.uses(nodes) || candidate.gives_back(cluster, licenses)
        };
        let nodes: HashSet<NodeIndex> = entry.nodes.iter().copied().collect();
        let eligible: Vec<&Candidate<'a>> = candidates
            .iter()
            .filter(|candidate| !self.is_spoken_for(candidate, job.id))
            .filter(|candidate| candidate.yields_to(cluster, job, partition))
            .filter(|candidate| is_of_use(candidate, &nodes))
            .collect();
        let before = self.fence_until_gone(job, &eligible, ground);
        let fits = |victims: &[&Candidate<'a>]| {
            let mut cleared = ground.clone();
            victims.iter().for_each(|victim| victim.leave(&mut cleared));
            demand.licenses(|name| cleared.free_licenses(name))?;
            let free = |index: NodeIndex| {
                if is_closed(index) { None } else { cleared.free_for(index, demand, job.spec.owner.uid) }
            };
            place(demand, cluster, &entry.nodes, free)
        };
        let victims = fewest(eligible, MOST_DOUBTS, fits, is_of_use);
        let room = match &victims {
            None => {
                self.memory.futile.insert(job.id, self.now.after(TRY_AGAIN));
                Room::None
            }
            Some(victims) if victims.iter().all(|victim| victim.how == PreemptHow::Suspend) => {
                victims.iter().for_each(|victim| victim.leave(ground));
                Room::Made
            }
            Some(victims) => {
                let until = self.gone(victims).after(KEPT);
                let place = fits(victims);
                let nodes =
                    place.iter().map(|place| (job.id, place.nodes.iter().map(|one| one.node).collect()));
                let claim = Claim {
                    nodes: nodes.collect(),
                    places: place
                        .map(|place| (job.id, Promise::of(job, &entry.name, place)))
                        .into_iter()
                        .collect(),
                    halted_later: halted(victims),
                    ..Claim::until(until)
                };
                self.memory.claims.insert(job.id, claim);
                ground.owe(job);
                Room::Coming
            }
        };
        ground.fence_in(before);
        self.tell(job.id, victims.into_iter().flatten(), room);
        self.candidates = Some(candidates);
        room
    }

    /// Closes to a job what it would run into if it started when the slowest of those who could go are gone; returns what was
    /// closed before.
    fn fence_until_gone(
        &self,
        job: &Job,
        eligible: &[&Candidate<'a>],
        ground: &mut Ground<'a>,
    ) -> Option<Fence<'a>> {
        let reserved = Reserved::new(self.state, self.now);
        if reserved.is_empty() {
            return None;
        }
        let membership = ground.own_reservation().map_or(Membership::Outside, Membership::Inside);
        let until = job.spec.time_limit.end_from(self.gone(eligible));
        ground.replace_fence(reserved.fence_until(membership, until))
    }

    /// Tells whether somebody makes way already, or will be halted for another than this job once others are gone.
    fn is_spoken_for(&self, candidate: &Candidate<'a>, job: JobId) -> bool {
        let claims = self.memory.claims.iter().filter(|(by, _)| **by != job);
        let mut later = claims.flat_map(|(_, claim)| &claim.halted_later);
        self.chosen.contains(&candidate.job.id) || later.any(|halted| *halted == candidate.job.id)
    }

    /// Tells whether this pass has told a job to make way.
    pub(super) fn has_told(&self, job: JobId) -> bool {
        self.chosen.contains(&job)
    }

    /// Notes guests that are asked to leave.
    pub(super) fn ask(&mut self, guests: Vec<Preempt>) {
        self.chosen.extend(guests.iter().map(|guest| guest.job));
        self.preempts.extend(guests);
    }

    /// Returns when all of these are gone that have to be.
    fn gone(&self, victims: &[&Candidate<'a>]) -> Timestamp {
        let grace = victims.iter().map(|victim| victim.grace).max().unwrap_or_default();
        self.now.after(grace).after(self.layout.cluster().limits.kill_wait)
    }

    /// Notes who makes way for a job. While some have to end first, the others need not be halted yet.
    fn tell<'c>(&mut self, by: JobId, victims: impl Iterator<Item = &'c Candidate<'a>>, room: Room)
    where
        'a: 'c,
    {
        for victim in victims.filter(|victim| room == Room::Made || victim.how != PreemptHow::Suspend) {
            self.chosen.insert(victim.job.id);
            let Candidate { how, grace, .. } = *victim;
            self.preempts.push(Preempt { job: victim.job.id, how, by, grace });
        }
    }
}

impl<'a> Displacing<'a, '_> {
    /// Returns the waiting jobs for whom others make way or have done so, in order: first those whose room is there, lest one who
    /// still waits for it takes theirs instead.
    pub(super) fn claimants(&self) -> Vec<&'a Arc<Job>> {
        let mut jobs: Vec<&Arc<Job>> =
            self.memory.claims.keys().filter_map(|id| self.state.job(*id)).collect();
        let tier = |job: &Job| self.owed_in(job).first().map(|at| self.layout.partitions[*at].tier);
        jobs.sort_by_cached_key(|job| {
            (awaits_room(self.state, job.id), Reverse(tier(job)), Reverse(job.priority), job.id)
        });
        jobs
    }

    /// Returns the partitions, by their places in the layout, in which a job or component may take the room that others
    /// leave for it: the one for which it was made, since in a lower one those who left it could push it aside in turn. Where
    /// that is not known, all that it names, the highest tier first.
    pub(super) fn owed_in(&self, job: &Job) -> SmallVec<[usize; 1]> {
        let claim = self.memory.claims.get(&job.het.map_or(job.id, |part| part.leader));
        let promise = claim.and_then(|claim| claim.places.get(&job.id));
        let made_for =
            promise.map(|promise| &promise.partition).filter(|own| job.spec.partitions.contains(own));
        if let Some(at) = made_for.and_then(|own| self.layout.position(own)) {
            return smallvec![at];
        }
        let mut named: SmallVec<[usize; 1]> =
            job.spec.partitions.iter().filter_map(|name| self.layout.position(name)).collect();
        named.sort_by_key(|at| Reverse(self.layout.partitions[*at].tier));
        named
    }

    /// Tells whether others may yet be asked to make way for a job (of a heterogeneous one the leader).
    pub(super) fn is_open_to(&self, job: JobId) -> bool {
        self.layout.cluster().preempt.by != PreemptType::None
            && self.tries_ahead < ahead::MOST_TRIES
            && !self.memory.futile_ahead.contains_key(&job)
            && !self.preempts.iter().any(|preempt| preempt.by == job)
            && !awaits_room(self.state, job)
    }

    /// Tells whether others make way for a job (of a heterogeneous one the leader) or have done so.
    pub(super) fn is_owed_room(&self, job: JobId) -> bool {
        self.memory.claims.contains_key(&job)
    }

    /// Returns the nodes to which a job or component is confined for which others make way.
    pub(super) fn confined(&self, job: &Job) -> Option<Arc<[NodeIndex]>> {
        let id = job.het.map_or(job.id, |part| part.leader);
        self.memory.claims.get(&id).and_then(|claim| claim.nodes.get(&job.id).cloned())
    }

    /// Returns the place in a partition that was found for a job or component for which others make way.
    pub(super) fn promised(&self, job: &Job, partition: &str) -> Option<&Placement> {
        let claim = self.memory.claims.get(&job.het.map_or(job.id, |part| part.leader))?;
        let is_meant =
            |promise: &&Promise| promise.partition == partition && promise.spec.needs_as(&job.spec);
        claim.places.get(&job.id).filter(is_meant).map(|promise| &promise.place)
    }

    /// Returns partition and place for which a job or component has to wait: where others are owed room as well it takes no
    /// other, which might be theirs.
    pub(super) fn bound_to(&self, job: &Job) -> Option<(&Text, &Placement)> {
        let own = job.het.map_or(job.id, |part| part.leader);
        let promise = self.memory.claims.get(&own)?.places.get(&job.id)?;
        let are_others = self.memory.claims.keys().any(|by| *by != own);
        (are_others && promise.spec.needs_as(&job.spec)).then_some((&promise.partition, &promise.place))
    }

    /// Returns the ground as it is once those are gone who make way for a job (of a heterogeneous one the leader), or have
    /// just been asked to, and those are halted who will be.
    pub(super) fn left_for(&self, by: JobId, ground: &Ground<'a>) -> Ground<'a> {
        let mut left = ground.clone();
        let told = self.preempts.iter().filter(|told| told.by == by && told.how != PreemptHow::Suspend);
        let told = told.filter_map(|told| self.state.job(told.job)).flat_map(|job| self.whole(job));
        let leaving = self.state.making_way().filter(|other| makes_way_for(other, by));
        for other in leaving.chain(told) {
            if let Some(allocation) = other.held_resources() {
                left.give_back(other, allocation);
            }
        }
        let later = self.memory.claims.get(&by).map_or(&[][..], |claim| &claim.halted_later);
        for other in later.iter().filter_map(|id| self.state.job(*id)).filter(|other| !other.is_suspended()) {
            if let (Phase::Running(_), Some(allocation)) = (&other.phase, other.held_resources()) {
                left.suspend(other, allocation);
            }
        }
        left
    }

    /// Returns a job and its components.
    fn whole(&self, job: &'a Arc<Job>) -> impl Iterator<Item = &'a Arc<Job>> + use<'a> {
        let state = self.state;
        let others = job.het.into_iter().flat_map(|part| part.members()).filter(|id| *id != job.id);
        std::iter::once(job).chain(others.filter_map(|id| state.job(id)))
    }

    /// Keeps room for a job where those who leave for it will have left it; tells whether it could.
    pub(super) fn keep_room(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        nodes: &[NodeIndex],
        ground: &mut Ground<'a>,
    ) -> bool {
        let mut left = self.left_for(job.id, ground);
        let Some(licenses) = demand.licenses(|name| left.free_licenses(name)) else { return false };
        let free = |index: NodeIndex| left.free_for(index, demand, job.spec.owner.uid);
        let promised = self.promised(job, &demand.partition.name);
        let promised = promised.filter(|place| left.has_room_at(place, demand, job)).cloned();
        let placement = promised.or_else(|| place(demand, self.layout.cluster(), nodes, free));
        let kept =
            placement.and_then(|placement| ground.keep(job, demand, (&placement, licenses), &mut left));
        kept.is_some()
    }
}

/// Returns those who are halted, which happens when the others are gone.
fn halted(victims: &[&Candidate<'_>]) -> Vec<JobId> {
    let halted = victims.iter().filter(|victim| victim.how == PreemptHow::Suspend);
    halted.flat_map(|victim| victim.members.iter().map(|job| job.id)).collect()
}

fn makes_way_for(other: &Job, job: JobId) -> bool {
    other.run().and_then(|run| run.preemption).is_some_and(|preemption| preemption.by == job)
}

/// Tells whether others have been told to make way for a job and are not gone yet.
pub(super) fn awaits_room(state: &State, job: JobId) -> bool {
    state.making_way().any(|other| makes_way_for(other, job))
}
