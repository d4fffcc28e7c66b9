//! The operations below `/slurmdb/`.

mod account;
mod amend;
mod association;
mod change;
mod cluster;
mod config;
mod instance;
mod jobs;
mod qos;
mod reading;
mod search;
mod service;
mod telling;
mod tres;
mod usage;
mod user;
mod wckey;

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::routes::Accounting;
use association::Many;
use change::Failure;

const ACCOUNTS_FAILED: Failure = ("slurmdb_accounts_add() failed", "_foreach_update_acct");
const USERS_FAILED: Failure = ("slurmdb_users_add() failed", "_foreach_update_user");
const ASSOCIATIONS_FAILED: Failure = ("slurmdb_associations_add() failed", "_foreach_update_assoc");
const QOS_FAILED: Failure = ("slurmdb_qos_add() failed", "_foreach_update_qos");
const WCKEYS_FAILED: Failure = ("slurmdb_wckeys_add() failed", "update_wckeys");
const CLUSTERS_FAILED: Failure = ("slurmdb_clusters_add() failed", "update_clusters");

/// Carries out an operation of accounting.
pub(super) async fn run(operation: Accounting, call: Call<'_>) -> Answer {
    match operation {
        Accounting::Jobs => jobs::list(call).await,
        Accounting::Job => jobs::show(call).await,
        Accounting::JobAmend => amend::one(call).await,
        Accounting::JobsAmend => amend::many(call).await,
        Accounting::Ping => service::ping(call),
        Accounting::Diag => service::diag(call),
        Accounting::Tres => tres::list(call),
        Accounting::TresAdd => tres::add(call),
        Accounting::Clusters => cluster::list(call),
        Accounting::Cluster => cluster::show(call),
        Accounting::ClustersPut => cluster::update(call).await,
        Accounting::ClusterDelete => cluster::delete(call).await,
        Accounting::Instances | Accounting::Instance => instance::list(call),
        Accounting::Accounts => account::list(call),
        Accounting::Account => account::show(call),
        Accounting::AccountsPut => account::update(call).await,
        Accounting::AccountsAdd => account::add(call).await,
        Accounting::AccountDelete => account::delete(call).await,
        Accounting::Users => user::list(call),
        Accounting::User => user::show(call),
        Accounting::UsersPut => user::update(call).await,
        Accounting::UsersAdd => user::add(call).await,
        Accounting::UserDelete => user::delete(call).await,
        Accounting::Associations => association::list(call, Many::Allowed).await,
        Accounting::Association => association::list(call, Many::Ambiguous).await,
        Accounting::AssociationsPut => association::update(call).await,
        Accounting::AssociationsDelete => association::delete(call, Many::Allowed).await,
        Accounting::AssociationDelete => association::delete(call, Many::Ambiguous).await,
        Accounting::QosAll => qos::list(call),
        Accounting::Qos => qos::show(call),
        Accounting::QosPut => qos::update(call).await,
        Accounting::QosDelete => qos::delete(call).await,
        Accounting::Wckeys => wckey::list(call).await,
        Accounting::Wckey => wckey::show(call),
        Accounting::WckeysPut => wckey::update(call).await,
        Accounting::WckeyDelete => wckey::delete(call).await,
        Accounting::Config => config::dump(call),
        Accounting::ConfigLoad => config::load(call).await,
    }
}
