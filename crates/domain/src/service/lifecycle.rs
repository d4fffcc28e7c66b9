//! What happens without anybody asking: alarms, reports of the engine, finished jobs that leave.

use super::ledger::Ledger;
use super::requeue;
use crate::JobId;
use crate::job::{ArrayPart, Effect, End, Event, Phase};
use crate::ports::Report;

/// How many alarms and departures one batch takes in; the rest follows in the next.
const AT_ONCE: usize = 2_000;

impl Ledger<'_> {
    /// Lets everything happen that is due.
    pub(super) fn ring_alarms(&mut self) {
        let kill_wait = self.cluster().limits.kill_wait;
        for id in self.state().due(self.now, AT_ONCE) {
            let event = self.job(id).and_then(|job| job.alarm(self.now, kill_wait));
            let Some(event) = event else { continue };
            let limit_reached = matches!(event, Event::KillDue { .. });
            if let Err(refused) = self.happen(id, event) {
                tracing::error!(job.id = id.0, error = %refused, "alarm could not be noted");
            } else if limit_reached {
                self.postpone_kill(id);
            }
        }
    }

    /// The next repetition of SIGKILL counts from now.
    fn postpone_kill(&mut self, id: JobId) {
        let Some(job) = self.job(id).cloned() else { return };
        if let Phase::Completing(completing) = &job.phase {
            let mut completing = completing.clone();
            completing.since = self.now.before(self.cluster().limits.kill_wait);
            self.put(crate::job::Job { phase: Phase::Completing(completing), ..(*job).clone() });
        }
    }

    /// Lets finished jobs leave that have been among the live ones for long enough.
    pub(super) fn see_off(&mut self) {
        for id in self.state().leaving(self.now, AT_ONCE) {
            if !self.is_still_needed(id) {
                self.leave(id);
            }
        }
    }

    /// A task of an unfinished array on whose outcome others wait must stay, or they would judge without it.
    fn is_still_needed(&self, id: JobId) -> bool {
        let Some(job) = self.job(id) else { return false };
        let Some(ArrayPart::Task { of, .. }) = job.array else { return false };
        if self.state().dependents(of).is_empty() {
            return false;
        }
        let pool_waits = self.job(of).is_some_and(|pool| !pool.is_final());
        pool_waits || self.state().running_tasks(of) > 0
    }

    /// Takes in what the engine reports. A report about an attempt that is over already is acknowledged again.
    pub(super) fn take_report(&mut self, report: Report) {
        let Report { job: id, attempt, at, end, usage, fault } = report;
        let current = self.job(id).filter(|job| job.restarts == attempt && job.held_resources().is_some());
        if current.is_none() {
            self.repeat(id, attempt, Effect::Forget { attempt });
            return;
        }
        if let Some(why) = fault {
            self.drain_under(id, &why);
        }

        if let End::NotStarted(why) | End::LaunchFailed(why) = &end {
            tracing::info!(job.id = id.0, %why, "job could not be started");
        }
        let requeue = self.job(id).and_then(|job| requeue::after(job, &end, &self.cluster().limits));
        if let Err(refused) = self.happen(id, Event::Ended { at, end, usage, requeue }) {
            tracing::error!(job.id = id.0, error = %refused, "end could not be noted");
        }
    }
}
