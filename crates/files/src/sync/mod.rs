//! Requests to keep a directory and a part of the bucket the same: remembered until they are done, over restarts, and done
//! one after the other where they touch the same files. Each can be repeated: what is the same already is left alone.

mod desk;
mod down;
mod judge;
mod record;
mod tree;
mod up;

pub use desk::Syncs;

use crate::hands::Hands;
use crate::online::Online;
use crate::places::Places;
use domain::ports::{Direction, Transfer};
use std::sync::Arc;
use tree::Tree;

/// From which size on files are sent and fetched in pieces.
const LARGE: u64 = 32 << 20;
/// Bytes of such a piece.
const PIECE: u64 = 16 << 20;
/// Pieces of a file under way at a time.
const PIECES_AT_ONCE: usize = 4;
/// Large files under way at a time: with the above, what they take of memory.
const LARGE_AT_ONCE: usize = 2;
/// Files under way at a time.
const SMALL_AT_ONCE: usize = 32;
/// Threads with the user's rights.
const HANDS: usize = 4;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// So many things could not be done.
    Complete(u64),
    /// There is no such directory, or it is none of the user's folder.
    Unfit,
}

/// Keeps a directory and a part of the bucket the same.
async fn run(places: &Places, online: &Online, transfer: &Transfer) -> Done {
    let (places, own) = (places.clone(), transfer.clone());
    // Users are looked up and folders made.
    let prepared = tokio::task::spawn_blocking(move || {
        let person = places.person(&own.user)?;
        let root = places.ready(&person).ok()?;
        let path = tree::directory(&root, &own.path)?;
        Some((places.identity(&person), root, path))
    });
    let Ok(Some((identity, root, path))) = prepared.await else { return Done::Unfit };
    let hands = match tokio::task::spawn_blocking(move || Hands::new(identity.as_ref(), HANDS)).await {
        Ok(Ok(hands)) => hands,
        Ok(Err(error)) => {
            tracing::error!(%error, "files cannot be kept the same with the rights of their user");
            return Done::Complete(1);
        }
        Err(_) => return Done::Complete(1),
    };
    let key = online.key(&transfer.user, &path);
    let listing = match online.list(&key).await {
        Ok(listing) => listing,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::warn!(%error, cause, "the bucket cannot be listed");
            return Done::Complete(1);
        }
    };
    let comes_down = transfer.direction == Direction::FromOnline;
    let is_empty = listing.files.is_empty() && listing.directories.is_empty();
    if comes_down && transfer.delete && is_empty {
        // Nothing is no copy of anything: a mistyped path must not empty a directory.
        return Done::Unfit;
    }
    let opened = hands.run(move || Tree::open(&root, &path, comes_down).map(Arc::new)).await;
    let Ok(tree) = opened else { return Done::Unfit };
    let own = Arc::clone(&tree);
    let found = match hands.run(move || own.look()).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "a directory to be kept the same cannot be read");
            return Done::Complete(1);
        }
    };
    let there = (key.as_str(), &listing);
    Done::Complete(match transfer.direction {
        Direction::ToOnline => {
            found.failures + up::send(&hands, &tree, &found.files, online, there, transfer.delete).await
        }
        Direction::FromOnline => {
            listing.unfit + down::fetch(&hands, &tree, &found, online, there, transfer.delete).await
        }
    })
}
