//! Limits of accounting: who starts is within them, and nobody is told to wait for one that leaves room.

use super::super::play::Tally;
use domain::accounting::Limit;
use domain::accounting::tres::CPU;
use domain::cluster::{Cluster, Partition};
use domain::job::{ArrayPart, Job, Memory, Per, Phase, Reason, Sharing};
use domain::ports::{Plan, Start};
use domain::state::{Snapshot, State};
use domain::{JobId, TimeLimit, Timestamp};
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

/// Tells whether a job may wait for ever for what it is told: for a limit which it may exceed all alone, or its components
/// together.
pub(super) fn may_be_hopeless(snapshot: &Snapshot, job: &Job, reason: Reason) -> bool {
    let cluster = &snapshot.cluster;
    if reason == Reason::QosMaxWallDurationPerJobLimit {
        return asks_for_too_long(cluster, job);
    }
    let Some((limit, resource, ..)) = KINDS.iter().find(|(.., named, _)| *named == reason) else {
        return false;
    };
    let Some(most) = cluster.qos(&job.spec.qos).and_then(|qos| qos.limits.of(*limit, *resource)) else {
        return false;
    };
    let most_of = |job: &Job| most_wanted(cluster, job, *resource);
    let wanted = match job.het {
        None => most_of(job),
        Some(part) => {
            let members = part.members().filter_map(|id| snapshot.jobs.job(id));
            members.filter(|other| same_qos(job, other)).map(|other| most_of(other)).sum()
        }
    };
    wanted.is_none_or(|wanted| wanted > most)
}

/// Tells whether nothing limits a job.
pub(super) fn is_unlimited(cluster: &Cluster, job: &Job) -> bool {
    let limits = cluster.qos(&job.spec.qos).map(|qos| &qos.limits);
    !cluster.enforcement.limits || limits.is_none_or(|limits| limits.iter().next().is_none())
}

/// Tells whether its limits let a job start now, whatever it gets of what it asked for, as far as that can be told, besides
/// those of these that start without planning ahead.
pub(super) fn leaves_room(state: &State, job: &Job, starts: &[Start]) -> bool {
    let cluster = state.cluster();
    let Some(qos) = cluster.qos(&job.spec.qos) else { return true };
    let has_room = |(limit, resource, _, together): &Kind| {
        let Some(most) = qos.limits.of(*limit, *resource) else { return true };
        let counts = |other: &&Arc<Job>| same_qos(job, other) && together(job, other);
        let used: u64 = state.holding().filter(counts).map(|other| held(other, *resource)).sum();
        let beside = starts.iter().filter(|start| !start.backfilled);
        let counted = beside.filter(|start| state.job(start.job).is_some_and(|other| counts(&other)));
        let taken: u64 = counted.map(|start| of_start(start, *resource)).sum();
        most_wanted(cluster, job, *resource).is_some_and(|wanted| used + taken + wanted <= most)
    };
    !asks_for_too_long(cluster, job) && KINDS.iter().all(has_room)
}

/// Checks that what is started ahead of its turn leaves a job within its limits at the time at which it could start: returns
/// the limit that would keep it waiting then.
pub(super) fn shut_out(
    state: &State,
    job: &Job,
    starts: &[Start],
    (now, at): (Timestamp, Timestamp),
) -> Option<&'static str> {
    let cluster = state.cluster();
    let qos = cluster.qos(&job.spec.qos)?;
    let stays = |limit: TimeLimit| limit.end_from(now) > at;
    let exceeds = |(limit, resource, _, together): &&Kind| {
        let Some(most) = qos.limits.of(*limit, *resource) else { return false };
        let counts = |other: &Job| same_qos(job, other) && together(job, other);
        let used: u64 =
            state.holding().filter(|other| counts(other)).map(|other| held(other, *resource)).sum();
        let ahead = starts.iter().filter(|start| start.backfilled && stays(start.limit));
        let counted = ahead.filter(|start| state.job(start.job).is_some_and(|other| counts(other)));
        let taken: u64 = counted.map(|start| of_start(start, *resource)).sum();
        let least = if *resource == CPU { job.spec.resources.least_cpus().into() } else { 1 };
        // What is over by then is still counted as used, so that this is told only where it made no difference.
        taken > 0 && used + least <= most && used + taken + least > most
    };
    KINDS.iter().find(exceeds).map(|(.., reason, _)| reason.name())
}

fn asks_for_too_long(cluster: &Cluster, job: &Job) -> bool {
    let longest = cluster.qos(&job.spec.qos).and_then(|qos| qos.limits.of(Limit::MaxWallPerJob, 0));
    let longest = longest.and_then(|most| u32::try_from(most).ok());
    longest.is_some_and(|most| job.spec.time_limit > TimeLimit::Minutes(most))
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
    match asks_for_too_long(cluster, job) {
        true => Err("it asks for more time than a job may have".to_owned()),
        false => Ok(()),
    }
}

