//! When what was used is forgotten (`PriorityUsageResetPeriod`).

use crate::Timestamp;
use crate::ports::{Calendar, Greenwich, WallMinute};

/// When what was used is forgotten: at midnight, as the clocks of the place show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageReset {
    /// Each time the service starts.
    Now,
    /// Every day.
    Daily,
    /// On Sundays.
    Weekly,
    /// On the first of a month.
    Monthly,
    /// On the first of January, April, July and October.
    Quarterly,
    /// On the first of January.
    Yearly,
}

impl UsageReset {
    /// Returns when use has begun to count that counts at a time; `None` where that is no matter of the calendar.
    pub fn begun(self, calendar: &dyn Calendar, at: Timestamp) -> Option<Timestamp> {
        let today = WallMinute { hour: 0, minute: 0, ..calendar.shown(at) };
        let first = WallMinute { day: 1, ..today };
        Some(calendar.begin_of(match self {
            UsageReset::Now => return None,
            UsageReset::Daily => today,
            UsageReset::Weekly => sunday(today),
            UsageReset::Monthly => first,
            UsageReset::Quarterly => WallMinute { month: first.month.saturating_sub(1) / 3 * 3 + 1, ..first },
            UsageReset::Yearly => WallMinute { month: 1, ..first },
        }))
    }
}

/// Returns the last Sunday, which may be the day itself.
fn sunday(day: WallMinute) -> WallMinute {
    const DAY: i64 = 24 * 3600;
    // Days follow one another alike on every calendar on the wall; the first of 1970 was a Thursday.
    let number = Greenwich.begin_of(day).seconds().div_euclid(DAY);
    let since = (number + 4).rem_euclid(7);
    Greenwich.shown(Timestamp::from_seconds((number - since) * DAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_midnight() {
        let date = |month, day, hour| WallMinute { year: 2026, month, day, hour, minute: 30 };
        let begun = |period: UsageReset, at: WallMinute| {
            let begun = period.begun(&Greenwich, Greenwich.begin_of(at)).unwrap();
            let WallMinute { year, month, day, hour, minute } = Greenwich.shown(begun);
            assert_eq!((hour, minute), (0, 0));
            (year, month, day)
        };
        // The 18th of November 2026 is a Wednesday.
        let at = date(11, 18, 13);
        assert_eq!(begun(UsageReset::Daily, at), (2026, 11, 18));
        assert_eq!(begun(UsageReset::Weekly, at), (2026, 11, 15));
        assert_eq!(begun(UsageReset::Weekly, date(11, 15, 0)), (2026, 11, 15));
        assert_eq!(begun(UsageReset::Monthly, at), (2026, 11, 1));
        assert_eq!(begun(UsageReset::Quarterly, at), (2026, 10, 1));
        assert_eq!(begun(UsageReset::Quarterly, date(9, 30, 23)), (2026, 7, 1));
        assert_eq!(begun(UsageReset::Yearly, at), (2026, 1, 1));
        assert_eq!(UsageReset::Now.begun(&Greenwich, Greenwich.begin_of(at)), None);
    }
}
