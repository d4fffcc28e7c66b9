//! Clusters that are watched: their sub-clusters, whose nodes are alike, and how such a node is built. The fields are
//! those of ClusterCockpit's `cluster.json`.

use super::{Metric, Scope, Unit};
use crate::Text;

/// An amount with its unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantity {
    /// What it is measured in.
    pub unit: Unit,
    /// How much.
    pub value: f64,
}

/// A GPU or the like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accelerator {
    /// What names it on its node; the PCI address where it has one.
    pub id: Text,
    /// Of what kind it is, such as `Nvidia GPU`.
    pub kind: Text,
    /// Its model.
    pub model: Text,
}

/// How a node is built: hardware threads by the operating system's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// All hardware threads.
    pub node: Vec<u32>,
    /// Those of each processor package.
    pub sockets: Vec<Vec<u32>>,
    /// Those of each NUMA domain.
    pub memory_domains: Vec<Vec<u32>>,
    /// Those of each die.
    pub dies: Vec<Vec<u32>>,
    /// Those of each core.
    pub cores: Vec<Vec<u32>>,
    /// Its GPUs.
    pub accelerators: Vec<Accelerator>,
}

/// Which hosts belong to a sub-cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostNames {
    /// All.
    #[default]
    Any,
    /// These, in ascending order.
    These(Vec<Text>),
}

/// Nodes that are alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SubCluster {
    /// Its name.
    pub name: Text,
    /// Its nodes.
    pub nodes: HostNames,
    /// The processor's model.
    pub processor: Text,
    /// Processor packages of a node.
    pub sockets_per_node: u32,
    /// Cores of a package.
    pub cores_per_socket: u32,
    /// Hardware threads of a core.
    pub threads_per_core: u32,
    /// What a node calculates at most, by single operations.
    pub flop_rate_scalar: Quantity,
    /// The same, by vectors.
    pub flop_rate_simd: Quantity,
    /// What a node reads and writes in its memory at most.
    pub memory_bandwidth: Quantity,
    /// How a node is built.
    pub topology: Topology,
}

/// A cluster that is watched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MonitoredCluster {
    /// Its name.
    pub name: Text,
    /// What is measured there.
    pub metrics: Vec<Metric>,
    /// Its nodes by how they are built.
    pub sub_clusters: Vec<SubCluster>,
}

impl HostNames {
    /// Tells whether a host is one of them.
    pub fn contain(&self, host: &str) -> bool {
        match self {
            HostNames::Any => true,
            HostNames::These(names) => names.binary_search_by(|name| name.as_str().cmp(host)).is_ok(),
        }
    }
}

impl MonitoredCluster {
    /// Returns the metric of this name.
    pub fn metric(&self, name: &str) -> Option<&Metric> {
        self.metrics.iter().find(|metric| metric.name == name)
    }

    /// Returns the sub-cluster of this name.
    pub fn sub_cluster(&self, name: &str) -> Option<&SubCluster> {
        self.sub_clusters.iter().find(|sub| sub.name == name)
    }

    /// Returns the sub-cluster a host belongs to: the first that names it, else the first if that takes any.
    pub fn sub_cluster_of(&self, host: &str) -> Option<&SubCluster> {
        let named = |sub: &&SubCluster| sub.nodes != HostNames::Any && sub.nodes.contain(host);
        let first = || self.sub_clusters.first().filter(|sub| sub.nodes == HostNames::Any);
        self.sub_clusters.iter().find(named).or_else(first)
    }
}

impl Topology {
    /// Returns the hardware threads of each part of this kind, and nothing of accelerators.
    pub fn parts(&self, scope: Scope) -> Vec<Vec<u32>> {
        match scope {
            Scope::Node => vec![self.node.clone()],
            Scope::Socket => self.sockets.clone(),
            Scope::MemoryDomain => self.memory_domains.clone(),
            Scope::Core => self.cores.clone(),
            Scope::HwThread => self.node.iter().map(|thread| vec![*thread]).collect(),
            Scope::Accelerator => Vec::new(),
        }
    }

    /// Returns the numbers of those parts of this kind that have one of these hardware threads. Without any thread
    /// named, all.
    pub fn parts_with(&self, scope: Scope, threads: &[u32]) -> Vec<u32> {
        let is_meant =
            |part: &[u32]| threads.is_empty() || part.iter().any(|thread| threads.contains(thread));
        if scope == Scope::HwThread {
            return self.node.iter().copied().filter(|thread| is_meant(&[*thread])).collect();
        }
        (0..).zip(self.parts(scope)).filter(|(_, part)| is_meant(part)).map(|(number, _)| number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sub(name: &'static str, nodes: HostNames) -> SubCluster {
        SubCluster { name: Text::const_new(name), nodes, ..SubCluster::default() }
    }

    #[test]
    fn a_host_belongs_to_the_first_that_names_it() {
        let these = |names: &[&'static str]| {
            HostNames::These(names.iter().map(|name| Text::const_new(name)).collect())
        };
        let mut cluster = MonitoredCluster {
            sub_clusters: vec![sub("a", these(&["n1", "n2"])), sub("b", these(&["n2", "n3"]))],
            ..MonitoredCluster::default()
        };
        let of = |cluster: &MonitoredCluster, host| cluster.sub_cluster_of(host).map(|sub| sub.name.clone());
        assert_eq!(of(&cluster, "n2").as_deref(), Some("a"));
        assert_eq!(of(&cluster, "n3").as_deref(), Some("b"));
        assert_eq!(of(&cluster, "n4"), None);
        cluster.sub_clusters.push(sub("any", HostNames::Any));
        assert_eq!(of(&cluster, "n4"), None);
        cluster.sub_clusters.rotate_right(1);
        assert_eq!(of(&cluster, "n4").as_deref(), Some("any"));
        assert_eq!(of(&cluster, "n3").as_deref(), Some("b"));
    }

    #[test]
    fn parts_are_found_by_their_threads() {
        let topology = Topology {
            node: vec![0, 1, 2, 3],
            sockets: vec![vec![0, 2], vec![1, 3]],
            cores: vec![vec![0, 2], vec![1, 3]],
            ..Topology::default()
        };
        assert_eq!(topology.parts_with(Scope::Socket, &[3]), [1]);
        assert_eq!(topology.parts_with(Scope::HwThread, &[3, 1]), [1, 3]);
        assert_eq!(topology.parts_with(Scope::Core, &[]), [0, 1]);
        assert_eq!(topology.parts_with(Scope::MemoryDomain, &[0]), []);
    }
}
