//! Jobs that run: from POST to process, from end to next start, and how many a second from submission to recorded end.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::{Setting, ms, script_job};
use crate::machine;
use crate::measure::reads::median_ms;
use crate::sample::quantile;
use crate::stamp::{Clock, now};
use crate::table::{Goal, Row};
use crate::target::Target;

/// From the first byte of the request to the first instruction of the job, one at a time on an idle service.
pub(crate) fn start(target: &Target, setting: Setting<'_>, clock: &Clock) -> Result<Row> {
    let body = script_job(&clock.script(target.is_peer)?, None, json!({}));
    let mut waits = Vec::new();
    for round in 0..if target.is_peer { setting.size(8) } else { setting.size(200).max(10) } {
        let asked = now();
        target.submit(&body)?;
        waits.push(clock.hear()?.began.saturating_sub(asked));
        // Lets the end be recorded, so that the next one meets an idle service again.
        target.drain(Duration::from_secs(20), Duration::from_millis(5))?;
        if target.is_peer {
            // Its scheduler ticks every three seconds: asked right after a tick it would always look its worst.
            std::thread::sleep(Duration::from_millis(round as u64 * 770 % 3_000));
        }
    }
    let note = format!("p99 {:.2} ms, process included", ms(quantile(&waits, 0.99)));
    Ok(Row::new("POST to process start, idle", "ms", Goal::AtMost(1.5))
        .of(target.is_peer, median_ms(&waits))
        .note(note))
}

/// From the end of a job to the start of the next one in the only slot.
pub(crate) fn next_start(target: &Target, setting: Setting<'_>, clock: &Clock) -> Result<Row> {
    let jobs = setting.size(300).max(10);
    let body = script_job(&clock.script(false)?, Some("single"), json!({}));
    target.submit_many(&body, 4, jobs)?;
    let mut stamps = (0..jobs).map(|_| clock.hear()).collect::<Result<Vec<_>>>()?;
    stamps.sort_by_key(|stamp| stamp.began);
    let gaps: Vec<_> = stamps.windows(2).map(|pair| pair[1].began.saturating_sub(pair[0].ended)).collect();
    target.drain(Duration::from_secs(20), Duration::from_millis(10))?;
    let note = format!("p99 {:.2} ms, exit and exec included", ms(quantile(&gaps, 0.99)));
    Ok(Row::new("end to next start in the slot", "ms", Goal::AtMost(2.0))
        .of(target.is_peer, median_ms(&gaps))
        .note(note))
}

/// Jobs a second from the first submission to the last recorded end.
pub(crate) fn throughput(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    // A program as interpreter of its script is one exec: as bare as a batch job can be.
    let bare_true = script_job("#!/bin/true\n", None, json!({}));
    let folder = setting.folder.join("outputs");
    std::fs::create_dir_all(&folder)?;
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o777))?;
    let place = if target.is_peer { "/tmp".to_owned() } else { folder.display().to_string() };
    let files =
        json!({ "standard_output": format!("{place}/%j.out"), "standard_error": format!("{place}/%j.err") });
    let bash = script_job("#!/bin/bash\ntrue\n", None, files);
    let (trues, bashes) = if target.is_peer { (150, 100) } else { (6_000, 4_000) };
    let rate = |body: &str, jobs: usize| -> Result<(f64, String)> {
        let before = target.processes.usage().unwrap_or_default();
        let began = Instant::now();
        target.submit_many(body, 4, jobs)?;
        target.drain(Duration::from_secs(300), Duration::from_millis(10))?;
        let elapsed = began.elapsed();
        let cpu = target.processes.usage().unwrap_or_default().cpu.saturating_sub(before.cpu);
        let each = format!("{:.2} ms of CPU a job in the service", ms(cpu) / jobs as f64);
        Ok((jobs as f64 / elapsed.as_secs_f64(), each))
    };
    let bare = machine::launches_on_two();
    let (bare_rate, bare_cpu) = rate(&bare_true, setting.size(trues))?;
    let (bash_rate, bash_cpu) = rate(&bash, setting.size(bashes))?;
    let share = |rate: f64, cpu: String| match target.is_peer {
        true => cpu,
        false => format!(
            "{cpu}; {:.2} of the {bare:.0}/s fork and exec on two threads in this minute",
            rate / bare
        ),
    };
    Ok(vec![
        Row::new("true jobs, submitted to recorded end", "/s", Goal::AtLeast(1_400.0))
            .of(target.is_peer, bare_rate)
            .note(share(bare_rate, bare_cpu)),
        Row::new("bash jobs with two output files", "/s", Goal::AtLeast(800.0))
            .of(target.is_peer, bash_rate)
            .note(share(bash_rate, bash_cpu)),
    ])
}
