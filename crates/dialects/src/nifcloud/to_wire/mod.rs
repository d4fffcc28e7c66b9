//! Domain → wire; cannot fail.

mod codes;
mod job;
mod statistics;

pub(super) use codes::{NEVER_STARTED, SERVICE_CODES};
pub(super) use job::{Line, is_unfinished, job};
pub(super) use statistics::statistics;

use domain::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// What stands where there is nothing to say.
const NOTHING: &str = "-";

/// Writes a time as the clocks of the place show it, without a zone.
fn local_time(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(at.micros()) {
        Ok(time) if at != Timestamp::NEVER => {
            time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
        }
        _ => NOTHING.to_owned(),
    }
}

/// Writes hours of four digits, minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:04}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
