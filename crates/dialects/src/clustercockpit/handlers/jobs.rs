//! Jobs listed and shown with their series.

use super::super::body::value;
use super::super::error::CockpitError;
use super::super::{from_wire, to_wire};
use super::shown::shown;
use super::{Call, LARGEST, Sight, json};
use crate::http::answer::{Answer, answer};
use domain::Text;
use domain::monitoring::{DataWanted, JobState, Record, RecordsWanted, Scope};
use domain::service::{MonitorError, Monitoring, Which};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A list of jobs; `total` is ours.
#[derive(Serialize)]
struct Page<'a> {
    jobs: Vec<to_wire::Job<'a>>,
    items: i64,
    page: i64,
    total: u64,
}

/// Lists jobs, those that started last first.
pub(crate) async fn list(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let mut listing = from_wire::listing(&call.query)?;
    let sight = call.sight();
    let bytes = call
        .apart(move |monitoring| {
            listing.wanted.seen_by = sight(monitoring)?.person().cloned();
            let registry = monitoring.registry();
            let records = registry.list(&listing.wanted)?;
            let total = registry.count(&listing.wanted)?;
            let now = monitoring.now();
            let jobs = records.iter().map(|record| to_wire::listed(record, listing.wanted.with_meta, now));
            let (items, page) = (listing.items, listing.page);
            Ok(to_wire::written(&Page { jobs: jobs.collect(), items, page, total }))
        })
        .await?;
    Ok(answer(StatusCode::OK, "application/json", bytes))
}

/// Reads `scope` and `resolution` out of a query: scopes by their words, and the seconds between two values.
fn wishes(call: &Call<'_>, mut wanted: DataWanted) -> Result<(DataWanted, Option<i64>), CockpitError> {
    let mut resolution = None;
    for (name, value) in &call.query {
        let value = value.as_deref().unwrap_or_default();
        let bad = || CockpitError::bad(format!("invalid query parameter value: {name}={value}"));
        match name.as_ref() {
            "scope" => wanted.scopes.push(Scope::named(value).ok_or_else(bad)?),
            "metric" => wanted.metrics.get_or_insert_default().push(value.into()),
            "resolution" => {
                resolution = Some(value.parse::<i64>().ok().filter(|step| *step > 0).ok_or_else(bad)?);
            }
            "all-metrics" => {}
            _ => return Err(CockpitError::bad(format!("invalid query parameter: {name}"))),
        }
    }
    Ok((wanted, resolution))
}

/// Finds a job that may be seen, and says what of its series is wanted.
pub(super) fn found(
    monitoring: &Monitoring,
    which: &Which,
    sight: &Sight,
    wanted: DataWanted,
    resolution: Option<i64>,
) -> Result<(Record, DataWanted), CockpitError> {
    let record = monitoring.find(which)?.record;
    if !sight.sees(&record) {
        return Err(MonitorError::NotFound.into());
    }
    let lasts = record.until(monitoring.now()).saturating_sub(record.start_time).max(1);
    let most_values = resolution.map(|step| usize::try_from(lasts / step).unwrap_or(usize::MAX).max(1));
    Ok((record, DataWanted { most_values, is_public: sight.is_plain(), ..wanted }))
}

/// What the older call for series answers: it never fails, and says inside what is wrong (facts 3.8).
#[derive(Serialize)]
struct Wrapped<'a> {
    data: Option<WrappedMetrics<'a>>,
    error: Option<WrappedError>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrappedMetrics<'a> {
    job_metrics: Vec<to_wire::NamedMetric<'a>>,
}

#[derive(Serialize)]
struct WrappedError {
    message: String,
}

/// `jobs/metrics`: the series of a job as the query names them.
pub(crate) async fn metrics(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let which = Which::Id(call.id()?);
    let (wanted, resolution) = wishes(&call, DataWanted::default())?;
    let sight = call.sight();
    let bytes = call
        .apart(move |monitoring| {
            let found = sight(monitoring)
                .map_err(CockpitError::from)
                .and_then(|sight| found(monitoring, &which, &sight, wanted, resolution))
                .and_then(|(record, wanted)| Ok(monitoring.data(&record, &wanted)?));
            Ok(match &found {
                Ok(metrics) => {
                    let data = Some(WrappedMetrics { job_metrics: to_wire::job_metrics(metrics) });
                    to_wire::measured(&Wrapped { data, error: None })
                }
                Err(error) => {
                    let error = Some(WrappedError { message: error.to_string() });
                    to_wire::written(&Wrapped { data: None, error })
                }
            })
        })
        .await?;
    Ok(answer(StatusCode::OK, "application/json", bytes))
}

/// Shows a job with the metrics that the body names; a null names all.
pub(crate) async fn data(call: Call<'_>, body: Incoming) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    call.id()?;
    let body = call.read(body, LARGEST).await?;
    let bad = || CockpitError::bad("the body must be a list of the names of metrics").plain();
    let metrics = match value(&body).map_err(|_| bad())? {
        Value::Null => None,
        Value::Array(names) => {
            let name = |name: &Value| name.as_str().map(Text::from).ok_or_else(bad);
            Some(names.iter().map(name).collect::<Result<Vec<_>, _>>()?)
        }
        _ => return Err(bad()),
    };
    let (wanted, resolution) = wishes(&call, DataWanted { metrics, ..DataWanted::default() })?;
    shown(call, wanted, resolution).await
}

/// Shows a job; with `all-metrics=true`, or with metrics that are named, with these.
pub(crate) async fn show(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let wants_all =
        call.query.iter().any(|(name, value)| name == "all-metrics" && value.as_deref() == Some("true"));
    let metrics = if wants_all { None } else { Some(Vec::new()) };
    let (wanted, resolution) = wishes(&call, DataWanted { metrics, ..DataWanted::default() })?;
    shown(call, wanted, resolution).await
}

/// Names, cluster by cluster, the hosts on which jobs run that started before `ts`.
pub(crate) async fn used_nodes(call: Call<'_>) -> Result<Answer, CockpitError> {
    call.by.needs("api")?;
    let [(name, Some(value))] = call.query.as_slice() else {
        return Err(CockpitError::bad("the query parameter ts is required, seconds since 1970"));
    };
    let before: Option<i64> = value.parse().ok().filter(|_| name == "ts");
    let before =
        before.ok_or_else(|| CockpitError::bad(format!("invalid query parameter value: {name}={value}")))?;
    let used = call
        .apart(move |monitoring| {
            let states = vec![JobState::Running];
            let wanted = RecordsWanted {
                states,
                started_until: Some(before.saturating_sub(1)),
                ..RecordsWanted::default()
            };
            let mut used: BTreeMap<Text, BTreeSet<Text>> = BTreeMap::new();
            for record in monitoring.registry().list(&wanted)? {
                let hosts = record.resources.into_iter().map(|host| host.hostname);
                used.entry(record.cluster).or_default().extend(hosts);
            }
            Ok(used)
        })
        .await?;
    Ok(json(StatusCode::OK, &serde_json::json!({ "usedNodes": used })))
}
