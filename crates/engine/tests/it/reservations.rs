//! Reservations: nobody outside gets what they have, nobody inside gets anything else, and both get what is theirs.

use crate::cluster::{ask, cluster, job, node, partition};
use crate::workload::{Dice, workload};
use domain::cluster::Cluster;
use domain::job::{
    CpuSet, End, Event, Exit, HetPart, Job, Memory, Phase, Reason, Resources, Sharing, Usage, Warning,
    WarningScope,
};
use domain::ports::Plan;
use domain::reservation::{Access, Names, Reservation, ReservationFlags, ReservedNode};
use domain::state::State;
use domain::{JobId, NodeIndex, TimeLimit, Timestamp, Uid};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

/// The writer in miniature: what is planned happens.
struct World {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
}

const BEGIN: i64 = 100_000;
const MINUTE: i64 = 60;

/// Two nodes of four CPUs.
fn world() -> World {
    let nodes = vec![node("n1", 4, 1, 10_000, 0), node("n2", 4, 1, 10_000, 0)];
    over(cluster(nodes, vec![partition("a", 0..2)]))
}

fn over(cluster: Cluster) -> World {
    World {
        state: State::new(Arc::new(cluster)),
        scheduler: Scheduler::new(),
        now: Timestamp::from_seconds(BEGIN),
    }
}

/// A reservation of whole nodes for carol, from and until so many minutes after the beginning.
fn reservation(name: &str, nodes: &[u32], from: i64, until: i64) -> Reservation {
    let users = Names { names: vec!["carol".into()], excluded: false };
    Reservation {
        name: name.into(),
        number: u32::from(name.as_bytes()[0]),
        start: Timestamp::from_seconds(BEGIN + from * MINUTE),
        end: Timestamp::from_seconds(BEGIN + until * MINUTE),
        nodes: nodes.iter().map(|at| ReservedNode::whole(NodeIndex(*at))).collect(),
        access: Access { users, ..Access::default() },
        ..Reservation::default()
    }
}

impl World {
    fn reserve(&mut self, reservation: Reservation) {
        let mut all = (**self.state.reservations()).clone();
        all.push(Arc::new(reservation));
        self.state.put_reservations(Arc::new(all));
    }

    fn submit(&mut self, minutes: u32, asked: Resources) -> JobId {
        self.submit_into("", minutes, asked)
    }

    /// Submits a job of carol's that names reservations.
    fn submit_into(&mut self, list: &str, minutes: u32, asked: Resources) -> JobId {
        let id = self.state.take_id();
        let mut job = Job { eligible: self.now, submitted: self.now, ..job(id.0, "a", minutes, asked) };
        let spec = Arc::make_mut(&mut job.spec);
        if !list.is_empty() {
            (spec.owner.name, spec.owner.uid) = ("carol".into(), Uid(2003));
            spec.uncommon_mut().reservation = list.into();
        }
        self.state.put(Arc::new(job));
        id
    }

    fn happen(&mut self, id: JobId, event: Event) {
        let step = self.state.job(id).unwrap().apply(event).unwrap();
        self.state.put(Arc::new(step.job));
    }

    fn plan(&mut self) -> Plan {
        self.state.reservations_turn(self.now);
        let plan = self.scheduler.plan(&self.state, self.now);
        for start in &plan.starts {
            let (allocation, limit, at) = (Arc::clone(&start.allocation), start.limit, self.now);
            let overtime = Duration::ZERO;
            let (boot, way_in) = ("boot".into(), domain::job::WayIn::InOrder);
            self.happen(start.job, Event::Started { at, allocation, limit, boot, overtime, way_in });
        }
        for (id, reason, expected_start) in &plan.waits {
            self.happen(*id, Event::Considered { reason: *reason, expected_start: *expected_start });
        }
        plan
    }

    /// Lets so many minutes pass, and looks deep.
    fn after(&mut self, minutes: i64) -> Vec<u32> {
        self.now = Timestamp::from_seconds(self.now.seconds() + minutes * MINUTE + 10);
        self.plan().starts.iter().map(|start| start.job.0).collect()
    }

    fn reason(&self, id: JobId) -> Reason {
        match &self.state.job(id).unwrap().phase {
            Phase::Pending(pending) => pending.reason,
            _ => Reason::None,
        }
    }

    /// Tells in which minute after the beginning a waiting job should start.
    fn expected(&self, id: JobId) -> Option<i64> {
        match &self.state.job(id).unwrap().phase {
            Phase::Pending(pending) => Some((pending.expected_start?.seconds() - BEGIN).div_euclid(MINUTE)),
            _ => None,
        }
    }

