//! One room for each kind of call.

pub(super) mod batches;
pub(super) mod downloads;
pub(super) mod filesystems;
pub(super) mod jobs;
pub(super) mod keys;
pub(super) mod logs;
pub(super) mod submit;
pub(super) mod tools;
pub(super) mod uploads;

use super::auth::Caller;
use super::error::EtError;
use super::{EtEngine, Mount, reply};
use crate::http::answer::Answer;
use crate::http::body::NoBody;
use crate::site::Site;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_LENGTH};
use hyper::{StatusCode, http::request::Parts};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Small bodies: a name, a description, a line of a script.
const SMALL: u64 = 1 << 20;

/// A request, after it is known what is asked and by whom.
#[derive(Clone)]
pub(super) struct World {
    pub(super) site: Arc<Site>,
    pub(super) et: EtEngine,
    /// Below which path.
    pub(super) mount: Mount,
    /// Who asks.
    pub(super) by: Caller,
    /// The query, decoded.
    pub(super) query: Vec<(String, String)>,
    /// The head of the request.
    pub(super) head: Parts,
}

impl World {
    /// Returns a parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter that says yes or no.
    pub(super) fn says(&self, name: &str, default: bool) -> Result<bool, EtError> {
        match self.parameter(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "yes" | "") => Ok(true),
            Some("false" | "0" | "no") => Ok(false),
            Some(_) => Err(EtError::Bad(format!("{name} is true or false"))),
        }
    }

    /// Returns a parameter that is a number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, EtError> {
        let number = self.parameter(name).map(str::parse).transpose();
        number.map_err(|_| EtError::Bad(format!("{name} is a number")))
    }

    /// Reads a body of at most `most` bytes.
    pub(super) async fn read(&self, body: Incoming, most: u64) -> Result<Bytes, EtError> {
        let length = self.head.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let read = self.site.bodies.read(body, length, most).await;
        read.map_err(|why| match why {
            NoBody::TooLarge => EtError::TooLarge(format!("The body is larger than {most} bytes")),
            NoBody::Broken => EtError::Bad("The body did not arrive in full".to_owned()),
        })
    }

    /// Reads a body that says nothing: the SDK sends `{}` with everything.
    pub(super) async fn skip(&self, body: Incoming) -> Result<(), EtError> {
        self.read(body, SMALL).await.map(|_| ())
    }

    /// Reads a small document.
    pub(super) async fn document<T: DeserializeOwned>(&self, body: Incoming) -> Result<T, EtError> {
        let bytes = self.read(body, SMALL).await?;
        serde_json::from_slice(&bytes).map_err(|error| match error.is_data() {
            true => EtError::body(error),
            false => EtError::NotJson,
        })
    }

    /// Does what may wait for a disk where that hurts nobody.
    pub(super) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&World) -> Result<T, EtError> + Send + 'static,
    ) -> Result<T, EtError> {
        let world = self.clone();
        blocking(move || work(&world)).await
    }

    /// Answers with what has been made: its number as a text at the root, unless JSON is asked for, and a document below
    /// `/v1`.
    fn made(&self, id: u128, document: &impl Serialize) -> Answer {
        let wants = |accept: &hyper::header::HeaderValue| {
            accept.to_str().is_ok_and(|accept| accept.contains("application/json"))
        };
        match self.mount == Mount::V1 || self.head.headers.get(ACCEPT).is_some_and(wants) {
            true => reply::json(document),
            false => reply::plain(StatusCode::OK, super::uuid::written(id)),
        }
    }
}

/// Does something that blocks where that hurts nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EtError> + Send + 'static,
) -> Result<T, EtError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call of ET Engine's dialect ended badly");
        Err(EtError::Internal)
    })
}

/// Checks a name or a description: a few words on one line, not a book.
fn checked(field: &str, text: String, most: usize) -> Result<String, EtError> {
    let is_fine = text.len() <= most && !text.chars().any(char::is_control);
    match is_fine {
        true => Ok(text),
        false => Err(EtError::body(format!("{field} has at most {most} bytes of plain text"))),
    }
}
