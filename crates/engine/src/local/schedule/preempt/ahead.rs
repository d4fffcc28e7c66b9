//! Making way for jobs behind those that wait: somebody makes way only where the job then disturbs nothing that is booked
//! for those before it, for as long as it may run. Components of a heterogeneous job find room together or not at all.

use super::super::forecast::{Forecast, Wish, end};
use super::super::ground::Ground;
use super::super::main_pass::within;
use super::super::reserved::Reserved;
use super::candidate::{Candidate, candidates, fewest};
use super::{Claim, Displacing, KEPT, Promise, Room, TRY_AGAIN, halted};
use domain::fit::{Demand, Placement};
use domain::job::Job;
use domain::ports::PreemptHow;
use domain::reservation::Membership;
use domain::{NodeIndex, Text, Timestamp};
use std::collections::HashSet;
use std::sync::Arc;

/// How many jobs of a pass may look, besides those that the main pass has looked for.
pub(super) const MOST_TRIES: usize = 4;
/// How many could make way at most for one job; those who would be asked first.
const MOST_ASKED: usize = 512;
/// How many victims of one job are looked at again, to see whether it can do without them.
const MOST_DOUBTS: usize = 16;
/// How often room is looked for that is there until later, because those who make way take longer than was thought.
const MOST_TRIALS: usize = 3;

/// What each job needs that is to start, and in which partitions it may.
pub(in crate::local::schedule) type Wanted<'w, 'a> = [(&'a Arc<Job>, Vec<(usize, Demand<'a>)>)];

/// Room that others make.
pub(in crate::local::schedule) struct Made<'a> {
    /// When it is there: now, or when those are gone who have to end first.
    pub(in crate::local::schedule) at: Timestamp,
    /// Partition and place of each job.
    pub(in crate::local::schedule) places: Vec<(usize, Demand<'a>, Placement)>,
}

/// Until when, where, and with which licences.
type Booking<'w> = (Timestamp, Placement, &'w [(Text, u32)]);

/// What has been tried, to be undone.
struct Trial<'w, 'c, 'a> {
    victims: Vec<&'c Candidate<'a>>,
    bookings: Vec<Booking<'w>>,
    partitions: Vec<(usize, Demand<'a>)>,
}

