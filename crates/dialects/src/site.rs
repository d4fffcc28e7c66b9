//! All dialects on one address: which of them a request belongs to, and what they share.

use crate::clustercockpit::{self, Cockpit};
use crate::et_engine::{self, EtEngine};
use crate::http::answer::{Answer, text};
use crate::http::body::Budget;
use crate::http::listen::listen;
use crate::metrics::Metrics;
use crate::nifcloud::{self, Nifcloud};
use crate::slurm::{Counters, Descriptions, KeptJobs, ScriptOptions, Served, SlurmCluster};
use crate::tokens::Keyring;
use crate::waldur::{self, Waldur};
use crate::{front, metrics, native, slurm};
use domain::history::Wanted;
use domain::ports::StoreError;
use domain::service::{JobService, Monitoring, Submission};
use domain::who::Principal;
use domain::{JobId, Timestamp};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request, StatusCode};
use jiff::tz::TimeZone;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the dialects need.
#[derive(Clone)]
pub struct Services {
    /// Jobs, and through it history, users and time.
    pub jobs: JobService,
    /// Checks Slurm's tokens.
    pub keys: Arc<Keyring>,
    /// The version of this program, shown on its front page and in metrics.
    pub version: &'static str,
    /// What of Slurm's interface is served.
    pub slurm: Served,
    /// How `#SBATCH` lines are read, if that can be done.
    pub script_options: Option<ScriptOptions>,
    /// The cluster that answers requests of Slurm's interface, if it is not this service itself.
    pub cluster: Option<Arc<dyn SlurmCluster>>,
    /// Whether the native interface is served.
    pub native: bool,
    /// Monitoring, if ClusterCockpit's interface is served.
    pub cockpit: Option<Cockpit>,
    /// What ET Engine's interface needs, if it is served.
    pub et_engine: Option<EtEngine>,
    /// What Waldur's interface keeps and knows, if it is served.
    pub waldur: Option<Arc<Waldur>>,
    /// Scripts, folders and signatures, if Nifcloud's interface is served.
    pub nifcloud: Option<Nifcloud>,
}

