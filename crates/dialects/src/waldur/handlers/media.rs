//! `GET media/{uuid}/`: the script of a job, as it was sent.

use super::super::subject::Subject;
use super::super::{apart, to_wire};
use super::{Call, WaldurError, id};
use crate::http::answer::{Answer, answer};
use crate::ids::Kind;
use domain::ports::StoreError;
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use std::fmt::Write;
use std::sync::Arc;

/// Sends a script to whoever sees its job; to others there is none.
pub(in super::super) async fn script(call: Call<'_>, name: &str) -> Result<Answer, WaldurError> {
    let id = id(name)?;
    let (site, waldur, by) = (Arc::clone(call.site), Arc::clone(call.waldur), call.by()?.clone());
    let (name, script) = apart(move || {
        let found = Subject::find(&site, &waldur, Kind::WaldurScript, id)?.ok_or(WaldurError::NotFound)?;
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        if !found.is_seen(&by, &realm) {
            return Err(WaldurError::NotFound);
        }
        let script = match &found {
            Subject::Refused(refused) => waldur.records.script(refused.id)?.unwrap_or_default(),
            Subject::Job(known) => match site.jobs.history().payload(known.lead.job.array_id()) {
                Ok(payload) => payload.script.to_vec(),
                Err(StoreError::Missing(_)) => return Err(WaldurError::NotFound),
                Err(error) => return Err(error.into()),
            },
        };
        Ok((to_wire::file_name(&found), script))
    })
    .await?;
    let mut answer = answer(StatusCode::OK, "application/octet-stream", script);
    let headers = answer.headers_mut();
    if let Ok(disposition) = HeaderValue::from_str(&disposition(&name)) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    headers.insert("X-Content-Type-Options", HeaderValue::from_static("nosniff"));
    Ok(answer)
}

/// Names a file for downloading (RFC 6266): in letters that every header has, and as it is.
fn disposition(name: &str) -> String {
    let plain: String =
        name.chars()
            .map(|sign| {
                if sign.is_ascii_graphic() && !matches!(sign, '"' | '\\') || sign == ' ' { sign } else { '_' }
            })
            .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            // Writing to a string cannot fail.
            let _ = match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    write!(text, "{}", char::from(byte))
                }
                _ => write!(text, "%{byte:02X}"),
            };
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_fit_into_a_header() {
        assert_eq!(disposition("job 1.sh"), "attachment; filename=\"job 1.sh\"");
        assert_eq!(disposition("ä\"b.sh"), "attachment; filename=\"__b.sh\"; filename*=UTF-8''%C3%A4%22b.sh");
    }
}
