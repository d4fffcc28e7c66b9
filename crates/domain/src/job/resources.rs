//! Resources: what is asked for ([`Resources`]) and what was given ([`Allocation`]).

use super::Constraint;
use crate::{NodeIndex, Text};
use smallvec::{SmallVec, smallvec};

/// What a job asks for. Counts of zero mean "not given".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Fewest nodes; at least one.
    pub min_nodes: u32,
    /// Most nodes; zero for no wish.
    pub max_nodes: u32,
    /// Numbers of nodes that would do, as ranges; empty where every number between the two will.
    pub node_sizes: Vec<(u32, u32)>,
    /// Tasks; `None` where not given, which counts as one per node.
    pub tasks: Option<u32>,
    /// CPUs for each task.
    pub cpus_per_task: u16,
    /// Fewest CPUs in all.
    pub min_cpus: u32,
    /// Most CPUs in all; zero for no wish.
    pub max_cpus: u32,
    /// CPUs each node must have.
    pub min_cpus_per_node: u16,
    /// Most tasks on a node.
    pub tasks_per_node: u16,
    /// Most tasks on a socket.
    pub tasks_per_socket: u16,
    /// Most tasks on a core.
    pub tasks_per_core: u16,
    /// Most tasks on a board.
    pub tasks_per_board: u16,
    /// Sockets each node must have.
    pub sockets_per_node: u16,
    /// Cores each socket must have.
    pub cores_per_socket: u16,
    /// Threads each core must have.
    pub threads_per_core: u16,
    /// Memory; megabytes.
    pub memory: Memory,
    /// Temporary disk each node must have, megabytes.
    pub tmp_disk: u32,
    /// Features the nodes must have.
    pub constraint: Option<Constraint>,
    /// Nodes that must be among those given.
    pub required_nodes: Vec<Text>,
    /// Nodes that must not be.
    pub excluded_nodes: Vec<Text>,
    /// Whether others may run on its nodes.
    pub sharing: Sharing,
    /// Nodes must be neighbours.
    pub contiguous: bool,
    /// More tasks than CPUs are fine.
    pub overcommit: bool,
    /// Generic resources.
    pub gres: SmallVec<[GresRequest; 1]>,
    /// CPUs for each unit of a generic resource.
    pub cpus_per_gres: Vec<(Text, u32)>,
    /// Memory for each unit of a generic resource, megabytes.
    pub memory_per_gres: Vec<(Text, u64)>,
    /// Tasks for each GPU; zero for no such rule.
    pub tasks_per_gpu: u16,
    /// Licences: name and count.
    pub licenses: SmallVec<[(Text, u32); 1]>,
    /// One of the licences will do, the first that is free; otherwise all are needed.
    pub any_license: bool,
}

/// Licences asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicenseWish {
    /// Name and count.
    pub wanted: SmallVec<[(Text, u32); 1]>,
    /// One of them will do; otherwise all are needed.
    pub any: bool,
}

/// Memory asked for, in megabytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// As the partition or the cluster says.
    #[default]
    Default,
    /// So much on each node; zero for all of it.
    PerNode(u64),
    /// So much for each CPU.
    PerCpu(u64),
}

/// Whether a job shares its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// As the partition says.
    #[default]
    Default,
    /// Alone on its nodes.
    Exclusive,
    /// Shares CPUs too, where the partition allows.
    Oversubscribe,
    /// With jobs of the same user only.
    SameUser,
    /// With jobs of the same security label only.
    SameLabel,
    /// Alone on its part of the topology.
    Topology,
}

/// A request for generic resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GresRequest {
    /// Name, such as `gpu`.
    pub name: Text,
    /// Type, such as `a100`; empty for any.
    pub kind: Text,
    /// How many.
    pub count: u64,
    /// Counted how.
    pub per: Per,
}

/// What a count is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// For the whole job.
    Job,
    /// For each node.
    Node,
    /// For each socket.
    Socket,
    /// For each task.
    Task,
}

impl Resources {
    /// Returns the CPUs of a task.
    pub fn task_cpus(&self) -> u32 {
        u32::from(self.cpus_per_task.max(1))
    }

    /// Returns the tasks: as asked for, or as many as nodes and tasks per node make.
    pub fn task_count(&self) -> u32 {
        self.tasks
            .unwrap_or_else(|| self.min_nodes.max(1).saturating_mul(u32::from(self.tasks_per_node.max(1))))
    }

