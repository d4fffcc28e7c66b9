//! What is worked out of series: statistics, one series of several components, and fewer points that keep their peaks.

use super::{Aggregation, Series};

/// The smallest, mean and largest value of a series; gaps do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The smallest.
    pub min: f64,
    /// The mean.
    pub avg: f64,
    /// The largest.
    pub max: f64,
}

/// What many series show at each moment. A gap is a NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StatisticsSeries {
    /// The smallest values.
    pub min: Vec<f64>,
    /// Their means.
    pub mean: Vec<f64>,
    /// Their medians.
    pub median: Vec<f64>,
    /// The largest values.
    pub max: Vec<f64>,
}

/// A moment of which fewer series than this have a value has no statistics (ClusterCockpit 1.2, facts 3.3).
const FEWEST: usize = 3;

/// Values that are looked at side by side.
const LANES: usize = 4;

/// Works out statistics; `None` if there is no value.
pub fn statistics(values: &[f64]) -> Option<Statistics> {
    // Several side by side: an addition need not wait for the one before it.
    let [mut first, mut second, mut third, mut fourth] = [Lane::EMPTY; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for [one, two, three, four] in whole {
        first.take(*one);
        second.take(*two);
        third.take(*three);
        fourth.take(*four);
    }
    for value in rest {
        first.take(*value);
    }
    let all = first.with(second).with(third.with(fourth));
    let mean = all.sum / f64::from(all.count);
    let avg = if mean.is_finite() { mean } else { careful_mean(values) };
    (all.count > 0).then_some(Statistics { min: all.min, avg, max: all.max })
}

/// What is known of some of the values.
#[derive(Clone, Copy)]
struct Lane {
    min: f64,
    max: f64,
    sum: f64,
    count: u32,
}

impl Lane {
    const EMPTY: Self = Lane { min: f64::INFINITY, max: f64::NEG_INFINITY, sum: 0.0, count: 0 };

    #[inline]
    fn take(&mut self, value: f64) {
        // Comparisons with a gap are false.
        self.min = if value < self.min { value } else { self.min };
        self.max = if value > self.max { value } else { self.max };
        self.sum += if value.is_nan() { 0.0 } else { value };
        self.count += u32::from(!value.is_nan());
    }

    fn with(self, other: Self) -> Self {
        Lane {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

/// Works out the mean of values whose sum is too large: the mean so far moves towards each value.
fn careful_mean(values: &[f64]) -> f64 {
    let known = values.iter().filter(|value| !value.is_nan());
    known.zip(1_u32..).fold(0.0, |mean, (value, count)| mean + (value - mean) / f64::from(count))
}

/// Works out what series that begin together show at each moment.
pub fn statistics_series(series: &[&[f64]]) -> StatisticsSeries {
    let length = series.iter().map(|values| values.len()).max().unwrap_or(0);
    let mut all = StatisticsSeries::default();
    for at in 0..length {
        let mut values: Vec<f64> = series
            .iter()
            .filter_map(|values| values.get(at))
            .copied()
            .filter(|value| !value.is_nan())
            .collect();
        let known = statistics(&values).filter(|_| values.len() >= FEWEST);
        let gap = Statistics { min: f64::NAN, avg: f64::NAN, max: f64::NAN };
        let Statistics { min, avg, max } = known.unwrap_or(gap);
        all.min.push(min);
        all.mean.push(avg);
        all.max.push(max);
        all.median.push(if known.is_some() { median(&mut values) } else { f64::NAN });
    }
    all
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle.wrapping_sub(1)), values.get(middle)) {
        (Some(left), Some(right)) if values.len().is_multiple_of(2) => (left + right) / 2.0,
        (_, Some(one)) => *one,
        _ => f64::NAN,
    }
}

/// Makes one series of several components, moment by moment; they may begin at different times, but have the same time
/// step. A moment at which none has a value is a gap. `None` if there are none, or if they have no sum and no mean.
pub fn together(mut all: Vec<Series>, how: Aggregation) -> Option<Series> {
    if how == Aggregation::None {
        return None;
    }
    if all.len() <= 1 {
        return all.pop();
    }
    let first = all.first()?;
    let step = i64::from(first.timestep.max(1));
    let start = all.iter().map(|series| series.start).min()?;
    let offset = |series: &Series| usize::try_from((series.start - start) / step).unwrap_or(0);
    let length = all.iter().map(|series| offset(series) + series.values.len()).max()?;
    let mut sums = vec![(0.0_f64, 0_u32); length];
    for series in &all {
        for ((sum, count), value) in sums.iter_mut().skip(offset(series)).zip(&series.values) {
            if !value.is_nan() {
                (*sum, *count) = (*sum + value, *count + 1);
            }
        }
    }
    let value = |(sum, count): (f64, u32)| match (count, how) {
        (0, _) => f64::NAN,
        (_, Aggregation::Avg) => sum / f64::from(count),
        _ => sum,
    };
    Some(Series { start, values: sums.into_iter().map(value).collect(), ..first.clone() })
}

/// Makes a series of at most about `most` values: of each stretch the one is kept that lies farthest from the line
/// between the one kept before and the middle of the next stretch (largest triangle), so that peaks stay. The time step
/// grows by a whole factor. A stretch without values becomes a gap.
pub fn fewer(series: &Series, most: usize) -> Series {
    let factor = series.values.len().div_ceil(most.max(1)).max(1);
    if factor == 1 {
        return series.clone();
    }
    let stretches: Vec<&[f64]> = series.values.chunks(factor).collect();
    let mean = |stretch: &[f64]| statistics(stretch).map(|known| known.avg);
    let mut before: Option<(usize, f64)> = None;
    let mut kept = Vec::with_capacity(stretches.len());
    for (number, stretch) in stretches.iter().enumerate() {
        let next = stretches.get(number + 1).and_then(|next| mean(next));
        let middle = number * factor + factor + factor / 2;
        let from = before.or_else(|| mean(stretch).map(|value| (number * factor, value)));
        let Some((begin, left)) = from else {
            kept.push(f64::NAN);
            continue;
        };
        let right = next.unwrap_or(left);
        // Twice the area of the triangle of what was kept, this value, and the middle of what comes.
        let area = |at: usize, value: f64| {
            let (begin, at, middle) = (begin as f64, at as f64, middle as f64);
            ((begin - middle) * (value - left) - (begin - at) * (right - left)).abs()
        };
        let points = stretch.iter().enumerate().map(|(at, value)| (number * factor + at, *value));
        let farthest = points
            .filter(|(_, value)| !value.is_nan())
            .max_by(|one, other| area(one.0, one.1).total_cmp(&area(other.0, other.1)));
        kept.push(farthest.map_or(f64::NAN, |(_, value)| value));
        before = farthest.or(before);
    }
    let timestep = u32::try_from(factor).unwrap_or(u32::MAX).saturating_mul(series.timestep);
    Series { timestep, values: kept, ..series.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{Component, SeriesKey};
    use super::*;
    use crate::Text;

    fn series(start: i64, values: &[f64]) -> Series {
        let key = SeriesKey {
            cluster: Text::const_new("c"),
            host: Text::const_new("h"),
            job: None,
            component: Component::NODE,
            metric: Text::const_new("m"),
        };
        Series { key, start, timestep: 10, values: values.to_vec() }
    }

    /// Gaps are equal to gaps.
    fn same(one: &[f64], other: &[f64]) {
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(one), bits(other), "{one:?} {other:?}");
    }

    #[test]
    fn gaps_do_not_count() {
        assert_eq!(statistics(&[f64::NAN]), None);
        let known = statistics(&[2.0, f64::NAN, 4.0]);
        assert_eq!(known, Some(Statistics { min: 2.0, avg: 3.0, max: 4.0 }));
        let many = [5.0, f64::NAN, 1.0, 2.0, f64::NAN, 4.0, 9.0, 3.0, f64::NAN];
        assert_eq!(statistics(&many), Some(Statistics { min: 1.0, avg: 4.0, max: 9.0 }));
        let huge = statistics(&[f64::MAX, f64::NAN, f64::MAX]).unwrap();
        assert_eq!(huge.avg, f64::MAX);
    }

    #[test]
    fn a_moment_needs_three_values() {
        let all = statistics_series(&[&[1.0, 1.0], &[2.0, 2.0], &[6.0, f64::NAN], &[7.0]]);
        same(&all.min, &[1.0, f64::NAN]);
        same(&all.mean, &[4.0, f64::NAN]);
        same(&all.median, &[4.0, f64::NAN]);
        same(&all.max, &[7.0, f64::NAN]);
    }

    #[test]
    fn components_need_not_begin_together() {
        let all = [series(100, &[1.0, f64::NAN]), series(110, &[3.0, 5.0])];
        let sum = together(all.to_vec(), Aggregation::Sum).unwrap();
        assert_eq!(sum.start, 100);
        same(&sum.values, &[1.0, 3.0, 5.0]);
        let other = [series(100, &[1.0, 2.0]), series(100, &[3.0, f64::NAN])];
        same(&together(other.to_vec(), Aggregation::Avg).unwrap().values, &[2.0, 2.0]);
        assert_eq!(together(other.to_vec(), Aggregation::None), None);
        assert_eq!(together(Vec::new(), Aggregation::Sum), None);
        let alone = together(vec![series(110, &[f64::NAN, 5.0])], Aggregation::Sum).unwrap();
        same(&alone.values, &[f64::NAN, 5.0]);
    }

    #[test]
    fn peaks_stay() {
        let mut values = vec![1.0; 1000];
        values[437] = 50.0;
        values[801] = -50.0;
        let less = fewer(&series(0, &values), 100);
        assert_eq!((less.values.len(), less.timestep), (100, 100));
        assert!(less.values.contains(&50.0) && less.values.contains(&-50.0));
        same(&fewer(&series(0, &[1.0, 2.0]), 10).values, &[1.0, 2.0]);
        same(&fewer(&series(0, &[f64::NAN, f64::NAN, 2.0, 2.0]), 2).values, &[f64::NAN, 2.0]);
    }
}
