//! What accounting lets in: associations, qualities of service, workload keys and limits on submissions, with the errors
//! that the original gave; and that what was used outlives the service.

use super::*;
use crate::accounting::tres::CPU;
use crate::accounting::{
    Account, Association, Enforcement, Limit, Limits, Place, Qos, ROOT, Record, RecordKey, UsedBy, User,
};
use crate::job::Change;
use crate::priority::{Rules, UsageReset};

/// Root and physics, with alice in it, who may have only `normal`; and a quality of service `gold`.
fn books(alice: Limits, gold: Limits) -> Vec<(RecordKey, Record)> {
    let place = |account: &str, user: &str| Place {
        cluster: "testbed".into(),
        account: account.into(),
        user: user.into(),
        partition: Text::default(),
    };
    let account = |name: &str| Record::Account(Arc::new(Account { name: name.into(), ..Account::default() }));
    let qos = |id, name: &'static str| Qos { id, ..Qos::named(Text::const_new(name)) };
    let mut strict = Qos { limits: gold, ..qos(2, "gold") };
    strict.flags.deny_limit = true;
    let association =
        |id, place: Place, parent| Association { id, place, parent, shares: 1, ..Association::default() };
    let normal = Some(vec![1]);
    let own = association(3, place("physics", "alice"), Text::default());
    let records = [
        account("root"),
        account("physics"),
        Record::User(Arc::new(User {
            name: "alice".into(),
            default_account: "physics".into(),
            ..User::default()
        })),
        Record::Qos(Arc::new(qos(1, "normal"))),
        Record::Qos(Arc::new(strict)),
        Record::Association(Arc::new(Association {
            qos: normal,
            ..association(1, place("root", ""), Text::default())
        })),
        Record::Association(Arc::new(association(2, place("physics", ""), ROOT))),
        Record::Association(Arc::new(Association { limits: alice, ..own })),
    ];
    let key = |record: &Record| match record {
        Record::Account(account) => RecordKey::Account(account.name.clone()),
        Record::User(user) => RecordKey::User(user.name.clone()),
        Record::Association(association) => RecordKey::Association(association.id),
        Record::Qos(qos) => RecordKey::Qos(qos.id),
        other => panic!("{other:?} is not among them"),
    };
    records.into_iter().map(|record| (key(&record), record)).collect()
}

fn limits(set: &[(Limit, u32, u64)]) -> Limits {
    set.iter().copied().collect()
}

/// A service with these books that enforces what is named.
fn world(books: Vec<(RecordKey, Record)>, enforce: &[&str]) -> World {
    world_of(0, books, enforce)
}

fn world_of(slots: usize, books: Vec<(RecordKey, Record)>, enforce: &[&str]) -> World {
    let World { store, engine, clock, .. } = World::new(slots);
    let fresh = MemoryStore::default();
    fresh.memory.lock().unwrap().books.extend(books);
    drop(store);
    let enforcement = Enforcement::parse(enforce.iter().copied()).unwrap();
    World::over(fresh, engine, clock, Cluster { enforcement, ..cluster() })
}

fn wants(account: &'static str, qos: &'static str) -> impl FnOnce(&mut Submission) {
    move |submission| {
        submission.spec.account = Text::const_new(account);
        submission.spec.qos = Text::const_new(qos);
    }
}

#[tokio::test]
async fn who_may_be_charged_is_enforced_as_told() {
    let nobody = |enforce| world(books(Limits::default(), Limits::default()), enforce);
    let free = nobody(&[]);
    assert!(free.submit(wants("nope", "nope")).await.is_ok());
    let strict = nobody(&["associations", "qos"]);
    let refused = strict.submit(wants("nope", "")).await;
    assert_eq!(refused, Err(Problem::BadAccount("nope".into()).into()));
    for qos in ["nope", "gold"] {
        assert_eq!(strict.submit(wants("", qos)).await, Err(Problem::BadQos(qos.into()).into()));
    }
    assert!(strict.submit(wants("", "")).await.is_ok());
    let bob = |submission: &mut Submission| {
        let name = Text::const_new("bob");
        submission.spec.owner = Owner { name: name.clone(), uid: Uid(2002), gid: Gid(2002), group: name };
        submission.spec.account = Text::default();
    };
    let mut submission = submission();
    bob(&mut submission);
    let refused = strict.service.submit(&strict.service.principal("bob"), submission).await.map(|job| job.id);
    assert_eq!(refused, Err(Problem::BadAccount(Text::default()).into()));
    let keyed = nobody(&["wckeys"]);
    let refused = keyed.submit(|submission| submission.spec.wckey = "unknown".into()).await;
    assert_eq!(refused, Err(Problem::BadWckey("unknown".into()).into()));
}