/// Checks what jobs are told: nobody waits for a limit which has room for what it could get at most, besides those who run,
/// start, or are expected to start later. Components are told what all of them together would exceed, so that they are left
/// out here.
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
        let Some(wanted) = most_wanted(cluster, job, *resource).filter(|_| job.het.is_none()) else {
            continue;
        };
        let counts = |other: &Job| same_qos(job, other) && together(job, other);
        let running: u64 =
            state.holding().filter(|other| counts(other)).map(|other| held(other, *resource)).sum();
        let of_limit = |start: &&Start| state.job(start.job).is_some_and(|other| counts(other));
        let starting: u64 = plan.starts.iter().filter(of_limit).map(|start| of_start(start, *resource)).sum();
        let others = state.jobs().iter().filter(|other| other.id != *id && counts(other));
        let expected = others.filter(|other| is_expected(other, plan));
        let Some(coming) = expected.map(|other| most_booked(cluster, other, *resource)).sum::<Option<u64>>()
        else {
            continue;
        };
        tally.count("held by a limit and judged");
        let all = running + starting + coming + wanted;
        if all <= most {
            return Err(format!("job {id} waits for {}: {all} of {most}", reason.name()));
        }
    }
    Ok(())
}

/// Tells whether a job may have been planned for later, so that what it needs is nobody else's: it is told when.
fn is_expected(job: &Job, plan: &Plan) -> bool {
    let Phase::Pending(pending) = &job.phase else { return false };
    let told = plan.waits.iter().find(|(id, ..)| *id == job.id);
    told.map_or(pending.expected_start, |(.., expected)| *expected).is_some()
}

/// Returns the most that may have been planned for a job: several tasks of an array.
fn most_booked(cluster: &Cluster, job: &Job, resource: u32) -> Option<u64> {
    let tasks = match &job.array {
        Some(ArrayPart::Pool { waiting, .. }) => waiting.len(),
        Some(ArrayPart::Task { .. }) | None => 1,
    };
    Some(most_wanted(cluster, job, resource)? * u64::from(tasks))
}

/// Returns the most that a job might get of what it asked for. Whole cores may be twice as many CPUs, whole nodes all that the
/// largest has, and of a range of nodes it has as many as there are; where nobody says how many, units for the whole job may
/// lie on a node each. `None` for one that gets more CPUs where its partition gives too little memory for each.
fn most_wanted(cluster: &Cluster, job: &Job, resource: u32) -> Option<u64> {
    if resource != CPU {
        return Some(1);
    }
    let asked = &job.spec.resources;
    let partitions: Vec<&Partition> =
        job.spec.partitions.iter().filter_map(|name| cluster.partition(name)).collect();
    let is_capped = partitions.iter().any(|partition| partition.max_memory_per_cpu.is_some());
    if is_capped && asked.memory != Memory::Default {
        return None;
    }
    let units: u64 =
        asked.gres.iter().filter(|request| request.per == Per::Job).map(|request| request.count).sum();
    let apart = if asked.max_nodes == 0 { u32::try_from(units).unwrap() } else { asked.max_nodes };
    let nodes = apart.max(asked.min_nodes).max(1);
    // Its tasks may be on a node each, as far as nobody says how many nodes there are.
    let most_nodes = nodes.max(asked.tasks.unwrap_or(0)).max(asked.min_cpus);
    let of_node = u32::from(asked.tasks_per_node.max(1)) * asked.task_cpus();
    let by_node = match asked.min_cpus_per_node {
        0 | 1 => 0,
        least => most_nodes * u32::from(least),
    };
    let by_task = (asked.task_count() * asked.task_cpus()).max(asked.min_cpus);
    let in_parts = by_task.max(nodes * of_node).max(by_node) * 2;
    let in_whole = |partition: &&Partition| {
        let sizes =
            partition.nodes.iter().filter_map(|node| cluster.node(*node)).map(|node| node.topology.cpus);
        sizes.max().unwrap_or(0) * most_nodes.min(u32::try_from(partition.nodes.len()).unwrap())
    };
    let is_whole = |partition: &&&Partition| partition.exclusive || asked.sharing == Sharing::Exclusive;
    let whole = partitions.iter().filter(is_whole).map(in_whole).max().unwrap_or(0);
    Some(in_parts.max(whole).into())
}

/// Returns what a start takes.
fn of_start(start: &Start, resource: u32) -> u64 {
    if resource == CPU { start.allocation.cpus().into() } else { 1 }
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
