//! Values over time, a time step apart.

use super::SeriesKey;
use crate::Timestamp;

/// Values of one component over time. A gap is a NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// What it is about.
    pub key: SeriesKey,
    /// Of which moment the first value is, seconds since 1970.
    pub start: i64,
    /// Seconds from one value to the next; at least one.
    pub timestep: u32,
    /// The values.
    pub values: Vec<f64>,
}

/// Which stretch of which series is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesWanted {
    /// Which.
    pub key: SeriesKey,
    /// From this moment on.
    pub from: Timestamp,
    /// Up to this moment, which is not part of it.
    pub until: Timestamp,
    /// Seconds from one value to the next: several samples in one step become their mean, the last where the metric is
    /// no mean. Zero takes the finest step that was kept.
    pub timestep: u32,
}
