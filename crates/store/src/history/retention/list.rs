//! Says what is in an archive without loading it.

use super::archive::Line;
use super::load::LoadError;
use domain::Timestamp;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What is in a file of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Attempts.
    pub jobs: u64,
    /// Steps.
    pub steps: u64,
    /// Sums of usage.
    pub sums: u64,
    /// Events: nodes out of service, and what the cluster had.
    pub events: u64,
    /// Reservations.
    pub reservations: u64,
    /// Changes of the books.
    pub transactions: u64,
    /// The first and the last end, or beginning of a sum; `None` of a file in which there is nothing.
    pub times: Option<(Timestamp, Timestamp)>,
}

impl Listed {
    fn add(&mut self, line: &Line) {
        let (count, at) = match line {
            Line::Job(job) => (&mut self.jobs, Timestamp::from_micros(job.end)),
            Line::Step(step) => (&mut self.steps, Timestamp::from_micros(step.end)),
            Line::Usage(usage) => (&mut self.sums, Timestamp::from_seconds(usage.start.saturating_mul(60))),
            Line::Event(event) => (&mut self.events, Timestamp::from_micros(event.end)),
            Line::Reservation(one) => (&mut self.reservations, Timestamp::from_micros(one.end)),
            Line::Transaction(one) => (&mut self.transactions, Timestamp::from_micros(one.end)),
        };
        *count += 1;
        let (first, last) = self.times.unwrap_or((at, at));
        self.times = Some((first.min(at), last.max(at)));
    }
}

/// Looks through a file of an archive.
///
/// # Errors
/// If it cannot be read, or a line of it is none of an archive.
pub fn list_archive(archive: &Path) -> Result<Listed, LoadError> {
    let mut listed = Listed::default();
    for (at, text) in BufReader::new(File::open(archive)?).lines().enumerate() {
        let text = text?;
        if !text.trim().is_empty() {
            let line = serde_json::from_str(&text)
                .map_err(|error| LoadError::Line { line: at + 1, why: error.to_string() })?;
            listed.add(&line);
        }
    }
    Ok(listed)
}
