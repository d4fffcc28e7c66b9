//! Points in time as values. Nothing here reads a clock: time enters through [`crate::ports::Clock`].

use std::time::Duration;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The beginning of 1970: what Slurm writes where it knows no time.
    pub const EPOCH: Timestamp = Timestamp(0);
    /// Later than everything else.
    pub const NEVER: Timestamp = Timestamp(i64::MAX);

    /// Makes a time from whole seconds since 1970; what does not fit becomes the nearest that does.
    pub const fn from_seconds(seconds: i64) -> Self {
        Timestamp(seconds.saturating_mul(1_000_000))
    }

    /// Makes a time from microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Returns whole seconds since 1970, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Returns microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the time `wait` later, or [`Timestamp::NEVER`] beyond the end of time.
    pub fn after(self, wait: Duration) -> Self {
        Timestamp(self.0.saturating_add(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns the time `wait` earlier.
    pub fn before(self, wait: Duration) -> Self {
        Timestamp(self.0.saturating_sub(i64::try_from(wait.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Returns how long ago `earlier` was, zero if it lies ahead.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// How long a job may run. Slurm counts time limits in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeLimit {
    /// At most so many minutes; zero is a limit that ends the job at once.
    Minutes(u32),
    /// As long as it likes.
    Unlimited,
}

impl TimeLimit {
    /// Returns the moment at which a job started at `start` has used up its limit.
    pub fn end_from(self, start: Timestamp) -> Timestamp {
        match self {
            TimeLimit::Minutes(minutes) => start.after(Duration::from_secs(u64::from(minutes) * 60)),
            TimeLimit::Unlimited => Timestamp::NEVER,
        }
    }

    /// Returns the minutes, if there is a limit.
    pub fn minutes(self) -> Option<u32> {
        match self {
            TimeLimit::Minutes(minutes) => Some(minutes),
            TimeLimit::Unlimited => None,
        }
    }
}
