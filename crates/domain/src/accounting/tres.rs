//! What is counted of a cluster: trackable resources (TRES) by Slurm's numbers, and how much of each the cluster has.

use crate::Text;
use crate::cluster::Cluster;

/// Number of CPUs.
pub const CPU: u32 = 1;
/// Memory in megabytes.
pub const MEMORY: u32 = 2;
/// Energy in joules.
pub const ENERGY: u32 = 3;
/// Number of nodes.
pub const NODE: u32 = 4;
/// What a job is charged.
pub const BILLING: u32 = 5;
/// Disk used by a file system.
pub const DISK: u32 = 6;
/// Virtual memory.
pub const VIRTUAL_MEMORY: u32 = 7;
/// Page faults.
pub const PAGES: u32 = 8;
/// From here on the original numbers what a site adds; the number itself means nothing.
pub const DYNAMIC_OFFSET: u32 = 1000;

/// A trackable resource, and how much of it there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trackable {
    /// Slurm's number.
    pub id: u32,
    /// `cpu`, `mem`, `gres`, …
    pub kind: Text,
    /// Which of its kind, such as `gpu`; empty where there is one alone.
    pub name: Text,
    /// How much of it the cluster has; zero where it cannot be said.
    pub count: u64,
}

/// Lists what is counted of a cluster, by number. Generic resources follow in the order in which the nodes name them;
/// that of GPUs brings their memory and their use, as in the original.
pub fn trackables(cluster: &Cluster) -> Vec<Trackable> {
    let nodes = || cluster.nodes.iter().filter(|node| !node.flags.gone);
    let cpus = nodes().map(|node| u64::from(node.topology.cpus)).sum();
    let memory = nodes().fold(0_u64, |sum, node| sum.saturating_add(node.memory));
    let one = |id, kind: &'static str, name: &'static str, count| Trackable {
        id,
        kind: Text::const_new(kind),
        name: Text::const_new(name),
        count,
    };
    let mut all = vec![
        one(CPU, "cpu", "", cpus),
        one(MEMORY, "mem", "", memory),
        one(ENERGY, "energy", "", 0),
        one(NODE, "node", "", nodes().count() as u64),
        one(BILLING, "billing", "", cpus),
        one(DISK, "fs", "disk", 0),
        one(VIRTUAL_MEMORY, "vmem", "", 0),
        one(PAGES, "pages", "", 0),
    ];
    let mut kinds: Vec<(Text, u64)> = Vec::new();
    for gres in nodes().flat_map(|node| &node.gres) {
        let count = u64::from(gres.count) + u64::from(gres.taken_away);
        match kinds.iter_mut().find(|(name, _)| *name == gres.name) {
            Some((_, sum)) => *sum += count,
            None => kinds.push((gres.name.clone(), count)),
        }
    }
    let with_gpu = kinds.iter().any(|(name, _)| name == "gpu");
    if with_gpu {
        kinds.extend([(Text::const_new("gpumem"), 0), (Text::const_new("gpuutil"), 0)]);
    }
    let numbers = DYNAMIC_OFFSET + 1..;
    all.extend(numbers.zip(kinds).map(|(id, (name, count))| Trackable {
        id,
        kind: Text::const_new("gres"),
        name,
        count,
    }));
    all
}

/// Numbers of the generic resources of a cluster by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(Vec<(Text, u32)>);

impl Numbers {
    /// Looks at what a cluster has.
    pub fn of_cluster(cluster: &Cluster) -> Self {
        let gres = trackables(cluster).into_iter().filter(|one| one.kind == "gres");
        Numbers(gres.map(|one| (one.name, one.id)).collect())
    }

    /// Returns the number of a generic resource.
    pub fn of(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, number)| *number)
    }

    /// Goes through all: name and number.
    pub fn iter(&self) -> impl Iterator<Item = &(Text, u32)> {
        self.0.iter()
    }
}
