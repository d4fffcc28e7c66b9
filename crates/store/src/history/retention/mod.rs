//! How long history is kept. What is older goes, some of it at a time, while nothing has to be recorded; never silently:
//! there is a line in the log, the numbers are told to whoever asks, and first it is all written into an archive.

mod archive;
mod bygone;
mod list;
mod load;
mod purge;
mod sweep;

pub use list::{Listed, list_archive};
pub use load::{LoadError, Loaded, load_archive};
pub use purge::dump_archive;
pub(super) use purge::{Due, Purge};
pub(super) use sweep::times as contents_gone;

use crate::failure::OpenError;
use bygone::Bygone;
use domain::history::Span;
use domain::ports::Clock;
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long what is kept; `None` for ever.
#[derive(Clone)]
pub struct Retention {
    /// Attempts, with their steps, from their end on.
    pub jobs: Option<Keep>,
    /// Steps, from their end on.
    pub steps: Option<Keep>,
    /// Sums of usage by the hour.
    pub hours: Option<Keep>,
    /// Sums of usage by the day.
    pub days: Option<Keep>,
    /// Sums of usage by the month.
    pub months: Option<Keep>,
    /// Nodes out of service, and resources that the cluster had: both from their end on.
    pub events: Option<Keep>,
    /// Reservations, from their end on.
    pub reservations: Option<Keep>,
    /// Changes of the books.
    pub transactions: Option<Keep>,
    /// The folder into which what is archived is written before it goes.
    pub archive: PathBuf,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
}

/// How long something is kept, and what becomes of it then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// For how long.
    pub age: Duration,
    /// Whether it goes into the archive; otherwise it is gone for good.
    pub archived: bool,
}

impl Retention {
    /// Makes one by which everything is kept for ever.
    pub fn for_ever(archive: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Retention {
            jobs: None,
            steps: None,
            hours: None,
            days: None,
            months: None,
            events: None,
            reservations: None,
            transactions: None,
            archive,
            clock,
        }
    }

    fn of(&self, span: Span) -> Option<Keep> {
        match span {
            Span::Hour => self.hours,
            Span::Day => self.days,
            Span::Month => self.months,
        }
    }

    fn beside_jobs(&self, what: Bygone) -> Option<Keep> {
        match what {
            Bygone::Events => self.events,
            Bygone::Reservations => self.reservations,
            Bygone::Transactions => self.transactions,
        }
    }

    fn kinds(&self) -> impl Iterator<Item = Keep> {
        let spans = Span::ALL.into_iter().map(|span| self.of(span));
        let beside = Bygone::ALL.into_iter().map(|what| self.beside_jobs(what));
        [self.jobs, self.steps].into_iter().chain(spans).chain(beside).flatten()
    }

    /// Tells whether nothing ever goes.
    pub fn is_for_ever(&self) -> bool {
        self.kinds().next().is_none()
    }

    /// Makes sure that what goes into the archive can be written there: whoever finds out when it goes has no choice left.
    ///
    /// # Errors
    /// If the folder cannot be made, or no file in it.
    pub(crate) fn probe(&self) -> Result<(), OpenError> {
        if !self.kinds().any(|keep| keep.archived) {
            return Ok(());
        }
        let unfit = |source| OpenError::Archive { path: self.archive.clone(), source };
        folder(&self.archive).map_err(unfit)?;
        let probe = self.archive.join(format!(".probe-{}", std::process::id()));
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&probe).map_err(unfit)?;
        std::fs::remove_file(&probe).map_err(unfit)
    }
}

/// Makes the folder of an archive private if it has to be made.
fn folder(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
