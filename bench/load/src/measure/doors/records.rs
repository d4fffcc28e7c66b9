//! Waldur's records: a page of the list, and one by itself.

use anyhow::{Context, Result};
use serde_json::Value;

use super::Door;
use crate::drive::Plan;
use crate::measure::{Setting, ms, queue};
use crate::table::{Goal, Row};

/// Reads of a service with ten thousand jobs.
pub(crate) fn records(door: &Door<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let jobs = setting.size(10_000);
    queue::fill(&door.service.target, jobs)?;
    let token = format!("Token {}", door.credential("waldur")?);
    let get = |path: &str| door.request("GET", path, &token, "");
    let measured = |path: &str, what: String| -> Result<Row> {
        let sample = door.many(200, Plan::closed(1, setting.size(1_000)), &[get(path)])?;
        let each = sample.bytes as f64 / sample.count().max(1) as f64 / 1e3;
        Ok(Row::new(what, "ms", Goal::None)
            .of(false, ms(sample.within(0.5)))
            .note(format!("p99 {:.2} ms, {each:.1} kB", ms(sample.within(0.99)))))
    };
    let page = door.once(200, &get("/api/slurm-jobs/"))?;
    let uuid = page.pointer("/0/uuid").and_then(Value::as_str).context("a list without records")?;
    Ok(vec![
        measured("/api/slurm-jobs/", format!("Waldur page of 10, {jobs} jobs"))?,
        measured("/api/slurm-jobs/?page_size=300", format!("Waldur page of 300, {jobs} jobs"))?,
        measured(&format!("/api/slurm-jobs/{uuid}/"), format!("Waldur record, {jobs} jobs"))?,
    ])
}
