//! Tools: made, filled, listed, shown, deleted.

use super::super::error::EtError;
use super::super::from_wire::tool::{NewTool, entry};
use super::super::record::{Content, Tool};
use super::super::shelves::by_id;
use super::super::{reply, to_wire, uuid};
use super::{World, checked};
use crate::http::answer::Answer;
use domain::ports::{FileKind, FolderError, Place};
use hyper::body::Incoming;

/// What a tool is called in its folder that is a single script.
const SCRIPT: &str = "script";
/// What is run of an archive that says no other.
const USUAL_ENTRIES: [&str; 2] = ["run", "run.sh"];
/// Tools of a user at most.
const MOST: usize = 10_000;

/// Returns the folder of a tool.
pub(super) fn folder(id: u128) -> String {
    format!("tools/{}", uuid::written(id))
}

/// Finds a tool of the caller's by its name. Blocks.
pub(super) fn find(world: &World, id: &str) -> Result<Tool, EtError> {
    let none = || EtError::NotFound("Tool");
    let id = uuid::read(id).ok_or_else(none)?;
    world.et.shelves.get(world.by.name(), &by_id(id))?.ok_or_else(none)
}

/// Lists the caller's tools.
pub(in super::super) async fn list(world: World, body: Incoming) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let listed = world.apart(|world| {
        let mut all: Vec<Tool> =
            world.et.shelves.all_of::<Tool>(world.by.name())?.into_iter().map(|(_, tool)| tool).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(to_wire::listed(world.mount, &all, to_wire::tool, |tool| (&tool.name, tool.id)))
    });
    Ok(reply::json(&listed.await?))
}

/// Makes a tool; with a script if one comes along.
pub(in super::super) async fn make(world: World, body: Incoming) -> Result<Answer, EtError> {
    let new: NewTool = world.document(body).await?;
    let tool = world.apart(move |world| {
        let (entry, arguments) = (new.entry()?, new.arguments()?);
        let name = checked("name", new.name, 256)?;
        let description = checked("description", new.description, 4096)?;
        if name.is_empty() {
            return Err(EtError::body("a tool needs a name"));
        }
        let _naming = world.et.naming();
        let all = world.et.shelves.all_of::<Tool>(world.by.name())?;
        if all.iter().any(|(_, tool)| tool.name == name) {
            return Err(EtError::Conflict(format!("There is a tool named {name} already")));
        }
        if all.len() >= MOST {
            return Err(EtError::Conflict(format!("You have {MOST} tools already")));
        }
        let mut tool = Tool { id: uuid::made(), name, description, entry, arguments, content: None };
        if let Some(script) = new.script {
            tool.content = Some(unpacked(world, tool.id, script.as_bytes(), Vec::new())?);
        }
        world.et.shelves.put_new(world.by.name(), &by_id(tool.id), &tool)?;
        Ok(tool)
    });
    let tool = tool.await?;
    Ok(world.made(tool.id, &to_wire::tool(&tool)))
}

/// Says whether a tool can be run.
pub(in super::super) async fn show(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let tool = world.apart(move |world| find(world, &id)).await?;
    Ok(reply::json(&to_wire::tool_status(&tool)))
}

/// Takes in what a tool is: a script, or an archive and what is run of it. Batches that were submitted before keep what they
/// have.
pub(in super::super) async fn fill(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    let bytes = world.read(body, world.et.settings.max_tool).await?;
    let tool = world.apart(move |world| {
        let tool = find(world, &id)?;
        let words = world.query.iter().filter(|(name, _)| name == "entry").map(|(_, word)| word.clone());
        let wanted = entry(words.collect())?;
        let asked = if wanted.is_empty() { tool.entry.clone() } else { wanted };
        let content = unpacked(world, tool.id, &bytes, asked)?;
        let mut before = None;
        let filled = world.et.shelves.change::<Tool>(world.by.name(), &by_id(tool.id), |tool| {
            before = tool.content.replace(content.clone());
            Ok(())
        });
        let owner = &world.by.owner;
        let leftover = match &filled {
            Ok(Some(_)) => before,
            // Nobody knows what was unpacked.
            Ok(None) | Err(_) => Some(content),
        };
        if let Some(leftover) = leftover {
            let place = Place { folder: &folder(tool.id), path: &leftover.folder, owner };
            if let Err(error) = world.et.folders.remove_within(place) {
                tracing::debug!(%error, "an old version of a tool is left behind");
            }
        }
        filled?.ok_or(EtError::NotFound("Tool"))
    });
    Ok(reply::json(&to_wire::tool_status(&tool.await?)))
}

