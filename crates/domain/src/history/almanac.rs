//! Days and months as the walls of the place show them, and the hours they consist of. Every hour lies in one day and
//! every day in one month, so that sums over days are sums over their hours, whatever clocks are changed.

use crate::Timestamp;
use crate::ports::{Calendar, WallMinute};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// Within a day whose midnight was so long ago, the next one has begun, and no other.
const INTO_THE_NEXT: i64 = 36 * HOUR;
/// Days remembered.
const REMEMBERED: usize = 1_000;
/// No day is longer, seconds: one that seems to be is where the calendar ends.
const LONGEST_DAY: i64 = 48 * HOUR;

/// A length of time over which usage is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// Counted from midnight; the last one of a day ends with it.
    Hour,
    /// From midnight to midnight.
    Day,
    /// A month of the calendar.
    Month,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Span; 3] = [Span::Hour, Span::Day, Span::Month];
}

/// A day of the calendar and its month; seconds since 1970, the ends are not part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// Midnight.
    pub start: i64,
    /// The next midnight.
    pub end: i64,
    /// The first midnight of the month.
    pub month: i64,
    /// The first midnight of the next month.
    pub month_end: i64,
}

/// A stretch of time that consists of whole spans of a kind; seconds since 1970, the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Of what it consists.
    pub span: Span,
    /// Where it begins.
    pub from: i64,
    /// Where it ends.
    pub to: i64,
}

/// A calendar that remembers the days it was asked for.
pub struct Almanac {
    calendar: Arc<dyn Calendar>,
    days: BTreeMap<i64, Day>,
}

impl Almanac {
    /// Makes one of the place whose walls the calendar knows.
    pub fn of(calendar: Arc<dyn Calendar>) -> Self {
        Almanac { calendar, days: BTreeMap::new() }
    }

    /// Returns the day of a second since 1970.
    pub fn day(&mut self, at: i64) -> Day {
        if let Some((_, day)) = self.days.range(..=at).next_back()
            && at < day.end
        {
            return *day;
        }
        if self.days.len() >= REMEMBERED {
            self.days.clear();
        }
        let day = self.looked_up(at);
        self.days.insert(day.start, day);
        day
    }

    fn looked_up(&self, at: i64) -> Day {
        let shown = |at: i64| self.calendar.shown(Timestamp::from_seconds(at));
        let begin = |minute: WallMinute| self.calendar.begin_of(minute).seconds();
        let midnight = |minute: WallMinute| begin(WallMinute { hour: 0, minute: 0, ..minute });
        let today = shown(at);
        let start = midnight(today).min(at);
        let end = midnight(shown(start.saturating_add(INTO_THE_NEXT)));
        let first = |minute: WallMinute| begin(WallMinute { day: 1, hour: 0, minute: 0, ..minute });
        let next = match today.month {
            12 => WallMinute { year: today.year.saturating_add(1), month: 1, ..today },
            month => WallMinute { month: month + 1, ..today },
        };
        let (month, month_end) = (first(today), first(next));
        if end <= at || end - start > LONGEST_DAY || month > start || month_end < end {
            // Beyond what the calendar knows: a day as in Greenwich.
            let start = at.div_euclid(86_400) * 86_400;
            return Day { start, end: start + 86_400, month: start, month_end: start + 86_400 };
        }
        Day { start, end, month, month_end }
    }

    /// Returns where the span that a second lies in begins and ends.
    pub fn bounds(&mut self, span: Span, at: i64) -> (i64, i64) {
        let day = self.day(at);
        match span {
            Span::Hour => {
                let start = day.start + (at - day.start) / HOUR * HOUR;
                (start, (start + HOUR).min(day.end))
            }
            Span::Day => (day.start, day.end),
            Span::Month => (day.month, day.month_end),
        }
    }

    /// Moves a second that is not where a span begins on to where the next one does.
    fn up(&mut self, span: Span, at: i64) -> i64 {
        match self.bounds(span, at) {
            (start, _) if start == at => at,
            (_, end) => end,
        }
    }

    /// Takes apart a stretch of time, widened to whole hours, into as few and as long spans as there are, in order; the
    /// longest are no longer than `longest`.
    pub fn cover(&mut self, from: i64, to: i64, longest: Span) -> Vec<Stretch> {
        let from = self.bounds(Span::Hour, from).0;
        let to = self.up(Span::Hour, to);
        let mut found = Vec::new();
        self.cover_with(longest, from, to, &mut found);
        found
    }

    fn cover_with(&mut self, span: Span, from: i64, to: i64, found: &mut Vec<Stretch>) {
        if from >= to {
            return;
        }
        let shorter = match span {
            Span::Hour => return found.push(Stretch { span, from, to }),
            Span::Day => Span::Hour,
            Span::Month => Span::Day,
        };
        let (first, last) = (self.up(span, from), self.bounds(span, to).0);
        if first >= last {
            return self.cover_with(shorter, from, to, found);
        }
        self.cover_with(shorter, from, first, found);
        found.push(Stretch { span, from: first, to: last });
        self.cover_with(shorter, last, to, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Greenwich;

    fn almanac() -> Almanac {
        Almanac::of(Arc::new(Greenwich))
    }

    fn at(month: u8, day: u8, hour: u8) -> i64 {
        Greenwich.begin_of(WallMinute { year: 2026, month, day, hour, minute: 0 }).seconds()
    }

    #[test]
    fn a_range_is_covered_by_months_where_it_can_be() {
        let mut almanac = almanac();
        let cover = almanac.cover(at(1, 30, 22) + 5, at(4, 2, 1) + 1, Span::Month);
        let stretch = |span, from, to| Stretch { span, from, to };
        let wanted = vec![
            stretch(Span::Hour, at(1, 30, 22), at(1, 31, 0)),
            stretch(Span::Day, at(1, 31, 0), at(2, 1, 0)),
            stretch(Span::Month, at(2, 1, 0), at(4, 1, 0)),
            stretch(Span::Day, at(4, 1, 0), at(4, 2, 0)),
            stretch(Span::Hour, at(4, 2, 0), at(4, 2, 2)),
        ];
        assert_eq!(cover, wanted);
        let hours = almanac.cover(at(1, 1, 3), at(1, 1, 5), Span::Month);
        assert_eq!(hours, [stretch(Span::Hour, at(1, 1, 3), at(1, 1, 5))]);
        let days = almanac.cover(at(1, 1, 0), at(3, 1, 0), Span::Day);
        assert_eq!(days, [stretch(Span::Day, at(1, 1, 0), at(3, 1, 0))]);
        assert_eq!(almanac.cover(at(3, 1, 0), at(1, 1, 0), Span::Month), []);
    }

    #[test]
    fn every_second_lies_in_an_hour_of_its_day_and_a_day_of_its_month() {
        let mut almanac = almanac();
        for step in 0..5_000_i64 {
            let second = 1_700_000_000 + step * 7_919;
            let mut outer = (second, second + 1);
            for span in Span::ALL {
                let (start, end) = almanac.bounds(span, second);
                assert!(start <= outer.0 && outer.1 <= end, "{span:?} of {second}");
                outer = (start, end);
            }
        }
        // Far beyond any calendar.
        for far in [i64::MAX / 1_000_000, i64::MIN / 1_000_000] {
            let (start, end) = almanac.bounds(Span::Hour, far);
            assert!(start <= far && far < end);
        }
    }
}
