//! JSON as the original reads it: strict documents and a good deal more.
//! Trailing commas, single quotes, comments, NaN, control characters in strings and anything behind the document pass;
//! deep nesting and bare scalars do not.

use std::borrow::Cow;

use thiserror::Error;

use crate::value::Value;

/// Deeper nesting is refused.
pub const DEEPEST: usize = 30;

/// Why a document cannot be read.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// At this byte something else was needed.
    #[error("malformed JSON at byte {0}")]
    Malformed(usize),
    /// It is nested too deeply.
    #[error("JSON nested deeper than {DEEPEST}")]
    TooDeep,
    /// It has more values than the reader wants to keep.
    #[error("JSON with too many values")]
    TooMany,
    /// It is a number, a truth value or null.
    #[error("JSON document is a bare scalar")]
    BareScalar,
}

/// Turns the bytes of a body into text; invalid UTF-8 becomes replacement characters.
pub fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Reads a document.
///
/// # Errors
/// If it is malformed, too deep or a bare scalar.
pub fn parse(text: &str) -> Result<Value<'_>, JsonError> {
    parse_within(text, usize::MAX)
}

/// Reads a document of at most so many values. A value takes up to 48 bytes however short it is written, so that a
/// document of a stranger may need many times its own length.
///
/// # Errors
/// As [`parse`], and if there are more values.
pub fn parse_within(text: &str, most: usize) -> Result<Value<'_>, JsonError> {
    let mut reader = Reader { text, at: 0, left: most };
    let value = reader.value(0)?;
    match value {
        Value::Dict(_) | Value::List(_) | Value::String(_) => Ok(value),
        _ => Err(JsonError::BareScalar),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// How many more values there may be.
    left: usize,
}

type Read<T> = Result<T, JsonError>;

