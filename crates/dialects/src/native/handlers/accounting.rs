//! Changing accounting: several wishes, all or none, or only what would become of them.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::{accounting, reply};
use crate::http::answer::Answer;
use crate::http::body::NoBody;
use domain::accounting::trackables;
use hyper::StatusCode;
use hyper::body::Incoming;

/// Largest body: a hundred thousand associations with their limits.
const LARGEST_BODY: u64 = 64 << 20;

/// Carries out wishes, or says what would become of them.
pub(in super::super) async fn change(call: Call<'_>, body: Incoming) -> Result<Answer, NativeError> {
    call.parameters(&[])?;
    let body = call.site.bodies.read(body, None, LARGEST_BODY).await.map_err(|error| match error {
        NoBody::TooLarge => NativeError::BodyTooLarge(LARGEST_BODY),
        NoBody::Broken => NativeError::BodyBroken,
    })?;
    let resources = trackables(&call.site.jobs.snapshot().cluster);
    let wanted = accounting::changes(&body, &resources)?;
    let done = match wanted.rehearse {
        true => call.site.jobs.rehearse_account(&call.by, &wanted.wishes),
        false => call.site.jobs.account(&call.by, wanted.wishes).await?,
    };
    let done = done.map_err(|(_, error)| error)?;
    Ok(reply::json(StatusCode::OK, &accounting::done(&done)))
}
