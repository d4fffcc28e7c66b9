//! A job of accounting, whether it lives or is history.

use super::asked::asked;
use super::step;
use crate::slurm::to_wire::{exit_code, state, tres};
use domain::cluster::Cluster;
use domain::history::Amendment;
use domain::job::{ArrayPart, Exit, Job, JobSpec, Outcome, Phase};
use domain::ports::ClosedStep;
use domain::{Text, Timestamp};
use slurm_wire::accounting::job as wire;
use slurm_wire::accounting::tres::Tres;
use slurm_wire::job_info::ProcessExitCodeVerbose;
use slurm_wire::scalar::Checked;
use slurm_wire::series::Listed;
use slurm_wire::words::{AccountingJobFlag, JobState};
use slurm_wire::{Flags, NoVal};
use std::sync::Arc;
use std::time::Duration;

/// How long the list of an array's waiting tasks may become before it is cut.
const TASK_LIST: usize = 4096;
/// What the original shows as the start of a job that ended without one.
const NEVER: i64 = 4_294_967_294;

/// An attempt, and what is known beside its record.
pub(in crate::slurm) struct Seen<'a> {
    /// The attempt.
    pub(in crate::slurm) job: &'a Job,
    /// Names of its nodes, folded.
    pub(in crate::slurm) nodes: &'a Text,
    /// What was noted about it afterwards.
    pub(in crate::slurm) amendment: Option<&'a Amendment>,
    /// Steps of the job that have ended, of any attempt; `None` if no step is wanted.
    pub(in crate::slurm) steps: Option<&'a [ClosedStep]>,
    /// The name of whoever cancelled it.
    pub(in crate::slurm) cancelled_by: Text,
    /// Its script, or its environment, if that is wanted.
    pub(in crate::slurm) script: Text,
    /// When this is told.
    pub(in crate::slurm) now: Timestamp,
}

/// Describes attempts one after another: what neighbours asked alike is worked out once.
#[derive(Default)]
pub(in crate::slurm) struct Jobs {
    asked: Option<(Arc<JobSpec>, wire::Job)>,
}

impl Jobs {
    /// Describes the next attempt in the place of another, as the cluster is that all of them are of.
    pub(in crate::slurm) fn describe(&mut self, seen: &Seen<'_>, cluster: &Cluster, shown: &mut wire::Job) {
        let spec = &seen.job.spec;
        match &self.asked {
            Some((known, asked)) if Arc::ptr_eq(known, spec) || **known == **spec => shown.become_like(asked),
            _ => {
                let asked = asked(spec, cluster);
                shown.become_like(&asked);
                self.asked = Some((Arc::clone(spec), asked));
            }
        }
        add_course(shown, seen, cluster);
    }
}

/// Adds to what was asked for what has become of it.
fn add_course(shown: &mut wire::Job, seen: &Seen<'_>, cluster: &Cluster) {
    let job = seen.job;
    identity(shown, job);
    standing(shown, seen);
    streams(shown, seen);
    shown.time = times(seen);
    shown.script = seen.script.clone();
    shown.nodes = if seen.nodes.is_empty() { Text::const_new("None assigned") } else { seen.nodes.clone() };
    if let Some(run) = job.run() {
        let held = &run.allocation;
        shown.partition = held.partition.clone();
        if !held.reservation.is_empty() {
            shown.reservation.name = held.reservation.clone();
        }
        shown.used_gres = tres::used_gres(job, cluster);
        shown.allocation_nodes = u32::try_from(held.nodes.len()).unwrap_or(0);
        shown.tres.allocated = tres::allocated_list(held, cluster).into();
    }
    if let Phase::Ended(ended) = &job.phase
        && let Some(millijoules) = ended.usage.energy_mj
    {
        let joules = Checked(i64::try_from(millijoules / 1000).unwrap_or(i64::MAX));
        let energy = Tres { kind: Text::const_new("energy"), name: Text::default(), id: 3, count: joules };
        let place = shown.tres.allocated.partition_point(|one| one.id < 3);
        shown.tres.allocated.insert(place, energy);
    }
    if let Some(corrected) = seen.amendment.and_then(|amendment| amendment.allocated.as_ref()) {
        super::tres::correct(&mut shown.tres.allocated, corrected, cluster);
    }
    if let Some(steps) = seen.steps {
        step::add(&mut shown.steps, seen, steps, cluster);
    }
}

