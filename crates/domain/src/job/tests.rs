//! Tables of states and events, and a job to try them on.

use super::*;
use crate::{Gid, Text, TimeLimit, Uid};

/// Makes a small waiting job.
pub(crate) fn job(id: u32) -> Job {
    let text = Text::const_new;
    let owner = Owner { name: text("alice"), uid: Uid(2001), gid: Gid(2001), group: text("alice") };
    Job {
        id: JobId(id),
        spec: Arc::new(JobSpec {
            owner,
            kind: JobKind::Batch,
            name: text("test"),
            account: text("physics"),
            partitions: vec![text("debug")],
            qos: text("normal"),
            wckey: text("*"),
            work_dir: text("/tmp"),
            streams: Streams::default(),
            time_limit: TimeLimit::Minutes(10),
            time_minimum: 0,
            resources: Resources { min_nodes: 1, ..Resources::default() },
            begin: None,
            deadline: None,
            nice: 0,
            fixed_priority: None,
            requeue: true,
            kill_on_node_fail: true,
            warning: None,
            flags: JobFlags::default(),
            comment: Text::default(),
            command: Text::default(),
            uncommon: None,
        }),
        array: None,
        het: None,
        submitted: Timestamp::from_seconds(100),
        eligible: Timestamp::from_seconds(100),
        priority: 1000,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Pending(Pending::default()),
    }
}

use crate::error::Refused;
use std::time::Duration;

const WAIT: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn started() -> Event {
    let allocation = Allocation {
        partition: Text::const_new("debug"),
        nodes: Default::default(),
        whole: false,
        licenses: Default::default(),
        reservation: Default::default(),
    };
    Event::Started {
        at: at(200),
        allocation: Arc::new(allocation),
        limit: TimeLimit::Minutes(10),
        boot: Text::default(),
        overtime: Duration::ZERO,
        way_in: WayIn::InOrder,
    }
}

fn ended(end: End) -> Event {
    Event::Ended { at: at(300), end, usage: Usage::default(), requeue: None }
}

fn after(events: impl IntoIterator<Item = Event>) -> Step {
    let fresh = Step { job: job(1), effects: Vec::new(), closed: None, steps: Vec::new() };
    events.into_iter().fold(fresh, |step, event| step.job.apply(event).expect("the event fits"))
}

fn outcome(job: &Job) -> Option<(Outcome, Reason, Exit)> {
    match &job.phase {
        Phase::Ended(ended) => Some((ended.outcome, ended.reason, ended.exit)),
        _ => None,
    }
}

#[test]
fn every_end_has_its_outcome() {
    let check = |end: End, expected| assert_eq!(outcome(&after([started(), ended(end)]).job), Some(expected));
    check(End::Process(Exit::Code(0)), (Outcome::Completed, Reason::None, Exit::Code(0)));
    check(End::Process(Exit::Code(3)), (Outcome::Failed, Reason::NonZeroExitCode, Exit::Code(3)));
    check(End::Process(Exit::Signal(11)), (Outcome::Failed, Reason::RaisedSignal, Exit::Signal(11)));
    check(End::OverMemory(Exit::Signal(9)), (Outcome::OutOfMemory, Reason::OutOfMemory, Exit::Signal(9)));
    check(End::NotStarted(Text::default()), (Outcome::Failed, Reason::RaisedSignal, Exit::Signal(53)));
    check(End::NotExecuted(2, Text::default()), (Outcome::Failed, Reason::NonZeroExitCode, Exit::Code(2)));
}

#[test]
fn cancelled_before_start_never_runs() {
    let step = after([Event::Cancelled { at: at(150), by: Uid(0), kill: false }]);
    assert_eq!(step.effects, []);
    assert_eq!(outcome(&step.job), Some((Outcome::Cancelled, Reason::None, Exit::None)));
    assert_eq!(step.job.apply(started()), Err(Refused { event: "started", state: "ended" }));
}

