//! Archives: a line of JSON for each thing that left history, readable by people and by [`super::load_archive`].

use crate::content::Content;
use crate::database::Unread;
use crate::history::reader::payload_of;
use crate::row::{Stored, job_to_json};
use domain::history::{Amendment, Charge, Sums};
use domain::job::{Exit, JobSpec, Phase};
use domain::ports::{ClosedStep, Recorded, StoreError, WallMinute};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A line of an archive.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Line {
    /// An attempt.
    Job(Box<JobLine>),
    /// A step.
    Step(StepLine),
    /// A sum of usage.
    Usage(UsageLine),
    /// A time in which a node was out of service, or the cluster had other resources.
    Event(RecordLine),
    /// A reservation.
    Reservation(RecordLine),
    /// A change of the books.
    Transaction(RecordLine),
}

/// Something that happened beside jobs.
#[derive(Serialize, Deserialize)]
pub(super) struct RecordLine {
    /// The node, the reservation, or who did it.
    pub(super) name: String,
    pub(super) start: i64,
    pub(super) end: i64,
    /// When it was told of the last time.
    pub(super) told: i64,
    pub(super) record: Value,
}

/// An attempt: what people look for in words, and the whole record as the store writes it.
#[derive(Serialize, Deserialize)]
pub(super) struct JobLine {
    pub(super) job: u32,
    pub(super) attempt: u32,
    pub(super) name: String,
    pub(super) user: String,
    pub(super) account: String,
    pub(super) partition: String,
    pub(super) qos: String,
    pub(super) state: String,
    pub(super) exit: Option<i64>,
    /// Microseconds since 1970, as all times.
    pub(super) submit: i64,
    pub(super) start: Option<i64>,
    pub(super) end: i64,
    pub(super) nodes: String,
    /// What it held beside nodes, CPUs and memory.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) also: Vec<(String, u64)>,
    pub(super) spec: Value,
    pub(super) record: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) amendment: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) payload: Option<PayloadLine>,
}

/// What was submitted beside the request.
#[derive(Serialize, Deserialize)]
pub(super) struct PayloadLine {
    pub(super) script: Script,
    pub(super) environment: Vec<String>,
    pub(super) arguments: Vec<String>,
}

/// A script; one that is no text is written as bytes.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Script {
    Text(String),
    Bytes(Vec<u8>),
}

/// A step.
#[derive(Serialize, Deserialize)]
pub(super) struct StepLine {
    pub(super) job: u32,
    pub(super) attempt: u32,
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) record: Value,
}

/// A sum of usage.
#[derive(Serialize, Deserialize)]
pub(super) struct UsageLine {
    /// The store's number for whose sum it is and over which time.
    pub(super) sum: u8,
    /// Minutes since 1970.
    pub(super) start: i64,
    pub(super) account: String,
    pub(super) user: String,
    pub(super) partition: String,
    pub(super) qos: String,
    pub(super) wckey: String,
    pub(super) reservation: String,
    pub(super) cpu: i64,
    pub(super) memory: i64,
    pub(super) node: i64,
    pub(super) billing: i64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) others: Vec<(String, i64)>,
}

/// Describes an attempt with all that belongs to it.
pub(super) fn job_line(history: &Connection, found: &Recorded) -> Result<Line, Unread> {
    let job = &found.closed.job;
    let Phase::Ended(ended) = &job.phase else { return Err(broken("a job that has not ended")) };
    let exit = match ended.exit {
        Exit::None => None,
        Exit::Code(code) => Some(i64::from(code)),
        Exit::Signal(signal) => Some(-i64::from(signal)),
    };
    let json = |value| serde_json::to_value(value).map_err(|_| broken("a request"));
    let amendment = found.amendment.as_deref().map(Amendment::to_row);
    let amendment =
        amendment.map(|row| serde_json::to_value(row).map_err(|_| broken("a note"))).transpose()?;
    let payload = payload_of(history, found.row)?.map(|payload| PayloadLine {
        script: match String::from_utf8(payload.script.to_vec()) {
            Ok(text) => Script::Text(text),
            Err(bytes) => Script::Bytes(bytes.into_bytes()),
        },
        environment: payload.environment.iter().map(ToString::to_string).collect(),
        arguments: payload.arguments.iter().map(ToString::to_string).collect(),
    });
    Ok(Line::Job(Box::new(JobLine {
        job: job.id.0,
        attempt: job.restarts,
        name: job.spec.name.to_string(),
        user: job.spec.owner.name.to_string(),
        account: job.spec.account.to_string(),
        partition: Charge::of(job).partition.to_string(),
        qos: job.spec.qos.to_string(),
        state: format!("{:?}", ended.outcome),
        exit,
        submit: job.submitted.micros(),
        start: job.run().map(|run| run.started.micros()),
        end: ended.ended.micros(),
        nodes: found.closed.nodes.to_string(),
        also: found.closed.also.iter().map(|(name, amount)| (name.to_string(), *amount)).collect(),
        spec: json(JobSpec::to_row(&job.spec))?,
        record: job_to_json(job).map_err(|_| broken("a job"))?,
        amendment,
        payload,
    })))
}

/// Describes a step.
pub(super) fn step_line(step: &ClosedStep) -> Result<Line, Unread> {
    let record = serde_json::to_value(step.to_row()).map_err(|_| broken("a step"))?;
    Ok(Line::Step(StepLine {
        job: step.job.0,
        attempt: step.attempt,
        number: step.step.step.number,
        name: step.step.step.name.to_string(),
        start: step.step.step.started.micros(),
        end: step.step.end.at.micros(),
        record,
    }))
}

/// Describes a sum.
pub(super) fn usage_line(sum: u8, start: i64, charge: &Charge, sums: Sums) -> Line {
    Line::Usage(UsageLine {
        sum,
        start,
        account: charge.account.to_string(),
        user: charge.user.to_string(),
        partition: charge.partition.to_string(),
        qos: charge.qos.to_string(),
        wckey: charge.wckey.to_string(),
        reservation: charge.reservation.to_string(),
        cpu: sums.cpu,
        memory: sums.memory,
        node: sums.node,
        billing: sums.billing,
        others: sums.others.into_iter().map(|(name, amount)| (name.to_string(), amount)).collect(),
    })
}

fn broken(what: &str) -> Unread {
    let source = "it cannot be written as JSON".into();
    Unread::Store(StoreError::Unreadable { what: what.to_owned(), source })
}

/// Adds lines to the file of a kind and a month; they are on the disk when this returns.
pub(super) fn append(
    folder: &Path,
    kind: &str,
    month: WallMinute,
    lines: &[Line],
) -> std::io::Result<PathBuf> {
    super::folder(folder)?;
    let path = folder.join(format!("{kind}-{:04}-{:02}.jsonl", month.year, month.month));
    let is_new = !path.exists();
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    file.write_all(&text)?;
    file.sync_data()?;
    if is_new {
        File::open(folder)?.sync_all()?;
    }
    Ok(path)
}

/// Returns contents to be stored again.
pub(super) fn contents(payload: PayloadLine) -> [Content; 3] {
    let lines = |lines: Vec<String>| Content::Lines(lines.into_iter().map(domain::Text::from).collect());
    let script = match payload.script {
        Script::Text(text) => text.into_bytes(),
        Script::Bytes(bytes) => bytes,
    };
    [Content::Script(script.into()), lines(payload.environment), lines(payload.arguments)]
}
