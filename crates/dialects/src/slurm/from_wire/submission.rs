//! A job as its submitter describes it → a submission.
//!
//! Every field is taken over, refused, or one of these, which the original ignores as well: `allocation_node_list`,
//! `allocation_node_port` (where a waiting command line would be called back), `end_time`, `hetjob_group`,
//! `power_flags`, `spank_environment` (no plugins here to read it), `x11_*` without `x11`.

use super::{Refusal, binding, lengths, people, request, resources, uncommon};
use domain::job::{JobFlags, JobKind, JobSpec, Payload, Streams};
use domain::ports::Directory;
use domain::service::Submission;
use domain::who::Principal;
use domain::{JobId, Problem, Text, TimeLimit, Timestamp};
use slurm_wire::error_number as number;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::words::{JobFlag, X11Forward};
use slurm_wire::{Flags, NoVal};
use std::sync::Arc;

/// Who wants what, and when.
pub(in crate::slurm) struct Wanted<'a> {
    pub(in crate::slurm) by: &'a Principal,
    pub(in crate::slurm) kind: JobKind,
    pub(in crate::slurm) script: &'a str,
    pub(in crate::slurm) now: Timestamp,
    pub(in crate::slurm) directory: &'a dyn Directory,
}

/// Reads a submission.
pub(in crate::slurm) fn submission(wanted: &Wanted<'_>, job: &JobDescMsg) -> Result<Submission, Refusal> {
    let owner = people::owner(wanted.by, job.user_id.as_ref(), job.group_id.as_ref(), wanted.directory)?;
    unserved(job)?;
    lengths::check(job)?;
    let resources = resources::resources(job)?;
    let spec = JobSpec {
        owner,
        kind: wanted.kind,
        name: request::text(job.name.as_ref()),
        account: request::text(job.account.as_ref()),
        partitions: request::partitions(job.partition.as_deref().unwrap_or_default()),
        qos: request::text(job.qos.as_ref()),
        wckey: wckey(job)?,
        work_dir: request::text(job.current_working_directory.as_ref()),
        streams: streams(job),
        time_limit: TimeLimit::Unlimited,
        time_minimum: resources::number(job.time_minimum).unwrap_or(0),
        begin: request::future(job.begin_time.and_then(|time| time.0.number()), wanted.now),
        deadline: job.deadline.map(|time| time.0).filter(|time| *time != 0).map(Timestamp::from_seconds),
        nice: job.nice.map_or(0, |nice| nice.0),
        fixed_priority: resources::number(job.priority),
        requeue: job.requeue.unwrap_or(false),
        kill_on_node_fail: job.kill_on_node_fail.unwrap_or(true),
        warning: binding::warning(job),
        flags: flags(job),
        comment: request::text(job.comment.as_ref()),
        command: job.argv.as_deref().and_then(|words| words.first()).cloned().unwrap_or_default(),
        uncommon: uncommon::uncommon(job)?,
        resources,
    };
    Ok(Submission {
        spec,
        time_limit: request::time_limit(job.time_limit),
        array: request::text(job.array.as_ref()),
        dependency: request::text(job.dependency.as_ref()),
        hold: held(job),
        immediate: job.immediate.unwrap_or(false),
        requeue: job.requeue,
        payload: payload(wanted.script, job),
        client_key: None,
    })
}

/// A priority speaks later than `hold`, and so counts; zero holds.
fn held(job: &JobDescMsg) -> bool {
    match job.priority.unwrap_or_default() {
        NoVal::Set(priority) => priority == 0,
        NoVal::Infinite => false,
        NoVal::Unset => job.hold.unwrap_or(false),
    }
}

/// Refuses what cannot be served, with the original's numbers.
fn unserved(job: &JobDescMsg) -> Result<(), Refusal> {
    let in_step = job.step_id.as_ref().and_then(|step| step.job_id).unwrap_or_default();
    if let Some(id) = job.job_id.or(in_step.number()).filter(|id| *id != 0) {
        // Numbers are given out by the service alone.
        return Err(Problem::UnknownJob(JobId(id)).into());
    }
    let flags = job.flags.clone().unwrap_or_default();
    if flags.contains(JobFlag::ExternalJob) {
        return Err(Refusal::Number(2189, "Invalid configuration for external job"));
    }
    if flags.contains(JobFlag::ExpeditedRequeue) {
        return Err(Problem::Unsupported(Text::const_new("EXPEDITED_REQUEUE")).into());
    }
    for (name, is_given) in [
        ("container_type", job.container_type.as_ref().is_some_and(|kind| !kind.is_empty())),
        ("memory_update_delay", job.memory_update_delay.is_some_and(|minutes| minutes > 0)),
        ("memory_update_margin", job.memory_update_margin.is_some_and(|percent| percent > 0)),
    ] {
        if is_given {
            return Err(Problem::Unsupported(Text::const_new(name)).into());
        }
    }
    if job.x11.as_ref().is_some_and(|x11: &Flags<X11Forward>| !x11.is_empty()) {
        return Err(Refusal::Number(number::X11, number::text(number::X11)));
    }
    Ok(())
}

/// A leading star marks the default key, and is the controller's to write.
fn wckey(job: &JobDescMsg) -> Result<Text, Refusal> {
    let wckey = request::text(job.wckey.as_ref());
    if wckey.starts_with('*') { Err(Problem::BadWckey(wckey).into()) } else { Ok(wckey) }
}

fn streams(job: &JobDescMsg) -> Streams {
    Streams {
        input: request::text(job.standard_input.as_ref()),
        output: request::text(job.standard_output.as_ref()),
        error: request::text(job.standard_error.as_ref()),
        open_mode: job.open_mode.as_ref().map(request::open_mode).unwrap_or_default(),
    }
}

fn flags(job: &JobDescMsg) -> JobFlags {
    let mut flags = job.flags.as_ref().map(request::flags).unwrap_or_default();
    if resources::count(job.tasks).is_some() {
        flags = flags.with(JobFlags::EXACT_TASK_COUNT_REQUESTED);
    }
    if request::memory(job.memory_per_node, job.memory_per_cpu).is_some() {
        flags = flags.with(JobFlags::EXACT_MEMORY_REQUESTED);
    }
    flags
}

fn payload(script: &str, job: &JobDescMsg) -> Payload {
    let list =
        |list: Option<&Vec<Text>>| list.map_or_else(|| Arc::from([]), |list| Arc::from(list.as_slice()));
    Payload {
        script: Arc::from(script.as_bytes()),
        environment: list(job.environment.as_deref()),
        arguments: list(job.argv.as_deref()).iter().skip(1).cloned().collect(),
    }
}