#[test]
fn a_job_over_its_limit_is_asked_to_end_and_then_killed() {
    let running = after([started()]).job;
    assert_eq!(running.next_alarm(WAIT), Some(at(800)));
    assert_eq!(running.alarm(at(799), WAIT), None);
    let limit = running.alarm(at(800), WAIT).expect("the limit is reached");
    let ending = running.apply(limit).expect("a limit fits a running job");
    let signals: Vec<_> =
        ending.effects.iter().map(|effect| matches!(effect, Effect::Signal { .. })).collect();
    assert_eq!(signals, [true, true]);
    let kill = ending.job.alarm(at(830), WAIT).expect("the wait is over");
    let killed = ending.job.apply(kill).expect("killing fits");
    assert_eq!(killed.effects, [Effect::Kill]);
    let over = killed.job.apply(ended(End::Process(Exit::Signal(9)))).expect("it ends");
    assert_eq!(outcome(&over.job), Some((Outcome::Timeout, Reason::TimeLimit, Exit::Signal(9))));
    assert_eq!(over.effects, [Effect::Forget { attempt: 0 }]);
}

#[test]
fn a_warning_comes_once_ahead_of_the_limit() {
    let mut asked = job(1);
    Arc::make_mut(&mut asked.spec).warning =
        Some(Warning { signal: 10, lead: 60, scope: WarningScope::Batch, flags: 0 });
    let running = asked.apply(started()).expect("it starts").job;
    assert_eq!(running.next_alarm(WAIT), Some(at(740)));
    let warned = running.apply(running.alarm(at(740), WAIT).expect("due")).expect("it fits");
    assert_eq!(warned.effects, [Effect::Signal { signal: 10, scope: WarningScope::Batch }]);
    assert_eq!(warned.job.next_alarm(WAIT), Some(at(800)));
}

#[test]
fn a_job_its_node_lost_goes_back_and_history_keeps_the_attempt() {
    let step = after([started(), ended(End::Vanished)]);
    assert_eq!(
        step.closed.as_deref().and_then(outcome),
        Some((Outcome::NodeFail, Reason::NodeDown, Exit::None))
    );
    assert_eq!(step.job.restarts, 1);
    assert!(step.job.is_pending());
    assert_eq!(step.job.next_alarm(WAIT), Some(at(420)), "two minutes later it is tried again");
    let now = Event::Updated { at: at(310), changes: vec![Change::Begin(None)] };
    assert_eq!(step.job.apply(now).expect("it waits").job.eligible, at(310), "unless somebody says when");
    let mut last = job(1);
    Arc::make_mut(&mut last.spec).requeue = false;
    let last = last.apply(started()).expect("it starts").job.apply(ended(End::Vanished)).expect("it ends");
    assert_eq!(outcome(&last.job).map(|(outcome, ..)| outcome), Some(Outcome::NodeFail));
}

#[test]
fn an_allocation_its_node_lost_is_gone_whatever_was_asked_for() {
    for end in [End::Vanished, End::LaunchFailed("run the prolog: it failed".into())] {
        let mut held = job(1);
        let spec = Arc::make_mut(&mut held.spec);
        (spec.kind, spec.requeue) = (JobKind::Allocation, true);
        let step = held.apply(started()).expect("it starts").job.apply(ended(end)).expect("it ends");
        assert_eq!(outcome(&step.job).map(|(outcome, ..)| outcome), Some(Outcome::NodeFail));
    }
}

#[test]
fn holds_dependencies_and_begin_times_keep_a_job_out_of_the_queue() {
    let held = after([Event::Held { hold: Hold::User }]).job;
    assert_eq!((held.eligible, held.priority), (Timestamp::NEVER, 0));
    let released = held.apply(Event::Released { at: at(160), priority: 1000 }).expect("it fits").job;
    assert_eq!((released.eligible, released.priority), (at(160), 1000));

    let mut later = job(1);
    Arc::make_mut(&mut later.spec).begin = Some(at(500));
    later.eligible = Timestamp::NEVER;
    let later = later.settled(at(100));
    assert!(matches!(&later.phase, Phase::Pending(pending) if pending.reason == Reason::BeginTime));
    let begun = later.apply(later.alarm(at(500), WAIT).expect("its time has come")).expect("it fits").job;
    assert_eq!(begun.eligible, at(500));
}

#[test]
fn nice_moves_the_priority_by_the_difference() {
    let update = |nice| Event::Updated { at: at(1), changes: vec![Change::Nice(nice)] };
    assert_eq!(after([update(50)]).job.priority, 950);
    assert_eq!(after([update(50), update(20)]).job.priority, 980);
}

