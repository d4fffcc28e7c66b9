//! The whole site on a free port, over a job service with a store in memory, an engine that starts what fits into its
//! slots, and a clock that is set by hand. What jobs write, the tests write.

use crate::tokens::mint;
use crate::{Keyring, Services, serve};
use domain::accounting::{Books, Configured};
use domain::cluster::{Cluster, Limits, Node, NodeFlags, Partition, Topology};
use domain::history::{self, Wanted};
use domain::job::{
    Allocation, ArrayPart, CpuSet, End, Exit, Job, JobFlags, JobKind, JobSpec, NodeShare, Owner, Payload,
    Resources, Streams, Usage,
};
use domain::ports::*;
use domain::service::{Action, JobService, OpenEngine, Ports, Selection, StateChange, Submission, Target};
use domain::state::State;
use domain::who::{AdminLevel, Membership, Person};
use domain::{Gid, JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Default)]
struct Memory {
    closed: Arc<Mutex<Vec<Closed>>>,
    payloads: Arc<Mutex<BTreeMap<JobId, Arc<Payload>>>>,
    changes: Vec<StateChange>,
}

impl Store for Memory {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(Saved { changes: self.changes.clone(), ..Saved::default() })
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.closed.lock().unwrap().extend(batch.closed.iter().cloned());
        self.payloads.lock().unwrap().extend(batch.payloads.iter().cloned());
        Ok(())
    }

    fn payload(&mut self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        self.payloads.lock().unwrap().get(&id).cloned().ok_or(StoreError::Missing(id))
    }
}

impl History for Memory {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        let closed = self.closed.lock().unwrap();
        let meant = |closed: &&Closed| closed.job.id == id || closed.job.array_id() == id;
        Ok(closed.iter().filter(meant).cloned().collect())
    }

    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError> {
        let closed = self.closed.lock().unwrap();
        let record =
            |(row, closed): (u64, &Closed)| Recorded { row, closed: closed.clone(), amendment: None };
        let mut found: Vec<Recorded> = (1..).zip(closed.iter()).map(record).collect();
        found.retain(|found| wanted.fits(&found.closed.job, &domain::cluster::unfold(&found.closed.nodes)));
        match wanted.order {
            history::Order::LatestFirst => {
                found.reverse();
                found.retain(|found| wanted.after.is_none_or(|after| found.row < after));
            }
            history::Order::OldestFirst => {
                found.retain(|found| wanted.after.is_none_or(|after| found.row > after))
            }
        }
        found.truncate(wanted.limit);
        Ok(found)
    }

    fn payload(&self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        self.payloads.lock().unwrap().get(&id).cloned().ok_or(StoreError::Missing(id))
    }
}

#[derive(Clone)]
struct SlotEngine(Arc<AtomicUsize>);

