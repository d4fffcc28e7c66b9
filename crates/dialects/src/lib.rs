//! How clients speak of jobs: one folder a dialect, equal siblings that do not know one another, behind one HTTP shell.
//! Dialects only translate; what a job is and what may be done with it is decided in `domain`.

mod clustercockpit;
mod description;
mod et_engine;
mod front;
mod http;
mod ids;
mod metrics;
mod native;
mod nifcloud;
mod output;
mod revocable;
mod site;
mod slurm;
mod tokens;
mod waldur;

pub use clustercockpit::{
    BadArchived, BadCluster, COCKPIT_ROLES, Cockpit, CockpitKeyError, CockpitKeys, Network, Origins,
    cockpit_archive, cockpit_archived_job, cockpit_archived_series, cockpit_cluster, cockpit_cluster_text,
    cockpit_meta,
};
pub use et_engine::{EtDetail, EtEngine, EtKeys, EtSettings};
pub use nifcloud::{
    Habits as NifcloudHabits, Nifcloud, NifcloudAftermath, NifcloudKeyError, NifcloudKeys,
    SignatureRules as NifcloudSignatures, nifcloud_aftermath,
};
pub use revocable::Revocable;
pub use site::{Services, serve};
pub use slurm::{
    Forward, Forwarded, Forwarding, Judging, NotForwarded, Part, ScriptOptions, Served, SlurmCluster,
};
pub use tokens::{Keyring, KeyringError, mint};
pub use waldur::{Waldur, WaldurOptions, WaldurTokens, password_hash as waldur_password_hash};
