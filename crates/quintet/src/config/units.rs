//! Values with units as the configuration writes them: durations, amounts of memory, time limits.

use domain::TimeLimit;
use serde::de::{Deserializer, Unexpected, Visitor};
use slurm_wire::NoVal;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

/// A wait, written as a number of seconds or as `30s`, `5m`, `1h30m`, `2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

/// How long something is kept: `12months`, `90days`, `720hours`; a month has 31 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

/// An amount of memory, written as a number of megabytes or as `500M`, `16G`, `2T`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Megabytes(pub(crate) u64);

/// A size, written as a number of bytes or as `500K`, `4M`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) usize);

/// A time limit, written as a number of minutes or as `90`, `01:30:00`, `7-00:00:00`, `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(pub(crate) TimeLimit);

/// A value that a number and a text can mean.
trait Measure: Sized {
    /// What a person may write.
    const EXPECTED: &'static str;

    /// Takes a plain number.
    fn from_number(number: u64) -> Option<Self>;

    /// Takes a text.
    fn from_text(text: &str) -> Option<Self>;
}

impl Measure for Wait {
    const EXPECTED: &'static str = "seconds, or a duration such as \"30s\", \"5m\" or \"1h30m\"";

    fn from_number(number: u64) -> Option<Self> {
        // Longer than this and a time so far ahead could not be written any more.
        (number <= 100 * 365 * 86_400).then(|| Wait(Duration::from_secs(number)))
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::from_number(seconds(text)?)
    }
}

impl Age {
    /// Makes an age of so many days.
    pub(crate) const fn days(days: u64) -> Self {
        Age(Duration::from_secs(days * 86_400))
    }
}

impl Measure for Age {
    const EXPECTED: &'static str = "an age with its unit, such as \"12months\", \"90days\" or \"720hours\"";

    fn from_number(_: u64) -> Option<Self> {
        // slurmdbd takes a plain number for months; elsewhere in this file it would be seconds.
        None
    }

    fn from_text(text: &str) -> Option<Self> {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let hours: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "h" | "hour" | "hours" => 1,
            "d" | "day" | "days" => 24,
            "w" | "week" | "weeks" => 7 * 24,
            "m" | "mon" | "month" | "months" => 31 * 24,
            "y" | "year" | "years" => 366 * 24,
            _ => return None,
        };
        let hours = digits.parse::<u64>().ok()?.checked_mul(hours)?;
        // What has just ended is never too old.
        (1..=100 * 366 * 24).contains(&hours).then(|| Age(Duration::from_secs(hours * 3_600)))
    }
}

impl Measure for Megabytes {
    const EXPECTED: &'static str = "megabytes, or a size such as \"500M\" or \"16G\"";

    fn from_number(number: u64) -> Option<Self> {
        (number <= 1 << 40).then_some(Megabytes(number))
    }

    fn from_text(text: &str) -> Option<Self> {
        Self::from_number(slurm_wire::size::megabytes(text)?)
    }
}

impl Measure for Bytes {
    const EXPECTED: &'static str = "bytes, or a size such as \"500K\" or \"4M\"";

    fn from_number(number: u64) -> Option<Self> {
        usize::try_from(number).ok().filter(|bytes| *bytes <= 1 << 30).map(Bytes)
    }

    fn from_text(text: &str) -> Option<Self> {
        let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        let shift = match unit {
            "" | "B" => 0,
            "K" | "KB" => 10,
            "M" | "MB" => 20,
            "G" | "GB" => 30,
            _ => return None,
        };
        Self::from_number(digits.parse::<u64>().ok()?.checked_mul(1 << shift)?)
    }
}

impl Measure for Limit {
    const EXPECTED: &'static str = "minutes, or a time such as \"01:30:00\", \"7-00:00:00\" or \"unlimited\"";

    fn from_number(number: u64) -> Option<Self> {
        // Slurm counts minutes in 32 bits and keeps the last values for itself.
        u32::try_from(number)
            .ok()
            .filter(|minutes| *minutes <= 525_600 * 1000)
            .map(|minutes| Limit(TimeLimit::Minutes(minutes)))
    }

    fn from_text(text: &str) -> Option<Self> {
        time_limit(text).map(Limit)
    }
}

/// Returns the seconds of a text such as `90`, `5m`, `1h30m`.
pub(crate) fn seconds(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        return Some(number);
    }
    let mut total: u64 = 0;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (digits, after) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
        let (unit, after) = after.split_at(after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len()));
        let factor = match unit.trim() {
            "s" | "sec" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 7 * 86_400,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = after;
    }
    Some(total)
}

