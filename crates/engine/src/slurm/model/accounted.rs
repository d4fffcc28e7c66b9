//! A job as accounting remembers it → a job of the domain, with what it used.

use super::job::{Reader, exit, names, outcome, reason};
use super::mark;
use super::resources::licenses;
use domain::job::{
    Allocation, ArrayPart, Ended, Job, JobFlags, JobKind, JobSpec, Memory, Outcome, Owner, Pending, Phase,
    Resources, Running, Streams, Uncommon, Usage,
};
use domain::ports::{Directory, Moment, Told};
use domain::{Gid, JobId, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use slurm_wire::NoVal;
use slurm_wire::accounting::job::Job as Remembered;
use slurm_wire::accounting::step::Step;
use slurm_wire::accounting::tres::Tres;
use std::sync::Arc;
use std::time::Duration;

/// The number that systems give to nobody.
const NOBODY: u32 = 65_534;

/// Reads an attempt; `None` for one without a number.
pub(super) fn told(told: &Remembered, reader: &Reader<'_>, people: &dyn Directory) -> Option<Told> {
    let (extra, mark) = mark::split(&told.extra);
    let job = Job {
        id: Some(JobId(told.job_id)).filter(|id| (1..=JobId::MAX.0).contains(&id.0))?,
        spec: Arc::new(spec(told, extra, people)),
        array: array(told),
        het: None,
        submitted: time(told.time.submission).unwrap_or(Timestamp::EPOCH),
        eligible: time(told.time.eligible).unwrap_or(Timestamp::NEVER),
        priority: told.priority.unwrap_or(0),
        dependency: None,
        restarts: told.restart_cnt,
        has_failed_siblings: false,
        phase: phase(told, reader, people),
    };
    Some(Told { job, mark, accounted: true, as_of: Moment::default() })
}

fn time(seconds: i64) -> Option<Timestamp> {
    (seconds > 0).then(|| Timestamp::from_seconds(seconds))
}

fn phase(told: &Remembered, reader: &Reader<'_>, people: &dyn Directory) -> Phase {
    let ended = time(told.time.end);
    let outcome = outcome(&told.state.current);
    let (Some(ended), Some(outcome)) = (ended, outcome) else { return Phase::Pending(Pending::default()) };
    let cancelled_by = people.person(&told.kill_request_user).map(|person| person.uid);
    let run = time(told.time.start).filter(|_| !told.nodes.is_empty() && told.nodes != "None assigned");
    let run = run.map(|started| {
        let limit = limit(told);
        let mut run = Running::new(
            started,
            Arc::new(allocation(told, reader)),
            limit.end_from(started),
            Text::default(),
        );
        run.derived = exit(&told.derived_exit_code);
        run
    });
    Phase::Ended(Box::new(Ended {
        outcome,
        reason: reason(&told.state.reason),
        ended,
        exit: exit(&told.exit_code),
        usage: usage(told),
        cancelled_by: cancelled_by.filter(|_| outcome == Outcome::Cancelled),
        run,
        remark: Text::default(),
    }))
}

fn allocation(told: &Remembered, reader: &Reader<'_>) -> Allocation {
    let amount = |kind: &str| amount(&told.tres.allocated, kind, "");
    let cpus = u32::try_from(amount("cpu")).unwrap_or(1).max(1);
    Allocation {
        partition: told.partition.clone(),
        nodes: reader.shares(&told.nodes, cpus, 1, amount("mem")),
        whole: false,
        licenses: licenses(&told.licenses),
        reservation: told.reservation.name.clone(),
    }
}

/// Returns the amount of a resource in a list; what was not measured is below zero there.
fn amount(list: &[Tres], kind: &str, name: &str) -> u64 {
    let found = list.iter().find(|one| one.kind == kind && one.name == name);
    found.and_then(|one| u64::try_from(one.count.0).ok()).unwrap_or(0)
}

/// Adds up what steps used: accounting measures steps.
fn usage(told: &Remembered) -> Usage {
    told.steps.iter().fold(Usage::default(), |all, step| add(&all, step))
}

fn add(all: &Usage, step: &Step) -> Usage {
    let duration = |seconds: i64, micros: u32| {
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0)) + Duration::from_micros(micros.into())
    };
    let (user, system) = (&step.time.user, &step.time.system);
    // What a step took in is told as requested, and what it gave out as consumed.
    let requested = &step.tres.requested;
    let memory = requested
        .max
        .iter()
        .filter(|one| one.kind == "mem")
        .filter_map(|one| u64::try_from(one.count.0).ok());
    let energy = step.statistics.energy.consumed.number().filter(|joules| *joules > 0);
    let millijoules = energy.map(|joules| joules.saturating_mul(1000));
    Usage {
        user: all.user + duration(user.seconds, user.microseconds),
        system: all.system + duration(system.seconds, system.microseconds),
        max_rss_kb: memory.map(|bytes| bytes / 1024).fold(all.max_rss_kb, u64::max),
        peak_kb: all.peak_kb,
        read_bytes: all.read_bytes + amount(&requested.total, "fs", "disk"),
        written_bytes: all.written_bytes + amount(&step.tres.consumed.total, "fs", "disk"),
        energy_mj: match (all.energy_mj, millijoules) {
            (Some(before), Some(more)) => Some(before.saturating_add(more)),
            (before, more) => before.or(more),
        },
    }
}

