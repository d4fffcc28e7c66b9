//! What a job needs in one partition, with the partition's defaults and limits worked in, and what it needs of
//! a single node. Follows select/cons_tres with cores and memory as what is given out.

use super::Amounts;
use crate::cluster::{Cluster, Node, Partition};
use crate::job::{Constraint, GresRequest, JobSpec, Memory, Per, Resources, Sharing};
use crate::{NodeIndex, Text};
use smallvec::SmallVec;

/// What a job needs in one partition.
#[derive(Clone, Debug)]
pub struct Demand<'a> {
    /// The partition.
    pub partition: &'a Partition,
    /// What was asked for.
    pub resources: &'a Resources,
    /// Features tried first.
    pub prefer: Option<&'a Constraint>,
    /// Fewest nodes.
    pub min_nodes: u32,
    /// Most nodes.
    pub max_nodes: u32,
    /// Tasks in all; at least one on each node.
    pub tasks: u32,
    /// Fewest CPUs in all.
    pub least_cpus: u32,
    /// The job gets whole nodes.
    pub whole: bool,
    /// Nodes it must have.
    pub required: SmallVec<[NodeIndex; 1]>,
    excluded: SmallVec<[NodeIndex; 1]>,
    task_cpus: u32,
    node_cpus: u32,
    memory: MemoryNeed,
}

/// Memory needed, megabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MemoryNeed {
    /// On each node; zero where nothing was said and nothing is configured: then memory is not counted.
    Node(u64),
    /// All that the node has.
    Whole,
    /// For each CPU given.
    Cpu(u64),
}

/// Why a partition can never meet a request as it is configured now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// More or fewer nodes than the partition gives.
    NodeLimit,
    /// More memory than the partition gives.
    MemoryLimit,
    /// A node that is not configured.
    UnknownNode(Text),
    /// A node that the partition does not have, or that is excluded as well.
    NodeOutside(Text),
}

impl<'a> Demand<'a> {
    /// Works out what a job needs in a partition.
    ///
    /// # Errors
    /// [`Misfit`] where the partition's limits or the cluster's nodes rule the job out.
    pub fn of(cluster: &Cluster, partition: &'a Partition, spec: &'a JobSpec) -> Result<Self, Misfit> {
        let resources = &spec.resources;
        let (required, excluded) = named_nodes(cluster, partition, resources)?;
        let (min_nodes, max_nodes) = node_range(partition, resources, required.len())?;
        let (memory, factor, memory_cpus) = memory_need(partition, resources)?;
        let task_cpus = resources.task_cpus().saturating_mul(factor);
        let per_node = u32::from(resources.tasks_per_node.max(1));
        let tasks = resources.tasks.unwrap_or_else(|| min_nodes.saturating_mul(per_node)).max(min_nodes);
        // A task cannot be on two nodes, so more nodes than tasks are never given.
        let max_nodes = max_nodes.min(tasks.max(min_nodes));
        Ok(Demand {
            partition,
            resources,
            prefer: spec.uncommon.as_deref().and_then(|uncommon| uncommon.prefer.as_ref()),
            min_nodes,
            max_nodes,
            tasks,
            least_cpus: resources.min_cpus,
            whole: partition.exclusive || matches!(resources.sharing, Sharing::Exclusive | Sharing::Topology),
            required,
            excluded,
            task_cpus,
            node_cpus: u32::from(resources.min_cpus_per_node).max(memory_cpus),
            memory,
        })
    }

    /// Tells whether the job wants no other user's jobs on its nodes.
    pub fn is_for_one_user(&self) -> bool {
        self.resources.sharing == Sharing::SameUser
    }

    /// Returns how many jobs may be on each of its CPUs.
    pub fn cpu_sharers(&self) -> u16 {
        cpu_sharers(self.partition, self.resources)
    }

    /// Tells whether a node is of the right kind, whatever is free there.
    pub fn suits(&self, index: NodeIndex, node: &Node) -> bool {
        let (resources, topology) = (self.resources, node.topology);
        !self.excluded.contains(&index)
            && topology.sockets >= resources.sockets_per_node
            && topology.cores >= resources.cores_per_socket
            && topology.threads >= resources.threads_per_core
            && node.tmp_disk >= u64::from(resources.tmp_disk)
            && resources.constraint.as_ref().is_none_or(|wanted| wanted.holds(&node.active_features))
    }

    /// Returns how many tasks a node can take with this much free; zero if it is of no use.
    pub fn most_tasks(&self, node: &Node, free: &Amounts) -> u32 {
        let (resources, topology) = (self.resources, node.topology);
        if self.whole && free.cpus < topology.cpus {
            return 0;
        }
        let cpus = self.usable_cpus(node, free);
        if cpus == 0 || cpus < self.node_cpus {
            return 0;
        }
        let mut most = if resources.overcommit { self.tasks } else { cpus / self.task_cpus };
        let mut at_most = |limit: u16, times: u32| {
            if limit > 0 {
                most = most.min(u32::from(limit).saturating_mul(times));
            }
        };
        at_most(resources.tasks_per_node, 1);
        at_most(resources.tasks_per_core, (cpus / topology.granule()).max(1));
        at_most(resources.tasks_per_socket, u32::from(topology.sockets));
        at_most(resources.tasks_per_board, u32::from(topology.boards));
        for request in &resources.gres {
            let there = matching_units(node, request, &free.gres);
            let count = units(request.count);
            most = match request.per {
                Per::Task => most.min(there.checked_div(count).unwrap_or(u32::MAX)),
                _ if there < self.fixed_units(request) => 0,
                _ => most,
            };
        }
        most.min(self.tasks)
    }

