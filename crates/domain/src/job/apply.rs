//! The one function that changes a job's state. Pure and total: the same job and event always give the same
//! answer, and an event that does not fit is refused, never ignored.

use super::{
    Change, Completing, End, Ended, EndedStep, Event, Exit, HetPart, Hold, Job, JobFlags, JobKind, JobStep,
    Outcome, Pending, Phase, Preemption, PutBack, Reason, Requeue, Running, StepEnd, Steps, SuspendedBy,
    TermState, Usage, WarningScope,
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
    /// Steps that have ended: history keeps them.
    pub steps: Vec<EndedStep>,
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
    /// Halt every process of the present attempt.
    Suspend,
    /// Let a halted attempt go on.
    Resume,
    /// End what runs on nodes that the present attempt has no more, and hold the rest to what it has.
    Shrink,
    /// Start the tasks of a step.
    StartStep {
        /// Its number.
        number: u32,
    },
    /// Send a signal to the tasks of a step; SIGKILL ends it.
    SignalStep {
        /// Its number.
        number: u32,
        /// Signal number.
        signal: i32,
    },
    /// The end of this step is on record; the engine may forget it.
    ForgetStep {
        /// Its number.
        number: u32,
    },
    /// The end of this attempt is on record; the engine may forget it.
    Forget {
        /// Number of the attempt.
        attempt: u32,
    },
}

/// Signal numbers as Linux has them on all machines we run on.
pub(super) mod signal {
    pub(in crate::job) const TERM: i32 = 15;
    pub(in crate::job) const CONT: i32 = 18;
    pub(in crate::job) const STOP: i32 = 19;
}

/// A job whose node would not start it stays back until somebody has looked at that.
const LAUNCH_FAILED: Requeue = Requeue { hold: Hold::User, put_back: PutBack::LaunchFailed };

/// A job that its node lost, or that is tried again for its exit code, waits this long before (facts: two minutes).
const RETRY_AFTER: Duration = Duration::from_secs(120);

pub(super) type Applied = Result<Step, Refused>;

impl Job {
    /// Takes in what happened and says what follows.
    ///
    /// # Errors
    /// [`Refused`] if such a thing cannot happen to a job in this phase.
    pub fn apply(&self, event: Event) -> Applied {
        let mut step = self.take_in(event)?;
        step.steps.extend(self.steps_left_by(&step));
        Ok(step)
    }

    /// Returns the steps that lived when the attempt ended.
    fn steps_left_by(&self, step: &Step) -> Vec<EndedStep> {
        let over = step.closed.as_deref().unwrap_or(&step.job);
        let (Some(run), Phase::Ended(ended)) = (self.live_run(), &over.phase) else { return Vec::new() };
        if ended.outcome == Outcome::Resized {
            return Vec::new();
        }
        let outcome = match ended.outcome {
            Outcome::NodeFail => Outcome::NodeFail,
            _ => Outcome::Cancelled,
        };
        run.steps.clone().end_all(ended.ended, outcome)
    }

