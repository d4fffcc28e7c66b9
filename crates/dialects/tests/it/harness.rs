//! A service on a port of its own, and a client that says no more than it must.

use crate::shelf::MemoryShelf;
use domain::accounting::{Books, Configured};
use domain::cluster::{Cluster, Gres, Limits, Node, NodeFlags, Partition, PartitionState, Topology};
use domain::history::{self, Wanted};
use domain::job::{Allocation, ArrayPart, CpuSet, End, Exit, Job, NodeShare, Payload, Usage};
use domain::ports::*;
use domain::service::{JobService, Ports};
use domain::state::{Planned, State};
use domain::who::{AdminLevel, Membership, Person};
use domain::{Error, Gid, JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// The key of all tests.
pub(crate) const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A running service.
pub(crate) struct Site {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Credentials that were taken back.
    pub(crate) revoked: Arc<Revoked>,
    reports: Arc<Mutex<Option<Reports>>>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<()>>,
    /// Where users' files are.
    _folder: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// Returns the body as JSON.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns numbers and sources of the errors.
    pub(crate) fn errors(&self) -> Vec<(i64, String)> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        let entry = |error: &Json| {
            (error["error_number"].as_i64().unwrap(), error["source"].as_str().unwrap().to_owned())
        };
        errors.iter().map(entry).collect()
    }

    /// Returns the sentences of the warnings.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let warnings = self.json()["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(|warning| warning["description"].as_str().unwrap().to_owned()).collect()
    }
}

/// Starts a service.
pub(crate) async fn site() -> Site {
    site_with(|_| None).await
}

/// Starts a service that serves Nifcloud's interface as well, made with what was taken back.
pub(crate) async fn site_with(nifcloud: impl FnOnce(&Arc<Revoked>) -> Option<dialects::Nifcloud>) -> Site {
    site_of(nifcloud, None).await
}

/// Starts a service in front of a cluster.
pub(crate) async fn site_before(cluster: Arc<dyn dialects::SlurmCluster>) -> Site {
    site_of(|_| None, Some(cluster)).await
}

async fn site_of(
    nifcloud: impl FnOnce(&Arc<Revoked>) -> Option<dialects::Nifcloud>,
    behind: Option<Arc<dyn dialects::SlurmCluster>>,
) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let store = MemoryStore::default();
    let reports = Arc::new(Mutex::new(None));
    let kept = Arc::clone(&reports);
    let ports = Ports {
        store: Box::new(store.clone()),
        history: Arc::new(store),
        engine: Box::new(move |reports| {
            *kept.lock().unwrap() = Some(reports);
            Ok::<_, Error>(Box::new(OneNodeEngine) as Box<dyn Engine>)
        }),
        directory: Arc::new(People),
        meter: Arc::new(Idle),
        clock: Arc::new(WallClock),
        calendar: Arc::new(domain::ports::Greenwich),
    };
    let jobs = JobService::start(cluster(), ports).unwrap();
    let keys = Arc::new(dialects::Keyring::new(KEY).unwrap());
    let script_options = Some(dialects::ScriptOptions { read: options_of_script, honored: false });
    let slurm = dialects::Served::default();
    let folder = tempfile::tempdir().unwrap();
    let keep = files::Keep::new(folder.path().join("keep"));
    let settings = dialects::EtSettings {
        max_jobs: 1000,
        max_tool: 100_000,
        max_file: 1 << 20,
        detail: Default::default(),
    };
    let et_keys = dialects::EtKeys::new(KEY);
    let shelf = Arc::new(MemoryShelf::default());
    let revoked = Arc::new(Revoked::default());
    let et_engine = dialects::EtEngine::new(et_keys, revoked.clone(), shelf, Arc::new(keep), settings);
    let services = dialects::Services {
        native: behind.is_none(),
        cluster: behind,
        jobs,
        keys,
        version: "test",
        slurm,
        script_options,
        cockpit: None,
        et_engine: Some(et_engine),
        nifcloud: nifcloud(&revoked),
        waldur: Some(Arc::new(waldur())),
    };
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(dialects::serve(listener, services, async {
        let _ = stopped.await;
    }));
    Site { address, revoked, reports, stop: Some(stop), served: Some(served), _folder: folder }
}