    /// Returns what so many tasks take of a node, apart from generic resources counted by the whole job.
    pub fn needs(&self, node: &Node, tasks: u32) -> Amounts {
        let cpus = self.cpus_for(node, tasks);
        Amounts { cpus, memory: self.memory_for(node, cpus), gres: SmallVec::new() }
    }

    /// Returns the CPUs that so many tasks take of a node: whole cores.
    fn cpus_for(&self, node: &Node, tasks: u32) -> u32 {
        let topology = node.topology;
        if self.whole {
            return topology.cpus;
        }
        let granule = topology.granule();
        let for_tasks = match self.resources.tasks_per_core {
            _ if self.resources.overcommit => 1,
            0 => tasks.saturating_mul(self.task_cpus),
            on_core => tasks
                .saturating_mul(self.task_cpus)
                .max(tasks.div_ceil(u32::from(on_core)).saturating_mul(granule)),
        };
        whole_cores(for_tasks.max(self.node_cpus).max(1), granule, topology.cpus)
    }

    /// Returns the memory that goes with so many CPUs of a node, megabytes.
    pub fn memory_for(&self, node: &Node, cpus: u32) -> u64 {
        match self.memory {
            MemoryNeed::Node(memory) => memory,
            MemoryNeed::Whole => node.memory,
            MemoryNeed::Cpu(memory) => {
                let all = memory.saturating_mul(u64::from(cpus));
                // Somebody who gets all CPUs without asking for them is not asked for their memory.
                if self.whole { all.min(node.memory) } else { all }
            }
        }
    }

    /// Returns the CPUs of whole cores that the job may use of what is free on a node.
    pub fn usable_cpus(&self, node: &Node, free: &Amounts) -> u32 {
        let granule = node.topology.granule();
        let most = match self.memory {
            MemoryNeed::Node(memory) if free.memory < memory => 0,
            MemoryNeed::Whole if free.memory < node.memory => 0,
            MemoryNeed::Cpu(memory) if !self.whole => {
                let covered = free.memory.checked_div(memory).unwrap_or(u64::MAX);
                u32::try_from(covered).unwrap_or(u32::MAX)
            }
            _ => u32::MAX,
        };
        let most = most.min(self.partition.max_cpus_per_node.unwrap_or(u32::MAX));
        let cpus = free.cpus.min(most);
        if cpus == node.topology.cpus { cpus } else { cpus - cpus % granule }
    }

    /// Picks generic resources of a node for so many tasks, and so many more units of those counted by the job.
    /// Returns the count from each of the node's resources.
    pub fn pick_gres(
        &self,
        node: &Node,
        free: &Amounts,
        tasks: u32,
        job_units: &[u32],
    ) -> Option<SmallVec<[u32; 2]>> {
        if self.whole {
            // Whole nodes come with everything in them; the requests must fit all the same.
            self.pick(node, free, tasks, job_units)?;
            return Some(free.gres.clone());
        }
        self.pick(node, free, tasks, job_units)
    }

    fn pick(&self, node: &Node, free: &Amounts, tasks: u32, job_units: &[u32]) -> Option<SmallVec<[u32; 2]>> {
        let mut taken: SmallVec<[u32; 2]> = node.gres.iter().map(|_| 0).collect();
        let mut job_units = job_units.iter();
        let wants = self.resources.gres.iter().map(|request| {
            let wanted = match request.per {
                Per::Job => job_units.next().copied().unwrap_or(0),
                Per::Task => units(request.count).saturating_mul(tasks),
                Per::Node | Per::Socket => self.fixed_units(request),
            };
            (request, wanted)
        });
        let mut wants: SmallVec<[(&GresRequest, u32); 2]> = wants.collect();
        // Those who want a certain type choose before those who take any.
        wants.sort_by_key(|(request, _)| request.kind.is_empty());
        for (request, mut wanted) in wants {
            for (at, gres) in node.gres.iter().enumerate() {
                if wanted == 0 {
                    break;
                }
                if gres.name == request.name && (request.kind.is_empty() || gres.kind == request.kind) {
                    let more = (free.gres.get(at).copied().unwrap_or(0) - taken[at]).min(wanted);
                    taken[at] += more;
                    wanted -= more;
                }
            }
            if wanted > 0 {
                return None;
            }
        }
        Some(taken)
    }

