//! Callers who wait for a start, or for none.

use super::*;
use crate::job::Change;

#[tokio::test]
async fn an_allocation_waits_for_its_turn_and_goes_with_its_caller() {
    let world = World::new(1);
    let first = world.submit(|_| {}).await.unwrap();
    let allocation =
        Submission { spec: JobSpec { kind: JobKind::Allocation, ..submission().spec }, ..submission() };
    let alice = world.service.principal("alice");
    let gone = tokio::time::timeout(
        std::time::Duration::from_millis(50),
        world.service.allocate(&alice, allocation.clone()),
    );
    assert!(gone.await.is_err(), "it waits");
    let before = world.service.snapshot().change;
    let waiting = world.service.allocate(&alice, allocation);
    let finishing = async {
        world.service.changed_after(before).await;
        world.end(first, Exit::Code(0)).await;
    };
    let (granted, ()) = tokio::join!(waiting, finishing);
    let granted = granted.unwrap().id;
    assert_eq!(world.word(granted), StateWord::Running);
    assert_eq!(world.word(JobId(2)), StateWord::Ended(Outcome::Cancelled), "nobody waited for it any more");
    world.launched_all(&[first, granted]).await;
}

#[tokio::test]
async fn a_waiting_job_gets_no_fewer_tasks_than_nodes() {
    let world = World::new(8);
    let held = world.submit(|submission| submission.hold = true).await.unwrap();
    let nodes = |min| Change::Nodes { min, max: 0, sizes: Vec::new() };
    let change = async |changes| {
        let update = Update { changes, ..Update::default() };
        world.service.update(&world.service.principal("alice"), held, update).await.map(|_| ())
    };
    let asked = || world.job(held).spec.resources.clone();
    change(vec![nodes(4)]).await.unwrap();
    assert_eq!(change(vec![Change::Tasks(3)]).await, Err(Problem::BadTaskCount.into()));
    change(vec![Change::Tasks(2), nodes(2)]).await.unwrap();
    assert_eq!((asked().min_nodes, asked().tasks), (2, Some(2)));
    change(vec![Change::Tasks(2), nodes(3)]).await.unwrap();
    assert_eq!((asked().min_nodes, asked().tasks), (3, Some(3)), "nodes decide");
}

#[tokio::test]
async fn immediate_jobs_start_at_once_or_never_were() {
    let world = World::new(1);
    let now = |submission: &mut Submission| submission.immediate = true;
    let first = world.submit(now).await.unwrap();
    assert_eq!(world.word(first), StateWord::Running);
    assert_eq!(world.submit(now).await, Err(Error::Conflict(Problem::CannotStartNow)));
    assert_eq!(world.service.snapshot().jobs.len(), 1);
    assert_eq!(world.store.memory.lock().unwrap().jobs.len(), 1);
}

#[tokio::test]
async fn an_update_puts_partitions_into_the_order_in_which_they_are_looked_at() {
    let world = World::with(1, |cluster| {
        let debug = cluster.partitions[0].clone();
        cluster.partitions.push(Partition {
            name: Text::const_new("long"),
            tier: 2,
            is_default: false,
            ..debug
        });
    });
    let named = vec![Text::const_new("debug"), Text::const_new("long")];
    let waits = |submission: &mut Submission| {
        submission.hold = true;
        submission.spec.partitions = named.clone();
    };
    let id = world.submit(waits).await.unwrap();
    assert_eq!(world.job(id).spec.partitions, ["debug", "long"]);
    let update = Update { changes: vec![Change::Partitions(named.clone())], ..Update::default() };
    world.service.update(&world.service.principal("alice"), id, update).await.unwrap();
    assert_eq!(world.job(id).spec.partitions, ["long", "debug"]);
}

#[tokio::test]
async fn the_engine_is_warned_of_a_launch_when_it_may_have_fallen_asleep() {
    let world = World::new(1);
    let warned = || world.engine.warned.load(Ordering::SeqCst);
    let later = || world.clock.0.fetch_add(10_000, Ordering::SeqCst);
    later();
    world.submit(|_| {}).await.unwrap();
    assert_eq!(warned(), 1);
    // Nobody has slept since.
    world.submit(|_| {}).await.unwrap();
    assert_eq!(warned(), 1);
    // Another one waits already, for which there is no room.
    later();
    world.submit(|_| {}).await.unwrap();
    assert_eq!(warned(), 1);
}
