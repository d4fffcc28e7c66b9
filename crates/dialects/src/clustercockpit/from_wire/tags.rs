//! Tags.

use super::super::body::{BadBody, Fields, value};
use super::super::error::CockpitError;
use domain::Text;
use domain::monitoring::{Tag, TagScope};
use serde_json::Value;

/// Reads a tag.
pub(crate) fn tag(one: Value) -> Result<Tag, CockpitError> {
    let mut fields = Fields::of("tags", one, &["id", "type", "name", "scope"])?;
    let (kind, name): (Text, Text) = (fields.text("type")?.into(), fields.text("name")?.into());
    let scope = match fields.text("scope")?.as_str() {
        "" | "global" => TagScope::Global,
        "admin" => TagScope::Admin,
        owner => TagScope::Private(owner.into()),
    };
    Ok(Tag { kind, name, scope })
}

/// Reads a list of tags.
pub(crate) fn tags(body: &[u8]) -> Result<Vec<Tag>, CockpitError> {
    match value(body)? {
        Value::Array(all) => all.into_iter().map(tag).collect(),
        Value::Null => Ok(Vec::new()),
        _ => Err(BadBody::Json("it is no list of tags".to_owned()).into()),
    }
}
