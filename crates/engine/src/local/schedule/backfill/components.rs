//! Heterogeneous jobs in the backfill pass: all components are planned for one moment, and start then or not at all. The
//! main pass leaves them to this one, as in Slurm.

use super::{Backfill, Chance};
use crate::local::schedule::forecast::{Forecast, Wish};
use crate::local::schedule::layout::Layout;
use crate::local::schedule::main_pass::within;
use crate::local::schedule::obstacle;
use crate::local::schedule::preempt::{Made, awaits_room};
use domain::fit::Demand;
use domain::job::{HetPart, Job, Reason};
use domain::reservation::Membership;
use domain::state::State;
use domain::{JobId, NodeIndex, Timestamp};
use std::borrow::Cow;
use std::sync::Arc;

/// Moments tried for one heterogeneous job in a pass; each costs a copy of the forecast.
const MOST_MOMENTS: usize = 16;

/// What a component needs in each partition that would take it.
type Demands<'a> = Vec<(usize, Demand<'a>)>;

/// A chance for each component, and the forecast with all of them booked.
type Found<'a> = (Vec<Chance<'a>>, Forecast<'a>);

/// Why components do not start after all, though a place was found for each.
enum Unstarted {
    /// One of them does not find its units there.
    NoUnits,
    /// This one would get more than a limit of accounting gives.
    Excess(JobId, Reason),
}

/// Returns all components if each could start as far as it goes itself; else nobody needs to look further.
pub(in crate::local::schedule) fn eligible(state: &State, part: HetPart) -> Option<Vec<&Arc<Job>>> {
    let is_member = |job: &&Arc<Job>| job.het.is_some_and(|of| of.leader == part.leader) && job.is_eligible();
    part.members().map(|id| state.job(id).filter(is_member)).collect()
}

/// Tells whether all components would have a place if nothing ran.
pub(in crate::local::schedule) fn could_start(
    layout: &Layout,
    members: &[&Arc<Job>],
    now: Timestamp,
) -> bool {
    members.iter().all(|job| demands(layout, job, now).is_ok())
}

/// Works out what a component needs, and where.
///
/// # Errors
/// Why no partition takes it.
fn demands<'a>(layout: &'a Layout, job: &'a Job, now: Timestamp) -> Result<Demands<'a>, Reason> {
    let mut found = Vec::new();
    let mut why = Reason::None;
    for name in &job.spec.partitions {
        let Some(at) = layout.position(name) else { continue };
        let entry = &layout.partitions[at];
        let demand = obstacle::demand(layout, layout.partition(entry), job, now).and_then(|demand| {
            match obstacle::beyond_idle(layout, at, &job.spec, &demand) {
                None => Ok(demand),
                Some(reason) => Err(reason),
            }
        });
        match demand {
            Ok(demand) => found.push((at, demand)),
            Err(reason) if why == Reason::None => why = reason,
            Err(_) => {}
        }
    }
    if found.is_empty() { Err(why) } else { Ok(found) }
}

