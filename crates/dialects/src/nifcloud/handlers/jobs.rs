//! `GET /jobs`, `GET /jobs/{jobid}`, `DELETE /jobs/{jobid}`.

use super::{Call, json_answer};
use crate::http::answer::{Answer, empty};
use crate::nifcloud::blocking;
use crate::nifcloud::error::NifcloudError;
use crate::nifcloud::to_wire::{self, Line};
use domain::job::{ArrayPart, Job, Phase};
use domain::service::{Action, Selection, Target};
use domain::{Error, JobId};
use hyper::StatusCode;
use serde_json::Value;
use std::sync::Arc;

/// Lists the caller's jobs that have not ended, the oldest first: a bulk job as a whole, and then its parts that have begun.
pub(in super::super) async fn list(call: Call) -> Result<Answer, NifcloudError> {
    let value = blocking(move || {
        let snapshot = call.site.jobs.snapshot();
        let (zone, aliases) = (call.zone(), call.nifcloud.habits.aliases);
        let own = |job: &&Arc<Job>| Some(job.spec.owner.uid) == call.by.uid && to_wire::is_unfinished(job);
        let write = |line: Line<'_>| to_wire::job(line, zone, call.now, aliases);
        let mut lines: Vec<(JobId, u64, Value)> = Vec::new();
        let mut bulk: Option<(JobId, Vec<Arc<Job>>)> = None;
        let mut jobs: Vec<&Arc<Job>> = snapshot.jobs.iter().filter(own).collect();
        // Parts of a bulk job stand together.
        jobs.sort_by_key(|job| (job.array_id(), job.id));
        for job in jobs {
            if job.array.is_none() {
                lines.push((job.id, 0, write(Line::One(job))));
                continue;
            }
            match &mut bulk {
                Some((id, parts)) if *id == job.array_id() => parts.push(Arc::clone(job)),
                _ => {
                    let before = bulk.replace((job.array_id(), vec![Arc::clone(job)]));
                    lines.extend(before.map(|(id, parts)| (id, 0, write(Line::Bulk(&parts)))));
                }
            }
            if let Some(ArrayPart::Task { of, index, .. }) = &job.array {
                lines.push((*of, 1 + u64::from(index.0), write(Line::One(job))));
            }
        }
        lines.extend(bulk.map(|(id, parts)| (id, 0, write(Line::Bulk(&parts)))));
        lines.sort_by_key(|(id, part, _)| (*id, *part));
        Value::Array(lines.into_iter().map(|(_, _, line)| line).collect())
    });
    Ok(json_answer(StatusCode::OK, &value.await?))
}

/// Shows a job that has not ended, or has ended not too long ago.
pub(in super::super) async fn show(call: Call, id: u64) -> Result<Answer, NifcloudError> {
    let value = blocking(move || {
        let records = find(&call, id)?;
        let line = match records.as_slice() {
            [only] if only.array.is_none() || only.array_id() != numbered(id)? => Line::One(only),
            [] => return Err(NifcloudError::NotPermitted),
            parts => Line::Bulk(parts),
        };
        Ok(to_wire::job(line, call.zone(), call.now, false))
    });
    Ok(json_answer(StatusCode::OK, &value.await??))
}

/// Cancels a job.
pub(in super::super) async fn cancel(call: Call, id: u64) -> Result<Answer, NifcloudError> {
    let job = numbered(id)?;
    let records = call.site.jobs.records(job);
    let is_theirs = |job: &Arc<Job>| call.by.may_change(job);
    if records.is_empty()
        || !records.iter().all(is_theirs)
        || !records.iter().any(|job| to_wire::is_unfinished(job))
    {
        return Err(NifcloudError::NotPermitted);
    }
    let target = Target { job, tasks: None, component: None, step: None };
    let selection = Selection { targets: vec![target], cron_jobs: true, ..Selection::default() };
    let handled = call.site.jobs.act(&call.by, selection, Action::Cancel { kill: false }).await?;
    let mut refused = None;
    for one in handled {
        match one.result {
            Ok(()) => return Ok(empty(StatusCode::NO_CONTENT)),
            Err(error) => refused = Some(error),
        }
    }
    Err(match refused {
        None | Some(Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Forbidden(_)) => {
            NifcloudError::NotPermitted
        }
        Some(error @ (Error::Unavailable(_) | Error::Bug(_))) => error.into(),
    })
}

/// A number that no job can have is nobody's.
fn numbered(id: u64) -> Result<JobId, NifcloudError> {
    let id = u32::try_from(id).ok().filter(|id| *id > 0).ok_or(NifcloudError::NotPermitted)?;
    Ok(JobId(id))
}

/// Finds what a number stands for: a job, or the parts of a bulk job that there are. Blocks.
fn find(call: &Call, id: u64) -> Result<Vec<Arc<Job>>, NifcloudError> {
    let id = numbered(id)?;
    let mut records = call.site.jobs.records(id);
    if records.is_empty() {
        let attempts = call.site.jobs.history().attempts(id)?;
        let oldest = call.now.before(call.nifcloud.habits.retention);
        let is_recent = |job: &Arc<Job>| matches!(&job.phase, Phase::Ended(ended) if ended.ended >= oldest);
        for job in attempts.into_iter().map(|closed| closed.job).filter(is_recent) {
            // Of several attempts the last one counts.
            match records.iter_mut().find(|known| known.id == job.id && known.array == job.array) {
                Some(known) => *known = job,
                None => records.push(job),
            }
        }
    }
    let is_theirs = |job: &Arc<Job>| call.by.may_change(job);
    if records.is_empty() || !records.iter().all(is_theirs) {
        Err(NifcloudError::NotPermitted)
    } else {
        Ok(records)
    }
}
