//! Heterogeneous jobs: accepted together, started together, ended together.

use super::*;
use crate::job::{HetPart, WarningScope};

impl World {
    async fn submit_components(
        &self,
        count: usize,
        mut change: impl FnMut(usize, &mut Submission),
    ) -> Result<JobId, Error> {
        let submissions = (0..count).map(|offset| {
            let mut submission = submission();
            change(offset, &mut submission);
            submission
        });
        let alice = self.service.principal("alice");
        let submitted = self.service.submit_components(&alice, submissions.collect()).await;
        submitted.map(|submitted| submitted.id)
    }

    fn words(&self, leader: JobId) -> Vec<StateWord> {
        self.service.records(leader).iter().map(|job| StateWord::of(job)).collect()
    }
}

const DONE: StateWord = StateWord::Ended(Outcome::Completed);
const CANCELLED: StateWord = StateWord::Ended(Outcome::Cancelled);
const CANCEL: Action = Action::Cancel { kill: false };

#[tokio::test]
async fn components_start_together_and_only_the_leader_is_launched() {
    let world = World::new(4);
    let other = world.submit(|_| {}).await.unwrap();
    let leader = world.submit_components(3, |_, _| {}).await.unwrap();
    let parts: Vec<_> = world.service.records(leader).iter().map(|job| (job.id, job.het)).collect();
    let part = |offset| Some(HetPart { leader, offset, size: 3 });
    assert_eq!(parts, [(JobId(2), part(0)), (JobId(3), part(1)), (JobId(4), part(2))]);
    assert_eq!(world.words(leader), [StateWord::Running; 3]);
    world.launched_all(&[other, leader]).await;
    let orders = world.engine.orders.lock().unwrap();
    let told = orders.iter().find_map(|order| match order {
        Order::Launch { job, components, .. } if job.id == leader => Some(components.clone()),
        _ => None,
    });
    let told: Vec<_> = told.unwrap().iter().map(|job| (job.id, job.run().is_some())).collect();
    assert_eq!(told, [(JobId(2), true), (JobId(3), true), (JobId(4), true)], "the leader knows all places");
}

#[tokio::test]
async fn all_components_start_or_none() {
    let world = World::new(2);
    let other = world.submit(|_| {}).await.unwrap();
    let leader = world.submit_components(2, |_, _| {}).await.unwrap();
    assert_eq!(world.words(leader), [StateWord::Pending; 2], "there is room for one only");
    world.end(other, Exit::Code(0)).await;
    assert_eq!(world.words(leader), [StateWord::Running; 2]);
}

#[tokio::test]
async fn one_held_component_holds_all_back() {
    let world = World::new(2);
    let leader = world.submit_components(2, |offset, job| job.hold = offset == 1).await.unwrap();
    assert_eq!(world.words(leader), [StateWord::Pending; 2]);
    let alice = world.service.principal("alice");
    let release = Update { hold: Some(HoldWish::Release), ..Update::default() };
    world.service.update(&alice, leader, release.clone()).await.unwrap();
    assert_eq!(world.words(leader), [StateWord::Pending; 2], "the leader's number releases the leader alone");
    world.service.update(&alice, JobId(leader.0 + 1), release).await.unwrap();
    assert_eq!(world.words(leader), [StateWord::Running; 2]);
}

#[tokio::test]
async fn components_end_as_their_leader_does() {
    let world = World::new(2);
    let leader = world.submit_components(2, |_, _| {}).await.unwrap();
    world.end(leader, Exit::Code(3)).await;
    assert_eq!(world.words(leader), [StateWord::Ended(Outcome::Failed); 2]);
    let memory = world.store.memory.lock().unwrap();
    let closed: Vec<_> = memory.closed.iter().map(|closed| (closed.job.id, closed.job.het)).collect();
    assert_eq!(closed.len(), 2, "each has its record");
    assert!(closed.iter().all(|(_, part)| part.is_some_and(|part| part.leader == leader)));
}

