//! What Slurm 26.05 gave (select/cons_tres, CR_Core_Memory, DefMemPerCPU=100) on an idle cluster of six nodes, asked with
//! `salloc --no-shell` and `scontrol show job -d`. Where we choose another node or other units, a case says so.

use super::*;
use crate::cluster::{Cluster, GpuDefaults, Gres, Node, NodeUse, Partition, PartitionSharing, Topology};
use crate::job::tests::job;
use crate::job::{Constraint, CpuSet, GresRequest, JobFlags, JobSpec, Memory, Per, Resources, Sharing};
use crate::{NodeIndex, Problem, Text, TimeLimit, Timestamp};
use std::sync::Arc;

fn node(name: &str, (sockets, cores, threads): (u16, u16, u16), features: &[&str], gres: Vec<Gres>) -> Node {
    let cpus = u32::from(sockets) * u32::from(cores) * u32::from(threads);
    let features: Vec<Text> = features.iter().map(|feature| Text::from(*feature)).collect();
    Node {
        name: name.into(),
        host: Text::default(),
        address: Text::default(),
        port: 0,
        topology: Topology { boards: 1, sockets, cores, threads, cpus },
        memory: 8000,
        system: Default::default(),
        tmp_disk: 100,
        weight: 1,
        features: features.clone(),
        active_features: features,
        gres,
        flags: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: Text::default(),
        operating_system: Text::default(),
        booted: Timestamp::EPOCH,
        upkeep: Default::default(),
    }
}

/// The cluster measured: n1 and n2 with four GPUs, two near each socket; n3 with three GPUs near all; n4 and n5 with two
/// threads a core; n6 small.
fn cluster() -> Cluster {
    let gpu = |kind: &str, count, near: std::ops::Range<u32>| Gres {
        name: "gpu".into(),
        kind: kind.into(),
        count,
        near: near.collect::<CpuSet>(),
        ..Gres::default()
    };
    let near = || vec![gpu("small", 2, 0..4), gpu("small", 2, 4..8)];
    let nodes = vec![
        node("n1", (2, 4, 1), &["rack1", "a"], near()),
        node("n2", (2, 4, 1), &["rack1", "b"], near()),
        node("n3", (2, 4, 1), &["rack2", "a"], vec![gpu("small", 2, 0..0), gpu("large", 1, 0..0)]),
        node("n4", (1, 4, 2), &["rack2", "b", "ht"], Vec::new()),
        node("n5", (2, 2, 2), &["rack3", "a", "ht"], Vec::new()),
        node("n6", (1, 4, 1), &["rack3", "b"], Vec::new()),
    ];
    let partition = |name: &str| Partition {
        name: name.into(),
        nodes: (0..6).map(NodeIndex).collect(),
        default_memory_per_cpu: Some(100),
        max_time: TimeLimit::Unlimited,
        ..Partition::default()
    };
    let partitions = vec![
        partition("debug"),
        Partition { max_memory_per_cpu: Some(500), max_cpus_per_node: Some(6), ..partition("capped") },
        Partition {
            sharing: PartitionSharing { max_cpus_per_socket: Some(2), ..Default::default() },
            ..partition("socket")
        },
        Partition { gpu_defaults: GpuDefaults { cpus: Some(2), memory: Some(300) }, ..partition("gpud") },
        Partition { exclusive: true, ..partition("excl") },
    ];
    Cluster {
        nodes,
        partitions,
        licenses: [("matlab".into(), 10), ("ansys".into(), 4)].into(),
        ..Cluster::default()
    }
}

fn spec(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
    let mut spec = Arc::unwrap_or_clone(job(1).spec);
    spec.partitions = vec!["debug".into()];
    spec.time_limit = TimeLimit::Minutes(1);
    spec.resources = Resources { min_nodes: 1, ..Resources::default() };
    change(&mut spec);
    spec
}

/// Writes numbers as Slurm does: `0-2,5`.
fn ranges(set: &CpuSet) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for one in set.iter() {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == one => *last = one,
            _ => runs.push((one, one)),
        }
    }
    let one = |(first, last): &(u32, u32)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    runs.iter().map(one).collect::<Vec<_>>().join(",")
}

