//! What the service costs when nothing happens.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Setting;
use crate::table::{Goal, Row};
use crate::target::Target;

/// Memory and CPU over a few quiet seconds.
pub(crate) fn cost(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let span = Duration::from_secs(if setting.divisor > 1 { 2 } else { 10 });
    let Some(before) = target.processes.usage() else { return Ok(Vec::new()) };
    std::thread::sleep(span);
    let Some(after) = target.processes.usage() else { return Ok(Vec::new()) };
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() / span.as_secs_f64() * 100.0;
    Ok(vec![
        Row::new("resident when idle, all processes", "MB", Goal::AtMost(25.0))
            .of(target.is_peer, after.resident_kb as f64 / 1024.0),
        Row::new("CPU when idle", "% of a core", Goal::AtMost(0.1)).of(target.is_peer, cpu),
    ])
}

/// Longest wait for rest.
const UNREST: Duration = Duration::from_secs(180);

/// Waits until the service has done what follows from what came before, such as monitoring's records of jobs that were
/// recorded while it was away.
pub(crate) fn rest(target: &Target) {
    let begun = Instant::now();
    let mut before = target.processes.usage();
    while let Some(known) = before
        && begun.elapsed() < UNREST
    {
        std::thread::sleep(Duration::from_secs(1));
        before = target.processes.usage();
        let worked = before.as_ref().map(|now| now.cpu.saturating_sub(known.cpu));
        if worked.is_none_or(|worked| worked < Duration::from_millis(30)) {
            return;
        }
    }
}
