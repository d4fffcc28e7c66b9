//! A job, in the two forms the original has: in lists, and alone (facts 3.2 and 3.3).

use domain::monitoring::{HostResources, Record, Statistics, Tag, TagId, TagScope, Unit};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    job_id: i64,
    user: &'a str,
    project: &'a str,
    cluster: &'a str,
    sub_cluster: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    partition: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    array_job_id: i64,
    num_nodes: u32,
    #[serde(skip_serializing_if = "is_zero")]
    num_hwthreads: u32,
    #[serde(skip_serializing_if = "is_zero")]
    num_acc: u32,
    exclusive: u8,
    shared: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    monitoring_status: u8,
    #[serde(skip_serializing_if = "is_zero")]
    smt: u32,
    job_state: &'static str,
    duration: i64,
    #[serde(skip_serializing_if = "is_zero")]
    walltime: i64,
    #[serde(skip_serializing_if = "is_zero")]
    requested_memory: i64,
    #[serde(skip_serializing_if = "is_zero")]
    submit_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<WireTag<'a>>,
    resources: Vec<Resource<'a>>,
    meta_data: Option<&'a BTreeMap<domain::Text, String>>,
    concurrent_jobs: Links,
    #[serde(skip_serializing_if = "is_zero")]
    energy: f64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    energy_footprint: &'a BTreeMap<domain::Text, f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    footprint: &'a BTreeMap<domain::Text, f64>,
    start_time: Start,
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<Option<BTreeMap<&'a str, WireStatistics<'a>>>>,
}

/// Lists have seconds, the single form a date.
#[derive(Serialize)]
#[serde(untagged)]
enum Start {
    Seconds(i64),
    Date(String),
}

#[derive(Serialize)]
struct WireTag<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    name: &'a str,
    scope: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Resource<'a> {
    hostname: &'a str,
    #[serde(skip_serializing_if = "<[u32]>::is_empty")]
    hwthreads: &'a [u32],
    #[serde(skip_serializing_if = "<[domain::Text]>::is_empty")]
    accelerators: &'a [domain::Text],
    #[serde(skip_serializing_if = "str::is_empty")]
    configuration: &'a str,
}

#[derive(Serialize)]
struct Links {
    items: Option<Vec<u64>>,
    count: u32,
}

#[derive(Serialize)]
pub(super) struct WireUnit<'a> {
    pub(super) base: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(super) prefix: &'a str,
}

#[derive(Serialize)]
struct WireStatistics<'a> {
    unit: WireUnit<'a>,
    avg: f64,
    min: f64,
    max: f64,
}

pub(super) fn unit(unit: &Unit) -> WireUnit<'_> {
    WireUnit { base: &unit.base, prefix: &unit.prefix }
}

fn tag((id, tag): &(TagId, Tag)) -> WireTag<'_> {
    let scope = match &tag.scope {
        TagScope::Global => "global",
        TagScope::Admin => "admin",
        TagScope::Private(owner) => owner.as_str(),
    };
    WireTag { id: id.0, kind: &tag.kind, name: &tag.name, scope }
}

fn resource(one: &HostResources) -> Resource<'_> {
    Resource {
        hostname: &one.hostname,
        hwthreads: &one.hwthreads,
        accelerators: &one.accelerators,
        configuration: &one.configuration,
    }
}

fn statistics(record: &Record) -> Option<BTreeMap<&str, WireStatistics<'_>>> {
    if record.statistics.is_empty() {
        return None;
    }
    let mut all = BTreeMap::new();
    for (metric, (own, known)) in &record.statistics {
        let Statistics { min, avg, max } = *known;
        all.insert(metric.as_str(), WireStatistics { unit: unit(own), avg, min, max });
    }
    Some(all)
}

fn job<'a>(record: &'a Record, now: i64, start_time: Start) -> Job<'a> {
    let duration = match record.state.is_over() || record.duration > 0 {
        true => record.duration,
        false => now.saturating_sub(record.start_time).max(0),
    };
    Job {
        id: Some(record.id.0),
        job_id: record.job,
        user: &record.user,
        project: &record.project,
        cluster: &record.cluster,
        sub_cluster: &record.sub_cluster,
        partition: &record.partition,
        array_job_id: record.array_job,
        num_nodes: record.num_nodes,
        num_hwthreads: record.num_hwthreads,
        num_acc: record.num_acc,
        exclusive: record.sharing.exclusive(),
        shared: record.sharing.shared(),
        monitoring_status: record.monitoring.number(),
        smt: record.smt,
        job_state: record.state.name(),
        duration,
        walltime: record.walltime,
        requested_memory: record.requested_memory,
        submit_time: record.submit_time,
        tags: record.tags.iter().map(tag).collect(),
        resources: record.resources.iter().map(resource).collect(),
        meta_data: None,
        concurrent_jobs: Links { items: None, count: 0 },
        energy: record.energy,
        energy_footprint: &record.energy_footprint,
        footprint: &record.footprint,
        start_time,
        statistics: None,
    }
}

