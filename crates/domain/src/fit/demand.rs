//! What a job needs in one partition, with the partition's defaults and limits worked in. Follows select/cons_tres with
//! cores and memory as what is given out; what it needs of a single node is worked out in `carve`.

use super::Amounts;
use super::sharing::cpu_sharers;
use crate::cluster::{Cluster, Node, NodeUse, Partition, QosFlags};
use crate::job::{Constraint, GresRequest, JobFlags, JobSpec, Memory, Per, Resources, Sharing};
use crate::{NodeIndex, Text};
use smallvec::SmallVec;
use std::time::Duration;

/// What a job needs in one partition.
#[derive(Clone, Debug)]
pub struct Demand<'a> {
    /// The partition.
    pub partition: &'a Partition,
    /// What was asked for.
    pub resources: &'a Resources,
    /// Features tried first, in the place of those that are asked for.
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
    /// Most leaf switches, while it waits for them.
    pub most_switches: Option<u32>,
    /// How long it waits for them.
    pub switch_wait: Duration,
    /// The security label of the job.
    pub label: &'a Text,
    pub(super) excluded: SmallVec<[NodeIndex; 1]>,
    pub(super) task_cpus: u32,
    /// A node takes as many tasks as wanted, since they share the CPUs of one (`--overcommit`).
    pub(super) tasks_share: bool,
    pub(super) node_cpus: u32,
    pub(super) memory: MemoryNeed,
    /// Features of its first node.
    pub(super) batch: Option<Constraint>,
    /// Tasks that each further node takes, where their number was not said.
    pub(super) tasks_by_node: Option<u32>,
    pub(super) spread: Spread,
    /// CPUs that come with each unit of a generic resource.
    pub(super) cpus_per_gres: SmallVec<[(Text, u32); 1]>,
    /// CPUs must be near the generic resources.
    pub(super) bound: bool,
    /// CPUs come socket after socket; otherwise from all sockets in turn.
    pub(super) socket_by_socket: bool,
    /// CPUs of each node that the job leaves to the system.
    pub(super) left_out: Option<LeftOut>,
    sharers: u16,
    for_one_user: bool,
}

/// Memory needed, megabytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MemoryNeed {
    /// On each node; zero where nothing was said and nothing is configured: then memory is not counted.
    Node(u64),
    /// All that the node has.
    Whole,
    /// For each CPU given.
    Cpu(u64),
    /// For each unit of a generic resource.
    Gres(Text, u64),
}

/// Over how many nodes a job goes that may go over more or fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spread {
    /// Over the fewest.
    Few,
    /// Over as many as it may, since it named the most (Slurm fills a range of nodes up).
    Many,
    /// Over as many as it may, with tasks evenly divided (`SPREAD_JOB`).
    Even,
}

/// What a job leaves to the system on each node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftOut {
    /// So many cores, in the place of those that the node keeps anyhow.
    Cores(u16),
    /// So many CPUs.
    Threads(u16),
}

