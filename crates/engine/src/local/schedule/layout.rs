//! What of the configuration every pass needs in order: partitions by tier, their nodes by weight. Made anew when
//! the configuration changes.

use super::ground::Ground;
use super::obstacle::Verdicts;
use domain::cluster::{Cluster, Partition};
use domain::{NodeIndex, Text, Timestamp};
use std::cmp::Reverse;
use std::sync::Arc;

/// The configuration in the order of scheduling.
#[derive(Debug)]
pub(super) struct Layout {
    cluster: Arc<Cluster>,
    /// Partitions, the highest tier first.
    pub(super) partitions: Vec<Entry>,
    /// What has been found about requests on this cluster when idle.
    pub(super) verdicts: Verdicts,
}

/// A partition in the order of scheduling.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: Text,
    /// Its tier.
    pub(super) tier: u16,
    /// Its nodes in the order they are filled.
    pub(super) nodes: Vec<NodeIndex>,
    at: usize,
}

impl Layout {
    /// Puts a configuration in order.
    pub(super) fn of(cluster: &Arc<Cluster>) -> Self {
        let entry = |(at, partition): (usize, &Partition)| {
            let mut nodes = partition.nodes.clone();
            nodes.sort_by_key(|node| cluster.node(*node).map_or(u32::MAX, |node| node.weight));
            Entry { name: partition.name.clone(), tier: partition.tier, nodes, at }
        };
        let mut partitions: Vec<Entry> = cluster.partitions.iter().enumerate().map(entry).collect();
        partitions.sort_by_key(|entry| Reverse(entry.tier));
        Layout { cluster: Arc::clone(cluster), partitions, verdicts: Verdicts::default() }
    }

    /// Tells whether this is the order of that configuration.
    pub(super) fn is_of(&self, cluster: &Arc<Cluster>) -> bool {
        Arc::ptr_eq(&self.cluster, cluster)
    }

    /// Returns the place of a partition in this order.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.partitions.iter().position(|entry| entry.name == name)
    }

    /// Returns a partition as configured.
    pub(super) fn partition(&self, entry: &Entry) -> &Partition {
        &self.cluster.partitions[entry.at]
    }

    /// Returns the configuration.
    pub(super) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Rounds a time in the future up to the resolution of planning.
    pub(super) fn rounded(&self, at: Timestamp) -> Timestamp {
        let step = i64::try_from(self.cluster.scheduling.backfill.resolution.as_micros()).unwrap_or(1).max(1);
        let up = at.micros().div_euclid(step) + i64::from(at.micros().rem_euclid(step) != 0);
        Timestamp::from_micros(up.saturating_mul(step))
    }

    /// Tells whether any node that takes jobs has a CPU to give out.
    pub(super) fn has_free_cpu(&self, ground: &Ground<'_>) -> bool {
        self.cluster.nodes.iter().enumerate().any(|(at, node)| {
            let index = NodeIndex(u32::try_from(at).unwrap_or(u32::MAX));
            node.flags.takes_jobs() && ground.free_cpus(index) > 0
        })
    }
}
