//! What became of the jobs that were to be cancelled: only failures are told.

use crate::slurm::error;
use domain::job::HetPart;
use domain::service::Handled;
use domain::{Error, JobId, Problem};
use slurm_wire::NoVal;
use slurm_wire::job_change::KillJobsRespJob;

/// Describes why a job was not cancelled; `None` if it was.
pub(in crate::slurm) fn kill_status(
    handled: &Handled,
    part: Option<HetPart>,
    named: Option<&str>,
) -> Option<KillJobsRespJob> {
    let error = handled.result.as_ref().err()?;
    let number = error::kill_number(error);
    let mut entry = KillJobsRespJob::default();
    entry.error.string = error::text(number).into();
    entry.error.message = error::text(number).into();
    entry.error.code = u32::try_from(number).unwrap_or(u32::MAX);
    entry.step_id = step_id(handled, error, part, named).into();
    entry.job_id = match (error, handled.job) {
        // What is not there has no number.
        (Error::NotFound(_), _) | (_, None) => NoVal::Unset,
        (_, Some(job)) => NoVal::Set(job.0),
    };
    Some(entry)
}

fn step_id(handled: &Handled, error: &Error, part: Option<HetPart>, named: Option<&str>) -> String {
    match (named, error, handled.job) {
        (_, Error::NotFound(Problem::UnknownTask(task)), _) => task.to_string(),
        (Some(named), Error::NotFound(_), _) => named.to_owned(),
        (_, _, Some(_)) if let Some(part) = part.filter(|part| !part.is_leader()) => {
            format!("{}+{}", part.leader, part.offset)
        }
        (_, _, Some(job)) => JobId::to_string(&job),
        (named, _, None) => named.unwrap_or_default().to_owned(),
    }
}
