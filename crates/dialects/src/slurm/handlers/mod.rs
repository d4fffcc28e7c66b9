//! Take in, call the service once, give out.

mod accounting;
mod allocate;
mod cluster;
mod job;
mod jobs;
mod kill;
mod nodes;
mod openapi;
mod requeue;
mod reservations;
mod resources;
mod service;
mod shares;
mod submit;
mod update;
mod util;

pub(crate) use openapi::Descriptions;

use super::call::Call;
use super::routes::Operation;
use crate::http::answer::Answer;

/// Carries out an operation, and counts it.
pub(super) async fn run(operation: Operation, call: Call<'_>) -> Answer {
    let site = call.site;
    let user = call.asker.as_ref().and_then(|asker| Some((asker.uid?, asker.name.clone())));
    let begun = std::time::Instant::now();
    let answer = match operation {
        Operation::Submit => submit::submit(call).await,
        Operation::Allocate => allocate::allocate(call).await,
        Operation::JobUpdate => update::update(call).await,
        Operation::JobGet => job::job(call),
        Operation::JobKill => kill::kill_one(call).await,
        Operation::JobsGet => jobs::jobs(call),
        Operation::JobsKill => kill::kill_many(call).await,
        Operation::JobStates => jobs::states(call),
        Operation::Nodes => cluster::nodes(call),
        Operation::Node => cluster::node(call),
        Operation::NodesUpdate => nodes::update_many(call).await,
        Operation::NodeUpdate => nodes::update_one(call).await,
        Operation::NodeCreate => nodes::create(call).await,
        Operation::NodeDelete => nodes::remove(call).await,
        Operation::Licenses => cluster::licenses(call),
        Operation::Resources => resources::show(call),
        Operation::Shares => shares::list(call),
        Operation::Partitions => cluster::partitions(call),
        Operation::Partition => cluster::partition(call),
        Operation::Reservations => reservations::reservations(call),
        Operation::Reservation => reservations::reservation(call),
        Operation::ReservationPut => reservations::put_one(call).await,
        Operation::ReservationsPut => reservations::put_many(call).await,
        Operation::ReservationDelete => reservations::delete(call).await,
        Operation::Reconfigure => service::reconfigure(call).await,
        Operation::Ping => service::ping(call),
        Operation::Diag => service::diag(call),
        Operation::JobRequeue => requeue::requeue_one(call).await,
        Operation::JobsRequeue => requeue::requeue_many(call).await,
        Operation::Hostlist => util::hostlist(call),
        Operation::Hostnames => util::hostnames(call),
        Operation::Accounting(operation) => accounting::run(operation, call).await,
        Operation::OpenApi => openapi::description(call),
    };
    site.counters.count(operation, user.as_ref().map(|(uid, name)| (*uid, name)), begun.elapsed());
    answer
}
