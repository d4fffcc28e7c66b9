//! Which clusters are watched.

use crate::monitoring::MonitoredCluster;
use std::sync::Arc;

/// Tells which clusters are watched, and how they are built, as of now. May be asked from any thread and often.
pub trait Clusters: Send + Sync {
    /// Returns them all, in an order that stays.
    fn watched(&self) -> Arc<Vec<MonitoredCluster>>;
}
