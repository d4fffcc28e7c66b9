//! Where measured values are kept.

use super::StoreError;
use crate::Timestamp;
use crate::monitoring::{Component, Sample, Series, SeriesKey, SeriesWanted};

/// Keeps series: in full for a while, then in longer and longer steps. May be asked from any thread; calls may block.
pub trait SeriesStore: Send + Sync {
    /// Takes in values, in any order: a later one in the same time step of a series replaces the earlier one. They can be
    /// read at once; a crash forgets at most the last few seconds of them.
    ///
    /// # Errors
    /// If there are more series than the store may have, or the disk is full or broken. Says how many were taken in; the
    /// rest were not.
    fn write(&self, samples: &[Sample]) -> Result<(), SeriesRefused>;

    /// Returns stretches of series, in the order asked for; `None` where nothing is known of one in its stretch. Where
    /// only longer steps than asked for were kept, the series has these.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn read(&self, wanted: &[SeriesWanted]) -> Result<Vec<Option<Series>>, StoreError>;

    /// Returns the components that have values of this metric in a stretch of time: `about` names cluster, host, job and
    /// metric, its component does not matter. In ascending order.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn components(
        &self,
        about: &SeriesKey,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Component>, StoreError>;
}

/// Why values were not taken in.
#[derive(Debug, thiserror::Error)]
pub enum SeriesRefused {
    /// There are as many series as there may be; so many of these values were about further ones.
    #[error("there are as many series as there may be; {refused} values were not taken in")]
    TooManySeries {
        /// Values that were not taken in.
        refused: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
