//! The one function that changes a job's state. Pure and total: the same job and event always give the same
//! answer, and an event that does not fit is refused, never ignored.

use super::{
    Completing, End, Ended, Event, Exit, HetPart, Hold, Job, JobFlags, Outcome, Pending, Phase, Reason,
    Running, TermState, Usage, WarningScope,
};
use crate::error::Refused;
use crate::{Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;
use std::time::Duration;

/// What follows from an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The job afterwards.
    pub job: Job,
    /// What shall happen in the world, in this order. Each may be repeated without harm.
    pub effects: Vec<Effect>,
    /// The finished attempt, where the job goes back into the queue: history keeps it.
    pub closed: Option<Box<Job>>,
}

/// What shall happen in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Start the processes of the present attempt.
    Launch,
    /// Send a signal to processes of the present attempt.
    Signal {
        /// Signal number.
        signal: i32,
        /// To whom.
        scope: WarningScope,
    },
    /// Kill every process of the present attempt.
    Kill,
    /// The end of this attempt is on record; the engine may forget it.
    Forget {
        /// Number of the attempt.
        attempt: u32,
    },
}

/// Signal numbers as Linux has them on all machines we run on.
mod signal {
    pub(super) const TERM: i32 = 15;
    pub(super) const CONT: i32 = 18;
    pub(super) const STOP: i32 = 19;
}

/// A job that its node lost waits this long before it is tried again (facts: two minutes).
const RETRY_AFTER_NODE_FAILURE: Duration = Duration::from_secs(120);

type Applied = Result<Step, Refused>;

impl Job {
    /// Takes in what happened and says what follows.
    ///
    /// # Errors
    /// [`Refused`] if such a thing cannot happen to a job in this phase.
    pub fn apply(&self, event: Event) -> Applied {
        let name = event.name();
        match (&self.phase, event) {
            (Phase::Pending(_), Event::Started { at, allocation, limit, boot }) => {
                let until = limit.end_from(at);
                self.started(Running { started: at, allocation, until, warned: false, stopped: false, boot })
            }
            (Phase::Pending(_), Event::Cancelled { at, by, .. }) => {
                self.ended_unstarted(at, Outcome::Cancelled, Reason::None, Some(by))
            }
            (Phase::Pending(_), Event::DeadlinePassed { at }) => {
                self.ended_unstarted(at, Outcome::Deadline, Reason::DeadLine, None)
            }
            (Phase::Pending(pending), Event::Held { hold }) => self.held(pending, hold),
            (Phase::Pending(pending), Event::Released { at, priority }) => {
                self.released(pending, at, priority)
            }
            (Phase::Pending(pending), Event::BeginReached { at }) => {
                self.waiting(Pending { retry_after: None, ..pending.clone() }, at)
            }
            (Phase::Pending(pending), Event::DependencyMoved { at, dependency, not_before }) => {
                let pending = Pending { retry_after: pending.retry_after.max(not_before), ..pending.clone() };
                Job { dependency: Some(dependency), ..self.clone() }.waiting(pending, at)
            }
            (Phase::Pending(pending), Event::Considered { reason, expected_start }) => {
                self.turned(Phase::Pending(Pending { reason, expected_start, ..pending.clone() }))
            }
            (Phase::Pending(pending), Event::Updated { at, changes }) => {
                changes.into_iter().fold(self.clone(), Job::changed).waiting(pending.clone(), at)
            }
            (Phase::Running(run), Event::Updated { changes, .. }) => {
                let until = |job: &Job| match job.spec.time_limit {
                    // The limit in force may be the partition's; it moves only when the job's own does.
                    limit if limit != self.spec.time_limit => limit.end_from(run.started),
                    _ => run.until,
                };
                let job = changes.into_iter().fold(self.clone(), Job::changed);
                let run = Running { until: until(&job), ..(**run).clone() };
                job.turned(Phase::Running(Box::new(run)))
            }
            (Phase::Running(run), Event::Ended { at, end, usage }) => self.run_ended(run, at, end, usage),
            (Phase::Running(run), Event::LimitReached { at }) => {
                self.ending(run, at, Outcome::Timeout, Reason::TimeLimit, None, None)
            }
            (Phase::Running(run), Event::WarningDue) => self.warned(run),
            (Phase::Running(run), Event::Cancelled { at, by, kill }) => {
                let step = self.ending(run, at, Outcome::Cancelled, Reason::None, Some(by), None)?;
                if kill { step.killing() } else { Ok(step) }
            }
            (Phase::Running(run), Event::Requeued { at, hold }) => {
                self.ending(run, at, Outcome::Cancelled, Reason::None, None, Some(hold))
            }
            (Phase::Running(run), Event::Signalled { signal, scope }) => self.signalled(run, signal, scope),
            (Phase::Running(run), Event::Held { .. }) => {
                // Takes effect if the job is ever put back.
                Job { priority: 0, ..self.clone() }.turned(Phase::Running(run.clone()))
            }
            (Phase::Completing(completing), Event::Ended { at, end, usage }) => {
                self.completed(completing, at, &end, usage)
            }
            (Phase::Completing(completing), Event::KillDue { .. }) => self.killed(completing),
            (Phase::Completing(completing), Event::Cancelled { kill: true, .. }) => self.killed(completing),
            (Phase::Ended(ended), Event::Requeued { at, hold }) => {
                self.requeued(self.clone(), at, hold, ended.run.is_some())
            }
            (phase, _) => Err(Refused { event: name, state: phase.name() }),
        }
    }

