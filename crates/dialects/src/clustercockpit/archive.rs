//! A job's two files in an archive (facts 4.3 and 4.4).

use super::to_wire;
use domain::monitoring::{JobMetric, MonitoredCluster, Record};

/// Returns what `meta.json` and `data.json` of a job say.
pub fn archived(record: &Record, data: &[JobMetric]) -> (Vec<u8>, Vec<u8>) {
    (meta(record), to_wire::measured(&to_wire::by_scope(data)))
}

/// Returns what `meta.json` of a job says.
pub fn meta(record: &Record) -> Vec<u8> {
    to_wire::written(&to_wire::archived(record))
}

/// Returns what a cluster's `cluster.json` says.
pub fn cluster_text(cluster: &MonitoredCluster) -> Vec<u8> {
    to_wire::written(&to_wire::cluster(cluster))
}
