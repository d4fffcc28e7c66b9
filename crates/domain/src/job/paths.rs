//! Names of a job's standard streams: the default patterns, and what patterns such as `slurm-%A_%a.out` stand for.

use super::{ArrayPart, Job, JobKind};
use crate::Text;
use std::fmt::Write;

/// What the index of an array task reads as while the tasks wait together (Slurm's "no value").
const NO_INDEX: u32 = 4_294_967_294;
/// A name can be padded to no more digits than this.
const MOST_DIGITS: usize = 10;

impl Job {
    /// Returns the pattern of standard output, the default where none was given; empty where nothing is run.
    pub fn output_pattern(&self) -> &str {
        match (&self.spec.streams.output, self.spec.kind, &self.array) {
            (given, ..) if !given.is_empty() => given,
            (_, JobKind::Allocation, _) => "",
            (_, _, Some(_)) => "slurm-%A_%a.out",
            (_, _, None) => "slurm-%j.out",
        }
    }

    /// Returns the file of standard output; `node` is the name of its first node, empty while it has none.
    pub fn output_path(&self, node: &str) -> Text {
        self.stream_path(self.output_pattern(), node)
    }

    /// Returns the file of standard error, which is standard output's where no other was given.
    pub fn error_path(&self, node: &str) -> Text {
        match self.spec.streams.error.as_str() {
            "" => self.output_path(node),
            pattern => self.stream_path(pattern, node),
        }
    }

    /// Returns what a pattern stands for: numbers, names and indexes in their places.
    pub fn filled_in(&self, pattern: &str, node: &str) -> Text {
        Text::from(self.expanded(pattern, node))
    }

    /// Returns the file a pattern stands for, absolute; empty for an empty pattern.
    ///
    /// A backslash in the pattern keeps everything as it is, as in Slurm.
    pub fn stream_path(&self, pattern: &str, node: &str) -> Text {
        let is_plain = !pattern.bytes().any(|byte| byte == b'%' || byte == b'\\');
        if pattern.is_empty() || is_plain && pattern.starts_with('/') {
            return Text::from(pattern);
        }
        let name =
            if pattern.contains('\\') { pattern.replace('\\', "") } else { self.expanded(pattern, node) };
        match name.starts_with('/') {
            true => Text::from(name),
            false => Text::from(format!("{}/{name}", self.spec.work_dir.trim_end_matches('/'))),
        }
    }

    fn expanded(&self, pattern: &str, node: &str) -> String {
        let mut name = String::with_capacity(pattern.len() + 16);
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('%') {
            name.push_str(before);
            let digits = after.len() - after.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (width, after) = after.split_at(digits);
            let mut letters = after.chars();
            let Some(letter) = letters.next() else {
                name.push('%');
                rest = width;
                break;
            };
            self.push_one(&mut name, letter, width.parse().unwrap_or(0).min(MOST_DIGITS), width, node);
            rest = letters.as_str();
        }
        name.push_str(rest);
        name
    }

    fn push_one(&self, name: &mut String, letter: char, width: usize, written: &str, node: &str) {
        let index = match &self.array {
            Some(ArrayPart::Task { index, .. }) => index.0,
            Some(ArrayPart::Pool { .. }) | None => NO_INDEX,
        };
        // Writing to a string cannot fail.
        let _ = match letter {
            '%' => name.write_char('%'),
            'A' => write!(name, "{:0width$}", self.array_id().0),
            'a' => write!(name, "{index:0width$}"),
            'b' => write!(name, "{:0width$}", index % 10),
            'j' | 'J' => write!(name, "{:0width$}", self.id.0),
            'N' => name.write_str(node),
            'n' | 't' => write!(name, "{:0width$}", 0),
            's' => name.write_str("batch"),
            'u' => name.write_str(&self.spec.owner.name),
            // A name that could lead elsewhere stays within the file's name.
            'x' => name.write_str(&self.spec.name.replace('/', "_")),
            other => write!(name, "%{written}{other}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use crate::job::tests::job;
    use crate::job::{ArrayPart, Job};
    use crate::{JobId, TaskIndex};
    use std::sync::Arc;

    fn check(job: &Job, pattern: &str, path: &str) {
        assert_eq!(job.stream_path(pattern, "n1"), path, "{pattern}");
    }

    #[test]
    fn patterns_are_expanded() {
        let mut job = job(42);
        {
            let spec = Arc::make_mut(&mut job.spec);
            spec.work_dir = "/data".into();
            spec.name = "a/b".into();
        }
        assert_eq!(job.output_path(""), "/data/slurm-42.out");
        assert_eq!(job.error_path(""), "/data/slurm-42.out");
        check(&job, "/tmp/%x-%j.out", "/tmp/a_b-42.out");
        check(&job, "o-%5j-%N-%%-%q-%", "/data/o-00042-n1-%-%q-%");
        check(&job, "\\%j", "/data/%j");
        check(&job, "%999999999j%3", "/data/0000000042%3");
        check(&job, "", "");
    }

    #[test]
    fn tasks_are_named_by_array_and_index() {
        let mut job = job(45);
        Arc::make_mut(&mut job.spec).work_dir = "/".into();
        job.array = Some(ArrayPart::Task { of: JobId(42), index: TaskIndex(13), throttle: 0, size: 20 });
        assert_eq!(job.output_path(""), "/slurm-42_13.out");
        check(&job, "%A.%3a.%b.%j", "/42.013.3.45");
    }
}
