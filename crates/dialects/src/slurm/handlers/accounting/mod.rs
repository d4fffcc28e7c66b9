//! The operations below `/slurmdb/`.

mod cluster;
mod instance;
mod service;
mod tres;

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::routes::Accounting;

/// Carries out an operation of accounting.
pub(super) fn run(operation: Accounting, call: Call<'_>) -> Answer {
    match operation {
        Accounting::Ping => service::ping(call),
        Accounting::Diag => service::diag(call),
        Accounting::Tres => tres::list(call),
        Accounting::TresAdd => tres::add(call),
        Accounting::Clusters => cluster::list(call),
        Accounting::Cluster => cluster::show(call),
        Accounting::Instances | Accounting::Instance => instance::list(call),
    }
}
