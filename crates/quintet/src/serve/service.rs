//! A whole service in this process: everything that `serve` runs, and the demo too.

use super::clock::SystemClock;
use super::reload::Reload;
use super::wiring;
use crate::config::{Config, NoticeConfig};
use crate::notify::Notifier;
use crate::state_dir::{StateDir, read_key};
use anyhow::Context;
use dialects::{Keyring, ScriptOptions, Served, Services};
use domain::ports::Clock;
use domain::service::JobService;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

/// A service that is ready to serve.
pub(crate) struct Service {
    listener: TcpListener,
    address: SocketAddr,
    keys: Arc<Keyring>,
    jobs: JobService,
    spool: PathBuf,
    state: PathBuf,
    notices: NoticeConfig,
    slurm: Served,
    script_options: ScriptOptions,
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
        let (jobs, spool) = wiring::start(config, cluster, state.path(), clock)?;
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
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let services = Services {
            jobs: self.jobs.clone(),
            keys: self.keys,
            version: env!("CARGO_PKG_VERSION"),
            slurm: self.slurm,
            script_options: Some(self.script_options),
        };
        dialects::serve(listener, services, stop).await;
        if let Some(notifier) = notifier {
            notifier.stop().await;
        }
        self.jobs.stop().await;
        // Where no job has a script left, nothing of the folder is left either. Where one has, this fails, as it should.
        let _ = std::fs::remove_dir(&self.spool);
        Ok(())
    }
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
