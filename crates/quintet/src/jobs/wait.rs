//! `quintet wait`, and waiting for a job to end wherever else that is wanted.

use super::row::{base_state, is_over};
use super::{JobName, Part, written};
use crate::client::{Client, ClientArgs, ClientError, EventStream};
use crate::terminal::{Terminal, remark};
use anyhow::Context;
use reqwest::Method;
use serde::Deserialize;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

/// How late the service is asked again if its stream of events says nothing, so that a lost event costs no more.
const LATE: Duration = Duration::from_secs(10);

/// Arguments of `quintet wait`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs, arrays, tasks of arrays such as 12_3, or components such as 12+1
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Give up after this time, with exit code 124
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) timeout: Option<u64>,
}

/// How a job, or a task of an array, has ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Ending {
    job_id: u32,
    array_job_id: Option<u32>,
    array_task_id: Option<u32>,
    het_job_id: Option<u32>,
    het_job_offset: Option<u32>,
    /// The state it ended in.
    pub(crate) state: String,
    exit_code: Option<u8>,
    signal: Option<u8>,
}

impl Ending {
    /// Returns the exit code a shell would give: 128 and the signal's number for what a signal has ended, 1 for whatever
    /// did not end by itself.
    pub(crate) fn code(&self) -> u8 {
        match (self.exit_code.unwrap_or(0), self.signal) {
            (_, Some(signal)) if signal > 0 => 128_u8.saturating_add(signal),
            (0, _) if self.state != "COMPLETED" => 1,
            (code, _) => code,
        }
    }

    /// Returns the exit code sbatch gives: like [`Ending::code`], but 1 for what a signal has ended.
    fn code_of_sbatch(&self) -> u8 {
        if self.signal.is_some_and(|signal| signal > 0) { 1 } else { self.code() }
    }

    fn id(&self) -> String {
        let task = (self.array_job_id, self.array_task_id);
        written(self.job_id, task, (self.het_job_id, self.het_job_offset))
    }
}

/// Waits for jobs to end; the exit code is the largest of theirs.
pub(crate) async fn run(args: WaitArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let names = args.ids.iter().map(|id| JobName::parse(id)).collect::<Result<Vec<_>, _>>()?;
    let client = Client::open(&args.client)?;
    let all = async {
        let mut endings = Vec::new();
        for name in names {
            endings.extend(ended(&client, name).await?);
        }
        anyhow::Ok(endings)
    };
    let patience = args.timeout.map_or(Duration::MAX, Duration::from_secs);
    let Ok(endings) = tokio::time::timeout(patience, all).await else {
        remark("the time is over and the jobs are not");
        return Ok(ExitCode::from(124));
    };
    let endings = endings?;
    if args.client.json {
        terminal.print(&told_all(&endings))?;
    }
    Ok(ExitCode::from(endings.iter().map(Ending::code).max().unwrap_or(0)))
}

/// Writes endings as JSON.
pub(crate) fn told_all(endings: &[Ending]) -> String {
    let told = |ending: &Ending| {
        serde_json::json!({
            "job": ending.id(), "state": ending.state, "exit_code": ending.exit_code, "signal": ending.signal,
            "code": ending.code(),
        })
    };
    format!("{:#}", serde_json::Value::from(endings.iter().map(told).collect::<Vec<_>>()))
}

/// Waits until a job, or all tasks of an array, have ended, and returns the exit code sbatch would: the job's own, the
/// largest one of an array's tasks, 1 for whatever did not end by itself.
pub(crate) async fn wait_for(client: &Client, id: u32) -> anyhow::Result<ExitCode> {
    let endings = ended(client, JobName::of(id)).await?;
    Ok(ExitCode::from(endings.iter().map(Ending::code_of_sbatch).max().unwrap_or(0)))
}