#[tokio::test]
async fn submissions_are_limited() {
    let over = |limit: &'static str| Err(Problem::OverLimit(Text::const_new(limit)).into());
    let own = books(limits(&[(Limit::MaxSubmitJobs, 0, 3)]), Limits::default());
    let world = world(own, &["limits"]);
    let array = |written: &'static str| {
        move |submission: &mut Submission| submission.array = Text::const_new(written)
    };
    assert_eq!(world.submit(array("1-4")).await, over("AssocMaxSubmitJobLimit"));
    let first = world.submit(array("1-2")).await.unwrap();
    assert!(world.submit(|_| {}).await.is_ok());
    assert_eq!(world.submit(|_| {}).await, over("AssocMaxSubmitJobLimit"));
    world.act("alice", first, Action::Cancel { kill: true }).await;
    assert!(world.submit(array("1-2")).await.is_ok(), "what is over does not count");
}

#[tokio::test]
async fn what_is_over_a_limit_is_refused_where_that_is_said() {
    let table: &[(Limit, u32, u64, &str)] = &[
        (Limit::MaxWallPerJob, 0, 30, "QOSMaxWallDurationPerJobLimit"),
        (Limit::MaxTresPerJob, CPU, 0, "QOSMaxCpuPerJobLimit"),
        (Limit::GrpTres, CPU, 0, "QOSGrpCpuLimit"),
        (Limit::GrpTresMins, CPU, 30, "QOSGrpCPUMinutesLimit"),
        (Limit::GrpTresRunMins, CPU, 30, "QOSGrpCPURunMinutesLimit"),
        (Limit::MaxTresPerUser, CPU, 0, "QOSMaxCpuPerUserLimit"),
        (Limit::MaxTresPerAccount, CPU, 0, "MaxCpuPerAccount"),
        (Limit::MinTresPerJob, CPU, 4, "QOSMinCpuNotSatisfied"),
    ];
    for (limit, resource, most, name) in table {
        let world = world(books(Limits::default(), limits(&[(*limit, *resource, *most)])), &["limits"]);
        let refused = world.submit(wants("physics", "gold")).await;
        assert_eq!(refused, Err(Problem::OverLimit(Text::const_new(name)).into()), "{limit:?}");
        assert!(world.submit(wants("physics", "normal")).await.is_ok());
    }
    // How many run is no matter of a submission.
    let world = world(books(Limits::default(), limits(&[(Limit::MaxJobsPerUser, 0, 0)])), &["limits"]);
    assert!(world.submit(wants("physics", "gold")).await.is_ok());
}

#[tokio::test]
async fn what_was_used_outlives_the_service() {
    let world = world_of(2, books(Limits::default(), Limits::default()), &[]);
    let [ended, running] =
        [world.submit(wants("physics", "")).await, world.submit(wants("physics", "")).await];
    let (ended, running) = (ended.unwrap(), running.unwrap());
    world.clock.0.fetch_add(100_000_000, Ordering::SeqCst);
    world.end(ended, Exit::Code(0)).await;
    let wall = |world: &World, by: UsedBy| world.store.memory.lock().unwrap().usage[&by].wall;
    for by in [UsedBy::Association(3), UsedBy::Association(2), UsedBy::Association(1), UsedBy::Qos(1)] {
        assert_eq!(wall(&world, by), 100.0, "{by:?}");
    }
    world.engine.found.lock().unwrap().insert(running, Recovered::Alive { suspended: false });
    let world = world.restarted().await;
    world.clock.0.fetch_add(50_000_000, Ordering::SeqCst);
    world.end(running, Exit::Code(0)).await;
    let used = wall(&world, UsedBy::Association(3));
    // What the first one used has faded a little, the other one has run for 150 s by now.
    assert!((249.9..=250.0).contains(&used), "{used}");
}

#[tokio::test]
async fn every_limit_on_submissions_refuses_by_its_name() {
    use Limit::*;
    let table: &[(Limit, &str)] = &[
        (GrpSubmitJobs, "QOSGrpSubmitJobsLimit"),
        (MaxSubmitJobsPerUser, "QOSMaxSubmitJobPerUserLimit"),
        (MaxSubmitJobsPerAccount, "MaxSubmitJobsPerAccount"),
    ];
    let over = |name: &'static str| Err(Problem::OverLimit(Text::const_new(name)).into());
    let check = async |world: World, qos: &'static str, name: &'static str| {
        let first = world.submit(wants("physics", qos)).await.unwrap();
        assert_eq!(world.submit(wants("physics", qos)).await, over(name));
        world.act("alice", first, Action::Cancel { kill: true }).await;
        assert!(world.submit(wants("physics", qos)).await.is_ok(), "{name}: what is over does not count");
    };
    for (limit, name) in table {
        let gold = limits(&[(*limit, 0, 1)]);
        check(world(books(Limits::default(), gold), &["limits"]), "gold", *name).await;
    }
    for (limit, name) in
        [(GrpSubmitJobs, "AssocGrpSubmitJobsLimit"), (MaxSubmitJobs, "AssocMaxSubmitJobLimit")]
    {
        let alice = limits(&[(limit, 0, 1)]);
        check(world(books(alice, Limits::default()), &["limits"]), "normal", name).await;
    }
}