impl<'a> Backfill<'a, '_, '_> {
    /// Plans a heterogeneous job when the first of its components has its turn.
    pub(super) fn look_at_components(&mut self, part: HetPart, state: &'a State, may_book: bool) {
        if !self.planned_together.insert(part.leader) {
            return;
        }
        let Some(members) = eligible(state, part) else { return };
        let mut wanted = Vec::with_capacity(members.len());
        // All of them start together, so that their use adds up.
        let mut planned = self.planned_use.clone();
        for job in &members {
            let demands = demands(self.layout, job, self.now).and_then(|demands| {
                if let Some((_, demand)) = demands.first() {
                    self.ground.within_limits(job, demand.partition, self.now, &planned)?;
                    self.ground.book_use(job, demand.partition, self.now, &mut planned);
                }
                Ok(demands)
            });
            match demands {
                Ok(demands) => wanted.push((*job, demands)),
                Err(reason) => return self.leave_aside(part, job.id, reason),
            }
        }
        let found = if may_book { self.joint_chance(&wanted) } else { None };
        let may_start = self.starts.len() + members.len() <= self.most_starts;
        let is_late = |found: &Found<'a>| found.0.iter().any(|chance| chance.at > self.now);
        let found = match found {
            Some(found) if !is_late(&found) => Some(found),
            found if may_book && may_start => self.push_aside_for_all(&wanted).or(found),
            found => found,
        };
        let Some((chances, forecast)) = found else {
            // Nor is anything booked for those that are too deep to be planned: nobody waits for them for ever.
            self.joint.note(part.leader, std::iter::empty());
            return self.note_turns(&wanted, None);
        };
        let at = chances.iter().map(|chance| chance.at).max().unwrap_or(self.now);
        if at <= self.now && may_start {
            match self.start_all(&members, &chances) {
                Ok(()) => return,
                // No place is kept for what its limit does not let start, or it would be for as long as that stands.
                Err(Unstarted::Excess(id, reason)) => return self.leave_aside(part, id, reason),
                Err(Unstarted::NoUnits) => {}
            }
        }
        for (job, chance) in members.iter().zip(&chances) {
            let partition = &self.layout.partitions[chance.partition].name;
            self.waits.foresee(job.id, at, partition, &chance.placement);
        }
        let is_kept = members.iter().all(|job| self.is_kept_for(job));
        let places = chances.iter().flat_map(|chance| &chance.placement.nodes);
        self.joint.note(part.leader, places.map(|placed| placed.node));
        if !is_kept || chances.iter().any(|chance| self.is_beyond_window(chance)) {
            return self.note_turns(&wanted, None);
        }
        self.forecast = forecast;
        for (job, chance) in members.iter().zip(&chances) {
            self.ground.book_use(job, chance.demand.partition, at.max(self.now), &mut self.planned_use);
            self.waits.planned.book(job.id, chance.placement.nodes.iter().map(|placed| placed.node));
        }
        if awaits_room(self.state, part.leader) || self.displacing.is_owed_room(part.leader) {
            for (job, chance) in members.iter().zip(&chances) {
                let nodes = &self.layout.partitions[chance.partition].nodes;
                let wish =
                    Wish { demand: &chance.demand, nodes, user: job.spec.owner.uid, limit: chance.limit };
                self.forecast.keep_free(wish, chance.at, &chance.placement);
            }
            if at > self.now {
                self.keep_from_reserved(part.leader, members.iter().copied().zip(&chances));
            }
        }
        self.note_turns(&wanted, Some(at));
    }

    /// Leaves components aside because of one of them, for which the others wait: nothing is booked for them, nor kept from
    /// those that the main pass looks at.
    fn leave_aside(&mut self, part: HetPart, because: JobId, reason: Reason) {
        self.joint.note(part.leader, std::iter::empty());
        self.waits.overrule(because, reason);
    }

