//! `POST job/submit`.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, Refusal, Wanted};
use domain::job::JobKind;
use domain::service::{Note, Submitted};
use slurm_wire::error_number as number;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::submit::{JobSubmitReq, JobSubmitResponse};

const FAILED: &str = "Batch job submission failed";
const SOURCE: &str = "slurm_submit_batch_job()";
const PARSER: &str = "_job_post";

/// Submits a batch job.
pub(super) async fn submit(mut call: Call<'_>) -> Answer {
    let Some(request) = call.read::<JobSubmitReq>() else { return call.fail() };
    let Some((job, script)) = batch_job(&mut call, request) else { return call.fail() };
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.fail() };
    let site = call.site;
    let directory = site.jobs.directory();
    let wanted =
        Wanted { by: &by, kind: JobKind::Batch, script: &script, now: call.now, directory: &**directory };
    let submission = match from_wire::submission(&wanted, &job) {
        Ok(submission) => submission,
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    match site.jobs.submit(&by, submission).await {
        Ok(submitted) => accepted(call, &submitted),
        Err(error) => refused(call, Refusal::Problem(error), FAILED, SOURCE),
    }
}

/// Returns the job and its script, or notes what is missing.
fn batch_job(call: &mut Call<'_>, request: JobSubmitReq) -> Option<(JobDescMsg, String)> {
    let JobSubmitReq { script, jobs, job } = request;
    let inner = job.as_ref().and_then(|job| job.script.clone());
    let in_components = jobs
        .iter()
        .flatten()
        .find_map(|component| component.script.clone().filter(|script| !script.is_empty()));
    // The outer script counts, where there are several.
    let script = [script, inner, in_components].into_iter().flatten().find(|script| !script.is_empty());
    let Some(script) = script else {
        call.report.error(
            number::INVALID_QUERY,
            "Populated \"script\" field is required for job submission",
            PARSER,
        );
        return None;
    };
    match (job, jobs) {
        (Some(_), Some(_)) => {
            let why = "Specify only one \"job\" or \"jobs\" fields but never both";
            call.report.error(number::INVALID_QUERY, why, PARSER);
            None
        }
        (Some(job), None) => Some((job, script.into_string())),
        (None, Some(components)) => {
            refuse_components(call, components.is_empty(), FAILED, "_job_post_het_submit", number::NONE);
            None
        }
        (None, None) => {
            let why = "Specifying either \"job\" or \"jobs\" fields are required to submit job";
            call.report.error(number::INVALID_QUERY, why, PARSER);
            None
        }
    }
}

/// Heterogeneous jobs are not served: they are refused as by a cluster that has them switched off.
pub(super) fn refuse_components(
    call: &mut Call<'_>,
    is_empty: bool,
    failed: &'static str,
    source: &'static str,
    number_if_empty: i32,
) {
    if is_empty {
        let why = "Refusing HetJob submission without any components";
        call.report.error(number_if_empty, why, source);
    } else {
        call.report.error(number::NOT_SUPPORTED, failed, source);
    }
}

/// Answers a submission that cannot be taken.
pub(super) fn refused(
    mut call: Call<'_>,
    refusal: Refusal,
    description: &'static str,
    source: &'static str,
) -> Answer {
    call.refuse(&refusal, description, source);
    call.fail()
}

fn accepted(mut call: Call<'_>, submitted: &Submitted) -> Answer {
    for note in &submitted.notes {
        let text = note_text(*note);
        let long = format!("Job submission resulted in non-zero return code: {text}");
        call.report.warn(long, SOURCE);
        call.report.warn(text, SOURCE);
    }
    let payload =
        JobSubmitResponse { job_id: submitted.id.0, step_id: "batch".into(), ..JobSubmitResponse::default() };
    call.answer(payload)
}

fn note_text(note: Note) -> &'static str {
    match note {
        Note::Held => "Job is in held state, pending scheduler release",
        Note::PartitionConfiguration => "Requested partition configuration not available now",
        Note::NodesUnavailable => "Required node not available (down, drained or reserved)",
    }
}
