//! A node, and what of it is in use.

use super::{time, tres};
use crate::slurm::call::RELEASE;
use domain::cluster::{Cluster, Gres, MadeKind, Node, NodeUse, Partition};
use domain::job::CpuSet;
use domain::ports::MachineLoad;
use domain::reservation::{Reservation, ReservationFlags};
use domain::{NodeIndex, Text, Timestamp};
use slurm_wire::words::NodeState;
use slurm_wire::{Flags, NoVal, node as wire};
use std::fmt::Write;
use std::sync::Arc;

/// Describes a node.
pub(in crate::slurm) fn node(
    index: NodeIndex,
    node: &Node,
    used: &NodeUse,
    cluster: &Cluster,
    now: MachineLoad,
) -> wire::Node {
    let mut info = wire::Node { name: node.name.clone(), ..wire::Node::default() };
    machine(&mut info, node, cluster);
    info.cpu_load = now.load;
    info.free_mem = NoVal::Set(now.free_memory);
    administration(&mut info, node, index, cluster);
    usage(&mut info, node, used);
    info
}

/// Adds what reservations make of a node: those that are open now, and those that always lie just ahead.
pub(in crate::slurm) fn reserve_node(
    info: &mut wire::Node,
    index: NodeIndex,
    reservations: &[Arc<Reservation>],
    now: Timestamp,
) {
    let holds = |known: &&Arc<Reservation>| known.of_node(index).is_some();
    let counts = |known: &&Arc<Reservation>| known.float.is_some() || known.is_open(now);
    for known in reservations.iter().filter(holds).filter(counts) {
        info.state.insert(NodeState::Reserved);
        if known.flags.has(ReservationFlags::MAINT) {
            info.state.insert(NodeState::Maintenance);
        }
        info.reservation = known.name.clone();
    }
}

fn machine(info: &mut wire::Node, node: &Node, cluster: &Cluster) {
    info.architecture = node.architecture.clone();
    info.operating_system = node.operating_system.clone();
    info.hostname = node.host.clone();
    info.address = node.address.clone();
    info.port = node.port.into();
    info.boards = node.topology.boards.into();
    info.sockets = node.topology.sockets.into();
    info.cores = node.topology.cores.into();
    info.threads = node.topology.threads.into();
    info.cpus = node.topology.cpus;
    info.effective_cpus = node.job_cpus();
    let kept = &node.system.cpus;
    info.specialized_cores = kept.len() / node.topology.granule();
    info.specialized_cpus = super::allocation::ranges(kept).into();
    info.specialized_memory = i64::try_from(node.system.memory).unwrap_or(i64::MAX);
    info.real_memory = i64::try_from(node.memory).unwrap_or(i64::MAX);
    info.temporary_disk = u32::try_from(node.tmp_disk).unwrap_or(u32::MAX);
    info.weight = node.weight;
    info.boot_time = time(node.booted);
    info.slurmd_start_time = time(cluster.started);
    info.tls_cert_last_renewal = NoVal::Set(0);
    // Nodes are never put to sleep for want of work.
    info.suspend_time = NoVal::Infinite;
    info.energy.current_watts = NoVal::Set(0);
    info.version = Text::const_new(RELEASE);
}

fn administration(info: &mut wire::Node, node: &Node, index: NodeIndex, cluster: &Cluster) {
    // One that no job runs on belongs to the partitions of all nodes in name.
    let belongs = |partition: &&Partition| {
        let is_of_all = partition.nodes_written.eq_ignore_ascii_case("all");
        partition.nodes.contains(&index) || node.flags.external && is_of_all
    };
    let partitions = cluster.partitions.iter().filter(belongs);
    info.partitions = partitions.map(|partition| partition.name.clone()).collect::<Vec<_>>().into();
    info.features = node.features.clone().into();
    info.active_features = node.active_features.clone().into();
    info.comment = node.comment.clone();
    info.extra = node.extra.clone();
    info.reason = node.reason.clone();
    info.reason_changed_at = time(node.reason_at);
    info.reason_set_by_user = node.reason_by.as_ref().map(|(name, _)| name.clone()).unwrap_or_default();
    // Of all times this one is zero where there is none.
    let resume_at = node.upkeep.resume_at.map_or(0, |at| at.seconds());
    info.resume_after = NoVal::Set(u64::try_from(resume_at).unwrap_or(0));
    info.cpu_binding = node.upkeep.cpu_binding.unwrap_or(0);
    info.topology = node.upkeep.topology.clone().unwrap_or_default();
    info.next_state_after_reboot = NodeState::Invalid.into();
    info.gres = gres(node);
    // Nothing of a node is taken away for maintenance.
    info.gres_drained = Text::const_new("N/A");
    info.tres = tres::configured(cluster, &[index], false);
}

