//! How a run is named and how its moments are written down. What a run is for, nobody here knows.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// Names one execution of one program; opaque to this crate.
///
/// Two launches with the same name are the same launch: the second is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId {
    /// Whatever the caller counts by.
    pub key: u64,
    /// Which try at it this is.
    pub attempt: u32,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.key, self.attempt)
    }
}

impl FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, attempt) = text.split_once('.').unwrap_or((text, ""));
        Ok(Self { key: key.parse()?, attempt: attempt.parse()? })
    }
}

/// Microseconds since the Unix epoch, as the launcher saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnixMicros(pub i64);

impl UnixMicros {
    /// Reads the wall clock.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_being_written() {
        let run = RunId { key: u64::MAX, attempt: 3 };
        assert_eq!(run.to_string().parse::<RunId>().unwrap(), run);
        assert!("17".parse::<RunId>().is_err());
        assert!("a.0".parse::<RunId>().is_err());
    }
}
