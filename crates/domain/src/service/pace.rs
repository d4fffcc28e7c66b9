//! When the scheduler is asked: after every batch of changes, or, where the configuration says so, only some time after
//! batch jobs began to wait, so that many are looked at together; and when priorities are worked out anew.

use crate::Timestamp;
use crate::job::JobKind;
use crate::ports::{Calendar, Plan};
use crate::state::State;
use std::time::Duration;

/// What the scheduler is asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// Nothing.
    None,
    /// All jobs that wait.
    All,
    /// Allocations, for which somebody is waiting.
    AllocationsOnly,
}

/// Says when the scheduler is asked.
#[derive(Debug)]
pub(super) struct Pacer {
    delay: Duration,
    due: Option<Timestamp>,
}

impl Pacer {
    /// Makes a pacer that lets batch jobs wait for so long.
    pub(super) fn new(delay: Duration) -> Self {
        Pacer { delay, due: None }
    }

    /// Says what the scheduler is asked for after a batch.
    pub(super) fn pass(&mut self, state: &State, now: Timestamp) -> Pass {
        if self.delay.is_zero() {
            return Pass::All;
        }
        if state.queues().is_empty() {
            self.due = None;
            return Pass::None;
        }
        let due = *self.due.get_or_insert(now.after(self.delay));
        if due <= now {
            self.due = None;
            return Pass::All;
        }
        // The newest job tells: only an allocation that has just come can be one nobody has looked at.
        let newest = state.jobs().job(crate::JobId(state.next_id().0.saturating_sub(1)));
        match newest.filter(|job| job.is_pending() && job.spec.kind == JobKind::Allocation) {
            Some(_) => Pass::AllocationsOnly,
            None => Pass::None,
        }
    }

    /// Says when the scheduler must be asked again even if nothing happens.
    pub(super) fn next(&mut self, plan: &Plan) -> Option<Timestamp> {
        if self.delay.is_zero() {
            return plan.again;
        }
        if self.due.is_none() {
            self.due = plan.again;
        }
        self.due
    }
}

/// Priorities worked out in one turn: a few milliseconds.
const RANKED_AT_ONCE: usize = 4_000;

/// Says when priorities are worked out anew: all of them once in a period, some in each turn until they are through.
#[derive(Debug)]
pub(super) struct Ranker {
    period: Duration,
    due: Option<Timestamp>,
    next: Timestamp,
    is_under_way: bool,
}

impl Ranker {
    /// Makes a ranker for a state whose priorities have just been worked out.
    pub(super) fn new(state: &State, now: Timestamp) -> Self {
        let period = state.ranking().rules().calc_period;
        let next = now.after(period);
        let has_to = state.ranking().moves() || state.cluster().books.has_accounts();
        Ranker { period, due: has_to.then_some(next), next, is_under_way: false }
    }

    /// Returns when there is something to do again.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Tells whether the next turn takes in what was used.
    pub(super) fn begins(&self, now: Timestamp) -> bool {
        !self.is_under_way && self.due.is_some_and(|due| due <= now)
    }

    /// Works out as many priorities as one turn should. Tells whether it did any.
    pub(super) fn turn(&mut self, state: &mut State, calendar: &dyn Calendar, now: Timestamp) -> bool {
        if self.due.is_none() && state.cluster().books.has_accounts() {
            // Accounts have come since.
            self.due = Some(self.next.max(now));
        }
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        if !self.is_under_way {
            let anew = state.ranking().rules().usage_reset;
            state.account(now, anew.and_then(|period| period.begun(calendar, now)));
            if !state.ranking().moves() {
                self.next = now.after(self.period);
                self.due = Some(self.next);
                return true;
            }
            state.begin_ranking(now);
            self.next = now.after(self.period);
        }
        self.is_under_way = state.rank_more(RANKED_AT_ONCE);
        self.due = Some(if self.is_under_way { now } else { self.next });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::job;
    use std::sync::Arc;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn state_with_a_job() -> State {
        let mut state = State::new(Arc::clone(&crate::state::Snapshot::default().cluster));
        state.put(Arc::new(job(1)));
        state
    }

    #[test]
    fn without_delay_every_batch_is_planned() {
        let mut pacer = Pacer::new(Duration::ZERO);
        assert_eq!(pacer.pass(&state_with_a_job(), at(0)), Pass::All);
        assert_eq!(pacer.next(&Plan { again: Some(at(7)), ..Plan::default() }), Some(at(7)));
    }

    #[test]
    fn with_a_delay_jobs_are_looked_at_together() {
        let mut pacer = Pacer::new(Duration::from_micros(100));
        let state = state_with_a_job();
        assert_eq!(pacer.pass(&state, at(0)), Pass::None);
        assert_eq!(pacer.next(&Plan::default()), Some(at(100)));
        assert_eq!(pacer.pass(&state, at(99)), Pass::None);
        assert_eq!(pacer.pass(&state, at(100)), Pass::All);
        assert_eq!(pacer.pass(&state, at(101)), Pass::None, "what is left waits for the next round");
    }
}
