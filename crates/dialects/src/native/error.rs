//! What can go wrong here: status, text, and what to do about it.

use super::auth::BadCredentials;
use domain::ports::StoreError;
use domain::service::BadCrontab;
use domain::{Error, JobId, Problem, Text};
use hyper::StatusCode;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum NativeError {
    /// Who asks could not be proved.
    #[error("{0}")]
    Unauthenticated(BadCredentials),
    /// Nothing is here.
    #[error("there is nothing at this path")]
    NoSuchPath,
    /// Something is here, but not for this method; those it is for.
    #[error("this path does not know this method")]
    WrongMethod(Vec<&'static str>),
    /// A parameter, in path, query, header or body, makes no sense.
    #[error("{name}: {why}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The body is larger than anything that makes sense.
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(u64),
    /// The body did not arrive.
    #[error("the body did not arrive in full")]
    BodyBroken,
    /// The domain says no.
    #[error("{0}")]
    Domain(#[from] Error),
    /// A crontab that is not taken.
    #[error("{0}")]
    Crontab(#[from] BadCrontab),
    /// Nobody of this name is remembered.
    #[error("no user {0}")]
    NoSuchUser(Text),
    /// No node has this name.
    #[error("no node {0}")]
    NoSuchNode(Text),
    /// An array was named where one of its tasks was wanted.
    #[error("job {0} is an array, and each of its tasks has output of its own")]
    TaskWanted(JobId),
    /// The job has yet to start.
    #[error("job {0} has not started, so it has no output yet")]
    NotStarted(JobId),
    /// The job ended before it began, or runs nothing.
    #[error("job {0} ran nothing, so it has no output")]
    NoOutput(JobId),
    /// The file is not there.
    #[error("there is no file {0}")]
    NoFile(Text),
    /// The file ends before the part begins; how long it is.
    #[error("the file has {0} bytes, and none in this range")]
    NoSuchPart(u64),
    /// The file may not be shown.
    #[error("{path} is not shown: {why}")]
    FileRefused {
        /// Its path.
        path: Text,
        /// Why.
        why: &'static str,
    },
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    FileFailed {
        /// Its path.
        path: Text,
        /// Why.
        source: std::io::Error,
    },
    /// What is remembered cannot be read.
    #[error("history cannot be read")]
    History(#[source] StoreError),
}

impl NativeError {
    /// A parameter that makes no sense.
    pub(super) fn parameter(name: impl Into<String>, why: impl Into<String>) -> Self {
        NativeError::Parameter { name: name.into(), why: why.into() }
    }

    /// Returns the status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            NativeError::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            NativeError::NoSuchPath
            | NativeError::NoSuchUser(_)
            | NativeError::NoSuchNode(_)
            | NativeError::NoOutput(_)
            | NativeError::NoFile(_) => StatusCode::NOT_FOUND,
            NativeError::WrongMethod(_) => StatusCode::METHOD_NOT_ALLOWED,
            NativeError::Parameter { .. } | NativeError::TaskWanted(_) => StatusCode::UNPROCESSABLE_ENTITY,
            NativeError::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            NativeError::BodyBroken => StatusCode::BAD_REQUEST,
            NativeError::NotStarted(_) => StatusCode::CONFLICT,
            NativeError::NoSuchPart(_) => StatusCode::RANGE_NOT_SATISFIABLE,
            NativeError::FileRefused { .. } => StatusCode::FORBIDDEN,
            NativeError::FileFailed { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            NativeError::History(_) => StatusCode::SERVICE_UNAVAILABLE,
            NativeError::Crontab(BadCrontab::Line(_)) => StatusCode::UNPROCESSABLE_ENTITY,
            NativeError::Crontab(BadCrontab::Entry { error, .. } | BadCrontab::Whole(error))
            | NativeError::Domain(error) => status_of(error),
        }
    }

    /// Says what can be done about it, where there is something.
    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            NativeError::Unauthenticated(_) => {
                "`quintet token NAME --for slurm` on the service's machine prints a token; send it as \
                 X-SLURM-USER-TOKEN or as Authorization: Bearer"
            }
            NativeError::NoSuchPath => {
                "known paths: jobs/{id}/stdout, jobs/{id}/stderr, events, history, history/{id}, accounting, \
                 users, users/{name}, nodes, nodes/{name}, whoami"
            }
            NativeError::WrongMethod(known) => return Some(format!("it knows {}", known.join(" and "))),
            NativeError::TaskWanted(id) => {
                return Some(format!("name one of its tasks, such as {id}_0"));
            }
            NativeError::NotStarted(_) => "follow=1 waits for it",
            NativeError::NoFile(_) => "it has been moved or removed, or the job has just started",
            NativeError::FileFailed { source, .. } => return Some(source.to_string()),
            NativeError::Domain(Error::Unavailable(_)) | NativeError::History(_) => "try again later",
            NativeError::Domain(Error::Forbidden(problem)) => return Some(who_may(problem).to_owned()),
            NativeError::Domain(Error::NotFound(Problem::UnknownJob(_))) => {
                "`quintet ps` lists jobs that wait and run, `quintet history` those that are over"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::Forbidden(_) => StatusCode::FORBIDDEN,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Bug(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn who_may(problem: &Problem) -> &'static str {
    match problem {
        Problem::NotOwner => "its owner, operators and administrators may do this",
        _ => "administrators may do this",
    }
}
