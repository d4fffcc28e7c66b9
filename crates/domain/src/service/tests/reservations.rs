//! Reservations through the service: who may make them, what jobs that name one are told, what happens when one ends.

use super::*;
use crate::reservation::{Reservation, ReservationFlags, ReservationWish, Span, TresWish, WishedFlags};

const NOW: i64 = 1_000;

impl World {
    async fn reserve(&self, change: impl FnOnce(&mut ReservationWish)) -> Result<Text, Error> {
        let mut wish = wish();
        change(&mut wish);
        self.service.reserve(&self.service.principal("root"), wish).await
    }

    async fn change(&self, change: impl FnOnce(&mut ReservationWish)) -> Result<(), Error> {
        let mut wish = ReservationWish { name: "r".into(), ..ReservationWish::default() };
        change(&mut wish);
        self.service.change_reservation(&self.service.principal("root"), wish).await
    }

    async fn delete(&self, by: &str, name: &str) -> Result<(), Error> {
        self.service.delete_reservation(&self.service.principal(by), name.into()).await
    }

    async fn submit_into(&self, list: &str) -> Result<JobId, Error> {
        let list = Text::from(list);
        self.submit(|submission| submission.spec.uncommon_mut().reservation = list).await
    }

    fn reservation(&self, name: &str) -> Option<Arc<Reservation>> {
        self.service.snapshot().reservation(name).cloned()
    }

