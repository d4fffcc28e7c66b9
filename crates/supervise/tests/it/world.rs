//! A supervisor in a folder of its own, and ways to wait for what it says.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use supervise::{
    Ended, Found, Launch, Report, RunId, StartFailure, Status, Stream, Supervisor, SupervisorConfig,
};

/// The deadline for everything; far more than is needed on a quiet machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn example(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} was not built; run the tests of the whole crate", path.display());
    path
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited too long until {what}");
        // Not without a pause: those who are waited for need the processor.
        std::thread::sleep(Duration::from_micros(200));
    }
}

pub(crate) fn run(key: u64) -> RunId {
    RunId { key, attempt: 0 }
}

pub(crate) fn sh(key: u64, command: &str) -> Launch {
    let mut launch = Launch::new(run(key), ["/bin/sh", "-c", command]);
    launch.env = vec![("PATH".into(), "/usr/bin:/bin".into())];
    launch
}

pub(crate) fn is_root() -> bool {
    supervise::users::own_uid() == 0
}

pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

#[derive(Clone, Default)]
pub(crate) struct Heard(Arc<(Mutex<Vec<Report>>, Condvar)>);

impl Heard {
    fn listener(&self) -> impl FnMut(Vec<Report>) + Send + 'static {
        let shared = Arc::clone(&self.0);
        move |batch| {
            shared.0.lock().unwrap().extend(batch);
            shared.1.notify_all();
        }
    }
}

/// The folder that a world lives in. What was started in it goes with it: runs, launchers and their control groups.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    config: Option<SupervisorConfig>,
}

impl From<tempfile::TempDir> for Place {
    fn from(folder: tempfile::TempDir) -> Self {
        Self { folder, config: None }
    }
}

impl Place {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The launchers that live in it, whoever started them.
    fn launchers(&self) -> Vec<u32> {
        let own = self.path().as_os_str().as_bytes();
        let is_own = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|byte| *byte == 0);
            words.any(|word| word == b"--dir") && words.next().is_some_and(|dir| dir.starts_with(own))
        };
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.to_str()?.parse().ok()).filter(is_own).collect()
    }

    /// Ends all runs as a server would and has nothing remembered of them, after which launchers leave by themselves.
    fn clear(&self) {
        let Some(config) = self.config.clone() else { return };
        let Ok((supervisor, found)) = Supervisor::open(config, |_| {}) else { return };
        let runs: Vec<RunId> = found.iter().map(|found| found.run).collect();
        for run in &runs {
            // One that is over is unknown.
            let _ = supervisor.kill(*run);
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while runs.iter().any(|run| supervisor.is_running(*run)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        supervisor.forget(&runs);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.launchers().is_empty() {
            return;
        }
        self.clear();
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut left = self.launchers();
        while !left.is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
            left.retain(|pid| is_alive(*pid));
        }
        left.iter().for_each(|pid| eprintln!("launcher {pid} did not leave and is killed"));
        left.into_iter().filter(|pid| is_alive(*pid)).for_each(kill_hard);
    }
}

pub(crate) struct World {
    pub(crate) supervisor: Supervisor,
    pub(crate) found: Vec<Found>,
    pub(crate) heard: Heard,
    /// The last to go, when nobody uses it any more.
    pub(crate) folder: Place,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn without_cgroups() -> Self {
        Self::with(|config| config.cgroups = false)
    }

    pub(crate) fn with(adjust: impl FnOnce(&mut SupervisorConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Other users shall be able to work in here, though not in the supervisor's own part.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        Self::open(folder, adjust)
    }

    pub(crate) fn open(folder: impl Into<Place>, adjust: impl FnOnce(&mut SupervisorConfig)) -> Self {
        let mut folder = folder.into();
        let mut config = SupervisorConfig::new(folder.path().join("supervise"), 2, example("launcher"));
        config.linger = Duration::from_millis(50);
        adjust(&mut config);
        folder.config = Some(config.clone());
        let heard = Heard::default();
        let (supervisor, found) = Supervisor::open(config, heard.listener()).unwrap();
        Self { supervisor, found, heard, folder }
    }

    /// Drops the handle and opens it again, as a restarted server would.
    pub(crate) fn reopened(self, adjust: impl FnOnce(&mut SupervisorConfig)) -> Self {
        let Self { folder, supervisor, .. } = self;
        drop(supervisor);
        Self::open(folder, adjust)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub(crate) fn launch(&self, launch: Launch) {
        self.supervisor.launch(launch);
    }

    /// Waits for the first report that fits.
    pub(crate) fn wait<T>(&self, what: &str, mut pick: impl FnMut(&Report) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let (reports, news) = &*self.heard.0;
        let mut reports = reports.lock().unwrap();
        loop {
            if let Some(picked) = reports.iter().find_map(&mut pick) {
                return picked;
            }
            let left = deadline.checked_duration_since(Instant::now());
            let Some(left) = left else { panic!("no report of {what}; heard {reports:?}") };
            reports = news.wait_timeout(reports, left).unwrap().0;
        }
    }

    pub(crate) fn reports(&self, of: RunId) -> Vec<Report> {
        self.heard.0.0.lock().unwrap().iter().filter(|report| report.run() == of).cloned().collect()
    }

    pub(crate) fn started(&self, key: u64) -> u32 {
        self.wait(&format!("the start of {key}"), |report| match report {
            Report::Started { run: id, pid, .. } if *id == run(key) => Some(*pid),
            other if other.run() == run(key) => panic!("{other:?}"),
            _ => None,
        })
    }

    pub(crate) fn end(&self, key: u64) -> Report {
        let is_end = |report: &Report| report.run() == run(key) && report.is_final();
        self.wait(&format!("the end of {key}"), |report| is_end(report).then(|| report.clone()))
    }

    pub(crate) fn ended(&self, key: u64) -> Ended {
        match self.end(key) {
            Report::Ended { ended, .. } => ended,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failure(&self, key: u64) -> StartFailure {
        match self.end(key) {
            Report::FailedToStart { failure, .. } => failure,
            other => panic!("{other:?}"),
        }
    }

    /// Runs a launch to its end and returns what it printed.
    pub(crate) fn output(&self, mut launch: Launch) -> String {
        let name = format!("out-{}", launch.run.key);
        launch.stdout = Stream::Truncate(self.path(&name));
        launch.stderr = Stream::SameAsStdout;
        let key = launch.run.key;
        self.launch(launch);
        let ended = self.ended(key);
        assert_eq!(ended.status, Status::Exited(0), "{}", self.read(&name));
        self.read(&name)
    }

    /// Waits for a file that a run writes, and reads numbers from it.
    pub(crate) fn numbers(&self, name: &str, count: usize) -> Vec<u32> {
        let mut numbers = Vec::new();
        until(&format!("{name} holds {count} numbers"), || {
            let text = self.read(name);
            numbers = text.lines().filter_map(|line| line.trim().parse().ok()).collect();
            text.ends_with('\n') && numbers.len() >= count
        });
        numbers
    }
}

pub(crate) fn kill_hard(pid: u32) {
    let status = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
    assert!(status.success());
}

pub(crate) fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}
