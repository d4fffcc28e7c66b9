//! Finds a step's place in its job's allocation, or says in Slurm's words why there is none.

use super::deal::deal;
use domain::cluster::{Cluster, Node};
use domain::job::{Allocation, CpuSet, GresShare, JobStep, Memory, NodeShare};
use smallvec::SmallVec;
use std::sync::Arc;
use supervise::steps::{Distribution, MAX_TASKS, StepGres, StepMemory, StepPer, StepRequest};

/// Why a step has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Others are in the way; it may try again.
    Wait(&'static str),
    /// There never will be one.
    Never(&'static str),
}

const BUSY: Obstacle = Obstacle::Wait("Requested nodes are busy");
const NO_SUCH_NODES: Obstacle = Obstacle::Never("Requested node configuration is not available");
const TOO_MANY_CPUS: Obstacle = Obstacle::Never("More processors requested than permitted");
const TOO_MUCH_MEMORY: Obstacle = Obstacle::Never("Memory required by task is not available");
const BAD_GRES: Obstacle = Obstacle::Never("Invalid generic resource (gres) specification");

/// A node of the job as the step finds it.
struct Ground<'a> {
    share: &'a NodeShare,
    node: &'a Node,
    /// CPUs that no other step has for itself.
    free: CpuSet,
    /// Memory that no other step has for itself, megabytes.
    memory: u64,
    /// Units of the job's that no other step has for itself, in the order of the share's own.
    gres: Vec<CpuSet>,
}

/// Finds a place for a step among the steps that live, in a job that asked for its own memory like this.
pub(crate) fn place(
    request: &StepRequest,
    memory: Memory,
    allocation: &Allocation,
    live: &[Arc<JobStep>],
    cluster: &Cluster,
) -> Result<SmallVec<[NodeShare; 1]>, Obstacle> {
    let grounds = grounds(request, allocation, live, cluster)?;
    let wanted = Wanted::of(request, memory, grounds.len())?;
    // What would not fit into an empty allocation never will.
    let empty: Vec<Ground<'_>> = grounds.iter().map(|ground| ground.empty()).collect();
    let never = |obstacle| match obstacle {
        Obstacle::Wait(_) => TOO_MANY_CPUS,
        never => never,
    };
    wanted.check_gres(&empty)?;
    wanted.shares(&empty).map_err(never)?;
    wanted.shares(&grounds)
}

/// The nodes that a step may have, in the order in which it would take them.
fn grounds<'a>(
    request: &StepRequest,
    allocation: &'a Allocation,
    live: &[Arc<JobStep>],
    cluster: &'a Cluster,
) -> Result<Vec<Ground<'a>>, Obstacle> {
    let mut grounds = Vec::new();
    for share in &allocation.nodes {
        let Some(node) = cluster.node(share.node) else { continue };
        grounds.push(Ground::of(share, node, live, request.overlap));
    }
    if request.nodes.iter().any(|name| !grounds.iter().any(|ground| ground.node.name == *name)) {
        return Err(NO_SUCH_NODES);
    }
    if let Some(first) = request.relative {
        if first as usize >= grounds.len() {
            return Err(NO_SUCH_NODES);
        }
        grounds.drain(..first as usize);
    }
    grounds.retain(|ground| {
        let named = request.nodes.is_empty() || request.nodes.iter().any(|name| ground.node.name == *name);
        named && !request.excluded.iter().any(|name| ground.node.name == *name)
    });
    if grounds.is_empty() || request.min_nodes.is_some_and(|fewest| fewest as usize > grounds.len()) {
        return Err(NO_SUCH_NODES);
    }
    Ok(grounds)
}

