//! The local engine: a scheduler, and a supervisor whose launchers outlive this process.

use super::around::Around;
use super::commands;
use super::desk::Desk;
use super::gauge::LocalGauge;
use super::launch::{self, Surroundings};
use super::processes::Processes;
use super::report::{run_of, to_domain};
use crate::local::schedule::Scheduler;
use domain::cluster::Cluster;
use domain::job::{End, Job, Payload, Usage, WarningScope};
use domain::ports::{
    Enforced, Engine, Foreseen, Gauge, Order, Plan, Recovered, Report, Reports, StepReport, StepStart,
};
use domain::state::State;
use domain::{JobId, Text, Timestamp};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use supervise::users::Users;
use supervise::{Capabilities, Found, FoundState, RunId, Supervisor, SupervisorConfig, UnixMicros, Whom};

/// `SIGCONT` and `SIGSTOP`.
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// How jobs are run on this machine.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// A private folder for the launchers.
    pub dir: PathBuf,
    /// A folder for batch scripts; each user must be able to reach it.
    pub spool: PathBuf,
    /// How many launchers; one for each core.
    pub launchers: usize,
    /// The program launchers are made of.
    pub exe: PathBuf,
    /// Its arguments that make it a launcher.
    pub exe_args: Vec<OsString>,
    /// The environment of the launchers themselves; jobs see nothing of it.
    pub launcher_env: Vec<(OsString, OsString)>,
    /// Control groups are used where there are some.
    pub cgroups: bool,
    /// The kernel holds jobs to the memory they were given.
    pub limit_memory: bool,
    /// Jobs are bound to the CPUs they were given. Only where a node's CPUs are this machine's: virtual nodes hand
    /// out more CPUs than there are.
    pub bind_cpus: bool,
    /// What is configured; later changes come with the state.
    pub cluster: Arc<Cluster>,
    /// What is around every job.
    pub around: Around,
}

impl LocalConfig {
    /// Makes a configuration with a launcher for each core, control groups and memory limits.
    pub fn new(
        dir: impl Into<PathBuf>,
        spool: impl Into<PathBuf>,
        exe: impl Into<PathBuf>,
        cluster: Arc<Cluster>,
    ) -> Self {
        LocalConfig {
            dir: dir.into(),
            spool: spool.into(),
            launchers: std::thread::available_parallelism().map_or(1, usize::from),
            exe: exe.into(),
            exe_args: vec!["launcher".into()],
            launcher_env: Vec::new(),
            cgroups: true,
            limit_memory: true,
            bind_cpus: false,
            cluster,
            around: Around::default(),
        }
    }
}

/// Runs jobs on this machine.
pub struct Local {
    scheduler: Scheduler,
    pub(super) supervisor: Supervisor,
    pub(super) cluster: Arc<Cluster>,
    pub(super) users: Users,
    pub(super) surroundings: Surroundings,
    pub(super) desk: Arc<Mutex<Desk>>,
    reports: Reports,
    attempts: Arc<Attempts>,
    found: HashMap<RunId, Found>,
    boot: Text,
}

/// What is known of attempts between this handle and the supervisor's thread.
#[derive(Default)]
struct Attempts {
    /// Ends that have been reported and not yet taken in.
    ended: Mutex<HashMap<RunId, Report>>,
    /// Runs nobody has on record; they are killed, and forgotten when they have ended.
    strays: Mutex<HashSet<RunId>>,
}

impl Attempts {
    fn ended(&self) -> MutexGuard<'_, HashMap<RunId, Report>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn strays(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.strays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what the supervisor says; returns what is news to the domain.
    fn take_in(&self, reports: &[supervise::Report]) -> Vec<Report> {
        let strays = self.strays();
        let news: Vec<Report> =
            reports.iter().filter(|report| !strays.contains(&report.run())).filter_map(to_domain).collect();
        drop(strays);
        let mut ended = self.ended();
        for report in &news {
            ended.insert(run_of(report.job, report.attempt), report.clone());
        }
        news
    }
}

