//! `POST job/{job_id}`.

use super::job::path;
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::error;
use crate::slurm::from_wire::{self, Refusal};
use crate::slurm::to_wire;
use domain::job::Job;
use domain::service::{Handled, Update};
use domain::{Error, JobId, Problem};
use slurm_wire::error_number as number;
use slurm_wire::job_change::{JobArrayResponseMsgEntry, JobPostResponse};
use slurm_wire::job_desc::JobDescMsg;
use std::sync::Arc;

const FAILED: &str = "Job update requested failed";
const SOURCE: &str = "slurm_update_job2()";
const HANDLER: &str = "_job_post_update";

/// Changes a waiting or running job, or all records of an array.
pub(super) async fn update(mut call: Call<'_>) -> Answer {
    let Some(wanted) = path(&mut call) else { return call.fail() };
    if wanted.tasks.is_some() {
        let why = "Rejecting request. Submit job update against Array Job's JobID instead of array task id.";
        call.report.error(number::INVALID_QUERY, why, HANDLER);
        return call.answer(JobPostResponse::default());
    }
    if wanted.step.is_some() {
        let remark = "Job step information ignored. Job update requests apply to whole job and can not be \
                      targeted to specific steps.";
        call.report.warn(remark, HANDLER);
    }
    let Some(request) = call.read::<JobDescMsg>() else {
        let why = "Rejecting request. Failure parsing job update request.";
        call.report.error(number::INVALID_QUERY, why, HANDLER);
        return call.answer(JobPostResponse::default());
    };
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.answer(JobPostResponse::default()) };
    let site = call.site;
    let records = site.jobs.records(JobId(wanted.job_id));
    // The original takes the leader, whichever component is named; what is meant is that one.
    let first = match wanted.component {
        None => records.first(),
        Some(number) => records.iter().find(|job| job.het.is_some_and(|part| part.offset == number)),
    };
    let id = match (wanted.component, first) {
        (Some(_), Some(job)) => job.id,
        _ => JobId(wanted.job_id),
    };
    let outcome = match first {
        None => Err(Refusal::from(Problem::UnknownJob(id))),
        Some(job) => from_wire::update(&request, &by, job, call.now),
    };
    let outcome = match outcome {
        Ok(update) => site.jobs.update(&by, id, update).await.map_err(Refusal::Problem),
        // Of a job that nobody could change, or not this caller, that is what is told.
        Err(refusal) if is_for_nobody(&refusal) => Err(refusal),
        Err(refusal) => match site.jobs.update(&by, id, Update::default()).await {
            Ok(_) => Err(refusal),
            Err(error) => Err(Refusal::Problem(error)),
        },
    };
    match outcome {
        Ok(handled) => done(call, &records, &handled),
        Err(refusal) => {
            call.refuse(&refusal, FAILED, SOURCE);
            call.answer(JobPostResponse::default())
        }
    }
}

/// Tells whether something is asked for that cannot be, whatever the job does.
fn is_for_nobody(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::Problem(Error::Invalid(Problem::Unsupported(_)) | Error::Forbidden(Problem::NotThatUser(_)))
    )
}

/// Of several records each is listed if one could not be changed.
fn done(call: Call<'_>, records: &[Arc<Job>], handled: &[Handled]) -> Answer {
    let failed = handled.iter().any(|handled| handled.result.is_err());
    let record = |handled: &Handled| records.iter().find(|job| Some(job.id) == handled.job);
    let told = |handled: &Handled| result(handled, record(handled).map(|job| &**job));
    let results = failed.then(|| handled.iter().map(told).collect());
    call.answer(JobPostResponse { results, ..JobPostResponse::default() })
}

fn result(handled: &Handled, record: Option<&Job>) -> JobArrayResponseMsgEntry {
    let number = handled.result.as_ref().err().map_or(number::NONE, error::number);
    let job = handled.job.map_or(0, |job| job.0);
    JobArrayResponseMsgEntry {
        job_id: job,
        step_id: to_wire::written_name(handled, record).unwrap_or_else(|| job.to_string()).into(),
        error: error::text(number).into(),
        error_code: u32::try_from(number).unwrap_or(u32::MAX),
        why: String::new().into(),
    }
}
