//! Array expressions: `0-999%50`, `0-6:2`, `1,4,7`. Read within a bound, shown as the controller shows them.

use std::fmt;

use thiserror::Error;

/// Why an array expression is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ArrayError {
    /// It is no expression.
    #[error("malformed array expression")]
    Malformed,
    /// An index is beyond the largest allowed.
    #[error("array index above {0}")]
    TooLarge(u32),
}

/// The tasks of an array and how many of them may run at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArraySpec {
    /// The ranges as they were given; they may overlap.
    ranges: Vec<Range>,
    /// How many may run at once; no limit if absent.
    pub throttle: Option<u32>,
}

/// Indexes from `low` to `high` in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    low: u32,
    high: u32,
    step: u32,
}

impl ArraySpec {
    /// Makes an expression of single indexes.
    pub fn of(indexes: impl IntoIterator<Item = u32>, throttle: Option<u32>) -> ArraySpec {
        let ranges = indexes.into_iter().map(|index| Range { low: index, high: index, step: 1 });
        ArraySpec { ranges: ranges.collect(), throttle }
    }

    /// Reads an expression whose indexes are at most `largest`.
    ///
    /// # Errors
    /// If it is malformed, repeats itself without end, or has an index that is too large.
    pub fn parse(text: &str, largest: u32) -> Result<ArraySpec, ArrayError> {
        let (tasks, throttle) = match text.split_once('%') {
            Some((tasks, limit)) => (tasks, Some(number(limit.strip_suffix(']').unwrap_or(limit))?)),
            None => (text, None),
        };
        let tasks = tasks.strip_prefix('[').unwrap_or(tasks);
        let tasks = tasks.strip_suffix(']').unwrap_or(tasks);
        let mut ranges = Vec::new();
        // An expression that names everything more than twice is an attack on whoever expands it.
        let mut left = 2 * (u64::from(largest) + 1);
        for part in tasks.split(',') {
            let range = Range::parse(part)?;
            if range.high > largest {
                return Err(ArrayError::TooLarge(largest));
            }
            left = left.checked_sub(range.len()).ok_or(ArrayError::Malformed)?;
            ranges.push(range);
        }
        // Zero means no limit.
        Ok(ArraySpec { ranges, throttle: throttle.filter(|&limit| limit > 0) })
    }

    /// Returns whether the task is meant.
    pub fn contains(&self, index: u32) -> bool {
        self.ranges.iter().any(|range| {
            (range.low..=range.high).contains(&index) && (index - range.low).is_multiple_of(range.step)
        })
    }

    /// Returns all indexes in ascending order; as many as the bound given when it was read.
    pub fn indexes(&self) -> Vec<u32> {
        let mut indexes: Vec<u32> = self
            .ranges
            .iter()
            .flat_map(|range| (range.low..=range.high).step_by(range.step as usize))
            .collect();
        indexes.sort_unstable();
        indexes.dedup();
        indexes
    }

    /// Returns the largest index.
    pub fn largest(&self) -> Option<u32> {
        self.ranges.iter().map(|range| range.high).max()
    }

    /// Returns how many indexes are named, those that are named twice twice.
    pub fn named(&self) -> u64 {
        self.ranges.iter().map(|range| range.len()).sum()
    }

    /// Returns the one task that is meant, if it is one.
    pub fn single(&self) -> Option<u32> {
        match self.ranges.as_slice() {
            [range] if range.len() == 1 => Some(range.low),
            _ => None,
        }
    }
}

impl Range {
    fn parse(part: &str) -> Result<Range, ArrayError> {
        let (range, step) = match part.split_once(':') {
            Some((range, step)) => (range, number(step)?),
            None => (part, 1),
        };
        let (low, high) = match range.split_once('-') {
            Some((low, high)) => (number(low)?, number(high)?),
            None if part.contains(':') => return Err(ArrayError::Malformed),
            None => (number(range)?, number(range)?),
        };
        if high < low || step == 0 { Err(ArrayError::Malformed) } else { Ok(Range { low, high, step }) }
    }

    fn len(&self) -> u64 {
        u64::from((self.high - self.low) / self.step) + 1
    }
}

fn number(text: &str) -> Result<u32, ArrayError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ArrayError::Malformed);
    }
    text.parse().map_err(|_| ArrayError::Malformed)
}

/// Writes ranges for neighbours, `0-30:3` for seven and more at one distance, and single indexes otherwise.
impl fmt::Display for ArraySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_indexes(&self.indexes(), f)?;
        match self.throttle {
            Some(limit) => write!(f, "%{limit}"),
            None => Ok(()),
        }
    }
}

/// From so many indexes on the original prefers to name their distance.
const MANY: usize = 7;

fn write_indexes(indexes: &[u32], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if let (true, [first, second, .., last]) = (indexes.len() >= MANY, indexes) {
        let step = second - first;
        if step > 1 && indexes.array_windows().all(|[low, high]| high - low == step) {
            return write!(f, "{first}-{last}:{step}");
        }
    }
    let mut separator = "";
    for range in indexes.chunk_by(|low, high| low.checked_add(1) == Some(*high)) {
        match (range.first(), range.last()) {
            (Some(low), Some(high)) if low < high => write!(f, "{separator}{low}-{high}")?,
            (Some(low), _) => write!(f, "{separator}{low}")?,
            (None, _) => {}
        }
        separator = ",";
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_shown_normalised() {
        for (text, shown) in [
            ("0-3", "0-3"),
            ("0-6:2", "0,2,4,6"),
            ("1-10%2", "1-10%2"),
            ("5", "5"),
            ("1,1", "1"),
            ("4,0-2", "0-2,4"),
            ("[0-3]%0", "0-3"),
            ("7-9:5", "7"),
            ("0,1", "0-1"),
            ("0-30:3", "0-30:3"),
            ("0-10:2", "0,2,4,6,8,10"),
            ("0-12:2", "0-12:2"),
            ("1-1000:7", "1-995:7"),
            ("0-20:2,50", "0,2,4,6,8,10,12,14,16,18,20,50"),
        ] {
            assert_eq!(ArraySpec::parse(text, 1000).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "-", "3-1", "a", "1:2", "1-4:0", "1%", "1%x", "1,", "0-2:-1"] {
            assert_eq!(ArraySpec::parse(text, 1000), Err(ArrayError::Malformed), "{text}");
        }
        assert_eq!(ArraySpec::parse("1001", 1000), Err(ArrayError::TooLarge(1000)));
        assert_eq!(ArraySpec::parse("0-2000000", 1000), Err(ArrayError::TooLarge(1000)));
    }

    #[test]
    fn repetition_is_refused() {
        let text = vec!["0-1000"; 5000].join(",");
        assert_eq!(ArraySpec::parse(&text, 1000), Err(ArrayError::Malformed));
        assert_eq!(ArraySpec::parse("0-1000,0-1000", 1000).unwrap().to_string(), "0-1000");
    }

    #[test]
    fn membership_needs_no_expansion() {
        let tasks = ArraySpec::parse("0-6:2,9", 10).unwrap();
        assert_eq!(tasks.indexes(), (0..=10).filter(|&index| tasks.contains(index)).collect::<Vec<_>>());
        assert_eq!(tasks.single(), None);
        assert_eq!(ArraySpec::parse("4", 10).unwrap().single(), Some(4));
    }
}
