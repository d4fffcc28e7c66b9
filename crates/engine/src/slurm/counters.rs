//! What is counted of the talk with a cluster.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// slurmrestd was asked.
    Call,
    /// It was not reached, or did not answer.
    Failure,
    /// A request was answered from a copy.
    Copy,
    /// One was answered from a copy that is older than it should be, as no newer one could be had.
    Stale,
    /// A request was handed on.
    Passed,
    /// One was turned away, as its user asks too often.
    TurnedAway,
    /// A token was checked by asking the cluster.
    Verified,
}

/// Every count with its name in metrics and what it means.
const ALL: [(Counted, &str, &str); 7] = [
    (Counted::Call, "quintet_cluster_calls_total", "Requests sent to slurmrestd."),
    (Counted::Failure, "quintet_cluster_failures_total", "Requests to slurmrestd without an answer."),
    (Counted::Copy, "quintet_cluster_copies_total", "Requests answered from a copy."),
    (Counted::Stale, "quintet_cluster_stale_total", "Requests answered from a copy older than max_age."),
    (Counted::Passed, "quintet_cluster_passed_total", "Requests handed on to slurmrestd."),
    (Counted::TurnedAway, "quintet_cluster_limited_total", "Requests beyond the limit of their user."),
    (Counted::Verified, "quintet_cluster_verified_total", "Tokens checked by asking the cluster."),
];

/// The counts.
#[derive(Default)]
pub(super) struct Counters {
    counts: [AtomicU64; ALL.len()],
    micros: AtomicU64,
}

/// A count for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// How many.
    pub value: u64,
}

impl Counters {
    /// Counts something that took so long.
    pub(super) fn count(&self, what: Counted, took: Duration) {
        let Some(at) = ALL.iter().position(|(known, ..)| *known == what) else { return };
        if let Some(count) = self.counts.get(at) {
            count.fetch_add(1, Relaxed);
        }
        self.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    /// Returns how often something happened.
    #[cfg(test)]
    pub(super) fn of(&self, what: Counted) -> u64 {
        ALL.iter()
            .zip(&self.counts)
            .find(|((known, ..), _)| *known == what)
            .map_or(0, |(_, n)| n.load(Relaxed))
    }

    /// Returns all counts; the last is the time spent waiting for slurmrestd, in microseconds.
    pub(super) fn all(&self) -> Vec<Count> {
        let counts = ALL.iter().zip(&self.counts);
        let mut counts: Vec<Count> =
            counts.map(|((_, name, help), value)| Count { name, help, value: value.load(Relaxed) }).collect();
        counts.push(Count {
            name: "quintet_cluster_microseconds_total",
            help: "Microseconds until answers of slurmrestd began.",
            value: self.micros.load(Relaxed),
        });
        counts
    }
}
