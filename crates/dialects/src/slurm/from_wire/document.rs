//! A submission in Slurm's words that stands in another dialect's document: how a job is described is said once.

use super::{Refusal, Wanted, submission};
use domain::Text;
use domain::job::JobKind;
use domain::ports::Directory;
use domain::service::Submission;
use domain::who::Principal;
use jiff::tz::TimeZone;
use slurm_wire::Report;
use slurm_wire::submit::JobSubmitReq;

/// Reads the body of a `job/submit`.
///
/// # Errors
/// Says in one sentence what is wrong with it.
pub(crate) fn described_job(
    body: &str,
    by: &Principal,
    directory: &dyn Directory,
    now: domain::Timestamp,
    zone: &TimeZone,
) -> Result<Submission, String> {
    let document = slurm_wire::json::parse(body).map_err(|error| error.to_string())?;
    let at = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    let mut report = Report::new(at.to_zoned(zone.clone()));
    let request = slurm_wire::parse::<JobSubmitReq>(&document, &mut report).ok();
    if let Some(error) = report.errors.first() {
        return Err(format!("{}: {}", error.source, error.description));
    }
    let request = request.ok_or_else(|| "not the body of a submission".to_owned())?;
    let job = request.job.filter(|_| request.jobs.is_none());
    let job = job.ok_or_else(|| "one job is wanted, in \"job\"".to_owned())?;
    let script = request.script.or_else(|| job.script.clone()).map(Text::into_string).unwrap_or_default();
    if script.is_empty() {
        return Err("a job needs a script".to_owned());
    }
    let wanted = Wanted { by, kind: JobKind::Batch, script: &script, now, directory };
    submission(&wanted, &job).map_err(|refusal| match refusal {
        Refusal::Problem(error) => error.to_string(),
        Refusal::Number(_, text) => text.to_owned(),
        Refusal::Place(_, sentence, place) => format!("{place}: {sentence}"),
    })
}
