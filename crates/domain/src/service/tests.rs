//! The service with a store in memory, an engine that starts what fits into its slots, and a clock that is set by hand.

use super::*;
use crate::cluster::{Cluster, Node, NodeFlags, NodeMark, Partition, Topology};
use crate::job::{
    Allocation, ArrayPart, CpuSet, End, Exit, Hold, Job, JobKind, JobSpec, NodeShare, Outcome, Owner,
    Payload, Phase, Reason, Usage,
};
use crate::ports::*;
use crate::priority::{PriorityType, Rules};
use crate::state::State;
use crate::who::{AdminLevel, Membership, Person, Principal};
use crate::{Error, Gid, JobId, Problem, Text, TimeLimit, Timestamp, Uid};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod cron;
mod het;
mod safety;

#[derive(Default)]
struct Memory {
    jobs: BTreeMap<JobId, Arc<Job>>,
    payloads: BTreeMap<JobId, Arc<Payload>>,
    closed: Vec<Closed>,
    next_id: Option<JobId>,
    changes: Vec<StateChange>,
    members: BTreeMap<Text, Membership>,
    nodes: BTreeMap<Text, NodeMark>,
    crontabs: BTreeMap<Uid, Arc<crate::cron::Crontab>>,
    commits: usize,
}

#[derive(Clone, Default)]
struct MemoryStore {
    memory: Arc<Mutex<Memory>>,
    full: Arc<AtomicBool>,
    broken: Arc<AtomicBool>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        let memory = self.memory.lock().unwrap();
        Ok(Saved {
            jobs: memory.jobs.values().map(|job| (**job).clone()).collect(),
            next_id: memory.next_id,
            changes: memory.changes.clone(),
            members: memory.members.values().cloned().collect(),
            nodes: memory.nodes.values().cloned().collect(),
            crontabs: memory.crontabs.values().map(|crontab| (**crontab).clone()).collect(),
        })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        let mut memory = self.memory.lock().unwrap();
        memory.commits += 1;
        memory.jobs.extend(batch.jobs.iter().map(|job| (job.id, Arc::clone(job))));
        memory.payloads.extend(batch.payloads.iter().cloned());
        memory.closed.extend(batch.closed.iter().cloned());
        for id in &batch.gone {
            memory.jobs.remove(id);
        }
        memory.changes.extend(batch.changes.iter().cloned());
        memory.next_id = batch.next_id.or(memory.next_id);
        memory.members.extend(batch.members.iter().map(|member| (member.name.clone(), member.clone())));
        for name in &batch.removed_members {
            memory.members.remove(name);
        }
        memory.nodes.extend(batch.nodes.iter().map(|mark| (mark.node.clone(), mark.clone())));
        memory.crontabs.extend(batch.crontabs.iter().map(|crontab| (crontab.owner.uid, Arc::clone(crontab))));
        for owner in &batch.removed_crontabs {
            memory.crontabs.remove(owner);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(StoreError::Failed { what: "sync", source: "the disk is broken".into() }),
            false => Ok(()),
        }
    }

    fn payload(&mut self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        self.memory.lock().unwrap().payloads.get(&id).cloned().ok_or(StoreError::Missing(id))
    }
}

impl History for MemoryStore {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        let memory = self.memory.lock().unwrap();
        Ok(memory.closed.iter().filter(|closed| closed.job.array_id() == id).cloned().collect())
    }

    fn search(&self, filter: &HistoryFilter) -> Result<Vec<Closed>, StoreError> {
        Ok(self.memory.lock().unwrap().closed.iter().rev().take(filter.limit).cloned().collect())
    }

    fn payload(&self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        self.memory.lock().unwrap().payloads.get(&id).cloned().ok_or(StoreError::Missing(id))
    }
}

#[derive(Clone)]
struct SlotEngine {
    slots: usize,
    orders: Arc<Mutex<Vec<Order>>>,
    found: Arc<Mutex<BTreeMap<JobId, Recovered>>>,
}

