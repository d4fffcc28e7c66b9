//! Trackable resources as text: `cpu=2,mem=200M,node=1,billing=2,gres/gpu=2`.

use domain::accounting::{trackables, tres as accounting};
use domain::cluster::Cluster;
use domain::job::{Allocation, Job, JobSpec, Memory, NodeShare, Per};
use domain::{NodeIndex, Text};
use slurm_wire::accounting::tres as wire;
use slurm_wire::scalar::Checked;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Amounts of what is tracked.
#[derive(Default)]
struct Tres<'a> {
    cpus: u64,
    memory: u64,
    nodes: u64,
    gres: BTreeMap<&'a str, u64>,
}

impl Tres<'_> {
    fn written(&self) -> Text {
        let mut text = Text::default();
        let mut push = |name: &str, amount: &dyn std::fmt::Display| {
            let comma = if text.is_empty() { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}{name}={amount}");
        };
        if self.cpus > 0 {
            push("cpu", &self.cpus);
        }
        if self.memory > 0 {
            push("mem", &amount_of_memory(self.memory));
        }
        if self.nodes > 0 {
            push("node", &self.nodes);
        }
        if self.cpus > 0 {
            push("billing", &self.cpus);
        }
        for (name, count) in &self.gres {
            push(&format!("gres/{name}"), count);
        }
        text
    }
}

impl Tres<'_> {
    /// Lists the amounts as accounting does, by Slurm's numbers.
    fn listed(&self, cluster: &Cluster) -> Vec<wire::Tres> {
        let one = |id: u32, kind: &'static str, count: u64| wire::Tres {
            kind: Text::const_new(kind),
            name: Text::default(),
            id,
            count: Checked(i64::try_from(count).unwrap_or(i64::MAX)),
        };
        let fixed = [
            one(accounting::CPU, "cpu", self.cpus),
            one(accounting::MEMORY, "mem", self.memory),
            one(accounting::NODE, "node", self.nodes),
            one(accounting::BILLING, "billing", self.cpus),
        ];
        let mut list: Vec<wire::Tres> = fixed.into_iter().filter(|one| one.count.0 > 0).collect();
        if !self.gres.is_empty() {
            let known = trackables(cluster);
            for (name, count) in &self.gres {
                let kind = known.iter().find(|known| known.kind == "gres" && known.name == *name);
                let id = kind.map_or(0, |kind| kind.id);
                list.push(wire::Tres { name: Text::from(*name), ..one(id, "gres", *count) });
            }
        }
        list
    }
}

/// Lists what a job asks for.
pub(super) fn requested_list(spec: &JobSpec, cluster: &Cluster) -> Vec<wire::Tres> {
    requested_amounts(spec, cluster).listed(cluster)
}

/// Lists what a job was given.
pub(super) fn allocated_list(allocation: &Allocation, cluster: &Cluster) -> Vec<wire::Tres> {
    of_shares(&allocation.nodes, cluster).listed(cluster)
}

/// Writes the generic resources a job was given: `gpu:2`.
pub(super) fn used_gres(job: &Job, cluster: &Cluster) -> Text {
    let Some(run) = job.run() else { return Text::default() };
    let tres = of_shares(&run.allocation.nodes, cluster);
    let parts: Vec<String> = tres.gres.iter().map(|(name, count)| format!("{name}:{count}")).collect();
    Text::from(parts.join(","))
}

/// Lists what a step was given; it is charged nothing of its own.
pub(super) fn step_list(shares: &[NodeShare], cluster: &Cluster) -> Vec<wire::Tres> {
    let mut list = of_shares(shares, cluster).listed(cluster);
    list.retain(|one| one.id != accounting::BILLING);
    list
}

/// Writes megabytes in the largest unit in which they are still a whole number or a half: `500M`, `62.50G`.
pub(super) fn amount_of_memory(megabytes: u64) -> String {
    let units = ["M", "G", "T", "P", "E"];
    // Counted in halves, so that halves stay whole numbers.
    let (mut halves, mut unit) = (megabytes.saturating_mul(2), 0);
    while halves >= 2048 && halves.is_multiple_of(1024) && unit + 1 < units.len() {
        halves /= 1024;
        unit += 1;
    }
    let unit = units.get(unit).copied().unwrap_or_default();
    if halves.is_multiple_of(2) {
        format!("{}{unit}", halves / 2)
    } else {
        format!("{}.50{unit}", halves / 2)
    }
}

