//! The backfill pass: books times and nodes for waiting jobs in their order, and starts whoever can start now
//! without touching a booking.

mod components;
mod limits;
mod reservations;

pub(super) use components::{could_start, eligible};
use limits::Bookings;
use reservations::Outlook;

use super::MOST_STARTS;
use super::forecast::{Forecast, Wish};
use super::ground::Ground;
use super::joint::Joint;
use super::layout::Layout;
use super::main_pass::within;
use super::obstacle;
use super::preempt::{Displacing, Made, awaits_room};
use super::reserved::Reserved;
use super::waits::Waits;
use super::walk::{Turn, Walk};
use domain::accounting::Planned;
use domain::cluster::{SchedulerType, Scheduling};
use domain::fit::{Demand, Placement};
use domain::job::{ArrayPart, Job, JobSpec, Reason};
use domain::ports::{PassExit, Plan, Start};
use domain::reservation::Membership;
use domain::state::State;
use domain::{JobId, Text, TimeLimit, Timestamp, Uid};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Steps of timelines one pass may look at: some ten milliseconds.
const MOST_WORK: usize = 500_000;

/// What a pass has done.
pub(super) struct Effort {
    /// Jobs it tried to book.
    pub(super) depth: usize,
    /// Steps it looked at.
    pub(super) work: usize,
    /// Steps of the future it kept in mind.
    pub(super) table: usize,
    /// Why it went no further.
    pub(super) exit: PassExit,
}

/// Makes the pass.
pub(super) fn run<'a, 'm>(
    layout: &'a Layout,
    state: &'a State,
    now: Timestamp,
    (ground, waits): (&mut Ground<'a>, &mut Waits),
    (displacing, joint, kept): (Displacing<'a, 'm>, &mut Joint, &[JobId]),
    plan: &mut Plan,
) -> (Effort, Displacing<'a, 'm>) {
    let mut forecast = Forecast::new(layout, state, now);
    forecast.book_returns(state, &plan.resumes);
    let starts = &mut plan.starts;
    let is_outside = |start: &&Start| !reservations::is_inside(state, &start.allocation);
    for start in starts.iter().filter(is_outside) {
        if let Some(job) = state.job(start.job) {
            forecast.book_start(job, &start.allocation, start.limit);
        }
    }
    let partitions = layout.partitions.len();
    let starts_before = starts.len();
    let mut pass = Backfill {
        layout,
        state,
        now,
        ground,
        waits,
        starts,
        displacing,
        joint,
        forecast,
        remembered: HashMap::new(),
        has_waiting: vec![false; partitions],
        seen: HashSet::new(),
        bookings: Bookings::default(),
        limited: Vec::new(),
        planned_together: HashSet::new(),
        booked: 0,
        booked_of_partition: vec![0; partitions],
        booked_of_user: HashMap::new(),
        not_before: vec![now; partitions],
        planned_use: Planned::default(),
        reserved: Reserved::new(state, now),
        membership: Membership::Outside,
        views: HashMap::new(),
        parked: None,
        is_inside_now: false,
        most_work: MOST_WORK,
        most_starts: most_starts(&layout.cluster().scheduling, starts_before),
    };
    kept.iter().filter_map(|id| state.job(*id)).for_each(|job| pass.book_first(job));
    pass.walk(state);
    pass.look_again_at_limited(state);
    pass.look_for_curious(state);
    pass.note_closed(state);
    let (work, table) = (pass.forecast.work, pass.forecast.size());
    (Effort { depth: pass.booked, work, table, exit: pass.exit() }, pass.displacing)
}

/// A request, and a time before which it could not start.
type Remembered<'a> = (&'a Arc<JobSpec>, Timestamp);

