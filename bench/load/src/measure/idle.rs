//! What the service costs when nothing happens.

use std::time::Duration;

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