impl<'a> Ground<'a> {
    fn of(share: &'a NodeShare, node: &'a Node, live: &[Arc<JobStep>], overlaps: bool) -> Self {
        let mut ground = Ground {
            share,
            node,
            free: share.cpus.clone(),
            memory: share.memory,
            gres: share.gres.iter().map(|gres| gres.units.clone()).collect(),
        };
        if overlaps {
            return ground;
        }
        let taken = live.iter().filter(|step| !step.overlaps).flat_map(|step| &step.shares);
        // Another component of the same job may have a part of the same node, and other CPUs there.
        let is_here = |taken: &&NodeShare| taken.node == share.node && taken.cpus.overlaps(&share.cpus);
        for taken in taken.filter(is_here) {
            ground.free.remove(&taken.cpus);
            ground.memory = ground.memory.saturating_sub(taken.memory);
            for gres in &taken.gres {
                let own = share.gres.iter().position(|own| own.at == gres.at);
                if let Some(units) = own.and_then(|own| ground.gres.get_mut(own)) {
                    units.remove(&gres.units);
                }
            }
        }
        ground
    }

    /// The same node without any other step.
    fn empty(&self) -> Self {
        Ground::of(self.share, self.node, &[], true)
    }

    /// Units of a generic resource that are free.
    fn units(&self, wanted: &StepGres) -> u64 {
        self.kinds(wanted).map(|(_, units)| u64::from(units.len())).sum()
    }

    /// The job's kinds of a generic resource that fit a wish, and what is free of them.
    fn kinds(&self, wanted: &StepGres) -> impl Iterator<Item = (usize, &CpuSet)> {
        let fits = |at: usize| {
            self.node.gres.get(at).is_some_and(|gres| {
                gres.name == *wanted.name && (wanted.kind.is_empty() || gres.kind == *wanted.kind)
            })
        };
        let all = self.share.gres.iter().zip(&self.gres);
        all.filter(move |(own, _)| fits(own.at)).map(|(own, units)| (own.at, units))
    }
}

/// A request with every number settled.
struct Wanted<'a> {
    request: &'a StepRequest,
    tasks: u32,
    fewest: usize,
    most: usize,
    cpus: u32,
    exact: bool,
    memory: StepMemory,
}

impl<'a> Wanted<'a> {
    fn of(request: &'a StepRequest, memory: Memory, nodes: usize) -> Result<Self, Obstacle> {
        let fewest = (request.min_nodes.unwrap_or(1).max(1) as usize).max(request.nodes.len());
        let most = request.max_nodes.map_or(nodes, |most| most as usize).clamp(1, nodes);
        let by_nodes = u32::try_from(if request.min_nodes.is_some() { fewest } else { most }).unwrap_or(1);
        let by_nodes = by_nodes.saturating_mul(request.tasks_per_node.unwrap_or(1));
        let tasks = request.tasks.unwrap_or(by_nodes);
        if tasks == 0 || tasks > MAX_TASKS || request.cpus_per_task == Some(0) {
            return Err(TOO_MANY_CPUS);
        }
        if fewest > most {
            return Err(NO_SUCH_NODES);
        }
        // A job whose CPUs have memory of their own passes that on.
        let memory = match (request.memory, memory) {
            (StepMemory::Default, Memory::PerCpu(each)) => StepMemory::PerCpu(each),
            (memory, _) => memory,
        };
        Ok(Wanted {
            request,
            tasks,
            fewest: fewest.min(tasks as usize),
            most: most.min(tasks as usize),
            cpus: request.cpus_per_task.unwrap_or(1),
            exact: request.exact || request.cpus_per_task.is_some(),
            memory,
        })
    }

