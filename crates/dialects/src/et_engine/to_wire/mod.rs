//! What is known → what clients expect, in the shapes of both mounts (facts C1). Cannot fail.

use super::Mount;
use super::arguments::Arguments;
use super::batches::{Counts, Found, Member};
use super::handlers::World;
use super::record::{Filesystem, Hardware, Key, Tool};
use super::uuid;
use domain::job::{Ended, Exit, Job, Outcome, Phase, Reason};
use domain::state::Standing;
use domain::{Text, Timestamp};
use serde_json::{Map, Value, json};

/// The states of jobs, in the order of their lives.
pub(super) const STATES: [&str; 7] =
    ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"];

/// Writes a time as this API does, in UTC.
pub(super) fn time(at: Timestamp) -> String {
    let shown =
        jiff::Timestamp::from_second(at.seconds()).map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
    shown.unwrap_or_default()
}

/// Describes a tool as the SDK wants it: exactly so.
pub(super) fn tool(tool: &Tool) -> Value {
    json!({ "tool_id": uuid::written(tool.id), "tool_name": tool.name, "tool_description": tool.description })
}

/// Lists tools or filesystems: pairs of name and number at the root.
pub(super) fn listed<T>(
    mount: Mount,
    all: &[T],
    describe: fn(&T) -> Value,
    pair: fn(&T) -> (&str, u128),
) -> Value {
    let described = all.iter().map(|one| match mount {
        Mount::V1 => describe(one),
        Mount::Root => {
            let (name, id) = pair(one);
            json!([name, uuid::written(id)])
        }
    });
    described.collect()
}

/// Says whether a tool can be run, and what it is.
pub(super) fn tool_status(shown: &Tool) -> Value {
    let content = shown.content.as_ref();
    let entry =
        if shown.entry.is_empty() { content.map(|content| &content.entry) } else { Some(&shown.entry) };
    let mut status = json!({
        "ready": content.is_some(),
        "buildStatus": if content.is_some() { "SUCCEEDED" } else { "NOT_UPLOADED" },
        "entry": entry.cloned().unwrap_or_default(),
        "arguments": object(&shown.arguments),
        "size": content.map_or(0, |content| content.size),
    });
    if let (Some(status), Value::Object(tool)) = (status.as_object_mut(), tool(shown)) {
        status.extend(tool);
    }
    status
}

/// Describes a filesystem.
pub(super) fn filesystem(filesystem: &Filesystem) -> Value {
    json!({ "filesystem_id": uuid::written(filesystem.id), "filesystem_name": filesystem.name })
}

/// Describes a key, without the key.
pub(super) fn key(id: &str, key: &Key) -> Value {
    json!({
        "name": key.name,
        "description": key.description,
        "dateCreated": time(Timestamp::from_seconds(key.made)),
        "dateExpired": time(Timestamp::from_seconds(key.expires)),
        "key_id": id,
    })
}

fn hardware(mount: Mount, hardware: &Hardware) -> Value {
    let Hardware { filesystems, cpu, memory } = hardware;
    match mount {
        Mount::Root => {
            let ids: Vec<String> =
                filesystems.iter().map(|filesystem| uuid::written(filesystem.id)).collect();
            json!({ "filesystems": ids, "cpu": cpu, "memory": memory })
        }
        Mount::V1 => {
            let list: Vec<Value> = filesystems.iter().map(filesystem_of).collect();
            json!({ "filesystem_list": list, "cpu": cpu, "memory": memory })
        }
    }
}

fn filesystem_of(shown: &Filesystem) -> Value {
    filesystem(shown)
}

/// The tool of a batch that was made elsewhere: none that can be called.
const NO_TOOL: u128 = 0;

/// Returns the hardware of a batch: as it was posted, or what its jobs ask for.
fn hardware_of(found: &Found) -> Hardware {
    match (&found.origin, &found.record) {
        (Some(origin), _) => origin.hardware.clone(),
        (None, Some(record)) => {
            let asked = &record.spec.resources;
            let given = record.run().map(|run| (run.allocation.cpus(), run.allocation.memory()));
            let memory = match asked.memory {
                domain::job::Memory::PerNode(megabytes) => {
                    megabytes.saturating_mul(u64::from(asked.min_nodes.max(1)))
                }
                domain::job::Memory::PerCpu(megabytes) => {
                    megabytes.saturating_mul(u64::from(asked.least_cpus()))
                }
                domain::job::Memory::Default => 0,
            };
            let (cpu, memory) = given.unwrap_or((asked.least_cpus(), memory));
            Hardware { filesystems: Vec::new(), cpu: u16::try_from(cpu).unwrap_or(u16::MAX), memory }
        }
        (None, None) => Hardware { filesystems: Vec::new(), cpu: 0, memory: 0 },
    }
}

fn tool_of(found: &Found) -> (String, String, String) {
    match (&found.origin, &found.record) {
        (Some(origin), _) => {
            (uuid::written(origin.tool_id), origin.tool_name.clone(), origin.tool_description.clone())
        }
        (None, record) => {
            let name = record.as_ref().map(|job| job.spec.name.to_string()).unwrap_or_default();
            (uuid::written(NO_TOOL), name, String::new())
        }
    }
}

/// Describes a batch as it stands in a list.
pub(super) fn batch(world: &World, found: &Found) -> Value {
    let (id, name, description) = tool_of(found);
    let hardware = hardware(world.mount, &hardware_of(found));
    match world.mount {
        Mount::Root => json!({
            "batch_id": found.name(world), "tool_id": id, "n_jobs": found.jobs(), "hardware": hardware,
        }),
        Mount::V1 => json!({
            "batch_id": found.name(world),
            "batch_tool": { "tool_id": id, "tool_name": name, "tool_description": description },
            "n_jobs": found.jobs(),
            "batch_hardware": hardware,
        }),
    }
}

