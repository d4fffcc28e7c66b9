//! Domain → wire; cannot fail.

use super::wire;
use domain::cluster::Node;
use domain::cron::{Crontab, Installed};
use domain::job::{ArrayPart, Exit, Job, JobStep, Outcome, Phase};
use domain::ports::{Closed, ClosedStep};
use domain::service::{Handled, StateChange};
use domain::who::{AdminLevel, Membership, Principal};
use domain::{Text, Timestamp};

/// Writes one change of a job's state.
pub(super) fn change(change: &StateChange) -> wire::Change<'_> {
    let (exit_code, signal) = exit(change.exit);
    wire::Change {
        job_id: change.job.0,
        array_job_id: change.task.map(|(array, _)| array.0),
        array_task_id: change.task.map(|(_, index)| index.0),
        het_job_id: change.het.map(|part| part.leader.0),
        het_job_offset: change.het.map(|part| part.offset),
        name: &change.name,
        user: &change.user,
        from: change.from.map(|word| word.name()),
        to: change.to.name(),
        reason: change.reason.name(),
        exit_code,
        signal,
        at: seconds(change.at),
    }
}

/// Writes an attempt that is over.
pub(super) fn attempt(closed: &Closed) -> Option<wire::Attempt> {
    let job: &Job = &closed.job;
    // History keeps what has ended, and nothing else.
    let Phase::Ended(ended) = &job.phase else { return None };
    let (array_job_id, array_task_id) = match &job.array {
        Some(ArrayPart::Task { of, index, .. }) => (Some(of.0), Some(index.0)),
        Some(ArrayPart::Pool { .. }) => (Some(job.id.0), None),
        None => (None, None),
    };
    let (exit_code, signal) = exit(ended.exit);
    let run = ended.run.as_ref();
    let allocation = run.map(|run| &run.allocation);
    let spec = &job.spec;
    let node = first_node(&closed.nodes);
    let file = |path: Text| run.filter(|_| job.runs_script()).map(|_| path).filter(|path| !path.is_empty());
    Some(wire::Attempt {
        job_id: job.id.0,
        array_job_id,
        array_task_id,
        het_job_id: job.het.map(|part| part.leader.0),
        het_job_offset: job.het.map(|part| part.offset),
        attempt: job.restarts,
        name: spec.name.clone(),
        user: spec.owner.name.clone(),
        uid: spec.owner.uid.0,
        account: spec.account.clone(),
        partition: match allocation {
            Some(allocation) => allocation.partition.clone(),
            None => spec.partitions.first().cloned().unwrap_or_default(),
        },
        qos: spec.qos.clone(),
        state: ended.outcome.name(),
        reason: ended.reason.name(),
        exit_code,
        signal,
        submitted: seconds(job.submitted),
        started: run.map(|run| seconds(run.started)),
        ended: seconds(ended.ended),
        elapsed: run.map(|run| ended.ended.since(run.started).as_micros() as f64 / 1e6),
        time_limit_minutes: spec.time_limit.minutes(),
        nodes: closed.nodes.clone(),
        node_count: allocation.map_or(0, |allocation| allocation.nodes.len()),
        cpus: allocation.map(|allocation| allocation.cpus()),
        memory_mb: allocation.map(|allocation| allocation.memory()),
        user_seconds: ended.usage.user.as_secs_f64(),
        system_seconds: ended.usage.system.as_secs_f64(),
        max_rss_kb: ended.usage.max_rss_kb,
        peak_memory_kb: Some(ended.usage.peak_kb).filter(|peak| *peak > 0),
        read_bytes: ended.usage.read_bytes,
        written_bytes: ended.usage.written_bytes,
        energy_joules: ended.usage.energy_mj.map(|millijoules| millijoules as f64 / 1e3),
        remark: ended.remark.clone(),
        comment: spec.comment.clone(),
        work_dir: spec.work_dir.clone(),
        stdout: file(job.output_path(&node)),
        stderr: file(job.error_path(&node)),
        steps: None,
    })
}

/// Writes the steps of an attempt that is over: first its script, then those that it started.
pub(super) fn steps(closed: &Closed, steps: &[ClosedStep]) -> Vec<wire::Step> {
    let job = &closed.job;
    let is_own = |step: &&ClosedStep| {
        step.job == job.id && step.attempt == job.restarts && step.submitted == job.submitted
    };
    batch_step(closed).into_iter().chain(steps.iter().filter(is_own).map(ended_step)).collect()
}