/// Why a partition can never meet a request as it is configured now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// More or fewer nodes than the partition gives.
    NodeLimit,
    /// More memory than the partition gives.
    MemoryLimit,
    /// Counts that contradict one another.
    Contradiction,
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
        let uncommon = spec.uncommon();
        let (required, excluded) = named_nodes(cluster, partition, resources)?;
        let (min_nodes, mut max_nodes) =
            node_range(partition, resources, required.len(), cluster.qos_flags(&spec.qos))?;
        let gpus = GpuNeed::of(partition, resources);
        let (memory, factor, memory_cpus) = memory_need(partition, resources, gpus.memory.clone())?;
        let per_node = u32::from(resources.tasks_per_node.max(1));
        let tasks = resources.tasks.unwrap_or_else(|| min_nodes.saturating_mul(per_node)).max(min_nodes);
        let by_job = resources.gres.iter().any(|request| request.per == Per::Job && request.count > 0);
        let mut tasks_by_node = None;
        match resources.tasks {
            // A task cannot be on two nodes, so more nodes than tasks are never given.
            Some(_) => max_nodes = max_nodes.min(tasks),
            // Somebody who says nothing gets more nodes where a range was named, or where units are spread over nodes.
            None if resources.max_nodes > 0 || by_job => tasks_by_node = Some(per_node),
            None => max_nodes = min_nodes,
        }
        let task_cpus = resources.task_cpus().saturating_mul(factor).max(gpus.cpus_by(resources, Per::Task));
        // A node must be able to take as many tasks as it may at most, even if fewer go there, unless there is only one
        // (MinCPUsNode of Slurm 26.05).
        let most_on_node = if resources.tasks == Some(1) { 1 } else { u16::MAX };
        let on_node = u32::from(resources.tasks_per_node.min(most_on_node));
        let node_cpus = if resources.overcommit { 0 } else { on_node.saturating_mul(task_cpus) };
        let left_out = left_out(cluster, spec);
        let spread = if spec.flags.has(JobFlags::SPREAD_JOB) {
            Spread::Even
        } else if resources.max_nodes > min_nodes && !spec.flags.has(JobFlags::PREFER_MINIMUM_NODE_COUNT) {
            Spread::Many
        } else {
            Spread::Few
        };
        let distribution = uncommon.distribution.split([',', '+']).next().unwrap_or_default();
        let on_sockets = distribution.split(':').nth(1).unwrap_or_default();
        Ok(Demand {
            partition,
            resources,
            prefer: uncommon.prefer.as_ref(),
            min_nodes,
            max_nodes,
            tasks,
            least_cpus: resources.min_cpus,
            whole: partition.exclusive || resources.sharing == Sharing::Exclusive || left_out.is_some(),
            required,
            most_switches: (uncommon.switches > 0 && !cluster.switches.is_empty())
                .then_some(uncommon.switches),
            switch_wait: Duration::from_secs(uncommon.switch_wait.into()).min(cluster.limits.max_switch_wait),
            label: &uncommon.mcs_label,
            excluded,
            task_cpus,
            // Where the partition's memory for each CPU makes a task's CPUs more, the original counts tasks by those.
            tasks_share: resources.overcommit && factor == 1,
            node_cpus: u32::from(resources.min_cpus_per_node)
                .max(memory_cpus)
                .max(node_cpus)
                .max(gpus.cpus_by(resources, Per::Node)),
            memory,
            batch: Constraint::parse(&uncommon.batch_features).ok(),
            tasks_by_node,
            spread,
            cpus_per_gres: gpus.cpus,
            bound: spec.flags.has(JobFlags::GRES_BINDING_ENFORCED),
            // Tasks of several CPUs keep them together.
            socket_by_socket: match on_sockets {
                "block" => true,
                "cyclic" | "fcyclic" => false,
                _ => task_cpus > 1,
            },
            left_out,
            // Who leaves CPUs to the system is alone with it.
            sharers: if left_out.is_some() { 1 } else { cpu_sharers(partition, resources) },
            for_one_user: partition.sharing.one_user || resources.sharing == Sharing::SameUser,
        })
    }

    /// Returns the demand of a job that has waited so long: it does not insist on few switches for ever.
    #[must_use]
    pub fn after_waiting(mut self, waited: Duration) -> Self {
        if waited >= self.switch_wait {
            self.most_switches = None;
        }
        self
    }

    /// Tells whether the job wants no other user's jobs on its nodes.
    pub fn is_for_one_user(&self) -> bool {
        self.for_one_user
    }

    /// Tells whether the job wants no jobs of another security label on its nodes.
    pub fn is_for_one_label(&self) -> bool {
        self.resources.sharing == Sharing::SameLabel
    }

    /// Returns how many jobs may be on each of its CPUs.
    pub fn cpu_sharers(&self) -> u16 {
        self.sharers
    }

    /// Tells whether nobody else may run on its nodes.
    pub fn is_alone(&self) -> bool {
        self.whole && self.sharers == 1
    }

    /// Lowers what is free on a node to what the partition still gives of it, where it limits the CPUs of its jobs there.
    pub fn lower_to_caps(&self, node: &Node, in_use: &NodeUse, free: &mut Amounts) {
        if in_use.capped.is_empty() || !self.partition.limits_cpus() {
            return;
        }
        let Some((_, used)) = in_use.capped.iter().find(|(name, _)| *name == self.partition.name) else {
            return;
        };
        let count = |cpus: usize| u32::try_from(cpus).unwrap_or(u32::MAX);
        if let Some(most) = self.partition.max_cpus_per_node {
            free.cpus = free.cpus.min(most.saturating_sub(count(used.len())));
        }
        if let Some(most) = self.partition.sharing.max_cpus_per_socket {
            let topology = node.topology;
            let left =
                |socket: u32| most.saturating_sub(count(used.range(topology.socket_cpus(socket)).count()));
            if free.sockets.is_empty() {
                free.cpus = free.cpus.min(left(0));
            }
            for (socket, free) in (0..).zip(&mut free.sockets) {
                *free = (*free).min(left(socket));
            }
        }
    }

    /// Returns the licences it takes, where so many of each are free: all it asks for, or the first of its alternatives
    /// of which there are enough. `None` if there are not.
    pub fn licenses(&self, free: impl Fn(&Text) -> u32) -> Option<&'a [(Text, u32)]> {
        let wanted = self.resources.licenses.as_slice();
        let has = |(name, count): &(Text, u32)| free(name) >= *count;
        if self.resources.any_license {
            let at = wanted.iter().position(has)?;
            return wanted.get(at..=at);
        }
        wanted.iter().all(has).then_some(wanted)
    }

    /// Tells whether a node is of the right kind, whatever is free there and whatever features are asked for.
    pub fn suits(&self, index: NodeIndex, node: &Node) -> bool {
        let (resources, topology) = (self.resources, node.topology);
        // A node with more threads than wanted will do: of each core only so many are used.
        !self.excluded.contains(&index)
            && topology.sockets >= resources.sockets_per_node
            && topology.cores >= resources.cores_per_socket
            && topology.threads >= resources.threads_per_core
            && node.tmp_disk >= u64::from(resources.tmp_disk)
    }

    /// Tells whether a node has the features asked for, as far as it alone is concerned. Preferred ones do not matter.
    pub fn has_features(&self, node: &Node) -> bool {
        let features = &node.active_features;
        self.prefer.is_some()
            || self.resources.constraint.as_ref().is_none_or(|constraint| constraint.holds(features))
    }

    /// Returns the tasks of a placement on so many nodes.
    pub(super) fn tasks_on(&self, nodes: usize) -> u32 {
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        self.tasks_by_node.map_or(self.tasks, |tasks| tasks.saturating_mul(nodes).max(self.tasks))
    }

    /// Tells whether so many nodes are one of the sizes that were asked for.
    pub(super) fn is_size(&self, nodes: u32) -> bool {
        let sizes = &self.resources.node_sizes;
        sizes.is_empty() || sizes.iter().any(|(low, high)| (*low..=*high).contains(&nodes))
    }

    /// Returns the CPUs that come with a unit of a generic resource.
    pub(super) fn cpus_of_unit(&self, request: &GresRequest) -> u32 {
        let of_name = self.cpus_per_gres.iter().find(|(name, _)| *name == request.name);
        of_name.map_or(0, |(_, cpus)| *cpus)
    }
}

