//! The server's handle on its launchers. Requests go out from the calling thread at once; one thread reads what comes
//! back and replaces launchers that died. It knows which launcher has which run, and nothing else about runs.

mod link;
mod reader;
mod routes;

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use crate::cgroup::{Capabilities, Hierarchy};
use crate::launch::{Launch, Limits};
use crate::leftovers;
use crate::report::{Found, Report};
use crate::run::RunId;
use crate::sample::{RunGauge, Sample};
use crate::slot::{Slot, private_folder};
use crate::steps::StepGrant;
use crate::wire::{Request, Whom};
use link::{Greeted, reach};
use reader::Reader;
use routes::{Phase, Routes};

/// How launchers are started and where they are found.
#[derive(Clone, Debug)]
pub struct SupervisorConfig {
    /// A folder for the launchers' sockets and journals; made if missing, closed to other users.
    pub dir: PathBuf,
    /// How many launchers share the work; one per core is good.
    pub launchers: usize,
    /// The executable that becomes a launcher.
    pub exe: PathBuf,
    /// What it is told before the launcher's own arguments.
    pub exe_args: Vec<OsString>,
    /// The whole environment of a launcher itself; runs see nothing of it.
    pub env: Vec<(OsString, OsString)>,
    /// Whether control groups are used where they can be.
    pub cgroups: bool,
    /// A folder for the sockets that clients of steps connect to, which everybody must be able to reach; without it
    /// there are no steps.
    pub steps: Option<PathBuf>,
    /// For how long a launcher without server and runs stays.
    pub linger: Duration,
    /// Folders outside that belong to this instance; another one of root's may remove those below `/run/quintet` once
    /// `dir` is gone.
    pub traces: Vec<PathBuf>,
}

impl SupervisorConfig {
    /// Sets what must be set, and the usual for the rest.
    pub fn new(dir: impl Into<PathBuf>, launchers: usize, exe: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            launchers: launchers.max(1),
            exe: exe.into(),
            exe_args: vec!["launcher".into()],
            env: Vec::new(),
            cgroups: true,
            steps: None,
            linger: Duration::from_secs(5),
            traces: Vec::new(),
        }
    }
}

impl SupervisorConfig {
    /// Names what this instance makes on the machine, such as its control groups.
    pub fn instance(&self) -> String {
        crate::cgroup::instance_name(&self.dir)
    }
}

/// The launchers cannot be worked with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder cannot be used.
    #[error("prepare the supervisor's folder {}", path.display())]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The executable could not be run.
    #[error("run launcher {}", exe.display())]
    Run {
        /// Which executable.
        exe: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The launcher ended before it was ready.
    #[error("launcher {slot} did not start: {said}")]
    NotStarted {
        /// Which one.
        slot: usize,
        /// What it said.
        said: String,
    },
    /// The launcher cannot be talked to.
    #[error("connect to launcher {slot}")]
    Connect {
        /// Which one.
        slot: usize,
        /// Why.
        source: io::Error,
    },
    /// Another server works with the same folder.
    #[error("another server uses {}", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// A thread or a descriptor could not be had.
    #[error("set up the supervisor")]
    Resources {
        /// Why.
        source: io::Error,
    },
}

/// The run is unknown or has ended: there is nothing to signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such run: {0}")]
pub struct NoSuchRun(
    /// Which run was asked for.
    pub RunId,
);

/// What is known of a launcher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LauncherState {
    /// Its place.
    pub slot: usize,
    /// Its process.
    pub pid: u32,
    /// Whether it can be talked to now.
    pub connected: bool,
    /// How many runs it has that are not over.
    pub runs: usize,
}

/// The server's handle on all launchers. Dropping it disconnects; runs go on.
pub struct Supervisor {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

/// What callers and the reading thread share.
pub(crate) struct Shared {
    config: SupervisorConfig,
    hierarchy: Hierarchy,
    routes: Mutex<Routes>,
    /// Makes the reading thread look at the routes.
    bell: OwnedFd,
    /// Two servers would take the launchers from each other for ever.
    _lock: File,
}

impl Shared {
    fn routes(&self) -> MutexGuard<'_, Routes> {
        // A panic elsewhere leaves the tables whole: they are changed in single steps.
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first process of a run that is not over.
    pub(crate) fn leader(&self, run: RunId) -> Option<u32> {
        self.routes().phase(run).and_then(Phase::pid)
    }

