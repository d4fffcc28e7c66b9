//! Following what a job writes, from anywhere, until it has ended; over restarts of the service.

use super::JobName;
use super::row::is_over;
use crate::client::{Client, ClientError, NATIVE};
use reqwest::Method;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use std::io;
use std::time::Duration;

/// A standard stream of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Stream {
    fn path(self, name: JobName) -> String {
        format!("{NATIVE}/jobs/{}/{}", name.path(), self.name())
    }

    fn name(self) -> &'static str {
        if self == Stream::Output { "stdout" } else { "stderr" }
    }
}

/// How what a job writes is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// As it is, each stream on the one of the same name.
    AsItIs,
    /// Each piece as an object on a line.
    Json,
}

impl Shown {
    fn write(self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        fn all(mut out: impl io::Write, bytes: &[u8]) -> io::Result<()> {
            out.write_all(bytes)?;
            out.flush()
        }
        match (self, stream) {
            (Shown::AsItIs, Stream::Output) => all(io::stdout().lock(), bytes),
            (Shown::AsItIs, Stream::Error) => all(io::stderr().lock(), bytes),
            (Shown::Json, stream) => {
                let text = String::from_utf8_lossy(bytes);
                let told = serde_json::json!({ "stream": stream.name(), "text": text });
                all(io::stdout().lock(), format!("{told}\n").as_bytes())
            }
        }
    }
}

/// Why output could not be followed to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The service does not show it.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Whoever reads what this program writes has gone.
    #[error("write what the job writes")]
    Write(#[from] io::Error),
}

/// Shows what a job writes to one of its streams until the job has ended. `tail` begins with so many last
/// lines instead of the first one.
pub(crate) async fn follow(
    client: &Client,
    name: JobName,
    stream: Stream,
    tail: Option<u64>,
    shown: Shown,
) -> Result<(), FollowError> {
    // Where the next byte is; nobody knows before the first answer.
    let mut place = None;
    let mut pause = Duration::from_millis(100);
    loop {
        let before = place;
        match piece(client, name, stream, tail, shown, &mut place).await {
            Ok(()) if !is_live(client, name).await? => return Ok(()),
            Ok(()) => {}
            // The service may be restarting; the job goes on meanwhile.
            Err(FollowError::Client(ClientError::Unreachable { .. })) if place.is_some() => {}
            Err(error) => return Err(error),
        }
        if before != place {
            pause = Duration::from_millis(100);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

/// Copies until the answer ends.
async fn piece(
    client: &Client,
    name: JobName,
    stream: Stream,
    tail: Option<u64>,
    shown: Shown,
    place: &mut Option<u64>,
) -> Result<(), FollowError> {
    let mut query = vec![("follow", "1".to_owned())];
    match (*place, tail) {
        (Some(place), _) => query.push(("offset", place.to_string())),
        (None, Some(lines)) => query.push(("tail", lines.to_string())),
        (None, None) => {}
    }
    let mut answer = client.send(Method::GET, &stream.path(name), &query, None).await?;
    let offset =
        answer.headers().get("X-Quintet-Offset").and_then(|offset| offset.to_str().ok()?.parse().ok());
    let mut at: u64 = offset.unwrap_or(0);
    *place = Some(at);
    let broken = |source| ClientError::Unreachable { base: client.base().to_owned(), source };
    while let Some(bytes) = answer.chunk().await.map_err(broken)? {
        shown.write(stream, &bytes)?;
        at = at.saturating_add(bytes.len() as u64);
        *place = Some(at);
    }
    Ok(())
}

/// Tells whether a job still waits or runs. A service that is away cannot say that it does not.
async fn is_live(client: &Client, name: JobName) -> Result<bool, ClientError> {
    match job(client, name).await {
        Ok(found) => Ok(found.is_some_and(|job| !is_over(&job))),
        Err(ClientError::Unreachable { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Returns the one live job of this name.
pub(crate) async fn job(client: &Client, name: JobName) -> Result<Option<JobInfo>, ClientError> {
    match client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{}", name.path()), &[], None).await {
        Ok(answer) => Ok(answer.value.jobs.into_iter().next()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
