//! Which room gets what: the store, the engine and the directory behind the job service.

use super::calendar::LocalCalendar;
use super::clock::SystemClock;
use super::directory::People;
use super::spool::default_spool;
use crate::config::{CockpitConfig, Config};
use crate::monitoring::{Folder, own_cluster};
use anyhow::{Context, bail};
use domain::cluster::Cluster;
use domain::monitoring::MonitoredCluster;
use domain::ports::Engine;
use domain::service::{JobService, Monitoring, Ports};
use domain::{Error, Text};
use engine::local::{Local, LocalConfig, PrivateTmp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use store::{Measured, MeasuredOptions, Monitored, Writer};

/// What was started.
pub(super) struct Started {
    /// The job service.
    pub(super) jobs: JobService,
    /// Where batch scripts are put.
    pub(super) spool: PathBuf,
    /// Monitoring, if it is served.
    pub(super) monitoring: Option<Monitoring>,
}

/// Starts the job service over the state in a directory.
pub(super) fn start(
    config: &Config,
    cluster: Cluster,
    state: &Path,
    clock: Arc<SystemClock>,
) -> anyhow::Result<Started> {
    let calendar = Arc::new(LocalCalendar::of_this_place());
    let retention = config.retention(state, clock.clone());
    let retention = Some(retention).filter(|retention| !retention.is_for_ever());
    let options = store::Options { calendar: calendar.clone(), retention, ..store::Options::default() };
    let (store, history) = store::open(&state.join("store"), options).context("open the store")?;
    let cockpit = config.cockpit()?;
    let monitoring = cockpit.as_ref().map(|cockpit| monitoring(cockpit, &store, state, Arc::clone(&clock)));
    let monitoring = monitoring.transpose()?;
    let local = local(config, &cluster, state)?;
    let spool = local.spool.clone();
    let engine = move |reports| {
        let opened = Local::open(local, reports);
        let unavailable = |error| Error::Unavailable(Text::from(format!("{:#}", anyhow::Error::from(error))));
        Ok(Box::new(opened.map_err(unavailable)?) as Box<dyn Engine>)
    };
    let ports = Ports {
        store: Box::new(store),
        history: Arc::new(history),
        engine: Box::new(engine),
        directory: Arc::new(People::of(config)?),
        meter: Arc::new(engine::machine::ThisMachine),
        clock,
        calendar,
    };
    let jobs = JobService::start(cluster, ports).context("start the job service")?;
    if let (Some(monitoring), Some(cockpit)) = (&monitoring, cockpit) {
        let mut clusters = vec![described(&jobs)];
        clusters.extend(cockpit.clusters);
        monitoring.watch(clusters);
    }
    Ok(Started { jobs, spool, monitoring })
}

/// Opens what monitoring keeps.
fn monitoring(
    cockpit: &CockpitConfig,
    store: &Writer,
    state: &Path,
    clock: Arc<SystemClock>,
) -> anyhow::Result<Monitoring> {
    let options = MeasuredOptions {
        clock: clock.clone(),
        most_series: cockpit.max_series,
        checkpoint: Duration::from_secs(300),
        keep: cockpit.keep.clone(),
    };
    let measured = Measured::open(store, options).context("open the store of measured values")?;
    let monitored = Monitored::open(store).context("open the store of monitored jobs")?;
    let monitoring = Monitoring::new(Arc::new(monitored), Arc::new(measured), Vec::new(), clock);
    Ok(monitoring.with_archive(Arc::new(Folder::new(state.join("archive")))))
}

/// Describes our own cluster for monitoring.
fn described(jobs: &JobService) -> MonitoredCluster {
    let machine = supervise::machine::describe();
    let layout = supervise::layout::layout(&machine.cpus);
    let measures = jobs.gauge().map(|gauge| gauge.measures()).unwrap_or_default();
    own_cluster(&jobs.snapshot().cluster, &layout, machine.cpus.len(), &measures)
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
