//! Where jobs that wait are expected to start: what the last look out of order has booked ahead. Not remembered over a
//! restart, since the next look finds it again.

use super::table::JobTable;
use crate::{JobId, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};

/// The nodes that are booked for waiting jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned(BTreeMap<JobId, Vec<NodeIndex>>);

impl Planned {
    /// Books nodes, in ascending order, for a job.
    pub fn book(&mut self, job: JobId, nodes: impl IntoIterator<Item = NodeIndex>) {
        self.0.insert(job, nodes.into_iter().collect());
    }

    /// Returns the nodes of a job; none for one that nothing is booked for. Heeds not whether it still waits.
    pub fn of(&self, job: JobId) -> &[NodeIndex] {
        self.0.get(&job).map_or(&[], Vec::as_slice)
    }

    /// Returns the jobs for which nodes are booked, also those that have gone since.
    pub fn jobs(&self) -> impl Iterator<Item = JobId> {
        self.0.keys().copied()
    }

    /// Returns the nodes on which a job is expected that still waits.
    pub fn nodes(&self, jobs: &JobTable) -> BTreeSet<NodeIndex> {
        let waits = |id: &JobId| jobs.job(*id).is_some_and(|job| job.is_pending());
        self.0.iter().filter(|(job, _)| waits(job)).flat_map(|(_, nodes)| nodes).copied().collect()
    }
}
