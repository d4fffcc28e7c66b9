//! A job's standard output and standard error.

use super::super::call::Call;
use super::super::error::NativeError;
use super::super::job_name::JobName;
use super::super::output::{Stream, show};
use super::super::{from_wire, reply};
use crate::http::answer::Answer;
use hyper::StatusCode;
use hyper::header::{CONTENT_RANGE, HeaderValue};

/// Says where in the file the answer begins.
const OFFSET: &str = "X-Quintet-Offset";

/// Sends standard output.
pub(in super::super) async fn stdout(call: Call<'_>) -> Result<Answer, NativeError> {
    logs(call, Stream::Output).await
}

/// Sends standard error.
pub(in super::super) async fn stderr(call: Call<'_>) -> Result<Answer, NativeError> {
    logs(call, Stream::Error).await
}

async fn logs(call: Call<'_>, stream: Stream) -> Result<Answer, NativeError> {
    let name = JobName::read("id", call.parameter)?;
    let extent = from_wire::extent(&call.parameters(from_wire::OUTPUT)?, call.headers)?;
    let shown = show(call.site, &call.by, name, stream, extent).await?;
    let mut answer = reply::stream("text/plain; charset=utf-8", shown.pieces, shown.length);
    answer.headers_mut().insert(OFFSET, HeaderValue::from(shown.begins_at));
    if let Some((end, length)) = shown.part {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{length}", shown.begins_at, end.saturating_sub(1));
        if let Ok(range) = HeaderValue::from_str(&range) {
            answer.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    Ok(answer)
}
