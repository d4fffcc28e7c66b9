//! What every type of the wire can do: read itself from a document, write itself, describe itself.
//! The tables get this from `object!` (`object.rs`); leaf types implement it by hand.

use serde::Serialize;

use crate::out::Out;
use crate::place::Place;
use crate::report::{Report, Stop};
use crate::schema::{Components, Schema};
use crate::value::Value;
use crate::versions::{self, Version};

/// A type of the Slurm REST interface.
pub trait Wire: Serialize + Sized {
    /// The form in which a client sends it: fields may be left out. Equal to `Self` where that makes no difference.
    type Input: Wire;

    /// Whether it is a nested part of its owner: described in place, and its unknown fields are the owner's.
    const INLINE: bool = false;

    /// Whether it is an object: one that is not there is left out of a reply. A list that is not there is null in it, as
    /// recorded.
    const IS_OBJECT: bool = false;

    /// Reads a value; `None` means that nothing was given.
    ///
    /// # Errors
    /// [`Stop`] if the rest of the document must not be read; the reason, if there is one, is in the report.
    fn parse(value: &Value<'_>, at: &Place<'_>, report: &mut Report) -> Result<Option<Self>, Stop>;

    /// Describes the type, adding its components.
    fn schema(components: &mut Components) -> Schema;

    /// Tells whether another value is written in the same way.
    fn is_like(&self, other: &Self) -> bool
    where
        Self: PartialEq,
    {
        self == other
    }

    /// Appends compact JSON in the version of `out`; in the current one equal to what `serde_json` makes of it, but
    /// much faster.
    fn write(&self, out: &mut Out);

    /// Tells whether an object leaves the field out that has this value.
    fn is_left_out(&self) -> bool {
        false
    }

    /// Appends compact JSON in the current version.
    fn write_json(&self, out: &mut Vec<u8>) {
        self.write_json_in(versions::CURRENT, out);
    }

    /// Appends compact JSON in that version.
    fn write_json_in(&self, version: &'static Version, out: &mut Vec<u8>) {
        let mut written = Out::after(std::mem::take(out), version);
        self.write(&mut written);
        *out = written.into_bytes();
    }

    /// Warns of unknown fields inside an inline object.
    fn report_unknown(_value: &Value<'_>, _at: &Place<'_>, _field: &str, _owner: &str, _report: &mut Report) {
    }
}

/// Reads a whole document.
///
/// # Errors
/// [`Stop`] if the request must be refused; the report may be without an error even then, as with the original.
pub fn parse<T: Wire + Default>(document: &Value<'_>, report: &mut Report) -> Result<T, Stop> {
    T::parse(document, &Place::ROOT, report).map(Option::unwrap_or_default)
}

/// Reads a reply from a cluster: whatever is missing or odd becomes the default.
pub fn parse_reply<T: Wire + Default>(document: &Value<'_>) -> T {
    parse(document, &mut Report::lenient()).unwrap_or_default()
}

/// Writes compact JSON in the current version.
pub fn to_json<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_json(&mut out);
    out
}

/// Writes compact JSON in that version.
pub fn to_json_in<T: Wire>(version: &'static Version, value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.write_json_in(version, &mut out);
    out
}
