//! Jobs that wait for one another, and tasks of arrays.

use super::*;
use crate::job::{Change, Dependency, WarningScope};

fn single(submission: &mut Submission) {
    submission.dependency = Text::const_new("singleton");
}

#[tokio::test]
async fn tasks_leave_their_array_one_by_one() {
    let world = World::new(2);
    let array = world.submit(|submission| submission.array = Text::const_new("0-3")).await.unwrap();
    let records = world.service.records(array);
    assert_eq!(records.len(), 3, "the pool and two running tasks");
    assert!(
        matches!(&records[0].array, Some(ArrayPart::Pool { waiting, .. }) if waiting.written(99) == "2-3")
    );
    for _ in 0..4 {
        let running = world.service.records(array).into_iter().find(|job| job.held_resources().is_some());
        world.end(running.expect("one runs").id, Exit::Code(0)).await;
    }
    let records = world.service.records(array);
    assert_eq!(records.len(), 4);
    assert!(records.iter().all(|job| job.is_final()));
    assert!(
        matches!(records[0].array, Some(ArrayPart::Task { index: crate::TaskIndex(3), .. })),
        "the last keeps the number"
    );
    assert_eq!(world.launched().len(), 4);
}

#[tokio::test]
async fn chains_follow_what_they_wait_for() {
    let world = World::new(8);
    let parent = world.submit(|_| {}).await.unwrap();
    let on = |relation: &str| Text::from(format!("{relation}:{parent}"));
    let well = world.submit(|submission| submission.dependency = on("afterok")).await.unwrap();
    let badly = world.submit(|submission| submission.dependency = on("afternotok")).await.unwrap();
    let any = world.submit(|submission| submission.dependency = on("afterany")).await.unwrap();
    let begun = world.submit(|submission| submission.dependency = on("after")).await.unwrap();
    let kill = crate::job::JobFlags::KILL_INVALID_DEPENDENCY;
    let doomed = world.submit(|submission| {
        submission.dependency = on("afterok");
        submission.spec.flags = kill;
    });
    let doomed = doomed.await.unwrap();
    assert_eq!(world.word(begun), StateWord::Running, "its parent had started already");
    assert_eq!(world.word(well), StateWord::Pending);
    world.end(parent, Exit::Code(1)).await;
    assert_eq!(world.word(badly), StateWord::Running);
    assert_eq!(world.word(any), StateWord::Running);
    assert!(
        matches!(&world.job(well).phase, Phase::Pending(p) if p.reason == Reason::DependencyNeverSatisfied)
    );
    assert_eq!(world.word(doomed), StateWord::Ended(Outcome::Cancelled));
    let unknown = world.submit(|submission| submission.dependency = Text::const_new("afterok:999")).await;
    assert!(matches!(unknown, Err(Error::Invalid(Problem::BadDependency(_)))));
}

#[tokio::test]
async fn some_wait_for_an_end_of_a_kind() {
    let world = World::new(8);
    let parent = world.submit(|_| {}).await.unwrap();
    let on = |relation: &str| Text::from(format!("{relation}:{parent}"));
    let kinds = ["afterexit.4", "afterexit.0-3.5-255", "afterend.COMPLETED.FAILED", "afterend.TIMEOUT"];
    let mut waiting = Vec::new();
    for relation in kinds {
        waiting.push(world.submit(|submission| submission.dependency = on(relation)).await.unwrap());
    }
    world.end(parent, Exit::Code(4)).await;
    let words: Vec<_> = waiting.iter().map(|id| world.word(*id)).collect();
    let (runs, never) = (StateWord::Running, StateWord::Pending);
    assert_eq!(words, [runs, never, runs, never]);
    // Whoever was cancelled before it ran has left no code.
    let cancelled = world.submit(|submission| submission.hold = true).await.unwrap();
    let any = Text::from(format!("afterexit.0-255:{cancelled}"));
    let late = world.submit(|submission| submission.dependency = any).await.unwrap();
    world.act("alice", cancelled, Action::Cancel { kill: false }).await;
    assert!(
        matches!(&world.job(late).phase, Phase::Pending(p) if p.reason == Reason::DependencyNeverSatisfied)
    );
}

