//! What differs, and what could not be done.

use super::tree::{Local, Tree};
use crate::hands::Hands;
use crate::online::{Listed, Listing};
use futures_util::{Stream, StreamExt};
use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;

/// A file that is copied, or looked at more closely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) path: String,
    pub(super) size: u64,
    /// When the source was changed, seconds since 1970.
    pub(super) modified: i64,
    /// It is copied only if the content here has another MD5.
    pub(super) unless: Option<String>,
}

/// Lists what is to be sent: what is not there, has another size, or was changed here since it was put there; in seconds, as
/// stores tell no less. Where the store's tag says what the content is, that counts as well.
pub(super) fn to_send(files: &BTreeMap<String, Local>, listing: &Listing) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (path, local) in files {
        let there = listing.files.get(path);
        let differs = |there: &Listed| there.size != local.size || local.modified > there.modified;
        if let Some(unless) = verdict(there, there.is_none_or(differs)) {
            wanted.push(Wanted { path: path.clone(), size: local.size, modified: local.modified, unless });
        }
    }
    wanted
}

/// Lists what is to be fetched, by the same rules the other way round.
pub(super) fn to_fetch(files: &BTreeMap<String, Local>, listing: &Listing) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (path, there) in &listing.files {
        let differs = |local: &Local| there.size != local.size || there.modified > local.modified;
        if let Some(unless) = verdict(Some(there), files.get(path).is_none_or(differs)) {
            wanted.push(Wanted { path: path.clone(), size: there.size, modified: there.modified, unless });
        }
    }
    wanted
}

/// Says whether a file is to be copied, and under which condition: `None` where it is left alone.
fn verdict(there: Option<&Listed>, differs: bool) -> Option<Option<String>> {
    match (differs, there.and_then(|there| there.md5.clone())) {
        (true, _) => Some(None),
        (false, Some(md5)) => Some(Some(md5)),
        (false, None) => None,
    }
}

/// Tells whether a file is to be copied, having looked at its content if need be.
pub(super) async fn differs(hands: &Hands, tree: &Arc<Tree>, wanted: &Wanted) -> io::Result<bool> {
    let Some(md5) = wanted.unless.clone() else { return Ok(true) };
    let (tree, path) = (Arc::clone(tree), wanted.path.clone());
    hands.run(move || tree.md5(&path).map(|own| own != md5)).await
}

/// Does everything, and counts what could not be done.
pub(super) async fn count(all: impl Stream<Item = io::Result<()>>, what: &'static str) -> u64 {
    let mut all = pin!(all);
    let mut failures = 0;
    while let Some(done) = all.next().await {
        if let Err(error) = done {
            tracing::debug!(what, %error, "a file could not be kept the same");
            failures += 1;
        }
    }
    failures
}