#[tokio::test]
async fn changes_are_held_to_what_is_enforced() {
    let own = books(limits(&[(Limit::MaxSubmitJobs, 0, 1)]), limits(&[(Limit::MaxSubmitJobsPerUser, 0, 0)]));
    let open = world(own.clone(), &["limits"]);
    let id = open.submit(wants("physics", "normal")).await.unwrap();
    let change = async |world: &World, by: &str, change: Change| {
        let update = Update { changes: vec![change], ..Update::default() };
        world.service.update(&world.service.principal(by), id, update).await.map(drop)
    };
    // The job is counted already.
    assert_eq!(change(&open, "alice", Change::Account("physics".into())).await, Ok(()));
    assert_eq!(
        change(&open, "alice", Change::Account("nope".into())).await,
        Err(Problem::BadAccount("nope".into()).into())
    );
    let over = Problem::OverLimit("QOSMaxSubmitJobPerUserLimit".into());
    assert_eq!(change(&open, "alice", Change::Qos("gold".into())).await, Err(over.into()));
    assert_eq!(change(&open, "root", Change::Qos("gold".into())).await, Ok(()), "operators may");
    let strict = world(own, &["limits", "qos"]);
    assert_eq!(strict.submit(wants("physics", "normal")).await, Ok(id));
    for name in ["gold", "nope"] {
        let refused = change(&strict, "alice", Change::Qos(name.into())).await;
        assert_eq!(refused, Err(Problem::BadQos(name.into()).into()));
    }
    assert_eq!(strict.job(id).spec.qos, "normal");
}

#[tokio::test]
async fn jobs_end_when_their_account_has_used_up_its_minutes() {
    let set = [(Limit::GrpWall, 0, 3)];
    let world = world_of(2, books(limits(&set), Limits::default()), &["limits"]);
    let id = world.submit(wants("physics", "")).await.unwrap();
    world.launched_all(&[id]).await;
    world.clock.0.fetch_add(120_000_000, Ordering::SeqCst);
    world.looks().await;
    assert_eq!(world.word(id), StateWord::Running);
    world.clock.0.fetch_add(300_000_000, Ordering::SeqCst);
    world.is_told_to_end(id).await;
    world.end(id, Exit::Signal(15)).await;
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Timeout));
}

#[tokio::test]
async fn what_was_used_is_forgotten_when_a_period_begins() {
    const DAY: i64 = 86_400_000_000;
    let keeps = books(Limits::default(), Limits::default());
    let World { store, engine, clock, .. } = World::new(2);
    store.memory.lock().unwrap().books.extend(keeps);
    let priority = Rules { usage_reset: Some(UsageReset::Daily), half_life: None, ..Rules::default() };
    let world = World::over(store, engine, clock, Cluster { priority, ..cluster() });
    let begin = world.clock.0.load(Ordering::SeqCst);
    let wall = || world.store.memory.lock().unwrap().usage.get(&UsedBy::Association(3)).map(|past| past.wall);
    let becomes = async |wanted: &dyn Fn() -> bool| {
        let seen = async {
            while !wanted() {
                world.looks().await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(20), seen).await;
        assert!(waited.is_ok(), "{:?}", wall());
    };
    let runs_for = async |seconds: i64| {
        let id = world.submit(wants("physics", "")).await.unwrap();
        world.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        world.end(id, Exit::Code(0)).await;
    };
    runs_for(300).await;
    assert_eq!(wall(), Some(300.0));
    world.clock.0.store(begin + 400_000_000, Ordering::SeqCst);
    becomes(&|| world.store.memory.lock().unwrap().accounted > Timestamp::EPOCH).await;
    assert_eq!(wall(), Some(300.0));
    world.clock.0.store((begin / DAY + 1) * DAY + 120_000_000, Ordering::SeqCst);
    becomes(&|| wall() == Some(0.0)).await;
    runs_for(100).await;
    assert_eq!(wall(), Some(100.0));
}