    /// Returns the GPUs that are asked for, those by task left out; `None` if there are none.
    pub fn gpus(&self) -> Option<u32> {
        let nodes = u64::from(self.min_nodes.max(1));
        let sockets = nodes.saturating_mul(u64::from(self.sockets_per_node.max(1)));
        let counted = |request: &GresRequest| match request.per {
            Per::Job => request.count,
            Per::Node => request.count.saturating_mul(nodes),
            Per::Socket => request.count.saturating_mul(sockets),
            Per::Task => 0,
        };
        let all = self.gres.iter().filter(|request| request.name == "gpu").map(counted);
        let sum = all.fold(0, u64::saturating_add);
        (sum > 0).then(|| u32::try_from(sum).unwrap_or(u32::MAX))
    }

    /// Returns the fewest CPUs the job needs in all.
    pub fn least_cpus(&self) -> u32 {
        let for_tasks = if self.overcommit {
            self.min_nodes.max(1)
        } else {
            self.task_count().saturating_mul(self.task_cpus())
        };
        for_tasks.max(self.min_cpus).max(self.min_nodes.max(1))
    }
}

/// A set of CPUs of one node, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuSet(SmallVec<[u64; 2]>);

impl CpuSet {
    /// Returns the set of CPUs 0 to `count - 1`.
    pub fn first(count: u32) -> Self {
        (0..count).collect()
    }

    /// Adds a CPU.
    pub fn insert(&mut self, cpu: u32) {
        let word = cpu as usize / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (cpu % 64);
    }

    /// Adds all CPUs of the other set.
    pub fn add(&mut self, other: &CpuSet) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    /// Takes away all CPUs of the other set.
    pub fn remove(&mut self, other: &CpuSet) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= !theirs;
        }
    }

    /// Tells whether the CPU is in the set.
    pub fn contains(&self, cpu: u32) -> bool {
        self.0.get(cpu as usize / 64).is_some_and(|word| word & (1 << (cpu % 64)) != 0)
    }

    /// Tells whether the two sets have a CPU in common.
    pub fn overlaps(&self, other: &CpuSet) -> bool {
        self.0.iter().zip(&other.0).any(|(mine, theirs)| mine & theirs != 0)
    }

    /// Returns how many CPUs are in the set.
    pub fn len(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Tells whether no CPU is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Returns the CPUs in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at as u32 * 64 + bit)
        })
    }

    /// Returns the words of the bit set, for storage.
    pub fn words(&self) -> &[u64] {
        &self.0
    }

    /// Makes a set from the words of a bit set.
    pub fn from_words(words: &[u64]) -> Self {
        CpuSet(words.into())
    }
}

impl FromIterator<u32> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u32>>(cpus: I) -> Self {
        let mut set = CpuSet(smallvec![]);
        for cpu in cpus {
            set.insert(cpu);
        }
        set
    }
}

/// What a job was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Allocation {
    /// The partition it was started in.
    pub partition: Text,
    /// Its share of each of its nodes, in the order of the nodes.
    pub nodes: SmallVec<[NodeShare; 1]>,
    /// Nobody else runs on these nodes.
    pub whole: bool,
    /// Licences taken.
    pub licenses: SmallVec<[(Text, u32); 1]>,
    /// The reservation it runs in; empty for none.
    pub reservation: Text,
}

/// A job's share of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeShare {
    /// Which node.
    pub node: NodeIndex,
    /// Its CPUs.
    pub cpus: CpuSet,
    /// Its memory, megabytes.
    pub memory: u64,
    /// Tasks that run there.
    pub tasks: u32,
    /// Generic resources there.
    pub gres: SmallVec<[GresShare; 1]>,
}

/// A job's share of one kind of generic resource of a node.
#[derive(Clone, Debug, PartialEq)]
pub struct GresShare {
    /// Place in the node's list of generic resources.
    pub at: usize,
    /// Which of its units, by their numbers.
    pub units: CpuSet,
}

impl Allocation {
    /// Returns the CPUs in all.
    pub fn cpus(&self) -> u32 {
        self.nodes.iter().map(|share| share.cpus.len()).sum()
    }

    /// Returns the memory in all, megabytes.
    pub fn memory(&self) -> u64 {
        self.nodes.iter().map(|share| share.memory).sum()
    }
}
