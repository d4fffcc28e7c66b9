//! Nodes made at run time, and taken away again.

use super::ledger::Ledger;
use super::nodes::NodeChoice;
use crate::cluster::{Gres, MOST_NODES, Made, MadeKind, Node, NodeMark, SystemShare, Topology, Upkeep};
use crate::who::Principal;
use crate::{Error, NodeIndex, Problem, Text};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A node that shall be made. What it does not say is as with the first node of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNode {
    /// Its name.
    pub name: Text,
    /// Of which kind it is.
    pub kind: MadeKind,
    /// Host name.
    pub host: Option<Text>,
    /// Address.
    pub address: Option<Text>,
    /// Port shown.
    pub port: Option<u16>,
    /// CPUs and how they hang together.
    pub topology: Option<Topology>,
    /// Memory, megabytes.
    pub memory: Option<u64>,
    /// Cores that are kept for the system.
    pub system_cores: u32,
    /// Memory that is kept for the system, megabytes.
    pub system_memory: u64,
    /// Temporary disk, megabytes.
    pub tmp_disk: Option<u64>,
    /// Lower ones are filled first.
    pub weight: Option<u32>,
    /// Features it has.
    pub features: Vec<Text>,
    /// Generic resources: names, types and how many.
    pub gres: Vec<(Text, Text, u32)>,
    /// Its place among the switches, in words.
    pub topology_words: Option<Text>,
    /// What is said of it.
    pub reason: Text,
}

impl Ledger<'_> {
    /// Makes nodes: all of them or none.
    pub(super) fn make_nodes(&mut self, by: &Principal, wanted: &[NewNode]) -> Result<(), Error> {
        if !by.is_administrator() {
            return Err(Problem::AdministratorOnly(Text::const_new("making a node")).into());
        }
        let names: BTreeSet<&Text> = wanted.iter().map(|node| &node.name).collect();
        let places = self.cluster().node_places();
        let known = wanted.iter().find(|node| places.contains_key(node.name.as_str()));
        if let Some(node) = known.or(wanted.first().filter(|_| names.len() < wanted.len())) {
            return Err(Problem::NodeExists(node.name.clone()).into());
        }
        let most = self.cluster().limits.max_nodes.unwrap_or(0).min(MOST_NODES);
        if self.cluster().present_nodes().count().saturating_add(wanted.len()) > most {
            return Err(Problem::NodeTableFull.into());
        }
        let cluster = Arc::clone(self.cluster());
        let Some(first) = cluster.nodes.first() else { return Ok(()) };
        let remembered = self.remembered_nodes();
        let mut places = cluster.free_places(|index| remembered.contains(&index));
        let (mut marks, mut forgotten) = (Vec::with_capacity(wanted.len()), Vec::new());
        for node in wanted {
            let (place, before) = places.give(&node.name);
            forgotten.extend(before.filter(|before| !before.is_empty()));
            marks.push(self.first_mark(by, node, Arc::new(node.made(place, first))));
        }
        self.forget_marks(forgotten);
        self.put_marks(marks);
        Ok(())
    }

    fn first_mark(&self, by: &Principal, wanted: &NewNode, made: Arc<Made>) -> NodeMark {
        let says = !wanted.reason.is_empty();
        NodeMark {
            node: wanted.name.clone(),
            flags: made.first_flags(),
            reason: wanted.reason.clone(),
            at: if says { self.now } else { crate::Timestamp::EPOCH },
            by: says.then(|| super::nodes::named(by)),
            upkeep: Upkeep { topology: wanted.topology_words.clone(), made: Some(made), ..Upkeep::default() },
        }
    }

    /// Nodes that any job has or had, as long as that can be shown.
    fn remembered_nodes(&self) -> BTreeSet<NodeIndex> {
        let runs = self.state().jobs().iter().filter_map(|job| job.run());
        runs.flat_map(|run| &run.allocation.nodes).map(|share| share.node).collect()
    }

    /// Takes nodes away that were made at run time. What one of them refuses, or that one is unknown, does not stop the
    /// others.
    pub(super) fn remove_nodes(&mut self, by: &Principal, choice: &NodeChoice) -> Result<(), Error> {
        if !by.is_administrator() {
            return Err(Problem::AdministratorOnly(Text::const_new("taking a node away")).into());
        }
        let names = match choice {
            NodeChoice::Named(names) => names.clone(),
            NodeChoice::All => self.cluster().present_nodes().map(|node| node.name.clone()).collect(),
        };
        let mut outcome = if names.is_empty() { Err(Problem::UnknownNode(Text::default())) } else { Ok(()) };
        let mut marks = Vec::new();
        let places = self.cluster().node_places();
        for name in &names {
            match self.removable(name, places.get(name.as_str()).copied()) {
                Ok(mark) => marks.push(mark),
                Err(problem) => outcome = outcome.and(Err(problem)),
            }
        }
        self.put_marks(marks);
        outcome.map_err(Error::from)
    }

    fn removable(&self, name: &Text, place: Option<NodeIndex>) -> Result<NodeMark, Problem> {
        let unknown = || Problem::UnknownNode(name.clone());
        let index = place.ok_or_else(unknown)?;
        let node = self.cluster().node(index).ok_or_else(unknown)?;
        if !node.is_made() {
            return Err(Problem::NotMade(name.clone()));
        }
        let has_jobs = self.state().node_use().get(index.0 as usize).is_some_and(|used| used.jobs > 0);
        let is_reserved = self.state().reservations().iter().any(|known| known.of_node(index).is_some());
        if has_jobs || is_reserved {
            return Err(Problem::NodeBusy(name.clone()));
        }
        let mut mark = node.mark();
        mark.flags.gone = true;
        Ok(mark)
    }
}

impl NewNode {
    fn made(&self, place: NodeIndex, like: &Node) -> Made {
        let topology = self.topology.unwrap_or(like.topology);
        let gres = self.gres.iter().map(|(name, kind, count)| Gres {
            name: name.clone(),
            kind: kind.clone(),
            count: *count,
            ..Gres::default()
        });
        Made {
            place,
            kind: self.kind,
            host: self.host.clone().unwrap_or_else(|| like.host.clone()),
            address: self.address.clone().unwrap_or_else(|| like.address.clone()),
            port: self.port.unwrap_or(0),
            topology,
            memory: self.memory.unwrap_or(like.memory),
            system: SystemShare { cpus: topology.last_cores(self.system_cores), memory: self.system_memory },
            tmp_disk: self.tmp_disk.unwrap_or(like.tmp_disk),
            weight: self.weight.unwrap_or(1),
            features: self.features.clone(),
            gres: gres.collect(),
        }
    }
}
