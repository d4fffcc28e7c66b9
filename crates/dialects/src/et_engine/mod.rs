//! ET Engine's API: the documented one at the root, with what creates a batch, and that of the SDK 0.0.1 below `/v1` (facts
//! C1): tools, batches of them over many arguments, filesystems, keys, logs.
//!
//! A batch is an array of jobs: one number for all, and a task for each. What differs from the original, and why, is in
//! `docs/dialects/et-engine.md`.

mod arguments;
mod auth;
mod batches;
mod error;
mod from_wire;
mod handlers;
mod keys;
mod record;
mod reply;
mod script;
mod shelves;
mod sweep;
mod to_wire;
mod uuid;

pub use keys::EtKeys;
pub(crate) use sweep::{clear_orphans, sweep};

use crate::http::answer::Answer;
use crate::http::path::decoded;
use crate::http::query::plain_pairs;
use crate::ids::Ids;
use crate::site::Site;
use domain::ports::{Bounds, Folders, Revocations, Shelf};
use error::EtError;
use handlers::World;
use hyper::body::Incoming;
use hyper::{Method, Request};
use reply::for_everybody;
use shelves::Shelves;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How single things are shown on the mount at the root.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EtDetail {
    /// In a list of one, as documented.
    #[default]
    Array,
    /// By themselves, as the original's server did.
    Object,
}

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EtSettings {
    /// Jobs of a batch at most.
    pub max_jobs: u32,
    /// Bytes of a tool at most, as it is sent and unpacked.
    pub max_tool: u64,
    /// Bytes of a file at most.
    pub max_file: u64,
    /// How single things are shown at the root.
    pub detail: EtDetail,
}

/// What this dialect needs.
#[derive(Clone)]
pub struct EtEngine {
    keys: EtKeys,
    revocations: Arc<dyn Revocations>,
    ids: Ids,
    shelves: Shelves,
    folders: Arc<dyn Folders>,
    settings: EtSettings,
    /// Held while something is made whose name nobody else may have.
    naming: Arc<Mutex<()>>,
}

impl EtEngine {
    /// Makes one. Names of batches and jobs stay the same as long as the secret of the keys does.
    pub fn new(
        keys: EtKeys,
        revocations: Arc<dyn Revocations>,
        shelf: Arc<dyn Shelf>,
        folders: Arc<dyn Folders>,
        settings: EtSettings,
    ) -> Self {
        let (ids, shelves) = (Ids::new(keys.derived(b"names")), Shelves::new(shelf));
        EtEngine { keys, revocations, ids, shelves, folders, settings, naming: Arc::default() }
    }

    /// Tells whether an administrator has taken a key back. Blocks.
    fn is_taken_back(&self, key: &str) -> Result<bool, EtError> {
        Ok(self.revocations.is_revoked(NAME, key)?)
    }

    /// Lets one at a time look whether a name is free and take it.
    fn naming(&self) -> MutexGuard<'_, ()> {
        self.naming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tool_bounds(&self) -> Bounds {
        Bounds { bytes: self.settings.max_tool, entries: MOST_FILES }
    }
}

/// The name of this interface where it is one of several.
const NAME: &str = "et-engine";
/// Files and folders of a tool at most.
const MOST_FILES: usize = 10_000;

/// Below which path something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mount {
    /// At the root, as documented.
    Root,
    /// Below `/v1`, as the SDK 0.0.1 expects it.
    V1,
}

/// What can be done here. What stands in the path comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verb {
    ListBatches,
    DeleteBatches,
    ShowBatch(String),
    DeleteBatch(String),
    CancelBatch(String),
    ListJobs(String),
    ShowJob(String, String),
    CancelJob(String, String),
    ListTools,
    MakeTool,
    ShowTool(String),
    Submit(String),
    FillTool(String),
    DeleteTool(String),
    ListFilesystems,
    MakeFilesystem,
    ShowFilesystem(String),
    DeleteFilesystem(String),
    BeginOrEndUpload(String, String),
    TakePiece(String, String),
    Download(String, String),
    RemoveFile(String, String),
    MakeFolder(String, String),
    ListFolder(String, String),
    ListKeys,
    MakeKey,
    RevokeKey(String),
    ShowLog(String),
}

