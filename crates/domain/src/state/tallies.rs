//! How the tasks of each array stand, counted as they move: whoever asks after an array of a hundred thousand tasks looks
//! at one line of this. Tasks whose records have left the live ones stay counted as long as one of the others is here.

use crate::JobId;
use crate::accounting::Shards;
use crate::job::{ArrayPart, Job, Outcome, Phase, Reason};

/// How the tasks of an array stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many it had at first.
    pub size: u32,
    /// They wait for something else than their turn: another job, a time, somebody to release them.
    pub blocked: u32,
    /// They could start, and nobody has looked at them yet.
    pub unseen: u32,
    /// They wait for their turn or for resources.
    pub queued: u32,
    /// They have resources.
    pub running: u32,
    /// They ended well.
    pub completed: u32,
}

impl Tally {
    /// Returns how many ended otherwise. One that is cancelled while it waits leaves no record, and counts here.
    pub fn failed(&self) -> u32 {
        let others = [self.blocked, self.unseen, self.queued, self.running, self.completed];
        others.into_iter().fold(self.size, u32::saturating_sub)
    }

    /// Tells whether nothing can happen to any of them any more.
    pub fn is_over(&self) -> bool {
        self.blocked == 0 && self.unseen == 0 && self.queued == 0 && self.running == 0
    }

    fn place(&mut self, standing: Standing) -> Option<&mut u32> {
        Some(match standing {
            Standing::Blocked => &mut self.blocked,
            Standing::Unseen => &mut self.unseen,
            Standing::Queued => &mut self.queued,
            Standing::Running => &mut self.running,
            Standing::Completed => &mut self.completed,
            Standing::Failed => return None,
        })
    }
}

/// How one task stands, or all that wait together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// As in [`Tally::blocked`].
    Blocked,
    /// As in [`Tally::unseen`].
    Unseen,
    /// As in [`Tally::queued`].
    Queued,
    /// As in [`Tally::running`].
    Running,
    /// As in [`Tally::completed`].
    Completed,
    /// As in [`Tally::failed`].
    Failed,
}

impl Standing {
    /// Says how a job stands.
    pub fn of(job: &Job) -> Self {
        match &job.phase {
            Phase::Pending(_) if !job.is_eligible() => Standing::Blocked,
            Phase::Pending(pending) if pending.reason == Reason::None => Standing::Unseen,
            Phase::Pending(_) => Standing::Queued,
            Phase::Running(_) | Phase::Completing(_) => Standing::Running,
            Phase::Ended(ended) if ended.outcome == Outcome::Completed => Standing::Completed,
            Phase::Ended(_) => Standing::Failed,
        }
    }
}

/// What is counted of an array.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// Of its records that live.
    tally: Tally,
    /// How many of these there are.
    records: u32,
    /// Tasks that ended well and whose records have left.
    gone: u32,
}

/// The tallies of all arrays of which something lives. Copies share what did not change.
#[derive(Clone, Debug, Default)]
pub struct Tallies {
    arrays: Shards<JobId, Counted>,
    /// Of which nothing lives since the last batch was recorded.
    emptied: Vec<JobId>,
}

/// What a record adds to its array.
struct Share {
    array: JobId,
    size: u32,
    standing: Standing,
    tasks: u32,
}

impl Share {
    fn of(job: &Job) -> Option<Self> {
        let standing = Standing::of(job);
        let (size, tasks) = match job.array.as_ref()? {
            ArrayPart::Pool { waiting, size, .. } => (*size, waiting.len()),
            ArrayPart::Task { size, .. } => (*size, 1),
        };
        Some(Share { array: job.array_id(), size, standing, tasks })
    }
}

impl Tallies {
    /// Returns how the tasks of an array stand; `None` if none of its records lives.
    pub fn of(&self, array: JobId) -> Option<Tally> {
        let Counted { tally, records, gone } = self.arrays.get(&array)?;
        (*records > 0).then(|| Tally { completed: tally.completed.saturating_add(*gone), ..*tally })
    }

    /// Takes in that a job has changed.
    pub(super) fn moved(&mut self, before: Option<&Job>, after: Option<&Job>) {
        let (before, after) = (before.and_then(Share::of), after.and_then(Share::of));
        let Some(array) = after.as_ref().or(before.as_ref()).map(|share| share.array) else { return };
        let mut counted = self.arrays.get(&array).copied().unwrap_or_default();
        if let Some(share) = &before {
            if let Some(place) = counted.tally.place(share.standing) {
                *place = place.saturating_sub(share.tasks);
            }
            counted.records = counted.records.saturating_sub(1);
        }
        if let Some(share) = &after {
            counted.tally.size = share.size;
            if let Some(place) = counted.tally.place(share.standing) {
                *place = place.saturating_add(share.tasks);
            }
            counted.records += 1;
        }
        match (&before, &after) {
            (Some(left), None) if left.standing == Standing::Completed => counted.gone += 1,
            // A batch that could not be recorded is taken back: the record is here again.
            (None, Some(back)) if back.standing == Standing::Completed => {
                counted.gone = counted.gone.saturating_sub(1);
            }
            _ => {}
        }
        if counted.records == 0 {
            self.emptied.push(array);
        }
        self.arrays.put(array, counted);
    }

