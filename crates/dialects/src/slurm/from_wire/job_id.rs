//! The job that a path names.

use slurm_wire::job_ids::{LARGEST_JOB_ID, SelectedStep};

/// What stands in a path where a job is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::slurm) enum PathJob {
    /// A job, an array, a task or a step.
    Job(SelectedStep),
    /// A number that no job can have.
    TooLarge(u32),
    /// Nothing that names a job.
    Unreadable,
}

/// Reads the job that a path names. Sets of tasks are for bodies only.
pub(in crate::slurm) fn path_job(text: &str) -> PathJob {
    match text.parse::<SelectedStep>() {
        Ok(job) if job.job_id >= LARGEST_JOB_ID => PathJob::TooLarge(job.job_id),
        Ok(job) if job.tasks.is_some() && (job.task().is_none() || text.contains('[')) => PathJob::Unreadable,
        Ok(job) => PathJob::Job(job),
        Err(_) => PathJob::Unreadable,
    }
}
