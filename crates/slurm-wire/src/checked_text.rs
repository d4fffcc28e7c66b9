//! Texts that are checked while they are read: node counts, names of users and signals, frequencies, step names.
//! What a name stands for (a user, a QOS) is not known here; whoever resolves it refuses it.

use compact_str::{CompactString, format_compact};
use serde::{Serialize, Serializer};

use crate::error_number as number;
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::{Text, documented};
use crate::schema::{Components, Schema};
use crate::value::{Value, int_from_text};
use crate::wire::Wire;
use crate::write_json;

macro_rules! transparent_text {
    ($($(#[$meta:meta])* $name:ident;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub Text);

        impl std::ops::Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(text.into())
            }
        }

        impl From<Text> for $name {
            fn from(text: Text) -> Self {
                $name(text)
            }
        }

        impl Wire for $name {
            type Input = Self;

            fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
                Ok(Self::read(value, at, report)?.map($name))
            }

            fn schema(_: &mut Components) -> Schema {
                Schema::String
            }

            fn write(&self, out: &mut Out) {
                write_json::text(&self.0, out);
            }
        }
    )*};
}

transparent_text! {
    /// A user by name or number.
    UserName;
    /// A group by name or number.
    GroupName;
    /// A signal by name, with or without `SIG`, or by number; unknown ones are left out with an error of number 0.
    SignalName;
    /// Frequencies of CPUs: `low`, `1000-2000:performance`, a governor.
    CpuFrequency;
    /// How tasks are distributed: `block:cyclic`, `plane=4`.
    Distribution;
    /// A step by number or by name (`batch`, `extern`, `interactive`).
    StepName;
    /// The unique name of a job across restarts.
    Sluid;
    /// A text that the original takes and never looks at.
    Disregarded;
}

type ReadText = Result<Option<Text>, Stop>;

fn note_other_type(value: &Value<'_>, at: &Place<'_>, report: &mut Report) {
    if !matches!(value, Value::String(_)) {
        report.expected(at, documented::STRING, value);
    }
}

/// A user or group: a name or a number that fits.
fn principal(value: &Value<'_>, what: &str, refused: i32, at: &Place<'_>, report: &mut Report) -> ReadText {
    let number = match value {
        Value::Null => return Ok(None),
        Value::String(text) if text.is_empty() => return Ok(None),
        Value::String(text) => match int_from_text(text) {
            Some(number) => number,
            None => return Ok(Some(Text::new(text))),
        },
        Value::Int(_) | Value::Float(_) => {
            note_other_type(value, at, report);
            value.to_int().unwrap_or_default()
        }
        other => {
            note_other_type(other, at, report);
            return report
                .refuse(at, number::NOT_CONVERTIBLE, || format_compact!("Invalid {what} field: {other}"));
        }
    };
    if u32::try_from(number).is_ok() {
        Ok(Some(format_compact!("{number}")))
    } else {
        report.refuse(at, refused, || format_compact!("Invalid {what} ID (overflow): {number}"))
    }
}

impl UserName {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        principal(value, "user", number::USER_ID_INVALID, at, report)
    }
}

impl GroupName {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        principal(value, "group", number::GROUP_ID_INVALID, at, report)
    }
}

impl SignalName {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        note_other_type(value, at, report);
        let Some(text) = value.to_text() else {
            return report
                .refuse(at, number::NOT_CONVERTIBLE, || format_compact!("expected string but got {value}"));
        };
        if text.is_empty() {
            return Ok(None);
        }
        if crate::signal::number(&text).is_some() {
            return Ok(Some(Text::new(text)));
        }
        // The request is carried out without a signal, and the error does not change the status.
        if !report.is_lenient() {
            report.error(number::NONE, "Unknown signal (null)", format_compact!("{at}"));
        }
        Ok(None)
    }
}

impl CpuFrequency {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        note_other_type(value, at, report);
        let Some(text) = value.to_text() else {
            return report
                .refuse(at, number::NOT_CONVERTIBLE, || format_compact!("string expected but got {value}"));
        };
        match is_frequency(&text) {
            true => Ok(Some(Text::new(text))),
            false => {
                report.refuse(at, number::UNSPECIFIED, || CompactString::const_new("Invalid cpu_frequency"))
            }
        }
    }
}

/// `P1[-P2[:P3]]`: two frequencies and a governor, each may stand alone.
fn is_frequency(text: &str) -> bool {
    const LEVELS: [&str; 4] = ["low", "medium", "highm1", "high"];
    const GOVERNORS: [&str; 6] =
        ["conservative", "ondemand", "performance", "powersave", "schedutil", "userspace"];
    let is_level = |part: &str| {
        !part.is_empty()
            && (part.bytes().all(|byte| byte.is_ascii_digit())
                || LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level)))
    };
    let is_governor = |part: &str| GOVERNORS.iter().any(|governor| part.eq_ignore_ascii_case(governor));
    let (levels, governor) = match text.split_once(':') {
        Some((levels, governor)) => (levels, Some(governor)),
        None => (text, None),
    };
    if governor.is_some_and(|governor| !is_governor(governor)) {
        return false;
    }
    match levels.split_once('-') {
        Some((low, high)) => is_level(low) && is_level(high),
        None => is_level(levels) || (governor.is_none() && is_governor(levels)),
    }
}

