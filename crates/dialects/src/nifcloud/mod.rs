//! Nifcloud's HPC REST API (Fugaku): jobs by script, and files kept the same here and in an object store.
//!
//! What of the original is not clear or not consistent, and what was chosen, is in `docs/dialects/nifcloud.md`.

mod auth;
mod error;
mod from_wire;
mod handlers;
mod kept;
mod keys;
mod script;
mod steps;
mod to_wire;

pub use auth::SignatureRules;
pub use keys::{NifcloudKeyError, NifcloudKeys};
pub use steps::{Aftermath as NifcloudAftermath, aftermath as nifcloud_aftermath};

use crate::http::answer::{Answer, answer};
use crate::http::body::NoBody;
use crate::http::path::segments;
use crate::site::Site;
use domain::Text;
use domain::ports::{Homes, Revocations, Transfers};
use domain::who::{Person, Principal};
use error::NifcloudError;
use handlers::Call;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH};
use hyper::{Request, StatusCode};
use jiff::tz::TimeZone;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Most bytes of a body: a path and some options.
const LARGEST_BODY: u64 = 64 << 10;
/// The name of this interface where it is one of several.
const NAME: &str = "nifcloud";

/// What this dialect needs.
#[derive(Clone)]
pub struct Nifcloud {
    /// Makes and checks access keys.
    pub keys: Arc<NifcloudKeys>,
    /// Which of them were taken back.
    pub revocations: Arc<dyn Revocations>,
    /// What a signature must be made for.
    pub rules: SignatureRules,
    /// Users' folders, where scripts are.
    pub homes: Arc<dyn Homes>,
    /// What copies between these and the object store.
    pub transfers: Arc<dyn Transfers>,
    /// How it behaves.
    pub habits: Habits,
    /// Requests that may be in flight; `None` for any number.
    pub places: Option<Arc<Semaphore>>,
}

/// How the dialect behaves where sites differ.
#[derive(Clone, Debug)]
pub struct Habits {
    /// The zone of all times; `None` for this machine's.
    pub zone: Option<TimeZone>,
    /// The list has the names of its schema beside those of its examples.
    pub aliases: bool,
    /// `qopt` holds further options of pjsub; otherwise it is ignored.
    pub applies_qopt: bool,
    /// Nodes are given as a whole.
    pub whole_nodes: bool,
    /// How long jobs can be read after their end.
    pub retention: Duration,
    /// Groups whose members may use it; empty for everybody.
    pub groups: Vec<Text>,
    /// While this file is there, the system is in maintenance.
    pub maintenance: PathBuf,
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    List,
    Submit,
    Show(u64),
    Cancel(u64),
    Sync,
    Progress(u64),
}

/// Finds the verb of a method and a path; a slash at the end does not matter.
fn verb(method: &str, path: &[&str]) -> Result<Verb, NifcloudError> {
    match (path, method) {
        (["jobs"], "GET") => Ok(Verb::List),
        (["jobs"], "POST") => Ok(Verb::Submit),
        (["jobs"], _) => Err(NifcloudError::NoMethod("GET, POST")),
        (["jobs", id], method) => match (number(id)?, method) {
            (id, "GET") => Ok(Verb::Show(id)),
            (id, "DELETE") => Ok(Verb::Cancel(id)),
            _ => Err(NifcloudError::NoMethod("GET, DELETE")),
        },
        (["files", "sync"], "POST") => Ok(Verb::Sync),
        (["files", "sync"], _) => Err(NifcloudError::NoMethod("POST")),
        (["files", "sync", id], method) => match (number(id)?, method) {
            (id, "GET") => Ok(Verb::Progress(id)),
            _ => Err(NifcloudError::NoMethod("GET")),
        },
        _ => Err(NifcloudError::NoPath),
    }
}

/// Reads a number of the path; what is none makes it another path.
fn number(text: &str) -> Result<u64, NifcloudError> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // One beyond all numbers is nobody's.
    if is_number { Ok(text.parse().unwrap_or(u64::MAX)) } else { Err(NifcloudError::NoPath) }
}

/// Tells whether a path, without slashes around it, is one of this dialect.
pub(crate) fn owns(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    match parts.next() {
        Some("jobs") => true,
        Some("files") => parts.next() == Some("sync"),
        _ => false,
    }
}