struct Backfill<'a, 'p, 'm> {
    layout: &'a Layout,
    state: &'a State,
    now: Timestamp,
    ground: &'p mut Ground<'a>,
    waits: &'p mut Waits,
    starts: &'p mut Vec<Start>,
    displacing: Displacing<'a, 'm>,
    joint: &'p mut Joint,
    forecast: Forecast<'a>,
    /// Requests that could not start before a time, by partition and mark: spares the search for the next one alike.
    remembered: HashMap<(usize, u64), Vec<Remembered<'a>>>,
    /// Partitions in which a job waits for resources already.
    has_waiting: Vec<bool>,
    /// Jobs that have had their turn in a tier.
    seen: HashSet<(JobId, u16)>,
    /// What is booked for jobs on their own, as accounting's limits count it.
    bookings: Bookings,
    /// Those whom a limit has kept waiting.
    limited: Vec<Turn<'a>>,
    /// Leaders of heterogeneous jobs that have had their turn.
    planned_together: HashSet<JobId>,
    booked: usize,
    booked_of_partition: Vec<usize>,
    booked_of_user: HashMap<Uid, usize>,
    /// The reservations, and in which of them the job runs that is looked at.
    reserved: Reserved<'a>,
    membership: Membership<'a>,
    /// What lies ahead for jobs of reservations, by the numbers of these.
    views: HashMap<u32, Outlook<'a>>,
    /// What lies ahead for all others, while a job of a reservation is looked at.
    parked: Option<Outlook<'a>>,
    is_inside_now: bool,
    /// Steps after which nothing more is looked for.
    most_work: usize,
    /// Starts after which no more are made.
    most_starts: usize,
    /// When the last job planned in each partition starts, where nobody overtakes.
    not_before: Vec<Timestamp>,
    /// What is booked for later counts for accounting's limits.
    planned_use: Planned,
}

/// Returns after how many starts a pass makes no more, if some have been made before it.
fn most_starts(scheduling: &Scheduling, before: usize) -> usize {
    match (scheduling.by, scheduling.backfill.max_starts) {
        // Nobody overtakes: the pass only says when each job should start.
        (SchedulerType::Builtin, _) => 0,
        (SchedulerType::Backfill, 0) => MOST_STARTS,
        (SchedulerType::Backfill, most) => before.saturating_add(most).min(MOST_STARTS),
    }
}

/// Where and when a job could start.
struct Chance<'a> {
    partition: usize,
    demand: Demand<'a>,
    limit: TimeLimit,
    at: Timestamp,
    placement: Placement,
}

impl<'a> Backfill<'a, '_, '_> {
    fn walk(&mut self, state: &'a State) {
        let layout = self.layout;
        let starts = |at: usize| layout.partition(&layout.partitions[at]).state.starts_jobs();
        let scheduling = &layout.cluster().scheduling;
        let most = scheduling.queue_depth.max(scheduling.backfill.max_jobs);
        let is_spent = |pass: &Self| pass.forecast.work >= pass.most_work;
        let mut depth = 0;
        for turn in Walk::over(layout, state, starts) {
            // Those it can plan no start for any more are told why they wait only as far as the main pass would look.
            let is_deep_enough = depth >= most || depth >= scheduling.queue_depth && is_spent(self);
            let is_enough = is_deep_enough || self.waits.knows_all(self.starts);
            if is_enough || self.starts.len() >= MOST_STARTS {
                break;
            }
            let tier = layout.partitions[turn.partition].tier;
            if self.ground.has_started(turn.job.id) || !self.seen.insert((turn.job.id, tier)) {
                continue;
            }
            depth += 1;
            let has_prospects = self.has_prospects(turn.job, tier);
            let is_limited = has_prospects
                && !scheduling.stops_at_limits
                && self.within_limits_but_own(turn.job, turn.partition).is_err();
            let may_book = has_prospects && !is_limited && self.may_book(turn.job, turn.partition);
            self.look(&turn, state, may_book);
            // Components wait for each other; they are planned together once in a pass.
            if is_limited && turn.job.het.is_none_or(|part| part.size < 2) {
                self.limited.push(turn);
            }
        }
    }

