//! What will be free, and when: of each node and each licence a list of steps, kept by the backfill pass.

use domain::Timestamp;
use domain::fit::Amounts;

/// What is free of one thing over time.
#[derive(Clone, Debug)]
pub(super) struct Timeline {
    /// Ascending; each holds until the next, the last for ever. The first is the beginning.
    steps: Vec<(Timestamp, Amounts)>,
}

impl Timeline {
    /// Makes a timeline from what is free now and what is given back later, in any order.
    pub(super) fn new(now: Timestamp, free: Amounts, mut releases: Vec<(Timestamp, Amounts)>) -> Self {
        releases.sort_by_key(|(at, _)| *at);
        let mut steps = vec![(now, free)];
        for (at, released) in releases {
            let (last, free) = steps.last().cloned().unwrap_or_default();
            let mut free = free;
            free.give(&released);
            match steps.last_mut() {
                Some(step) if last == at => step.1 = free,
                _ => steps.push((at, free)),
            }
        }
        Timeline { steps }
    }

    /// Returns the times at which something changes.
    pub(super) fn times(&self) -> impl Iterator<Item = Timestamp> + '_ {
        self.steps.iter().map(|(at, _)| *at)
    }

    /// Returns what is free all the time from `from` until before `until`, and the steps looked at.
    pub(super) fn least(&self, from: Timestamp, until: Timestamp) -> (Amounts, usize) {
        let first = self.steps.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let mut least = self.steps[first].1.clone();
        let mut seen = 1;
        for (_, free) in self.steps[first + 1..].iter().take_while(|(at, _)| *at < until) {
            least.lower_to(free);
            seen += 1;
        }
        (least, seen)
    }

    /// Returns the first time from `from` on, but before `before`, from which what is free suits for as long as told;
    /// and the steps looked at.
    pub(super) fn first_fit(
        &self,
        from: Timestamp,
        before: Timestamp,
        end_from: impl Fn(Timestamp) -> Timestamp,
        suits: impl Fn(&Amounts) -> bool,
    ) -> (Option<Timestamp>, usize) {
        let first = self.steps.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        let (mut start, mut end) = (from, end_from(from));
        for (seen, (_, free)) in self.steps[first..].iter().enumerate() {
            let next = self.steps.get(first + seen + 1).map(|(at, _)| *at);
            if !suits(free) {
                match next.filter(|next| *next < before) {
                    Some(next) => (start, end) = (next, end_from(next)),
                    None => return (None, seen + 1),
                }
            } else if next.is_none_or(|next| next >= end) {
                return (Some(start), seen + 1);
            }
        }
        (None, self.steps.len() - first)
    }

    /// Takes something off from `from` until before `until`.
    pub(super) fn take(&mut self, from: Timestamp, until: Timestamp, amounts: &Amounts) {
        let first = self.cut(from);
        let last = self.cut(until);
        for (_, free) in &mut self.steps[first..last] {
            free.take(amounts);
        }
    }

    /// Makes a step begin at a time; returns its place.
    fn cut(&mut self, at: Timestamp) -> usize {
        let place = self.steps.partition_point(|(step, _)| *step < at);
        if place == 0 || self.steps.get(place).is_some_and(|(step, _)| *step == at) {
            return place;
        }
        let before = self.steps[place - 1].1.clone();
        self.steps.insert(place, (at, before));
        place
    }
}
