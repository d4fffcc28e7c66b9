//! ET Engine's batches: how long a large one takes to be accepted, and what it costs to ask how it stands.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Door;
use crate::drive::Plan;
use crate::measure::{Setting, ms, script_job};
use crate::sample::Sample;
use crate::table::{Goal, Row};

/// A batch of a hundred thousand jobs, and one of ten beside it.
pub(crate) fn batches(door: &Door<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let target = &door.service.target;
    // Nothing starts while this is measured: the only slots are taken.
    let both =
        script_job("#!/bin/sh\nexec sleep 3600\n", Some("main"), json!({ "tasks": 1, "cpus_per_task": 2 }));
    let blocker = target.submit(&both)?;
    let key = door.credential("et-engine")?;
    let tool = json!({"name": "bench", "description": "", "script": "#!/bin/sh\nexit 0\n"}).to_string();
    let tool = door.once(200, &door.request("POST", "/tools", &key, &tool))?;
    let tool = tool.as_str().context("no number of a tool")?.to_owned();
    let make = |jobs: usize| -> Result<(String, Duration, usize)> {
        let own: Vec<Value> = (0..jobs)
            .map(|at| json!({"sample": format!("reads/sample-{at:06}.fastq.gz"), "seed": at}))
            .collect();
        let body = json!({"hardware": {"filesystems": [], "cpu": 1, "memory": 256},
            "fixed_args": {"reference": "grch38"}, "variable_args": own})
        .to_string();
        let request = door.request("POST", &format!("/tools/{tool}"), &key, &body);
        let began = Instant::now();
        let made = door.once(200, &request)?;
        let taken = began.elapsed();
        Ok((made.as_str().context("no number of a batch")?.to_owned(), taken, body.len()))
    };
    let few = 10;
    let jobs = setting.size(100_000);
    let (small, _, _) = make(few)?;
    let (large, accepted, bytes) = make(jobs)?;
    let status = |batch: &str| -> Result<Sample> {
        let request = door.request("GET", &format!("/batches/{batch}"), &key, "");
        door.many(200, Plan::closed(1, setting.size(5_000)), &[request])
    };
    let counts = |batch: &str| -> Result<u64> {
        let shown = door.once(200, &door.request("GET", &format!("/batches/{batch}"), &key, ""))?;
        let counts = shown.pointer("/0/submitted_jobs").and_then(Value::as_object);
        Ok(counts.context("no counts")?.values().filter_map(Value::as_u64).sum())
    };
    ensure!(counts(&large)? == jobs as u64, "not all jobs are counted");
    let (of_small, of_large) = (status(&small)?, status(&large)?);
    target.ask("DELETE", &format!("/job/{blocker}"), None)?;
    // Its jobs start now, and each of them has a record of its own from then on.
    let while_running = status(&large)?;
    ensure!(counts(&large)? == jobs as u64, "not all jobs are counted");
    for batch in [&small, &large] {
        door.once(200, &door.request("DELETE", &format!("/batches/{batch}"), &key, ""))?;
    }
    let row = |what: String, sample: &Sample, goal| {
        Row::new(what, "ms", goal)
            .of(false, ms(sample.within(0.5)))
            .note(format!("p99 {:.3} ms", ms(sample.within(0.99))))
    };
    let name = |jobs: usize| format!("ET Engine GET batches/{{id}}, {jobs} jobs");
    Ok(vec![
        Row::new(format!("ET Engine batch of {jobs} jobs accepted"), "ms", Goal::AtMost(2_000.0))
            .of(false, ms(accepted))
            .note(format!("{:.1} MB of arguments", bytes as f64 / 1e6)),
        row(name(few), &of_small, Goal::None),
        row(name(jobs), &of_large, Goal::AtMost(1.0)),
        row(format!("{} that run", name(jobs)), &while_running, Goal::None),
    ])
}
