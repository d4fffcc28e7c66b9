//! Changing records: their names and descriptions, and the state that they are in.

use super::super::apart;
use super::super::from_wire::{self, Changed};
use super::super::subject::{Known, Subject};
use super::jobs::shown;
use super::{Call, WaldurError, detail, id};
use crate::http::answer::Answer;
use domain::Error;
use domain::Text;
use domain::job::Change;
use domain::service::Update;
use hyper::StatusCode;
use hyper::body::Incoming;
use std::sync::Arc;

/// The owner's remark on a job is bounded.
const LONGEST_COMMENT: usize = 1024;

impl Call<'_> {
    /// Finds the record of a name in the path, which the caller may see.
    pub(super) async fn seen(&self, name: &str) -> Result<Subject, WaldurError> {
        let id = id(name)?;
        let (site, waldur, by) = (Arc::clone(self.site), Arc::clone(self.waldur), self.by()?.clone());
        apart(move || Subject::seen(&site, &waldur, &by, id)).await
    }

    /// Finds the record of a name in the path, which the caller may change.
    pub(super) async fn own(&self, name: &str) -> Result<Subject, WaldurError> {
        let subject = self.seen(name).await?;
        if subject.is_changed_by(self.by()?) { Ok(subject) } else { Err(WaldurError::Forbidden) }
    }

    /// Checks that staff asks: what it may do comes before what is asked about.
    pub(super) fn needs_staff(&self) -> Result<(), WaldurError> {
        if self.by()?.is_operator() { Ok(()) } else { Err(WaldurError::Forbidden) }
    }
}

/// Changes name and description, in the job itself where that is still possible.
pub(in super::super) async fn update(
    call: Call<'_>,
    name: &str,
    body: Incoming,
    is_partial: bool,
) -> Result<Answer, WaldurError> {
    let subject = call.own(name).await?;
    if subject.fault().is_some() {
        return Err(WaldurError::State("OK"));
    }
    let changed = from_wire::changed(call.fields(body).await?, is_partial)?;
    let id = subject.id();
    let is_kept_by_job = match &subject {
        Subject::Job(known) => change_job(&call, known, &changed).await?,
        Subject::Refused(_) => false,
    };
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let subject = apart(move || {
        let now = site.jobs.clock().now().micros();
        let Changed { name, description } = changed;
        match subject {
            Subject::Job(_) => waldur.records.change_note(id, |note| {
                if is_kept_by_job {
                    note.name = None;
                } else {
                    note.name = name.or_else(|| note.name.take());
                }
                note.description = description.or_else(|| note.description.take());
                note.modified = now;
            })?,
            Subject::Refused(_) => {
                let is_there = waldur.records.change_refused(id, |refused| {
                    refused.name = name.unwrap_or_else(|| std::mem::take(&mut refused.name));
                    refused.description =
                        description.unwrap_or_else(|| std::mem::take(&mut refused.description));
                    refused.modified = now;
                })?;
                if !is_there {
                    return Err(WaldurError::NoJob);
                }
            }
        }
        Subject::seen(&site, &waldur, &by, id)
    })
    .await?;
    shown(&call, subject, StatusCode::OK).await
}

/// Changes a job that is not over; says whether its name is now what it shall be.
async fn change_job(call: &Call<'_>, known: &Known, changed: &Changed) -> Result<bool, WaldurError> {
    let comment = changed.description.as_ref().map(|description| {
        let end = description.floor_char_boundary(LONGEST_COMMENT);
        Change::Comment(Text::from(description.get(..end).unwrap_or_default()))
    });
    let name = changed.name.as_ref().map(|name| Change::Name(Text::from(name)));
    let changes: Vec<Change> = name.into_iter().chain(comment).collect();
    if known.is_final() || changes.is_empty() {
        return Ok(false);
    }
    let job = &known.lead.job;
    let number = if job.het.is_some() { job.id } else { job.array_id() };
    let update = Update { changes, hold: None };
    match call.site.jobs.update(call.by()?, number, update).await {
        Ok(handled) => Ok(handled.iter().all(|one| one.result.is_ok())),
        // It has ended meanwhile, or is one of those that stay as they are: then it is noted beside it.
        Err(Error::NotFound(_) | Error::Conflict(_) | Error::Invalid(_)) => Ok(false),
        Err(error @ (Error::Forbidden(_) | Error::Unavailable(_) | Error::Bug(_))) => Err(error.into()),
    }
}

/// Takes in how the job stands: it is looked at anew, and if it is there nothing is wrong with its record any more.
pub(in super::super) async fn pull(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let subject = call.own(name).await?;
    if subject.backend_id().is_empty() {
        return Err(WaldurError::Bare("Resource does not have backend ID."));
    }
    if subject.fault().is_some() {
        set_fault(&call, subject.id(), None).await?;
    }
    Ok(detail(StatusCode::ACCEPTED, "Pull operation was successfully scheduled."))
}

/// Takes a record out of the state ERRED.
pub(in super::super) async fn set_ok(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    call.needs_staff()?;
    let subject = call.seen(name).await?;
    set_fault(&call, subject.id(), None).await?;
    Ok(detail(StatusCode::OK, "The state of the job is OK now."))
}

/// Puts a record into the state ERRED.
pub(in super::super) async fn set_erred(
    call: Call<'_>,
    name: &str,
    body: Incoming,
) -> Result<Answer, WaldurError> {
    call.needs_staff()?;
    let subject = call.seen(name).await?;
    let fault = from_wire::fault(call.fields(body).await?)?;
    set_fault(&call, subject.id(), Some(fault)).await?;
    Ok(detail(StatusCode::OK, "The state of the job is ERRED now."))
}

async fn set_fault(
    call: &Call<'_>,
    id: u128,
    fault: Option<super::super::records::Fault>,
) -> Result<(), WaldurError> {
    let (site, waldur) = (Arc::clone(call.site), Arc::clone(call.waldur));
    apart(move || {
        let now = site.jobs.clock().now().micros();
        let is_refused = waldur.records.change_refused(id, |refused| {
            (refused.fault, refused.modified) = (fault.clone(), now);
        })?;
        if !is_refused {
            waldur.records.change_note(id, |note| (note.fault, note.modified) = (fault, now))?;
        }
        Ok(())
    })
    .await
}