/// Opens what Waldur's interface keeps. The password of NAME is `NAME's password`, but bob has none.
fn waldur() -> dialects::Waldur {
    struct Usual;
    impl Logins for Usual {
        fn hash_of(&self, user: &str) -> Option<Text> {
            let hash = || dialects::waldur_password_hash(&format!("{user}'s password")).unwrap();
            (user != "bob").then(|| hash().into())
        }

        fn number_of(&self, user: &str) -> Result<u32, StoreError> {
            Ok(PEOPLE.iter().find(|(name, _)| *name == user).unwrap().1)
        }

        fn user_of(&self, number: u32) -> Option<Text> {
            PEOPLE.iter().find(|(_, own)| *own == number).map(|(name, _)| (*name).into())
        }
    }
    let options = dialects::WaldurOptions {
        max_upload: 1 << 20,
        token_lifetime: Duration::from_secs(3600),
        list_limit: 1000,
        work_dir: "/tmp".to_owned(),
        url: None,
    };
    let (tokens, shelf) = (dialects::WaldurTokens::new(KEY), Arc::new(MemoryShelf::default()));
    dialects::Waldur::open(options, [7; 16], tokens, Arc::new(Usual), shelf, WallClock.now()).unwrap()
}

/// Credentials that the test takes back.
#[derive(Default)]
pub(crate) struct Revoked(Mutex<BTreeSet<String>>);

impl Revoked {
    /// Takes one back.
    pub(crate) fn add(&self, api: &str, name: &str) {
        self.0.lock().unwrap().insert(format!("{api} {name}"));
    }
}

impl Revocations for Revoked {
    fn is_revoked(&self, api: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.lock().unwrap().contains(&format!("{api} {name}")))
    }
}

impl Site {
    /// Makes a token.
    pub(crate) fn token(user: &str) -> String {
        dialects::mint(KEY, user, WallClock.now(), Duration::from_secs(600)).unwrap()
    }

    /// Sends a request as a user, with a JSON body if there is one.
    pub(crate) async fn ask(&self, user: &str, method: &str, path: &str, body: &str) -> Reply {
        let content = match body {
            "" => String::new(),
            body => format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()),
        };
        let token = Self::token(user);
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nX-SLURM-USER-NAME: {user}\r\nX-SLURM-USER-TOKEN: {token}\r\n\
             Connection: close\r\n{content}\r\n"
        );
        self.raw(format!("{head}{body}").as_bytes()).await
    }

    /// Asks below `/slurm/v0.0.44/`.
    pub(crate) async fn slurm(&self, user: &str, method: &str, path: &str, body: &str) -> Reply {
        self.ask(user, method, &format!("/slurm/v0.0.44/{path}"), body).await
    }

    /// Submits a job with these fields besides the usual, which may be an empty text; returns the answer.
    pub(crate) async fn submit(&self, user: &str, fields: &str) -> Reply {
        let comma = if fields.is_empty() { "" } else { "," };
        let body = format!(
            r##"{{"script":"#!/bin/sh\ntrue\n","job":{{"current_working_directory":"/tmp","environment":["A=B"]{comma}{fields}}}}}"##
        );
        self.slurm(user, "POST", "job/submit", &body).await
    }

    /// Submits and returns the number.
    pub(crate) async fn job(&self, user: &str, fields: &str) -> u32 {
        let reply = self.submit(user, fields).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        u32::try_from(reply.json()["job_id"].as_u64().unwrap()).unwrap()
    }

    /// Returns a job as shown.
    pub(crate) async fn shown(&self, id: u32) -> Json {
        let reply = self.slurm("alice", "GET", &format!("job/{id}"), "").await;
        assert_eq!(reply.status, 200, "{reply:?}");
        reply.json()["jobs"][0].clone()
    }

    /// Waits until a job's state is this.
    pub(crate) async fn until(&self, id: u32, state: &str) {
        self.until_so(id, state, |words| words[0] == state).await;
    }

    /// Waits until nothing of a job completes any more.
    pub(crate) async fn until_settled(&self, id: u32) {
        let is_settled = |words: &Json| words.as_array().unwrap().iter().all(|word| word != "COMPLETING");
        self.until_so(id, "settled", is_settled).await;
    }

    async fn until_so(&self, id: u32, what: &str, is_so: impl Fn(&Json) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let shown = self.shown(id).await;
            if is_so(&shown["job_state"]) {
                return;
            }
            assert!(Instant::now() < deadline, "job {id} never became {what}: {}", shown["job_state"]);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reports that a job's script has ended with this code.
    pub(crate) fn end(&self, id: u32, code: u8) {
        let at = WallClock.now();
        let end = End::Process(Exit::Code(code));
        let reports = self.reports.lock().unwrap();
        let report = Report { job: JobId(id), attempt: 0, at, end, usage: Usage::default(), fault: None };
        reports.as_ref().unwrap()(vec![report]);
    }

    /// Sends bytes and reads until the other side closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut read = Vec::new();
        let reading = stream.read_to_end(&mut read);
        tokio::time::timeout(Duration::from_secs(20), reading).await.expect("an answer").unwrap();
        reply(&read)
    }

    /// Stops the service and waits until it has.
    pub(crate) async fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(served) = self.served.take() {
            tokio::time::timeout(Duration::from_secs(20), served).await.expect("an end").unwrap();
        }
    }
}