    /// Returns the next moment at which something is due without anybody asking, given how long a job may take
    /// to end after SIGTERM.
    pub fn next_alarm(&self, kill_wait: Duration) -> Option<Timestamp> {
        match &self.phase {
            Phase::Pending(pending) => {
                let begin = self.waits_for_time(pending).filter(|_| self.eligible == Timestamp::NEVER);
                [begin, self.spec.deadline].into_iter().flatten().min()
            }
            Phase::Running(run) => {
                let warning = self.warning_time(run).filter(|_| !run.warned);
                Some(warning.unwrap_or(run.until).min(run.until)).filter(|at| *at != Timestamp::NEVER)
            }
            Phase::Completing(completing) => Some(completing.since.after(if completing.killed {
                // SIGKILL can be lost only with the engine; repeating it is harmless.
                kill_wait + Duration::from_secs(60)
            } else {
                kill_wait
            })),
            Phase::Ended(_) => None,
        }
    }

    /// Returns the event that is due at `now`, if one is.
    pub fn alarm(&self, now: Timestamp, kill_wait: Duration) -> Option<Event> {
        if self.next_alarm(kill_wait).is_none_or(|due| due > now) {
            return None;
        }
        match &self.phase {
            Phase::Pending(_) if self.spec.deadline.is_some_and(|deadline| deadline <= now) => {
                Some(Event::DeadlinePassed { at: now })
            }
            Phase::Pending(_) => Some(Event::BeginReached { at: now }),
            Phase::Running(run) if run.until <= now => Some(Event::LimitReached { at: now }),
            Phase::Running(_) => Some(Event::WarningDue),
            Phase::Completing(_) => Some(Event::KillDue { at: now }),
            Phase::Ended(_) => None,
        }
    }

    /// Works out what a newly made or changed waiting job waits for.
    #[must_use]
    pub fn settled(&self, at: Timestamp) -> Job {
        let Phase::Pending(pending) = &self.phase else { return self.clone() };
        let (reason, eligible) = self.obstacle(pending, at);
        let reason = match (reason, pending.reason) {
            // What the scheduler found stays until it looks again.
            (Reason::None, found) if !is_obstacle(found) => found,
            (reason, _) => reason,
        };
        Job { eligible, phase: Phase::Pending(Pending { reason, ..pending.clone() }), ..self.clone() }
    }

    fn obstacle(&self, pending: &Pending, at: Timestamp) -> (Reason, Timestamp) {
        let since = if self.eligible == Timestamp::NEVER { at } else { self.eligible };
        match (pending.hold, self.dependency.as_ref().map(|dependency| dependency.state())) {
            (Hold::User, _) => (Reason::JobHeldUser, Timestamp::NEVER),
            (Hold::Admin, _) => (Reason::JobHeldAdmin, Timestamp::NEVER),
            (_, Some(TermState::Failed)) => (Reason::DependencyNeverSatisfied, Timestamp::NEVER),
            (_, Some(TermState::Unfulfilled)) => (Reason::Dependency, Timestamp::NEVER),
            _ if self.waits_for_time(pending).is_some_and(|begin| begin > at) => {
                (Reason::BeginTime, Timestamp::NEVER)
            }
            _ => (Reason::None, since),
        }
    }

