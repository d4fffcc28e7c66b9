//! What a job has of nodes, as the controller tells it.

use super::Reader;
use crate::slurm::model::resources::{Held, held, licenses};
use domain::cluster::Node;
use domain::job::{Allocation, CpuSet, GresShare, NodeShare};
use domain::{NodeIndex, Text};
use slurm_wire::hostlist;
use slurm_wire::job_info::JobInfo;
use slurm_wire::job_resources::JobResNode;
use slurm_wire::words::CoreStatus;
use smallvec::SmallVec;

impl Reader<'_> {
    pub(super) fn allocation(&self, info: &JobInfo) -> Allocation {
        let told = info.job_resources.as_ref();
        let layout = told.map(|told| &told.nodes.allocation[..]).unwrap_or_default();
        let details: Vec<Vec<Held>> = info.gres_detail.iter().map(|text| held(text)).collect();
        let nodes: SmallVec<[NodeShare; 1]> = match layout {
            [] => self.shares_of_names(info),
            layout => {
                let tasks = spread(info.tasks.unwrap_or(1), layout.len());
                let shares = layout.iter().enumerate().filter_map(|(at, node)| {
                    self.share(node, tasks, details.get(at).map(Vec::as_slice).unwrap_or_default())
                });
                shares.collect()
            }
        };
        let mut nodes = nodes;
        nodes.sort_by_key(|share| share.node);
        Allocation {
            partition: first_of(&info.partition),
            nodes,
            whole: told.is_some_and(|told| told.nodes.whole),
            licenses: licenses(&info.licenses_allocated),
            reservation: info.resv_name.clone(),
        }
    }

    fn share(&self, told: &JobResNode, tasks: u32, details: &[Held]) -> Option<NodeShare> {
        let place = *self.places.get(told.name.as_str())?;
        let node = self.cluster.node(place)?;
        Some(NodeShare {
            node: place,
            cpus: cpus(told, node),
            memory: u64::try_from(told.memory.allocated).unwrap_or(0),
            tasks,
            gres: gres_shares(node, details),
        })
    }

    /// Of a job that is over only the names of its nodes may be told.
    fn shares_of_names(&self, info: &JobInfo) -> SmallVec<[NodeShare; 1]> {
        let cpus = info.cpus.unwrap_or(1);
        self.shares(&info.nodes, cpus, info.tasks.unwrap_or(1), memory_of(&info.tres_alloc_str))
    }

    /// Spreads so much evenly over some nodes.
    pub(in crate::slurm::model) fn shares(
        &self,
        nodes: &str,
        cpus: u32,
        tasks: u32,
        memory: u64,
    ) -> SmallVec<[NodeShare; 1]> {
        let names = hostlist::expand(nodes).unwrap_or_default();
        let places: Vec<NodeIndex> =
            names.iter().filter_map(|name| self.places.get(name.as_str())).copied().collect();
        let count = places.len().max(1);
        let share = |node: NodeIndex| NodeShare {
            node,
            cpus: CpuSet::first(spread(cpus, count)),
            memory: memory / count as u64,
            tasks: spread(tasks, count),
            gres: SmallVec::new(),
        };
        places.into_iter().map(share).collect()
    }
}

fn spread(count: u32, over: usize) -> u32 {
    count.div_ceil(u32::try_from(over).unwrap_or(u32::MAX).max(1)).min(4096)
}

/// Returns the CPUs of the cores that are said to be a job's; the first ones, where the two do not agree.
fn cpus(told: &JobResNode, node: &Node) -> CpuSet {
    let topology = node.topology;
    let (cores, threads) = (u32::from(topology.cores.max(1)), u32::from(topology.threads.max(1)));
    let mut set = CpuSet::default();
    for socket in told.sockets.iter() {
        for core in socket.cores.iter().filter(|core| core.status.contains(CoreStatus::Allocated)) {
            let core = socket.index.saturating_mul(cores).saturating_add(core.index);
            let first = core.saturating_mul(threads);
            (first..first.saturating_add(threads))
                .take_while(|cpu| *cpu < topology.cpus)
                .for_each(|cpu| set.insert(cpu));
        }
    }
    let count = told.cpus.count.min(topology.cpus);
    if set.is_empty() || set.len() < count { CpuSet::first(count) } else { set }
}

fn gres_shares(node: &Node, details: &[Held]) -> SmallVec<[GresShare; 1]> {
    let share = |held: &Held| {
        let fits = |gres: &domain::cluster::Gres| {
            gres.name == held.name && (held.kind.is_empty() || gres.kind == held.kind)
        };
        let at = node.gres.iter().position(fits)?;
        let units = held.units.clone().unwrap_or_else(|| CpuSet::first(held.count.min(4096)));
        Some(GresShare { at, units })
    };
    details.iter().filter_map(share).collect()
}

fn first_of(list: &str) -> Text {
    Text::from(list.split(',').next().unwrap_or_default())
}

/// Returns the megabytes of memory in a list such as `cpu=2,mem=200M,node=1`.
fn memory_of(tres: &str) -> u64 {
    let memory = tres.split(',').find_map(|item| item.strip_prefix("mem="));
    memory.and_then(slurm_wire::size::megabytes).unwrap_or(0)
}
