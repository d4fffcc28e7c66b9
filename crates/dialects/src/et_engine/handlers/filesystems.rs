//! Filesystems: made, listed, deleted; what is in them listed and removed.

use super::super::error::EtError;
use super::super::from_wire::tool::{NewFilesystem, filesystem_name};
use super::super::record::Filesystem;
use super::super::shelves::by_id;
use super::super::{reply, to_wire, uuid};
use super::World;
use crate::http::answer::Answer;
use domain::ports::{Entry, FolderError, Folders, Place};
use hyper::body::Incoming;
use serde_json::json;

/// Filesystems of a user at most.
const MOST: usize = 10_000;
/// Entries of a folder that are listed at most.
const MOST_ENTRIES: usize = 1_000_000;

/// Returns the folder of a filesystem.
pub(super) fn folder(id: u128) -> String {
    format!("filesystems/{}", uuid::written(id))
}

/// Finds a filesystem of the caller's by its name. Blocks.
pub(super) fn find(world: &World, id: &str) -> Result<Filesystem, EtError> {
    let none = || EtError::NotFound("Filesystem");
    let id = uuid::read(id).ok_or_else(none)?;
    world.et.shelves.get(world.by.name(), &by_id(id))?.ok_or_else(none)
}

/// Lists the caller's filesystems.
pub(in super::super) async fn list(world: World, body: Incoming) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let listed = world.apart(|world| {
        let all = world.et.shelves.all_of::<Filesystem>(world.by.name())?;
        let mut all: Vec<Filesystem> = all.into_iter().map(|(_, filesystem)| filesystem).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(to_wire::listed(world.mount, &all, to_wire::filesystem, |one| (&one.name, one.id)))
    });
    Ok(reply::json(&listed.await?))
}

/// Makes a filesystem.
pub(in super::super) async fn make(world: World, body: Incoming) -> Result<Answer, EtError> {
    let new: NewFilesystem = world.document(body).await?;
    let made = world.apart(move |world| {
        let name = filesystem_name(new.name)?;
        let _naming = world.et.naming();
        let all = world.et.shelves.all_of::<Filesystem>(world.by.name())?;
        if all.iter().any(|(_, one)| one.name == name) {
            return Err(EtError::Conflict(format!("There is a filesystem named {name} already")));
        }
        if all.len() >= MOST {
            return Err(EtError::Conflict(format!("You have {MOST} filesystems already")));
        }
        let filesystem = Filesystem { id: uuid::made(), name };
        world.et.folders.make(&folder(filesystem.id), &world.by.owner)?;
        world.et.shelves.put_new(world.by.name(), &by_id(filesystem.id), &filesystem)?;
        Ok(filesystem)
    });
    let made = made.await?;
    Ok(world.made(made.id, &to_wire::filesystem(&made)))
}

/// Shows a filesystem.
pub(in super::super) async fn show(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let found = world.apart(move |world| find(world, &id)).await?;
    Ok(reply::json(&to_wire::filesystem(&found)))
}

/// Deletes a filesystem with all that is in it.
pub(in super::super) async fn delete(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let deleted = world.apart(move |world| {
        let found = find(world, &id)?;
        if !world.et.shelves.remove::<Filesystem>(world.by.name(), &by_id(found.id))? {
            return Err(EtError::NotFound("Filesystem"));
        }
        world.et.folders.remove(&folder(found.id))?;
        Ok(())
    });
    deleted.await?;
    Ok(reply::done())
}

/// Does something at a place in a filesystem of the caller's.
async fn at<T: Send + 'static>(
    world: World,
    body: Incoming,
    id: String,
    path: String,
    work: impl FnOnce(&dyn Folders, Place<'_>) -> Result<T, FolderError> + Send + 'static,
) -> Result<T, EtError> {
    world.skip(body).await?;
    let done = world.apart(move |world| {
        let own = folder(find(world, &id)?.id);
        Ok(work(&*world.et.folders, Place { folder: &own, path: &path, owner: &world.by.owner })?)
    });
    done.await
}

/// Makes a folder in a filesystem.
pub(in super::super) async fn make_folder(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    at(world, body, id, path, |folders, place| folders.make_within(place)).await?;
    Ok(reply::done())
}

/// Lists what is in a filesystem, or in a folder of it.
pub(in super::super) async fn list_folder(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    let entries = at(world, body, id, path, |folders, place| folders.list(place, MOST_ENTRIES)).await?;
    let (folders, files): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.is_folder);
    let names = |entries: Vec<Entry>| -> Vec<String> {
        entries.into_iter().map(|entry| entry.name.into_string()).collect()
    };
    Ok(reply::json(&json!({ "directories": names(folders), "files": names(files) })))
}

/// Removes a file of a filesystem, or a folder with all that is in it.
pub(in super::super) async fn remove_file(
    world: World,
    body: Incoming,
    id: String,
    path: String,
) -> Result<Answer, EtError> {
    at(world, body, id, path, |folders, place| folders.remove_within(place)).await?;
    Ok(reply::done())
}
