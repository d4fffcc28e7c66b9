//! Halting a job and letting it go on, and telling one to make way: the part of [`apply`](Job::apply) that is about
//! giving up room for others.

use super::WarningScope;
use super::apply::{Applied, Effect, signal};
use super::{
    Job, Outcome, Pause, Phase, Preemption, PreemptionWarning, Reason, Requeue, Running, SuspendedBy,
};
use crate::Timestamp;
use std::time::Duration;

impl Job {
    /// Halts a run. Its time stands still. One that the scheduler has halted an operator can halt for good.
    pub(super) fn suspended(&self, run: &Running, at: Timestamp, by: SuspendedBy) -> Applied {
        let pause = match run.pause.filter(|pause| pause.by.is_some()) {
            Some(pause) => Pause { by: Some(by), ..pause },
            None => Pause { changed: at, ran: run.elapsed(at), by: Some(by) },
        };
        let mut step =
            self.turned(Phase::Running(Box::new(Running { pause: Some(pause), ..run.clone() })))?;
        step.effects.push(Effect::Suspend);
        Ok(step)
    }

    /// Notes that an operator lets it go on: from now on the scheduler does as soon as there is room.
    pub(super) fn resume_asked(&self, run: &Running) -> Applied {
        let pause = run.pause.map(|pause| Pause { by: Some(SuspendedBy::Scheduler), ..pause });
        self.turned(Phase::Running(Box::new(Running { pause, ..run.clone() })))
    }

    /// Lets a run go on with the time it had left.
    pub(super) fn resumed(&self, run: &Running, at: Timestamp) -> Applied {
        let Some(pause) = run.pause else { return self.turned(self.phase.clone()) };
        let until = match run.until {
            Timestamp::NEVER => Timestamp::NEVER,
            until => until.after(at.since(pause.changed)),
        };
        let pause = Some(Pause { changed: at, by: None, ..pause });
        let mut step = self.turned(Phase::Running(Box::new(Running { until, pause, ..run.clone() })))?;
        step.effects.push(Effect::Resume);
        if run.stopped {
            // Where there is no freezer, resuming wakes what its owner has stopped.
            step.effects.push(Effect::Signal { signal: signal::STOP, scope: WarningScope::Full });
        }
        Ok(step)
    }

    /// Tells a run to make way: at once, or when its grace time is over.
    pub(super) fn preempted(
        &self,
        run: &Running,
        preemption: Preemption,
        grace: Duration,
        warning: PreemptionWarning,
    ) -> Applied {
        let until = run.until.min(preemption.at.after(grace));
        let run = Running { preemption: Some(preemption), ..run.clone() };
        if grace.is_zero() || run.is_suspended() {
            return self.made_way(&run, preemption.at, preemption.requeue);
        }
        let (warned, effect) = match self.spec.warning {
            Some(own) if warning == PreemptionWarning::UserSignal && !run.warned => {
                (true, Effect::Signal { signal: own.signal, scope: own.scope })
            }
            _ => (run.warned, Effect::Signal { signal: signal::TERM, scope: WarningScope::Steps }),
        };
        let mut step =
            self.turned(Phase::Running(Box::new(Running { until, warned, stopped: false, ..run })))?;
        step.effects.push(Effect::Signal { signal: signal::CONT, scope: WarningScope::Steps });
        step.effects.push(effect);
        Ok(step)
    }

    /// Ends a run that makes way.
    pub(super) fn made_way(&self, run: &Running, at: Timestamp, requeue: bool) -> Applied {
        let requeue = requeue.then(Requeue::default);
        self.ending(run, at, Outcome::Preempted, Reason::None, None, requeue)
    }
}
