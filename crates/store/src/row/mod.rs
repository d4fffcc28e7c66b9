//! What records look like on disk: a row struct for each type of the domain, with `to_row` and `from_row`.
//!
//! Rows are MessagePack maps. A field has a short key that never changes its meaning, and is left out while it has its
//! zero value; a field added later reads as zero from older rows. A key that is given up is never used again.

macro_rules! rows {
    ($($domain:ident => $row:ident { $($field:ident = $key:literal: $type:ty,)* })*) => {$(
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default)]
        pub(crate) struct $row {$(
            #[serde(rename = $key, skip_serializing_if = "crate::row::is_zero")]
            $field: <$type as crate::row::Stored>::Row,
        )*}

        impl crate::row::Stored for $domain {
            type Row = $row;

            fn to_row(&self) -> $row {
                // Taken apart without `..`, so that a new field of the domain cannot be forgotten here.
                let $domain { $($field),* } = self;
                $row { $($field: $field.to_row()),* }
            }

            fn from_row(row: $row) -> Result<Self, crate::row::BadRow> {
                Ok($domain { $($field: <$type as crate::row::Stored>::from_row(row.$field)?),* })
            }
        }
    )*};
}

macro_rules! codes {
    ($($domain:ident, $what:literal { $($variant:ident = $code:literal,)* })*) => {$(
        impl crate::row::Stored for $domain {
            type Row = u8;

            fn to_row(&self) -> u8 {
                match self { $($domain::$variant => $code,)* }
            }

            fn from_row(row: u8) -> Result<Self, crate::row::BadRow> {
                match row {
                    $($code => Ok($domain::$variant),)*
                    code => Err(crate::row::BadRow::UnknownCode { what: $what, code }),
                }
            }
        }
    )*};
}

pub(crate) mod also;
mod amendment;
mod array;
pub(crate) mod book;
mod change;
mod chronicle;
mod crontab;
mod dependency;
mod job;
mod member;
mod node;
mod phase;
mod plain;
mod receipt;
mod reservation;
mod resources;
mod spec;
mod step;
pub(crate) mod usage;

pub(crate) use job::{decode_job, encode_job, job_from_json, job_to_json, way_in};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A type of the domain that has a row.
pub(crate) trait Stored: Sized {
    /// Its form on disk; its default is left out.
    type Row: Serialize + DeserializeOwned + Default + PartialEq;

    /// Returns the row.
    fn to_row(&self) -> Self::Row;

    /// Reads the row.
    fn from_row(row: Self::Row) -> Result<Self, BadRow>;
}

/// Why a row cannot be understood.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadRow {
    /// A number that stands for nothing.
    #[error("unknown {what} {code}")]
    UnknownCode {
        /// A number for what.
        what: &'static str,
        /// Which.
        code: u8,
    },
    /// A word that stands for nothing.
    #[error("unknown {what} {word}")]
    UnknownWord {
        /// A word for what.
        what: &'static str,
        /// Which.
        word: String,
    },
    /// Values that cannot be together.
    #[error("{0} makes no sense")]
    Nonsense(&'static str),
    /// It is no such row at all.
    #[error("not a row")]
    Encoding(#[from] rmp_serde::decode::Error),
    /// It is no such row as JSON.
    #[error("not a row")]
    Json(#[from] serde_json::Error),
}

/// Adds the row of a value to a buffer.
pub(crate) fn encode<T: Stored>(value: &T, into: &mut Vec<u8>) {
    let mut serializer = rmp_serde::Serializer::new(into).with_struct_map();
    value.to_row().serialize(&mut serializer).expect("rows are plain data, and a Vec takes all bytes");
}

/// Returns the row of a value as bytes.
pub(crate) fn encoded<T: Stored>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode(value, &mut bytes);
    bytes
}

/// Reads a value from the bytes of its row.
pub(crate) fn decode<T: Stored>(bytes: &[u8]) -> Result<T, BadRow> {
    T::from_row(rmp_serde::from_slice(bytes)?)
}

/// Reads a value from its row as JSON, which is how archives have it.
pub(crate) fn value_from_json<T: Stored>(json: serde_json::Value) -> Result<T, BadRow> {
    T::from_row(serde_json::from_value(json)?)
}

/// Reads values written one after the other.
pub(crate) fn decode_all<T: Stored>(mut bytes: &[u8]) -> Result<Vec<T>, BadRow> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let row = T::Row::deserialize(&mut rmp_serde::Deserializer::new(&mut bytes))?;
        values.push(T::from_row(row)?);
    }
    Ok(values)
}

/// Tells whether a value may be left out.
fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
