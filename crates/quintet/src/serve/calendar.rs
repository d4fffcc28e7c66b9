//! The time zone of the machine behind the domain's port.

use domain::Timestamp;
use domain::ports::{Calendar, WallMinute};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// The calendar and the clocks of a place.
#[derive(Clone, Debug)]
pub(crate) struct LocalCalendar {
    zone: TimeZone,
}

impl LocalCalendar {
    /// Takes the place this machine is in, as it is set up.
    pub(crate) fn of_this_place() -> Self {
        LocalCalendar { zone: TimeZone::system() }
    }
}

impl Calendar for LocalCalendar {
    fn shown(&self, at: Timestamp) -> WallMinute {
        let shown =
            jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default().to_zoned(self.zone.clone());
        let small = |number: i8| u8::try_from(number).unwrap_or(0);
        WallMinute {
            year: i32::from(shown.year()),
            month: small(shown.month()),
            day: small(shown.day()),
            hour: small(shown.hour()),
            minute: small(shown.minute()),
        }
    }

    fn begin_of(&self, minute: WallMinute) -> Timestamp {
        instant(minute, &self.zone).unwrap_or(Timestamp::NEVER)
    }
}

fn instant(minute: WallMinute, zone: &TimeZone) -> Option<Timestamp> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(minute.year).ok()?;
    let (month, day) = (small(minute.month)?, small(minute.day)?);
    let shown = DateTime::new(year, month, day, small(minute.hour)?, small(minute.minute)?, 0, 0).ok()?;
    // Of a minute that comes twice the first counts; one that is left out is taken by the rule before the gap, which
    // is as long after the gap as it would have been behind its beginning.
    let at = zone.to_ambiguous_zoned(shown).compatible().ok()?;
    Some(Timestamp::from_micros(at.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::cron::Schedule;

    #[test]
    fn turns_follow_the_clocks_on_the_wall() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let calendar = LocalCalendar { zone };
        let next = |written: &str, after: &str| {
            let after: jiff::Timestamp = after.parse().unwrap();
            let after = Timestamp::from_micros(after.as_microsecond());
            let due = Schedule::parse(written).unwrap().next_after(after, &calendar).unwrap();
            jiff::Timestamp::from_microsecond(due.micros()).unwrap().to_string()
        };
        assert_eq!(next("0 12 * * *", "2026-07-01T00:00:00Z"), "2026-07-01T10:00:00Z", "summer");
        assert_eq!(next("0 12 * * *", "2026-12-01T00:00:00Z"), "2026-12-01T11:00:00Z", "winter");
        // Clocks go back on 25 October 2026 at 01:00 UTC, and forward on 28 March 2027.
        assert_eq!(next("30 2 * * *", "2026-10-24T22:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(next("30 2 * * *", "2026-10-25T00:30:00Z"), "2026-10-26T01:30:00Z", "not twice");
        assert_eq!(
            next("*/30 * * * *", "2026-10-25T00:30:00Z"),
            "2026-10-25T01:00:00Z",
            "an hour that repeats"
        );
        assert_eq!(
            next("30 2 * * *", "2027-03-27T12:00:00Z"),
            "2027-03-28T01:30:00Z",
            "an hour that is left out"
        );
    }
}
