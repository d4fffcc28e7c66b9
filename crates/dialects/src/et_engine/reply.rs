//! Answers of this dialect: documents, texts, bytes. All may be read by pages of other sites, as in the original.

use crate::http::answer::{Answer, Body, empty};
use bytes::Bytes;
use futures_util::Stream;
use hyper::StatusCode;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE,
    HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;

/// Done, and nothing to say.
pub(super) fn done() -> Answer {
    empty(StatusCode::OK)
}

/// Makes an answer of a document.
pub(super) fn json(document: &impl Serialize) -> Answer {
    match serde_json::to_vec(document) {
        Ok(bytes) => whole(StatusCode::OK, "application/json", bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}

/// Makes an answer of JSON that is written already.
pub(super) fn written(bytes: Vec<u8>) -> Answer {
    whole(StatusCode::OK, "application/json", bytes)
}

/// Makes an answer of a text.
pub(super) fn plain(status: StatusCode, text: String) -> Answer {
    whole(status, "text/plain; charset=utf-8", text.into_bytes())
}

/// Makes an answer that is made while it is sent, with its length if that is known.
pub(super) fn stream(
    content_type: &'static str,
    pieces: impl Stream<Item = Bytes> + Send + 'static,
    length: Option<u64>,
) -> Answer {
    let mut answer = whole(StatusCode::OK, content_type, Vec::new());
    *answer.body_mut() = Body::pieces_of(pieces, length);
    answer
}

fn whole(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Answer::new(Body::from(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // What users have sent, and jobs have written, must not become a page of this site in somebody's browser.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// Lets pages of other sites read an answer.
pub(super) fn for_everybody(mut answer: Answer) -> Answer {
    let headers = answer.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    let allowed = HeaderValue::from_static("Content-Type, Authorization, Content-Range");
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    let methods = HeaderValue::from_static("GET, POST, PUT, DELETE, OPTIONS");
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    answer
}