    /// Tells where a job runs: the node of each share with its CPUs.
    fn place(&self, id: JobId) -> String {
        let Some(held) = self.state.job(id).unwrap().held_resources() else { return "nowhere".into() };
        let share = |share: &domain::job::NodeShare| {
            let cpus: Vec<String> = share.cpus.iter().map(|cpu| cpu.to_string()).collect();
            format!("{}:{}", share.node, cpus.join(","))
        };
        held.nodes.iter().map(share).collect::<Vec<_>>().join(" ")
    }
}

fn flagged(flags: ReservationFlags, reservation: Reservation) -> Reservation {
    Reservation { flags, ..reservation }
}

#[test]
fn nobody_outside_starts_what_would_run_into_it() {
    let mut world = world();
    world.reserve(reservation("r", &[0, 1], 30, 60));
    let (long, short) = (world.submit(31, ask(1, 1)), world.submit(30, ask(1, 1)));
    let plan = world.plan();
    assert_eq!(plan.starts.iter().map(|start| start.job).collect::<Vec<_>>(), [short]);
    assert_eq!((world.reason(long), world.expected(long)), (Reason::Reserved, Some(60)));
    let planned = plan.planned.unwrap();
    assert_eq!((planned.of(long).len(), planned.of(short).len()), (1, 0), "its place is booked");
    assert_eq!(world.after(61), [long.0]);
}

#[test]
fn who_is_kept_out_keeps_nobody_behind_waiting() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 0, 60));
    let both = world.submit(10, ask(2, 2));
    world.plan();
    assert_eq!((world.reason(both), world.expected(both)), (Reason::Reserved, Some(60)));
    let one = world.submit(10, ask(1, 4));
    assert_eq!(world.plan().starts[0].job, one);
    assert_eq!(world.place(one), "1:0,1,2,3");
}

#[test]
fn jobs_inside_run_on_its_nodes_while_it_is_open() {
    let mut world = world();
    world.reserve(reservation("r", &[1], 10, 60));
    // One that would run on beyond its end begins all the same, as in Slurm.
    let inside = world.submit_into("r", 90, ask(1, 1));
    assert!(world.plan().starts.is_empty());
    assert_eq!(world.reason(inside), Reason::Reservation);
    let outside = world.submit(5, ask(2, 8));
    assert_eq!(world.after(0), [outside.0]);
    world.happen(outside, ended(world.now));
    assert_eq!(world.after(10), [inside.0]);
    assert_eq!(world.place(inside), "1:0");
    assert_eq!(world.state.job(inside).unwrap().held_resources().unwrap().reservation, "r");
    let full = world.submit_into("r", 5, ask(1, 4));
    assert!(world.after(1).is_empty());
    assert_eq!(world.reason(full), Reason::Resources);
}

fn ended(at: Timestamp) -> Event {
    Event::Ended { at, end: End::Process(Exit::Code(0)), usage: Usage::default(), requeue: None }
}

#[test]
fn who_waits_inside_keeps_nobody_outside_waiting_and_the_other_way_round() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 0, 60));
    world.submit_into("r", 20, ask(1, 3));
    let (waits_inside, waits_outside) = (world.submit_into("r", 20, ask(1, 4)), world.submit(20, ask(1, 9)));
    let busy = world.submit(20, ask(1, 3));
    let next = world.submit(20, Resources { max_nodes: 1, ..ask(1, 2) });
    assert_eq!(world.plan().starts.len(), 2);
    assert_eq!(world.place(busy), "1:0,1,2");
    let inside = world.submit_into("r", 15, ask(1, 1));
    assert_eq!(world.after(0), [inside.0], "backfilled: it is gone before the first one needs its place");
    assert_eq!((world.reason(waits_inside), world.reason(next)), (Reason::Resources, Reason::Resources));
    assert_eq!(world.expected(waits_inside), Some(20));
    assert_eq!(world.reason(waits_outside), Reason::PartitionConfig);
}

