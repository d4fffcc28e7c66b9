//! The service with a store in memory, an engine that starts what fits into its slots, and a clock that is set by hand.

use super::*;
use crate::accounting::{LastNumbers, Past, Record, RecordKey, UsedBy};
use crate::cluster::{Cluster, Node, NodeFlags, NodeMark, Partition, Topology};
use crate::history::Wanted;
use crate::job::{
    Allocation, ArrayPart, CpuSet, End, Exit, Hold, Job, JobKind, JobSpec, NodeShare, Outcome, Owner,
    Payload, Phase, Reason, Usage,
};
use crate::ports::*;
use crate::priority::{PriorityType, Rules};
use crate::reservation::ReservationFlags;
use crate::state::State;
use crate::who::{AdminLevel, Membership, Person, Principal};
use crate::{Error, Gid, JobId, Problem, Text, TimeLimit, Timestamp, Uid};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod arrays;
mod chronicle;
mod clock;
mod comebacks;
mod cron;
mod dependencies;
mod durable;
mod het;
mod limits;
mod made_nodes;
mod mirror;
mod nodes;
mod reconfigure;
mod reservations;
mod rights;
mod safety;
mod waiting;

#[derive(Default)]
struct Memory {
    jobs: BTreeMap<JobId, Arc<Job>>,
    payloads: BTreeMap<JobId, Arc<Payload>>,
    closed: Vec<Closed>,
    next_id: Option<JobId>,
    changes: Vec<StateChange>,
    books: BTreeMap<RecordKey, Record>,
    last_numbers: LastNumbers,
    usage: BTreeMap<UsedBy, Past>,
    accounted: Timestamp,
    nodes: BTreeMap<Text, NodeMark>,
    crontabs: BTreeMap<Uid, Arc<crate::cron::Crontab>>,
    reservations: BTreeMap<u32, Arc<crate::reservation::Reservation>>,
    last_reservation: u32,
    receipts: Vec<Receipt>,
    occurrences: Vec<crate::history::Occurrence>,
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
            members: Vec::new(),
            books: memory.books.values().cloned().collect(),
            last_numbers: memory.last_numbers,
            usage: memory.usage.iter().map(|(by, past)| (*by, past.clone())).collect(),
            accounted: memory.accounted,
            nodes: memory.nodes.values().cloned().collect(),
            crontabs: memory.crontabs.values().map(|crontab| (**crontab).clone()).collect(),
            reservations: memory.reservations.values().map(|kept| (**kept).clone()).collect(),
            last_reservation: memory.last_reservation,
            receipts: memory.receipts.clone(),
        })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StoreError::Full);
        }
        let mut memory = self.memory.lock().unwrap();
        memory.commits += 1;
        memory.occurrences.extend(Some(batch.occurrence.clone()).filter(|one| !one.is_nothing()));
        memory.jobs.extend(batch.jobs.iter().map(|job| (job.id, Arc::clone(job))));
        memory.payloads.extend(batch.payloads.iter().cloned());
        memory.closed.extend(batch.closed.iter().cloned());
        for id in &batch.gone {
            memory.jobs.remove(id);
        }
        memory.changes.extend(batch.changes.iter().cloned());
        memory.next_id = batch.next_id.or(memory.next_id);
        for record in &batch.books {
            memory.books.insert(record.key(), record.clone());
        }
        for key in &batch.removed_books {
            memory.books.remove(key);
        }
        memory.last_numbers = batch.last_numbers.unwrap_or(memory.last_numbers);
        memory.usage.extend(batch.usage.iter().cloned());
        memory.accounted = batch.accounted.unwrap_or(memory.accounted);
        for name in &batch.removed_nodes {
            memory.nodes.remove(name);
        }
        memory.nodes.extend(batch.nodes.iter().map(|mark| (mark.node.clone(), mark.clone())));
        memory.crontabs.extend(batch.crontabs.iter().map(|crontab| (crontab.owner.uid, Arc::clone(crontab))));
        for kept in &batch.reservations {
            memory.reservations.insert(kept.number, Arc::clone(kept));
        }
        memory.reservations.retain(|number, _| !batch.removed_reservations.contains(number));
        memory.last_reservation = batch.last_reservation.unwrap_or(memory.last_reservation);
        memory.receipts.extend(batch.receipts.iter().cloned());
        memory.receipts.retain(|receipt| batch.forget_receipts.is_none_or(|last| receipt.number > last));
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

    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError> {
        let closed = &self.memory.lock().unwrap().closed;
        let record =
            |(row, closed): (u64, &Closed)| Recorded { row, closed: closed.clone(), amendment: None };
        let mut rows: Vec<Recorded> = (1..).zip(closed).map(record).collect();
        rows.retain(|row| wanted.fits(&row.closed.job, &crate::cluster::unfold(&row.closed.nodes)));
        rows.reverse();
        rows.truncate(wanted.limit);
        Ok(rows)
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
    /// Who makes way in the next plan.
    preempts: Arc<Mutex<Vec<Preempt>>>,
    /// What it was told is configured when it began.
    known: Arc<Mutex<Option<Arc<Cluster>>>>,
    /// How often it was told that a launch will probably follow.
    warned: Arc<AtomicUsize>,
}

impl Engine for SlotEngine {
    fn know(&mut self, cluster: &Arc<Cluster>) {
        *self.known.lock().unwrap() = Some(Arc::clone(cluster));
    }

    fn expect_launch(&mut self) {
        self.warned.fetch_add(1, Ordering::SeqCst);
    }

    fn plan(&mut self, state: &State, _now: Timestamp) -> Plan {
        let preempts = std::mem::take(&mut *self.preempts.lock().unwrap());
        if !preempts.is_empty() {
            return Plan { preempts, ..Plan::default() };
        }
        let mut free = self.slots.saturating_sub(state.holding().count());
        let mut starts = Vec::new();
        let draws = state.reservations().iter().find(|one| one.flags.has(ReservationFlags::MAGNETIC));
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
                    reservation: draws.map(|draws| draws.name.clone()).unwrap_or_default(),
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
        upkeep: Default::default(),
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
        let engine = SlotEngine {
            slots,
            orders: Arc::default(),
            found: Arc::default(),
            preempts: Arc::default(),
            known: Arc::default(),
            warned: Arc::default(),
        };
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
        client_key: None,
    }
}
