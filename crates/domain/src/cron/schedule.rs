//! The five fields that say when an entry is due. Written here, since the libraries for it bring a calendar and a clock
//! of their own, and take forms that `scrontab` does not.

use crate::Timestamp;
use crate::ports::{Calendar, WallMinute};

/// When an entry is due: a set of minutes, hours, days and months, by the bits of each number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Days of the month and of the week are both given, so that either will do.
    either_day: bool,
}

/// What is wrong with a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// A field is missing.
    #[error("five fields are needed: minute, hour, day of month, month, day of week")]
    Fields,
    /// A field cannot be read, or holds a number that cannot be; its name.
    #[error("the {0} cannot be read")]
    Field(&'static str),
    /// A word behind `@` that stands for nothing.
    #[error("there is no such word")]
    Word,
    /// No year has such a day.
    #[error("no day is ever like that")]
    Never,
}

/// A field: what it is called, its smallest and largest number, and names for its numbers from the smallest up.
struct Field {
    name: &'static str,
    first: u32,
    last: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, names: &[] },
    Field { name: "hour", first: 0, last: 23, names: &[] },
    Field { name: "day of month", first: 1, last: 31, names: &[] },
    Field {
        name: "month",
        first: 1,
        last: 12,
        names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
    },
    // Seven is Sunday as well.
    Field {
        name: "day of week",
        first: 0,
        last: 7,
        names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
    },
];

/// Words that stand for a schedule.
const WORDS: [(&str, &str); 10] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
    ("@elevenses", "0 11 * * *"),
    ("@fika", "0 15 * * *"),
    ("@teatime", "0 16 * * *"),
];

/// All hours of a day.
const EVERY_HOUR: u64 = (1 << 24) - 1;

/// Days that are looked at: the calendar comes back to the same days of the week after 28 years, or 40 over a century
/// without a leap day.
const MOST_DAYS: u32 = 41 * 366;

impl Schedule {
    /// Reads five fields, or a word such as `@hourly`.
    ///
    /// # Errors
    /// Says which field is wrong.
    pub fn parse(written: &str) -> Result<Self, BadSchedule> {
        let written = written.trim();
        let written = match written.starts_with('@') {
            true => WORDS.iter().find(|(word, _)| *word == written).ok_or(BadSchedule::Word)?.1,
            false => written,
        };
        let parts: Vec<&str> = written.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts.as_slice() else {
            return Err(BadSchedule::Fields);
        };
        let [of_minute, of_hour, of_day, of_month, of_weekday] = &FIELDS;
        let weekday_bits = of_weekday.read(weekdays)?;
        let schedule = Schedule {
            minutes: of_minute.read(minutes)?,
            hours: of_hour.read(hours)?,
            days: of_day.read(days)?,
            months: of_month.read(months)?,
            weekdays: (weekday_bits | weekday_bits >> 7) & 0x7f,
            // Seen with scrontab: a star with a step is no star here.
            either_day: *days != "*" && *weekdays != "*",
        };
        let some_leap_year = WallMinute { year: 2000, month: 1, day: 1, hour: 0, minute: 0 };
        schedule.first_from(some_leap_year).ok_or(BadSchedule::Never)?;
        Ok(schedule)
    }

    /// Writes the five fields as the original shows them: a star, or every number.
    pub fn written(&self) -> String {
        let [of_minute, of_hour, of_day, of_month, of_weekday] = &FIELDS;
        [
            of_minute.written(self.minutes, 59),
            of_hour.written(self.hours, 23),
            of_day.written(self.days, 31),
            of_month.written(self.months, 12),
            of_weekday.written(self.weekdays, 6),
        ]
        .join(" ")
    }

    /// Returns when it is due next, after a time; `None` beyond what the calendar knows.
    pub fn next_after(&self, at: Timestamp, calendar: &dyn Calendar) -> Option<Timestamp> {
        if self.hours == EVERY_HOUR
            && let Some(soon) = self.soon_after(at, calendar)
        {
            return Some(soon);
        }
        let mut from = following(calendar.shown(at));
        // Where clocks are put back, minutes are shown again that have been due before.
        for _ in 0..24 * 60 {
            let found = self.first_from(from)?;
            match calendar.begin_of(found) {
                Timestamp::NEVER => return None,
                begin if begin > at => return Some(begin),
                _ => from = following(found),
            }
        }
        None
    }

    /// Returns the next turn within two hours of a schedule that leaves out no hour: also in an hour that comes twice.
    fn soon_after(&self, at: Timestamp, calendar: &dyn Calendar) -> Option<Timestamp> {
        let minute = at.seconds().div_euclid(60);
        let soon =
            (1..=120).map(|later| Timestamp::from_seconds(minute.saturating_add(later).saturating_mul(60)));
        soon.into_iter().find(|at| {
            let shown = calendar.shown(*at);
            has(self.minutes, shown.minute) && has(self.months, shown.month) && self.has_day(shown)
        })
    }

