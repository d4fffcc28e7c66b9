//! Jobs that are over.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::JobName;
use super::super::{from_wire, reply, to_wire, wire};
use crate::http::answer::Answer;
use domain::job::Phase;
use domain::ports::{Closed, HistoryFilter};
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Searches finished attempts, the latest end first.
pub(in super::super) async fn search(call: Call<'_>) -> Result<Answer, NativeError> {
    let parameters = call.parameters(from_wire::SEARCH)?;
    let site = Arc::clone(call.site);
    let page = spawn_blocking(move || {
        let now = jiff::Timestamp::from_microsecond(site.jobs.clock().now().micros()).unwrap_or_default();
        let filter =
            from_wire::search(&parameters, &**site.jobs.directory(), &now.to_zoned(site.zone.clone()))?;
        // One more than wanted tells whether there is another page.
        let wanted = filter.limit;
        let filter = HistoryFilter { limit: wanted + 1, ..filter };
        let found = site.jobs.history().search(&filter).map_err(NativeError::History)?;
        Ok::<_, NativeError>(page(found, wanted))
    });
    Ok(reply::json(StatusCode::OK, &page.await.map_err(broken)??))
}

/// Returns the attempts of a job, of an array's tasks, or of one task, oldest first.
pub(in super::super) async fn attempts(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let name = JobName::read("id", call.parameter)?;
    let history = Arc::clone(call.site.jobs.history());
    let jobs = spawn_blocking(move || {
        let found = history.attempts(name.number)?;
        let mut jobs: Vec<wire::Attempt> = Vec::new();
        for closed in found.iter().filter(|closed| name.means(&closed.job)) {
            let steps = history.steps(closed.job.id)?;
            let told = to_wire::attempt(closed);
            jobs.extend(
                told.map(|told| wire::Attempt { steps: Some(to_wire::steps(closed, &steps)), ..told }),
            );
        }
        Ok(jobs)
    });
    let jobs = jobs.await.map_err(broken)?.map_err(NativeError::History)?;
    if jobs.is_empty() {
        return Err(Error::from(Problem::UnknownJob(name.number)).into());
    }
    Ok(reply::json(StatusCode::OK, &wire::Attempts { jobs }))
}

fn page(mut found: Vec<Closed>, wanted: usize) -> wire::Page {
    let more = found.len() > wanted;
    found.truncate(wanted);
    let last = found.last().filter(|_| more);
    let next = last.and_then(|closed| match &closed.job.phase {
        Phase::Ended(ended) => Some(to_wire::cursor(ended.ended, closed.job.id)),
        _ => None,
    });
    wire::Page { jobs: found.iter().filter_map(to_wire::attempt).collect(), next }
}

fn broken(error: tokio::task::JoinError) -> NativeError {
    Error::Bug(Text::from(error.to_string())).into()
}
