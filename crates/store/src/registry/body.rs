//! A record as bytes: everything that no table needs to look at.

use domain::Text;
use domain::monitoring::{
    HostResources, JobState, MonitoringStatus, Origin, Record, RecordId, Sharing, Statistics, Unit,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bytes that are no record.
#[derive(Debug, thiserror::Error)]
#[error("a record of a monitored job is broken: {0}")]
pub(super) struct BadBody(String);

/// What a record has beside its columns. Keys are short and never used for anything else; what is missing is as in an
/// empty record.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Body {
    #[serde(rename = "s")]
    sub_cluster: Text,
    #[serde(rename = "p")]
    partition: Text,
    #[serde(rename = "a")]
    array_job: i64,
    #[serde(rename = "n")]
    num_nodes: u32,
    #[serde(rename = "h")]
    num_hwthreads: u32,
    #[serde(rename = "g")]
    num_acc: u32,
    #[serde(rename = "x")]
    sharing: u8,
    #[serde(rename = "m")]
    monitoring: u8,
    #[serde(rename = "t")]
    smt: u32,
    #[serde(rename = "d")]
    duration: i64,
    #[serde(rename = "w")]
    walltime: i64,
    #[serde(rename = "r")]
    requested_memory: i64,
    #[serde(rename = "R")]
    resources: Vec<(Text, Vec<u32>, Vec<Text>, Text)>,
    #[serde(rename = "S")]
    statistics: Vec<(Text, Text, Text, [f64; 3])>,
    #[serde(rename = "F")]
    footprint: BTreeMap<Text, f64>,
    #[serde(rename = "e")]
    energy: f64,
    #[serde(rename = "E")]
    energy_footprint: BTreeMap<Text, f64>,
}

/// What the tables have of a record.
pub(super) struct Columns {
    pub(super) id: RecordId,
    pub(super) cluster: Text,
    pub(super) user: Text,
    pub(super) project: Text,
    pub(super) state: JobState,
    pub(super) start: i64,
    pub(super) job: i64,
    pub(super) attempt: i64,
    pub(super) submitted: i64,
}

/// Returns the number a state has in tables.
pub(super) fn state_number(state: JobState) -> i64 {
    JobState::ALL.iter().position(|one| *one == state).map_or(-1, |at| at as i64)
}

/// Finds the state of a number.
pub(super) fn numbered(number: i64) -> Option<JobState> {
    JobState::ALL.get(usize::try_from(number).ok()?).copied()
}

/// Writes a record's body.
pub(super) fn written(record: &Record) -> Result<Vec<u8>, BadBody> {
    let resources = record.resources.iter().map(|one| {
        (one.hostname.clone(), one.hwthreads.clone(), one.accelerators.clone(), one.configuration.clone())
    });
    let statistics = record.statistics.iter().map(|(metric, (unit, known))| {
        (metric.clone(), unit.base.clone(), unit.prefix.clone(), [known.min, known.avg, known.max])
    });
    let body = Body {
        sub_cluster: record.sub_cluster.clone(),
        partition: record.partition.clone(),
        array_job: record.array_job,
        num_nodes: record.num_nodes,
        num_hwthreads: record.num_hwthreads,
        num_acc: record.num_acc,
        sharing: record.sharing.exclusive(),
        monitoring: record.monitoring.number(),
        smt: record.smt,
        duration: record.duration,
        walltime: record.walltime,
        requested_memory: record.requested_memory,
        resources: resources.collect(),
        statistics: statistics.collect(),
        footprint: record.footprint.clone(),
        energy: record.energy,
        energy_footprint: record.energy_footprint.clone(),
    };
    rmp_serde::to_vec_named(&body).map_err(|error| BadBody(error.to_string()))
}

/// Reads a record from its columns and its body; words and tags are not in these.
pub(super) fn read(columns: Columns, bytes: &[u8]) -> Result<Record, BadBody> {
    let body: Body = rmp_serde::from_slice(bytes).map_err(|error| BadBody(error.to_string()))?;
    let sharings = [Sharing::MultiUser, Sharing::None, Sharing::SingleUser];
    let sharing = sharings.into_iter().find(|one| one.exclusive() == body.sharing);
    let resource = |(hostname, hwthreads, accelerators, configuration)| HostResources {
        hostname,
        hwthreads,
        accelerators,
        configuration,
    };
    let statistic = |(metric, base, prefix, [min, avg, max]): (Text, Text, Text, [f64; 3])| {
        (metric, (Unit { base, prefix }, Statistics { min, avg, max }))
    };
    Ok(Record {
        id: columns.id,
        origin: match u32::try_from(columns.attempt) {
            Ok(attempt) => Origin::Engine { attempt },
            Err(_) => Origin::Registered,
        },
        job: columns.job,
        user: columns.user,
        project: columns.project,
        cluster: columns.cluster,
        sub_cluster: body.sub_cluster,
        partition: body.partition,
        array_job: body.array_job,
        num_nodes: body.num_nodes,
        num_hwthreads: body.num_hwthreads,
        num_acc: body.num_acc,
        sharing: sharing.ok_or_else(|| BadBody(format!("sharing {}", body.sharing)))?,
        monitoring: MonitoringStatus::numbered(body.monitoring)
            .ok_or_else(|| BadBody(format!("monitoring status {}", body.monitoring)))?,
        smt: body.smt,
        state: columns.state,
        submit_time: columns.submitted,
        start_time: columns.start,
        duration: body.duration,
        walltime: body.walltime,
        requested_memory: body.requested_memory,
        resources: body.resources.into_iter().map(resource).collect(),
        meta: BTreeMap::new(),
        tags: Vec::new(),
        statistics: body.statistics.into_iter().map(statistic).collect(),
        footprint: body.footprint,
        energy: body.energy,
        energy_footprint: body.energy_footprint,
    })
}

/// Writes what is told of a job in words; scripts are among it.
pub(super) fn words(meta: &BTreeMap<Text, String>) -> Result<Vec<u8>, BadBody> {
    if meta.is_empty() {
        return Ok(Vec::new());
    }
    let plain = rmp_serde::to_vec(meta).map_err(|error| BadBody(error.to_string()))?;
    // Told the length, it prepares tables of that size alone.
    zstd::bulk::compress(&plain, 1).map_err(|error| BadBody(error.to_string()))
}

/// Reads what is told of a job in words.
pub(super) fn read_words(bytes: &[u8]) -> Result<BTreeMap<Text, String>, BadBody> {
    if bytes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let plain = zstd::decode_all(bytes).map_err(|error| BadBody(error.to_string()))?;
    rmp_serde::from_slice(&plain).map_err(|error| BadBody(error.to_string()))
}
