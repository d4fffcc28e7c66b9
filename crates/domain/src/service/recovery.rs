//! Start-up after whatever happened: what was recorded is brought together with what the engine knows. It uses the same
//! events as normal life.

use super::ledger::Ledger;
use crate::job::{Effect, End, HetPart, Job, Phase, Usage, WarningScope};
use crate::ports::{Engine, Recovered, Report};
use crate::{JobId, Text, Timestamp};
use std::sync::Arc;

/// `SIGTERM`.
const SIGTERM: i32 = 15;

impl Ledger<'_> {
    /// Takes in what became of every attempt that was on record as running.
    pub(super) fn recover(&mut self, engine: &mut dyn Engine) {
        let boot = engine.boot();
        let held: Vec<Arc<Job>> = self.state().holding().filter(|job| job.has_run()).cloned().collect();
        let asked: Vec<(JobId, u32)> = held.iter().map(|job| (job.id, job.restarts)).collect();
        let found = engine.recover(&asked);
        for (job, found) in held.iter().zip(found) {
            match found {
                Recovered::Ended { at, end, usage, fault } => {
                    self.take_report(Report { job: job.id, attempt: job.restarts, at, end, usage, fault });
                }
                Recovered::Alive { suspended } => self.remind(job, suspended),
                Recovered::Unknown => self.resume_unknown(job, &boot),
            }
        }
    }

    /// A job that was told to end, to halt, to go on or to make way may not have heard it.
    fn remind(&mut self, job: &Arc<Job>, suspended: bool) {
        let mut effects = Vec::new();
        if suspended && !job.is_suspended() {
            effects.push(Effect::Resume);
        }
        if self.is_smaller(job) {
            effects.push(Effect::Shrink);
        }
        match &job.phase {
            Phase::Completing(completing) if completing.killed => effects.push(Effect::Kill),
            Phase::Completing(_) => {
                effects.push(Effect::Signal { signal: SIGTERM, scope: WarningScope::Full });
            }
            Phase::Running(run) if run.is_suspended() && !suspended => effects.push(Effect::Suspend),
            Phase::Running(run) if run.preemption.is_some() && !run.warned => {
                effects.push(Effect::Signal { signal: SIGTERM, scope: WarningScope::Steps });
            }
            _ => {}
        }
        for effect in effects {
            self.repeat(job.id, job.restarts, effect);
        }
    }

    /// Tells whether a job, or a component of it, has fewer nodes than it began with.
    fn is_smaller(&self, job: &Arc<Job>) -> bool {
        let members = job.het.into_iter().flat_map(HetPart::members).filter_map(|id| self.job(id));
        let mut all = std::iter::once(job).chain(members);
        all.any(|job| job.run().is_some_and(|run| !run.resizes.is_empty()))
    }

    /// Its start was recorded but never performed, unless the machine has booted since.
    fn resume_unknown(&mut self, job: &Arc<Job>, boot: &Text) {
        let same_boot = job.run().is_some_and(|run| run.boot == *boot);
        match &job.phase {
            Phase::Running(_) if same_boot => {
                self.repeat(job.id, job.restarts, Effect::Launch);
                if job.is_suspended() {
                    self.repeat(job.id, job.restarts, Effect::Suspend);
                }
            }
            _ => {
                let at: Timestamp = self.now;
                let report = Report {
                    job: job.id,
                    attempt: job.restarts,
                    at,
                    end: End::Vanished,
                    usage: Usage::default(),
                    fault: None,
                };
                self.take_report(report);
            }
        }
    }
}
