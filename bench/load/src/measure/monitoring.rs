//! Monitoring: jobs registered and listed, series shown, values taken in, and the room they need.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use history::monitored::{BEGAN, CLUSTER, PROJECTS, USERS};
use serde_json::{Value, json};

use super::{Setting, ms};
use crate::drive::{Plan, drive};
use crate::sample::Sample;
use crate::table::{Goal, Row};
use crate::target::Target;

/// Hardware threads of a host.
const THREADS: usize = 8;
/// Metrics of the cluster, by hardware thread; as many more by host.
const METRICS: usize = 20;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Lines of one body.
const LINES: usize = 10_000;

/// A service as its monitoring sees it.
pub(crate) struct Watched<'a> {
    target: &'a Target,
    token: String,
}

/// Writes the configuration: that of the other measurements, and a cluster that is watched.
pub(crate) fn configuration(base: &Path, setting: Setting<'_>) -> Result<PathBuf> {
    let metric = |name: String, scope: &str, timestep: u32| {
        json!({"name": name, "scope": scope, "unit": {"base": "F/s", "prefix": "G"}, "timestep": timestep,
            "aggregation": "sum", "peak": 100, "normal": 50, "caution": 20, "alert": 10})
    };
    let by = |scope: &'static str, kind: &'static str, timestep| {
        (0..METRICS).map(move |number| metric(format!("{kind}_{number}"), scope, timestep))
    };
    let metrics: Vec<Value> = by("hwthread", "thread", 10)
        .chain(by("hwthread", "minute", 60))
        .chain(by("node", "node", 10))
        .collect();
    let threads: Vec<usize> = (0..THREADS).collect();
    let cores: Vec<[usize; 1]> = threads.iter().map(|thread| [*thread]).collect();
    let described = json!({"name": CLUSTER, "metricConfig": metrics, "subClusters": [{"name": "main", "nodes": "*",
        "processorType": "made up", "socketsPerNode": 1, "coresPerSocket": THREADS, "threadsPerCore": 1,
        "topology": {"node": threads, "socket": [threads], "memoryDomain": [threads], "core": cores}}]});
    let description = setting.folder.join("watched.json");
    std::fs::write(&description, described.to_string())?;
    let mut text = std::fs::read_to_string(base).with_context(|| format!("read {}", base.display()))?;
    write!(text, "\n[clustercockpit]\nclusters = [\"{}\"]\n", description.display())?;
    let path = setting.folder.join("watched.toml");
    std::fs::write(&path, text)?;
    Ok(path)
}

impl<'a> Watched<'a> {
    pub(crate) fn new(target: &'a Target, program: &Path, config: &Path, state: &Path) -> Result<Self> {
        let made = Command::new(program)
            .args(["token", "bench", "--for", "clustercockpit", "--config"])
            .arg(config)
            .arg("--state")
            .arg(state)
            .output()?;
        ensure!(made.status.success(), "no token: {}", String::from_utf8_lossy(&made.stderr));
        Ok(Self { target, token: String::from_utf8(made.stdout)?.trim().to_owned() })
    }

