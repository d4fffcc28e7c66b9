//! What the service sums up of jobs: resource seconds of somebody within a time.

use super::{Report, Wanted};
use crate::client::ClientError;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Time, seconds of the epoch; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Window {
    /// Returns how long it is.
    pub(super) fn seconds(self) -> i64 {
        self.end.saturating_sub(self.start)
    }
}

/// What somebody used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Used {
    pub(super) account: String,
    pub(super) user: String,
    pub(super) qos: String,
    pub(super) wckey: String,
    pub(super) reservation: String,
    /// Seconds of each resource (of memory, megabyte seconds); joules of energy.
    pub(super) seconds: BTreeMap<String, i64>,
}

impl Used {
    /// Returns the seconds of a resource.
    pub(super) fn of(&self, resource: &str) -> i64 {
        self.seconds.get(resource).copied().unwrap_or(0)
    }
}

#[derive(Deserialize)]
struct Answer {
    usage: Vec<Used>,
}

fn conditions(wanted: &Wanted) -> impl Iterator<Item = (&'static str, String)> {
    let lists = [
        ("account", &wanted.accounts),
        ("user", &wanted.users),
        ("partition", &wanted.partitions),
        ("qos", &wanted.qos),
        ("wckey", &wanted.wckeys),
    ];
    lists.into_iter().filter(|(_, names)| !names.is_empty()).map(|(key, names)| (key, names.join(",")))
}

/// Adds what was used to another sum.
pub(super) fn add(sum: &mut BTreeMap<String, i64>, more: &BTreeMap<String, i64>) {
    for (name, seconds) in more {
        let own = sum.entry(name.clone()).or_default();
        *own = own.saturating_add(*seconds);
    }
}

impl Report<'_> {
    /// Asks for sums, a line for each of what these fields say; with the answer's text.
    pub(super) async fn used(&self, by: &[&str]) -> Result<(Vec<Used>, String), ClientError> {
        let mut query =
            vec![("since", self.window.start.to_string()), ("until", self.window.end.to_string())];
        if !by.is_empty() {
            query.push(("by", by.join(",")));
        }
        query.extend(conditions(self.wanted));
        let answer = self.client.native::<Answer>(Method::GET, "/usage", &query, None).await?;
        Ok((answer.value.usage, answer.text))
    }
}
