//! Crontabs: each turn at its time, missed turns left out, entries switched off; by a clock that is set by hand.

use super::*;
use crate::cron::Installed;
use crate::job::JobFlags;

const MINUTE: i64 = 60_000_000;

impl World {
    /// A world in which it is half a minute past the beginning of 1970.
    fn of_new_year(slots: usize) -> Self {
        let engine = SlotEngine {
            slots,
            orders: Arc::default(),
            found: Arc::default(),
            preempts: Arc::default(),
            known: Arc::default(),
            warned: Arc::default(),
        };
        let clock = HandClock(Arc::new(AtomicI64::new(MINUTE / 2)));
        Self::over(MemoryStore::default(), engine, clock, cluster())
    }

    async fn install(&self, text: &str) -> Result<Vec<JobId>, BadCrontab> {
        let entries = crate::cron::entries(text)?;
        let jobs = entries.iter().map(|_| submission()).collect();
        let alice = self.service.principal("alice");
        let installed = self.service.set_crontab(&alice, submission().spec.owner, text.into(), jobs).await;
        Ok(installed?.into_iter().map(|installed| installed.job).collect())
    }

    fn text(&self) -> String {
        self.service.snapshot().crontabs.get(&Uid(2001)).map_or("none".to_owned(), |tab| tab.text.to_string())
    }