impl Local {
    /// Connects to living launchers or starts them. From now on `reports` is called with each end of an attempt.
    ///
    /// # Errors
    /// If a folder cannot be made or no launcher can be started.
    pub fn open(config: LocalConfig, reports: Reports) -> Result<Local, supervise::Error> {
        let exe = config.exe.clone();
        let mut supervised = SupervisorConfig::new(config.dir, config.launchers.max(1), config.exe);
        supervised.exe_args = config.exe_args;
        supervised.env = config.launcher_env;
        supervised.cgroups = config.cgroups;
        supervised.steps = Some(config.spool.join("steps"));
        let attempts = Arc::new(Attempts::default());
        let desk = Arc::new(Mutex::new(Desk::default()));
        let (heard, tell, steps) = (Arc::clone(&attempts), Arc::clone(&reports), Arc::clone(&desk));
        let listen = move |reports: Vec<supervise::Report>| {
            let news = heard.take_in(&reports);
            let mut desk = steps.lock().unwrap_or_else(PoisonError::into_inner);
            let about_steps = reports.iter().filter(|report| desk.take_in(report)).count() > 0;
            drop(desk);
            if !news.is_empty() || about_steps {
                tell(news);
            }
        };
        supervised.traces = vec![config.spool.clone()];
        let instance = supervised.instance();
        let (supervisor, found) = Supervisor::open(supervised, listen)?;
        for found in &found {
            desk.lock().unwrap_or_else(PoisonError::into_inner).take_inventory(found.run, &found.steps);
        }
        let capabilities = supervisor.capabilities();
        let commands = commands::link(&config.spool, &exe);
        if let Err(error) = &commands {
            tracing::warn!(%error, "jobs will not find srun on their PATH");
        }
        let surroundings = Surroundings {
            spool: config.spool,
            commands: commands.ok(),
            limit_memory: config.limit_memory,
            bind_to: config.bind_cpus.then(|| supervise::machine::describe().cpus),
            may_switch_user: capabilities.users,
            hides_devices: capabilities.devices == supervise::Limit::Enforced,
            processes: Processes::new(config.around.max_processes, &capabilities),
            around: config.around,
            instance,
        };
        tell_limits(&capabilities, &surroundings);
        Ok(Local {
            scheduler: Scheduler::new(),
            supervisor,
            cluster: config.cluster,
            users: Users::new(),
            surroundings,
            reports,
            attempts,
            desk,
            found: found.into_iter().map(|found| (found.run, found)).collect(),
            boot: crate::machine::boot_id(),
        })
    }

    /// Returns what the machine can limit.
    pub fn capabilities(&self) -> Capabilities {
        self.supervisor.capabilities()
    }

    fn launch(&mut self, job: &Job, payload: &Payload, components: &[Arc<Job>]) {
        if !job.has_run() || self.repeat(run_of(job.id, job.restarts)) {
            return;
        }
        match launch::launch(job, payload, components, &self.cluster, &self.users, &self.surroundings) {
            Ok(launch) => self.supervisor.launch(launch),
            Err(why) => self.cannot_start(job, why),
        }
    }

    /// Reports a job that cannot even be tried.
    fn cannot_start(&mut self, job: &Job, why: launch::NoLaunch) {
        let run = run_of(job.id, job.restarts);
        let at = Timestamp::from_micros(UnixMicros::now().0);
        let (end, usage) = (why.end(), Usage::default());
        let report = Report { job: job.id, attempt: job.restarts, at, end, usage, fault: None };
        self.attempts.ended().insert(run, report);
        self.repeat(run);
    }

    fn signal(&mut self, run: RunId, signal: i32, scope: WarningScope) {
        let whom = match scope {
            WarningScope::Batch => Whom::Leader,
            WarningScope::Full => Whom::All,
            // A job that is shown as stopped must be stopped.
            WarningScope::Steps if signal == SIGSTOP || signal == SIGCONT => Whom::All,
            WarningScope::Steps => Whom::Steps,
        };
        if self.repeat(run) {
            return;
        }
        // A run that is not known needs no signal; the order that ends it is Kill.
        if self.supervisor.signal(run, signal, whom).is_err() {
            tracing::debug!(run = %run, signal, "signal to a run that is not there");
        }
    }

    fn halt(&mut self, run: RunId) {
        if !self.repeat(run) && self.supervisor.suspend(run).is_err() {
            tracing::debug!(run = %run, "a run that is not there cannot be suspended");
        }
    }

