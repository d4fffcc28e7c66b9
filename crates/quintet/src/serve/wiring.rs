//! Which room gets what: the store, the engine and the directory behind the job service.

use super::calendar::LocalCalendar;
use super::clock::SystemClock;
use super::directory::People;
use super::spool::default_spool;
use super::upstream::Behind;
use crate::config::{CockpitConfig, Config};
use crate::monitoring::{Described, Folder};
use anyhow::{Context, bail};
use domain::cluster::Cluster;
use domain::ports::{Directory, Engine, Shelf};
use domain::service::{Following, JobService, Monitoring, OpenEngine, Ports};
use domain::{Error, Text};
use engine::local::{Local, LocalConfig, PrivateTmp};
use engine::slurm::Elsewhere;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Measured, MeasuredOptions, Monitored, Papers, Writer};

/// What was started.
pub(super) struct Started {
    /// The job service.
    pub(super) jobs: JobService,
    /// Where batch scripts are put, if jobs run here.
    pub(super) spool: Option<PathBuf>,
    /// The way to a cluster, if jobs run there.
    pub(super) behind: Option<Arc<Behind>>,
    /// Monitoring, if it is served.
    pub(super) monitoring: Option<Monitoring>,
    /// Where dialects keep what only they know.
    pub(super) shelf: Arc<dyn Shelf>,
    /// Who there is.
    pub(super) directory: Arc<dyn Directory>,
}

/// Starts the job service over the state in a directory.
pub(super) fn start(
    config: &Config,
    cluster: Cluster,
    state: &Path,
    clock: Arc<SystemClock>,
    key: &[u8],
) -> anyhow::Result<Started> {
    let calendar = Arc::new(LocalCalendar::of_this_place());
    let retention = config.retention(state, clock.clone());
    let retention = Some(retention).filter(|retention| !retention.is_for_ever());
    let options = store::Options { calendar: calendar.clone(), retention, ..store::Options::default() };
    let (store, history) = store::open(&state.join("store"), options).context("open the store")?;
    let shelf: Arc<dyn Shelf> = Arc::new(Papers::open(&store).context("open what dialects keep")?);
    let behind = config
        .upstream()?
        .map(|upstream| Behind::open(upstream, key, Arc::clone(&shelf)).map(Arc::new))
        .transpose()?;
    // Monitoring is fed by jobs that are known here.
    let cockpit = match &behind {
        Some(behind) if !behind.acts_for_others() => None,
        _ => config.cockpit()?,
    };
    let kept = cockpit.as_ref().map(|cockpit| kept(cockpit, &store, Arc::clone(&clock))).transpose()?;
    let directory: Arc<dyn Directory> = Arc::new(People::of(config)?);
    let meter = Arc::new(engine::machine::ThisMachine);
    let (jobs, spool) = match behind.as_ref().filter(|behind| behind.acts_for_others()) {
        Some(behind) => {
            let (remote, every) = behind.remote(Arc::clone(&directory))?;
            let following = Following {
                store: Box::new(store),
                history: Arc::new(history),
                remote,
                directory: Arc::clone(&directory),
                meter,
                clock: clock.clone(),
                calendar,
                every,
            };
            (JobService::follow(cluster, following), None)
        }
        None => {
            let (engine, spool) = match &behind {
                Some(_) => (elsewhere(), None),
                None => {
                    let local = local(config, &cluster, state)?;
                    let spool = local.spool.clone();
                    (here(local), Some(spool))
                }
            };
            let ports = Ports {
                store: Box::new(store),
                history: Arc::new(history),
                engine,
                directory: Arc::clone(&directory),
                meter,
                clock: clock.clone(),
                calendar,
            };
            (JobService::start(cluster, ports), spool)
        }
    };
    let jobs = jobs.context("start the job service")?;
    let monitoring = cockpit.zip(kept).map(|(cockpit, (monitored, measured))| {
        let clusters = Arc::new(Described::of(jobs.clone(), cockpit.clusters));
        let monitoring = Monitoring::new(Arc::new(monitored), Arc::new(measured), clusters, clock);
        monitoring.with_archive(Arc::new(Folder::new(state.join("archive"))))
    });
    Ok(Started { jobs, spool, behind, monitoring, shelf, directory })
}

/// Makes the engine of this machine.
fn here(local: LocalConfig) -> OpenEngine {
    Box::new(move |reports| {
        let opened = Local::open(local, reports);
        let unavailable = |error| Error::Unavailable(Text::from(format!("{:#}", anyhow::Error::from(error))));
        Ok(Box::new(opened.map_err(unavailable)?) as Box<dyn Engine>)
    })
}

/// Makes the engine of a service whose jobs run on a cluster.
fn elsewhere() -> OpenEngine {
    Box::new(|_| Ok(Box::new(Elsewhere) as Box<dyn Engine>))
}

/// Opens what monitoring keeps.
fn kept(
    cockpit: &CockpitConfig,
    store: &Writer,
    clock: Arc<SystemClock>,
) -> anyhow::Result<(Monitored, Measured)> {
    let options = MeasuredOptions {
        clock,
        most_series: cockpit.max_series,
        checkpoint: Duration::from_secs(300),
        keep: cockpit.keep.clone(),
    };
    let measured = Measured::open(store, options).context("open the store of measured values")?;
    let monitored = Monitored::open(store).context("open the store of monitored jobs")?;
    Ok((monitored, measured))
}

fn local(config: &Config, cluster: &Cluster, state: &Path) -> anyhow::Result<LocalConfig> {
    let engine = config.engine();
    let program = std::env::current_exe().context("find this program's own file")?;
    let spool = engine.spool.unwrap_or_else(|| default_spool(state, engine.around.private_tmp));
    let mut local = LocalConfig::new(state.join("launchers"), spool, program, Arc::new(cluster.clone()));
    local.launchers = engine.launchers.unwrap_or(local.launchers);
    // A launcher holds little. What the allocator does for large heaps would cost it several megabytes in huge pages.
    local.launcher_env = vec![("MIMALLOC_ARENA_EAGER_COMMIT".into(), "0".into())];
    local.cgroups = engine.cgroups;
    local.limit_memory = engine.limit_memory;
    local.bind_cpus = engine.bind_cpus;
    local.around = engine.around;
    let around = &local.around;
    let hooks =
        around.prolog.iter().chain(&around.epilog).chain(&around.task_prolog).chain(&around.task_epilog);
    if let Some(missing) = hooks.into_iter().find(|hook| !hook.is_file()) {
        bail!("[engine] of the configuration names {}, and there is no such program", missing.display());
    }
    if local.around.private_folder.as_os_str().is_empty() {
        local.around.private_folder = state.join("private");
    }
    let folder = &local.around.private_folder;
    if local.around.private_tmp != PrivateTmp::Never
        && let Some(covered) = [folder, &local.spool].into_iter().find(|path| path.starts_with("/tmp"))
    {
        bail!("{} would be out of sight of jobs that have /tmp for themselves", covered.display());
    }
    Ok(local)
}
