//! A sheet of names and values: how one thing is shown in full.

use slurm_wire::NoVal;

/// Lines of names and values under a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sheet {
    title: String,
    lines: Vec<(String, String)>,
}

impl Sheet {
    /// Begins a sheet.
    pub(crate) fn new(title: &str) -> Self {
        Sheet { title: title.to_owned(), lines: Vec::new() }
    }

    /// Adds a line, unless there is nothing to tell.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.lines.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Writes the sheet, values below one another.
    pub(crate) fn written(&self) -> String {
        let width = self.lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let line = |(name, value): &(String, String)| format!("  {name:width$}  {value}\n");
        format!("{}\n{}", self.title, self.lines.iter().map(line).collect::<String>())
    }
}

/// Writes a moment in local time, or nothing where there is none.
pub(crate) fn time(moment: NoVal<u64>) -> String {
    let seconds =
        moment.number().and_then(|seconds| i64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
    seconds.map(local_time).unwrap_or_default()
}

/// Writes seconds since 1970 in local time.
pub(crate) fn local_time(seconds: i64) -> String {
    let Ok(moment) = jiff::Timestamp::from_second(seconds) else { return String::new() };
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Writes a time limit given in minutes.
pub(crate) fn minutes(limit: NoVal<u32>) -> String {
    match limit {
        NoVal::Set(minutes) => slurm_wire::time_text::show_seconds(u64::from(minutes) * 60),
        NoVal::Infinite => "unlimited".to_owned(),
        NoVal::Unset => String::new(),
    }
}

/// Writes megabytes in the largest unit that tells them well.
pub(crate) fn size(megabytes: u64) -> String {
    let (mut value, mut unit) = (megabytes as f64, "M");
    for larger in ["G", "T", "P"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if value.fract() < 0.05 { format!("{value:.0}{unit}") } else { format!("{value:.1}{unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_one_another() {
        let mut sheet = Sheet::new("Job 1");
        sheet.add("A", "x");
        sheet.add("Longer", "y");
        sheet.add("Empty", "");
        assert_eq!(sheet.written(), "Job 1\n  A       x\n  Longer  y\n");
    }

    #[test]
    fn sizes() {
        for (megabytes, written) in
            [(0, "0M"), (500, "500M"), (1024, "1G"), (16_000, "15.6G"), (1 << 20, "1T")]
        {
            assert_eq!(size(megabytes), written);
        }
    }

    #[test]
    fn limits() {
        assert_eq!(minutes(NoVal::Set(90)), "01:30:00");
        assert_eq!(minutes(NoVal::Infinite), "unlimited");
        assert_eq!(minutes(NoVal::Unset), "");
        assert_eq!(time(NoVal::Set(0)), "");
    }
}
