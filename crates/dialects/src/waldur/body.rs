//! Bodies of requests: JSON, forms, and forms in several parts with files among them. What is in a field is looked at by who
//! wants it.

use super::error::WaldurError;
use crate::http::query::plain_pairs;
use bytes::Bytes;
use serde_json::Value as Json;
use std::collections::HashMap;
use std::convert::Infallible;

/// Fields of a form at most; nobody's has more than ten.
const MOST_FIELDS: usize = 100;
/// A file's name is kept up to so many letters.
const LONGEST_NAME: usize = 255;

/// What is in a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// As JSON has it.
    Json(Json),
    /// Text of a form.
    Text(String),
    /// A file.
    File(Upload),
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    /// Its name, without folders.
    pub(super) name: String,
    /// What is in it.
    pub(super) bytes: Bytes,
}

/// Fields by name; of one that comes twice the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(HashMap<String, Value>);

impl Fields {
    /// Reads a body of a kind, as its header names it. A body without bytes has no fields, whatever it is.
    pub(super) async fn read(kind: &str, bytes: Bytes) -> Result<Self, WaldurError> {
        if bytes.is_empty() {
            return Ok(Fields::default());
        }
        let name = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            "application/json" => json(&bytes),
            "application/x-www-form-urlencoded" => urlencoded(&bytes),
            "multipart/form-data" => parts(kind, bytes).await,
            _ => Err(WaldurError::MediaType(kind.to_owned())),
        }
    }

    /// Takes a field out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }
}

fn json(bytes: &[u8]) -> Result<Fields, WaldurError> {
    let value: Json = serde_json::from_slice(bytes)
        .map_err(|error| WaldurError::Malformed(format!("JSON parse error - {error}")))?;
    match value {
        Json::Object(object) => {
            Ok(Fields(object.into_iter().map(|(name, value)| (name, Value::Json(value))).collect()))
        }
        other => {
            let kind = kind_of(&other);
            Err(WaldurError::Whole(format!("Invalid data. Expected a dictionary, but got {kind}.")))
        }
    }
}

/// Names a kind of value as the original does, whose language is Python.
pub(super) fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "NoneType",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float",
        Json::Number(_) => "int",
        Json::String(_) => "str",
        Json::Array(_) => "list",
        Json::Object(_) => "dict",
    }
}

fn urlencoded(bytes: &[u8]) -> Result<Fields, WaldurError> {
    let bad = || WaldurError::Malformed("Form parse error - the form cannot be decoded".to_owned());
    let text = std::str::from_utf8(bytes).map_err(|_| bad())?.replace('+', " ");
    let mut fields = HashMap::new();
    for (name, value) in plain_pairs(&text).map_err(|_| bad())? {
        fields.insert(name.into_owned(), Value::Text(value.unwrap_or_default().into_owned()));
    }
    Ok(Fields(fields))
}

async fn parts(kind: &str, bytes: Bytes) -> Result<Fields, WaldurError> {
    let bad = |why: String| WaldurError::Malformed(format!("Multipart form parse error - {why}"));
    let boundary =
        multer::parse_boundary(kind).map_err(|_| bad("Invalid boundary in multipart: None".to_owned()))?;
    let whole = futures_util::stream::once(async move { Ok::<_, Infallible>(bytes) });
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut fields = HashMap::new();
    while let Some(part) = parts.next_field().await.map_err(|error| bad(error.to_string()))? {
        if fields.len() >= MOST_FIELDS {
            return Err(bad(format!("more than {MOST_FIELDS} fields")));
        }
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(without_folders);
        let bytes = part.bytes().await.map_err(|error| bad(error.to_string()))?;
        let value = match file {
            // A part without a file's name, but with a place for one, is left out by the original.
            Some(name) if name.is_empty() => continue,
            Some(name) => Value::File(Upload { name, bytes }),
            None => match String::from_utf8(bytes.into()) {
                Ok(text) => Value::Text(text),
                Err(_) => return Err(bad(format!("{name} is not UTF-8"))),
            },
        };
        fields.insert(name, value);
    }
    Ok(Fields(fields))
}

/// Returns a file's name without folders and signs that would break a header.
fn without_folders(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let name = if matches!(name, "." | "..") { "" } else { name };
    name.chars().filter(|sign| !sign.is_control()).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, body: &str) -> Result<Fields, String> {
        let read = Fields::read(kind, Bytes::copy_from_slice(body.as_bytes())).await;
        read.map_err(|error| format!("{} {error}", error.status()))
    }

    #[tokio::test]
    async fn forms_are_read_in_their_three_kinds() {
        let mut json = read("application/json; charset=utf-8", r#"{"name": 7, "x": null}"#).await.unwrap();
        assert_eq!(json.take("name"), Some(Value::Json(7.into())));
        assert_eq!((json.take("x"), json.take("y")), (Some(Value::Json(Json::Null)), None));
        let mut form = read("application/x-www-form-urlencoded", "name=a+b%21&name=c+d").await.unwrap();
        assert_eq!(form.take("name"), Some(Value::Text("c d".to_owned())));
        let body = "--b\r\nContent-Disposition: form-data; name=\"name\"\r\nContent-Type: text/plain\r\n\r\nx\r\n\
            --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"../../a.sh\"\r\n\r\n#!\u{ff}\r\n--b--\r\n";
        let body: Vec<u8> = body.chars().map(|sign| sign as u8).collect();
        let mut parts = Fields::read("multipart/form-data; boundary=b", Bytes::from(body)).await.unwrap();
        assert_eq!(parts.take("name"), Some(Value::Text("x".to_owned())));
        let upload = Upload { name: "a.sh".to_owned(), bytes: Bytes::from_static(b"#!\xff") };
        assert_eq!(parts.take("file"), Some(Value::File(upload)));
        assert_eq!(read("text/plain", "").await, Ok(Fields::default()));
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_said_why() {
        for (kind, body, wanted) in [
            (
                "text/plain",
                "x",
                "415 Unsupported Media Type Unsupported media type \"text/plain\" in request.",
            ),
            ("application/json", "{", "400 Bad Request JSON parse error - EOF"),
            ("application/json", "[1]", "400 Bad Request Invalid data. Expected a dictionary, but got list."),
            (
                "application/json",
                "null",
                "400 Bad Request Invalid data. Expected a dictionary, but got NoneType.",
            ),
            ("multipart/form-data", "x", "400 Bad Request Multipart form parse error - Invalid boundary"),
            ("multipart/form-data; boundary=b", "--c\r\n", "400 Bad Request Multipart form parse error - "),
            ("application/x-www-form-urlencoded", "a=%zz", "400 Bad Request Form parse error - "),
        ] {
            let refused = read(kind, body).await.unwrap_err();
            assert!(refused.starts_with(wanted), "{refused}");
        }
    }

    #[test]
    fn names_of_files_lead_nowhere() {
        for (name, wanted) in [
            ("job.sh", "job.sh"),
            ("/etc/passwd", "passwd"),
            ("C:\\x\\job.bat", "job.bat"),
            ("..", ""),
            ("a\r\nb\"c", "ab\"c"),
        ] {
            assert_eq!(without_folders(name), wanted);
        }
    }
}
