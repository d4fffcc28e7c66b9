//! A partition.

use super::allocation::minutes;
use super::{joined, tres};
use domain::cluster::{Cluster, Partition, PartitionState, PreemptMode};
use domain::{Text, TimeLimit};
use slurm_wire::NoVal;
use slurm_wire::partition::PartitionInfo;
use slurm_wire::words::{self, OversubscribeFlag, PartitionFlag, PartitionPreemptMode};

/// Added to the number of jobs on a CPU where they share it whether they want to or not.
const FORCED: u32 = 0x8000;
/// The bit that tells memory per CPU from memory per node in the raw numbers.
const PER_CPU: i64 = i64::MIN;

/// Describes a partition.
pub(in crate::slurm) fn partition(partition: &Partition, cluster: &Cluster) -> PartitionInfo {
    let mut info = PartitionInfo { name: partition.name.clone(), ..PartitionInfo::default() };
    nodes(&mut info, partition, cluster);
    info.accounts.allowed = joined(&partition.allow_accounts);
    info.accounts.deny = joined(&partition.deny_accounts);
    info.groups.allowed = joined(&partition.allow_groups);
    info.qos.allowed = joined(&partition.allow_qos);
    info.qos.deny = joined(&partition.deny_qos);
    info.grace_time = partition.grace_time;
    info.priority.job_factor = partition.job_factor.into();
    info.priority.tier = partition.tier.into();
    info.partition.state = match partition.state {
        PartitionState::Up => words::PartitionState::Up,
        PartitionState::Down => words::PartitionState::Down,
        PartitionState::Drain => words::PartitionState::Drain,
        PartitionState::Inactive => words::PartitionState::Inactive,
    }
    .into();
    limits(&mut info, partition);
    shares(&mut info, partition);
    info
}

/// How a partition shares its nodes and makes way, as v0.0.45 tells it.
fn shares(info: &mut PartitionInfo, partition: &Partition) {
    let marks = [
        (partition.is_default, PartitionFlag::Default),
        (partition.hidden, PartitionFlag::Hidden),
        (partition.root_only, PartitionFlag::RootOnly),
    ];
    info.flags = marks.into_iter().filter(|(is_set, _)| *is_set).map(|(_, mark)| mark).collect();
    info.partition.exclusive = Text::const_new(if partition.exclusive { "NODE" } else { "NO" });
    info.partition.oversubscribe =
        match (partition.exclusive, partition.sharing.forced, partition.oversubscribe) {
            (false, true, jobs) => format!("FORCE:{jobs}").into(),
            (false, false, jobs) if jobs > 1 => format!("YES:{jobs}").into(),
            _ => Text::const_new("NO"),
        };
    info.preempt_mode = partition
        .preempt_mode
        .map_or(PartitionPreemptMode::ClusterGlobal, |mode| match mode {
            PreemptMode::Off => PartitionPreemptMode::Disabled,
            PreemptMode::Suspend => PartitionPreemptMode::Suspend,
            PreemptMode::Requeue => PartitionPreemptMode::Requeue,
            PreemptMode::Cancel => PartitionPreemptMode::Cancel,
        })
        .into();
}

fn nodes(info: &mut PartitionInfo, partition: &Partition, cluster: &Cluster) {
    let members = || partition.nodes.iter().filter_map(|index| cluster.node(*index));
    info.nodes.configured = domain::cluster::fold(members().map(|node| node.name.as_str()));
    info.nodes.total = u32::try_from(partition.nodes.len()).unwrap_or(u32::MAX);
    if partition.nodes_written.eq_ignore_ascii_case("all") {
        info.node_sets = partition.nodes_written.to_ascii_uppercase();
    }
    info.cpus.total = members().map(|node| node.topology.cpus).sum();
    info.tres.configured = tres::configured(cluster, &partition.nodes, true);
}

fn limits(info: &mut PartitionInfo, partition: &Partition) {
    let raw = |per_cpu: Option<u64>, per_node: Option<u64>| match (per_cpu, per_node) {
        (Some(megabytes), _) => PER_CPU | i64::try_from(megabytes).unwrap_or(0),
        (None, megabytes) => i64::try_from(megabytes.unwrap_or(0)).unwrap_or(i64::MAX),
    };
    let per_node = |per_cpu: Option<u64>, per_node: Option<u64>| match per_cpu {
        Some(_) => NoVal::Unset,
        None => NoVal::Set(per_node.unwrap_or(0)),
    };
    let defaults = &mut info.defaults;
    let (cpu, node) = (partition.default_memory_per_cpu, partition.default_memory_per_node);
    defaults.memory_per_cpu = raw(cpu, node);
    defaults.partition_memory_per_cpu = cpu.into();
    defaults.partition_memory_per_node = per_node(cpu, node);
    defaults.time = partition.default_time.map_or(NoVal::Unset, minutes);

    let most = &mut info.maximums;
    let (cpu, node) = (partition.max_memory_per_cpu, partition.max_memory_per_node);
    most.memory_per_cpu = raw(cpu, node);
    most.partition_memory_per_cpu = cpu.into();
    most.partition_memory_per_node = per_node(cpu, node);
    let limit = |count: Option<u32>| count.map_or(NoVal::Infinite, NoVal::Set);
    most.cpus_per_node = limit(partition.max_cpus_per_node);
    most.cpus_per_socket = limit(partition.sharing.max_cpus_per_socket);
    most.nodes = limit(partition.max_nodes);
    let jobs = if partition.exclusive { 0 } else { partition.oversubscribe.into() };
    most.oversubscribe.jobs = jobs;
    most.shares = jobs;
    if partition.sharing.forced {
        most.shares |= FORCED;
        most.oversubscribe.flags = OversubscribeFlag::Force.into();
    }
    most.time = match partition.max_time {
        TimeLimit::Minutes(minutes) => NoVal::Set(minutes),
        TimeLimit::Unlimited => NoVal::Infinite,
    };
    info.minimums.nodes = if partition.min_nodes <= 1 { 0 } else { partition.min_nodes };
}