#[test]
fn cores_are_kept_one_by_one() {
    let mut world = world();
    let mut half = reservation("r", &[0], 0, 60);
    half.nodes[0].cpus = Some(CpuSet::first(2));
    world.reserve(half);
    world.reserve(reservation("s", &[1], 0, 60));
    let (outside, inside) = (world.submit(10, ask(1, 2)), world.submit_into("r", 10, ask(1, 1)));
    world.plan();
    assert_eq!((world.place(outside), world.place(inside)), ("0:2,3".into(), "0:0".into()));
    let (more, last) = (world.submit(10, ask(1, 1)), world.submit_into("r", 10, ask(1, 1)));
    world.after(0);
    assert_eq!((world.place(more), world.place(last)), ("nowhere".into(), "0:1".into()));
    assert_eq!((world.reason(more), world.expected(more)), (Reason::Reserved, Some(10)));
}

#[test]
fn licences_are_kept_for_those_inside() {
    let mut world = world();
    let any = flagged(ReservationFlags::ANY_NODES, reservation("r", &[], 0, 60));
    world.reserve(Reservation { licenses: vec![("matlab".into(), 2)], ..any });
    let licensed =
        |count| Resources { licenses: [("matlab".into(), count)].into_iter().collect(), ..ask(1, 1) };
    let (outside, inside) = (world.submit(10, licensed(2)), world.submit_into("r", 10, licensed(2)));
    let one = world.submit(10, licensed(1));
    world.plan();
    assert_eq!(world.reason(outside), Reason::Licenses);
    assert_ne!(world.place(inside), "nowhere");
    // The one that is left is free until there are two.
    world.after(0);
    assert_ne!(world.place(one), "nowhere");
    world.happen(inside, ended(world.now));
    world.after(1);
    assert_eq!(world.place(outside), "nowhere", "they are kept, whether used or not");
    world.after(61);
    assert_ne!(world.place(outside), "nowhere");
}

/// One waits inside, so that the main pass leaves the next one inside to the one that looks ahead; another has just started
/// outside, on the same node, and has what the first would have.
fn inside_after_outside(outside: Resources, inside: Resources) -> (World, JobId, JobId) {
    let mut world = world();
    let cores = Some(CpuSet::first(2));
    let reserved = ReservedNode { cpus: cores, ..ReservedNode::whole(NodeIndex(0)) };
    world.reserve(Reservation { nodes: vec![reserved], ..reservation("r", &[], 0, 600) });
    world.submit_into("r", 100, ask(1, 1));
    world.submit(1000, Resources { excluded_nodes: vec!["n1".into()], ..ask(1, 4) });
    world.after(0);
    world.submit_into("r", 60, ask(1, 2));
    let inside = world.submit_into("r", 10, inside);
    let outside = world.submit(1000, outside);
    world.after(0);
    (world, inside, outside)
}

#[test]
fn licences_are_not_given_out_inside_and_outside_at_once() {
    let licensed = || Resources { licenses: [("matlab".into(), 2)].into_iter().collect(), ..ask(1, 1) };
    let (world, inside, outside) = inside_after_outside(licensed(), licensed());
    assert_eq!((world.place(outside), world.place(inside)), ("0:2".into(), "nowhere".into()));
}

#[test]
fn memory_is_not_given_out_inside_and_outside_at_once() {
    let much = || Resources { memory: Memory::PerNode(6_000), ..ask(1, 1) };
    let (world, inside, outside) = inside_after_outside(much(), much());
    assert_eq!((world.place(outside), world.place(inside)), ("0:2".into(), "nowhere".into()));
}

#[test]
fn nobody_inside_joins_one_who_wants_nobody_else_outside() {
    let alone = Resources { sharing: Sharing::SameUser, ..ask(1, 1) };
    let (mut world, inside, outside) = inside_after_outside(ask(1, 1), alone);
    assert_eq!((world.place(outside), world.place(inside)), ("0:2".into(), "nowhere".into()));
    world.happen(outside, ended(world.now));
    world.after(0);
    assert_ne!(world.place(inside), "nowhere");
}

#[test]
fn components_start_together_where_all_of_them_may_be() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 0, 60));
    let submit = |world: &mut World, lists: [&str; 2]| {
        let ids = lists.map(|list| world.submit_into(list, 10, ask(1, 1)));
        for (offset, id) in (0..).zip(ids) {
            let job = world.state.job(id).unwrap();
            let het = Some(HetPart { leader: ids[0], offset, size: 2 });
            world.state.put(Arc::new(Job { het, ..(**job).clone() }));
        }
        ids
    };
    let mixed = submit(&mut world, ["", "r"]);
    let (other, inside) = (world.submit(10, ask(1, 4)), submit(&mut world, ["r", "r"]));
    world.after(0);
    world.after(0);
    assert_eq!(mixed.map(|id| world.place(id)), ["nowhere", "nowhere"]);
    assert_eq!(inside.map(|id| world.place(id)), ["0:0", "0:1"]);
    assert_eq!(world.place(other), "1:0,1,2,3", "nobody waits for those who have no place together");
}

