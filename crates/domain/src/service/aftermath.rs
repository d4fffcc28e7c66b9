//! What follows when a batch is safe: readers see it, and the engine hears of the rest of its effects. Batches for which
//! nobody waits share one wait for the disk; what they start has begun before it.

use super::feed::StateChange;
use crate::job::Effect;
use crate::{JobId, Timestamp};
use std::time::Duration;

/// How long a batch for which nobody waits may wait for others.
const GATHERING: Duration = Duration::from_millis(2);
/// So many batches are enough to share.
const ENOUGH: usize = 16;

/// What readers will see changed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Jobs, or whatever else was recorded.
    pub(super) jobs: bool,
    /// What is in use of nodes.
    pub(super) nodes: bool,
    /// Reservations.
    pub(super) reservations: bool,
}

/// What is written down and waits until it is safe.
#[derive(Debug, Default)]
pub(super) struct Aftermath {
    pub(super) changes: Vec<StateChange>,
    pub(super) effects: Vec<(JobId, u32, Effect)>,
    /// `None` if nothing waits.
    pub(super) seen: Option<Seen>,
    until: Option<Timestamp>,
    batches: usize,
}

impl Aftermath {
    /// Takes in a batch that was written down.
    pub(super) fn take_in(
        &mut self,
        now: Timestamp,
        changes: Vec<StateChange>,
        effects: Vec<(JobId, u32, Effect)>,
        seen: Seen,
    ) {
        self.changes.extend(changes);
        self.effects.extend(effects);
        let before = self.seen.unwrap_or_default();
        self.seen = Some(Seen {
            jobs: before.jobs || seen.jobs,
            nodes: before.nodes || seen.nodes,
            reservations: before.reservations || seen.reservations,
        });
        self.until.get_or_insert(now.after(GATHERING));
        self.batches += 1;
    }

    /// Returns how long it may still wait for others; `None` if nothing waits.
    pub(super) fn patience(&self, now: Timestamp) -> Option<Duration> {
        // Clocks can be set back.
        Some(self.until?.since(now).min(GATHERING))
    }

    /// Tells whether it may wait. What somebody is to feel may not: only what the engine may forget has time.
    pub(super) fn may_wait(&self, now: Timestamp) -> bool {
        let has_time = |(.., effect): &(_, _, Effect)| {
            matches!(effect, Effect::Forget { .. } | Effect::ForgetStep { .. })
        };
        let is_written = self.seen.is_some_and(|seen| seen.jobs);
        is_written
            && self.batches < ENOUGH
            && self.until.is_some_and(|until| now < until)
            && self.effects.iter().all(has_time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: Seen = Seen { jobs: true, nodes: false, reservations: false };

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn after(effect: Effect) -> Aftermath {
        let mut aftermath = Aftermath::default();
        aftermath.take_in(at(0), Vec::new(), vec![(JobId(1), 0, effect)], RECORDED);
        aftermath
    }

    #[test]
    fn ends_wait_for_each_other_but_not_for_long() {
        let mut aftermath = after(Effect::Forget { attempt: 0 });
        assert!(aftermath.may_wait(at(1_999)) && !aftermath.may_wait(at(2_000)));
        assert_eq!(aftermath.patience(at(500)), Some(Duration::from_micros(1_500)));
        assert_eq!(aftermath.patience(at(9_000)), Some(Duration::ZERO));
        for _ in 1..ENOUGH {
            assert!(aftermath.may_wait(at(1)));
            aftermath.take_in(at(1), Vec::new(), Vec::new(), RECORDED);
        }
        assert!(!aftermath.may_wait(at(1)), "these are enough");
        assert_eq!(aftermath.seen.map(|seen| seen.jobs), Some(true));
    }

    #[test]
    fn what_somebody_is_to_feel_does_not_wait() {
        assert!(!after(Effect::Kill).may_wait(at(0)));
        assert!(!after(Effect::StartStep { number: 1 }).may_wait(at(0)));
    }

    #[test]
    fn what_is_not_recorded_does_not_wait() {
        let mut aftermath = Aftermath::default();
        assert!(aftermath.patience(at(0)).is_none() && !aftermath.may_wait(at(0)));
        aftermath.take_in(at(0), Vec::new(), Vec::new(), Seen { nodes: true, ..Seen::default() });
        assert!(!aftermath.may_wait(at(0)));
    }
}
