//! The main pass: in strict order, stopping where it can go no further.

use super::MOST_STARTS;
use super::backfill;
use super::ground::Ground;
use super::guests;
use super::joint::Joint;
use super::layout::Layout;
use super::limited::Limited;
use super::obstacle;
use super::preempt::{Displacing, Room, awaits_room};
use super::reserved::{Reserved, names_reservation};
use super::resume::Returning;
use super::waits::Waits;
use super::walk::{Turn, Walk};
use domain::accounting::Planned;
use domain::cluster::SchedulerType;
use domain::fit::{Demand, place};
use domain::job::{ArrayPart, HetPart, Job, Reason};
use domain::ports::{PassExit, Start};
use domain::state::State;
use domain::{JobId, NodeIndex, Text, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// The pass while it is made.
pub(super) struct MainPass<'a, 'g, 'm> {
    layout: &'a Layout,
    now: Timestamp,
    ground: &'g mut Ground<'a>,
    waits: &'g mut Waits,
    closed_nodes: Vec<u64>,
    closed_licenses: Vec<&'a Text>,
    starts: Vec<Start>,
    depth: usize,
    /// Jobs it may look at.
    most: usize,
    /// Jobs looked at, by partition.
    depths: Vec<usize>,
    /// Nobody overtakes a job that waits.
    is_strict: bool,
    /// The room that others have left is given to those it is for: one task of each array.
    is_settling: bool,
    left_some: bool,
    displacing: Displacing<'a, 'm>,
    joint: &'g Joint,
    limited: &'g mut Limited,
    /// Jobs for which room is kept that others are leaving.
    kept: Vec<JobId>,
    returning: Returning<'a>,
    reserved: Reserved<'a>,
    /// Numbers of reservations in which a job waits already.
    closed_reservations: Vec<u32>,
    /// This pass books nothing for later.
    nothing: Planned,
}