/// The script counts as a step; as Slurm counts, one that a signal ended was cancelled.
fn batch_step(closed: &Closed) -> Option<wire::Step> {
    let job = &closed.job;
    let Phase::Ended(ended) = &job.phase else { return None };
    let run = ended.run.as_ref().filter(|_| job.runs_script())?;
    let share = run.allocation.nodes.first()?;
    let (exit_code, signal) = exit(ended.exit);
    let state = match (ended.outcome, ended.exit) {
        (Outcome::Failed, Exit::Signal(_)) => Outcome::Cancelled,
        (outcome, _) => outcome,
    };
    Some(wire::Step {
        step: "batch".to_owned(),
        name: Text::const_new("batch"),
        command: Text::default(),
        state: state.name(),
        exit_code,
        signal,
        started: seconds(run.started),
        ended: Some(seconds(ended.ended)),
        elapsed: Some(ended.ended.since(run.started).as_micros() as f64 / 1e6),
        tasks: 1,
        nodes: first_node(&closed.nodes),
        cpus: share.cpus.len(),
        memory_mb: share.memory,
        usage: Some(wire::StepUsage {
            user_seconds: ended.usage.user.as_secs_f64(),
            system_seconds: ended.usage.system.as_secs_f64(),
            max_rss_kb: ended.usage.max_rss_kb,
            max_rss_task: 0,
            mean_rss_kb: ended.usage.max_rss_kb,
            read_bytes: ended.usage.read_bytes,
            written_bytes: ended.usage.written_bytes,
        }),
    })
}

fn ended_step(closed: &ClosedStep) -> wire::Step {
    let end = &closed.step.end;
    let (exit_code, signal) = exit(end.exit);
    let usage = end.usage;
    wire::Step {
        state: end.outcome.name(),
        exit_code,
        signal,
        ended: Some(seconds(end.at)),
        elapsed: Some(end.at.since(closed.step.step.started).as_micros() as f64 / 1e6),
        usage: Some(wire::StepUsage {
            user_seconds: usage.user.as_secs_f64(),
            system_seconds: usage.system.as_secs_f64(),
            max_rss_kb: usage.max_rss_kb,
            max_rss_task: usage.max_rss_task,
            mean_rss_kb: usage.mean_rss_kb,
            read_bytes: usage.read_bytes,
            written_bytes: usage.written_bytes,
        }),
        ..living_step(&closed.step.step, closed.nodes.clone())
    }
}

/// Writes a step that lives.
pub(super) fn living_step(step: &JobStep, nodes: Text) -> wire::Step {
    wire::Step {
        step: step.number.to_string(),
        name: step.name.clone(),
        command: step.command.clone(),
        state: "RUNNING",
        exit_code: None,
        signal: None,
        started: seconds(step.started),
        ended: None,
        elapsed: None,
        tasks: step.tasks,
        nodes,
        cpus: step.cpus(),
        memory_mb: step.memory(),
        usage: None,
    }
}

/// Writes where a search goes on after an attempt.
pub(super) fn cursor(row: u64) -> String {
    format!("{row:x}")
}

/// Writes a user.
pub(super) fn user(member: &Membership) -> wire::User {
    wire::User {
        name: member.name.clone(),
        level: level(member.level),
        default_account: member.default_account.clone(),
        accounts: member.accounts.clone(),
    }
}

/// Writes a user's crontab; an empty one where there is none.
pub(super) fn crontab(user: &Text, crontab: Option<&Crontab>) -> wire::Crontab {
    let entry = |installed: &Installed| wire::CrontabEntry {
        first_line: installed.first_line,
        last_line: installed.last_line,
        job_id: installed.job.0,
    };
    wire::Crontab {
        user: user.clone(),
        text: crontab.map(|crontab| crontab.text.clone()).unwrap_or_default(),
        entries: crontab.iter().flat_map(|crontab| &crontab.installed).map(entry).collect(),
    }
}

/// Writes a node.
pub(super) fn node(node: &Node) -> wire::Node {
    wire::Node {
        name: node.name.clone(),
        in_service: node.flags.takes_jobs(),
        reason: node.reason.clone(),
        reason_at: Some(node.reason_at).filter(|at| *at != Timestamp::EPOCH).map(seconds),
        reason_by: node.reason_by.as_ref().map(|(name, _)| name.clone()),
    }
}

/// Writes who asks.
pub(super) fn who_am_i(principal: &Principal) -> wire::WhoAmI {
    wire::WhoAmI {
        name: principal.name.clone(),
        uid: principal.uid.map(|uid| uid.0),
        gid: principal.gid.map(|gid| gid.0),
        level: level(principal.level),
    }
}

/// Returns the first name in a folded list of nodes.
pub(super) fn first_node(folded: &str) -> Text {
    let names = slurm_wire::hostlist::expand(folded).unwrap_or_default();
    names.into_iter().next().unwrap_or_default()
}

fn level(level: AdminLevel) -> wire::Level {
    match level {
        AdminLevel::None => wire::Level::None,
        AdminLevel::Operator => wire::Level::Operator,
        AdminLevel::Administrator => wire::Level::Administrator,
    }
}

fn exit(exit: Exit) -> (Option<u8>, Option<u8>) {
    match exit {
        Exit::None => (None, None),
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.micros() as f64 / 1e6
}

/// Tells what became of one job.
pub(super) fn handled(handled: &Handled) -> wire::ActedOn {
    wire::ActedOn {
        job_id: handled.job.map(|job| job.0),
        task: handled.task.map(|task| task.0),
        error: handled.result.as_ref().err().map(ToString::to_string),
    }
}
