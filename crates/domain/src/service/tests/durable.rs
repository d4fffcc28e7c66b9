//! What is on record, and when: before the answer, over failures of the store and of the service, in the history and in the feed.

use super::*;

#[tokio::test]
async fn a_job_is_recorded_before_its_author_is_told_and_launched_after() {
    let world = World::new(1);
    let first = world.submit(|_| {}).await.unwrap();
    let second = world.submit(|_| {}).await.unwrap();
    assert_eq!((first, second), (JobId(1), JobId(2)));
    let recorded: Vec<JobId> = world.store.memory.lock().unwrap().jobs.keys().copied().collect();
    assert_eq!(recorded, [first, second]);
    assert_eq!((world.word(first), world.word(second)), (StateWord::Running, StateWord::Pending));
    world.launched_all(&[first]).await;
    world.end(first, Exit::Code(0)).await;
    assert_eq!(world.word(first), StateWord::Ended(Outcome::Completed));
    assert_eq!(world.word(second), StateWord::Running);
    assert_eq!(world.job(second).spec.time_limit, TimeLimit::Minutes(60), "the partition's default");
}

#[tokio::test]
async fn what_cannot_be_recorded_has_not_happened() {
    let world = World::new(1);
    let kept = world.submit(|_| {}).await.unwrap();
    world.store.full.store(true, Ordering::SeqCst);
    assert!(matches!(world.submit(|_| {}).await, Err(Error::Unavailable(_))));
    let alice = world.service.principal("alice");
    let handled = world.service.act(
        &alice,
        Selection {
            targets: vec![Target { job: kept, tasks: None, component: None, step: None }],
            ..Selection::default()
        },
        Action::Cancel { kill: false },
    );
    assert!(matches!(handled.await, Err(Error::Unavailable(_))));
    assert_eq!(world.word(kept), StateWord::Running);
    world.launched_all(&[kept]).await;
    world.store.full.store(false, Ordering::SeqCst);
    assert_eq!(world.submit(|_| {}).await.unwrap(), JobId(2), "the number was given back");
}

#[tokio::test]
async fn an_end_that_cannot_be_recorded_is_tried_again() {
    let world = World::new(1);
    let id = world.submit(|_| {}).await.unwrap();
    world.store.full.store(true, Ordering::SeqCst);
    let (at, usage) = (world.clock.now(), Usage::default());
    (world.reports)(vec![Report {
        job: id,
        attempt: 0,
        at,
        end: End::Process(Exit::Code(7)),
        usage,
        fault: None,
    }]);
    assert!(
        world.submit(|_| {}).await.is_err(),
        "and this one has been answered after the report was taken in"
    );
    world.store.full.store(false, Ordering::SeqCst);
    world.clock.0.fetch_add(2_000_000, Ordering::SeqCst);
    world.submit(|_| {}).await.unwrap();
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Failed));
}

#[tokio::test]
async fn a_restart_relaunches_what_was_recorded_but_never_performed() {
    let world = World::new(3);
    let lost = world.submit(|_| {}).await.unwrap();
    let alive = world.submit(|_| {}).await.unwrap();
    let over = world.submit(|_| {}).await.unwrap();
    let end = Recovered::Ended {
        at: world.clock.now(),
        end: End::Process(Exit::Code(4)),
        usage: Usage::default(),
        fault: None,
    };
    *world.engine.found.lock().unwrap() =
        BTreeMap::from([(alive, Recovered::Alive { suspended: false }), (over, end)]);
    let world = world.restarted().await;
    world.launched_all(&[lost]).await;
    assert_eq!(world.word(alive), StateWord::Running);
    assert_eq!(world.word(over), StateWord::Ended(Outcome::Failed));
    assert_eq!(world.submit(|_| {}).await.unwrap(), JobId(4), "numbers go on");
}

#[tokio::test]
async fn finished_jobs_leave_and_stay_in_history() {
    let world = World::new(1);
    let id = world.submit(|_| {}).await.unwrap();
    world.end(id, Exit::Code(0)).await;
    world.clock.0.fetch_add(301_000_000, Ordering::SeqCst);
    world.submit(|_| {}).await.unwrap();
    assert!(world.service.snapshot().jobs.job(id).is_none());
    assert_eq!(world.service.history().attempts(id).unwrap().len(), 1);
}

#[tokio::test]
async fn the_feed_tells_every_change_and_says_when_it_forgot() {
    let world = World::new(1);
    let id = world.submit(|_| {}).await.unwrap();
    world.end(id, Exit::Code(0)).await;
    let changes = world.service.feed().after(crate::ChangeId(0), 10).unwrap();
    let words: Vec<&str> = changes.iter().map(|change| change.to.name()).collect();
    assert_eq!(words, ["PENDING", "RUNNING", "COMPLETED"]);
    let feed = Feed::new(changes, 2);
    assert_eq!(feed.after(crate::ChangeId(2), 10).map(|rest| rest.len()), Ok(1));
    feed.add(&feed.after(crate::ChangeId(2), 10).unwrap());
    assert!(feed.after(crate::ChangeId(0), 10).is_err());
}