/// How an attempt went.
enum Attempt<'a> {
    /// The job has started, all of it.
    Started,
    /// The job waits for something that others may overtake it for.
    Aside(Reason),
    /// Accounting's limits keep the job waiting.
    Limited(Reason),
    /// What the job needs is in use.
    Busy(Box<Demand<'a>>),
    /// Its licences are in use, which others might give back.
    Unlicensed(Box<Demand<'a>>),
}

/// What the main pass found.
pub(super) struct Found<'a, 'm> {
    /// Jobs to start.
    pub(super) starts: Vec<Start>,
    /// Jobs looked at.
    pub(super) depth: usize,
    /// There are jobs that wait, whether looked at or not.
    pub(super) left_some: bool,
    /// Who makes way, and who else may be asked.
    pub(super) displacing: Displacing<'a, 'm>,
    /// Suspended jobs that go on.
    pub(super) resumes: Vec<JobId>,
    /// Jobs for which room is kept that others are leaving.
    pub(super) kept: Vec<JobId>,
    /// Why it went no further.
    pub(super) exit: PassExit,
}

impl<'a, 'g, 'm> MainPass<'a, 'g, 'm> {
    /// Makes the pass, over at most that many jobs.
    pub(super) fn run(
        layout: &'a Layout,
        (displacing, joint, limited): (Displacing<'a, 'm>, &'g Joint, &'g mut Limited),
        state: &'a State,
        now: Timestamp,
        ground: &'g mut Ground<'a>,
        waits: &'g mut Waits,
        most: usize,
    ) -> Found<'a, 'm> {
        limited.begin(now, layout.partitions.len());
        let mut pass = MainPass {
            layout,
            now,
            ground,
            waits,
            closed_nodes: vec![0; layout.cluster().nodes.len().div_ceil(64)],
            closed_licenses: Vec::new(),
            starts: Vec::new(),
            depth: 0,
            most,
            depths: vec![0; layout.partitions.len()],
            is_strict: layout.cluster().scheduling.by == SchedulerType::Builtin,
            is_settling: true,
            left_some: false,
            displacing,
            joint,
            limited,
            kept: Vec::new(),
            returning: Returning::new(state),
            reserved: Reserved::new(state, now),
            closed_reservations: Vec::new(),
            nothing: Planned::default(),
        };
        pass.walk(state);
        let exit = match pass.starts.len() {
            MOST_STARTS.. => PassExit::Starts,
            _ if pass.depth >= pass.most => PassExit::Depth,
            _ => PassExit::EndOfQueue,
        };
        pass.returning.at_last(pass.ground);
        Found {
            starts: pass.starts,
            depth: pass.depth,
            left_some: pass.left_some,
            exit,
            displacing: pass.displacing,
            kept: pass.kept,
            resumes: pass.returning.resumes,
        }
    }

    fn walk(&mut self, state: &'a State) {
        let layout = self.layout;
        let starts = |at: usize| layout.partition(&layout.partitions[at]).state.starts_jobs();
        let waits = |at: usize| !starts(at) && state.queues().len_of(&layout.partitions[at].name) > 0;
        self.left_some = (0..layout.partitions.len()).any(waits);
        for job in self.displacing.claimants() {
            self.claim(job, state);
        }
        self.is_settling = false;
        if !self.reserved.is_empty() {
            self.reserved.waiting().into_iter().for_each(|job| self.look_inside(job));
        }
        let mut walk = Walk::over(layout, state, starts);
        let scheduling = &layout.cluster().scheduling;
        while self.depth < self.most && self.starts.len() < MOST_STARTS {
            let Some(turn) = walk.next() else { return };
            let had_turn = self.ground.has_started(turn.job.id) || self.kept.contains(&turn.job.id);
            if had_turn || names_reservation(turn.job) {
                continue;
            }
            self.depth += 1;
            self.depths[turn.partition] += 1;
            let is_limited = match turn.job.het.filter(|part| part.size > 1) {
                Some(part) => {
                    self.leave_to_backfill(part, &turn, state, &mut walk);
                    false
                }
                None => self.look_at(&turn, &mut walk),
            };
            let skip = walk.last_place().and_then(|key| self.limited.note(turn.partition, key, is_limited));
            if let Some(skip) = skip {
                // They count as if they had been looked at.
                self.depth += skip.count;
                self.depths[turn.partition] += skip.count;
                walk.go_on_behind(turn.partition, skip.last);
            }
            let most = scheduling.partition_depth;
            if most > 0 && self.depths[turn.partition] >= most {
                self.left_some = true;
                walk.close(turn.partition);
            }
        }
        self.left_some |= walk.has_more();
    }

    /// Components start together, which the backfill pass sees to. Until then nobody behind takes what they wait for: the
    /// nodes booked for them, or all while nothing is booked yet. Where nobody overtakes they are not started at all (they are
    /// refused there, but may have been accepted under another configuration), so nobody waits for them.
    fn leave_to_backfill(&mut self, part: HetPart, turn: &Turn<'a>, state: &'a State, walk: &mut Walk<'a>) {
        if self.is_strict {
            return;
        }
        let Some(members) = backfill::eligible(state, part) else { return };
        if !backfill::could_start(self.layout, &members, self.now) {
            return;
        }
        self.left_some = true;
        if let Some(nodes) = self.joint.nodes(part.leader) {
            nodes.iter().for_each(|node| self.close(*node));
            if !nodes.is_empty() {
                let licenses = members.iter().flat_map(|job| &job.spec.resources.licenses);
                self.closed_licenses.extend(licenses.map(|(name, _)| name));
            }
            return;
        }
        let entry = &self.layout.partitions[turn.partition];
        entry.nodes.iter().for_each(|node| self.close(*node));
        walk.close(turn.partition);
    }

    /// Looks at a job that names a reservation. Whoever waits inside keeps nobody outside waiting, and nobody in another one.
    fn look_inside(&mut self, job: &'a Arc<Job>) {
        if job.het.is_some_and(|part| part.size > 1) {
            // Components start together, which the backfill pass sees to.
            self.left_some = true;
            return;
        }
        for name in &job.spec.partitions {
            let Some(partition) = self.layout.position(name) else { continue };
            let entry = &self.layout.partitions[partition];
            if !self.layout.partition(entry).state.starts_jobs() || self.starts.len() >= MOST_STARTS {
                continue;
            }
            self.depth += 1;
            let mut is_coming = false;
            let attempt = match self.attempt(job, partition, &entry.nodes) {
                Attempt::Busy(demand) => match self.make_room(job, partition, &demand) {
                    Room::Made => self.attempt(job, partition, &entry.nodes),
                    Room::Coming => {
                        is_coming = true;
                        // It may lie beyond the reservation; in later passes it is kept.
                        let nodes = self.displacing.confined(job).unwrap_or_default();
                        nodes.iter().for_each(|node| self.close(*node));
                        Attempt::Busy(demand)
                    }
                    Room::None => Attempt::Busy(demand),
                },
                attempt => attempt,
            };
            // Whoever makes way for it need not leave as a guest as well.
            if let Attempt::Busy(demand) = &attempt
                && !is_coming
            {
                let nodes = &self.layout.partitions[partition].nodes;
                let around = (&*self.ground, &self.displacing);
                let asked = guests::asked_to_leave(self.reserved, job, demand, nodes, around);
                self.displacing.ask(asked);
            }
            match attempt {
                Attempt::Started => return self.waits.strike(job.id),
                Attempt::Unlicensed(_) => {
                    self.left_some = true;
                    self.waits.note(job.id, Reason::Licenses, None);
                }
                Attempt::Limited(reason) => self.waits.note(job.id, reason, None),
                Attempt::Aside(reason) => {
                    self.left_some |= matches!(reason, Reason::Licenses | Reason::Priority);
                    self.waits.note(job.id, reason, None);
                }
                Attempt::Busy(_) => {
                    self.left_some = true;
                    let own = self.ground.own_reservation();
                    self.closed_reservations.extend(own.map(|own| own.number));
                    self.waits.note(job.id, Reason::Resources, None);
                }
            }
        }
    }

    /// Looks at a job; tells whether accounting's limits keep it waiting.
    fn look_at(&mut self, turn: &Turn<'a>, walk: &mut Walk<'a>) -> bool {
        let job = turn.job.as_ref();
        let partition = self.layout.partition(&self.layout.partitions[turn.partition]);
        self.returning.before(job, partition, self.ground);
        let nodes = self.layout.partitions[turn.partition].nodes.as_slice();
        let attempt = match self.attempt(job, turn.partition, nodes) {
            Attempt::Busy(demand) => match self.make_room(job, turn.partition, &demand) {
                Room::Made => self.attempt(job, turn.partition, nodes),
                Room::Coming | Room::None => Attempt::Busy(demand),
            },
            Attempt::Unlicensed(demand) => match self.make_room(job, turn.partition, &demand) {
                Room::Made => self.attempt(job, turn.partition, nodes),
                Room::Coming => Attempt::Busy(demand),
                Room::None => Attempt::Unlicensed(demand),
            },
            attempt => attempt,
        };
        if self.displacing.is_owed_room(job.id) {
            // It waits for this room and tries no other partition.
            self.kept.push(job.id);
        }
        match attempt {
            Attempt::Started => self.waits.strike(job.id),
            Attempt::Limited(reason) => {
                self.waits.note(job.id, reason, None);
                if self.layout.cluster().scheduling.stops_at_limits {
                    // The backfill pass sees who may start all the same.
                    self.left_some = true;
                    walk.close(turn.partition);
                }
                return true;
            }
            Attempt::Aside(reason) => {
                self.left_some |= matches!(reason, Reason::Licenses | Reason::Reserved);
                self.waits.note(job.id, reason, None);
                if reason == Reason::Licenses && self.is_strict {
                    walk.close(turn.partition);
                }
            }
            Attempt::Unlicensed(demand) => {
                self.left_some = true;
                self.close_licenses(&demand);
                self.waits.note(job.id, Reason::Licenses, None);
                if self.is_strict {
                    walk.close(turn.partition);
                }
            }
            Attempt::Busy(demand) => {
                self.left_some = true;
                let entry = &self.layout.partitions[turn.partition];
                let is_first = entry.nodes.iter().any(|node| !self.is_closed(*node));
                let reason = if is_first { Reason::Resources } else { Reason::Priority };
                self.waits.note(job.id, reason, None);
                self.close_licenses(&demand);
                if demand.required.len() >= demand.max_nodes as usize && !self.is_strict {
                    // It waits for these nodes alone, so only they are kept for it.
                    demand.required.iter().for_each(|node| self.close(*node));
                } else {
                    entry.nodes.iter().for_each(|node| self.close(*node));
                    walk.close(turn.partition);
                }
            }
        }
        false
    }

    /// Starts a job for which others have made way, or keeps the room they are leaving.
    fn claim(&mut self, job: &'a Arc<Job>, state: &'a State) {
        if let Some(part) = job.het.filter(|part| part.size > 1) {
            return self.claim_together(part, state);
        }
        let confined = self.displacing.confined(job);
        for partition in self.displacing.owed_in(job) {
            let entry = &self.layout.partitions[partition];
            let starts = self.layout.partition(entry).state.starts_jobs();
            if !starts || job.eligible == Timestamp::NEVER {
                continue;
            }
            let nodes = within(&entry.nodes, confined.as_deref());
            let starts = self.starts.len();
            let attempt = self.attempt(job, partition, &nodes);
            if self.starts.len() > starts {
                // A task of an array has the room; what the others need is seen when it is their turn.
                self.waits.strike(job.id);
                return;
            }
            let attempt = match attempt {
                // Those who had to end are gone; whoever is to be halted can be now.
                Attempt::Busy(demand) if !awaits_room(state, job.id) => {
                    let is_elsewhere = |node: NodeIndex| !nodes.contains(&node);
                    match self.displacing.make_room(job, &demand, entry, self.ground, is_elsewhere) {
                        Room::Made => self.attempt(job, partition, &nodes),
                        Room::Coming => {
                            nodes.iter().for_each(|node| self.close(*node));
                            self.kept.push(job.id);
                            self.left_some = true;
                            return;
                        }
                        Room::None => Attempt::Busy(demand),
                    }
                }
                attempt => attempt,
            };
            match attempt {
                Attempt::Started => {
                    self.waits.strike(job.id);
                    return;
                }
                Attempt::Busy(demand) | Attempt::Unlicensed(demand)
                    if self.displacing.keep_room(job, &demand, &nodes, self.ground) =>
                {
                    self.left_some = true;
                    self.waits.note(job.id, Reason::Resources, None);
                    self.kept.push(job.id);
                    return;
                }
                _ => {}
            }
        }
    }

    /// Keeps the nodes for components that start together in the backfill pass.
    fn claim_together(&mut self, part: HetPart, state: &'a State) {
        for job in part.members().filter_map(|id| state.job(id)) {
            if let Some(nodes) = self.displacing.confined(job) {
                nodes.iter().for_each(|node| self.close(*node));
                self.ground.keep_licenses(&job.spec.resources.licenses);
                self.kept.push(job.id);
                self.left_some = true;
            }
        }
    }

    /// Has others suspended so that a job can start; or has them told to end, and lets it wait.
    fn make_room(&mut self, job: &'a Job, partition: usize, demand: &Demand<'a>) -> Room {
        let entry = &self.layout.partitions[partition];
        let closed = &self.closed_nodes;
        self.displacing.make_room(job, demand, entry, self.ground, |node| is_closed(closed, node))
    }

    /// Tries to start a job on some of these nodes, wherever reservations let it.
    fn attempt(&mut self, job: &'a Job, partition: usize, nodes: &[NodeIndex]) -> Attempt<'a> {
        let entry = &self.layout.partitions[partition];
        let demand = match obstacle::demand(self.layout, self.layout.partition(entry), job, self.now) {
            Ok(demand) => demand,
            Err(reason) => return Attempt::Aside(reason),
        };
        if self.reserved.is_empty() {
            return self.attempt_here(job, partition, demand, nodes);
        }
        let memberships = match self.reserved.memberships(job) {
            Ok(memberships) => memberships,
            Err(reason) => return Attempt::Aside(reason),
        };
        let mut first: Option<Attempt<'a>> = None;
        let limit = job.spec.time_limit;
        for membership in &memberships {
            // Where somebody waits inside no more guests come in.
            let fence = self.reserved.fence_but(*membership, job, limit, &self.closed_reservations);
            self.ground.fence_in(Some(fence));
            let own = self.ground.own_reservation().map(|own| own.number);
            let attempt = match own {
                Some(own) if self.closed_reservations.contains(&own) => Attempt::Aside(Reason::Priority),
                _ => self.attempt_here(job, partition, demand.clone(), nodes),
            };
            if let Attempt::Started = attempt {
                return attempt;
            }
            first.get_or_insert(attempt);
        }
        // Whoever looks for room looks where the job would rather be.
        let best =
            memberships.first().map(|membership| self.reserved.fence(*membership, job, job.spec.time_limit));
        self.ground.fence_in(best);
        first.unwrap_or(Attempt::Aside(Reason::Reservation))
    }

    /// Tries to start a job behind the fence that stands now.
    fn attempt_here(
        &mut self,
        job: &'a Job,
        partition: usize,
        demand: Demand<'a>,
        nodes: &[NodeIndex],
    ) -> Attempt<'a> {
        loop {
            if self.ground.is_throttled(job) {
                return Attempt::Aside(Reason::JobArrayTaskLimit);
            }
            if let Err(reason) = self.ground.within_limits(job, demand.partition, self.now, &self.nothing) {
                return Attempt::Limited(reason);
            }
            let Some(licenses) = self.licenses(&demand) else {
                let is_closed = |(name, _): &(Text, u32)| self.closed_licenses.contains(&name);
                let others_wait = demand.resources.licenses.iter().any(is_closed);
                if self.layout.cluster().preempt.for_licenses && !others_wait {
                    return Attempt::Unlicensed(Box::new(demand));
                }
                if self.ground.own_reservation().is_none() {
                    self.close_licenses(&demand);
                }
                return Attempt::Aside(Reason::Licenses);
            };
            if !self.start(job, &demand, licenses, nodes) {
                if let Some(reason) = self.ground.take_excess(job.id) {
                    return Attempt::Limited(reason);
                }
                return match obstacle::beyond_idle(self.layout, partition, &job.spec, &demand) {
                    Some(reason) => Attempt::Aside(reason),
                    // Whoever is owed room may have others halted for it, or have it kept.
                    None if !self.is_settling && self.is_kept_out(job, &demand, nodes) => {
                        Attempt::Aside(Reason::Reserved)
                    }
                    None => Attempt::Busy(Box::new(demand)),
                };
            }
            if self.ground.has_started(job.id) {
                return Attempt::Started;
            }
            let is_array = matches!(job.array, Some(ArrayPart::Pool { .. }));
            if self.starts.len() >= MOST_STARTS || !is_array || self.is_settling {
                self.left_some = true;
                return Attempt::Started;
            }
        }
    }

    /// Tells whether nothing but reservations of others keeps a job from starting.
    fn is_kept_out(&mut self, job: &Job, demand: &Demand<'_>, nodes: &[NodeIndex]) -> bool {
        if self.ground.own_reservation().is_some() {
            return false;
        }
        let cluster = self.layout.cluster();
        let closed = &self.closed_nodes;
        self.ground.would_fit_unfenced(job, demand, cluster, nodes, |node| is_closed(closed, node))
    }

    fn start(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        licenses: &[(Text, u32)],
        nodes: &[NodeIndex],
    ) -> bool {
        let user = job.spec.owner.uid;
        let free = |index: NodeIndex| {
            if self.is_closed(index) { None } else { self.ground.free_for(index, demand, user) }
        };
        let name = &demand.partition.name;
        let promised = self.displacing.promised(job, name);
        let promised = promised.filter(|place| self.ground.has_room_at(place, demand, job)).cloned();
        let placement = promised.or_else(|| {
            let bound = self.displacing.bound_to(job).filter(|_| self.is_settling);
            let waits = bound.is_some_and(|(partition, place)| {
                let left = || self.displacing.left_for(job.id, self.ground);
                partition == name && left().has_room_at(place, demand, job)
            });
            if waits { None } else { place(demand, self.layout.cluster(), nodes, free) }
        });
        let Some(placement) = placement else { return false };
        let start = self.ground.start(job, demand, &placement, licenses, job.spec.time_limit, false);
        let has_started = start.is_some();
        self.starts.extend(start);
        has_started
    }

    /// Returns the licences the job takes; `None` if it has to wait for them.
    fn licenses(&self, demand: &Demand<'a>) -> Option<&'a [(Text, u32)]> {
        let open = |name: &Text| {
            if self.closed_licenses.contains(&name) { 0 } else { self.ground.free_licenses(name) }
        };
        demand.licenses(open)
    }

    /// Sees to it that nobody behind takes one by one what a job needs together.
    fn close_licenses(&mut self, demand: &Demand<'a>) {
        self.closed_licenses.extend(demand.resources.licenses.iter().map(|(name, _)| name));
    }

    fn is_closed(&self, node: NodeIndex) -> bool {
        is_closed(&self.closed_nodes, node)
    }

    fn close(&mut self, node: NodeIndex) {
        let at = node.0 as usize;
        if let Some(word) = self.closed_nodes.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}

/// Returns those nodes of a partition to which a job is confined.
pub(super) fn within<'n>(nodes: &'n [NodeIndex], confined: Option<&[NodeIndex]>) -> Cow<'n, [NodeIndex]> {
    match confined {
        None => Cow::Borrowed(nodes),
        Some(confined) => nodes.iter().copied().filter(|node| confined.contains(node)).collect(),
    }
}

fn is_closed(closed: &[u64], node: NodeIndex) -> bool {
    let at = node.0 as usize;
    closed.get(at / 64).is_none_or(|word| word & (1 << (at % 64)) != 0)
}
