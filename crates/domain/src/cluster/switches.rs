//! Switches and the nodes on them (topology/tree): jobs of several nodes are put on as few leaf switches as will do.

use crate::{NodeIndex, Text};

/// A switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switch {
    /// Name.
    pub name: Text,
    /// The nodes on it and on the switches below, ascending.
    pub nodes: Vec<NodeIndex>,
    /// How many layers of switches lie below; zero for a leaf.
    pub level: u32,
}

/// All switches; none where every node can speak to every other alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// Lowest level first.
    all: Vec<Switch>,
    /// The place of each node's leaf switch in `all`.
    leaves: Vec<Option<u32>>,
}

impl Switches {
    /// Puts switches in order. A node on two leaves counts for the first.
    pub fn new(mut all: Vec<Switch>) -> Self {
        all.sort_by_key(|switch| switch.level);
        let last = all.iter().flat_map(|switch| &switch.nodes).map(|node| node.0 as usize).max();
        let mut leaves = vec![None; last.map_or(0, |last| last + 1)];
        for (at, switch) in all.iter().enumerate().filter(|(_, switch)| switch.level == 0) {
            for node in &switch.nodes {
                if let Some(leaf) = leaves.get_mut(node.0 as usize) {
                    *leaf = leaf.or(u32::try_from(at).ok());
                }
            }
        }
        Switches { all, leaves }
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns all, the lowest level first.
    pub fn all(&self) -> &[Switch] {
        &self.all
    }

    /// Returns the place of a node's leaf switch.
    pub fn leaf_of(&self, node: NodeIndex) -> Option<u32> {
        self.leaves.get(node.0 as usize).copied().flatten()
    }
}
