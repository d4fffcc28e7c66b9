//! What can go wrong here: a status and a document, as Django's REST framework words them (facts A6).

use crate::http::answer::{Answer, answer};
use domain::ports::StoreError;
use domain::{Error, Problem};
use hyper::StatusCode;
use hyper::header::{ALLOW, CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What is wrong with each field.
pub(super) type Faults = BTreeMap<&'static str, Vec<String>>;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum WaldurError {
    /// Who asks could not be proved; the sentence about it.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// Who asks may not do this.
    #[error("You do not have permission to perform this action.")]
    Forbidden,
    /// Nothing is here, or nothing that the caller may see.
    #[error("Not found.")]
    NotFound,
    /// No job has this name, or none that the caller may see.
    #[error("No Job matches the given query.")]
    NoJob,
    /// There is no such page.
    #[error("Invalid page.")]
    NoPage,
    /// Something is here, but not for this method; the method, and those it is for.
    #[error("Method \"{0}\" not allowed.")]
    Method(String, &'static str),
    /// The client takes nothing that there is.
    #[error("Could not satisfy the request Accept header.")]
    NotAcceptable,
    /// The body is of a kind that nobody reads.
    #[error("Unsupported media type \"{0}\" in request.")]
    MediaType(String),
    /// The body cannot be read; why.
    #[error("{0}")]
    Malformed(String),
    /// The body is larger than allowed, in bytes.
    #[error("The request is larger than {0} bytes.")]
    TooLarge(u64),
    /// Fields are wrong.
    #[error("fields are wrong")]
    Fields(Faults),
    /// What is wrong with no single field.
    #[error("{0}")]
    Whole(String),
    /// A list of sentences and nothing around them.
    #[error("{0}")]
    Bare(&'static str),
    /// It does not fit the state of the job; the states it is for.
    #[error("Valid states for operation: {0}.")]
    State(&'static str),
    /// The service is stopping, or its disk is full.
    #[error("{0}")]
    Unavailable(String),
    /// A mistake of ours.
    #[error("A server error occurred.")]
    Bug,
}

impl WaldurError {
    /// Returns the status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            WaldurError::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            WaldurError::Forbidden => StatusCode::FORBIDDEN,
            WaldurError::NotFound | WaldurError::NoJob | WaldurError::NoPage => StatusCode::NOT_FOUND,
            WaldurError::Method(..) => StatusCode::METHOD_NOT_ALLOWED,
            WaldurError::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            WaldurError::MediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            WaldurError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            WaldurError::Malformed(_)
            | WaldurError::Fields(_)
            | WaldurError::Whole(_)
            | WaldurError::Bare(_) => StatusCode::BAD_REQUEST,
            WaldurError::State(_) => StatusCode::CONFLICT,
            WaldurError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            WaldurError::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn document(&self) -> Value {
        match self {
            WaldurError::Fields(faults) => json!(faults),
            WaldurError::Whole(why) => json!({ "non_field_errors": [why] }),
            WaldurError::Bare(why) => json!([why]),
            other => json!({ "detail": other.to_string() }),
        }
    }

    /// Makes the answer.
    pub(super) fn answer(&self) -> Answer {
        let mut answer = answer(self.status(), "application/json", self.document().to_string().into_bytes());
        let headers = answer.headers_mut();
        // Clients of this API keep their connections.
        headers.remove(CONNECTION);
        match self {
            WaldurError::Unauthenticated(_) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Token"));
            }
            WaldurError::Method(_, allowed) => {
                headers.insert(ALLOW, HeaderValue::from_static(allowed));
            }
            _ => {}
        }
        answer
    }
}

impl From<StoreError> for WaldurError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "what Waldur's interface keeps cannot be read or written");
        WaldurError::Unavailable(error.to_string())
    }
}

impl From<Error> for WaldurError {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) => WaldurError::NoJob,
            Error::Forbidden(_) => WaldurError::Forbidden,
            Error::Conflict(problem) | Error::Invalid(problem) => match problem {
                Problem::TooLong(_) | Problem::BadField(_) => WaldurError::Whole(problem.to_string()),
                problem => WaldurError::Malformed(problem.to_string()),
            },
            Error::Unavailable(why) => WaldurError::Unavailable(why.into()),
            Error::Bug(why) => {
                tracing::error!(%why, "a call of Waldur's interface ended badly");
                WaldurError::Bug
            }
        }
    }
}
