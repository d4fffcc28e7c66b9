//! What holds for any request on any cluster: a placement meets the demand and takes nothing that is not there.

use super::*;
use crate::cluster::{Cluster, Gres, Node, NodeUse, Partition, PartitionSharing, SystemShare, Topology};
use crate::job::tests::job;
use crate::job::{Constraint, CpuSet, GresRequest, JobFlags, JobSpec, Memory, Per, Resources, Sharing};
use crate::{NodeIndex, Text, TimeLimit, Timestamp};
use proptest::prelude::*;
use std::sync::Arc;

const FEATURES: [&str; 8] = ["a", "b", "a&b", "a|b", "[a|b]", "a*2", "[a*1&b*2]", "(a&b)|c"];

/// A wish that few requests have; zero for none.
fn seldom(most: u16) -> impl Strategy<Value = u16> {
    prop_oneof![5 => Just(0), 1 => 1..=most]
}

prop_compose! {
    fn any_node()(
        (sockets, cores, threads) in (1u16..3, 2u16..5, 1u16..3),
        less in seldom(2),
        memory in 500u64..4000,
        features in proptest::sample::subsequence(vec!["a", "b", "c"], 1..=3),
        gpus in prop::collection::vec((0usize..2, 0u32..4, any::<bool>()), 0..3),
        kept in 0u32..2,
    ) -> Node {
        let all = u32::from(sockets) * u32::from(cores) * u32::from(threads);
        let topology = Topology { boards: 1, sockets, cores, threads, cpus: all.saturating_sub(less.into()).max(2) };
        let features: Vec<Text> = features.into_iter().map(Text::from).collect();
        let gres = gpus.into_iter().enumerate().map(|(at, (kind, count, near))| {
            let socket = at as u32 % u32::from(sockets);
            let near = if near { topology.socket_cpus(socket).collect() } else { CpuSet::default() };
            Gres { name: "gpu".into(), kind: ["x", "y"][kind].into(), count, near, ..Gres::default() }
        });
        let cpus = if topology.cpus > 4 { topology.last_cores(kept) } else { CpuSet::default() };
        Node {
            name: "n".into(),
            host: Text::default(),
            address: Text::default(),
            port: 0,
            topology,
            memory,
            system: SystemShare { cpus, memory: 100 },
            tmp_disk: 0,
            weight: 1,
            features: features.clone(),
            active_features: features,
            gres: gres.collect(),
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
}

prop_compose! {
    fn any_cluster()(
        nodes in prop::collection::vec(any_node(), 2..7),
        per_node in prop::option::weighted(0.2, 2u32..8),
        per_socket in prop::option::weighted(0.2, 1u32..5),
        per_cpu in prop::option::weighted(0.2, 100u64..500),
        most in prop::option::weighted(0.2, 1u32..5),
    ) -> Cluster {
        let count = u32::try_from(nodes.len()).unwrap();
        let nodes = nodes.into_iter().zip(1..).map(|(node, at)| Node { name: format!("n{at}").into(), ..node });
        let partition = Partition {
            name: "p".into(),
            nodes: (0..count).map(NodeIndex).collect(),
            max_time: TimeLimit::Unlimited,
            max_nodes: most,
            max_cpus_per_node: per_node,
            max_memory_per_cpu: per_cpu,
            sharing: PartitionSharing { max_cpus_per_socket: per_socket, ..Default::default() },
            ..Partition::default()
        };
        Cluster { nodes: nodes.collect(), partitions: vec![partition], ..Cluster::default() }
    }
}

prop_compose! {
    fn any_gres()(kind in 0usize..3, count in 0u64..4, per in 0usize..4) -> GresRequest {
        let per = [Per::Job, Per::Node, Per::Socket, Per::Task][per];
        GresRequest { name: "gpu".into(), kind: ["", "x", "y"][kind].into(), count, per }
    }
}

prop_compose! {
    fn any_resources()(
        (min_nodes, more) in (1u32..4, prop::option::of(0u32..3)),
        tasks in prop::option::of(1u32..10),
        (cpus_per_task, min_cpus, per_node_cpus) in (seldom(3), seldom(8), seldom(4)),
        (on_node, on_socket, on_core) in (seldom(4), seldom(2), seldom(2)),
        (sockets, cores, threads) in (seldom(2), seldom(2), seldom(2)),
        memory in prop_oneof![
            4 => Just(Memory::Default),
            1 => (0u64..3000).prop_map(Memory::PerNode),
            1 => (1u64..800).prop_map(Memory::PerCpu),
        ],
        feature in prop::option::weighted(0.3, 0usize..8),
        gres in prop_oneof![1 => Just(Vec::new()), 1 => prop::collection::vec(any_gres(), 1..3)],
        (per_gres, memory_per_gres, tasks_per_gpu) in (seldom(3), seldom(400), seldom(2)),
        (contiguous, overcommit, exclusive) in (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::bool::weighted(0.2)),
    ) -> Resources {
        Resources {
            min_nodes,
            max_nodes: more.map_or(0, |more| min_nodes + more),
            tasks,
            cpus_per_task,
            min_cpus: min_cpus.into(),
            min_cpus_per_node: per_node_cpus,
            tasks_per_node: on_node,
            tasks_per_socket: on_socket,
            tasks_per_core: on_core,
            sockets_per_node: sockets,
            cores_per_socket: cores,
            threads_per_core: threads,
            memory,
            constraint: feature.map(|at| Constraint::parse(FEATURES[at]).unwrap()),
            contiguous,
            overcommit,
            sharing: if exclusive { Sharing::Exclusive } else { Sharing::Default },
            gres: gres.into(),
            cpus_per_gres: if per_gres > 0 { vec![("gpu".into(), per_gres.into())] } else { Vec::new() },
            memory_per_gres: if memory_per_gres > 0 { vec![("gpu".into(), memory_per_gres.into())] } else { Vec::new() },
            tasks_per_gpu,
            ..Resources::default()
        }
    }
}

/// What is in use on a node: some CPUs, some memory, some units.
fn in_use(node: &Node, seed: u64) -> NodeUse {
    let granule = node.topology.granule();
    let is_used = |number: u32| (seed >> (number % 64)) & 1 == 1;
    let cpus: CpuSet = (0..node.topology.cpus)
        .filter(|cpu| is_used(cpu / granule) && !node.system.cpus.contains(*cpu))
        .collect();
    let gres = node
        .gres
        .iter()
        .zip(0u32..)
        .map(|(gres, at)| (0..gres.count).filter(|unit| is_used(unit + at + 20)).collect());
    NodeUse {
        cpus,
        memory: (seed % 1000).min(node.job_memory()),
        gres: gres.collect(),
        jobs: 1,
        ..NodeUse::default()
    }
}

fn check_node(
    demand: &Demand<'_>,
    node: &Node,
    used: &NodeUse,
    placed: &Placed,
) -> Result<(), TestCaseError> {
    let wanted = demand.resources;
    let share = demand.share(node, used, placed);
    prop_assert!(share.is_some(), "units of {placed:?} cannot be found beside {used:?}");
    let share = share.unwrap();
    prop_assert!(!share.cpus.overlaps(&used.cpus), "CPUs given twice");
    prop_assert!(!share.cpus.overlaps(&node.system.cpus), "CPUs of the system given out");
    prop_assert!(share.cpus.iter().all(|cpu| cpu < node.topology.cpus), "CPUs that are not there");
    prop_assert!(used.memory + share.memory <= node.job_memory(), "memory given twice");
    for given in &share.gres {
        prop_assert!(!given.units.overlaps(&used.gres[given.at]), "units given twice");
        prop_assert!(given.units.iter().all(|unit| unit < node.gres[given.at].count));
    }
    prop_assert_eq!(Amounts::of_share(node, &share).sockets, placed.takes.sockets.clone());
    let cpus = share.cpus.len();
    prop_assert!(cpus > 0 && placed.tasks > 0);
    let task_cpus = wanted.task_cpus();
    if !wanted.overcommit {
        prop_assert!(cpus >= placed.tasks * task_cpus, "{} tasks on {cpus} CPUs", placed.tasks);
    }
    prop_assert!(cpus >= u32::from(wanted.min_cpus_per_node));
    for limit in [wanted.tasks_per_node].into_iter().filter(|limit| *limit > 0) {
        prop_assert!(placed.tasks <= u32::from(limit));
    }
    if let Some(most) = demand.partition.max_cpus_per_node {
        prop_assert!(cpus <= most);
    }
    if let Some(most) = demand.partition.sharing.max_cpus_per_socket {
        for socket in 0..node.topology.socket_count() {
            let on_socket = node.topology.socket_cpus(socket).filter(|cpu| share.cpus.contains(*cpu)).count();
            prop_assert!(on_socket <= most as usize);
        }
    }
    match wanted.memory {
        Memory::PerNode(0) => prop_assert_eq!(share.memory, node.job_memory()),
        Memory::PerNode(megabytes) => prop_assert_eq!(share.memory, megabytes),
        Memory::PerCpu(_) | Memory::Default => {}
    }
    let units = |kind: &str| -> u32 {
        let meant = share.gres.iter().filter(|given| kind.is_empty() || node.gres[given.at].kind == kind);
        meant.map(|given| given.units.len()).sum()
    };
    for request in &wanted.gres {
        let least = match request.per {
            Per::Job => u64::from(request.count > 0),
            Per::Node => request.count,
            Per::Socket => request.count * u64::from(wanted.sockets_per_node.max(1)),
            Per::Task => request.count * u64::from(placed.tasks),
        };
        prop_assert!(u64::from(units(&request.kind)) >= least, "{request:?} got {}", units(&request.kind));
    }
    Ok(())
}

fn check_placement(
    cluster: &Cluster,
    spec: &JobSpec,
    demand: &Demand<'_>,
    used: &[NodeUse],
    placement: &Placement,
) -> Result<(), TestCaseError> {
    let wanted = &spec.resources;
    let count = u32::try_from(placement.nodes.len()).unwrap();
    prop_assert!((demand.min_nodes..=demand.max_nodes).contains(&count), "{count} nodes");
    prop_assert!(placement.nodes.windows(2).all(|pair| pair[0].node < pair[1].node));
    for placed in &placement.nodes {
        let at = placed.node.0 as usize;
        check_node(demand, &cluster.nodes[at], &used[at], placed)?;
    }
    let tasks: u32 = placement.nodes.iter().map(|placed| placed.tasks).sum();
    match wanted.tasks {
        Some(wanted) => prop_assert_eq!(tasks, wanted.max(demand.min_nodes)),
        None => prop_assert!(tasks >= count),
    }
    let cpus: u32 = placement.nodes.iter().map(|placed| placed.takes.cpus).sum();
    prop_assert!(cpus >= wanted.min_cpus);
    if wanted.contiguous {
        prop_assert!(placement.nodes.windows(2).all(|pair| pair[0].node.0 + 1 == pair[1].node.0));
    }
    if let Some(constraint) = &wanted.constraint {
        let features = |placed: &Placed| &cluster.nodes[placed.node.0 as usize].active_features;
        prop_assert!(placement.nodes.iter().all(|placed| constraint.meaning.holds(features(placed))));
        let is_same =
            |one: &crate::job::Expression| placement.nodes.iter().all(|placed| one.holds(features(placed)));
        prop_assert!(constraint.same.is_empty() || constraint.same.iter().any(is_same));
        for (kind, count) in &constraint.counts {
            let of_kind = placement.nodes.iter().filter(|placed| kind.holds(features(placed))).count();
            prop_assert!(of_kind >= *count as usize);
        }
        prop_assert!(count >= constraint.counted_nodes());
    }
    for request in wanted.gres.iter().filter(|request| request.per == Per::Job && wanted.tasks_per_gpu == 0) {
        let of_node = |placed: &Placed| {
            let gres = cluster.nodes[placed.node.0 as usize].gres.iter().zip(&placed.takes.gres);
            let meant = gres.filter(|(gres, _)| request.kind.is_empty() || gres.kind == request.kind);
            meant.map(|(_, units)| u64::from(*units)).sum::<u64>()
        };
        let all: u64 = placement.nodes.iter().map(of_node).sum();
        prop_assert!(all >= request.count, "{all} units for {request:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn placements_meet_the_demand_and_take_what_is_there(
        cluster in any_cluster(),
        resources in any_resources(),
        seeds in prop::collection::vec(any::<u64>(), 7),
        flags in 0u8..8,
    ) {
        let mut spec: JobSpec = Arc::unwrap_or_clone(job(1).spec);
        spec.partitions = vec!["p".into()];
        spec.resources = resources;
        for (bit, flag) in
            [JobFlags::GRES_BINDING_ENFORCED, JobFlags::SPREAD_JOB, JobFlags::PREFER_MINIMUM_NODE_COUNT].into_iter().enumerate()
        {
            if flags & (1 << bit) != 0 {
                spec.flags = spec.flags.with(flag);
            }
        }
        if derive_counts(&mut spec.resources).is_err() || check_sense(&spec).is_err() {
            return Ok(());
        }
        let partition = &cluster.partitions[0];
        let Ok(demand) = Demand::of(&cluster, partition, &spec) else { return Ok(()) };
        // A few nodes are idle, so that whole ones can be had.
        let used: Vec<NodeUse> = cluster.nodes.iter().zip(&seeds).map(|(node, seed)| {
            if seed % 2 == 0 {
                NodeUse { gres: node.gres.iter().map(|_| CpuSet::default()).collect(), ..NodeUse::default() }
            } else {
                in_use(node, *seed)
            }
        }).collect();
        let free = |index: NodeIndex| {
            let at = index.0 as usize;
            Some(Amounts::free_of(cluster.nodes.get(at)?, used.get(at)?))
        };
        if let Some(placement) = place(&demand, &cluster, &partition.nodes, free) {
            check_placement(&cluster, &spec, &demand, &used, &placement)?;
            // What can be had of a busy cluster can be had of an idle one, at least where sets of nodes are not tried one
            // after the other.
            let wanted = &spec.resources;
            let counts = wanted.constraint.as_ref().map_or(0, Constraint::counted_nodes);
            if wanted.gres.is_empty() && wanted.min_cpus == 0 && !wanted.contiguous && counts == 0 {
                let idle = |index: NodeIndex| cluster.node(index).map(Amounts::all_of);
                prop_assert!(place(&demand, &cluster, &partition.nodes, idle).is_some());
            }
        }
    }
}