#[test]
fn flexible_ones_let_their_jobs_begin_before_and_elsewhere() {
    let mut world = world();
    world.reserve(flagged(ReservationFlags::FLEX, reservation("r", &[0], 30, 60)));
    let (both, outside) = (world.submit_into("r", 600, ask(2, 8)), world.submit(31, ask(1, 1)));
    world.plan();
    assert_eq!(world.place(both), "0:0,1,2,3 1:0,1,2,3");
    assert_eq!(world.place(outside), "nowhere");
}

#[test]
fn magnetic_ones_take_in_whom_they_are_for() {
    let mut world = world();
    world.reserve(flagged(ReservationFlags::MAGNETIC, reservation("r", &[0], 0, 60)));
    let elsewhere = world.submit(100, ask(1, 4));
    let attracted = world.submit(50, ask(1, 4));
    let mut attracted = (**world.state.job(attracted).unwrap()).clone();
    Arc::make_mut(&mut attracted.spec).owner.name = "carol".into();
    world.state.put(Arc::new(attracted.clone()));
    world.plan();
    assert_eq!((world.place(elsewhere), world.place(attracted.id)), ("1:0,1,2,3".into(), "0:0,1,2,3".into()));
    assert_eq!(world.state.job(attracted.id).unwrap().held_resources().unwrap().reservation, "r");
}

#[test]
fn guests_use_what_is_left_and_leave_when_it_is_needed() {
    let mut world = world();
    world.reserve(Reservation { max_start_delay: 60, ..reservation("r", &[0, 1], 0, 600) });
    let guest = |world: &mut World, lead| as_guest(world, lead, |_| {});
    let (late, soon, other) = (guest(&mut world, 61), guest(&mut world, 60), guest(&mut world, 30));
    world.plan();
    assert_eq!(world.place(late), "nowhere");
    assert_eq!((world.place(soon), world.place(other)), ("0:0,1,2,3".into(), "1:0,1,2,3".into()));
    let own = world.submit_into("r", 30, ask(1, 2));
    let asked = world.plan().preempts;
    let told: Vec<_> =
        asked.iter().map(|preempt| (preempt.job, preempt.by, preempt.grace.as_secs())).collect();
    assert_eq!(told, [(other, own, 30)]);
    world.happen(other, ended(world.now));
    world.after(1);
    assert_eq!(world.place(own), "1:0,1");
}

fn as_guest(world: &mut World, lead: u16, change: impl FnOnce(&mut Resources)) -> JobId {
    let mut asked = ask(1, 4);
    change(&mut asked);
    let id = world.submit(30, asked);
    let mut job = (**world.state.job(id).unwrap()).clone();
    let warning = Warning { signal: 10, lead, scope: WarningScope::Steps, flags: 1 << 8 };
    Arc::make_mut(&mut job.spec).warning = Some(warning);
    world.state.put(Arc::new(job));
    id
}

#[test]
fn no_guest_comes_in_where_somebody_waits_inside() {
    let mut world = world();
    world.reserve(Reservation { max_start_delay: 60, ..reservation("r", &[0, 1], 0, 600) });
    let first = as_guest(&mut world, 30, |_| {});
    world.plan();
    let own = world.submit_into("r", 30, ask(2, 8));
    assert_eq!(world.plan().preempts.len(), 1);
    let second = as_guest(&mut world, 30, |_| {});
    world.after(1);
    assert_eq!(world.place(second), "nowhere", "the other node is waited for as well");
    world.happen(first, ended(world.now));
    world.after(1);
    assert_eq!(world.place(own), "0:0,1,2,3 1:0,1,2,3");
}

#[test]
fn guests_are_let_in_where_that_is_said_and_have_nodes_only() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 0, 600));
    let licensed = Reservation { licenses: vec![("matlab".into(), 3)], ..reservation("s", &[1], 0, 600) };
    world.reserve(Reservation { max_start_delay: 60, ..licensed });
    let with_licence = |asked: &mut Resources| asked.licenses.push(("matlab".into(), 1));
    let at_once = as_guest(&mut world, 0, |asked| asked.excluded_nodes.push("n2".into()));
    let licensed = as_guest(&mut world, 30, with_licence);
    let modest = as_guest(&mut world, 30, |_| {});
    world.plan();
    assert_eq!(world.place(at_once), "nowhere", "that reservation takes no guests");
    assert_eq!((world.place(licensed), world.place(modest)), ("nowhere".into(), "1:0,1,2,3".into()));
}