    /// Looks at those that somebody is curious about and that are too far behind to be planned, after all others.
    fn look_for_curious(&mut self, state: &'a State) {
        if self.waits.curious().is_empty() || self.waits.knows_all(self.starts) {
            return;
        }
        self.most_work = self.forecast.work.saturating_add(MOST_WORK);
        self.planned_together.clear();
        let jobs: Vec<&Arc<Job>> = self.waits.curious().iter().filter_map(|id| state.job(*id)).collect();
        for job in jobs {
            let mut named: Vec<usize> =
                job.spec.partitions.iter().filter_map(|name| self.layout.position(name)).collect();
            // As they stand in order, the highest tier first.
            named.sort_unstable();
            for partition in named {
                let tier = self.layout.partitions[partition].tier;
                let is_known = self.waits.knows(job.id, self.starts);
                if !is_known && !self.ground.has_started(job.id) && self.has_prospects(job, tier) {
                    self.look(&Turn { job, partition }, state, true);
                }
            }
        }
    }

    fn look(&mut self, turn: &Turn<'a>, state: &'a State, may_book: bool) {
        if self.reserved.is_empty() {
            self.look_here(turn, state, may_book);
        } else {
            self.look_wherever_it_may_be(turn, state, may_book);
        }
    }

    fn look_here(&mut self, turn: &Turn<'a>, state: &'a State, may_book: bool) {
        match turn.job.het.filter(|part| part.size > 1) {
            Some(part) => self.look_at_components(part, state, may_book),
            None => self.look_at(turn.job, turn.partition, may_book),
        }
    }

    fn exit(&self) -> PassExit {
        let backfill = &self.layout.cluster().scheduling.backfill;
        if self.most_starts > 0 && self.starts.len() >= self.most_starts {
            PassExit::Starts
        } else if self.forecast.work >= self.most_work {
            PassExit::Work
        } else if self.booked >= backfill.max_jobs {
            PassExit::Depth
        } else {
            PassExit::EndOfQueue
        }
    }

    /// Tells whether a job could start in a tier if nothing ran: one that cannot is not planned, and takes no other's place
    /// among those that are.
    fn has_prospects(&self, job: &'a Arc<Job>, tier: u16) -> bool {
        if let Some(part) = job.het.filter(|part| part.size > 1) {
            let members = eligible(self.state, part);
            return members.is_some_and(|members| could_start(self.layout, &members, self.now));
        }
        let mut positions = job.spec.partitions.iter().filter_map(|name| self.layout.position(name));
        positions.any(|at| self.layout.partitions[at].tier == tier && self.obstacle(job, at).is_none())
    }

    /// Returns why a job could not start in a partition even if nothing ran.
    fn obstacle(&self, job: &'a Arc<Job>, partition: usize) -> Option<Reason> {
        match self.demand(job, partition) {
            Ok(demand) => obstacle::beyond_idle(self.layout, partition, &job.spec, &demand),
            Err(reason) => Some(reason),
        }
    }

    /// Tells whether a job is planned ahead, and counts it.
    fn may_book(&mut self, job: &Job, partition: usize) -> bool {
        let backfill = &self.layout.cluster().scheduling.backfill;
        let has_room = |count: usize, most: usize| most == 0 || count < most;
        let of_user = self.booked_of_user.entry(job.spec.owner.uid).or_default();
        let of_partition = &mut self.booked_of_partition[partition];
        let may_book = self.booked < backfill.max_jobs
            && self.forecast.work < self.most_work
            && has_room(*of_partition, backfill.max_jobs_of_partition)
            && has_room(*of_user, backfill.max_jobs_of_user);
        if may_book {
            self.booked += 1;
            *of_partition += 1;
            *of_user += 1;
        }
        may_book
    }

    /// Tells whether resources are kept free for a job that cannot start now.
    fn is_kept_for(&self, job: &Job) -> bool {
        let cluster = self.layout.cluster();
        let backfill = &cluster.scheduling.backfill;
        let partition = cluster.partition(job.spec.partition());
        let least = partition.map_or(0, |partition| self.ground.least_priority(job, partition));
        job.priority >= backfill.least_priority
            && u64::from(job.priority) >= least
            && self.now.since(job.eligible) >= backfill.least_age
            && !cluster.qos_flags(&job.spec.qos).no_reserve
    }