/// What every request can reach.
pub(crate) struct Site {
    pub(crate) jobs: JobService,
    pub(crate) keys: Arc<Keyring>,
    pub(crate) version: &'static str,
    pub(crate) slurm: Served,
    pub(crate) script_options: Option<ScriptOptions>,
    pub(crate) cluster: Option<Arc<dyn SlurmCluster>>,
    pub(crate) native: bool,
    pub(crate) cockpit: Option<Cockpit>,
    pub(crate) et_engine: Option<EtEngine>,
    pub(crate) waldur: Option<Arc<Waldur>>,
    pub(crate) nifcloud: Option<Nifcloud>,
    pub(crate) descriptions: Descriptions,
    pub(crate) bodies: Budget,
    pub(crate) metrics: Metrics,
    pub(crate) counters: Counters,
    pub(crate) kept_jobs: KeptJobs,
    pub(crate) zone: TimeZone,
    pub(crate) started: Timestamp,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Site {
    /// Returns monitoring, which knows jobs of other clusters, if it is served.
    pub(crate) fn monitoring(&self) -> Option<&Monitoring> {
        self.cockpit.as_ref().map(|cockpit| &cockpit.monitoring)
    }

    /// Waits until what a dialect shows of jobs is as new as whoever asks may expect.
    async fn be_current(&self, dialect: Dialect) {
        let has_waited = self.jobs.be_current().await;
        // Monitoring keeps records of its own, which are a moment behind the jobs.
        if let (true, Dialect::Cockpit, Some(monitoring)) = (has_waited, dialect, self.monitoring()) {
            let latest = *self.jobs.feed().bell().borrow();
            monitoring.has_records_up_to(latest).await;
        }
    }

    /// Tells whether a job of this number is alive or in history. Blocks.
    ///
    /// # Errors
    /// If history cannot be read.
    pub(crate) fn remembers(&self, job: JobId) -> Result<bool, StoreError> {
        let wanted = Wanted { jobs: vec![(job, None)], limit: 1, ..Wanted::default() };
        Ok(!self.jobs.records(job).is_empty() || !self.jobs.history().keys(&wanted)?.is_empty())
    }

    /// Reads the submission that a script describes by its `#SBATCH` lines alone; see [`slurm::of_script`].
    pub(crate) fn submission_of_script(
        &self,
        by: &Principal,
        script: &str,
    ) -> Result<Vec<Submission>, String> {
        slurm::of_script(self, by, script)
    }
}

/// Serves every dialect until `stop` resolves; then open requests have some seconds to end.
///
/// Nobody is told that the service is ready: a listener accepts connections from the moment it was bound.
pub async fn serve(
    listener: TcpListener,
    services: Services,
    stop: impl Future<Output = ()> + Send + 'static,
) {
    let Services { jobs, keys, version, slurm, script_options, cluster, .. } = services;
    let Services { native, cockpit, et_engine, nifcloud, waldur, .. } = services;
    let (stopping, stopped) = watch::channel(false);
    tokio::spawn(async move {
        stop.await;
        stopping.send_replace(true);
    });
    let started = jobs.clock().now();
    let site = Arc::new(Site {
        jobs,
        keys,
        version,
        slurm,
        script_options,
        cluster,
        native,
        cockpit,
        et_engine,
        waldur,
        nifcloud,
        descriptions: Descriptions::default(),
        bodies: Budget::default(),
        metrics: Metrics::default(),
        kept_jobs: KeptJobs::default(),
        counters: Counters::default(),
        zone: TimeZone::system(),
        started,
        address: listener.local_addr().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into()),
        stop: stopped.clone(),
    });
    if let Some(et) = &site.et_engine {
        et_engine::clear_orphans(&site, et).await;
        tokio::spawn(et_engine::sweep(Arc::clone(&site), et.clone()));
    }
    if let Some(waldur) = &site.waldur {
        tokio::spawn(waldur::sweep(Arc::clone(&site), Arc::clone(waldur)));
    }
    let respond = Arc::new(move |request, peer| respond(Arc::clone(&site), request, peer));
    listen(listener, stopped, respond).await;
}

/// How long a request waits for the jobs of a cluster to be looked at, which it need not be when somebody else asked a
/// moment ago.
const NEWS: Duration = Duration::from_secs(1);

async fn respond(site: Arc<Site>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
    let dialect = Dialect::of(&site, &request);
    let begun = std::time::Instant::now();
    if dialect.shows_jobs(&request) {
        // What cannot be had in time is shown as it was.
        let _ = tokio::time::timeout(NEWS, site.be_current(dialect)).await;
    }
    let answer = match dialect {
        _ if !is_known(request.method()) => text(StatusCode::METHOD_NOT_ALLOWED, "Invalid HTTP method"),
        _ if head_size(&request) > LARGEST_HEAD => {
            text(StatusCode::INTERNAL_SERVER_ERROR, "Insane message length")
        }
        Dialect::Front => front::respond(&site, &request),
        Dialect::Metrics => metrics::respond(&site, &request),
        Dialect::Native if !site.native => {
            text(StatusCode::NOT_FOUND, "The native interface is not served here")
        }
        Dialect::Native => native::respond(&site, request).await,
        Dialect::Waldur => waldur::respond(&site, request, peer).await,
        Dialect::Cockpit => clustercockpit::respond(&site, request, peer).await,
        Dialect::EtEngine => match site.et_engine.as_ref() {
            Some(et) => et_engine::respond(&site, et, request).await,
            None => text(StatusCode::NOT_FOUND, "Not found"),
        },
        Dialect::Nifcloud => nifcloud::respond(&site, request).await,
        Dialect::Slurm => slurm::respond(&site, request, peer).await,
    };
    site.metrics.count(dialect, answer.status(), begun.elapsed());
    answer
}

