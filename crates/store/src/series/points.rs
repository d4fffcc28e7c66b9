//! Values with their seconds, in order, each second once.

/// Values of one series. Times are seconds since 1970, ascending, no two alike.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Points {
    pub(super) times: Vec<i64>,
    pub(super) values: Vec<f64>,
}

impl Points {
    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Takes in a value; it replaces one of the same second. Tells whether there is one more now.
    pub(super) fn put(&mut self, time: i64, value: f64) -> bool {
        if self.times.last().is_none_or(|last| *last < time) {
            self.times.push(time);
            self.values.push(value);
            return true;
        }
        match self.times.binary_search(&time) {
            Ok(at) => {
                if let Some(known) = self.values.get_mut(at) {
                    *known = value;
                }
                false
            }
            Err(at) => {
                self.times.insert(at, time);
                self.values.insert(at, value);
                true
            }
        }
    }

    /// Returns both together; where both have a second, `later` counts.
    pub(super) fn with(self, later: Points) -> Points {
        match (self.times.last(), later.times.first()) {
            (None, _) => return later,
            (_, None) => return self,
            (Some(last), Some(first)) if last < first => {
                let Points { mut times, mut values } = self;
                times.extend(later.times);
                values.extend(later.values);
                return Points { times, values };
            }
            _ => {}
        }
        let mut all = Points {
            times: Vec::with_capacity(self.len() + later.len()),
            values: Vec::with_capacity(self.len() + later.len()),
        };
        let mut mine = self.times.into_iter().zip(self.values).peekable();
        for (time, value) in later.times.into_iter().zip(later.values) {
            while let Some((earlier, old)) = mine.next_if(|(mine, _)| *mine < time) {
                all.times.push(earlier);
                all.values.push(old);
            }
            mine.next_if(|(mine, _)| *mine == time);
            all.times.push(time);
            all.values.push(value);
        }
        for (time, value) in mine {
            all.times.push(time);
            all.values.push(value);
        }
        all
    }

    /// Tells whether there are any of `from <= time < until`.
    pub(super) fn has_within(&self, from: i64, until: i64) -> bool {
        let begin = self.times.partition_point(|time| *time < from);
        self.times.get(begin).is_some_and(|time| *time < until)
    }

    /// Returns those of `from <= time < until`.
    pub(super) fn within(&self, from: i64, until: i64) -> Points {
        let begin = self.times.partition_point(|time| *time < from);
        let end = self.times.partition_point(|time| *time < until).max(begin);
        Points {
            times: self.times.get(begin..end).unwrap_or_default().to_vec(),
            values: self.values.get(begin..end).unwrap_or_default().to_vec(),
        }
    }

    /// Leaves those of `from <= time < until` alone.
    pub(super) fn only_within(self, from: i64, until: i64) -> Points {
        let is_all = self.times.first().is_none_or(|first| *first >= from)
            && self.times.last().is_none_or(|last| *last < until);
        if is_all { self } else { self.within(from, until) }
    }

    /// Tells whether they are all this many seconds apart.
    pub(super) fn are_apart(&self, step: i64) -> bool {
        self.times.windows(2).all(|pair| matches!(pair, [one, next] if next - one == step))
    }

    /// Returns their means over steps that begin at `from`, at the beginning of each step that has a value.
    pub(super) fn means(&self, from: i64, step: i64) -> Points {
        let mut means = Points::default();
        let mut count = 0.0;
        for (time, value) in self.times.iter().zip(&self.values) {
            let last = means.times.last().copied();
            if let (Some(last), Some(mean)) = (last, means.values.last_mut())
                && *time < last + step
            {
                count += 1.0;
                *mean += (value - *mean) / count;
                continue;
            }
            count = 1.0;
            let begin = match last {
                // Most follow each other: no division is wanted to know where they belong.
                Some(last) if *time < last + 2 * step => last + step,
                _ => from + (time - from).div_euclid(step) * step,
            };
            means.times.push(begin);
            means.values.push(*value);
        }
        means
    }

    /// Returns the shortest time between two of them, at least one second.
    pub(super) fn finest_step(&self) -> i64 {
        let gaps = self.times.iter().zip(self.times.iter().skip(1)).map(|(one, next)| next - one);
        gaps.min().unwrap_or(1).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(all: &[(i64, f64)]) -> Points {
        Points {
            times: all.iter().map(|(time, _)| *time).collect(),
            values: all.iter().map(|(_, value)| *value).collect(),
        }
    }

    #[test]
    fn the_later_value_counts() {
        let mut own = Points::default();
        assert!(own.put(10, 1.0) && own.put(20, 2.0) && own.put(15, 1.5));
        assert!(!own.put(20, 3.0));
        assert_eq!(own, points(&[(10, 1.0), (15, 1.5), (20, 3.0)]));
        let both = own.clone().with(points(&[(5, 0.5), (15, 9.0), (30, 4.0)]));
        assert_eq!(both, points(&[(5, 0.5), (10, 1.0), (15, 9.0), (20, 3.0), (30, 4.0)]));
        assert_eq!(own.clone().with(points(&[(30, 4.0)])).len(), 4);
        assert_eq!(Points::default().with(own.clone()), own);
    }

    #[test]
    fn stretches_and_means() {
        let own = points(&[(10, 1.0), (12, 3.0), (20, 5.0), (39, 7.0)]);
        assert_eq!(own.within(12, 39), points(&[(12, 3.0), (20, 5.0)]));
        assert_eq!(own.within(50, 40), Points::default());
        assert_eq!(own.means(10, 10), points(&[(10, 2.0), (20, 5.0), (30, 7.0)]));
        assert_eq!(own.means(15, 10), points(&[(5, 2.0), (15, 5.0), (35, 7.0)]));
        assert_eq!((own.finest_step(), points(&[(1, 1.0)]).finest_step()), (2, 1));
    }
}
