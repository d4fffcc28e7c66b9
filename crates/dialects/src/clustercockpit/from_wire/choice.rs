//! Which job ends or is deleted.

use super::super::body::{Fields, value};
use super::super::error::CockpitError;
use super::state;
use domain::monitoring::JobState;
use domain::service::Which;

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stop {
    /// Which; `None` where the body names none.
    pub(crate) which: Option<Which>,
    /// When, seconds since 1970.
    pub(crate) at: i64,
    /// As what.
    pub(crate) state: Option<JobState>,
}

fn which(fields: &mut Fields) -> Result<Option<Which>, CockpitError> {
    let cluster = fields.text("cluster")?;
    let cluster = (!cluster.is_empty()).then(|| cluster.into());
    let start = fields.integer("startTime")?;
    Ok(fields.integer("jobId")?.map(|job| Which::Job { job, cluster, start }))
}

/// Reads how a job ends.
pub(crate) fn stop(body: &[u8]) -> Result<Stop, CockpitError> {
    let known = ["jobId", "cluster", "startTime", "stopTime", "jobState"];
    let mut fields = Fields::of("job", value(body)?, &known)?;
    let word = fields.text("jobState")?;
    let state = if word.is_empty() { None } else { Some(state(&word)?) };
    let which = which(&mut fields)?;
    Ok(Stop { which, at: fields.integer("stopTime")?.unwrap_or(0), state })
}

/// Reads which job is deleted; `None` where the body names none.
pub(crate) fn deleted(body: &[u8]) -> Result<Option<Which>, CockpitError> {
    which(&mut Fields::of("job", value(body)?, &["jobId", "cluster", "startTime"])?)
}
