//! Jobs that are over.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::JobName;
use super::super::output::attempts as attempts_of;
use super::super::{from_wire, reply, to_wire, wire};
use crate::http::answer::Answer;
use domain::history::Wanted;
use domain::ports::{Closed, History, Recorded, StoreError};
use domain::{Error, Text};
use hyper::StatusCode;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// How much of what is found is wanted.
#[derive(Clone, Copy)]
struct HowMuch {
    /// At most so many attempts.
    count: usize,
    /// Each with its steps.
    steps: bool,
}

/// Searches finished attempts, the latest end first.
pub(in super::super) async fn search(call: Call<'_>) -> Result<Answer, NativeError> {
    let parameters = call.parameters(from_wire::SEARCH)?;
    let site = Arc::clone(call.site);
    let page = spawn_blocking(move || {
        let now = jiff::Timestamp::from_microsecond(site.jobs.clock().now().micros()).unwrap_or_default();
        let filter =
            from_wire::search(&parameters, &**site.jobs.directory(), &now.to_zoned(site.zone.clone()))?;
        // One more than wanted tells whether there is another page.
        let much = HowMuch { count: filter.limit, steps: parameters.switch("steps")? };
        let filter = Wanted { limit: much.count + 1, ..filter };
        let history = &**site.jobs.history();
        let found = history.search(&filter).map_err(NativeError::History)?;
        page(found, much, history).map_err(NativeError::History)
    });
    Ok(reply::json(StatusCode::OK, &page.await.map_err(broken)??))
}

/// Returns the attempts of a job, of an array's tasks, of a heterogeneous job's components, or of one of these, oldest
/// first.
pub(in super::super) async fn attempts(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let name = JobName::read("id", call.parameter)?;
    let history = Arc::clone(call.site.jobs.history());
    let jobs = spawn_blocking(move || -> Result<Vec<wire::Attempt>, StoreError> {
        let found = attempts_of(&*history, name)?;
        found.iter().filter_map(|closed| with_steps(&*history, closed).transpose()).collect()
    });
    let jobs = jobs.await.map_err(broken)?.map_err(NativeError::History)?;
    if jobs.is_empty() {
        return Err(Error::from(name.unknown()).into());
    }
    Ok(reply::json(StatusCode::OK, &wire::Attempts { jobs }))
}

/// Returns an attempt with its steps. Blocks.
fn with_steps(history: &dyn History, closed: &Closed) -> Result<Option<wire::Attempt>, StoreError> {
    let Some(told) = to_wire::attempt(closed) else { return Ok(None) };
    let steps = history.steps(closed.job.id)?;
    Ok(Some(wire::Attempt { steps: Some(to_wire::steps(closed, &steps)), ..told }))
}

fn page(mut found: Vec<Recorded>, much: HowMuch, history: &dyn History) -> Result<wire::Page, StoreError> {
    let more = found.len() > much.count;
    found.truncate(much.count);
    let next = found.last().filter(|_| more).map(|last| to_wire::cursor(last.row));
    let told = |found: &Recorded| match much.steps {
        true => with_steps(history, &found.closed),
        false => Ok(to_wire::attempt(&found.closed)),
    };
    let jobs = found.iter().filter_map(|found| told(found).transpose()).collect::<Result<_, _>>()?;
    Ok(wire::Page { jobs, next })
}

fn broken(error: tokio::task::JoinError) -> NativeError {
    Error::Bug(Text::from(error.to_string())).into()
}
