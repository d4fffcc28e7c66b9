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
pub struct NoJobId {
    /// Slurm's number for what is wrong with it.
    pub number: i32,
}

/// A part of the name of a job. Its value is the number for one that is empty; those for other faults follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
enum Part {
    Job = 2136,
    Task = 2141,
    Component = 2146,
    Step = 2150,
}

/// A task of a component, which there is not.
const TASK_AND_COMPONENT: NoJobId = NoJobId { number: 2145 };

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
            None => number(text, Part::Step).map(Step::Number),
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
            Some((job, tasks)) => (job, Some(task_set(tasks)?)),
            None => (job, None),
        };
        let (job, component) = match job.split_once('+') {
            Some((job, component)) => (job, Some(component)),
            None => (job, late),
        };
        if component.is_some() && tasks.is_some() {
            return Err(TASK_AND_COMPONENT);
        }
        let job_id = number(job, Part::Job)?;
        // Numbers near the top of 32 bits stand for "none" and "all".
        if job_id == 0 || job_id >= u32::MAX - 2 {
            let number = if job_id == 0 { Part::Job.zero() } else { Part::Job.too_large() };
            return Err(NoJobId { number });
        }
        Ok(SelectedStep {
            job_id,
            tasks,
            component: component.map(|component| number(component, Part::Component)).transpose()?,
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

impl Part {
    fn zero(self) -> i32 {
        self as i32 + 1
    }

    /// Jobs alone have a number for zero before it.
    fn negative(self) -> i32 {
        self as i32 + if self == Part::Job { 2 } else { 1 }
    }

    fn too_large(self) -> i32 {
        self.negative() + 1
    }

    fn no_number(self) -> i32 {
        self.negative() + 2
    }
}

/// Reads tasks; a bracket that is opened must be closed.
fn task_set(text: &str) -> Result<ArraySpec, NoJobId> {
    let is_open = text.contains('[') != text.contains(']');
    match ArraySpec::parse(text, LARGEST_TASK) {
        Ok(tasks) if !is_open => Ok(tasks),
        _ => Err(NoJobId { number: fault(text, Part::Task) }),
    }
}

fn number(text: &str, part: Part) -> Result<u32, NoJobId> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (text, 10),
    };
    let refused = || NoJobId { number: fault(text, part) };
    if digits.is_empty() || !digits.chars().all(|letter| letter.is_digit(radix)) {
        return Err(refused());
    }
    u32::from_str_radix(digits, radix).map_err(|_| NoJobId { number: part.too_large() })
}

/// Says what is wrong with a part that is no number.
fn fault(text: &str, part: Part) -> i32 {
    let first = text.chars().next();
    match first {
        None => part as i32,
        Some('-') => part.negative(),
        // What does not begin with a digit reads as zero.
        Some(first) if part == Part::Job && !first.is_ascii_digit() => part.zero(),
        Some(_) => part.no_number(),
    }
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
    fn other_texts_name_no_job_and_have_a_number_each() {
        for (text, number) in [
            ("", 2136),
            ("abc", 2137),
            ("0", 2137),
            ("-1", 2138),
            ("4294967295", 2139),
            ("999999999999", 2139),
            ("1 ", 2140),
            ("1-5", 2140),
            ("1,2", 2140),
            ("1_", 2141),
            ("1_-1", 2142),
            ("1_x", 2144),
            ("1_*", 2144),
            ("1_[1", 2144),
            ("1_1+0", 2144),
            ("1+2_3", 2145),
            ("1+", 2146),
            ("1+-1", 2147),
            ("1+x", 2149),
            ("12.", 2150),
            ("1.-1", 2151),
            ("1.4294967299", 2152),
            ("1.x", 2153),
        ] {
            assert_eq!(text.parse::<SelectedStep>(), Err(NoJobId { number }), "{text}");
        }
    }
}
