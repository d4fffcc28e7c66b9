//! Whoever others make way for has their room: nobody takes it meanwhile, neither nodes nor licences nor the place among the
//! tasks of an array, and nobody goes in vain.

use crate::cluster::{array, ask};
use crate::preempt::{World, asked, component, wants, with, with_spec, world};
use domain::cluster::{PreemptMode, PreemptRules, PreemptType, Qos};
use domain::job::{ArrayPart, CpuSet, Event, Job, Memory, Sharing, SuspendedBy, Warning, WarningScope};
use domain::ports::PreemptHow;
use domain::reservation::{Access, Names, Reservation, ReservationFlags, ReservedNode};
use domain::{JobId, NodeIndex, TaskIndex, TimeLimit, Timestamp};
use std::time::Duration;

fn by_tier(nodes: u32) -> World {
    world(nodes, PreemptType::PartitionPriority, PreemptMode::Cancel)
}

fn without(job: Job, node: &'static str) -> Job {
    with_spec(job, |spec| spec.resources.excluded_nodes.push(node.into()))
}

fn licensed(job: Job, count: u32) -> Job {
    with_spec(job, |spec| spec.resources.licenses = [("matlab".into(), count)].into_iter().collect())
}

#[test]
fn each_has_the_room_that_was_left_for_it() {
    let mut world = by_tier(2);
    world.starts([wants(1, "low", 8), wants(2, "low", 8)]);
    let first = world.submit(wants(3, "high", 8));
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Cancel)]);
    let second = world.submit(wants(4, "high", 8));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(!world.is_running(first) && world.is_running(second), "that room was for the second");
    world.end(JobId(2));
    world.pass(1);
    world.plan();
    assert!(world.is_running(first));
}

#[test]
fn licences_are_kept_together_with_the_room() {
    let mut world = by_tier(3);
    world.starts([wants(1, "low", 8), wants(2, "low", 8)]);
    let first = world.submit(without(without(licensed(wants(3, "high", 8), 1), "n1"), "n2"));
    world.plan();
    let second = world.submit(without(without(licensed(wants(4, "high", 8), 1), "n0"), "n2"));
    world.pass(1);
    world.plan();
    // Of three licences one is left, and two would be one too many.
    let (greedy, modest) = (licensed(wants(5, "low", 1), 2), licensed(wants(6, "low", 1), 1));
    let quick = |job| with_spec(job, |spec| spec.time_limit = TimeLimit::Minutes(1));
    let others = [greedy, modest].map(|job| world.submit(quick(job)));
    world.pass(1);
    world.plan();
    assert!(!world.is_running(others[0]));
    world.end(JobId(2));
    world.pass(1);
    world.plan();
    assert!(world.is_running(second) && !world.is_running(first));
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(first) && !world.is_running(others[0]));
}

#[test]
fn for_one_place_among_the_tasks_of_an_array_others_make_way_once() {
    let mut world = by_tier(2);
    world.starts([wants(1, "low", 8), wants(2, "low", 8)]);
    let pool = array(wants(10, "high", 8), 4, 1);
    let task = ArrayPart::Task { of: JobId(10), index: TaskIndex(9), throttle: 1, size: 10 };
    let back = Job { array: Some(task), ..wants(11, "high", 8) };
    world.submit(pool);
    world.submit(back);
    assert_eq!(asked(&world.plan()).len(), 1);
    world.pass(2);
    assert_eq!(asked(&world.plan()), [], "one task may run");
}

#[test]
fn who_waits_for_room_in_one_partition_starts_in_no_other() {
    let mut world = with(2, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        cluster.partitions[2].nodes = vec![NodeIndex(0)];
    });
    world.starts([wants(1, "low", 8)]);
    let both = with_spec(wants(2, "high", 8), |spec| spec.partitions.push("low".into()));
    let both = world.submit(both);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    assert!(!world.is_running(both));
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(both));
}