    fn waits_for_time(&self, pending: &Pending) -> Option<Timestamp> {
        self.spec.begin.max(pending.retry_after)
    }

    fn warning_time(&self, run: &Running) -> Option<Timestamp> {
        let warning = self.spec.warning?;
        (run.until != Timestamp::NEVER)
            .then(|| run.until.before(Duration::from_secs(u64::from(warning.lead))))
    }

    fn turned(&self, phase: Phase) -> Applied {
        Ok(Step { job: Job { phase, ..self.clone() }, effects: Vec::new(), closed: None })
    }

    fn waiting(&self, pending: Pending, at: Timestamp) -> Applied {
        let job = Job { phase: Phase::Pending(pending), ..self.clone() }.settled(at);
        Ok(Step { job, effects: Vec::new(), closed: None })
    }

    fn started(&self, run: Running) -> Applied {
        let mut step = self.turned(Phase::Running(Box::new(run)))?;
        if self.runs_script() {
            step.effects.push(Effect::Launch);
        }
        Ok(step)
    }

    fn held(&self, pending: &Pending, hold: Hold) -> Applied {
        let mut step =
            self.waiting(Pending { hold: hold.max(pending.hold), ..pending.clone() }, Timestamp::EPOCH)?;
        step.job.priority = 0;
        Ok(step)
    }

    fn released(&self, pending: &Pending, at: Timestamp, priority: u32) -> Applied {
        Job { priority, ..self.clone() }.waiting(Pending { hold: Hold::None, ..pending.clone() }, at)
    }

    fn warned(&self, run: &Running) -> Applied {
        let mut step = self.turned(Phase::Running(Box::new(Running { warned: true, ..run.clone() })))?;
        if let Some(warning) = self.spec.warning {
            step.effects.push(Effect::Signal { signal: warning.signal, scope: warning.scope });
        }
        Ok(step)
    }

    fn signalled(&self, run: &Running, signal: i32, scope: WarningScope) -> Applied {
        let stopped = match signal {
            // What only holds resources for a leader is never shown as stopped.
            signal::STOP => self.het.is_none_or(HetPart::is_leader),
            signal::CONT => false,
            _ => run.stopped,
        };
        let mut step = self.turned(Phase::Running(Box::new(Running { stopped, ..run.clone() })))?;
        step.effects.push(Effect::Signal { signal, scope });
        Ok(step)
    }

    fn ending(
        &self,
        run: &Running,
        since: Timestamp,
        outcome: Outcome,
        reason: Reason,
        cancelled_by: Option<Uid>,
        requeue: Option<Hold>,
    ) -> Applied {
        let completing =
            Completing { run: run.clone(), since, outcome, reason, killed: false, cancelled_by, requeue };
        if !self.runs_script() {
            // No process of ours has to end first.
            return self.completed(&completing, since, &End::Released, Usage::default());
        }
        let mut step = self.turned(Phase::Completing(Box::new(completing)))?;
        // A stopped process takes no other signal until it is woken.
        step.effects.push(Effect::Signal { signal: signal::CONT, scope: WarningScope::Full });
        step.effects.push(Effect::Signal { signal: signal::TERM, scope: WarningScope::Full });
        Ok(step)
    }

    fn killed(&self, completing: &Completing) -> Applied {
        let mut step =
            self.turned(Phase::Completing(Box::new(Completing { killed: true, ..completing.clone() })))?;
        step.effects.push(Effect::Kill);
        Ok(step)
    }

    fn run_ended(&self, run: &Running, at: Timestamp, end: End, usage: Usage) -> Applied {
        let (outcome, reason, exit) = verdict(&end);
        let remark = remark(&end);
        if outcome == Outcome::NodeFail && self.spec.requeue {
            let closed = self.closed(run.clone(), at, outcome, reason, exit, usage, None);
            return self.requeued(closed, at, Hold::None, true).map(|mut step| {
                if let Phase::Pending(pending) = &mut step.job.phase {
                    pending.retry_after = Some(at.after(RETRY_AFTER_NODE_FAILURE));
                }
                step.job.eligible = Timestamp::NEVER;
                step.job = step.job.settled(at);
                step
            });
        }
        let mut job = self.closed(run.clone(), at, outcome, reason, exit, usage, None);
        if let Phase::Ended(ended) = &mut job.phase {
            ended.remark = remark;
        }
        Ok(Step { job, effects: vec![Effect::Forget { attempt: self.restarts }], closed: None })
    }

