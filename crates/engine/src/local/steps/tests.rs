//! What fits beside what, compared with Slurm 26.05.

use super::Obstacle;
use super::bind::Seats;
use super::deal::{deal, ranks};
use super::place::place;
use domain::NodeIndex;
use domain::cluster::{Cluster, Gres, Node, NodeFlags, Topology};
use domain::job::{Allocation, CpuSet, GresShare, JobStep, Memory, NodeShare};
use domain::{Text, Timestamp};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;
use supervise::steps::{BindRule, Distribution, StepGres, StepMemory, StepPer, StepRequest};

type Shares = SmallVec<[NodeShare; 1]>;

fn node(name: &str) -> Node {
    let text = Text::default;
    let (files, near) = (Vec::new(), CpuSet::default());
    let gres = vec![Gres { name: "gpu".into(), kind: "a100".into(), count: 2, files, near, taken_away: 0 }];
    Node {
        name: name.into(),
        host: text(),
        address: text(),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores: 4, threads: 1, cpus: 4 },
        memory: 1000,
        system: Default::default(),
        tmp_disk: 0,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres,
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: text(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: text(),
        extra: text(),
        architecture: text(),
        operating_system: text(),
        booted: Timestamp::EPOCH,
    }
}

/// A job that has four CPUs, 300 megabytes and two GPUs on each of two nodes.
struct World {
    cluster: Cluster,
    allocation: Allocation,
    live: Vec<Arc<JobStep>>,
    memory: Memory,
}

impl World {
    fn new(nodes: usize) -> Self {
        let cluster = Cluster { nodes: vec![node("n1"), node("n2")], ..Cluster::default() };
        let share = |at: usize| NodeShare {
            node: NodeIndex(at as u32),
            cpus: CpuSet::first(4),
            memory: 300,
            tasks: 2,
            gres: smallvec![GresShare { at: 0, units: CpuSet::first(2) }],
        };
        let allocation = Allocation {
            partition: Text::default(),
            nodes: (0..nodes).map(share).collect(),
            whole: false,
            licenses: SmallVec::new(),
            reservation: Default::default(),
        };
        World { cluster, allocation, live: Vec::new(), memory: Memory::PerNode(300) }
    }

    fn place(&self, request: &StepRequest) -> Result<Shares, Obstacle> {
        place(request, self.memory, &self.allocation, &self.live, &self.cluster)
    }

    /// Places a step and lets it live.
    fn run(&mut self, request: &StepRequest) -> Shares {
        let shares = self.place(request).unwrap();
        let number = self.live.len() as u32;
        let step =
            JobStep { number, shares: shares.clone(), overlaps: request.overlap, ..JobStep::default() };
        self.live.push(Arc::new(step));
        shares
    }
}

fn ask(tasks: u32) -> StepRequest {
    let gres = Some(Vec::new());
    StepRequest { tasks: Some(tasks), memory: StepMemory::PerNode(10), gres, ..StepRequest::default() }
}

fn exact(tasks: u32) -> StepRequest {
    StepRequest { exact: true, ..ask(tasks) }
}

fn gpus(count: u64, per: StepPer) -> Option<Vec<StepGres>> {
    Some(vec![StepGres { name: "gpu".into(), kind: String::new(), count, per }])
}

const BUSY: Result<Shares, Obstacle> = Err(Obstacle::Wait("Requested nodes are busy"));

fn counts(shares: &Shares) -> Vec<(u32, u32)> {
    shares.iter().map(|share| (share.tasks, share.cpus.len())).collect()
}

