//! Tags of jobs, and what is told of them in words.

use super::super::body::{Fields, value};
use super::super::error::CockpitError;
use super::super::{from_wire, to_wire};
use super::{Call, LARGEST, json};
use crate::http::answer::{Answer, answer};
use domain::Text;
use domain::monitoring::{Tag, TagScope};
use domain::service::{MonitorError, Which};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde_json::Value;

/// What is said of an unknown job here.
fn unknown(error: MonitorError) -> CockpitError {
    let is_unknown = matches!(error, MonitorError::NotFound);
    let error = CockpitError::from(error).plain();
    if is_unknown { error.with(StatusCode::NOT_FOUND) } else { error }
}

/// `tag_job`: gives a job tags; it may have some of them.
pub(crate) async fn tag(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let id = call.id().map_err(CockpitError::plain)?;
    let tags = from_wire::tags(&call.read(body, LARGEST).await?).map_err(CockpitError::plain)?;
    let (record, now) = call
        .apart(move |monitoring| Ok((monitoring.tag(id, &tags).map_err(unknown)?, monitoring.now())))
        .await?;
    Ok(json(StatusCode::OK, &to_wire::single(&record, now, true, &call.site.zone)))
}

/// Takes tags from a job.
pub(crate) async fn untag(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let id = call.id().map_err(CockpitError::plain)?;
    let tags = from_wire::tags(&call.read(body, LARGEST).await?).map_err(CockpitError::plain)?;
    refuse_private(&tags)?;
    let (record, now) = call
        .apart(move |monitoring| Ok((monitoring.untag(id, &tags).map_err(unknown)?, monitoring.now())))
        .await?;
    Ok(json(StatusCode::OK, &to_wire::single(&record, now, true, &call.site.zone)))
}

/// Private tags are their owners'.
fn refuse_private(tags: &[Tag]) -> Result<(), CockpitError> {
    match tags.iter().any(|tag| matches!(tag.scope, TagScope::Private(_))) {
        true => {
            Err(CockpitError::bad("private tags cannot be removed: scope must be global or admin").plain())
        }
        false => Ok(()),
    }
}

/// `tags`: takes tags away from everywhere.
pub(crate) async fn forget_tags(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let tags = from_wire::tags(&call.read(body, LARGEST).await?).map_err(CockpitError::plain)?;
    refuse_private(&tags)?;
    let is_asked = !tags.is_empty();
    let gone = call.apart(move |monitoring| Ok(monitoring.forget_tags(&tags)?)).await?;
    if is_asked && gone == 0 {
        return Err(CockpitError::new(StatusCode::NOT_FOUND, "there is no such tag").plain());
    }
    Ok(answer(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        format!("Deleted Tags from DB: {gone}\n").into_bytes(),
    ))
}

/// `edit_meta`: sets one word about the job of this record.
pub(crate) async fn edit_meta(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let which = Which::Id(call.id()?);
    let word = word(value(&call.read(body, LARGEST).await?)?)?;
    edit(call, which, vec![word]).await
}

/// Reads a word and what it says.
fn word(payload: Value) -> Result<(Text, String), CockpitError> {
    let mut fields = Fields::of("meta", payload, &["key", "value"])?;
    let (key, text) = (fields.text("key")?, fields.text("value")?);
    match key.is_empty() {
        true => Err(CockpitError::bad("the field 'key' is required")),
        false => Ok((key.into(), text)),
    }
}

/// `edit_meta` of the job with this number on its cluster: its `payload` is one word; ours also takes several as
/// `metaData`.
pub(crate) async fn edit_meta_by_job(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let known = ["jobId", "cluster", "startTime", "payload", "metaData"];
    let mut fields = Fields::of("meta", value(&call.read(body, LARGEST).await?)?, &known)?;
    let cluster = fields.text("cluster")?;
    let cluster = (!cluster.is_empty()).then(|| cluster.into());
    let start = fields.integer("startTime")?;
    let job = fields.integer("jobId")?.ok_or_else(|| CockpitError::bad("the field 'jobId' is required"))?;
    let mut words: Vec<(Text, String)> =
        fields.words("metaData")?.into_iter().map(|(key, text)| (key.into(), text)).collect();
    if let Some(payload) = fields.take("payload") {
        words.push(word(payload)?);
    }
    if words.is_empty() {
        return Err(CockpitError::bad("the field 'payload' is required"));
    }
    edit(call, Which::Job { job, cluster, start }, words).await
}

async fn edit(call: Call<'_>, which: Which, words: Vec<(Text, String)>) -> Result<Answer, CockpitError> {
    let (record, now) = call
        .apart(move |monitoring| {
            let told = monitoring.tell(&which, &words);
            let is_unknown = matches!(told, Err(MonitorError::NotFound));
            let told = told.map_err(CockpitError::from);
            let record =
                told.map_err(|error| if is_unknown { error.with(StatusCode::NOT_FOUND) } else { error })?;
            Ok((record, monitoring.now()))
        })
        .await?;
    Ok(json(StatusCode::OK, &to_wire::listed(&record, true, now)))
}
