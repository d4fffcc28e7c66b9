//! YAML in and out: bodies in YAML, and answers in the fully tagged YAML of the original (`!!str k: !!int 5`; texts
//! in it are `yaml_text.rs`).
//! Scalars without a tag arrive as texts, numbers included; the tables warn of them and convert. Aliases are refused.

use std::borrow::Cow;

use granit_parser::{Event, Parser, Tag};
use thiserror::Error;

use crate::json::JsonError;
use crate::value::Value;
use crate::yaml_text::{self, Line};

/// Deeper nesting is refused.
const DEEPEST: usize = crate::json::DEEPEST;

/// Why a document cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum YamlError {
    /// It is no YAML.
    #[error("malformed YAML: {0}")]
    Malformed(String),
    /// It is nested too deeply.
    #[error("YAML nested deeper than {DEEPEST}")]
    TooDeep,
    /// It refers to another part of itself, which would let a short document mean a long one.
    #[error("YAML aliases are not supported")]
    Alias,
    /// It has more values than the reader wants to keep.
    #[error("YAML with too many values")]
    TooMany,
    /// A key is no scalar.
    #[error("YAML key is no scalar")]
    Key,
}

/// Reads the first document of a stream; an empty stream is null.
///
/// # Errors
/// If it is malformed, too deep, or has aliases.
pub fn parse(text: &str) -> Result<Value<'_>, YamlError> {
    parse_within(text, usize::MAX)
}

/// Reads the first document of a stream, of at most so many values.
///
/// # Errors
/// As [`parse`], and if there are more values.
pub fn parse_within(text: &str, most: usize) -> Result<Value<'_>, YamlError> {
    let mut reader = Reader { events: Parser::new_from_str(text), left: most };
    loop {
        match reader.next()? {
            Event::StreamStart | Event::DocumentStart(..) => {}
            Event::StreamEnd | Event::DocumentEnd => return Ok(Value::Null),
            event => return reader.value(event, 0),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    /// How many more values there may be.
    left: usize,
}

impl<'a> Reader<'a> {
    /// Returns the next event that is no comment.
    fn next(&mut self) -> Result<Event<'a>, YamlError> {
        loop {
            return match self.events.next_event() {
                // The parser tells nothing from `~` by its length alone.
                Some(Ok((Event::Scalar(text, style, anchor, tag), span))) => {
                    let text = if span.is_empty() { Cow::Borrowed("") } else { text };
                    Ok(Event::Scalar(text, style, anchor, tag))
                }
                Some(Ok((
                    event @ (Event::StreamStart
                    | Event::StreamEnd
                    | Event::DocumentStart(..)
                    | Event::DocumentEnd
                    | Event::SequenceStart(..)
                    | Event::SequenceEnd
                    | Event::MappingStart(..)
                    | Event::MappingEnd),
                    _,
                ))) => Ok(event),
                Some(Ok((Event::Alias(_) | Event::UnresolvedAlias(_), _))) => Err(YamlError::Alias),
                Some(Ok(_)) => continue,
                Some(Err(error)) => Err(YamlError::Malformed(error.to_string())),
                None => Ok(Event::StreamEnd),
            };
        }
    }

    fn value(&mut self, event: Event<'a>, depth: usize) -> Result<Value<'a>, YamlError> {
        if depth > DEEPEST {
            return Err(YamlError::TooDeep);
        }
        self.left = self.left.checked_sub(1).ok_or(YamlError::TooMany)?;
        match event {
            Event::Scalar(text, _, _, tag) => Ok(scalar(text, tag.as_deref())),
            Event::SequenceStart(..) => {
                let mut values = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => return Ok(Value::List(values)),
                        event => values.push(self.value(event, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => return Ok(Value::Dict(entries)),
                        Event::Scalar(text, ..) => text,
                        _ => return Err(YamlError::Key),
                    };
                    let event = self.next()?;
                    entries.push((key, self.value(event, depth + 1)?));
                }
            }
            _ => Err(YamlError::Malformed("a value is missing".to_owned())),
        }
    }
}

/// Only a tag makes a scalar anything else than a text.
fn scalar<'a>(text: Cow<'a, str>, tag: Option<&Tag>) -> Value<'a> {
    let text = match text.find('\0') {
        Some(end) => Cow::Owned(text.get(..end).unwrap_or_default().to_owned()),
        None => text,
    };
    let word = text.to_ascii_lowercase();
    let tagged = match tag.and_then(Tag::core_suffix) {
        Some("int") => crate::value::int_from_text(&text).map(Value::Int),
        Some("float") => text.parse().ok().map(Value::Float),
        Some("bool") => Value::String(Cow::Borrowed(&word)).to_bool().map(Value::Bool),
        Some("null") => Some(Value::Null),
        _ => None,
    };
    tagged.unwrap_or(Value::String(text))
}