/// Reads `#SBATCH --comment=WORD` lines, and nothing else.
fn options_of_script(script: &str) -> Result<Vec<slurm_wire::job_desc::JobDescMsg>, String> {
    let mut job = slurm_wire::job_desc::JobDescMsg::default();
    for line in script.lines().filter_map(|line| line.strip_prefix("#SBATCH ")) {
        let comment = line.strip_prefix("--comment=").ok_or_else(|| format!("unknown option {line}"))?;
        job.comment = Some(comment.into());
    }
    Ok(vec![job])
}

fn reply(read: &[u8]) -> Reply {
    let at = read.windows(4).position(|window| window == b"\r\n\r\n");
    let at = at.unwrap_or_else(|| panic!("no head: {}", String::from_utf8_lossy(read)));
    let head = String::from_utf8_lossy(&read[..at]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let rest = &read[at + 4..];
    let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        unchunked(rest)
    } else {
        rest.to_vec()
    };
    Reply { status, head, body: String::from_utf8_lossy(&body).into_owned() }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let at = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[at + 2..at + 2 + length]);
        rest = &rest[at + 4 + length..];
    }
}

fn cluster() -> Cluster {
    let node = Node {
        name: "n1".into(),
        host: "here".into(),
        address: "127.0.0.1".into(),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores: 8, threads: 1, cpus: 8 },
        memory: 16_000,
        system: Default::default(),
        tmp_disk: 0,
        weight: 1,
        features: vec!["fast".into()],
        active_features: vec!["fast".into()],
        gres: vec![Gres { name: "gpu".into(), kind: Text::default(), count: 2, ..Gres::default() }],
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: "x86_64".into(),
        operating_system: "Linux".into(),
        booted: Timestamp::EPOCH,
    };
    let partition = |name: &str, state| Partition {
        name: name.into(),
        nodes: vec![NodeIndex(0)],
        nodes_written: "ALL".into(),
        is_default: name == "debug",
        state,
        max_time: TimeLimit::Minutes(600),
        default_time: Some(TimeLimit::Minutes(60)),
        default_memory_per_cpu: Some(100),
        ..Partition::default()
    };
    let alice = Membership {
        name: "alice".into(),
        level: AdminLevel::None,
        default_account: "physics".into(),
        accounts: vec!["physics".into()],
    };
    Cluster {
        name: "tests".into(),
        host: "here".into(),
        nodes: vec![node],
        partitions: vec![partition("debug", PartitionState::Up), partition("idle", PartitionState::Down)],
        licenses: [(Text::from("matlab"), 10)].into(),
        books: Books::configured(&"tests".into(), Configured { users: vec![alice], ..Configured::default() }),
        limits: Limits { track_wckeys: true, max_nodes: Some(5), ..Limits::default() },
        ..Cluster::default()
    }
}

#[derive(Clone, Copy)]
struct WallClock;

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

struct Idle;

impl Meter for Idle {
    fn machine(&self) -> MachineLoad {
        MachineLoad::default()
    }
}

struct People;

const PEOPLE: [(&str, u32); 4] = [("root", 0), ("alice", 2001), ("bob", 2002), ("here", u32::MAX)];

impl People {
    fn one(&(name, uid): &(&str, u32)) -> Person {
        // Whoever runs the tests owns the files that they make.
        let uid = if uid == u32::MAX { rustix::process::geteuid().as_raw() } else { uid };
        Person {
            name: name.into(),
            uid: Uid(uid),
            gid: Gid(uid),
            group: name.into(),
            home: "/tmp".into(),
            shell: "/bin/sh".into(),
        }
    }
}