impl Engine for SlotEngine {
    fn plan(&mut self, state: &State, _now: Timestamp) -> Plan {
        let mut free = self.slots.saturating_sub(state.holding().count());
        let mut starts = Vec::new();
        for key in state.queues().of("debug") {
            let Some(job) = state.job(key.job) else { continue };
            let tasks: Vec<_> = match &job.array {
                Some(ArrayPart::Pool { waiting, .. }) => waiting.iter().take(free).map(Some).collect(),
                _ => vec![None],
            };
            for task in tasks {
                if free == 0 {
                    return Plan { starts, ..Plan::default() };
                }
                free -= 1;
                let share = NodeShare {
                    node: crate::NodeIndex(0),
                    cpus: CpuSet::default(),
                    memory: 0,
                    tasks: 1,
                    gres: Default::default(),
                };
                let allocation = Allocation {
                    partition: Text::const_new("debug"),
                    nodes: [share].into_iter().collect(),
                    whole: false,
                    licenses: Default::default(),
                };
                let limit = TimeLimit::Minutes(10);
                starts.push(Start {
                    job: key.job,
                    task,
                    allocation: Arc::new(allocation),
                    limit,
                    backfilled: false,
                });
            }
        }
        Plan { starts, ..Plan::default() }
    }

    fn perform(&mut self, order: Order) {
        self.orders.lock().unwrap().push(order);
    }

    fn boot(&self) -> Text {
        Text::const_new("boot-1")
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        let found = self.found.lock().unwrap();
        running.iter().map(|(id, _)| found.get(id).cloned().unwrap_or(Recovered::Unknown)).collect()
    }
}

#[derive(Clone)]
struct HandClock(Arc<AtomicI64>);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

struct Idle;

impl Meter for Idle {
    fn machine(&self) -> MachineLoad {
        MachineLoad::default()
    }
}

struct People;

impl Directory for People {
    fn person(&self, name: &str) -> Option<Person> {
        let uid = match name {
            "root" => 0,
            "alice" => 2001,
            "bob" => 2002,
            _ => return None,
        };
        let name = Text::from(name);
        let home = Text::const_new("/");
        Some(Person {
            group: name.clone(),
            name,
            uid: Uid(uid),
            gid: Gid(uid),
            home: home.clone(),
            shell: home,
        })
    }

    fn person_by_uid(&self, uid: Uid) -> Option<Person> {
        ["root", "alice", "bob"]
            .into_iter()
            .filter_map(|name| self.person(name))
            .find(|person| person.uid == uid)
    }

    fn group(&self, _name: &str) -> Option<Gid> {
        None
    }

    fn group_name(&self, _gid: Gid) -> Option<Text> {
        None
    }

    fn groups_of(&self, _name: &str) -> Vec<Text> {
        Vec::new()
    }
}

fn cluster() -> Cluster {
    let text = Text::const_new;
    let topology = Topology { boards: 1, sockets: 1, cores: 8, threads: 1, cpus: 8 };
    let node = Node {
        name: text("n1"),
        host: text("n1"),
        address: text("127.0.0.1"),
        port: 0,
        topology,
        memory: 16_000,
        system: Default::default(),
        tmp_disk: 10_000,
        weight: 1,
        features: vec![text("fast")],
        active_features: vec![text("fast")],
        gres: Vec::new(),
        flags: NodeFlags::default(),
        reason: text(""),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: text(""),
        extra: text(""),
        architecture: text("x86_64"),
        operating_system: text("Linux"),
        booted: Timestamp::EPOCH,
    };
    let partition = Partition {
        name: text("debug"),
        nodes: vec![crate::NodeIndex(0)],
        nodes_written: text("n1"),
        is_default: true,
        default_time: Some(TimeLimit::Minutes(60)),
        min_nodes: 1,
        default_memory_per_cpu: Some(100),
        ..Partition::default()
    };
    Cluster {
        name: text("testbed"),
        host: text("testbed"),
        nodes: vec![node],
        partitions: vec![partition],
        started: Timestamp::from_seconds(1_000),
        ..Cluster::default()
    }
}

