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
    let answer = client.slurm::<JobAllocResp>(Method::POST, "/job/allocate", &[], Some(body));
    let waits = std::cell::Cell::new(None);
    let remark = async {
        if let Some(job) = waiting(client, name).await {
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

/// Finds out which job it is that waits, if it does not start at once.
async fn waiting(client: &Client, name: &str) -> Option<u32> {
    let user = client.user().await.ok()?;
    let mut events = EventStream::of_user(client, &user).await.ok()?;
    let mut waits = None;
    let found = tokio::time::timeout(SOON, async {
        while let Ok(Some(event)) = events.next().await {
            if event.name == name && event.to == "PENDING" {
                // Of several components the first stands for all.
                waits = waits.or(Some(event.job_id));
            } else if waits == Some(event.job_id) {
                waits = None;
            }
        }
    });
    if found.await.is_err() { waits } else { None }
}
