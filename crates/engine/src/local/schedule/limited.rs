//! Where in the queues accounting's limits keep many jobs waiting one behind the other. For a moment that is remembered:
//! a full cap then costs a pass a few looks, and not one at every job that waits for it.

use domain::Timestamp;
use domain::state::QueueKey;
use std::time::Duration;

/// The least time between two passes that look at each of them.
const INTERVAL: Duration = Duration::from_millis(100);
/// So many of them, one behind the other, are looked at in any pass: as jobs end their turn comes first.
const TRIED: usize = 8;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Limited {
    /// When all were looked at last.
    looked: Option<Timestamp>,
    /// Found by the last pass that looked at all, by partition, in their order.
    stretches: Vec<Vec<Stretch>>,
    /// Jobs that the pass of now has found to be limited, one behind the other, by partition.
    in_a_row: Vec<usize>,
    is_full: bool,
    has_skipped: bool,
}

/// Jobs of a queue that limits keep waiting, with nobody in between.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    first: QueueKey,
    last: QueueKey,
    count: usize,
}

/// What a pass leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Skip {
    /// The last of them.
    pub(super) last: QueueKey,
    /// How many they are, about.
    pub(super) count: usize,
}

impl Limited {
    /// Begins a pass over so many partitions.
    pub(super) fn begin(&mut self, now: Timestamp, partitions: usize) {
        let is_fresh = |looked: Timestamp| looked <= now && looked.after(INTERVAL) > now;
        self.is_full = self.stretches.len() != partitions || !self.looked.is_some_and(is_fresh);
        self.has_skipped = false;
        self.in_a_row.clear();
        self.in_a_row.resize(partitions, 0);
        if self.is_full {
            self.looked = Some(now);
            self.stretches.clear();
            self.stretches.resize(partitions, Vec::new());
        }
    }

    /// Takes in that a job of a partition was looked at; returns whom the pass may leave out then.
    pub(super) fn note(&mut self, partition: usize, key: QueueKey, is_limited: bool) -> Option<Skip> {
        let (Some(in_a_row), Some(stretches)) =
            (self.in_a_row.get_mut(partition), self.stretches.get_mut(partition))
        else {
            return None;
        };
        if !is_limited {
            *in_a_row = 0;
            return None;
        }
        *in_a_row += 1;
        if self.is_full {
            match stretches.last_mut().filter(|_| *in_a_row > 1) {
                Some(stretch) => (stretch.last, stretch.count) = (key, stretch.count + 1),
                None => stretches.push(Stretch { first: key, last: key, count: 1 }),
            }
            return None;
        }
        if *in_a_row < TRIED {
            return None;
        }
        let after = stretches.partition_point(|stretch| stretch.first <= key);
        let stretch = stretches.get(after.checked_sub(1)?).filter(|stretch| key < stretch.last)?;
        self.has_skipped = true;
        Some(Skip { last: stretch.last, count: stretch.count.saturating_sub(TRIED) })
    }

    /// Returns when those that the pass has left out are to be looked at.
    pub(super) fn again(&self) -> Option<Timestamp> {
        self.looked.filter(|_| self.has_skipped).map(|looked| looked.after(INTERVAL))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::JobId;
    use std::cmp::Reverse;

    fn key(job: u32) -> QueueKey {
        QueueKey { priority: Reverse(1), job: JobId(job) }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_seconds(1000).after(Duration::from_millis(millis))
    }

    /// A pass that looks at all: only the job of this number is not limited.
    fn look_at_all(limited: &mut Limited, jobs: u32, free: u32) {
        for job in 1..=jobs {
            assert_eq!(limited.note(0, key(job), job != free), None);
        }
    }

    #[test]
    fn a_stretch_of_limited_jobs_is_left_out_for_a_moment() {
        let mut limited = Limited::default();
        limited.begin(at(0), 1);
        look_at_all(&mut limited, 1000, 500);
        assert_eq!(limited.again(), None);

        limited.begin(at(1), 1);
        let skip = (1..=8).find_map(|job| limited.note(0, key(job), true));
        assert_eq!(skip, Some(Skip { last: key(499), count: 491 }));
        // The one between the stretches is looked at.
        assert_eq!(limited.note(0, key(500), false), None);
        let skip = (501..=508).find_map(|job| limited.note(0, key(job), true));
        assert_eq!(skip, Some(Skip { last: key(1000), count: 492 }));
        assert_eq!(limited.again(), Some(at(100)));

        // Those behind are looked at in any pass.
        limited.begin(at(2), 1);
        assert!((1001..=1100).all(|job| limited.note(0, key(job), true).is_none()));

        limited.begin(at(100), 1);
        look_at_all(&mut limited, 1000, 0);
        assert_eq!(limited.again(), None);
    }

    #[test]
    fn whoever_may_start_ends_the_row() {
        let mut limited = Limited::default();
        limited.begin(at(0), 2);
        look_at_all(&mut limited, 100, 0);
        limited.begin(at(1), 2);
        let tries = (1..=70).filter_map(|job| limited.note(0, key(job), job % 7 != 0));
        assert_eq!(tries.count(), 0);
        // Another partition has its own.
        assert!((1..=100).all(|job| limited.note(1, key(job), true).is_none()));
    }
}