fn usage(info: &mut wire::Node, node: &Node, used: &NodeUse) {
    let cpus = used.cpus.len();
    info.state = state(node, used);
    info.alloc_cpus = cpus;
    info.alloc_idle_cpus = node.job_cpus().saturating_sub(cpus);
    info.alloc_memory = i64::try_from(used.memory).unwrap_or(i64::MAX);
    info.last_busy = time(used.last_busy);
    info.mcs_label = used.label().cloned().unwrap_or_default();
    info.gres_used = gres_used(&node.gres, &used.gres);
    info.tres_used = tres_used(node, used);
}

fn state(node: &Node, used: &NodeUse) -> Flags<NodeState> {
    let base = match used.cpus.len() {
        _ if node.flags.future => NodeState::Future,
        _ if node.flags.down => NodeState::Down,
        0 => NodeState::Idle,
        // What they still hold is on its way back.
        _ if used.jobs == used.completing => NodeState::Idle,
        cpus if cpus >= node.job_cpus() || used.exclusive > 0 => NodeState::Allocated,
        _ => NodeState::Mixed,
    };
    let mut state: Flags<NodeState> = base.into();
    let is_cloud = node.upkeep.made.as_ref().is_some_and(|made| made.kind == MadeKind::Cloud);
    for (is_so, word) in [
        (node.flags.drain, NodeState::Drain),
        (used.completing > 0 && !node.flags.down, NodeState::Completing),
        (node.flags.fail, NodeState::Fail),
        (is_cloud, NodeState::Cloud),
        (node.flags.external, NodeState::External),
        (node.is_made(), NodeState::DynamicNorm),
    ] {
        if is_so {
            state.insert(word);
        }
    }
    state
}

fn kind(gres: &Gres) -> String {
    if gres.kind.is_empty() { gres.name.to_string() } else { format!("{}:{}", gres.name, gres.kind) }
}

/// The types of a node's generic resources, each once, with the places it has in the list.
fn kinds(all: &[Gres]) -> Vec<(&Gres, Vec<usize>)> {
    let mut kinds: Vec<(&Gres, Vec<usize>)> = Vec::new();
    for (at, gres) in all.iter().enumerate() {
        let alike =
            |(other, _): &&mut (&Gres, Vec<usize>)| other.name == gres.name && other.kind == gres.kind;
        match kinds.iter_mut().find(alike) {
            Some((_, places)) => places.push(at),
            None => kinds.push((gres, vec![at])),
        }
    }
    kinds
}

/// Writes generic resources with the sockets they are near to, where they are near to some: `gpu:a100:2(S:0-1)`.
fn gres(node: &Node) -> Text {
    if let Some(left) = &node.upkeep.gres {
        return left.clone();
    }
    let each = kinds(&node.gres).into_iter().map(|(gres, places)| {
        let count: u32 = places.iter().map(|at| node.gres[*at].count).sum();
        let near = places.iter().flat_map(|at| node.gres[*at].near.iter());
        let sockets: CpuSet =
            near.filter_map(|cpu| u32::try_from(node.topology.socket_of(cpu)).ok()).collect();
        let sockets = match sockets.is_empty() {
            true => String::new(),
            false => format!("(S:{})", super::allocation::ranges(&sockets)),
        };
        Text::from(format!("{}:{count}{sockets}", kind(gres)))
    });
    super::joined(&each.collect::<Vec<_>>())
}

fn gres_used(all: &[Gres], used: &[CpuSet]) -> Text {
    let left = |places: &[usize]| places.iter().any(|at| all[*at].taken_away == 0);
    let each = kinds(all).into_iter().filter(|(_, places)| left(places)).map(|(gres, places)| {
        let count: u32 = places.iter().map(|at| used.get(*at).map_or(0, CpuSet::len)).sum();
        Text::from(format!("{}:{count}", kind(gres)))
    });
    super::joined(&each.collect::<Vec<_>>())
}

fn tres_used(node: &Node, used: &NodeUse) -> Text {
    let mut text = Text::default();
    // Writing to a string cannot fail.
    if !used.cpus.is_empty() {
        let _ = write!(text, "cpu={},mem={}", used.cpus.len(), tres::amount_of_memory(used.memory));
    }
    for (gres, units) in node.gres.iter().zip(&used.gres).filter(|(_, units)| !units.is_empty()) {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}gres/{}={}", gres.name, units.len());
    }
    text
}