fn identity(shown: &mut wire::Job, job: &Job) {
    shown.job_id = job.id.0;
    match &job.array {
        None => {}
        Some(ArrayPart::Pool { waiting, throttle, .. }) => {
            shown.array.job_id = job.id.0;
            shown.array.limits.max.running.tasks = *throttle;
            shown.array.task = waiting.written(TASK_LIST).into();
        }
        Some(ArrayPart::Task { of, index, throttle, .. }) => {
            shown.array.job_id = of.0;
            shown.array.limits.max.running.tasks = *throttle;
            shown.array.task_id = NoVal::Set(index.0);
        }
    }
    if let Some(part) = job.het {
        shown.het.job_id = part.leader.0;
        shown.het.job_offset = NoVal::Set(part.offset);
    }
}

fn standing(shown: &mut wire::Job, seen: &Seen<'_>) {
    let job = seen.job;
    shown.priority = NoVal::Set(job.priority);
    shown.hold = job.priority == 0;
    shown.restart_cnt = job.restarts;
    shown.kill_request_user = seen.cancelled_by.clone();
    shown.state.current = words(job);
    // The original looks at a field that it fills for those alone that go back into the queue.
    shown.state.reason = Text::const_new(if is_put_back(job) { "BeginTime" } else { "None" });
    shown.exit_code = match &job.phase {
        // What was sent to a job from outside is no exit code of its own.
        Phase::Ended(ended) if is_put_back(job) && matches!(ended.exit, Exit::Signal(_)) => {
            ProcessExitCodeVerbose::exited(0)
        }
        Phase::Ended(ended) if !is_killed(ended.outcome) => exit_code::in_words(ended.exit),
        _ => ProcessExitCodeVerbose::exited(0),
    };
    shown.derived_exit_code = exit_code::derived_exit_code(job);
    let mut flags: Flags<AccountingJobFlag> = AccountingJobFlag::StartReceived.into();
    if let Some(run) = job.run() {
        flags.insert(match run.way_in {
            domain::job::WayIn::Submission => AccountingJobFlag::StartedOnSubmit,
            domain::job::WayIn::InOrder => AccountingJobFlag::StartedOnSchedule,
            domain::job::WayIn::Overtaking => AccountingJobFlag::StartedOnBackfill,
        });
    }
    if let Some(amendment) = seen.amendment {
        flags.insert(AccountingJobFlag::JobAltered);
        shown.comment.system = amendment.system_comment.clone().unwrap_or_default();
        if let Some(exit) = amendment.derived_exit {
            shown.derived_exit_code = exit_code::in_words(exit);
        }
    }
    if shown.comment.system.is_empty()
        && let Phase::Ended(ended) = &job.phase
    {
        shown.comment.system = ended.remark.clone();
    }
    shown.flags = flags;
}

/// Tells whether whoever ended so was killed by the service.
pub(super) fn is_killed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Cancelled | Outcome::Timeout | Outcome::Preempted | Outcome::Deadline)
}

/// Tells whether it is an attempt that went back into the queue.
fn is_put_back(job: &Job) -> bool {
    matches!(&job.phase, Phase::Ended(ended) if ended.outcome == Outcome::Requeued)
}

/// An attempt that was put back or made smaller is shown as waiting, too.
fn words(job: &Job) -> Flags<JobState> {
    match &job.phase {
        _ if is_put_back(job) => [JobState::Pending, JobState::Requeued].into(),
        Phase::Ended(ended) if ended.outcome == Outcome::Resized => {
            [JobState::Pending, JobState::Resizing].into()
        }
        // Flags beside a state are the controller's alone.
        Phase::Pending(_) => JobState::Pending.into(),
        Phase::Completing(_) => JobState::Running.into(),
        Phase::Running(run) if !run.is_suspended() => JobState::Running.into(),
        _ => state::words(job),
    }
}

