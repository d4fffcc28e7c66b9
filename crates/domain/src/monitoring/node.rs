//! What other schedulers tell of their nodes.

use crate::Text;

/// How a node stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// The node.
    pub hostname: Text,
    /// Its states, in its scheduler's words.
    pub states: Vec<Text>,
    /// CPUs given to jobs.
    pub cpus_allocated: u32,
    /// Megabytes given to jobs.
    pub memory_allocated: i64,
    /// GPUs given to jobs.
    pub gpus_allocated: u32,
    /// Jobs that run there.
    pub jobs_running: u32,
}

/// How a node stood when it was told of last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSeen {
    /// Its cluster.
    pub cluster: Text,
    /// When that was, seconds since 1970.
    pub at: i64,
    /// What was told.
    pub report: NodeReport,
}