/// What a request is for, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// The front page and the probes.
    Front,
    /// Counters for Prometheus.
    Metrics,
    /// What no foreign API offers.
    Native,
    /// Waldur's API of Slurm jobs.
    Waldur,
    /// ClusterCockpit's REST API.
    Cockpit,
    /// ET Engine's API of batches.
    EtEngine,
    /// Nifcloud's HPC REST API.
    Nifcloud,
    /// Slurm's REST API, and everything nobody else wants: its answers to unknown paths are known to clients.
    Slurm,
}

impl Dialect {
    /// Every dialect with its name in metrics.
    pub(crate) const ALL: [(Dialect, &'static str); 8] = [
        (Dialect::Front, "front"),
        (Dialect::Metrics, "metrics"),
        (Dialect::Native, "native"),
        (Dialect::Waldur, "waldur"),
        (Dialect::Cockpit, "clustercockpit"),
        (Dialect::EtEngine, "et-engine"),
        (Dialect::Nifcloud, "nifcloud"),
        (Dialect::Slurm, "slurm"),
    ];

    fn of(site: &Site, request: &Request<Incoming>) -> Self {
        let path = request.uri().path();
        match path.trim_matches('/') {
            "" | "healthz" | "livez" | "readyz" if request.method() == Method::GET => Dialect::Front,
            "metrics" => Dialect::Metrics,
            trimmed if trimmed == "quintet" || trimmed.starts_with("quintet/") => Dialect::Native,
            // Both are below `/api`; this one has names of its own there.
            trimmed if site.waldur.is_some() && waldur::owns(trimmed) && !is_cockpits(trimmed, request) => {
                Dialect::Waldur
            }
            trimmed if clustercockpit::owns(trimmed) => Dialect::Cockpit,
            trimmed if site.et_engine.is_some() && et_engine::owns(trimmed) => Dialect::EtEngine,
            trimmed if site.nifcloud.is_some() && is_nifclouds(trimmed, request) => Dialect::Nifcloud,
            _ => Dialect::Slurm,
        }
    }
}

impl Dialect {
    /// Tells whether the jobs of this service are what a request is about. Slurm's interface asks a cluster itself, and
    /// collectors only bring something.
    fn shows_jobs(self, request: &Request<Incoming>) -> bool {
        match self {
            Dialect::Native | Dialect::Waldur | Dialect::EtEngine | Dialect::Nifcloud => true,
            Dialect::Cockpit => !clustercockpit::is_push(request.uri().path()),
            Dialect::Front | Dialect::Metrics | Dialect::Slurm => false,
        }
    }
}

/// The one path below `/api` of two dialects: what clients of ClusterCockpit keep. Waldur's, which shows how it is set up,
/// is only read, and by anybody.
fn is_cockpits(path: &str, request: &Request<Incoming>) -> bool {
    let has_token = || {
        let bearer = |value: &HeaderValue| value.as_bytes().starts_with(b"Bearer ");
        let headers = request.headers();
        headers.contains_key("x-auth-token") || headers.get(AUTHORIZATION).is_some_and(bearer)
    };
    path == "api/configuration" && (request.method() == Method::POST || has_token())
}

/// Nifcloud's paths, and those that nobody owns where they are asked for as its clients ask.
fn is_nifclouds(path: &str, request: &Request<Incoming>) -> bool {
    const SLURMS: [&str; 3] = ["slurm", "slurmdb", "openapi"];
    let first = path.split('/').next().unwrap_or_default();
    nifcloud::owns(path) || nifcloud::is_signed(request) && !SLURMS.contains(&first)
}

/// Largest sum of names and values of headers.
const LARGEST_HEAD: usize = 64 << 10;

fn head_size(request: &Request<Incoming>) -> usize {
    let headers = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
    headers.sum::<usize>() + request.uri().path_and_query().map_or(0, |path| path.as_str().len())
}

/// The methods HTTP itself defines; the original answers 405 to any other before it looks further.
fn is_known(method: &Method) -> bool {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::POST,
        Method::DELETE,
        Method::PUT,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
        Method::CONNECT,
    ];
    KNOWN.contains(method)
}
