//! `POST /files/sync`, `GET /files/sync/{requestid}`.

use super::{Call, json_answer, unprocessable};
use crate::http::answer::Answer;
use crate::nifcloud::error::NifcloudError;
use crate::nifcloud::{blocking, from_wire};
use domain::ports::{NoTransfer, Progress, Transfer};
use hyper::StatusCode;
use hyper::header::HeaderMap;
use serde_json::json;

/// Longest path of a directory, bytes.
const LONGEST_PATH: usize = 4096;

/// Takes a synchronization in. Whether there is such a directory is found out when its turn comes.
pub(in super::super) async fn sync(
    call: Call,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, NifcloudError> {
    let fields = from_wire::fields(headers, body)?;
    let wanted = match from_wire::new_sync(&fields) {
        Ok(wanted) => wanted,
        Err(detail) => return Ok(unprocessable(detail)),
    };
    if wanted.path.len() > LONGEST_PATH {
        return Err(NifcloudError::Failed);
    }
    let transfer = Transfer {
        user: call.person.name.clone(),
        path: wanted.path.into(),
        direction: wanted.direction,
        delete: wanted.delete,
    };
    let number = blocking(move || call.nifcloud.transfers.request(&transfer)).await?;
    let number = number.map_err(|why| match why {
        NoTransfer::Nowhere | NoTransfer::TooMany => {
            tracing::info!(%why, "a synchronization was not taken");
            NifcloudError::Failed
        }
        NoTransfer::Store(error) => error.into(),
    })?;
    Ok(json_answer(StatusCode::OK, &json!({ "requestid": number })))
}

/// Says how far a synchronization is.
pub(in super::super) async fn progress(call: Call, number: u64) -> Result<Answer, NifcloudError> {
    let progress = blocking(move || call.nifcloud.transfers.progress(&call.person.name, number)).await??;
    let value = match progress {
        Some(Progress::Waiting) => json!({ "status": "waiting" }),
        Some(Progress::Complete { failures }) => {
            json!({ "status": "complete", "result": failures.to_string() })
        }
        Some(Progress::Unfit) => json!({ "status": "error: parameter error" }),
        None => json!({ "status": "error: no such ID" }),
    };
    Ok(json_answer(StatusCode::OK, &value))
}
