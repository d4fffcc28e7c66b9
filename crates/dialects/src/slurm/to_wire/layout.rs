//! What a running job holds, node by node, in few words: cores as one number in hexadecimal.

use super::allocation::ranges;
use domain::cluster::{Cluster, Node};
use domain::job::{Allocation, CpuSet, NodeShare};
use slurm_wire::NoVal;
use slurm_wire::job_resources::{NodeGresLayout, NodeResourceLayout};
use std::fmt::Write;

/// Describes what an allocation holds of each node.
pub(in crate::slurm) fn layout(allocation: &Allocation, cluster: &Cluster) -> Vec<NodeResourceLayout> {
    let shares = allocation.nodes.iter().filter_map(|share| Some((share, cluster.node(share.node)?)));
    shares.map(|(share, node)| on_node(share, node)).collect()
}

fn on_node(share: &NodeShare, node: &Node) -> NodeResourceLayout {
    let topology = node.topology;
    NodeResourceLayout {
        node: node.name.clone(),
        sockets_per_node: topology.sockets.max(1).into(),
        cores_per_socket: topology.cores.max(1).into(),
        mem_alloc: i64::try_from(share.memory).unwrap_or(i64::MAX),
        core_bitmap: bitmap(&share.cpus, u32::from(topology.threads.max(1)), cores(node)).into(),
        channel: NoVal::Unset,
        gres: share.gres.iter().filter_map(|held| gres(held.at, &held.units, node)).collect(),
    }
}

fn cores(node: &Node) -> u32 {
    let topology = node.topology;
    u32::from(topology.sockets.max(1)).saturating_mul(topology.cores.max(1).into())
}

fn gres(at: usize, units: &CpuSet, node: &Node) -> Option<NodeGresLayout> {
    let gres = node.gres.get(at).filter(|_| !units.is_empty())?;
    let before = node.gres.iter().take(at).filter(|other| other.name == gres.name);
    let first = before.fold(0, |sum: u32, other| sum.saturating_add(other.count));
    let units: CpuSet = units.iter().map(|unit| first.saturating_add(unit)).collect();
    Some(NodeGresLayout {
        name: gres.name.clone(),
        kind: gres.kind.clone(),
        count: units.len().into(),
        index: ranges(&units).into(),
    })
}

/// Writes the cores that CPUs belong to, four to a digit, the last core's digit first: `0x1F`.
fn bitmap(cpus: &CpuSet, threads: u32, cores: u32) -> String {
    let held: CpuSet = cpus.iter().map(|cpu| cpu / threads).collect();
    let mut text = String::from("0x");
    for digit in (0..cores.div_ceil(4)).rev() {
        let is_held = |bit: u32| held.contains(digit * 4 + bit);
        let value = (0..4).filter(|bit| is_held(*bit)).fold(0_u8, |value, bit| value | 1 << bit);
        // Writing to a string cannot fail.
        let _ = write!(text, "{value:X}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_a_number() {
        let set = |cpus: &[u32]| cpus.iter().copied().collect::<CpuSet>();
        assert_eq!(bitmap(&set(&[0, 1, 2]), 1, 8), "0x07");
        assert_eq!(bitmap(&set(&[3, 4, 5, 6, 7]), 1, 8), "0xF8");
        assert_eq!(bitmap(&set(&[0, 1, 6, 7]), 2, 4), "0x9");
        assert_eq!(bitmap(&set(&[9]), 1, 10), "0x200");
    }
}