/// Writes a compact JSON document as tagged YAML.
///
/// The door takes JSON, because that is what every answer can be written as fast; its structure is all that YAML needs.
///
/// # Errors
/// If `json` is no JSON; answers that this crate writes always are.
pub fn from_json(json: &[u8]) -> Result<Vec<u8>, JsonError> {
    let text = crate::json::text(json);
    let mut out = HEAD.to_vec();
    write(&crate::json::parse(&text)?, 0, &mut out);
    out.extend_from_slice(TAIL);
    Ok(out)
}

const HEAD: &[u8] = b"%YAML 1.1\n---";
const TAIL: &[u8] = b"...\n";

/// A long list in YAML: what goes around its entries, as [`crate::envelope::Frame`] does it in JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Up to the first entry.
    pub head: Vec<u8>,
    /// Instead of `head` if there are no entries.
    pub head_of_nothing: Vec<u8>,
    /// Behind the last entry.
    pub tail: Vec<u8>,
}

impl Frame {
    /// Makes the same frame in YAML.
    ///
    /// # Errors
    /// If the frame is no JSON around a list.
    pub fn of(frame: &crate::envelope::Frame) -> Result<Frame, JsonError> {
        let json = [frame.head.as_slice(), &frame.tail].concat();
        let text = crate::json::text(&json);
        let Value::Dict(entries) = crate::json::parse(&text)? else { return Err(JsonError::Malformed(0)) };
        let Some(((key, Value::List(_)), rest)) = entries.split_first() else {
            return Err(JsonError::Malformed(0));
        };
        let mut head = [HEAD, b" !!map\n!!str "].concat();
        yaml_text::write(key, None, &mut head);
        head.extend_from_slice(b": !!seq");
        let head_of_nothing = [head.as_slice(), b" []\n"].concat();
        head.push(b'\n');
        let mut tail = Vec::new();
        rest.iter().for_each(|(key, value)| write_entry(key, value, 0, &mut tail));
        tail.extend_from_slice(TAIL);
        Ok(Frame { head, head_of_nothing, tail })
    }

    /// Writes one entry of the list, given as JSON.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn write_entry(json: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
        let text = crate::json::text(json);
        out.push(b'-');
        write(&crate::json::parse(&text)?, 1, out);
        Ok(())
    }
}

/// Writes a value behind its key or dash, and ends the line.
fn write(value: &Value<'_>, depth: usize, out: &mut Vec<u8>) {
    match value {
        Value::Dict(entries) if entries.is_empty() => out.extend_from_slice(b" !!map {}\n"),
        Value::List(values) if values.is_empty() => out.extend_from_slice(b" !!seq []\n"),
        Value::Dict(entries) => {
            out.extend_from_slice(b" !!map\n");
            for (key, value) in entries {
                write_entry(key, value, depth, out);
            }
        }
        Value::List(values) => {
            out.extend_from_slice(b" !!seq\n");
            // Entries stand under the dash of their list, at the depth of the key.
            let depth = depth.saturating_sub(1);
            for value in values {
                indent(depth, out);
                out.push(b'-');
                write(value, depth + 1, out);
            }
        }
        Value::Null => out.extend_from_slice(b" !!null null\n"),
        Value::Bool(truth) => out.extend_from_slice(format!(" !!bool {truth}\n").as_bytes()),
        Value::Int(number) => out.extend_from_slice(format!(" !!int {number}\n").as_bytes()),
        Value::Float(number) => out.extend_from_slice(format!(" !!float {number:.6}\n").as_bytes()),
        Value::String(text) => {
            out.extend_from_slice(b" !!str");
            if !text.is_empty() {
                out.push(b' ');
                // Everything before it on the line is ASCII.
                let column = out.iter().rev().take_while(|byte| **byte != b'\n').count();
                yaml_text::write(text, Some(Line { column, indent: 2 * depth }), out);
            }
            out.push(b'\n');
        }
    }
}

