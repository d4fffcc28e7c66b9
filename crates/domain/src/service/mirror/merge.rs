//! What a job is, given what was known of it and what the cluster tells of it now. Pure.

use super::open::is_expected;
use crate::job::{
    ArrayPart, Completing, Ended, Exit, Job, JobSpec, Outcome, Phase, PutBack, Reason, Running, Uncommon,
    Usage,
};
use crate::{Text, Timestamp};
use std::sync::Arc;

/// Tells whether what is told is about the job that was known: a cluster that has lost its state gives numbers again. One
/// that was put back into the queue counts as submitted then.
pub(super) fn is_same(known: &Job, told: &Job) -> bool {
    is_expected(known)
        || known.submitted == told.submitted
        || (told.restarts > known.restarts && known.spec.owner == told.spec.owner)
}

/// Returns the job as it is told, with what only we know of it. What is the same is shared with what was known.
pub(super) fn merged(known: &Job, mut told: Job) -> Job {
    let spec = with_ours(&told.spec, &known.spec);
    told.spec = if spec == *known.spec { Arc::clone(&known.spec) } else { Arc::new(spec) };
    told.has_failed_siblings = known.has_failed_siblings;
    if let (Some(known), Some(told)) = (known.array.as_ref().map(size), told.array.as_mut().map(size_mut)) {
        // How many tasks an array had is told only as long as the cluster remembers all of them.
        *told = known.max(*told);
    }
    share_allocation(known, &mut told);
    told
}

fn size(part: &ArrayPart) -> u32 {
    match part {
        ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. } => *size,
    }
}

fn size_mut(part: &mut ArrayPart) -> &mut u32 {
    match part {
        ArrayPart::Pool { size, .. } | ArrayPart::Task { size, .. } => size,
    }
}

/// Readers and indexes tell by the place whether an allocation has changed.
fn share_allocation(known: &Job, told: &mut Job) {
    let Some(known) = known.run().map(|run| &run.allocation) else { return };
    let run = match &mut told.phase {
        Phase::Running(run) => Some(&mut **run),
        Phase::Completing(completing) => Some(&mut completing.run),
        Phase::Ended(ended) => ended.run.as_mut(),
        Phase::Pending(_) => None,
    };
    let Some(run) = run else { return };
    // The cluster forgets what a job had when it is over.
    if run.allocation == *known || run.allocation.nodes.is_empty() {
        run.allocation = Arc::clone(known);
    }
}

/// Returns a request as it is told, with what a cluster does not tell.
pub(super) fn with_ours(told: &JobSpec, ours: &JobSpec) -> JobSpec {
    let mut spec = told.clone();
    spec.streams.open_mode = ours.streams.open_mode;
    spec.warning = spec.warning.or(ours.warning);
    spec.kill_on_node_fail = ours.kill_on_node_fail;
    spec.fixed_priority = ours.fixed_priority;
    for (theirs, ours) in [
        (&mut spec.command, &ours.command),
        (&mut spec.streams.input, &ours.streams.input),
        (&mut spec.streams.output, &ours.streams.output),
        (&mut spec.streams.error, &ours.streams.error),
        (&mut spec.work_dir, &ours.work_dir),
    ] {
        fill(theirs, ours);
    }
    let resources = &mut spec.resources;
    resources.node_sizes = ours.resources.node_sizes.clone();
    resources.overcommit = ours.resources.overcommit;
    resources.tasks_per_gpu = ours.resources.tasks_per_gpu;
    resources.cpus_per_gres = ours.resources.cpus_per_gres.clone();
    resources.memory_per_gres = ours.resources.memory_per_gres.clone();
    if resources.gres.is_empty() {
        resources.gres = ours.resources.gres.clone();
    }
    if let Some(ours) = &ours.uncommon {
        keep_uncommon(spec.uncommon_mut(), ours);
    }
    spec
}

fn fill(theirs: &mut Text, ours: &Text) {
    if theirs.is_empty() {
        theirs.clone_from(ours);
    }
}

