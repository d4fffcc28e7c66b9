//! Domain → wire. Cannot fail. Texts are never null; names are 32 digits, times have microseconds and a `Z` (facts A2).

mod job;
mod metadata;
mod places;
mod report;

pub(super) use job::{Showing, file_name, job};
pub(super) use metadata::metadata;
pub(super) use places::{customer, project, root, settings, user};

use domain::Timestamp;
use serde_json::{Map, Value};

/// A document, field by field.
pub(super) type Document = Map<String, Value>;

/// Writes a time.
fn time(at: Timestamp) -> Value {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX);
    Value::from(at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

/// Returns a document with the fields that are wanted: all of them if none of those is known.
pub(super) fn chosen(mut document: Document, fields: &[String]) -> Document {
    if fields.iter().any(|field| document.contains_key(field)) {
        document.retain(|name, _| fields.contains(name));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_have_microseconds() {
        assert_eq!(time(Timestamp::from_micros(1_800_000_000_000_001)), json!("2027-01-15T08:00:00.000001Z"));
        assert_eq!(time(Timestamp::EPOCH), json!("1970-01-01T00:00:00.000000Z"));
        assert!(time(Timestamp::NEVER).is_string());
    }

    #[test]
    fn fields_nobody_knows_choose_nothing() {
        let document = || Document::from_iter([("a".to_owned(), json!(1)), ("b".to_owned(), json!(2))]);
        let names = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|field| (*field).to_owned()).collect();
            chosen(document(), &fields).keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), ["a", "b"]);
        assert_eq!(names(&["b", "x"]), ["b"]);
        assert_eq!(names(&["x"]), ["a", "b"]);
    }
}
