//! One line: a job, or one of its steps.

use slurm_wire::NoVal;
use slurm_wire::accounting::job::Job;
use slurm_wire::accounting::step::Step;
use slurm_wire::accounting::tres::Tres;
use slurm_wire::job_info::ProcessExitCodeVerbose;
use slurm_wire::time_text::show_seconds;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What the original shows as the start of a job that ended without one.
const NEVER: i64 = 4_294_967_294;

/// A line.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) job: Rc<Job>,
    /// Which of the job's steps; `None` for the job itself.
    pub(super) at: Option<usize>,
    /// Sizes in full.
    pub(super) sizes: Sizes,
    /// Numbers of qualities of service.
    pub(super) qos: Rc<BTreeMap<String, u32>>,
}

impl Line {
    /// Returns the step, if it is one's line.
    pub(super) fn step(&self) -> Option<&Step> {
        self.job.steps.get(self.at?)
    }

    /// Returns what the job shows, and nothing for a step.
    pub(super) fn of_job(&self, shown: impl Fn(&Job) -> String) -> String {
        if self.at.is_some() { String::new() } else { shown(&self.job) }
    }

    /// Returns what a step shows, and nothing for the job.
    pub(super) fn of_step(&self, shown: impl Fn(&Step) -> String) -> String {
        self.step().map(shown).unwrap_or_default()
    }

    /// Returns what both show, each by itself.
    pub(super) fn of_either(&self, job: impl Fn(&Job) -> String, step: impl Fn(&Step) -> String) -> String {
        self.step().map_or_else(|| job(&self.job), step)
    }

    /// Returns the job's name as people write it: `12`, `12_3`, `12_[4-9]`, `12+1`; and the step behind a dot.
    pub(super) fn name(&self) -> String {
        let job = &self.job;
        let written = if job.array.job_id > 0 {
            let of = job.array.job_id;
            match (job.array.task_id.number(), job.array.task.as_str()) {
                (Some(task), _) => format!("{of}_{task}"),
                (None, "") => job.job_id.to_string(),
                (None, tasks) => {
                    let most = job.array.limits.max.running.tasks;
                    let most = if most > 0 { format!("%{most}") } else { String::new() };
                    format!("{of}_[{tasks}{most}]")
                }
            }
        } else if job.het.job_id > 0 {
            format!("{}+{}", job.het.job_id, job.het.job_offset.number().unwrap_or(0))
        } else {
            job.job_id.to_string()
        };
        written + &self.behind_dot()
    }

    /// Returns the number alone, and the step behind a dot.
    pub(super) fn number(&self) -> String {
        format!("{}{}", self.job.job_id, self.behind_dot())
    }

    fn behind_dot(&self) -> String {
        self.of_step(|step| format!(".{}", step.step.id.rsplit('.').next().unwrap_or_default()))
    }

    /// Returns the state in sacct's words.
    pub(super) fn state(&self) -> String {
        let (states, by) = match self.step() {
            Some(step) => (&step.state, &step.kill_request_user),
            None => (&self.job.state.current, &self.job.kill_request_user),
        };
        let names: Vec<&str> = states.names().collect();
        let state =
            if names.contains(&"REQUEUED") { "REQUEUED" } else { names.first().copied().unwrap_or_default() };
        if state == "CANCELLED" && !by.is_empty() {
            let uid = uzers::get_user_by_name(by.as_str()).map(|user| user.uid().to_string());
            return format!("{state} by {}", uid.unwrap_or_else(|| by.to_string()));
        }
        state.to_owned()
    }

    /// Returns how many seconds it ran.
    pub(super) fn elapsed(&self) -> u64 {
        u64::from(self.step().map_or(self.job.time.elapsed, |step| step.time.elapsed))
    }

    /// Returns what was allocated.
    pub(super) fn allocated(&self) -> &[Tres] {
        self.step().map_or(&self.job.tres.allocated, |step| &step.tres.allocated)
    }

    /// Returns how many CPUs were allocated.
    pub(super) fn cpus(&self) -> u64 {
        amount(self.allocated(), "cpu").unwrap_or(0)
    }

    /// Returns CPU seconds that were allocated.
    pub(super) fn cpu_time(&self) -> u64 {
        self.cpus().saturating_mul(self.elapsed())
    }

    /// Returns when it began, as written.
    pub(super) fn start(&self) -> String {
        self.of_either(|job| moment(job.time.start), |step| point(step.time.start))
    }

    /// Writes bytes.
    pub(super) fn size(&self, bytes: u64) -> String {
        self.sizes.written(bytes, 0)
    }
}

/// In what sizes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    /// In the largest unit that leaves nothing over.
    Fitting,
    /// In ones.
    Exact,
    /// In this unit: 1 for K, 2 for M.
    In(usize),
}

impl Sizes {
    /// Reads the letter of a unit.
    pub(super) fn of_unit(letter: &str) -> Option<Self> {
        let at = ["K", "M", "G", "T", "P"].iter().position(|unit| unit.eq_ignore_ascii_case(letter))?;
        Some(Sizes::In(at + 1))
    }

    /// Writes a number that counts so many of a unit: 0 for ones, 1 for K, 2 for M.
    pub(super) fn written(self, number: u64, unit: usize) -> String {
        match self {
            Sizes::Exact => number.to_string(),
            sizes => sizes.written_or(number, unit),
        }
    }

