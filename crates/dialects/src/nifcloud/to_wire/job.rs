//! A job as a line of `pjstat -v` in JSON (facts B2). All values are texts.

use super::codes::{codes, states};
use super::{NOTHING, clock, local_time};
use crate::nifcloud::from_wire::USUAL_PRIORITY;
use crate::nifcloud::kept::Kept;
use domain::job::{ArrayPart, Job, Phase, Running};
use domain::{TimeLimit, Timestamp};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// What a line is about.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Line<'a> {
    /// A job, or a sub-job.
    One(&'a Job),
    /// A bulk job as a whole: what there is of it, never nothing.
    Bulk(&'a [Arc<Job>]),
}

impl<'a> Line<'a> {
    /// The record that speaks for it: of a bulk job the one that runs, or waits, or has ended worst.
    fn speaker(self) -> Option<&'a Job> {
        match self {
            Line::One(job) => Some(job),
            Line::Bulk(records) => {
                let rank = |job: &&Arc<Job>| match &job.phase {
                    Phase::Running(_) => (0, 0),
                    Phase::Pending(_) => (1, 0),
                    Phase::Completing(_) => (2, 0),
                    Phase::Ended(_) => {
                        let codes = codes(job);
                        (3, u32::MAX - ((u32::from(codes.service) << 16) | u32::from(codes.exit)))
                    }
                };
                records.iter().min_by_key(rank).map(AsRef::as_ref)
            }
        }
    }
}

/// Tells whether a job is listed: it has not ended.
pub(in super::super) fn is_unfinished(job: &Job) -> bool {
    !matches!(states(job).0, "EXT" | "CCL" | "RJT" | "ERR")
}

/// Writes a job. `also_aliases` adds the names that the specification's list has beside those of its examples.
pub(in super::super) fn job(line: Line<'_>, zone: &TimeZone, now: Timestamp, also_aliases: bool) -> Value {
    let mut object = Map::new();
    let Some(job) = line.speaker() else { return Value::Object(object) };
    let mut set = |key: &str, value: String| drop(object.insert(key.to_owned(), Value::String(value)));
    let spec = &job.spec;
    let kept = Kept::of(spec);
    let (state, before) = states(job);
    let codes = codes(job);
    let nothing = || NOTHING.to_owned();
    set("job_id", job_id(line, job, &kept));
    set("job_name", spec.name.to_string());
    set("status", state.to_owned());
    set("user", spec.owner.name.to_string());
    set("group", group(job, &kept));
    set("start_date", start(job).map_or_else(nothing, |at| local_time(at, zone)));
    let elapsed = clock(elapsed(job, now));
    set("node_require", nodes(job, &kept));
    set("priority", kept.priority.unwrap_or(USUAL_PRIORITY).to_string());
    set("accept", local_time(job.submitted, zone));
    let partition = job.run().map(|run| &run.allocation.partition);
    set("queue", partition.unwrap_or_else(|| spec.partition()).to_string());
    let limit = limit(job);
    if also_aliases {
        set("elapse_time", elapsed.clone());
        set("Fugaku:elapse_limit", limit.clone());
    }
    set("elapsed_time", elapsed);
    set("Fugaku:elapsed_limit", limit);
    let mode = match (&job.array, &kept.step) {
        (Some(_), _) => "BU",
        (None, Some(_)) => "ST",
        (None, None) => "NM",
    };
    set("Fugaku:md", mode.to_owned());
    let virtual_nodes = kept.virtual_nodes.as_ref();
    set("Fugaku:vnode", virtual_nodes.map_or_else(nothing, |nodes| nodes.count.to_string()));
    set("Fugaku:core", virtual_nodes.map_or_else(nothing, |nodes| nodes.cores.to_string()));
    let memory = virtual_nodes.and_then(|nodes| nodes.memory);
    set("Fugaku:v_mem", memory.map_or_else(nothing, |memory| format!("{memory}Mi")));
    let upper = |text: &Option<String>| text.as_deref().map_or_else(nothing, str::to_uppercase);
    set("Fugaku:v_pol", upper(&kept.placement));
    set("Fugaku:e_pol", upper(&kept.execution));
    set("Fugaku:rank", kept.rank.clone().unwrap_or_else(|| "bychip".to_owned()));
    set("Fugaku:lst", before.to_owned());
    set("Fugaku:ec", codes.exit.to_string());
    set("Fugaku:pc", codes.service.to_string());
    set("Fugaku:sn", codes.signal.to_string());
    set("Fugaku:reason", codes.reason.unwrap_or(NOTHING).to_owned());
    Value::Object(object)
}

/// Writes a job's number: `123`, of a bulk job's part `123[4]`, of a step `123_1`.
fn job_id(line: Line<'_>, job: &Job, kept: &Kept) -> String {
    match (line, &job.array, &kept.step) {
        (Line::Bulk(_), ..) => job.array_id().to_string(),
        (Line::One(_), Some(ArrayPart::Task { of, index, .. }), _) => format!("{of}[{index}]"),
        (Line::One(_), _, Some(step)) => {
            format!("{}_{}", step.of.unwrap_or(job.id.0), step.number)
        }
        (Line::One(_), _, None) => job.id.to_string(),
    }
}

/// The group named, or else what is charged, or else the user's own.
pub(super) fn group(job: &Job, kept: &Kept) -> String {
    let named = kept.group.as_deref().or(Some(&*job.spec.account)).filter(|group| !group.is_empty());
    named.unwrap_or(&job.spec.owner.group).to_owned()
}

/// When it started, or is expected to.
pub(super) fn start(job: &Job) -> Option<Timestamp> {
    match &job.phase {
        Phase::Pending(pending) => pending.expected_start,
        _ => job.run().map(|run| run.started),
    }
}

pub(super) fn elapsed(job: &Job, now: Timestamp) -> Duration {
    let until = match &job.phase {
        Phase::Ended(ended) => ended.ended,
        Phase::Completing(completing) => completing.since,
        Phase::Pending(_) | Phase::Running(_) => now,
    };
    job.run().map_or(Duration::ZERO, |run| Running::elapsed(run, until))
}

pub(super) fn nodes(job: &Job, kept: &Kept) -> String {
    if let Some(nodes) = &kept.nodes {
        return nodes.clone();
    }
    if kept.virtual_nodes.is_some() {
        return NOTHING.to_owned();
    }
    let given = job.run().map(|run| run.allocation.nodes.len());
    given.map_or_else(|| job.spec.resources.min_nodes.max(1).to_string(), |nodes| nodes.to_string())
}

pub(super) fn limit(job: &Job) -> String {
    let seconds = job.spec.uncommon().limit_seconds.map(u64::from);
    let minutes = match job.spec.time_limit {
        TimeLimit::Minutes(minutes) => Some(u64::from(minutes) * 60),
        TimeLimit::Unlimited => None,
    };
    seconds.or(minutes).map_or_else(|| NOTHING.to_owned(), |seconds| clock(Duration::from_secs(seconds)))
}