/// A service and the hands that move its world.
struct World {
    service: JobService,
    store: MemoryStore,
    engine: SlotEngine,
    clock: HandClock,
    reports: Reports,
}

impl World {
    fn new(slots: usize) -> Self {
        Self::with(slots, |_| {})
    }

    fn with(slots: usize, change: impl FnOnce(&mut Cluster)) -> Self {
        let engine = SlotEngine { slots, orders: Arc::default(), found: Arc::default() };
        let mut cluster = cluster();
        change(&mut cluster);
        Self::over(
            MemoryStore::default(),
            engine,
            HandClock(Arc::new(AtomicI64::new(1_000_000_000))),
            cluster,
        )
    }

    fn over(store: MemoryStore, engine: SlotEngine, clock: HandClock, cluster: Cluster) -> Self {
        let handed_out: Arc<Mutex<Option<Reports>>> = Arc::default();
        let (slot, boxed) = (Arc::clone(&handed_out), Box::new(engine.clone()));
        let ports = Ports {
            store: Box::new(store.clone()),
            history: Arc::new(store.clone()),
            engine: Box::new(move |reports| {
                *slot.lock().unwrap() = Some(reports);
                Ok(boxed)
            }),
            directory: Arc::new(People),
            meter: Arc::new(Idle),
            clock: Arc::new(clock.clone()),
            calendar: Arc::new(crate::ports::Greenwich),
        };
        let service = JobService::start(cluster, ports).unwrap();
        let reports = handed_out.lock().unwrap().take().unwrap();
        World { service, store, engine, clock, reports }
    }

    /// Stops this service and starts another over what is left: the store, and what the engine says.
    async fn restarted(self) -> Self {
        self.service.stop().await;
        self.engine.orders.lock().unwrap().clear();
        World::over(self.store, self.engine, self.clock, cluster())
    }

    async fn submit(&self, change: impl FnOnce(&mut Submission)) -> Result<JobId, Error> {
        let mut submission = submission();
        change(&mut submission);
        self.service.submit(&self.service.principal("alice"), submission).await.map(|submitted| submitted.id)
    }

    async fn act(&self, by: &str, job: JobId, action: Action) -> Vec<Handled> {
        let selection = Selection {
            targets: vec![Target { job, tasks: None, component: None, step: None }],
            ..Selection::default()
        };
        self.service.act(&self.service.principal(by), selection, action).await.unwrap()
    }

    /// Reports an end and waits until it is on record.
    async fn end(&self, id: JobId, exit: Exit) {
        self.ends(id, End::Process(exit)).await;
    }

    /// The same for any end.
    async fn ends(&self, id: JobId, end: End) {
        let before = self.service.snapshot().change;
        let attempt = self.job(id).restarts;
        let at = self.clock.now();
        (self.reports)(vec![Report { job: id, attempt, at, end, usage: Usage::default(), fault: None }]);
        self.service.changed_after(before).await;
    }

    fn job(&self, id: JobId) -> Arc<Job> {
        self.service.snapshot().jobs.job(id).cloned().expect("the job is live")
    }

    fn word(&self, id: JobId) -> StateWord {
        StateWord::of(&self.job(id))
    }

    /// Waits until these and no others have been launched: callers are answered before the engine is told.
    async fn launched_all(&self, wanted: &[JobId]) {
        let all = async {
            while self.launched() != wanted {
                tokio::task::yield_now().await;
            }
        };
        let patience = std::time::Duration::from_secs(20);
        let waited = tokio::time::timeout(patience, all).await;
        assert!(waited.is_ok(), "launched {:?}, not {wanted:?}", self.launched());
    }

