//! The row of a job without what was asked for, which has a row of its own: a change of state writes only this.

use super::array::{ArrayPartRow, HetPartRow};
use super::dependency::DependencyRow;
use super::phase::PhaseRow;
use super::{BadRow, Stored};
use domain::job::{ArrayPart, Dependency, HetPart, Job, JobSpec, Phase, WayIn};
use domain::{JobId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is in a job's own row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct JobRow {
    #[serde(rename = "a", skip_serializing_if = "super::is_zero")]
    array: Option<ArrayPartRow>,
    #[serde(rename = "h", skip_serializing_if = "super::is_zero")]
    het: Option<HetPartRow>,
    #[serde(rename = "s", skip_serializing_if = "super::is_zero")]
    submitted: i64,
    #[serde(rename = "e", skip_serializing_if = "super::is_zero")]
    eligible: i64,
    #[serde(rename = "p", skip_serializing_if = "super::is_zero")]
    priority: u32,
    #[serde(rename = "d", skip_serializing_if = "super::is_zero")]
    dependency: Option<DependencyRow>,
    #[serde(rename = "r", skip_serializing_if = "super::is_zero")]
    restarts: u32,
    #[serde(rename = "b", skip_serializing_if = "super::is_zero")]
    has_failed_siblings: bool,
    #[serde(rename = "f", skip_serializing_if = "super::is_zero")]
    phase: PhaseRow,
}

/// Adds the row of a job to a buffer.
pub(crate) fn encode_job(job: &Job, into: &mut Vec<u8>) {
    let mut serializer = rmp_serde::Serializer::new(into).with_struct_map();
    row_of(job).serialize(&mut serializer).expect("rows are plain data, and a Vec takes all bytes");
}

/// Returns the row of a job as JSON, for archives.
pub(crate) fn job_to_json(job: &Job) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::to_value(row_of(job))
}

fn row_of(job: &Job) -> JobRow {
    let Job {
        id: _,
        spec: _,
        array,
        het,
        submitted,
        eligible,
        priority,
        dependency,
        restarts,
        has_failed_siblings,
        phase,
    } = job;
    JobRow {
        array: array.to_row(),
        het: het.to_row(),
        submitted: submitted.to_row(),
        eligible: eligible.to_row(),
        priority: *priority,
        dependency: dependency.to_row(),
        restarts: *restarts,
        has_failed_siblings: *has_failed_siblings,
        phase: phase.to_row(),
    }
}

/// Reads a job from the bytes of its row, given its number and what was asked for.
pub(crate) fn decode_job(id: JobId, spec: Arc<JobSpec>, bytes: &[u8]) -> Result<Job, BadRow> {
    job_of(id, spec, rmp_serde::from_slice(bytes)?)
}

/// Reads a job from its row as JSON, given its number and what was asked for.
pub(crate) fn job_from_json(id: JobId, spec: Arc<JobSpec>, json: serde_json::Value) -> Result<Job, BadRow> {
    job_of(id, spec, serde_json::from_value(json)?)
}

fn job_of(id: JobId, spec: Arc<JobSpec>, row: JobRow) -> Result<Job, BadRow> {
    Ok(Job {
        id,
        spec,
        array: Option::<ArrayPart>::from_row(row.array)?,
        het: Option::<HetPart>::from_row(row.het)?,
        submitted: Timestamp::from_row(row.submitted)?,
        eligible: Timestamp::from_row(row.eligible)?,
        priority: row.priority,
        dependency: Option::<Box<Dependency>>::from_row(row.dependency)?,
        restarts: row.restarts,
        has_failed_siblings: row.has_failed_siblings,
        phase: Phase::from_row(row.phase)?,
    })
}

/// Returns how the turn of a job that has ended came, from the bytes of its row; `None` if it never did.
pub(crate) fn way_in(bytes: &[u8]) -> Result<Option<WayIn>, BadRow> {
    let row: JobRow = rmp_serde::from_slice(bytes)?;
    Ok(match Phase::from_row(row.phase)? {
        Phase::Ended(ended) => ended.run.map(|run| run.way_in),
        _ => None,
    })
}
