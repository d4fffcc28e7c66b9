//! Users that are remembered: who may do more than run their own jobs, and who pays. Everybody may look, administrators
//! may change.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::{from_wire, reply, to_wire, wire};
use crate::http::answer::{Answer, empty};
use crate::http::body::NoBody;
use domain::{Error, Problem, Text};
use hyper::StatusCode;
use hyper::body::Incoming;

/// Largest body: a user with thousands of accounts.
const LARGEST_BODY: u64 = 256 << 10;

/// Lists users.
pub(in super::super) fn list(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let snapshot = call.site.jobs.snapshot();
    let books = &snapshot.cluster.books;
    let living = books.users().into_iter().filter(|user| !user.life.deleted);
    let members = living.filter_map(|user| books.membership(&user.name));
    let users = members.map(|member| to_wire::user(&member)).collect();
    Ok(reply::json(StatusCode::OK, &wire::Users { users }))
}

/// Shows one.
pub(in super::super) fn show(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let snapshot = call.site.jobs.snapshot();
    match snapshot.cluster.books.membership(call.parameter) {
        Some(member) => Ok(reply::json(StatusCode::OK, &to_wire::user(&member))),
        None => Err(NativeError::NoSuchUser(Text::from(call.parameter))),
    }
}

/// Adds one, or changes what is remembered of one.
pub(in super::super) async fn remember(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let body = call.site.bodies.read(body, None, LARGEST_BODY).await.map_err(|error| match error {
        NoBody::TooLarge => NativeError::BodyTooLarge(LARGEST_BODY),
        NoBody::Broken => NativeError::BodyBroken,
    })?;
    let member = from_wire::member(&body)?;
    call.site.jobs.remember_member(&call.by, member.clone()).await?;
    Ok(reply::json(StatusCode::OK, &to_wire::user(&member)))
}

/// Forgets one.
pub(in super::super) async fn forget(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let forgotten = call.site.jobs.forget_member(&call.by, Text::from(call.parameter)).await;
    forgotten.map_err(|error| match error {
        Error::Invalid(Problem::UnknownUser(name)) => NativeError::NoSuchUser(name),
        error => error.into(),
    })?;
    Ok(empty(StatusCode::NO_CONTENT))
}
