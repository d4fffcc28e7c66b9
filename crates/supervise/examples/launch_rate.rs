//! Measures launches of `/bin/true`: how long one takes from the call to its start and to its end, and how many a
//! second go through two launchers. Arguments: how many (default 5000), `no-cgroups`.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use supervise::{Launch, Report, RunId, Supervisor, SupervisorConfig};

type Reports = Receiver<(Instant, Vec<Report>)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(5000);
    let folder = tempfile::tempdir()?;
    let exe: PathBuf = std::env::current_exe()?.with_file_name("launcher");
    let mut config = SupervisorConfig::new(folder.path(), 2, exe);
    config.cgroups = !std::env::args().any(|text| text == "no-cgroups");
    config.linger = Duration::from_millis(100);
    let (sender, reports) = channel();
    let (supervisor, _) = Supervisor::open(config, move |batch| {
        let _ = sender.send((Instant::now(), batch));
    })?;
    println!("control groups: {:?}", supervisor.capabilities().version);
    one_by_one(&supervisor, &reports, count / 10);
    for width in [2, 4, 16] {
        many(&supervisor, &reports, count, width);
    }
    for launcher in supervisor.launchers() {
        println!("launcher {}: {} KB private", launcher.slot, private_kilobytes(launcher.pid));
    }
    Ok(())
}

fn launch(supervisor: &Supervisor, key: u64) {
    let mut launch = Launch::new(RunId { key, attempt: 0 }, ["/bin/true"]);
    launch.env = (0..30).map(|number| (format!("VARIABLE_{number}").into(), "some value".into())).collect();
    supervisor.launch(launch);
}

/// The time from the call to the reports, with nothing else going on.
fn one_by_one(supervisor: &Supervisor, reports: &Reports, count: u64) {
    let (mut starts, mut ends) = (Vec::new(), Vec::new());
    for key in 0..count {
        let began = Instant::now();
        launch(supervisor, 1_000_000 + key);
        for (at, batch) in reports.iter() {
            if batch.iter().any(|report| matches!(report, Report::Started { .. })) {
                starts.push(at - began);
            }
            if batch.iter().any(Report::is_final) {
                ends.push(at - began);
                break;
            }
        }
        supervisor.forget(&[RunId { key: 1_000_000 + key, attempt: 0 }]);
    }
    for (what, mut times) in [("started", starts), ("ended", ends)] {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!("call to {what}: p50 {:?}, p99 {:?}", at(50), at(99));
    }
}

/// The rate with so many runs at a time, ends forgotten as a server would.
fn many(supervisor: &Supervisor, reports: &Reports, count: u64, width: u64) {
    let base = width * 10_000_000;
    let began = Instant::now();
    let (mut next, mut over) = (0, 0);
    while next < width.min(count) {
        launch(supervisor, base + next);
        next += 1;
    }
    for (_, batch) in reports.iter() {
        let ended: Vec<RunId> = batch.iter().filter(|report| report.is_final()).map(Report::run).collect();
        supervisor.forget(&ended);
        for _ in &ended {
            over += 1;
            if next < count {
                launch(supervisor, base + next);
                next += 1;
            }
        }
        if over == count {
            break;
        }
    }
    println!("{width} at a time: {:.0} runs/s", count as f64 / began.elapsed().as_secs_f64());
}

fn private_kilobytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let value = |line: &str| line.split_ascii_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    text.lines().filter(|line| line.starts_with("Private_")).filter_map(value).sum()
}
