//! Jobs with real processes: what a script sees, how it ends, and what is left when the server goes.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::cluster::Cluster;
use domain::job::{
    Allocation, ArrayPart, CpuSet, End, Event, Exit, GresShare, Job, NodeShare, OpenMode, Payload,
    WarningScope,
};
use domain::ports::{Engine, Order, Recovered, Report};
use domain::{Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use engine::local::{Local, LocalConfig};
use smallvec::smallvec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How long a test waits for something that should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Heard {
    reports: Mutex<Vec<Report>>,
    bell: Condvar,
}

pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    cluster: Arc<Cluster>,
    heard: Arc<Heard>,
    local: Option<Local>,
}

fn launcher() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/engine_launcher")
}

impl World {
    fn new() -> Self {
        Self::with(|_, _| {})
    }

    /// Makes a world whose engine is configured like this, given the world's folder.
    pub(crate) fn with(adjust: impl FnOnce(&mut LocalConfig, &Path)) -> Self {
        let nodes = vec![node("n1", 4, 1, 4000, 2), node("n2", 4, 1, 4000, 0)];
        let cluster = Arc::new(cluster(nodes, vec![partition("main", [0, 1])]));
        let folder = tempfile::tempdir().unwrap();
        // Users other than ours must get through to the scripts.
        let passable = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), passable).unwrap();
        let mut world = World { folder, cluster, heard: Arc::default(), local: None };
        world.open_with(adjust);
        world
    }

    fn open(&mut self) {
        self.open_with(|_, _| {});
    }

    fn open_with(&mut self, adjust: impl FnOnce(&mut LocalConfig, &Path)) {
        let mut config = LocalConfig::new(
            self.path("launchers"),
            self.path("spool"),
            launcher(),
            Arc::clone(&self.cluster),
        );
        config.launchers = 1;
        // A user that the machine does not know, so that no test depends on who lives there.
        config.around.known_users.insert(54_321, vec![54_323]);
        adjust(&mut config, self.folder.path());
        let heard = Arc::clone(&self.heard);
        let tell = move |news: Vec<Report>| {
            heard.reports.lock().unwrap().extend(news);
            heard.bell.notify_all();
        };
        self.local = Some(Local::open(config, Arc::new(tell)).unwrap());
    }

    fn close(&mut self) {
        self.local = None;
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn local(&mut self) -> &mut Local {
        self.local.as_mut().unwrap()
    }

    /// Makes a job that has its resources and works in this world's folder.
    pub(crate) fn job(&self, id: u32, change: impl FnOnce(&mut Job)) -> Job {
        let mut job = job(id, "main", 10, ask(1, 1));
        let spec = Arc::make_mut(&mut job.spec);
        spec.work_dir = Text::from(self.folder.path().to_str().unwrap());
        spec.owner.uid = Uid(supervise::users::own_uid());
        spec.owner.gid = Gid(supervise::users::own_gid());
        change(&mut job);
        let share = NodeShare {
            node: NodeIndex(0),
            cpus: CpuSet::first(1),
            memory: 100,
            tasks: 1,
            gres: smallvec![],
        };
        started(job, smallvec![share])
    }

    pub(crate) fn launch(&mut self, job: &Job, script: &str, environment: &[&str]) {
        let payload = Payload {
            script: script.as_bytes().into(),
            environment: environment.iter().map(|line| Text::from(*line)).collect(),
            arguments: Arc::default(),
        };
        let (job, payload) = (Arc::new(job.clone()), Arc::new(payload));
        self.local().perform(Order::Launch { job, payload, components: Vec::new() });
    }

    pub(crate) fn report(&self, id: u32) -> Report {
        let deadline = Instant::now() + PATIENCE;
        let mut reports = self.heard.reports.lock().unwrap();
        loop {
            if let Some(report) = reports.iter().find(|report| report.job == JobId(id)) {
                return report.clone();
            }
            let left = deadline.checked_duration_since(Instant::now()).expect("a report comes in time");
            reports = self.heard.bell.wait_timeout(reports, left).unwrap().0;
        }
    }

    fn count(&self, id: u32) -> usize {
        self.heard.reports.lock().unwrap().iter().filter(|report| report.job == JobId(id)).count()
    }
}