    fn ring(&self) {
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }
}

/// Makes gauges of runs. Copies are alike.
#[derive(Clone)]
pub struct Gauges {
    hierarchy: Arc<Hierarchy>,
    shared: Weak<Shared>,
}

impl Gauges {
    /// Makes a gauge of a run, whether there is such a run or not.
    pub fn run(&self, run: RunId) -> RunGauge {
        RunGauge::new(run, Arc::clone(&self.hierarchy), Weak::clone(&self.shared))
    }
}

impl Supervisor {
    /// Connects to the launchers of an earlier server, or starts them. Returns all runs they know.
    ///
    /// `reports` is called from one thread, in order, with as many reports as came together. What is in `Found` is not
    /// reported again.
    pub fn open(
        config: SupervisorConfig,
        reports: impl FnMut(Vec<Report>) + Send + 'static,
    ) -> Result<(Self, Vec<Found>), Error> {
        let config = SupervisorConfig { dir: prepared(&config.dir)?, ..config };
        let lock = lock(&config.dir)?;
        leftovers::tidy(&config.dir, &config.traces);
        let resources = |source| Error::Resources { source };
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| resources(errno.into()))?;
        let mut routes = Routes::default();
        let mut found = Vec::new();
        let mut inboxes = Vec::new();
        for (slot, accepts, greeted) in reach_all(&config)? {
            let Greeted { stream, inbox, hello, found: known } = greeted;
            routes.add_link(slot, accepts, stream, hello.pid, &known);
            inboxes.push(inbox);
            found.extend(known);
        }
        // After the launchers: it is they who remove it again.
        let hierarchy = if config.cgroups { Hierarchy::open(&config.dir) } else { Hierarchy::none() };
        let shared = Arc::new(Shared { config, hierarchy, routes: Mutex::new(routes), bell, _lock: lock });
        let mut reader = Reader::new(Arc::clone(&shared), inboxes, Box::new(reports));
        let reader = thread::Builder::new().name("launchers".into()).spawn(move || reader.run());
        Ok((Self { shared, reader: Some(reader.map_err(resources)?) }, found))
    }

    /// Says what can be limited and killed here.
    pub fn capabilities(&self) -> Capabilities {
        self.shared.hierarchy.capabilities()
    }

    /// Says that a launch will probably follow within a millisecond: the launcher that would get it is awake by then. A
    /// processor that sleeps takes long to wake, in virtual machines about as long as all the rest of a start.
    pub fn expect_launch(&self) {
        let is_behind = self.shared.routes().expect_launch();
        self.ring_if(is_behind);
    }

    /// Starts a run. Never blocks; whatever goes wrong is reported.
    ///
    /// A run that is known already and not forgotten is not started again; its reports are repeated.
    pub fn launch(&self, launch: Launch) {
        let run = launch.run;
        let frame = routes::frame(&Request::Launch(Box::new(launch)));
        let is_behind = self.shared.routes().launch(run, frame);
        self.ring_if(is_behind);
    }

    /// Sends a signal. One that the kernel refuses is reported as `NotSignalled`.
    pub fn signal(&self, run: RunId, signal: i32, whom: Whom) -> Result<(), NoSuchRun> {
        self.ask(run, &Request::Signal { run, signal, whom })
    }

    /// Kills every process of a run. Not lost even if the launcher dies over it.
    pub fn kill(&self, run: RunId) -> Result<(), NoSuchRun> {
        self.shared.routes().condemn(run);
        self.ask(run, &routes::kill(run))
    }

    /// Suspends a run: by freezing its control group, or by stopping its processes.
    pub fn suspend(&self, run: RunId) -> Result<(), NoSuchRun> {
        self.ask(run, &Request::Suspend(run))
    }

    /// Lets a suspended run go on.
    pub fn resume(&self, run: RunId) -> Result<(), NoSuchRun> {
        self.ask(run, &Request::Resume(run))
    }

    /// Lets a step begin that a client asked for. One whose client is gone is reported as ended.
    pub fn grant_step(&self, run: RunId, ticket: u64, grant: StepGrant) {
        let request = Request::GrantStep { run, ticket, grant: Box::new(grant) };
        self.say_about(run, &request);
    }

    /// Tells a client that it will not have its step, and why.
    pub fn refuse_step(&self, run: RunId, ticket: u64, why: &str) {
        self.say_about(run, &Request::RefuseStep { ticket, why: why.to_owned() });
    }

    /// Tells a client that its step must wait, and why.
    pub fn delay_step(&self, run: RunId, ticket: u64, why: &str) {
        self.say_about(run, &Request::DelayStep { ticket, why: why.to_owned() });
    }

