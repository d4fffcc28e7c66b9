//! Times as texts: limits (`1-12:30:00`, `90`, `INFINITE`) and points in time (`now+1hour`, `tomorrow`, `2027-01-01T08:00`).
//! Nothing here reads a clock: the present comes in as a value, with its time zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use thiserror::Error;

use crate::no_val::NoVal;

/// A text that is no time.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a time")]
pub struct NoTime;

/// Returns the seconds of a time limit: minutes, `M:S`, `H:M:S`, `D-H`, `D-H:M`, `D-H:M:S`, or no limit at all.
///
/// # Errors
/// If the text has none of these forms.
pub fn limit_seconds(text: &str) -> Result<NoVal<u64>, NoTime> {
    let text = text.trim();
    if ["infinite", "unlimited", "-1"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Ok(NoVal::Infinite);
    }
    let (days, clock) = match text.split_once('-') {
        Some((days, clock)) => (Some(number(days)?), clock),
        None => (None, text),
    };
    let parts: Vec<u64> = clock.split(':').map(number).collect::<Result<_, _>>()?;
    let (hours, minutes, seconds) = match (days, parts.as_slice()) {
        (None, [minutes]) => (0, *minutes, 0),
        (None, [minutes, seconds]) => (0, *minutes, *seconds),
        (_, [hours, minutes, seconds]) => (*hours, *minutes, *seconds),
        (Some(_), [hours]) => (*hours, 0, 0),
        (Some(_), [hours, minutes]) => (*hours, *minutes, 0),
        _ => return Err(NoTime),
    };
    let total = [(days.unwrap_or(0), 86_400), (hours, 3600), (minutes, 60), (seconds, 1)]
        .into_iter()
        .try_fold(0_u64, |total, (count, unit)| total.checked_add(count.checked_mul(unit)?));
    total.map(NoVal::Set).ok_or(NoTime)
}

/// Returns the minutes of a time limit; begun minutes count as whole ones.
///
/// # Errors
/// If the text is no time limit or too long for the interface.
pub fn limit_minutes(text: &str) -> Result<NoVal<u32>, NoTime> {
    match limit_seconds(text)? {
        NoVal::Set(seconds) => u32::try_from(seconds.div_ceil(60)).map(NoVal::Set).map_err(|_| NoTime),
        NoVal::Infinite => Ok(NoVal::Infinite),
        NoVal::Unset => Ok(NoVal::Unset),
    }
}

/// Writes seconds as `[D-]HH:MM:SS`.
pub fn show_seconds(seconds: u64) -> String {
    let (days, hours, minutes, rest) =
        (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if days > 0 {
        format!("{days}-{hours:02}:{minutes:02}:{rest:02}")
    } else {
        format!("{hours:02}:{minutes:02}:{rest:02}")
    }
}

/// Returns the point in time that a text means at `now`.
///
/// Epoch seconds, `uts1700000000`, `now`, `today`, `tomorrow`, `midnight`, `noon`, `elevenses`, `fika`, `teatime`, each with
/// `+`/`-` a count of seconds, minutes, hours, days or weeks; `HH:MM[:SS][AM|PM]`; `MMDDYY`, `MM/DD[/YY]`, `DD.MM[.YY]`,
/// `YYYY-MM-DD`, alone, or with a time behind `T`, `-` or a blank. A time of day that is over is meant for the next day.
///
/// # Errors
/// If the text has none of these forms or names a day that does not exist.
pub fn point_in_time(text: &str, now: &Zoned) -> Result<Timestamp, NoTime> {
    let text = text.trim();
    if let Some(seconds) = text.strip_prefix("uts") {
        return epoch(seconds);
    }
    // Six digits are a date, other counts of digits are seconds of the epoch.
    if text.len() != 6 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return epoch(text);
    }
    if let Some((base, sign, count)) = split_offset(text) {
        let base = if base.is_empty() { now.timestamp() } else { named(base, now).ok_or(NoTime)?? };
        return shifted(base, sign, count);
    }
    if let Some(time) = named(text, now) {
        return time;
    }
    if let Some(time) = clock(text) {
        return next(time, now);
    }
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, clock(time).ok_or(NoTime)?),
        None => split_date_by_dash(text)?,
    };
    at(DateTime::from_parts(day(date, now)?, time), now)
}

fn epoch(digits: &str) -> Result<Timestamp, NoTime> {
    let seconds: i64 = digits.parse().map_err(|_| NoTime)?;
    Timestamp::from_second(seconds).map_err(|_| NoTime)
}