/// Writes what an idle cluster gives: node, CPUs, memory, and the numbers of its GPUs.
fn given(cluster: &Cluster, spec: &JobSpec) -> String {
    let mut spec = spec.clone();
    if let Err(problem) = check_sense(&spec).and_then(|()| derive_counts(&mut spec.resources)) {
        return format!("{problem:?}");
    }
    match could_ever_run(cluster, &spec) {
        Ok(Feasibility::Possible) => {}
        other => return format!("{other:?}"),
    }
    let partition = cluster.partition(&spec.partitions[0]).unwrap();
    let demand = Demand::of(cluster, partition, &spec).unwrap();
    let idle = |index: NodeIndex| cluster.node(index).map(Amounts::all_of);
    let placement = place(&demand, cluster, &partition.nodes, idle).expect("it is possible");
    let written = placement.nodes.iter().map(|placed| {
        let node = cluster.node(placed.node).unwrap();
        let unused =
            NodeUse { gres: node.gres.iter().map(|_| CpuSet::default()).collect(), ..NodeUse::default() };
        let share = demand.share(node, &unused, placed).expect("an idle node has its units");
        assert_eq!(Amounts::of_share(node, &share), share_amounts(node, placed), "{placed:?}");
        let mut gpus = CpuSet::default();
        let mut first = 0;
        for (at, gres) in node.gres.iter().enumerate() {
            let of_kind = share.gres.iter().filter(|given| given.at == at);
            of_kind.flat_map(|given| given.units.iter()).for_each(|unit| gpus.insert(first + unit));
            first += gres.count;
        }
        let gpus = if gpus.is_empty() { String::new() } else { format!(" gpu {}", ranges(&gpus)) };
        format!("{} {} {}{gpus}", node.name, ranges(&share.cpus), share.memory)
    });
    written.collect::<Vec<_>>().join("; ")
}

fn share_amounts(node: &Node, placed: &Placed) -> Amounts {
    let mut takes = placed.takes.clone();
    takes.gres.resize(node.gres.len(), 0);
    takes
}

#[track_caller]
fn check(change: impl FnOnce(&mut JobSpec), expected: &str) {
    assert_eq!(given(&cluster(), &spec(change)), expected);
}

#[track_caller]
fn check_on(nodes: &str, change: impl FnOnce(&mut Resources), expected: &str) {
    let names = nodes.split(',').map(Text::from).collect();
    check(
        |spec| {
            change(&mut spec.resources);
            spec.resources.required_nodes = names;
        },
        expected,
    );
}

#[track_caller]
fn check_in(partition: &str, change: impl FnOnce(&mut Resources), expected: &str) {
    check(
        |spec| {
            spec.partitions = vec![partition.into()];
            change(&mut spec.resources);
        },
        expected,
    );
}

fn of(change: impl FnOnce(&mut Resources)) -> impl FnOnce(&mut JobSpec) {
    |spec| change(&mut spec.resources)
}

fn features(written: &str) -> impl FnOnce(&mut JobSpec) {
    move |spec| spec.resources.constraint = Some(Constraint::parse(written).unwrap())
}

fn gpus(per: Per, kind: &str, count: u64) -> GresRequest {
    GresRequest { name: "gpu".into(), kind: kind.into(), count, per }
}

const REFUSED: &str = "Err(NodeConfiguration)";
const WAITS: &str = "Ok(BeyondPartition)";

