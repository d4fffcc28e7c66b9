//! Values of one series as bytes. The values are compressed by pco without any loss; times that are all the same way
//! apart take a few bytes altogether.

use super::points::Points;
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

/// Times are first and step.
const REGULAR: u8 = 1;
/// Times are compressed as well.
const LISTED: u8 = 2;
/// More values than any chunk has: what claims to have more is broken.
const MOST: usize = 1 << 20;

/// Bytes that are no chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stretch of a series is broken: {0}")]
pub(super) struct BadChunk(String);

/// Writes values as bytes.
pub(super) fn encoded(points: &Points) -> Result<Vec<u8>, BadChunk> {
    let bad = |error: pco::errors::PcoError| BadChunk(error.to_string());
    let config = ChunkConfig::default();
    let values = simple_compress(&points.values, &config).map_err(bad)?;
    let mut bytes = Vec::with_capacity(values.len() + 24);
    match regular(&points.times) {
        Some((first, step)) => {
            bytes.push(REGULAR);
            bytes.extend(first.to_le_bytes());
            bytes.extend(step.to_le_bytes());
        }
        None => {
            let times = simple_compress(&points.times, &config).map_err(bad)?;
            bytes.push(LISTED);
            bytes.extend((times.len() as u64).to_le_bytes());
            bytes.extend(times);
        }
    }
    bytes.extend(values);
    Ok(bytes)
}

/// Returns first and step of times that are all the same way apart.
fn regular(times: &[i64]) -> Option<(i64, i64)> {
    let first = *times.first()?;
    let step = times.get(1).map_or(1, |second| second - first);
    let pairs = times.iter().zip(times.iter().skip(1));
    pairs.into_iter().all(|(one, next)| next - one == step).then_some((first, step))
}

/// Reads values from bytes.
pub(super) fn decoded(bytes: &[u8]) -> Result<Points, BadChunk> {
    let short = || BadChunk("it ends too early".to_owned());
    let bad = |error: pco::errors::PcoError| BadChunk(error.to_string());
    let (kind, rest) = bytes.split_first().ok_or_else(short)?;
    let (number, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let (times, values): (Vec<i64>, Vec<f64>) = match *kind {
        REGULAR => {
            let (step, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let (first, step) = (i64::from_le_bytes(*number), i64::from_le_bytes(*step));
            let values: Vec<f64> = simple_decompress(rest).map_err(bad)?;
            let times = (0..)
                .take(values.len().min(MOST))
                .map(|at: i64| first.saturating_add(at.saturating_mul(step)));
            (times.collect(), values)
        }
        LISTED => {
            let length = usize::try_from(u64::from_le_bytes(*number)).map_err(|_| short())?;
            let (times, values) = rest.split_at_checked(length).ok_or_else(short)?;
            (simple_decompress(times).map_err(bad)?, simple_decompress(values).map_err(bad)?)
        }
        other => return Err(BadChunk(format!("it is of the unknown kind {other}"))),
    };
    if times.len() != values.len() {
        return Err(BadChunk(format!("it has {} times and {} values", times.len(), values.len())));
    }
    Ok(Points { times, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let long = |step: fn(i64) -> i64| Points {
            times: (0..5000).map(step).collect(),
            values: (0..5000).map(|at| f64::from(at % 97) * 0.01).collect(),
        };
        let one = Points { times: vec![7], values: vec![-0.0] };
        for points in [long(|at| 1_700_000_000 + at * 10), long(|at| at * 10 + at % 2), one] {
            let bytes = encoded(&points).unwrap();
            assert_eq!(decoded(&bytes).unwrap(), points);
        }
    }

    #[test]
    fn a_day_of_a_metric_is_small() {
        // Percentages with two decimals that wander.
        let mut state = 12_345_u64;
        let mut value = 50.0_f64;
        let points = Points {
            times: (0..8640).map(|at| 1_700_000_000 + at * 10).collect(),
            values: (0..8640)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    value = (value + ((state >> 40) % 101) as f64 / 100.0 - 0.5).clamp(0.0, 100.0);
                    (value * 100.0).round() / 100.0
                })
                .collect(),
        };
        let bytes = encoded(&points).unwrap().len();
        assert!(bytes < 10_000, "{bytes}");
    }

    #[test]
    fn bytes_that_are_no_chunk_are_refused() {
        let whole = encoded(&Points { times: vec![1, 2, 4], values: vec![1.0, 2.0, 3.0] }).unwrap();
        for length in 0..whole.len() {
            assert!(decoded(&whole[..length]).is_err(), "{length}");
        }
        assert!(decoded(&[9; 40]).is_err());
    }
}
