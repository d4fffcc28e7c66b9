//! Clocks that jump: forward, as after a long sleep of the machine or a first look at the network's time, and back, which
//! the port promises not to happen and which must not break anything where it does.

use super::*;
use crate::job::WarningScope;

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;

impl World {
    /// Sets the clock to so many microseconds and waits until the writer has looked at it, and the job is as wanted.
    async fn jumps(&self, to: i64, id: JobId, word: StateWord) {
        self.clock.0.store(to, Ordering::SeqCst);
        let reached = async {
            while self.word(id) != word {
                self.looks().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), reached).await;
        assert!(waited.is_ok(), "job {id} is {:?} and not {word:?}", self.word(id));
    }

    /// Makes the writer look at its clock: alarms are set by the one on the wall.
    pub(super) async fn looks(&self) {
        self.act("alice", JobId(9_999), Action::Signal { signal: 10, scope: WarningScope::Full }).await;
    }

    /// How often a job was told to end by a signal or killed.
    fn endings(&self, id: JobId) -> usize {
        let orders = self.engine.orders.lock().unwrap();
        let is_ending = |order: &&Order| match order {
            Order::Signal { job, .. } | Order::Kill { job, .. } => *job == id,
            _ => false,
        };
        orders.iter().filter(is_ending).count()
    }

    /// Waits until the engine was told to end a job.
    pub(super) async fn is_told_to_end(&self, id: JobId) {
        let told = async {
            while self.endings(id) == 0 {
                self.looks().await;
            }
        };
        assert!(tokio::time::timeout(std::time::Duration::from_secs(20), told).await.is_ok());
    }
}

#[tokio::test]
async fn a_jump_over_the_time_limit_ends_a_job_once() {
    let world = World::new(2);
    let id = world.submit(|_| {}).await.unwrap();
    let begin = world.clock.0.load(Ordering::SeqCst);
    world.launched_all(&[id]).await;
    assert_eq!(world.endings(id), 0);
    world.clock.0.store(begin + DAY, Ordering::SeqCst);
    world.is_told_to_end(id).await;
    world.end(id, Exit::Signal(15)).await;
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Timeout));
    // Who comes now has all of its time.
    let next = world.submit(|_| {}).await.unwrap();
    assert_eq!(world.word(next), StateWord::Running);
    world.looks().await;
    assert_eq!(world.endings(next), 0);
}

#[tokio::test]
async fn a_jump_back_takes_nobodys_time() {
    let world = World::new(1);
    let begin = world.clock.0.load(Ordering::SeqCst);
    let id = world.submit(|_| {}).await.unwrap();
    let waits = world.submit(|_| {}).await.unwrap();
    world.launched_all(&[id]).await;
    world.clock.0.store(begin - DAY.min(begin), Ordering::SeqCst);
    world.looks().await;
    assert_eq!((world.word(id), world.endings(id)), (StateWord::Running, 0));
    // It ends before it has begun, by this clock: it has taken no time, and the next one follows.
    world.end(id, Exit::Code(0)).await;
    let job = world.job(id);
    assert_eq!(StateWord::of(&job), StateWord::Ended(Outcome::Completed));
    let Phase::Ended(ended) = &job.phase else { panic!("{:?}", job.phase) };
    let started = ended.run.as_ref().unwrap().started;
    assert_eq!(ended.ended.since(started), Duration::ZERO);
    assert_eq!(world.word(waits), StateWord::Running);
    // Its limit counts from when it was started.
    world.clock.0.store(begin + 11 * MINUTE, Ordering::SeqCst);
    world.is_told_to_end(waits).await;
    world.end(waits, Exit::Signal(15)).await;
    assert_eq!(world.word(waits), StateWord::Ended(Outcome::Timeout));
}

#[tokio::test]
async fn a_begin_time_is_reached_by_a_jump_and_not_lost_by_one_back() {
    let world = World::new(2);
    let begin = world.clock.0.load(Ordering::SeqCst);
    let at = Timestamp::from_micros(begin + 10 * MINUTE);
    let id = world.submit(|submission| submission.spec.begin = Some(at)).await.unwrap();
    assert_eq!(world.word(id), StateWord::Pending);
    world.clock.0.store(begin - 5 * MINUTE, Ordering::SeqCst);
    world.looks().await;
    assert_eq!(world.word(id), StateWord::Pending);
    world.jumps(begin + DAY, id, StateWord::Running).await;
    // Back before its begin it goes on all the same.
    world.clock.0.store(begin, Ordering::SeqCst);
    world.looks().await;
    assert_eq!((world.word(id), world.endings(id)), (StateWord::Running, 0));
}

#[tokio::test]
async fn a_crontab_makes_up_for_no_turns_and_repeats_none() {
    let engine = SlotEngine {
        slots: 1,
        orders: Arc::default(),
        found: Arc::default(),
        preempts: Arc::default(),
        known: Arc::default(),
        warned: Arc::default(),
    };
    let clock = HandClock(Arc::new(AtomicI64::new(MINUTE / 2)));
    let world = World::over(MemoryStore::default(), engine, clock, cluster());
    let text = "*/10 * * * * true\n";
    crate::cron::entries(text).unwrap();
    let alice = world.service.principal("alice");
    let installed =
        world.service.set_crontab(&alice, submission().spec.owner, text.into(), vec![submission()]);
    let id = installed.await.unwrap()[0].job;
    // A year in one moment is one turn.
    let now = 365 * DAY + MINUTE;
    world.jumps(now, id, StateWord::Running).await;
    world.end(id, Exit::Code(0)).await;
    let next = |world: &World| world.job(id).spec.begin.unwrap().micros();
    assert_eq!((world.word(id), next(&world)), (StateWord::Pending, 365 * DAY + 10 * MINUTE));
    // An hour back: turns that have been are not repeated.
    world.clock.0.store(now - 60 * MINUTE, Ordering::SeqCst);
    for _ in 0..10 {
        world.looks().await;
    }
    assert_eq!((world.word(id), next(&world)), (StateWord::Pending, 365 * DAY + 10 * MINUTE));
    assert_eq!(world.store.memory.lock().unwrap().closed.len(), 1);
    world.jumps(365 * DAY + 10 * MINUTE, id, StateWord::Running).await;
}

#[tokio::test]
async fn statistics_begin_anew_at_midnight() {
    let world = World::new(2);
    world.submit(|_| {}).await.unwrap();
    let counted = || world.service.snapshot().statistics.clone();
    let (before, begin) = (counted(), world.clock.0.load(Ordering::SeqCst));
    assert_eq!((before.submitted, before.started), (1, 1));
    let hour_before = begin.div_euclid(DAY) * DAY + 23 * 60 * MINUTE;
    world.clock.0.store(hour_before.max(begin), Ordering::SeqCst);
    world.looks().await;
    assert_eq!((counted().submitted, counted().since), (1, before.since));
    let midnight = (begin.div_euclid(DAY) + 1) * DAY;
    world.clock.0.store(midnight, Ordering::SeqCst);
    world.looks().await;
    let after = counted();
    assert_eq!((after.submitted, after.started, after.main.passes), (0, 0, 0));
    assert_eq!((after.since.micros(), after.commits >= before.commits), (midnight, true));
}
