//! Quintet in front of a real cluster, beside the cluster's own slurmrestd asked directly: what a crowd that polls the list
//! of all jobs waits for, what it costs the controller, and what a submission costs more on its way through us.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{Setting, down, ms, typical_job};
use crate::drive::{Plan, drive};
use crate::measure::reads::successful;
use crate::process::{self, Family};
use crate::sample::{Sample, quantile};
use crate::table::{Goal, Row};
use crate::target::{SLURM, Service, Target};
use crate::wire::{request, request_with};

const CLIENTS: usize = 100;
/// How often each client asks for the whole list, and how long.
const EVERY: Duration = Duration::from_secs(1);
const ROUNDS: usize = 20;
/// What slurmrestd is asked for: it takes seconds and some gigabytes for each answer that is under way.
const DIRECT_CLIENTS: usize = 2;
const DIRECT_ANSWERS: usize = 6;

/// A service in front of a peer, and what is known of the peer's daemons.
pub(crate) struct Front<'a> {
    pub(crate) peer: &'a Target,
    pub(crate) service: &'a Service,
}

/// Writes the configuration that puts a service in front of the peer.
pub(crate) fn configuration(peer: &Target, setting: Setting<'_>) -> Result<PathBuf> {
    let path = setting.folder.join("cluster.toml");
    let text = format!(
        "[engine]\nkind = \"slurm\"\n\n[engine.slurm]\nendpoints = [\"http://{}\"]\nidentity = \"caller\"\n\
         rate = 0.0\n",
        peer.address
    );
    std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}

/// Processor time of the controller and of slurmrestd.
#[derive(Debug, Clone, Copy)]
struct Spent {
    controller: Duration,
    rest: Duration,
}

impl Spent {
    fn by(peer: &Target) -> Result<Self> {
        let Family::NamespaceOf(init) = peer.processes else {
            anyhow::bail!("SLURM_REST_INIT is not set: nobody knows the peer's processes");
        };
        let of = |name| process::cpu_of_named(init, name).with_context(|| format!("the peer has no {name}"));
        Ok(Self { controller: of("slurmctld")?, rest: of("slurmrestd")? })
    }

    fn since(self, before: Self) -> Self {
        Self {
            controller: self.controller.saturating_sub(before.controller),
            rest: self.rest.saturating_sub(before.rest),
        }
    }
}

/// A run of requests and what it cost the peer's daemons.
struct Costly {
    sample: Sample,
    spent: Spent,
}

impl Costly {
    fn of(peer: &Target, run: impl FnOnce() -> Result<Sample>) -> Result<Self> {
        let before = Spent::by(peer)?;
        let sample = successful(run()?)?;
        Ok(Self { sample, spent: Spent::by(peer)?.since(before) })
    }

    /// Milliseconds of processor time for each second that clients were served.
    fn a_second(&self, spent: Duration) -> f64 {
        ms(spent) / self.sample.elapsed.as_secs_f64().max(1e-9)
    }

    /// The same for each answer.
    fn an_answer(&self, spent: Duration) -> f64 {
        ms(spent) / self.sample.count().max(1) as f64
    }

    fn note(&self) -> String {
        format!(
            "p50 {:.1} ms, {:.1} answers/s of {:.1} MB",
            ms(self.sample.within(0.5)),
            self.sample.rate(),
            self.sample.bytes as f64 / self.sample.count().max(1) as f64 / 1e6
        )
    }
}

