//! Limits of accounting: who starts is within them, and nobody is told to wait for one that leaves room.

use super::super::play::Tally;
use domain::accounting::Limit;
use domain::accounting::tres::CPU;
use domain::cluster::Cluster;
use domain::job::{Job, Memory, Pending, Phase, Reason, Sharing};
use domain::ports::Plan;
use domain::state::State;
use domain::{JobId, TimeLimit};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kind of limit, by what it is told, and whether two jobs count together.
type Kind = (Limit, u32, Reason, fn(&Job, &Job) -> bool);

/// Those that are looked at.
const KINDS: &[Kind] = &[
    (Limit::GrpJobs, 0, Reason::QosGrpJobsLimit, |_, _| true),
    (Limit::GrpTres, CPU, Reason::QosGrpCpuLimit, |_, _| true),
    (Limit::MaxJobsPerUser, 0, Reason::QosMaxJobsPerUserLimit, same_user),
    (Limit::MaxJobsPerAccount, 0, Reason::MaxJobsPerAccount, same_account),
    (Limit::MaxTresPerUser, CPU, Reason::QosMaxCpuPerUserLimit, same_user),
    (Limit::MaxTresPerAccount, CPU, Reason::MaxCpuPerAccount, same_account),
];

/// Tells whether a job may wait for ever for what it is told: for a limit which one job alone may exceed, or several
/// components together.
pub(super) fn may_be_hopeless(job: &Job, reason: Reason) -> bool {
    let is_limit = KINDS.iter().any(|(_, _, named, _)| *named == reason);
    job.het.is_some() && is_limit
        || matches!(
            reason,
            Reason::QosGrpCpuLimit
                | Reason::QosMaxCpuPerUserLimit
                | Reason::MaxCpuPerAccount
                | Reason::QosMaxWallDurationPerJobLimit
        )
}

/// Checks a job that has started among all.
pub(super) fn check_start(
    cluster: &Cluster,
    job: &Job,
    jobs: &BTreeMap<JobId, Arc<Job>>,
    tally: &mut Tally,
) -> Result<(), String> {
    if !cluster.enforcement.limits {
        return Ok(());
    }
    let Some(qos) = cluster.qos(&job.spec.qos) else { return Ok(()) };
    for (limit, resource, reason, together) in KINDS {
        let Some(most) = qos.limits.of(*limit, *resource) else { continue };
        let counted = jobs.values().filter(|other| same_qos(job, other) && together(job, other));
        let used: u64 = counted.map(|other| held(other, *resource)).sum();
        if used > most {
            return Err(format!("{}: {used} of {most} are in use", reason.name()));
        }
        tally.count("started within a limit");
    }
    let longest = qos.limits.of(Limit::MaxWallPerJob, 0).and_then(|most| u32::try_from(most).ok());
    match longest.is_some_and(|most| job.spec.time_limit > TimeLimit::Minutes(most)) {
        true => Err("it asks for more time than a job may have".to_owned()),
        false => Ok(()),
    }
}

/// Checks what jobs are told. Where others of the same quality of service may be planned for later, what they will need is
/// nobody else's, and no more is said.
pub(super) fn check_plan(state: &State, plan: &Plan, tally: &mut Tally) -> Result<(), String> {
    let cluster = state.cluster();
    if !cluster.enforcement.limits {
        return Ok(());
    }
    for (id, told, _) in &plan.waits {
        let Some((limit, resource, reason, together)) = KINDS.iter().find(|(.., reason, _)| reason == told)
        else {
            continue;
        };
        let Some(job) = state.job(*id) else { continue };
        let Some(most) = cluster.qos(&job.spec.qos).and_then(|qos| qos.limits.of(*limit, *resource)) else {
            return Err(format!("job {id} waits for {}, which is not set", reason.name()));
        };
        tally.count("held by a limit");
        let told_of = |other: &Job, pending: &Pending| {
            let now = plan.waits.iter().find(|(id, ..)| *id == other.id);
            now.map_or(pending.reason, |(_, reason, _)| *reason)
        };
        // Told of anything but a limit it may have been planned for later.
        let may_be_planned = |other: &Arc<Job>| match &other.phase {
            Phase::Pending(pending) => {
                same_qos(job, other)
                    && other.is_eligible()
                    && !KINDS.iter().any(|(_, _, reason, _)| *reason == told_of(other, pending))
            }
            _ => false,
        };
        let Some(wanted) = wanted(job, *resource).filter(|_| job.het.is_none()) else { continue };
        if state.jobs().iter().any(may_be_planned) {
            continue;
        }
        let counts = |other: &&Arc<Job>| same_qos(job, other) && together(job, other);
        let running: u64 = state.holding().filter(counts).map(|other| held(other, *resource)).sum();
        let starting = plan.starts.iter().filter_map(|start| {
            let other = state.job(start.job).filter(counts)?;
            let cpus = u64::from(start.allocation.cpus());
            Some(if *resource == CPU { cpus } else { u64::from(!other.is_final()) })
        });
        let all = running + starting.sum::<u64>() + wanted;
        if all <= most {
            return Err(format!("job {id} waits for {}: {all} of {most}", reason.name()));
        }
    }
    Ok(())
}

/// Returns the most that a job might get of what it asked for: whole cores may be twice as many CPUs. `None` for one that
/// might get any number, by whole nodes or for its memory.
fn wanted(job: &Job, resource: u32) -> Option<u64> {
    if resource != CPU {
        return Some(1);
    }
    let asked = &job.spec.resources;
    let is_plain = asked.memory == Memory::Default
        && asked.sharing != Sharing::Exclusive
        && asked.gres.is_empty()
        && !job.spec.partitions.iter().any(|name| name == "alone");
    let by_tasks = asked.task_count().saturating_mul(asked.task_cpus()).max(asked.min_cpus);
    let by_nodes = asked.min_nodes.max(1).saturating_mul(u32::from(asked.min_cpus_per_node));
    is_plain.then(|| u64::from(by_tasks.max(by_nodes).max(asked.min_nodes)) * 2)
}

fn held(job: &Job, resource: u32) -> u64 {
    let holds = matches!(job.phase, Phase::Running(_) | Phase::Completing(_));
    match job.held_resources().filter(|_| holds) {
        Some(allocation) if resource == CPU => allocation.cpus().into(),
        Some(_) => 1,
        None => 0,
    }
}

fn same_qos(one: &Job, other: &Job) -> bool {
    one.spec.qos == other.spec.qos
}

fn same_user(one: &Job, other: &Job) -> bool {
    one.spec.owner.name == other.spec.owner.name
}

fn same_account(one: &Job, other: &Job) -> bool {
    one.spec.account == other.spec.account
}
