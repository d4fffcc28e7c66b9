//! A tool is called: a batch is made. Its folder is complete and safe on disk before its jobs are submitted, and these are
//! one array: accepted together or not at all.

use super::super::arguments::{self, Arguments};
use super::super::batches;
use super::super::error::EtError;
use super::super::from_wire::submission::{Wanted, submission, wanted};
use super::super::record::{Content, Filesystem, Hardware, Origin, Tool};
use super::super::script::{ARGUMENTS, FILESYSTEMS, JOBS, LOGS, TOOL, script};
use super::super::shelves::by_id;
use super::super::{to_wire, uuid};
use super::World;
use crate::http::answer::Answer;
use domain::ports::{FileKind, FolderError, Place};
use domain::service::{Submission, Submitted};
use hyper::body::Incoming;

/// A hundred thousand jobs with some hundred bytes of arguments each.
const LARGEST: u64 = 64 << 20;

/// Submits a batch.
pub(in super::super) async fn submit(world: World, body: Incoming, id: String) -> Result<Answer, EtError> {
    let body = world.read(body, LARGEST).await?;
    let prepared = world.apart(move |world| {
        let tool = super::tools::find(world, &id)?;
        let wanted = wanted(&body, world.et.settings.max_jobs)?;
        prepare(world, tool, wanted)
    });
    let Prepared { origin, submission } = prepared.await?;
    let submitted = world.site.jobs.submit(&world.by.principal, submission).await;
    let shown = world.apart(move |world| match submitted {
        Ok(submitted) => taken(world, origin, &submitted),
        Err(error) => {
            remove(world, &origin);
            Err(error.into())
        }
    });
    let (number, shown) = shown.await?;
    Ok(world.made(number, &shown))
}

/// What is ready to be submitted.
struct Prepared {
    origin: Origin,
    submission: Submission,
}

fn prepare(world: &World, tool: Tool, wanted: Wanted) -> Result<Prepared, EtError> {
    let Wanted { filesystems, cpu, memory, fixed, own } = wanted;
    let filesystems = filesystems.into_iter().map(|id| mounted(world, id)).collect::<Result<Vec<_>, _>>()?;
    if let Some(twice) = filesystems
        .iter()
        .enumerate()
        .find(|(at, one)| filesystems.iter().take(*at).any(|other| other == *one))
    {
        return Err(EtError::body(format!("filesystem {} is named twice", twice.1.name)));
    }
    let common = arguments::laid_over(&tool.arguments, &fixed);
    if !arguments::fit(&own, &common) {
        return Err(EtError::body("the arguments of a job are more than an environment can hold"));
    }
    let origin = Origin {
        tool_id: tool.id,
        tool_name: tool.name.clone(),
        tool_description: tool.description.clone(),
        hardware: Hardware { filesystems, cpu, memory },
        jobs: u32::try_from(own.len()).map_err(|_| EtError::TooLarge("too many jobs".to_owned()))?,
        folder: uuid::written(uuid::made()),
    };
    let made = make(world, &origin, tool, &own, &common);
    if made.is_err() {
        remove(world, &origin);
    }
    made.map(|submission| Prepared { origin, submission })
}

fn mounted(world: &World, id: u128) -> Result<Filesystem, EtError> {
    let found = world.et.shelves.get::<Filesystem>(world.by.name(), &by_id(id))?;
    found.ok_or_else(|| EtError::body(format!("no filesystem {}", uuid::written(id))))
}

/// Makes the folder of a batch.
fn make(
    world: &World,
    origin: &Origin,
    tool: Tool,
    own: &[Arguments],
    common: &Arguments,
) -> Result<Submission, EtError> {
    let folders = &world.et.folders;
    let folder = name(origin);
    let place = |path| Place { folder: &folder, path, owner: &world.by.owner };
    let path = folders.make(&folder, &world.by.owner)?;
    for part in [FILESYSTEMS, JOBS, LOGS] {
        folders.make_within(place(part))?;
    }
    for filesystem in &origin.hardware.filesystems {
        let link = format!("{FILESYSTEMS}/{}", filesystem.name);
        let place = Place { folder: &folder, path: &link, owner: &world.by.owner };
        folders.link(place, &super::filesystems::folder(filesystem.id))?;
    }
    let entry = copy_tool(world, tool, place(TOOL))?;
    folders.write(place(ARGUMENTS), &arguments::file(own, common), FileKind::Plain)?;
    let first = entry.first().map(String::as_str).unwrap_or_default();
    let program = format!("{TOOL}/{first}");
    let is_of_tool = !first.starts_with('/') && folders.size(place(&program)).is_ok();
    submission(&world.by, origin, &path, script(&entry, is_of_tool, common))
}

/// Copies the tool as it is now; what becomes of it later does not matter to this batch. Returns what is run.
fn copy_tool(world: &World, tool: Tool, to: Place<'_>) -> Result<Vec<String>, EtError> {
    let not_ready = || EtError::Conflict("The tool has no content yet: send it by PUT".to_owned());
    let from = super::tools::folder(tool.id);
    let copy = |content: &Content| {
        let place = Place { folder: &from, path: &content.folder, owner: &world.by.owner };
        world.et.folders.copy(place, to, world.et.tool_bounds())
    };
    let content = tool.content.ok_or_else(not_ready)?;
    let (content, own) = match copy(&content) {
        Err(FolderError::Missing(_)) => {
            // It was sent anew meanwhile: what counts is the new one.
            let anew = super::tools::find(world, &uuid::written(tool.id))?;
            let content = anew.content.ok_or_else(not_ready)?;
            match world.et.folders.remove_within(to) {
                Ok(()) | Err(FolderError::Missing(_)) => {}
                Err(error) => return Err(error.into()),
            }
            copy(&content)?;
            (content, anew.entry)
        }
        copied => {
            copied?;
            (content, tool.entry)
        }
    };
    Ok(if own.is_empty() { content.entry } else { own })
}

/// Remembers what was accepted, and shows it.
fn taken(world: &World, origin: Origin, submitted: &Submitted) -> Result<(u128, serde_json::Value), EtError> {
    let snapshot = world.site.jobs.snapshot();
    let is_it = |job: &&std::sync::Arc<domain::job::Job>| job.array_id() == submitted.id;
    let second = match snapshot.jobs.iter_from(submitted.id).find(is_it) {
        Some(job) => job.submitted.seconds(),
        None => {
            // It is over and has left already.
            let attempts = world.site.jobs.history().attempts(submitted.id)?;
            let last = attempts.last().map(|closed| closed.job.submitted.seconds());
            last.unwrap_or_else(|| world.site.jobs.clock().now().seconds())
        }
    };
    let found = batches::keep(world, submitted.id, second, origin)?;
    Ok((found.number(world), to_wire::batch(world, &found)))
}

fn name(origin: &Origin) -> String {
    format!("batches/{}", origin.folder)
}

fn remove(world: &World, origin: &Origin) {
    if let Err(error) = world.et.folders.remove(&name(origin)) {
        // It is taken away at the next start.
        tracing::warn!(%error, "the folder of a batch that was not made is left behind");
    }
}