#[test]
fn who_pushes_others_aside_does_not_start_where_they_could_push_it_aside_in_turn() {
    let mut world = by_tier(1);
    world.starts([wants(1, "mid", 8)]);
    let both = |id| with_spec(wants(id, "mid", 8), |spec| spec.partitions.push("high".into()));
    let first = world.submit(both(2));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(first));
    world.submit(both(3));
    assert_eq!(asked(&world.plan()), [], "it runs in the high partition, for which room was made");
}

#[test]
fn nobody_is_halted_if_those_who_are_could_not_go_on_together() {
    let mut world = with(2, |cluster| {
        let (by, mode) = (PreemptType::Qos, PreemptMode::Suspend);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        let preempt = vec!["spare".into()];
        cluster.configure_books(|books| books.qos.push(Qos { preempt, ..Qos::named("urgent".into()) }));
        cluster.configure_books(|books| books.qos.push(Qos::named("spare".into())));
    });
    let of = |job, qos: &'static str, minutes| {
        with_spec(job, |spec| (spec.qos, spec.time_limit) = (qos.into(), TimeLimit::Minutes(minutes)))
    };
    world.starts([without(of(wants(1, "low", 3), "spare", 100), "n0")]);
    let wide = with_spec(of(wants(2, "low", 10), "spare", 30), |spec| {
        (spec.resources.min_nodes, spec.resources.tasks_per_node) = (2, 5);
    });
    world.starts([wide]);
    // It will have three CPUs of the second node when the wide one ends.
    let blocked = without(of(wants(3, "low", 3), "normal", 60), "n0");
    world.submit(Job { priority: 5000, ..blocked });
    let urgent = world.submit(without(of(wants(4, "low", 6), "urgent", 5), "n1"));
    assert_eq!(asked(&world.plan()), [], "the wide one would go on late, also if the other were halted");
    assert!(!world.is_running(urgent));
}

#[test]
fn components_have_the_places_they_were_promised() {
    let mut world = by_tier(2);
    world.starts([without(wants(1, "high", 7), "n1"), without(wants(2, "high", 6), "n0")]);
    world.starts([without(wants(3, "low", 1), "n0")]);
    // One task of the first on each node, although both would find room on the second once the third job is gone.
    let both = [component(4, "high", 2, 4), without(component(5, "high", 1, 4), "n0")];
    let both = both.map(|job| world.submit(job));
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Cancel)]);
    world.end(JobId(3));
    world.pass(1);
    world.plan();
    assert!(both.iter().all(|id| world.is_running(*id)));
}

#[test]
fn who_waits_for_room_takes_none_that_another_one_waits_for_elsewhere() {
    let mut world = by_tier(3);
    let on = |job, node: u32| {
        let others = ["n0", "n1", "n2"].into_iter().enumerate().filter(|(at, _)| *at != node as usize);
        others.fold(job, |job, (_, other)| without(job, other))
    };
    world.starts([on(wants(1, "low", 8), 0), on(wants(2, "low", 4), 2), on(wants(3, "high", 4), 2)]);
    // The second component has half of the empty node as soon as the first one has its own.
    let both = [on(component(4, "high", 8, 4), 0), on(component(5, "high", 4, 4), 1)];
    let both = both.map(|job| world.submit(job));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    let wide = world.submit(Job { priority: 5_000, ..without(wants(6, "high", 8), "n0") });
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Cancel)], "it gets the other half");
    for _ in 0..3 {
        world.pass(1);
        world.plan();
        assert!(!world.is_running(wide), "one half of the empty node is not its own");
    }
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(both.iter().all(|id| world.is_running(*id)) && !world.is_running(wide));
    world.end(JobId(2));
    world.pass(1);
    world.plan();
    assert!(world.is_running(wide));
}

