//! `GET jobs/` and `GET job/{job_id}`: jobs of accounting, those that live among those that are history; and those of other
//! clusters that monitoring knows behind them.

use super::search::Search;
use super::telling::{Part, Parts, Telling};
use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::from_wire::{Asked, Clusters, NotAsked, asked, recorded_job};
use domain::history::Wanted;
use domain::ports::StoreError;
use domain::{JobId, TaskIndex};
use hyper::StatusCode;
use slurm_wire::accounting::job::SlurmdbdJobsResp;
use slurm_wire::accounting::query::JobCondition;
use slurm_wire::error_number as number;
use std::ops::ControlFlow;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

const DUMP: &str = "_dump_jobs";

/// Lists the jobs that a query asks for.
pub(super) async fn list(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_jobs";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(query) = call.read::<JobCondition>() else { return unreadable(call, HANDLER) };
    if let Some(problem) = call.slice.problem {
        call.report.error(number::INVALID_QUERY, problem, HANDLER);
        return call.fail();
    }
    let (site, now) = (Arc::clone(call.site), call.now);
    let (cursor, limit) = (call.slice.cursor, call.slice.limit);
    let (to, parts) = unbounded_channel();
    let search = tokio::task::spawn_blocking(move || {
        let snapshot = site.jobs.snapshot();
        let asked = asked(&query, &site, &snapshot, now)?;
        let mut parts = Parts::of(Telling::of(&asked, &site, &snapshot, principal, now), to);
        let search = Search::of(asked, site, snapshot)?;
        let next = match limit {
            None => search.whole(&mut |item| parts.add(item)).map(|()| None)?,
            Some(limit) => search.page(cursor, limit, &mut |item| parts.add(item))?,
        };
        parts.end();
        Ok(next)
    });
    answer(call, parts, search, HANDLER).await
}

/// Shows all attempts of a job, of all tasks of an array, or of one of them.
pub(super) async fn show(mut call: Call<'_>) -> Answer {
    const HANDLER: &str = "op_handler_job";
    let Some(principal) = call.admitted() else { return call.fail() };
    let Some(job) = recorded_job(call.parameter) else { return unreadable(call, HANDLER) };
    let (site, now) = (Arc::clone(call.site), call.now);
    let (to, parts) = unbounded_channel();
    let search = tokio::task::spawn_blocking(move || {
        let id = JobId(job.job_id.saturating_add(job.component.unwrap_or(0)));
        let wanted = Wanted { jobs: vec![(id, job.task().map(TaskIndex))], ..Wanted::default() };
        let asked = Asked { wanted, no_whole: true, clusters: Clusters::All, ..Asked::default() };
        let snapshot = site.jobs.snapshot();
        let mut parts = Parts::of(Telling::of(&asked, &site, &snapshot, principal, now), to);
        let search = Search::of(asked, site, snapshot)?;
        let mut found = Vec::new();
        search.whole(&mut |item| {
            found.push(item);
            ControlFlow::Continue(())
        })?;
        // What was named as a component may be a job of its own.
        let leader = job.component.filter(|offset| *offset > 0).map(|_| JobId(job.job_id));
        for item in found {
            let is_meant = leader.map_or(Ok(true), |leader| search.is_component(&item, leader))?;
            if is_meant && parts.add(item).is_break() {
                break;
            }
        }
        parts.end();
        Ok(None)
    });
    answer(call, parts, search, HANDLER).await
}

/// Refuses what cannot be read.
pub(super) fn unreadable(mut call: Call<'_>, handler: &'static str) -> Answer {
    call.report.error(number::INVALID_QUERY, "Rejecting request. Failure parsing query parameters", handler);
    call.fail_with(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Why there is nothing to list.
enum NotFound {
    NotAsked(NotAsked),
    Store(StoreError),
}

impl From<NotAsked> for NotFound {
    fn from(why: NotAsked) -> Self {
        NotFound::NotAsked(why)
    }
}

impl From<StoreError> for NotFound {
    fn from(error: StoreError) -> Self {
        NotFound::Store(error)
    }
}

/// Answers with the parts that come while a search goes on, which tells in the end where the next page begins.
async fn answer(
    mut call: Call<'_>,
    parts: UnboundedReceiver<Part>,
    search: JoinHandle<Result<Option<u32>, NotFound>>,
    handler: &'static str,
) -> Answer {
    let Some(mut list) = call.begin_list(SlurmdbdJobsResp::default(), parts) else {
        return call.answer(SlurmdbdJobsResp::default());
    };
    match list.until(search).await {
        Ok(Ok(next)) if !list.is_empty() => {
            call.slice.goes_on(next);
            return call.list_of_parts(list).await;
        }
        Ok(Ok(_) | Err(NotFound::NotAsked(NotAsked::Nothing))) => {
            call.report.warn("slurmdb_jobs_get() found nothing", DUMP);
        }
        Ok(Err(NotFound::NotAsked(NotAsked::Unreadable(why)))) => {
            if let Some((number, sentence, place)) = why {
                call.numbered(number, &sentence, place);
            }
            return unreadable(call, handler);
        }
        Ok(Err(NotFound::NotAsked(NotAsked::Failed(number)))) => {
            call.numbered(number, "slurmdb_jobs_get failed", DUMP);
            return call.answer_with(StatusCode::INTERNAL_SERVER_ERROR, SlurmdbdJobsResp::default());
        }
        Ok(Err(NotFound::Store(error))) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "history cannot be read");
            call.numbered(number::DATABASE_CONNECTION, "slurmdb_jobs_get failed", DUMP);
            return call.answer(SlurmdbdJobsResp::default());
        }
        Err(error) => {
            tracing::error!(%error, "a search in history broke off");
            call.numbered(number::UNSPECIFIED, "slurmdb_jobs_get failed", DUMP);
        }
    }
    call.answer(SlurmdbdJobsResp::default())
}
