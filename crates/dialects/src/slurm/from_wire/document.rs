//! A submission in Slurm's words that stands in another dialect's document: how a job is described is said once.

use super::{Refusal, Wanted, submission};
use crate::slurm::ScriptOptions;
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
    submission(&wanted, &job).map_err(in_words)
}

/// Reads what the `#SBATCH` lines of a script ask for, which lies in a folder under a name.
///
/// # Errors
/// Says in one sentence what is wrong with it.
pub(crate) fn described_script(
    options: ScriptOptions,
    script: &str,
    (folder, name): (&str, &str),
    environment: Vec<Text>,
    by: &Principal,
    directory: &dyn Directory,
    now: domain::Timestamp,
) -> Result<Submission, String> {
    let mut described = (options.read)(script)?.into_iter();
    let mut job = described.next().unwrap_or_default();
    if described.next().is_some() {
        return Err("the script describes several components".to_owned());
    }
    job.name = job.name.or_else(|| Some(name.into()));
    job.current_working_directory = job.current_working_directory.or_else(|| Some(folder.into()));
    let said = job.environment.unwrap_or_default();
    job.environment = Some(said.iter().cloned().chain(environment).collect::<Vec<_>>().into());
    job.argv = Some(vec![Text::from(format!("{}/{name}", folder.trim_end_matches('/')))].into());
    let wanted = Wanted { by, kind: JobKind::Batch, script, now, directory };
    submission(&wanted, &job).map_err(in_words)
}

fn in_words(refusal: Refusal) -> String {
    match refusal {
        Refusal::Problem(error) => error.to_string(),
        Refusal::Number(_, text) => text.to_owned(),
        Refusal::Place(_, sentence, place) => format!("{place}: {sentence}"),
    }
}