/// A hundred clients that ask for the list of all jobs each second, compressed and plain.
pub(crate) fn polling(front: &Front<'_>, setting: Setting<'_>, jobs: usize) -> Result<Vec<Row>> {
    let Front { peer, service } = front;
    let ours = &service.target;
    let crowd = |headers: &str, rounds: usize| {
        let bytes = request_with(ours, "GET", &format!("{SLURM}/jobs/"), headers, None);
        let requests = (setting.size(CLIENTS) * rounds).max(CLIENTS);
        let plan = Plan { pace: Some(EVERY), ..Plan::closed(CLIENTS, requests) };
        drive(ours.address, plan, |_, into| into.extend_from_slice(&bytes), |_| {})
    };
    // The first answers fetch the copy.
    successful(crowd("Accept-Encoding: gzip\r\n", 1)?)?;
    let compressed = Costly::of(peer, || crowd("Accept-Encoding: gzip\r\n", ROUNDS))?;
    let plain = Costly::of(peer, || crowd("", ROUNDS / 4))?;
    ensure!(
        compressed.sample.bytes / compressed.sample.count() < plain.sample.bytes / plain.sample.count() / 2,
        "answers were not compressed"
    );
    let asked = request(peer, "GET", &format!("{SLURM}/jobs/"), None);
    let direct = Costly::of(peer, || {
        let plan = Plan::closed(DIRECT_CLIENTS, DIRECT_ANSWERS);
        drive(peer.address, plan, |_, into| into.extend_from_slice(&asked), |_| {})
    })?;
    let what = |how: &str| format!("p99 of {CLIENTS} clients polling jobs/ each second, {jobs} jobs, {how}");
    let beside = format!("{DIRECT_CLIENTS} clients at the peer: {}", direct.note());
    let latency = |how: &str, run: &Costly, goal: Goal| {
        Row::new(what(how), "ms", goal)
            .of(false, ms(run.sample.within(0.99)))
            .of(true, ms(direct.sample.within(0.99)))
            .note(format!("{}; {beside}", run.note()))
    };
    let cost = |name: &str, of: fn(Spent) -> Duration, goal: f64| {
        let (through, there) =
            (compressed.an_answer(of(compressed.spent)), direct.an_answer(of(direct.spent)));
        let goal = Goal::AtMost(there / goal);
        Row::new(format!("processor time of {name} for an answer of jobs/"), "ms", goal)
            .of(false, through)
            .of(true, there)
            .note(format!(
                "a second: {:.1} ms for {CLIENTS} clients through us, {:.0} ms for {DIRECT_CLIENTS} at the peer",
                compressed.a_second(of(compressed.spent)),
                direct.a_second(of(direct.spent))
            ))
    };
    Ok(vec![
        latency("gzip", &compressed, Goal::AtMost(150.0)),
        latency("plain", &plain, Goal::None),
        cost("slurmctld", |spent| spent.controller, 20.0),
        cost("slurmrestd", |spent| spent.rest, 20.0),
    ])
}

/// The same crowd while a job comes each second, so that no answer is the one before.
pub(crate) fn polling_changes(front: &Front<'_>, setting: Setting<'_>, jobs: usize) -> Result<Vec<Row>> {
    let Front { peer, service } = front;
    let ours = &service.target;
    let bytes = request_with(ours, "GET", &format!("{SLURM}/jobs/"), "Accept-Encoding: gzip\r\n", None);
    let body = typical_job(down(true));
    let submission = request(ours, "POST", &format!("{SLURM}/job/submit"), Some(&body));
    let requests = (setting.size(CLIENTS) * ROUNDS).max(CLIENTS);
    let plan = Plan { pace: Some(EVERY), ..Plan::closed(CLIENTS, requests) };
    let write = |number: usize, into: &mut Vec<u8>| {
        // One of the clients submits.
        into.extend_from_slice(if number.is_multiple_of(CLIENTS) { &submission } else { &bytes });
    };
    let run = Costly::of(peer, || drive(ours.address, plan, write, |_| {}))?;
    Ok(vec![
        Row::new(format!("the same while a job comes each second, {jobs} jobs, gzip"), "ms", Goal::None)
            .of(false, ms(run.sample.within(0.99)))
            .note(format!(
                "{}; a second of them costs slurmctld {:.1} ms, slurmrestd {:.0} ms",
                run.note(),
                run.a_second(run.spent.controller),
                run.a_second(run.spent.rest)
            )),
    ])
}

/// Submissions one after another, directly and through us by turns, so that both have the same queue before them.
pub(crate) fn submissions(front: &Front<'_>, setting: Setting<'_>) -> Result<Vec<Row>> {
    let Front { peer, service } = front;
    let body = typical_job(down(true));
    let (mut through, mut direct) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let jobs = setting.size(200);
        direct.push(peer.submit_many(&body, 1, jobs)?);
        through.push(service.target.submit_many(&body, 1, jobs)?);
    }
    let median = |samples: &[Sample], share: f64| {
        let all: Vec<_> = samples.iter().map(|sample| sample.within(share)).collect();
        quantile(&all, 0.5)
    };
    let (ours, theirs) = (median(&through, 0.5), median(&direct, 0.5));
    Ok(vec![
        Row::new("submission to a cluster, 1 connection", "ms", Goal::AtMost(ms(theirs) + 1.0))
            .of(false, ms(ours))
            .of(true, ms(theirs))
            .note(format!(
                "{:+.2} ms through us; p99 {:.2} ms, {:.2} ms at the peer",
                ms(ours) - ms(theirs),
                ms(median(&through, 0.99)),
                ms(median(&direct, 0.99))
            )),
    ])
}
