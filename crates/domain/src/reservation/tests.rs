//! Rules of reservations: turns, overlaps, the choice of cores, who may use one, what is closed to whom.

use super::*;
use crate::cluster::{Gres, Node, NodeUse, Topology};
use crate::ports::{Calendar, Greenwich, WallMinute};
use crate::{Problem, Text};
use std::sync::Arc;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// A Saturday, at six in the evening.
const SATURDAY: i64 = 1_795_284_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn reservation(number: u32, start: i64, end: i64, flags: ReservationFlags) -> Reservation {
    let nodes = vec![ReservedNode::whole(NodeIndex(0))];
    let name = Text::from(format!("r{number}"));
    Reservation { name, number, start: at(start), end: at(end), flags, nodes, ..Reservation::default() }
}

fn node(cpus: u32, threads: u16) -> Node {
    let text = Text::const_new;
    let cores = u16::try_from(cpus).unwrap() / threads;
    Node {
        name: text("n"),
        host: text("n"),
        address: text(""),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores, threads, cpus },
        memory: 1000,
        system: Default::default(),
        tmp_disk: 0,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres: vec![Gres { name: text("gpu"), count: 2, ..Gres::default() }],
        flags: Default::default(),
        upkeep: Default::default(),
        reason: text(""),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: text(""),
        extra: text(""),
        architecture: text(""),
        operating_system: text(""),
        booted: Timestamp::EPOCH,
    }
}

fn cluster(nodes: usize, cpus: u32, threads: u16) -> Cluster {
    let numbered = |at: usize| Node { name: Text::from(format!("n{}", at + 1)), ..node(cpus, threads) };
    Cluster { nodes: (0..nodes).map(numbered).collect(), ..Cluster::default() }
}

#[test]
fn turns_follow_the_calendar() {
    let next = |flags, start: i64| following(flags, at(start), &Greenwich).map(Timestamp::seconds);
    assert_eq!(next(ReservationFlags::MAINT, SATURDAY), None);
    assert_eq!(next(ReservationFlags::HOURLY, SATURDAY), Some(SATURDAY + HOUR));
    assert_eq!(next(ReservationFlags::DAILY, SATURDAY + 7), Some(SATURDAY + 7 + DAY));
    assert_eq!(next(ReservationFlags::WEEKLY, SATURDAY), Some(SATURDAY + 7 * DAY));
    assert_eq!(next(ReservationFlags::WEEKDAY, SATURDAY), Some(SATURDAY + 2 * DAY), "Monday");
    assert_eq!(next(ReservationFlags::WEEKDAY, SATURDAY + 6 * DAY), Some(SATURDAY + 9 * DAY), "after Friday");
    assert_eq!(next(ReservationFlags::WEEKEND, SATURDAY), Some(SATURDAY + DAY));
    assert_eq!(next(ReservationFlags::WEEKEND, SATURDAY + DAY), Some(SATURDAY + 7 * DAY));
}

/// A place where clocks are put back an hour at the beginning of the second day.
struct LongDay;

impl Calendar for LongDay {
    fn shown(&self, at: Timestamp) -> WallMinute {
        let back = if at.seconds() >= DAY + HOUR { HOUR } else { 0 };
        Greenwich.shown(Timestamp::from_seconds(at.seconds() - back))
    }

    fn begin_of(&self, minute: WallMinute) -> Timestamp {
        let plain = Greenwich.begin_of(minute).seconds();
        Timestamp::from_seconds(if plain >= DAY + HOUR { plain + HOUR } else { plain })
    }
}

#[test]
fn a_daily_turn_keeps_the_time_on_the_wall() {
    let next = following(ReservationFlags::DAILY, at(10 * HOUR + 5), &LongDay);
    assert_eq!(next, Some(at(DAY + 11 * HOUR + 5)));
}

