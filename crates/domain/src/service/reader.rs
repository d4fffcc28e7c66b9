//! Somebody who follows the feed and must not miss anything: if more has happened than the feed keeps, the jobs that may be
//! others than before are found in the state itself.

use super::feed::{Feed, StateChange};
use crate::state::{Seen, Snapshot};
use crate::{ChangeId, JobId};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Changes after which the state is looked at again. What it was like before them does as well: then more jobs may have
/// changed than have. Looking at each commit would cost with every 256 jobs of the queue.
const LOOKS: u64 = 256;

/// How far one is.
#[derive(Debug)]
pub struct Reader {
    last: ChangeId,
    seen: Seen,
    /// The last change that had been dealt with at that look.
    looked: Option<ChangeId>,
}

/// What has happened since, to be dealt with.
#[derive(Debug)]
pub struct Step {
    /// What it was.
    pub news: News,
    up_to: ChangeId,
    seen: Option<Seen>,
}

/// What has happened.
#[derive(Debug)]
pub enum News {
    /// Changes in their order, at least one.
    Changes(Vec<StateChange>),
    /// More than the feed keeps. These jobs may be others than they were, new, or gone; nothing says what became of them
    /// between. A job that came and went between is not among them.
    Missed(BTreeSet<JobId>),
}

impl Reader {
    /// Begins after that change. What the state was then is not known: whoever misses something at first looks at all jobs.
    pub fn after(last: ChangeId) -> Self {
        Reader { last, seen: Seen::default(), looked: None }
    }

    /// Returns the last change that has been dealt with.
    pub fn last(&self) -> ChangeId {
        self.last
    }

    /// Returns what has happened; of changes at most `most`. `None` if nothing has. What the snapshots show is told by the
    /// feed then or soon after.
    pub fn next(&mut self, feed: &Feed, now: impl Fn() -> Arc<Snapshot>, most: usize) -> Option<Step> {
        let before = now();
        let changes = match feed.after(self.last, most) {
            Ok(changes) => changes,
            Err(oldest) => {
                // What the feed has forgotten is in the state now; it need not have been before.
                let now = now();
                let mut seen = self.seen.clone();
                seen.look_at(&now.jobs);
                let news = News::Missed(self.seen.changed(&now.jobs));
                let up_to = now.change.max(ChangeId(oldest.0.saturating_sub(1)));
                return Some(Step { news, up_to, seen: Some(seen) });
            }
        };
        match changes.last() {
            Some(last) => Some(Step { up_to: last.id, news: News::Changes(changes), seen: None }),
            None => {
                let is_due = self.looked.is_none_or(|looked| self.last.0 >= looked.0 + LOOKS);
                // Else it shows what the feed does not tell yet.
                if is_due && before.change <= self.last {
                    self.seen.look_at(&before.jobs);
                    self.looked = Some(self.last);
                }
                None
            }
        }
    }

    /// Goes on behind what has been dealt with; without this it comes again.
    pub fn go_on(&mut self, step: Step) {
        self.last = self.last.max(step.up_to);
        if let Some(seen) = step.seen {
            self.seen = seen;
            self.looked = Some(self.last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use crate::job::tests::job;

    /// A state in which jobs come, and the feed of it.
    struct World {
        feed: Feed,
        now: Arc<Snapshot>,
    }

    impl World {
        fn new() -> Self {
            World { feed: Feed::new(Vec::new(), 3), now: Arc::default() }
        }

        /// Adds jobs, each with a change; tells of them if `told`.
        fn add(&mut self, jobs: impl IntoIterator<Item = u32>, told: bool) {
            let mut next = Snapshot::clone(&self.now);
            let mut changes = Vec::new();
            for id in jobs {
                let job = Arc::new(job(id));
                next.change = ChangeId(next.change.0 + 1);
                changes.extend(StateChange::between(next.change, Timestamp::EPOCH, None, &job));
                next.jobs.put(job);
            }
            self.now = Arc::new(next);
            if told {
                self.feed.add(&changes);
            }
        }

        fn read(&self, reader: &mut Reader) -> Vec<(bool, Vec<u32>)> {
            let mut all = Vec::new();
            while let Some(step) = reader.next(&self.feed, || Arc::clone(&self.now), 2) {
                all.push(match &step.news {
                    News::Changes(changes) => (true, changes.iter().map(|change| change.job.0).collect()),
                    News::Missed(jobs) => (false, jobs.iter().map(|job| job.0).collect()),
                });
                reader.go_on(step);
            }
            all
        }
    }

    #[test]
    fn what_the_feed_has_forgotten_is_found_in_the_state() {
        let mut world = World::new();
        let mut reader = Reader::after(ChangeId(0));
        world.add([1, 2, 3], true);
        assert_eq!(world.read(&mut reader), [(true, vec![1, 2]), (true, vec![3])]);
        world.add([300, 301, 600, 601, 602], true);
        assert_eq!(
            world.read(&mut reader),
            [(false, vec![300, 301, 600, 601, 602])],
            "and not the first ones"
        );
        assert_eq!(reader.last(), ChangeId(8));
        world.add([900], true);
        assert_eq!(world.read(&mut reader), [(true, vec![900])]);
    }

    #[test]
    fn the_state_is_looked_at_again_after_some_changes() {
        let mut world = World::new();
        let mut reader = Reader::after(ChangeId(0));
        world.add([1], true);
        world.read(&mut reader);
        world.add([300], true);
        world.read(&mut reader);
        world.add([600; 4], true);
        assert_eq!(world.read(&mut reader), [(false, vec![300, 600])], "300 was told, and not looked at");
        for _ in 0..LOOKS {
            world.add([900], true);
            world.read(&mut reader);
        }
        world.add([1_200; 4], true);
        assert_eq!(world.read(&mut reader), [(false, vec![1_200])]);
    }

    #[test]
    fn what_is_not_dealt_with_comes_again() {
        let mut world = World::new();
        let mut reader = Reader::after(ChangeId(0));
        world.add(1..=5, true);
        for _ in 0..2 {
            let step = reader.next(&world.feed, || Arc::clone(&world.now), 9);
            assert!(matches!(step, Some(Step { news: News::Missed(jobs), .. }) if jobs.len() == 5));
        }
        assert_eq!(world.read(&mut reader).len(), 1);
    }

    #[test]
    fn what_the_state_shows_before_it_is_told_is_not_taken_for_seen() {
        let mut world = World::new();
        let mut reader = Reader::after(ChangeId(0));
        world.add([1], false);
        assert!(world.read(&mut reader).is_empty());
        world.add([300, 301, 302, 303], true);
        assert_eq!(world.read(&mut reader), [(false, vec![1, 300, 301, 302, 303])]);
    }

    #[test]
    fn a_state_without_a_number_does_not_hold_a_reader_up() {
        let mut world = World::new();
        world.add(1..=5, true);
        world.now = Arc::new(Snapshot { change: ChangeId(0), ..Snapshot::clone(&world.now) });
        let mut reader = Reader::after(ChangeId(0));
        assert_eq!(world.read(&mut reader).len(), 3, "all, and those again that are told of");
    }
}
