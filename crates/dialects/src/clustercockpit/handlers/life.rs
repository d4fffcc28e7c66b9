//! Jobs that start, end and are deleted.

use super::super::error::CockpitError;
use super::super::{from_wire, to_wire};
use super::{Call, LARGEST, json};
use crate::http::answer::Answer;
use domain::service::{MonitorError, Which};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

/// A day of a job on many cores, uncompressed.
const LARGEST_IMPORT: u64 = 64 << 20;

/// `start_job`: 201 with the answers of all releases in one object.
pub(crate) async fn start(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let record = from_wire::start(&call.read(body, LARGEST).await?)?;
    let id = call.apart(move |monitoring| Ok(monitoring.begin(record)?)).await?;
    Ok(json(StatusCode::CREATED, &json!({ "id": id.0, "msg": "success" })))
}

/// A job of another archive, with its two files.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imported<'a> {
    #[serde(borrow)]
    meta: &'a RawValue,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// `import_job`, which is ours: takes in a job that is over, as its folder in an archive describes it. 422 for one that is
/// known already.
pub(crate) async fn import(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let body = call.read(body, LARGEST_IMPORT).await?;
    let id = call
        .apart(move |monitoring| {
            let Imported { meta, data } =
                serde_json::from_slice(&body).map_err(|error| CockpitError::bad(error.to_string()))?;
            let bad =
                |file: &str, error: from_wire::BadArchived| CockpitError::bad(format!("{file}: {error}"));
            let record =
                from_wire::archived_job(meta.get().as_bytes()).map_err(|error| bad("meta", error))?;
            let record = monitoring.importable(record)?;
            from_wire::archived_series(data.get().as_bytes()).map_err(|error| bad("data", error))?;
            Ok(monitoring.import(record, data.get().as_bytes())?)
        })
        .await?;
    Ok(json(StatusCode::CREATED, &json!({ "id": id.0, "msg": "success" })))
}

/// `stop_job` by the job's number on its cluster.
pub(crate) async fn stop(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let stop = from_wire::stop(&call.read(body, LARGEST).await?)?;
    let which = stop.which.clone().ok_or_else(|| CockpitError::bad("the field 'jobId' is required"))?;
    ended(call, which, stop).await
}

/// `stop_job` by the number of its record; a `jobId` in the body is passed over.
pub(crate) async fn stop_by_id(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let which = Which::Id(call.id()?);
    let stop = from_wire::stop(&call.read(body, LARGEST).await?)?;
    ended(call, which, stop).await
}

async fn ended(call: Call<'_>, which: Which, stop: from_wire::Stop) -> Result<Answer, CockpitError> {
    let zone = call.site.zone.clone();
    let (record, now) = call
        .apart(move |monitoring| Ok((monitoring.end(&which, stop.at, stop.state)?, monitoring.now())))
        .await?;
    Ok(json(StatusCode::OK, &to_wire::single(&record, now, false, &zone)))
}

/// `delete_job` by the job's number on its cluster.
pub(crate) async fn delete(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let which = from_wire::deleted(&call.read(body, LARGEST).await?)?;
    let which = which.ok_or_else(|| CockpitError::bad("the field 'jobId' is required"))?;
    let id = call
        .apart(move |monitoring| {
            let id = monitoring.find(&which)?.record.id;
            match monitoring.registry().remove(id)? {
                true => Ok(id),
                false => Err(MonitorError::NotFound.into()),
            }
        })
        .await?;
    Ok(json(StatusCode::OK, &json!({ "msg": format!("Successfully deleted job {}", id.0) })))
}

/// `delete_job` by the number of its record. One that is not there is gone already.
pub(crate) async fn delete_by_id(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let id = call.id()?;
    let was_there = call.apart(move |monitoring| Ok(monitoring.registry().remove(id)?)).await?;
    let msg = match was_there {
        true => format!("Successfully deleted job {}", id.0),
        false => format!("There was no job {}", id.0),
    };
    Ok(json(StatusCode::OK, &json!({ "msg": msg })))
}

/// `delete_job_before`: those that started earlier; with `omit-tagged` those with a tag stay.
pub(crate) async fn delete_before(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let bad = |_| CockpitError::bad(format!("integer expected in path for ts: {}", call.parameter));
    let before: i64 = call.parameter.parse().map_err(bad)?;
    let mut omits = false;
    for (name, value) in &call.query {
        match (name.as_ref(), value.as_deref().unwrap_or_default()) {
            // "user" spares what users have tagged, "all" any; nobody else tags here.
            ("omit-tagged", "all" | "user" | "true") => omits = true,
            ("omit-tagged", "none" | "false") => omits = false,
            (name, _) => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    let gone = call.apart(move |monitoring| Ok(monitoring.registry().remove_before(before, omits)?)).await?;
    Ok(json(StatusCode::OK, &json!({ "msg": format!("Successfully deleted {gone} jobs") })))
}
