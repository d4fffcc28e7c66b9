//! `[engine.slurm]`: a real Slurm cluster, and what cannot be said of it in the same file.

use super::error::ConfigError;
use super::file::{ClusterTable, EngineKind, EngineTable, File, IdentityWord, UpstreamTable};
use engine::slurm::{Endpoint, Rate};
use std::path::PathBuf;
use std::time::Duration;

const TABLE: &str = "[engine.slurm]";

/// A cluster as it is configured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Upstream {
    /// Where its slurmrestd listen.
    pub(crate) endpoints: Vec<Endpoint>,
    /// As whom it is asked.
    pub(crate) showing: Showing,
    /// A file of certificates that are trusted instead of the machine's.
    pub(crate) authority: Option<PathBuf>,
    /// How old copies may be.
    pub(crate) max_age: Duration,
    /// How old while the cluster cannot be asked.
    pub(crate) stale_for: Duration,
    /// How long it may take for an answer.
    pub(crate) timeout: Duration,
    /// How long a write may wait for it to come back, where its caller asks for that.
    pub(crate) longest_wait: Duration,
    /// Whether users see different things.
    pub(crate) private_data: bool,
    /// How often a user may ask.
    pub(crate) rate: Option<Rate>,
    /// How many submissions under clients' keys are remembered.
    pub(crate) kept_keys: usize,
    /// How long.
    pub(crate) key_window: Duration,
}

/// As whom a cluster is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Showing {
    /// As the caller, by his own token; with the site's key it is checked here.
    Caller {
        /// Whether the key is there.
        has_key: bool,
    },
    /// By tokens made from the site's key.
    Key {
        /// As whom the service itself asks.
        user: String,
    },
    /// As a service that speaks for others.
    Service {
        /// Where its token is.
        file: PathBuf,
        /// Who it is.
        user: String,
    },
}

/// Returns the cluster that the file describes, if it describes one.
pub(super) fn upstream(file: &File) -> Result<Option<Upstream>, ConfigError> {
    match (file.engine.kind, &file.engine.slurm) {
        (EngineKind::Local, None) => Ok(None),
        (EngineKind::Local, Some(_)) => {
            Err(ConfigError::unfit(TABLE, "it is for kind = \"slurm\" in [engine] only"))
        }
        (EngineKind::Slurm, None) => {
            Err(ConfigError::unfit("[engine]", "kind = \"slurm\" needs [engine.slurm] with its endpoints"))
        }
        (EngineKind::Slurm, Some(table)) => {
            refuse_what_the_cluster_decides(file)?;
            described(table, &file.cluster).map(Some)
        }
    }
}

fn described(table: &UpstreamTable, cluster: &ClusterTable) -> Result<Upstream, ConfigError> {
    let unfit = |why: &str| Err(ConfigError::unfit(TABLE, why));
    if table.endpoints.is_empty() {
        return unfit("endpoints must name one at least, such as \"http://HOST:6820\"");
    }
    let endpoints = table.endpoints.iter().map(|endpoint| endpoint.parse());
    let endpoints: Result<Vec<Endpoint>, _> = endpoints.collect();
    let endpoints = endpoints.map_err(|error| ConfigError::unfit(TABLE, error.to_string()))?;
    let user = table.user.clone();
    let showing = match (table.identity, &table.jwt_key, &table.token_file) {
        (IdentityWord::Caller, key, None) => Showing::Caller { has_key: key.is_some() },
        (IdentityWord::Key, Some(_), None) => Showing::Key { user },
        (IdentityWord::Key, None, _) => return unfit("identity = \"key\" needs jwt_key"),
        (IdentityWord::Service, None, Some(file)) => Showing::Service { file: file.clone(), user },
        (IdentityWord::Service, _, None) => return unfit("identity = \"service\" needs token_file"),
        (IdentityWord::Service, Some(_), _) => {
            return unfit(
                "identity = \"service\" takes callers' tokens of [auth] jwt_key, not of a key here",
            );
        }
        (_, _, Some(_)) => return unfit("token_file is for identity = \"service\" only"),
    };
    if user_is_missing(&showing) {
        return unfit("user must name somebody");
    }
    let is_rate = table.rate.is_finite() && table.rate >= 0.0;
    if !is_rate || table.rate > 0.0 && table.burst == 0 {
        return unfit("rate must be requests a second or 0 for no limit, and burst at least 1");
    }
    if table.timeout.0.is_zero() {
        return unfit("timeout must be longer than that");
    }
    Ok(Upstream {
        endpoints,
        showing,
        authority: table.ca.clone(),
        max_age: table.max_age.0,
        stale_for: table.stale_for.0.max(table.max_age.0),
        timeout: table.timeout.0,
        longest_wait: table.longest_wait.0,
        private_data: table.private_data,
        rate: (table.rate > 0.0).then(|| Rate { per_second: table.rate, burst: f64::from(table.burst) }),
        kept_keys: cluster.idempotency_keys,
        key_window: cluster.idempotency_window.0,
    })
}

fn user_is_missing(showing: &Showing) -> bool {
    match showing {
        Showing::Caller { .. } => false,
        Showing::Key { user } | Showing::Service { user, .. } => user.is_empty(),
    }
}

/// What is configured of a machine means nothing to a cluster: it would be parsed and forgotten.
fn refuse_what_the_cluster_decides(file: &File) -> Result<(), ConfigError> {
    let usual = File::default();
    // What the service itself does for submissions and followers stays its own.
    let cluster = ClusterTable {
        kept_changes: usual.cluster.kept_changes,
        idempotency_keys: usual.cluster.idempotency_keys,
        idempotency_window: usual.cluster.idempotency_window,
        service_user: usual.cluster.service_user.clone(),
        ..file.cluster.clone()
    };
    let engine = EngineTable { kind: usual.engine.kind, slurm: None, ..file.engine.clone() };
    let parts = [
        ("[cluster]", cluster == usual.cluster),
        ("[[nodes]]", file.nodes == usual.nodes),
        ("[[partitions]]", file.partitions == usual.partitions),
        ("[licenses]", file.licenses == usual.licenses),
        ("[[switches]]", file.switches == usual.switches),
        ("[[qos]]", file.qos == usual.qos),
        ("[scheduler]", file.scheduler == usual.scheduler),
        ("[preempt]", file.preempt == usual.preempt),
        ("[priority]", file.priority == usual.priority),
        ("[[accounts]]", file.accounts == usual.accounts),
        ("[accounting]", file.accounting == usual.accounting),
        ("[mail]", file.mail == usual.mail),
        ("[hooks]", file.hooks == usual.hooks),
        ("[engine]", engine == usual.engine),
        ("[slurm] honor_sbatch_lines", file.slurm.honor_sbatch_lines == usual.slurm.honor_sbatch_lines),
    ];
    match parts.into_iter().find(|(_, is_usual)| !is_usual) {
        None => Ok(()),
        Some((part, _)) => Err(ConfigError::unfit(
            part,
            "this is the cluster's business where [engine] kind is \"slurm\"; take it out, or leave it as it is by default",
        )),
    }
}