fn started(job: Job, nodes: smallvec::SmallVec<[NodeShare; 1]>) -> Job {
    let allocation = Arc::new(Allocation {
        partition: "main".into(),
        nodes,
        whole: false,
        licenses: smallvec![],
        reservation: Default::default(),
    });
    let at = Timestamp::from_seconds(1_000_000);
    let limit = TimeLimit::Minutes(10);
    job.apply(Event::Started {
        at,
        allocation,
        limit,
        boot: "boot".into(),
        overtime: Duration::ZERO,
        way_in: domain::job::WayIn::InOrder,
    })
    .unwrap()
    .job
}

pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn variables(text: &str) -> BTreeMap<&str, &str> {
    text.lines().filter_map(|line| line.split_once('=')).collect()
}

#[test]
fn a_script_runs_in_its_folder_and_its_code_comes_back() {
    let mut world = World::new();
    let job = world.job(7, |_| {});
    world.launch(&job, "#!/bin/sh\npwd; echo $0; umask; echo oops >&2; exit 3", &[]);
    let report = world.report(7);
    assert_eq!(report.end, End::Process(Exit::Code(3)));
    assert_eq!(report.attempt, 0);
    let output = world.read("slurm-7.out");
    let folder = world.folder.path().to_str().unwrap().to_owned();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines, [&folder, &format!("{folder}/spool/job00007.0/slurm_script"), "0022", "oops"]);
    until("the script is gone", || !world.path("spool/job00007.0").exists());
}

#[test]
fn a_script_sees_what_was_submitted_and_what_slurm_tells() {
    let mut world = World::new();
    let job = world.job(8, |job| {
        Arc::make_mut(&mut job.spec).resources = ask(2, 5);
        Arc::make_mut(&mut job.spec).resources.cpus_per_task = 2;
    });
    let share = |node, cpus, tasks, gres| NodeShare {
        node: NodeIndex(node),
        cpus: CpuSet::first(cpus),
        memory: 300,
        tasks,
        gres,
    };
    let gpus = smallvec![GresShare { at: 0, units: CpuSet::from_iter([1]) }];
    let job = Job { phase: domain::job::Phase::Pending(Default::default()), ..job };
    let job = started(job, smallvec![share(0, 4, 2, gpus), share(1, 6, 3, smallvec![])]);
    world.launch(
        &job,
        "#!/usr/bin/env python3\nimport os\nfor v in os.environ: print(v + '=' + os.environ[v])",
        &["FOO=bar", "NOEQ", "SLURM_JOB_ID=999", "PATH=/usr/local/bin:/usr/bin:/bin"],
    );
    world.report(8);
    let output = world.read("slurm-8.out");
    let seen = variables(&output);
    let work_dir = world.folder.path().to_str().unwrap();
    for (name, value) in [
        ("FOO", "bar"),
        ("ENVIRONMENT", "BATCH"),
        ("TMPDIR", "/tmp"),
        ("PWD", work_dir),
        ("HOSTNAME", "n1"),
        ("SLURM_JOB_ID", "8"),
        ("SLURM_JOBID", "8"),
        ("SLURM_JOB_NAME", "test"),
        ("SLURM_JOB_PARTITION", "main"),
        ("SLURM_JOB_NODELIST", "n[1-2]"),
        ("SLURM_JOB_NUM_NODES", "2"),
        ("SLURM_JOB_CPUS_PER_NODE", "4,6"),
        ("SLURM_TASKS_PER_NODE", "2,3"),
        ("SLURM_CPUS_ON_NODE", "4"),
        ("SLURM_CPUS_PER_TASK", "2"),
        ("SLURM_NTASKS", "5"),
        ("SLURM_MEM_PER_CPU", "100"),
        ("SLURM_JOB_START_TIME", "1000000"),
        ("SLURM_JOB_END_TIME", "1000600"),
        ("SLURM_JOB_GPUS", "1"),
        ("CUDA_VISIBLE_DEVICES", "1"),
        ("SLURM_GPUS_ON_NODE", "1"),
        ("SLURM_SUBMIT_DIR", work_dir),
        ("SLURM_JOB_EXCLUSIVE", "NO"),
    ] {
        assert_eq!(seen.get(name), Some(&value), "{name}");
    }
    for name in ["NOEQ", "HOME", "USER", "SLURM_CONF", "SLURM_ARRAY_JOB_ID", "SLURM_RESTART_COUNT"] {
        assert_eq!(seen.get(name), None, "{name}");
    }
}

