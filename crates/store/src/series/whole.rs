//! Whole numbers as bytes, compressed by pco. Load and the like wander, and jump about where they are: such numbers are
//! better told by how far they are from the mean of those before them than by how far they are from each other.

use pco::data_types::Number;
use pco::errors::PcoError;
use pco::standalone::{simple_compress, simple_decompress};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

/// They are distances from the mean of those before them.
const FROM_MEANS: u8 = 1;
/// Each of them takes 32 bits.
const NARROW: u8 = 2;
/// So many make up a mean, a power of two.
const TOGETHER: usize = 32;

/// Writes numbers as bytes, of which the first says how.
pub(super) fn packed(numbers: &[i64]) -> Result<Vec<u8>, PcoError> {
    let plain = narrowest(numbers, 0, &ChunkConfig::default())?;
    let distances = from_means(numbers);
    if !is_worth_it(numbers, &distances) {
        return Ok(plain);
    }
    let config = ChunkConfig::default().with_mode_spec(ModeSpec::Classic).with_delta_spec(DeltaSpec::NoOp);
    let other = narrowest(&distances, FROM_MEANS, &config)?;
    Ok(if other.len() < plain.len() { other } else { plain })
}

/// Reads numbers from bytes; `None` if the first of them means nothing.
pub(super) fn unpacked(bytes: &[u8]) -> Result<Option<Vec<i64>>, PcoError> {
    let Some((kind, rest)) = bytes.split_first().filter(|(kind, _)| **kind <= FROM_MEANS | NARROW) else {
        return Ok(None);
    };
    let numbers = match kind & NARROW {
        0 => simple_decompress::<i64>(rest)?,
        _ => simple_decompress::<i32>(rest)?.into_iter().map(i64::from).collect(),
    };
    Ok(Some(if kind & FROM_MEANS == 0 { numbers } else { to_means(numbers) }))
}

fn narrowest(numbers: &[i64], kind: u8, config: &ChunkConfig) -> Result<Vec<u8>, PcoError> {
    let narrow: Result<Vec<i32>, _> = numbers.iter().map(|number| i32::try_from(*number)).collect();
    match narrow {
        Ok(narrow) => behind(kind | NARROW, &narrow, config),
        Err(_) => behind(kind, numbers, config),
    }
}

fn behind<T: Number>(kind: u8, numbers: &[T], config: &ChunkConfig) -> Result<Vec<u8>, PcoError> {
    let packed = simple_compress(numbers, config)?;
    let mut bytes = Vec::with_capacity(packed.len() + 1);
    bytes.push(kind);
    bytes.extend(packed);
    Ok(bytes)
}

/// The mean of the numbers that came last.
struct Mean {
    last: [i64; TOGETHER],
    at: usize,
    sum: i64,
}

impl Mean {
    /// Before the second number there is only the first.
    fn beginning(first: i64) -> Self {
        Mean { last: [first; TOGETHER], at: 0, sum: first.wrapping_mul(TOGETHER as i64) }
    }

    fn now(&self) -> i64 {
        self.sum >> TOGETHER.trailing_zeros()
    }

    fn take(&mut self, number: i64) {
        if let Some(oldest) = self.last.get_mut(self.at % TOGETHER) {
            self.sum = self.sum.wrapping_add(number).wrapping_sub(*oldest);
            *oldest = number;
        }
        self.at += 1;
    }
}

/// The first number, and how far each of the others is from the mean of those before it. Whatever overflows does so on
/// the way back as well.
fn from_means(numbers: &[i64]) -> Vec<i64> {
    let Some((first, rest)) = numbers.split_first() else { return Vec::new() };
    let mut mean = Mean::beginning(*first);
    let distance = |number: &i64| {
        let distance = number.wrapping_sub(mean.now());
        mean.take(*number);
        distance
    };
    std::iter::once(*first).chain(rest.iter().map(distance)).collect()
}

/// Takes back what [`from_means`] did.
fn to_means(mut numbers: Vec<i64>) -> Vec<i64> {
    let Some((first, rest)) = numbers.split_first_mut() else { return numbers };
    let mut mean = Mean::beginning(*first);
    for number in rest {
        *number = number.wrapping_add(mean.now());
        mean.take(*number);
    }
    numbers
}

/// Tells whether distances from means are about as small as those from one number to the next, or smaller: only then it
/// is worth trying how small they become.
fn is_worth_it(numbers: &[i64], from_means: &[i64]) -> bool {
    let bits = |distance: f64| (1.0 + distance.abs()).log2();
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    let from_each_other: f64 = pairs.map(|(one, next)| bits(next.wrapping_sub(*one) as f64)).sum();
    let from_means: f64 = from_means.iter().skip(1).map(|distance| bits(*distance as f64)).sum();
    from_means < from_each_other
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that look random, the same every time.
    fn noise(count: usize, most: i64) -> Vec<i64> {
        let mut state = 12_345_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as i64 % most
        };
        std::iter::repeat_with(next).take(count).collect()
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let wild = [i64::MIN, i64::MAX, 0, -1, i64::MAX, i64::MIN, 1 << 62].repeat(20);
        let wide: Vec<i64> = noise(1000, 1000).into_iter().map(|number| number + (1 << 40)).collect();
        let steps: Vec<i64> = (0..1000).map(|at| at / 100 * 37).collect();
        for numbers in [wild, wide, steps, noise(5000, 400), vec![7], Vec::new()] {
            assert_eq!(to_means(from_means(&numbers)), numbers);
            let bytes = packed(&numbers).unwrap();
            assert_eq!(unpacked(&bytes).unwrap(), Some(numbers));
        }
        assert_eq!((unpacked(&[]).unwrap(), unpacked(&[4, 0]).unwrap()), (None, None));
    }

    #[test]
    fn noise_about_something_that_wanders_takes_little_more_than_the_noise() {
        let slow = (0..8640).map(|at| at / 60 * 31 % 3000);
        let numbers: Vec<i64> =
            noise(8640, 400).into_iter().zip(slow).map(|(noise, slow)| noise + slow).collect();
        let bytes = packed(&numbers).unwrap();
        // The noise alone is 8640 times the logarithm of 400, 9335 bytes.
        assert!(bytes.len() < 9_720, "{}", bytes.len());
        assert_eq!(bytes[0], FROM_MEANS | NARROW);
    }

    #[test]
    fn what_stays_or_grows_is_told_by_its_steps() {
        let grows: Vec<i64> = (0..8640).map(|at| at * 7).collect();
        let toggles: Vec<i64> = noise(8640, 2).into_iter().map(|one| one * 1000).collect();
        assert!(packed(&grows).unwrap().len() < 100);
        assert!(packed(&toggles).unwrap().len() < 1400);
    }
}
