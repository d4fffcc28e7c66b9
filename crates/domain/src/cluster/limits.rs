//! Limits and waits of the whole cluster, with Slurm's names and defaults.

use crate::Text;
use std::time::Duration;

/// Limits and waits. The defaults are Slurm's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a finished job stays among the live ones (`MinJobAge`).
    pub min_job_age: Duration,
    /// How long processes have between SIGTERM and SIGKILL (`KillWait`).
    pub kill_wait: Duration,
    /// One more than the largest array index (`MaxArraySize`).
    pub max_array_size: u32,
    /// Most live jobs (`MaxJobCount`).
    pub max_jobs: usize,
    /// Largest script in bytes (`max_script_size`).
    pub max_script: usize,
    /// The first job number (`FirstJobId`).
    pub first_job_id: u32,
    /// The priority of a job nobody has given another.
    pub base_priority: u32,
    /// Jobs the backfill looks at in one pass (`bf_max_job_test`).
    pub backfill_depth: usize,
    /// Jobs the main pass looks at (`default_queue_depth`).
    pub queue_depth: usize,
    /// Jobs go back into the queue when their node fails (`JobRequeue`).
    pub requeue: bool,
    /// Output files are appended to (`JobFileAppend`).
    pub append_output: bool,
    /// The user the service calls its own, an administrator.
    pub service_user: Text,
    /// Workload keys are tracked (`TrackWCKey`).
    pub track_wckeys: bool,
    /// How long batch jobs wait to be looked at together (`batch_sched_delay`); zero for at once. Allocations never
    /// wait for that.
    pub batch_delay: Duration,
    /// How many changes the feed keeps for those who resume it.
    pub kept_changes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            min_job_age: Duration::from_secs(300),
            kill_wait: Duration::from_secs(30),
            max_array_size: 1001,
            max_jobs: 1_000_000,
            max_script: 4 << 20,
            first_job_id: 1,
            base_priority: 1000,
            backfill_depth: 500,
            queue_depth: 1000,
            requeue: true,
            append_output: false,
            service_user: Text::const_new("slurm"),
            track_wckeys: false,
            batch_delay: Duration::ZERO,
            kept_changes: 10_000,
        }
    }
}