    fn let_go_on(&mut self, run: RunId) {
        if !self.repeat(run) && self.supervisor.resume(run).is_err() {
            tracing::debug!(run = %run, "a run that is not there cannot be resumed");
        }
    }

    /// Holds a run to what is left of its job, and ends what runs on nodes that it has no more.
    fn shrink(&mut self, job: &Job, components: &[Arc<Job>]) {
        let run = run_of(job.id, job.restarts);
        let Some(running) = job.run() else { return };
        if self.repeat(run) {
            return;
        }
        let limits = launch::limits(job, running, components, &self.cluster, &self.surroundings);
        let others = components.iter().skip(1).filter_map(|job| job.held_resources());
        let shares = std::iter::once(&running.allocation).chain(others).flat_map(|held| &held.nodes);
        let nodes = shares.filter_map(|share| self.cluster.node(share.node));
        let names = nodes.map(|node| node.name.to_string()).collect();
        if self.supervisor.narrow(run, limits, names).is_err() {
            tracing::debug!(run = %run, "a run that is not there cannot be made smaller");
        }
    }

    fn kill(&mut self, job: JobId, attempt: u32) {
        let run = run_of(job, attempt);
        if !self.repeat(run) && self.supervisor.kill(run).is_err() {
            // Its launch was never asked for, so no end would ever be reported.
            let at = Timestamp::from_micros(UnixMicros::now().0);
            let report =
                Report { job, attempt, at, end: End::Vanished, usage: Usage::default(), fault: None };
            self.attempts.ended().insert(run, report);
            self.repeat(run);
        }
    }

    /// Tells the end of a run again if it has one.
    fn repeat(&self, run: RunId) -> bool {
        let report = self.attempts.ended().get(&run).cloned();
        let has_ended = report.is_some();
        if let Some(report) = report {
            (self.reports)(vec![report]);
        }
        has_ended
    }

    fn forget(&mut self, run: RunId) {
        self.attempts.ended().remove(&run);
        self.forget_desk(run);
        // A place for steps lives until it is told otherwise.
        if self.supervisor.is_running(run) && self.supervisor.kill(run).is_ok() {
            self.attempts.strays().insert(run);
            return;
        }
        self.supervisor.forget(&[run]);
    }

    fn forget_strays(&mut self) {
        let mut strays = self.attempts.strays();
        let gone: Vec<RunId> =
            strays.iter().filter(|run| !self.supervisor.is_running(**run)).copied().collect();
        strays.retain(|run| !gone.contains(run));
        drop(strays);
        if !gone.is_empty() {
            self.supervisor.forget(&gone);
        }
    }

    fn recovered(&self, run: RunId) -> Recovered {
        if let Some(Report { at, end, usage, fault, .. }) = self.attempts.ended().get(&run).cloned() {
            return Recovered::Ended { at, end, usage, fault };
        }
        let Some(found) = self.found.get(&run) else { return Recovered::Unknown };
        match found.reports().iter().find_map(to_domain) {
            Some(Report { at, end, usage, fault, .. }) => Recovered::Ended { at, end, usage, fault },
            None => Recovered::Alive {
                suspended: matches!(found.state, FoundState::Running { suspended: true, .. }),
            },
        }
    }
}

impl Engine for Local {
    fn know(&mut self, cluster: &Arc<Cluster>) {
        self.cluster = Arc::clone(cluster);
    }

    fn plan(&mut self, state: &State, now: Timestamp) -> Plan {
        if !Arc::ptr_eq(&self.cluster, state.cluster()) {
            self.cluster = Arc::clone(state.cluster());
        }
        self.scheduler.plan(state, now)
    }

    fn foresee(&mut self, state: &State, jobs: &[JobId], now: Timestamp) -> Vec<Foreseen> {
        self.scheduler.foresee(state, jobs, now)
    }

    fn step_ends(&mut self, state: &State) -> Vec<StepReport> {
        self.ended_steps(state)
    }

    fn plan_steps(&mut self, state: &State, now: Timestamp) -> Vec<StepStart> {
        self.proposed_steps(state, now)
    }

    fn expect_launch(&mut self) {
        self.supervisor.expect_launch();
    }