#[test]
fn tasks_go_over_nodes() {
    check(of(|_| {}), "n1 0 100");
    check(of(|wanted| wanted.tasks = Some(8)), "n1 0-7 800");
    check(of(|wanted| wanted.tasks = Some(12)), "n1 0-7 800; n2 0-1,4-5 400");
    check(of(|wanted| (wanted.min_nodes, wanted.tasks) = (2, Some(4))), "n1 0-1,4 300; n2 0 100");
    check(of(|wanted| (wanted.min_nodes, wanted.tasks) = (2, Some(12))), "n1 0-7 800; n2 0-1,4-5 400");
    check(of(|wanted| wanted.min_nodes = 3), "n1 0 100; n2 0 100; n3 0 100");
    check(of(|wanted| (wanted.tasks, wanted.tasks_per_node) = (Some(4), 2)), "n1 0,4 200; n2 0,4 200");
    check(
        of(|wanted| (wanted.min_nodes, wanted.tasks, wanted.tasks_per_node) = (2, Some(2), 3)),
        "n1 0-1,4 300; n2 0-1,4 300",
    );
    check(of(|wanted| (wanted.tasks, wanted.overcommit) = (Some(20), true)), "n1 0 100");
    // Here the original lets the job wait for ever; its manual says that each node gives the CPUs of one task.
    check(
        of(|wanted| (wanted.tasks, wanted.cpus_per_task, wanted.overcommit) = (Some(40), 2, true)),
        "n1 0-1 200",
    );
    check(of(|wanted| (wanted.tasks, wanted.tasks_per_node) = (Some(4), 3)), "n1 0-1,4 300; n2 0-1,4 300");
    check(of(|wanted| (wanted.tasks, wanted.tasks_per_node) = (Some(1), 3)), "n1 0 100");
    check(of(|wanted| wanted.tasks = Some(100)), WAITS);
    check(of(|wanted| wanted.min_nodes = 7), WAITS);
    check(of(|wanted| wanted.tasks_per_node = 9), REFUSED);
}

#[test]
fn a_range_of_nodes_is_filled_up() {
    check(
        of(|wanted| (wanted.min_nodes, wanted.max_nodes) = (2, 4)),
        "n1 0 100; n2 0 100; n3 0 100; n4 0-1 200",
    );
    check(
        of(|wanted| (wanted.min_nodes, wanted.max_nodes, wanted.tasks) = (2, 4, Some(6))),
        "n1 0-1,4 300; n2 0 100; n3 0 100; n4 0-1 200",
    );
    check(
        of(|wanted| (wanted.min_nodes, wanted.max_nodes, wanted.tasks) = (2, 4, Some(2))),
        "n1 0 100; n2 0 100",
    );
    check(
        of(|wanted| (wanted.min_nodes, wanted.max_nodes, wanted.tasks) = (1, 2, Some(2))),
        "n1 0 100; n2 0 100",
    );
    check(
        of(|wanted| {
            (wanted.min_nodes, wanted.max_nodes) = (1, 3);
            wanted.node_sizes = vec![(1, 1), (3, 3)];
        }),
        "n1 0 100; n2 0 100; n3 0 100",
    );
    check(
        |spec| {
            (spec.resources.min_nodes, spec.resources.max_nodes, spec.resources.tasks) = (2, 4, Some(6));
            spec.flags = spec.flags.with(JobFlags::PREFER_MINIMUM_NODE_COUNT);
        },
        "n1 0-2,4-5 500; n2 0 100",
    );
    check(
        |spec| {
            spec.resources.tasks = Some(4);
            spec.flags = spec.flags.with(JobFlags::SPREAD_JOB);
        },
        "n1 0 100; n2 0 100; n3 0 100; n4 0-1 200",
    );
    check(
        |spec| {
            (spec.resources.min_nodes, spec.resources.max_nodes, spec.resources.tasks) = (2, 3, Some(4));
            spec.flags = spec.flags.with(JobFlags::SPREAD_JOB);
        },
        "n1 0,4 200; n2 0 100; n3 0 100",
    );
    check(of(|wanted| (wanted.min_nodes, wanted.max_nodes) = (4, 2)), "BadNodeCount");
    check(of(|wanted| (wanted.tasks, wanted.min_nodes) = (Some(2), 3)), "BadTaskCount");
}

