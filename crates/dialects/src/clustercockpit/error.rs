//! What can go wrong here: status, and text in one of the original's two forms (facts, section 2).

use super::body::BadBody;
use crate::http::answer::{Answer, answer};
use domain::monitoring::Unfit;
use domain::ports::{SeriesRefused, StoreError};
use domain::service::MonitorError;
use hyper::StatusCode;
use serde_json::json;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(super) struct CockpitError {
    status: StatusCode,
    text: String,
    is_plain: bool,
}

impl CockpitError {
    /// Makes an error with a status.
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        CockpitError { status, text: text.into(), is_plain: false }
    }

    /// The request makes no sense.
    pub(super) fn bad(text: impl Into<String>) -> Self {
        CockpitError::new(StatusCode::BAD_REQUEST, text)
    }

    /// It makes sense, but what it is about does not allow it.
    pub(super) fn unprocessable(text: impl Into<String>) -> Self {
        CockpitError::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    }

    /// The token has not the role it takes.
    pub(super) fn missing_role(role: &str) -> Self {
        CockpitError::new(StatusCode::FORBIDDEN, format!("missing role: {role}"))
    }

    /// The same error as plain text.
    pub(super) fn plain(self) -> Self {
        CockpitError { is_plain: true, ..self }
    }

    /// The same error with another status.
    pub(super) fn with(self, status: StatusCode) -> Self {
        CockpitError { status, ..self }
    }

    /// Returns the status.
    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// Makes the answer.
    pub(super) fn answer(&self) -> Answer {
        if self.is_plain {
            return answer(self.status, "text/plain; charset=utf-8", format!("{}\n", self.text).into_bytes());
        }
        let status = self.status.canonical_reason().unwrap_or_default();
        let body = json!({ "status": status, "error": self.text });
        answer(self.status, "application/json", super::to_wire::written(&body))
    }
}

impl From<BadBody> for CockpitError {
    fn from(bad: BadBody) -> Self {
        CockpitError::bad(bad.to_string())
    }
}

impl From<StoreError> for CockpitError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "monitoring's store failed");
        CockpitError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<SeriesRefused> for CockpitError {
    fn from(error: SeriesRefused) -> Self {
        match error {
            SeriesRefused::TooManySeries { .. } => CockpitError::unprocessable(error.to_string()),
            SeriesRefused::Store(error) => error.into(),
        }
    }
}

impl From<MonitorError> for CockpitError {
    fn from(error: MonitorError) -> Self {
        let text = error.to_string();
        match error {
            MonitorError::Unfit(unfit) => match unfit {
                Unfit::NoCluster(_)
                | Unfit::NoSubCluster(..)
                | Unfit::NoHost(..)
                | Unfit::NoResources
                | Unfit::NoUser
                | Unfit::NoNodes
                | Unfit::NodesDiffer { .. }
                | Unfit::EndsEarly { .. }
                | Unfit::IsOver(_)
                | Unfit::Ours(_)
                | Unfit::NotOver
                | Unfit::TooManyNodes(_)
                | Unfit::NoEnd(_) => CockpitError::bad(text),
            },
            MonitorError::Duplicate(_) | MonitorError::NotFound => CockpitError::unprocessable(text),
            MonitorError::Busy => CockpitError::new(StatusCode::CONFLICT, text),
            MonitorError::Store(error) => error.into(),
        }
    }
}
