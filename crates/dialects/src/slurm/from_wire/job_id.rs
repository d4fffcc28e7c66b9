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

/// Reads the job that accounting is asked about; `None` for what names none. A number beyond any that is given out names
/// one that nobody knows.
pub(in crate::slurm) fn recorded_job(text: &str) -> Option<SelectedStep> {
    match path_job(text) {
        PathJob::Job(job) => Some(job),
        PathJob::TooLarge(_) => text.parse().ok(),
        PathJob::Unreadable => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounting_may_be_asked_about_numbers_that_no_job_has() {
        for text in ["1", "12_3", "12.batch", "67108863", "67108864", "99999999", "4294967292"] {
            assert!(recorded_job(text).is_some(), "{text}");
        }
        for text in ["0", "", "abc", "12_[1-2]", "4294967293", "4294967295", "99999999999"] {
            assert_eq!(recorded_job(text), None, "{text}");
        }
    }
}
