//! What happens to reservations without anybody asking: they begin, end, come back, go when nobody uses them, and have
//! nodes replaced.

use super::change::move_to;
use super::names_of;
use crate::cluster::Node;
use crate::job::{Event, Phase};
use crate::ports::Calendar;
use crate::reservation::{Choice, Reservation, ReservationFlags, ReservedNode, following};
use crate::service::ledger::Ledger;
use crate::{Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

impl Ledger<'_> {
    /// Lets everything happen that is due.
    pub(in crate::service) fn turn_reservations(&mut self) {
        if self.state().reservations().is_empty() {
            return;
        }
        self.reservations_turn();
        for reservation in self.state().reservations().iter().cloned().collect::<Vec<_>>() {
            let (_, end) = reservation.window(self.now);
            if end <= self.now {
                self.end_turn(&reservation);
            } else {
                self.watch_use(&reservation);
                self.replace_nodes(&reservation);
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
        let is_busy = |reserved: &ReservedNode| {
            let used = self.state().node_use().get(reserved.node.0 as usize);
            used.is_some_and(|used| used.jobs > 0)
        };
        let is_out = |reserved: &ReservedNode| {
            let node = self.cluster().node(reserved.node);
            !node.is_some_and(|node: &Node| node.flags.takes_jobs())
        };
        let takes_fresh = flags.has(ReservationFlags::REPLACE) && reservation.is_open(self.now);
        let is_spent = |reserved: &ReservedNode| is_out(reserved) || takes_fresh && is_busy(reserved);
        if !reservation.nodes.iter().any(is_spent) {
            return;
        }
        let mut nodes: Vec<ReservedNode> =
            reservation.nodes.iter().filter(|node| !is_spent(node)).cloned().collect();
        let one = Choice { nodes: Some(1), ..Choice::default() };
        let spent: Vec<ReservedNode> =
            reservation.nodes.iter().filter(|node| is_spent(node)).cloned().collect();
        for old in spent {
            let without = Reservation {
                flags: flags.without(ReservationFlags::IGNORE_JOBS),
                name: Text::default(),
                ..(**reservation).clone()
            };
            nodes.push(self.fresh_node(&without, &nodes, &one).unwrap_or(old));
        }
        nodes.sort_by_key(|reserved| reserved.node);
        if nodes != reservation.nodes {
            self.keep_reservation(Reservation { nodes, ..(**reservation).clone() });
        }
    }

    /// Finds a node that it does not have yet and nobody uses.
    fn fresh_node(&self, wanted: &Reservation, has: &[ReservedNode], one: &Choice) -> Option<ReservedNode> {
        let most = u32::try_from(self.cluster().nodes.len()).unwrap_or(u32::MAX);
        let all = (1..=most).rev().find_map(|count| {
            self.choose_nodes(wanted, &Choice { nodes: Some(count), ..one.clone() }).ok()
        })?;
        all.into_iter().find(|node| {
            let is_new = !has.iter().chain(&wanted.nodes).any(|other| other.node == node.node);
            let used = self.state().node_use().get(node.node.0 as usize);
            is_new && used.is_some_and(|used| used.jobs == 0)
        })
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
