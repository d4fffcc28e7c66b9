//! Tables of requests and where they go.

use super::*;
use crate::cluster::{Cluster, Gres, Node, NodeFlags, Partition, Topology};
use crate::job::tests::job;
use crate::job::{Constraint, GresRequest, JobSpec, Memory, Per, Resources, Sharing};
use crate::{NodeIndex, Problem, Text, TimeLimit, Timestamp};
use std::sync::Arc;

fn node(name: &str, cores: u16, threads: u16) -> Node {
    let cpus = u32::from(cores) * u32::from(threads);
    Node {
        name: name.into(),
        host: Text::default(),
        address: Text::default(),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores, threads, cpus },
        memory: 8000,
        system: Default::default(),
        tmp_disk: 100,
        weight: 1,
        features: vec!["any".into()],
        active_features: vec!["any".into()],
        gres: vec![
            Gres { name: "gpu".into(), kind: "small".into(), count: 2, ..Gres::default() },
            Gres { name: "gpu".into(), kind: "large".into(), count: 1, ..Gres::default() },
        ],
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: Text::default(),
        operating_system: Text::default(),
        booted: Timestamp::EPOCH,
    }
}

/// Four nodes of eight CPUs with 8000 MB and three GPUs each; the last one has four cores of two threads and is fast.
fn cluster() -> Cluster {
    let mut nodes: Vec<Node> = (1..=3).map(|at| node(&format!("n{at}"), 8, 1)).collect();
    nodes.push(node("n4", 4, 2));
    nodes[3].features.push("fast".into());
    nodes[3].active_features.push("fast".into());
    let partition = Partition {
        name: "debug".into(),
        nodes: (0..4).map(NodeIndex).collect(),
        is_default: true,
        max_time: TimeLimit::Minutes(60),
        default_memory_per_cpu: Some(100),
        ..Partition::default()
    };
    Cluster {
        name: "test".into(),
        host: "localhost".into(),
        nodes,
        partitions: vec![partition],
        licenses: [("matlab".into(), 3)].into(),
        ..Cluster::default()
    }
}

fn spec(change: impl FnOnce(&mut Resources)) -> JobSpec {
    let mut spec = Arc::unwrap_or_clone(job(1).spec);
    spec.resources = Resources { min_nodes: 1, cpus_per_task: 1, ..Resources::default() };
    change(&mut spec.resources);
    spec
}

fn gres(kind: &str, count: u64, per: Per) -> GresRequest {
    GresRequest { name: "gpu".into(), kind: kind.into(), count, per }
}