/// Describes a job as lists do; with what is told of it in words if that was asked for.
pub(crate) fn listed(record: &Record, with_meta: bool, now: i64) -> Job<'_> {
    Job {
        meta_data: with_meta.then_some(&record.meta).filter(|meta| !meta.is_empty()),
        statistics: Some(statistics(record)),
        ..job(record, now, Start::Seconds(record.start_time))
    }
}

/// Describes a job as its file in an archive does: its number here means nothing there.
pub(crate) fn archived(record: &Record) -> Job<'_> {
    let mut own = Job { id: None, ..listed(record, true, 0) };
    own.tags.iter_mut().for_each(|tag| tag.id = 0);
    own
}

/// Describes a job alone: its start is a date; tags are told only where they have just changed.
pub(crate) fn single<'a>(record: &'a Record, now: i64, with_tags: bool, zone: &TimeZone) -> Job<'a> {
    let date = jiff::Timestamp::from_second(record.start_time)
        .map(|at| {
            let shown = at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            // The zero offset has a letter.
            shown.strip_suffix("+00:00").map_or(shown.clone(), |plain| format!("{plain}Z"))
        })
        .unwrap_or_default();
    let mut own = job(record, now, Start::Date(date));
    if !with_tags {
        own.tags.clear();
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Text;
    use domain::monitoring::{JobState, RecordId};
    use serde_json::json;

    fn record() -> Record {
        Record {
            id: RecordId(3),
            job: 123,
            user: "u".into(),
            cluster: "c".into(),
            sub_cluster: "s".into(),
            num_nodes: 1,
            start_time: 1000,
            resources: vec![HostResources {
                hostname: "h".into(),
                hwthreads: vec![0, 1],
                ..HostResources::default()
            }],
            meta: [(Text::from("jobName"), "x".to_owned())].into(),
            ..Record::default()
        }
    }

    #[test]
    fn lists_have_every_field_in_order() {
        let text = serde_json::to_string(&listed(&record(), false, 1060)).unwrap();
        assert_eq!(
            text,
            r#"{"id":3,"jobId":123,"user":"u","project":"","cluster":"c","subCluster":"s","numNodes":1,"exclusive":1,"shared":"none","monitoringStatus":1,"jobState":"running","duration":60,"resources":[{"hostname":"h","hwthreads":[0,1]}],"metaData":null,"concurrentJobs":{"items":null,"count":0},"startTime":1000,"statistics":null}"#
        );
    }

    #[test]
    fn what_is_over_has_its_own_duration_and_statistics() {
        let unit = Unit { base: "B".into(), prefix: "G".into() };
        let own = Record {
            state: JobState::Failed,
            duration: 7,
            statistics: [(Text::from("mem_used"), (unit, Statistics { min: 1.0, avg: 1.5, max: 2.0 }))]
                .into(),
            tags: vec![(TagId(9), Tag { kind: "t".into(), name: "n".into(), ..Tag::default() })],
            ..record()
        };
        let value = serde_json::to_value(listed(&own, true, 99_999)).unwrap();
        assert_eq!((&value["duration"], &value["metaData"]), (&json!(7), &json!({"jobName": "x"})));
        assert_eq!(value["tags"], json!([{"id": 9, "type": "t", "name": "n", "scope": "global"}]));
        let wanted =
            json!({"mem_used": {"unit": {"base": "B", "prefix": "G"}, "avg": 1.5, "min": 1.0, "max": 2.0}});
        assert_eq!(value["statistics"], wanted);
        let alone = serde_json::to_value(single(&own, 99_999, false, &TimeZone::UTC)).unwrap();
        assert_eq!(alone["startTime"], "1970-01-01T00:16:40Z");
        assert!(
            alone.get("tags").is_none() && alone.get("statistics").is_none() && alone["metaData"].is_null()
        );
        let berlin = TimeZone::fixed(jiff::tz::offset(2));
        let alone = serde_json::to_value(single(&own, 99_999, true, &berlin)).unwrap();
        assert_eq!(
            (&alone["startTime"], alone["tags"].as_array().map(Vec::len)),
            (&json!("1970-01-01T02:16:40+02:00"), Some(1))
        );
    }
}