#[tokio::test]
async fn a_waiting_component_is_not_cancelled_alone() {
    let world = World::new(0);
    for component in 0..2 {
        let leader = world.submit_components(2, |_, _| {}).await.unwrap();
        let handled = world.act("alice", JobId(leader.0 + component), CANCEL).await;
        assert!(handled.iter().all(|handled| handled.result.is_ok()), "{handled:?}");
        assert_eq!(world.words(leader), [CANCELLED; 2]);
        let again = world.act("alice", leader, CANCEL).await;
        let again: Vec<_> = again.iter().map(|handled| (handled.job, handled.result.is_err())).collect();
        assert_eq!(again, [(Some(JobId(leader.0 + 1)), true), (Some(leader), true)]);
    }
}

#[tokio::test]
async fn thousands_of_components_end_together() {
    let world = World::new(0);
    let leader = world.submit_components(3000, |_, _| {}).await.unwrap();
    world.act("alice", JobId(leader.0 + 7), CANCEL).await;
    assert!(world.words(leader).iter().all(|word| *word == CANCELLED));
}

#[tokio::test]
async fn a_running_component_may_go_alone() {
    let world = World::new(3);
    let leader = world.submit_components(3, |_, _| {}).await.unwrap();
    world.act("alice", JobId(leader.0 + 1), CANCEL).await;
    assert_eq!(world.words(leader), [StateWord::Running, CANCELLED, StateWord::Running]);
    world.end(leader, Exit::Code(0)).await;
    assert_eq!(world.words(leader), [DONE, CANCELLED, DONE]);
}

#[tokio::test]
async fn cancelling_the_leader_cancels_all() {
    let world = World::new(2);
    let leader = world.submit_components(2, |_, _| {}).await.unwrap();
    world.act("alice", leader, CANCEL).await;
    assert_eq!(world.words(leader), [StateWord::Completing, CANCELLED]);
    world.end(leader, Exit::Signal(15)).await;
    assert_eq!(world.words(leader), [CANCELLED; 2]);
}

#[tokio::test]
async fn all_go_back_into_the_queue_with_the_leader_and_with_nobody_else() {
    let world = World::new(2);
    let leader = world.submit_components(2, |_, job| job.requeue = Some(true)).await.unwrap();
    let requeue = Action::Requeue { hold: false, special: false };
    let second = JobId(leader.0 + 1);
    let refused = world.act("alice", second, requeue).await;
    assert_eq!(refused[0].result, Err(Problem::NotLeader(second).into()));
    world.act("alice", leader, requeue).await;
    assert_eq!(world.words(leader), [StateWord::Completing, StateWord::Pending]);
    world.end(leader, Exit::Signal(15)).await;
    assert_eq!(world.words(leader), [StateWord::Running; 2], "together again");
    assert_eq!((world.job(leader).restarts, world.job(second).restarts), (1, 1));
    // Orders go out after the snapshot; one more turn, and they have gone out.
    world.act("alice", leader, Action::Signal { signal: 10, scope: WarningScope::Full }).await;
    world.launched_all(&[leader, leader]).await;
}

#[tokio::test]
async fn one_that_ended_alone_comes_back_when_its_leader_has_made_way() {
    let world = World::new(3);
    let leader = world.submit_components(3, |_, job| job.requeue = Some(true)).await.unwrap();
    world.act("alice", JobId(leader.0 + 1), CANCEL).await;
    world.clock.0.fetch_add(301_000_000, Ordering::SeqCst);
    let preempt = Preempt { job: leader, by: JobId(99), how: PreemptHow::Requeue, grace: Duration::ZERO };
    world.engine.preempts.lock().unwrap().push(preempt);
    world.act("alice", leader, Action::Signal { signal: 10, scope: WarningScope::Full }).await;
    assert_eq!(world.words(leader)[..2], [StateWord::Completing, CANCELLED], "it makes way");
    world.end(leader, Exit::Signal(15)).await;
    assert_eq!(world.words(leader), [StateWord::Running; 3], "all begin anew");
}

