//! What wall clocks show: the time zone and its rules live outside.

use crate::Timestamp;

/// A minute as a wall clock and a calendar on the wall show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallMinute {
    /// Year of the Gregorian calendar.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
}

/// Translates between points in time and what the walls of the place show.
pub trait Calendar: Send + Sync {
    /// Returns the minute that is shown at a time.
    fn shown(&self, at: Timestamp) -> WallMinute;

    /// Returns when a minute begins to be shown; for the first time, where it is shown twice; just after the gap, where
    /// it is left out. [`Timestamp::NEVER`] beyond what the calendar knows.
    fn begin_of(&self, minute: WallMinute) -> Timestamp;
}

/// Greenwich, where clocks are never changed: for tests, and for a machine whose place is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Greenwich;

impl Calendar for Greenwich {
    fn shown(&self, at: Timestamp) -> WallMinute {
        let minutes = at.seconds().div_euclid(60);
        let (days, of_day) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
        // Counted from the first of March of the year zero, so that a leap day is the last of its year.
        let days = days + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let (month, years_more) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let small = |number: i64| u8::try_from(number).unwrap_or(u8::MAX);
        WallMinute {
            year: i32::try_from(year + era * 400 + years_more).unwrap_or(i32::MAX),
            month: small(month),
            day: small(day),
            hour: small(of_day / 60),
            minute: small(of_day % 60),
        }
    }

    fn begin_of(&self, minute: WallMinute) -> Timestamp {
        let WallMinute { year, month, day, hour, minute } = minute;
        let (year, month) = match month {
            1 | 2 => (i64::from(year) - 1, i64::from(month) + 9),
            month => (i64::from(year), i64::from(month) - 3),
        };
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * month + 2) / 5 + i64::from(day) - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        Timestamp::from_seconds((days * 1440 + i64::from(hour) * 60 + i64::from(minute)) * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_shown_once_and_in_order() {
        let mut last = Greenwich.shown(Timestamp::from_seconds(-86_400));
        for day in 0..200_000_i64 {
            let at = Timestamp::from_seconds(day * 86_400 + 3_600);
            let shown = Greenwich.shown(at);
            assert!(shown > last && (1..=12).contains(&shown.month) && (1..=31).contains(&shown.day));
            assert_eq!(Greenwich.begin_of(shown), at);
            last = shown;
        }
        let known = Greenwich.shown(Timestamp::from_seconds(1_795_276_799));
        let WallMinute { year, month, day, hour, minute } = known;
        assert_eq!((year, month, day, hour, minute), (2026, 11, 21, 15, 59));
    }
}
