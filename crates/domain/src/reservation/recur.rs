//! When a reservation that comes back has its next turn: at the same time by the clock on the wall, whatever the
//! seasons do to it.

use super::ReservationFlags;
use crate::Timestamp;
use crate::ports::Calendar;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Returns when the turn after one that began at `start` begins; `None` for a reservation that does not come back.
pub fn following(flags: ReservationFlags, start: Timestamp, calendar: &dyn Calendar) -> Option<Timestamp> {
    if flags.has(ReservationFlags::HOURLY) {
        return Some(start.after(Duration::from_secs(3600)));
    }
    if flags.has(ReservationFlags::DAILY) {
        return Some(days_later(start, 1, calendar));
    }
    if flags.has(ReservationFlags::WEEKLY) {
        return Some(days_later(start, 7, calendar));
    }
    let wants_weekend = match (flags.has(ReservationFlags::WEEKDAY), flags.has(ReservationFlags::WEEKEND)) {
        (false, false) => return None,
        (_, wants_weekend) => wants_weekend,
    };
    (1..=7)
        .map(|days| days_later(start, days, calendar))
        .find(|at| is_weekend(*at, calendar) == wants_weekend)
}

/// Returns a turn of one that comes back and begins at `start`: a later one, but more than a week before `before`, so
/// that not all in between need be walked through.
pub(super) fn skipped_ahead(
    flags: ReservationFlags,
    start: Timestamp,
    before: Timestamp,
    calendar: &dyn Calendar,
) -> Timestamp {
    let weeks = u32::try_from(before.since(start).as_secs() / (7 * 24 * 3600)).unwrap_or(0).saturating_sub(2);
    if !flags.recurs() || weeks == 0 {
        start
    } else if flags.has(ReservationFlags::HOURLY) {
        start.after(DAY * 7 * weeks)
    } else {
        days_later(start, 7 * weeks, calendar)
    }
}

/// Returns the time that the walls show so many days later.
fn days_later(start: Timestamp, days: u32, calendar: &dyn Calendar) -> Timestamp {
    let shown = calendar.shown(start);
    let within = start.since(calendar.begin_of(shown));
    // Noon of the day, so that an hour more or less does not lead to another one.
    let noon = calendar.begin_of(crate::ports::WallMinute { hour: 12, minute: 0, ..shown });
    let day = calendar.shown(noon.after(DAY * days));
    let at = calendar.begin_of(crate::ports::WallMinute { hour: shown.hour, minute: shown.minute, ..day });
    // Where clocks are put back, the minute is shown twice.
    let within = if within < Duration::from_secs(60) { within } else { Duration::ZERO };
    at.after(within).max(start.after(DAY / 2))
}

fn is_weekend(at: Timestamp, calendar: &dyn Calendar) -> bool {
    let shown = calendar.shown(at);
    // Zeller's rule by the days since a Saturday: 2000-01-01 was one.
    let noon = crate::ports::WallMinute { hour: 12, minute: 0, ..shown };
    let greenwich = crate::ports::Greenwich.begin_of(noon);
    let days = (greenwich.seconds() - 946_684_800).div_euclid(24 * 3600);
    days.rem_euclid(7) < 2
}
