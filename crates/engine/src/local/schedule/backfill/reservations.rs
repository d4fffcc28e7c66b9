//! Reservations in the backfill pass: jobs inside one are planned in a forecast of their own, all others in one from which
//! the reservations have been taken off.

use super::{Backfill, Chance, Remembered, eligible};
use crate::local::schedule::forecast::Forecast;
use crate::local::schedule::walk::Turn;
use domain::fit::Demand;
use domain::job::{Allocation, Job, Reason};
use domain::reservation::{Membership, Reservation};
use domain::state::State;
use domain::{JobId, NodeIndex, TimeLimit, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// What lies ahead for the jobs of one place, and what has been found about them so far.
pub(super) struct Outlook<'a> {
    forecast: Forecast<'a>,
    remembered: HashMap<(usize, u64), Vec<Remembered<'a>>>,
    has_waiting: Vec<bool>,
}

/// Tells whether an allocation lies within a reservation that nobody outside sees into.
pub(super) fn is_inside(state: &State, allocation: &Allocation) -> bool {
    let own = Some(&allocation.reservation).filter(|name| !name.is_empty());
    own.and_then(|name| state.reservation(name)).is_some_and(|own| !own.is_flexible())
}

impl<'a> Backfill<'a, '_, '_> {
    /// Looks at a job in the reservations it may run in, or outside of all.
    pub(super) fn look_wherever_it_may_be(&mut self, turn: &Turn<'a>, state: &'a State, may_book: bool) {
        let together = turn.job.het.filter(|part| part.size > 1);
        let memberships = match together {
            None => self.reserved.memberships(turn.job),
            // They start together, and so in one place: where one of them may not be, none is.
            Some(part) => match eligible(state, part) {
                Some(members) => self.reserved.memberships_of_all(&members),
                None => return,
            },
        };
        let memberships = match memberships {
            Ok(memberships) => memberships,
            Err(reason) => {
                together.into_iter().for_each(|part| self.joint.note(part.leader, std::iter::empty()));
                return self.waits.note(turn.job.id, reason, None);
            }
        };
        for membership in memberships {
            self.membership = membership;
            if let Membership::Inside(own) = membership {
                self.change_places(own);
                self.look_here(turn, state, may_book);
                self.change_places(own);
            }
            let is_free = match membership {
                Membership::Outside => true,
                // Of those who may run elsewhere as well.
                Membership::Inside(own) => own.is_flexible() && !self.ground.has_started(turn.job.id),
            };
            if is_free {
                self.look_here(turn, state, may_book);
            }
            if self.ground.has_started(turn.job.id) {
                break;
            }
        }
        self.membership = Membership::Outside;
    }

    /// Puts what lies ahead in a reservation in the place of what lies ahead outside, or the other way round.
    fn change_places(&mut self, own: &'a Arc<Reservation>) {
        let other = match self.parked.take() {
            Some(outside) => outside,
            None => self.views.remove(&own.number).unwrap_or_else(|| self.outlook(own)),
        };
        let work = self.forecast.work;
        let left = Outlook {
            forecast: std::mem::replace(&mut self.forecast, other.forecast),
            remembered: std::mem::replace(&mut self.remembered, other.remembered),
            has_waiting: std::mem::replace(&mut self.has_waiting, other.has_waiting),
        };
        // The work of a pass is counted together, wherever it looks.
        self.forecast.work = work;
        let goes_inside = !self.is_inside_now;
        if goes_inside {
            self.parked = Some(left);
        } else {
            self.views.insert(own.number, left);
        }
        self.is_inside_now = goes_inside;
    }

    fn outlook(&self, own: &'a Arc<Reservation>) -> Outlook<'a> {
        let mut forecast = Forecast::inside(self.layout, self.state, self.now, own);
        for start in self.starts.iter().filter(|start| start.allocation.reservation == own.name) {
            if let Some(job) = self.state.job(start.job) {
                forecast.book_start(job, &start.allocation, start.limit);
            }
        }
        Outlook { forecast, remembered: HashMap::new(), has_waiting: vec![false; self.has_waiting.len()] }
    }

    /// Puts up the fence of a job that would start now and run at most so long.
    pub(super) fn fence_in(&mut self, job: &Job, limit: TimeLimit) {
        if !self.reserved.is_empty() {
            self.ground.fence_in(Some(self.reserved.fence(self.membership, job, limit)));
        }
    }

    /// Tells those outside of a start inside that concerns them.
    pub(super) fn tell_outside(&mut self, job: &Job, allocation: &Allocation, limit: TimeLimit) {
        if let (Membership::Inside(own), Some(outside)) = (self.membership, &mut self.parked)
            && own.is_flexible()
        {
            outside.forecast.book_start(job, allocation, limit);
        }
    }

    /// Keeps the room that others leave for jobs that start together (the first of them, or the leader, is named) from those
    /// in a reservation that may go to the same nodes: they have a forecast of their own, and know the ground alone.
    pub(super) fn keep_from_reserved<'c>(
        &mut self,
        by: JobId,
        places: impl Iterator<Item = (&'a Arc<Job>, &'c Chance<'a>)>,
    ) where
        'a: 'c,
    {
        if self.reserved.is_empty() {
            return;
        }
        let mut left = self.displacing.left_for(by, self.ground);
        for (job, chance) in places {
            let until = chance.limit.end_from(chance.at);
            left.fence_in(Some(self.reserved.fence_until(self.membership, until)));
            // Their licences are kept from all.
            self.ground.keep(job, &chance.demand, (&chance.placement, &[]), &mut left);
        }
    }

    /// Tells whether a start would come after the end of the reservation it is planned in.
    pub(super) fn is_beyond_own_end(&self, at: Timestamp) -> bool {
        matches!(self.membership, Membership::Inside(own) if !own.is_flexible() && at >= own.end)
    }

    /// Tells whether nothing but reservations of others keeps a job from starting now.
    pub(super) fn is_kept_out(&mut self, job: &Arc<Job>, partition: usize, demand: &Demand<'_>) -> bool {
        if self.reserved.is_empty() || matches!(self.membership, Membership::Inside(_)) {
            return false;
        }
        self.fence_in(job, job.spec.time_limit);
        let layout = self.layout;
        let nodes: &[NodeIndex] = &layout.partitions[partition].nodes;
        self.ground.would_fit_unfenced(job, demand, layout.cluster(), nodes, |_| false)
    }

    /// Tells the same of a job that finds no time at all.
    pub(super) fn is_shut_out(&mut self, job: &'a Arc<Job>, partition: usize) -> bool {
        if self.reserved.is_empty() {
            return false;
        }
        let demand: Result<Demand<'a>, Reason> = self.demand(job, partition);
        demand.is_ok_and(|demand| self.is_kept_out(job, partition, &demand))
    }
}