impl Distribution {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        if matches!(value, Value::Null) {
            return Ok(None);
        }
        note_other_type(value, at, report);
        let Some(text) = value.to_text() else {
            return report.refuse(at, number::NOT_CONVERTIBLE, || "Invalid distribution".into());
        };
        if is_distribution(&text) {
            Ok(Some(Text::new(text)))
        } else {
            report.refuse(at, number::DISTRIBUTION, || "Invalid distribution specification".into())
        }
    }
}

/// `{*|block|cyclic|arbitrary|plane=N}[:{*|block|cyclic|fcyclic}[:{…}]][,{Pack|NoPack}]`.
fn is_distribution(text: &str) -> bool {
    const NODES: [&str; 4] = ["*", "block", "cyclic", "arbitrary"];
    const BELOW: [&str; 4] = ["*", "block", "cyclic", "fcyclic"];
    let is_one_of = |part: &str, words: &[&str]| words.iter().any(|word| part.eq_ignore_ascii_case(word));
    let mut parts = text.split(',');
    let levels = parts.next().unwrap_or_default();
    if !parts.all(|part| is_one_of(part, &["pack", "nopack"])) {
        return false;
    }
    let lower = levels.to_ascii_lowercase();
    if let Some(size) = lower.strip_prefix("plane") {
        let size = size.strip_prefix('=');
        return size.is_none_or(|size| size.parse::<u16>().is_ok_and(|size| size > 0));
    }
    let mut levels = levels.split(':');
    levels.next().is_some_and(|nodes| is_one_of(nodes, &NODES))
        && levels.clone().count() <= 2
        && levels.all(|level| is_one_of(level, &BELOW))
}

impl StepName {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        const NAMES: [&str; 5] = ["TBD", "extern", "batch", "interactive", "pending"];
        let Some(text) = value.to_text() else {
            return report.stop();
        };
        if text.is_empty() {
            return Ok(None);
        }
        let is_known =
            int_from_text(&text).is_some() || NAMES.iter().any(|name| text.eq_ignore_ascii_case(name));
        if is_known || report.is_lenient() {
            return Ok(Some(Text::new(text)));
        }
        let place = format_compact!("{}", at.index(0));
        report.error(number::UNKNOWN_FLAG, format_compact!("Unknown flag \"{text}\""), place);
        Ok(None)
    }
}

impl Sluid {
    fn read(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> ReadText {
        let Some(text) = value.to_text() else {
            return report.stop();
        };
        // `s` and thirteen letters or digits; its own alphabet is not documented.
        let is_sluid = text
            .strip_prefix(['s', 'S'])
            .is_some_and(|rest| rest.len() == 13 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if text.is_empty() {
            Ok(None)
        } else if is_sluid || report.is_lenient() {
            Ok(Some(Text::new(text)))
        } else {
            report
                .refuse(at, number::SLUID, || format_compact!("Unable to convert string \"{text}\" to SLUID"))
        }
    }
}

impl Disregarded {
    fn read(value: &Value<'_>, _: &Place<'_>, _: &mut Report) -> ReadText {
        Ok(value.to_text().map(Text::new))
    }
}

/// How many nodes a job wants: `2`, `1-4`, `1,3-5`, `1-9:2`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeCounts {
    /// The least.
    pub minimum: u32,
    /// The most.
    pub maximum: u32,
    /// The admitted sizes and ranges of sizes, if they are more than one range.
    pub sizes: Vec<Text>,
}

/// More sizes than this nobody means.
const MOST_SIZES: usize = 1024;

impl NodeCounts {
    /// Reads a text.
    pub fn from_text(text: &str) -> Option<NodeCounts> {
        let mut counts = NodeCounts { minimum: u32::MAX, maximum: 0, sizes: Vec::new() };
        for part in text.split(',') {
            match part.split_once(':') {
                Some((range, step)) => counts.add_steps(range, step)?,
                None => counts.add_range(part)?,
            }
            if counts.sizes.len() > MOST_SIZES {
                return None;
            }
        }
        if counts.sizes.is_empty() {
            return None;
        }
        if counts.sizes.len() == 1 {
            counts.sizes.clear();
        }
        Some(counts)
    }

    fn add_range(&mut self, range: &str) -> Option<()> {
        let (low, high) = range.split_once('-').unwrap_or((range, range));
        self.include(count(low)?, count(high)?)?;
        self.sizes.push(range.into());
        Some(())
    }