    /// Books a job for which others make way, before anybody else is looked at.
    fn book_first(&mut self, job: &'a Arc<Job>) {
        let is_joint = job.het.is_some_and(|part| part.size > 1);
        for partition in self.displacing.owed_in(job) {
            if is_joint {
                return self.look(&Turn { job, partition }, self.state, true);
            }
            if self.seen.insert((job.id, self.layout.partitions[partition].tier)) {
                self.look(&Turn { job, partition }, self.state, true);
            }
        }
        // It waits for this room and tries no other partition.
        let named = job.spec.partitions.iter().filter_map(|name| self.layout.position(name));
        self.seen.extend(named.map(|partition| (job.id, self.layout.partitions[partition].tier)));
    }

    fn look_at(&mut self, job: &'a Arc<Job>, partition: usize, may_book: bool) {
        if !may_book {
            // Too deep to say more, or of no use; an obstacle is told all the same.
            let obstacle = self.obstacle(job, partition);
            match obstacle.or_else(|| self.within_limits_but_own(job, partition).err()) {
                Some(reason) => self.waits.note(job.id, reason, None),
                // The main pass knows better why it waits.
                None if self.waits.is_in_vain(job.id) => {}
                None => {
                    let reason = self.turn_to_wait(partition);
                    self.waits.note(job.id, reason, None);
                }
            }
            return;
        }
        let tier = self.layout.partitions[partition].tier;
        let mut booked_tasks = 0;
        loop {
            if self.ground.is_throttled(job) {
                self.waits.note(job.id, Reason::JobArrayTaskLimit, None);
                return;
            }
            let within_limits = match booked_tasks {
                0 => self.within_limits_but_own(job, partition),
                _ => self.within_limits(job, partition),
            };
            if let Err(reason) = within_limits {
                if booked_tasks == 0 {
                    self.waits.note(job.id, reason, None);
                    self.book_limited(job, tier);
                }
                return;
            }
            let chance = self.best_chance(job, tier);
            let may_start = self.starts.len() < self.most_starts;
            let chance = match chance {
                Ok(chance) if chance.at <= self.now => Ok(chance),
                chance if booked_tasks == 0 && may_start => self.push_aside(job, tier).map_or(chance, Ok),
                chance => chance,
            };
            let chance = match chance {
                Ok(chance) => chance,
                Err(reason) => {
                    let reason = match reason {
                        Reason::Resources if self.is_shut_out(job, partition) => Reason::Reserved,
                        Reason::Resources => self.turn_to_wait(partition),
                        reason => reason,
                    };
                    self.waits.note(job.id, reason, None);
                    return;
                }
            };
            if chance.at <= self.now && booked_tasks == 0 && may_start && self.start(job, &chance) {
                self.unbook_use(job);
                if self.ground.has_started(job.id) {
                    self.waits.strike(job.id);
                    return;
                }
                if self.starts.len() >= MOST_STARTS {
                    return;
                }
                continue;
            }
            if let Some(reason) = self.ground.take_excess(job.id) {
                self.waits.overrule(job.id, reason);
                if booked_tasks == 0 {
                    self.book_limited(job, tier);
                }
                return;
            }
            if booked_tasks == 0 {
                let partition = &self.layout.partitions[chance.partition].name;
                self.waits.foresee(job.id, chance.at, partition, &chance.placement);
            }
            let is_kept_out = self.is_kept_out(job, chance.partition, &chance.demand);
            if self.is_beyond_window(&chance) || !self.is_kept_for(job) {
                let reason = if is_kept_out { Reason::Reserved } else { self.turn_to_wait(chance.partition) };
                self.waits.note(job.id, reason, None);
                return;
            }
            if booked_tasks == 0 && self.bookings.has(job.id) {
                // Its booking in a higher tier stands; this one could only have been for now.
                return;
            }
            self.book(job, &chance);
            if booked_tasks == 0 {
                let reason = if self.lacks_licenses(&chance.demand) {
                    Reason::Licenses
                } else if is_kept_out {
                    Reason::Reserved
                } else {
                    self.turn_to_wait(chance.partition)
                };
                self.waits.note(job.id, reason, Some(chance.at));
                self.waits.planned.book(job.id, chance.placement.nodes.iter().map(|placed| placed.node));
            }
            booked_tasks += 1;
            if booked_tasks >= self.tasks_to_book(job) {
                return;
            }
        }
    }

