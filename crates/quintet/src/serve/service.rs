//! A whole service in this process: everything that `serve` runs, and the demo too.

use super::clock::SystemClock;
use super::reload::Reload;
use super::upstream::Behind;
use super::wiring;
use crate::config::{Config, NoticeConfig};
use crate::logins::LoginFile;
use crate::monitoring::{Archivist, Follower, Sampler};
use crate::nifcloud::{self, Aftermath};
use crate::notify::Notifier;
use crate::revoked::RevokedFile;
use crate::state_dir::{StateDir, read_key};
use crate::terminal::remark;
use anyhow::Context;
use dialects::{
    Cockpit, CockpitKeys, EtEngine, EtKeys, Keyring, ScriptOptions, Served, Services, SlurmCluster, Waldur,
    WaldurTokens,
};
use domain::ports::{Clock, Revocations, Shelf};
use domain::service::JobService;
use files::Keep;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// A service that is ready to serve.
pub(crate) struct Service {
    listener: TcpListener,
    address: SocketAddr,
    keys: Arc<Keyring>,
    jobs: JobService,
    spool: Option<PathBuf>,
    state: PathBuf,
    notices: NoticeConfig,
    slurm: Served,
    script_options: ScriptOptions,
    behind: Option<Arc<Behind>>,
    cockpit: Option<Cockpit>,
    et_engine: Option<EtEngine>,
    waldur: Option<Arc<Waldur>>,
    nifcloud: Option<nifcloud::Wanted>,
    knows_jobs: bool,
    shelf: Arc<dyn Shelf>,
}

impl Service {
    /// Opens state and engine, and takes the address; `listen` goes before the configured one.
    pub(crate) fn open(
        config: &Config,
        state: &mut StateDir,
        listen: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let key = match config.jwt_key() {
            Some(path) => read_key(path)?,
            None => state.key()?,
        };
        let keys = Keyring::new(&key).context("use the key Slurm tokens are signed with")?;
        // Taken before anything is started: a second service on this address fails here and does no harm.
        let address = listen.unwrap_or(config.listen());
        let listener = super::listen::listen(address).with_context(|| format!("listen on {address}"))?;
        let address = listener.local_addr()?;
        let clock = Arc::new(SystemClock::default());
        let cluster = config.cluster(&engine::machine::this_machine(), clock.now())?;
        let notices = notices(config)?;
        let wiring::Started { jobs, spool, behind, monitoring, shelf, directory } =
            wiring::start(config, cluster, state.path(), clock, &key)?;
        // Interfaces with jobs of their own need a job service that knows them: this one's, or the cluster's, if it can be
        // asked for users who have no token of its own.
        let knows_jobs = behind.as_ref().is_none_or(|behind| behind.acts_for_others());
        match behind.as_ref() {
            Some(behind) if knows_jobs => behind.tell(jobs.clone()),
            Some(_) => remark(
                "in front of a Slurm cluster, asked with callers' own tokens: Slurm's interface is served; the others \
                 need identity = \"key\" or \"service\" in [engine.slurm] and are switched off",
            ),
            None => {}
        }
        let waldur = match knows_jobs {
            true => waldur(config, state, &jobs, Arc::clone(&shelf))?,
            false => None,
        };
        let revocations: Arc<dyn Revocations> = Arc::new(RevokedFile::of(state));
        let et_engine = match knows_jobs {
            true => et_engine(config, state, &revocations, &shelf)?,
            false => None,
        };
        let cockpit = match (monitoring, config.cockpit()?) {
            (Some(monitoring), Some(own)) => {
                let key = match &own.private_key {
                    Some(path) => read_key(path)?,
                    None => state.cockpit_key()?,
                };
                let keys =
                    CockpitKeys::new(&key).context("use the key ClusterCockpit's tokens are signed with")?;
                Some(Cockpit {
                    monitoring,
                    keys: Arc::new(keys),
                    origins: own.origins,
                    shelf: Arc::clone(&shelf),
                })
            }
            _ => None,
        };
        let nifcloud = config
            .nifcloud()?
            .filter(|_| knows_jobs)
            .map(|own| nifcloud::Wanted::new(own, state, directory, revocations))
            .transpose()?;
        Ok(Service {
            listener,
            address,
            keys: Arc::new(keys),
            jobs,
            spool,
            state: state.path().to_owned(),
            notices,
            slurm: config.slurm()?,
            script_options: config.script_options(),
            behind,
            cockpit,
            et_engine,
            waldur,
            nifcloud,
            knows_jobs,
            shelf,
        })
    }

