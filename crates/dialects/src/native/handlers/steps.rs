//! The steps of a job that runs, and where to ask for more of them.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::JobName;
use super::super::{reply, to_wire, wire};
use crate::http::answer::Answer;
use domain::Error;
use hyper::StatusCode;

/// Lists the living steps of a job.
pub(in super::super) fn list(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let name = JobName::read("id", call.parameter)?;
    let snapshot = call.site.jobs.snapshot();
    let records = call.site.jobs.records(name.number);
    let found = records.iter().find(|job| name.means(job) && job.held_resources().is_some());
    let (Some(job), Some(folder)) = (found, call.site.jobs.steps_folder()) else {
        return Err(Error::from(name.unknown()).into());
    };
    let live = job.run().map(|run| run.steps.live.as_slice()).unwrap_or_default();
    let nodes = |step: &domain::job::JobStep| snapshot.cluster.fold_shares(&step.shares);
    let answer = wire::JobSteps {
        run: format!("{}.{}", job.id, job.restarts),
        folder: folder.clone(),
        steps: live.iter().map(|step| to_wire::living_step(step, nodes(step))).collect(),
    };
    Ok(reply::json(StatusCode::OK, &answer))
}
