//! What this dialect says: objects in the original's order of fields, written as its language writes them.

mod cluster;
mod decimals;
mod job;
mod metric;

pub(super) use cluster::cluster;
pub(super) use job::{Job, archived, listed, single};
pub(super) use metric::{NamedMetric, by_scope, job_metric, job_metrics};

use decimals::{Decimals, Plain};
use serde::Serialize;
use serde_json::ser::Formatter;

/// Writes a document as the original does: `<`, `>` and `&` as escapes, and a line feed at the end (facts, section 2).
pub(super) fn written(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(document, Plain, &mut bytes);
    bytes.push(b'\n');
    bytes
}

/// Writes a document of measured values: the same with two decimals of every number that is not whole by its type (facts
/// 3.3).
pub(super) fn measured(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_measured(document, &mut bytes);
    bytes.push(b'\n');
    bytes
}

/// Writes measured values behind what is there.
pub(super) fn write_measured(document: &impl Serialize, bytes: &mut Vec<u8>) {
    write(document, Decimals, bytes);
}

/// Writes a document behind what is there.
pub(super) fn write_plain(document: &impl Serialize, bytes: &mut Vec<u8>) {
    write(document, Plain, bytes);
}

fn write(document: &impl Serialize, how: impl Formatter, bytes: &mut Vec<u8>) {
    let before = bytes.len();
    let mut writer = serde_json::Serializer::with_formatter(&mut *bytes, how);
    if let Err(error) = document.serialize(&mut writer) {
        tracing::error!(%error, "an answer could not be written");
        bytes.truncate(before);
        bytes.extend(b"null");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_harmless_in_pages() {
        assert_eq!(written(&"<a&b>"), b"\"\\u003ca\\u0026b\\u003e\"\n");
    }
}
