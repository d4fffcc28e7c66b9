//! Being there for an allocation: the service knows that its program lives as long as somebody reads what it says of it.

use crate::client::{Client, ClientError, NATIVE};
use reqwest::{Method, Response};
use serde::Deserialize;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long to wait before connecting again.
const AGAIN: Duration = Duration::from_millis(500);

/// What becomes of an allocation when this program has gone without a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfGone {
    /// It is cancelled.
    Cancel,
    /// It ends when the service's `inactive_limit` is over, if it has one.
    Expire,
}

/// A program that is there. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Attendance {
    task: JoinHandle<()>,
    over: watch::Receiver<Option<String>>,
}

/// What the service says.
#[derive(Deserialize)]
struct Said {
    outcome: Option<String>,
}

impl Attendance {
    /// Begins to be there. A service that is away for a while is waited for.
    pub(crate) fn begin(client: &Client, job: u32, if_gone: IfGone) -> Self {
        let (tell, over) = watch::channel(None);
        let client = client.clone();
        let task = tokio::spawn(async move {
            let outcome = stay(&client, job, if_gone).await;
            // Nobody minds who has gone.
            let _ = tell.send(Some(outcome));
        });
        Attendance { task, over }
    }

    /// Waits until the allocation ends, and returns how: the name of its state.
    pub(crate) async fn over(&mut self) -> String {
        match self.over.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn stay(client: &Client, job: u32, if_gone: IfGone) -> String {
    let word = match if_gone {
        IfGone::Cancel => "cancel",
        IfGone::Expire => "expire",
    };
    let body = serde_json::json!({ "if_gone": word }).to_string().into_bytes();
    loop {
        let path = format!("{NATIVE}/jobs/{job}/attend");
        match client.send(Method::POST, &path, &[], Some(body.clone())).await {
            Ok(answer) => {
                if let Some(outcome) = outcome(answer).await {
                    return outcome;
                }
            }
            // It holds nothing any more.
            Err(ClientError::Refused { status: 404 | 409, .. }) => return String::new(),
            Err(_) => {}
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Reads until it is said how the allocation ends; nothing if the connection breaks before.
async fn outcome(mut answer: Response) -> Option<String> {
    let mut read: Vec<u8> = Vec::new();
    loop {
        read.extend_from_slice(&answer.chunk().await.ok()??);
        while let Some(end) = read.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = read.drain(..=end).collect();
            let said = serde_json::from_slice::<Said>(&line).ok();
            if let Some(outcome) = said.and_then(|said| said.outcome) {
                return Some(outcome);
            }
        }
    }
}
