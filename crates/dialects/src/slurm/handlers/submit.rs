//! `POST job/submit`.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{self, Refusal, Wanted};
use crate::slurm::once::{self, Known};
use crate::slurm::{script_options, test_only};
use domain::Text;
use domain::job::JobKind;
use domain::service::{Note, Submission, Submitted};
use slurm_wire::error_number as number;
use slurm_wire::job_desc::{JobDescMsg, JobDescMsgList};
use slurm_wire::submit::{JobSubmitReq, JobSubmitResponse};

const FAILED: &str = "Batch job submission failed";
const SOURCE: &str = "slurm_submit_batch_job()";
const PARSER: &str = "_job_post";
/// What is said of an empty list of components.
pub(super) const NO_COMPONENTS: &str = "Refusing HetJob submission without any components";

/// How many components a heterogeneous job may have, as in the original: all of them are planned together.
pub(super) const MOST_COMPONENTS: usize = 128;
/// What is said of more.
pub(super) const TOO_MANY_COMPONENTS: &str =
    "Rejecting request. A heterogeneous job has at most 128 components";

/// How failures of heterogeneous jobs are told.
const HET_FAILED: &str = "HetJob submission failed";
const HET_SOURCE: &str = "slurm_submit_batch_het_job()";
/// Where they are taken apart.
const HET_PARSER: &str = "_job_post_het_submit";

/// What a request asks for.
enum Wish {
    /// A job with its script.
    Job(Box<JobDescMsg>, String),
    /// A heterogeneous job with the leader's script.
    Components(JobDescMsgList, String),
}

/// Submits a batch job, or a heterogeneous one.
pub(super) async fn submit(mut call: Call<'_>) -> Answer {
    let Some(request) = call.read::<JobSubmitReq>() else { return call.fail() };
    match wish(&mut call, request) {
        None => call.fail(),
        Some(Wish::Job(job, script)) => submit_job(call, *job, &script).await,
        Some(Wish::Components(jobs, script)) => submit_components(call, jobs, &script).await,
    }
}

async fn submit_job(mut call: Call<'_>, mut job: JobDescMsg, script: &str) -> Answer {
    let Some(by) = call.trusted(FAILED, SOURCE) else { return call.fail() };
    let client_key = match once::known(&call, &by) {
        Ok(Known::New(key)) => key,
        Ok(Known::Before(submitted)) => return accepted(call, &submitted, "Job", SOURCE),
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    let site = call.site;
    let lines =
        script_options::add(site.script_options, call.script_lines, script, std::slice::from_mut(&mut job));
    if let Err(refusal) = lines {
        return refused(call, refusal, FAILED, SOURCE);
    }
    let directory = site.jobs.directory();
    let wanted = Wanted { by: &by, kind: JobKind::Batch, script, now: call.now, directory: &**directory };
    let submission = match from_wire::submission(&wanted, &job) {
        Ok(submission) => Submission { client_key, ..submission },
        Err(refusal) => return refused(call, refusal, FAILED, SOURCE),
    };
    if call.is_question {
        let told = test_only::ask(&call, &by, vec![submission]).await;
        return foreseen(call, told, FAILED, SOURCE);
    }
    match site.jobs.submit(&by, submission).await {
        Ok(submitted) => accepted(call, &submitted, "Job", SOURCE),
        Err(error) => refused(call, once::refusal(error), FAILED, SOURCE),
    }
}

async fn submit_components(mut call: Call<'_>, mut jobs: JobDescMsgList, script: &str) -> Answer {
    let Some(by) = call.trusted(HET_FAILED, HET_SOURCE) else { return call.fail() };
    let client_key = match once::known(&call, &by) {
        Ok(Known::New(key)) => key,
        Ok(Known::Before(submitted)) => return accepted(call, &submitted, "HetJob", HET_SOURCE),
        Err(refusal) => return refused(call, refusal, HET_FAILED, HET_SOURCE),
    };
    let site = call.site;
    if let Err(refusal) = script_options::add(site.script_options, call.script_lines, script, &mut jobs) {
        return refused(call, refusal, HET_FAILED, HET_SOURCE);
    }
    let directory = site.jobs.directory();
    let scripts = std::iter::once(script).chain(std::iter::repeat(""));
    let wanted =
        |script| Wanted { by: &by, kind: JobKind::Batch, script, now: call.now, directory: &**directory };
    let submissions: Result<Vec<_>, Refusal> =
        jobs.iter().zip(scripts).map(|(job, script)| from_wire::submission(&wanted(script), job)).collect();
    let mut submissions = match submissions {
        Ok(submissions) => submissions,
        Err(refusal) => return refused(call, refusal, HET_FAILED, HET_SOURCE),
    };
    if let Some(leader) = submissions.first_mut() {
        leader.client_key = client_key;
    }
    if call.is_question {
        let told = test_only::ask(&call, &by, submissions).await;
        return foreseen(call, told, HET_FAILED, HET_SOURCE);
    }
    match site.jobs.submit_components(&by, submissions).await {
        Ok(submitted) => accepted(call, &submitted, "HetJob", HET_SOURCE),
        Err(error) => refused(call, once::refusal(error), HET_FAILED, HET_SOURCE),
    }
}

/// Returns the job and its script, or notes what is missing.
fn wish(call: &mut Call<'_>, request: JobSubmitReq) -> Option<Wish> {
    let JobSubmitReq { script, jobs, job } = request;
    if let (None, Some(jobs)) = (&job, &jobs) {
        let script = script.or_else(|| jobs.first()?.script.clone());
        return components(call, jobs.clone(), script.map(Text::into_string));
    }
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
        (Some(job), None) => Some(Wish::Job(Box::new(job), script.into_string())),
        (None, _) => {
            let why = "Specifying either \"job\" or \"jobs\" fields are required to submit job";
            call.report.error(number::INVALID_QUERY, why, PARSER);
            None
        }
    }
}

fn components(call: &mut Call<'_>, jobs: JobDescMsgList, script: Option<String>) -> Option<Wish> {
    if jobs.is_empty() {
        call.report.error(number::NONE, NO_COMPONENTS, HET_PARSER);
        return None;
    }
    if jobs.len() > MOST_COMPONENTS {
        // The original blames itself, with the number of a system error.
        call.report.error(number::INVALID_QUERY, TOO_MANY_COMPONENTS, HET_PARSER);
        return None;
    }
    let Some(script) = script.filter(|script| !script.is_empty()) else {
        let why = "Refusing HetJob submission without batch script or empty batch script for first component";
        call.report.error(number::NO_SCRIPT, why, HET_PARSER);
        return None;
    };
    Some(Wish::Components(jobs, script))
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

fn foreseen(
    call: Call<'_>,
    told: Result<test_only::Told, domain::Error>,
    description: &'static str,
    source: &'static str,
) -> Answer {
    match told {
        Ok(told) => call.answer(JobSubmitResponse {
            job_id: told.job,
            job_submit_user_msg: told.message.into(),
            ..JobSubmitResponse::default()
        }),
        Err(error) => refused(call, once::refusal(error), description, source),
    }
}

fn accepted(mut call: Call<'_>, submitted: &Submitted, what: &'static str, source: &'static str) -> Answer {
    for note in &submitted.notes {
        let text = note_text(*note);
        let long = format!("{what} submission resulted in non-zero return code: {text}");
        call.report.warn(long, source);
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
        Note::ReservationNotOpen => "Requested reservation not usable now",
        Note::NodesUnavailable => "Required node not available (down, drained or reserved)",
    }
}
