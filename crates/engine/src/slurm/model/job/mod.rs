//! A job as the controller tells it → a job of the domain: here where it stands, in `asked` what was asked for, in
//! `allocation` what it has.

mod allocation;
mod asked;

use domain::cluster::Cluster;
use domain::job::{
    ArrayPart, Completing, Dependency, Ended, Exit, HetPart, Hold, Job, Outcome, Pause, Pending, Phase,
    PutBack, Reason, Running, SuspendedBy, TaskSet, Usage,
};
use domain::{JobId, NodeIndex, TaskIndex, Text, Timestamp};
use slurm_wire::job_info::{JobInfo, ProcessExitCodeVerbose};
use slurm_wire::words::{JobState, ProcessStatus};
use slurm_wire::{Flags, NoVal};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Reads jobs of a cluster.
pub(super) struct Reader<'a> {
    pub(super) cluster: &'a Cluster,
    places: HashMap<&'a str, NodeIndex>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Reader { cluster, places: cluster.node_places() }
    }

    /// Reads a job; `None` for one without a number.
    pub(super) fn told(&self, info: &JobInfo) -> Option<Job> {
        let reason = reason(&info.state_reason);
        Some(Job {
            id: Some(JobId(info.job_id)).filter(|id| (1..=JobId::MAX.0).contains(&id.0))?,
            spec: Arc::new(asked::spec(info, reason)),
            array: array(info),
            het: het(info),
            submitted: time(info.submit_time).unwrap_or(Timestamp::EPOCH),
            eligible: eligible(info, reason),
            priority: info.priority.unwrap_or(0),
            dependency: dependency(&info.dependency),
            restarts: info.restart_cnt,
            has_failed_siblings: false,
            phase: self.phase(info, reason),
        })
    }

    fn phase(&self, info: &JobInfo, reason: Reason) -> Phase {
        let state = &info.job_state;
        let has = |word| state.contains(word);
        let ended = outcome(state);
        if has(JobState::Pending) || state.is_empty() {
            return match (has(JobState::Completing), self.run(info)) {
                (true, Some(run)) => {
                    let requeue = Some(hold(info, reason));
                    completing(info, run, (Outcome::Requeued, reason), (requeue, put_back(state)))
                }
                _ => Phase::Pending(self.pending(info, reason)),
            };
        }
        match (ended, self.run(info)) {
            (Some(outcome), Some(run)) if has(JobState::Completing) => {
                completing(info, run, (outcome, reason), (None, PutBack::Plain))
            }
            (Some(outcome), run) => Phase::Ended(Box::new(Ended {
                outcome,
                reason,
                ended: time(info.end_time).unwrap_or(Timestamp::EPOCH),
                exit: exit(&info.exit_code),
                usage: Usage::default(),
                cancelled_by: None,
                run,
                remark: info.state_description.clone(),
            })),
            (None, Some(run)) => Phase::Running(Box::new(run)),
            (None, None) => Phase::Pending(self.pending(info, reason)),
        }
    }

    fn pending(&self, info: &JobInfo, reason: Reason) -> Pending {
        Pending {
            reason,
            hold: hold(info, reason),
            retry_after: None,
            expected_start: time(info.start_time).filter(|_| reason != Reason::BeginTime),
            put_back: put_back(&info.job_state),
            remark: info.state_description.clone(),
        }
    }

    /// Returns the run that a job has or had; `None` if it has never got anything.
    fn run(&self, info: &JobInfo) -> Option<Running> {
        let started = time(info.start_time).filter(|_| !info.nodes.is_empty())?;
        let until = match info.time_limit {
            NoVal::Infinite => Timestamp::NEVER,
            _ => time(info.end_time).unwrap_or(Timestamp::NEVER),
        };
        let allocation = Arc::new(self.allocation(info));
        let state = &info.job_state;
        let suspended = state.contains(JobState::Suspended);
        let changed = time(info.suspend_time);
        let pause = changed.map(|changed| Pause {
            changed,
            ran: Duration::from_secs(info.pre_sus_time.unwrap_or(0)),
            by: suspended.then_some(SuspendedBy::Operator),
        });
        let mut run = Running::new(started, allocation, until, Text::default());
        run.pause = pause;
        run.stopped = state.contains(JobState::Stopped);
        run.derived = exit(&info.derived_exit_code);
        Some(run)
    }
}

fn completing(
    info: &JobInfo,
    mut run: Running,
    (outcome, reason): (Outcome, Reason),
    (requeue, put_back): (Option<Hold>, PutBack),
) -> Phase {
    run.told = exit(&info.exit_code);
    Phase::Completing(Box::new(Completing {
        since: time(info.end_time).unwrap_or(run.started),
        run,
        outcome,
        reason,
        killed: false,
        cancelled_by: None,
        requeue,
        put_back,
    }))
}

