//! Where jobs that are over are kept with their series for good.

use super::StoreError;
use crate::monitoring::{JobMetric, MonitoredCluster, Record};

/// Keeps jobs that are over. May be asked from any thread; calls may block.
pub trait Archive: Send + Sync {
    /// Keeps a job with its series, in the place of what is kept of it, and what describes its cluster.
    ///
    /// # Errors
    /// If the disk is full or broken, or if the names of its cluster or its numbers have no place there.
    fn keep(
        &self,
        record: &Record,
        cluster: Option<&MonitoredCluster>,
        series: &[JobMetric],
    ) -> Result<(), StoreError>;

    /// Keeps a job with its series as another archive has them, byte by byte.
    ///
    /// # Errors
    /// As [`Archive::keep`], or if they are no series.
    fn take_in(
        &self,
        record: &Record,
        cluster: Option<&MonitoredCluster>,
        series: &[u8],
    ) -> Result<(), StoreError>;

    /// Describes a job anew; its series stay. Tells whether it is kept there at all.
    ///
    /// # Errors
    /// As [`Archive::keep`].
    fn describe(&self, record: &Record) -> Result<bool, StoreError>;

    /// Returns the series of a job; `None` if it is not kept there. Of metrics only name, unit, scope and time step are
    /// known.
    ///
    /// # Errors
    /// If what is kept cannot be read.
    fn series(&self, record: &Record) -> Result<Option<Vec<JobMetric>>, StoreError>;
}
