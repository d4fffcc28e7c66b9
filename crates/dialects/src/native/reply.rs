//! Answers of this dialect: documents, streams, refusals. A connection stays open after a refusal.

use super::error::NativeError;
use super::wire;
use crate::http::answer::{Answer, Body, empty};
use bytes::Bytes;
use futures_util::Stream;
use hyper::StatusCode;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use serde::Serialize;
use std::error::Error;

/// Makes an answer of a document.
pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Answer {
    match serde_json::to_vec(document) {
        Ok(bytes) => whole(status, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Makes an answer that is made while it is sent, with its length if that is known.
pub(super) fn stream(
    content_type: &'static str,
    pieces: impl Stream<Item = Bytes> + Send + 'static,
    length: Option<u64>,
) -> Answer {
    let mut answer = whole(StatusCode::OK, content_type, Vec::new());
    *answer.body_mut() = match length {
        Some(_) => Body::pieces_of(pieces, length),
        None => Body::pieces(pieces),
    };
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // What a job writes must not become a page of this site in somebody's browser.
    headers.insert("X-Content-Type-Options", HeaderValue::from_static("nosniff"));
    answer
}

/// Makes the answer to a request that is refused.
pub(super) fn refusal(error: &NativeError) -> Answer {
    let status = error.status();
    if status.is_server_error() {
        tracing::warn!(error = chain(error), "a request could not be answered");
    }
    let mut answer = json(status, &wire::Refusal { error: error.to_string(), hint: error.hint() });
    match error {
        NativeError::Unauthenticated(_) => {
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        NativeError::WrongMethod(known) => {
            if let Ok(known) = HeaderValue::from_str(&known.join(", ")) {
                answer.headers_mut().insert(ALLOW, known);
            }
        }
        NativeError::NoSuchPart(length) => {
            if let Ok(range) = HeaderValue::from_str(&format!("bytes */{length}")) {
                answer.headers_mut().insert(CONTENT_RANGE, range);
            }
        }
        _ => {}
    }
    answer
}

fn whole(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

fn chain(error: &NativeError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
