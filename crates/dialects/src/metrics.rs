//! Counters for Prometheus, in its text form.

use crate::http::answer::{Answer, answer};
use crate::site::{Dialect, Site};
use domain::job::{Outcome, Phase};
use domain::state::Snapshot;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Requests by dialect and class of status.
#[derive(Default)]
pub(crate) struct Metrics {
    requests: [[AtomicU64; 5]; Dialect::ALL.len()],
    micros: [AtomicU64; Dialect::ALL.len()],
}

impl Metrics {
    /// Counts a request when its answer begins.
    pub(crate) fn count(&self, dialect: Dialect, status: StatusCode, took: Duration) {
        let Some(at) = Dialect::ALL.iter().position(|(known, _)| *known == dialect) else { return };
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.requests.get(at).and_then(|classes| classes.get(class)) {
            counter.fetch_add(1, Relaxed);
        }
        if let Some(counter) = self.micros.get(at) {
            counter.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
        }
    }
}

/// Answers `/metrics`. It asks for no credentials and names no user.
pub(crate) fn respond(site: &Site, _: &Request<Incoming>) -> Answer {
    let mut page = Page(String::with_capacity(4096));
    let snapshot = site.jobs.snapshot();
    page.family("quintet_info", "gauge", "Version of the service.");
    page.sample("quintet_info", &[("version", site.version)], 1);
    // Of a cluster behind this service only its own collectors know what it has.
    match &site.cluster {
        Some(behind) => cluster(&mut page, &**behind),
        None => {
            jobs(&mut page, &snapshot);
            nodes(&mut page, &snapshot);
            scheduling(&mut page, &snapshot);
        }
    }
    requests(&mut page, &site.metrics);
    answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.0.into_bytes())
}

fn jobs(page: &mut Page, snapshot: &Snapshot) {
    let (mut pending, mut running, mut completing) = (0u64, 0u64, 0u64);
    let mut ended = [0u64; Outcome::ALL.len()];
    for job in snapshot.jobs.iter() {
        match &job.phase {
            Phase::Pending(_) => pending += 1,
            Phase::Running(_) => running += 1,
            Phase::Completing(_) => completing += 1,
            Phase::Ended(phase) => {
                let at = Outcome::ALL.iter().position(|outcome| *outcome == phase.outcome);
                if let Some(count) = at.and_then(|at| ended.get_mut(at)) {
                    *count += 1;
                }
            }
        }
    }
    page.family(
        "quintet_jobs",
        "gauge",
        "Live job records by state; waiting tasks of an array are one record.",
    );
    for (state, count) in [("pending", pending), ("running", running), ("completing", completing)] {
        page.sample("quintet_jobs", &[("state", state)], count);
    }
    for (outcome, count) in Outcome::ALL.iter().zip(ended) {
        page.sample("quintet_jobs", &[("state", &outcome.name().to_ascii_lowercase())], count);
    }
    let counted = &snapshot.statistics;
    for (name, help, value) in [
        ("quintet_jobs_submitted_total", "Jobs accepted.", counted.submitted),
        ("quintet_jobs_started_total", "Jobs started.", counted.started),
        ("quintet_jobs_completed_total", "Jobs that ended well.", counted.completed),
        ("quintet_jobs_canceled_total", "Jobs cancelled.", counted.canceled),
        ("quintet_jobs_failed_total", "Jobs that ended badly.", counted.failed),
        ("quintet_commits_total", "Commits to the store.", counted.commits),
        ("quintet_records_total", "Records committed to the store.", counted.records),
    ] {
        page.family(name, "counter", help);
        page.sample(name, &[], value);
    }
}

fn nodes(page: &mut Page, snapshot: &Snapshot) {
    page.family("quintet_node_cpus", "gauge", "CPUs of each node.");
    for node in snapshot.cluster.present_nodes() {
        page.sample("quintet_node_cpus", &[("node", &node.name)], u64::from(node.topology.cpus));
    }
    let present = || {
        let each = snapshot.cluster.nodes.iter().zip(snapshot.nodes.iter());
        each.filter(|(node, _)| !node.flags.gone)
    };
    page.family("quintet_node_cpus_allocated", "gauge", "CPUs of each node in use by jobs.");
    for (node, used) in present() {
        page.sample("quintet_node_cpus_allocated", &[("node", &node.name)], u64::from(used.cpus.len()));
    }
    page.family("quintet_node_memory_allocated_bytes", "gauge", "Memory of each node given to jobs.");
    for (node, used) in present() {
        let bytes = used.memory.saturating_mul(1 << 20);
        page.sample("quintet_node_memory_allocated_bytes", &[("node", &node.name)], bytes);
    }
}

fn scheduling(page: &mut Page, snapshot: &Snapshot) {
    let passes = [("main", &snapshot.statistics.main), ("backfill", &snapshot.statistics.backfill)];
    page.family("quintet_scheduler_passes_total", "counter", "Passes of the scheduler.");
    for (kind, pass) in passes {
        page.sample("quintet_scheduler_passes_total", &[("kind", kind)], pass.passes);
    }
    page.family("quintet_scheduler_seconds_total", "counter", "Time taken by passes of the scheduler.");
    for (kind, pass) in passes {
        page.seconds("quintet_scheduler_seconds_total", &[("kind", kind)], pass.micros);
    }
    page.family("quintet_scheduler_jobs_total", "counter", "Jobs looked at by the scheduler.");
    for (kind, pass) in passes {
        page.sample("quintet_scheduler_jobs_total", &[("kind", kind)], pass.depth);
    }
}

/// What the cluster behind this service was asked.
fn cluster(page: &mut Page, cluster: &dyn crate::slurm::SlurmCluster) {
    for (name, help, value) in cluster.counts() {
        page.family(name, "counter", help);
        page.sample(name, &[], value);
    }
}

fn requests(page: &mut Page, metrics: &Metrics) {
    page.family("quintet_requests_total", "counter", "Requests by dialect and class of status.");
    for ((_, dialect), classes) in Dialect::ALL.iter().zip(&metrics.requests) {
        for (class, count) in ["1xx", "2xx", "3xx", "4xx", "5xx"].iter().zip(classes) {
            page.sample(
                "quintet_requests_total",
                &[("dialect", dialect), ("class", class)],
                count.load(Relaxed),
            );
        }
    }
    page.family("quintet_request_seconds_total", "counter", "Time until answers began.");
    for ((_, dialect), micros) in Dialect::ALL.iter().zip(&metrics.micros) {
        page.seconds("quintet_request_seconds_total", &[("dialect", dialect)], micros.load(Relaxed));
    }
}

struct Page(String);

// Writing to a string cannot fail.
impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.labelled(name, labels);
        let _ = writeln!(self.0, " {value}");
    }

    fn seconds(&mut self, name: &str, labels: &[(&str, &str)], micros: u64) {
        self.labelled(name, labels);
        let _ = writeln!(self.0, " {}.{:06}", micros / 1_000_000, micros % 1_000_000);
    }

    fn labelled(&mut self, name: &str, labels: &[(&str, &str)]) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let open = if at == 0 { '{' } else { ',' };
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{open}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
    }
}