#[test]
fn an_array_task_knows_its_index_and_a_second_attempt_appends() {
    let mut world = World::new();
    let part = ArrayPart::Task { of: JobId(20), index: TaskIndex(4), throttle: 2, size: 9 };
    let job = world.job(21, |job| job.array = Some(part));
    let script = "#!/bin/sh\necho $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT $SLURM_RESTART_COUNT";
    world.launch(&job, script, &[]);
    world.report(21);
    assert_eq!(world.read("slurm-20_4.out"), "20 4 9\n");
    world.local().perform(Order::Forget { job: JobId(21), attempt: 0 });
    world.heard.reports.lock().unwrap().clear();
    world.launch(&Job { restarts: 1, ..job }, script, &[]);
    assert_eq!(world.report(21).attempt, 1);
    assert_eq!(world.read("slurm-20_4.out"), "20 4 9\n20 4 9 1\n");
}

#[test]
fn streams_go_where_the_request_says() {
    let mut world = World::new();
    std::fs::write(world.path("in"), "hello\n").unwrap();
    std::fs::write(world.path("out-5"), "before\n").unwrap();
    let job = world.job(5, |job| {
        let streams = &mut Arc::make_mut(&mut job.spec).streams;
        streams.input = "in".into();
        streams.output = "out-%j".into();
        streams.error = "err-%3j".into();
        streams.open_mode = OpenMode::Append;
    });
    world.launch(&job, "#!/bin/sh\ncat; echo wrong >&2", &[]);
    world.report(5);
    assert_eq!(world.read("out-5"), "before\nhello\n");
    assert_eq!(world.read("err-005"), "wrong\n");
}

#[test]
fn what_cannot_start_says_why() {
    let mut world = World::new();
    let job = world.job(3, |job| Arc::make_mut(&mut job.spec).work_dir = "/proc/none".into());
    world.launch(&job, "#!/bin/sh\ntrue", &[]);
    let End::NotStarted(why) = world.report(3).end else { panic!("it did not start") };
    assert!(why.contains("standard output"), "{why}");
}

#[test]
fn a_script_that_cannot_be_executed_ends_with_the_number_of_the_error() {
    let mut world = World::new();
    for (id, script, wanted) in [(31, "#!/no/such/interpreter\ntrue\n", 2), (32, "true\n", 8)] {
        let job = world.job(id, |_| {});
        world.launch(&job, script, &[]);
        let End::NotExecuted(code, why) = world.report(id).end else { panic!("it was executed") };
        assert_eq!(code, wanted, "{why}");
        assert!(!why.is_empty());
    }
}