/// Returns how a job ended, if it has.
pub(super) fn outcome(state: &Flags<JobState>) -> Option<Outcome> {
    const WORDS: [(JobState, Outcome); 12] = [
        (JobState::Completed, Outcome::Completed),
        (JobState::Cancelled, Outcome::Cancelled),
        (JobState::Failed, Outcome::Failed),
        (JobState::Timeout, Outcome::Timeout),
        (JobState::NodeFail, Outcome::NodeFail),
        (JobState::Preempted, Outcome::Preempted),
        (JobState::BootFail, Outcome::Failed),
        (JobState::LaunchFailed, Outcome::Failed),
        (JobState::Deadline, Outcome::Deadline),
        (JobState::OutOfMemory, Outcome::OutOfMemory),
        (JobState::Revoked, Outcome::Cancelled),
        (JobState::Requeued, Outcome::Requeued),
    ];
    let is_live = [JobState::Pending, JobState::Running, JobState::Suspended];
    if is_live.into_iter().any(|word| state.contains(word)) {
        return None;
    }
    WORDS.into_iter().find(|(word, _)| state.contains(*word)).map(|(_, outcome)| outcome)
}

fn put_back(state: &Flags<JobState>) -> PutBack {
    if state.contains(JobState::SpecialExit) {
        PutBack::SpecialExit
    } else if state.contains(JobState::RequeueHold) {
        PutBack::Held
    } else if state.contains(JobState::ResvDelHold) {
        PutBack::ReservationGone
    } else {
        PutBack::Plain
    }
}

fn hold(info: &JobInfo, reason: Reason) -> Hold {
    match reason {
        Reason::JobHeldAdmin => Hold::Admin,
        Reason::JobHeldUser => Hold::User,
        _ if info.hold => Hold::User,
        _ => Hold::None,
    }
}

/// Returns the reason of that name; one that is not known is none.
pub(super) fn reason(name: &str) -> Reason {
    Reason::ALL.iter().copied().find(|reason| reason.name() == name).unwrap_or_default()
}

/// Returns what a process left.
pub(super) fn exit(code: &ProcessExitCodeVerbose) -> Exit {
    let is_signal =
        code.status.contains(ProcessStatus::Signaled) || code.status.contains(ProcessStatus::CoreDumped);
    match (code.signal.id.number().filter(|id| *id > 0), code.return_code.number()) {
        (Some(signal), _) if is_signal => Exit::Signal(u8::try_from(signal).unwrap_or(u8::MAX)),
        (_, Some(code)) => Exit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
        _ => Exit::None,
    }
}

/// Returns a time; zero is none.
pub(super) fn time(seconds: NoVal<u64>) -> Option<Timestamp> {
    let seconds = seconds.number().filter(|seconds| *seconds > 0)?;
    i64::try_from(seconds).ok().map(Timestamp::from_seconds)
}

fn eligible(info: &JobInfo, reason: Reason) -> Timestamp {
    let waits = [Reason::Dependency, Reason::DependencyNeverSatisfied, Reason::BeginTime].contains(&reason);
    let is_held = info.job_state.contains(JobState::Pending) && (hold(info, reason) != Hold::None || waits);
    match is_held {
        true => Timestamp::NEVER,
        false => time(info.eligible_time).or(time(info.submit_time)).unwrap_or(Timestamp::NEVER),
    }
}

/// Reads a dependency without what is said of how far it is met.
fn dependency(shown: &str) -> Option<Box<Dependency>> {
    let mut written = String::with_capacity(shown.len());
    let mut depth = 0_usize;
    for letter in shown.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            letter if depth == 0 => written.push(letter),
            _ => {}
        }
    }
    Dependency::parse(&written).ok().flatten().map(Box::new)
}

fn array(info: &JobInfo) -> Option<ArrayPart> {
    let of = info.array_job_id.number().filter(|id| *id > 0).map(JobId)?;
    let throttle = info.array_max_tasks.unwrap_or(0);
    if let Some(index) = info.array_task_id.number() {
        return Some(ArrayPart::Task { of, index: TaskIndex(index), throttle, size: 1 });
    }
    let waiting = tasks(&info.array_task_string)?;
    let size = waiting.len();
    Some(ArrayPart::Pool { waiting, throttle, size })
}

/// Reads the tasks of an array that wait; a list that was cut tells those that it names.
pub(super) fn tasks(written: &str) -> Option<TaskSet> {
    let list = written.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    let list = match list.strip_suffix("...") {
        Some(cut) => cut.rsplit_once(',').map_or("", |(whole, _)| whole),
        None => list,
    };
    TaskSet::parse(list, u32::MAX).map(|(tasks, _)| tasks)
}

fn het(info: &JobInfo) -> Option<HetPart> {
    let leader = info.het_job_id.number().filter(|id| *id > 0).map(JobId)?;
    let count = |part: &str| match part.split_once('-') {
        Some((first, last)) => {
            Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.saturating_add(1))
        }
        None => part.parse::<u32>().ok().map(|_| 1),
    };
    let size = info.het_job_id_set.split(',').filter_map(count).fold(0, u32::saturating_add).max(1);
    Some(HetPart { leader, offset: info.het_job_offset.unwrap_or(0), size })
}

/// Reads names between commas.
pub(super) fn names(list: &str) -> Vec<Text> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Text::from).collect()
}
