//! What the bare machine does in the same minute: without it the other figures say little.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Result;

/// The bare rates.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare {
    /// Appends of 4 KB that are synced one by one, a second.
    pub(crate) syncs: f64,
    /// Programs started and waited for on one thread, a second.
    pub(crate) launches: f64,
    /// The same on two threads.
    pub(crate) launches_on_two: f64,
}

/// Measures for about two seconds; `folder` lies where the service keeps its state.
pub(crate) fn bare(folder: &Path) -> Result<Bare> {
    Ok(Bare { syncs: syncs(folder)?, launches: launches(), launches_on_two: launches_on_two() })
}

/// Programs started and waited for on two threads, a second.
pub(crate) fn launches_on_two() -> f64 {
    std::thread::scope(|scope| {
        let second = scope.spawn(launches);
        let first = launches();
        first + second.join().unwrap_or_default()
    })
}

/// Appends of 4 KB that are synced one by one, a second.
pub(crate) fn syncs(folder: &Path) -> Result<f64> {
    let path = folder.join("sync-test");
    let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
    let page = [b'x'; 4096];
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_millis(700) {
        file.write_all(&page)?;
        file.sync_data()?;
        count += 1;
    }
    let rate = f64::from(count) / began.elapsed().as_secs_f64();
    fs::remove_file(path)?;
    Ok(rate)
}

fn launches() -> f64 {
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed() < Duration::from_millis(500) {
        let started = Command::new("/bin/true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        count += i32::from(started.is_ok());
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

/// Says what kind of machine this is.
pub(crate) fn description(folder: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory = read("/proc/meminfo")
        .lines()
        .next()
        .and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let memory = memory.unwrap_or_default() / (1 << 20);
    let kernel = read("/proc/sys/kernel/osrelease").trim().to_owned();
    let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(folder).output();
    let kind =
        kind.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    format!("{cores} cores ({model}), {memory} GB, Linux {kernel}, state on {kind}")
}

/// How busy the machine is with something else: the load average of the last minute.
pub(crate) fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}
