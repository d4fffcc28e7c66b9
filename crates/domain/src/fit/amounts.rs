//! How much of a node is free or taken, as numbers; which units they are is decided when a job starts.

use crate::cluster::Node;
use smallvec::SmallVec;

/// CPUs, memory and generic resources of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPUs.
    pub cpus: u32,
    /// Memory, megabytes.
    pub memory: u64,
    /// Units of each generic resource, in the order of [`Node::gres`].
    pub gres: SmallVec<[u32; 2]>,
}

impl Amounts {
    /// Returns all that a node has.
    pub fn all_of(node: &Node) -> Self {
        Amounts {
            cpus: node.topology.cpus,
            memory: node.memory,
            gres: node.gres.iter().map(|gres| gres.count).collect(),
        }
    }

    /// Takes away what is there; never below zero.
    pub fn take(&mut self, other: &Amounts) {
        self.cpus = self.cpus.saturating_sub(other.cpus);
        self.memory = self.memory.saturating_sub(other.memory);
        for (mine, theirs) in self.gres.iter_mut().zip(&other.gres) {
            *mine = mine.saturating_sub(*theirs);
        }
    }

    /// Puts back what was taken.
    pub fn give(&mut self, other: &Amounts) {
        self.cpus = self.cpus.saturating_add(other.cpus);
        self.memory = self.memory.saturating_add(other.memory);
        for (mine, theirs) in self.gres.iter_mut().zip(&other.gres) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    /// Lowers each amount to the other's.
    pub fn lower_to(&mut self, other: &Amounts) {
        self.cpus = self.cpus.min(other.cpus);
        self.memory = self.memory.min(other.memory);
        for (mine, theirs) in self.gres.iter_mut().zip(&other.gres) {
            *mine = (*mine).min(*theirs);
        }
    }

    /// Tells whether each amount is at least the other's.
    pub fn covers(&self, other: &Amounts) -> bool {
        self.cpus >= other.cpus
            && self.memory >= other.memory
            && other
                .gres
                .iter()
                .enumerate()
                .all(|(at, wanted)| *wanted == 0 || self.gres.get(at).is_some_and(|free| free >= wanted))
    }
}
