//! Deleting records. A job stays in history, where the other dialects see it; here it is gone.

use super::super::apart;
use super::super::subject::{Known, Subject};
use super::{Call, WaldurError};
use crate::http::answer::{Answer, empty};
use domain::Error;
use domain::service::{Action, Selection, Target};
use hyper::StatusCode;
use std::sync::Arc;

/// Cancels a job that is not over, and then forgets it.
pub(in super::super) async fn delete(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let subject = call.own(name).await?;
    if let Subject::Job(known) = &subject
        && !known.is_final()
    {
        cancel(&call, known).await?;
    }
    forget(&call, subject).await
}

/// Forgets a record in any state, and leaves its job alone.
pub(in super::super) async fn unlink(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    call.needs_staff()?;
    let subject = call.seen(name).await?;
    forget(&call, subject).await
}

async fn cancel(call: &Call<'_>, known: &Known) -> Result<(), WaldurError> {
    let job = &known.lead.job;
    let target = match job.het {
        // Of a heterogeneous job the leader stands for all of it.
        Some(part) => Target {
            job: part.leader,
            tasks: None,
            component: (!part.is_leader()).then_some(part.offset),
            step: None,
        },
        None => Target { job: job.array_id(), tasks: None, component: None, step: None },
    };
    let selection = Selection { targets: vec![target], cron_jobs: true, ..Selection::default() };
    let handled = call.site.jobs.act(call.by()?, selection, Action::Cancel { kill: false }).await?;
    for one in handled {
        match one.result {
            // What has ended meanwhile needs no end.
            Ok(()) | Err(Error::NotFound(_) | Error::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn forget(call: &Call<'_>, subject: Subject) -> Result<Answer, WaldurError> {
    let waldur = Arc::clone(call.waldur);
    apart(move || {
        match subject {
            Subject::Job(known) => waldur.records.forget_job(known.id, known.lead.job.array_id())?,
            Subject::Refused(refused) => waldur.records.forget_refused(refused.id)?,
        }
        Ok(())
    })
    .await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
