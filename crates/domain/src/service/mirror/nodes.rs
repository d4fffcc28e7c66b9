//! The cluster as it is known here: what is configured, with the nodes, partitions and accounts that are told. Places of
//! nodes stay what they are, over restarts as well.

use super::Mirror;
use crate::accounting::Books;
use crate::cluster::{Cluster, Made, MadeKind, Node, NodeFlags, NodeMark, Partition, Upkeep};
use crate::ports::Ground;
use crate::{Error, NodeIndex, Text, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;

/// Returns the cluster with what is told of it.
pub(super) fn grounded(cluster: &Cluster, ground: Ground) -> Cluster {
    let mut next = cluster.clone();
    if !ground.name.is_empty() {
        next.name = ground.name;
    }
    next.nodes = placed(&cluster.nodes, ground.nodes);
    let places: HashMap<Text, NodeIndex> = (0..)
        .map(NodeIndex)
        .zip(&next.nodes)
        .filter(|(_, node)| !node.flags.gone)
        .map(|(place, node)| (node.name.clone(), place))
        .collect();
    let partition = |(partition, names): (Partition, Vec<Text>)| {
        let mut nodes: Vec<NodeIndex> = names.iter().filter_map(|name| places.get(name)).copied().collect();
        nodes.sort_unstable();
        Partition { nodes, ..partition }
    };
    next.partitions = ground.partitions.into_iter().map(partition).collect();
    next.licenses = ground.licenses;
    if let Some(configured) = ground.accounting
        && configured != **cluster.books.configuration()
    {
        next.books = Books::configured(&next.name, configured);
    }
    next
}

/// Puts nodes in the places they had; new ones come behind, and those that are gone leave a node nobody sees.
fn placed(known: &[Node], told: Vec<Node>) -> Vec<Node> {
    let mut told: HashMap<Text, (usize, Node)> =
        told.into_iter().enumerate().map(|(at, node)| (node.name.clone(), (at, node))).collect();
    let mut nodes: Vec<Node> = known
        .iter()
        .map(|node| match told.remove(&node.name) {
            Some((_, now)) => now,
            None => {
                let flags = NodeFlags { gone: true, ..node.flags };
                Node { flags, features: Vec::new(), active_features: Vec::new(), ..node.clone() }
            }
        })
        .collect();
    let mut others: Vec<(usize, Node)> = told.into_values().collect();
    others.sort_by_key(|(at, _)| *at);
    nodes.extend(others.into_iter().map(|(_, node)| node));
    nodes
}

/// Describes those of the nodes that are in another place than before, or are different in what is remembered of them.
pub(super) fn marks(before: &[Node], after: &[Node]) -> Vec<NodeMark> {
    let places = || (0..).map(NodeIndex);
    let known = |at: NodeIndex| before.get(at.0 as usize).map(|node| mark(at, node));
    let all = places().zip(after).map(|(at, node)| (at, mark(at, node)));
    all.filter(|(at, mark)| known(*at).as_ref() != Some(mark)).map(|(_, mark)| mark).collect()
}

fn mark(place: NodeIndex, node: &Node) -> NodeMark {
    let made = Made {
        place,
        kind: MadeKind::Cloud,
        host: node.host.clone(),
        address: node.address.clone(),
        port: node.port,
        topology: node.topology,
        memory: node.memory,
        system: node.system.clone(),
        tmp_disk: node.tmp_disk,
        weight: node.weight,
        features: node.features.clone(),
        gres: node.gres.clone(),
    };
    let upkeep = Upkeep { made: Some(Arc::new(made)), ..Upkeep::default() };
    let flags = NodeFlags { gone: node.flags.gone, ..NodeFlags::default() };
    NodeMark { node: node.name.clone(), flags, upkeep, ..NodeMark::default() }
}

/// Returns the nodes that were remembered, each in its place.
pub(super) fn remembered(marks: &[NodeMark]) -> Vec<Node> {
    let mut all: Vec<(&NodeMark, &Made)> =
        marks.iter().filter_map(|mark| Some((mark, &**mark.upkeep.made.as_ref()?))).collect();
    all.sort_by_key(|(_, made)| made.place);
    // A place that was lost would give others the wrong one.
    let in_place = all.iter().enumerate().take_while(|(at, (_, made))| made.place.0 as usize == *at);
    in_place.map(|(_, (mark, made))| node(mark, made)).collect()
}

fn node(mark: &NodeMark, made: &Made) -> Node {
    Node {
        name: mark.node.clone(),
        host: made.host.clone(),
        address: made.address.clone(),
        port: made.port,
        topology: made.topology,
        memory: made.memory,
        system: made.system.clone(),
        tmp_disk: made.tmp_disk,
        weight: made.weight,
        features: made.features.clone(),
        active_features: made.features.clone(),
        gres: made.gres.clone(),
        flags: mark.flags,
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: Text::default(),
        operating_system: Text::default(),
        booted: Timestamp::EPOCH,
        upkeep: Upkeep::default(),
    }
}

impl Mirror {
    /// Goes on with another configuration; what the cluster tells of itself stays.
    pub(super) fn reconfigure(&self, configured: Cluster) -> Result<(), Error> {
        let now = self.clock.now();
        let mut image = self.image();
        let known = Arc::clone(image.state.cluster());
        let next = Cluster {
            name: known.name.clone(),
            nodes: known.nodes.clone(),
            partitions: known.partitions.clone(),
            licenses: known.licenses.clone(),
            books: known.books.clone(),
            started: known.started,
            ..configured
        };
        image.put_cluster(next, now);
        image.turn(&self.shown(), now, |_, _| ())
    }

    /// Takes in what is told of the cluster beside jobs.
    pub(super) fn take_ground(&self, ground: Ground) -> Result<(), Error> {
        let now = self.clock.now();
        let mut image = self.image();
        let before = Arc::clone(image.state.cluster());
        let next = grounded(&before, ground);
        if next == *before {
            return Ok(());
        }
        let marks = marks(&before.nodes, &next.nodes);
        image.put_cluster(next, now);
        image.turn(&self.shown(), now, |_, memo| memo.marks = marks)
    }
}