fn times(seen: &Seen<'_>) -> wire::JobTime {
    let job = seen.job;
    let mut time = wire::JobTime { submission: job.submitted.seconds(), ..wire::JobTime::default() };
    let eligible = Some(job.eligible).filter(|at| *at != Timestamp::NEVER);
    time.eligible = eligible.map_or(0, Timestamp::seconds);
    time.limit = match job.run().and_then(|run| run.shortened).or(job.spec.time_limit.minutes()) {
        Some(minutes) => NoVal::Set(minutes),
        None => NoVal::Infinite,
    };
    let ended = match &job.phase {
        Phase::Ended(ended) => Some(ended),
        _ => None,
    };
    let until = ended.map_or(seen.now, |ended| ended.ended);
    time.end = ended.map_or(0, |ended| ended.ended.seconds());
    match job.run() {
        Some(run) => {
            time.start = run.started.seconds();
            // Whole seconds as seen from outside: end less start.
            let lasted = until.seconds().saturating_sub(run.started.seconds());
            let suspended = until.since(run.started).saturating_sub(run.elapsed(until));
            time.suspended = short(suspended.as_secs());
            time.elapsed = u32::try_from(lasted).unwrap_or(0).saturating_sub(time.suspended);
        }
        None if ended.is_some() => time.start = NEVER,
        None => {}
    }
    let waited_until = job.run().map_or(until, |run| run.started);
    let planned = eligible.map_or(0, |at| waited_until.seconds().saturating_sub(at.seconds()));
    time.planned = NoVal::Set(u64::try_from(planned).unwrap_or(0));
    if let Some(ended) = ended {
        let of_steps = seen.steps.map(|steps| step::own(seen, steps));
        let (mut user, mut system) = (ended.usage.user, ended.usage.system);
        // What the steps used is part of what the job used, unless nobody counted for the job.
        for step in of_steps.into_iter().flatten() {
            user = user.max(step.step.end.usage.user);
            system = system.max(step.step.end.usage.system);
        }
        let parts = |time: Duration| (whole(time.as_secs()), i64::from(time.subsec_micros()));
        (time.user.seconds, time.user.microseconds) = parts(user);
        (time.system.seconds, time.system.microseconds) = parts(system);
        (time.total.seconds, time.total.microseconds) = parts(user.saturating_add(system));
    }
    time
}

fn streams(shown: &mut wire::Job, seen: &Seen<'_>) {
    let (job, streams) = (seen.job, &seen.job.spec.streams);
    let node = first_node(seen.nodes);
    shown.stdout = Text::from(job.output_pattern());
    shown.stdin_expanded = job.stream_path(&streams.input, &node);
    shown.stdout_expanded = job.output_path(&node);
    shown.stderr_expanded = job.stream_path(&streams.error, &node);
}

/// Returns the first of folded names; empty if there is none.
pub(super) fn first_node(folded: &Text) -> Text {
    // Most attempts have one node.
    if folded.contains(['[', ',']) {
        domain::cluster::unfold(folded).into_iter().next().unwrap_or_default()
    } else {
        folded.clone()
    }
}

/// Returns how a script ended, in the domain's words; a killed one was signalled.
pub(super) fn script_exit(job: &Job) -> (Outcome, Exit) {
    match &job.phase {
        Phase::Ended(ended) => of_script(ended.outcome, ended.exit),
        _ => (Outcome::Completed, Exit::None),
    }
}

