//! Values of one series as bytes, without any loss. They are compressed by pco: as whole numbers where they have few
//! decimals, as what is measured and written down mostly has. Times that are all the same way apart take a few bytes
//! altogether.

use super::points::Points;
use super::whole::{packed, unpacked};
use pco::ChunkConfig;
use pco::standalone::{simple_compress, simple_decompress};

/// Times are first and step.
const REGULAR: u8 = 1;
/// Times are compressed as well.
const LISTED: u8 = 2;
/// Added to one of these: values are whole numbers, of so many decimals as the next byte behind the times says.
const DECIMAL: u8 = 4;
/// More values than any chunk has: what claims to have more is broken.
const MOST: usize = 1 << 20;
/// Powers of ten, each of them a number of its own.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Below this every whole number is a number of its own, and so is its half.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Bytes that are no chunk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stretch of a series is broken: {0}")]
pub(super) struct BadChunk(String);

/// Writes values as bytes.
pub(super) fn encoded(points: &Points) -> Result<Vec<u8>, BadChunk> {
    let bad = |error: pco::errors::PcoError| BadChunk(error.to_string());
    let config = ChunkConfig::default();
    let decimals = Decimals::of(&points.values);
    let values = match &decimals {
        Some(decimals) => packed(&decimals.whole),
        None => simple_compress(&points.values, &config),
    };
    let values = values.map_err(bad)?;
    let flag = if decimals.is_some() { DECIMAL } else { 0 };
    let mut bytes = Vec::with_capacity(values.len() + 24);
    match regular(&points.times) {
        Some((first, step)) => {
            bytes.push(REGULAR | flag);
            bytes.extend(first.to_le_bytes());
            bytes.extend(step.to_le_bytes());
        }
        None => {
            let times = simple_compress(&points.times, &config).map_err(bad)?;
            bytes.push(LISTED | flag);
            bytes.extend((times.len() as u64).to_le_bytes());
            bytes.extend(times);
        }
    }
    bytes.extend(decimals.map(|decimals| decimals.places));
    bytes.extend(values);
    Ok(bytes)
}

/// Numbers that are all whole ones over a power of ten.
struct Decimals {
    places: u8,
    whole: Vec<i64>,
}

impl Decimals {
    /// Finds the fewest decimals that all values have; `None` if one has too many. A quotient is the nearest number there
    /// is, as what was read from a text is: nothing is lost.
    fn of(values: &[f64]) -> Option<Self> {
        let mut places = 0_usize;
        for value in values {
            while whole(*value, *POWERS.get(places)?).is_none() {
                places += 1;
            }
        }
        let power = *POWERS.get(places)?;
        let whole: Option<Vec<i64>> = values.iter().map(|value| whole(*value, power)).collect();
        Some(Decimals { places: u8::try_from(places).ok()?, whole: whole? })
    }

    fn values(self) -> Option<Vec<f64>> {
        let power = *POWERS.get(usize::from(self.places))?;
        Some(self.whole.into_iter().map(|whole| whole as f64 / power).collect())
    }
}

/// Returns the whole number that over this power of ten is exactly the value.
fn whole(value: f64, power: f64) -> Option<i64> {
    let product = (value * power).round_ties_even();
    let whole = product as i64;
    let is_exact = product.abs() < WHOLE && (whole as f64 / power).to_bits() == value.to_bits();
    is_exact.then_some(whole)
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
    let floats = |rest: &[u8]| -> Result<Vec<f64>, BadChunk> {
        if kind & DECIMAL == 0 {
            return simple_decompress(rest).map_err(bad);
        }
        let (places, rest) = rest.split_first().ok_or_else(short)?;
        let whole = unpacked(rest).map_err(bad)?.ok_or_else(short)?;
        Decimals { places: *places, whole }
            .values()
            .ok_or_else(|| BadChunk(format!("it has {places} decimals")))
    };
    let (times, values): (Vec<i64>, Vec<f64>) = match *kind & !DECIMAL {
        REGULAR => {
            let (step, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
            let (first, step) = (i64::from_le_bytes(*number), i64::from_le_bytes(*step));
            let values = floats(rest)?;
            let times = (0..)
                .take(values.len().min(MOST))
                .map(|at: i64| first.saturating_add(at.saturating_mul(step)));
            (times.collect(), values)
        }
        LISTED => {
            let length = usize::try_from(u64::from_le_bytes(*number)).map_err(|_| short())?;
            let (times, values) = rest.split_at_checked(length).ok_or_else(short)?;
            (simple_decompress(times).map_err(bad)?, floats(values)?)
        }
        _ => return Err(BadChunk(format!("it is of the unknown kind {kind}"))),
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
        let of =
            |values: &[f64]| Points { times: (7..).take(values.len()).collect(), values: values.to_vec() };
        let few = of(&[12.34, -0.07, 1e-9, 4_194_304.0, 0.0]);
        let many = of(&[std::f64::consts::PI, f64::MIN_POSITIVE, f64::MAX, -1e17, 0.1 + 0.2]);
        let one = of(&[-0.0]);
        for points in [long(|at| 1_700_000_000 + at * 10), long(|at| at * 10 + at % 2), few, many, one] {
            let bytes = encoded(&points).unwrap();
            let read = decoded(&bytes).unwrap();
            assert_eq!(read.times, points.times);
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&read.values), bits(&points.values));
        }
    }

    #[test]
    fn stretches_of_the_version_before_are_read() {
        let values = vec![1.25, 7.5, 0.1];
        let packed = simple_compress(&values, &ChunkConfig::default()).unwrap();
        let bytes = [&[REGULAR][..], &100_i64.to_le_bytes(), &10_i64.to_le_bytes(), &packed].concat();
        assert_eq!(decoded(&bytes).unwrap(), Points { times: vec![100, 110, 120], values });
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
        for last in [3.0, 3.3, std::f64::consts::E] {
            let whole = encoded(&Points { times: vec![1, 2, 4], values: vec![1.0, 2.0, last] }).unwrap();
            for length in 0..whole.len() {
                assert!(decoded(&whole[..length]).is_err(), "{length}");
            }
        }
        assert!(decoded(&[9; 40]).is_err());
    }
}