    /// Forgets arrays of which nothing lives, now that it is recorded that they have left.
    pub(super) fn settle(&mut self) {
        for array in std::mem::take(&mut self.emptied) {
            if self.arrays.get(&array).is_some_and(|counted| counted.records == 0) {
                self.arrays.take(&array);
            }
        }
    }

    /// Takes in how many tasks of an array had ended well and left before the service was started.
    pub(super) fn remember(&mut self, array: JobId, gone: u32) {
        if let Some(counted) = self.arrays.get(&array).copied() {
            self.arrays.put(array, Counted { gone, ..counted });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::tests::job;
    use crate::job::{Ended, Exit, Pending, TaskSet, Usage};
    use crate::{TaskIndex, Text, Timestamp};

    const ARRAY: JobId = JobId(7);

    fn pool(waiting: u32, reason: Reason) -> Job {
        let waiting = TaskSet::progression(10 - waiting, 9, 1);
        let array = Some(ArrayPart::Pool { waiting, throttle: 0, size: 10 });
        let phase = Phase::Pending(Pending { reason, ..Pending::default() });
        Job { array, phase, eligible: Timestamp::EPOCH, ..job(7) }
    }

    fn task(id: u32, phase: Phase) -> Job {
        let array = Some(ArrayPart::Task { of: ARRAY, index: TaskIndex(id - 8), throttle: 0, size: 10 });
        Job { array, phase, eligible: Timestamp::EPOCH, ..job(id) }
    }

    fn ended(outcome: Outcome) -> Phase {
        Phase::Ended(Box::new(Ended {
            outcome,
            reason: Reason::None,
            ended: Timestamp::EPOCH,
            exit: Exit::Code(0),
            usage: Usage::default(),
            cancelled_by: None,
            run: None,
            remark: Text::default(),
        }))
    }

    fn counts(tallies: &Tallies) -> [u32; 6] {
        let tally = tallies.of(ARRAY).unwrap();
        [tally.blocked, tally.unseen, tally.queued, tally.running, tally.completed, tally.failed()]
    }

    #[test]
    fn tasks_are_counted_where_they_stand() {
        let mut tallies = Tallies::default();
        let fresh = pool(10, Reason::None);
        tallies.moved(None, Some(&fresh));
        assert_eq!(counts(&tallies), [0, 10, 0, 0, 0, 0]);
        let held = Job { eligible: Timestamp::NEVER, ..fresh.clone() };
        tallies.moved(Some(&fresh), Some(&held));
        assert_eq!(counts(&tallies), [10, 0, 0, 0, 0, 0]);
        let seen = pool(8, Reason::Resources);
        tallies.moved(Some(&held), Some(&seen));
        tallies.moved(None, Some(&task(8, ended(Outcome::Completed))));
        tallies.moved(None, Some(&task(9, ended(Outcome::Timeout))));
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 1, 1]);
        // Two that are cancelled while they wait leave no record.
        tallies.moved(Some(&seen), Some(&pool(6, Reason::Resources)));
        assert_eq!(counts(&tallies), [0, 0, 6, 0, 1, 3]);
        assert!(!tallies.of(ARRAY).unwrap().is_over());
    }

    #[test]
    fn what_has_left_stays_counted_while_others_are_here() {
        let mut tallies = Tallies::default();
        let waiting = pool(8, Reason::Resources);
        let done = [task(8, ended(Outcome::Completed)), task(9, ended(Outcome::Failed))];
        tallies.moved(None, Some(&waiting));
        done.iter().for_each(|job| tallies.moved(None, Some(job)));
        done.iter().for_each(|job| tallies.moved(Some(job), None));
        tallies.settle();
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 1, 1]);
        // A batch that is taken back brings records back.
        tallies.moved(None, Some(&done[0]));
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 1, 1]);
        tallies.moved(Some(&done[0]), None);
        tallies.moved(Some(&waiting), None);
        assert_eq!(tallies.of(ARRAY), None);
        tallies.moved(None, Some(&waiting));
        tallies.settle();
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 1, 1]);
        tallies.moved(Some(&waiting), None);
        tallies.settle();
        tallies.moved(None, Some(&waiting));
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 0, 2]);
        tallies.remember(ARRAY, 2);
        assert_eq!(counts(&tallies), [0, 0, 8, 0, 2, 0]);
    }
}