fn keep_uncommon(told: &mut Uncommon, ours: &Uncommon) {
    told.origin.clone_from(&ours.origin);
    told.told.clone_from(&ours.told);
    told.limit_seconds = ours.limit_seconds;
    told.rlimits.clone_from(&ours.rlimits);
    told.umask = ours.umask;
    told.clusters.clone_from(&ours.clusters);
    told.accounting_frequency.clone_from(&ours.accounting_frequency);
    told.wait_all_nodes = ours.wait_all_nodes;
    told.oom_kill_step = ours.oom_kill_step;
    told.site_factor = ours.site_factor;
    told.reserve_ports = ours.reserve_ports;
    told.cpu_binding.clone_from(&ours.cpu_binding);
    told.cpu_binding_flags = ours.cpu_binding_flags;
    told.memory_binding.clone_from(&ours.memory_binding);
    told.memory_binding_flags = ours.memory_binding_flags;
    told.distribution.clone_from(&ours.distribution);
}

/// Returns how a job stands whose end has been told while accounting has not yet said what it used.
pub(super) fn waiting_for_accounting(mut job: Job) -> Job {
    let phase = match job.phase {
        Phase::Ended(ended) => match *ended {
            Ended { run: Some(run), outcome, reason, ended, cancelled_by, exit, .. } => {
                Phase::Completing(Box::new(Completing {
                    // What it has left is shown already.
                    run: Running { told: exit, ..run },
                    since: ended,
                    outcome,
                    reason,
                    killed: false,
                    cancelled_by,
                    requeue: None,
                    put_back: PutBack::Plain,
                }))
            }
            ended => Phase::Ended(Box::new(ended)),
        },
        other => other,
    };
    job.phase = phase;
    job
}

/// Returns the end of a job of which accounting has not said in time what it used.
pub(super) fn unaccounted(known: &Job) -> Option<Job> {
    let Phase::Completing(completing) = &known.phase else { return None };
    let Completing { run, since, outcome, reason, cancelled_by, .. } = &**completing;
    let mut job = known.clone();
    job.phase = Phase::Ended(Box::new(Ended {
        outcome: *outcome,
        reason: *reason,
        ended: *since,
        exit: run.told,
        usage: Usage::default(),
        cancelled_by: *cancelled_by,
        run: Some(run.clone()),
        remark: Text::default(),
    }));
    Some(job)
}

/// Returns the end of an attempt that has gone back into the queue.
pub(super) fn put_back(known: &Job, at: Timestamp) -> Option<Job> {
    let run = known.run().filter(|_| !known.is_final())?.clone();
    Some(ended(known, run, at, Outcome::Requeued, Text::default()))
}

/// Returns the end of a job that the cluster and its accounting have forgotten.
pub(super) fn forgotten(known: &Job, at: Timestamp) -> Job {
    let remark = Text::const_new("the cluster does not know this job any more");
    match known.run() {
        Some(run) => ended(known, run.clone(), at, Outcome::NodeFail, remark),
        None => {
            let mut job = known.clone();
            job.phase = end(None, at, Outcome::Cancelled, remark);
            job
        }
    }
}

fn ended(known: &Job, run: Running, at: Timestamp, outcome: Outcome, remark: Text) -> Job {
    let mut job = known.clone();
    job.phase = end(Some(run), at, outcome, remark);
    job
}

fn end(run: Option<Running>, ended: Timestamp, outcome: Outcome, remark: Text) -> Phase {
    Phase::Ended(Box::new(Ended {
        outcome,
        reason: Reason::None,
        ended,
        exit: Exit::None,
        usage: Usage::default(),
        cancelled_by: None,
        run,
        remark,
    }))
}

/// Returns the end that accounting knows of a job: its request stays as it is known.
pub(super) fn accounted(known: &Job, told: &Job) -> Option<Job> {
    let Phase::Ended(end) = &told.phase else { return None };
    let mut end = end.clone();
    let is_another = told.restarts > known.restarts;
    if let Some(before) = known.run().filter(|_| !is_another) {
        let started = end.run.as_ref().map_or(before.started, |run| run.started);
        end.run = Some(Running { started, ..before.clone() });
    }
    if end.cancelled_by.is_none() {
        end.cancelled_by = match &known.phase {
            Phase::Completing(completing) => completing.cancelled_by,
            _ => None,
        };
    }
    let Job { submitted, restarts, .. } = *told;
    Some(Job { submitted, restarts, phase: Phase::Ended(end), ..known.clone() })
}