/// Whoever is urgent has those of one quality of service halted, and those of another end.
fn with_urgent(nodes: u32) -> World {
    with(nodes, |cluster| {
        cluster.preempt =
            PreemptRules { by: PreemptType::Qos, mode: PreemptMode::Cancel, ..PreemptRules::default() };
        let preempt = vec!["halted".into(), "gone".into()];
        cluster.configure_books(|books| books.qos.push(Qos { preempt, ..Qos::named("urgent".into()) }));
        cluster.configure_books(|books| books.qos.push(Qos::named("gone".into())));
        cluster.configure_books(|books| {
            books.qos.push(Qos { preempt_mode: Some(PreemptMode::Suspend), ..Qos::named("halted".into()) })
        });
    })
}

fn of(job: Job, qos: &'static str) -> Job {
    with_spec(job, |spec| spec.qos = qos.into())
}

#[test]
fn components_for_whom_one_is_halted_after_others_have_gone_keep_their_places() {
    let mut world = with_urgent(3);
    let on_last = |job| without(without(job, "n0"), "n1");
    world.starts([on_last(of(wants(1, "low", 8), "gone"))]);
    world.starts([without(of(wants(2, "low", 8), "halted"), "n1"), of(wants(3, "low", 7), "normal")]);
    // The first has one CPU of the nodes 0 and 1, and could have one of the last once that is empty, which the second needs.
    let wide = with_spec(component(4, "low", 2, 4), |spec| {
        (spec.resources.min_nodes, spec.resources.tasks_per_node) = (2, 1);
        spec.qos = "urgent".into();
    });
    let narrow = on_last(of(component(5, "low", 8, 4), "urgent"));
    let both = [wide, narrow].map(|job| world.submit(Job { priority: 5000, ..job }));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    world.end(JobId(1));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(2, PreemptHow::Suspend)]);
    assert!(both.iter().all(|id| world.is_running(*id)));
}

#[test]
fn whoever_will_be_halted_for_one_is_not_counted_on_by_another() {
    let mut world = with_urgent(1);
    world.starts([of(wants(1, "low", 4), "halted"), of(wants(2, "low", 2), "gone")]);
    world.starts([of(wants(3, "low", 2), "gone")]);
    let first = world.submit(of(wants(4, "low", 6), "urgent"));
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Cancel)]);
    // Another would have as much room if the second went, and the first one's halted job were halted for it.
    world.submit(of(wants(5, "low", 6), "urgent"));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [], "the second would go in vain");
    world.end(JobId(3));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Suspend)]);
    assert!(world.is_running(first));
}

#[test]
fn whole_nodes_are_not_looked_for_where_a_suspended_job_has_the_memory() {
    let mut world = by_tier(3);
    world.starts([with_spec(wants(1, "low", 1), |spec| spec.resources.memory = Memory::PerNode(6_000))]);
    world.happen(JobId(1), Event::Suspended { at: world.now, by: SuspendedBy::Operator });
    let two = with_spec(wants(2, "low", 2), |spec| {
        spec.resources = ask(2, 2);
        (spec.resources.sharing, spec.resources.memory) = (Sharing::Exclusive, Memory::PerCpu(1_000));
    });
    let two = world.submit(two);
    world.plan();
    assert!(world.is_running(two), "two other nodes are idle");
}

#[test]
fn the_tasks_of_an_array_take_no_more_than_the_room_of_one() {
    let mut world = by_tier(2);
    world.starts([wants(1, "low", 8), wants(2, "low", 8)]);
    let pool = world.submit(array(wants(3, "high", 2), 8, 0));
    let told: Vec<u32> = asked(&world.plan()).iter().map(|(job, _)| *job).collect();
    assert_eq!(told.len(), 1);
    let other = world.submit(wants(4, "high", 8));
    world.pass(1);
    let more: Vec<u32> = asked(&world.plan()).iter().map(|(job, _)| *job).collect();
    assert_eq!(more.len(), 1);
    [told, more].concat().into_iter().for_each(|job| world.end(JobId(job)));
    world.pass(1);
    let starts = world.scheduler_starts();
    assert_eq!(starts.iter().filter(|job| **job == pool).count(), 4, "on its own node");
    assert!(starts.contains(&other));
}

