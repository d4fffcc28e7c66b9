//! One job as a row of a table: what `ps`, `show` and the demo say of it.

use slurm_wire::job_info::JobInfo;
use slurm_wire::time_text::show_seconds;

/// A job, or several tasks of an array that can be told in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// `12`, `12_3`, `12_[4-9%2]`.
    pub(crate) id: String,
    /// Its number, for sorting.
    pub(crate) number: u32,
    /// Partition.
    pub(crate) partition: String,
    /// Name.
    pub(crate) name: String,
    /// Owner.
    pub(crate) user: String,
    /// State words, joined by `+`.
    pub(crate) state: String,
    /// Seconds it has run.
    pub(crate) elapsed: u64,
    /// How many nodes.
    pub(crate) nodes: u32,
    /// Where it runs, or in brackets why it does not.
    pub(crate) place: String,
}

/// Returns the id as people write it: `12_3` for the task of an array, `12_[4-9]` for those that still wait together,
/// `12+1` for a component of a heterogeneous job.
pub(crate) fn job_id(job: &JobInfo) -> String {
    if let Some(leader) = job.het_job_id.number().filter(|id| *id != 0) {
        return format!("{leader}+{}", job.het_job_offset.unwrap_or(0));
    }
    match (job.array_job_id.number().filter(|id| *id != 0), job.array_task_id.number()) {
        (Some(array), Some(task)) => format!("{array}_{task}"),
        (Some(array), None) if !job.array_task_string.is_empty() => {
            format!("{array}_[{}]", job.array_task_string)
        }
        _ => job.job_id.to_string(),
    }
}

/// Returns the words of its state, joined by `+`.
pub(crate) fn state(job: &JobInfo) -> String {
    job.job_state.names().collect::<Vec<_>>().join("+")
}

/// Returns the first word of its state.
pub(crate) fn base_state(job: &JobInfo) -> &str {
    job.job_state.names().next().unwrap_or_default()
}

/// Tells whether it is over.
pub(crate) fn is_over(job: &JobInfo) -> bool {
    !matches!(base_state(job), "PENDING" | "RUNNING" | "SUSPENDED" | "")
        && !job.job_state.names().any(|word| word == "COMPLETING")
}

/// Returns the seconds it has run, `now` being the service's time.
pub(crate) fn elapsed(job: &JobInfo, now: u64) -> u64 {
    let start = job.start_time.unwrap_or(0);
    if start == 0 || base_state(job) == "PENDING" {
        return 0;
    }
    let end = if is_over(job) { job.end_time.unwrap_or(now) } else { now };
    end.saturating_sub(start)
}

/// Returns its exit code as sacct writes it: code, colon, signal.
pub(crate) fn exit_code(job: &JobInfo) -> String {
    let signal = job.exit_code.signal.id.number().unwrap_or(0);
    format!("{}:{signal}", job.exit_code.return_code.number().unwrap_or(0))
}

impl Row {
    /// Makes the row of a job.
    pub(crate) fn of(job: &JobInfo, now: u64) -> Self {
        let waits = base_state(job) == "PENDING";
        let place = match (waits, job.nodes.is_empty()) {
            (true, _) => format!("({})", job.state_reason),
            (false, false) => job.nodes.to_string(),
            (false, true) => String::new(),
        };
        Row {
            id: job_id(job),
            number: job.job_id,
            partition: job.partition.to_string(),
            name: job.name.to_string(),
            user: job.user_name.to_string(),
            state: state(job),
            elapsed: elapsed(job, now),
            nodes: job.node_count.unwrap_or(0),
            place,
        }
    }

    /// Returns how long it has run, as squeue writes it.
    pub(crate) fn time(&self) -> String {
        short_time(self.elapsed)
    }
}

/// Writes seconds as `M:SS`, or as Slurm does once there are hours.
pub(crate) fn short_time(seconds: u64) -> String {
    if seconds < 3600 { format!("{}:{:02}", seconds / 60, seconds % 60) } else { show_seconds(seconds) }
}
