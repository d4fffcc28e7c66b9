//! A document as it came in: JSON or YAML before anybody asked what it means.
//! Keeps the order of keys and the kind of each number, because diagnostics repeat both.
//! How text becomes a [`Value`] is in `json.rs` and `yaml.rs`; what it means is in the tables.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{self, Write as _};

/// One value of a document, borrowing from the text where nothing had to be unescaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// `null`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction; beyond 64 bits it is held at the limit.
    Int(i64),
    /// A number with fraction or exponent.
    Float(f64),
    /// Text.
    String(Cow<'a, str>),
    /// A list.
    List(Vec<Value<'a>>),
    /// A dictionary in the order of the document; of equal keys the last counts.
    Dict(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// What a dictionary holds.
pub(crate) type Entries<'a> = [(Cow<'a, str>, Value<'a>)];

impl<'a> Value<'a> {
    /// Returns the name that diagnostics use for this kind of value.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "64 bit integer",
            Value::Float(_) => "floating point number",
            Value::String(_) => "string",
            Value::List(_) => "list",
            Value::Dict(_) => "dictionary",
        }
    }

    /// Returns the OpenAPI word for this kind of value.
    pub fn openapi_kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Int(_) => "integer",
            Value::Float(_) => "number",
            Value::String(_) => "string",
            Value::List(_) => "array",
            Value::Dict(_) => "object",
        }
    }

    /// Returns the value under `key` of a dictionary.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        match self {
            Value::Dict(entries) => entries.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v),
            _ => None,
        }
    }

    /// Returns the text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the number that a number or a numeric text means; texts may have blanks in front and may be hexadecimal.
    pub fn to_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            // Saturates, as casts of floating point numbers do.
            Value::Float(number) => Some(*number as i64),
            Value::String(text) => int_from_text(text),
            _ => None,
        }
    }

    /// Returns the floating point number that a number or a numeric text means.
    pub fn to_float(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::String(text) => text.trim_start().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Returns what a truth value, number or text means as truth; lists and dictionaries mean nothing.
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Value::Null => Some(false),
            Value::Bool(truth) => Some(*truth),
            Value::Int(number) => Some(*number != 0),
            Value::Float(number) => Some(*number != 0.0),
            Value::String(text) => {
                let denied = ["", "f", "false", "n", "no", "off"];
                let is_zero = text.parse::<f64>().is_ok_and(|number| number == 0.0);
                Some(!is_zero && !denied.iter().any(|word| text.eq_ignore_ascii_case(word)))
            }
            _ => None,
        }
    }

    /// Returns a scalar as text; `null` is the empty text, lists and dictionaries have none.
    pub fn to_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Value::Null => Some(Cow::Borrowed("")),
            Value::Bool(true) => Some(Cow::Borrowed("true")),
            Value::Bool(false) => Some(Cow::Borrowed("false")),
            Value::Int(number) => Some(Cow::Owned(number.to_string())),
            Value::Float(number) => Some(Cow::Owned(format!("{number:.6}"))),
            Value::String(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// Makes a dictionary of query parameters; a repeated name becomes a list, a name without `=` the truth value true
    /// and a name with nothing behind `=` a null.
    pub fn from_query<K, V>(pairs: impl IntoIterator<Item = (K, Option<V>)>) -> Self
    where
        K: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        let mut entries: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
        let mut places: HashMap<Cow<'a, str>, usize> = HashMap::new();
        for (name, text) in pairs {
            let name = name.into();
            let value = match text.map(Into::into) {
                None => Value::Bool(true),
                Some(text) if text.is_empty() => Value::Null,
                Some(text) => Value::String(text),
            };
            let known = places.get(&name).and_then(|&place| entries.get_mut(place));
            match known {
                None => {
                    places.insert(name.clone(), entries.len());
                    entries.push((name, value));
                }
                Some((_, Value::List(values))) => values.push(value),
                Some((_, first)) => {
                    let before = std::mem::replace(first, Value::Null);
                    *first = Value::List(vec![before, value]);
                }
            }
        }
        Value::Dict(entries)
    }

    /// Copies what is borrowed.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(truth) => Value::Bool(truth),
            Value::Int(number) => Value::Int(number),
            Value::Float(number) => Value::Float(number),
            Value::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Value::List(values) => Value::List(values.into_iter().map(Value::into_owned).collect()),
            Value::Dict(entries) => Value::Dict(
                entries
                    .into_iter()
                    .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                    .collect(),
            ),
        }
    }
}

