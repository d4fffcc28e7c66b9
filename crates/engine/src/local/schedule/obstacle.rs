//! What keeps a job from a partition however much is free there.

use super::layout::{Entry, Layout};
use domain::cluster::{Partition, PartitionState};
use domain::fit::{Amounts, Demand, Misfit, place};
use domain::job::{Job, Reason};

/// Works out what a job needs in a partition.
///
/// # Errors
/// The reason for which it waits there until somebody changes the job or the configuration.
pub(super) fn demand<'a>(
    layout: &'a Layout,
    partition: &'a Partition,
    job: &'a Job,
) -> Result<Demand<'a>, Reason> {
    if !partition.state.starts_jobs() {
        return Err(closed(partition.state));
    }
    if !layout.cluster().gives_time(partition, &job.spec) {
        return Err(Reason::PartitionTimeLimit);
    }
    if job.spec.uncommon.as_deref().is_some_and(|uncommon| !uncommon.reservation.is_empty()) {
        return Err(Reason::Reservation);
    }
    Demand::of(layout.cluster(), partition, &job.spec).map_err(|misfit| match misfit {
        Misfit::NodeLimit => Reason::PartitionNodeLimit,
        Misfit::MemoryLimit | Misfit::Contradiction | Misfit::UnknownNode(_) | Misfit::NodeOutside(_) => {
            Reason::BadConstraints
        }
    })
}

/// Returns why a partition starts no job.
pub(super) fn closed(state: PartitionState) -> Reason {
    match state {
        PartitionState::Inactive => Reason::PartitionInactive,
        PartitionState::Up | PartitionState::Down | PartitionState::Drain => Reason::PartitionDown,
    }
}

/// Returns why a job could not start even if nothing ran; `None` if it could.
pub(super) fn beyond_idle(layout: &Layout, entry: &Entry, demand: &Demand<'_>) -> Option<Reason> {
    let cluster = layout.cluster();
    let idle = |node| cluster.node(node).map(Amounts::all_of);
    let up = |node| cluster.node(node).filter(|node| node.flags.takes_jobs()).map(Amounts::all_of);
    if place(demand, cluster, &entry.nodes, up).is_some() {
        None
    } else if place(demand, cluster, &entry.nodes, idle).is_some() {
        Some(Reason::ReqNodeNotAvail)
    } else if entry.nodes.len() < demand.min_nodes as usize {
        Some(Reason::PartitionNodeLimit)
    } else {
        Some(Reason::BadConstraints)
    }
}
