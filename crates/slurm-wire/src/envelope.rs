//! What surrounds every answer: `meta`, `errors`, `warnings`; and how a long list is streamed inside it.

use serde::Serialize;

use crate::list::{StringArray, lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::scalar::Text;
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::versions::Version;
use crate::wire::Wire;

object! {
    /// One error of an answer.
    reply ErrorEntry = "openapi_error" {
        description: Text,
        error_number: i32,
        error: Text,
        source: Text,
    }
}

object! {
    /// One warning of an answer.
    reply WarningEntry = "openapi_warning" {
        description: Text,
        source: Text,
    }
}

lists! {
    /// The errors of an answer.
    Errors, ErrorsKind of ErrorEntry = "openapi_errors", read_aside;
    /// The warnings of an answer.
    Warnings, WarningsKind of WarningEntry = "openapi_warnings", read_aside;
}

impl ErrorEntry {
    /// Makes an error with the fixed text of its number.
    pub fn new(error_number: i32, description: impl Into<Text>, source: impl Into<Text>) -> Self {
        ErrorEntry {
            description: description.into(),
            error_number,
            error: crate::error_number::text(error_number).into(),
            source: source.into(),
        }
    }
}

/// In a request these lists mean nothing and are not looked at.
fn read_aside<T: Wire>(
    value: &Value<'_>,
    at: &Place<'_>,
    report: &mut Report,
) -> Result<Option<Vec<T>>, Stop> {
    if report.is_lenient() { read_plain(value, at, report) } else { Ok(None) }
}

object! {
    /// Which program made the answer.
    reply inline MetaPlugin = "openapi_meta_plugin" {
        kind "type": Text,
        name: Text,
        data_parser: Text,
        accounting_storage: Text,
    }
}

object! {
    /// Who asked.
    reply inline MetaClient = "openapi_meta_client" {
        source: Text,
        user: Text,
        group: Text,
    }
}

object! {
    /// The version in its three parts, as texts.
    reply inline MetaSlurmVersion = "openapi_meta_slurm_version" {
        major: Text,
        micro: Text,
        minor: Text,
    }
}

object! {
    /// Which Slurm, which cluster.
    reply inline MetaSlurm = "openapi_meta_slurm" {
        version: MetaSlurmVersion,
        release: Text,
        cluster: Text,
    }
}

object! {
    /// What an answer says about itself.
    reply MetaContent = "openapi_meta" {
        plugin: MetaPlugin,
        client: MetaClient,
        command: StringArray,
        slurm: MetaSlurm,
    }
}

/// What an answer says about itself; not looked at in a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Meta(pub MetaContent);

impl std::ops::Deref for Meta {
    type Target = MetaContent;

    fn deref(&self) -> &MetaContent {
        &self.0
    }
}

impl std::ops::DerefMut for Meta {
    fn deref_mut(&mut self) -> &mut MetaContent {
        &mut self.0
    }
}

impl From<MetaContent> for Meta {
    fn from(content: MetaContent) -> Self {
        Meta(content)
    }
}

impl Wire for Meta {
    type Input = Self;

    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop> {
        if report.is_lenient() { Ok(MetaContent::parse(value, at, report)?.map(Meta)) } else { Ok(None) }
    }

    fn schema(components: &mut Components) -> Schema {
        MetaContent::schema(components)
    }

    fn write(&self, out: &mut Out) {
        self.0.write(out);
    }
}

object! {
    /// An answer that says nothing but whether it went well.
    reply Resp = "openapi_resp" {
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

/// An answer in two parts, between which the entries of its first list go.
///
/// For lists too long to be held: write `head`, the entries with commas between them, then `tail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Up to and including the opening bracket.
    pub head: Vec<u8>,
    /// From the closing bracket on.
    pub tail: Vec<u8>,
}

impl Frame {
    /// Divides an answer, in that version, whose first field is an empty list; `None` if its first field is something
    /// else.
    pub fn of<T: Wire>(version: &'static Version, answer: &T) -> Option<Frame> {
        let mut head = crate::wire::to_json_in(version, answer);
        let colon = head.iter().position(|&byte| byte == b':')?;
        if head.get(colon..colon + 3)? != b":[]" {
            return None;
        }
        let tail = head.split_off(colon + 2);
        Some(Frame { head, tail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::to_json;

    #[test]
    fn keys_keep_the_order_of_the_original() {
        let answer = Resp { errors: vec![ErrorEntry::new(2017, "no", "here")].into(), ..Resp::default() };
        let json = String::from_utf8(to_json(&answer)).unwrap();
        assert_eq!(json, serde_json::to_string(&answer).unwrap());
        assert!(json.starts_with(
            r#"{"meta":{"plugin":{"type":"","name":"","data_parser":"","accounting_storage":""},"client":"#
        ));
        assert!(json.ends_with(
            r#""errors":[{"description":"no","error_number":2017,"error":"Invalid job id specified","source":"here"}],"warnings":[]}"#
        ));
    }
}
