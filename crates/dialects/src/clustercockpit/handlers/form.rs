//! Fields of forms: in the query, in a urlencoded body, or in one of several parts.

use super::super::error::CockpitError;
use super::Call;
use crate::http::query::plain_pairs;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use std::collections::HashMap;
use std::convert::Infallible;

/// Nobody's form is larger.
const LARGEST: u64 = 1 << 20;

/// Fields by name. Those of the body go before those of the query.
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Reads the form of a request.
    pub(super) async fn read(call: &Call<'_>, body: Incoming) -> Result<Self, CockpitError> {
        let bytes = call.read(body, LARGEST).await?;
        let mut fields = HashMap::new();
        for (name, value) in &call.query {
            fields.insert(name.to_string(), value.as_deref().unwrap_or_default().to_owned());
        }
        let kind = call.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if let Ok(boundary) = multer::parse_boundary(kind) {
            parts(bytes, boundary, &mut fields).await?;
        } else if kind.starts_with("application/x-www-form-urlencoded") {
            let bad = || CockpitError::bad("the form cannot be decoded").plain();
            let text = std::str::from_utf8(&bytes).map_err(|_| bad())?.replace('+', " ");
            for (name, value) in plain_pairs(&text).map_err(|_| bad())? {
                fields.insert(name.into_owned(), value.unwrap_or_default().into_owned());
            }
        }
        Ok(Form(fields))
    }

    /// Returns a field; empty without one.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

async fn parts(
    bytes: Bytes,
    boundary: String,
    fields: &mut HashMap<String, String>,
) -> Result<(), CockpitError> {
    let bad = |error: multer::Error| CockpitError::bad(format!("the form cannot be read: {error}")).plain();
    let whole = futures_util::stream::once(async move { Ok::<_, Infallible>(bytes) });
    let mut parts = multer::Multipart::new(whole, boundary);
    while let Some(part) = parts.next_field().await.map_err(bad)? {
        let name = part.name().unwrap_or_default().to_owned();
        fields.insert(name, part.text().await.map_err(bad)?);
    }
    Ok(())
}
