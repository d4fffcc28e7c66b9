//! Reservations: nodes, cores and licences that are kept for some users for some time. What is asked for is a
//! [`ReservationWish`]; [`choose`] finds the nodes, [`overlap`] who is in whose way, [`recur`] when the next turn is.
//! What a job may use because of them is the matter of [`Fence`].

mod choose;
mod fence;
mod fields;
mod overlap;
mod recur;
mod wish;

#[cfg(test)]
mod tests;

pub use choose::{Choice, choose, choose_listed};
pub use fence::{Closed, Fence, Membership};
pub use fields::{Access, Names, ReservationFlags};
pub use overlap::{Turns, meet};
pub use recur::following;
pub use wish::{Fault, ReservationWish, Span, TresWish, WishedFlags};

use crate::cluster::Cluster;
use crate::job::{CpuSet, GresShare};
use crate::{NodeIndex, Text, Timestamp};
use smallvec::SmallVec;
use std::time::Duration;

/// A reservation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reservation {
    /// Its name.
    pub name: Text,
    /// Its number: the first is 1, a later one has a higher number.
    pub number: u32,
    /// When its present or next turn begins. Of one that floats, what was said when it was made.
    pub start: Timestamp,
    /// When that turn ends; [`Timestamp::NEVER`] if it does not.
    pub end: Timestamp,
    /// It always begins this long after now, and so never does (`TIME_FLOAT`).
    pub float: Option<Duration>,
    /// Its switches.
    pub flags: ReservationFlags,
    /// What is reserved, in the order of the nodes.
    pub nodes: Vec<ReservedNode>,
    /// Nodes that it shall have, as many as were asked for.
    pub wanted_nodes: u32,
    /// The partition its nodes are taken from; empty where nodes were named.
    pub partition: Text,
    /// Who may use it.
    pub access: Access,
    /// Licences that are reserved.
    pub licenses: Vec<(Text, u32)>,
    /// Features its nodes must have, as written.
    pub features: Text,
    /// How long a job outside of it may delay those inside, seconds; zero for not at all.
    pub max_start_delay: u32,
    /// How long it may be without jobs before it goes, if it does (`PURGE_COMP`), seconds.
    pub purge_after: u32,
    /// Since when it has been without jobs while it was open.
    pub idle_since: Option<Timestamp>,
    /// Remark.
    pub comment: Text,
    /// Burst buffer, as written; there is none to reserve.
    pub burst_buffer: Text,
}

/// What is reserved of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservedNode {
    /// Which node.
    pub node: NodeIndex,
    /// These CPUs; all of them where `None`.
    pub cpus: Option<CpuSet>,
    /// Generic resources that are counted by unit.
    pub gres: SmallVec<[GresShare; 1]>,
}

impl ReservedNode {
    /// Returns all of a node.
    pub fn whole(node: NodeIndex) -> Self {
        ReservedNode { node, cpus: None, gres: SmallVec::new() }
    }
}

impl Reservation {
    /// Returns when it begins and ends, seen from `now`.
    pub fn window(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        match self.float {
            None => (self.start, self.end),
            Some(ahead) if self.end == Timestamp::NEVER => (now.after(ahead), Timestamp::NEVER),
            Some(ahead) => (now.after(ahead), now.after(ahead).after(self.length())),
        }
    }

    /// Returns how long a turn is.
    pub fn length(&self) -> Duration {
        self.end.since(self.start)
    }

    /// Tells whether it has begun and not yet ended.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let (start, end) = self.window(now);
        start <= now && now < end
    }

    /// Tells whether whole nodes are reserved, or licences alone.
    pub fn is_of_whole_nodes(&self) -> bool {
        self.nodes.iter().all(|reserved| reserved.cpus.is_none())
    }

    /// Returns what it has of a node.
    pub fn of_node(&self, node: NodeIndex) -> Option<&ReservedNode> {
        let at = self.nodes.binary_search_by_key(&node, |reserved| reserved.node).ok()?;
        self.nodes.get(at)
    }

    /// Returns how many CPUs it has.
    pub fn cpus(&self, cluster: &Cluster) -> u32 {
        let each = self.nodes.iter().map(|reserved| match &reserved.cpus {
            Some(cpus) => cpus.len(),
            None => cluster.node(reserved.node).map_or(0, |node| node.topology.cpus),
        });
        each.fold(0, u32::saturating_add)
    }

    /// Returns the names of its nodes, folded.
    pub fn fold_nodes(&self, cluster: &Cluster) -> Text {
        let names = self.nodes.iter().filter_map(|reserved| cluster.node(reserved.node));
        crate::cluster::fold(names.map(|node| node.name.as_str()))
    }

    /// Tells whether its jobs may also use what is not reserved (`FLEX`, or `ANY_NODES` without nodes of its own).
    pub fn is_flexible(&self) -> bool {
        self.flags.has(ReservationFlags::FLEX)
            || self.flags.has(ReservationFlags::ANY_NODES) && self.nodes.is_empty()
    }

    /// Tells whether it gets out of nobody's way: others may have the same nodes at the same time.
    pub fn may_overlap(&self) -> bool {
        self.flags.has(ReservationFlags::MAINT) || self.flags.has(ReservationFlags::OVERLAP)
    }
}