fn write_entry(key: &str, value: &Value<'_>, depth: usize, out: &mut Vec<u8>) {
    indent(depth, out);
    out.extend_from_slice(b"!!str ");
    yaml_text::write(key, None, out);
    out.push(b':');
    write(value, depth + 1, out);
}

fn indent(depth: usize, out: &mut Vec<u8>) {
    for _ in 0..depth {
        out.extend_from_slice(b"  ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn scalars_are_texts() {
        let text = "script: \"#!/bin/sh\\ntrue\\n\"\njob:\n  name: ctype # why\n  hold: true\n  tasks: 4\n  environment:\n    - PATH=/bin\n---\nscript: x\n";
        assert_eq!(
            shown(text),
            r##"{"script":"#!\/bin\/sh\ntrue\n","job":{"name":"ctype","hold":"true","tasks":"4","environment":["PATH=\/bin"]}}"##
        );
        assert_eq!(shown("a: ~\nb: \n1: 0x10\n"), r#"{"a":"~","b":"","1":"0x10"}"#);
        assert_eq!(shown("# nothing\n"), "null");
        assert_eq!(shown("5"), r#""5""#);
    }

    #[test]
    fn tags_are_heeded() {
        assert_eq!(
            shown(
                "%YAML 1.1\n--- !!map\n!!str a: !!int 5\nb: !!bool true\nc: !!null null\nd: !!float 1.5\ne: !!str 5\nf: !!seq []\n"
            ),
            r#"{"a":5,"b":true,"c":null,"d":1.5,"e":"5","f":[]}"#
        );
    }

    #[test]
    fn others_are_refused() {
        assert!(matches!(parse("script: |\n\t- ["), Err(YamlError::Malformed(_))));
        assert_eq!(parse("a: &a [1]\nb: *a\n"), Err(YamlError::Alias));
        assert_eq!(parse("? [a]\n: b\n"), Err(YamlError::Key));
        assert_eq!(parse(&format!("{}{}", "[".repeat(40), "]".repeat(40))), Err(YamlError::TooDeep));
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn answers_are_tagged() {
        let json = br##"{"pings":[{"hostname":"testbed","responding":true,"latency":5}],"meta":{"command":[],"x":{"major":"26"}},"user":"","s":"#/job/","w":[{"d":"a: b"}],"f":1.5,"n":null}"##;
        let yaml = String::from_utf8(from_json(json).unwrap()).unwrap();
        assert_eq!(
            yaml,
            "%YAML 1.1\n--- !!map\n!!str pings: !!seq\n- !!map\n  !!str hostname: !!str testbed\n  !!str responding: !!bool true\n  \
             !!str latency: !!int 5\n!!str meta: !!map\n  !!str command: !!seq []\n  !!str x: !!map\n    !!str major: !!str 26\n\
             !!str user: !!str\n!!str s: !!str '#/job/'\n!!str w: !!seq\n- !!map\n  !!str d: !!str 'a: b'\n!!str f: !!float 1.500000\n!!str n: !!null null\n...\n"
        );
    }

    #[test]
    fn a_framed_list_reads_like_a_whole_one() {
        let whole = br#"{"jobs":[{"a":[1],"b":{"c":2}},{"a":[]}],"meta":{"x":[]},"errors":[]}"#;
        let frame = crate::envelope::Frame {
            head: br#"{"jobs":["#.to_vec(),
            tail: br#"],"meta":{"x":[]},"errors":[]}"#.to_vec(),
        };
        let framed = Frame::of(&frame).unwrap();
        let mut out = framed.head.clone();
        Frame::write_entry(br#"{"a":[1],"b":{"c":2}}"#, &mut out).unwrap();
        Frame::write_entry(br#"{"a":[]}"#, &mut out).unwrap();
        out.extend_from_slice(&framed.tail);
        assert_eq!(String::from_utf8(out), String::from_utf8(from_json(whole).unwrap()));
        let nothing = [framed.head_of_nothing, framed.tail].concat();
        assert_eq!(nothing, from_json(br#"{"jobs":[],"meta":{"x":[]},"errors":[]}"#).unwrap());
    }
}
