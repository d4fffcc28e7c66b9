//! Following a cluster that decides for itself.

use super::*;
use crate::service::command::Command;
use crate::service::mirror::{Following, Mirror};
use crate::state::Snapshot;
use crate::{ClusterRefusal, TaskIndex};
use fake::{Fake, Fault};
use tokio::sync::oneshot;

mod fake;
mod trial;

/// A mirror without threads: everything happens when the test says so.
struct Followed {
    mirror: Arc<Mirror>,
    fake: Fake,
    store: MemoryStore,
    clock: HandClock,
}

fn following(fake: &Fake, store: &MemoryStore, clock: &HandClock) -> Following {
    Following {
        store: Box::new(store.clone()),
        history: Arc::new(store.clone()),
        remote: Arc::new(fake.clone()),
        directory: Arc::new(People),
        meter: Arc::new(Idle),
        clock: Arc::new(clock.clone()),
        calendar: Arc::new(crate::ports::Greenwich),
        every: Duration::from_millis(1),
    }
}

impl Followed {
    fn new() -> Self {
        let clock = HandClock(Arc::new(AtomicI64::new(1_000_000_000_000)));
        let followed = Self::over(Fake::new(clock.clone()), MemoryStore::default(), clock);
        followed.mirror.look().unwrap();
        followed
    }

    fn over(fake: Fake, store: MemoryStore, clock: HandClock) -> Self {
        let configured = Cluster { nodes: Vec::new(), partitions: Vec::new(), ..cluster() };
        let mirror = Mirror::open(configured, following(&fake, &store, &clock)).unwrap();
        Followed { mirror, fake, store, clock }
    }

    fn restarted(self) -> Self {
        let Followed { fake, store, clock, mirror } = self;
        drop(mirror);
        Self::over(fake, store, clock)
    }

    fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    fn look(&self) {
        self.mirror.look().unwrap();
    }

    fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> T {
        let (reply, mut answer) = oneshot::channel();
        self.mirror.serve(command(reply));
        answer.try_recv().expect("it is answered at once")
    }

    fn submit(&self, change: impl FnOnce(&mut Submission)) -> Result<JobId, Error> {
        let mut submission = submission();
        change(&mut submission);
        let submission = Box::new(submission);
        self.ask(|reply| Command::Forward(alice(), submission, reply)).map(|submitted| submitted.id)
    }

    fn keyed(&self, key: &str) -> Result<JobId, Error> {
        self.submit(|submission| submission.client_key = Some(client_key(key, "same")))
    }

    fn cancel(&self, job: JobId, tasks: Option<&str>) -> Vec<Handled> {
        let tasks = tasks.map(|tasks| crate::job::TaskSet::parse(tasks, 1001).unwrap().0);
        let targets = vec![Target { job, tasks, component: None, step: None }];
        let selection = Box::new(Selection { targets, ..Selection::default() });
        let action = Action::Cancel { kill: false };
        self.ask(|reply| Command::Act { by: alice(), selection, action, reply }).unwrap()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.mirror.published().load_full()
    }

    fn word(&self, id: JobId) -> Option<StateWord> {
        self.snapshot().jobs.job(id).map(|job| StateWord::of(job))
    }

    fn closed(&self, id: JobId) -> Vec<Arc<Job>> {
        let memory = self.store.memory.lock().unwrap();
        memory
            .closed
            .iter()
            .filter(|closed| closed.job.id == id)
            .map(|closed| Arc::clone(&closed.job))
            .collect()
    }
}

fn alice() -> Principal {
    Principal { name: "alice".into(), uid: Some(Uid(2001)), gid: Some(Gid(2001)), level: AdminLevel::None }
}

fn client_key(key: &str, content: &str) -> ClientKey {
    ClientKey { user: "alice".into(), key: key.into(), content: content.into() }
}