#[test]
fn cpus_are_whole_cores_of_sockets() {
    check(of(|wanted| wanted.min_cpus_per_node = 6), "n1 0-2,4-6 600");
    check(of(|wanted| wanted.min_cpus = 6), "n1 0-2,4-6 600");
    check(of(|wanted| (wanted.min_cpus, wanted.max_cpus) = (6, 3)), "NodeConfiguration");
    check(of(|wanted| (wanted.tasks, wanted.cpus_per_task) = (Some(2), 3)), "n1 0-5 600");
    check(of(|wanted| (wanted.tasks, wanted.cpus_per_task) = (Some(3), 3)), "n1 0-5 600; n2 0-2 300");
    check(
        of(|wanted| (wanted.tasks, wanted.cpus_per_task, wanted.max_nodes) = (Some(4), 2, 3)),
        "n1 0-3 400; n2 0-1 200; n3 0-1 200",
    );
    check(of(|wanted| wanted.cpus_per_task = 9), REFUSED);
    check(of(|wanted| wanted.cpus_per_task = 60), WAITS);
    check(of(|wanted| (wanted.tasks, wanted.tasks_per_socket) = (Some(4), 1)), "n1 0,4 200; n2 0,4 200");
    check_on("n1", |wanted| (wanted.tasks, wanted.tasks_per_socket) = (Some(4), 2), "n1 0-1,4-5 400");
    check_on(
        "n1",
        |wanted| (wanted.tasks, wanted.tasks_per_socket, wanted.cpus_per_task) = (Some(2), 1, 3),
        "n1 0-2,4-6 600",
    );
    check_on(
        "n1",
        |wanted| (wanted.tasks, wanted.tasks_per_socket, wanted.cpus_per_task) = (Some(2), 1, 5),
        "n1 0-4 500; n2 0-4 500",
    );
    check(of(|wanted| wanted.sockets_per_node = 3), REFUSED);
    check(of(|wanted| wanted.cores_per_socket = 5), REFUSED);
    check(of(|wanted| wanted.threads_per_core = 3), REFUSED);
    check(of(|wanted| wanted.threads_per_core = 2), "n4 0-1 200");
    for (method, cpus) in [("block:block", "0-2"), ("block:cyclic", "0-1,4"), ("block:fcyclic", "0-1,4")] {
        check(
            |spec| {
                spec.resources.tasks = Some(3);
                spec.uncommon_mut().distribution = method.into();
            },
            &format!("n1 {cpus} 300"),
        );
    }
}

#[test]
fn threads_count_by_cores() {
    check_on("n4", |wanted| wanted.tasks = Some(3), "n4 0-3 400");
    check_on("n4", |wanted| wanted.cpus_per_task = 3, "n4 0-3 400");
    check_on("n4", |wanted| (wanted.tasks, wanted.tasks_per_core) = (Some(2), 1), "n4 0-3 400");
    // With one thread used of each core, the memory goes by those that are used.
    check_on("n4", |wanted| (wanted.tasks, wanted.threads_per_core) = (Some(3), 1), "n4 0-5 300");
    check_on("n4", |wanted| (wanted.tasks, wanted.threads_per_core) = (Some(4), 1), "n4 0-7 400");
    check_on(
        "n4,n5",
        |wanted| (wanted.tasks, wanted.threads_per_core) = (Some(5), 1),
        "n4 0-7 400; n5 0-1 100",
    );
    check_on("n4", |wanted| wanted.memory = Memory::PerCpu(3000), "n4 0-1 6000");
    check_on("n4", |wanted| (wanted.tasks, wanted.memory) = (Some(3), Memory::PerCpu(2000)), "n4 0-3 8000");
    check_on(
        "n4,n5",
        |wanted| (wanted.tasks, wanted.memory) = (Some(3), Memory::PerCpu(2500)),
        "n4 0-1 5000; n5 0-1 5000",
    );
}