/// What comes with units of generic resources: as asked for, or for GPUs as the partition says.
struct GpuNeed {
    cpus: SmallVec<[(Text, u32); 1]>,
    memory: Option<(Text, u64)>,
}

impl GpuNeed {
    fn of(partition: &Partition, resources: &Resources) -> Self {
        const GPU: &str = "gpu";
        let asks_gpu = resources.gres.iter().any(|request| request.name == GPU && request.count > 0);
        let mut cpus: SmallVec<[(Text, u32); 1]> = resources.cpus_per_gres.iter().cloned().collect();
        if let (true, true, Some(count)) = (cpus.is_empty(), asks_gpu, partition.gpu_defaults.cpus) {
            cpus.push((Text::const_new(GPU), count));
        }
        let memory = resources.memory_per_gres.first().cloned().or_else(|| {
            let megabytes = partition.gpu_defaults.memory.filter(|_| asks_gpu)?;
            Some((Text::const_new(GPU), megabytes))
        });
        GpuNeed { cpus, memory }
    }

    /// Returns the CPUs that come with what is asked for by task or node.
    fn cpus_by(&self, resources: &Resources, per: Per) -> u32 {
        let of_kind = resources.gres.iter().filter(|request| request.per == per);
        of_kind
            .map(|request| {
                let each = self.cpus.iter().find(|(name, _)| *name == request.name);
                each.map_or(0, |(_, cpus)| cpus.saturating_mul(units(request.count)))
            })
            .fold(0, u32::saturating_add)
    }
}