fn limit(told: &Remembered) -> TimeLimit {
    match told.time.limit {
        NoVal::Set(minutes) => TimeLimit::Minutes(minutes),
        NoVal::Infinite | NoVal::Unset => TimeLimit::Unlimited,
    }
}

fn array(told: &Remembered) -> Option<ArrayPart> {
    let of = Some(told.array.job_id).filter(|id| *id > 0).map(JobId)?;
    let index = told.array.task_id.number().map(TaskIndex)?;
    Some(ArrayPart::Task { of, index, throttle: told.array.limits.max.running.tasks, size: 1 })
}

fn spec(told: &Remembered, extra: Text, people: &dyn Directory) -> JobSpec {
    let person = people.person(&told.user);
    let owner = Owner {
        name: told.user.clone(),
        uid: person.as_ref().map_or(Uid(NOBODY), |person| person.uid),
        gid: person.as_ref().map_or(Gid(NOBODY), |person| person.gid),
        group: told.group.clone(),
    };
    let is_nameless = told.name == slurm_wire::accounting::job::NAMELESS;
    let uncommon = Uncommon {
        extra,
        admin_comment: told.comment.administrator.clone(),
        licenses: told.licenses.clone(),
        reservation: told.reservation.requested.clone(),
        submit_line: told.submit_line.clone(),
        ..Uncommon::default()
    };
    JobSpec {
        owner,
        // Accounting does not tell batch jobs from others; those that come through here are.
        kind: JobKind::Batch,
        name: if is_nameless { Text::default() } else { told.name.clone() },
        account: told.account.clone(),
        partitions: names(&told.partition),
        qos: told.qos.clone(),
        wckey: told.wckey.wckey.clone(),
        work_dir: told.working_directory.clone(),
        streams: Streams {
            input: told.stdin.clone(),
            output: told.stdout.clone(),
            error: told.stderr.clone(),
            ..Streams::default()
        },
        time_limit: limit(told),
        time_minimum: 0,
        resources: Resources {
            min_nodes: told.allocation_nodes.max(1),
            min_cpus: told.required.cpus,
            memory: match (told.required.memory_per_node, told.required.memory_per_cpu) {
                (NoVal::Set(megabytes), _) => Memory::PerNode(megabytes),
                (_, NoVal::Set(megabytes)) => Memory::PerCpu(megabytes),
                _ => Memory::Default,
            },
            ..Resources::default()
        },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: false,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::default(),
        comment: told.comment.job.clone(),
        command: Text::default(),
        uncommon: (uncommon != Uncommon::default()).then(|| Box::new(uncommon)),
    }
}