/// The first of them is ahead in order, but those who make way for it are still there.
#[test]
fn who_still_waits_for_room_takes_none_that_is_there_for_another() {
    let mut world = by_tier(1);
    world.starts([wants(1, "low", 4), wants(2, "low", 3), wants(3, "low", 1)]);
    world.submit(Job { priority: 5_000, ..array(wants(4, "high", 1), 8, 0) });
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Cancel)]);
    let other = with_spec(wants(5, "high", 4), |spec| spec.time_limit = TimeLimit::Minutes(5));
    let other = world.submit(other);
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    world.end(JobId(1));
    world.pass(1);
    assert_eq!(world.scheduler_starts(), [other]);
}

/// Reserves something for somebody else.
fn reserve(world: &mut World, from: u64, node: ReservedNode) {
    let start = world.now.after(Duration::from_secs(from));
    world.reserve(Reservation { nodes: vec![node], ..for_carol(start) });
}

/// Makes a reservation of nothing for carol, ten hours long.
fn for_carol(start: Timestamp) -> Reservation {
    let users = Names { names: vec!["carol".into()], excluded: false };
    Reservation {
        name: "r".into(),
        number: 1,
        start,
        end: start.after(Duration::from_secs(36_000)),
        access: Access { users, ..Access::default() },
        ..Reservation::default()
    }
}

#[test]
fn nobody_goes_for_one_who_would_then_run_into_a_reservation() {
    let mut world = by_tier(1);
    world.starts([wants(1, "low", 8)]);
    // It would be over in time if it started at once, but not when the other is gone.
    reserve(&mut world, 3_600 + 10, ReservedNode::whole(NodeIndex(0)));
    world.submit(wants(2, "high", 8));
    assert_eq!(asked(&world.plan()), []);
    world.submit(with_spec(wants(3, "high", 8), |spec| spec.time_limit = TimeLimit::Minutes(50)));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
}

#[test]
fn nobody_goes_for_cores_that_stay_reserved() {
    let mut world = with(1, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Suspend);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
    });
    world.starts([wants(1, "low", 2), wants(2, "low", 6)]);
    // Made although both run beyond its start.
    reserve(
        &mut world,
        600,
        ReservedNode { cpus: Some(CpuSet::first(2)), ..ReservedNode::whole(NodeIndex(0)) },
    );
    // The first of them waits for ever, so that the second is looked at ahead.
    world.submit(Job { priority: 5_000, ..wants(3, "high", 8) });
    world.submit(wants(4, "high", 7));
    for _ in 0..3 {
        assert_eq!(asked(&world.plan()), [], "the cores of the first are of no use to anybody else");
        world.pass(1);
    }
}

/// When the one has gone that has to end, the job would have its place but for a reservation; with the other one halted it has
/// it all the same.
#[test]
fn who_waits_beside_a_reservation_has_those_halted_that_were_counted_on() {
    let mut world = with_urgent(1);
    world.starts([wants(1, "low", 2), wants(2, "low", 2)].map(|job| of(job, "normal")));
    world.starts([of(wants(3, "low", 2), "halted"), of(wants(4, "low", 2), "gone")]);
    world.end(JobId(1));
    reserve(
        &mut world,
        600,
        ReservedNode { cpus: Some(CpuSet::first(4)), ..ReservedNode::whole(NodeIndex(0)) },
    );
    let urgent = world.submit(of(wants(5, "low", 4), "urgent"));
    assert_eq!(asked(&world.plan()), [(4, PreemptHow::Cancel)]);
    world.end(JobId(4));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(3, PreemptHow::Suspend)]);
    assert!(world.is_running(urgent));
}

