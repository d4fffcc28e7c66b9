//! `POST job/allocate`: the answer comes when the allocation has started.

use super::submit::{refuse_components, refused};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, Refusal, Wanted};
use domain::job::JobKind;
use hyper::StatusCode;
use slurm_wire::error_number as number;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::submit::{JobAllocReq, JobAllocResp};

const FAILED: &str = "Job allocation request failed";
const SOURCE: &str = "slurm_allocate_resources_blocking()";
const HANDLER: &str = "op_handler_alloc_job";
/// `EAGAIN`, which the original gives for an empty list of components here.
const TRY_AGAIN: i32 = 11;

/// Allocates resources. A caller who goes away before the answer gives the allocation up.
pub(super) async fn allocate(mut call: Call<'_>) -> Answer {
    let Some(request) = call.read::<JobAllocReq>() else {
        // What cannot be read is always the server's fault here, even where no error says why.
        return call.fail_with(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let Some(job) = single_job(&mut call, request) else { return call.fail() };
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.fail() };
    let site = call.site;
    let directory = site.jobs.directory();
    let wanted =
        Wanted { by: &by, kind: JobKind::Allocation, script: "", now: call.now, directory: &**directory };
    let submission = match from_wire::submission(&wanted, &job) {
        Ok(submission) => submission,
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    match site.jobs.allocate(&by, submission).await {
        Ok(submitted) => call.answer(JobAllocResp { job_id: submitted.id.0, ..JobAllocResp::default() }),
        Err(error) => refused(call, Refusal::Problem(error), FAILED, SOURCE),
    }
}

fn single_job(call: &mut Call<'_>, request: JobAllocReq) -> Option<JobDescMsg> {
    let why = match (request.job, request.hetjob) {
        (Some(job), None) => return Some(job),
        (None, Some(components)) => {
            let is_empty = components.is_empty();
            refuse_components(call, is_empty, FAILED, "_job_post_het_allocate", TRY_AGAIN);
            return None;
        }
        (Some(_), Some(_)) => "Specify only one \"job\" or \"hetjob\" fields but never both",
        (None, None) => "Specifying either \"job\" or \"hetjob\" fields are required to allocate job",
    };
    call.report.error(number::INVALID_QUERY, why, HANDLER);
    None
}
