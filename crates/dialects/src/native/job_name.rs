//! What people call a job: `12`, or `12_3` for a task of an array.

use super::error::NativeError;
use domain::job::{ArrayPart, Job};
use domain::{JobId, TaskIndex};

/// A job, a whole array, or one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobName {
    /// Number of the job or of the array.
    pub(super) number: JobId,
    /// The task.
    pub(super) task: Option<TaskIndex>,
}

impl JobName {
    /// Reads what stands in `parameter`.
    pub(super) fn read(parameter: &'static str, text: &str) -> Result<Self, NativeError> {
        let wrong = || NativeError::parameter(parameter, "expected the number of a job, such as 12 or 12_3");
        let number = |text: &str| -> Option<u32> {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let (job, task) = match text.split_once('_') {
            Some((job, task)) => (job, Some(TaskIndex(number(task).ok_or_else(wrong)?))),
            None => (text, None),
        };
        let job = number(job).map(JobId).filter(|job| job.0 > 0 && *job <= JobId::MAX).ok_or_else(wrong)?;
        Ok(JobName { number: job, task })
    }

    /// Tells whether this record of a job is meant, or may turn out to be.
    pub(super) fn means(self, job: &Job) -> bool {
        match (self.task, &job.array) {
            (None, _) => job.id == self.number || job.array_id() == self.number,
            (Some(task), Some(ArrayPart::Task { of, index, .. })) => *of == self.number && *index == task,
            (Some(task), Some(ArrayPart::Pool { waiting, .. })) => {
                job.id == self.number && waiting.contains(task)
            }
            (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (text, wanted) in
            [("12", (12, None)), ("12_3", (12, Some(3))), ("67108863_0", (67_108_863, Some(0)))]
        {
            let name = JobName::read("id", text).unwrap();
            assert_eq!((name.number.0, name.task.map(|task| task.0)), wanted);
        }
        for text in
            ["", "0", "x", "12_", "_3", "+1", "-1", "1_2_3", "67108864", "99999999999", "12_99999999999"]
        {
            let error = JobName::read("id", text).unwrap_err();
            assert!(error.to_string().starts_with("id: "), "{text}");
        }
    }
}