impl<'a> From<&'a serde_json::Value> for Value<'a> {
    fn from(value: &'a serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Value::Null,
            Json::Bool(truth) => Value::Bool(*truth),
            Json::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(int), _) => Value::Int(int),
                (None, Some(_)) => Value::Int(i64::MAX),
                (None, None) => Value::Float(number.as_f64().unwrap_or_default()),
            },
            Json::String(text) => Value::String(Cow::Borrowed(text)),
            Json::Array(values) => Value::List(values.iter().map(Value::from).collect()),
            Json::Object(entries) => Value::Dict(
                entries.iter().map(|(key, value)| (Cow::Borrowed(key.as_str()), value.into())).collect(),
            ),
        }
    }
}

/// How much of a value a diagnostic repeats; a script of megabytes in the wrong place stays out of it.
const SHOWN: usize = 4096;

/// Writes compact JSON with `\/`, as the diagnostics of the original show values; long values end in `…`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = Shown { text: String::new(), full: false };
        shown.value(self);
        f.write_str(&shown.text)?;
        if shown.full { f.write_char('…') } else { Ok(()) }
    }
}

struct Shown {
    text: String,
    full: bool,
}

impl Shown {
    fn value(&mut self, value: &Value<'_>) {
        if self.text.len() >= SHOWN {
            self.full = true;
            return;
        }
        match value {
            Value::Null => self.text.push_str("null"),
            Value::Bool(truth) => self.text.push_str(if *truth { "true" } else { "false" }),
            Value::Int(number) => _ = write!(self.text, "{number}"),
            Value::Float(number) => self.text.push_str(&seventeen_digits(*number)),
            Value::String(text) => self.string(text),
            Value::List(values) => {
                self.text.push('[');
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.value(value);
                    if self.full {
                        return;
                    }
                }
                self.text.push(']');
            }
            Value::Dict(entries) => {
                self.text.push('{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        self.text.push(',');
                    }
                    self.string(key);
                    self.text.push(':');
                    self.value(value);
                    if self.full {
                        return;
                    }
                }
                self.text.push('}');
            }
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for letter in text.chars() {
            if self.text.len() >= SHOWN {
                self.full = true;
                return;
            }
            match letter {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '/' => self.text.push_str("\\/"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                low if (low as u32) < 0x20 => _ = write!(self.text, "\\u{:04x}", low as u32),
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }
}

/// Writes a number as `%.17g` does, with `.0` behind a whole number.
fn seventeen_digits(number: f64) -> String {
    if !number.is_finite() {
        let name = if number.is_nan() { "NaN" } else { "Infinity" };
        return format!("{}{name}", if number < 0.0 { "-" } else { "" });
    }
    if number == 0.0 {
        return if number.is_sign_negative() { "-0.0" } else { "0.0" }.to_owned();
    }
    let scientific = format!("{number:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..17).contains(&exponent) {
        let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let decimals = usize::try_from(16 - exponent).unwrap_or(0);
    let fixed = format!("{number:.decimals$}");
    if !fixed.contains('.') {
        return format!("{fixed}.0");
    }
    let trimmed = fixed.trim_end_matches('0');
    if trimmed.ends_with('.') { format!("{trimmed}0") } else { trimmed.to_owned() }
}

/// Reads a whole number; held at the limits of 64 bits.
pub(crate) fn int_from_text(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (radix, digits) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => (16, hex),
        None => (10, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut number: i64 = 0;
    for letter in digits.chars() {
        let digit = i64::from(letter.to_digit(radix)?);
        number = number.saturating_mul(i64::from(radix)).saturating_add(digit);
    }
    Some(if negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_look_like_the_original() {
        for (number, shown) in [
            (4.0, "4.0"),
            (4.5, "4.5"),
            (0.1, "0.10000000000000001"),
            (1e20, "1e+20"),
            (1e300, "1.0000000000000001e+300"),
            (1000.0, "1000.0"),
            (-2.5e-7, "-2.4999999999999999e-07"),
        ] {
            assert_eq!(seventeen_digits(number), shown);
        }
    }

    #[test]
    fn whole_numbers_are_read_leniently() {
        for (text, number) in [
            ("4", Some(4)),
            (" 4", Some(4)),
            ("0x10", Some(16)),
            ("-1", Some(-1)),
            ("4x", None),
            ("", None),
            ("4.5", None),
        ] {
            assert_eq!(int_from_text(text), number, "{text}");
        }
        assert_eq!(int_from_text("99999999999999999999"), Some(i64::MAX));
    }

    #[test]
    fn long_values_are_cut() {
        let shown = Value::String("x".repeat(100_000).into()).to_string();
        assert!(shown.len() < SHOWN + 8 && shown.ends_with('…'));
    }

    #[test]
    fn repeated_query_names_become_a_list() {
        let value =
            Value::from_query([("flags", Some("A")), ("flags", Some("B")), ("x", None), ("y", Some(""))]);
        assert_eq!(value.to_string(), r#"{"flags":["A","B"],"x":true,"y":null}"#);
    }
}