#[test]
fn dependencies_read_and_write_like_slurm() {
    let check = |text: &str, written: &str| {
        let dependency = Dependency::parse(text).expect("it reads").expect("it is not empty");
        assert_eq!(dependency.written(), written);
    };
    check("afterok:12", "afterok:12(unfulfilled)");
    check("afterok:1:2,afterany:3", "afterok:1(unfulfilled),afterok:2(unfulfilled),afterany:3(unfulfilled)");
    check("after:4+10?singleton", "after:4+10(unfulfilled)?singleton(unfulfilled)");
    check("afternotok:5_7", "afternotok:5_7(unfulfilled)");
    for bad in ["afterok", "afterok:", "afterok:x", "nonsense:1", "afterok:1,after:2?after:3", "afterok:0"] {
        assert_eq!(Dependency::parse(bad), Err(crate::Problem::BadDependency(Text::from(bad))), "{bad}");
    }
    assert!(matches!(Dependency::parse("expand:1"), Err(crate::Problem::Unsupported(_))));
}

#[test]
fn arrays_read_shrink_and_write() {
    let check = |text: &str, written: &str, throttle| {
        let (set, most) = TaskSet::parse(text, 1001).expect("it reads");
        assert_eq!((set.written(1000).as_str(), most), (written, throttle));
    };
    check("0-3%2", "0-3", 2);
    check("0-6:2", "0,2,4,6", 0);
    check("5", "5", 0);
    check("1,3,5-7", "1,3,5-7", 0);
    check("[1-2]", "1-2", 0);
    for bad in ["", "a", "1-", "3-1", "0-1001", "1%x", "1:2", "0-4:0"] {
        assert_eq!(TaskSet::parse(bad, 1001), None, "{bad}");
    }
    let (mut set, _) = TaskSet::parse("0-99999", 100_001).expect("it reads");
    assert_eq!(set.len(), 100_000);
    assert!(
        set.remove(crate::TaskIndex(0))
            && set.remove(crate::TaskIndex(50))
            && !set.remove(crate::TaskIndex(50))
    );
    assert_eq!(set.written(100), "1-49,51-99999");
    assert_eq!(set.len(), 99_998);
}

#[test]
fn constraints_read_and_hold() {
    let features = [Text::const_new("fast"), Text::const_new("intel")];
    let check = |text: &str, holds| {
        assert_eq!(
            Constraint::parse(text).map(|constraint| constraint.holds(&features)),
            Ok(holds),
            "{text}"
        );
    };
    check("fast", true);
    check("fast&amd", false);
    check("(amd|intel)&fast", true);
    check("amd|arm", false);
    check("[amd|fast]", true);
    check("intel&[amd|arm]", false);
    check("[amd*2&arm*1]", true);
    check("amd*2", true);
    // Each of these is refused by Slurm 26.05 with "Invalid feature specification", save "a&", which it takes for "a".
    for bad in [
        "",
        "&",
        "a&",
        "(a",
        "[a|b",
        "a|(b",
        "a*0",
        "a*x",
        "a*",
        "a*2&b*1",
        "a*2&b",
        "[a*2&b]",
        "[a&b]",
        "[a*2|b]",
        "[a|b]&[c|d]",
        "((a))",
        "(a|(b&c))",
        "a|b*2",
        "!a",
        " a ",
        "a,,b",
        "[]",
        "a*99999999999",
        "[a|b]c",
    ] {
        assert!(Constraint::parse(bad).is_err(), "{bad}");
    }
    let read = Constraint::parse("[(a&b)*1&c*2]").expect("it reads");
    assert_eq!((read.counts.len(), read.counted_nodes(), read.features().len()), (2, 3, 3));
    let read = Constraint::parse("a,[b|c]").expect("it reads");
    assert_eq!((read.same.len(), read.features().len()), (2, 3));
}

fn running(job: &Job) -> &Running {
    match &job.phase {
        Phase::Running(run) => run,
        other => panic!("expected a running job, not {}", other.name()),
    }
}

fn suspended(seconds: i64) -> Event {
    Event::Suspended { at: at(seconds), by: SuspendedBy::Operator }
}

fn preempted(requeue: bool, grace: u64) -> Event {
    let (grace, warning) = (Duration::from_secs(grace), PreemptionWarning::UserSignal);
    Event::Preempted { at: at(300), by: JobId(9), requeue, grace, warning }
}

const CONT: Effect = Effect::Signal { signal: 18, scope: WarningScope::Full };
const TERM: Effect = Effect::Signal { signal: 15, scope: WarningScope::Full };