    /// Has others make way for all components together.
    fn push_aside_for_all(&mut self, wanted: &[(&'a Arc<Job>, Demands<'a>)]) -> Option<Found<'a>> {
        if matches!(self.membership, Membership::Inside(_)) {
            return None;
        }
        let Made { at, places } = self.displacing.make_room_ahead(wanted, &mut self.forecast, self.ground)?;
        let mut forecast = self.forecast.clone();
        let chances = wanted.iter().zip(places).map(|((job, _), (partition, demand, placement))| {
            forecast.book(self.wish(job, &self.layout.partitions[partition].nodes, &demand), at, &placement);
            Chance { partition, demand, limit: job.spec.time_limit, at, placement }
        });
        Some((chances.collect(), forecast))
    }

    /// Finds the first moment at which all have a place, the places, and the forecast with all of them booked.
    fn joint_chance(&mut self, wanted: &[(&'a Arc<Job>, Demands<'a>)]) -> Option<Found<'a>> {
        let mut at = self.now;
        for _ in 0..MOST_MOMENTS {
            at = self.not_before(wanted, at)?;
            let mut forecast = self.forecast.clone();
            let chances: Option<Vec<Chance<'a>>> =
                wanted.iter().map(|(job, demands)| self.place_at(&mut forecast, job, demands, at)).collect();
            self.forecast.work = forecast.work + self.layout.cluster().nodes.len();
            if let Some(chances) = chances {
                return Some((chances, forecast));
            }
            at = self.forecast.next_time(at)?;
        }
        None
    }

    /// Returns the first moment from which on each alone could start.
    fn not_before(&mut self, wanted: &[(&'a Arc<Job>, Demands<'a>)], from: Timestamp) -> Option<Timestamp> {
        let mut at = from;
        for (job, demands) in wanted {
            let mut best: Option<Timestamp> = None;
            for (partition, demand) in demands {
                let nodes = self.open_nodes(job, *partition);
                let wish = self.wish(job, &nodes, demand);
                let found = self.forecast.earliest(wish, at, self.most_work).map(|(found, _)| found);
                best = [best, found].into_iter().flatten().min();
            }
            // What one of them must wait for, the others wait for as well.
            at = at.max(best?);
        }
        Some(at)
    }

    fn place_at(
        &self,
        forecast: &mut Forecast<'a>,
        job: &Arc<Job>,
        demands: &Demands<'a>,
        at: Timestamp,
    ) -> Option<Chance<'a>> {
        demands.iter().find_map(|(partition, demand)| {
            let nodes = self.open_nodes(job, *partition);
            let wish = self.wish(job, &nodes, demand);
            let promised = self.displacing.promised(job, &demand.partition.name);
            let promised = promised.filter(|place| forecast.has_room_for(wish, at, place)).cloned();
            let placement = match promised {
                None if self.displacing.bound_to(job).is_some() => None,
                None => forecast.at(wish, at, wish.limit),
                promised => promised,
            }?;
            forecast.book(wish, at, &placement);
            Some(Chance { partition: *partition, demand: demand.clone(), limit: wish.limit, at, placement })
        })
    }

    /// Returns the nodes of a partition to which a component may go.
    fn open_nodes(&self, job: &Job, partition: usize) -> Cow<'a, [NodeIndex]> {
        within(&self.layout.partitions[partition].nodes, self.displacing.confined(job).as_deref())
    }

    fn wish<'d>(&self, job: &Job, nodes: &'d [NodeIndex], demand: &'d Demand<'a>) -> Wish<'d>
    where
        'a: 'd,
    {
        Wish { demand, nodes, user: job.spec.owner.uid, limit: job.spec.time_limit }
    }

    /// Starts all; if one of them does not find its units after all, or would get more than a limit of accounting gives,
    /// none, and nothing is taken.
    fn start_all(&mut self, members: &[&'a Arc<Job>], chances: &[Chance<'a>]) -> Result<(), Unstarted> {
        let before = (self.ground.clone(), self.forecast.clone());
        let mut starts = Vec::with_capacity(members.len());
        for (job, chance) in members.iter().zip(chances) {
            let Some(start) = self.take_place(job, chance) else {
                let excess = self.ground.take_excess(job.id).map(|reason| (job.id, reason));
                let work = self.forecast.work;
                (*self.ground, self.forecast) = before;
                self.forecast.work = work;
                return Err(excess.map_or(Unstarted::NoUnits, |(id, reason)| Unstarted::Excess(id, reason)));
            };
            starts.push(start);
        }
        for (job, start) in members.iter().zip(starts) {
            self.propose(job, start);
            self.waits.strike(job.id);
        }
        Ok(())
    }

    fn note_turns(&mut self, wanted: &[(&'a Arc<Job>, Demands<'a>)], at: Option<Timestamp>) {
        for (job, demands) in wanted {
            let Some((partition, _)) = demands.first() else { continue };
            let reason = self.turn_to_wait(*partition);
            self.waits.note(job.id, reason, at);
        }
    }
}