impl Directory for People {
    fn person(&self, name: &str) -> Option<Person> {
        PEOPLE.iter().find(|(known, _)| *known == name).map(People::one)
    }

    fn person_by_uid(&self, uid: Uid) -> Option<Person> {
        PEOPLE.iter().map(People::one).find(|person| person.uid == uid)
    }

    fn group(&self, name: &str) -> Option<Gid> {
        self.person(name).map(|person| person.gid)
    }

    fn group_name(&self, gid: Gid) -> Option<Text> {
        self.person_by_uid(Uid(gid.0)).map(|person| person.group)
    }

    fn groups_of(&self, name: &str) -> Vec<Text> {
        self.person(name).map(|person| person.group).into_iter().collect()
    }
}

/// Starts up to eight jobs of the partition `debug`, one CPU each; what becomes of them the tests report.
struct OneNodeEngine;

impl Engine for OneNodeEngine {
    fn plan(&mut self, state: &State, _now: Timestamp) -> Plan {
        let used = state.node_use().first().map(|used| used.cpus.clone()).unwrap_or_default();
        let mut free = (0..8).filter(|cpu| !used.iter().any(|taken| taken == *cpu));
        let mut starts = Vec::new();
        let mut planned = Planned::default();
        'queue: for key in state.queues().of("debug") {
            let Some(job) = state.job(key.job) else { continue };
            let tasks: Vec<_> = match &job.array {
                Some(ArrayPart::Pool { waiting, .. }) => waiting.iter().take(8).map(Some).collect(),
                _ => vec![None],
            };
            for task in tasks {
                let Some(cpu) = free.next() else {
                    planned.book(key.job, [NodeIndex(0)]);
                    break 'queue;
                };
                let cpus: CpuSet = [cpu].into_iter().collect();
                let share =
                    NodeShare { node: NodeIndex(0), cpus, memory: 100, tasks: 1, gres: Default::default() };
                let allocation = Allocation {
                    partition: "debug".into(),
                    nodes: [share].into_iter().collect(),
                    whole: false,
                    licenses: Default::default(),
                    reservation: Default::default(),
                };
                let limit = job.limit_within(TimeLimit::Minutes(600));
                starts.push(Start {
                    job: key.job,
                    task,
                    allocation: Arc::new(allocation),
                    limit,
                    backfilled: false,
                });
            }
        }
        Plan { starts, planned: Some(planned), ..Plan::default() }
    }

    fn perform(&mut self, _order: Order) {}

    fn boot(&self) -> Text {
        "boot".into()
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        running.iter().map(|_| Recovered::Unknown).collect()
    }
}

#[derive(Clone, Default)]
struct MemoryStore(Arc<Mutex<Memory>>);

#[derive(Default)]
struct Memory {
    jobs: BTreeMap<JobId, Arc<Job>>,
    payloads: BTreeMap<JobId, Arc<Payload>>,
    closed: Vec<Closed>,
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Saved, StoreError> {
        Ok(Saved::default())
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let mut memory = self.0.lock().unwrap();
        memory.jobs.extend(batch.jobs.iter().map(|job| (job.id, Arc::clone(job))));
        memory.payloads.extend(batch.payloads.iter().cloned());
        memory.closed.extend(batch.closed.iter().cloned());
        Ok(())
    }

    fn payload(&mut self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        History::payload(self, id)
    }
}

impl History for MemoryStore {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        let memory = self.0.lock().unwrap();
        Ok(memory.closed.iter().filter(|closed| closed.job.array_id() == id).cloned().collect())
    }

    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError> {
        let memory = self.0.lock().unwrap();
        let record =
            |(row, closed): (u64, &Closed)| Recorded { row, closed: closed.clone(), amendment: None };
        let mut found: Vec<Recorded> = (1..).zip(memory.closed.iter()).map(record).collect();
        // Nothing is noted here.
        found.retain(|found| {
            !wanted.altered && wanted.fits(&found.closed.job, &domain::cluster::unfold(&found.closed.nodes))
        });
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
        self.0.lock().unwrap().payloads.get(&id).cloned().ok_or(StoreError::Missing(id))
    }
}
