//! Reading jobs: lists and one.

use super::super::from_wire::{self, Wishes};
use super::super::pages::Page;
use super::super::subject::Subject;
use super::super::to_wire::{self, Document, Showing};
use super::super::{apart, listing};
use super::{Call, WaldurError, id, json};
use crate::http::answer::Answer;
use hyper::{Method, StatusCode};
use serde_json::Value;
use std::sync::Arc;

/// Lists jobs, or only tells how many there are.
pub(in super::super) async fn list(call: Call<'_>) -> Result<Answer, WaldurError> {
    let (wishes, page) = (Wishes::of(&call.query)?, Page::of(&call.query));
    let is_counted_only = *call.method == Method::HEAD;
    let fields = from_wire::fields(&call.query);
    let (site, waldur) = (Arc::clone(call.site), Arc::clone(call.waldur));
    let (by, address) = (call.by()?.clone(), call.address.clone());
    let (total, items) = apart(move || {
        let range = |total| page.of_list(total).map(|range| if is_counted_only { 0..0 } else { range });
        let (total, subjects) = listing::list(&site, &waldur, &by, &wishes, range)?;
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        let with_report = is_shown("report", &fields);
        let now = site.jobs.clock().now();
        let showing =
            Showing { waldur: &waldur, realm: &realm, address: &address, by: &by, now, with_report };
        let items: Vec<Document> = subjects
            .iter()
            .map(|subject| to_wire::chosen(to_wire::job(subject, &showing), &fields))
            .collect();
        Ok((total, items))
    })
    .await?;
    call.page(total, items)
}

/// Tells whether a field may be shown.
fn is_shown(field: &str, fields: &[String]) -> bool {
    fields.is_empty()
        || fields.iter().any(|wanted| wanted == field)
        || !fields.iter().any(|wanted| is_known(wanted))
}

/// Tells whether every record has a field. Those that are enough to leave reports out are known.
fn is_known(field: &str) -> bool {
    ["uuid", "url", "state", "runtime_state", "name", "backend_id", "created", "modified"].contains(&field)
}

/// Shows a job.
pub(in super::super) async fn show(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let id = id(name)?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let subject = apart(move || Subject::seen(&site, &waldur, &by, id)).await?;
    shown(&call, subject, StatusCode::OK).await
}

/// Makes the answer that is a job in full, or the fields of it that are wanted.
pub(super) async fn shown(
    call: &Call<'_>,
    subject: Subject,
    status: StatusCode,
) -> Result<Answer, WaldurError> {
    let fields = from_wire::fields(&call.query);
    let (site, waldur) = (Arc::clone(call.site), Arc::clone(call.waldur));
    let (by, address) = (call.by()?.clone(), call.address.clone());
    let document = apart(move || {
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        let now = site.jobs.clock().now();
        let with_report = is_shown("report", &fields);
        let showing =
            Showing { waldur: &waldur, realm: &realm, address: &address, by: &by, now, with_report };
        Ok(to_wire::chosen(to_wire::job(&subject, &showing), &fields))
    })
    .await?;
    Ok(json(status, &Value::Object(document)))
}