impl<'a> Displacing<'a, '_> {
    /// Looks for room for jobs that start together. Where those who make way are suspended, ground and forecast know
    /// afterwards; where they end, the forecast does.
    pub(in crate::local::schedule) fn make_room_ahead(
        &mut self,
        wanted: &Wanted<'_, 'a>,
        forecast: &mut Forecast<'a>,
        ground: &mut Ground<'a>,
    ) -> Option<Made<'a>> {
        let (first, _) = wanted.first()?;
        let id = first.het.map_or(first.id, |part| part.leader);
        if !self.is_open_to(id) {
            return None;
        }
        self.tries_ahead += 1;
        let all = match self.candidates.take() {
            Some(all) => all,
            None => candidates(self.state, self.now),
        };
        let made = self.room_for_all(id, wanted, &all, forecast, ground);
        self.candidates = Some(all);
        if made.is_none() {
            self.memory.futile_ahead.insert(id, self.now.after(TRY_AGAIN));
        }
        made
    }

    fn room_for_all(
        &mut self,
        id: domain::JobId,
        wanted: &Wanted<'_, 'a>,
        all: &[Candidate<'a>],
        forecast: &mut Forecast<'a>,
        ground: &mut Ground<'a>,
    ) -> Option<Made<'a>> {
        let trial = self.timely_trial(wanted, all, forecast)?;
        if trial.victims.is_empty() || !self.are_open(wanted, &trial, ground) {
            return None;
        }
        let ends = trial.bookings.iter().map(|(until, ..)| *until).max().unwrap_or(self.now);
        let (room, at) = if trial.victims.iter().all(|victim| victim.how == PreemptHow::Suspend) {
            for victim in &trial.victims {
                victim.leave(ground);
                victim.members.iter().for_each(|job| forecast.halt(job, ends));
            }
            (Room::Made, self.now)
        } else {
            let gone = self.gone(&trial.victims);
            let leaving = trial.victims.iter().filter(|victim| victim.how != PreemptHow::Suspend);
            leaving.flat_map(|victim| &victim.members).for_each(|job| forecast.leave(job, gone));
            let nodes = wanted.iter().zip(&trial.bookings).map(|((job, _), (_, place, _))| {
                (job.id, place.nodes.iter().map(|placed| placed.node).collect())
            });
            let found = trial.partitions.iter().zip(&trial.bookings);
            let places = wanted.iter().zip(found).map(|((job, _), ((_, demand), (_, place, _)))| {
                (job.id, Promise::of(job, &demand.partition.name, place.clone()))
            });
            let claim = Claim {
                until: gone.after(KEPT),
                nodes: nodes.collect(),
                places: places.collect(),
                halted_later: halted(&trial.victims),
            };
            self.memory.claims.insert(id, claim);
            wanted.iter().for_each(|(job, _)| ground.owe(job));
            trial.bookings.iter().for_each(|(_, _, licenses)| ground.keep_licenses(licenses));
            (Room::Coming, gone)
        };
        self.tell(id, trial.victims.into_iter(), room);
        let placements = trial.bookings.into_iter().map(|(_, placement, _)| placement);
        let places = trial.partitions.into_iter().zip(placements);
        Some(Made {
            at,
            places: places.map(|((partition, demand), place)| (partition, demand, place)).collect(),
        })
    }

    /// Tries to find room for all that is theirs for as long as they may run once the slowest of those who make way is gone, for
    /// whichever of them that is.
    fn timely_trial<'w, 'c>(
        &self,
        wanted: &'w Wanted<'_, 'a>,
        all: &'c [Candidate<'a>],
        forecast: &mut Forecast<'a>,
    ) -> Option<Trial<'w, 'c, 'a>> {
        let mut from = self.now;
        for _ in 0..MOST_TRIALS {
            let trial = self.trial(wanted, all, forecast, from)?;
            let gone = self.gone(&trial.victims);
            let mut bookings = wanted.iter().zip(&trial.bookings);
            if bookings.all(|((job, _), (until, ..))| *until >= end(gone, job.spec.time_limit)) {
                return Some(trial);
            }
            from = gone;
        }
        None
    }

    /// Tries to find room for all, who start at a time at the earliest, and puts everything back.
    fn trial<'w, 'c>(
        &self,
        wanted: &'w Wanted<'_, 'a>,
        all: &'c [Candidate<'a>],
        forecast: &mut Forecast<'a>,
        from: Timestamp,
    ) -> Option<Trial<'w, 'c, 'a>> {
        let mut trial = Trial { victims: Vec::new(), bookings: Vec::new(), partitions: Vec::new() };
        let found = wanted.iter().all(|(job, demands)| {
            demands.iter().any(|(partition, demand)| {
                self.room_for_one(job, (*partition, demand), (all, from), forecast, &mut trial)
            })
        });
        for ((until, placement, licenses), (_, demand)) in trial.bookings.iter().zip(&trial.partitions).rev()
        {
            forecast.take_off(demand, (*until, placement, licenses));
        }
        put_back(forecast, &trial.victims);
        found.then_some(trial)
    }

    /// Tells whether the places and licences are open to the jobs once the others are gone: what reservations keep of a node
    /// in use is not among what becomes free, and what they keep of licences is nobody else's even before they begin.
    fn are_open(&self, wanted: &Wanted<'_, 'a>, trial: &Trial<'_, '_, 'a>, ground: &Ground<'a>) -> bool {
        let reserved = Reserved::new(self.state, self.now);
        if reserved.is_empty() {
            return true;
        }
        let mut cleared = ground.clone();
        trial.victims.iter().for_each(|victim| victim.leave(&mut cleared));
        let found = trial.bookings.iter().zip(&trial.partitions);
        wanted.iter().zip(found).all(|((job, _), ((until, place, licenses), (_, demand)))| {
            cleared.fence_in(Some(reserved.fence_until(Membership::Outside, *until)));
            let has = |(name, count): &(Text, u32)| cleared.free_licenses(name) >= *count;
            let is_open = licenses.iter().all(has) && cleared.has_room_at(place, demand, job);
            cleared.keep_licenses(licenses);
            is_open
        })
    }

    /// Looks for room for one job in a partition, besides what others have found in the same trial.
    fn room_for_one<'w, 'c>(
        &self,
        job: &'a Arc<Job>,
        (partition, demand): (usize, &'w Demand<'a>),
        (all, from): (&'c [Candidate<'a>], Timestamp),
        forecast: &mut Forecast<'a>,
        trial: &mut Trial<'w, 'c, 'a>,
    ) -> bool {
        let cluster = self.layout.cluster();
        let entry = &self.layout.partitions[partition];
        let (user, limit) = (job.spec.owner.uid, job.spec.time_limit);
        // Where others have made way for it before, it has its place; elsewhere it would take that of another component.
        let open = within(&entry.nodes, self.confined(job).as_deref());
        let wish = Wish { demand, nodes: &open, user, limit };
        let promised = self.promised(job, &demand.partition.name);
        let licenses = demand.resources.licenses.as_slice();
        let is_of_use = |candidate: &Candidate<'a>, nodes: &HashSet<NodeIndex>| {
            candidate.uses(nodes) || candidate.gives_back(cluster, licenses)
        };
        let nodes: HashSet<NodeIndex> = open.iter().copied().collect();
        let asker = job.het.map_or(job.id, |part| part.leader);
        let in_trial =
            |candidate: &&Candidate<'a>| trial.victims.iter().any(|victim| victim.job.id == candidate.job.id);
        let eligible: Vec<&'c Candidate<'a>> = all
            .iter()
            .filter(|candidate| !self.is_spoken_for(candidate, asker) && !in_trial(candidate))
            .filter(|candidate| {
                candidate.yields_to(cluster, job, self.layout.partition(entry))
                    && is_of_use(candidate, &nodes)
            })
            .take(MOST_ASKED)
            .collect();
        // It starts when the slowest of them is gone at the latest.
        let until = self.layout.rounded(end(self.gone(&eligible).max(from), limit));
        let mut placement = forecast.best_until(wish, until, promised);
        if placement.is_none() {
            let fits = |victims: &[&'c Candidate<'a>]| without(forecast, victims, (wish, promised), until);
            let Some(victims) = fewest(eligible, MOST_DOUBTS, fits, is_of_use) else { return false };
            lift(forecast, &victims);
            placement = forecast.best_until(wish, until, promised);
            trial.victims.extend(victims);
        }
        let Some(placement) = placement else { return false };
        let wish = Wish { demand, nodes: &entry.nodes, user, limit };
        let licenses = forecast.try_on(wish, until, &placement);
        trial.bookings.push((until, placement, licenses));
        trial.partitions.push((partition, demand.clone()));
        true
    }
}

/// Returns where a wish can be met until a time if some were gone, and those that are halted have their CPUs afterwards.
fn without<'a>(
    forecast: &mut Forecast<'a>,
    victims: &[&Candidate<'a>],
    (wish, promised): (Wish<'_>, Option<&Placement>),
    until: Timestamp,
) -> Option<Placement> {
    lift(forecast, victims);
    let placement = forecast.best_until(wish, until, promised);
    let halted = victims.iter().filter(|victim| victim.how == PreemptHow::Suspend);
    let can_return = forecast.have_return(halted.flat_map(|victim| victim.members.iter().copied()), until);
    put_back(forecast, victims);
    placement.filter(|_| can_return)
}

fn lift<'a>(forecast: &mut Forecast<'a>, victims: &[&Candidate<'a>]) {
    for victim in victims {
        victim.members.iter().for_each(|job| forecast.lift(job, victim.how));
    }
}

fn put_back<'a>(forecast: &mut Forecast<'a>, victims: &[&Candidate<'a>]) {
    for victim in victims.iter().rev() {
        victim.members.iter().for_each(|job| forecast.put_back(job, victim.how));
    }
}
