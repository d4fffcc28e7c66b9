//! `GET job/{job_id}/requeue` and `POST jobs/requeue` of v0.0.45: putting jobs back into the queue.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::error;
use crate::slurm::from_wire::{PathJob, named, path_job, targets};
use crate::slurm::to_wire;
use domain::service::{Action, Handled, Selection};
use domain::who::Principal;
use domain::{Error, JobId};
use slurm_wire::error_number as number;
use slurm_wire::job_change::JobArrayResponseMsgEntry;
use slurm_wire::job_ids::SelectedStep;
use slurm_wire::requeue::{JobRequeueQuery, JobRequeueResp, JobsRequeueQuery, JobsRequeueResp};
use slurm_wire::words::RequeueFlag;

const ONE: &str = "op_handler_job_requeue";
const MANY: &str = "op_handler_jobs_requeue";

/// How jobs are put back.
#[derive(Clone, Copy)]
struct Manner {
    action: Action,
    /// Those that have ended stay as they are.
    only_incomplete: bool,
}

/// What became of a job: nothing is said of success, an array tells of all its records if one is refused.
enum Outcome {
    Done,
    Refused(Error),
    Array(Vec<JobArrayResponseMsgEntry>),
}

/// Puts a job, an array or a task back into the queue.
pub(super) async fn requeue_one(mut call: Call<'_>) -> Answer {
    let wanted = match path_job(call.parameter) {
        PathJob::Job(job) => job,
        PathJob::TooLarge(id) => {
            call.report.error(number::JOB_ID, format!("Invalid JobID={id} rejected"), ONE);
            return call.fail();
        }
        PathJob::Unreadable => {
            let why = "Rejecting request. Failure parsing parameters";
            call.report.error(number::INVALID_QUERY, why, ONE);
            return call.fail();
        }
    };
    let Some(query) = call.read::<JobRequeueQuery>() else {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query", ONE);
        return call.fail();
    };
    let (hold, special) = (query.hold.unwrap_or(false), query.special_exit.unwrap_or(false));
    let Some(manner) = manner(&mut call, hold, special, query.incomplete.unwrap_or(false), ONE) else {
        return call.fail();
    };
    let failed = format!("Requeue JobID={wanted} failed");
    let Some(by) = call.trusted(&failed, ONE) else { return call.answer(JobRequeueResp::default()) };
    let status = match requeue(&call, &by, wanted, manner).await {
        Outcome::Done => Vec::new(),
        Outcome::Array(records) => records,
        Outcome::Refused(why) => {
            note(&mut call, &why, &failed, ONE);
            Vec::new()
        }
    };
    call.answer(JobRequeueResp { status: status.into(), ..JobRequeueResp::default() })
}

/// Puts jobs back into the queue, each for itself.
pub(super) async fn requeue_many(mut call: Call<'_>) -> Answer {
    let request = call.read::<JobsRequeueQuery>();
    let largest = call.site.jobs.snapshot().cluster.limits.max_array_size;
    let named = request.as_ref().and_then(|request| {
        let jobs = request.jobs.as_ref().map(|jobs| jobs.0.as_slice()).unwrap_or_default();
        named(jobs.iter().map(|job| job.as_str()), largest).ok()
    });
    let (Some(request), Some(named)) = (request, named) else {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query", MANY);
        return call.fail_with(hyper::StatusCode::UNPROCESSABLE_ENTITY);
    };
    if named.is_empty() {
        call.report.error(number::JOB_ID, "Query missing JobIds", MANY);
        return call.fail();
    }
    let flags = request.flags.unwrap_or_default();
    let (hold, special) = (flags.contains(RequeueFlag::Hold), flags.contains(RequeueFlag::SpecialExit));
    let only_incomplete = flags.contains(RequeueFlag::Incomplete);
    let Some(manner) = manner(&mut call, hold, special, only_incomplete, MANY) else { return call.fail() };
    let Some(by) = call.trusted("Requeue failed", MANY) else {
        return call.answer(JobsRequeueResp::default());
    };
    let mut status = Vec::new();
    for job in named {
        let failed = format!("Requeue JobId={job} failed");
        match requeue(&call, &by, job, manner).await {
            Outcome::Done => {}
            Outcome::Array(records) => status.push(records.into()),
            Outcome::Refused(why) => note(&mut call, &why, &failed, MANY),
        }
    }
    call.answer(JobsRequeueResp { status: status.into(), ..JobsRequeueResp::default() })
}

fn manner(
    call: &mut Call<'_>,
    hold: bool,
    special: bool,
    only_incomplete: bool,
    source: &'static str,
) -> Option<Manner> {
    if special && !hold {
        call.report.error(number::REQUIREMENTS, "SpecialExit requires Hold mode", source);
        return None;
    }
    Some(Manner { action: Action::Requeue { hold, special }, only_incomplete })
}

async fn requeue(call: &Call<'_>, by: &Principal, job: SelectedStep, manner: Manner) -> Outcome {
    let jobs = &call.site.jobs;
    let snapshot = jobs.snapshot();
    let records = snapshot.records(JobId(job.job_id));
    let is_array = records.iter().any(|record| record.array.is_some());
    let incomplete = records.iter().filter(|record| !record.is_final());
    let named: Vec<SelectedStep> = match manner.only_incomplete {
        true if job.tasks.is_none() && is_array => incomplete
            .map(|record| SelectedStep { job_id: record.id.0, tasks: None, component: None, step: None })
            .collect(),
        _ => vec![SelectedStep { step: None, ..job }],
    };
    let selection = Selection { targets: targets(&named), ..Selection::default() };
    let handled = match jobs.act(by, selection, manner.action).await {
        Ok(handled) => handled,
        Err(why) => return Outcome::Refused(why),
    };
    let refused = handled.iter().find_map(|handled| handled.result.as_ref().err());
    match refused {
        None => Outcome::Done,
        Some(_) if is_array => {
            let array = snapshot.records(JobId(job.job_id));
            let shown = |handled: &Handled| entry(handled, &array, &snapshot);
            Outcome::Array(handled.iter().map(shown).collect())
        }
        Some(why) => Outcome::Refused(why.clone()),
    }
}

fn entry(
    handled: &Handled,
    records: &[std::sync::Arc<domain::job::Job>],
    snapshot: &domain::state::Snapshot,
) -> JobArrayResponseMsgEntry {
    let number = handled.result.as_ref().err().map_or(number::NONE, error::requeue_number);
    let job = handled.job.map_or(0, |job| job.0);
    let waiting =
        records.iter().find(|record| record.id.0 == job).map(|record| to_wire::job(record, snapshot));
    let step_id = match (handled.task, waiting) {
        (Some(task), _) => format!("{job}_{}", task.0),
        (None, _) if let Some(tasks) = &handled.tasks => format!("{job}_[{}]", tasks.written(4096)),
        (None, Some(shown)) if !shown.array_task_string.is_empty() => {
            format!("{job}_[{}]", shown.array_task_string)
        }
        (None, _) => job.to_string(),
    };
    JobArrayResponseMsgEntry {
        job_id: job,
        step_id: step_id.into(),
        error: error::text(number).into(),
        error_code: u32::try_from(number).unwrap_or(u32::MAX),
        why: String::new().into(),
    }
}

fn note(call: &mut Call<'_>, why: &Error, description: &str, source: &'static str) {
    call.numbered(error::requeue_number(why), description, source);
}
