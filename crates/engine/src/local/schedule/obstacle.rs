//! What keeps a job from a partition however much is free there.

use super::layout::{Entry, Layout};
use domain::Timestamp;
use domain::cluster::{Partition, PartitionState};
use domain::fit::{Amounts, Demand, Misfit, is_beyond, place};
use domain::job::{Job, JobSpec, Reason};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Works out what a job needs in a partition.
///
/// # Errors
/// The reason for which it waits there until somebody changes the job or the configuration.
pub(super) fn demand<'a>(
    layout: &'a Layout,
    partition: &'a Partition,
    job: &'a Job,
    now: Timestamp,
) -> Result<Demand<'a>, Reason> {
    if !partition.state.starts_jobs() {
        return Err(closed(partition.state));
    }
    if !layout.cluster().gives_time(partition, &job.spec) {
        return Err(Reason::PartitionTimeLimit);
    }
    if partition.nodes.len() < job.spec.resources.min_nodes as usize {
        return Err(Reason::PartitionNodeLimit);
    }
    let demand = Demand::of(layout.cluster(), partition, &job.spec).map_err(|misfit| match misfit {
        Misfit::NodeLimit => Reason::PartitionNodeLimit,
        Misfit::MemoryLimit | Misfit::Contradiction | Misfit::UnknownNode(_) | Misfit::NodeOutside(_) => {
            Reason::BadConstraints
        }
    })?;
    Ok(demand.after_waiting(now.since(job.eligible)))
}

/// Returns why a partition starts no job.
pub(super) fn closed(state: PartitionState) -> Reason {
    match state {
        PartitionState::Inactive => Reason::PartitionInactive,
        PartitionState::Up | PartitionState::Down | PartitionState::Drain => Reason::PartitionDown,
    }
}

/// Returns why a job could not start in a partition even if nothing ran; `None` if it could. Found once for each
/// request: it stays true as long as the configuration does.
pub(super) fn beyond_idle(
    layout: &Layout,
    partition: usize,
    spec: &Arc<JobSpec>,
    demand: &Demand<'_>,
) -> Option<Reason> {
    let known = layout.verdicts.recall(partition, spec, demand);
    known.unwrap_or_else(|| {
        let verdict = judge(layout, &layout.partitions[partition], demand);
        layout.verdicts.remember(partition, spec, demand, verdict);
        verdict
    })
}

fn judge(layout: &Layout, entry: &Entry, demand: &Demand<'_>) -> Option<Reason> {
    let cluster = layout.cluster();
    // Waiting for switches ends by itself.
    let demand = &demand.clone().after_waiting(Duration::MAX);
    let idle = |node| cluster.node(node).map(Amounts::all_of);
    let up = |node| cluster.node(node).filter(|node| node.flags.takes_jobs()).map(Amounts::all_of);
    if place(demand, cluster, &entry.nodes, up).is_some() {
        None
    } else if place(demand, cluster, &entry.nodes, idle).is_some() {
        Some(Reason::ReqNodeNotAvail)
    } else if is_beyond(cluster, layout.partition(entry), demand.resources) {
        Some(Reason::PartitionConfig)
    } else {
        Some(Reason::BadConstraints)
    }
}

/// What has been found about requests on an idle cluster.
#[derive(Debug, Default)]
pub(super) struct Verdicts(RefCell<HashMap<Subject, Verdict>>);

/// Partition, the address of the request, and the switches it waits for.
type Subject = (usize, usize, Option<u32>);

/// The request, kept so that its address is not used again, and what was found.
type Verdict = (Arc<JobSpec>, Option<Reason>);

/// Requests kept in mind; with more, all are forgotten.
const KEPT: usize = 10_000;

impl Verdicts {
    fn recall(&self, partition: usize, spec: &Arc<JobSpec>, demand: &Demand<'_>) -> Option<Option<Reason>> {
        self.0.borrow().get(&subject(partition, spec, demand)).map(|(_, verdict)| *verdict)
    }

    fn remember(&self, partition: usize, spec: &Arc<JobSpec>, demand: &Demand<'_>, verdict: Option<Reason>) {
        let mut known = self.0.borrow_mut();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(subject(partition, spec, demand), (Arc::clone(spec), verdict));
    }
}

fn subject(partition: usize, spec: &Arc<JobSpec>, demand: &Demand<'_>) -> Subject {
    (partition, Arc::as_ptr(spec) as usize, demand.most_switches)
}