/// Waits until a job, or all tasks of an array, have ended for good, and says how.
///
/// # Errors
/// If there is no such job, or the service refuses to tell. A service that is away for a while is waited for: the jobs go
/// on meanwhile.
pub(crate) async fn ended(client: &Client, name: JobName) -> anyhow::Result<Vec<Ending>> {
    let mut pause = Duration::from_millis(100);
    let mut seen = false;
    loop {
        match once(client, name, &mut seen).await {
            Ok(Some(endings)) => return Ok(endings),
            Ok(None) => pause = Duration::from_millis(100),
            Err(ClientError::Unreachable { .. }) if seen => {}
            Err(error) => return Err(error).with_context(|| format!("wait for job {name}")),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Follows events until the job is over; nothing where the stream of events ends first.
async fn once(client: &Client, name: JobName, seen: &mut bool) -> Result<Option<Vec<Ending>>, ClientError> {
    // First the stream, then the look: what happens in between is in the stream.
    let mut events = EventStream::of_job(client, &name.to_string()).await?;
    loop {
        if !is_live(client, name).await? {
            return endings(client, name).await.map(Some);
        }
        *seen = true;
        // Any change may be the last one; changes that come together are looked at together.
        match tokio::time::timeout(LATE, events.next()).await {
            Ok(Ok(Some(_))) | Err(_) => {}
            Ok(Ok(None)) => return Ok(None),
            Ok(Err(error)) => return Err(error),
        }
        while events.has_next() {
            events.next().await?;
        }
    }
}

/// Tells whether something of it still waits or runs.
async fn is_live(client: &Client, name: JobName) -> Result<bool, ClientError> {
    let path = format!("/job/{}", name.path());
    match client.slurm::<JobInfoResp>(Method::GET, &path, &[], None).await {
        Ok(answer) => Ok(answer.value.jobs.iter().filter(|job| is_meant(name, job)).any(|job| !is_over(job))),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_meant(name: JobName, job: &JobInfo) -> bool {
    match (name.part, job.array_task_id.number()) {
        (Some(Part::Task(wanted)), Some(task)) => wanted == task,
        // Tasks that wait share a record, and whoever waits for one of them waits for it.
        (Some(Part::Task(_)), None) => base_state(job) == "PENDING",
        (Some(Part::Component(wanted)), _) => job.het_job_offset.number() == Some(wanted),
        (None, _) => true,
    }
}

/// Returns how the last attempts ended.
async fn endings(client: &Client, name: JobName) -> Result<Vec<Ending>, ClientError> {
    #[derive(Deserialize)]
    struct Attempts {
        jobs: Vec<Ending>,
    }
    let found =
        client.native::<Attempts>(Method::GET, &format!("/history/{}", name.path()), &[], None).await?;
    // Oldest first, so the last attempt of each remains.
    let whole = |ending: &Ending| ending.array_job_id.or(ending.het_job_id).unwrap_or(ending.job_id);
    let place = |ending: &Ending| (whole(ending), ending.array_task_id.or(ending.het_job_offset));
    let last: BTreeMap<(u32, Option<u32>), Ending> =
        found.value.jobs.into_iter().map(|ending| (place(&ending), ending)).collect();
    Ok(last.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_endings() {
        let check = |state: &str, exit_code: Option<u8>, signal: Option<u8>, code: u8, of_sbatch: u8| {
            let ending = Ending { state: state.to_owned(), exit_code, signal, ..Ending::default() };
            assert_eq!((ending.code(), ending.code_of_sbatch()), (code, of_sbatch), "{ending:?}");
        };
        check("COMPLETED", Some(0), None, 0, 0);
        check("FAILED", Some(3), None, 3, 3);
        check("FAILED", None, Some(9), 137, 1);
        check("CANCELLED", None, Some(15), 143, 1);
        check("CANCELLED", None, None, 1, 1);
        check("TIMEOUT", Some(0), None, 1, 1);
        check("OUT_OF_MEMORY", None, Some(127), 255, 1);
    }
}
