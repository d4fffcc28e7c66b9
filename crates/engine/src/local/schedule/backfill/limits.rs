//! Accounting's limits in the backfill pass: what is booked for later counts, each task once.

use super::{Backfill, MOST_STARTS, Wish};
use domain::job::{Job, Reason};
use domain::state::State;
use domain::{JobId, Timestamp};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// What is booked for jobs on their own (not for components), of arrays for each task.
#[derive(Debug, Default)]
pub(super) struct Bookings {
    counted: HashMap<JobId, Counted>,
    has_taken_back: bool,
}

/// The partitions in which the bookings of a job count, and their times; none of one for which nothing is counted.
type Counted = SmallVec<[(usize, Timestamp); 1]>;

impl Bookings {
    /// Tells whether anything is booked for a job.
    pub(super) fn has(&self, job: JobId) -> bool {
        self.counted.contains_key(&job)
    }

    /// Tells whether something was counted that is counted no more.
    pub(super) fn has_taken_back(&self) -> bool {
        self.has_taken_back
    }
}

impl<'a> Backfill<'a, '_, '_> {
    /// Tells whether accounting lets a job start in a partition, besides those that start before it and all that is booked.
    pub(super) fn within_limits(&self, job: &Job, partition: usize) -> Result<(), Reason> {
        let partition = self.layout.partition(&self.layout.partitions[partition]);
        self.ground.within_limits(job, partition, self.now, &self.planned_use)
    }

    /// Tells the same of a job that may be booked in a higher tier already: here it would start in the place of that.
    pub(super) fn within_limits_but_own(&mut self, job: &Job, partition: usize) -> Result<(), Reason> {
        let Some(own) = self.bookings.counted.get(&job.id).cloned() else {
            return self.within_limits(job, partition);
        };
        own.iter().for_each(|(at, _)| self.count_off(job, *at));
        let answer = self.within_limits(job, partition);
        own.iter().for_each(|(at, from)| self.count(job, *at, *from));
        answer
    }

    /// Looks again at those whom a limit kept waiting, where something was counted that has been taken back since: a job that
    /// was booked in a high tier may have started in a lower one.
    pub(super) fn look_again_at_limited(&mut self, state: &'a State) {
        let limited = std::mem::take(&mut self.limited);
        if !self.bookings.has_taken_back() {
            return;
        }
        for turn in limited {
            let is_over = self.ground.has_started(turn.job.id) || self.starts.len() >= MOST_STARTS;
            if !is_over && self.within_limits_but_own(turn.job, turn.partition).is_ok() {
                self.waits.strike(turn.job.id);
                let may_book = self.may_book(turn.job, turn.partition);
                self.look(&turn, state, may_book);
            }
        }
    }

    /// Keeps room for a job that waits for a limit, where that holds up those behind it. Nothing is counted for it: nobody
    /// can tell when it starts.
    pub(super) fn book_limited(&mut self, job: &'a Arc<Job>, tier: u16) {
        if !self.layout.cluster().scheduling.stops_at_limits || !self.is_kept_for(job) {
            return;
        }
        let Ok(chance) = self.best_chance(job, tier) else { return };
        if !self.is_beyond_window(&chance) && !self.bookings.has(job.id) {
            self.bookings.counted.insert(job.id, Counted::new());
            let nodes = &self.layout.partitions[chance.partition].nodes;
            let user = job.spec.owner.uid;
            let wish = Wish { demand: &chance.demand, nodes, user, limit: chance.limit };
            self.forecast.book(wish, chance.at.max(self.now), &chance.placement);
            self.waits.planned.book(job.id, chance.placement.nodes.iter().map(|placed| placed.node));
        }
    }

    /// Counts a job, or one more task of an array, for limits from a time on.
    pub(super) fn book_use(&mut self, job: &Job, partition: usize, from: Timestamp) {
        self.bookings.counted.entry(job.id).or_default().push((partition, from));
        self.count(job, partition, from);
    }

    /// Counts a job no more for later that starts now, in a lower tier than the one it was booked in; of an array no more tasks
    /// than may start later.
    pub(super) fn unbook_use(&mut self, job: &Job) {
        let left = if self.ground.is_throttled(job) { 0 } else { self.ground.tasks_left(job) as usize };
        loop {
            let own = self.bookings.counted.get_mut(&job.id).filter(|own| own.len() > left);
            let Some((partition, _)) = own.and_then(SmallVec::pop) else { return };
            self.count_off(job, partition);
            self.bookings.has_taken_back = true;
        }
    }

    fn count(&mut self, job: &Job, partition: usize, from: Timestamp) {
        let partition = self.layout.partition(&self.layout.partitions[partition]);
        self.ground.book_use(job, partition, from, &mut self.planned_use);
    }

    fn count_off(&mut self, job: &Job, partition: usize) {
        let partition = self.layout.partition(&self.layout.partitions[partition]);
        self.ground.unbook_use(job, partition, &mut self.planned_use);
    }
}
