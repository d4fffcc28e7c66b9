//! Where a job stands, in Slurm's words: one base state, then whatever else holds.

use domain::JobId;
use domain::job::{ArrayPart, Completing, Job, Outcome, Phase, PutBack, Reason};
use domain::state::Snapshot;
use slurm_wire::job_ids::SelectedStep;
use slurm_wire::states::JobStateEntry;
use slurm_wire::words::JobState;
use slurm_wire::{Flags, NoVal};
use std::sync::Arc;

/// Returns the words for a job's state.
pub(super) fn words(job: &Job) -> Flags<JobState> {
    match &job.phase {
        Phase::Pending(pending) if pending.put_back == PutBack::SpecialExit => {
            [JobState::Pending, JobState::SpecialExit].into()
        }
        Phase::Pending(pending) if pending.put_back == PutBack::ReservationGone => {
            [JobState::Pending, JobState::ResvDelHold].into()
        }
        Phase::Pending(_) => JobState::Pending.into(),
        Phase::Running(run) if run.is_suspended() => JobState::Suspended.into(),
        Phase::Running(run) if run.stopped => [JobState::Running, JobState::Stopped].into(),
        Phase::Running(_) => JobState::Running.into(),
        Phase::Completing(completing) if completing.requeue.is_some() => returning(completing),
        Phase::Completing(completing) => [outcome(completing.outcome), JobState::Completing].into(),
        Phase::Ended(ended) => outcome(ended.outcome).into(),
    }
}

/// Words for a job that goes back into the queue when its processes are gone: it is shown as one that waits already.
fn returning(completing: &Completing) -> Flags<JobState> {
    match completing.put_back {
        PutBack::SpecialExit => [JobState::Pending, JobState::Completing, JobState::SpecialExit].into(),
        PutBack::Held => [JobState::Pending, JobState::Completing, JobState::RequeueHold].into(),
        PutBack::Plain | PutBack::LaunchFailed | PutBack::TooOften | PutBack::ReservationGone => {
            [JobState::Pending, JobState::Completing].into()
        }
    }
}

/// Returns the word for how a job or a step ended.
pub(super) fn outcome(outcome: Outcome) -> JobState {
    match outcome {
        Outcome::Completed => JobState::Completed,
        Outcome::Failed => JobState::Failed,
        Outcome::Cancelled => JobState::Cancelled,
        Outcome::Timeout => JobState::Timeout,
        Outcome::NodeFail => JobState::NodeFail,
        Outcome::OutOfMemory => JobState::OutOfMemory,
        Outcome::Deadline => JobState::Deadline,
        Outcome::Preempted => JobState::Preempted,
        Outcome::Requeued => JobState::Requeued,
        Outcome::Resized => JobState::Resizing,
    }
}

/// Returns why it is so.
pub(super) fn reason(job: &Job) -> Reason {
    match &job.phase {
        Phase::Pending(pending) => pending.reason,
        Phase::Running(_) => Reason::None,
        Phase::Completing(completing) => completing.reason,
        Phase::Ended(ended) => ended.reason,
    }
}

/// Makes the entries of `jobs/state` for one record; an array whose tasks wait together has one for each task.
pub(in crate::slurm) fn job_states(job: &Job, mut each: impl FnMut(JobStateEntry)) {
    let state = words(job);
    let mut entry = |of: u32, index: NoVal<u32>| {
        each(JobStateEntry {
            job_id: job.id.0,
            array_job_id: NoVal::Set(of),
            array_task_id: index,
            job_state: state.clone(),
            state: state.clone(),
        });
    };
    match &job.array {
        None => entry(0, NoVal::Unset),
        Some(ArrayPart::Task { of, index, .. }) => entry(of.0, NoVal::Set(index.0)),
        Some(ArrayPart::Pool { waiting, .. }) => {
            waiting.iter().for_each(|index| entry(job.id.0, NoVal::Set(index.0)));
        }
    }
}

/// Makes the entries for what a query names.
pub(in crate::slurm) fn selected_states(snapshot: &Snapshot, wanted: &SelectedStep) -> Vec<JobStateEntry> {
    let mut entries = Vec::new();
    let records: Vec<Arc<Job>> = snapshot.records(JobId(wanted.job_id));
    let is_meant = |job: &&Arc<Job>| {
        wanted.component.is_none_or(|component| job.het.is_some_and(|part| part.offset == component))
    };
    for job in records.iter().filter(is_meant) {
        job_states(job, |entry| entries.push(entry));
    }
    if let Some(task) = wanted.task() {
        entries.retain(|entry| entry.array_task_id == NoVal::Set(task));
    }
    entries
}
