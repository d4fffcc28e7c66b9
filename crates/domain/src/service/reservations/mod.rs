//! Reservations: making, changing and deleting them, what jobs that name one are told, and what happens when one begins
//! or ends. Order and outcome of the checks are the original's.

mod admission;
mod change;
mod make;
mod place;
mod turns;

use super::ledger::Ledger;
use crate::ports::Directory;
use crate::reservation::{Reservation, ReservationFlags, ReservationWish};
use crate::who::Principal;
use crate::{Error, Problem, Text};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest name, and longest of the other texts, bytes.
const MOST_NAME: usize = 1024;
const MOST_TEXT: usize = 64 << 10;

/// A wish, with what only the directory knows about the people it names.
pub(super) struct NewReservation {
    by: Principal,
    wish: ReservationWish,
    /// Names of users that there are not.
    strangers: BTreeSet<Text>,
    /// Groups with those who belong to them; `None` for one that there is not.
    groups: Vec<(Text, Option<Vec<Text>>)>,
}

impl NewReservation {
    /// Looks up whom a wish names.
    pub(super) fn look_up(by: &Principal, wish: ReservationWish, directory: &dyn Directory) -> Self {
        let named = wish.users.iter().map(|written| signed(written).1).filter(|name| !name.is_empty());
        let strangers = named.filter(|name| directory.person(name).is_none()).map(Text::from).collect();
        let groups = wish.groups.iter().map(|written| signed(written).1).filter(|name| !name.is_empty());
        let groups = groups.map(|name| (Text::from(name), directory.members_of(name))).collect();
        NewReservation { by: by.clone(), wish, strangers, groups }
    }
}

/// A sign before a name: more, fewer, or none at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Plain,
    Plus,
    Minus,
}

fn signed(written: &str) -> (Sign, &str) {
    if let Some(name) = written.strip_prefix('+') {
        (Sign::Plus, name)
    } else if let Some(name) = written.strip_prefix('-') {
        (Sign::Minus, name)
    } else {
        (Sign::Plain, written)
    }
}

impl Ledger<'_> {
    /// Deletes a reservation that no job has anything to do with.
    pub(super) fn delete_reservation(&mut self, by: &Principal, name: &Text) -> Result<(), Error> {
        let found = self.state().reservation(name).cloned();
        let may_delete = |reservation: &Arc<Reservation>| {
            reservation.flags.has(ReservationFlags::USER_DELETE) && reservation.access.admits_user(&by.name)
        };
        if !by.is_operator() && !found.as_ref().is_some_and(may_delete) {
            return Err(Problem::ReservationsForbidden.into());
        }
        let reservation = found.ok_or_else(|| Problem::UnknownReservation(name.clone()))?;
        if self.has_jobs(name) {
            return Err(Problem::ReservationInUse(name.clone()).into());
        }
        self.remove_reservation(reservation.number);
        Ok(())
    }

    /// Tells whether a job names a reservation or runs in it.
    fn has_jobs(&self, name: &str) -> bool {
        self.state().reserved_jobs().any(|job| {
            names_of(&job.spec.uncommon().reservation).any(|named| named == name)
                || job.held_resources().is_some_and(|held| held.reservation == name)
        })
    }
}

/// Returns the names in a job's list of reservations.
pub(super) fn names_of(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|name| !name.is_empty())
}