#[test]
fn jobs_that_may_run_on_after_their_reservation_are_counted_as_long() {
    let expected = |overrun| {
        let mut cluster = cluster(vec![node("n1", 4, 1, 10_000, 0)], vec![partition("a", 0..1)]);
        cluster.limits.reservation_overrun = overrun;
        let mut world = over(cluster);
        world.reserve(reservation("r", &[0], 0, 60));
        world.submit_into("r", 200, ask(1, 4));
        world.plan();
        let next = world.submit(10, ask(1, 1));
        world.after(0);
        world.expected(next)
    };
    assert_eq!(expected(Duration::ZERO), Some(60));
    assert_eq!(expected(Duration::from_secs(600)), Some(70));
    assert_eq!(expected(Duration::MAX), Some(200));
}

#[test]
fn of_several_the_first_that_is_open_is_taken() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 100, 200));
    world.reserve(reservation("s", &[1], 0, 60));
    let job = world.submit_into("r,s", 10, ask(1, 1));
    world.plan();
    assert_eq!(world.place(job), "1:0");
}

#[test]
fn maintenance_goes_over_others_and_floating_ones_stay_ahead() {
    let mut world = world();
    world.reserve(reservation("r", &[0], 0, 600));
    let upkeep = flagged(ReservationFlags::MAINT, reservation("m", &[0], 0, 60));
    world.reserve(upkeep);
    let (ordinary, during) = (world.submit_into("r", 10, ask(1, 1)), world.submit_into("m", 10, ask(1, 1)));
    let floating = reservation("f", &[1], 0, 60);
    world.reserve(Reservation { float: Some(Duration::from_secs(1800)), ..floating });
    let (short, long) = (world.submit(30, ask(1, 1)), world.submit(31, ask(1, 1)));
    world.plan();
    assert_eq!((world.place(ordinary), world.place(during)), ("nowhere".into(), "0:0".into()));
    assert_eq!((world.place(short), world.place(long)), ("1:0".into(), "nowhere".into()));
    world.after(300);
    assert_eq!(world.place(long), "nowhere");
}

#[test]
fn less_time_will_do_before_one_begins() {
    let mut world = world();
    world.reserve(reservation("r", &[0, 1], 30, 60));
    let id = world.submit(120, ask(1, 1));
    let mut patient = (**world.state.job(id).unwrap()).clone();
    Arc::make_mut(&mut patient.spec).time_minimum = 10;
    world.state.put(Arc::new(patient));
    world.plan();
    let Phase::Running(run) = &world.state.job(id).unwrap().phase else { panic!("it waits") };
    assert_eq!(run.shortened, Some(30));
}

/// Checks that everybody is where they may be.
fn check(world: &World) {
    let now = world.now;
    for job in world.state.holding() {
        let (held, run) = (job.held_resources().unwrap(), job.run().unwrap());
        let own = world.state.reservation(&held.reservation);
        for share in &held.nodes {
            if let Some(own) = own.filter(|own| own.is_open(now)) {
                let reserved =
                    own.of_node(share.node).unwrap_or_else(|| panic!("{} is out of place", job.id));
                let all = CpuSet::first(64);
                let mut beyond = share.cpus.clone();
                beyond.remove(reserved.cpus.as_ref().unwrap_or(&all));
                assert!(beyond.is_empty(), "{} has foreign CPUs", job.id);
            }
            let others = world.state.reservations().iter().filter(|other| other.name != held.reservation);
            for other in others.filter(|other| other.start < run.until && run.started < other.end) {
                if own.is_some_and(|own| own.end <= other.start) {
                    // It ends with its own.
                    continue;
                }
                let Some(reserved) = other.of_node(share.node) else { continue };
                let all = CpuSet::first(64);
                let meets = share.cpus.overlaps(reserved.cpus.as_ref().unwrap_or(&all));
                assert!(!meets, "{} runs into {} at {now:?}: {:?}", job.id, other.name, run);
            }
        }
    }
}

