//! What the last backfill pass found for heterogeneous jobs, so that the main pass, which leaves them to it, keeps no more
//! from others than they need: the nodes that are booked for them, and nothing where they have no place together.

use domain::state::State;
use domain::{JobId, NodeIndex};
use std::collections::HashMap;

/// The outlook of heterogeneous jobs, by their leaders.
#[derive(Clone, Debug, Default)]
pub(super) struct Joint(HashMap<JobId, Vec<NodeIndex>>);

impl Joint {
    /// Returns the nodes that are booked for a heterogeneous job, none if it found no place; `None` while nobody has looked.
    pub(super) fn nodes(&self, leader: JobId) -> Option<&[NodeIndex]> {
        self.0.get(&leader).map(Vec::as_slice)
    }

    /// Notes what a pass has found.
    pub(super) fn note(&mut self, leader: JobId, nodes: impl Iterator<Item = NodeIndex>) {
        let mut nodes: Vec<NodeIndex> = nodes.collect();
        nodes.sort_unstable();
        nodes.dedup();
        self.0.insert(leader, nodes);
    }

    /// Forgets those that do not wait any more.
    pub(super) fn forget_gone(&mut self, state: &State) {
        self.0.retain(|leader, _| state.job(*leader).is_some_and(|job| job.is_eligible()));
    }
}
