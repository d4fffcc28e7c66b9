//! Lists of many jobs and reads of one.

use std::time::Duration;

use anyhow::Result;

use super::{Setting, ms};
use crate::drive::Plan;
use crate::process;
use crate::sample::{Sample, quantile};
use crate::table::{Goal, Row};
use crate::target::Target;

/// `GET jobs/` for the first time and again without a change; `server` is the process whose memory is watched.
pub(crate) fn list(
    target: &Target,
    jobs: usize,
    goals: Option<(f64, f64)>,
    server: Option<u32>,
) -> Result<Vec<Row>> {
    let before = target.processes.usage();
    server.inspect(|pid| process::forget_peak(*pid));
    let peak =
        |floor: Option<u64>| Some(server.and_then(process::peak_kb)?.saturating_sub(floor?) as f64 / 1024.0);
    let floor = server.and_then(process::peak_kb);
    let first = successful(target.get("/jobs/", Plan::closed(1, 1))?)?;
    let (cold, warm) =
        goals.map_or((Goal::None, Goal::None), |(cold, warm)| (Goal::AtMost(cold), Goal::AtMost(warm)));
    let megabytes = first.bytes as f64 / 1e6;
    let mut rows = vec![
        Row::new(format!("GET jobs/, {jobs} jobs"), "ms", cold)
            .of(target.is_peer, ms(first.within(0.5)))
            .note(format!("{megabytes:.1} MB, {:.1} kB a job", megabytes * 1e3 / jobs as f64)),
    ];
    // A peer that needs seconds for a list is asked once.
    let again = match target.is_peer && first.within(0.5) > Duration::from_secs(2) {
        true => first,
        false => successful(target.get("/jobs/", Plan::closed(1, 5))?)?,
    };
    rows.push(
        Row::new(format!("GET jobs/ unchanged, {jobs} jobs"), "ms", warm)
            .of(target.is_peer, ms(again.within(0.5))),
    );
    rows.push(
        Row::new(format!("first byte of jobs/, {jobs} jobs"), "ms", Goal::AtMost(5.0))
            .of(target.is_peer, ms(again.median_first_byte())),
    );
    let extra = match target.is_peer {
        false => peak(floor),
        true => before
            .zip(target.processes.usage())
            .map(|(before, after)| after.resident_kb.saturating_sub(before.resident_kb) as f64 / 1024.0),
    };
    if let Some(extra) = extra {
        rows.push(
            Row::new(format!("memory for jobs/, {jobs} jobs"), "MB", Goal::AtMost(30.0))
                .of(target.is_peer, extra),
        );
    }
    Ok(rows)
}

/// `GET jobs/state/`.
pub(crate) fn states(target: &Target, jobs: usize, goal: Option<f64>) -> Result<Row> {
    let sample = successful(target.get("/jobs/state/", Plan::closed(1, 5))?)?;
    let goal = goal.map_or(Goal::None, Goal::AtMost);
    let note = format!("{:.2} MB", sample.bytes as f64 / 5e6);
    Ok(Row::new(format!("GET jobs/state/, {jobs} jobs"), "ms", goal)
        .of(target.is_peer, ms(sample.within(0.5)))
        .note(note))
}

/// `GET job/{id}` on one connection, and as fast as sixteen can.
pub(crate) fn one_job(target: &Target, setting: Setting<'_>, job: u64) -> Result<Vec<Row>> {
    let path = format!("/job/{job}");
    let count = setting.size(if target.is_peer { 500 } else { 5_000 });
    let single = successful(target.get(&path, Plan::closed(1, count))?)?;
    let many = successful(target.get(&path, Plan::closed(16, count * 4))?)?;
    let note = format!("p99 {:.3} ms", ms(single.within(0.99)));
    Ok(vec![
        Row::new("GET job/{id}", "ms", Goal::AtMost(0.3))
            .of(target.is_peer, ms(single.within(0.5)))
            .note(note),
        Row::new("GET job/{id}, 16 connections", "/s", Goal::AtLeast(40_000.0))
            .of(target.is_peer, many.rate()),
    ])
}

/// Small requests that touch no job.
pub(crate) fn ping(target: &Target, setting: Setting<'_>) -> Result<Row> {
    let sample = successful(target.get("/ping/", Plan::closed(1, setting.size(500)))?)?;
    let note = format!("p99 {:.3} ms", ms(sample.within(0.99)));
    Ok(Row::new("GET ping/", "ms", Goal::None).of(target.is_peer, ms(sample.within(0.5))).note(note))
}

/// Takes a sample of answers that were all good.
pub(crate) fn successful(sample: Sample) -> Result<Sample> {
    match sample.failures() {
        Some(failures) => anyhow::bail!("failed: {failures}"),
        None => Ok(sample),
    }
}

/// The median of some durations in milliseconds.
pub(crate) fn median_ms(durations: &[Duration]) -> f64 {
    ms(quantile(durations, 0.5))
}
