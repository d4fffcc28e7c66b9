//! What can go wrong here: status, code and message as the specification has them (seed, "Example responses"; facts B5-B7).

use crate::http::answer::{Answer, answer};
use domain::Error;
use domain::ports::StoreError;
use hyper::StatusCode;
use hyper::header::{ALLOW, HeaderValue, RETRY_AFTER};
use serde_json::json;

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NifcloudError {
    /// Nobody is named.
    #[error("No access key was provided.")]
    NoAccessKey,
    /// Nothing proves it.
    #[error("No signature was provided.")]
    NoSignature,
    /// The clocks differ too much.
    #[error("The signature for this request is expired.")]
    Expired,
    /// The proof is wrong.
    #[error("Authentication API abended.")]
    Permission,
    /// The user may not use this interface.
    #[error("You don't have enough rights to operate this API.")]
    NoRights,
    /// There is no such path.
    #[error("A specified URL is not found.")]
    NoPath,
    /// There is, but not for this method; those there are.
    #[error("A specified HTTP method is not allowed.")]
    NoMethod(&'static str),
    /// The body is said to be something else.
    #[error("Invalid Content-Type.")]
    ContentType,
    /// The body is not what it should be.
    #[error("Invalid Request Body.")]
    Body,
    /// It could not be done (`POST /jobs`, `GET /jobs`, `POST /files/sync`).
    #[error("Operation failed.")]
    Failed,
    /// There is no such job for this user, or it is over.
    #[error("Operation not permitted.")]
    NotPermitted,
    /// Too many requests at a time.
    #[error("An internal error has occurred. Please try your query again at a later time.")]
    TooMany,
    /// A mistake of ours.
    #[error("An internal error has occurred. Please try your query again at a later time.")]
    Internal,
    /// The service is stopping, or its disk is full.
    #[error("This service is temporarily unavailable. Please try again later.")]
    Unavailable,
    /// An administrator has closed the door.
    #[error("The system is in maintenance now.")]
    Maintenance,
}

impl NifcloudError {
    fn status(self) -> StatusCode {
        match self {
            NifcloudError::NoAccessKey
            | NifcloudError::NoSignature
            | NifcloudError::Expired
            | NifcloudError::Permission => StatusCode::UNAUTHORIZED,
            NifcloudError::NoRights => StatusCode::FORBIDDEN,
            NifcloudError::NoPath | NifcloudError::NotPermitted => StatusCode::NOT_FOUND,
            NifcloudError::NoMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            NifcloudError::ContentType | NifcloudError::Body | NifcloudError::Failed => {
                StatusCode::BAD_REQUEST
            }
            NifcloudError::TooMany | NifcloudError::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            NifcloudError::Unavailable | NifcloudError::Maintenance => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn code(self) -> &'static str {
        match self {
            NifcloudError::NoAccessKey => "Client.AuthFailureRequired.AccessKey",
            NifcloudError::NoSignature => "Client.AuthFailureRequired.Signature",
            NifcloudError::Expired => "Client.AuthFailureExpired",
            NifcloudError::Permission => "Client.AuthFailurePermission",
            NifcloudError::NoRights => "Client.AuthFailurePermission.MultiAccount",
            NifcloudError::NoPath => "Client.URLNotFound",
            NifcloudError::NoMethod(_) => "Client.InvalidParameterNotAllowed.Method",
            NifcloudError::ContentType
            | NifcloudError::Body
            | NifcloudError::Failed
            | NifcloudError::NotPermitted => "GeneralError",
            NifcloudError::TooMany | NifcloudError::Internal => "Server.InternalServerError",
            NifcloudError::Unavailable => "Server.ServiceUnavailable",
            NifcloudError::Maintenance => "Server.Maintenance",
        }
    }

    /// Makes the answer.
    pub(super) fn answer(self) -> Answer {
        let body = json!({ "code": self.code(), "message": self.to_string() });
        let mut answer = answer(self.status(), "application/json", body.to_string().into_bytes());
        match self {
            NifcloudError::NoMethod(allowed) => {
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            }
            NifcloudError::TooMany => {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        answer
    }
}

impl From<Error> for NifcloudError {
    /// What `POST /jobs` says; why, nobody is told there.
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(_) | Error::Invalid(_) | Error::Conflict(_) | Error::Forbidden(_) => {
                tracing::debug!(%error, "a job was not taken");
                NifcloudError::Failed
            }
            Error::Unavailable(_) => NifcloudError::Unavailable,
            Error::Bug(_) => {
                tracing::error!(%error, "a request of Nifcloud's interface failed");
                NifcloudError::Internal
            }
        }
    }
}

impl From<StoreError> for NifcloudError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        match error {
            StoreError::Full => NifcloudError::Unavailable,
            StoreError::Missing(_) | StoreError::Unreadable { .. } | StoreError::Failed { .. } => {
                NifcloudError::Internal
            }
        }
    }
}
