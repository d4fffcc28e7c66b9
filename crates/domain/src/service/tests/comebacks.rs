//! Jobs that halt and go on, or come back: suspended, put back by their exit code, after a failed prolog or a faulty node.

use super::*;

#[tokio::test]
async fn a_fault_takes_the_node_out_of_service_until_somebody_puts_it_back() {
    let world = World::new(1);
    let node = |world: &World| world.service.snapshot().cluster.nodes[0].clone();
    let id = world.submit(|_| {}).await.unwrap();
    let before = world.service.snapshot().change;
    let fault = Some(Text::const_new("Epilog error"));
    let end = End::Process(Exit::Code(0));
    let (at, usage) = (world.clock.now(), Usage::default());
    (world.reports)(vec![Report { job: id, attempt: 0, at, end, usage, fault }]);
    world.service.changed_after(before).await;
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Completed), "the job has nothing to do with it");
    assert_eq!((node(&world).flags.drain, node(&world).reason.as_str()), (true, "Epilog error"));

    let world = world.restarted().await;
    assert_eq!(node(&world).reason_by, Some((Text::const_new("root"), Uid(0))));
    let name = node(&world).name;
    let resume = async |by: &str| {
        world.service.mark_node(&world.service.principal(by), name.clone(), Availability::Resume).await
    };
    assert!(matches!(resume("alice").await, Err(Error::Forbidden(_))));
    resume("root").await.unwrap();
    assert_eq!((node(&world).flags, node(&world).reason.as_str()), (NodeFlags::default(), ""));
    let root = world.service.principal("root");
    let unknown = world.service.mark_node(&root, Text::const_new("none"), Availability::Resume).await;
    assert_eq!(unknown, Err(Error::Invalid(Problem::UnknownNode(Text::const_new("none")))));

    world.store.full.store(true, Ordering::SeqCst);
    let drain = Availability::Drain(Text::const_new("disk"));
    assert!(matches!(world.service.mark_node(&root, name.clone(), drain).await, Err(Error::Unavailable(_))));
    assert_eq!(node(&world).flags, NodeFlags::default(), "what could not be recorded has not happened");
}

#[tokio::test]
async fn owners_and_operators_suspend_and_resume() {
    let world = World::new(1);
    let job = world.submit(|_| {}).await.unwrap();
    let refused = |handled: Vec<Handled>| handled[0].result.clone().unwrap_err();
    assert_eq!(refused(world.act("bob", job, Action::Suspend).await), Problem::NotOwner.into());
    assert!(world.act("alice", job, Action::Suspend).await[0].result.is_ok());
    assert_eq!(world.word(job), StateWord::Suspended);
    assert_eq!(
        refused(world.act("root", job, Action::Suspend).await),
        Problem::Suspended(job).into(),
        "once is enough"
    );
    assert!(world.act("root", job, Action::Resume).await[0].result.is_ok());
    assert_eq!(world.word(job), StateWord::Running);
    assert_eq!(refused(world.act("root", job, Action::Resume).await), Problem::NotSuspended(job).into());
    let orders = world.engine.orders.lock().unwrap();
    let halted = orders.iter().filter(|order| matches!(order, Order::Suspend { .. } | Order::Resume { .. }));
    assert_eq!(halted.count(), 2);
}

#[tokio::test]
async fn after_a_crash_a_suspended_job_is_halted_again_and_a_resumed_one_goes_on() {
    let world = World::new(2);
    let (halted, on) = (world.submit(|_| {}).await.unwrap(), world.submit(|_| {}).await.unwrap());
    world.act("root", halted, Action::Suspend).await;
    // The orders were lost: what is on record counts, not what the launchers were told.
    *world.engine.found.lock().unwrap() = BTreeMap::from([
        (halted, Recovered::Alive { suspended: false }),
        (on, Recovered::Alive { suspended: true }),
    ]);
    let world = world.restarted().await;
    let orders = world.engine.orders.lock().unwrap();
    assert!(
        matches!(orders[..], [Order::Suspend { job: first, .. }, Order::Resume { job: second, .. }]
        if first == halted && second == on),
        "{orders:?}"
    );
}

#[tokio::test]
async fn a_job_whose_prolog_failed_is_held_or_tried_again_as_configured() {
    for (retry, hold) in [(false, Hold::User), (true, Hold::None)] {
        let world = World::with(2, |cluster| cluster.limits.retry_after_prolog = retry);
        let job = world.submit(|_| {}).await.unwrap();
        world.ends(job, End::LaunchFailed("run the prolog: it failed".into())).await;
        let job = world.job(job);
        let Phase::Pending(pending) = &job.phase else { panic!("{:?}", job.phase) };
        assert_eq!((pending.hold, pending.retry_after.is_some()), (hold, retry));
    }
}

#[tokio::test]
async fn exit_codes_put_jobs_back_as_configured() {
    let world = World::with(1, |cluster| {
        cluster.limits.requeue_exit = crate::cluster::ExitCodes::parse("3").unwrap();
        cluster.limits.requeue_exit_hold = crate::cluster::ExitCodes::parse("20").unwrap();
        cluster.limits.max_requeue = 2;
    });
    let job = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
    for attempt in 0..2 {
        assert_eq!((world.word(job), world.job(job).restarts), (StateWord::Running, attempt));
        world.end(job, Exit::Code(3)).await;
        assert_eq!(world.word(job), StateWord::Pending);
        world.clock.0.fetch_add(121_000_000, Ordering::SeqCst);
        // Something has to wake the writer, since the clock is set by hand.
        let other = world.submit(|submission| submission.hold = true).await.unwrap();
        world.act("alice", other, Action::Cancel { kill: false }).await;
    }
    world.end(job, Exit::Code(3)).await;
    let reason = |job: &Job| match &job.phase {
        Phase::Pending(pending) => pending.reason,
        _ => Reason::None,
    };
    assert_eq!(reason(&world.job(job)), Reason::JobHoldMaxRequeue);
    let attempts = world.service.history().attempts(job).unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|closed| StateWord::of(&closed.job)).collect();
    assert_eq!(outcomes, [StateWord::Ended(Outcome::Requeued); 3]);

    let special = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
    world.end(special, Exit::Code(20)).await;
    assert_eq!(reason(&world.job(special)), Reason::JobHeldUser);
    let never = world.submit(|submission| submission.requeue = Some(false)).await.unwrap();
    world.end(never, Exit::Code(20)).await;
    assert_eq!(world.word(never), StateWord::Ended(Outcome::Failed), "it is not to be put back");
}