/// The route table.
fn find(method: &Method, path: &[&str]) -> Option<Verb> {
    let own = |text: &&str| (*text).to_owned();
    let verb = match (method.as_str(), path) {
        // Batches and their jobs.
        ("GET", ["batches"]) => Verb::ListBatches,
        ("DELETE", ["batches"]) => Verb::DeleteBatches,
        ("GET", ["batches", id]) => Verb::ShowBatch(own(id)),
        ("DELETE", ["batches", id]) => Verb::DeleteBatch(own(id)),
        ("POST", ["batches", id, "cancel"]) => Verb::CancelBatch(own(id)),
        ("GET", ["batches", id, "jobs"]) => Verb::ListJobs(own(id)),
        ("GET", ["batches", id, "jobs", job]) => Verb::ShowJob(own(id), own(job)),
        ("POST", ["batches", id, "jobs", job, "cancel"]) => Verb::CancelJob(own(id), own(job)),
        // Tools, and what makes a batch of them.
        ("GET", ["tools"]) => Verb::ListTools,
        ("POST", ["tools"]) => Verb::MakeTool,
        ("GET", ["tools", id]) => Verb::ShowTool(own(id)),
        ("POST", ["tools", id]) => Verb::Submit(own(id)),
        ("PUT", ["tools", id]) => Verb::FillTool(own(id)),
        ("DELETE", ["tools", id]) => Verb::DeleteTool(own(id)),
        // Filesystems and what is in them; the first servers called them `vfs`.
        ("GET", ["filesystems" | "vfs"]) => Verb::ListFilesystems,
        ("POST", ["filesystems" | "vfs"]) => Verb::MakeFilesystem,
        ("GET", ["filesystems" | "vfs", id]) => Verb::ShowFilesystem(own(id)),
        ("DELETE", ["filesystems" | "vfs", id]) => Verb::DeleteFilesystem(own(id)),
        ("POST", ["filesystems" | "vfs", id, "files", file @ ..]) => {
            Verb::BeginOrEndUpload(own(id), file.join("/"))
        }
        ("PUT", ["filesystems" | "vfs", id, "files", file @ ..]) => Verb::TakePiece(own(id), file.join("/")),
        ("GET", ["filesystems" | "vfs", id, "files", file @ ..]) => Verb::Download(own(id), file.join("/")),
        ("DELETE", ["filesystems" | "vfs", id, "files", file @ ..]) => {
            Verb::RemoveFile(own(id), file.join("/"))
        }
        ("POST", ["filesystems" | "vfs", id, "mkdir", folder @ ..]) => {
            Verb::MakeFolder(own(id), folder.join("/"))
        }
        ("GET", ["filesystems" | "vfs", id, "list", folder @ ..]) => {
            Verb::ListFolder(own(id), folder.join("/"))
        }
        // Keys, and what jobs have written.
        ("GET", ["keys"]) => Verb::ListKeys,
        ("POST", ["keys"]) => Verb::MakeKey,
        ("DELETE", ["keys", id]) => Verb::RevokeKey(own(id)),
        ("GET", ["logs", id]) => Verb::ShowLog(own(id)),
        _ => return None,
    };
    Some(verb)
}

/// Returns which verb a method and a path mean, or says what is wrong: another method has one, or none has.
fn verb(method: &Method, path: &[&str]) -> Result<Verb, EtError> {
    let others = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    find(method, path).ok_or_else(|| match others.iter().any(|other| find(other, path).is_some()) {
        true => EtError::WrongMethod,
        false => EtError::NotFound("Resource"),
    })
}

/// Tells whether a path, without slashes around it, is one of this dialect.
pub(crate) fn owns(path: &str) -> bool {
    const NAMES: [&str; 7] = ["batches", "tools", "filesystems", "vfs", "keys", "logs", "v1"];
    path.split('/').find(|part| !part.is_empty()).is_some_and(|first| NAMES.contains(&first))
}

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, et: &EtEngine, request: Request<Incoming>) -> Answer {
    for_everybody(match run(site, et, request).await {
        Ok(answer) => answer,
        Err(error) => error.answer(),
    })
}

