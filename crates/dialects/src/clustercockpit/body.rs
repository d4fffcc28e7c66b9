//! Bodies as the original reads them: one JSON value, whatever follows it; names of fields in any case; a field it does not
//! know is an error (facts, section 2).

use serde_json::{Map, Value};

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadBody {
    /// It is no JSON.
    #[error("parsing request body failed: {0}")]
    Json(String),
    /// It has a field that nobody knows.
    #[error("parsing request body failed: json: unknown field \"{0}\"")]
    Unknown(String),
    /// A field is of another type.
    #[error("parsing request body failed: json: cannot read {found} into {field}, which is {wanted}")]
    Type {
        /// The field.
        field: String,
        /// What it holds.
        found: &'static str,
        /// What it should hold.
        wanted: &'static str,
    },
}

/// Reads the first JSON value of a body.
pub(super) fn value(bytes: &[u8]) -> Result<Value, BadBody> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => Err(BadBody::Json(error.to_string())),
        None => Err(BadBody::Json("EOF".to_owned())),
    }
}

/// The fields of an object, each read once.
pub(super) struct Fields {
    name: String,
    fields: Map<String, Value>,
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

impl Fields {
    /// Takes an object apart; its fields must be among these. A null is an object without fields.
    pub(super) fn of(name: &str, value: Value, known: &[&str]) -> Result<Self, BadBody> {
        let object = match value {
            Value::Object(object) => object,
            Value::Null => Map::new(),
            other => {
                let (field, found) = (name.to_owned(), kind(&other));
                return Err(BadBody::Type { field, found, wanted: "an object" });
            }
        };
        let mut fields = Map::new();
        for (key, value) in object {
            let own = known.iter().find(|own| own.eq_ignore_ascii_case(&key));
            let own = own.ok_or(BadBody::Unknown(key))?;
            fields.insert((*own).to_owned(), value);
        }
        Ok(Fields { name: name.to_owned(), fields })
    }

    /// Takes an object apart, whatever its fields are.
    pub(super) fn among(name: &str, value: Value) -> Result<Self, BadBody> {
        match value {
            Value::Object(fields) => Ok(Fields { name: name.to_owned(), fields }),
            other => {
                let (field, found) = (name.to_owned(), kind(&other));
                Err(BadBody::Type { field, found, wanted: "an object" })
            }
        }
    }

    fn wrong(&self, field: &str, found: &Value, wanted: &'static str) -> BadBody {
        BadBody::Type { field: format!("{}.{field}", self.name), found: kind(found), wanted }
    }

    /// Takes a field out; a null is as good as none.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.remove(field).filter(|value| !value.is_null())
    }

    /// Takes a text out; empty without one.
    pub(super) fn text(&mut self, field: &str) -> Result<String, BadBody> {
        match self.take(field) {
            None => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(self.wrong(field, &other, "text")),
        }
    }

    /// Takes a whole number out.
    pub(super) fn integer(&mut self, field: &str) -> Result<Option<i64>, BadBody> {
        match self.take(field) {
            None => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(other) => Err(self.wrong(field, &other, "a whole number of 64 bits")),
        }
    }

    /// Takes a whole number of 32 bits out that is not negative; zero without one.
    pub(super) fn count(&mut self, field: &str) -> Result<u32, BadBody> {
        match self.integer(field)? {
            None => Ok(0),
            Some(number) => {
                let small = u32::try_from(number).ok().filter(|number| *number <= i32::MAX as u32);
                small.ok_or_else(|| self.wrong(field, &Value::from(number), "a count of 31 bits"))
            }
        }
    }

    /// Takes a number out; zero without one.
    pub(super) fn number(&mut self, field: &str) -> Result<f64, BadBody> {
        match self.take(field) {
            None => Ok(0.0),
            Some(Value::Number(number)) => Ok(number.as_f64().unwrap_or(0.0)),
            Some(other) => Err(self.wrong(field, &other, "a number")),
        }
    }

    /// Takes a list out; empty without one.
    pub(super) fn list(&mut self, field: &str) -> Result<Vec<Value>, BadBody> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(values)) => Ok(values),
            Some(other) => Err(self.wrong(field, &other, "a list")),
        }
    }

    /// Takes a list of texts out; empty without one.
    pub(super) fn texts(&mut self, field: &str) -> Result<Vec<String>, BadBody> {
        let mut texts = Vec::new();
        for value in self.list(field)? {
            match value {
                Value::String(text) => texts.push(text),
                other => return Err(self.wrong(field, &other, "a list of texts")),
            }
        }
        Ok(texts)
    }

    /// Takes the entries of an object out; none without one.
    pub(super) fn entries(&mut self, field: &str) -> Result<Map<String, Value>, BadBody> {
        match self.take(field) {
            None => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object),
            Some(other) => Err(self.wrong(field, &other, "an object")),
        }
    }

    /// Takes an object of texts out; empty without one.
    pub(super) fn words(&mut self, field: &str) -> Result<Vec<(String, String)>, BadBody> {
        let object = match self.take(field) {
            None => return Ok(Vec::new()),
            Some(Value::Object(object)) => object,
            Some(other) => return Err(self.wrong(field, &other, "an object of texts")),
        };
        let mut words = Vec::new();
        for (key, value) in object {
            match value {
                Value::String(text) => words.push((key, text)),
                other => return Err(self.wrong(field, &other, "an object of texts")),
            }
        }
        Ok(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(text: &str) -> Result<Fields, BadBody> {
        Fields::of("job", value(text.as_bytes())?, &["jobId", "metaData", "smt"])
    }

    #[test]
    fn names_match_in_any_case() {
        let mut own = fields(r#"{"JOBID": 7, "metadata": {"a": "b"}, "smt": null} trailing"#).unwrap();
        assert_eq!(own.integer("jobId"), Ok(Some(7)));
        assert_eq!(own.words("metaData"), Ok(vec![("a".to_owned(), "b".to_owned())]));
        assert_eq!(own.count("smt"), Ok(0));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        assert!(matches!(fields(r#"{"foo": 1}"#), Err(BadBody::Unknown(field)) if field == "foo"));
        assert!(matches!(fields(""), Err(BadBody::Json(_))));
        assert!(matches!(fields("[1]"), Err(BadBody::Type { .. })));
        for (text, field) in [
            (r#"{"jobId": 1.5}"#, "jobId"),
            (r#"{"jobId": "1"}"#, "jobId"),
            (r#"{"jobId": 99999999999999999999}"#, "jobId"),
        ] {
            assert!(fields(text).unwrap().integer(field).is_err(), "{text}");
        }
        assert!(fields(r#"{"smt": -1}"#).unwrap().count("smt").is_err());
        assert!(fields(r#"{"smt": 4294967296}"#).unwrap().count("smt").is_err());
        assert!(fields(r#"{"metaData": {"a": 1}}"#).unwrap().words("metaData").is_err());
    }
}
