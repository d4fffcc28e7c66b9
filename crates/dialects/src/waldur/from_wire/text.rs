//! Texts of fields, as Django's REST framework takes them: numbers are text as well, spaces around it go.

use super::super::body::Value;
use serde_json::Value as Json;

/// What a field was missing.
pub(super) const REQUIRED: &str = "This field is required.";
/// It is null.
pub(super) const NULL: &str = "This field may not be null.";
/// It is empty.
const BLANK: &str = "This field may not be blank.";
/// It is something else than text.
const NO_STRING: &str = "Not a valid string.";
const NUL: &str = "Null characters are not allowed.";

/// Reads a text of at most `most` letters, which may be empty if `may_be_blank`.
pub(super) fn text(value: Value, most: usize, may_be_blank: bool) -> Result<String, String> {
    let text = match value {
        Value::Text(text) | Value::Json(Json::String(text)) => text,
        Value::Json(Json::Number(number)) => number.to_string(),
        Value::Json(Json::Null) => return Err(NULL.to_owned()),
        Value::Json(Json::Bool(_) | Json::Array(_) | Json::Object(_)) | Value::File(_) => {
            return Err(NO_STRING.to_owned());
        }
    };
    let text = text.trim();
    if text.is_empty() && !may_be_blank {
        return Err(BLANK.to_owned());
    }
    if text.contains('\0') {
        return Err(NUL.to_owned());
    }
    if text.chars().count() > most {
        return Err(format!("Ensure this field has no more than {most} characters."));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_trimmed_and_measured_in_letters() {
        let read = |value: Json| text(Value::Json(value), 3, false);
        assert_eq!(read(json!(" äöü ")), Ok("äöü".to_owned()));
        assert_eq!(read(json!(12)), Ok("12".to_owned()));
        for (value, why) in [
            (json!("äöüß"), "Ensure this field has no more than 3 characters."),
            (json!(" \t"), BLANK),
            (json!(null), NULL),
            (json!(true), NO_STRING),
            (json!([1]), NO_STRING),
            (json!({}), NO_STRING),
            (json!("a\0"), NUL),
        ] {
            assert_eq!(read(value), Err(why.to_owned()));
        }
        assert_eq!(text(Value::Text(String::new()), 3, true), Ok(String::new()));
    }
}