/// Tells whether a request is signed as those of this dialect are.
pub(crate) fn is_signed<B>(request: &Request<B>) -> bool {
    let header = request.headers().get(AUTHORIZATION);
    header.is_some_and(|header| header.as_bytes().starts_with(b"AWS4-HMAC-SHA256"))
}

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, request: Request<Incoming>) -> Answer {
    let Some(nifcloud) = &site.nifcloud else {
        return answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n");
    };
    match run(site, nifcloud, request).await {
        Ok(answer) => answer,
        Err(error) => error.answer(),
    }
}

async fn run(
    site: &Arc<Site>,
    nifcloud: &Nifcloud,
    request: Request<Incoming>,
) -> Result<Answer, NifcloudError> {
    let (head, body) = request.into_parts();
    let now = site.jobs.clock().now();
    // Whoever has no key of ours takes no user's place, however slowly a body comes.
    let counts = |_: &&Arc<Semaphore>| auth::names_key(&nifcloud.keys, &head.headers, now);
    let _place = match nifcloud.places.as_ref().filter(counts) {
        Some(places) => Some(places.try_acquire().map_err(|_| NifcloudError::TooMany)?),
        None => None,
    };
    let length = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let body = site.bodies.read(body, length, LARGEST_BODY).await.map_err(|no_body| match no_body {
        NoBody::TooLarge | NoBody::Broken => NifcloudError::Body,
    })?;
    let (by, person) = {
        let (site, nifcloud) = (Arc::clone(site), nifcloud.clone());
        let (head, body) = (head.clone(), body.clone());
        // Users are looked up, and the switch is a file: both may wait for a disk.
        blocking(move || caller(&site, &nifcloud, &head, &body, now)).await??
    };
    let path = segments(head.uri.path()).map_err(|_| NifcloudError::NoPath)?;
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let call = Call { site: Arc::clone(site), nifcloud: nifcloud.clone(), by, person, now };
    match verb(head.method.as_str(), &path)? {
        Verb::List => handlers::jobs::list(call).await,
        Verb::Submit => handlers::submit::submit(call, &head.headers, &body).await,
        Verb::Show(id) => handlers::jobs::show(call, id).await,
        Verb::Cancel(id) => handlers::jobs::cancel(call, id).await,
        Verb::Sync => handlers::files::sync(call, &head.headers, &body).await,
        Verb::Progress(id) => handlers::files::progress(call, id).await,
    }
}

/// Finds out who calls, and whether they may.
fn caller(
    site: &Site,
    nifcloud: &Nifcloud,
    head: &hyper::http::request::Parts,
    body: &[u8],
    now: domain::Timestamp,
) -> Result<(Principal, Person), NifcloudError> {
    if nifcloud.habits.maintenance.exists() {
        return Err(NifcloudError::Maintenance);
    }
    let received = auth::Received {
        method: head.method.as_str(),
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        body,
    };
    let auth::Signer { user, access_key } = auth::signer(&nifcloud.keys, &nifcloud.rules, &received, now)?;
    if nifcloud.revocations.is_revoked(NAME, access_key)? {
        return Err(NifcloudError::Permission);
    }
    let directory = site.jobs.directory();
    let person = directory.person(&user).ok_or(NifcloudError::NoRights)?;
    let groups = &nifcloud.habits.groups;
    if !groups.is_empty() && !directory.groups_of(&user).iter().any(|group| groups.contains(group)) {
        return Err(NifcloudError::NoRights);
    }
    Ok((site.jobs.principal(&user), person))
}

/// Runs what may wait for a disk.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NifcloudError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a request of Nifcloud's interface failed");
        NifcloudError::Internal
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_have_verbs() {
        assert_eq!(verb("GET", &["jobs", "12"]), Ok(Verb::Show(12)));
        assert_eq!(verb("DELETE", &["jobs", "99999999999999999999"]), Ok(Verb::Cancel(u64::MAX)));
        assert_eq!(verb("PUT", &["jobs"]), Err(NifcloudError::NoMethod("GET, POST")));
        assert_eq!(verb("HEAD", &["files", "sync", "1"]), Err(NifcloudError::NoMethod("GET")));
        for path in [
            &["jobs", "abc"][..],
            &["jobs", "-1"],
            &["jobs", "1", "x"],
            &["files"],
            &["files", "sync", ""],
            &[],
        ] {
            assert_eq!(verb("GET", path), Err(NifcloudError::NoPath), "{path:?}");
        }
        assert!(
            owns("jobs/1")
                && owns("files/sync/2")
                && !owns("files/x")
                && !owns("jobsx")
                && !owns("filesystems")
        );
    }
}