/// Nothing else happens that would have the scheduler asked again.
#[tokio::test]
async fn who_waits_for_a_start_follows_it_at_once() {
    let world = World::new(3);
    let parent = world.submit(|submission| submission.hold = true).await.unwrap();
    let after = |id: JobId| Text::from(format!("after:{id}"));
    let child = world.submit(|submission| submission.dependency = after(parent)).await.unwrap();
    let grandchild = world.submit(|submission| submission.dependency = after(child)).await.unwrap();
    let release = Update { hold: Some(HoldWish::Release), ..Update::default() };
    let alice = world.service.principal("alice");
    world.service.update(&alice, parent, release).await.unwrap();
    world.launched_all(&[parent, child, grandchild]).await;
}

#[tokio::test]
async fn a_long_row_that_waits_in_vain_ends_as_a_whole() {
    let world = World::new(0);
    let first = world.submit(|_| {}).await.unwrap();
    let mut last = first;
    for _ in 0..3000 {
        let doomed = world.submit(|submission| {
            submission.dependency = Text::from(format!("afterok:{last}"));
            submission.spec.flags = crate::job::JobFlags::KILL_INVALID_DEPENDENCY;
        });
        last = doomed.await.unwrap();
    }
    world.act("alice", first, Action::Cancel { kill: false }).await;
    for id in [first, JobId(first.0 + 1), last] {
        assert_eq!(world.word(id), StateWord::Ended(Outcome::Cancelled));
    }
}

#[tokio::test]
async fn the_outcome_of_a_task_is_remembered_after_its_record_has_gone() {
    let world = World::new(1);
    let array = world.submit(|submission| submission.array = Text::const_new("0-1")).await.unwrap();
    let after = |word: &str| Text::from(format!("{word}:{array}"));
    let early = world.submit(|submission| submission.dependency = after("afterok")).await.unwrap();
    let first = world.service.records(array).into_iter().find(|job| job.held_resources().is_some()).unwrap();
    world.end(first.id, Exit::Code(1)).await;
    world.act("alice", array, Action::Requeue { hold: true, special: false }).await;
    world.end(array, Exit::Signal(15)).await;
    assert_eq!(world.word(array), StateWord::Pending, "the second waits to be released");
    world.clock.0.fetch_add(301_000_000, Ordering::SeqCst);
    let late = world.submit(|submission| submission.dependency = after("afterok")).await.unwrap();
    let glad = world.submit(|submission| submission.dependency = after("afternotok")).await.unwrap();
    assert!(world.service.records(first.id).is_empty(), "its record is gone");
    let release = Update { hold: Some(HoldWish::Release), ..Update::default() };
    world.service.update(&world.service.principal("alice"), array, release).await.unwrap();
    assert_eq!(world.word(array), StateWord::Running);
    world.end(array, Exit::Code(0)).await;
    for job in [early, late] {
        let waits_in_vain = |phase: &Phase| matches!(phase, Phase::Pending(p) if p.reason == Reason::DependencyNeverSatisfied);
        assert!(waits_in_vain(&world.job(job).phase), "{job}");
    }
    assert_eq!(world.word(glad), StateWord::Running);
}

#[tokio::test]
async fn corresponding_tasks_follow_each_other() {
    let world = World::new(2);
    let first = world.submit(|submission| submission.array = Text::const_new("0-1")).await.unwrap();
    let second = world.submit(|submission| {
        submission.array = Text::const_new("0-1");
        submission.dependency = Text::from(format!("aftercorr:{first}"));
    });
    let second = second.await.unwrap();
    let running = |array| {
        let records = world.service.records(array);
        records.into_iter().filter(|job| job.held_resources().is_some()).collect::<Vec<_>>()
    };
    let tasks = running(first);
    assert_eq!(tasks.len(), 2);
    assert!(running(second).is_empty());
    world.end(tasks[1].id, Exit::Code(0)).await;
    let followers = running(second);
    assert_eq!(followers.len(), 1);
    assert_eq!(
        followers[0].array.as_ref().map(|part| matches!(part, ArrayPart::Task { index: crate::TaskIndex(i), .. } if matches!(tasks[1].array, Some(ArrayPart::Task { index: crate::TaskIndex(j), .. }) if *i == j))),
        Some(true),
        "the task of the same index goes first"
    );
}