#[test]
fn reservations_meet_in_any_of_their_turns() {
    let now = at(SATURDAY);
    let check = |one: &Reservation, other: &Reservation, wanted: bool| {
        assert_eq!(meet(one, other, now, &Greenwich), wanted, "{one:?} {other:?}");
        assert_eq!(meet(other, one, now, &Greenwich), wanted, "{other:?} {one:?}");
    };
    let none = ReservationFlags::default();
    let once = |start: i64, end: i64| reservation(1, SATURDAY + start, SATURDAY + end, none);
    let daily = reservation(2, SATURDAY, SATURDAY + HOUR, ReservationFlags::DAILY);
    check(&once(0, HOUR), &once(HOUR, 2 * HOUR), false);
    check(&once(0, HOUR + 1), &once(HOUR, 2 * HOUR), true);
    check(&daily, &once(3 * DAY, 3 * DAY + 60), true);
    check(&daily, &once(3 * DAY + 2 * HOUR, 3 * DAY + 3 * HOUR), false);
    check(&daily, &once(4000 * DAY, 4000 * DAY + 60), true);
    check(&daily, &once(4000 * DAY + 2 * HOUR, 4000 * DAY + 3 * HOUR), false);
    let weekend = reservation(3, SATURDAY, SATURDAY + HOUR, ReservationFlags::WEEKEND);
    let weekday = reservation(4, SATURDAY + 2 * DAY, SATURDAY + 2 * DAY + HOUR, ReservationFlags::WEEKDAY);
    check(&weekend, &weekday, false);
    check(&daily, &weekday, true);
    let endless = Reservation { end: Timestamp::NEVER, ..once(100 * DAY, 0) };
    check(&daily, &endless, true);
    check(&once(0, HOUR), &endless, false);
}

#[test]
fn one_that_floats_is_never_open() {
    let mut floating = reservation(1, SATURDAY, SATURDAY + HOUR, ReservationFlags::TIME_FLOAT);
    floating.float = Some(Duration::from_secs(600));
    for now in [SATURDAY, SATURDAY + DAY] {
        assert_eq!(floating.window(at(now)), (at(now + 600), at(now + 600 + HOUR)));
        assert!(!floating.is_open(at(now)));
    }
}

fn shares(chosen: Result<Vec<ReservedNode>, Problem>) -> String {
    let share = |node: &ReservedNode| match &node.cpus {
        None => format!("{}:all", node.node),
        Some(cpus) => {
            let cpus: Vec<_> = cpus.iter().map(|cpu| cpu.to_string()).collect();
            let units: u32 = node.gres.iter().map(|share| share.units.len()).sum();
            let gres = if units > 0 { format!("+{units}") } else { String::new() };
            format!("{}:{}{gres}", node.node, cpus.join(","))
        }
    };
    match chosen {
        Ok(nodes) => nodes.iter().map(share).collect::<Vec<_>>().join(" "),
        Err(problem) => format!("{problem:?}"),
    }
}

#[test]
fn nodes_and_cores_are_chosen_in_order() {
    let four = cluster(4, 8, 1);
    let all: Vec<NodeIndex> = (0..4).map(NodeIndex).collect();
    // The second node is reserved by half, the fourth as a whole.
    let taken = |node: NodeIndex| {
        CpuSet::first(match node.0 {
            1 => 4,
            3 => 8,
            _ => 0,
        })
    };
    let check = |choice: Choice, wanted: &str| {
        assert_eq!(shares(choose(&four, &all, &choice, taken)), wanted, "{choice:?}");
    };
    let nodes = |count| Choice { nodes: Some(count), ..Choice::default() };
    check(nodes(2), "0:all 2:all");
    check(nodes(3), "NodesBusy");
    check(Choice { cores: Some(4), ..nodes(1) }, "0:0,1,2,3");
    check(Choice { cores: Some(5), ..nodes(2) }, "0:0,1,2,3 1:4");
    check(Choice { cores: Some(13), ..Choice::default() }, "0:0,1,2,3,4,5,6,7 1:4,5,6,7 2:0");
    check(Choice { cores: Some(21), ..Choice::default() }, "NodesBusy");
    check(Choice { cores: Some(2), per_node: true, ..nodes(2) }, "0:0,1 1:4,5");
    let gpus = vec![(Text::const_new("gpu"), 3)];
    check(Choice { gres: gpus.clone(), ..Choice::default() }, "0:0,1,2,3,4,5,6,7+2 1:4,5,6,7+1");
    check(Choice { gres: gpus, cores: Some(2), ..Choice::default() }, "0:0+2 1:4+1");
    check(Choice::default(), "NodesBusy");
}

#[test]
fn both_threads_of_a_core_are_taken() {
    let one = cluster(1, 8, 2);
    let choice = Choice { cores: Some(2), ..Choice::default() };
    let taken = |_| CpuSet::from_iter([1]);
    assert_eq!(shares(choose(&one, &[NodeIndex(0)], &choice, taken)), "0:2,3,4,5");
}

