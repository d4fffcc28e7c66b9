//! What will be free, and when: of each node and each licence a list of steps, kept by the backfill pass.

use domain::Timestamp;
use domain::fit::Amounts;
use std::time::Duration;

/// The smallest difference of times.
const TICK: Duration = Duration::from_micros(1);

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

    /// Tells when a run of some length could begin from `from` on, as far as this alone goes: calls `open` with each
    /// stretch of such times, its end not included, and how many tasks there are at most. Returns the steps looked at.
    pub(super) fn openings(
        &self,
        from: Timestamp,
        length: Duration,
        most_tasks: impl Fn(&Amounts) -> u32,
        mut open: impl FnMut(Timestamp, Timestamp, u32),
    ) -> usize {
        let first = self.steps.partition_point(|(at, _)| *at <= from).saturating_sub(1);
        // Backwards, so that it is known when the next step begins that has no room at all.
        let (mut next, mut no_room) = (Timestamp::NEVER, Timestamp::NEVER);
        for (at, free) in self.steps[first..].iter().rev() {
            let most = most_tasks(free);
            if most == 0 {
                no_room = *at;
            } else {
                let last_start =
                    if no_room == Timestamp::NEVER { no_room } else { no_room.before(length).after(TICK) };
                let (begin, end) = ((*at).max(from), next.min(last_start));
                if begin < end {
                    open(begin, end, most);
                }
            }
            next = *at;
        }
        self.steps.len() - first
    }

    /// Takes something off from `from` until before `until`.
    pub(super) fn take(&mut self, from: Timestamp, until: Timestamp, amounts: &Amounts) {
        let first = self.cut(from);
        let last = self.cut(until);
        for (_, free) in &mut self.steps[first..last] {
            free.take(amounts);
        }
    }

    /// Puts back from `from` until before `until` what was taken off.
    pub(super) fn give(&mut self, from: Timestamp, until: Timestamp, amounts: &Amounts) {
        let first = self.cut(from);
        let last = self.cut(until);
        for (_, free) in &mut self.steps[first..last] {
            free.give(amounts);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    fn cpus(cpus: u32) -> Amounts {
        Amounts { cpus, ..Amounts::default() }
    }

    #[test]
    fn openings_are_the_times_from_which_there_is_room_for_long_enough() {
        let mut dice: u32 = 12_345;
        let mut below = |end: u32| {
            dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (dice >> 16) % end
        };
        for _ in 0..300 {
            let releases = (0..below(6)).map(|_| (at(i64::from(below(20))), cpus(below(3)))).collect();
            let mut timeline = Timeline::new(at(0), cpus(4), releases);
            for _ in 0..below(6) {
                let from = i64::from(below(20));
                timeline.take(at(from), at(from + 1 + i64::from(below(10))), &cpus(1 + below(4)));
            }
            let (from, length, need) = (i64::from(below(10)), i64::from(1 + below(8)), 1 + below(4));
            let most = |free: &Amounts| free.cpus / need;
            let mut found = Vec::new();
            timeline.openings(
                at(from),
                Duration::from_secs(length.unsigned_abs()),
                most,
                |begin, end, tasks| {
                    found.push((begin, end, tasks));
                },
            );
            for start in from..40 {
                let (least, _) = timeline.least(at(start), at(start + length));
                let open = found.iter().find(|(begin, end, _)| *begin <= at(start) && at(start) < *end);
                assert_eq!(
                    open.is_some(),
                    least.cpus >= need,
                    "{timeline:?} at {start}, {length} s, {found:?}"
                );
                assert!(open.is_none_or(|(.., tasks)| *tasks >= least.cpus / need));
            }
        }
    }
}
