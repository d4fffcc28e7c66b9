//! Start-up after whatever happened: what was recorded is brought together with what the engine knows. It uses the same
//! events as normal life.

use super::ledger::Ledger;
use crate::job::{Effect, End, Job, Phase, Usage, WarningScope};
use crate::ports::{Engine, Recovered, Report};
use crate::{JobId, Text, Timestamp};
use std::sync::Arc;

/// `SIGTERM`.
const SIGTERM: i32 = 15;

impl Ledger<'_> {
    /// Takes in what became of every attempt that was on record as running.
    pub(super) fn recover(&mut self, engine: &mut dyn Engine) {
        let boot = engine.boot();
        let held: Vec<Arc<Job>> = self.state().holding().filter(|job| job.runs_script()).cloned().collect();
        let asked: Vec<(JobId, u32)> = held.iter().map(|job| (job.id, job.restarts)).collect();
        let found = engine.recover(&asked);
        for (job, found) in held.iter().zip(found) {
            match found {
                Recovered::Ended { at, end, usage, fault } => {
                    self.take_report(Report { job: job.id, attempt: job.restarts, at, end, usage, fault });
                }
                Recovered::Alive => self.remind(job),
                Recovered::Unknown => self.resume_unknown(job, &boot),
            }
        }
    }

    /// A job that was told to end may not have heard it.
    fn remind(&mut self, job: &Arc<Job>) {
        if let Phase::Completing(completing) = &job.phase {
            let effect = match completing.killed {
                true => Effect::Kill,
                false => Effect::Signal { signal: SIGTERM, scope: WarningScope::Full },
            };
            self.repeat(job.id, job.restarts, effect);
        }
    }

    /// Its start was recorded but never performed, unless the machine has booted since.
    fn resume_unknown(&mut self, job: &Arc<Job>, boot: &Text) {
        let same_boot = job.run().is_some_and(|run| run.boot == *boot);
        match &job.phase {
            Phase::Running(_) if same_boot => self.repeat(job.id, job.restarts, Effect::Launch),
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