#[test]
fn time_stands_still_while_a_job_is_suspended() {
    let halted = after([started(), suspended(260)]);
    assert_eq!(halted.effects, [Effect::Suspend]);
    assert!(halted.job.is_suspended());
    assert_eq!(halted.job.next_alarm(WAIT), None, "no limit is reached meanwhile");
    assert_eq!(running(&halted.job).elapsed(at(900)), Duration::from_secs(60));
    assert_eq!(
        halted.job.apply(suspended(270)).map(|_| ()),
        Err(Refused { event: "suspended", state: "running" })
    );

    let on = halted.job.apply(Event::Resumed { at: at(1000) }).expect("it goes on");
    assert_eq!(on.effects, [Effect::Resume]);
    assert_eq!(on.job.next_alarm(WAIT), Some(at(800 + 740)), "the limit moves by the pause");
    assert_eq!(running(&on.job).elapsed(at(1010)), Duration::from_secs(70));
    assert!(on.job.apply(Event::Resumed { at: at(1001) }).is_err());

    let again = on.job.apply(suspended(1100)).expect("it can be halted again").job;
    assert_eq!(running(&again).elapsed(at(5000)), Duration::from_secs(160));
    let longer = Event::Updated { at: at(1200), changes: vec![Change::TimeLimit(TimeLimit::Minutes(20))] };
    let on = again
        .apply(longer)
        .expect("it fits")
        .job
        .apply(Event::Resumed { at: at(1300) })
        .expect("it fits")
        .job;
    assert_eq!(on.next_alarm(WAIT), Some(at(1300 - 160 + 1200)));
}

#[test]
fn what_the_owner_has_stopped_stays_so_after_a_suspension() {
    let stop = Event::Signalled { signal: 19, scope: WarningScope::Full };
    let step = after([started(), stop, suspended(260), Event::Resumed { at: at(300) }]);
    assert_eq!(step.effects, [Effect::Resume, Effect::Signal { signal: 19, scope: WarningScope::Full }]);
}

#[test]
fn a_suspended_job_can_be_cancelled_and_put_back() {
    let cancel = Event::Cancelled { at: at(300), by: Uid(0), kill: false };
    let ending = after([started(), suspended(260), cancel]);
    assert_eq!(ending.effects, [Effect::Resume, CONT, TERM], "it must run to take a signal");
    assert!(!ending.job.is_suspended());

    let step = after([
        started(),
        suspended(260),
        Event::Requeued { at: at(300), how: Requeue::default() },
        ended(End::Process(Exit::Signal(15))),
    ]);
    assert!(
        matches!(&step.job.phase, Phase::Pending(pending) if pending.hold == Hold::User),
        "held, as in Slurm"
    );
    assert_eq!(
        step.closed.as_deref().and_then(outcome).map(|(outcome, ..)| outcome),
        Some(Outcome::Requeued)
    );
}

#[test]
fn an_operator_hands_a_suspended_job_to_the_scheduler() {
    let step = after([started(), suspended(260), Event::ResumeAsked]);
    assert_eq!(running(&step.job).suspended_by(), Some(SuspendedBy::Scheduler));
    assert_eq!(step.effects, []);
    let back = step.job.apply(suspended(300)).expect("an operator can halt it for good").job;
    assert_eq!(running(&back).suspended_by(), Some(SuspendedBy::Operator));
    assert_eq!(running(&back).elapsed(at(900)), Duration::from_secs(60));
}

#[test]
fn without_grace_a_job_makes_way_at_once() {
    let cancelled = after([started(), preempted(false, 0)]);
    assert_eq!(cancelled.effects, [CONT, TERM]);
    let over = cancelled.job.apply(ended(End::Process(Exit::Signal(15)))).expect("it ends").job;
    assert_eq!(outcome(&over), Some((Outcome::Preempted, Reason::None, Exit::Signal(15))));

    let back = after([started(), preempted(true, 0), ended(End::Process(Exit::Signal(15)))]);
    assert_eq!((back.job.is_pending(), back.job.restarts, back.job.eligible), (true, 1, at(300)));
    assert_eq!(
        back.closed.as_deref().and_then(outcome).map(|(outcome, ..)| outcome),
        Some(Outcome::Preempted)
    );
}

