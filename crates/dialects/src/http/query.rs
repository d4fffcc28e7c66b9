//! Queries, as the original reads them: `&` divides, `%` encodes, and raw commas and colons break it (facts 2.1).

use super::path::decoded;
use std::borrow::Cow;

/// A query that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadQuery;

/// Names and values, decoded; `None` where there is no `=`.
pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Option<Cow<'a, str>>)>;

/// Divides a query.
///
/// The original stumbles over raw `,` and `:` in values. It is followed, since programs test for it, but for
/// `job_id`, since well-known clients send `job_id=1,2`, and `fields`, which is our own.
pub(crate) fn pairs(raw: &str) -> Result<Pairs<'_>, BadQuery> {
    let mut pairs = Vec::new();
    for part in raw.split('&').filter(|part| !part.is_empty()) {
        let (name, value) = match part.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (part, None),
        };
        if !matches!(name, "job_id" | "fields") && value.is_some_and(|value| value.contains([',', ':'])) {
            return Err(BadQuery);
        }
        let value = value.map(decoded).map(|value| value.ok_or(BadQuery)).transpose()?;
        pairs.push((decoded(name).ok_or(BadQuery)?, value));
    }
    Ok(pairs)
}

/// Divides a query by the rules of the web, for dialects of our own.
pub(crate) fn plain_pairs(raw: &str) -> Result<Pairs<'_>, BadQuery> {
    let parts = raw.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) =
                part.split_once('=').map_or((part, None), |(name, value)| (name, Some(value)));
            let value = value.map(|value| decoded(value).ok_or(BadQuery)).transpose()?;
            Ok((decoded(name).ok_or(BadQuery)?, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_divided() {
        let pair = |name: &'static str, value: Option<&'static str>| (name.into(), value.map(Cow::from));
        assert_eq!(
            pairs("a=1&b&c=&d=%2C"),
            Ok(vec![pair("a", Some("1")), pair("b", None), pair("c", Some("")), pair("d", Some(","))])
        );
        assert_eq!(pairs("job_id=1,2"), Ok(vec![pair("job_id", Some("1,2"))]));
        for raw in ["a=%zz", "users=alice,bob", "update_time=2026-01-01T00:00:00"] {
            assert_eq!(pairs(raw), Err(BadQuery), "{raw}");
        }
        assert_eq!(
            plain_pairs("since=2026-01-01T00:00:00"),
            Ok(vec![pair("since", Some("2026-01-01T00:00:00"))])
        );
    }
}