/// As in Slurm: what has once been met is not looked at again.
#[tokio::test]
async fn a_singleton_that_was_alone_once_waits_for_nobody_who_comes_back() {
    let world = World::new(8);
    let first = world.submit(single).await.unwrap();
    let begin = Timestamp::from_micros(world.clock.0.load(Ordering::SeqCst) + 60_000_000);
    let later = |submission: &mut Submission| {
        single(submission);
        submission.spec.begin = Some(begin);
    };
    let second = world.submit(later).await.unwrap();
    world.end(first, Exit::Code(0)).await;
    world.act("alice", first, Action::Requeue { hold: false, special: false }).await;
    assert_eq!((world.word(first), world.word(second)), (StateWord::Running, StateWord::Pending));
    world.clock.0.fetch_add(61_000_000, Ordering::SeqCst);
    world.act("alice", first, Action::Signal { signal: 10, scope: WarningScope::Full }).await;
    assert_eq!((world.word(first), world.word(second)), (StateWord::Running, StateWord::Running));
}

/// As in Slurm: whoever came later counts while it runs.
#[tokio::test]
async fn a_singleton_waits_for_whoever_runs_under_its_name() {
    let world = World::new(8);
    let held = |submission: &mut Submission| submission.hold = true;
    let release = Update { hold: Some(HoldWish::Release), ..Update::default() };
    let alice = world.service.principal("alice");
    let wish = async |changes| {
        let before = world.submit(held).await.unwrap();
        let after = world.submit(|job| job.requeue = Some(true)).await.unwrap();
        assert_eq!(world.word(after), StateWord::Running);
        let update = Update { changes, ..release.clone() };
        world.service.update(&alice, before, update).await.unwrap();
        assert_eq!(world.word(before), StateWord::Pending);
        (before, after)
    };
    let singleton =
        || vec![Change::Dependency(Some(Box::new(Dependency::parse("singleton").unwrap().unwrap())))];
    let (before, after) = wish(singleton()).await;
    world.end(after, Exit::Code(0)).await;
    assert_eq!(world.word(before), StateWord::Running);
    world.end(before, Exit::Code(0)).await;

    let (before, after) = wish(singleton()).await;
    world.act("alice", after, Action::Requeue { hold: true, special: false }).await;
    world.end(after, Exit::Signal(15)).await;
    assert_eq!((world.word(before), world.word(after)), (StateWord::Running, StateWord::Pending));
}

#[tokio::test]
async fn components_of_one_name_do_not_wait_for_each_other() {
    let world = World::new(8);
    let first = world.submit(|_| {}).await.unwrap();
    let mut both = [submission(), submission()];
    both.iter_mut().for_each(single);
    let alice = world.service.principal("alice");
    let leader = world.service.submit_components(&alice, both.into()).await.unwrap().id;
    assert_eq!(world.word(leader), StateWord::Pending);
    world.end(first, Exit::Code(0)).await;
    let words: Vec<StateWord> = world.service.records(leader).iter().map(|job| StateWord::of(job)).collect();
    assert_eq!(words, [StateWord::Running; 2]);
}

#[tokio::test]
async fn a_singleton_goes_on_when_it_or_the_job_before_it_is_given_another_name() {
    let world = World::new(8);
    let first = world.submit(|_| {}).await.unwrap();
    let second = world.submit(single).await.unwrap();
    assert_eq!(world.word(second), StateWord::Pending);
    let alice = world.service.principal("alice");
    let rename = async |job, name: &'static str| {
        let update = Update { changes: vec![Change::Name(name.into())], ..Update::default() };
        world.service.update(&alice, job, update).await.unwrap();
    };
    rename(first, "other").await;
    assert_eq!(world.word(second), StateWord::Running);
    let third = world.submit(single).await.unwrap();
    assert_eq!(world.word(third), StateWord::Pending);
    rename(third, "third").await;
    assert_eq!(world.word(third), StateWord::Running);
}

#[tokio::test]
async fn singletons_run_one_after_the_other() {
    let world = World::new(8);
    let first = world.submit(single).await.unwrap();
    let second = world.submit(single).await.unwrap();
    let third = world.submit(single).await.unwrap();
    assert_eq!(world.word(first), StateWord::Running);
    assert_eq!((world.word(second), world.word(third)), (StateWord::Pending, StateWord::Pending));
    world.end(first, Exit::Code(1)).await;
    assert_eq!((world.word(second), world.word(third)), (StateWord::Running, StateWord::Pending));
}
