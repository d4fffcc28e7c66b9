//! What happens to reservations without anybody asking: they begin, end, come back, go when nobody uses them, and have
//! nodes replaced.

use super::change::move_to;
use super::names_of;
use crate::cluster::Node;
use crate::job::{Event, Phase};
use crate::ports::Calendar;
use crate::reservation::{Reservation, ReservationFlags, ReservedNode, following};
use crate::service::ledger::Ledger;
use crate::{NodeIndex, Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

impl Ledger<'_> {
    /// Lets everything happen that is due.
    pub(in crate::service) fn turn_reservations(&mut self) {
        if self.state().reservations().is_empty() {
            return;
        }
        self.reservations_turn();
        // They are copied only if one of them changes.
        let all = Arc::clone(self.state().reservations());
        for reservation in all.iter() {
            let (_, end) = reservation.window(self.now);
            if end <= self.now {
                self.end_turn(reservation);
            } else {
                self.watch_use(reservation);
                // It may have gone, or moved on to its next turn.
                let mut all = self.state().reservations().iter();
                if let Some(still) = all.find(|other| other.number == reservation.number).cloned() {
                    self.replace_nodes(&still);
                }
            }
        }
    }

    fn end_turn(&mut self, reservation: &Arc<Reservation>) {
        self.end_jobs(reservation);
        let mut next = (**reservation).clone();
        if catch_up(&mut next, self.now, self.calendar()) {
            return self.keep_reservation(next);
        }
        tracing::info!(reservation.name = %reservation.name, "reservation is over");
        self.let_go(reservation);
    }

    /// Ends the jobs that run in it, unless they may run on.
    fn end_jobs(&mut self, reservation: &Reservation) {
        if reservation.flags.has(ReservationFlags::FLEX) {
            return;
        }
        let runs_in = |phase: &Phase| matches!(phase, Phase::Running(run) if run.allocation.reservation == reservation.name);
        let jobs = self.state().reserved_jobs().filter(|job| runs_in(&job.phase));
        let overrun = self.cluster().limits.reservation_overrun;
        let by = if overrun == Duration::MAX { return } else { reservation.end.after(overrun) };
        for id in jobs.map(|job| job.id).collect::<Vec<_>>() {
            let is_over = by <= self.now;
            let event = if is_over { Event::LimitReached { at: self.now } } else { Event::MustEnd { by } };
            if let Err(refused) = self.happen(id, event) {
                tracing::error!(job.id = id.0, error = %refused, "job could not be ended with its reservation");
            }
        }
    }

    /// Takes a reservation away, and its name from the jobs that have it.
    fn let_go(&mut self, reservation: &Reservation) {
        self.remove_reservation(reservation.number);
        let holds = !reservation.flags.has(ReservationFlags::NO_HOLD_JOBS_AFTER_END);
        let name = &reservation.name;
        let named = self.state().reserved_jobs().filter_map(|job| {
            let list = &job.spec.uncommon().reservation;
            let left: Vec<&str> = names_of(list).filter(|named| named != name).collect();
            names_of(list).any(|named| named == name).then(|| (job.id, Text::from(left.join(","))))
        });
        for (id, left) in named.collect::<Vec<_>>() {
            let event = Event::ReservationGone { at: self.now, name: name.clone(), left, holds };
            if let Err(refused) = self.happen(id, event) {
                tracing::error!(job.id = id.0, error = %refused, "job could not be told that its reservation is gone");
            }
        }
    }

    /// Notes since when nobody uses an open reservation, and takes it away when that is too long.
    fn watch_use(&mut self, reservation: &Arc<Reservation>) {
        if !reservation.flags.has(ReservationFlags::PURGE_COMP) {
            return;
        }
        let is_idle = reservation.is_open(self.now) && !self.has_jobs(&reservation.name);
        let since = is_idle.then(|| reservation.idle_since.unwrap_or(self.now));
        let patience = Duration::from_secs(reservation.purge_after.into());
        if since.is_some_and(|since| since.after(patience) <= self.now) {
            tracing::info!(reservation.name = %reservation.name, "reservation is not used any more");
            match following(reservation.flags, reservation.start, self.calendar()) {
                Some(next) => {
                    let mut later = (**reservation).clone();
                    move_to(&mut later, next);
                    self.keep_reservation(later);
                }
                None => self.let_go(reservation),
            }
        } else if since != reservation.idle_since {
            self.keep_reservation(Reservation { idle_since: since, ..(**reservation).clone() });
        }
    }

    /// Takes in that a job starts in a reservation: it may be gone before anybody looks again.
    pub(in crate::service) fn note_use(&mut self, name: &Text) {
        let used = Some(name).filter(|name| !name.is_empty()).and_then(|name| self.state().reservation(name));
        if let Some(idle) = used.filter(|used| used.idle_since.is_some()).cloned() {
            self.keep_reservation(Reservation { idle_since: None, ..(*idle).clone() });
        }
    }

    /// Puts other nodes in the place of those that are out of service or, if it says so, in use.
    fn replace_nodes(&mut self, reservation: &Arc<Reservation>) {
        let flags = reservation.flags;
        let stays = ReservationFlags::STATIC
            .with(ReservationFlags::SPEC_NODES)
            .with(ReservationFlags::PART_NODES)
            .with(ReservationFlags::MAINT);
        if flags.0 & stays.0 != 0 || !reservation.is_of_whole_nodes() || reservation.partition.is_empty() {
            return;
        }
        let is_unused = |node: NodeIndex| {
            let used = self.state().node_use().get(node.0 as usize);
            used.is_some_and(|used| used.jobs == 0)
        };
        let is_out = |node: NodeIndex| {
            let node = self.cluster().node(node);
            !node.is_some_and(|node: &Node| node.flags.takes_jobs())
        };
        let takes_fresh = flags.has(ReservationFlags::REPLACE) && reservation.is_open(self.now);
        let is_spent =
            |reserved: &ReservedNode| is_out(reserved.node) || takes_fresh && !is_unused(reserved.node);
        let spent = reservation.nodes.iter().filter(|node| is_spent(node)).count();
        if spent == 0 {
            return;
        }
        let of_nobody = Reservation {
            flags: flags.without(ReservationFlags::IGNORE_JOBS),
            name: Text::default(),
            ..(**reservation).clone()
        };
        let is_fresh = |node| is_unused(node) && reservation.of_node(node).is_none();
        let fresh: Vec<_> = self.free_nodes(&of_nobody, is_fresh).take(spent).collect();
        if fresh.is_empty() {
            return;
        }
        let mut nodes = reservation.nodes.clone();
        for (old, new) in nodes.iter_mut().filter(|node| is_spent(node)).zip(fresh) {
            *old = ReservedNode::whole(new);
        }
        nodes.sort_by_key(|reserved| reserved.node);
        self.keep_reservation(Reservation { nodes, ..(**reservation).clone() });
    }
}

/// Moves a reservation that comes back to the first turn that is not over; tells whether it comes back.
pub(super) fn catch_up(reservation: &mut Reservation, now: Timestamp, calendar: &dyn Calendar) -> bool {
    if !reservation.flags.recurs() {
        return false;
    }
    while reservation.end <= now {
        let Some(next) = following(reservation.flags, reservation.start, calendar) else { return false };
        if next <= reservation.start {
            return false;
        }
        move_to(reservation, next);
    }
    true
}
