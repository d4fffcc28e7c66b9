//! The operations below `/slurmdb/`.

mod amend;
mod cluster;
mod instance;
mod jobs;
mod service;
mod tres;

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::routes::Accounting;

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
        Accounting::Instances | Accounting::Instance => instance::list(call),
    }
}