    /// The same for what is told in a unit even where nothing shall be converted.
    pub(super) fn written_or(self, number: u64, unit: usize) -> String {
        let Sizes::In(wanted) = self else { return in_units(number, unit) };
        let letter = ["", "K", "M", "G", "T", "P"].get(wanted).unwrap_or(&"");
        let power = i32::try_from(unit).unwrap_or(0) - i32::try_from(wanted).unwrap_or(0);
        let value = number as f64 * 1024_f64.powi(power);
        match value.fract() == 0.0 {
            true => format!("{value:.0}{letter}"),
            false => format!("{value:.2}{letter}"),
        }
    }
}

/// Returns the amount of a kind of resource.
pub(super) fn amount(list: &[Tres], kind: &str) -> Option<u64> {
    let one = list.iter().find(|one| one.kind == kind)?;
    u64::try_from(one.count.0).ok()
}

/// Writes resources in the order of their names; memory in units.
pub(super) fn resources(list: &[Tres], sizes: Sizes) -> String {
    let mut shown: Vec<(String, String)> = list
        .iter()
        .map(|one| {
            let name =
                if one.name.is_empty() { one.kind.to_string() } else { format!("{}/{}", one.kind, one.name) };
            let count = u64::try_from(one.count.0).unwrap_or(0);
            let written = if name == "mem" { sizes.written_or(count, 2) } else { count.to_string() };
            (name, written)
        })
        .collect();
    shown.sort();
    shown.iter().map(|(name, count)| format!("{name}={count}")).collect::<Vec<_>>().join(",")
}

/// Writes a number in the largest unit that leaves nothing over; `unit` is 0 for ones, 1 for K, 2 for M.
pub(super) fn in_units(number: u64, unit: usize) -> String {
    const UNITS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let (mut number, mut unit) = (number, unit);
    while number > 0 && number % 1024 == 0 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1024, unit + 1);
    }
    format!("{number}{}", UNITS.get(unit).unwrap_or(&""))
}

/// Writes seconds of the epoch in local time.
pub(super) fn moment(seconds: i64) -> String {
    match seconds {
        NEVER => "None".to_owned(),
        seconds if seconds <= 0 => "Unknown".to_owned(),
        seconds => crate::sheet::local_time(seconds),
    }
}

/// Writes a moment of a step.
pub(super) fn point(at: NoVal<u64>) -> String {
    moment(at.number().and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0))
}

/// Writes CPU time: with thousandths as long as it is less than an hour.
pub(super) fn cpu_time(seconds: i64, microseconds: i64) -> String {
    let (seconds, thousandths) = (u64::try_from(seconds).unwrap_or(0), microseconds.clamp(0, 999_999) / 1000);
    if thousandths > 0 && seconds < 3600 {
        return format!("{:02}:{:02}.{thousandths:03}", seconds / 60, seconds % 60);
    }
    show_seconds(seconds)
}

/// Writes how something ended: exit code and signal.
pub(super) fn exit(code: &ProcessExitCodeVerbose) -> String {
    let signal = code.signal.id.number().unwrap_or(0);
    format!("{}:{signal}", code.return_code.number().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_units_that_leave_nothing_over() {
        for (bytes, written) in
            [(0, "0"), (500, "500"), (1_871_872, "1828K"), (1 << 30, "1G"), (1025, "1025")]
        {
            assert_eq!(in_units(bytes, 0), written);
        }
        assert_eq!((in_units(100, 2), in_units(4096, 2)), ("100M".to_owned(), "4G".to_owned()));
        let written = |unit: &str, number, of| Sizes::of_unit(unit).unwrap().written(number, of);
        assert_eq!((written("G", 100, 2), written("k", 800, 2)), ("0.10G".to_owned(), "819200K".to_owned()));
        assert_eq!((written("G", 3592, 1), written("G", 2048, 2)), ("0.00G".to_owned(), "2G".to_owned()));
        assert_eq!(Sizes::of_unit("X"), None);
    }

    #[test]
    fn cpu_time_is_written_with_thousandths_if_it_is_short() {
        assert_eq!(cpu_time(0, 48_000), "00:00.048");
        assert_eq!(cpu_time(0, 0), "00:00:00");
        assert_eq!(cpu_time(61, 5_500), "01:01.005");
        assert_eq!(cpu_time(3661, 5_000), "01:01:01");
        assert_eq!(cpu_time(90_061, 0), "1-01:01:01");
    }

    #[test]
    fn names_are_written_as_people_write_them() {
        let line = |job: Job| Line { job: Rc::new(job), at: None, sizes: Sizes::Fitting, qos: Rc::default() };
        let mut job = Job { job_id: 8, ..Job::default() };
        assert_eq!(line(job.clone()).name(), "8");
        (job.array.job_id, job.array.task_id) = (5, NoVal::Set(1));
        assert_eq!((line(job.clone()).name(), line(job.clone()).number()), ("5_1".into(), "8".into()));
        (job.array.task_id, job.array.task, job.array.limits.max.running.tasks) =
            (NoVal::Unset, "3-9".into(), 2);
        assert_eq!(line(job).name(), "5_[3-9%2]");
        let mut part = Job { job_id: 8, ..Job::default() };
        (part.het.job_id, part.het.job_offset) = (7, NoVal::Set(1));
        let mut step = Step::default();
        step.step.id = "8.batch".into();
        part.steps = vec![step].into();
        assert_eq!(Line { at: Some(0), ..line(part) }.name(), "7+1.batch");
    }

    #[test]
    fn moments_that_are_not_known_have_words() {
        assert_eq!((moment(0).as_str(), moment(NEVER).as_str()), ("Unknown", "None"));
    }
}
