//! What people call a job: its number, a task of an array, or a component of a heterogeneous job.

use crate::usage::Usage;
use std::fmt;

/// `12`, `12_3` for a task, `12+1` for a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JobName {
    /// The number of the job, of the array, or of the heterogeneous job.
    pub(crate) number: u32,
    /// What of it is meant, if not all.
    pub(crate) part: Option<Part>,
}

/// A part of what has one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The task of this index.
    Task(u32),
    /// The component at this place; the leader has zero.
    Component(u32),
}

impl JobName {
    /// Reads one.
    pub(crate) fn parse(text: &str) -> Result<Self, Usage> {
        let read = || {
            let (number, part) = match (text.split_once('_'), text.split_once('+')) {
                (Some((number, task)), _) => (number, Some(Part::Task(digits(task)?))),
                (None, Some((number, offset))) => (number, Some(Part::Component(digits(offset)?))),
                (None, None) => (text, None),
            };
            let number = digits(number).filter(|number| *number > 0)?;
            Some(JobName { number, part })
        };
        read()
            .ok_or_else(|| Usage(format!("\"{text}\" is not the number of a job, such as 12, 12_3 or 12+1")))
    }

    /// Names a whole job.
    pub(crate) fn of(number: u32) -> Self {
        JobName { number, part: None }
    }

    /// Returns it as a part of a path, in which no bare plus may stand.
    pub(crate) fn path(self) -> String {
        self.to_string().replace('+', "%2B")
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

/// Reads a number without a sign.
fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Writes the id of a record: `12_3` for a task, `12+1` for a component, else its number.
pub(crate) fn written(
    number: u32,
    task: (Option<u32>, Option<u32>),
    het: (Option<u32>, Option<u32>),
) -> String {
    match (task, het) {
        ((Some(array), Some(task)), _) => format!("{array}_{task}"),
        (_, (Some(leader), Some(offset))) => format!("{leader}+{offset}"),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_tasks() {
        let check = |text: &str, told: Option<(u32, Option<Part>)>| {
            let read = JobName::parse(text).ok();
            assert_eq!(read.map(|name| (name.number, name.part)), told, "{text}");
            if let Some(name) = read {
                assert_eq!(name.to_string(), text);
            }
        };
        check("12", Some((12, None)));
        check("12_3", Some((12, Some(Part::Task(3)))));
        check("12+0", Some((12, Some(Part::Component(0)))));
        check("12+", None);
        check("+12", None);
        check("1+2_3", None);
        check("0", None);
        check("12_", None);
        check("_3", None);
        check("x", None);
        check("-1", None);
    }
}
