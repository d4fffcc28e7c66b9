//! Files are fetched: announced, then as a whole or in pieces.

use super::super::error::EtError;
use super::super::from_wire::range::{Wanted, wanted};
use super::super::{reply, uuid};
use super::filesystems::{find, folder};
use super::{World, blocking};
use crate::http::answer::Answer;
use bytes::Bytes;
use domain::ports::Place;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{ACCEPT_RANGES, CONTENT_RANGE, HeaderValue};
use serde_json::json;

/// So much is read at once.
const PIECE: u64 = 1 << 20;

/// Announces a file, or sends it.
pub(in super::super) async fn download(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let is_announced = world.says("init", false)?;
    let wanted = wanted(&world.head.headers)?;
    let file = world.apart(move |world| {
        let own = folder(find(world, &id)?.id);
        let size = world.et.folders.size(Place { folder: &own, path: &path, owner: &world.by.owner })?;
        Ok((own, path, size))
    });
    let (own, path, size) = file.await?;
    if is_announced {
        return Ok(reply::json(&json!({ "size": size, "download_id": uuid::written(uuid::made()) })));
    }
    let (from, to, is_range) = match wanted {
        Wanted::All => (0, size, false),
        Wanted::Part(from, to) => (from, to.min(size), false),
        Wanted::Range(from, to) => (from, to.min(size), true),
        Wanted::Last(count) => (size.saturating_sub(count), size, true),
    };
    if from >= to && wanted != Wanted::All {
        return Err(EtError::NoSuchRange(size));
    }
    let mut answer =
        reply::stream("application/octet-stream", pieces(world, own, path, from, to), Some(to - from));
    answer.headers_mut().insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if is_range {
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        if let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{}/{size}", to - 1)) {
            answer.headers_mut().insert(CONTENT_RANGE, range);
        }
    }
    Ok(answer)
}

/// Reads a stretch of a file while it is sent. If the file becomes shorter meanwhile, or cannot be read any more, the answer
/// ends early, which its length tells.
fn pieces(
    world: World,
    own: String,
    path: String,
    from: u64,
    to: u64,
) -> impl futures_util::Stream<Item = Bytes> + Send + 'static {
    futures_util::stream::unfold((world, own, path, from), move |(world, own, path, at)| async move {
        if at >= to {
            return None;
        }
        let read = blocking(move || {
            let place = Place { folder: &own, path: &path, owner: &world.by.owner };
            let most = usize::try_from((to - at).min(PIECE)).unwrap_or(0);
            let bytes = world.et.folders.read(place, at, most)?;
            Ok((bytes, world, own, path))
        });
        let (bytes, world, own, path) = read.await.ok()?;
        let next = at + bytes.len() as u64;
        (!bytes.is_empty()).then(|| (Bytes::from(bytes), (world, own, path, next)))
    })
}