#[test]
fn those_who_are_meant_may_use_it() {
    let names = |list: &[&'static str], excluded| Names {
        names: list.iter().map(|name| Text::const_new(name)).collect(),
        excluded,
    };
    let nobody = Access::default();
    assert!(!nobody.admits("alice", "physics"));
    let users = Access { users: names(&["alice"], false), ..Access::default() };
    assert!(users.admits("alice", "") && !users.admits("bob", "") && users.admits_user("alice"));
    let others = Access { users: names(&["alice"], true), ..Access::default() };
    assert!(!others.admits("alice", "") && others.admits("bob", ""));
    let both = Access { accounts: names(&["physics"], false), ..users };
    assert!(
        both.admits("alice", "physics") && !both.admits("alice", "bio") && !both.admits("bob", "physics")
    );
    let group = Access { groups: vec!["hpc".into()], members: vec!["bob".into()], ..Access::default() };
    assert!(group.admits("bob", "x") && !group.admits("alice", "x") && !group.admits_user("alice"));
}

#[test]
fn a_fence_closes_what_others_have_and_what_is_not_ones_own() {
    let now = at(SATURDAY);
    let whole = Arc::new(reservation(1, SATURDAY + HOUR, SATURDAY + 2 * HOUR, ReservationFlags::default()));
    let mut cores = reservation(2, SATURDAY, SATURDAY + DAY, ReservationFlags::default());
    cores.nodes = vec![ReservedNode { cpus: Some(CpuSet::first(3)), ..ReservedNode::whole(NodeIndex(1)) }];
    let cores = Arc::new(cores);
    let all = [Arc::clone(&whole), Arc::clone(&cores)];
    let eight = node(8, 1);
    let closed = |membership, until: i64, index| {
        let fence = Fence::of(&all, membership, now, at(SATURDAY + until));
        match fence.closed(NodeIndex(index), &eight) {
            Closed::Nothing => "nothing".to_owned(),
            Closed::Node => "node".to_owned(),
            Closed::Part(used) => {
                let NodeUse { cpus, .. } = *used;
                cpus.iter().map(|cpu| cpu.to_string()).collect::<Vec<_>>().join(",")
            }
        }
    };
    let outside = Membership::Outside;
    assert_eq!(closed(outside, HOUR, 0), "nothing");
    assert_eq!(closed(outside, HOUR + 1, 0), "node");
    assert_eq!(closed(outside, 1, 1), "0,1,2");
    assert_eq!(closed(outside, 2 * HOUR, 2), "nothing");
    let inside = Membership::Inside(&cores);
    assert_eq!(closed(inside, HOUR, 1), "3,4,5,6,7");
    assert_eq!(closed(inside, HOUR, 0), "node");
    assert_eq!(closed(Membership::Inside(&whole), HOUR, 1), "node");
    let flexible = Arc::new(Reservation { flags: ReservationFlags::FLEX, ..(*cores).clone() });
    assert_eq!(closed(Membership::Inside(&flexible), HOUR, 1), "nothing");
    assert_eq!(closed(Membership::Inside(&flexible), 2 * HOUR, 0), "node");
    let maintenance = Arc::new(Reservation { flags: ReservationFlags::MAINT, number: 9, ..(*whole).clone() });
    assert_eq!(closed(Membership::Inside(&maintenance), 2 * HOUR, 0), "nothing");
}

#[test]
fn wishes_are_complete_or_say_what_they_lack() {
    let whole = ReservationWish {
        start: Some(at(SATURDAY)),
        duration: Some(Span::Minutes(5)),
        node_list: vec!["n1".into()],
        users: vec!["alice".into()],
        ..ReservationWish::default()
    };
    let check = |change: fn(&mut ReservationWish), wanted: Result<(), Fault>| {
        let mut wish = whole.clone();
        change(&mut wish);
        assert_eq!(wish.check_complete(), wanted);
    };
    check(|_| {}, Ok(()));
    check(|wish| wish.start = None, Err(Fault::NoStart));
    check(|wish| wish.duration = None, Err(Fault::NoEnd));
    check(|wish| (wish.duration, wish.end) = (None, Some(at(5))), Err(Fault::EndBeforeStart));
    check(|wish| wish.flags.on = ReservationFlags::PART_NODES, Err(Fault::NotAllOfPartition));
    check(|wish| wish.flags.force_start = true, Err(Fault::ForcedOnce));
    check(|wish| wish.node_list.clear(), Err(Fault::NothingToReserve));
    check(|wish| wish.users.clear(), Err(Fault::Nobody));
    check(|wish| wish.groups = vec!["hpc".into()], Err(Fault::UsersAndGroups));
}
