//! `POST job/allocate`: the answer comes when the allocation has started.

use super::submit::{MOST_COMPONENTS, NO_COMPONENTS, TOO_MANY_COMPONENTS, refused};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, Refusal, Wanted};
use crate::slurm::once::{self, Known};
use crate::slurm::test_only;
use domain::Error;
use domain::job::JobKind;
use domain::service::{Submission, Submitted};
use domain::who::Principal;
use hyper::StatusCode;
use slurm_wire::error_number as number;
use slurm_wire::job_desc::{JobDescMsg, JobDescMsgList};
use slurm_wire::submit::{JobAllocReq, JobAllocResp};

const FAILED: &str = "Job allocation request failed";
const SOURCE: &str = "slurm_allocate_resources_blocking()";
const HET_SOURCE: &str = "slurm_allocate_het_job_blocking()";
const HANDLER: &str = "op_handler_alloc_job";

/// What a request asks for.
enum Wish {
    /// One allocation.
    Job(Box<JobDescMsg>),
    /// Several that start together.
    Components(JobDescMsgList),
}

/// Allocates resources. A caller who goes away before the answer gives the allocation up.
pub(super) async fn allocate(mut call: Call<'_>) -> Answer {
    let Some(request) = call.read::<JobAllocReq>() else {
        // What cannot be read is always the server's fault here, even where no error says why.
        return call.fail_with(StatusCode::INTERNAL_SERVER_ERROR);
    };
    match wish(&mut call, request) {
        None => call.fail(),
        Some(Wish::Job(job)) => allocate_job(call, &job).await,
        Some(Wish::Components(jobs)) => allocate_components(call, &jobs).await,
    }
}

async fn allocate_job(mut call: Call<'_>, job: &JobDescMsg) -> Answer {
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.fail() };
    let site = call.site;
    let client_key = match once::known(&call, &by) {
        Ok(Known::New(key)) => key,
        Ok(Known::Before(submitted)) => {
            let allocated = site.jobs.allocated(&by, submitted).await;
            return answered(call, allocated, SOURCE);
        }
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    let submission = match read(&call, &by, job) {
        Ok(submission) => Submission { client_key, ..submission },
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    if call.is_question {
        let told = test_only::ask(&call, &by, vec![submission]).await;
        return foreseen(call, told, SOURCE);
    }
    let allocated = site.jobs.allocate(&by, submission).await;
    answered(call, allocated, SOURCE)
}

async fn allocate_components(mut call: Call<'_>, jobs: &[JobDescMsg]) -> Answer {
    let Some(by) = call.trusted(FAILED, HET_SOURCE) else { return call.fail() };
    let site = call.site;
    let client_key = match once::known(&call, &by) {
        Ok(Known::New(key)) => key,
        Ok(Known::Before(submitted)) => {
            let allocated = site.jobs.allocated(&by, submitted).await;
            return answered(call, allocated, HET_SOURCE);
        }
        Err(refusal) => return refused(call, refusal, FAILED, HET_SOURCE),
    };
    let mut submissions = match jobs.iter().map(|job| read(&call, &by, job)).collect::<Result<Vec<_>, _>>() {
        Ok(submissions) => submissions,
        Err(refusal) => return refused(call, refusal, FAILED, HET_SOURCE),
    };
    if let Some(leader) = submissions.first_mut() {
        leader.client_key = client_key;
    }
    if call.is_question {
        let told = test_only::ask(&call, &by, submissions).await;
        return foreseen(call, told, HET_SOURCE);
    }
    let allocated = site.jobs.allocate_components(&by, submissions).await;
    answered(call, allocated, HET_SOURCE)
}

fn read(call: &Call<'_>, by: &Principal, job: &JobDescMsg) -> Result<Submission, Refusal> {
    let directory = call.site.jobs.directory();
    let wanted = Wanted { by, kind: JobKind::Allocation, script: "", now: call.now, directory: &**directory };
    from_wire::submission(&wanted, job)
}

fn foreseen(call: Call<'_>, told: Result<test_only::Told, Error>, source: &'static str) -> Answer {
    match told {
        Ok(told) => call.answer(JobAllocResp {
            job_id: told.job,
            job_submit_user_msg: told.message.into(),
            ..JobAllocResp::default()
        }),
        Err(error) => refused(call, once::refusal(error), FAILED, source),
    }
}

fn answered(call: Call<'_>, allocated: Result<Submitted, Error>, source: &'static str) -> Answer {
    match allocated {
        Ok(submitted) => call.answer(JobAllocResp { job_id: submitted.id.0, ..JobAllocResp::default() }),
        Err(error) => refused(call, once::refusal(error), FAILED, source),
    }
}

fn wish(call: &mut Call<'_>, request: JobAllocReq) -> Option<Wish> {
    let why = match (request.job, request.hetjob) {
        (Some(job), None) => return Some(Wish::Job(Box::new(job))),
        (None, Some(jobs)) if jobs.is_empty() => {
            // The original gives whatever error it met last, and blames itself.
            call.report.error(number::INVALID_QUERY, NO_COMPONENTS, "_job_post_het_allocate");
            return None;
        }
        (None, Some(jobs)) if jobs.len() > MOST_COMPONENTS => {
            call.report.error(number::INVALID_QUERY, TOO_MANY_COMPONENTS, "_job_post_het_allocate");
            return None;
        }
        (None, Some(jobs)) => return Some(Wish::Components(jobs)),
        (Some(_), Some(_)) => "Specify only one \"job\" or \"hetjob\" fields but never both",
        (None, None) => "Specifying either \"job\" or \"hetjob\" fields are required to allocate job",
    };
    call.report.error(number::INVALID_QUERY, why, HANDLER);
    None
}
