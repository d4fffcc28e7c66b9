//! Which reservations are in each other's way: two that want the same at the same time, all their turns considered.

use super::recur::skipped_ahead;
use super::{Reservation, following};
use crate::Timestamp;
use crate::ports::Calendar;
use std::time::Duration;

/// How far ahead turns are compared, counted from the later of the first ones: a week and a bit.
const HORIZON: Duration = Duration::from_secs(8 * 24 * 3600);

/// Turns of a reservation, one after the other.
pub struct Turns<'a> {
    reservation: &'a Reservation,
    calendar: &'a dyn Calendar,
    next: Option<Timestamp>,
    length: Option<Duration>,
}

impl<'a> Turns<'a> {
    /// Begins with the present or next turn, seen from `now`.
    pub fn of(reservation: &'a Reservation, now: Timestamp, calendar: &'a dyn Calendar) -> Self {
        let (start, end) = reservation.window(now);
        let length = (end != Timestamp::NEVER).then(|| end.since(start));
        Turns { reservation, calendar, next: Some(start), length }
    }
}

impl Iterator for Turns<'_> {
    type Item = (Timestamp, Timestamp);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.next?;
        self.next = following(self.reservation.flags, start, self.calendar);
        Some((start, self.length.map_or(Timestamp::NEVER, |length| start.after(length))))
    }
}

/// Tells whether turns of two reservations meet.
pub fn meet(one: &Reservation, other: &Reservation, now: Timestamp, calendar: &dyn Calendar) -> bool {
    let (first, second) = (one.window(now), other.window(now));
    let later = first.0.max(second.0);
    let until = later.after(HORIZON);
    let turns = |reservation| {
        let mut turns = Turns::of(reservation, now, calendar);
        turns.next = turns.next.map(|start| skipped_ahead(reservation.flags, start, later, calendar));
        turns.take_while(move |(start, _)| *start <= until)
    };
    let (mut ours, mut theirs) = (turns(one).peekable(), turns(other).peekable());
    while let (Some(mine), Some(yours)) = (ours.peek().copied(), theirs.peek().copied()) {
        if mine.0 < yours.1 && yours.0 < mine.1 {
            return true;
        }
        if mine.1 <= yours.1 {
            ours.next();
        } else {
            theirs.next();
        }
    }
    false
}