impl<'a> Reader<'a> {
    fn malformed<T>(&self) -> Read<T> {
        Err(JsonError::Malformed(self.at))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Skips blanks and comments.
    fn skip_blanks(&mut self) -> Read<()> {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) => self.at += 1,
                Some(b'/') => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_comment(&mut self) -> Read<()> {
        let rest = self.rest();
        let length = if rest.starts_with("/*") {
            rest.get(2..).and_then(|inside| inside.find("*/")).map(|end| end + 4)
        } else if rest.starts_with("//") {
            Some(rest.find('\n').unwrap_or(rest.len()))
        } else {
            None
        };
        match length {
            Some(length) => self.at += length,
            None => return self.malformed(),
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Read<Value<'a>> {
        self.left = self.left.checked_sub(1).ok_or(JsonError::TooMany)?;
        self.skip_blanks()?;
        match self.peek() {
            Some(b'{') => self.dict(depth + 1),
            Some(b'[') => self.list(depth + 1),
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn enter(&mut self, depth: usize) -> Read<()> {
        self.at += 1;
        if depth > DEEPEST { Err(JsonError::TooDeep) } else { Ok(()) }
    }

    fn dict(&mut self, depth: usize) -> Read<Value<'a>> {
        self.enter(depth)?;
        let mut entries = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                Some(b'}') => break,
                Some(quote @ (b'"' | b'\'')) => {
                    let key = self.string(quote)?;
                    self.skip_blanks()?;
                    if self.peek() != Some(b':') {
                        return self.malformed();
                    }
                    self.at += 1;
                    entries.push((key, self.value(depth)?));
                }
                _ => return self.malformed(),
            }
            if !self.comma(b'}')? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::Dict(entries))
    }

    fn list(&mut self, depth: usize) -> Read<Value<'a>> {
        self.enter(depth)?;
        let mut values = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.peek() == Some(b']') {
                break;
            }
            values.push(self.value(depth)?);
            if !self.comma(b']')? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::List(values))
    }

    /// Goes over a comma; returns false in front of the closing bracket.
    fn comma(&mut self, close: u8) -> Read<bool> {
        self.skip_blanks()?;
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == close => Ok(false),
            _ => self.malformed(),
        }
    }

    fn word(&mut self) -> Read<Value<'a>> {
        let words = [
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("null", Value::Null),
            ("nan", Value::Float(f64::NAN)),
            ("infinity", Value::Float(f64::INFINITY)),
        ];
        let rest = self.rest();
        for (word, value) in words {
            if rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word)) {
                self.at += word.len();
                return Ok(value);
            }
        }
        self.malformed()
    }

    fn number(&mut self) -> Read<Value<'a>> {
        let rest = self.rest();
        if rest.get(1..).is_some_and(|tail| rest.starts_with('-') && tail.starts_with("Infinity")) {
            self.at += "-Infinity".len();
            return Ok(Value::Float(f64::NEG_INFINITY));
        }
        let end = rest
            .bytes()
            .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default();
        let value = if digits.contains(['.', 'e', 'E']) {
            digits.parse().ok().map(Value::Float)
        } else {
            crate::value::int_from_text(digits).map(Value::Int)
        };
        match value {
            Some(value) => {
                self.at += end;
                Ok(value)
            }
            None => self.malformed(),
        }
    }

    /// Reads a string; it ends at a NUL, since the original holds it as C does.
    fn string(&mut self, quote: u8) -> Read<Cow<'a, str>> {
        self.at += 1;
        let start = self.at;
        let bytes = self.text.as_bytes();
        let plain =
            bytes.get(start..).unwrap_or_default().iter().position(|&byte| byte == quote || byte == b'\\');
        let Some(plain) = plain else { return self.malformed() };
        self.at = start + plain;
        let head = self.text.get(start..self.at).unwrap_or_default();
        if self.peek() == Some(quote) {
            self.at += 1;
            return Ok(Cow::Borrowed(head.split('\0').next().unwrap_or_default()));
        }
        let mut owned = head.to_owned();
        loop {
            match self.peek() {
                None => return self.malformed(),
                Some(byte) if byte == quote => break,
                Some(b'\\') => self.escape(&mut owned)?,
                Some(_) => {
                    let rest = self.rest();
                    let end =
                        rest.bytes().position(|byte| byte == quote || byte == b'\\').unwrap_or(rest.len());
                    owned.push_str(rest.get(..end).unwrap_or_default());
                    self.at += end;
                }
            }
        }
        self.at += 1;
        if let Some(end) = owned.find('\0') {
            owned.truncate(end);
        }
        Ok(Cow::Owned(owned))
    }

    fn escape(&mut self, out: &mut String) -> Read<()> {
        self.at += 1;
        let letter = match self.peek() {
            Some(quoted @ (b'"' | b'\'' | b'\\' | b'/')) => quoted as char,
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => {
                self.at += 1;
                out.push(self.unicode()?);
                return Ok(());
            }
            _ => return self.malformed(),
        };
        self.at += 1;
        out.push(letter);
        Ok(())
    }

    /// Reads the four digits behind `\u`, and of a pair the other half.
    fn unicode(&mut self) -> Read<char> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with("\\u") {
            let before = self.at;
            self.at += 2;
            let second = self.four_digits()?;
            if (0xdc00..0xe000).contains(&second) {
                let joined = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(joined).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Read<u32> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or_default();
        if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.malformed();
        }
        self.at += 4;
        Ok(u32::from_str_radix(digits, 16).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn strict_documents_keep_their_order() {
        assert_eq!(
            shown(r#"{"b":[1,-2.5,"x\n\u00e9\ud83d\ude00",true,null],"a":{}}"#),
            r#"{"b":[1,-2.5,"x\né😀",true,null],"a":{}}"#
        );
    }

    #[test]
    fn lax_documents_pass() {
        for (text, expected) in [
            ("{'a':'x',}", r#"{"a":"x"}"#),
            ("[1,2,]", "[1,2]"),
            ("/* c */ {\"a\": // d\n 1} garbage {", r#"{"a":1}"#),
            ("{\"a\":NaN,\"b\":-Infinity}", r#"{"a":NaN,"b":-Infinity}"#),
            ("{\"a\":\"x\\u0000y\"}", r#"{"a":"x"}"#),
            ("{\"a\":\"\\ud800\"}", "{\"a\":\"\u{fffd}\"}"),
            ("{\"a\":\"line\nbreak\"}", r#"{"a":"line\nbreak"}"#),
            ("\"x\"", "\"x\""),
            ("{\"a\":18446744073709551615}", r#"{"a":9223372036854775807}"#),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn others_do_not() {
        for text in [
            "",
            "  ",
            "{\"script\":",
            "{\"a\" 1}",
            "{a:1}",
            "\u{feff}{}",
            "[1 2]",
            "{\"a\":\"\\x\"}",
            "/* open",
            "{\"a\":tru}",
        ] {
            assert!(matches!(parse(text), Err(JsonError::Malformed(_))), "{text}");
        }
        for text in ["3", "true", "null"] {
            assert_eq!(parse(text), Err(JsonError::BareScalar), "{text}");
        }
        assert_eq!(parse(&"[".repeat(31)), Err(JsonError::TooDeep));
        assert!(parse(&format!("{}{}", "[".repeat(30), "]".repeat(30))).is_ok());
    }

    fn document() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            "[^\\x00]*".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                proptest::collection::btree_map("[^\\x00]*", inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn strict_documents_mean_what_serde_json_reads(document in document()) {
            let text = serde_json::to_string_pretty(&serde_json::json!([&document])).unwrap();
            let wrapped = serde_json::json!([document]);
            prop_assert_eq!(parse(&text).unwrap(), Value::from(&wrapped));
        }

        #[test]
        fn nothing_panics(text in "[\\[\\]{}:,\"'\\\\/*u0-9a-f. é-]{0,40}") {
            _ = parse(&text);
        }
    }
}