    fn take_in(&self, event: Event) -> Applied {
        let name = event.name();
        match (&self.phase, event) {
            (Phase::Pending(_), Event::Started { at, allocation, limit, boot, overtime, way_in }) => {
                let limit = self.limit_before_deadline(limit, at);
                let until = self.not_beyond_deadline(self.end_to_the_second(limit, at));
                let shortened = limit.minutes().filter(|_| limit < self.spec.time_limit);
                let run = Running::new(at, allocation, until, boot);
                self.started(Running { overtime, shortened, way_in, ..run })
            }
            (Phase::Pending(pending), Event::Cancelled { at, by, .. }) => {
                // Why it waited goes on being told.
                self.ended_unstarted(at, Outcome::Cancelled, pending.reason, Some(by))
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
            (Phase::Pending(pending), Event::ReservationGone { at, name, left, holds }) => {
                self.without_reservation(pending, at, &name, left, holds)
            }
            (Phase::Running(_) | Phase::Completing(_), Event::ReservationGone { left, .. }) => {
                self.clone().changed(Change::Reservation(left)).turned(self.phase.clone())
            }
            (Phase::Pending(pending), Event::Considered { reason, expected_start }) => {
                self.turned(Phase::Pending(Pending { reason, expected_start, ..pending.clone() }))
            }
            (Phase::Pending(pending), Event::Updated { at, changes }) => {
                // Slurm keeps one time for both: a begin time that is given replaces the wait of a job that was put back.
                let begins = changes.iter().any(|change| matches!(change, Change::Begin(_)));
                let retry_after = pending.retry_after.filter(|_| !begins || self.restarts == 0);
                // What kept it waiting in one partition does not in another.
                let moves = changes.iter().any(|change| matches!(change, Change::Partitions(_)));
                let reason = if moves { Reason::None } else { pending.reason };
                let pending = Pending { retry_after, reason, ..pending.clone() };
                changes.into_iter().fold(self.clone(), Job::changed).waiting(pending, at)
            }
            (Phase::Running(run), Event::Updated { changes, .. }) => self.updated_while_running(run, changes),
            (Phase::Running(run), Event::Shrunk { at, kept, tasks }) => self.shrunk(run, at, &kept, tasks),
            (Phase::Running(run), Event::Ended { at, end, usage, requeue }) => {
                self.run_ended(run, at, end, usage, requeue)
            }
            (Phase::Running(run), Event::LimitReached { at }) => match run.preemption {
                Some(Preemption { requeue, .. }) => self.made_way(run, at, requeue),
                None => self.ending(run, at, Outcome::Timeout, Reason::TimeLimit, None, None),
            },
            (Phase::Running(run), Event::MustEnd { by }) => {
                let (until, overtime) = match run.until.after(run.overtime) <= by {
                    true => (run.until, run.overtime),
                    false => (run.until.min(by), by.since(run.until.min(by))),
                };
                self.turned(Phase::Running(Box::new(Running { until, overtime, ..(**run).clone() })))
            }
            (Phase::Running(run), Event::WarningDue) => self.warned(run),
            (Phase::Running(run), Event::Cancelled { at, by, kill }) => {
                let step = self.ending(run, at, Outcome::Cancelled, Reason::None, Some(by), None)?;
                if kill { step.killing() } else { Ok(step) }
            }
            (Phase::Running(run), Event::Requeued { at, how }) => {
                let hold = if run.is_suspended() { how.hold.max(Hold::User) } else { how.hold };
                let how = Requeue { hold, ..how };
                self.ending(run, at, Outcome::Requeued, Reason::None, None, Some(how))
            }
            (Phase::Running(run), Event::NodeFailed { at, requeue }) => {
                self.ending(run, at, Outcome::NodeFail, Reason::NodeDown, None, requeue)?.killing()
            }
            (Phase::Running(run), Event::Suspended { at, by })
                if run.suspended_by() != Some(SuspendedBy::Operator) && run.preemption.is_none() =>
            {
                self.suspended(run, at, by)
            }
            (Phase::Running(run), Event::ResumeAsked) if run.is_suspended() => self.resume_asked(run),
            (Phase::Running(run), Event::Resumed { at }) if run.is_suspended() => self.resumed(run, at),
            (Phase::Running(run), Event::Preempted { at, by, requeue, grace, warning })
                if run.preemption.is_none() =>
            {
                self.preempted(run, Preemption { at, by, requeue }, grace, warning)
            }
            (Phase::Running(run), Event::Finished { at, exit }) => self.finished(run, at, exit),
            (Phase::Running(run), Event::Attended { visit, if_gone }) => self.attended(run, visit, if_gone),
            (Phase::Running(run), Event::Left { back_until }) => self.left(run, back_until),
            (Phase::Running(run), Event::Abandoned { at, if_gone }) => self.abandoned(run, at, if_gone),
            (Phase::Completing(completing), Event::Finished { exit, .. }) => {
                self.finished_while_ending(completing, exit)
            }
            (Phase::Running(run), Event::Signalled { signal, scope }) => self.signalled(run, signal, scope),
            (Phase::Running(run), Event::StepStarted { step }) => self.step_started(run, step),
            (Phase::Running(run), Event::StepEnded { number, end }) => self.step_ended(run, number, end),
            (Phase::Running(run), Event::StepSignalled { number, signal }) => {
                let mut step = self.turned(Phase::Running(run.clone()))?;
                step.effects.push(Effect::SignalStep { number, signal });
                Ok(step)
            }
            (Phase::Completing(completing), Event::StepEnded { number, end }) => {
                self.last_steps_end(completing, number, end)
            }
            (Phase::Running(run), Event::Held { hold }) => {
                // Takes effect if the job is ever put back.
                let run = Running { hold, ..(**run).clone() };
                Job { priority: 0, ..self.clone() }.turned(Phase::Running(Box::new(run)))
            }
            (Phase::Running(run), Event::Released { priority, .. }) => {
                let run = Running { hold: Hold::None, ..(**run).clone() };
                Job { priority, ..self.clone() }.turned(Phase::Running(Box::new(run)))
            }
            (Phase::Completing(completing), Event::Ended { at, end, usage, .. }) => {
                self.completed(completing, at, &end, usage)
            }
            (Phase::Completing(completing), Event::KillDue { .. }) => self.killed(completing),
            (Phase::Completing(completing), Event::Cancelled { by, kill, .. }) => {
                self.cancelled_while_ending(completing, by, kill)
            }
            (Phase::Ended(ended), Event::Recurs { at, begin }) => {
                self.recurring(at, begin, ended.run.is_some())
            }
            (Phase::Ended(ended), Event::Requeued { at, how }) => {
                self.requeued(self.clone(), at, how, ended.run.is_some())
            }
            (phase, _) => Err(Refused { event: name, state: phase.name() }),
        }
    }

    /// Returns the next moment at which something is due without anybody asking, given how long a job may take
    /// to end after SIGTERM.
    pub fn next_alarm(&self, kill_wait: Duration) -> Option<Timestamp> {
        match &self.phase {
            Phase::Pending(pending) => {
                let begin = self.waits_for_time(pending).filter(|_| self.waits_for_nothing_else(pending));
                [begin, self.latest_start()].into_iter().flatten().min()
            }
            // Its time stands still.
            Phase::Running(run) if run.is_suspended() => None,
            Phase::Running(run) => {
                let warning = self.warning_time(run).filter(|_| !run.warned);
                let last =
                    run.last_patience().map_or(self.last_moment(run), |at| at.min(self.last_moment(run)));
                Some(warning.unwrap_or(last).min(last)).filter(|at| *at != Timestamp::NEVER)
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
            Phase::Pending(_) if self.latest_start().is_some_and(|latest| latest <= now) => {
                Some(Event::DeadlinePassed { at: now })
            }
            Phase::Pending(_) => Some(Event::BeginReached { at: now }),
            Phase::Running(run) if run.last_patience().is_some_and(|until| until <= now) => {
                let if_gone = run.attendant.map(|attendant| attendant.if_gone).unwrap_or_default();
                Some(Event::Abandoned { at: now, if_gone })
            }
            Phase::Running(run) if self.last_moment(run) <= now => Some(Event::LimitReached { at: now }),
            Phase::Running(_) => Some(Event::WarningDue),
            Phase::Completing(_) => Some(Event::KillDue { at: now }),
            Phase::Ended(_) => None,
        }
    }

    /// Returns the last moment at which it could start and still end before its deadline, if it has one; with a
    /// deadline it needs at most its least time.
    pub fn latest_start(&self) -> Option<Timestamp> {
        let needed = match (self.spec.time_minimum, self.spec.time_limit) {
            (0, TimeLimit::Minutes(limit)) => limit,
            (0, TimeLimit::Unlimited) => 0,
            (least, _) => least,
        };
        let deadline = self.spec.deadline?;
        Some(deadline.before(Duration::from_secs(u64::from(needed) * 60)))
    }

    /// Returns the limit of a job that starts now, cut to the whole minutes until its deadline.
    fn limit_before_deadline(&self, limit: TimeLimit, start: Timestamp) -> TimeLimit {
        let Some(deadline) = self.spec.deadline else { return limit };
        let minutes = u32::try_from(deadline.since(start).as_secs() / 60).unwrap_or(u32::MAX);
        limit.min(TimeLimit::Minutes(minutes.max(1)))
    }

    /// Returns when a run ends that has this limit; a limit of whole seconds counts where it is the job's own.
    fn end_to_the_second(&self, limit: TimeLimit, start: Timestamp) -> Timestamp {
        match self.spec.uncommon().limit_seconds {
            Some(seconds) if limit == self.spec.time_limit => {
                limit.end_from(start).min(start.after(Duration::from_secs(seconds.into())))
            }
            _ => limit.end_from(start),
        }
    }

    fn not_beyond_deadline(&self, until: Timestamp) -> Timestamp {
        self.spec.deadline.map_or(until, |deadline| until.min(deadline))
    }

    /// Returns when a run is ended: it may exceed its limit where that is allowed, but no deadline and no grace time.
    fn last_moment(&self, run: &Running) -> Timestamp {
        match run.preemption {
            Some(_) => run.until,
            None => self.not_beyond_deadline(run.until.after(run.overtime)),
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
            (Hold::User | Hold::Admin, _) if pending.put_back == PutBack::TooOften => {
                (Reason::JobHoldMaxRequeue, Timestamp::NEVER)
            }
            (Hold::User, _) if pending.put_back == PutBack::ReservationGone => {
                (Reason::ReservationDeleted, Timestamp::NEVER)
            }
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

    /// Tells whether its time alone keeps it from the queue. Whoever is held, or waits for others as well, needs no
    /// alarm: it would ring without end, and what comes of the hold or the others looks at the time anyway.
    fn waits_for_nothing_else(&self, pending: &Pending) -> bool {
        let dependency = self.dependency.as_ref().map(|dependency| dependency.state());
        self.eligible == Timestamp::NEVER
            && pending.hold == Hold::None
            && !matches!(dependency, Some(TermState::Failed | TermState::Unfulfilled))
    }

    fn warning_time(&self, run: &Running) -> Option<Timestamp> {
        let warning = self.spec.warning?;
        (run.until != Timestamp::NEVER)
            .then(|| run.until.before(Duration::from_secs(u64::from(warning.lead))))
    }

    pub(super) fn turned(&self, phase: Phase) -> Applied {
        let job = Job { phase, ..self.clone() };
        Ok(Step { job, effects: Vec::new(), closed: None, steps: Vec::new() })
    }

    fn waiting(&self, pending: Pending, at: Timestamp) -> Applied {
        let job = Job { phase: Phase::Pending(pending), ..self.clone() }.settled(at);
        Ok(Step { job, effects: Vec::new(), closed: None, steps: Vec::new() })
    }

    fn started(&self, run: Running) -> Applied {
        let mut step = self.turned(Phase::Running(Box::new(run)))?;
        if self.has_run() {
            step.effects.push(Effect::Launch);
        }
        Ok(step)
    }

    fn held(&self, pending: &Pending, hold: Hold) -> Applied {
        let mut step = self.waiting(Pending { hold, ..pending.clone() }, Timestamp::EPOCH)?;
        step.job.priority = 0;
        Ok(step)
    }

    fn without_reservation(
        &self,
        pending: &Pending,
        at: Timestamp,
        name: &Text,
        left: Text,
        holds: bool,
    ) -> Applied {
        let is_held = holds && left.is_empty() && pending.hold == Hold::None;
        let mut job = self.clone().changed(Change::Reservation(left));
        let mut pending = pending.clone();
        if is_held {
            job.priority = 0;
            pending.hold = Hold::User;
            pending.put_back = PutBack::ReservationGone;
            pending.remark = Text::from(format!("Reservation {name} was deleted"));
        }
        job.waiting(pending, at)
    }

    fn released(&self, pending: &Pending, at: Timestamp, priority: u32) -> Applied {
        let (put_back, remark) = (PutBack::Plain, Text::default());
        let pending = Pending { hold: Hold::None, put_back, remark, ..pending.clone() };
        let mut job = Job { priority, ..self.clone() };
        if job.spec.fixed_priority.is_some() {
            // Released means ranked like any other.
            Arc::make_mut(&mut job.spec).fixed_priority = None;
        }
        job.waiting(pending, at)
    }

    fn updated_while_running(&self, run: &Running, changes: Vec<Change>) -> Applied {
        let job = changes.into_iter().fold(self.clone(), Job::changed);
        let mut changed = match &job.phase {
            Phase::Running(changed) => (**changed).clone(),
            _ => run.clone(),
        };
        let limit = job.spec.time_limit;
        if limit != self.spec.time_limit {
            changed.shortened = None;
            // The limit in force may be the partition's; it moves only when the job's own does. One that makes way has no
            // other than its grace time.
            if changed.until == run.until && run.preemption.is_none() {
                changed.until = run.end_within(limit);
            }
        }
        changed.until = match run.preemption {
            None if changed.until != run.until => job.not_beyond_deadline(changed.until),
            None => changed.until,
            Some(_) => run.until,
        };
        job.turned(Phase::Running(Box::new(changed)))
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

    fn step_started(&self, run: &Running, step: Arc<JobStep>) -> Applied {
        let number = step.number;
        let mut run = run.clone();
        run.steps.begin(step);
        let mut step = self.turned(Phase::Running(Box::new(run)))?;
        step.effects.push(Effect::StartStep { number });
        Ok(step)
    }

    fn step_ended(&self, run: &Running, number: u32, end: StepEnd) -> Applied {
        let mut run = run.clone();
        run.derived = run.derived.graver(end.exit);
        let ended = run.steps.end(number, end);
        let mut step = self.turned(Phase::Running(Box::new(run)))?;
        step.effects.push(Effect::ForgetStep { number });
        step.steps.extend(ended);
        Ok(step)
    }

    /// While a job ends its steps do; with the last of them an allocation has nothing more to wait for.
    fn last_steps_end(&self, completing: &Completing, number: u32, end: StepEnd) -> Applied {
        let mut completing = completing.clone();
        completing.run.derived = completing.run.derived.graver(end.exit);
        let ended = completing.run.steps.end(number, end);
        let is_last = completing.run.steps.live.is_empty() && !self.runs_script();
        let mut step = self.turned(Phase::Completing(Box::new(completing)))?;
        step.effects.push(Effect::ForgetStep { number });
        step.effects.extend(is_last.then_some(Effect::Kill));
        step.steps.extend(ended);
        Ok(step)
    }

    fn live_run(&self) -> Option<&Running> {
        match &self.phase {
            Phase::Running(run) => Some(run),
            Phase::Completing(completing) => Some(&completing.run),
            Phase::Pending(_) | Phase::Ended(_) => None,
        }
    }

    pub(super) fn ending(
        &self,
        run: &Running,
        since: Timestamp,
        outcome: Outcome,
        reason: Reason,
        cancelled_by: Option<Uid>,
        requeue: Option<Requeue>,
    ) -> Applied {
        let (put_back, requeue) =
            requeue.map_or((PutBack::Plain, None), |how| (how.put_back, Some(how.hold)));
        let was_suspended = run.is_suspended();
        // One that is suspended stays so until it is gone: others may have its CPUs.
        let run = run.clone();
        let killed = false;
        let completing = Completing { run, since, outcome, reason, killed, cancelled_by, requeue, put_back };
        if !self.runs_script() && completing.run.steps.live.is_empty() {
            // No process of ours has to end first.
            return self.completed(&completing, since, &End::Released, Usage::default());
        }
        let mut step = self.turned(Phase::Completing(Box::new(completing)))?;
        if was_suspended {
            step.effects.push(Effect::Resume);
        }
        // A stopped process takes no other signal until it is woken.
        step.effects.push(Effect::Signal { signal: signal::CONT, scope: WarningScope::Full });
        step.effects.push(Effect::Signal { signal: signal::TERM, scope: WarningScope::Full });
        Ok(step)
    }

    /// Ends for good what would have gone back into the queue, and does not wait any longer if told so.
    fn cancelled_while_ending(&self, completing: &Completing, by: Uid, kill: bool) -> Applied {
        let mut completing = completing.clone();
        if completing.requeue.take().is_some() {
            (completing.outcome, completing.cancelled_by) = (Outcome::Cancelled, Some(by));
        }
        if kill { self.killed(&completing) } else { self.turned(Phase::Completing(Box::new(completing))) }
    }

    fn killed(&self, completing: &Completing) -> Applied {
        let mut step =
            self.turned(Phase::Completing(Box::new(Completing { killed: true, ..completing.clone() })))?;
        step.effects.push(Effect::Kill);
        Ok(step)
    }

    fn run_ended(
        &self,
        run: &Running,
        at: Timestamp,
        end: End,
        usage: Usage,
        requeue: Option<Requeue>,
    ) -> Applied {
        let (outcome, reason, exit) = verdict(&end);
        let mut job = self.closed(run.clone(), at, outcome, reason, exit, usage, None);
        let requeue = match &end {
            // A component starts with its leader or not at all: alone in the queue it would wait for ever.
            _ if self.het.is_some_and(|part| !part.is_leader()) => None,
            // Whoever asked for an allocation has been told that it is gone, and waits for no other.
            _ if self.spec.kind == JobKind::Allocation => None,
            End::Vanished if self.spec.requeue => Some(requeue.unwrap_or_default()),
            End::LaunchFailed(_) => requeue.or(Some(LAUNCH_FAILED)),
            End::Process(_) => requeue,
            _ => None,
        };
        let retry_after = requeue.filter(|how| how.hold == Hold::None).map(|_| at.after(RETRY_AFTER));
        let remark = remark(&end);
        if let Phase::Ended(ended) = &mut job.phase {
            ended.remark = remark.clone();
        }
        if let (Phase::Ended(ended), End::Process(_), true) = (&mut job.phase, &end, requeue.is_some()) {
            (ended.outcome, ended.reason) = (Outcome::Requeued, Reason::None);
        }
        let Some(how) = requeue else {
            return Ok(Step {
                job,
                effects: vec![Effect::Forget { attempt: self.restarts }],
                closed: None,
                steps: Vec::new(),
            });
        };
        let mut step = self.requeued(job, at, how, true)?;
        if let Phase::Pending(pending) = &mut step.job.phase {
            (pending.retry_after, pending.remark) = (retry_after, remark);
        }
        if retry_after.is_some() {
            step.job.eligible = Timestamp::NEVER;
        }
        step.job = step.job.settled(at);
        Ok(step)
    }

    fn completed(&self, completing: &Completing, at: Timestamp, end: &End, usage: Usage) -> Applied {
        let exit = match completing.outcome {
            // What its processes left is lost with the node; this is what the original shows then.
            Outcome::NodeFail => Exit::Signal(1),
            _ => self.exit_of(&completing.run, end),
        };
        let Completing { run, outcome, reason, cancelled_by, requeue, put_back, .. } = completing;
        let job = self.closed(run.clone(), at, *outcome, *reason, exit, usage, *cancelled_by);
        match requeue {
            Some(hold) => {
                let mut step = self.requeued(job, at, Requeue { hold: *hold, put_back: *put_back }, true)?;
                if let (Outcome::NodeFail, Phase::Pending(pending)) = (outcome, &mut step.job.phase) {
                    pending.retry_after = Some(at.after(RETRY_AFTER)).filter(|_| pending.hold == Hold::None);
                    step.job.eligible = Timestamp::NEVER;
                    step.job = step.job.settled(at);
                }
                Ok(step)
            }
            None => Ok(Step {
                job,
                effects: vec![Effect::Forget { attempt: self.restarts }],
                closed: None,
                steps: Vec::new(),
            }),
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
        // Its steps are history of their own.
        let run = Some(Running { steps: Steps::default(), ..run });
        let remark = Text::default();
        let ended = Ended { outcome, reason, ended, exit, usage, cancelled_by, run, remark };
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

    fn requeued(&self, closed: Job, at: Timestamp, how: Requeue, has_run: bool) -> Applied {
        let Requeue { hold, put_back } = how;
        // Whoever was held while it ran is held now.
        let held = self.run().map_or(Hold::None, |run| run.hold);
        let hold = if self.priority == 0 { hold.max(held).max(Hold::User) } else { hold };
        let pending = Pending { hold, put_back, ..Pending::default() };
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
        Ok(Step { job: job.settled(at), effects, closed: Some(Box::new(closed)), steps: Vec::new() })
    }

    /// Goes back for its next turn. The turn that has ended is closed already.
    fn recurring(&self, at: Timestamp, begin: Timestamp, has_run: bool) -> Applied {
        let mut next = Job { submitted: at, ..self.clone() };
        Arc::make_mut(&mut next.spec).begin = Some(begin);
        let step = next.requeued(next.clone(), at, Requeue::default(), has_run)?;
        Ok(Step { effects: Vec::new(), closed: None, ..step })
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
            | Reason::JobHoldMaxRequeue
            | Reason::ReservationDeleted
            | Reason::Dependency
            | Reason::DependencyNeverSatisfied
            | Reason::BeginTime
    )
}

/// Returns what there is to say to the owner of a job that ended like this.
fn remark(end: &End) -> Text {
    match end {
        End::NotStarted(why) | End::NotExecuted(_, why) | End::LaunchFailed(why) => why.clone(),
        _ => Text::default(),
    }
}

pub(super) fn verdict(end: &End) -> (Outcome, Reason, Exit) {
    match *end {
        End::Process(Exit::Code(0)) | End::Released => (Outcome::Completed, Reason::None, Exit::Code(0)),
        End::Process(exit @ Exit::Code(_)) => (Outcome::Failed, Reason::NonZeroExitCode, exit),
        End::Process(exit) => (Outcome::Failed, Reason::RaisedSignal, exit),
        End::OverMemory(exit) => (Outcome::OutOfMemory, Reason::OutOfMemory, exit),
        // Slurm shows a job that could not be started as ended by signal 53 (facts: missing directory).
        End::NotStarted(_) => (Outcome::Failed, Reason::RaisedSignal, Exit::Signal(53)),
        // And one whose script cannot be executed by the number of the error.
        End::NotExecuted(code, _) => (Outcome::Failed, Reason::NonZeroExitCode, Exit::Code(code)),
        End::LaunchFailed(_) => (Outcome::NodeFail, Reason::JobLaunchFailure, Exit::None),
        End::Vanished => (Outcome::NodeFail, Reason::NodeDown, Exit::None),
    }
}