    /// Lets administrators have this configuration read anew.
    pub(crate) fn reads_anew(&mut self, reload: Reload) {
        self.jobs = self.jobs.clone().with_configuration(Arc::new(reload));
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then ends in good order; jobs go on.
    pub(crate) async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let notifier = Notifier::start(self.notices, self.jobs.clone(), &self.state)?;
        let (mut follower, mut sampler, mut archivist) = (None, None, None);
        if let Some(Cockpit { monitoring, .. }) = &self.cockpit {
            follower = Some(Follower::start(self.jobs.clone(), monitoring.clone())?);
            sampler = Sampler::start(self.jobs.clone(), monitoring.clone())?;
            archivist = Some(Archivist::start(monitoring.clone())?);
        }
        let nifcloud = self.nifcloud.map(|wanted| wanted.open(Arc::clone(&self.shelf))).transpose()?;
        let mut aftermath = None;
        if let Some(nifcloud) = &nifcloud {
            aftermath = Some(Aftermath::start(self.jobs.clone(), nifcloud, self.shelf)?);
        }
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let looking_after =
            self.behind.clone().map(|behind| tokio::spawn(async move { behind.look_after().await }));
        let services = Services {
            jobs: self.jobs.clone(),
            keys: self.keys,
            version: env!("CARGO_PKG_VERSION"),
            slurm: self.slurm,
            script_options: Some(self.script_options),
            native: self.knows_jobs,
            cluster: self.behind.map(|behind| behind as Arc<dyn SlurmCluster>),
            cockpit: self.cockpit.clone(),
            et_engine: self.et_engine,
            nifcloud,
            waldur: self.waldur,
        };
        dialects::serve(listener, services, stop).await;
        if let Some(looking_after) = looking_after {
            looking_after.abort();
        }
        if let Some(notifier) = notifier {
            notifier.stop().await;
        }
        if let Some(sampler) = sampler {
            sampler.stop().await;
        }
        if let Some(follower) = follower {
            follower.stop().await;
        }
        if let Some(archivist) = archivist {
            archivist.stop().await;
        }
        if let Some(aftermath) = aftermath {
            aftermath.stop().await;
        }
        self.jobs.stop().await;
        // Where no job has a script left, nothing of the folder is left either. Where one has, this fails, as it should.
        let _ = self.spool.map(std::fs::remove_dir);
        Ok(())
    }
}

/// Opens what ET Engine's interface needs, if it is served.
fn et_engine(
    config: &Config,
    state: &mut StateDir,
    revocations: &Arc<dyn Revocations>,
    shelf: &Arc<dyn Shelf>,
) -> anyhow::Result<Option<EtEngine>> {
    let Some(own) = config.et_engine()? else { return Ok(None) };
    let keys = EtKeys::new(&state.et_key()?);
    let folder = own.folder(state.path());
    let keep = Keep::new(folder.clone());
    if own.names_folder() {
        // A mistake better found now. The usual place is made when it is needed.
        keep.prepare().with_context(|| format!("make {} for ET Engine's files", folder.display()))?;
    }
    let (revocations, shelf) = (Arc::clone(revocations), Arc::clone(shelf));
    Ok(Some(EtEngine::new(keys, revocations, shelf, Arc::new(keep), own.settings)))
}

/// Opens what Waldur's interface keeps, if it is served.
fn waldur(
    config: &Config,
    state: &mut StateDir,
    jobs: &JobService,
    shelf: Arc<dyn Shelf>,
) -> anyhow::Result<Option<Arc<Waldur>>> {
    let Some(options) = config.waldur()? else { return Ok(None) };
    let tokens = WaldurTokens::new(&state.waldur_key()?);
    let logins = Arc::new(LoginFile::of(state));
    let opened = Waldur::open(options, state.ids_key()?, tokens, logins, shelf, jobs.clock().now());
    Ok(Some(Arc::new(opened.context("open what Waldur's interface keeps")?)))
}

/// Returns who is told what becomes of jobs; a completion script that is not there is a mistake better found now.
fn notices(config: &Config) -> anyhow::Result<NoticeConfig> {
    let notices = config.notices();
    if let Some(missing) = notices.completion.as_ref().filter(|path| !path.is_file()) {
        anyhow::bail!(
            "[hooks] of the configuration names {}, and there is no such program",
            missing.display()
        );
    }
    Ok(notices)
}