#[test]
fn signals_and_kills_reach_the_processes() {
    let mut world = World::new();
    let job = world.job(4, |_| {});
    world.launch(&job, "#!/bin/sh\ntrap 'echo caught' USR1\necho ready\nwhile :; do sleep 0.02; done", &[]);
    until("the script is ready", || world.read("slurm-4.out").contains("ready"));
    let signal = |signal, scope| Order::Signal { job: JobId(4), attempt: 0, signal, scope };
    world.local().perform(signal(10, WarningScope::Steps));
    world.local().perform(signal(10, WarningScope::Batch));
    until("the script has the signal", || world.read("slurm-4.out").contains("caught"));
    assert_eq!(world.read("slurm-4.out").matches("caught").count(), 1, "there are no steps to signal");
    world.local().perform(signal(15, WarningScope::Full));
    assert_eq!(world.report(4).end, End::Process(Exit::Signal(15)));
}

#[test]
fn an_end_is_told_again_until_it_is_taken_in() {
    let mut world = World::new();
    let job = world.job(6, |_| {});
    world.launch(&job, "#!/bin/sh\nexit 1", &[]);
    let report = world.report(6);
    world.local().perform(Order::Kill { job: JobId(6), attempt: 0 });
    until("the end is told again", || world.count(6) == 2);
    assert!(world.heard.reports.lock().unwrap().iter().all(|other| *other == report));
    world.launch(&job, "#!/bin/sh\nexit 2", &[]);
    until("the end is told again", || world.count(6) == 3);
    assert_eq!(world.heard.reports.lock().unwrap()[2], report, "it is not run twice");
}

#[test]
fn killing_what_never_ran_ends_it() {
    let mut world = World::new();
    world.local().perform(Order::Kill { job: JobId(9), attempt: 0 });
    assert_eq!(world.report(9).end, End::Vanished);
}

#[test]
fn jobs_outlive_the_server_and_strays_do_not() {
    let mut world = World::new();
    let script = |name: &str, path: &Path| {
        let gate = path.join("gate");
        format!("#!/bin/sh\necho up > {name}\nwhile [ ! -e {} ]; do sleep 0.02; done\nexit 5", gate.display())
    };
    let folder = world.folder.path().to_owned();
    for (id, name) in [(1, "kept"), (2, "stray")] {
        let job = world.job(id, |_| {});
        world.launch(&job, &script(name, &folder), &[]);
    }
    let quick = world.job(3, |_| {});
    world.launch(&quick, "#!/bin/sh\nexit 4", &[]);
    world.report(3);
    until("both run", || ["kept", "stray"].iter().all(|name| world.read(name) == "up\n"));
    world.close();
    world.heard.reports.lock().unwrap().clear();
    world.open();
    let found = world.local().recover(&[(JobId(1), 0), (JobId(3), 0), (JobId(4), 0)]);
    assert_eq!(found[0], Recovered::Alive { suspended: false });
    assert!(matches!(found[1], Recovered::Ended { end: End::Process(Exit::Code(4)), .. }), "{:?}", found[1]);
    assert_eq!(found[2], Recovered::Unknown);
    std::fs::write(world.path("gate"), "").unwrap();
    assert_eq!(world.report(1).end, End::Process(Exit::Code(5)));
    assert_eq!(world.count(2), 0, "nobody has asked for the stray");
}

#[test]
fn as_root_a_job_runs_as_its_user() {
    if supervise::users::own_uid() != 0 {
        return;
    }
    let mut world = World::new();
    std::fs::create_dir(world.path("home")).unwrap();
    std::os::unix::fs::chown(world.path("home"), Some(54_321), Some(54_321)).unwrap();
    let job = world.job(12, |job| {
        let spec = Arc::make_mut(&mut job.spec);
        spec.owner.uid = Uid(54_321);
        spec.owner.gid = Gid(54_321);
        spec.work_dir = format!("{}/home", spec.work_dir).into();
    });
    world.launch(&job, "#!/bin/sh\nid -u; id -g; id -G", &[]);
    assert_eq!(world.report(12).end, End::Process(Exit::Code(0)));
    assert_eq!(world.read("home/slurm-12.out"), "54321\n54321\n54321 54323\n");
}