#[tokio::test]
async fn all_are_accepted_or_none() {
    let world = World::new(9);
    let refused = world.submit_components(2, |offset, job| {
        job.spec.partitions = vec![Text::const_new(if offset == 1 { "nope" } else { "debug" })];
    });
    assert!(matches!(refused.await, Err(Error::Invalid(Problem::UnknownPartition(_)))));
    let array = world.submit_components(2, |_, job| job.array = Text::const_new("0-3")).await;
    assert!(matches!(array, Err(Error::Invalid(Problem::BadArray(_)))));
    let at_once = world.submit_components(1, |_, job| job.immediate = true).await;
    assert!(matches!(at_once, Err(Error::Conflict(Problem::CannotStartNow))));
    let unknown = world.submit_components(2, |offset, job| {
        job.dependency = Text::const_new(if offset == 1 { "afterok:77" } else { "" });
    });
    assert!(matches!(unknown.await, Err(Error::Invalid(Problem::BadDependency(_)))));
    assert_eq!(world.submit_components(2, |_, _| {}).await.unwrap(), JobId(1), "no number was used up");
}

#[tokio::test]
async fn numbers_follow_one_another_past_those_in_use() {
    let mut state = State::new(Arc::new(cluster()));
    state.put(Arc::new(crate::job::tests::job(3)));
    assert_eq!(state.take_ids(2), Some(JobId(1)));
    assert_eq!(state.take_ids(2), Some(JobId(4)));
    state.count_from(JobId(JobId::MAX.0));
    assert_eq!(state.take_ids(2), Some(JobId(1)), "numbers begin anew");
    assert_eq!(state.take_ids(3), Some(JobId(4)));
}

#[tokio::test]
async fn a_job_depends_on_the_leader_alone() {
    let world = World::new(2);
    let leader = world.submit_components(2, |_, _| {}).await.unwrap();
    let after =
        |job: JobId| move |job_: &mut Submission| job_.dependency = Text::from(format!("afterok:{job}"));
    let waiting = world.submit(after(leader)).await.unwrap();
    let hopeless = world.submit(after(JobId(leader.0 + 1))).await.unwrap();
    world.act("alice", JobId(leader.0 + 1), CANCEL).await;
    world.end(leader, Exit::Code(0)).await;
    assert_eq!(world.word(waiting), StateWord::Running);
    assert_eq!(world.word(hopeless), StateWord::Pending);
}

#[tokio::test]
async fn a_restart_brings_all_components_back() {
    let world = World::new(2);
    let leader = world.submit_components(2, |_, _| {}).await.unwrap();
    let world = world.restarted().await;
    assert_eq!(world.words(leader), [StateWord::Running; 2]);
    world.launched_all(&[leader]).await;
    let (at, usage) = (world.clock.now(), Usage::default());
    let ended = Recovered::Ended { at, end: End::Process(Exit::Code(0)), usage, fault: None };
    world.engine.found.lock().unwrap().insert(leader, ended);
    let world = world.restarted().await;
    assert_eq!(world.words(leader), [DONE; 2]);
}

#[tokio::test]
async fn a_component_whose_node_fails_comes_back_with_its_leader_or_not_at_all() {
    let lost = StateWord::Ended(Outcome::NodeFail);
    for (requeue, together) in [(false, [lost; 2]), (true, [StateWord::Pending; 2])] {
        let world = World::new(2);
        let leader = world.submit_components(2, |_, job| job.requeue = Some(requeue)).await.unwrap();
        world.launched_all(&[leader]).await;
        world.ends(JobId(leader.0 + 1), End::Vanished).await;
        assert_eq!(world.words(leader), [StateWord::Running, lost]);
        world.ends(leader, End::Vanished).await;
        assert_eq!(world.words(leader), together);
    }
}