/// Writes a placement on a cluster where the first node has only three CPUs left:
/// node, tasks, CPUs, memory and GPUs of each.
fn placed_on(cluster: &Cluster, spec: &JobSpec) -> String {
    let partition = &cluster.partitions[0];
    let demand = match Demand::of(cluster, partition, spec) {
        Ok(demand) => demand,
        Err(misfit) => return format!("{misfit:?}"),
    };
    let free = |index: NodeIndex| {
        let mut free = cluster.node(index).map(Amounts::all_of)?;
        if index == NodeIndex(0) {
            free.cpus = 3;
        }
        Some(free)
    };
    let Some(placement) = place(&demand, cluster, &partition.nodes, free) else { return "nowhere".into() };
    let written = placement.nodes.iter().map(|placed| {
        let gpus: u32 = placed.takes.gres.iter().sum();
        let gpus = if gpus > 0 { format!("+{gpus}") } else { String::new() };
        let Placed { node, tasks, takes } = placed;
        format!("n{}:{tasks}/{}/{}{gpus}", node.0 + 1, takes.cpus, takes.memory)
    });
    written.collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(change: impl FnOnce(&mut Resources), expected: &str) {
    assert_eq!(placed_on(&cluster(), &spec(change)), expected);
}

#[test]
fn tasks_go_to_the_first_and_fewest_nodes() {
    check(|_| {}, "n1:1/1/100");
    check(|wanted| wanted.tasks = Some(3), "n1:3/3/300");
    check(|wanted| wanted.tasks = Some(4), "n2:4/4/400");
    check(|wanted| wanted.tasks = Some(16), "n2:8/8/800 n3:8/8/800");
    check(|wanted| wanted.tasks = Some(27), "n1:3/3/300 n2:8/8/800 n3:8/8/800 n4:8/8/800");
    check(|wanted| wanted.tasks = Some(28), "nowhere");
    check(|wanted| (wanted.min_nodes, wanted.tasks) = (2, Some(4)), "n1:3/3/300 n2:1/1/100");
    check(|wanted| wanted.min_nodes = 3, "n1:1/1/100 n2:1/1/100 n3:1/1/100");
    check(|wanted| wanted.min_nodes = 5, "nowhere");
    check(|wanted| (wanted.max_nodes, wanted.tasks) = (1, Some(9)), "nowhere");
    check(|wanted| (wanted.min_nodes, wanted.tasks_per_node) = (2, 4), "n2:4/4/400 n3:4/4/400");
    check(|wanted| (wanted.tasks, wanted.tasks_per_node) = (Some(4), 2), "n1:2/2/200 n2:2/2/200");
}

#[test]
fn cpus_come_in_whole_cores_and_as_many_as_asked() {
    check(|wanted| wanted.cpus_per_task = 4, "n2:1/4/400");
    check(|wanted| wanted.min_cpus_per_node = 8, "n2:1/8/800");
    check(|wanted| wanted.min_cpus = 3, "n1:1/3/300");
    check(|wanted| wanted.min_cpus = 4, "n2:1/4/400");
    check(|wanted| wanted.threads_per_core = 2, "n4:1/2/200");
    check(|wanted| (wanted.threads_per_core, wanted.tasks) = (2, Some(3)), "n4:3/4/400");
    check(
        |wanted| (wanted.threads_per_core, wanted.tasks, wanted.tasks_per_core) = (2, Some(3), 1),
        "n4:3/6/600",
    );
    check(|wanted| (wanted.tasks, wanted.overcommit) = (Some(50), true), "n1:50/1/100");
    check(|wanted| wanted.sharing = Sharing::Exclusive, "n2:1/8/800+3");
    check(|wanted| wanted.sockets_per_node = 2, "nowhere");
}

#[test]
fn tasks_that_are_few_on_each_socket_have_a_core_on_each() {
    let mut cluster = cluster();
    cluster.nodes[3].topology = Topology { boards: 1, sockets: 2, cores: 2, threads: 2, cpus: 8 };
    let two = spec(|wanted| {
        (wanted.tasks, wanted.tasks_per_socket) = (Some(2), 1);
        wanted.required_nodes = vec!["n4".into()];
    });
    assert_eq!(placed_on(&cluster, &two), "n4:2/4/400", "one core would have threads enough for both");
}

#[test]
fn memory_counts() {
    check(|wanted| wanted.memory = Memory::PerNode(8000), "n1:1/1/8000");
    check(|wanted| wanted.memory = Memory::PerNode(8001), "nowhere");
    check(|wanted| wanted.memory = Memory::PerNode(0), "n1:1/1/8000");
    check(
        |wanted| (wanted.memory, wanted.tasks) = (Memory::PerCpu(2000), Some(5)),
        "n1:3/3/6000 n2:2/2/4000",
    );
    let mut capped = cluster();
    capped.partitions[0].max_memory_per_cpu = Some(500);
    capped.partitions[0].max_memory_per_node = Some(4000);
    let on_capped = |change: &dyn Fn(&mut Resources)| placed_on(&capped, &spec(change));
    assert_eq!(on_capped(&|wanted| wanted.memory = Memory::PerCpu(1000)), "n1:1/2/1000");
    assert_eq!(on_capped(&|wanted| wanted.memory = Memory::PerNode(1500)), "n1:1/3/1500");
    assert_eq!(on_capped(&|wanted| wanted.memory = Memory::PerNode(4001)), "MemoryLimit");
    capped.partitions[0].default_memory_per_cpu = None;
    assert_eq!(placed_on(&capped, &spec(|_| {})), "n1:1/1/0");
    capped.partitions[0].default_memory_per_node = Some(1000);
    assert_eq!(placed_on(&capped, &spec(|_| {})), "n1:1/2/1000", "1000 MB are worth two CPUs");
}

#[test]
fn nodes_are_chosen_by_name_feature_and_neighbourhood() {
    check(|wanted| wanted.required_nodes = vec!["n3".into()], "n3:1/1/100");
    check(
        |wanted| (wanted.required_nodes, wanted.min_nodes) = (vec!["n3".into()], 2),
        "n1:1/1/100 n3:1/1/100",
    );
    check(|wanted| wanted.excluded_nodes = vec!["n1".into(), "n2".into()], "n3:1/1/100");
    check(|wanted| wanted.required_nodes = vec!["n9".into()], "UnknownNode(\"n9\")");
    check(|wanted| wanted.constraint = Constraint::parse("fast").ok(), "n4:1/2/200");
    check(|wanted| wanted.tmp_disk = 101, "nowhere");
    check(
        |wanted| {
            (wanted.contiguous, wanted.min_nodes) = (true, 2);
            wanted.excluded_nodes = vec!["n2".into()];
        },
        "n3:1/1/100 n4:1/2/200",
    );
    let mut preferring = spec(|_| {});
    preferring.uncommon_mut().prefer = Constraint::parse("fast").ok();
    assert_eq!(placed_on(&cluster(), &preferring), "n4:1/2/200");
    preferring.uncommon_mut().prefer = Constraint::parse("never").ok();
    assert_eq!(placed_on(&cluster(), &preferring), "n1:1/1/100");
}

#[test]
fn generic_resources_count_by_what_they_are_asked_for() {
    check(|wanted| wanted.gres.push(gres("", 3, Per::Node)), "n1:1/1/100+3");
    check(|wanted| wanted.gres.push(gres("", 4, Per::Node)), "nowhere");
    check(|wanted| wanted.gres.push(gres("large", 2, Per::Node)), "nowhere");
    check(
        |wanted| {
            wanted.tasks = Some(3);
            wanted.gres.push(gres("small", 1, Per::Task));
        },
        "n1:2/2/200+2 n2:1/1/100+1",
    );
    check(
        |wanted| {
            wanted.min_nodes = 2;
            wanted.gres.push(gres("", 4, Per::Job));
        },
        "n1:1/1/100+3 n2:1/1/100+1",
    );
    check(
        |wanted| {
            wanted.gres.push(gres("", 1, Per::Node));
            wanted.gres.push(gres("small", 2, Per::Node));
        },
        "n1:1/1/100+3",
    );
    check(|wanted| wanted.gres.push(gres("", 0, Per::Job)), "n1:1/1/100");
}

#[test]
fn partitions_limit_nodes() {
    let mut limited = cluster();
    limited.partitions[0].max_nodes = Some(2);
    limited.partitions[0].min_nodes = 2;
    assert_eq!(placed_on(&limited, &spec(|_| {})), "n1:1/1/100 n2:1/1/100");
    assert_eq!(placed_on(&limited, &spec(|wanted| wanted.min_nodes = 3)), "NodeLimit");
    assert_eq!(placed_on(&limited, &spec(|wanted| wanted.max_nodes = 1)), "NodeLimit");
    limited.partitions[0].max_cpus_per_node = Some(2);
    assert_eq!(placed_on(&limited, &spec(|wanted| wanted.tasks = Some(5))), "nowhere");
}

#[test]
fn requests_that_no_waiting_helps_are_refused() {
    let check = |change: &dyn Fn(&mut Resources), expected: Result<Feasibility, Problem>| {
        assert_eq!(could_ever_run(&cluster(), &spec(change)), expected);
    };
    check(&|_| {}, Ok(Feasibility::Possible));
    check(&|wanted| wanted.tasks = Some(32), Ok(Feasibility::Possible));
    check(&|wanted| wanted.min_nodes = 5, Ok(Feasibility::BeyondPartition));
    // The partition has 32 CPUs: more may be added, so that is waited for.
    check(&|wanted| wanted.tasks = Some(33), Ok(Feasibility::BeyondPartition));
    check(&|wanted| (wanted.tasks, wanted.max_nodes) = (Some(17), 2), Err(Problem::NodeConfiguration));
    check(&|wanted| wanted.cpus_per_task = 9, Err(Problem::NodeConfiguration));
    check(&|wanted| wanted.memory = Memory::PerNode(9000), Err(Problem::NodeConfiguration));
    check(&|wanted| wanted.required_nodes = vec!["n9".into()], Err(Problem::UnknownNode("n9".into())));
    check(&|wanted| wanted.excluded_nodes = vec!["n9".into()], Err(Problem::UnknownNode("n9".into())));
    check(
        &|wanted| wanted.constraint = Constraint::parse("slow").ok(),
        Err(Problem::BadConstraint("slow".into())),
    );
    check(&|wanted| wanted.gres.push(gres("a100", 1, Per::Node)), Err(Problem::NodeConfiguration));
    let of = |name: &str| GresRequest { name: name.into(), ..gres("", 1, Per::Node) };
    check(&|wanted| wanted.gres.push(of("shard")), Err(Problem::BadGres("shard".into())));
    check(&|wanted| wanted.gres.push(gres("large", 2, Per::Node)), Err(Problem::NodeConfiguration));
    check(&|wanted| wanted.licenses.push(("matlab".into(), 4)), Err(Problem::BadLicense("matlab".into())));
    check(&|wanted| wanted.licenses.push(("maple".into(), 1)), Err(Problem::BadLicense("maple".into())));
    let mut elsewhere = spec(|_| {});
    elsewhere.partitions = vec!["nowhere".into()];
    assert_eq!(could_ever_run(&cluster(), &elsewhere), Err(Problem::UnknownPartition("nowhere".into())));
    let mut long = spec(|_| {});
    long.time_limit = TimeLimit::Unlimited;
    assert_eq!(could_ever_run(&cluster(), &long), Ok(Feasibility::TooLong));
    let mut drained = cluster();
    drained.nodes[3].flags.drain = true;
    let fast = spec(|wanted| wanted.constraint = Constraint::parse("fast").ok());
    assert_eq!(could_ever_run(&drained, &fast), Ok(Feasibility::NodesUnavailable));
}