    /// The upper end of a range with steps does not belong to it.
    fn add_steps(&mut self, range: &str, step: &str) -> Option<()> {
        let (low, high) = range.split_once('-')?;
        let (low, high, step) = (count(low)?, count(high)?, count(step).filter(|&step| step > 0)?);
        let sizes = (low..high).step_by(step as usize);
        if high < low || sizes.len() > MOST_SIZES {
            return None;
        }
        for size in sizes {
            self.include(size, size)?;
            self.sizes.push(format_compact!("{size}"));
        }
        Some(())
    }

    fn include(&mut self, low: u32, high: u32) -> Option<()> {
        self.minimum = self.minimum.min(low);
        self.maximum = self.maximum.max(high);
        (low <= high).then_some(())
    }
}

/// A number of nodes with `k` or `m` behind it, as the command line takes it.
fn count(text: &str) -> Option<u32> {
    let (digits, factor) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 1024),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 1024 * 1024),
        _ => (text, 1),
    };
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u32>().ok()?.checked_mul(factor)
}

impl std::fmt::Display for NodeCounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.sizes.as_slice() {
            [] if self.minimum == self.maximum => write!(f, "{}", self.minimum),
            [] => write!(f, "{}-{}", self.minimum, self.maximum),
            sizes => f.write_str(&sizes.join(",")),
        }
    }
}

impl Serialize for NodeCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Wire for NodeCounts {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        if !matches!(value, Value::Null) {
            note_other_type(value, at, report);
        }
        let text = match value {
            Value::Dict(_) => {
                return report.refuse(at, number::NOT_CONVERTIBLE, || {
                    "Expected string instead of dictionary for node counts".into()
                });
            }
            Value::List(counts) => match counts.as_slice() {
                [one] => one.to_text(),
                [low, high] => low
                    .to_text()
                    .zip(high.to_text())
                    .map(|(low, high)| std::borrow::Cow::Owned(format!("{low}-{high}"))),
                _ => {
                    return report.refuse(at, number::NOT_CONVERTIBLE, || {
                        "Node count in format of a list must have a cardinality of 2 or 1".into()
                    });
                }
            },
            scalar => scalar.to_text(),
        }
        .unwrap_or_default();
        match NodeCounts::from_text(&text) {
            Some(counts) => Ok(Some(counts)),
            None => {
                report.refuse(at, number::NOT_CONVERTIBLE, || format_compact!("Unknown format: \"{text}\""))
            }
        }
    }

    fn schema(_: &mut Components) -> Schema {
        Schema::String
    }

    fn write(&self, out: &mut Out) {
        write_json::text(&self.to_string(), out);
    }
}

/// A cron entry in a submission, where the original does not support one: it warns and forgets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Crontab(pub crate::job_desc::CronEntry);

impl Serialize for Crontab {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Wire for Crontab {
    type Input = Self;

    fn parse(_: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        if !report.is_lenient() {
            report.warn("crontab submissions are not supported", format_compact!("{at}"));
        }
        Ok(None)
    }

    fn schema(components: &mut Components) -> Schema {
        crate::job_desc::CronEntry::schema(components)
    }

    fn write(&self, out: &mut Out) {
        self.0.write(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_counts_have_many_forms() {
        for (text, expected) in [
            ("1", Some((1, 1, vec![]))),
            ("1-2", Some((1, 2, vec![]))),
            ("0", Some((0, 0, vec![]))),
            ("1,3-5", Some((1, 5, vec!["1", "3-5"]))),
            ("1-9:2", Some((1, 7, vec!["1", "3", "5", "7"]))),
            ("1k", Some((1024, 1024, vec![]))),
            ("0-4294967295:1", None),
            ("2-1", None),
            ("1-", None),
            ("x", None),
            ("", None),
            ("1.500000", None),
        ] {
            let counts = NodeCounts::from_text(text);
            let expected = expected.map(|(minimum, maximum, sizes)| NodeCounts {
                minimum,
                maximum,
                sizes: sizes.into_iter().map(Text::new).collect(),
            });
            assert_eq!(counts, expected, "{text}");
        }
    }

    #[test]
    fn distributions_and_frequencies_are_checked() {
        for good in ["block", "block:cyclic", "*:fcyclic:block,Pack", "plane=4", "plane", "arbitrary"] {
            assert!(is_distribution(good), "{good}");
        }
        for bad in ["", "bogus", "5", "block:", "plane=0", "block,x", "a:b:c:d"] {
            assert!(!is_distribution(bad), "{bad}");
        }
        for good in ["low", "1000-2000:performance", "high:ondemand", "performance", "2400000", "low-high"] {
            assert!(is_frequency(good), "{good}");
        }
        for bad in ["", "bogus", "low-", "1000:bogus", "performance:performance"] {
            assert!(!is_frequency(bad), "{bad}");
        }
    }
}
