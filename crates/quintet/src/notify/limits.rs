//! Jobs whose owners want to hear when half of their time is over, or more: when that is, and who has been told.

use super::occasion::{Occasion, SHARES};
use domain::job::{Job, MailTypes, Phase, Running};
use domain::state::Snapshot;
use domain::{JobId, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Limits can change without a word in the feed; so often all are looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// The running jobs whose limits matter to somebody.
#[derive(Debug, Default)]
pub(super) struct Limits {
    watched: HashMap<JobId, Watched>,
}

#[derive(Debug)]
struct Watched {
    attempt: u32,
    /// Up to which share its owner has been told, hundredths.
    told: u8,
}

impl Limits {
    /// Takes in a job that runs. Shares that were over at `since` are not told of any more.
    pub(super) fn watch(&mut self, job: &Job, since: Timestamp) {
        let (Phase::Running(run), Some(_)) = (&job.phase, wishes(job).next()) else { return };
        let watched = Watched { attempt: job.restarts, told: 0 };
        let watched = self.watched.entry(job.id).or_insert(watched);
        if watched.attempt != job.restarts {
            *watched = Watched { attempt: job.restarts, told: 0 };
        }
        let over = wishes(job).filter(|share| due(run, *share).is_some_and(|at| at < since));
        watched.told = over.max().unwrap_or(0).max(watched.told);
    }

    /// Returns what is to be told now, and how long nothing will be.
    pub(super) fn due(
        &mut self,
        snapshot: &Snapshot,
        now: Timestamp,
    ) -> (Vec<(Arc<Job>, Occasion)>, Option<Duration>) {
        let mut found = Vec::new();
        let mut wait: Option<Duration> = None;
        self.watched.retain(|id, watched| {
            let Some(job) = snapshot.jobs.job(*id).filter(|job| job.restarts == watched.attempt) else {
                return false;
            };
            let Phase::Running(run) = &job.phase else { return false };
            let mut next = LOOK_AGAIN;
            for share in wishes(job).filter(|share| *share > watched.told).collect::<Vec<_>>() {
                match due(run, share) {
                    Some(at) if at <= now => {
                        watched.told = share;
                        found.push((Arc::clone(job), Occasion::Reached(share)));
                    }
                    Some(at) => next = next.min(at.since(now)),
                    None => {}
                }
            }
            wait = Some(wait.map_or(next, |wait| wait.min(next)));
            true
        });
        (found, wait)
    }
}

fn wishes(job: &Job) -> impl Iterator<Item = u8> {
    let wished: MailTypes = job.spec.uncommon().mail_types;
    SHARES.into_iter().filter(move |(_, wish)| wished.has(*wish)).map(|(share, _)| share)
}

/// Returns when a share of a run's time is over; `None` while that cannot be said: it has no limit, is suspended, or
/// has only its grace time left.
fn due(run: &Running, share: u8) -> Option<Timestamp> {
    if run.until == Timestamp::NEVER || run.is_suspended() || run.preemption.is_some() {
        return None;
    }
    // Suspensions do not count.
    let began = run.pause.map_or(run.started, |pause| pause.changed.before(pause.ran));
    Some(began.after(run.until.since(began) / 100 * u32::from(share)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::job::{Allocation, Pause, SuspendedBy};

    fn run() -> Running {
        let allocation = Allocation {
            partition: "main".into(),
            nodes: Default::default(),
            whole: false,
            licenses: Default::default(),
            reservation: Default::default(),
        };
        let (start, end) = (Timestamp::from_seconds(1000), Timestamp::from_seconds(1600));
        Running::new(start, Arc::new(allocation), end, "boot".into())
    }

    #[test]
    fn shares_count_from_the_start_without_suspensions() {
        assert_eq!(due(&run(), 50), Some(Timestamp::from_seconds(1300)));
        assert_eq!(due(&run(), 90), Some(Timestamp::from_seconds(1540)));
        // It ran 100 s, was suspended for another 100 s, and has 500 s left.
        let ran = Duration::from_secs(100);
        let pause = |by| Some(Pause { changed: Timestamp::from_seconds(1200), ran, by });
        let resumed = Running { pause: pause(None), until: Timestamp::from_seconds(1700), ..run() };
        assert_eq!(due(&resumed, 50), Some(Timestamp::from_seconds(1400)));
        let suspended = Running { pause: pause(Some(SuspendedBy::Operator)), ..run() };
        assert_eq!(due(&suspended, 50), None);
        let endless = Running { until: Timestamp::NEVER, ..run() };
        assert_eq!(due(&endless, 50), None);
    }
}
