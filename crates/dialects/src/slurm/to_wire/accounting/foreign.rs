//! A job that another scheduler has registered with monitoring, as accounting shows jobs: what nobody has told of it stays
//! empty.

use domain::Text;
use domain::accounting::tres as accounting;
use domain::cluster::fold;
use domain::job::Outcome;
use domain::monitoring::Record;
use slurm_wire::NoVal;
use slurm_wire::accounting::association::AssocShort;
use slurm_wire::accounting::job as wire;
use slurm_wire::accounting::tres::Tres;
use slurm_wire::job_info::ProcessExitCodeVerbose;
use slurm_wire::scalar::Checked;
use slurm_wire::words::JobState;

/// Describes a job of another cluster at a second; `None` if its number is none of Slurm's.
pub(in crate::slurm) fn foreign(record: &Record, now: i64) -> Option<wire::Job> {
    let mut shown = wire::Job { job_id: u32::try_from(record.job).ok()?, ..wire::Job::default() };
    let name = record.meta.get("jobName").filter(|name| !name.is_empty());
    shown.name = name.map_or(Text::const_new(wire::NAMELESS), |name| Text::from(name.as_str()));
    shown.account = record.project.clone();
    shown.cluster = record.cluster.clone();
    shown.association = AssocShort { cluster: record.cluster.clone(), ..AssocShort::default() };
    shown.user = record.user.clone();
    shown.partition = record.partition.clone();
    if record.array_job != 0 {
        shown.array.job_id = u32::try_from(record.array_job).unwrap_or(0);
    }
    shown.allocation_nodes = record.num_nodes;
    shown.nodes = fold(record.resources.iter().map(|one| one.hostname.as_str()));
    shown.required.cpus = record.num_hwthreads;
    if let Ok(megabytes @ 1..) = u64::try_from(record.requested_memory) {
        shown.required.memory_per_node = NoVal::Set(megabytes);
    }
    shown.state.current = state(record).into();
    shown.state.reason = Text::const_new("None");
    shown.exit_code = ProcessExitCodeVerbose::exited(0);
    shown.derived_exit_code = ProcessExitCodeVerbose::exited(0);
    shown.time = times(record, now);
    let tres = tres(record);
    shown.tres.requested = tres.clone().into();
    shown.tres.allocated = tres.into();
    Some(shown)
}

fn state(record: &Record) -> JobState {
    use domain::monitoring::JobState as Own;
    match (record.state, record.state.outcome()) {
        (Own::Pending, _) => JobState::Pending,
        (Own::Suspended, _) => JobState::Suspended,
        (Own::BootFail, _) => JobState::BootFail,
        (_, None) => JobState::Running,
        (_, Some(outcome)) => match outcome {
            Outcome::Completed => JobState::Completed,
            Outcome::Failed => JobState::Failed,
            Outcome::Cancelled => JobState::Cancelled,
            Outcome::Timeout => JobState::Timeout,
            Outcome::NodeFail => JobState::NodeFail,
            Outcome::OutOfMemory => JobState::OutOfMemory,
            Outcome::Deadline => JobState::Deadline,
            Outcome::Preempted | Outcome::Requeued | Outcome::Resized => JobState::Preempted,
        },
    }
}

fn times(record: &Record, now: i64) -> wire::JobTime {
    let submission = if record.submit_time > 0 { record.submit_time } else { record.start_time };
    let lasted = record.until(now).saturating_sub(record.start_time);
    let waited = record.start_time.saturating_sub(submission);
    wire::JobTime {
        submission,
        eligible: submission,
        start: record.start_time,
        end: record.end().unwrap_or(0),
        elapsed: u32::try_from(lasted).unwrap_or(0),
        planned: NoVal::Set(u64::try_from(waited).unwrap_or(0)),
        // Minutes, begun ones counted; nobody tells of one that has no limit.
        limit: match u32::try_from(record.walltime.saturating_add(59) / 60) {
            Ok(minutes @ 1..) => NoVal::Set(minutes),
            _ => NoVal::Infinite,
        },
        ..wire::JobTime::default()
    }
}

fn tres(record: &Record) -> Vec<Tres> {
    let one = |id: u32, kind: &'static str, count: i64| Tres {
        kind: Text::const_new(kind),
        name: Text::default(),
        id,
        count: Checked(count),
    };
    let memory = record.requested_memory.max(0).saturating_mul(i64::from(record.num_nodes));
    let all = [
        one(accounting::CPU, "cpu", i64::from(record.num_hwthreads)),
        one(accounting::MEMORY, "mem", memory),
        one(accounting::NODE, "node", i64::from(record.num_nodes)),
    ];
    all.into_iter().filter(|tres| tres.count.0 > 0).collect()
}