#[test]
fn memory_limits_what_fits() {
    check(of(|wanted| wanted.memory = Memory::PerNode(0)), "n1 0 8000");
    check(of(|wanted| wanted.memory = Memory::PerNode(8001)), REFUSED);
    check(of(|wanted| wanted.memory = Memory::PerCpu(9000)), REFUSED);
    check(of(|wanted| wanted.memory = Memory::PerNode(u64::MAX)), REFUSED);
    check(
        of(|wanted| (wanted.tasks, wanted.memory) = (Some(3), Memory::PerCpu(3000))),
        "n1 0,4 6000; n2 0 3000",
    );
    check_in("capped", |wanted| wanted.memory = Memory::PerCpu(1200), "n1 0-2 1200");
    // Three CPUs, since 1200 MB are worth that many; Slurm has them on one socket.
    // With so much memory for each CPU a task counts for three, also where tasks share CPUs; each node gives those of one.
    for (tasks, given) in [(1, "n1 0-2 1200"), (2, "n1 0-2 1200"), (4, "n1 0-2 1200; n2 0-2 1200")] {
        let ask = |wanted: &mut Resources| {
            (wanted.tasks, wanted.overcommit, wanted.memory) = (Some(tasks), true, Memory::PerCpu(1200));
        };
        check_in("capped", ask, given);
    }
    check_in(
        "capped",
        |wanted| (wanted.tasks, wanted.overcommit, wanted.memory) = (Some(4), true, Memory::PerCpu(300)),
        "n1 0 300",
    );
    check_in("capped", |wanted| wanted.memory = Memory::PerNode(1200), "n1 0-1,4 1200");
    check_in(
        "capped",
        |wanted| (wanted.memory, wanted.tasks) = (Memory::PerCpu(1200), Some(4)),
        "n1 0-5 2400; n2 0-5 2400",
    );
    check_in("capped", |wanted| wanted.tasks = Some(8), "n1 0-2,4-6 600; n2 0,4 200");
    check_in("capped", |wanted| (wanted.tasks, wanted.max_nodes) = (Some(8), 1), REFUSED);
    check_in("socket", |wanted| wanted.tasks = Some(4), "n1 0-1,4-5 400");
    check_in("socket", |wanted| wanted.tasks = Some(8), "n1 0-1,4-5 400; n2 0-1,4-5 400");
    check_in("socket", |wanted| (wanted.tasks, wanted.max_nodes) = (Some(5), 1), REFUSED);
}

#[test]
fn whole_nodes_come_with_everything() {
    check(of(|wanted| wanted.sharing = Sharing::Exclusive), "n1 0-7 800 gpu 0-3");
    check(
        of(|wanted| (wanted.sharing, wanted.min_nodes, wanted.tasks) = (Sharing::Exclusive, 2, Some(2))),
        "n1 0-7 800 gpu 0-3; n2 0-7 800 gpu 0-3",
    );
    check_on(
        "n1,n6",
        |wanted| (wanted.sharing, wanted.tasks) = (Sharing::Exclusive, Some(3)),
        "n1 0-7 800 gpu 0-3; n6 0-3 400",
    );
    check_in("excl", |_| {}, "n1 0-7 800 gpu 0-3");
    check(
        of(|wanted| (wanted.sharing, wanted.max_nodes, wanted.tasks) = (Sharing::Exclusive, 2, Some(20))),
        REFUSED,
    );
    for sharing in [Sharing::SameUser, Sharing::SameLabel, Sharing::Topology] {
        check(of(|wanted| wanted.sharing = sharing), "n1 0 100");
    }
}

#[test]
fn features_are_met_in_every_way() {
    check(features("rack1&a"), "n1 0 100");
    check(features("a,rack2"), "n3 0 100");
    check(|spec| (features("a*2")(spec), spec.resources.min_nodes = 3).1, "n1 0 100; n2 0 100; n3 0 100");
    check(|spec| (features("[rack2|rack3]")(spec), spec.resources.min_nodes = 2).1, "n3 0 100; n4 0-1 200");
    check(features("[rack1*1&rack3*2]"), "n1 0 100; n5 0-1 200; n6 0 100");
    check(
        |spec| (features("[rack1*1&rack3*2]")(spec), spec.resources.min_nodes = 4).1,
        "n1 0 100; n2 0 100; n5 0-1 200; n6 0 100",
    );
    check(|spec| (features("(a|b)&ht")(spec), spec.resources.min_nodes = 2).1, "n4 0-1 200; n5 0-1 200");
    // Slurm takes n6 for the second b; n4 is as good.
    check(
        |spec| (features("[(a&ht)*1&b*2]")(spec), spec.resources.min_nodes = 3).1,
        "n2 0 100; n4 0-1 200; n5 0-1 200",
    );
    check(features("a&[rack1|rack2]"), "n1 0 100");
    check(|spec| (features("[rack1|rack2]")(spec), spec.resources.min_nodes = 3).1, REFUSED);
    check(features("a&rack3&b"), REFUSED);
    check(features("a*9"), REFUSED);
    check(|spec| (features("a*2")(spec), spec.resources.max_nodes = 1).1, REFUSED);
    check(features("nope"), "Err(BadConstraint(\"nope\"))");
    let prefer = |written: &'static str| {
        move |spec: &mut JobSpec| spec.uncommon_mut().prefer = Some(Constraint::parse(written).unwrap())
    };
    // Slurm takes the smaller n6.
    check(prefer("rack3"), "n5 0-1 200");
    check(|spec| (features("a")(spec), prefer("rack3&b")(spec)).1, "n6 0 100");
    check(prefer("nope"), "Err(BadPreference(\"nope\"))");
    // Slurm refuses what is preferred and can never be; its manual says that the constraint is tried then.
    check(prefer("rack1&rack2"), "n1 0 100");
    // Slurm gave n1 and n2, of which none has the features of the batch script.
    check(
        |spec| {
            features("rack1|rack2")(spec);
            spec.resources.min_nodes = 2;
            spec.uncommon_mut().batch_features = "rack2".into();
        },
        "n3 0 100; n4 0-1 200",
    );
}