#[test]
fn nobody_is_halted_for_one_whose_licences_stay_reserved() {
    let mut world = with(2, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Suspend);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
    });
    let quick = with_spec(licensed(wants(2, "high", 8), 2), |spec| spec.time_limit = TimeLimit::Minutes(5));
    world.starts([without(wants(1, "low", 8), "n1"), without(quick, "n0")]);
    // Of three licences two are in use, and two are reserved for when these have been given back.
    let start = world.now.after(Duration::from_secs(1_200));
    world.reserve(Reservation {
        nodes: vec![ReservedNode::whole(NodeIndex(1))],
        licenses: vec![("matlab".into(), 2)],
        ..for_carol(start)
    });
    let high = world.submit(without(licensed(wants(3, "high", 8), 1), "n1"));
    for _ in 0..3 {
        assert_eq!(asked(&world.plan()), [], "it would not start");
        world.pass(1);
    }
    world.end(JobId(2));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Suspend)]);
    assert!(world.is_running(high));
}

#[test]
fn room_that_others_leave_in_a_reservation_is_waited_for_there() {
    let mut world = by_tier(1);
    world.starts([wants(1, "low", 2)]);
    // Made although it runs beyond the start.
    let cores = ReservedNode { cpus: Some(CpuSet::first(2)), ..ReservedNode::whole(NodeIndex(0)) };
    reserve(&mut world, 0, cores);
    let inside = world.submit(with_spec(wants(2, "high", 2), |spec| {
        spec.owner.name = "carol".into();
        spec.uncommon_mut().reservation = "r".into();
    }));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    for _ in 0..3 {
        world.pass(1);
        world.plan();
        assert!(!world.is_running(inside), "what is free of the node is not reserved");
    }
    world.end(JobId(1));
    world.pass(1);
    let plan = world.plan();
    assert_eq!(plan.starts.first().map(|start| start.allocation.reservation.as_str()), Some("r"));
}

#[test]
fn room_that_others_leave_outside_of_a_flexible_reservation_is_kept_at_once() {
    let mut world = by_tier(2);
    world.starts([without(wants(1, "low", 4), "n1"), without(wants(2, "high", 8), "n0")]);
    world.reserve(Reservation {
        flags: ReservationFlags::FLEX,
        nodes: vec![ReservedNode::whole(NodeIndex(1))],
        ..for_carol(world.now)
    });
    let inside = world.submit(with_spec(wants(3, "high", 8), |spec| {
        spec.owner.name = "carol".into();
        spec.uncommon_mut().reservation = "r".into();
    }));
    let outside = world.submit(wants(4, "high", 4));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    assert!(!world.is_running(outside), "what is free of the node is part of the room");
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(inside));
}

/// Reserves a licence for carol, whose jobs may then go to any node.
fn reserve_anywhere(world: &mut World) {
    world.reserve(Reservation {
        flags: ReservationFlags::ANY_NODES.with(ReservationFlags::MAGNETIC),
        licenses: vec![("matlab".into(), 1)],
        ..for_carol(world.now)
    });
}

#[test]
fn room_that_components_wait_for_is_not_given_to_jobs_of_a_reservation_that_may_be_anywhere() {
    let mut world = by_tier(2);
    world.starts([without(wants(1, "low", 4), "n1"), without(wants(2, "high", 8), "n0")]);
    reserve_anywhere(&mut world);
    let both = [component(4, "high", 4, 4), component(5, "high", 4, 4)].map(|job| world.submit(job));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    let anywhere = world.submit(with_spec(wants(6, "low", 2), |spec| spec.owner.name = "carol".into()));
    for _ in 0..3 {
        world.pass(1);
        world.plan();
        assert!(!world.is_running(anywhere), "what is free of the node is part of the room");
    }
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(both.iter().all(|id| world.is_running(*id)));
}