impl Engine for SlotEngine {
    fn plan(&mut self, state: &State, _now: Timestamp) -> Plan {
        let mut free = self.0.load(Ordering::SeqCst).saturating_sub(state.holding().count());
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
                    node: NodeIndex(0),
                    cpus: CpuSet::default(),
                    memory: 10,
                    tasks: 1,
                    gres: Default::default(),
                };
                let allocation = Allocation {
                    partition: Text::const_new("debug"),
                    nodes: [share].into_iter().collect(),
                    whole: false,
                    licenses: Default::default(),
                    reservation: Default::default(),
                };
                let (limit, allocation) = (TimeLimit::Minutes(10), Arc::new(allocation));
                starts.push(Start { job: key.job, task, allocation, limit, backfilled: false });
            }
        }
        Plan { starts, ..Plan::default() }
    }

    fn perform(&mut self, _order: Order) {}

    fn boot(&self) -> Text {
        Text::const_new("boot")
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        running.iter().map(|_| Recovered::Unknown).collect()
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

const NAMES: [(&str, u32); 5] =
    [("root", 0), ("alice", 54_001), ("bob", 54_002), ("olga", 54_003), ("ada", 54_004)];

impl Directory for People {
    fn person(&self, name: &str) -> Option<Person> {
        let uid = NAMES.iter().find(|(known, _)| *known == name)?.1;
        let (name, home) = (Text::from(name), Text::const_new("/"));
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
        NAMES.iter().find(|(_, known)| *known == uid.0).and_then(|(name, _)| self.person(name))
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

fn cluster(limits: Limits) -> Cluster {
    let text = Text::const_new;
    let node = Node {
        name: text("n1"),
        host: text("n1"),
        address: text("127.0.0.1"),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores: 8, threads: 1, cpus: 8 },
        memory: 16_000,
        system: Default::default(),
        tmp_disk: 10_000,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
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
        nodes: vec![NodeIndex(0)],
        nodes_written: text("n1"),
        is_default: true,
        default_time: Some(TimeLimit::Minutes(60)),
        min_nodes: 1,
        default_memory_per_cpu: Some(100),
        ..Partition::default()
    };
    let member = |name: &str, level| Membership { name: name.into(), level, ..Membership::default() };
    let users = vec![member("olga", AdminLevel::Operator), member("ada", AdminLevel::Administrator)];
    Cluster {
        name: text("testbed"),
        host: text("testbed"),
        nodes: vec![node],
        partitions: vec![partition],
        books: Books::configured(&text("testbed"), Configured { users, ..Configured::default() }),
        limits,
        ..Cluster::default()
    }
}

/// The site, and the hands that move its world.
pub(super) struct World {
    pub(super) service: JobService,
    pub(super) dir: tempfile::TempDir,
    address: std::net::SocketAddr,
    slots: Arc<AtomicUsize>,
    clock: HandClock,
    reports: Reports,
    stop: Option<oneshot::Sender<()>>,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with(Limits::default(), Vec::new()).await
    }

    pub(super) async fn with(limits: Limits, changes: Vec<StateChange>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let slots = Arc::new(AtomicUsize::new(64));
        let clock = HandClock(Arc::new(AtomicI64::new(1_800_000_000_000_000)));
        let memory = Memory { changes, ..Memory::default() };
        let handed_out: Arc<Mutex<Option<Reports>>> = Arc::default();
        let (slot, engine) = (Arc::clone(&handed_out), SlotEngine(Arc::clone(&slots)));
        let open: OpenEngine = Box::new(move |reports| {
            *slot.lock().unwrap() = Some(reports);
            Ok(Box::new(engine))
        });
        let ports = Ports {
            history: Arc::new(memory.clone()),
            store: Box::new(memory),
            engine: open,
            directory: Arc::new(People),
            meter: Arc::new(Idle),
            clock: Arc::new(clock.clone()),
            calendar: Arc::new(domain::ports::Greenwich),
        };
        let service = JobService::start(cluster(limits), ports).unwrap();
        let reports = handed_out.lock().unwrap().take().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let keys = Arc::new(Keyring::new(KEY).unwrap());
        let services = Services {
            cluster: None,
            native: true,
            jobs: service.clone(),
            keys,
            version: "test",
            slurm: crate::Served::default(),
            script_options: None,
            cockpit: None,
            et_engine: None,
            waldur: None,
            nifcloud: None,
        };
        tokio::spawn(serve(listener, services, async { _ = stopped.await }));
        World { service, dir, address, slots, clock, reports, stop: Some(stop) }
    }

    /// Lets no job start until [`World::let_start`].
    pub(super) fn keep_waiting(&self) {
        self.slots.store(0, Ordering::SeqCst);
    }

    /// Lets jobs start again; the next submission sets it off.
    pub(super) fn let_start(&self) {
        self.slots.store(64, Ordering::SeqCst);
    }

    pub(super) fn advance(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// Stops the site as a signal would.
    pub(super) fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Submits a job of alice's.
    pub(super) async fn submit(&self, change: impl FnOnce(&mut Submission)) -> JobId {
        let mut submission = submission(self.dir.path());
        change(&mut submission);
        let by = self.service.principal(&submission.spec.owner.name.clone());
        self.service.submit(&by, submission).await.unwrap().id
    }

    /// Lets the job end and waits until that is on record.
    pub(super) async fn end(&self, job: JobId, code: u8) {
        let before = self.service.snapshot().change;
        let attempt = self.service.snapshot().jobs.job(job).unwrap().restarts;
        let (at, end) = (self.clock.now(), End::Process(Exit::Code(code)));
        (self.reports)(vec![Report { job, attempt, at, end, usage: Usage::default(), fault: None }]);
        let noted = timeout(DEADLINE, self.service.changed_after(before)).await;
        noted.unwrap_or_else(|_| panic!("not noted: {:?}", self.service.snapshot().jobs.job(job)));
    }

    /// Does something with a job, as the administrator.
    pub(super) async fn act(&self, job: JobId, action: Action) {
        let selection = Selection {
            targets: vec![Target { job, tasks: None, component: None, step: None }],
            ..Selection::default()
        };
        let by = self.service.principal("root");
        for handled in self.service.act(&by, selection, action).await.unwrap() {
            handled.result.unwrap();
        }
    }

    /// Returns the record of an array's task.
    pub(super) fn task(&self, array: JobId, task: u32) -> Arc<Job> {
        let wanted =
            |job: &Arc<Job>| matches!(job.array, Some(ArrayPart::Task { index, .. }) if index.0 == task);
        self.service.records(array).into_iter().find(wanted).unwrap()
    }

    /// Returns a token that is good for an hour from `ago` seconds ago.
    pub(super) fn token(&self, user: &str, ago: u64) -> String {
        let made = self.clock.now().before(Duration::from_secs(ago));
        mint(KEY, user, made, Duration::from_secs(3600)).unwrap()
    }

    /// Asks as a user.
    pub(super) async fn get(&self, user: &str, path: &str) -> Reply {
        self.begin(user, path).await.finish().await
    }

    /// Asks as a user and reads no more than the head of the answer.
    pub(super) async fn begin(&self, user: &str, path: &str) -> Open {
        self.send("GET", path, &[("X-SLURM-USER-TOKEN", &self.token(user, 0))], "").await
    }

    pub(super) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Open {
        // The older version of the protocol has no chunks to put together: an answer ends with its connection.
        let mut request = format!("{method} /quintet/v1/{path} HTTP/1.0\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = timeout(DEADLINE, stream.read_line(&mut head)).await.expect("an answer").unwrap();
            assert_ne!(read, 0, "the head of the answer ends early: {head}");
        }
        Open { head, stream }
    }
}

/// An answer of which the head is there.
pub(super) struct Open {
    pub(super) head: String,
    stream: BufReader<TcpStream>,
}

impl Open {
    pub(super) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the next line.
    pub(super) async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(DEADLINE, self.stream.read_line(&mut line)).await.expect("another line").unwrap();
        line
    }

    /// Returns the next event with its id, name and data.
    pub(super) async fn event(&mut self) -> (u64, String, serde_json::Value) {
        let mut field = async |name: &str| loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the events have ended");
            if let Some(value) = line.strip_prefix(name) {
                return value.trim_end().to_owned();
            }
        };
        let id = field("id: ").await.parse().unwrap();
        let name = field("event: ").await;
        (id, name, serde_json::from_str(&field("data: ").await).unwrap())
    }

    /// Reads the rest.
    pub(super) async fn finish(mut self) -> Reply {
        let mut body = String::new();
        timeout(DEADLINE, self.stream.read_to_string(&mut body)).await.expect("an end").unwrap();
        Reply { status: self.status(), body }
    }
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Reply {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns status and `error` of a refusal.
    pub(super) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap().to_owned())
    }
}

fn submission(dir: &Path) -> Submission {
    let text = Text::const_new;
    let spec = JobSpec {
        owner: owner("alice"),
        kind: JobKind::Batch,
        name: text("test"),
        account: text(""),
        partitions: Vec::new(),
        qos: text(""),
        wckey: text(""),
        work_dir: dir.to_str().unwrap().into(),
        streams: Streams::default(),
        time_limit: TimeLimit::Minutes(10),
        time_minimum: 0,
        resources: Resources { min_nodes: 1, ..Resources::default() },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: true,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::default(),
        comment: text(""),
        command: text(""),
        uncommon: None,
    };
    let payload = Payload {
        script: Arc::from(&b"#!/bin/sh\n"[..]),
        environment: Arc::from([text("PATH=/bin")]),
        arguments: Arc::default(),
    };
    Submission {
        spec,
        time_limit: None,
        array: text(""),
        dependency: text(""),
        hold: false,
        immediate: false,
        requeue: Some(true),
        payload,
        client_key: None,
    }
}

/// Returns a user as owner of a job.
pub(super) fn owner(name: &str) -> Owner {
    let person = People.person(name).unwrap();
    Owner { name: person.name, uid: person.uid, gid: person.gid, group: person.group }
}