#[test]
fn gpus_count_by_job_node_socket_and_task() {
    let check = |change: &dyn Fn(&mut Resources), expected: &str| check(of(change), expected);
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "", 4)), "n1 0 100 gpu 0-3");
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "", 5)), "n1 0 100 gpu 0-3; n2 0 100 gpu 0");
    check(
        &|wanted| wanted.gres.push(gpus(Per::Job, "small", 9)),
        "n1 0 100 gpu 0-3; n2 0 100 gpu 0-3; n3 0 100 gpu 0",
    );
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "", 12)), REFUSED);
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "", u64::MAX)), REFUSED);
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "a100", 1)), REFUSED);
    check(&|wanted| wanted.gres.push(gpus(Per::Job, "large", 1)), "n3 0 100 gpu 2");
    check(
        &|wanted| wanted.gres.extend([gpus(Per::Job, "small", 2), gpus(Per::Job, "large", 1)]),
        "n3 0 100 gpu 0-2",
    );
    check(
        &|wanted| {
            wanted.min_nodes = 2;
            wanted.gres.push(gpus(Per::Node, "", 2));
        },
        "n1 0 100 gpu 0-1; n2 0 100 gpu 0-1",
    );
    check(&|wanted| wanted.gres.push(gpus(Per::Node, "", 5)), REFUSED);
    check(
        &|wanted| {
            wanted.tasks = Some(6);
            wanted.gres.push(gpus(Per::Task, "", 1));
        },
        // Slurm takes one of each socket of n2.
        "n1 0-1,4-5 400 gpu 0-3; n2 0-1 200 gpu 0-1",
    );
    check(
        &|wanted| {
            (wanted.tasks, wanted.cpus_per_task) = (Some(2), 2);
            wanted.gres.push(gpus(Per::Task, "", 2));
        },
        "n1 0-1,4-5 400 gpu 0-3",
    );
    check(
        &|wanted| {
            wanted.sockets_per_node = 2;
            wanted.gres.push(gpus(Per::Socket, "", 2));
        },
        "n1 0 100 gpu 0-3",
    );
    check(
        &|wanted| wanted.gres.extend([gpus(Per::Job, "", 4), gpus(Per::Node, "", 2)]),
        "n1 0 100 gpu 0-1; n2 0 100 gpu 0-1",
    );
    check(&|wanted| wanted.gres.extend([gpus(Per::Job, "", 5), gpus(Per::Node, "", 2)]), "BadGres(\"gpu\")");
    check(
        &|wanted| wanted.gres.extend([gpus(Per::Job, "", 4), gpus(Per::Task, "", 2)]),
        "n1 0,4 200 gpu 0-3",
    );
}

#[test]
fn tasks_share_gpus() {
    let shared = |tasks: Option<u32>, gpus: &[GresRequest], expected: &str| {
        check(
            of(|wanted| {
                (wanted.tasks, wanted.tasks_per_gpu) = (tasks, 2);
                wanted.gres = gpus.iter().cloned().collect();
            }),
            expected,
        );
    };
    let four = "n1 0-3 400 gpu 0-1";
    shared(None, &[gpus(Per::Job, "", 2)], four);
    shared(Some(3), &[gpus(Per::Job, "", 2)], four);
    shared(Some(4), &[], four);
    shared(Some(5), &[gpus(Per::Job, "", 2)], "NodeConfiguration");
    shared(Some(2), &[gpus(Per::Task, "", 1)], "BadGres(\"gpu\")");
}

