//! The file of statistics of a job that is over (`-s`, `-S`): a line for each thing, its name and its value.

use super::codes::codes;
use super::{NOTHING, clock, job, local_time};
use crate::nifcloud::kept::Kept;
use domain::cluster::Cluster;
use domain::job::{Job, Phase};
use domain::{Text, Timestamp};
use jiff::tz::TimeZone;
use std::fmt::Write;

/// Returns where the statistics of a job go and what is in them; `None` where they are not wanted, or it is not over.
pub(in super::super) fn statistics(of: &Job, cluster: &Cluster, zone: &TimeZone) -> Option<(Text, String)> {
    let kept = Kept::of(&of.spec);
    let wanted = kept.statistics.as_ref()?;
    let Phase::Ended(ended) = &of.phase else { return None };
    let line = job::job(job::Line::One(of), zone, Timestamp::EPOCH, false);
    let told = |key: &str| line.get(key).and_then(|value| value.as_str()).unwrap_or(NOTHING).to_owned();
    let codes = codes(of);
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<28}: {value}");
    };
    row("JOB ID", &told("job_id"));
    row("JOB NAME", &of.spec.name);
    row("JOB TYPE", &told("Fugaku:md"));
    row("JOB STATE", &told("status"));
    row("USER", &of.spec.owner.name);
    row("GROUP", &told("group"));
    row("RESOURCE GROUP", &told("queue"));
    row("PRIORITY", &told("priority"));
    row("NODE NUM (REQUIRE)", &told("node_require"));
    row("ELAPSE TIME (LIMIT)", &told("Fugaku:elapsed_limit"));
    row("JOB ACCEPT DATE", &told("accept"));
    row("JOB START DATE", &told("start_date"));
    row("JOB END DATE", &local_time(ended.ended, zone));
    row("ELAPSE TIME (USE)", &clock(job::elapsed(of, ended.ended)));
    row("EXIT CODE", &codes.exit.to_string());
    row("SIGNAL NO", &codes.signal.to_string());
    row("PJM CODE", &codes.service.to_string());
    row("REASON", codes.reason.unwrap_or(NOTHING));
    row("USER CPU TIME (USE)", &format!("{} ms", ended.usage.user.as_millis()));
    row("SYSTEM CPU TIME (USE)", &format!("{} ms", ended.usage.system.as_millis()));
    row("MAX MEMORY SIZE (USE)", &format!("{} KiB", ended.usage.peak_kb.max(ended.usage.max_rss_kb)));
    row("READ SIZE", &format!("{} B", ended.usage.read_bytes));
    row("WRITE SIZE", &format!("{} B", ended.usage.written_bytes));
    let shares = ended.run.iter().flat_map(|run| &run.allocation.nodes);
    row("NODE NUM (ALLOC)", &shares.clone().count().to_string());
    if wanted.long {
        for share in shares {
            let node = cluster.node(share.node).map_or(NOTHING, |node| node.name.as_str());
            let given = format!("{} CPUs, {} MiB", share.cpus.len(), share.memory);
            row(&format!("NODE {node}"), &given);
        }
    }
    let node = ended.run.as_ref().and_then(|run| run.allocation.nodes.first());
    let node = node.and_then(|share| cluster.node(share.node)).map_or("", |node| node.name.as_str());
    Some((of.stream_path(&wanted.path, node), text))
}