#[test]
fn a_submission_is_seen_at_once_with_what_only_we_know_of_it() {
    let followed = Followed::new();
    let id = followed.submit(|submission| submission.spec.uncommon_mut().origin = "waldur:x".into()).unwrap();
    let job = followed.snapshot().jobs.job(id).cloned().unwrap();
    assert_eq!((job.spec.uncommon().origin.as_str(), job.spec.partitions[0].as_str()), ("waldur:x", "debug"));
    assert_eq!(followed.store.memory.lock().unwrap().payloads[&id].script[..], b"#!/bin/sh\ntrue\n"[..]);
    followed.look();
    assert_eq!(followed.snapshot().jobs.job(id).unwrap().spec, job.spec, "a look takes nothing away");
    let live: Vec<JobId> = followed.store.memory.lock().unwrap().jobs.keys().copied().collect();
    assert_eq!(live, [id], "nothing is left of what was written down before it was sent");
}

#[test]
fn what_others_submit_is_found_and_followed_to_its_end_with_what_it_used() {
    let followed = Followed::new();
    let id = followed.fake.submit(&submission(), "").unwrap();
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    followed.fake.start(id);
    followed.look();
    let snapshot = followed.snapshot();
    assert_eq!((followed.word(id), snapshot.nodes[0].jobs), (Some(StateWord::Running), 1));
    followed.pass(5);
    followed.fake.end(id, Outcome::Completed);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Ended(Outcome::Completed)));
    let closed = followed.closed(id);
    let Phase::Ended(ended) = &closed[0].phase else { panic!("it is over") };
    assert_eq!((closed.len(), ended.usage.user), (1, Duration::from_secs(7)));
    assert_eq!(followed.snapshot().nodes[0].jobs, 0);
    followed.pass(1_000);
    followed.look();
    followed.look();
    assert_eq!((followed.word(id), followed.closed(id).len()), (None, 1), "the cluster still tells of it");
}

#[test]
fn while_accounting_is_down_ends_are_seen_after_some_patience() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    followed.fake.start(id);
    followed.fake.inside().is_accounting_down = true;
    followed.fake.end(id, Outcome::Failed);
    followed.look();
    assert_eq!((followed.word(id), followed.closed(id).len()), (Some(StateWord::Completing), 0));
    followed.pass(11);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Ended(Outcome::Failed)));
    assert_eq!(followed.closed(id).len(), 1);
}

#[test]
fn a_job_that_ended_unseen_is_asked_of_accounting() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    followed.fake.start(id);
    followed.look();
    followed.fake.inside().is_accounting_down = true;
    followed.fake.end(id, Outcome::Timeout);
    followed.pass(400);
    followed.fake.forget(Duration::from_secs(300));
    let followed = followed.restarted();
    followed.look();
    followed.pass(100);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Running), "while accounting is silent nobody is given up");
    followed.fake.inside().is_accounting_down = false;
    followed.look();
    assert_eq!(followed.closed(id).len(), 1);
    let closed = followed.closed(id);
    let Phase::Ended(ended) = &closed[0].phase else { panic!("it is over") };
    assert_eq!((ended.outcome, ended.usage.user), (Outcome::Timeout, Duration::from_secs(7)));
}

#[test]
fn a_job_that_was_lost_without_a_trace_is_given_up_after_a_while() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    followed.fake.lose(id);
    followed.pass(2);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    followed.pass(61);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Ended(Outcome::Cancelled)));
    // Its number is another's later, whose script is not the one of the first.
    followed.fake.inside().last_id = id.0 - 1;
    assert_eq!(followed.fake.submit(&submission(), "").unwrap(), id);
    followed.look();
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    assert_eq!(followed.closed(id).len(), 1);
}