/// What became of the script is not what became of the job: one that was told to end may have ended by itself.
fn of_script(outcome: Outcome, exit: Exit) -> (Outcome, Exit) {
    let told_to_end = is_killed(outcome) || outcome == Outcome::Requeued;
    match exit {
        Exit::Signal(_) if told_to_end || outcome == Outcome::Failed => (Outcome::Cancelled, exit),
        Exit::None if told_to_end => (Outcome::Cancelled, Exit::Signal(15)),
        Exit::Code(0) if told_to_end => (Outcome::Completed, exit),
        Exit::Code(_) if told_to_end => (Outcome::Failed, exit),
        _ => (outcome, exit),
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slurm::pictures::{noon, picture};
    use domain::job::{EndedStep, JobStep, StepEnd, StepUsage};
    use slurm_wire::out::Out;
    use slurm_wire::series::Series;
    use slurm_wire::versions;

    fn step(job: &Job, number: u32, max_rss_kb: u64) -> ClosedStep {
        let usage = StepUsage { max_rss_kb, mean_rss_kb: max_rss_kb / 2, ..StepUsage::default() };
        let step = JobStep { number, name: "align".into(), started: noon(), tasks: 3, ..JobStep::default() };
        let end = StepEnd { at: noon(), outcome: Outcome::Failed, exit: Exit::Signal(9), usage };
        ClosedStep {
            job: job.id,
            submitted: job.submitted,
            attempt: job.restarts,
            nodes: "n[1-2]".into(),
            step: EndedStep { step: Arc::new(step), end },
        }
    }

    #[test]
    fn a_script_that_was_told_to_end_is_shown_as_it_ended() {
        for outcome in [Outcome::Cancelled, Outcome::Timeout, Outcome::Requeued] {
            let found = [Exit::Code(0), Exit::Code(3), Exit::Signal(9), Exit::None]
                .map(|exit| of_script(outcome, exit));
            let wanted = [
                (Outcome::Completed, Exit::Code(0)),
                (Outcome::Failed, Exit::Code(3)),
                (Outcome::Cancelled, Exit::Signal(9)),
                (Outcome::Cancelled, Exit::Signal(15)),
            ];
            assert_eq!(found, wanted, "{outcome:?}");
        }
        assert_eq!(of_script(Outcome::Failed, Exit::Signal(11)), (Outcome::Cancelled, Exit::Signal(11)));
        assert_eq!(of_script(Outcome::OutOfMemory, Exit::Signal(9)), (Outcome::OutOfMemory, Exit::Signal(9)));
    }

    #[test]
    fn attempts_of_a_list_are_written_as_each_of_them_is_alone() {
        let picture = picture(400);
        let mut has_steps = 0;
        for version in versions::ALL {
            let (mut jobs, mut series) = (Jobs::default(), Series::default());
            for (place, job) in picture.jobs.iter().enumerate() {
                let job = &job.recorded();
                let steps: Vec<ClosedStep> = (0..place as u32 % 3)
                    .map(|number| step(job, number, u64::from(number) * 4_096))
                    .collect();
                let noted = Amendment { comment: Some("seen".into()), ..Amendment::default() };
                let seen = Seen {
                    job,
                    nodes: &job
                        .run()
                        .map(|run| picture.cluster.fold_nodes(&run.allocation))
                        .unwrap_or_default(),
                    amendment: Some(&noted).filter(|_| place % 5 == 0),
                    steps: Some(steps.as_slice()).filter(|_| place % 7 > 0),
                    cancelled_by: Text::from(if place % 4 == 0 { "root" } else { "" }),
                    script: Text::default(),
                    now: noon(),
                };
                let mut out = Out::new(version);
                jobs.describe(&seen, &picture.cluster, series.vacant());
                series.write(&mut out);
                let mut alone = wire::Job::default();
                Jobs::default().describe(&seen, &picture.cluster, &mut alone);
                has_steps += alone.steps.len();
                let alone = String::from_utf8(slurm_wire::to_json_in(version, &alone)).unwrap();
                assert_eq!(String::from_utf8(out.into_bytes()).unwrap(), alone, "job {}", job.id);
            }
        }
        assert!(has_steps > 0);
    }
}