    /// Returns the units a request takes of each node however many tasks are there; one where it counts by the job,
    /// since each node must have a part in it.
    fn fixed_units(&self, request: &GresRequest) -> u32 {
        match request.per {
            Per::Job => units(request.count).min(1),
            Per::Node => units(request.count),
            Per::Socket => {
                units(request.count).saturating_mul(u32::from(self.resources.sockets_per_node.max(1)))
            }
            Per::Task => 0,
        }
    }
}

/// Returns how many jobs may be on each CPU of such a job; one if it shares with nobody.
pub(crate) fn cpu_sharers(partition: &Partition, resources: &Resources) -> u16 {
    if resources.sharing == Sharing::Oversubscribe && !partition.exclusive {
        partition.oversubscribe.max(1)
    } else {
        1
    }
}

/// Returns the units of a node that a request would take.
pub(super) fn matching_units(node: &Node, request: &GresRequest, free: &[u32]) -> u32 {
    let fits = |gres: &crate::cluster::Gres| {
        gres.name == request.name && (request.kind.is_empty() || gres.kind == request.kind)
    };
    node.gres.iter().zip(free).filter(|(gres, _)| fits(gres)).map(|(_, free)| *free).sum()
}

/// Returns a count of units as a number that fits; more than that no node has.
pub(super) fn units(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Rounds up to whole cores, but not beyond what the node has if the wish itself is not.
fn whole_cores(cpus: u32, granule: u32, most: u32) -> u32 {
    let rounded = cpus.div_ceil(granule).saturating_mul(granule);
    if cpus <= most { rounded.min(most) } else { rounded }
}

type Named = SmallVec<[NodeIndex; 1]>;

fn named_nodes(
    cluster: &Cluster,
    partition: &Partition,
    resources: &Resources,
) -> Result<(Named, Named), Misfit> {
    let index = |name: &Text| cluster.node_index(name).ok_or_else(|| Misfit::UnknownNode(name.clone()));
    let excluded: Named = resources.excluded_nodes.iter().map(index).collect::<Result<_, _>>()?;
    let mut required: Named = resources.required_nodes.iter().map(index).collect::<Result<_, _>>()?;
    required.sort_unstable();
    required.dedup();
    let outside = |node: &&NodeIndex| partition.nodes.binary_search(node).is_err() || excluded.contains(node);
    match required.iter().find(outside).and_then(|node| cluster.node(*node)) {
        Some(node) => Err(Misfit::NodeOutside(node.name.clone())),
        None => Ok((required, excluded)),
    }
}

fn node_range(partition: &Partition, resources: &Resources, required: usize) -> Result<(u32, u32), Misfit> {
    let required = u32::try_from(required).unwrap_or(u32::MAX);
    let mut min = resources.min_nodes.max(partition.min_nodes).max(required).max(1);
    if let (Some(tasks), on_node @ 1..) = (resources.tasks, u32::from(resources.tasks_per_node)) {
        min = min.max(tasks.div_ceil(on_node));
    }
    let wished = if resources.max_nodes == 0 { u32::MAX } else { resources.max_nodes.max(required) };
    let max = wished.min(partition.max_nodes.unwrap_or(u32::MAX));
    if min > max { Err(Misfit::NodeLimit) } else { Ok((min, max)) }
}

/// Works out the memory, by how much the CPUs of each task grow to stay within the partition's memory for
/// each CPU, and the CPUs each node must give for the same reason.
fn memory_need(partition: &Partition, resources: &Resources) -> Result<(MemoryNeed, u32, u32), Misfit> {
    let asked = match resources.memory {
        Memory::Default => match (partition.default_memory_per_cpu, partition.default_memory_per_node) {
            (Some(memory), _) => MemoryNeed::Cpu(memory),
            (None, Some(memory)) => MemoryNeed::Node(memory),
            (None, None) => return Ok((MemoryNeed::Node(0), 1, 0)),
        },
        Memory::PerNode(0) => MemoryNeed::Whole,
        Memory::PerNode(memory) => MemoryNeed::Node(memory),
        Memory::PerCpu(memory) => MemoryNeed::Cpu(memory),
    };
    let over_node = |memory: u64| partition.max_memory_per_node.is_some_and(|most| memory > most);
    let cpus = |memory: u64, most: u64| u32::try_from(memory.div_ceil(most)).unwrap_or(u32::MAX);
    match (asked, partition.max_memory_per_cpu.filter(|most| *most > 0)) {
        (MemoryNeed::Node(memory), _) if over_node(memory) => Err(Misfit::MemoryLimit),
        (MemoryNeed::Cpu(memory), _) if over_node(memory) => Err(Misfit::MemoryLimit),
        (MemoryNeed::Node(memory), Some(most)) => Ok((asked, 1, cpus(memory, most))),
        (MemoryNeed::Cpu(memory), Some(most)) if memory > most => {
            let factor = cpus(memory, most);
            Ok((MemoryNeed::Cpu(memory.div_ceil(u64::from(factor))), factor, 0))
        }
        _ => Ok((asked, 1, 0)),
    }
}