async fn run(site: &Arc<Site>, et: &EtEngine, request: Request<Incoming>) -> Result<Answer, EtError> {
    let (head, body) = request.into_parts();
    let path: Option<Vec<_>> =
        head.uri.path().split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let path = path.ok_or(EtError::NotFound("Resource"))?;
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let (mount, path) = match path.split_first() {
        Some((&"v1", rest)) => (Mount::V1, rest),
        _ => (Mount::Root, path.as_slice()),
    };
    // Browsers ask before they show credentials, and those who watch have none.
    if head.method == Method::OPTIONS || path.is_empty() && head.method == Method::GET {
        return Ok(reply::done());
    }
    let by = auth::caller(site, et, &head.headers).await?;
    let verb = verb(&head.method, path)?;
    let query = plain_pairs(head.uri.query().unwrap_or_default());
    let query = query.map_err(|_| EtError::Bad("the query cannot be decoded".to_owned()))?;
    let query = query
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.map(|value| value.into_owned()).unwrap_or_default()));
    let world = World { site: Arc::clone(site), et: et.clone(), mount, by, query: query.collect(), head };
    match verb {
        Verb::ListBatches => handlers::batches::list(world, body).await,
        Verb::DeleteBatches => handlers::batches::delete_all(world, body).await,
        Verb::ShowBatch(id) => handlers::batches::show(world, body, id).await,
        Verb::DeleteBatch(id) => handlers::batches::delete(world, body, id).await,
        Verb::CancelBatch(id) => handlers::batches::cancel(world, body, id).await,
        Verb::ListJobs(id) => handlers::jobs::list(world, body, id).await,
        Verb::ShowJob(id, job) => handlers::jobs::show(world, body, id, job).await,
        Verb::CancelJob(id, job) => handlers::jobs::cancel(world, body, id, job).await,
        Verb::ListTools => handlers::tools::list(world, body).await,
        Verb::MakeTool => handlers::tools::make(world, body).await,
        Verb::ShowTool(id) => handlers::tools::show(world, body, id).await,
        Verb::FillTool(id) => handlers::tools::fill(world, body, id).await,
        Verb::DeleteTool(id) => handlers::tools::delete(world, body, id).await,
        Verb::Submit(id) => handlers::submit::submit(world, body, id).await,
        Verb::ListFilesystems => handlers::filesystems::list(world, body).await,
        Verb::MakeFilesystem => handlers::filesystems::make(world, body).await,
        Verb::ShowFilesystem(id) => handlers::filesystems::show(world, body, id).await,
        Verb::DeleteFilesystem(id) => handlers::filesystems::delete(world, body, id).await,
        Verb::MakeFolder(id, path) => handlers::filesystems::make_folder(world, body, id, path).await,
        Verb::ListFolder(id, path) => handlers::filesystems::list_folder(world, body, id, path).await,
        Verb::BeginOrEndUpload(id, path) => handlers::uploads::begin_or_end(world, body, id, path).await,
        Verb::TakePiece(id, path) => handlers::uploads::take_piece(world, body, id, path).await,
        Verb::Download(id, path) => handlers::downloads::download(world, body, id, path).await,
        Verb::RemoveFile(id, path) => handlers::filesystems::remove_file(world, body, id, path).await,
        Verb::ListKeys => handlers::keys::list(world, body).await,
        Verb::MakeKey => handlers::keys::make(world, body).await,
        Verb::RevokeKey(id) => handlers::keys::revoke(world, body, id).await,
        Verb::ShowLog(id) => handlers::logs::show(world, body, id).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_path_and_no_other_path_has_one() {
        for (method, path, wanted) in [
            ("GET", "batches", Some(Verb::ListBatches)),
            ("POST", "batches/1/jobs/2/cancel", Some(Verb::CancelJob("1".into(), "2".into()))),
            ("PUT", "vfs/1/files/a/b", Some(Verb::TakePiece("1".into(), "a/b".into()))),
            ("GET", "filesystems/1/list", Some(Verb::ListFolder("1".into(), String::new()))),
            ("POST", "batches", None),
            ("PUT", "keys", None),
        ] {
            let path: Vec<&str> = path.split('/').collect();
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            match (verb(&method, &path), wanted) {
                (Ok(found), wanted) => assert_eq!(Some(found), wanted),
                (Err(error), None) => assert!(matches!(error, EtError::WrongMethod), "{path:?}"),
                (Err(error), wanted) => panic!("{error} instead of {wanted:?}"),
            }
            assert!(owns(&path.join("/")));
        }
        let nowhere = ["batches", "1", "nothing"];
        assert!(matches!(verb(&Method::GET, &nowhere), Err(EtError::NotFound(_))));
        assert!(!owns("jobs") && !owns("") && !owns("batchesx") && owns("v1/batches"));
    }
}