    fn request(&self, method: &str, path: &str, body: &str, into: &mut Vec<u8>) {
        let (host, token) = (self.target.address, &self.token);
        into.extend_from_slice(
            format!(
                "{method} /api{path} HTTP/1.1\r\nHost: {host}\r\nX-Auth-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .as_bytes(),
        );
    }

    /// Sends requests and takes it that all of them are answered with this status.
    fn ask(
        &self,
        plan: Plan,
        status: u16,
        write: impl FnMut(usize, &mut Vec<u8>),
        mut look: impl FnMut(&[u8]),
    ) -> Result<Sample> {
        let mut other = None;
        let sample = drive(self.target.address, plan, write, |answer| {
            if answer.status != status && other.is_none() {
                other = Some(format!("{}: {:.300}", answer.status, String::from_utf8_lossy(&answer.body)));
            }
            look(&answer.body);
        })?;
        ensure!(other.is_none(), "{}", other.unwrap_or_default());
        Ok(sample)
    }

    /// Asks once.
    fn once(&self, method: &str, path: &str, body: &str, status: u16) -> Result<Value> {
        let mut answered = Value::Null;
        let plan = Plan::closed(1, 1).keeping_all();
        self.ask(
            plan,
            status,
            |_, into| self.request(method, path, body, into),
            |body| {
                answered = serde_json::from_slice(body).unwrap_or_default();
            },
        )?;
        Ok(answered)
    }

    /// Asks the same many times.
    fn many(&self, method: &str, path: &str, body: &str, times: usize) -> Result<Sample> {
        self.ask(Plan::closed(1, times), 200, |_, into| self.request(method, path, body, into), |_| {})
    }
}

/// What an adapter tells of a job that starts, with a script of 3.5 kB.
fn begun(number: usize, host: usize, start: i64) -> String {
    let script = "srun ./simulation --input case.h5\n".repeat(100);
    json!({"jobId": number, "user": format!("user{}", number % USERS), "project": format!("project{}", number % PROJECTS),
        "cluster": CLUSTER, "subCluster": "", "partition": "main", "arrayJobId": 0, "numNodes": 1, "numHwthreads": THREADS,
        "numAcc": 0, "shared": "none", "smt": 1, "jobState": "running", "duration": 0, "walltime": 86_400,
        "resources": [{"hostname": format!("n{host:04}"), "hwthreads": (0..THREADS).collect::<Vec<_>>()}],
        "metaData": {"jobScript": script, "jobName": "simulation"}, "startTime": start})
    .to_string()
}

/// Jobs that start, and the list of those that run.
pub(crate) fn jobs(watched: &Watched<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let (count, running) = (setting.size(50_000), setting.size(8_000));
    let start = |at: usize| begun(1 + at, at % 1_000, 1_700_000_000 + at as i64);
    let plan = Plan::closed(16, running);
    watched.ask(
        plan,
        201,
        |at, into| watched.request("POST", "/jobs/start_job/", &start(at), into),
        |_| {},
    )?;
    let path = format!("/jobs/?state=running&cluster={CLUSTER}&items-per-page=9999999");
    let list = watched.many("GET", &path, "", 20)?;
    let each = list.bytes as f64 / list.count() as f64 / 1e6;
    let plan = Plan::closed(16, count);
    let more = watched.ask(
        plan,
        201,
        |at, into| watched.request("POST", "/jobs/start_job/", &start(running + at), into),
        |_| {},
    )?;
    let seen = watched.once("GET", "/jobs/?state=running&items-per-page=1", "", 200)?;
    ensure!(
        seen.get("total").and_then(Value::as_u64) == Some((count + running) as u64),
        "not all are seen: {seen:.200}"
    );
    Ok(vec![
        Row::new("start_job, 16 connections, seen at once", "/s", Goal::AtLeast(5_000.0))
            .of(false, more.rate())
            .note(format!("p50 {:.2}, p99 {:.2} ms", ms(more.within(0.5)), ms(more.within(0.99)))),
        Row::new(format!("list of {running} running jobs"), "ms", Goal::AtMost(40.0))
            .of(false, ms(list.within(0.5)))
            .note(format!("p95 {:.1} ms, {each:.2} MB", ms(list.within(0.95)))),
    ])
}

/// First pages of a million jobs, by every filter.
pub(crate) fn pages(watched: &Watched<'_>, setting: Setting<'_>, jobs: u32) -> Result<Vec<Row>> {
    let at = |share: f64| BEGAN + (f64::from(jobs) * share * 30.0) as i64;
    let filters = [
        ("nothing", String::new()),
        ("state", "state=completed".to_owned()),
        ("a rare state", "state=node_fail".to_owned()),
        ("states", "state=failed&state=timeout&state=cancelled".to_owned()),
        ("cluster", format!("cluster={CLUSTER}")),
        ("cluster and state", format!("cluster={CLUSTER}&state=completed")),
        ("user", "user=user7".to_owned()),
        ("project", "project=project3".to_owned()),
        ("project and state", "project=project3&state=failed".to_owned()),
        ("user and another's project", "user=user7&project=project8".to_owned()),
        ("a day", format!("start-time={}-{}", at(0.5), at(0.5) + DAY)),
        ("a day and a state", format!("start-time={}-{}&state=failed", at(0.5), at(0.5) + DAY)),
        ("a day and a user", format!("start-time={}-{}&user=user7", at(0.3), at(0.3) + DAY)),
        ("half of the time", format!("start-time={}-{}", at(0.25), at(0.75))),
        ("half of the time and a state", format!("start-time={}-{}&state=completed", at(0.25), at(0.75))),
        ("a time at which there was nothing", "start-time=0-1000".to_owned()),
    ];
    super::idle::rest(watched.target);
    let mut worst = (0.0_f64, "");
    let mut told = String::new();
    for (name, query) in &filters {
        let sample = watched.many("GET", &format!("/jobs/?{query}"), "", setting.size(4_000).min(200))?;
        let p95 = ms(sample.within(0.95));
        let _ = write!(told, "{}{name} {p95:.2}", if told.is_empty() { "" } else { ", " });
        if p95 > worst.0 {
            worst = (p95, name);
        }
    }
    let deep = watched.many("GET", "/jobs/?page=5000", "", 20)?;
    Ok(vec![
        Row::new(
            format!("first page of {jobs} jobs by any filter, the slowest p95"),
            "ms",
            Goal::AtMost(5.0),
        )
        .of(false, worst.0)
        .note(format!("{}; {told}", worst.1)),
        Row::new("their page 5,000", "ms", Goal::None).of(false, ms(deep.within(0.5))),
    ])
}

/// The values of a metric at a moment: load that wanders, with two decimals as collectors send it.
fn value(metric: usize, part: usize, at: usize) -> f64 {
    let wave = ((at / 60 + metric * 7 + part * 13) % 97) as f64 / 97.0;
    let noise = history::chance((at * 8 + part) as u32, metric as u64);
    ((40.0 + 30.0 * wave + 4.0 * noise) * 100.0).round() / 100.0
}

/// Writes a day of values, and tells how fast they were taken in.
fn fill(
    watched: &Watched<'_>,
    host: &str,
    kind: &str,
    step: usize,
    parts: usize,
    start: i64,
) -> Result<(usize, Sample)> {
    let steps = DAY as usize / step;
    let total = steps * parts * METRICS;
    // Made before: the machine has two cores for both sides.
    let mut bodies = Vec::new();
    let mut body = String::new();
    let mut lines = 0;
    for at in 0..steps {
        for metric in 0..METRICS {
            for part in 0..parts {
                let scope = match parts {
                    1 => "type=node".to_owned(),
                    _ => format!("type=hwthread,type-id={part}"),
                };
                let (value, second) = (value(metric, part, at), start + (at * step) as i64);
                let _ = writeln!(
                    body,
                    "{kind}_{metric},cluster={CLUSTER},hostname={host},{scope} value={value} {second}"
                );
                lines += 1;
                if lines % LINES == 0 {
                    bodies.push(std::mem::take(&mut body));
                }
            }
        }
    }
    bodies.push(body);
    let sample = watched.ask(
        Plan::closed(4, bodies.len()),
        200,
        |at, into| watched.request("POST", "/write/", &bodies[at], into),
        |_| {},
    )?;
    Ok((total, sample))
}

/// A day of values: how fast it is taken in, and shown.
pub(crate) fn series(watched: &Watched<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let start =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs() as i64 - DAY - 600;
    let mut rows = Vec::new();
    let mut number = 9_000_000;
    for (kind, step, goal) in [("thread", 10, Goal::AtMost(20.0)), ("minute", 60, Goal::AtMost(20.0))] {
        number += 1;
        let host = format!("w{number}");
        let body = begun(number, 0, start).replace("n0000", &host);
        let id = watched.once("POST", "/jobs/start_job/", &body, 201)?;
        let id = id.get("id").and_then(Value::as_u64).context("a job without a number")?;
        let (values, taken) = fill(watched, &host, kind, step, THREADS, start)?;
        let stop = json!({"stopTime": start + DAY}).to_string();
        watched.once("POST", &format!("/jobs/stop_job/{id}"), &stop, 200)?;
        // The archive writes what has stopped.
        super::idle::rest(watched.target);
        let names: Vec<String> = (0..METRICS).map(|metric| format!("{kind}_{metric}")).collect();
        let shown = watched.many(
            "POST",
            &format!("/jobs/{id}"),
            &json!(names).to_string(),
            setting.size(2_000).min(40),
        )?;
        let each = shown.bytes as f64 / shown.count() as f64 / 1e6;
        let what = format!("a day's job of {METRICS} metrics on {THREADS} threads, a value every {step} s");
        rows.push(
            Row::new(what, "ms", goal)
                .of(false, ms(shown.within(0.5)))
                .note(format!("p95 {:.1} ms, {values} values, {each:.1} MB", ms(shown.within(0.95)))),
        );
        if step == 10 {
            let rate = values as f64 / taken.elapsed.as_secs_f64();
            rows.insert(
                0,
                Row::new("line protocol, 4 connections, values", "/s", Goal::AtLeast(500_000.0))
                    .of(false, rate)
                    .note(format!("bodies of {LINES} lines")),
            );
        }
    }
    Ok(rows)
}

/// A day of twenty metrics of one host.
pub(crate) fn day(watched: &Watched<'_>) -> Result<()> {
    fill(watched, "alone", "node", 10, 1, 1_700_000_000).map(|_| ())
}

/// The room a day takes, once the service has ended.
pub(crate) fn room(state: &Path, empty: u64) -> Result<Row> {
    let bytes = size(state)?.saturating_sub(empty);
    let values = METRICS * DAY as usize / 10;
    Ok(Row::new(format!("a day of {METRICS} metrics, a value every 10 s"), "kB", Goal::AtMost(200.0))
        .of(false, bytes as f64 / 1e3)
        .note(format!("{:.2} bytes a value", bytes as f64 / values as f64)))
}

/// Bytes of the database of values.
pub(crate) fn size(state: &Path) -> Result<u64> {
    let files = ["metrics.db", "metrics.db-wal"].map(|name| state.join("store").join(name));
    Ok(files.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|known| known.len()).sum())
}