/// Says how a batch stands: with what it is at the root, the seven counts and nothing else below `/v1`.
pub(super) fn batch_status(world: &World, found: &Found, counts: &Counts) -> Value {
    let counted = STATES.iter().zip(counts);
    match world.mount {
        Mount::V1 => counted.map(|(state, count)| (state.to_ascii_lowercase(), json!(count))).collect(),
        Mount::Root => {
            let submitted: u32 = counts.iter().sum();
            let counted: Map<String, Value> =
                counted.map(|(state, count)| ((*state).to_owned(), json!(count))).collect();
            let mut shown = batch(world, found);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("n_submitted".to_owned(), json!(submitted));
                shown.insert("submitted_jobs".to_owned(), counted.into());
            }
            shown
        }
    }
}

fn object(arguments: &Arguments) -> Value {
    arguments.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect()
}

/// Describes a job as it stands in a list.
pub(super) fn job(
    world: &World,
    found: &Found,
    task: Option<domain::TaskIndex>,
    arguments: &Arguments,
) -> Value {
    let (id, log) = found.job_names(world, task);
    match world.mount {
        Mount::Root => json!({ "job_id": id, "log_id": log, "args": object(arguments) }),
        Mount::V1 => {
            let (tool, name, description) = tool_of(found);
            let list: Vec<Value> = arguments
                .iter()
                .map(|(name, value)| json!({ "argument_key": name, "argument_value": value }))
                .collect();
            json!({
                "job_id": id,
                "job_tool": { "tool_id": tool, "tool_name": name, "tool_description": description },
                "job_log_id": log,
                "job_argument_list": list,
            })
        }
    }
}

/// Describes a job with how it stands. Below `/v1` the same is said under the SDK's kind of names.
pub(super) fn job_status(
    world: &World,
    found: &Found,
    task: Option<domain::TaskIndex>,
    arguments: &Arguments,
    member: &Member,
) -> Value {
    let (standing, reason, times) = match member {
        Member::Known { job, .. } => (Standing::of(job), reason(world, job), times(found, job)),
        Member::Gone => {
            let made = time(Timestamp::from_seconds(found.second));
            (Standing::Failed, "cancelled before it started".to_owned(), [made, String::new(), String::new()])
        }
    };
    let status = STATES.get(super::batches::place_of(standing)).copied().unwrap_or_default();
    let [created, started, stopped] = times;
    let mut shown = job(world, found, task, arguments);
    let hardware = hardware(world.mount, &hardware_of(found));
    if let Some(shown) = shown.as_object_mut() {
        let hardware_name = match world.mount {
            Mount::Root => {
                shown.insert("tool_id".to_owned(), json!(tool_of(found).0));
                "hardware"
            }
            Mount::V1 => "job_hardware",
        };
        shown.insert(hardware_name.to_owned(), hardware);
        shown.insert("status".to_owned(), json!(status));
        shown.insert("reason".to_owned(), json!(reason));
        shown.insert("create_time".to_owned(), json!(created));
        shown.insert("start_time".to_owned(), json!(started));
        shown.insert("stop_time".to_owned(), json!(stopped));
    }
    shown
}

/// Returns when a job was made, started and ended.
fn times(found: &Found, job: &Job) -> [String; 3] {
    let made = Timestamp::from_seconds(found.second);
    let started = job.run().map(|run| time(run.started)).unwrap_or_default();
    let stopped = match &job.phase {
        Phase::Ended(ended) => time(ended.ended),
        Phase::Pending(_) | Phase::Running(_) | Phase::Completing(_) => String::new(),
    };
    [time(made), started, stopped]
}

/// Says why a job waits, or why it failed.
fn reason(world: &World, job: &Job) -> String {
    match &job.phase {
        Phase::Pending(pending) if pending.reason == Reason::None => String::new(),
        Phase::Pending(pending) => with_remark(pending.reason.name().to_owned(), &pending.remark),
        Phase::Running(_) | Phase::Completing(_) => String::new(),
        Phase::Ended(ended) => with_remark(cause(world, ended), &ended.remark),
    }
}

fn with_remark(said: String, remark: &Text) -> String {
    match (said.is_empty(), remark.is_empty()) {
        (_, true) => said,
        (true, false) => remark.to_string(),
        (false, false) => format!("{said}: {remark}"),
    }
}

fn cause(world: &World, ended: &Ended) -> String {
    let left = match ended.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(signal) => format!("ended by signal {signal}"),
        Exit::None => "it left no exit code".to_owned(),
    };
    match ended.outcome {
        Outcome::Completed => String::new(),
        Outcome::Failed => left,
        Outcome::Cancelled => {
            let person = ended.cancelled_by.and_then(|uid| world.site.jobs.directory().person_by_uid(uid));
            match (person, ended.cancelled_by) {
                (Some(person), _) => format!("cancelled by {}", person.name),
                (None, Some(uid)) => format!("cancelled by user {uid}"),
                (None, None) => "cancelled".to_owned(),
            }
        }
        Outcome::Timeout => "time limit reached".to_owned(),
        Outcome::NodeFail => "its node failed".to_owned(),
        Outcome::OutOfMemory => format!("out of memory, {left}"),
        Outcome::Deadline => "its deadline passed".to_owned(),
        Outcome::Preempted => "it made way for another job".to_owned(),
        Outcome::Requeued => "it was put back into the queue".to_owned(),
        Outcome::Resized => "it was made smaller".to_owned(),
    }
}