/// One component has a node to itself once somebody has had his time of grace; until then it would be over on the node that
/// is reserved, but not if it starts together with the other.
#[test]
fn components_look_for_room_that_is_there_until_the_last_of_them_is_over() {
    let mut world = with(3, |cluster| {
        let (by, mode) = (PreemptType::PartitionPriority, PreemptMode::Cancel);
        cluster.preempt = PreemptRules { by, mode, ..PreemptRules::default() };
        cluster.partitions[0].grace_time = 600;
    });
    world.starts([without(without(wants(1, "low", 8), "n1"), "n2")]);
    let start = world.now.after(Duration::from_secs(3_600 + 300));
    world.reserve(Reservation {
        name: "r".into(),
        number: 1,
        start,
        end: start.after(Duration::from_secs(36_000)),
        nodes: vec![ReservedNode::whole(NodeIndex(1))],
        ..Reservation::default()
    });
    let both = [without(without(component(4, "high", 8, 4), "n1"), "n2"), component(5, "high", 1, 4)];
    let both = both.map(|job| world.submit(job));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    world.pass(500);
    world.plan();
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(both.iter().all(|id| world.is_running(*id)));
}

#[test]
fn room_that_others_begin_to_leave_is_not_given_to_jobs_of_a_reservation_that_may_be_anywhere() {
    let mut world = by_tier(2);
    world.starts([without(wants(1, "low", 4), "n1"), without(wants(2, "high", 8), "n0")]);
    reserve_anywhere(&mut world);
    // The first waits for a node on which nobody makes way, so that those behind it are planned ahead.
    world.submit(Job { priority: 5_000, ..without(wants(3, "high", 8), "n0") });
    let alone = with_spec(wants(4, "high", 1), |spec| spec.resources.sharing = Sharing::Exclusive);
    let alone = world.submit(Job { priority: 4_000, ..alone });
    let anywhere = world.submit(with_spec(wants(5, "low", 2), |spec| spec.owner.name = "carol".into()));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
    assert!(!world.is_running(anywhere), "what is free of the node is part of the room");
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(alone));
}

/// A node that is reserved for carol, and takes guests.
fn with_guests(mode: PreemptMode) -> World {
    let mut world = world(1, PreemptType::PartitionPriority, mode);
    world.reserve(Reservation {
        nodes: vec![ReservedNode::whole(NodeIndex(0))],
        max_start_delay: 60,
        ..for_carol(world.now)
    });
    world
}

fn in_reservation(job: Job) -> Job {
    with_spec(job, |spec| {
        spec.owner.name = "carol".into();
        spec.uncommon_mut().reservation = "r".into();
    })
}

/// A job that offers to leave within half a minute.
fn guest(job: Job) -> Job {
    let warning = Warning { signal: 10, lead: 30, scope: WarningScope::Steps, flags: 1 << 8 };
    with_spec(job, |spec| spec.warning = Some(warning))
}

#[test]
fn nobody_makes_way_for_a_guest() {
    let mut world = with_guests(PreemptMode::Suspend);
    world.starts([in_reservation(wants(1, "low", 4))]);
    world.submit(guest(wants(2, "high", 8)));
    let modest = world.submit(guest(wants(3, "high", 4)));
    for _ in 0..3 {
        assert_eq!(asked(&world.plan()), [], "it may have what is left");
        world.pass(1);
    }
    assert!(!world.is_running(modest), "that is for the first of them");
}

#[test]
fn a_guest_that_makes_way_need_not_leave_as_well() {
    let mut world = with_guests(PreemptMode::Cancel);
    world.starts([guest(wants(1, "low", 8))]);
    world.submit(in_reservation(wants(2, "high", 8)));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Cancel)]);
}

#[test]
fn a_guest_that_is_halted_for_one_is_not_asked_to_leave_for_another_at_once() {
    let mut world = with_guests(PreemptMode::Suspend);
    let large = |job| with_spec(job, |spec| spec.resources.memory = Memory::PerNode(6_000));
    world.starts([guest(large(wants(1, "low", 8)))]);
    let first = world.submit(in_reservation(wants(2, "high", 4)));
    // Its CPUs will be free then, but not the memory.
    let second = world.submit(in_reservation(large(wants(3, "low", 4))));
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Suspend)]);
    assert!(world.is_running(first));
    world.pass(1);
    assert_eq!(asked(&world.plan()), [(1, PreemptHow::Requeue)]);
    world.end(JobId(1));
    world.pass(1);
    world.plan();
    assert!(world.is_running(second));
}
