//! `GET job/{job_id}`, and how every operation on one job reads its path.

use super::jobs::{described, job_entries, with_detail};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{PathJob, path_job};
use crate::slurm::listing::measured;
use domain::JobId;
use slurm_wire::NoVal;
use slurm_wire::error_number as number;
use slurm_wire::job_ids::SelectedStep;
use slurm_wire::job_info::JobInfoResp;
use slurm_wire::query::JobInfoQuery;
use std::sync::Arc;

const HANDLER: &str = "op_handler_job";
const SOURCE: &str = "_handle_job_get";

/// Reads the job that the path names, or notes why it cannot be one.
pub(super) fn path(call: &mut Call<'_>) -> Option<SelectedStep> {
    path_of(call, HANDLER)
}

/// The same for an operation that the original has a handler of its own for.
pub(super) fn path_of(call: &mut Call<'_>, handler: &'static str) -> Option<SelectedStep> {
    match path_job(call.parameter) {
        PathJob::Job(job) => Some(job),
        PathJob::TooLarge(id) => {
            call.report.error(number::JOB_ID, format!("Invalid JobID={id} rejected"), handler);
            None
        }
        PathJob::Unreadable => {
            let why = "Rejecting request. Failure parsing parameters";
            call.report.error(number::INVALID_QUERY, why, handler);
            None
        }
    }
}

/// Shows a job, or every record of an array.
pub(super) fn job(mut call: Call<'_>) -> Answer {
    let Some(wanted) = path(&mut call) else { return call.fail() };
    let Some(query) = call.read::<JobInfoQuery>() else {
        call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query.", SOURCE);
        return call.fail();
    };
    remarks(&mut call, &wanted);
    let unable = format!("Unable to query JobId={wanted}");
    if call.trusted(&unable, SOURCE).is_none() {
        return call.answer(none());
    }
    let snapshot = call.site.jobs.snapshot();
    let mut records = snapshot.records(JobId(wanted.job_id));
    if let Some(component) = wanted.component {
        records.retain(|job| job.het.is_some_and(|part| part.offset == component));
    }
    if records.is_empty() {
        call.report.error(number::JOB_ID, unable, SOURCE);
        return call.answer(none());
    }
    let payload = JobInfoResp {
        last_backfill: super::jobs::last_backfill(&snapshot),
        last_update: super::jobs::last_update(call.now),
        ..JobInfoResp::default()
    };
    match records.as_slice() {
        [one] => {
            let job = described(one, &snapshot, with_detail(&query));
            call.answer(JobInfoResp { jobs: vec![job].into(), ..payload })
        }
        _ => {
            let (picture, again) = (Arc::clone(&snapshot), records.clone());
            let detail = with_detail(&query);
            let version = call.version;
            let size = move || measured(version, job_entries(picture, again.into_iter(), detail));
            call.list(payload, job_entries(snapshot, records.into_iter(), detail), size)
        }
    }
}

/// The answer where nothing could be asked.
pub(super) fn none() -> JobInfoResp {
    JobInfoResp { last_backfill: NoVal::Set(0), last_update: NoVal::Set(0), ..JobInfoResp::default() }
}

fn remarks(call: &mut Call<'_>, wanted: &SelectedStep) {
    if wanted.step.is_some() {
        let remark = "Job steps are not supported for job searches. Showing whole job instead.";
        call.report.warn(remark, SOURCE);
    }
    if wanted.tasks.is_some() {
        let remark =
            "Job array Ids are not currently supported for job searches. Showing all jobs in array instead.";
        call.report.warn(remark, SOURCE);
    }
}
