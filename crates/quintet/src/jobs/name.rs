//! What people call a job: its number, or a task of an array.

use crate::usage::Usage;
use std::fmt;

/// `12`, or `12_3` for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobName {
    /// The number of the job, or of the array.
    pub(crate) number: u32,
    /// The index of the task.
    pub(crate) task: Option<u32>,
}

impl JobName {
    /// Reads one.
    pub(crate) fn parse(text: &str) -> Result<Self, Usage> {
        let read = || {
            let (number, task) =
                text.split_once('_').map_or((text, None), |(number, task)| (number, Some(task)));
            let number = number.parse::<u32>().ok().filter(|number| *number > 0)?;
            let task = match task {
                Some(task) => Some(task.parse::<u32>().ok()?),
                None => None,
            };
            Some(JobName { number, task })
        };
        read().ok_or_else(|| Usage(format!("\"{text}\" is not the number of a job, such as 12 or 12_3")))
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.task {
            Some(task) => write!(f, "{}_{task}", self.number),
            None => write!(f, "{}", self.number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tasks() {
        let check = |text: &str, told: Option<(u32, Option<u32>)>| {
            let read = JobName::parse(text).ok();
            assert_eq!(read.map(|name| (name.number, name.task)), told, "{text}");
            if let Some(name) = read {
                assert_eq!(name.to_string(), text);
            }
        };
        check("12", Some((12, None)));
        check("12_3", Some((12, Some(3))));
        check("0", None);
        check("12_", None);
        check("_3", None);
        check("x", None);
        check("-1", None);
    }
}
