//! Durable submissions a second, over one, sixteen and sixty-four connections.

use anyhow::Result;

use super::{Setting, down, ms, typical_job};
use crate::machine;
use crate::table::{Goal, Row};
use crate::target::Target;

/// Into an empty queue.
pub(crate) fn into_empty_queue(target: &Target, setting: Setting<'_>) -> Result<Vec<Row>> {
    let body = typical_job(down(target.is_peer));
    let mut rows = Vec::new();
    for (connections, jobs, goal) in [(1, 5_000, 2_500.0), (16, 20_000, 20_000.0), (64, 30_000, 20_000.0)] {
        let jobs = if target.is_peer { 1_000 } else { jobs };
        let syncs = machine::syncs(setting.folder)?;
        let sample = target.submit_many(&body, connections, setting.size(jobs))?;
        let what = format!("submissions, {connections} connections");
        let mut note = format!("p50 {:.2} ms, p99 {:.2} ms", ms(sample.within(0.5)), ms(sample.within(0.99)));
        if !target.is_peer {
            note.push_str(&format!(
                ", {:.2} of the {syncs:.0}/s synced writes in this minute",
                sample.rate() / syncs
            ));
        }
        rows.push(Row::new(what, "/s", Goal::AtLeast(goal)).of(target.is_peer, sample.rate()).note(note));
    }
    Ok(rows)
}

/// Again with many jobs queued.
pub(crate) fn with_jobs_queued(target: &Target, setting: Setting<'_>, queued: usize) -> Result<Vec<Row>> {
    let body = typical_job(down(target.is_peer));
    let mut rows = Vec::new();
    for connections in [16, 64] {
        let sample = target.submit_many(&body, connections, setting.size(20_000))?;
        let what = format!("submissions, {connections} connections, {queued} jobs queued");
        let note = format!("p50 {:.2} ms, p99 {:.2} ms", ms(sample.within(0.5)), ms(sample.within(0.99)));
        rows.push(Row::new(what, "/s", Goal::AtLeast(20_000.0)).of(target.is_peer, sample.rate()).note(note));
    }
    Ok(rows)
}