#[test]
fn cpus_and_memory_come_with_gpus() {
    let with = |cpus: u32, memory: u64, gpu: GresRequest, expected: &str| {
        check(
            of(|wanted| {
                if cpus > 0 {
                    wanted.cpus_per_gres.push(("gpu".into(), cpus));
                }
                if memory > 0 {
                    wanted.memory_per_gres.push(("gpu".into(), memory));
                }
                wanted.gres.push(gpu);
            }),
            expected,
        );
    };
    with(2, 0, gpus(Per::Job, "", 2), "n1 0-3 400 gpu 0-1");
    with(5, 0, gpus(Per::Job, "", 2), "n1 0-4 500 gpu 0; n2 0-4 500 gpu 0");
    with(3, 0, gpus(Per::Node, "", 2), "n1 0-2,4-6 600 gpu 0,2");
    with(0, 500, gpus(Per::Job, "", 2), "n1 0 1000 gpu 0-1");
    with(0, 5000, gpus(Per::Node, "", 2), REFUSED);
    check_in("gpud", |wanted| wanted.gres.push(gpus(Per::Job, "", 2)), "n1 0-3 600 gpu 0-1");
    check_in(
        "gpud",
        |wanted| {
            wanted.min_nodes = 2;
            wanted.gres.push(gpus(Per::Node, "", 1));
        },
        "n1 0-1 300 gpu 0; n2 0-1 300 gpu 0",
    );
}

#[test]
fn cpus_are_bound_to_gpus_on_request() {
    let bound = |change: &dyn Fn(&mut Resources), expected: &str| {
        check(
            |spec| {
                change(&mut spec.resources);
                spec.flags = spec.flags.with(JobFlags::GRES_BINDING_ENFORCED);
            },
            expected,
        );
    };
    bound(
        &|wanted| {
            wanted.required_nodes = vec!["n1".into()];
            wanted.cpus_per_task = 5;
            wanted.gres.push(gpus(Per::Node, "", 1));
        },
        REFUSED,
    );
    // Those of n3 are near all of its CPUs.
    bound(
        &|wanted| {
            wanted.cpus_per_task = 5;
            wanted.gres.push(gpus(Per::Node, "", 1));
        },
        "n3 0-4 500 gpu 0",
    );
    bound(
        &|wanted| {
            wanted.tasks = Some(10);
            wanted.max_nodes = 1;
            wanted.gres.push(gpus(Per::Job, "", 2));
        },
        REFUSED,
    );
    check_on(
        "n1",
        |wanted| {
            wanted.cpus_per_task = 5;
            wanted.gres.push(gpus(Per::Node, "", 1));
        },
        "n1 0-4 500 gpu 0",
    );
}

#[test]
fn licences_are_taken_together_or_one_of_them() {
    let spec = |any, list: &[(&str, u32)]| {
        spec(|spec| {
            spec.resources.any_license = any;
            spec.resources.licenses = list.iter().map(|(name, count)| (Text::from(*name), *count)).collect();
        })
    };
    let refused = |any, list: &[(&str, u32)]| {
        assert!(
            matches!(could_ever_run(&cluster(), &spec(any, list)), Err(Problem::BadLicense(_))),
            "{list:?}"
        );
    };
    refused(false, &[("matlab", 11)]);
    refused(true, &[("matlab", 11), ("ansys", 1)]);
    refused(true, &[("nope", 1), ("ansys", 1)]);
    refused(false, &[("matlab@x", 1)]);
    let cluster = cluster();
    let taken = |any, free: u32| {
        let spec = spec(any, &[("matlab", 3), ("ansys", 2)]);
        let demand = Demand::of(&cluster, &cluster.partitions[0], &spec).unwrap();
        let names =
            demand.licenses(|_| free).map(|list| list.iter().map(|(name, _)| name.to_string()).collect());
        names.map(|names: Vec<String>| names.join(","))
    };
    assert_eq!(taken(false, 3), Some("matlab,ansys".into()));
    assert_eq!(taken(false, 2), None);
    assert_eq!(taken(true, 3), Some("matlab".into()));
    assert_eq!(taken(true, 2), Some("ansys".into()));
    assert_eq!(taken(true, 1), None);
}