#[test]
fn a_grace_time_begins_with_a_warning_and_ends_the_job() {
    let told = after([started(), preempted(true, 60)]);
    let steps = |signal| Effect::Signal { signal, scope: WarningScope::Steps };
    assert_eq!(told.effects, [steps(18), steps(15)]);
    assert_eq!(running(&told.job).preemption, Some(Preemption { at: at(300), by: JobId(9), requeue: true }));
    assert!(told.job.apply(preempted(true, 60)).is_err(), "once is enough");
    assert!(told.job.apply(suspended(310)).is_err(), "its time must not stand still");
    let longer = Event::Updated { at: at(310), changes: vec![Change::TimeLimit(TimeLimit::Unlimited)] };
    let told = told.job.apply(longer).expect("it fits").job;
    assert_eq!(told.next_alarm(WAIT), Some(at(360)), "no new limit saves it");
    let ending = told.apply(told.alarm(at(360), WAIT).expect("its time is over")).expect("it fits");
    assert_eq!(ending.effects, [CONT, TERM]);
    let back = ending.job.apply(ended(End::Process(Exit::Signal(9)))).expect("it ends");
    assert!(back.job.is_pending());

    let mut own = job(1);
    Arc::make_mut(&mut own.spec).warning =
        Some(Warning { signal: 10, lead: 60, scope: WarningScope::Batch, flags: 0 });
    let told = own.apply(started()).expect("it starts").job.apply(preempted(false, 60)).expect("it is told");
    assert_eq!(told.effects[1], Effect::Signal { signal: 10, scope: WarningScope::Batch });
    assert!(running(&told.job).warned);
}

#[test]
fn what_ends_by_itself_in_its_grace_time_has_its_own_outcome() {
    let step = after([started(), preempted(true, 60), ended(End::Process(Exit::Code(0)))]);
    assert_eq!(outcome(&step.job), Some((Outcome::Completed, Reason::None, Exit::Code(0))));
}

#[test]
fn an_exit_code_can_put_a_job_back() {
    let left = |requeue| Event::Ended {
        at: at(300),
        end: End::Process(Exit::Code(3)),
        usage: Usage::default(),
        requeue: Some(requeue),
    };
    let again = after([started(), left(Requeue::default())]);
    assert_eq!(
        again.closed.as_deref().and_then(outcome),
        Some((Outcome::Requeued, Reason::None, Exit::Code(3)))
    );
    assert_eq!(again.job.next_alarm(WAIT), Some(at(420)), "not at once, or it would spin");

    let special = after([started(), left(Requeue { hold: Hold::User, put_back: PutBack::SpecialExit })]).job;
    let pending = |job: &Job| match &job.phase {
        Phase::Pending(pending) => pending.clone(),
        other => panic!("expected a waiting job, not {}", other.name()),
    };
    assert_eq!(
        (pending(&special).put_back, pending(&special).reason),
        (PutBack::SpecialExit, Reason::JobHeldUser)
    );
    let released = special.apply(Event::Released { at: at(400), priority: 1000 }).expect("it fits").job;
    assert_eq!((pending(&released).put_back, released.eligible), (PutBack::Plain, at(400)));

    let often = after([started(), left(Requeue { hold: Hold::Admin, put_back: PutBack::TooOften })]).job;
    assert_eq!(pending(&often).reason, Reason::JobHoldMaxRequeue);
}

#[test]
fn a_job_its_node_would_not_start_is_put_back_and_held_with_the_reason_in_words() {
    let why = Text::const_new("prolog: exit code 1");
    let step = after([started(), ended(End::LaunchFailed(why.clone()))]);
    let Phase::Pending(pending) = &step.job.phase else { panic!("it waits") };
    assert_eq!((pending.hold, pending.put_back, &pending.remark), (Hold::User, PutBack::LaunchFailed, &why));
    assert!(matches!(&step.closed.expect("an attempt").phase, Phase::Ended(ended) if ended.remark == why));

    let own = after([started(), ended(End::NotStarted(why.clone()))]).job;
    assert!(
        matches!(&own.phase, Phase::Ended(ended) if ended.remark == why && ended.exit == Exit::Signal(53))
    );
}

#[test]
fn cancelling_a_job_that_would_go_back_ends_it_for_good() {
    let step = after([
        started(),
        preempted(true, 0),
        Event::Cancelled { at: at(301), by: Uid(7), kill: false },
        ended(End::Process(Exit::Signal(15))),
    ]);
    assert_eq!(outcome(&step.job), Some((Outcome::Cancelled, Reason::None, Exit::Signal(15))));
}

