//! What a run of requests took, and how to say it.

use std::collections::BTreeMap;
use std::time::Duration;

/// Latencies, statuses and sizes of the answers of a run.
#[derive(Debug, Default)]
pub(crate) struct Sample {
    latencies: Vec<Duration>,
    first_bytes: Vec<Duration>,
    /// How often each status came.
    pub(crate) statuses: BTreeMap<u16, usize>,
    /// Bytes of all bodies.
    pub(crate) bytes: usize,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Sample {
    pub(crate) fn with_room_for(count: usize) -> Self {
        Self { latencies: Vec::with_capacity(count), ..Self::default() }
    }

    pub(crate) fn add(&mut self, latency: Duration, status: u16, bytes: usize) {
        self.latencies.push(latency);
        *self.statuses.entry(status).or_default() += 1;
        self.bytes += bytes;
    }

    pub(crate) fn first_byte(&mut self, latency: Duration) {
        self.first_bytes.push(latency);
    }

    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count() as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// The latency that a share (0.0 to 1.0) of the requests stayed within.
    pub(crate) fn within(&self, share: f64) -> Duration {
        quantile(&self.latencies, share)
    }

    /// The median time to the first byte.
    pub(crate) fn median_first_byte(&self) -> Duration {
        quantile(&self.first_bytes, 0.5)
    }

    /// Says what came besides success; none if nothing did.
    pub(crate) fn failures(&self) -> Option<String> {
        let others: Vec<_> = self
            .statuses
            .iter()
            .filter(|(status, _)| **status >= 400)
            .map(|(status, count)| format!("{count} x {status}"))
            .collect();
        (!others.is_empty()).then(|| others.join(", "))
    }
}

/// The value that a share of the values stays within; zero for none at all.
pub(crate) fn quantile(values: &[Duration], share: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let last = sorted.len().saturating_sub(1);
    let at = (share * last as f64).round() as usize;
    sorted.get(at.min(last)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<_> = (1..=101).rev().map(Duration::from_millis).collect();
        let at = |share| quantile(&values, share).as_millis();
        assert_eq!((at(0.0), at(0.5), at(0.99), at(1.0)), (1, 51, 100, 101));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