    fn completed(&self, completing: &Completing, at: Timestamp, end: &End, usage: Usage) -> Applied {
        let (_, _, exit) = verdict(end);
        let Completing { run, outcome, reason, cancelled_by, requeue, .. } = completing;
        let job = self.closed(run.clone(), at, *outcome, *reason, exit, usage, *cancelled_by);
        match requeue {
            Some(hold) => self.requeued(job, at, *hold, true),
            None => Ok(Step { job, effects: vec![Effect::Forget { attempt: self.restarts }], closed: None }),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "they are the fields of the phase it makes")]
    fn closed(
        &self,
        run: Running,
        ended: Timestamp,
        outcome: Outcome,
        reason: Reason,
        exit: Exit,
        usage: Usage,
        cancelled_by: Option<Uid>,
    ) -> Job {
        let run = Some(run);
        let ended = Ended { outcome, reason, ended, exit, usage, cancelled_by, run, remark: Text::default() };
        Job { phase: Phase::Ended(Box::new(ended)), ..self.clone() }
    }

    fn ended_unstarted(
        &self,
        ended: Timestamp,
        outcome: Outcome,
        reason: Reason,
        by: Option<Uid>,
    ) -> Applied {
        self.turned(Phase::Ended(Box::new(Ended {
            outcome,
            reason,
            ended,
            exit: Exit::None,
            usage: Usage::default(),
            cancelled_by: by,
            run: None,
            remark: Text::default(),
        })))
    }

    fn requeued(&self, closed: Job, at: Timestamp, hold: Hold, has_run: bool) -> Applied {
        let pending = Pending { hold, ..Pending::default() };
        let mut spec = Arc::clone(&self.spec);
        if has_run && !spec.flags.has(JobFlags::JOB_WAS_RUNNING) {
            let spec = Arc::make_mut(&mut spec);
            spec.flags = spec.flags.with(JobFlags::JOB_WAS_RUNNING);
        }
        let job = Job {
            spec,
            restarts: self.restarts + 1,
            eligible: Timestamp::NEVER,
            dependency: None,
            priority: if hold == Hold::None { self.priority } else { 0 },
            phase: Phase::Pending(pending),
            ..self.clone()
        };
        let effects = if has_run { vec![Effect::Forget { attempt: self.restarts }] } else { Vec::new() };
        Ok(Step { job: job.settled(at), effects, closed: Some(Box::new(closed)) })
    }

    /// Returns how long this job may run, given what the partition allows.
    pub fn limit_within(&self, most: TimeLimit) -> TimeLimit {
        self.spec.time_limit.min(most)
    }
}

impl Step {
    fn killing(self) -> Applied {
        match &self.job.phase {
            Phase::Completing(completing) => self.job.killed(completing),
            _ => Ok(self),
        }
    }
}

/// Tells whether a reason is one the job's own state explains, not the scheduler.
fn is_obstacle(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::JobHeldUser
            | Reason::JobHeldAdmin
            | Reason::Dependency
            | Reason::DependencyNeverSatisfied
            | Reason::BeginTime
    )
}

/// Returns what there is to say to the owner of a job that ended like this.
fn remark(end: &End) -> Text {
    match end {
        End::NotStarted(why) => why.clone(),
        _ => Text::default(),
    }
}

fn verdict(end: &End) -> (Outcome, Reason, Exit) {
    match *end {
        End::Process(Exit::Code(0)) | End::Released => (Outcome::Completed, Reason::None, Exit::Code(0)),
        End::Process(exit @ Exit::Code(_)) => (Outcome::Failed, Reason::NonZeroExitCode, exit),
        End::Process(exit) => (Outcome::Failed, Reason::RaisedSignal, exit),
        End::OverMemory(exit) => (Outcome::OutOfMemory, Reason::OutOfMemory, exit),
        // Slurm shows a job that could not be started as ended by signal 53 (facts: missing directory).
        End::NotStarted(_) => (Outcome::Failed, Reason::RaisedSignal, Exit::Signal(53)),
        End::Vanished => (Outcome::NodeFail, Reason::NodeDown, Exit::None),
    }
}
