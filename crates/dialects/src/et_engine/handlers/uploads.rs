//! Files are sent: begun, then in pieces that come in any order and several at a time, then ended; only then is the file in
//! its place. What has arrived survives a restart.

use super::super::error::EtError;
use super::super::from_wire::range;
use super::super::record::Upload;
use super::super::shelves::by_id;
use super::super::{Mount, reply, uuid};
use super::World;
use super::filesystems::{find, folder};
use crate::http::answer::Answer;
use domain::ports::Place;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;

/// The largest piece, as the SDK has it.
const LARGEST_PIECE: u64 = 64 << 20;
/// Files of a user that are being sent at most.
const MOST: usize = 1000;
/// Stretches of a file that have arrived and do not touch, at most.
const MOST_STRETCHES: usize = 10_000;
/// The file that grows, in the folder of an upload.
const PART: &str = "part";

/// What is said about an upload; the SDK's name of it and the original server's.
#[derive(Deserialize)]
struct Step {
    #[serde(default)]
    size: Option<u64>,
    #[serde(default, alias = "upload_id", rename = "uploadId")]
    upload: Option<String>,
    #[serde(default)]
    complete: bool,
}

/// Returns the folder of an upload.
pub(in super::super) fn upload_folder(id: u128) -> String {
    format!("uploads/{}", uuid::written(id))
}

/// Begins an upload, or ends it.
pub(in super::super) async fn begin_or_end(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    let step: Step = world.document(body).await?;
    match step {
        Step { upload: Some(upload), complete: true, .. } => {
            world.apart(move |world| end(world, &id, &path, &upload)).await?;
            Ok(reply::done())
        }
        Step { size: Some(size), upload: None, complete: false } => {
            let begun = world.apart(move |world| begin(world, &id, path, size)).await?;
            let name = if world.mount == Mount::V1 { "uploadId" } else { "upload_id" };
            Ok(reply::json(&json!({ name: uuid::written(begun) })))
        }
        _ => Err(EtError::BadBody(": size, or uploadId and complete".to_owned())),
    }
}

fn begin(world: &World, id: &str, path: String, size: u64) -> Result<u128, EtError> {
    let filesystem = find(world, id)?.id;
    let most = world.et.settings.max_file;
    if size > most {
        return Err(EtError::TooLarge(format!("A file has at most {most} bytes")));
    }
    if path.split('/').all(|part| matches!(part, "" | ".")) || path.split('/').any(|part| part == "..") {
        return Err(EtError::Bad("the file needs a path within the filesystem".to_owned()));
    }
    if world.et.shelves.all_of::<Upload>(world.by.name())?.len() >= MOST {
        return Err(EtError::Conflict(format!("You are sending {MOST} files already")));
    }
    let upload = uuid::made();
    world.et.folders.make(&upload_folder(upload), &world.by.owner)?;
    let begun = world.site.jobs.clock().now().seconds();
    let kept = Upload { filesystem, path, size, begun, arrived: Vec::new() };
    world.et.shelves.put_new(world.by.name(), &by_id(upload), &kept)?;
    Ok(upload)
}

/// Takes in a piece.
pub(in super::super) async fn take_piece(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    let piece = range::piece(&world.head.headers)?;
    let bytes = world.read(body, LARGEST_PIECE).await?;
    let taken = world.apart(move |world| {
        let upload = known(world, &id, &path, piece.upload)?;
        if piece.to - piece.from != bytes.len() as u64 {
            let (told, found) = (piece.to - piece.from, bytes.len());
            return Err(EtError::Bad(format!("the piece has {found} bytes, and {told} were announced")));
        }
        if piece.to > upload.size {
            return Err(EtError::Bad(format!("the file was announced with {} bytes", upload.size)));
        }
        let own = upload_folder(piece.upload);
        let place = Place { folder: &own, path: PART, owner: &world.by.owner };
        world.et.folders.write_at(place, piece.from, &bytes)?;
        let name = by_id(piece.upload);
        let arrived = world.et.shelves.change::<Upload>(world.by.name(), &name, |upload| {
            upload.take_in(piece.from, piece.to);
            match upload.arrived.len() > MOST_STRETCHES {
                true => Err(EtError::Bad("too many pieces that do not touch".to_owned())),
                false => Ok(()),
            }
        });
        arrived?.ok_or(EtError::NotFound("Upload"))
    });
    taken.await?;
    Ok(reply::done())
}

/// Finds an upload to this place of the caller's. Blocks.
fn known(world: &World, id: &str, path: &str, upload: u128) -> Result<Upload, EtError> {
    let filesystem = find(world, id)?.id;
    let known = world.et.shelves.get::<Upload>(world.by.name(), &by_id(upload))?;
    let is_it = |known: &Upload| known.filesystem == filesystem && known.path == path;
    known.filter(is_it).ok_or(EtError::NotFound("Upload"))
}

fn end(world: &World, id: &str, path: &str, upload: &str) -> Result<(), EtError> {
    let upload = uuid::read(upload).ok_or(EtError::NotFound("Upload"))?;
    let kept = known(world, id, path, upload)?;
    if !kept.is_complete() {
        let arrived: u64 = kept.arrived.iter().map(|(from, to)| to - from).sum();
        return Err(EtError::Conflict(format!("{arrived} of {} bytes have arrived", kept.size)));
    }
    let (from, to) = (upload_folder(upload), folder(kept.filesystem));
    let owner = &world.by.owner;
    let part = Place { folder: &from, path: PART, owner };
    world.et.folders.move_file(part, Place { folder: &to, path, owner }, kept.size)?;
    world.et.shelves.remove::<Upload>(world.by.name(), &by_id(upload))?;
    world.et.folders.remove(&from)?;
    Ok(())
}