    /// Refuses generic resources that the job does not have.
    fn check_gres(&self, empty: &[Ground<'_>]) -> Result<(), Obstacle> {
        let has = |gres: &StepGres| {
            let units = empty.iter().map(|ground| ground.units(gres));
            match gres.per {
                StepPer::Node => units.max().unwrap_or(0),
                StepPer::Step | StepPer::Task => units.sum(),
            }
        };
        let wants = |gres: &StepGres| match gres.per {
            StepPer::Task => gres.count.saturating_mul(u64::from(self.tasks)),
            StepPer::Node | StepPer::Step => gres.count,
        };
        match self.request.gres.iter().flatten().find(|gres| wants(gres) > has(gres)) {
            Some(_) => Err(BAD_GRES),
            None => Ok(()),
        }
    }

    fn shares(&self, grounds: &[Ground<'_>]) -> Result<SmallVec<[NodeShare; 1]>, Obstacle> {
        let room: Vec<u32> = grounds.iter().map(|ground| self.room(ground)).collect();
        let chosen = self.choose(&room)?;
        let room: Vec<u32> = chosen.iter().map(|at| room.get(*at).copied().unwrap_or(0)).collect();
        let counts = deal(self.tasks, &room, self.request.distribution, self.request.overcommit);
        let mut shares: SmallVec<[NodeShare; 1]> = SmallVec::new();
        let mut whole_step = WholeStep::of(self.request);
        for (place, (at, tasks)) in chosen.iter().zip(counts).enumerate() {
            let Some(ground) = grounds.get(*at) else { continue };
            let later: Vec<&Ground<'_>> =
                chosen.iter().skip(place + 1).filter_map(|at| grounds.get(*at)).collect();
            let gres = self.gres(ground, tasks, &mut whole_step, &later)?;
            let cpus = self.cpus(ground, tasks);
            let memory = self.memory(ground, &cpus, &gres)?;
            shares.push(NodeShare { node: ground.share.node, cpus, memory, tasks, gres });
        }
        Ok(shares)
    }

    /// How many tasks a node has room for.
    fn room(&self, ground: &Ground<'_>) -> u32 {
        // Who takes everything must have everything.
        if !self.exact && !self.request.overlap && ground.free != ground.share.cpus {
            return 0;
        }
        let by_cpus = match self.request.overcommit {
            true if ground.free.is_empty() => 0,
            true => u32::MAX,
            false => ground.free.len() / self.cpus,
        };
        let per_task =
            self.request.gres.iter().flatten().filter(|gres| gres.per == StepPer::Task && gres.count > 0);
        let by_gres = per_task.map(|gres| ground.units(gres) / gres.count).min().unwrap_or(u64::MAX);
        let by_gres = u32::try_from(by_gres).unwrap_or(u32::MAX);
        by_cpus.min(by_gres).min(self.request.tasks_per_node.unwrap_or(u32::MAX))
    }

    /// Chooses nodes in their order; if those have not enough room, the roomiest.
    fn choose(&self, room: &[u32]) -> Result<Vec<usize>, Obstacle> {
        let enough = |chosen: &[usize]| {
            let sum: u64 = chosen.iter().filter_map(|at| room.get(*at)).map(|room| u64::from(*room)).sum();
            chosen.len() >= self.fewest && sum >= u64::from(self.tasks)
        };
        let mut usable: Vec<usize> =
            (0..room.len()).filter(|at| room.get(*at).is_some_and(|room| *room > 0)).collect();
        if self.request.nodes.len() > usable.len() {
            return Err(BUSY);
        }
        let mut first = Vec::new();
        for at in &usable {
            if first.len() < self.most && !enough(&first) {
                first.push(*at);
            }
        }
        if enough(&first) {
            return Ok(first);
        }
        usable.sort_by_key(|at| std::cmp::Reverse(room.get(*at).copied()));
        usable.truncate(self.most);
        usable.sort_unstable();
        if enough(&usable) { Ok(usable) } else { Err(BUSY) }
    }

    /// Chooses CPUs, whole cores together. Where steps overlap, those are preferred that come first.
    fn cpus(&self, ground: &Ground<'_>, tasks: u32) -> CpuSet {
        if !self.exact {
            return ground.free.clone();
        }
        let wanted = tasks.saturating_mul(self.cpus).min(ground.free.len()).max(1);
        let granule = ground.node.topology.granule().max(1);
        let mut chosen = CpuSet::default();
        let mut last_core = None;
        for cpu in ground.free.iter() {
            let core = cpu / granule;
            if chosen.len() >= wanted && last_core != Some(core) {
                break;
            }
            last_core = Some(core);
            chosen.insert(cpu);
        }
        chosen
    }

    fn memory(&self, ground: &Ground<'_>, cpus: &CpuSet, gres: &[GresShare]) -> Result<u64, Obstacle> {
        let all = ground.share.memory;
        let gpus = || {
            let is_gpu =
                |share: &&GresShare| ground.node.gres.get(share.at).is_some_and(|gres| gres.name == "gpu");
            gres.iter().filter(is_gpu).map(|share| u64::from(share.units.len())).sum::<u64>()
        };
        let wanted = match self.memory {
            // Nobody counts the memory of this job.
            _ if all == 0 => return Ok(0),
            // All of it, together with others: nothing of it is the step's own.
            StepMemory::PerNode(0) => return Ok(0),
            StepMemory::Default => all,
            StepMemory::PerNode(megabytes) => megabytes,
            // What the job has by rounding to whole cores cannot be asked for twice.
            StepMemory::PerCpu(each) => each.saturating_mul(u64::from(cpus.len())),
            StepMemory::PerGpu(each) => each.saturating_mul(gpus()),
        };
        match wanted {
            wanted if wanted > all => Err(TOO_MUCH_MEMORY),
            wanted if wanted > ground.memory => Err(BUSY),
            wanted => Ok(wanted),
        }
    }

    fn gres(
        &self,
        ground: &Ground<'_>,
        tasks: u32,
        whole_step: &mut WholeStep,
        later: &[&Ground<'_>],
    ) -> Result<SmallVec<[GresShare; 1]>, Obstacle> {
        let Some(list) = &self.request.gres else {
            // All that the job has there, if nobody else has some of it.
            let is_whole = ground.share.gres.iter().zip(&ground.gres).all(|(own, free)| own.units == *free);
            return if is_whole { Ok(ground.share.gres.clone()) } else { Err(BUSY) };
        };
        let mut shares: SmallVec<[GresShare; 1]> = SmallVec::new();
        for (index, wanted) in list.iter().enumerate() {
            let count = match wanted.per {
                StepPer::Node => wanted.count,
                StepPer::Task => wanted.count.saturating_mul(u64::from(tasks)),
                StepPer::Step => whole_step.here(index, ground.units(wanted), later, wanted),
            };
            if !take_units(ground, wanted, count, &mut shares) {
                return Err(BUSY);
            }
        }
        if later.is_empty() && whole_step.is_short() {
            return Err(BUSY);
        }
        Ok(shares)
    }
}

/// Counts for the whole step, on their way over its nodes.
struct WholeStep {
    left: Vec<u64>,
}

impl WholeStep {
    fn of(request: &StepRequest) -> Self {
        let list = request.gres.as_deref().unwrap_or_default();
        let left = list.iter().map(|gres| if gres.per == StepPer::Step { gres.count } else { 0 });
        WholeStep { left: left.collect() }
    }

    /// How many this node gives: each node after it gives one at least.
    fn here(&mut self, index: usize, free: u64, later: &[&Ground<'_>], wanted: &StepGres) -> u64 {
        let Some(left) = self.left.get_mut(index) else { return 0 };
        let reserved = later.iter().filter(|ground| ground.units(wanted) > 0).count() as u64;
        let here = free.min(left.saturating_sub(reserved).max(u64::from(*left > 0)));
        *left -= here.min(*left);
        here
    }

    fn is_short(&self) -> bool {
        self.left.iter().any(|left| *left > 0)
    }
}

/// Takes the lowest free units; says whether there were enough.
fn take_units(
    ground: &Ground<'_>,
    wanted: &StepGres,
    mut count: u64,
    shares: &mut SmallVec<[GresShare; 1]>,
) -> bool {
    for (at, free) in ground.kinds(wanted) {
        let taken =
            shares.iter().find(|share| share.at == at).map(|share| share.units.clone()).unwrap_or_default();
        let units: CpuSet = free
            .iter()
            .filter(|unit| !taken.contains(*unit))
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .collect();
        count -= u64::from(units.len()).min(count);
        match shares.iter_mut().find(|share| share.at == at) {
            Some(share) => share.units.add(&units),
            None if !units.is_empty() => shares.push(GresShare { at, units }),
            None => {}
        }
    }
    count == 0
}

/// How tasks were dealt out, for those who must know each one's node.
pub(super) fn node_of_each(tasks: &[u32], distribution: Distribution) -> Vec<u32> {
    super::deal::ranks(tasks, distribution)
}
