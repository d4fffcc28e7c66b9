//! The shapes on the wire and nothing else. Times are seconds since 1970 with their fraction; what is not known is
//! `null`, but for events.

use domain::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a request is refused.
#[derive(Serialize)]
pub(super) struct Refusal {
    pub(super) error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
}

/// One change of a job's state. What there is not is left out: there may be thousands a second.
#[derive(Serialize)]
pub(super) struct Change<'a> {
    pub(super) job_id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) array_job_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) array_task_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) het_job_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) het_job_offset: Option<u32>,
    pub(super) name: &'a str,
    pub(super) user: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<&'static str>,
    pub(super) to: &'static str,
    pub(super) reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signal: Option<u8>,
    pub(super) at: f64,
}

/// Changes are missing.
#[derive(Serialize)]
pub(super) struct Gap {
    pub(super) oldest: u64,
}

/// A page of history.
#[derive(Serialize)]
pub(super) struct Page {
    pub(super) jobs: Vec<Attempt>,
    pub(super) next: Option<String>,
}

/// All attempts of a job.
#[derive(Serialize)]
pub(super) struct Attempts {
    pub(super) jobs: Vec<Attempt>,
}

/// An attempt that is over.
#[derive(Serialize)]
pub(super) struct Attempt {
    pub(super) job_id: u32,
    pub(super) array_job_id: Option<u32>,
    pub(super) array_task_id: Option<u32>,
    pub(super) het_job_id: Option<u32>,
    pub(super) het_job_offset: Option<u32>,
    /// How often the job had been put back before.
    pub(super) attempt: u32,
    pub(super) name: Text,
    pub(super) user: Text,
    pub(super) uid: u32,
    pub(super) account: Text,
    pub(super) partition: Text,
    pub(super) qos: Text,
    pub(super) state: &'static str,
    pub(super) reason: &'static str,
    pub(super) exit_code: Option<u8>,
    pub(super) signal: Option<u8>,
    pub(super) submitted: f64,
    pub(super) started: Option<f64>,
    pub(super) ended: f64,
    pub(super) elapsed: Option<f64>,
    pub(super) time_limit_minutes: Option<u32>,
    pub(super) nodes: Text,
    pub(super) node_count: usize,
    pub(super) cpus: Option<u32>,
    pub(super) memory_mb: Option<u64>,
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
    pub(super) max_rss_kb: u64,
    pub(super) peak_memory_kb: Option<u64>,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
    pub(super) energy_joules: Option<f64>,
    pub(super) remark: Text,
    pub(super) comment: Text,
    pub(super) work_dir: Text,
    pub(super) stdout: Option<Text>,
    pub(super) stderr: Option<Text>,
    /// Its steps, where one job, or steps, were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) steps: Option<Vec<Step>>,
}

/// A step. One that lives has no end yet.
#[derive(Serialize)]
pub(super) struct Step {
    /// Its number, or `batch` for the script.
    pub(super) step: String,
    pub(super) name: Text,
    pub(super) command: Text,
    pub(super) state: &'static str,
    pub(super) exit_code: Option<u8>,
    pub(super) signal: Option<u8>,
    pub(super) started: f64,
    pub(super) ended: Option<f64>,
    pub(super) elapsed: Option<f64>,
    pub(super) tasks: u32,
    pub(super) nodes: Text,
    pub(super) cpus: u32,
    pub(super) memory_mb: u64,
    pub(super) usage: Option<StepUsage>,
}

/// What the tasks of a step used.
#[derive(Serialize)]
pub(super) struct StepUsage {
    pub(super) user_seconds: f64,
    pub(super) system_seconds: f64,
    pub(super) max_rss_kb: u64,
    pub(super) max_rss_task: u32,
    pub(super) mean_rss_kb: u64,
    pub(super) read_bytes: u64,
    pub(super) written_bytes: u64,
}

/// The steps of a job that runs, and where to ask for more.
#[derive(Serialize)]
pub(super) struct JobSteps {
    /// Job and attempt, as launchers name them.
    pub(super) run: String,
    /// The folder of the launchers' sockets on the machine of the service.
    pub(super) folder: Text,
    pub(super) steps: Vec<Step>,
}

/// A user to be remembered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    pub(super) name: String,
    #[serde(default)]
    pub(super) level: Level,
    #[serde(default)]
    pub(super) default_account: String,
    #[serde(default)]
    pub(super) accounts: Vec<String>,
}

/// What a user may do beyond their own jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    #[default]
    None,
    Operator,
    Administrator,
}

/// A user.
#[derive(Serialize)]
pub(super) struct User {
    pub(super) name: Text,
    pub(super) level: Level,
    pub(super) default_account: Text,
    pub(super) accounts: Vec<Text>,
}

/// All users that are remembered.
#[derive(Serialize)]
pub(super) struct Users {
    pub(super) users: Vec<User>,
}

/// What an administrator wants of a node.
#[derive(Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Availability {
    Drain { reason: String },
    // With braces, so that unknown fields are refused.
    Resume {},
}

/// A node as its administrator sees it.
#[derive(Serialize)]
pub(super) struct Node {
    pub(super) name: Text,
    pub(super) in_service: bool,
    pub(super) reason: Text,
    /// `null` where nothing was said.
    pub(super) reason_at: Option<f64>,
    pub(super) reason_by: Option<Text>,
}

/// All nodes, and how far jobs are held to what they were given.
#[derive(Serialize)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<Node>,
    pub(super) limits: BTreeMap<&'static str, &'static str>,
}

/// Who asks.
#[derive(Serialize)]
pub(super) struct WhoAmI {
    pub(super) name: Text,
    /// `null` for a user the system does not know.
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) level: Level,
}

/// How a job is put back into the queue.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Requeue {
    /// It is held there.
    pub(super) hold: bool,
    /// It is held there, and marked SPECIAL_EXIT.
    pub(super) special: bool,
}

/// What the program left that an allocation was made for: one of both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Complete {
    pub(super) exit_code: Option<u8>,
    pub(super) signal: Option<u8>,
}

/// A program is there for its allocation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Attend {
    pub(super) if_gone: IfGone,
}

/// What becomes of an allocation without its program.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum IfGone {
    /// It is cancelled.
    Cancel,
    /// It ends when the configured time without it is over, if one is configured.
    Expire,
}

/// How an allocation ends.
#[derive(Serialize)]
pub(super) struct Attended {
    pub(super) outcome: &'static str,
}

/// What became of jobs that something was done with.
#[derive(Serialize)]
pub(super) struct Acted {
    pub(super) jobs: Vec<ActedOn>,
}

/// What became of one.
#[derive(Serialize)]
pub(super) struct ActedOn {
    pub(super) job_id: Option<u32>,
    pub(super) task: Option<u32>,
    /// `null` where it was done.
    pub(super) error: Option<String>,
}

/// A crontab to be put in the place of the one before.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCrontab {
    /// The text, whole.
    pub(super) text: String,
    /// For each entry of the text, in order, the job that stands for it: what `job/submit` of Slurm's API takes.
    #[serde(default)]
    pub(super) entries: Vec<serde_json::Value>,
}

/// A user's crontab.
#[derive(Serialize)]
pub(super) struct Crontab {
    pub(super) user: Text,
    pub(super) text: Text,
    pub(super) entries: Vec<CrontabEntry>,
}

/// An entry that recurs. Lines are counted from one.
#[derive(Serialize)]
pub(super) struct CrontabEntry {
    pub(super) first_line: u32,
    pub(super) last_line: u32,
    pub(super) job_id: u32,
}