#[test]
fn a_deadline_counts_from_the_last_moment_a_job_could_start() {
    let mut job = job(1);
    Arc::make_mut(&mut job.spec).deadline = Some(at(1000));
    assert_eq!(job.next_alarm(WAIT), Some(at(400)), "ten minutes before");
    Arc::make_mut(&mut job.spec).time_minimum = 5;
    assert_eq!(job.next_alarm(WAIT), Some(at(700)));
    let over = job.apply(job.alarm(at(700), WAIT).expect("due")).expect("it fits").job;
    assert_eq!(outcome(&over), Some((Outcome::Deadline, Reason::DeadLine, Exit::None)));

    let Event::Started { allocation, limit, boot, overtime, .. } = started() else { unreachable!() };
    let late = Event::Started { at: at(500), allocation, limit, boot, overtime, way_in: WayIn::InOrder };
    let run = job.apply(late).expect("it starts").job;
    assert_eq!(running(&run).shortened, Some(8), "whole minutes until its deadline");
    assert_eq!(run.next_alarm(WAIT), Some(at(980)), "it runs no longer than that");
    let ending = run.apply(run.alarm(at(980), WAIT).expect("due")).expect("it fits").job;
    let over = ending.apply(ended(End::Process(Exit::Signal(15)))).expect("it ends").job;
    assert_eq!(outcome(&over).map(|(outcome, ..)| outcome), Some(Outcome::Timeout), "as the original has it");
}

#[test]
fn a_limit_may_be_exceeded_by_the_overtime_allowed() {
    let Event::Started { at: begun, allocation, limit, boot, .. } = started() else { unreachable!() };
    let overtime = Duration::from_secs(120);
    let run =
        after([Event::Started { at: begun, allocation, limit, boot, overtime, way_in: WayIn::InOrder }]).job;
    assert_eq!(running(&run).until, at(800), "what is shown is the limit");
    assert_eq!(run.next_alarm(WAIT), Some(at(920)));
    assert_eq!(run.alarm(at(900), WAIT), None);
}

#[test]
fn a_limit_may_count_in_seconds_until_it_is_changed() {
    let mut waiting = job(1);
    {
        let spec = Arc::make_mut(&mut waiting.spec);
        spec.time_limit = TimeLimit::Minutes(10);
        spec.uncommon_mut().limit_seconds = Some(545);
    }
    let run = waiting.apply(started()).expect("it starts").job;
    assert_eq!(running(&run).until, at(745));
    let longer = Event::Updated { at: at(300), changes: vec![Change::TimeLimit(TimeLimit::Minutes(20))] };
    let run = run.apply(longer).expect("it fits").job;
    assert_eq!((running(&run).until, run.spec.uncommon().limit_seconds), (at(1400), None));
    // A limit that is not its own counts as it is.
    Arc::make_mut(&mut waiting.spec).time_limit = TimeLimit::Minutes(30);
    assert_eq!(running(&waiting.apply(started()).expect("it starts").job).until, at(800));
}

fn step_started(number: u32) -> Event {
    Event::StepStarted { step: Arc::new(JobStep { number, ..JobStep::default() }) }
}

fn step_ended(number: u32) -> Event {
    let usage = StepUsage::default();
    Event::StepEnded {
        number,
        end: StepEnd { at: at(250), outcome: Outcome::Completed, exit: Exit::Code(0), usage },
    }
}

#[test]
fn steps_begin_and_end_within_their_job() {
    let running = after([started(), step_started(0), step_started(1)]);
    assert_eq!(running.effects, [Effect::StartStep { number: 1 }]);
    let run = running.job.run().expect("it runs");
    assert_eq!((run.steps.next, run.steps.live.len()), (2, 2));
    let step = running.job.apply(step_ended(0)).expect("it lives");
    assert_eq!(step.effects, [Effect::ForgetStep { number: 0 }]);
    assert_eq!(step.steps.iter().map(|ended| ended.step.number).collect::<Vec<_>>(), [0]);
    assert_eq!(step.job.run().map(|run| (run.steps.next, run.steps.live.len())), Some((2, 1)));
    // Whatever lives ends with the job, and nothing of it is in the job's own history.
    let over = step.job.apply(ended(End::Vanished)).expect("it ends");
    let left: Vec<_> = over.steps.iter().map(|ended| (ended.step.number, ended.end.outcome)).collect();
    assert_eq!(left, [(1, Outcome::NodeFail)]);
    let closed = over.closed.expect("it goes back into the queue");
    assert_eq!(closed.run().map(|run| run.steps.live.len()), Some(0));
    assert!(job(1).apply(step_started(0)).is_err());
}

