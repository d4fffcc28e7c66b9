//! Saying that an allocation is complete, and how the program ended that it was made for.

use crate::client::{Client, ClientError, NATIVE};
use anyhow::Context;
use reqwest::Method;
use std::time::{Duration, Instant};

/// How long a service that cannot be reached is tried again.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long to wait between two tries.
const AGAIN: Duration = Duration::from_millis(500);

/// What a program left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// An exit code.
    Code(u8),
    /// The number of the signal that ended it.
    Signal(u8),
}

impl Left {
    /// Returns the graver of two ends as Slurm ranks them: exit codes before signals, and high before low.
    #[must_use]
    pub(crate) fn graver(self, other: Left) -> Left {
        let rank = |left| match left {
            Left::Signal(number) => u32::from(number),
            Left::Code(code) => u32::from(code) << 8,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

/// Ends an allocation. One that has ended meanwhile, by itself or by somebody else, is as good.
///
/// # Errors
/// If the service does not take it, or cannot be reached for long.
pub(crate) async fn complete(client: &Client, job: u32, left: Left) -> anyhow::Result<()> {
    let body = match left {
        Left::Code(code) => serde_json::json!({ "exit_code": code }),
        Left::Signal(number) => serde_json::json!({ "signal": number }),
    };
    let body = body.to_string().into_bytes();
    let path = format!("{NATIVE}/jobs/{job}/complete");
    let begin = Instant::now();
    loop {
        match client.send(Method::POST, &path, &[], Some(body.clone())).await {
            Ok(_) | Err(ClientError::Refused { status: 404 | 409, .. }) => return Ok(()),
            Err(ClientError::Unreachable { .. }) if begin.elapsed() < PATIENCE => {}
            Err(error) => return Err(error).context("give the resources back"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_graver_than_signals() {
        assert_eq!(Left::Code(0).graver(Left::Signal(9)), Left::Signal(9));
        assert_eq!(Left::Signal(9).graver(Left::Code(1)), Left::Code(1));
        assert_eq!(Left::Code(3).graver(Left::Code(1)), Left::Code(3));
    }
}
