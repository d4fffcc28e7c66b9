//! Our own additions to the long lists: `fields`, `limit` and `cursor` in the query, and tags by which a client learns
//! that nothing is new. The original has none of them; who does not use them sees no difference but one header.

use super::routes::{Accounting, Operation};
use crate::http::query::Pairs;
use domain::Timestamp;
use hyper::header::{ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use std::collections::BTreeSet;

/// Where the next piece of a list begins.
const NEXT: HeaderName = HeaderName::from_static("x-next-cursor");

/// What of a list is asked for.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Names of the fields of its entries; empty for all.
    pub(super) fields: BTreeSet<Vec<u8>>,
    /// How many entries at most.
    pub(super) limit: Option<usize>,
    /// Where to begin, as an earlier answer said.
    pub(super) cursor: u32,
    /// What cannot be understood of these.
    pub(super) problem: Option<&'static str>,
    known: Option<HeaderValue>,
    tag: Option<HeaderValue>,
    next: Option<u32>,
}

impl Slice {
    /// Takes what is ours out of a query, where the operation lists much.
    pub(super) fn take(operation: Operation, pairs: &mut Pairs<'_>, headers: &HeaderMap) -> Self {
        let mut slice = Slice::default();
        let lists = [Operation::JobsGet, Operation::Nodes, Operation::Accounting(Accounting::Jobs)];
        if !lists.contains(&operation) {
            return slice;
        }
        slice.known = headers.get(IF_NONE_MATCH).cloned();
        pairs.retain(|(name, value)| {
            let value = value.as_deref().unwrap_or_default();
            match name.as_ref() {
                "fields" => {
                    let names = value.split(',').map(str::trim).filter(|name| !name.is_empty());
                    slice.fields.extend(names.map(|name| name.as_bytes().to_vec()));
                }
                "limit" => match value.parse() {
                    Ok(limit) if limit > 0 => slice.limit = Some(limit),
                    _ => slice.problem = Some("Rejecting request. limit must be a number from 1 on"),
                },
                "cursor" => match value.parse() {
                    Ok(cursor) => slice.cursor = cursor,
                    Err(_) => {
                        slice.problem = Some("Rejecting request. cursor must be one of an earlier answer")
                    }
                },
                _ => return true,
            }
            false
        });
        slice
    }

    /// Tells whether less is asked for than the whole list.
    pub(super) fn is_partial(&self) -> bool {
        !self.fields.is_empty() || self.limit.is_some() || self.cursor > 0
    }

    /// Names the picture that the list is made of; returns whether the client has it already.
    pub(super) fn is_known(&mut self, started: Timestamp, taken: Timestamp, moves: u64) -> bool {
        // Weak, since the time of the answer in it is always another.
        let tag = format!("W/\"{:x}-{:x}-{moves:x}\"", started.micros(), taken.micros());
        let known = self.known.as_ref().and_then(|known| known.to_str().ok()).unwrap_or_default();
        let is_known = known.trim() == "*" || known.split(',').any(|known| known.trim() == tag);
        self.tag = HeaderValue::try_from(tag).ok();
        is_known
    }

    /// Notes where the next piece begins.
    pub(super) fn goes_on(&mut self, next: Option<u32>) {
        self.next = next;
    }

    /// Adds what the client is to know beside the list.
    pub(super) fn mark(&self, headers: &mut HeaderMap) {
        if let Some(tag) = &self.tag {
            headers.insert(ETAG, tag.clone());
        }
        if let Some(next) = self.next {
            headers.insert(NEXT, HeaderValue::from(next));
        }
    }
}
