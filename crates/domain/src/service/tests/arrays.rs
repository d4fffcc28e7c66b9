//! Large arrays of dialects that bound them by themselves, and how their tasks are counted, over records that leave, a
//! store that fails and a restart.

use super::*;
use crate::job::Uncommon;
use crate::state::Tally;

impl World {
    fn tally(&self, array: JobId) -> Tally {
        self.service.snapshot().tallies.of(array).expect("something of the array lives")
    }

    /// Lets time pass, and something happen in it.
    async fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        // Whoever is refused has been heard all the same.
        self.act("alice", JobId(99_999), Action::Cancel { kill: false }).await;
    }
}

fn of_a_dialect(submission: &mut Submission) {
    submission.array = Text::const_new("0-2999");
    submission.spec.uncommon =
        Some(Box::new(Uncommon { origin: Text::const_new("dialect:x"), ..Uncommon::default() }));
}

#[tokio::test]
async fn the_largest_array_of_slurm_is_not_that_of_others() {
    let world = World::new(0);
    let refused = world.submit(|submission| submission.array = Text::const_new("0-2999")).await;
    assert!(matches!(refused, Err(Error::Invalid(Problem::BadArray(_)))), "{refused:?}");
    let array = world.submit(of_a_dialect).await.unwrap();
    assert_eq!(world.tally(array).size, 3000);
}

#[tokio::test]
async fn tasks_that_have_left_stay_counted_over_a_restart() {
    let world = World::new(2);
    let array = world.submit(of_a_dialect).await.unwrap();
    let running = |world: &World| {
        let records = world.service.records(array);
        let running = records.iter().filter(|job| job.held_resources().is_some());
        running.map(|job| job.id).collect::<Vec<_>>()
    };
    let first = running(&world);
    assert_eq!((first.len(), world.tally(array).running), (2, 2));
    world.end(first[0], Exit::Code(0)).await;
    world.end(first[1], Exit::Code(7)).await;
    let counted = |tally: Tally| (tally.running, tally.completed, tally.failed());
    assert_eq!(counted(world.tally(array)), (2, 1, 1));
    world.pass(400).await;
    assert!(world.service.snapshot().jobs.job(first[0]).is_none(), "its record has left");
    assert_eq!(counted(world.tally(array)), (2, 1, 1));
    let world = world.restarted().await;
    assert_eq!(counted(world.tally(array)), (2, 1, 1));
    // A task that is cancelled while it waits leaves no record, and counts as one that did not end well.
    let target = Target {
        job: array,
        tasks: Some(crate::job::TaskSet::from_indexes([2999])),
        component: None,
        step: None,
    };
    let selection = Selection { targets: vec![target], ..Selection::default() };
    let alice = world.service.principal("alice");
    world.service.act(&alice, selection, Action::Cancel { kill: false }).await.unwrap();
    assert_eq!(counted(world.tally(array)), (2, 1, 2));
}

#[tokio::test]
async fn counts_hold_when_records_cannot_leave() {
    let world = World::new(1);
    let array = world.submit(|submission| submission.array = Text::const_new("0-1")).await.unwrap();
    for _ in 0..2 {
        let records = world.service.records(array);
        let running = records.iter().find(|job| job.held_resources().is_some()).unwrap().id;
        world.end(running, Exit::Code(0)).await;
    }
    assert_eq!(world.tally(array).completed, 2);
    world.store.full.store(true, Ordering::SeqCst);
    world.clock.0.fetch_add(1_000_000_000, Ordering::SeqCst);
    assert!(world.submit(|_| {}).await.is_err());
    assert_eq!(world.tally(array).completed, 2);
    world.store.full.store(false, Ordering::SeqCst);
    world.pass(10).await;
    assert_eq!(world.service.snapshot().tallies.of(array), None, "nothing of it is left");
}