/// Writes what a job asks for.
pub(super) fn requested(spec: &JobSpec, cluster: &Cluster) -> Text {
    requested_amounts(spec, cluster).written()
}

fn requested_amounts<'a>(spec: &'a JobSpec, cluster: &Cluster) -> Tres<'a> {
    let wanted = &spec.resources;
    let nodes = u64::from(wanted.min_nodes.max(1));
    let cpus = u64::from(wanted.least_cpus());
    let mut tres =
        Tres { cpus, memory: requested_memory(spec, cluster, cpus, nodes), nodes, ..Tres::default() };
    for request in &wanted.gres {
        let times = match request.per {
            Per::Job => 1,
            Per::Node => nodes,
            Per::Socket => nodes.saturating_mul(u64::from(wanted.sockets_per_node.max(1))),
            Per::Task => u64::from(wanted.task_count()),
        };
        let count = tres.gres.entry(&request.name).or_default();
        *count = count.saturating_add(request.count.saturating_mul(times));
    }
    tres
}

fn requested_memory(spec: &JobSpec, cluster: &Cluster, cpus: u64, nodes: u64) -> u64 {
    match memory(spec, cluster) {
        // Zero asks for all there is; the largest node of the partition tells how much that may be.
        Memory::PerNode(0) => nodes.saturating_mul(largest_memory(spec, cluster)),
        Memory::PerNode(megabytes) => megabytes.saturating_mul(nodes),
        Memory::PerCpu(megabytes) => megabytes.saturating_mul(cpus),
        Memory::Default => 0,
    }
}

/// Returns the memory a job asks for, the partition's default filled in.
pub(super) fn memory(spec: &JobSpec, cluster: &Cluster) -> Memory {
    let Memory::Default = spec.resources.memory else { return spec.resources.memory };
    let partition = cluster.partition(spec.partition());
    match partition.map(|partition| (partition.default_memory_per_cpu, partition.default_memory_per_node)) {
        Some((Some(megabytes), _)) => Memory::PerCpu(megabytes),
        Some((None, Some(megabytes))) => Memory::PerNode(megabytes),
        _ => Memory::PerNode(0),
    }
}

fn largest_memory(spec: &JobSpec, cluster: &Cluster) -> u64 {
    let partition = cluster.partition(spec.partition());
    let nodes = partition.into_iter().flat_map(|partition| &partition.nodes);
    nodes.filter_map(|index| cluster.node(*index)).map(|node| node.memory).max().unwrap_or(0)
}

/// Writes what a job was given.
pub(super) fn allocated(allocation: &Allocation, cluster: &Cluster) -> Text {
    of_shares(&allocation.nodes, cluster).written()
}

fn of_shares<'a>(shares: &[NodeShare], cluster: &'a Cluster) -> Tres<'a> {
    let mut tres = Tres { nodes: shares.len() as u64, ..Tres::default() };
    for share in shares {
        tres.cpus += u64::from(share.cpus.len());
        tres.memory = tres.memory.saturating_add(share.memory);
        let Some(node) = cluster.node(share.node) else { continue };
        for gres in &share.gres {
            if let Some(kind) = node.gres.get(gres.at) {
                *tres.gres.entry(&kind.name).or_default() += u64::from(gres.units.len());
            }
        }
    }
    tres
}

/// Writes what nodes have, with or without their number.
pub(super) fn configured(cluster: &Cluster, nodes: &[NodeIndex], with_count: bool) -> Text {
    let mut tres = Tres::default();
    for node in nodes.iter().filter_map(|index| cluster.node(*index)) {
        tres.cpus += u64::from(node.topology.cpus);
        tres.memory = tres.memory.saturating_add(node.memory);
        tres.nodes += u64::from(with_count);
        for gres in &node.gres {
            // What an operator has taken away is configured all the same.
            *tres.gres.entry(&gres.name).or_default() += u64::from(gres.count) + u64::from(gres.taken_away);
        }
    }
    tres.written()
}