    /// Sets the clock so many minutes after new year, and waits until the job is there.
    async fn at(&self, minute: i64, id: JobId, word: StateWord) {
        self.clock.0.store(minute * MINUTE, Ordering::SeqCst);
        for _ in 0..2_000 {
            // Alarms are set by the clock on the wall; any command makes the writer look at this one.
            self.act(
                "alice",
                JobId(9_999),
                Action::Signal { signal: 10, scope: crate::job::WarningScope::Full },
            )
            .await;
            if self.word(id) == word {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("job {id} is {:?} and not {word:?}", self.word(id));
    }

    fn begin(&self, id: JobId) -> i64 {
        self.job(id).spec.begin.unwrap().micros() / MINUTE
    }
}

const CANCEL: Action = Action::Cancel { kill: false };

#[tokio::test]
async fn an_entry_runs_at_its_time_and_comes_back_for_its_next_turn() {
    let world = World::of_new_year(1);
    let ids = world.install("#SCRON -t 5\n*/5 * * * * true\n").await.unwrap();
    let id = ids[0];
    let job = world.job(id);
    assert!(job.recurs() && !job.is_eligible());
    assert_eq!(
        (world.begin(id), job.spec.uncommon().cron.as_str()),
        (5, "0,5,10,15,20,25,30,35,40,45,50,55 * * * *")
    );
    assert!(matches!(&job.phase, Phase::Pending(pending) if pending.reason == Reason::BeginTime));
    world.at(5, id, StateWord::Running).await;
    world.clock.0.store(6 * MINUTE, Ordering::SeqCst);
    world.end(id, Exit::Code(3)).await;
    assert_eq!((world.word(id), world.begin(id)), (StateWord::Pending, 10));
    let job = world.job(id);
    assert_eq!((job.restarts, job.submitted.micros()), (1, 6 * MINUTE), "its next turn begins to wait now");
    let closed = world.store.memory.lock().unwrap().closed.clone();
    assert_eq!(closed.len(), 1, "each turn has its record");
    assert!(matches!(&closed[0].job.phase, Phase::Ended(ended) if ended.outcome == Outcome::Failed));
    world.at(10, id, StateWord::Running).await;
    assert_eq!(world.job(id).restarts, 1);
}

#[tokio::test]
async fn turns_that_are_missed_are_left_out() {
    let world = World::of_new_year(1);
    let id = world.install("* * * * * sleep 200\n").await.unwrap()[0];
    world.at(1, id, StateWord::Running).await;
    world.clock.0.store(4 * MINUTE + 1, Ordering::SeqCst);
    world.end(id, Exit::Code(0)).await;
    assert_eq!(world.begin(id), 5, "those at two, three and four are over");
}

#[tokio::test]
async fn cancelling_a_job_switches_its_entry_off() {
    let world = World::of_new_year(2);
    let ids = world.install("A=1\n#SCRON -n 1\n* * * * * a\n\n@daily b\n").await.unwrap();
    world.act("alice", ids[1], CANCEL).await;
    assert_eq!(world.text(), "A=1\n#SCRON -n 1\n* * * * * a\n\n#DISABLED: @daily b\n");
    assert_eq!(world.word(ids[1]), StateWord::Ended(Outcome::Cancelled));
    assert!(!world.job(ids[1]).recurs());
    world.at(1, ids[0], StateWord::Running).await;
    world.act("alice", ids[0], CANCEL).await;
    world.end(ids[0], Exit::Signal(15)).await;
    assert_eq!(world.text(), "A=1\n#DISABLED: #SCRON -n 1\n#DISABLED: * * * * * a\n\n#DISABLED: @daily b\n");
    assert_eq!(world.word(ids[0]), StateWord::Ended(Outcome::Cancelled));
    assert!(world.service.snapshot().crontabs[&Uid(2001)].installed.is_empty());
}

#[tokio::test]
async fn a_new_crontab_takes_the_place_of_the_old_one() {
    let world = World::of_new_year(3);
    let old = world.install("* * * * * a\n@daily b\n").await.unwrap();
    world.at(1, old[0], StateWord::Running).await;
    let new = world.install("@hourly c\n").await.unwrap();
    assert_eq!(world.text(), "@hourly c\n");
    assert_eq!(world.word(old[0]), StateWord::Running, "what runs goes on");
    assert_eq!(world.word(old[1]), StateWord::Ended(Outcome::Cancelled));
    world.end(old[0], Exit::Code(0)).await;
    assert_eq!(world.word(old[0]), StateWord::Ended(Outcome::Completed), "for the last time");
    let alice = world.service.principal("alice");
    world.service.remove_crontab(&alice, Uid(2001)).await.unwrap();
    assert_eq!(world.word(new[0]), StateWord::Ended(Outcome::Cancelled));
    assert_eq!(world.text(), "none");
}

#[tokio::test]
async fn singletons_of_a_crontab_wait_for_each_other_alone() {
    let world = World::of_new_year(4);
    let text = "* * * * * true\n* * * * * true\n";
    let install = async || {
        let mut job = submission();
        job.dependency = "singleton".into();
        let alice = world.service.principal("alice");
        let jobs = vec![job.clone(), job];
        world.service.set_crontab(&alice, submission().spec.owner, text.into(), jobs).await.unwrap();
    };
    // Those of the crontab before are no reason to wait.
    install().await;
    install().await;
    let ids: Vec<JobId> =
        world.service.snapshot().crontabs[&Uid(2001)].installed.iter().map(|one| one.job).collect();
    world.at(1, ids[0], StateWord::Running).await;
    assert_eq!(world.word(ids[1]), StateWord::Pending);
    world.end(ids[0], Exit::Code(0)).await;
    assert_eq!((world.word(ids[0]), world.word(ids[1])), (StateWord::Pending, StateWord::Running));
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_lines_and_changes_nothing() {
    let world = World::of_new_year(1);
    let kept = world.install("@daily a\n").await.unwrap();
    let (alice, owner) = (world.service.principal("alice"), submission().spec.owner);
    let with = |change: fn(&mut Submission)| {
        let mut job = submission();
        change(&mut job);
        let text = Text::const_new("A=1\n#SCRON -x\n@daily b\n");
        world.service.set_crontab(&alice, owner.clone(), text, vec![job])
    };
    let unknown = with(|job| job.spec.partitions = vec![Text::const_new("nope")]).await;
    assert!(matches!(
        unknown,
        Err(BadCrontab::Entry { first: 2, last: 3, error: Error::Invalid(Problem::UnknownPartition(_)) })
    ));
    let array = with(|job| job.array = Text::const_new("0-3")).await;
    assert!(matches!(array, Err(BadCrontab::Entry { error: Error::Invalid(Problem::BadArray(_)), .. })));
    let begins = with(|job| job.spec.begin = Some(Timestamp::from_seconds(1))).await;
    assert!(matches!(begins, Err(BadCrontab::Entry { error: Error::Invalid(Problem::BadField(_)), .. })));
    assert!(matches!(world.install("junk\n").await, Err(BadCrontab::Line(bad)) if bad.line == 1));
    let none =
        world.service.set_crontab(&alice, owner.clone(), Text::const_new("@daily a\n"), Vec::new()).await;
    assert!(matches!(none, Err(BadCrontab::Whole(Error::Invalid(Problem::BadField(_))))));
    let bob = world.service.principal("bob");
    let others = world.service.set_crontab(&bob, owner, Text::default(), Vec::new()).await;
    assert!(matches!(others, Err(BadCrontab::Whole(Error::Forbidden(_)))));
    assert!(world.service.remove_crontab(&bob, Uid(2001)).await.is_err());
    assert_eq!(world.text(), "@daily a\n");
    assert_eq!(world.word(kept[0]), StateWord::Pending);
}

#[tokio::test]
async fn its_jobs_are_changed_in_the_crontab_alone() {
    let world = World::of_new_year(1);
    let id = world.install("@daily a\n").await.unwrap()[0];
    let alice = world.service.principal("alice");
    for update in [
        Update { hold: Some(HoldWish::Hold), ..Update::default() },
        Update { changes: vec![crate::job::Change::Name(Text::const_new("x"))], ..Update::default() },
    ] {
        let refused = world.service.update(&alice, id, update).await;
        assert_eq!(refused, Err(Problem::CronJob(id).into()));
    }
}

#[tokio::test]
async fn where_it_is_configured_cron_jobs_must_be_named_as_such() {
    let mut cluster = cluster();
    cluster.limits.explicit_cron_cancel = true;
    let engine = SlotEngine {
        slots: 1,
        orders: Arc::default(),
        found: Arc::default(),
        preempts: Arc::default(),
        known: Arc::default(),
        warned: Arc::default(),
    };
    let clock = HandClock(Arc::new(AtomicI64::new(0)));
    let world = World::over(MemoryStore::default(), engine, clock, cluster);
    let id = world.install("@daily a\n").await.unwrap()[0];
    let refused = world.act("alice", id, CANCEL).await;
    assert_eq!(refused[0].result, Err(Problem::CronJobNotMeant(id).into()));
    let target = Target { job: id, tasks: None, component: None, step: None };
    let meant = Selection { targets: vec![target], cron_jobs: true, ..Selection::default() };
    let alice = world.service.principal("alice");
    assert_eq!(world.service.act(&alice, meant, CANCEL).await.unwrap()[0].result, Ok(()));
    assert_eq!(world.text(), "#DISABLED: @daily a\n");
}

#[tokio::test]
async fn a_restart_loses_neither_crontab_nor_turn() {
    let world = World::of_new_year(1);
    let id = world.install("* * * * * a\n").await.unwrap()[0];
    let world = world.restarted().await;
    assert_eq!(world.text(), "* * * * * a\n");
    let installed = world.service.snapshot().crontabs[&Uid(2001)].installed.clone();
    assert_eq!(installed, [Installed { first_line: 1, last_line: 1, job: id }]);
    // Down over its turns at one and two: it runs once.
    world.at(3, id, StateWord::Running).await;
    world.end(id, Exit::Code(0)).await;
    assert_eq!(world.begin(id), 4);
    assert!(world.job(id).spec.flags.has(JobFlags::CRON_JOB));
}

#[tokio::test]
async fn what_cannot_be_recorded_leaves_the_old_crontab() {
    let world = World::of_new_year(1);
    let kept = world.install("@daily a\n").await.unwrap();
    world.store.full.store(true, Ordering::SeqCst);
    assert!(matches!(world.install("@hourly b\n").await, Err(BadCrontab::Whole(Error::Unavailable(_)))));
    world.store.full.store(false, Ordering::SeqCst);
    world.act("alice", kept[0], CANCEL).await;
    assert_eq!(world.text(), "#DISABLED: @daily a\n");
}