#[test]
fn a_step_gets_all_cpus_unless_it_is_exact() {
    let mut world = World::new(1);
    assert_eq!(counts(&world.run(&ask(1))), [(1, 4)]);
    assert_eq!(world.place(&ask(1)), BUSY);
    assert_eq!(world.place(&exact(1)), BUSY);
    let overlap = StepRequest { overlap: true, ..ask(1) };
    assert_eq!(counts(&world.place(&overlap).unwrap()), [(1, 4)]);
    world.live.clear();
    assert_eq!(counts(&world.run(&exact(1))), [(1, 1)]);
    // What takes everything waits for everything (measured).
    assert_eq!(world.place(&ask(1)), BUSY);
    assert_eq!(counts(&world.run(&exact(3))), [(3, 3)]);
    assert_eq!(world.place(&exact(1)), BUSY);
    let [first, second] = &world.live[..] else { panic!() };
    assert!(!first.shares[0].cpus.overlaps(&second.shares[0].cpus));
}

#[test]
fn steps_that_overlap_are_in_nobodys_way() {
    let mut world = World::new(1);
    world.run(&StepRequest { overlap: true, ..ask(1) });
    assert_eq!(counts(&world.run(&ask(4))), [(4, 4)]);
}

#[test]
fn what_can_never_be_is_refused_and_not_delayed() {
    let mut world = World::new(2);
    world.run(&ask(8));
    let never = |request: StepRequest| match world.place(&request) {
        Err(Obstacle::Never(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(never(ask(9)), "More processors requested than permitted");
    assert_eq!(
        never(StepRequest { cpus_per_task: Some(5), ..ask(1) }),
        "More processors requested than permitted"
    );
    assert_eq!(
        never(StepRequest { tasks: Some(u32::MAX), ..ask(1) }),
        "More processors requested than permitted"
    );
    let memory = StepMemory::PerNode(301);
    assert_eq!(never(StepRequest { memory, ..ask(1) }), "Memory required by task is not available");
    for per in [StepPer::Node, StepPer::Step, StepPer::Task] {
        let gres = gpus(5, per);
        assert_eq!(never(StepRequest { gres, ..ask(1) }), "Invalid generic resource (gres) specification");
    }
    let missing = "Requested node configuration is not available";
    assert_eq!(never(StepRequest { nodes: vec!["zz".into()], ..ask(1) }), missing);
    assert_eq!(never(StepRequest { min_nodes: Some(3), ..ask(3) }), missing);
    assert_eq!(never(StepRequest { relative: Some(7), ..ask(1) }), missing);
    assert_eq!(world.place(&ask(1)), BUSY);
    assert!(world.place(&StepRequest { overcommit: true, overlap: true, ..ask(90) }).is_ok());
}

#[test]
fn memory_is_shared_out_like_cpus() {
    let mut world = World::new(1);
    let default = StepRequest { memory: StepMemory::Default, ..exact(1) };
    assert_eq!(world.run(&default)[0].memory, 300);
    assert_eq!(world.place(&exact(1)), BUSY);
    assert!(world.place(&StepRequest { memory: StepMemory::PerNode(0), ..exact(1) }).is_ok());
    world.live.clear();
    world.memory = Memory::PerCpu(75);
    assert_eq!(world.run(&default)[0].memory, 75);
    assert_eq!(world.run(&StepRequest { memory: StepMemory::PerCpu(100), ..exact(2) })[0].memory, 200);
    assert_eq!(world.place(&StepRequest { memory: StepMemory::PerNode(26), ..exact(1) }), BUSY);
}

#[test]
fn gpus_are_all_taken_unless_asked_for() {
    let mut world = World::new(1);
    let all = StepRequest { gres: None, ..exact(1) };
    assert_eq!(world.run(&all)[0].gres[0].units, CpuSet::first(2));
    assert_eq!(world.place(&all), BUSY);
    assert_eq!(world.place(&StepRequest { gres: gpus(1, StepPer::Step), ..exact(1) }), BUSY);
    assert!(world.place(&exact(1)).is_ok(), "none is asked for");
    world.live.clear();
    let one = StepRequest { gres: gpus(1, StepPer::Task), ..exact(1) };
    assert_eq!(world.run(&one)[0].gres[0].units, CpuSet::from_iter([0]));
    assert_eq!(world.run(&one)[0].gres[0].units, CpuSet::from_iter([1]));
    assert_eq!(world.place(&one), BUSY);
}

#[test]
fn a_count_for_the_whole_step_is_spread() {
    let world = World::new(2);
    let request = StepRequest { gres: gpus(3, StepPer::Step), min_nodes: Some(2), ..exact(2) };
    let shares = world.place(&request).unwrap();
    let units: Vec<u32> = shares.iter().map(|share| share.gres[0].units.len()).collect();
    assert_eq!(units, [2, 1]);
}

#[test]
fn tasks_are_dealt_out_as_slurm_does() {
    use Distribution::{Block, Cyclic, Default, Plane};
    // sbatch -N2 with 6 and 2 CPUs, srun -n3; -n2 of them: cyclic; srun -n4 with 3 and 1.
    assert_eq!(deal(3, &[6, 2], Default, false), [2, 1]);
    assert_eq!(ranks(&[2, 1], Default), [0, 0, 1]);
    assert_eq!(deal(2, &[3, 1], Default, false), [1, 1]);
    assert_eq!(deal(4, &[3, 1], Default, false), [3, 1]);
    assert_eq!(deal(4, &[4, 4], Cyclic, false), [2, 2]);
    assert_eq!(ranks(&[2, 2], Cyclic), [0, 1, 0, 1]);
    assert_eq!(ranks(&[2, 2], Block), [0, 0, 1, 1]);
    assert_eq!(ranks(&[4, 2], Plane(2)), [0, 0, 1, 1, 0, 0]);
    assert_eq!(deal(9, &[3, 1], Default, true).iter().sum::<u32>(), 9);
    for (tasks, room) in [(0, &[][..]), (5, &[]), (5, &[0, 0]), (u32::MAX, &[1])] {
        assert!(deal(tasks, room, Default, false).iter().sum::<u32>() <= 1);
    }
}

#[test]
fn nodes_are_named_left_out_and_passed_over() {
    let world = World::new(2);
    let on = |request: StepRequest| world.place(&request).unwrap()[0].node.0;
    assert_eq!(on(exact(1)), 0);
    assert_eq!(on(StepRequest { nodes: vec!["n2".into()], ..exact(1) }), 1);
    assert_eq!(on(StepRequest { excluded: vec!["n1".into()], ..exact(1) }), 1);
    assert_eq!(on(StepRequest { relative: Some(1), ..exact(1) }), 1);
    assert_eq!(
        counts(&world.place(&StepRequest { min_nodes: Some(2), ..exact(4) }).unwrap()),
        [(3, 3), (1, 1)]
    );
    assert_eq!(
        counts(&world.place(&StepRequest { tasks_per_node: Some(2), ..exact(4) }).unwrap()),
        [(2, 2); 2]
    );
}

#[test]
fn tasks_are_bound_to_seats_of_their_own() {
    let topology = Topology { boards: 1, sockets: 2, cores: 2, threads: 2, cpus: 8 };
    let machine: Vec<u32> = (10..18).collect();
    let seats = Seats { cpus: &[0, 1, 2, 3], machine: &machine, topology, each: 1, tasks: 2 };
    let bound = |rule: BindRule| [0, 1, 5].map(|local| seats.of_task(&rule, local));
    assert_eq!(bound(BindRule::None), [None, None, None]);
    assert_eq!(bound(BindRule::Default), [None, None, None], "there are more seats than tasks");
    assert_eq!(bound(BindRule::Threads), [Some(vec![10]), Some(vec![11]), Some(vec![11])]);
    assert_eq!(bound(BindRule::Cores)[0], Some(vec![10, 11]));
    assert_eq!(bound(BindRule::Sockets)[1], Some(vec![10, 11, 12, 13]));
    assert_eq!(bound(BindRule::MapCpu(vec![12, 99])), [Some(vec![12]), None, None]);
    assert_eq!(bound(BindRule::MaskCpu(vec![vec![0b11 << 10]]))[1], Some(vec![10, 11]));
    assert_eq!(bound(BindRule::MapCpu(Vec::new())), [None, None, None]);
}
