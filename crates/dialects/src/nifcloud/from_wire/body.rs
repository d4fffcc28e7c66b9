//! Bodies of requests: a JSON object, whose fields are read as pydantic 1 reads them, and complained of in its words (facts
//! B5: the peers of the original show the same texts).

use crate::nifcloud::error::NifcloudError;
use domain::ports::Direction;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Map, Value, json};

/// What `POST /jobs` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct NewJob {
    /// The script's path.
    pub(in super::super) jobfile: String,
    /// Further options; empty for none.
    pub(in super::super) options: String,
}

/// What `POST /files/sync` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct NewSync {
    pub(in super::super) path: String,
    pub(in super::super) direction: Direction,
    pub(in super::super) delete: bool,
}

/// Returns the fields of a body.
///
/// # Errors
/// If it is said to be something else, or is no object.
pub(in super::super) fn fields(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Map<String, Value>, NifcloudError> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let told = types.next().and_then(|told| told.to_str().ok()).filter(|_| types.next().is_none());
    if !told.is_some_and(is_json) {
        return Err(NifcloudError::ContentType);
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => Err(NifcloudError::Body),
    }
}

/// Tells whether a content type is JSON in UTF-8, however it is written.
fn is_json(told: &str) -> bool {
    let mut parts = told.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.filter(|part| !part.is_empty()).all(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                let value = value.trim().trim_matches('"');
                !name.trim().eq_ignore_ascii_case("charset") || value.eq_ignore_ascii_case("utf-8")
            })
        })
}

/// Reads a new job; or lists what is wrong with its fields.
pub(in super::super) fn new_job(fields: &Map<String, Value>) -> Result<NewJob, Vec<Value>> {
    let mut wrong = Vec::new();
    let jobfile = required(fields, "jobfile", &mut wrong);
    let options = optional(fields, "qopt", &mut wrong);
    match (jobfile, wrong.is_empty()) {
        (Some(jobfile), true) => Ok(NewJob { jobfile, options: options.unwrap_or_default() }),
        _ => Err(wrong),
    }
}

/// Reads a new synchronization; or lists what is wrong with its fields.
pub(in super::super) fn new_sync(fields: &Map<String, Value>) -> Result<NewSync, Vec<Value>> {
    let mut wrong = Vec::new();
    let path = required(fields, "path", &mut wrong);
    let direction = match fields.get("direction") {
        None | Some(Value::Null) => Direction::FromOnline,
        Some(Value::String(word)) if word == "to_online" => Direction::ToOnline,
        Some(Value::String(word)) if word == "from_online" => Direction::FromOnline,
        Some(_) => {
            wrong.push(json!({
                "loc": ["body", "direction"],
                "msg": "value is not a valid enumeration member; permitted: 'to_online', 'from_online'",
                "type": "type_error.enum",
                "ctx": { "enum_values": ["to_online", "from_online"] },
            }));
            Direction::FromOnline
        }
    };
    let delete = match fields.get("delete") {
        None | Some(Value::Null) => false,
        Some(value) => truth(value).unwrap_or_else(|| {
            wrong.push(complaint("delete", "value could not be parsed to a boolean", "type_error.bool"));
            false
        }),
    };
    match (path, wrong.is_empty()) {
        (Some(path), true) => Ok(NewSync { path, direction, delete }),
        _ => Err(wrong),
    }
}

fn complaint(field: &str, message: &str, kind: &str) -> Value {
    json!({ "loc": ["body", field], "msg": message, "type": kind })
}

fn required(fields: &Map<String, Value>, name: &str, wrong: &mut Vec<Value>) -> Option<String> {
    match fields.get(name) {
        None => wrong.push(complaint(name, "field required", "value_error.missing")),
        Some(Value::Null) => {
            wrong.push(complaint(name, "none is not an allowed value", "type_error.none.not_allowed"));
        }
        Some(_) => return optional(fields, name, wrong),
    }
    None
}

/// Reads a text; numbers and truth values are written out, as pydantic does.
fn optional(fields: &Map<String, Value>, name: &str, wrong: &mut Vec<Value>) -> Option<String> {
    match fields.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Array(_) | Value::Object(_) => {
            wrong.push(complaint(name, "str type expected", "type_error.str"));
            None
        }
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_f64()? {
            0.0 => Some(false),
            1.0 => Some(true),
            _ => None,
        },
        Value::String(word) => match word.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
            "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Map<String, Value> {
        match serde_json::from_str(text).unwrap() {
            Value::Object(object) => object,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn content_types_are_json_in_utf_8() {
        for fine in
            ["application/json", "Application/JSON ; Charset=UTF-8", "application/json;charset=\"utf-8\";"]
        {
            assert!(is_json(fine), "{fine}");
        }
        for other in ["text/plain", "application/json; charset=latin1", "application/jsonx", "", "json"] {
            assert!(!is_json(other), "{other}");
        }
    }

    #[test]
    fn fields_are_read_as_the_original_reads_them() {
        let job = new_job(&object(r#"{"jobfile": 5, "qopt": null, "other": []}"#)).unwrap();
        assert_eq!((job.jobfile.as_str(), job.options.as_str()), ("5", ""));
        let sync = new_sync(&object(r#"{"path": "a", "direction": "to_online", "delete": "yes"}"#)).unwrap();
        assert_eq!((sync.direction, sync.delete), (Direction::ToOnline, true));
        let usual = new_sync(&object(r#"{"path": "a"}"#)).unwrap();
        assert_eq!((usual.direction, usual.delete), (Direction::FromOnline, false));
    }

    #[test]
    fn everything_that_is_wrong_is_listed() {
        let wrong = new_job(&object(r#"{"qopt": {}}"#)).unwrap_err();
        let kinds: Vec<_> = wrong.iter().map(|one| (one["loc"][1].as_str(), one["type"].as_str())).collect();
        let wanted = [(Some("jobfile"), Some("value_error.missing")), (Some("qopt"), Some("type_error.str"))];
        assert_eq!(kinds, wanted);
        let wrong = new_sync(&object(r#"{"path": null, "direction": 5, "delete": 2}"#)).unwrap_err();
        let kinds: Vec<_> = wrong.iter().map(|one| one["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["type_error.none.not_allowed", "type_error.enum", "type_error.bool"]);
    }
}