#[tokio::test]
async fn priorities_move_without_being_recorded_and_are_found_again() {
    let ranked = |cluster: &mut Cluster| {
        cluster.priority = Rules {
            by: PriorityType::MultiFactor,
            age: 1000,
            partition: 100,
            max_age: Duration::from_secs(1000),
            calc_period: Duration::from_secs(60),
            ..Rules::default()
        };
    };
    let world = World::with(0, ranked);
    let (aging, held, fixed) = (
        world.submit(|_| {}).await.unwrap(),
        world.submit(|submission| submission.hold = true).await.unwrap(),
        world.submit(|_| {}).await.unwrap(),
    );
    let priority = Update { changes: vec![crate::job::Change::Priority(7)], hold: None };
    world.service.update(&world.service.principal("root"), fixed, priority).await.unwrap();
    let priorities = |world: &World| [aging, held, fixed].map(|id| world.job(id).priority);
    assert_eq!(priorities(&world), [100, 0, 7]);
    // A tenth of the most age later the next turn works them out anew.
    world.clock.0.fetch_add(100_000_000, Ordering::SeqCst);
    world.submit(|_| {}).await.unwrap();
    assert_eq!(priorities(&world), [200, 0, 7]);
    assert_eq!(world.store.memory.lock().unwrap().jobs[&aging].priority, 100, "nothing was recorded for it");
    let World { service, store, engine, clock, .. } = world;
    service.stop().await;
    clock.0.fetch_add(50_000_000, Ordering::SeqCst);
    let mut same = cluster();
    ranked(&mut same);
    let world = World::over(store, engine, clock, same);
    assert_eq!(priorities(&world), [250, 0, 7]);
}

fn keyed(key: &str, content: &str) -> Option<ClientKey> {
    Some(ClientKey { user: "alice".into(), key: key.into(), content: content.into() })
}

#[tokio::test]
async fn a_submission_sent_again_under_its_key_is_answered_again() {
    let world = World::new(1);
    let submit = async |world: &World, key: &str, content: &str| {
        world.submit(|submission| submission.client_key = keyed(key, content)).await
    };
    let first = submit(&world, "a", "x").await.unwrap();
    let (again, other) = tokio::join!(submit(&world, "a", "x"), submit(&world, "b", "x"));
    assert_eq!((again, other), (Ok(first), Ok(JobId(2))));
    assert_eq!(submit(&world, "a", "y").await, Err(Problem::KeyReused.into()));
    // Also when the job is long over.
    world.end(first, Exit::Code(0)).await;
    let world = world.restarted().await;
    assert_eq!(submit(&world, "a", "x").await, Ok(first));
    let told = world.service.answered(&keyed("a", "x").unwrap()).unwrap().unwrap();
    assert_eq!((told.id, told.notes), (first, Vec::new()));
    assert_eq!(world.submit(|_| {}).await, Ok(JobId(3)));
}

#[tokio::test]
async fn a_submission_that_was_not_taken_leaves_its_key_free() {
    let world = World::new(1);
    let bad = |submission: &mut Submission| {
        submission.client_key = keyed("a", "x");
        submission.array = "nonsense".into();
    };
    assert!(world.submit(bad).await.is_err());
    let good = |submission: &mut Submission| submission.client_key = keyed("a", "y");
    world.store.full.store(true, Ordering::SeqCst);
    assert!(world.submit(good).await.is_err());
    world.store.full.store(false, Ordering::SeqCst);
    assert_eq!(world.submit(good).await, Ok(JobId(1)));
}

#[tokio::test]
async fn keys_are_forgotten_after_their_time() {
    let world = World::with(1, |cluster| {
        cluster.limits.kept_receipts = 2;
        cluster.limits.receipt_lifetime = Duration::from_secs(60);
    });
    let submit =
        async |key: &str| world.submit(|submission| submission.client_key = keyed(key, "x")).await.unwrap().0;
    assert_eq!((submit("a").await, submit("b").await, submit("c").await), (1, 2, 3));
    assert_eq!((submit("b").await, submit("a").await), (2, 4), "the first made room for the third");
    assert_eq!(world.store.memory.lock().unwrap().receipts.len(), 2);
    world.clock.0.fetch_add(61_000_000, Ordering::SeqCst);
    assert_eq!(submit("a").await, 5);
    assert_eq!(world.store.memory.lock().unwrap().receipts.len(), 1);
}
