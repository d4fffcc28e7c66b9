//! How long history is kept. What is older goes, some of it at a time, while nothing has to be recorded; never silently:
//! there is a line in the log, the numbers are told to whoever asks, and first it is all written into an archive.

mod archive;
mod load;
mod purge;

pub use load::{LoadError, Loaded, load_archive};
pub(super) use purge::{Due, Purge};

use domain::history::Span;
use domain::ports::Clock;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How long what is kept; `None` for ever.
#[derive(Clone)]
pub struct Retention {
    /// Attempts, with their steps, from their end on.
    pub jobs: Option<Duration>,
    /// Steps, from their end on.
    pub steps: Option<Duration>,
    /// Sums of usage by the hour.
    pub hours: Option<Duration>,
    /// Sums of usage by the day.
    pub days: Option<Duration>,
    /// Sums of usage by the month.
    pub months: Option<Duration>,
    /// The folder into which it is written before it goes; `None` if it shall be gone for good.
    pub archive: Option<PathBuf>,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
}

impl Retention {
    fn of(&self, span: Span) -> Option<Duration> {
        match span {
            Span::Hour => self.hours,
            Span::Day => self.days,
            Span::Month => self.months,
        }
    }
}
