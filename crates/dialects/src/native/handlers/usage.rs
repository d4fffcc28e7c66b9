//! What was used within a time, summed up.

use super::super::accounting::usage;
use super::super::call::Call;
use super::super::error::NativeError;
use super::super::reply;
use crate::http::answer::Answer;
use domain::{Error, Text};
use hyper::StatusCode;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Sums what was used.
pub(in super::super) async fn sums(call: Call<'_>) -> Result<Answer, NativeError> {
    let parameters = call.parameters(usage::USAGE)?;
    let site = Arc::clone(call.site);
    let lines = spawn_blocking(move || {
        let now = jiff::Timestamp::from_microsecond(site.jobs.clock().now().micros()).unwrap_or_default();
        let wanted = usage::wanted(&parameters, &now.to_zoned(site.zone.clone()))?;
        site.jobs.report(&wanted).map_err(NativeError::History)
    });
    let lines =
        lines.await.map_err(|error| NativeError::from(Error::Bug(Text::from(error.to_string()))))??;
    Ok(reply::json(StatusCode::OK, &usage::told(lines)))
}