    /// Sends a signal to the tasks of a step; `SIGKILL` ends it.
    pub fn signal_step(&self, run: RunId, step: u32, signal: i32) {
        self.say_about(run, &Request::SignalStep { run, step, signal });
    }

    /// Holds a run to less than before, and kills the tasks of its steps on nodes that are not named. May be told again.
    pub fn narrow(&self, run: RunId, limits: Limits, nodes: Vec<String>) -> Result<(), NoSuchRun> {
        self.ask(run, &Request::Narrow { run, limits: Box::new(limits), nodes })
    }

    /// Drops all memory of steps whose ends the caller has made durable.
    pub fn forget_steps(&self, run: RunId, steps: &[u32]) {
        self.say_about(run, &Request::ForgetSteps { run, steps: steps.to_vec() });
    }

    fn say_about(&self, run: RunId, request: &Request) {
        let is_behind = self.shared.routes().say_about(run, request);
        self.ring_if(is_behind);
    }

    /// Drops all memory of runs whose ends the caller has made durable. Unknown and running ones are left alone.
    pub fn forget(&self, runs: &[RunId]) {
        let is_behind = self.shared.routes().forget(runs);
        self.ring_if(is_behind);
    }

    /// Whether the run was launched or found, and not forgotten.
    pub fn is_known(&self, run: RunId) -> bool {
        self.shared.routes().phase(run).is_some()
    }

    /// Whether the run is known and not over.
    pub fn is_running(&self, run: RunId) -> bool {
        self.shared.routes().phase(run).is_some_and(Phase::is_live)
    }

    /// Reads what a run takes at this moment; `None` if it has no process.
    pub fn sample(&self, run: RunId) -> Option<Sample> {
        self.gauges().run(run).read()
    }

    /// Returns what lets look at runs from any thread, without this handle.
    pub fn gauges(&self) -> Gauges {
        let hierarchy = Arc::new(self.shared.hierarchy.clone());
        Gauges { hierarchy, shared: Arc::downgrade(&self.shared) }
    }

    /// Says how the launchers are.
    pub fn launchers(&self) -> Vec<LauncherState> {
        self.shared.routes().launchers()
    }

    /// Makes all launchers execute the configured executable anew, runs kept. Done by `open` if it has changed.
    pub fn renew(&self) {
        self.shared.routes().renewals();
        self.shared.ring();
    }

    /// Disconnects, as dropping does. After it nothing is reported any more.
    pub fn shutdown(self) {
        drop(self);
    }

    fn ask(&self, run: RunId, request: &Request) -> Result<(), NoSuchRun> {
        let is_behind = self.shared.routes().ask(run, request).ok_or(NoSuchRun(run))?;
        self.ring_if(is_behind);
        Ok(())
    }

    /// What a launcher did not take at once, the reading thread will write.
    fn ring_if(&self, is_behind: bool) {
        if is_behind {
            self.shared.ring();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.shared.routes().close();
        self.shared.ring();
        if let Some(reader) = self.reader.take()
            // The last handle may be dropped by a report; then the thread ends after it.
            && reader.thread().id() != thread::current().id()
        {
            let _ = reader.join();
        }
    }
}

fn prepared(dir: &Path) -> Result<PathBuf, Error> {
    private_folder(dir)
        .and_then(|()| dir.canonicalize())
        .map_err(|source| Error::Folder { path: dir.to_owned(), source })
}

/// Keeps other servers out. One that was just killed may need a moment to let go.
fn lock(dir: &Path) -> Result<File, Error> {
    let path = dir.join("server-lock");
    let failed = |source| Error::Folder { path: path.clone(), source };
    let file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(Error::InUse { path: dir.to_owned() });
            }
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}

/// Reaches the launchers that are asked for, and those of a server that asked for more and left something.
fn reach_all(config: &SupervisorConfig) -> Result<Vec<(Slot, bool, Greeted)>, Error> {
    let mut slots: Vec<Slot> = (0..config.launchers).map(|number| Slot::new(&config.dir, number)).collect();
    let left = Slot::existing(&config.dir).into_iter();
    slots.extend(left.filter(|slot| slot.number >= config.launchers && slot.folder.join("journal").exists()));
    thread::scope(|scope| {
        let reaching: Vec<_> =
            slots.into_iter().map(|slot| (slot.clone(), scope.spawn(move || reach(config, &slot)))).collect();
        let joined = reaching.into_iter().map(|(slot, thread)| {
            let accepts = slot.number < config.launchers;
            let greeted = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok((slot, accepts, greeted))
        });
        joined.collect()
    })
}
