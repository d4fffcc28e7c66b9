//! Heterogeneous jobs: several jobs that start together, each with a request of its own. The first, the leader, runs the
//! script; the others hold their resources for it and end when it ends.

use crate::JobId;

/// A job's part in a heterogeneous job. Components have consecutive numbers, the leader's the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HetPart {
    /// The leader's number, which is the number of the whole.
    pub leader: JobId,
    /// The component's place, counted from the leader, who has zero.
    pub offset: u32,
    /// How many components there are.
    pub size: u32,
}

impl HetPart {
    /// Tells whether this component runs the script.
    pub fn is_leader(self) -> bool {
        self.offset == 0
    }

    /// Returns the numbers of all components, the leader's first.
    pub fn members(self) -> impl Iterator<Item = JobId> {
        (0..self.size).map(move |offset| self.member(offset))
    }

    /// Returns the number of the component at a place.
    pub fn member(self, offset: u32) -> JobId {
        JobId(self.leader.0.saturating_add(offset))
    }
}
