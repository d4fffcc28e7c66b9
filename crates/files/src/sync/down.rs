//! From the bucket to the directory.

use super::judge::{Wanted, count, differs, to_fetch};
use super::tree::{Draft, Found, Tree};
use super::{LARGE, LARGE_AT_ONCE, PIECE, PIECES_AT_ONCE, SMALL_AT_ONCE};
use crate::hands::Hands;
use crate::online::{Listing, Online};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, ObjectStore};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long the store may send nothing of a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes that are gathered before they are written, and so the largest file that is written at once.
const HELD: u64 = 1 << 20;

/// Fetches what differs, and removes what is not in the bucket if that is wanted; says how much could not be done.
pub(super) async fn fetch(
    hands: &Hands,
    tree: &Arc<Tree>,
    found: &Found,
    online: &Online,
    (key, listing): (&str, &Listing),
    delete: bool,
) -> u64 {
    let (large, drafts) = (Semaphore::new(LARGE_AT_ONCE), AtomicU64::new(0));
    let wanted = stream::iter(to_fetch(&found.files, listing));
    let fetched = wanted.map(|wanted| one(hands, tree, online, key, wanted, (&large, &drafts)));
    let mut failures = count(fetched.buffer_unordered(SMALL_AT_ONCE), "fetch").await;
    let markers: Vec<String> = listing.directories.iter().filter(|path| !path.is_empty()).cloned().collect();
    let made = stream::iter(markers).map(|path| {
        let tree = Arc::clone(tree);
        hands.run(move || tree.make_directory(&path))
    });
    failures += count(made.buffer_unordered(SMALL_AT_ONCE), "make").await;
    if delete {
        let removed = stream::iter(gone(found, listing)).map(|path| {
            let tree = Arc::clone(tree);
            hands.run(move || tree.remove(&path))
        });
        // One after the other: they may share directories that go with the last file.
        failures += count(removed.buffer_unordered(1), "remove").await;
    }
    failures
}

/// Lists files and links that are not in the bucket.
fn gone(found: &Found, listing: &Listing) -> Vec<String> {
    let here = found.files.keys().chain(&found.others);
    here.filter(|path| !listing.files.contains_key(*path)).cloned().collect()
}

/// Fetches a file, if it differs.
async fn one(
    hands: &Hands,
    tree: &Arc<Tree>,
    online: &Online,
    key: &str,
    wanted: Wanted,
    (large, drafts): (&Semaphore, &AtomicU64),
) -> io::Result<()> {
    if !differs(hands, tree, &wanted).await? {
        return Ok(());
    }
    let Wanted { path, size, modified, .. } = wanted;
    let key = Key::parse(format!("{key}/{path}")).map_err(io::Error::other)?;
    let number = drafts.fetch_add(1, Ordering::Relaxed);
    if size <= HELD {
        let (_, mut arriving) = Arriving::of(online, &key, GetOptions::default(), size).await?;
        let content = arriving.up_to(size).await?;
        arriving.end().await?;
        let tree = Arc::clone(tree);
        // At once: of many small files going to and fro would take most of the time.
        return hands.run(move || tree.put(&path, number, &content, modified)).await;
    }
    let _place = match size < LARGE {
        true => None,
        false => Some(large.acquire().await.map_err(io::Error::other)?),
    };
    let own = Arc::clone(tree);
    let draft = Arc::new(hands.run(move || own.draft(&path, number)).await?);
    let got = content(hands, online, &key, size, &draft).await;
    let tree = Arc::clone(tree);
    hands
        .run(move || match got {
            Ok(()) => tree.finish(&draft, modified),
            Err(error) => {
                tree.give_up(&draft);
                Err(error)
            }
        })
        .await
}

/// Writes an object's content into a draft, large ones in pieces of the same version.
async fn content(hands: &Hands, online: &Online, key: &Key, size: u64, draft: &Arc<Draft>) -> io::Result<()> {
    if size < LARGE {
        return part(hands, online, key, (GetOptions::default(), 0, size), draft).await.map(drop);
    }
    let of = |at: u64, version: Option<String>| {
        let end = at.saturating_add(PIECE).min(size);
        let options = GetOptions {
            range: Some(GetRange::Bounded(at..end)),
            if_match: version,
            ..GetOptions::default()
        };
        (options, at, end - at)
    };
    let version = part(hands, online, key, of(0, None), draft).await?;
    let rest = stream::iter(1..size.div_ceil(PIECE));
    let parts = rest.map(|number| part(hands, online, key, of(number * PIECE, version.clone()), draft));
    let mut parts = parts.buffer_unordered(PIECES_AT_ONCE);
    while let Some(part) = parts.next().await {
        part?;
    }
    Ok(())
}

/// Writes a part of so many bytes, and returns the version of what it is part of.
async fn part(
    hands: &Hands,
    online: &Online,
    key: &Key,
    (options, at, length): (GetOptions, u64, u64),
    draft: &Arc<Draft>,
) -> io::Result<Option<String>> {
    let (version, mut arriving) = Arriving::of(online, key, options, length).await?;
    let mut place = at;
    while place < at + length {
        let (draft, begin, pieces) = (Arc::clone(draft), place, arriving.up_to(HELD).await?);
        place += pieces.iter().map(|piece| piece.len() as u64).sum::<u64>();
        hands.run(move || draft.write_all(&pieces, begin)).await?;
    }
    arriving.end().await?;
    Ok(version)
}

/// So many bytes of an object, as they arrive.
struct Arriving {
    pieces: BoxStream<'static, object_store::Result<Bytes>>,
    left: u64,
}

impl Arriving {
    /// Asks for them; returns which version of the object they are of.
    async fn of(
        online: &Online,
        key: &Key,
        options: GetOptions,
        length: u64,
    ) -> io::Result<(Option<String>, Self)> {
        let got = online.store.get_opts(key, options).await.map_err(io::Error::other)?;
        let version = got.meta.e_tag.clone();
        Ok((version, Arriving { pieces: got.into_stream(), left: length }))
    }

    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let piece = tokio::time::timeout(PATIENCE, self.pieces.next()).await.map_err(io::Error::other)?;
        let piece = piece.transpose().map_err(|error| io::Error::other(error.to_string()))?;
        let length = piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let too_large = || io::Error::other("the object is larger than it was");
        self.left = self.left.checked_sub(length).ok_or_else(too_large)?;
        Ok(piece)
    }

    /// Gathers some of them: at least so many, or all that are left.
    async fn up_to(&mut self, most: u64) -> io::Result<Vec<Bytes>> {
        let (mut held, mut holds) = (Vec::new(), 0);
        // Network pieces are small; a thread is asked for something worth its while.
        while holds < most && self.left > 0 {
            let piece = self.next().await?;
            let piece = piece.ok_or_else(|| io::Error::other("the object is smaller than it was"))?;
            holds += piece.len() as u64;
            held.push(piece);
        }
        Ok(held)
    }

    /// Takes it that there is no more.
    async fn end(&mut self) -> io::Result<()> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}