/// Returns the time limit that a text such as `90`, `7-00:00:00` or `unlimited` means.
pub(crate) fn time_limit(text: &str) -> Option<TimeLimit> {
    match slurm_wire::time_text::limit_minutes(text).ok()? {
        NoVal::Set(minutes) => Limit::from_number(minutes.into()).map(|limit| limit.0),
        NoVal::Infinite => Some(TimeLimit::Unlimited),
        NoVal::Unset => None,
    }
}

struct MeasureVisitor<T>(PhantomData<T>);

impl<T: Measure> Visitor<'_> for MeasureVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<T, E> {
        let measure = u64::try_from(number).ok().and_then(T::from_number);
        measure.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<T, E> {
        T::from_number(number).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        T::from_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

macro_rules! measures {
    ($($name:ident)*) => {
        $(impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(MeasureVisitor(PhantomData))
            }
        })*
    };
}

/// How jobs of a partition share CPUs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OverSubscribe {
    /// So many jobs on a CPU, if they say that they share it; one for none.
    Jobs(u16),
    /// So many jobs on a CPU, whatever they say.
    Force(u16),
    /// Jobs get whole nodes.
    Exclusive,
}

/// How many jobs share a CPU where a partition lets them and does not say.
const USUAL_SHARERS: u16 = 4;

impl Measure for OverSubscribe {
    const EXPECTED: &'static str = "a number of jobs, \"no\", \"yes:2\", \"force:2\" or \"exclusive\"";

    fn from_number(number: u64) -> Option<Self> {
        u16::try_from(number).ok().map(|jobs| OverSubscribe::Jobs(jobs.max(1)))
    }

    fn from_text(text: &str) -> Option<Self> {
        let (word, jobs) = match text.split_once(':') {
            Some((word, jobs)) => (word, Some(jobs.parse().ok().filter(|jobs| *jobs > 0)?)),
            None => (text, None),
        };
        match (word.to_ascii_lowercase().as_str(), jobs) {
            ("no", None) => Some(OverSubscribe::Jobs(1)),
            ("exclusive", None) => Some(OverSubscribe::Exclusive),
            ("yes", jobs) => Some(OverSubscribe::Jobs(jobs.unwrap_or(USUAL_SHARERS))),
            ("force", jobs) => Some(OverSubscribe::Force(jobs.unwrap_or(USUAL_SHARERS))),
            _ => None,
        }
    }
}

measures! { Wait Age Megabytes Bytes Limit OverSubscribe }

/// A word out of a fixed list, compared without regard to case.
pub(crate) fn word<'de, D, T: Copy>(deserializer: D, words: &[(&str, T)]) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
{
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
    word_of(&text, words)
}

/// Finds a word in a fixed list, without regard to case.
pub(crate) fn word_of<T: Copy, E: serde::de::Error>(text: &str, words: &[(&str, T)]) -> Result<T, E> {
    let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        E::custom(format!("unknown value \"{text}\"; known are {}", known.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, meant) in [
            ("90", Some(90)),
            ("0s", Some(0)),
            ("30s", Some(30)),
            ("5m", Some(300)),
            ("1h30m", Some(5400)),
            ("2d", Some(172_800)),
            ("1w", Some(604_800)),
            ("", None),
            ("m", None),
            ("5x", None),
            ("-5", None),
            ("99999999999999999999s", None),
            ("9999999999999999999w", None),
        ] {
            assert_eq!(seconds(text), meant, "{text}");
        }
    }

    #[test]
    fn ages() {
        let hours = |text: &str| Age::from_text(text).map(|age| age.0.as_secs() / 3_600);
        for (text, meant) in [
            ("12months", Some(12 * 744)),
            ("90 days", Some(2_160)),
            ("1h", Some(1)),
            ("2Years", Some(2 * 366 * 24)),
            ("12", None),
            ("0days", None),
            ("days", None),
            ("5fortnights", None),
            ("99999999999999999999hours", None),
            ("9999999999999999999weeks", None),
        ] {
            assert_eq!(hours(text), meant, "{text}");
        }
        assert_eq!(Age::from_number(12), None);
    }

    #[test]
    fn limits_are_minutes_rounded_up() {
        assert_eq!(Limit::from_text("1:30"), Some(Limit(TimeLimit::Minutes(2))));
        assert_eq!(Limit::from_text("UNLIMITED"), Some(Limit(TimeLimit::Unlimited)));
        assert_eq!(Limit::from_number(u64::MAX), None);
    }

    #[test]
    fn sizes() {
        assert_eq!(Bytes::from_text("4M"), Some(Bytes(4 << 20)));
        assert_eq!(Bytes::from_text("512"), Some(Bytes(512)));
        assert_eq!(Bytes::from_text("5G"), None);
        assert_eq!(Megabytes::from_text("16G"), Some(Megabytes(16_384)));
        assert_eq!(Megabytes::from_text("many"), None);
    }
}