    /// Has others make way for a job, if it then disturbs nothing that is booked. The room may be there now or later.
    fn push_aside(&mut self, job: &'a Arc<Job>, tier: u16) -> Option<Chance<'a>> {
        if !self.displacing.is_open_to(job.id) || matches!(self.membership, Membership::Inside(_)) {
            // Nothing need be worked out.
            return None;
        }
        self.fence_in(job, job.spec.time_limit);
        let positions = job.spec.partitions.iter().filter_map(|name| self.layout.position(name));
        let of_tier = positions.filter(|at| self.layout.partitions[*at].tier == tier);
        let demands = of_tier.filter_map(|at| Some((at, self.demand(job, at).ok()?))).collect();
        let Made { at, places } =
            self.displacing.make_room_ahead(&[(job, demands)], &mut self.forecast, self.ground)?;
        let (partition, demand, placement) = places.into_iter().next()?;
        let chance = Chance { partition, demand, limit: job.spec.time_limit, at, placement };
        if at > self.now {
            self.keep_from_reserved(job.id, std::iter::once((job, &chance)));
        }
        Some(chance)
    }

    fn is_beyond_window(&self, chance: &Chance<'_>) -> bool {
        let window = self.layout.cluster().scheduling.backfill.window;
        window.is_some_and(|window| chance.at > self.now.after(window)) || self.is_beyond_own_end(chance.at)
    }

    fn lacks_licenses(&self, demand: &Demand<'_>) -> bool {
        demand.licenses(|name| self.ground.free_licenses(name)).is_none()
    }

    /// Returns how many bookings a job gets: one, or as many as tasks of an array may run besides.
    fn tasks_to_book(&self, job: &Job) -> u32 {
        match &job.array {
            Some(ArrayPart::Pool { throttle: 0, .. }) => {
                let most = self.layout.cluster().scheduling.backfill.max_tasks_of_array;
                self.ground.tasks_left(job).min(most)
            }
            _ => 1,
        }
    }

    /// Returns why the next job of a partition waits: the first one for resources, the others for their turn.
    fn turn_to_wait(&mut self, partition: usize) -> Reason {
        match std::mem::replace(&mut self.has_waiting[partition], true) {
            false => Reason::Resources,
            true => Reason::Priority,
        }
    }

    fn demand(&self, job: &'a Arc<Job>, partition: usize) -> Result<Demand<'a>, Reason> {
        let entry = &self.layout.partitions[partition];
        obstacle::demand(self.layout, self.layout.partition(entry), job, self.now)
    }

    /// Finds the partition of a tier in which a job can start first.
    fn best_chance(&mut self, job: &'a Arc<Job>, tier: u16) -> Result<Chance<'a>, Reason> {
        let mut best: Result<Chance<'a>, Reason> = Err(Reason::None);
        for name in &job.spec.partitions {
            let Some(partition) = self.layout.position(name) else { continue };
            if self.layout.partitions[partition].tier != tier {
                continue;
            }
            let found = self.demand(job, partition).and_then(|demand| self.chance(job, partition, demand));
            best = match (best, found) {
                (Ok(best), Ok(found)) if found.at >= best.at => Ok(best),
                (_, Ok(found)) => Ok(found),
                (Ok(best), Err(_)) => Ok(best),
                (Err(Reason::None), Err(reason)) => Err(reason),
                (Err(_), Err(Reason::Resources)) => Err(Reason::Resources),
                (Err(reason), Err(_)) => Err(reason),
            };
            if best.as_ref().is_ok_and(|best| best.at <= self.now) {
                break;
            }
        }
        best
    }

    fn chance(
        &mut self,
        job: &'a Arc<Job>,
        partition: usize,
        demand: Demand<'a>,
    ) -> Result<Chance<'a>, Reason> {
        let entry = &self.layout.partitions[partition];
        let user = job.spec.owner.uid;
        let limit = job.spec.time_limit;
        let confined = self.displacing.confined(job);
        let nodes = within(&entry.nodes, confined.as_deref());
        let wish = Wish { demand: &demand, nodes: &nodes, user, limit };
        let from = self.recall(partition, job).unwrap_or(self.now).max(self.not_before[partition]);
        let bound = self.displacing.bound_to(job).filter(|(partition, _)| **partition == entry.name);
        if let Some(place) = bound.map(|(_, place)| place.clone())
            && let Some(at) = self.forecast.first_room(wish, self.now, &place)
        {
            return Ok(Chance { partition, demand, limit, at, placement: place });
        }
        let mut found = self.forecast.earliest(wish, from, self.most_work);
        if demand.most_switches.is_some() {
            found = self.without_switches(wish, job.eligible.after(demand.switch_wait).max(from), found);
        }
        if let Some((at, place)) = &mut found {
            self.remember(partition, job, *at);
            let promised = self.displacing.promised(job, &entry.name);
            if let Some(promised) =
                promised.filter(|promised| self.forecast.has_room_for(wish, *at, promised))
            {
                *place = promised.clone();
            }
        }
        if self.starts.len() < self.most_starts
            && found.as_ref().is_none_or(|(at, _)| *at > self.now)
            && let Some((limit, placement)) = self.shortened(job, wish)
        {
            return Ok(Chance { partition, demand, limit, at: self.now, placement });
        }
        match found {
            Some((at, placement)) => Ok(Chance { partition, demand, limit, at, placement }),
            None => Err(obstacle::beyond_idle(self.layout, partition, &job.spec, &demand)
                .unwrap_or(Reason::Resources)),
        }
    }

    /// Finds out whether a job starts sooner by waiting until it no longer insists on few switches.
    fn without_switches(
        &mut self,
        wish: Wish<'_>,
        patient_until: Timestamp,
        found: Option<(Timestamp, Placement)>,
    ) -> Option<(Timestamp, Placement)> {
        if found.as_ref().is_some_and(|(at, _)| *at <= patient_until) {
            return found;
        }
        let demand = wish.demand.clone().after_waiting(Duration::MAX);
        let later = self.forecast.earliest(Wish { demand: &demand, ..wish }, patient_until, self.most_work);
        match (found, later) {
            (Some(found), Some(later)) if found.0 <= later.0 => Some(found),
            (found, later) => later.or(found),
        }
    }

    /// Tries to start a job now with less time than it asked for, where it said that less would do.
    fn shortened(&mut self, job: &Job, wish: Wish<'_>) -> Option<(TimeLimit, Placement)> {
        let least = job.spec.time_minimum;
        let most = wish.limit.minutes().unwrap_or(365 * 24 * 60);
        if least == 0 || least >= most {
            return None;
        }
        let mut best = (least, self.forecast.at(wish, self.now, TimeLimit::Minutes(least))?);
        let (mut low, mut high) = (least, most);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            match self.forecast.at(wish, self.now, TimeLimit::Minutes(middle)) {
                Some(placement) => (low, best) = (middle, (middle, placement)),
                None => high = middle,
            }
        }
        Some((TimeLimit::Minutes(best.0), best.1))
    }

    fn start(&mut self, job: &Arc<Job>, chance: &Chance<'a>) -> bool {
        let start = self.take_place(job, chance);
        let has_started = start.is_some();
        start.into_iter().for_each(|start| self.propose(job, start));
        has_started
    }

    /// Gives a job its place at this moment, if it finds its units there.
    fn take_place(&mut self, job: &Arc<Job>, chance: &Chance<'a>) -> Option<Start> {
        let Chance { demand, placement, limit, .. } = chance;
        let nodes = &self.layout.partitions[chance.partition].nodes;
        let wish = Wish { demand, nodes, user: job.spec.owner.uid, limit: *limit };
        let licenses = self.forecast.licenses_at(wish, self.now, *limit)?;
        self.fence_in(job, *limit);
        if !self.reserved.is_empty() && !self.is_there(job, demand, placement, licenses) {
            return None;
        }
        let start = self.ground.start(job, demand, placement, licenses, *limit, true)?;
        self.forecast.book_start(job, &start.allocation, *limit);
        Some(start)
    }

    /// Adds a start to those that are proposed.
    fn propose(&mut self, job: &Job, start: Start) {
        self.tell_outside(job, &start.allocation, start.limit);
        self.starts.push(start);
    }

    /// Tells whether a place is free at this moment. What lies ahead in a reservation does not tell what those outside of it
    /// have of the same nodes and licences.
    fn is_there(&self, job: &Job, demand: &Demand<'_>, place: &Placement, licenses: &[(Text, u32)]) -> bool {
        if self.displacing.is_owed_room(job.het.map_or(job.id, |part| part.leader)) {
            // It is kept for this very job.
            return true;
        }
        let has = |(name, count): &(Text, u32)| self.ground.free_licenses(name) >= *count;
        licenses.iter().all(has) && self.ground.has_room_at(place, demand, job)
    }

    fn book(&mut self, job: &Job, chance: &Chance<'a>) {
        let nodes = &self.layout.partitions[chance.partition].nodes;
        let wish = Wish { demand: &chance.demand, nodes, user: job.spec.owner.uid, limit: chance.limit };
        self.forecast.book(wish, chance.at.max(self.now), &chance.placement);
        self.book_use(job, chance.partition, chance.at.max(self.now));
        if self.layout.cluster().scheduling.by == SchedulerType::Builtin {
            self.not_before[chance.partition] = chance.at;
        }
        if awaits_room(self.state, job.id) || self.displacing.is_owed_room(job.id) {
            // Others give up their room for this job; nobody slips in until it has it.
            self.forecast.keep_free(wish, chance.at, &chance.placement);
        }
    }

    /// Returns a time before which no job like this one can start in the partition: bookings only grow.
    fn recall(&self, partition: usize, job: &Job) -> Option<Timestamp> {
        let alike = self.remembered.get(&(partition, mark(&job.spec)))?;
        alike.iter().find(|(spec, _)| is_alike(spec, &job.spec)).map(|(_, at)| *at)
    }

    fn remember(&mut self, partition: usize, job: &'a Job, at: Timestamp) {
        let alike = self.remembered.entry((partition, mark(&job.spec))).or_default();
        match alike.iter_mut().find(|(spec, _)| is_alike(spec, &job.spec)) {
            Some((_, earliest)) => *earliest = at,
            None => alike.push((&job.spec, at)),
        }
    }

    /// Notes for jobs of partitions that start none why that is.
    fn note_closed(&mut self, state: &'a State) {
        let layout = self.layout;
        for entry in &layout.partitions {
            let partition = layout.partition(entry);
            if partition.state.starts_jobs() {
                continue;
            }
            let reason = obstacle::closed(partition.state);
            for key in state.queues().of(&entry.name).take(layout.cluster().scheduling.queue_depth) {
                if !self.ground.has_started(key.job) {
                    self.waits.note(key.job, reason, None);
                }
            }
        }
    }
}

/// Returns a number that requests alike have in common.
fn mark(spec: &JobSpec) -> u64 {
    let resources = &spec.resources;
    let mut hasher = DefaultHasher::new();
    (spec.time_limit, spec.owner.uid, resources.min_nodes, resources.max_nodes).hash(&mut hasher);
    (resources.tasks, resources.cpus_per_task, resources.min_cpus, resources.tasks_per_node)
        .hash(&mut hasher);
    hasher.finish()
}

/// Tells whether two requests are met by the same resources for the same time.
fn is_alike(one: &Arc<JobSpec>, other: &Arc<JobSpec>) -> bool {
    Arc::ptr_eq(one, other) || one.needs_as(other)
}
