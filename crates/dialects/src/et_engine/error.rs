//! What can go wrong here. The original tells it in plain text (facts C2); so do we, on both mounts, since clients look at
//! the status alone.

use super::reply::plain;
use crate::http::answer::Answer;
use domain::ports::{FolderError, StoreError};
use hyper::StatusCode;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum EtError {
    /// There are no credentials, or they are good for nothing.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// There is no such thing, or it is somebody else's: nobody shall learn which.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The user may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The method does nothing there.
    #[error("Method not allowed")]
    WrongMethod,
    /// The body is not JSON.
    #[error("Invalid JSON in request body")]
    NotJson,
    /// A field is missing or has a value of another kind; which, if it can be said.
    #[error("Invalid request body{0}")]
    BadBody(String),
    /// The request makes no sense.
    #[error("{0}")]
    Bad(String),
    /// It makes sense, but not now.
    #[error("{0}")]
    Conflict(String),
    /// It is larger than is taken.
    #[error("{0}")]
    TooLarge(String),
    /// Nothing of the file is where it was asked for; how long the file is.
    #[error("The file has {0} bytes")]
    NoSuchRange(u64),
    /// There is no room for it.
    #[error("The disk is full")]
    Full,
    /// The service cannot do it now.
    #[error("{0}")]
    Unavailable(String),
    /// Our fault.
    #[error("Internal error")]
    Internal,
}

impl EtError {
    /// A field is missing or wrong.
    pub(super) fn body(why: impl std::fmt::Display) -> Self {
        EtError::BadBody(format!(": {why}"))
    }

    fn status(&self) -> StatusCode {
        match self {
            EtError::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            EtError::NotFound(_) => StatusCode::NOT_FOUND,
            EtError::Forbidden(_) => StatusCode::FORBIDDEN,
            EtError::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            EtError::NotJson | EtError::BadBody(_) | EtError::Bad(_) => StatusCode::BAD_REQUEST,
            EtError::Conflict(_) => StatusCode::CONFLICT,
            EtError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            EtError::NoSuchRange(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            EtError::Full => StatusCode::INSUFFICIENT_STORAGE,
            EtError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            EtError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Makes the answer.
    pub(super) fn answer(&self) -> Answer {
        plain(self.status(), self.to_string())
    }
}

impl From<StoreError> for EtError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => EtError::Full,
            StoreError::Missing(_) => EtError::NotFound("Batch"),
            StoreError::Unreadable { .. } | StoreError::Failed { .. } => {
                tracing::error!(error = chain(&error), "what ET Engine's dialect keeps cannot be reached");
                EtError::Internal
            }
        }
    }
}

impl From<FolderError> for EtError {
    fn from(error: FolderError) -> Self {
        let text = error.to_string();
        match error {
            FolderError::Missing(_) => EtError::NotFound("File"),
            FolderError::Exists(_) | FolderError::NoFile(_) | FolderError::NoFolder(_) => {
                EtError::Conflict(text)
            }
            FolderError::BadPath(_) | FolderError::BadArchive(_) => EtError::Bad(text),
            // What must not be had is, for whoever asks, not there.
            FolderError::Refused(_) => EtError::NotFound("File"),
            FolderError::Full => EtError::Full,
            FolderError::Failed { .. } => {
                tracing::error!(error = chain(&error), "a folder of ET Engine's dialect cannot be used");
                EtError::Internal
            }
        }
    }
}

impl From<domain::Error> for EtError {
    fn from(error: domain::Error) -> Self {
        let text = error.to_string();
        match error {
            domain::Error::NotFound(_) => EtError::NotFound("Job"),
            domain::Error::Invalid(_) => EtError::Bad(text),
            domain::Error::Forbidden(_) => EtError::Forbidden(text),
            domain::Error::Conflict(_) => EtError::Conflict(text),
            domain::Error::Unavailable(_) => EtError::Unavailable(text),
            domain::Error::Bug(_) => {
                tracing::error!(error = text, "a job of ET Engine's dialect met a fault of ours");
                EtError::Internal
            }
        }
    }
}

/// Writes an error with its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