    /// Returns the first minute that is not before another.
    fn first_from(&self, from: WallMinute) -> Option<WallMinute> {
        let mut day = from;
        for _ in 0..MOST_DAYS {
            if has(self.months, day.month)
                && self.has_day(day)
                && let Some((hour, minute)) = self.first_time(day.hour, day.minute)
            {
                return Some(WallMinute { hour, minute, ..day });
            }
            day = next_day(day);
        }
        None
    }

    fn has_day(&self, day: WallMinute) -> bool {
        let of_month = has(self.days, day.day);
        let of_week = has(self.weekdays, weekday(day));
        if self.either_day { of_month || of_week } else { of_month && of_week }
    }

    fn first_time(&self, hour: u8, minute: u8) -> Option<(u8, u8)> {
        if has(self.hours, hour)
            && let Some(minute) = first_bit(self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((first_bit(self.hours, hour + 1)?, first_bit(self.minutes, 0)?))
    }
}

impl Field {
    fn read(&self, written: &str) -> Result<u64, BadSchedule> {
        let mut bits = 0;
        for part in written.split(',') {
            bits |= self.part(part).ok_or(BadSchedule::Field(self.name))?;
        }
        Ok(bits)
    }

    /// Reads `*`, `5`, `1-5`, each of the ranges with `/2` behind.
    fn part(&self, part: &str) -> Option<u64> {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            None if step == 1 => (self.number(range)?, self.number(range)?),
            None => return None,
        };
        if first > last {
            return None;
        }
        Some((first..=last).step_by(step).fold(0, |bits, number| bits | 1 << number))
    }

    fn written(&self, bits: u64, last: u32) -> String {
        let numbers: Vec<u32> = (self.first..=last).filter(|number| bits & 1 << number != 0).collect();
        if numbers.len() == (self.first..=last).count() {
            return "*".to_owned();
        }
        numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
    }

    fn number(&self, written: &str) -> Option<u32> {
        let of_name = self.names.iter().position(|name| name.eq_ignore_ascii_case(written));
        let number = match of_name {
            Some(at) => self.first.checked_add(u32::try_from(at).ok()?)?,
            None if written.bytes().all(|digit| digit.is_ascii_digit()) => written.parse().ok()?,
            None => return None,
        };
        (self.first..=self.last).contains(&number).then_some(number)
    }
}

fn has(bits: u64, number: u8) -> bool {
    bits & (1 << number) != 0
}

fn first_bit(bits: u64, from: u8) -> Option<u8> {
    let rest = bits & u64::MAX.checked_shl(from.into())?;
    u8::try_from(rest.trailing_zeros()).ok().filter(|_| rest != 0)
}

fn following(minute: WallMinute) -> WallMinute {
    match (minute.hour, minute.minute) {
        (23, 59) => next_day(minute),
        (hour, 59) => WallMinute { hour: hour + 1, minute: 0, ..minute },
        (_, past) => WallMinute { minute: past + 1, ..minute },
    }
}

/// Returns the first minute of the day after.
fn next_day(day: WallMinute) -> WallMinute {
    let begin = WallMinute { hour: 0, minute: 0, ..day };
    if day.day < length_of_month(day.year, day.month) {
        WallMinute { day: day.day + 1, ..begin }
    } else if day.month < 12 {
        WallMinute { month: day.month + 1, day: 1, ..begin }
    } else {
        WallMinute { year: day.year.saturating_add(1), month: 1, day: 1, ..begin }
    }
}

