//! A hundred thousand jobs queued: filling, an array of as many tasks, memory, and starting again with all of them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{Setting, down, ms, script_job, typical_job};
use crate::sample::quantile;
use crate::table::{Goal, Row};
use crate::target::{Recipe, Service, Target};

/// Submits until so many jobs are queued.
pub(crate) fn fill(target: &Target, jobs: usize) -> Result<()> {
    let queued = target.unfinished()?;
    if jobs > queued {
        target.submit_many(&typical_job(down(target.is_peer)), 64, jobs - queued)?;
    }
    Ok(())
}

/// An array of 100,000 tasks in one submission.
pub(crate) fn array(target: &Target) -> Result<Row> {
    let body = script_job("#!/bin/true\n", Some(down(target.is_peer)), json!({ "array": "0-99999" }));
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        target.submit(&body)?;
        times.push(began.elapsed());
    }
    Ok(Row::new("array of 100,000 tasks accepted", "ms", Goal::AtMost(20.0))
        .of(target.is_peer, ms(quantile(&times, 0.5))))
}

/// What all processes hold with the queue full.
pub(crate) fn memory(target: &Target, jobs: usize) -> Option<Row> {
    let resident = target.processes.usage()?.resident_kb as f64 / 1024.0;
    Some(
        Row::new(format!("resident, {jobs} jobs queued"), "MB", Goal::AtMost(250.0))
            .of(target.is_peer, resident),
    )
}

/// Stops the service and starts it on the same state; the time is that to the first answer.
pub(crate) fn restart(
    service: Service,
    recipe: &Recipe,
    state: &Path,
    jobs: usize,
) -> Result<(Service, Row)> {
    drop(service);
    let began = Instant::now();
    let service = recipe.start(state)?;
    let listening = service.started_in;
    let answered = began.elapsed();
    let left = service.target.unfinished()?;
    anyhow::ensure!(left >= jobs, "only {left} of {jobs} jobs were there after the restart");
    let row = Row::new(format!("start with {jobs} live jobs"), "ms", Goal::AtMost(600.0))
        .of(false, ms(listening))
        .note(format!("a token made and asked for after {:.0} ms", ms(answered)));
    Ok((service, row))
}

/// The start on an empty state directory.
pub(crate) fn empty_start(service: &Service) -> Row {
    let _: Duration = service.started_in;
    Row::new("start with an empty state", "ms", Goal::AtMost(200.0)).of(false, ms(service.started_in))
}

/// A size for messages and rows, smaller where only a glance is wanted.
pub(crate) fn size(setting: Setting<'_>) -> usize {
    setting.size(100_000)
}