    /// Sets the clock to so many seconds after the beginning, and waits until this holds.
    async fn at_second(&self, second: i64, holds: impl Fn(&World) -> bool) {
        self.clock.0.store((NOW + second) * 1_000_000, Ordering::SeqCst);
        for _ in 0..2_000 {
            // Alarms are set by the clock on the wall; any command makes the writer look at this one.
            self.act("alice", JobId(9_999), Action::Cancel { kill: false }).await;
            if holds(self) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("after {second} seconds: {:?}", self.service.snapshot().reservations);
    }
}

/// One node for alice, for ten minutes from now on.
fn wish() -> ReservationWish {
    ReservationWish {
        name: "r".into(),
        start: Some(Timestamp::from_seconds(NOW)),
        duration: Some(Span::Minutes(10)),
        node_list: vec!["n1".into()],
        users: vec!["alice".into()],
        ..ReservationWish::default()
    }
}

fn on(flags: ReservationFlags) -> WishedFlags {
    WishedFlags { on: flags, ..WishedFlags::default() }
}

fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> Problem {
    match result {
        Err(
            Error::NotFound(problem)
            | Error::Invalid(problem)
            | Error::Conflict(problem)
            | Error::Forbidden(problem),
        ) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn operators_make_them_and_they_survive_a_restart() {
    let world = World::new(1);
    let by = world.service.principal("alice");
    assert_eq!(problem(world.service.reserve(&by, wish()).await), Problem::ReservationsForbidden);
    assert_eq!(world.reserve(|_| {}).await.unwrap(), "r");
    let generated = world.reserve(|wish| {
        wish.name = "".into();
        wish.start = Some(Timestamp::from_seconds(NOW + 6_000));
    });
    assert_eq!(generated.await.unwrap(), "alice_2");
    world.delete("root", "alice_2").await.unwrap();
    let before = world.reservation("r").unwrap();
    assert!(before.flags.has(ReservationFlags::SPEC_NODES));
    let world = world.restarted().await;
    assert_eq!(world.reservation("r"), Some(before));
    assert_eq!(world.service.snapshot().reservations.len(), 1);
    let later = world.reserve(|wish| {
        wish.name = "".into();
        wish.start = Some(Timestamp::from_seconds(NOW + 6_000));
    });
    assert_eq!(later.await.unwrap(), "alice_3", "numbers are not given twice");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let world = World::new(1);
    world.reserve(|_| {}).await.unwrap();
    let later = Some(Timestamp::from_seconds(NOW + 6_000));
    type Change = fn(&mut ReservationWish);
    let cases: [(Change, Problem); 12] = [
        (|wish| wish.start = Some(Timestamp::EPOCH), Problem::BadReservationTime),
        (|wish| wish.end = Some(Timestamp::from_seconds(NOW + 6_000)), Problem::BadReservationTime),
        (
            |wish| wish.flags = on(ReservationFlags::DAILY.with(ReservationFlags::WEEKLY)),
            Problem::Unsupported("this set of flags".into()),
        ),
        (|wish| wish.partition = "nope".into(), Problem::UnknownPartition("nope".into())),
        (|wish| wish.users = vec!["ghost".into()], Problem::UnknownUser("ghost".into())),
        (|wish| wish.users = vec!["-alice".into(), "bob".into()], Problem::UnknownUser("bob".into())),
        (
            |wish| (wish.users, wish.groups) = (Vec::new(), vec!["hpc".into()]),
            Problem::UnknownGroup("hpc".into()),
        ),
        (|wish| wish.licenses = vec!["matlab:1".into()], Problem::BadLicense("matlab:1".into())),
        (|wish| wish.node_list = vec!["zz".into()], Problem::UnknownNode("zz".into())),
        (|wish| wish.start = Some(Timestamp::from_seconds(NOW + 599)), Problem::ReservationOverlap),
        (|wish| (wish.node_list, wish.node_count) = (Vec::new(), Some(2)), Problem::NodesBusy),
        (|wish| wish.name = "x".repeat(2_000).into(), Problem::TooLong("name".into())),
    ];
    for (change, wanted) in cases {
        let made = world.reserve(|wish| {
            wish.start = later;
            wish.name = "s".into();
            change(wish);
        });
        assert_eq!(problem(made.await), wanted);
    }
    assert_eq!(world.service.snapshot().reservations.len(), 1);
    let overlapping = world.reserve(|wish| {
        wish.name = "o".into();
        wish.flags = on(ReservationFlags::OVERLAP);
    });
    assert!(overlapping.await.is_ok());
}

#[tokio::test]
async fn nodes_that_were_taken_away_are_not_reserved() {
    use super::made_nodes::new;
    use crate::cluster::MadeKind;
    use crate::service::{NewNode, NodeChoice};
    let world = World::with(1, |cluster| {
        cluster.limits.max_nodes = Some(10);
        cluster.partitions.iter_mut().for_each(|partition| partition.nodes_written = "ALL".into());
    });
    let root = world.service.principal("root");
    let unit = [("gpu".into(), Text::default(), 1)];
    let gone = NewNode { gres: unit.into(), ..new("d1", MadeKind::Cloud) };
    let made = vec![gone, new("d2", MadeKind::Cloud), new("d3", MadeKind::Cloud)];
    world.service.make_nodes(&root, made).await.unwrap();
    world.service.remove_nodes(&root, NodeChoice::Named(vec!["d1".into()])).await.unwrap();
    let of_gpus = world.reserve(|wish| {
        (wish.node_list, wish.node_count) = (Vec::new(), Some(1));
        wish.tres = vec![TresWish { kind: "gres/gpu".into(), name: "".into(), count: 1 }];
    });
    assert_eq!(problem(of_gpus.await), Problem::BadTres("gres/gpu".into()));
    let nodes = |world: &World| {
        let nodes = world.reservation("r").unwrap().nodes.clone();
        nodes.iter().map(|reserved| reserved.node.0).collect::<Vec<_>>()
    };
    world.reserve(|wish| wish.node_list = vec!["ALL".into()]).await.unwrap();
    assert_eq!(nodes(&world), [0, 2, 3]);
    world.change(|wish| wish.node_list = vec!["d3".into()]).await.unwrap();
    assert_eq!(nodes(&world), [3]);
    world.change(|wish| wish.node_count = Some(2)).await.unwrap();
    assert_eq!(nodes(&world), [0, 3], "the best of the others");
    assert_eq!(problem(world.change(|wish| wish.node_count = Some(4)).await), Problem::NodesBusy);
    world.change(|wish| wish.node_list = vec!["ALL".into()]).await.unwrap();
    assert_eq!(nodes(&world), [0, 2, 3]);
}

#[tokio::test]
async fn nodes_that_go_out_of_service_are_replaced() {
    use super::made_nodes::new;
    use crate::cluster::MadeKind;
    use crate::service::{NodeChoice, NodeUpdate, NodeWish};
    let world = World::with(1, |cluster| {
        cluster.limits.max_nodes = Some(10);
        cluster.partitions.iter_mut().for_each(|partition| partition.nodes_written = "ALL".into());
    });
    let root = world.service.principal("root");
    let made = ["d1", "d2", "d3", "d4"].map(|name| new(name, MadeKind::Cloud)).into();
    world.service.make_nodes(&root, made).await.unwrap();
    world.reserve(|wish| (wish.node_list, wish.node_count) = (Vec::new(), Some(3))).await.unwrap();
    let nodes = |world: &World| {
        let nodes = world.reservation("r").unwrap().nodes.clone();
        nodes.iter().map(|reserved| reserved.node.0).collect::<Vec<_>>()
    };
    assert_eq!(nodes(&world), [0, 1, 2]);
    let drain = async |name: &str| {
        let update =
            NodeUpdate { state: Some(NodeWish::Drain), reason: Some("old".into()), ..NodeUpdate::default() };
        let choice = NodeChoice::Named(vec![name.into()]);
        world.service.update_nodes(&root, choice, update).await.unwrap();
    };
    drain("d1").await;
    world.at_second(1, |world| nodes(world) == [0, 2, 3]).await;
    drain("d2").await;
    world.at_second(2, |world| nodes(world) == [0, 3, 4]).await;
    drain("d3").await;
    world.at_second(3, |world| nodes(world) == [0, 3, 4]).await;
}

#[tokio::test]
async fn changes_are_whole_or_not_at_all() {
    let world = World::new(1);
    world.reserve(|wish| wish.start = Some(Timestamp::from_seconds(NOW + 600))).await.unwrap();
    world.change(|wish| wish.users = vec!["+bob".into(), "-alice".into()]).await.unwrap();
    assert_eq!(world.reservation("r").unwrap().access.users.names, ["bob"]);
    let both = world.change(|wish| {
        wish.duration = Some(Span::Minutes(99));
        wish.node_list = vec!["zz".into()];
    });
    assert_eq!(problem(both.await), Problem::UnknownReservation("r".into()));
    assert_eq!(world.reservation("r").unwrap().length(), Duration::from_secs(600));
    let longer = |wish: &mut ReservationWish| {
        wish.duration = Some(Span::Minutes(5));
        wish.flags.longer = true;
    };
    world.change(longer).await.unwrap();
    assert_eq!(world.reservation("r").unwrap().length(), Duration::from_secs(900));
    type Change = fn(&mut ReservationWish);
    let cases: [(Change, Problem); 7] = [
        (|wish| wish.users = vec!["-bob".into()], Problem::ReservationForNobody),
        (|wish| wish.core_count = Some(2), Problem::ReservationOfCores),
        (|wish| wish.flags.skip = true, Problem::NotSkippable("r".into())),
        (|wish| wish.start = Some(Timestamp::from_seconds(NOW + 60_000)), Problem::BadReservationTime),
        (|wish| wish.flags = on(ReservationFlags::TIME_FLOAT), Problem::BadReservationTime),
        (
            |wish| wish.flags = on(ReservationFlags::REPLACE),
            Problem::Unsupported("the replacement of named nodes".into()),
        ),
        (|wish| wish.name = "q".into(), Problem::UnknownReservation("q".into())),
    ];
    for (change, wanted) in cases {
        assert_eq!(problem(world.change(change).await), wanted);
    }
    world.at_second(700, |_| true).await;
    let moved = world.change(|wish| wish.start = Some(Timestamp::from_seconds(NOW + 800))).await;
    assert_eq!(problem(moved), Problem::ReservationBegun("r".into()));
}

#[tokio::test]
async fn jobs_name_what_there_is_and_what_is_open_to_them() {
    let world = World::new(1);
    world.reserve(|wish| wish.users = vec!["bob".into()]).await.unwrap();
    assert_eq!(problem(world.submit_into("s").await), Problem::UnknownReservation("s".into()));
    assert_eq!(problem(world.submit_into("r").await), Problem::ReservationForbidden("r".into()));
    world.change(|wish| wish.users = vec!["+alice".into()]).await.unwrap();
    let id = world.submit_into("r").await.unwrap();
    assert_eq!(problem(world.delete("root", "r").await), Problem::ReservationInUse("r".into()));
    assert_eq!(problem(world.delete("alice", "r").await), Problem::ReservationsForbidden);
    world.act("alice", id, Action::Cancel { kill: false }).await;
    if let Phase::Completing(_) = world.job(id).phase {
        world.end(id, Exit::Signal(15)).await;
    }
    world.change(|wish| wish.flags = on(ReservationFlags::USER_DELETE)).await.unwrap();
    world.delete("alice", "r").await.unwrap();
    assert_eq!(problem(world.delete("root", "r").await), Problem::UnknownReservation("r".into()));
}

#[tokio::test]
async fn jobs_that_wait_for_one_that_ends_are_held_or_let_go() {
    let world = World::new(0);
    world.reserve(|_| {}).await.unwrap();
    let open = |wish: &mut ReservationWish| {
        wish.name = "open".into();
        wish.flags = on(ReservationFlags::OVERLAP.with(ReservationFlags::NO_HOLD_JOBS_AFTER_END));
    };
    world.reserve(open).await.unwrap();
    let (held, free) = (world.submit_into("r").await.unwrap(), world.submit_into("open").await.unwrap());
    let two = world.submit_into("r,open").await.unwrap();
    world.at_second(600, |world| world.service.snapshot().reservations.is_empty()).await;
    let job = world.job(held);
    let Phase::Pending(pending) = &job.phase else { panic!("{job:?}") };
    assert_eq!((pending.reason, pending.hold, job.priority), (Reason::ReservationDeleted, Hold::User, 0));
    assert_eq!(pending.remark, "Reservation r was deleted");
    for id in [held, free, two] {
        assert_eq!(world.job(id).spec.uncommon().reservation, "");
    }
    assert!(world.job(free).is_eligible() && world.job(two).is_eligible());
    let world = world.restarted().await;
    let release = Update { hold: Some(HoldWish::Release), ..Update::default() };
    world.service.update(&world.service.principal("alice"), held, release).await.unwrap();
    assert!(world.job(held).is_eligible());
}

#[tokio::test]
async fn one_that_comes_back_keeps_its_jobs_and_has_its_next_turn() {
    let world = World::new(0);
    world.reserve(|wish| wish.flags = on(ReservationFlags::DAILY)).await.unwrap();
    let id = world.submit_into("r").await.unwrap();
    let next = Timestamp::from_seconds(NOW + 24 * 3600);
    world.at_second(601, |world| world.reservation("r").is_some_and(|turn| turn.start == next)).await;
    assert_eq!(world.job(id).spec.uncommon().reservation, "r");
    world.change(|wish| wish.flags.skip = true).await.unwrap();
    let after = Timestamp::from_seconds(NOW + 2 * 24 * 3600);
    assert_eq!(world.reservation("r").unwrap().start, after);
    world
        .at_second(20 * 24 * 3600, |world| world.reservation("r").is_some_and(|turn| turn.end > turn.start))
        .await;
    let turn = world.reservation("r").unwrap();
    assert!(turn.end > world.clock.now() && turn.start <= world.clock.now());
}

#[tokio::test]
async fn one_that_nobody_uses_goes_after_a_while() {
    let world = World::new(0);
    let unused = |wish: &mut ReservationWish| {
        wish.flags = on(ReservationFlags::PURGE_COMP);
        wish.purge_after = Some(60);
    };
    world.reserve(unused).await.unwrap();
    world.at_second(10, |world| world.reservation("r").is_some_and(|kept| kept.idle_since.is_some())).await;
    let id = world.submit_into("r").await.unwrap();
    world.at_second(20, |world| world.reservation("r").is_some_and(|kept| kept.idle_since.is_none())).await;
    world.at_second(120, |world| world.reservation("r").is_some()).await;
    world.act("alice", id, Action::Cancel { kill: false }).await;
    world.at_second(130, |world| world.reservation("r").is_some_and(|kept| kept.idle_since.is_some())).await;
    world.at_second(190, |world| world.reservation("r").is_none()).await;
}

#[tokio::test]
async fn one_that_goes_gets_no_other_node_first() {
    let world = World::with(0, |cluster| {
        let second = Node { name: "n2".into(), ..cluster.nodes[0].clone() };
        cluster.nodes.push(second);
        cluster.partitions[0].nodes.push(crate::NodeIndex(1));
    });
    let root = world.service.principal("root");
    let mark = async |node: &'static str, wanted: Availability| {
        world.service.mark_node(&root, node.into(), wanted).await.unwrap();
    };
    let unused = |wish: &mut ReservationWish| {
        (wish.node_list, wish.node_count) = (Vec::new(), Some(1));
        wish.flags = on(ReservationFlags::PURGE_COMP.with(ReservationFlags::REPLACE_DOWN));
        wish.purge_after = Some(60);
    };
    world.reserve(unused).await.unwrap();
    world.at_second(10, |world| world.reservation("r").is_some_and(|kept| kept.idle_since.is_some())).await;
    mark("n2", Availability::Drain("disk".into())).await;
    mark("n1", Availability::Drain("disk".into())).await;
    // Another node is there again at the moment at which it has been without jobs for long enough.
    world.clock.0.store((NOW + 80) * 1_000_000, Ordering::SeqCst);
    mark("n2", Availability::Resume).await;
    assert_eq!(world.reservation("r"), None);
}

#[tokio::test]
async fn one_that_drew_a_job_in_is_in_use_at_once() {
    let world = World::new(1);
    let drawing = |wish: &mut ReservationWish| {
        wish.flags = on(ReservationFlags::PURGE_COMP.with(ReservationFlags::MAGNETIC));
        wish.purge_after = Some(60);
    };
    world.reserve(drawing).await.unwrap();
    world.at_second(1, |world| world.reservation("r").is_some_and(|kept| kept.idle_since.is_some())).await;
    let id = world.submit(|_| {}).await.unwrap();
    assert!(world.job(id).held_resources().is_some_and(|held| held.reservation == "r"));
    assert_eq!(
        world.reservation("r").unwrap().idle_since,
        None,
        "it may have ended before anybody looks again"
    );
}

#[tokio::test]
async fn what_cannot_be_recorded_is_taken_back() {
    let world = World::new(1);
    world.reserve(|_| {}).await.unwrap();
    world.store.full.store(true, Ordering::SeqCst);
    let second = world.reserve(|wish| {
        wish.name = "".into();
        wish.flags = on(ReservationFlags::OVERLAP);
    });
    assert!(matches!(second.await, Err(Error::Unavailable(_))));
    assert!(matches!(world.delete("root", "r").await, Err(Error::Unavailable(_))));
    world.store.full.store(false, Ordering::SeqCst);
    assert!(world.reservation("r").is_some());
    let third = world.reserve(|wish| {
        wish.name = "".into();
        wish.flags = on(ReservationFlags::OVERLAP);
    });
    assert_eq!(third.await.unwrap(), "alice_2");
}
