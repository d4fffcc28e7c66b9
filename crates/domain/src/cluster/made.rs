//! Nodes that are made at run time, beside those of the configuration. Each has a place in the list of nodes that it
//! keeps for as long as any job remembers it: one that is taken away leaves a node nobody sees or uses.

use super::node::{Gres, Node, NodeFlags, NodeMark, SystemShare, Topology};
use super::{Cluster, Upkeep};
use crate::{NodeIndex, Text};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The highest number of nodes that a message of Slurm's can tell apart.
pub const MOST_NODES: usize = 65_533;

/// What a node is like that was made at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its place in the list of nodes.
    pub place: NodeIndex,
    /// Of which kind it is.
    pub kind: MadeKind,
    /// Host name.
    pub host: Text,
    /// Address.
    pub address: Text,
    /// Port shown.
    pub port: u16,
    /// CPUs and how they hang together.
    pub topology: Topology,
    /// Memory, megabytes.
    pub memory: u64,
    /// What of it is kept for the system.
    pub system: SystemShare,
    /// Temporary disk, megabytes.
    pub tmp_disk: u64,
    /// Lower ones are filled first.
    pub weight: u32,
    /// Features it has, all of them active.
    pub features: Vec<Text>,
    /// Generic resources.
    pub gres: Vec<Gres>,
}

/// Of which kind a node is that was made at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MadeKind {
    /// It takes jobs.
    Cloud,
    /// It is managed by somebody else: no job ever runs there.
    External,
    /// It takes jobs once it is put into service.
    Future,
}

impl Made {
    /// Returns the state it begins with.
    pub fn first_flags(&self) -> NodeFlags {
        NodeFlags {
            future: self.kind == MadeKind::Future,
            external: self.kind == MadeKind::External,
            ..NodeFlags::default()
        }
    }

    /// Makes the node; what it does not say itself is as with another node of the same machine.
    fn node(&self, name: &Text, like: &Node) -> Node {
        Node {
            name: name.clone(),
            host: self.host.clone(),
            address: self.address.clone(),
            port: self.port,
            topology: self.topology,
            memory: self.memory,
            system: self.system.clone(),
            tmp_disk: self.tmp_disk,
            weight: self.weight,
            features: self.features.clone(),
            active_features: self.features.clone(),
            gres: self.gres.clone(),
            flags: self.first_flags(),
            comment: Text::default(),
            extra: Text::default(),
            upkeep: Upkeep::default(),
            ..like.clone()
        }
    }
}

impl Node {
    /// Tells whether it was made at run time.
    pub fn is_made(&self) -> bool {
        self.upkeep.made.is_some()
    }
}

impl Cluster {
    /// Returns the nodes there are: those that were taken away again are left out.
    pub fn present_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| !node.flags.gone)
    }

    /// Returns the places of the nodes there are.
    pub fn present_places(&self) -> impl Iterator<Item = NodeIndex> {
        let places = (0..).map(NodeIndex).zip(&self.nodes);
        places.filter(|(_, node)| !node.flags.gone).map(|(place, _)| place)
    }

    /// Puts a node that was made at run time into its place, or behind all others where the configuration has taken that.
    /// Returns where it is now, and the name of the one that was there before.
    pub(super) fn put_made(&mut self, mark: &NodeMark, made: &Arc<Made>) -> (usize, Option<Text>) {
        let Some(like) = self.nodes.first().cloned() else { return (0, None) };
        let wanted = (made.place.0 as usize).min(MOST_NODES);
        let is_free = |node: &Node| node.is_made() && (node.flags.gone || node.name == mark.node);
        let place = match self.nodes.get(wanted) {
            Some(node) if !is_free(node) => self.nodes.len(),
            _ => wanted,
        };
        while self.nodes.len() < place {
            let at = NodeIndex(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
            self.nodes.push(nobody(&like, at, made));
        }
        let at = NodeIndex(u32::try_from(place).unwrap_or(u32::MAX));
        let made = if at == made.place {
            Arc::clone(made)
        } else {
            Arc::new(Made { place: at, ..(**made).clone() })
        };
        let mut node = made.node(&mark.node, &like);
        node.take_mark(mark);
        node.upkeep.made = Some(made);
        if node.flags.gone {
            (node.features, node.active_features) = (Vec::new(), Vec::new());
        }
        let before = match self.nodes.get_mut(place) {
            Some(old) => Some(std::mem::replace(old, node).name),
            None => {
                self.nodes.push(node);
                None
            }
        };
        (place, before)
    }

    /// Brings the nodes that were made at run time into the partitions that have all nodes.
    pub(super) fn spread_partitions(&mut self) {
        if !self.nodes.iter().any(Node::is_made) {
            return;
        }
        let takes = |node: &Node| !(node.flags.gone || node.flags.external);
        let each = (0..).map(NodeIndex).zip(&self.nodes).filter(|(_, node)| takes(node));
        let all: Vec<NodeIndex> = each.map(|(index, _)| index).collect();
        for partition in &mut self.partitions {
            if partition.nodes_written.eq_ignore_ascii_case("all") {
                partition.nodes.clone_from(&all);
            }
        }
    }

    /// Returns the places that new nodes can have.
    pub(crate) fn free_places(&self, is_used: impl Fn(NodeIndex) -> bool) -> FreePlaces<'_> {
        let mut places = FreePlaces {
            named: HashMap::new(),
            unused: BTreeMap::new(),
            next: u32::try_from(self.nodes.len()).unwrap_or(u32::MAX),
        };
        let gone = (0..).map(NodeIndex).zip(&self.nodes).filter(|(_, node)| node.flags.gone);
        for (place, node) in gone {
            places.named.entry(&node.name).or_insert(place);
            if !is_used(place) {
                places.unused.insert(place, &node.name);
            }
        }
        places
    }
}