#[test]
fn a_lost_answer_makes_no_second_job_and_loses_none() {
    for (fault, seconds) in
        [(Fault::LostBefore, 6), (Fault::LostAfter, 0), (Fault::Late, 6), (Fault::Unreachable, 0)]
    {
        for restarts in [false, true] {
            let mut followed = Followed::new();
            followed.fake.inside().submissions.push_back(fault);
            let first = followed.keyed("k");
            assert_eq!(first.is_ok(), fault == Fault::LostAfter, "{fault:?}");
            if restarts {
                followed = followed.restarted();
                let early = followed.keyed("k");
                // An answer that was given is given again; all else waits until the cluster has been seen.
                assert_eq!(early.is_ok(), fault == Fault::LostAfter, "{fault:?} {early:?}");
                followed.pass(1);
                followed.look();
            }
            followed.pass(seconds);
            let id = followed.keyed("k").unwrap();
            assert_eq!(followed.keyed("k"), Ok(id));
            assert_eq!(followed.fake.inside().made[&Text::from("k")], [id], "{fault:?}");
            let other = followed.submit(|submission| submission.client_key = Some(client_key("k", "other")));
            assert_eq!(other, Err(Problem::KeyReused.into()));
        }
    }
}

#[test]
fn a_retry_before_it_is_settled_is_told_so_and_sends_nothing() {
    let followed = Followed::new();
    followed.fake.inside().submissions.push_back(Fault::LostBefore);
    assert!(matches!(followed.keyed("k"), Err(Error::Unavailable(_))));
    followed.pass(2);
    assert!(matches!(followed.keyed("k"), Err(Error::Unavailable(_))));
    assert!(followed.fake.inside().jobs.is_empty());
}

#[test]
fn what_the_cluster_refuses_is_told_in_its_words_and_leaves_nothing() {
    let followed = Followed::new();
    let refused = followed.submit(|submission| submission.spec.name = "bad".into());
    let refusal = ClusterRefusal { number: 2045, words: "Invalid account".into() };
    assert_eq!(refused, Err(Problem::ClusterRefused(refusal).into()));
    assert!(followed.store.memory.lock().unwrap().jobs.is_empty());
    assert!(followed.snapshot().jobs.is_empty());
}

#[test]
fn a_list_that_was_asked_for_before_a_submission_says_nothing_about_it() {
    let followed = Followed::new();
    let old = followed.fake.jobs(None, &Cluster::default()).unwrap();
    let id = followed.submit(|_| ()).unwrap();
    assert!(!old.there.contains(&id));
    // Such a list may come late, from others who asked for it.
    followed.fake.inside().old = Some(old);
    followed.look();
    followed.pass(100);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    followed.fake.lose(id);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    followed.pass(100);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Ended(Outcome::Cancelled)));
}

#[test]
fn cancelling_is_seen_at_once_and_done_as_the_owner() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    assert!(followed.cancel(id, None)[0].result.is_ok());
    assert_eq!(followed.word(id), Some(StateWord::Ended(Outcome::Cancelled)));
    let asked = followed.fake.inside().asked.clone();
    assert!(asked.contains(&format!("Cancel {{ kill: false }} {id}  as alice")), "{asked:?}");
    assert_eq!(followed.cancel(id, None)[0].result, Err(Problem::AlreadyEnded(id).into()));
    let unknown = followed.cancel(JobId(77), None);
    assert_eq!(unknown[0].result, Err(Problem::UnknownJob(JobId(77)).into()));
    // One that nobody has told of yet is asked for.
    let foreign = followed.fake.submit(&submission(), "").unwrap();
    assert!(followed.cancel(foreign, None)[0].result.is_ok());
    assert_eq!(followed.word(foreign), Some(StateWord::Ended(Outcome::Cancelled)));
}

#[test]
fn tasks_share_what_only_we_know_of_their_array() {
    let followed = Followed::new();
    let id = followed
        .submit(|submission| {
            submission.array = "0-2".into();
            submission.spec.uncommon_mut().origin = "et:1".into();
        })
        .unwrap();
    followed.fake.start(id);
    followed.fake.start(id);
    followed.look();
    let records = followed.snapshot().records(id);
    assert_eq!(records.len(), 3);
    assert!(records.iter().all(|job| job.spec.uncommon().origin == "et:1"));
    assert!(records.iter().any(|job| matches!(job.array, Some(ArrayPart::Task { index: TaskIndex(1), .. }))));
    assert_eq!(followed.snapshot().tallies.of(id).map(|tally| tally.running), Some(2));
}