/// Divides `now+1hour` or `tomorrow-2days` at its sign; only words stand before a sign.
fn split_offset(text: &str) -> Option<(&str, char, &str)> {
    let index = text.find(['+', '-'])?;
    let (base, rest) = text.split_at_checked(index)?;
    if !base.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b' ') {
        return None;
    }
    let sign = rest.chars().next()?;
    Some((base.trim(), sign, rest.get(1..)?.trim()))
}

fn shifted(base: Timestamp, sign: char, count: &str) -> Result<Timestamp, NoTime> {
    let end = count.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(count.len());
    let (digits, unit) = count.split_at_checked(end).ok_or(NoTime)?;
    let number: i64 = digits.parse().map_err(|_| NoTime)?;
    let unit = unit.trim().to_ascii_lowercase();
    let factor = match unit.as_str() {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return Err(NoTime),
    };
    let seconds = number.checked_mul(factor).ok_or(NoTime)?;
    let distance = SignedDuration::from_secs(if sign == '-' { -seconds } else { seconds });
    base.checked_add(distance).map_err(|_| NoTime)
}

fn named(word: &str, now: &Zoned) -> Option<Result<Timestamp, NoTime>> {
    let word = word.to_ascii_lowercase();
    Some(match word.as_str() {
        "now" => Ok(now.timestamp()),
        "today" => at(now.date().to_datetime(Time::midnight()), now),
        "tomorrow" => now
            .date()
            .tomorrow()
            .map_err(|_| NoTime)
            .and_then(|tomorrow| at(tomorrow.to_datetime(Time::midnight()), now)),
        "midnight" => next(Time::midnight(), now),
        "elevenses" => next(Time::constant(11, 0, 0, 0), now),
        "noon" => next(Time::constant(12, 0, 0, 0), now),
        "fika" => next(Time::constant(15, 0, 0, 0), now),
        "teatime" => next(Time::constant(16, 0, 0, 0), now),
        _ => return None,
    })
}

/// The next moment at which the clock shows `time`.
fn next(time: Time, now: &Zoned) -> Result<Timestamp, NoTime> {
    let today = at(now.date().to_datetime(time), now)?;
    if today > now.timestamp() {
        return Ok(today);
    }
    let tomorrow = now.date().checked_add(1.day()).map_err(|_| NoTime)?;
    at(tomorrow.to_datetime(time), now)
}

fn at(moment: DateTime, now: &Zoned) -> Result<Timestamp, NoTime> {
    moment.to_zoned(now.time_zone().clone()).map(|zoned| zoned.timestamp()).map_err(|_| NoTime)
}

/// `HH:MM[:SS] [AM|PM]`.
fn clock(text: &str) -> Option<Time> {
    let lower = text.trim().to_ascii_lowercase();
    let (digits, half) = match lower.strip_suffix("am").map(|rest| (rest, 'a')) {
        Some(morning) => morning,
        None => lower.strip_suffix("pm").map_or((lower.as_str(), ' '), |rest| (rest, 'p')),
    };
    let parts: Vec<i8> = digits.trim().split(':').map(small).collect::<Option<_>>()?;
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let hour = match (half, hour) {
        (' ', hour) => hour,
        ('a', 12) => 0,
        ('a', 1..=11) | ('p', 12) => hour,
        ('p', 1..=11) => hour + 12,
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok()
}

/// A date alone means its first moment; `MM/DD/YY-HH:MM` has its time behind a dash.
fn split_date_by_dash(text: &str) -> Result<(&str, Time), NoTime> {
    match text.rsplit_once('-') {
        Some((date, time)) if time.contains(':') => Ok((date, clock(time).ok_or(NoTime)?)),
        _ => Ok((text, Time::midnight())),
    }
}

fn day(text: &str, now: &Zoned) -> Result<Date, NoTime> {
    let date = |year: i16, month: i8, day: i8| Date::new(year, month, day).map_err(|_| NoTime);
    if text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let part = |from: usize| text.get(from..from + 2).and_then(small).ok_or(NoTime);
        return date(century(part(4)?), part(0)?, part(2)?);
    }
    if let Some((year, rest)) = text.split_once('-') {
        let (month, day) = rest.split_once('-').ok_or(NoTime)?;
        let year = year.parse().map_err(|_| NoTime)?;
        return date(year, small(month).ok_or(NoTime)?, small(day).ok_or(NoTime)?);
    }
    let (separator, day_first) = if text.contains('.') { ('.', true) } else { ('/', false) };
    let mut parts = text.split(separator);
    let mut part = || parts.next().and_then(small).ok_or(NoTime);
    let (first, second) = (part()?, part()?);
    let (month, day) = if day_first { (second, first) } else { (first, second) };
    let year = match text.split(separator).nth(2) {
        Some(year) if year.len() == 2 => century(small(year).ok_or(NoTime)?),
        Some(year) => year.parse().map_err(|_| NoTime)?,
        None => {
            // Without a year the next such day is meant.
            let this = date(now.year(), month, day)?;
            return if this < now.date() { date(now.year() + 1, month, day) } else { Ok(this) };
        }
    };
    if text.split(separator).count() > 3 { Err(NoTime) } else { date(year, month, day) }
}