/// Unpacks what was sent into a folder of its own within the tool's.
fn unpacked(world: &World, id: u128, bytes: &[u8], asked: Vec<String>) -> Result<Content, EtError> {
    if bytes.is_empty() {
        return Err(EtError::Bad("the tool is empty: send a script or an archive".to_owned()));
    }
    let own = folder(id);
    world.et.folders.make(&own, &world.by.owner)?;
    let version = format!("v{}", uuid::hex(&rand::random::<[u8; 8]>()));
    let place = |path| Place { folder: &own, path, owner: &world.by.owner };
    let filled = fill_version(world, &place, &version, bytes, asked);
    if filled.is_err() {
        // What is left behind goes with the tool.
        let _ = world.et.folders.remove_within(place(&version));
    }
    let entry = filled?;
    Ok(Content { folder: version, entry, size: bytes.len() as u64 })
}

fn fill_version<'a>(
    world: &World,
    place: &impl Fn(&'a str) -> Place<'a>,
    version: &'a str,
    bytes: &[u8],
    asked: Vec<String>,
) -> Result<Vec<String>, EtError> {
    let folders = &world.et.folders;
    if !is_archive(bytes) {
        folders.make_within(place(version))?;
        let script = format!("{version}/{SCRIPT}");
        let place = Place { path: &script, ..place(version) };
        folders.write(place, &with_interpreter(bytes), FileKind::Program)?;
        return Ok(if asked.is_empty() { vec![SCRIPT.to_owned()] } else { asked });
    }
    folders.unpack(place(version), bytes, world.et.tool_bounds())?;
    if !asked.is_empty() {
        return Ok(asked);
    }
    for usual in USUAL_ENTRIES {
        let path = format!("{version}/{usual}");
        match folders.size(Place { path: &path, ..place(version) }) {
            Ok(_) => return Ok(vec![usual.to_owned()]),
            Err(FolderError::Missing(_) | FolderError::NoFile(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let usual = USUAL_ENTRIES.join(" nor ");
    Err(EtError::Bad(format!("the archive has neither {usual}: name what is run by entry")))
}

/// Tells archives by how they begin; tar has its sign further behind.
fn is_archive(bytes: &[u8]) -> bool {
    const TAR: std::ops::Range<usize> = 257..262;
    matches!(bytes, [b'P', b'K', 3 | 5, 4 | 6, ..] | [0x1f, 0x8b, ..]) || bytes.get(TAR) == Some(b"ustar")
}

/// A script that names no interpreter is the shell's.
fn with_interpreter(bytes: &[u8]) -> Vec<u8> {
    let is_text = std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
    match is_text && !bytes.starts_with(b"#!") {
        true => [b"#!/bin/sh\n", bytes].concat(),
        false => bytes.to_vec(),
    }
}

/// Deletes a tool. Batches that were submitted before are not touched.
pub(in super::super) async fn delete(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    world.skip(body).await?;
    let deleted = world.apart(move |world| {
        let tool = find(world, &id)?;
        if !world.et.shelves.remove::<Tool>(world.by.name(), &by_id(tool.id))? {
            return Err(EtError::NotFound("Tool"));
        }
        world.et.folders.remove(&folder(tool.id))?;
        Ok(())
    });
    deleted.await?;
    Ok(reply::done())
}
