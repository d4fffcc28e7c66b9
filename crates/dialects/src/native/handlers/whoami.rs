//! Who the service takes the caller for.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::{reply, to_wire};
use crate::http::answer::Answer;
use hyper::StatusCode;

/// Tells the caller's name, number and level.
pub(in super::super) fn whoami(call: Call<'_>) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    Ok(reply::json(StatusCode::OK, &to_wire::who_am_i(&call.by)))
}
