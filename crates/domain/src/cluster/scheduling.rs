//! How far and how deep the scheduler looks, with Slurm's names (`SchedulerType`,
//! `SchedulerParameters`). Defaults are Slurm's where those keep the promise that nobody is delayed by who overtakes.

use std::time::Duration;

/// How the scheduler works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheduling {
    /// Who may overtake whom.
    pub by: SchedulerType,
    /// Jobs the main pass looks at (`default_queue_depth`).
    pub queue_depth: usize,
    /// After so long the main pass looks at all that wait, once (`sched_interval`).
    pub whole_queue_after: Duration,
    /// Jobs of each partition the main pass looks at (`partition_job_depth`); zero for no limit.
    pub partition_depth: usize,
    /// Who waits for a limit of accounting holds up the rest of its partition (`assoc_limit_stop`): jobs behind it start
    /// only where that leaves it the room it would have without the limit.
    pub stops_at_limits: bool,
    /// How it plans ahead.
    pub backfill: Backfill,
}

/// Who may overtake whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SchedulerType {
    /// Whoever delays nobody of higher priority (`sched/backfill`).
    #[default]
    Backfill,
    /// Nobody: a job that waits stops all behind it in its partition (`sched/builtin`).
    Builtin,
}

/// How the scheduler plans ahead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The least time between two passes (`bf_interval`); zero for as often as is of use.
    pub interval: Duration,
    /// How far into the future starts are planned (`bf_window`); `None` for without end, so that nobody starves behind
    /// shorter jobs.
    pub window: Option<Duration>,
    /// Ends in the future are rounded up to this (`bf_resolution`): who overtakes may delay others by less than that.
    pub resolution: Duration,
    /// Jobs looked at in one pass (`bf_max_job_test`).
    pub max_jobs: usize,
    /// Jobs of each partition looked at in one pass (`bf_max_job_part`); zero for no limit.
    pub max_jobs_of_partition: usize,
    /// Jobs of each user looked at in one pass (`bf_max_job_user`); zero for no limit.
    pub max_jobs_of_user: usize,
    /// Jobs started in one pass (`bf_max_job_start`); zero for no limit.
    pub max_starts: usize,
    /// Tasks of an array that are planned ahead (`bf_max_job_array_resv`).
    pub max_tasks_of_array: u32,
    /// Nothing is kept free for jobs of lower priority (`bf_min_prio_reserve`).
    pub least_priority: u32,
    /// Nothing is kept free for jobs that have not waited for so long (`bf_min_age_reserve`).
    pub least_age: Duration,
}

impl Default for Scheduling {
    fn default() -> Self {
        Scheduling {
            by: SchedulerType::Backfill,
            queue_depth: 1000,
            whole_queue_after: Duration::from_secs(60),
            partition_depth: 0,
            stops_at_limits: false,
            backfill: Backfill::default(),
        }
    }
}

impl Default for Backfill {
    fn default() -> Self {
        Backfill {
            interval: Duration::ZERO,
            window: None,
            resolution: Duration::from_secs(1),
            max_jobs: 500,
            max_jobs_of_partition: 0,
            max_jobs_of_user: 0,
            max_starts: 0,
            max_tasks_of_array: 20,
            least_priority: 0,
            least_age: Duration::ZERO,
        }
    }
}
