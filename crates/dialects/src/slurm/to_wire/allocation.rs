//! What a job holds or held of its nodes, core by core.

use domain::cluster::{Cluster, Gres, Node, Topology};
use domain::job::{Allocation, CpuSet, NodeShare};
use domain::{Text, TimeLimit};
use slurm_wire::NoVal;
use slurm_wire::job_resources::{JobRes, JobResCore, JobResNode, JobResSocket};
use slurm_wire::words::{CoreStatus, NodeSelectType, SelectType};
use std::fmt::Write;

/// Describes an allocation.
pub(super) fn resources(allocation: &Allocation, cluster: &Cluster, nodes: &Text) -> JobRes {
    let mut resources = JobRes { select_type: SelectType::Core.into(), ..JobRes::default() };
    resources.cpus = allocation.cpus();
    resources.threads_per_core = NoVal::Unset;
    let part = &mut resources.nodes;
    part.count = u32::try_from(allocation.nodes.len()).unwrap_or(u32::MAX);
    part.select_type = NodeSelectType::OneRow.into();
    part.list = nodes.clone();
    part.whole = allocation.whole;
    let shares = allocation.nodes.iter().filter_map(|share| Some((share, cluster.node(share.node)?)));
    part.allocation = (0..).zip(shares).map(|(index, (share, node))| on_node(index, share, node)).collect();
    resources
}

fn on_node(index: u32, share: &NodeShare, node: &Node) -> JobResNode {
    let mut entry = JobResNode { index, name: node.name.clone(), ..JobResNode::default() };
    entry.cpus.count = share.cpus.len();
    entry.memory.allocated = i64::try_from(share.memory).unwrap_or(i64::MAX);
    entry.sockets = sockets(&share.cpus, node.topology).into();
    entry
}

fn sockets(cpus: &CpuSet, topology: Topology) -> Vec<JobResSocket> {
    let threads = u32::from(topology.threads.max(1));
    let cores = u32::from(topology.cores.max(1));
    let held: CpuSet = cpus.iter().map(|cpu| cpu / threads).collect();
    let is_held = |core: u32| held.iter().any(|known| known == core);
    let status = |core: u32| if is_held(core) { CoreStatus::Allocated } else { CoreStatus::Unallocated };
    (0..u32::from(topology.sockets.max(1)))
        .filter(|socket| held.iter().any(|core| core / cores == *socket))
        .map(|socket| {
            let cores = (0..cores).map(|core| JobResCore {
                index: core,
                status: status(socket.saturating_mul(cores).saturating_add(core)).into(),
            });
            JobResSocket { index: socket, cores: cores.collect() }
        })
        .collect()
}

/// Names the generic resources held on each node: `gpu:2(IDX:0-1)`.
pub(super) fn gres_detail(allocation: &Allocation, cluster: &Cluster) -> Vec<Text> {
    let on_node = |share: &NodeShare| {
        let node = cluster.node(share.node)?;
        // Units are counted over all types of a name, and shown together by type.
        let mut kinds: Vec<(&Gres, CpuSet)> = Vec::new();
        for given in share.gres.iter().filter(|given| !given.units.is_empty()) {
            let gres = node.gres.get(given.at)?;
            let before = node.gres.iter().take(given.at).filter(|other| other.name == gres.name);
            let first: u32 = before.map(|other| other.count).sum();
            let at = kinds.iter().position(|(other, _)| other.name == gres.name && other.kind == gres.kind);
            let at = at.unwrap_or_else(|| {
                kinds.push((gres, CpuSet::default()));
                kinds.len() - 1
            });
            given.units.iter().for_each(|unit| kinds[at].1.insert(first + unit));
        }
        let mut text = Text::default();
        for (gres, units) in kinds {
            let comma = if text.is_empty() { "" } else { "," };
            let colon = if gres.kind.is_empty() { "" } else { ":" };
            let (count, units) = (units.len(), ranges(&units));
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}{}{colon}{}:{count}(IDX:{units})", gres.name, gres.kind);
        }
        (!text.is_empty()).then_some(text)
    };
    allocation.nodes.iter().filter_map(on_node).collect()
}

/// Writes numbers with ranges for neighbours: `0-1,3`.
pub(super) fn ranges(numbers: &CpuSet) -> String {
    let mut text = String::new();
    let mut run: Option<(u32, u32)> = None;
    let mut close = |run: Option<(u32, u32)>| {
        let Some((first, last)) = run else { return };
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = if first == last {
            write!(text, "{comma}{first}")
        } else {
            write!(text, "{comma}{first}-{last}")
        };
    };
    for number in numbers.iter() {
        match run {
            Some((first, last)) if last + 1 == number => run = Some((first, number)),
            other => {
                close(other);
                run = Some((number, number));
            }
        }
    }
    close(run);
    text
}

/// Writes a time limit in minutes.
pub(super) fn minutes(limit: TimeLimit) -> NoVal<u32> {
    match limit {
        TimeLimit::Minutes(minutes) => NoVal::Set(minutes),
        TimeLimit::Unlimited => NoVal::Infinite,
    }
}
