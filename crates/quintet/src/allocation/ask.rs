//! Asking for an allocation and waiting for it. Who goes away while it waits gives it up: the service sees that.

use crate::client::{Client, ClientError, EventStream};
use reqwest::Method;
use slurm_wire::submit::{JobAllocReq, JobAllocResp};
use std::time::Duration;

/// After this time it is said that the job waits.
const SOON: Duration = Duration::from_millis(500);

/// What is said of an allocation that does not come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// This job waits.
    Waits(u32),
    /// It waits no longer.
    Granted(u32),
}

/// Asks for an allocation and waits for it; returns its number. What it is called in the meantime is `name`.
///
/// # Errors
/// If it is refused or the service cannot be reached.
pub(crate) async fn ask(
    client: &Client,
    request: &JobAllocReq,
    name: &str,
    said: impl Fn(Asked),
) -> Result<u32, ClientError> {
    let body = slurm_wire::to_json(request);
    // Before the job is there, or the news that it waits could be missed.
    let events = follow(client).await;
    let answer = client.slurm::<JobAllocResp>(Method::POST, "/job/allocate", &[], Some(body));
    let waits = std::cell::Cell::new(None);
    let remark = async {
        if let Some(events) = events
            && let Some(job) = waiting(events, name).await
        {
            waits.set(Some(job));
            said(Asked::Waits(job));
        }
        std::future::pending::<()>().await;
    };
    let job = tokio::select! {
        answer = answer => answer?.value.job_id,
        () = remark => 0,
    };
    if waits.get() == Some(job) {
        said(Asked::Granted(job));
    }
    Ok(job)
}

/// Begins to follow the caller's jobs. Who cannot is not told of the waiting.
async fn follow(client: &Client) -> Option<EventStream> {
    let user = client.user().await.ok()?;
    EventStream::of_user(client, &user).await.ok()
}

/// Finds out which job it is that waits, once it has done so for some time.
async fn waiting(mut events: EventStream, name: &str) -> Option<u32> {
    loop {
        // Of several components the first stands for all.
        let job = loop {
            let event = events.next().await.ok()??;
            if event.name == name && event.to == "PENDING" {
                break event.job_id;
            }
        };
        let moves_on = async {
            while let Ok(Some(event)) = events.next().await {
                if event.job_id == job && event.to != "PENDING" {
                    return;
                }
            }
        };
        if tokio::time::timeout(SOON, moves_on).await.is_err() {
            return Some(job);
        }
    }
}