    fn launched(&self) -> Vec<JobId> {
        let orders = self.engine.orders.lock().unwrap();
        let launches = orders.iter().filter_map(|order| match order {
            Order::Launch { job, .. } => Some(job.id),
            _ => None,
        });
        launches.collect()
    }
}

fn submission() -> Submission {
    let text = Text::const_new;
    let owner = Owner { name: text("alice"), uid: Uid(2001), gid: Gid(2001), group: text("alice") };
    let spec = JobSpec { partitions: Vec::new(), owner, ..(*crate::job::tests::job(1).spec).clone() };
    let payload = Payload {
        script: Arc::from(&b"#!/bin/sh\ntrue\n"[..]),
        environment: Arc::from([text("PATH=/bin")]),
        arguments: Arc::default(),
    };
    Submission {
        spec: JobSpec { kind: JobKind::Batch, ..spec },
        time_limit: None,
        array: text(""),
        dependency: text(""),
        hold: false,
        immediate: false,
        requeue: None,
        payload,
    }
}

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

#[tokio::test]
async fn singletons_run_one_after_the_other() {
    let world = World::new(8);
    let single = |submission: &mut Submission| submission.dependency = Text::const_new("singleton");
    let first = world.submit(single).await.unwrap();
    let second = world.submit(single).await.unwrap();
    let third = world.submit(single).await.unwrap();
    assert_eq!(world.word(first), StateWord::Running);
    assert_eq!((world.word(second), world.word(third)), (StateWord::Pending, StateWord::Pending));
    world.end(first, Exit::Code(1)).await;
    assert_eq!((world.word(second), world.word(third)), (StateWord::Running, StateWord::Pending));
}

#[tokio::test]
async fn only_owners_and_operators_may_cancel() {
    let world = World::new(1);
    let id = world.submit(|_| {}).await.unwrap();
    let cancel = Action::Cancel { kill: false };
    let refused = world.act("bob", id, cancel).await;
    assert_eq!(refused[0].result, Err(Error::Forbidden(Problem::NotOwner)));
    assert_eq!(world.act("alice", id, cancel).await[0].result, Ok(()));
    assert_eq!(world.word(id), StateWord::Completing);
    let again = world.act("root", id, cancel).await;
    assert_eq!(again[0].result, Err(Error::Conflict(Problem::AlreadyEnding(id))));
    world.end(id, Exit::Signal(15)).await;
    assert_eq!(world.word(id), StateWord::Ended(Outcome::Cancelled));
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
async fn members_change_what_users_may_do() {
    let world = World::new(1);
    let bob =
        Membership { name: Text::const_new("bob"), level: AdminLevel::Operator, ..Membership::default() };
    let refused = world.service.remember_member(&world.service.principal("alice"), bob.clone()).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    let root: Principal = world.service.principal("root");
    world.service.remember_member(&root, bob).await.unwrap();
    assert!(world.service.principal("bob").is_operator());
    world.service.forget_member(&root, Text::const_new("bob")).await.unwrap();
    assert!(!world.service.principal("bob").is_operator());
}

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

#[tokio::test]
async fn a_hold_that_comes_with_a_requeue_belongs_to_who_asked() {
    let world = World::new(2);
    let hold = |world: &World, job| match &world.job(job).phase {
        Phase::Pending(pending) => pending.hold,
        other => panic!("expected a waiting job, not {}", other.name()),
    };
    for (by, special, expected) in
        [("alice", false, Hold::User), ("root", false, Hold::Admin), ("root", true, Hold::Admin)]
    {
        let job = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
        let handled = world.act(by, job, Action::Requeue { hold: true, special }).await;
        assert_eq!(handled[0].result, Ok(()));
        world.end(job, Exit::Signal(15)).await;
        assert_eq!(hold(&world, job), expected);
    }
    let job = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
    let handled = world.act("bob", job, Action::Requeue { hold: false, special: false }).await;
    assert_eq!(handled[0].result, Err(Problem::NotOwner.into()));
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
