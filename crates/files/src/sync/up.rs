//! From the directory to the bucket.

use super::judge::{Wanted, count, differs, to_send};
use super::tree::{Local, Tree, piece};
use super::{LARGE, LARGE_AT_ONCE, PIECE, PIECES_AT_ONCE, SMALL_AT_ONCE};
use crate::hands::Hands;
use crate::online::{Listing, Online};
use futures_util::TryFutureExt;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Parts that an object can have, a little less than the protocol allows.
const MOST_PIECES: u64 = 9_000;
/// Longest key, bytes.
const LONGEST_KEY: usize = 1024;

/// Sends what differs, and removes what is not in the directory if that is wanted; says how much could not be done.
pub(super) async fn send(
    hands: &Hands,
    tree: &Arc<Tree>,
    files: &BTreeMap<String, Local>,
    online: &Online,
    (key, listing): (&str, &Listing),
    delete: bool,
) -> u64 {
    let large = Semaphore::new(LARGE_AT_ONCE);
    let wanted = stream::iter(to_send(files, listing));
    let sent =
        wanted.map(|wanted| one(hands, tree, online, key, wanted, &large)).buffer_unordered(SMALL_AT_ONCE);
    let mut failures = count(sent, "send").await;
    if delete {
        let (gone, unfit) = gone(files, key, listing);
        failures += unfit;
        let deleted = online.store.delete_stream(stream::iter(gone).map(Ok).boxed());
        failures += count(deleted.map(|one| one.map(drop).map_err(io::Error::other)), "delete").await;
    }
    failures
}

/// Lists keys of files that are not here any more, and counts those that the library cannot name.
fn gone(files: &BTreeMap<String, Local>, key: &str, listing: &Listing) -> (Vec<Key>, u64) {
    let (mut gone, mut unfit) = (Vec::new(), 0);
    for path in listing.files.keys() {
        if files.contains_key(path) {
            continue;
        }
        match Key::parse(format!("{key}/{path}")) {
            Ok(key) => gone.push(key),
            Err(_) => unfit += 1,
        }
    }
    (gone, unfit)
}

/// Sends a file, if it differs.
async fn one(
    hands: &Hands,
    tree: &Arc<Tree>,
    online: &Online,
    key: &str,
    wanted: Wanted,
    large: &Semaphore,
) -> io::Result<()> {
    if !differs(hands, tree, &wanted).await? {
        return Ok(());
    }
    let Wanted { path, size, .. } = wanted;
    let key = fit(&format!("{key}/{path}"))?;
    if size < LARGE {
        return small(hands, tree, online, &key, &path, size).await;
    }
    let _place = large.acquire().await.map_err(io::Error::other)?;
    in_pieces(hands, tree, online, &key, &path, size).await
}

fn fit(key: &str) -> io::Result<Key> {
    if key.len() > LONGEST_KEY {
        return Err(io::Error::other("the key is too long"));
    }
    // The name as it is, and not what the library would make of it.
    Key::parse(key).map_err(io::Error::other)
}

async fn small(
    hands: &Hands,
    tree: &Arc<Tree>,
    online: &Online,
    key: &Key,
    path: &str,
    size: u64,
) -> io::Result<()> {
    let (tree, path) = (Arc::clone(tree), path.to_owned());
    let content = hands.run(move || tree.content(&path, size)).await?;
    online.store.put(key, PutPayload::from(content)).await.map(drop).map_err(io::Error::other)
}

async fn in_pieces(
    hands: &Hands,
    tree: &Arc<Tree>,
    online: &Online,
    key: &Key,
    path: &str,
    size: u64,
) -> io::Result<()> {
    let (tree, path) = (Arc::clone(tree), path.to_owned());
    let file = Arc::new(hands.run(move || tree.read(&path)).await?);
    let mut upload = online.store.put_multipart(key).await.map_err(io::Error::other)?;
    let length = PIECE.max(size.div_ceil(MOST_PIECES));
    let sent = send_pieces(hands, &file, upload.as_mut(), size, length).await;
    let done = match sent {
        Ok(()) => upload.complete().await.map(drop).map_err(io::Error::other),
        Err(error) => Err(error),
    };
    if done.is_err() {
        // What is left of it costs room in the store; if it cannot be told now, its own rules must see to it.
        let _ = upload.abort().await;
    }
    done
}

async fn send_pieces(
    hands: &Hands,
    file: &Arc<cap_std::fs::File>,
    upload: &mut dyn MultipartUpload,
    size: u64,
    length: u64,
) -> io::Result<()> {
    let step = usize::try_from(length).map_err(io::Error::other)?;
    let read = stream::iter((0..size).step_by(step)).then(|at| {
        let (file, length) = (Arc::clone(file), length.min(size - at));
        hands.run(move || piece(&file, at, usize::try_from(length).map_err(io::Error::other)?))
    });
    // While a piece is read, those before it are being sent. Boxed, or the compiler loses sight of what may move between
    // threads.
    let sent =
        read.boxed().map_ok(|content| upload.put_part(PutPayload::from(content)).map_err(io::Error::other));
    sent.try_buffer_unordered(PIECES_AT_ONCE).try_collect::<()>().await?;
    let file = Arc::clone(file);
    let is_as_it_was = hands.run(move || Ok(file.metadata()?.len() == size)).await?;
    if is_as_it_was { Ok(()) } else { Err(io::Error::other("the file changes while it is read")) }
}