/// Plays jobs of carol and others around reservations that come and go, until everybody has run.
fn play(seed: u64) {
    let mut dice = Dice::new(seed);
    let nodes = (0..4).map(|at| node(&format!("n{at}"), 8, 1, 8_000, 2)).collect();
    let cluster = cluster(nodes, vec![partition("a", 0..4), partition("b", 0..3)]);
    let mut arrivals = workload(&cluster, &mut dice, 60);
    let mut world = over(cluster);
    world.now = Timestamp::from_seconds(0);
    for number in 0..6_u32 {
        let from = i64::from(dice.below(90)) - BEGIN / MINUTE;
        let until = from + 5 + i64::from(dice.below(60));
        let mut made = reservation("x", &[number % 4], from, until);
        (made.number, made.name) = (number + 1, format!("r{number}").into());
        if dice.once_in(2) {
            made.nodes[0].cpus = Some(CpuSet::first(1 + dice.below(6)));
        }
        let now = world.now;
        let all = Arc::clone(world.state.reservations());
        let is_free =
            all.iter().all(|other| !domain::reservation::meet(other, &made, now, &domain::ports::Greenwich));
        if is_free || all.iter().all(|other| other.of_node(made.nodes[0].node).is_none()) {
            world.reserve(made);
        }
    }
    let mut ends: Vec<(Timestamp, JobId)> = Vec::new();
    arrivals.sort_by_key(|arrival| arrival.at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut seconds = std::collections::HashMap::new();
    for _ in 0..20_000 {
        while let Some(arrival) = arrivals.next_if(|arrival| arrival.at <= world.now) {
            let id = world.state.take_id();
            let mut job = Job { id, ..arrival.job };
            job.array = None;
            let spec = Arc::make_mut(&mut job.spec);
            if dice.once_in(3) && spec.resources.required_nodes.is_empty() {
                spec.owner.name = "carol".into();
                spec.resources = ask(1, 1);
                spec.time_minimum = 0;
                spec.time_limit = TimeLimit::Minutes(5);
                spec.uncommon_mut().reservation = format!("r{}", dice.below(6)).into();
                if world.state.reservation(&spec.uncommon().reservation).is_none() {
                    spec.uncommon = None;
                }
            }
            seconds.insert(id, arrival.seconds);
            world.state.put(Arc::new(job));
        }
        let gone: Vec<_> =
            world.state.reservations().iter().filter(|one| one.end <= world.now).cloned().collect();
        for one in gone {
            end_reservation(&mut world, &one);
        }
        for start in world.plan().starts {
            let job = world.state.job(start.job).unwrap();
            let most = job.run().unwrap().until;
            let wanted = world.now.after(Duration::from_secs(seconds[&start.job].into()));
            ends.push((wanted.min(most), start.job));
        }
        check(&world);
        let is_over = arrivals.peek().is_none() && world.state.jobs().iter().all(|job| job.is_final());
        if is_over {
            return;
        }
        let next = [arrivals.peek().map(|arrival| arrival.at), ends.iter().map(|(at, _)| *at).min()];
        let turns = world.state.reservations().iter().flat_map(|one| [one.start, one.end]);
        let turn = turns.filter(|at| *at > world.now).min();
        let next = next.into_iter().flatten().chain(turn).min();
        world.now = next.unwrap_or(world.now).max(world.now.after(Duration::from_secs(1)));
        let now = world.now;
        let due: Vec<JobId> = ends.extract_if(.., |(at, _)| *at <= now).map(|(_, id)| id).collect();
        for id in due.into_iter().filter(|id| !world.state.job(*id).unwrap().is_final()).collect::<Vec<_>>() {
            world.happen(id, ended(now));
        }
    }
    let left: Vec<_> = world.state.jobs().iter().filter(|job| !job.is_final()).collect();
    panic!("seed {seed}: {left:#?} never ran; {:?}", world.state.reservations());
}

/// Ends what runs inside and lets go what waits, as the writer does.
fn end_reservation(world: &mut World, one: &Reservation) {
    let ids: Vec<JobId> = world.state.reserved_jobs().map(|job| job.id).collect();
    for id in ids {
        let job = Arc::clone(world.state.job(id).unwrap());
        if matches!(&job.phase, Phase::Running(run) if run.allocation.reservation == one.name) {
            world.happen(id, ended(world.now));
        } else if job.spec.uncommon().reservation == one.name {
            let left = Default::default();
            let event = Event::ReservationGone { at: world.now, name: one.name.clone(), left, holds: false };
            world.happen(id, event);
        }
    }
    let mut all = (**world.state.reservations()).clone();
    all.retain(|other| other.number != one.number);
    world.state.put_reservations(Arc::new(all));
}

#[test]
fn under_any_load_everybody_stays_in_place_and_runs() {
    for seed in 1..=12 {
        play(seed);
    }
}
