//! What happens without anybody asking: alarms, reports of the engine, finished jobs that leave.

use super::ledger::Ledger;
use super::requeue;
use crate::JobId;
use crate::job::{Effect, End, Event, Job, Outcome, Phase};
use crate::ports::{Report, StepReport, StepStart};
use std::sync::Arc;

/// How many alarms and departures one batch takes in; the rest follows in the next.
const AT_ONCE: usize = 2_000;

impl Ledger<'_> {
    /// Lets everything happen that is due.
    pub(super) fn ring_alarms(&mut self) {
        self.resume_nodes();
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

    /// Ends jobs whose accounts have used up what limits on minutes give them, as if their time was up.
    pub(super) fn end_overdrawn(&mut self) {
        if !self.cluster().enforcement.limits {
            return;
        }
        for id in self.state().usage().overdrawn() {
            let may_end =
                |job: &Arc<Job>| matches!(&job.phase, Phase::Running(run) if run.preemption.is_none());
            if !self.job(id).is_some_and(may_end) {
                continue;
            }
            if let Err(refused) = self.happen(id, Event::LimitReached { at: self.now }) {
                tracing::error!(job.id = id.0, error = %refused, "the end of a budget could not be noted");
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
        let leaving = self.state().leaving(self.now, AT_ONCE);
        for id in &leaving {
            if !self.is_still_needed(*id, &leaving)
                && let Some(gone) = self.leave(*id)
            {
                self.hand_on_failure(&gone);
            }
        }
    }

    /// A component must stay as long as its leader, with whom it may come back.
    fn is_still_needed(&self, id: JobId, leaving: &[JobId]) -> bool {
        let Some(part) = self.job(id).and_then(|job| job.het) else { return false };
        let may_come_back = part.leader != id && !leaving.contains(&part.leader);
        may_come_back && self.job(part.leader).is_some()
    }

    /// Whoever waits for an array must learn that one of its tasks has ended badly, also when its record is gone: another
    /// record of the array remembers it.
    fn hand_on_failure(&mut self, gone: &Job) {
        let ended_badly = matches!(&gone.phase, Phase::Ended(ended) if ended.outcome != Outcome::Completed);
        if gone.array.is_none() || !(ended_badly || gone.has_failed_siblings) {
            return;
        }
        let array = gone.array_id();
        let is_of_array = |job: &&Arc<Job>| job.array.is_some() && job.array_id() == array;
        // The array's own number mostly belongs to the record that stays longest.
        let heir = self.job(array).filter(is_of_array);
        let heir = heir.or_else(|| self.state().jobs().iter_from(array).find(is_of_array)).cloned();
        if let Some(heir) = heir.filter(|heir| !heir.has_failed_siblings) {
            self.put(Job { has_failed_siblings: true, ..(*heir).clone() });
        }
    }

    /// Takes in the end of a step. One of which nothing is on record is acknowledged all the same.
    pub(super) fn take_step_end(&mut self, report: StepReport) {
        let StepReport { job: id, attempt, number, end } = report;
        let current = self.job(id).filter(|job| job.restarts == attempt && job.held_resources().is_some());
        let is_live = current.and_then(|job| job.run()).is_some_and(|run| run.steps.step(number).is_some());
        if !is_live {
            self.repeat(id, attempt, Effect::ForgetStep { number });
            return;
        }
        if let Err(refused) = self.happen(id, Event::StepEnded { number, end }) {
            tracing::error!(job.id = id.0, step = number, error = %refused, "end of a step could not be noted");
        }
    }

    /// Lets a step begin. A proposal that no longer fits is dropped.
    pub(super) fn take_step_start(&mut self, start: StepStart) {
        let StepStart { job: id, attempt, step } = start;
        let runs = |job: &&Arc<Job>| {
            let fits = |run: &crate::job::Running| run.steps.next <= step.number;
            job.restarts == attempt && matches!(&job.phase, Phase::Running(run) if fits(run))
        };
        if self.job(id).filter(runs).is_none() {
            return;
        }
        if let Err(refused) = self.happen(id, Event::StepStarted { step }) {
            tracing::error!(job.id = id.0, error = %refused, "a step could not be noted");
        }
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

        if let End::NotStarted(why) | End::NotExecuted(_, why) | End::LaunchFailed(why) = &end {
            tracing::info!(job.id = id.0, %why, "job could not be started");
        }
        let requeue = self.job(id).and_then(|job| requeue::after(job, &end, &self.cluster().limits));
        if let Err(refused) = self.happen(id, Event::Ended { at, end, usage, requeue }) {
            tracing::error!(job.id = id.0, error = %refused, "end could not be noted");
        }
    }
}
