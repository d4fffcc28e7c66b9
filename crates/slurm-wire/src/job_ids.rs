//! How jobs, array tasks, components and steps are named in texts: `12`, `12_3`, `12_[1-3]`, `12+1`, `12.batch`, `0xc`.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use thiserror::Error;

use crate::array_spec::ArraySpec;

/// The largest job id; above it the numbers mean other things.
pub const LARGEST_JOB_ID: u32 = 67_108_863;

/// The largest index an array task can have, whatever is configured.
const LARGEST_TASK: u32 = 4_000_001;

/// A text that names no job.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a job id")]
pub struct NoJobId;

/// A step of a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The script.
    Batch,
    /// What came in from outside.
    Extern,
    /// A shell of the user.
    Interactive,
    /// Waiting to get a number.
    Pending,
    /// A numbered step.
    Number(u32),
}

impl FromStr for Step {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<Step, NoJobId> {
        let named = [
            ("batch", Step::Batch),
            ("extern", Step::Extern),
            ("interactive", Step::Interactive),
            ("TBD", Step::Pending),
        ];
        match named.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            Some((_, step)) => Ok(step),
            None => number(text).map(Step::Number),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Batch => f.write_str("batch"),
            Step::Extern => f.write_str("extern"),
            Step::Interactive => f.write_str("interactive"),
            Step::Pending => f.write_str("TBD"),
            Step::Number(number) => write!(f, "{number}"),
        }
    }
}

/// A job, and what of it is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectedStep {
    /// The number of the job, the array or the heterogeneous job.
    pub job_id: u32,
    /// The tasks of the array that are meant.
    pub tasks: Option<ArraySpec>,
    /// The component of the heterogeneous job that is meant.
    pub component: Option<u32>,
    /// The step that is meant.
    pub step: Option<Step>,
}

impl SelectedStep {
    /// Returns the one task that is meant, if it is one.
    pub fn task(&self) -> Option<u32> {
        self.tasks.as_ref()?.single()
    }
}

impl FromStr for SelectedStep {
    type Err = NoJobId;

    fn from_str(text: &str) -> Result<SelectedStep, NoJobId> {
        let (job, step) = match text.split_once('.') {
            Some((job, step)) => (job, Some(step)),
            None => (text, None),
        };
        // The component of a step may also stand behind the step: `12.3+1`.
        let (step, late) = match step.and_then(|step| step.split_once('+')) {
            Some((step, component)) => (Some(step), Some(component)),
            None => (step, None),
        };
        let (job, tasks) = match job.split_once('_') {
            Some((job, tasks)) => (job, Some(ArraySpec::parse(tasks, LARGEST_TASK).map_err(|_| NoJobId)?)),
            None => (job, None),
        };
        let (job, component) = match job.split_once('+') {
            Some((job, component)) => (job, Some(component)),
            None => (job, late),
        };
        if component.is_some() && tasks.is_some() {
            return Err(NoJobId);
        }
        let job_id = number(job)?;
        // Numbers near the top of 32 bits stand for "none" and "all".
        if job_id == 0 || job_id >= u32::MAX - 2 {
            return Err(NoJobId);
        }
        Ok(SelectedStep {
            job_id,
            tasks,
            component: component.map(number).transpose()?,
            step: step.map(str::parse).transpose()?,
        })
    }
}

impl fmt::Display for SelectedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.job_id)?;
        if let Some(tasks) = &self.tasks {
            match self.task() {
                Some(task) => write!(f, "_{task}")?,
                None => write!(f, "_[{tasks}]")?,
            }
        }
        if let Some(component) = self.component {
            write!(f, "+{component}")?;
        }
        match &self.step {
            Some(step) => write!(f, ".{step}"),
            None => Ok(()),
        }
    }
}

/// Writes the ids of a heterogeneous job's components as `355-356`.
pub fn id_set(ids: &[u32]) -> CompactString {
    ArraySpec::of(ids.iter().copied(), None).to_string().into()
}

fn number(text: &str) -> Result<u32, NoJobId> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|letter| letter.is_digit(radix)) {
        return Err(NoJobId);
    }
    u32::from_str_radix(digits, radix).map_err(|_| NoJobId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read_and_shown() {
        for (text, shown) in [
            ("12", "12"),
            ("0x1", "1"),
            ("12_3", "12_3"),
            ("12_[1-3]", "12_[1-3]"),
            ("12_[1-2]%5", "12_[1-2%5]"),
            ("12_[1-2%5]", "12_[1-2%5]"),
            ("12+1", "12+1"),
            ("12.batch", "12.batch"),
            ("12.5", "12.5"),
            ("12_3.extern", "12_3.extern"),
            ("12+1.0", "12+1.0"),
            ("99999999", "99999999"),
        ] {
            assert_eq!(text.parse::<SelectedStep>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn other_texts_name_no_job() {
        for text in
            ["", "abc", "0", "-1", "1_", "1 ", "1-5", "1,2", "4294967295", "1.x", "1+", "1_x", "1+2_3", "12."]
        {
            assert_eq!(text.parse::<SelectedStep>(), Err(NoJobId), "{text}");
        }
    }
}