#[test]
fn an_attempt_that_goes_back_into_the_queue_is_history() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    followed.fake.start(id);
    followed.look();
    followed.pass(10);
    followed.fake.requeue(id);
    followed.look();
    assert_eq!(followed.word(id), Some(StateWord::Pending));
    let closed = followed.closed(id);
    assert!(
        matches!(&closed[..], [one] if matches!(&one.phase, Phase::Ended(ended) if ended.outcome == Outcome::Requeued))
    );
}

#[test]
fn what_a_cluster_does_not_take_from_us_is_refused_by_name() {
    let followed = Followed::new();
    let by = alice();
    let outcome = followed.ask(|reply| Command::RemoveReservation { by, name: "r".into(), reply });
    assert!(matches!(outcome, Err(Error::Invalid(Problem::Unsupported(_)))));
    let allocation = followed.submit(|submission| submission.spec.kind = JobKind::Allocation);
    assert!(matches!(allocation, Err(Error::Invalid(Problem::Unsupported(_)))));
}

#[test]
fn what_cannot_be_recorded_is_not_sent() {
    let followed = Followed::new();
    followed.store.full.store(true, Ordering::SeqCst);
    assert!(matches!(followed.keyed("k"), Err(Error::Unavailable(_))));
    assert!(followed.fake.inside().jobs.is_empty());
    followed.store.full.store(false, Ordering::SeqCst);
    assert!(followed.keyed("k").is_ok());
}

#[test]
fn places_of_nodes_outlive_a_restart() {
    let followed = Followed::new();
    let id = followed.submit(|_| ()).unwrap();
    followed.fake.start(id);
    followed.look();
    followed.fake.inside().is_unreachable = true;
    let followed = followed.restarted();
    assert!(followed.mirror.look().is_err());
    let snapshot = followed.snapshot();
    let job = snapshot.jobs.job(id).unwrap();
    assert_eq!(snapshot.cluster.fold_nodes(job.held_resources().unwrap()), "n1");
    assert!(matches!(followed.keyed("k"), Err(Error::Unavailable(_))), "it has not been seen yet");
}

#[tokio::test]
async fn a_slow_answer_keeps_nobody_else_waiting() {
    let clock = HandClock(Arc::new(AtomicI64::new(1_000_000_000_000)));
    let (fake, store) = (Fake::new(clock.clone()), MemoryStore::default());
    let configured = Cluster { nodes: Vec::new(), partitions: Vec::new(), ..cluster() };
    let service = JobService::follow(configured, following(&fake, &store, &clock)).unwrap();
    while service.snapshot().cluster.nodes.is_empty() || service.submit(&alice(), submission()).await.is_err()
    {
        tokio::task::yield_now().await;
    }
    let first = service.snapshot().jobs.iter().next().cloned().unwrap();
    let (go, gate) = crossbeam_channel::bounded(1);
    fake.inside().gate = Some(gate);
    let slow = tokio::spawn({
        let service = service.clone();
        async move { service.submit(&alice(), submission()).await }
    });
    let targets = vec![Target { job: first.id, tasks: None, component: None, step: None }];
    let selection = Selection { targets, ..Selection::default() };
    let handled = service.act(&alice(), selection, Action::Cancel { kill: false }).await.unwrap();
    assert!(handled[0].result.is_ok());
    assert!(!slow.is_finished());
    go.send(()).unwrap();
    let id = slow.await.unwrap().unwrap().id;
    assert!(service.snapshot().jobs.job(id).is_some());
    service.stop().await;
    assert!(matches!(service.submit(&alice(), submission()).await, Err(Error::Unavailable(_))));
}