fn century(year: i8) -> i16 {
    2000 + i16::from(year)
}

fn small(text: &str) -> Option<i8> {
    if text.is_empty() || text.len() > 2 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn number(text: &str) -> Result<u64, NoTime> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NoTime);
    }
    text.parse().map_err(|_| NoTime)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn limits_have_many_forms() {
        for (text, seconds) in [
            ("5", 300),
            ("5:30", 330),
            ("1:00:00", 3600),
            ("2-12", 216_000),
            ("2-12:30", 217_800),
            ("1-02:03:04", 93_784),
            ("0", 0),
        ] {
            assert_eq!(limit_seconds(text), Ok(NoVal::Set(seconds)), "{text}");
        }
        for text in ["INFINITE", "unlimited", "-1"] {
            assert_eq!(limit_seconds(text), Ok(NoVal::Infinite), "{text}");
        }
        for text in
            ["", "x", "1:2:3:4", "1-", "-5", "1h", "1-2-3", "99999999999999999999", "999999999999999999-0"]
        {
            assert_eq!(limit_seconds(text), Err(NoTime), "{text}");
        }
        assert_eq!(limit_minutes("0:30"), Ok(NoVal::Set(1)));
        assert_eq!(show_seconds(93_784), "1-02:03:04");
        assert_eq!(show_seconds(59), "00:00:59");
    }

    fn meant(text: &str) -> String {
        let now: Zoned = "2026-11-21T09:30:00+01:00[Europe/Berlin]".parse().unwrap();
        match point_in_time(text, &now) {
            Ok(time) => time.to_zoned(now.time_zone().clone()).datetime().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn points_in_time_have_many_forms() {
        for (text, moment) in [
            ("now", "2026-11-21T09:30:00"),
            ("now+1hour", "2026-11-21T10:30:00"),
            ("now+60", "2026-11-21T09:31:00"),
            ("now-2days", "2026-11-19T09:30:00"),
            ("now + 1 week", "2026-11-28T09:30:00"),
            ("+90minutes", "2026-11-21T11:00:00"),
            ("today", "2026-11-21T00:00:00"),
            ("tomorrow", "2026-11-22T00:00:00"),
            ("midnight", "2026-11-22T00:00:00"),
            ("noon", "2026-11-21T12:00:00"),
            ("teatime", "2026-11-21T16:00:00"),
            ("08:15", "2026-11-22T08:15:00"),
            ("18:15:20", "2026-11-21T18:15:20"),
            ("6:15pm", "2026-11-21T18:15:00"),
            ("12:00 AM", "2026-11-22T00:00:00"),
            ("122426", "2026-12-24T00:00:00"),
            ("12/24", "2026-12-24T00:00:00"),
            ("01/05", "2027-01-05T00:00:00"),
            ("12/24/27", "2027-12-24T00:00:00"),
            ("24.12.27", "2027-12-24T00:00:00"),
            ("12/24/27-13:30", "2027-12-24T13:30:00"),
            ("2027-01-01", "2027-01-01T00:00:00"),
            ("2027-01-01T08:05", "2027-01-01T08:05:00"),
            ("2027-07-01T08:05:09", "2027-07-01T08:05:09"),
            ("1795339378", "2026-11-22T10:22:58"),
            ("uts1700000000", "2023-11-14T23:13:20"),
        ] {
            assert_eq!(meant(text), moment, "{text}");
        }
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "x",
            "abc",
            "now+",
            "now+1moon",
            "13/45",
            "2027-02-30",
            "25:00",
            "2027-01-01T",
            "1/2/3/4",
            "uts",
            "now-99999999999999999w",
        ] {
            assert_eq!(meant(text), "not a time", "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,20}", shaped in "[0-9:/T.+-]{0,20}") {
            _ = meant(&text);
            _ = meant(&shaped);
            _ = limit_minutes(&shaped);
        }
    }
}