#[test]
fn an_allocation_with_steps_ends_with_the_last_of_them() {
    let mut alone = job(1);
    Arc::make_mut(&mut alone.spec).kind = JobKind::Allocation;
    let running = alone.apply(started()).expect("it starts");
    assert_eq!(running.effects, [Effect::Launch]);
    let cancelled = Event::Cancelled { at: at(260), by: Uid(0), kill: false };
    let released = running.job.apply(cancelled.clone()).expect("it ends at once");
    assert!(released.job.is_final());
    let busy = running.job.apply(step_started(0)).expect("a step begins");
    let ending = busy.job.apply(cancelled).expect("it is asked to end");
    assert!(matches!(ending.job.phase, Phase::Completing(_)));
    let last = ending.job.apply(step_ended(0)).expect("the step ends");
    assert_eq!(last.effects, [Effect::ForgetStep { number: 0 }, Effect::Kill]);
    let over = last.job.apply(ended(End::Process(Exit::Code(0)))).expect("the place is gone");
    assert_eq!(outcome(&over.job).map(|(outcome, ..)| outcome), Some(Outcome::Cancelled));
}

#[test]
fn an_allocation_is_complete_when_its_owner_says_so_or_its_program_stays_away() {
    let mut alone = job(1);
    Arc::make_mut(&mut alone.spec).kind = JobKind::Allocation;
    let running = alone.apply(started()).expect("it starts").job;
    let told = |job: &Job, exit| {
        outcome(&job.apply(Event::Finished { at: at(260), exit }).expect("it may be told").job)
    };
    let failed = |reason, exit| Some((Outcome::Failed, reason, exit));
    assert_eq!(told(&running, Exit::Code(0)), Some((Outcome::Completed, Reason::None, Exit::Code(0))));
    assert_eq!(told(&running, Exit::Code(3)), failed(Reason::NonZeroExitCode, Exit::Code(3)));
    assert_eq!(told(&running, Exit::Signal(15)), failed(Reason::RaisedSignal, Exit::Signal(15)));
    let without = |if_gone, back_until| {
        let attended = running.apply(Event::Attended { visit: 1, if_gone }).expect("it comes").job;
        assert_eq!(attended.next_alarm(WAIT), running.next_alarm(WAIT), "it may stay as long as it likes");
        attended.apply(Event::Left { back_until }).expect("it goes").job
    };
    let check = |if_gone, outcome_of, reason| {
        let left = without(if_gone, Some(at(210)));
        assert_eq!((left.next_alarm(WAIT), left.alarm(at(209), WAIT)), (Some(at(210)), None));
        let back = left.apply(Event::Attended { visit: 2, if_gone }).expect("it comes back").job;
        assert_eq!(back.next_alarm(WAIT), running.next_alarm(WAIT));
        let over = left.apply(left.alarm(at(210), WAIT).expect("due")).expect("it ends").job;
        assert_eq!(outcome(&over).map(|(outcome, reason, _)| (outcome, reason)), Some((outcome_of, reason)));
    };
    check(IfGone::Cancel, Outcome::Cancelled, Reason::None);
    check(IfGone::Expire, Outcome::Timeout, Reason::InactiveLimit);
    assert_eq!(without(IfGone::Expire, None).next_alarm(WAIT), running.next_alarm(WAIT));
}

#[test]
fn a_run_that_must_end_does_so_within_limit_and_overtime() {
    let Event::Started { at: begun, allocation, limit, boot, .. } = started() else { unreachable!() };
    for (overtime, by, until, ends) in
        [(0, 500, 500, 500), (0, 900, 800, 800), (120, 850, 800, 850), (120, 999, 800, 920)]
    {
        let (allocation, boot) = (Arc::clone(&allocation), boot.clone());
        let overtime = Duration::from_secs(overtime);
        let way_in = WayIn::InOrder;
        let run = Event::Started { at: begun, allocation, limit, boot, overtime, way_in };
        let run = after([run, Event::MustEnd { by: at(by) }]).job;
        assert_eq!((running(&run).until, run.next_alarm(WAIT)), (at(until), Some(at(ends))), "{by}");
    }
}
