//! `GET resources/{job_id}`: what a running job holds.

use super::job;
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire::layout;
use domain::job::Phase;
use domain::{Error, JobId, Problem};
use slurm_wire::error_number as number;
use slurm_wire::job_resources::ResourceLayoutResp;

const SOURCE: &str = "_handle_get";

/// Shows what a running job holds of its nodes, to those alone who may change it. A step or task in the path stands for
/// the number before it.
pub(super) fn show(mut call: Call<'_>) -> Answer {
    let Some(wanted) = job::path_of(&mut call, "op_handler_resources") else { return call.fail() };
    let id = JobId(wanted.job_id);
    let unable = format!("Unable to query JobId={id}");
    let Some(by) = call.trusted(&unable, SOURCE) else { return call.answer(ResourceLayoutResp::default()) };
    let snapshot = call.site.jobs.snapshot();
    let mut answer = ResourceLayoutResp::default();
    match snapshot.jobs.job(id) {
        None => call.report.error(number::JOB_ID, unable, SOURCE),
        Some(job) => match &job.phase {
            Phase::Running(_) if !by.may_change(job) => {
                let why = Error::Forbidden(Problem::NotOwner);
                call.refused(&why, &unable, SOURCE);
            }
            Phase::Running(run) if !job.has_given_cpus_away() => {
                answer.nodes = layout(&run.allocation, &snapshot.cluster).into();
            }
            _ => call.numbered(number::NOT_RUNNING, &unable, SOURCE),
        },
    }
    call.answer(answer)
}