/// Returns a count of units as a number that fits; more than that no node has.
pub(super) fn units(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// What the job leaves to the system, if it may say so.
fn left_out(cluster: &Cluster, spec: &JobSpec) -> Option<LeftOut> {
    let uncommon = spec.uncommon();
    if !cluster.limits.allow_core_spec {
        // The original passes over the wish as well.
        return None;
    }
    let threads = || uncommon.thread_spec.map(LeftOut::Threads);
    uncommon.core_spec.map(LeftOut::Cores).or_else(threads)
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

fn node_range(
    partition: &Partition,
    resources: &Resources,
    required: usize,
    qos: QosFlags,
) -> Result<(u32, u32), Misfit> {
    let required = u32::try_from(required).unwrap_or(u32::MAX);
    let counted = resources.constraint.as_ref().map_or(0, Constraint::counted_nodes);
    let mut min = resources.min_nodes.max(required).max(counted).max(1);
    if let (Some(tasks), on_node @ 1..) = (resources.tasks, u32::from(resources.tasks_per_node)) {
        min = min.max(tasks.div_ceil(on_node));
    }
    if resources.max_nodes != 0 && min > resources.max_nodes.max(required) {
        return Err(Misfit::Contradiction);
    }
    let min = if qos.partition_min_nodes { min } else { min.max(partition.min_nodes) };
    let wished = if resources.max_nodes == 0 { u32::MAX } else { resources.max_nodes.max(required) };
    let most = partition.max_nodes.filter(|_| !qos.partition_max_nodes).unwrap_or(u32::MAX);
    let max = wished.min(most);
    if min > max { Err(Misfit::NodeLimit) } else { Ok((min, max)) }
}

/// Works out the memory, by how much the CPUs of each task grow to stay within the partition's memory for
/// each CPU, and the CPUs each node must give for the same reason.
fn memory_need(
    partition: &Partition,
    resources: &Resources,
    of_gres: Option<(Text, u64)>,
) -> Result<(MemoryNeed, u32, u32), Misfit> {
    let asked = match (resources.memory, of_gres) {
        (Memory::PerNode(0), _) => MemoryNeed::Whole,
        (Memory::PerNode(memory), _) => MemoryNeed::Node(memory),
        (Memory::PerCpu(memory), _) => MemoryNeed::Cpu(memory),
        (Memory::Default, Some((name, memory))) => MemoryNeed::Gres(name, memory),
        (Memory::Default, None) => {
            match (partition.default_memory_per_cpu, partition.default_memory_per_node) {
                (Some(memory), _) => MemoryNeed::Cpu(memory),
                (None, Some(memory)) => MemoryNeed::Node(memory),
                (None, None) => return Ok((MemoryNeed::Node(0), 1, 0)),
            }
        }
    };
    let over_node = |memory: u64| partition.max_memory_per_node.is_some_and(|most| memory > most);
    let cpus = |memory: u64, most: u64| u32::try_from(memory.div_ceil(most)).unwrap_or(u32::MAX);
    match (&asked, partition.max_memory_per_cpu.filter(|most| *most > 0)) {
        (MemoryNeed::Node(memory) | MemoryNeed::Cpu(memory), _) if over_node(*memory) => {
            Err(Misfit::MemoryLimit)
        }
        (MemoryNeed::Node(memory), Some(most)) => {
            let cpus = cpus(*memory, most);
            Ok((asked, 1, cpus))
        }
        (MemoryNeed::Cpu(memory), Some(most)) if *memory > most => {
            let factor = cpus(*memory, most);
            Ok((MemoryNeed::Cpu(memory.div_ceil(u64::from(factor))), factor, 0))
        }
        _ => Ok((asked, 1, 0)),
    }
}
