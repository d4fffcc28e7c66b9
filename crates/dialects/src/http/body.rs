//! Reads bodies of requests within limits of size, time and memory in use by all of them together.

use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long a client may take for the next piece of its body.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bodies beyond this size share [`Budget`].
const SMALL: u64 = 1 << 20;
/// What large bodies may take together, in units of [`UNIT`].
const BUDGET: usize = 512;
const UNIT: u64 = 1 << 20;

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoBody {
    /// It is larger than allowed.
    TooLarge,
    /// The client sent less than announced, or took too long.
    Broken,
}

/// The memory that large bodies may take together.
pub(crate) struct Budget(Semaphore);

impl Default for Budget {
    fn default() -> Self {
        Budget(Semaphore::new(BUDGET))
    }
}

impl Budget {
    /// Reads a body whose length was announced as `length`, if it was, of at most `most` bytes.
    pub(crate) async fn read(&self, body: Incoming, length: Option<u64>, most: u64) -> Result<Bytes, NoBody> {
        let expected = length.or_else(|| body.size_hint().exact()).unwrap_or(SMALL + 1);
        if length.is_some_and(|length| length > most) {
            return Err(NoBody::TooLarge);
        }
        let shares =
            if expected <= SMALL { 0 } else { u32::try_from(expected.min(most) / UNIT + 1).unwrap_or(1) };
        let shares = shares.min(u32::try_from(BUDGET).unwrap_or(1));
        let Ok(_shares) = self.0.acquire_many(shares).await else { return Err(NoBody::Broken) };
        collect(body, expected, most).await
    }
}

async fn collect(mut body: Incoming, expected: u64, most: u64) -> Result<Bytes, NoBody> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.map_err(|_| NoBody::Broken)? {
        let Ok(data) = frame.map_err(|_| NoBody::Broken)?.into_data() else { continue };
        // Most bodies arrive in one piece and need not be copied.
        match first.take() {
            None if rest.is_empty() => first = Some(data),
            None => rest.extend_from_slice(&data),
            Some(before) => {
                rest.reserve(usize::try_from(expected.min(SMALL)).unwrap_or(0));
                rest.extend_from_slice(&before);
                rest.extend_from_slice(&data);
            }
        }
        let length = rest.len().max(first.as_ref().map_or(0, Bytes::len)) as u64;
        if length > most {
            return Err(NoBody::TooLarge);
        }
    }
    Ok(first.unwrap_or_else(|| rest.freeze()))
}