    fn perform(&mut self, order: Order) {
        if !self.attempts.strays().is_empty() {
            self.forget_strays();
        }
        match order {
            Order::Launch { job, payload, components } => self.launch(&job, &payload, &components),
            Order::Signal { job, attempt, signal, scope } => self.signal(run_of(job, attempt), signal, scope),
            Order::Kill { job, attempt } => self.kill(job, attempt),
            Order::Shrink { job, components } => self.shrink(&job, &components),
            Order::Suspend { job, attempt } => self.halt(run_of(job, attempt)),
            Order::Resume { job, attempt } => self.let_go_on(run_of(job, attempt)),
            Order::StartStep { job, number, components } => self.start_step(&job, number, &components),
            Order::SignalStep { job, attempt, number, signal } => {
                self.supervisor.signal_step(run_of(job, attempt), number, signal);
            }
            Order::ForgetStep { job, attempt, number } => self.forget_step(job, attempt, number),
            Order::Forget { job, attempt } => self.forget(run_of(job, attempt)),
        }
    }

    fn enforcement(&self) -> Vec<Enforced> {
        enforcement(&self.capabilities())
    }

    fn gauge(&self) -> Option<Arc<dyn Gauge>> {
        Some(Arc::new(LocalGauge::of(&self.supervisor, self.surroundings.bind_to.clone())))
    }

    fn steps_folder(&self) -> Option<Text> {
        self.surroundings.spool.join("steps").to_str().map(Text::from)
    }

    fn boot(&self) -> Text {
        self.boot.clone()
    }

    fn recover(&mut self, running: &[(JobId, u32)]) -> Vec<Recovered> {
        let on_record: HashSet<RunId> = running.iter().map(|(job, attempt)| run_of(*job, *attempt)).collect();
        let answers = running.iter().map(|(job, attempt)| self.recovered(run_of(*job, *attempt))).collect();
        // What nobody has on record has ended there already, or never should have begun.
        let strays: Vec<RunId> = self.found.keys().filter(|run| !on_record.contains(run)).copied().collect();
        self.attempts.strays().extend(&strays);
        for run in strays {
            self.attempts.ended().remove(&run);
            if self.supervisor.is_running(run) && self.supervisor.kill(run).is_err() {
                tracing::debug!(run = %run, "stray run ended by itself");
            }
        }
        self.forget_strays();
        self.found.clear();
        answers
    }
}

/// Says in words what can be limited here.
fn enforcement(capabilities: &Capabilities) -> Vec<Enforced> {
    use supervise::Limit;
    let word = |limit| match limit {
        Limit::Enforced => "enforced",
        Limit::Advisory => "advisory",
        Limit::Absent => "absent",
    };
    let users = if capabilities.users { Limit::Enforced } else { Limit::Absent };
    [
        ("memory", capabilities.memory),
        ("cpus", capabilities.cpus),
        ("processes", capabilities.pids),
        ("devices", capabilities.devices),
        ("process tree", capabilities.kill),
        ("users", users),
    ]
    .into_iter()
    .map(|(what, limit)| Enforced { what, how: word(limit) })
    .collect()
}

/// Says once what jobs are held to, and what of the configuration this machine or this user cannot do.
fn tell_limits(capabilities: &Capabilities, surroundings: &Surroundings) {
    let held = enforcement(capabilities);
    let those = |how| {
        let words: Vec<&str> = held.iter().filter(|held| held.how == how).map(|held| held.what).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    };
    let (enforced, advisory, absent) = (those("enforced"), those("advisory"), those("absent"));
    tracing::info!(cgroups = ?capabilities.version, enforced, advisory, absent, "what jobs are held to");
    if !capabilities.users {
        tracing::warn!(
            "not root: only jobs of this service's own user run, and prolog and epilog run as this user"
        );
    }
    if surroundings.limit_memory && capabilities.memory != supervise::Limit::Enforced {
        tracing::warn!("limit_memory has no effect: no memory controller can be written here");
    }
    if surroundings.around.max_processes.is_some() && capabilities.pids != supervise::Limit::Enforced {
        tracing::warn!("max_processes_per_job has no effect: no pids controller can be written here");
    }
}