fn length_of_month(year: i32, month: u8) -> u8 {
    let is_leap = year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the day of the week, Sunday is zero (Zeller's rule).
fn weekday(day: WallMinute) -> u8 {
    let (year, month) = match day.month {
        1 | 2 => (i64::from(day.year) - 1, i64::from(day.month) + 12),
        month => (i64::from(day.year), i64::from(month)),
    };
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let from_saturday = i64::from(day.day)
        + 13 * (month + 1) / 5
        + of_century
        + of_century / 4
        + century.div_euclid(4)
        + 5 * century;
    u8::try_from((from_saturday + 6).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Greenwich;

    /// Says when a schedule is due next after the beginning of 1970 (a Thursday) and these minutes: `MM-DD hh:mm`.
    fn next(written: &str, minutes: i64) -> String {
        let at = Timestamp::from_seconds(minutes * 60);
        let schedule = Schedule::parse(written).unwrap();
        let WallMinute { month, day, hour, minute, .. } =
            Greenwich.shown(schedule.next_after(at, &Greenwich).unwrap());
        format!("{month:02}-{day:02} {hour:02}:{minute:02}")
    }

    #[test]
    fn fields_say_when_it_is_due() {
        for (written, minutes, told) in [
            ("* * * * *", 0, "01-01 00:01"),
            ("*/5 * * * *", 0, "01-01 00:05"),
            ("*/5 * * * *", 4, "01-01 00:05"),
            ("*/5 * * * *", 5, "01-01 00:10"),
            ("0 * * * *", 59, "01-01 01:00"),
            ("30 2 * * *", 150, "01-02 02:30"),
            ("15,45 3-5 * * *", 285, "01-01 05:15"),
            ("0 0 1 * *", 1, "02-01 00:00"),
            ("0 0 31 * *", 1440 * 31, "03-31 00:00"),
            ("0 12 * * mon-fri", 1440 * 2, "01-05 12:00"),
            ("0 12 * * 7", 0, "01-04 12:00"),
            ("0 12 * Feb,MAR Sun", 0, "02-01 12:00"),
            ("0 0 13 * 5", 0, "01-02 00:00"),
            ("0 0 */10 * 5", 0, "01-02 00:00"),
            ("1-59/29 0 * * *", 1, "01-01 00:30"),
            ("@hourly", 1, "01-01 01:00"),
            ("@weekly", 0, "01-04 00:00"),
            ("@yearly", 0, "01-01 00:00"),
            ("@teatime", 0, "01-01 16:00"),
            ("0 0 29 2 *", 0, "02-29 00:00"),
        ] {
            assert_eq!(next(written, minutes), told, "{written} after {minutes} minutes");
        }
    }

    #[test]
    fn it_is_shown_number_by_number() {
        for (written, shown) in [
            ("* * * * *", "* * * * *"),
            ("*/20 1-3 1 JAN 7", "0,20,40 1,2,3 1 1 0"),
            ("@hourly", "0 * * * *"),
            ("0-59 * * * mon,sun", "* * * * 0,1"),
        ] {
            assert_eq!(Schedule::parse(written).unwrap().written(), shown, "{written}");
        }
    }

    #[test]
    fn other_fields_are_refused_by_name() {
        for (written, error) in [
            ("", BadSchedule::Fields),
            ("* * * *", BadSchedule::Fields),
            ("* * * * * *", BadSchedule::Fields),
            ("60 * * * *", BadSchedule::Field("minute")),
            ("* 24 * * *", BadSchedule::Field("hour")),
            ("* * 0 * *", BadSchedule::Field("day of month")),
            ("* * * 13 *", BadSchedule::Field("month")),
            ("* * * * 8", BadSchedule::Field("day of week")),
            ("* * * foo *", BadSchedule::Field("month")),
            ("5-1 * * * *", BadSchedule::Field("minute")),
            ("*/0 * * * *", BadSchedule::Field("minute")),
            ("1/2 * * * *", BadSchedule::Field("minute")),
            ("1, * * * *", BadSchedule::Field("minute")),
            ("+1 * * * *", BadSchedule::Field("minute")),
            ("99999999999999999999 * * * *", BadSchedule::Field("minute")),
            ("@reboot", BadSchedule::Word),
            ("0 0 30 2 *", BadSchedule::Never),
        ] {
            assert_eq!(Schedule::parse(written), Err(error), "{written}");
        }
    }

    /// Clocks are put back from three to two o'clock on the first day.
    struct PutBack;

    impl Calendar for PutBack {
        fn shown(&self, at: Timestamp) -> WallMinute {
            let back = if at >= Timestamp::from_seconds(3 * 3600) { 3600 } else { 0 };
            Greenwich.shown(Timestamp::from_seconds(at.seconds() - back))
        }

        fn begin_of(&self, minute: WallMinute) -> Timestamp {
            let at = Greenwich.begin_of(minute).seconds();
            Timestamp::from_seconds(if at >= 3 * 3600 { at + 3600 } else { at })
        }
    }

    #[test]
    fn an_hour_that_comes_twice_is_due_once() {
        let schedule = Schedule::parse("30 2 * * *").unwrap();
        let first = schedule.next_after(Timestamp::EPOCH, &PutBack).unwrap();
        assert_eq!(first.seconds(), 9_000);
        let second = schedule.next_after(first, &PutBack).unwrap();
        assert_eq!(second.seconds(), (24 + 2) * 3600 + 1800 + 3600, "on the day after");
        let again = Timestamp::from_seconds(3 * 3600 + 60);
        assert_eq!(schedule.next_after(again, &PutBack), Some(second), "asked while it is shown again");
    }
}
