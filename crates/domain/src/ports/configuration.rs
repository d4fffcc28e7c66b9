//! The port to what is configured: it can be read anew while the service runs.

use crate::Text;
use crate::cluster::Cluster;

/// Knows where the configuration is.
pub trait Configuration: Send + Sync {
    /// Reads the configuration as it is written now. May be called at any time and as often as is wanted.
    ///
    /// # Errors
    /// What is wrong with it, in words; or what in it has changed that is looked at when the service starts only.
    fn read(&self) -> Result<Cluster, Misconfigured>;
}

/// Why a configuration cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misconfigured {
    /// It is wrong; how.
    Wrong(Text),
    /// It would take a restart; what has changed.
    NeedsRestart(Text),
}
