//! One of our engine's jobs, as monitoring knows it.

use super::{HostResources, JobState, MonitoringStatus, Origin, Record, Sharing};
use crate::Text;
use crate::TimeLimit;
use crate::cluster::Cluster;
use crate::job::{ArrayPart, Job, NodeShare, Outcome, Phase, Running, Sharing as Wish};

/// A job that was over within so many seconds was not measured.
pub const TOO_SHORT: i64 = 2;

/// Describes an attempt of a job; `None` if it has not started, or if this is the part of one that goes on smaller. What is told of it in words is its name, its array, and
/// how it was submitted.
pub fn of_job(job: &Job, cluster: &Cluster, sub_cluster_of: impl Fn(&str) -> Text) -> Option<Record> {
    let (run, state, ended): (&Running, _, _) = match &job.phase {
        Phase::Pending(_) => return None,
        Phase::Running(run) if run.is_suspended() => (run, JobState::Suspended, None),
        Phase::Running(run) => (run, JobState::Running, None),
        Phase::Completing(completing) => (&completing.run, JobState::Running, None),
        Phase::Ended(ended) => (ended.run.as_ref()?, state_of(ended.outcome)?, Some(ended.ended)),
    };
    let start = run.started.seconds();
    let duration = ended.map_or(0, |ended| ended.seconds().saturating_sub(start).max(0));
    let is_short = ended.is_some() && duration < TOO_SHORT;
    let resources: Vec<HostResources> =
        run.allocation.nodes.iter().filter_map(|share| resources(share, cluster)).collect();
    let first = resources.first().map(|one| one.hostname.clone()).unwrap_or_default();
    Some(Record {
        origin: Origin::Engine { attempt: job.restarts },
        job: i64::from(job.id.0),
        user: job.spec.owner.name.clone(),
        project: job.spec.account.clone(),
        cluster: cluster.name.clone(),
        sub_cluster: sub_cluster_of(&first),
        partition: run.allocation.partition.clone(),
        array_job: match &job.array {
            Some(ArrayPart::Task { of, .. }) => i64::from(of.0),
            _ => 0,
        },
        num_nodes: u32::try_from(resources.len()).unwrap_or(u32::MAX),
        num_hwthreads: resources.iter().map(|one| one.hwthreads.len() as u32).sum(),
        num_acc: resources.iter().map(|one| one.accelerators.len() as u32).sum(),
        sharing: sharing(job, run),
        monitoring: if is_short { MonitoringStatus::Disabled } else { MonitoringStatus::RunningOrArchiving },
        smt: 1,
        state,
        submit_time: job.submitted.seconds(),
        start_time: start,
        duration,
        walltime: match job.spec.time_limit {
            TimeLimit::Minutes(minutes) => i64::from(run.shortened.unwrap_or(minutes)).saturating_mul(60),
            TimeLimit::Unlimited => 0,
        },
        requested_memory: run
            .allocation
            .nodes
            .iter()
            .map(|share| i64::try_from(share.memory).unwrap_or(0))
            .sum(),
        resources,
        meta: [(Text::const_new("jobName"), job.spec.name.to_string())].into(),
        ..Record::default()
    })
}

fn state_of(outcome: Outcome) -> Option<JobState> {
    let state = match outcome {
        Outcome::Completed => JobState::Completed,
        Outcome::Failed => JobState::Failed,
        Outcome::Cancelled => JobState::Cancelled,
        Outcome::Timeout => JobState::Timeout,
        Outcome::NodeFail => JobState::NodeFail,
        Outcome::OutOfMemory => JobState::OutOfMemory,
        Outcome::Deadline => JobState::Deadline,
        // Either way it made way for something else.
        Outcome::Preempted | Outcome::Requeued => JobState::Preempted,
        Outcome::Resized => return None,
    };
    Some(state)
}

fn sharing(job: &Job, run: &Running) -> Sharing {
    match job.spec.resources.sharing {
        _ if run.allocation.whole => Sharing::None,
        Wish::SameUser => Sharing::SingleUser,
        _ => Sharing::MultiUser,
    }
}

fn resources(share: &NodeShare, cluster: &Cluster) -> Option<HostResources> {
    let node = cluster.nodes.get(share.node.0 as usize)?;
    let accelerators = share.gres.iter().flat_map(|own| {
        let gres = node.gres.get(own.at).filter(|gres| gres.name == "gpu");
        own.units.iter().filter_map(move |unit| {
            let file = gres?.files.get(unit as usize).cloned();
            Some(file.unwrap_or_else(|| Text::from(unit.to_string())))
        })
    });
    Some(HostResources {
        hostname: node.name.clone(),
        hwthreads: share.cpus.iter().collect(),
        accelerators: accelerators.collect(),
        configuration: Text::default(),
    })
}