/// Places for new nodes: those of nodes that are gone, and those behind all.
pub(crate) struct FreePlaces<'a> {
    named: HashMap<&'a Text, NodeIndex>,
    /// Those that no job remembers.
    unused: BTreeMap<NodeIndex, &'a Text>,
    next: u32,
}

impl FreePlaces<'_> {
    /// Gives a place to a new node of this name: the one it had, or one that nobody uses any more. Returns the name of
    /// the node that had it before, if that is another's.
    pub(crate) fn give(&mut self, name: &Text) -> (NodeIndex, Option<Text>) {
        if let Some(place) = self.named.remove(name) {
            self.unused.remove(&place);
            return (place, None);
        }
        if let Some((place, before)) = self.unused.pop_first() {
            self.named.remove(before);
            return (place, Some(before.clone()));
        }
        let place = NodeIndex(self.next);
        self.next = self.next.saturating_add(1);
        (place, None)
    }
}

/// Keeps a place: no node of this name was ever there.
fn nobody(like: &Node, place: NodeIndex, made: &Made) -> Node {
    let made = Made { place, gres: Vec::new(), ..made.clone() };
    let mut node = made.node(&Text::default(), like);
    node.flags = NodeFlags { gone: true, ..NodeFlags::default() };
    node.upkeep.made = Some(Arc::new(made));
    node
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Partition;

    fn made(place: u32) -> Made {
        Made {
            place: NodeIndex(place),
            kind: MadeKind::Cloud,
            host: Text::default(),
            address: Text::default(),
            port: 0,
            topology: Topology { boards: 1, sockets: 1, cores: 4, threads: 1, cpus: 4 },
            memory: 100,
            system: SystemShare::default(),
            tmp_disk: 0,
            weight: 1,
            features: vec![Text::const_new("dyn")],
            gres: Vec::new(),
        }
    }

    fn mark(name: &'static str, place: u32, gone: bool) -> NodeMark {
        let upkeep = Upkeep { made: Some(Arc::new(made(place))), ..Upkeep::default() };
        let flags = NodeFlags { gone, ..NodeFlags::default() };
        NodeMark { node: Text::const_new(name), flags, upkeep, ..NodeMark::default() }
    }

    fn cluster() -> Cluster {
        let first = crate::cluster::node::tests::node("n1");
        let all = Partition {
            nodes_written: Text::const_new("ALL"),
            nodes: vec![NodeIndex(0)],
            ..Partition::default()
        };
        let one = Partition {
            nodes_written: Text::const_new("n1"),
            nodes: vec![NodeIndex(0)],
            ..Partition::default()
        };
        Cluster { nodes: vec![first], partitions: vec![all, one], ..Cluster::default() }
    }

    #[test]
    fn made_nodes_keep_their_places_in_any_order() {
        let marks = [mark("b", 3, false), mark("a", 1, false)];
        let cluster = cluster().with_marks(&marks);
        let names: Vec<_> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["n1", "a", "", "b"]);
        assert_eq!(cluster.present_nodes().count(), 3);
        assert_eq!(cluster.partitions[0].nodes, [NodeIndex(0), NodeIndex(1), NodeIndex(3)]);
        assert_eq!(cluster.partitions[1].nodes, [NodeIndex(0)]);
        assert_eq!(cluster.node_index("b"), Some(NodeIndex(3)));
        assert_eq!(cluster.node_index(""), None);
    }

    #[test]
    fn one_that_is_gone_is_in_nobodys_way() {
        let cluster = cluster().with_marks(&[mark("a", 1, true)]);
        assert_eq!(cluster.node_index("a"), None);
        assert_eq!(cluster.partitions[0].nodes, [NodeIndex(0)]);
        let [a, b, c] = ["a", "b", "c"].map(Text::const_new);
        let mut places = cluster.free_places(|_| true);
        assert_eq!(places.give(&b), (NodeIndex(2), None));
        assert_eq!(places.give(&a), (NodeIndex(1), None));
        assert_eq!(places.give(&c), (NodeIndex(3), None));
        let mut places = cluster.free_places(|_| false);
        assert_eq!(places.give(&b), (NodeIndex(1), Some(a.clone())));
        assert_eq!(places.give(&a), (NodeIndex(2), None));
        let again = cluster.with_marks(&[mark("b", 1, false)]);
        assert_eq!(again.node_index("b"), Some(NodeIndex(1)));
    }

    #[test]
    fn a_grown_configuration_comes_first() {
        let mut grown = cluster();
        grown.nodes.push(crate::cluster::node::tests::node("n2"));
        let grown = grown.with_marks(&[mark("a", 1, false)]);
        assert_eq!(grown.node_index("a"), Some(NodeIndex(2)));
        assert_eq!(grown.nodes[2].upkeep.made.as_ref().unwrap().place, NodeIndex(2));
    }
}
