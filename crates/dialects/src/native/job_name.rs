//! What people call a job: `12`, `12_3` for a task of an array, or `12+1` for a component of a heterogeneous job.

use super::error::NativeError;
use domain::job::{ArrayPart, Job};
use domain::{JobId, Problem, TaskIndex, Text};
use std::fmt;

/// A job, a whole array or heterogeneous job, or one part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JobName {
    /// Number of the job, of the array, or of the leader of a heterogeneous job.
    pub(super) number: JobId,
    /// What of it is meant, if not all.
    pub(super) part: Option<Part>,
}

/// A part of what has one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A task of an array.
    Task(TaskIndex),
    /// A component of a heterogeneous job, counted from its leader, who has zero.
    Component(u32),
}

impl JobName {
    /// Reads what stands in `parameter`.
    pub(super) fn read(parameter: &'static str, text: &str) -> Result<Self, NativeError> {
        let wrong =
            || NativeError::parameter(parameter, "expected the number of a job, such as 12, 12_3 or 12+1");
        let number = |text: &str| -> Option<u32> {
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
        };
        let (job, part) = match (text.split_once('_'), text.split_once('+')) {
            (Some((job, task)), _) => (job, Some(Part::Task(TaskIndex(number(task).ok_or_else(wrong)?)))),
            (None, Some((job, offset))) => (job, Some(Part::Component(number(offset).ok_or_else(wrong)?))),
            (None, None) => (text, None),
        };
        let job = number(job).map(JobId).filter(|job| job.0 > 0 && *job <= JobId::MAX).ok_or_else(wrong)?;
        Ok(JobName { number: job, part })
    }

    /// Tells whether this record of a job is meant, or may turn out to be.
    pub(super) fn means(self, job: &Job) -> bool {
        match (self.part, &job.array) {
            (None, _) => job.id == self.number || job.array_id() == self.number || self.leads(job),
            (Some(Part::Task(task)), Some(ArrayPart::Task { of, index, .. })) => {
                *of == self.number && *index == task
            }
            (Some(Part::Task(task)), Some(ArrayPart::Pool { waiting, .. })) => {
                job.id == self.number && waiting.contains(task)
            }
            (Some(Part::Task(_)), None) => false,
            (Some(Part::Component(offset)), _) => {
                self.leads(job) && job.het.is_some_and(|part| part.offset == offset)
            }
        }
    }

    fn leads(self, job: &Job) -> bool {
        job.het.is_some_and(|part| part.leader == self.number)
    }

    /// Returns what is wrong if there is no such job.
    pub(super) fn unknown(self) -> Problem {
        match self.part {
            Some(_) => Problem::UnknownTask(Text::from(self.to_string())),
            None => Problem::UnknownJob(self.number),
        }
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Some(Part::Task(task)) => write!(f, "{}_{task}", self.number),
            Some(Part::Component(offset)) => write!(f, "{}+{offset}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for (text, wanted) in [
            ("12", (12, None)),
            ("12_3", (12, Some(Part::Task(TaskIndex(3))))),
            ("67108863_0", (67_108_863, Some(Part::Task(TaskIndex(0))))),
            ("12+1", (12, Some(Part::Component(1)))),
        ] {
            let name = JobName::read("id", text).unwrap();
            assert_eq!((name.number.0, name.part), wanted);
            assert_eq!(name.to_string(), text);
        }
        for text in [
            "",
            "0",
            "x",
            "12_",
            "_3",
            "+1",
            "-1",
            "1+",
            "1+2_3",
            "1_2_3",
            "67108864",
            "99999999999",
            "12_99999999999",
        ] {
            let error = JobName::read("id", text).unwrap_err();
            assert!(error.to_string().starts_with("id: "), "{text}");
        }
    }
}
