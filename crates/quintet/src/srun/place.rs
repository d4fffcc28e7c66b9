//! Where a step is asked for: the launcher of the job this process is in, or of another one.

use crate::client::{Client, ClientError};
use crate::watch;
use anyhow::{Context, bail};
use reqwest::Method;
use serde::Deserialize;
use std::ffi::OsString;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};
use supervise::RunId;
use supervise::steps::{RUN_VARIABLE, SOCKET_VARIABLE, StepAnswer, StepClient, StepError, StepRequest};

use super::conversation::Conversation;

/// What a launcher says that has another one's jobs.
const NOT_HERE: &str = "no such run";

/// Where the service says a job's launchers are, and which steps it has.
#[derive(Deserialize)]
pub(crate) struct Steps {
    pub(crate) run: String,
    pub(crate) folder: PathBuf,
    pub(crate) steps: Vec<LiveStep>,
}

/// A step of a running job.
#[derive(Deserialize)]
pub(crate) struct LiveStep {
    /// Its number, or `batch` for the script.
    pub(crate) step: String,
}

/// Asks for the steps of a job of this number, or of this name as a part of a path.
pub(crate) async fn steps_of(client: &Client, job: impl std::fmt::Display) -> Result<Steps, ClientError> {
    let found = client.native::<Steps>(Method::GET, &format!("/jobs/{job}/steps"), &[], None).await;
    found.map(|found| found.value)
}

/// Returns the folder of the commands that a job finds on its `PATH`, if it is on this machine.
pub(crate) async fn commands_of(client: &Client, job: u32) -> Option<PathBuf> {
    let folder = steps_of(client, job).await.ok()?.folder.with_file_name("bin");
    folder.is_dir().then_some(folder)
}

/// The launchers one of which has a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The job.
    pub(super) job: u32,
    key: u64,
    attempt: Option<u32>,
    sockets: Vec<PathBuf>,
}

impl Place {
    /// Returns the place this process is in, if it is in a job.
    pub(super) fn of_this_process(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        let socket = variable(SOCKET_VARIABLE).filter(|path| !path.is_empty())?;
        let run: RunId = variable(RUN_VARIABLE)?.to_str()?.parse().ok()?;
        let job = u32::try_from(run.key).ok()?;
        Some(Place { job, key: run.key, attempt: Some(run.attempt), sockets: vec![PathBuf::from(socket)] })
    }

    /// Finds the place of a job that runs on this machine.
    ///
    /// # Errors
    /// If the service does not know it, or it has no launcher here.
    pub(super) async fn of_job(client: &Client, job: u32) -> anyhow::Result<Self> {
        let Steps { run, folder, .. } = match steps_of(client, job).await {
            Ok(found) => found,
            Err(error @ ClientError::Refused { .. }) if error.is_not_found() => {
                bail!("Unable to confirm allocation for job {job}: Invalid job id specified")
            }
            Err(error) => return Err(error).context(format!("find job {job}")),
        };
        let run: RunId =
            run.parse().ok().with_context(|| format!("the service calls job {job} \"{run}\""))?;
        let entries = std::fs::read_dir(&folder).with_context(|| {
            format!("look into {}; steps are started on the machine of the service only", folder.display())
        })?;
        let mut sockets: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        sockets.sort();
        Ok(Place { job, key: run.key, attempt: Some(run.attempt), sockets })
    }

    /// Returns where a step's srun listens for those who look on.
    pub(super) fn watched_at(&self, step: u32) -> std::io::Result<SocketAddr> {
        let folder = self.sockets.first().and_then(|socket| socket.parent()).unwrap_or(Path::new(""));
        watch::address(folder, RunId { key: self.key, attempt: self.attempt.unwrap_or(0) }, step)
    }

    /// Asks for a step; returns the conversation and what was answered first.
    ///
    /// # Errors
    /// If no launcher has the job.
    pub(super) async fn ask(&self, request: &StepRequest) -> anyhow::Result<(Conversation, StepAnswer)> {
        let mut last: Option<StepError> = None;
        for socket in &self.sockets {
            let client = match StepClient::connect(socket, self.key, self.attempt) {
                Ok(client) => client,
                Err(error) => {
                    last = Some(error);
                    continue;
                }
            };
            let mut conversation = Conversation::new(client).context("watch the launcher")?;
            let asked = conversation.ask(request.clone());
            let answer = match asked {
                Ok(()) => conversation.hear().await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(StepAnswer::Refused { why }) if why == NOT_HERE => {}
                Ok(answer) => return Ok((conversation, answer)),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error).context(format!("find the launcher of job {}", self.job)),
            None => bail!("Unable to confirm allocation for job {}: Invalid job id specified", self.job),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_its_job() {
        let check = |socket: &str, run: &str, told: Option<(u32, Option<u32>)>| {
            let place = Place::of_this_process(|name| match name {
                "QUINTET_STEPS" => Some(socket.into()),
                "QUINTET_STEPS_RUN" => Some(run.into()),
                _ => None,
            });
            assert_eq!(place.map(|place| (place.job, place.attempt)), told, "{socket} {run}");
        };
        check("/run/launcher-0", "12.3", Some((12, Some(3))));
        check("", "12.3", None);
        check("/run/launcher-0", "x", None);
        check("/run/launcher-0", "99999999999.0", None);
    }
}
