//! Links to other things of this API: any host will do, the path says what is meant.

use super::super::body::{Value, kind_of};
use super::super::names::parse;
use super::super::routes::{Route, route};
use super::text::NULL;
use crate::http::path::segments;
use serde_json::Value as Json;

const NO_MATCH: &str = "Invalid hyperlink - No URL match.";
const WRONG_MATCH: &str = "Invalid hyperlink - Incorrect URL match.";
/// What the link leads to is not there, or not to be seen.
pub(super) const NO_OBJECT: &str = "Invalid hyperlink - Object does not exist.";

/// To what a link must lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// A project.
    Project,
    /// The settings of a service.
    Settings,
}

/// Reads a link and returns the name of what it leads to.
pub(super) fn link(value: &Value, to: To) -> Result<u128, String> {
    let text = match value {
        Value::Text(text) | Value::Json(Json::String(text)) => text.trim(),
        Value::Json(Json::Null) => return Err(NULL.to_owned()),
        Value::Json(other) => return Err(no_string(kind_of(other))),
        Value::File(_) => return Err(no_string("InMemoryUploadedFile")),
    };
    if text.is_empty() {
        return Err(NULL.to_owned());
    }
    let path = match text.split_once("://") {
        Some(("http" | "https", rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        _ => text,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let no_match = || NO_MATCH.to_owned();
    if !path.starts_with('/') {
        return Err(no_match());
    }
    let path = segments(path).map_err(|_| no_match())?;
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let name = match (route(&path).ok_or_else(no_match)?, to) {
        (Route::Project(name), To::Project) | (Route::Setting(name), To::Settings) => name,
        _ => return Err(WRONG_MATCH.to_owned()),
    };
    parse(name).ok_or_else(|| NO_OBJECT.to_owned())
}

fn no_string(kind: &str) -> String {
    format!("Incorrect type. Expected URL string, received {kind}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_lead_by_their_paths() {
        let read = |value: Json| link(&Value::Json(value), To::Project);
        let id = "0123456789abcdef0123456789abcdef";
        for good in [
            format!("http://elsewhere/api/projects/{id}/"),
            format!("https://elsewhere:8443/api/project/{id}?x#y"),
            format!("/api/projects/{id}"),
            "http://x/api/projects/01234567-89ab-cdef-0123-456789abcdef/".to_owned(),
        ] {
            assert_eq!(read(json!(good)), Ok(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef), "{good}");
        }
        for (bad, why) in [
            (json!("http://x/nothing/"), NO_MATCH),
            (json!("http://x"), NO_MATCH),
            (json!("projects"), NO_MATCH),
            (json!(format!("http://x/api/service-settings/{id}/")), WRONG_MATCH),
            (json!("http://x/api/projects/"), WRONG_MATCH),
            (json!("http://x/api/projects/zzz/"), NO_OBJECT),
            (json!(""), NULL),
            (json!(null), NULL),
            (json!(7), "Incorrect type. Expected URL string, received int."),
            (json!([]), "Incorrect type. Expected URL string, received list."),
        ] {
            assert_eq!(read(bad.clone()), Err(why.to_owned()), "{bad}");
        }
    }
}
