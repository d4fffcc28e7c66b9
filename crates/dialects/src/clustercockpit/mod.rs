//! ClusterCockpit's REST API under `/api/`, as release 1.2 serves it, with what clients of 1.3 to 1.5 need beside it: jobs
//! registered, ended, tagged and listed, their series, its users, and what collectors write.
//!
//! Where the original is at fault, ours is not: `docs/dialects/clustercockpit.md` says how.

mod archive;
mod auth;
mod body;
mod error;
mod from_wire;
mod handlers;
mod keys;
mod lines;
mod to_wire;

pub use archive::{archived as cockpit_archive, cluster_text as cockpit_cluster_text, meta as cockpit_meta};
pub use auth::{COCKPIT_ROLES, Network, Origins};
pub use from_wire::{
    BadArchived, BadCluster, archived_job as cockpit_archived_job,
    archived_series as cockpit_archived_series, cluster as cockpit_cluster,
};
pub use keys::{CockpitKeyError, CockpitKeys};

use crate::http::answer::{Answer, answer};
use crate::http::path::segments;
use crate::http::query::plain_pairs;
use crate::site::Site;
use domain::ports::Shelf;
use domain::service::Monitoring;
use error::CockpitError;
use handlers::Call;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;

/// What is served, in our own words.
const DESCRIPTION: &str = include_str!("description.json");

/// What this dialect needs.
#[derive(Clone)]
pub struct Cockpit {
    /// Records and series.
    pub monitoring: Monitoring,
    /// Checks tokens.
    pub keys: Arc<CockpitKeys>,
    /// From where users may be managed.
    pub origins: Origins,
    /// What clients keep here.
    pub shelf: Arc<dyn Shelf>,
}

/// What can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    List,
    Show,
    Data,
    Start,
    Stop,
    StopById,
    Tag,
    Untag,
    Delete,
    DeleteById,
    DeleteBefore,
    EditMeta,
    EditMetaByJob,
    UsedNodes,
    Metrics,
    Import,
    ForgetTags,
    Nodes,
    NoteNodes,
    Clusters,
    Write,
    Users,
    AddUser,
    RemoveUser,
    ChangeUser,
    Token,
    Roles,
    Set,
    Settings,
    KeepMachine,
    Machine,
}

/// Below which path something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    /// `/api`: everything.
    Api,
    /// `/userapi`: what users may see of jobs.
    UserApi,
}

impl Door {
    /// Finds the door, and what is asked for behind it. A slash at the end does not matter.
    fn of(method: &Method, path: &[&str]) -> Option<(Self, Verb)> {
        match path {
            ["api", rest @ ..] => verb(method, rest).map(|verb| (Door::Api, verb)),
            ["userapi", rest @ ..] => verb(method, rest)
                .filter(|verb| matches!(verb, Verb::List | Verb::Show | Verb::Data | Verb::Metrics))
                .map(|verb| (Door::UserApi, verb)),
            _ => None,
        }
    }
}

/// Which verb a method and a path below the door mean.
fn verb(method: &Method, path: &[&str]) -> Option<Verb> {
    let verb = match (method.as_str(), path) {
        ("GET", ["jobs"]) => Verb::List,
        ("POST" | "PUT", ["jobs", "start_job"]) => Verb::Start,
        ("POST" | "PUT", ["jobs", "stop_job"]) => Verb::Stop,
        ("POST" | "PUT", ["jobs", "stop_job", _]) => Verb::StopById,
        ("POST" | "PATCH", ["jobs", "tag_job", _]) => Verb::Tag,
        ("DELETE", ["jobs", "tag_job", _]) => Verb::Untag,
        ("DELETE", ["jobs", "delete_job"]) => Verb::Delete,
        ("DELETE", ["jobs", "delete_job", _]) => Verb::DeleteById,
        ("DELETE", ["jobs", "delete_job_before", _]) => Verb::DeleteBefore,
        ("POST" | "PATCH", ["jobs", "edit_meta", _]) => Verb::EditMeta,
        ("PATCH", ["jobs", "edit_meta"]) => Verb::EditMetaByJob,
        ("GET", ["jobs", "used_nodes"]) => Verb::UsedNodes,
        ("GET", ["jobs", "metrics", _]) => Verb::Metrics,
        ("POST", ["jobs", "import_job"]) => Verb::Import,
        ("POST", ["jobs", _]) => Verb::Data,
        ("GET", ["jobs", _]) => Verb::Show,
        ("GET", ["clusters"]) => Verb::Clusters,
        ("POST", ["write"]) => Verb::Write,
        ("DELETE", ["tags"]) => Verb::ForgetTags,
        ("GET", ["nodestate"]) => Verb::Nodes,
        ("POST", ["nodestate" | "nodestats"]) => Verb::NoteNodes,
        ("GET", ["users"]) => Verb::Users,
        ("POST" | "PUT", ["users"]) => Verb::AddUser,
        ("DELETE", ["users"]) => Verb::RemoveUser,
        ("POST", ["user", _]) => Verb::ChangeUser,
        ("GET", ["jwt"]) => Verb::Token,
        ("GET", ["roles"]) => Verb::Roles,
        ("POST", ["configuration"]) => Verb::Set,
        ("GET", ["configuration"]) => Verb::Settings,
        ("POST" | "PUT", ["machine_state", _, _]) => Verb::KeepMachine,
        ("GET", ["machine_state", _, _]) => Verb::Machine,
        _ => return None,
    };
    Some(verb)
}

/// Tells whether a path, without slashes around it, is one of this dialect.
pub(crate) fn owns(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    matches!(parts.next(), Some("api" | "userapi"))
}

/// Tells whether a path is that to which collectors bring what they have measured.
pub(crate) fn is_push(path: &str) -> bool {
    path.trim_matches('/') == "api/write"
}

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
    let Some(cockpit) = &site.cockpit else { return nothing_here() };
    match run(site, cockpit, request, peer).await {
        Ok(answer) => answer,
        Err(error) => error.answer(),
    }
}

/// What the original says of unknown paths and methods.
fn nothing_here() -> Answer {
    answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "404 page not found\n")
}

async fn run(
    site: &Arc<Site>,
    cockpit: &Cockpit,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Answer, CockpitError> {
    let (head, body) = request.into_parts();
    let Ok(path) = segments(head.uri.path()) else { return Ok(nothing_here()) };
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    if head.method == Method::GET && path == ["api", "openapi.json"] {
        return Ok(answer(StatusCode::OK, "application/json", DESCRIPTION));
    }
    let Some((door, verb)) = Door::of(&head.method, &path) else { return Ok(nothing_here()) };
    let by = auth::bearer(&cockpit.keys, &head.headers, site.jobs.clock().now())?;
    let query = plain_pairs(head.uri.query().unwrap_or_default());
    let query = query.map_err(|_| CockpitError::bad("the query cannot be decoded"))?;
    let first = if matches!(path.get(1), Some(&"user" | &"machine_state")) { 2 } else { 3 };
    let parameter = path.get(first).or(path.get(2));
    let call = Call {
        site,
        cockpit,
        door,
        by,
        peer: peer.ip(),
        headers: &head.headers,
        query,
        parameter: parameter.copied().unwrap_or_default().to_owned(),
        second: path.get(first + 1).copied().unwrap_or_default().to_owned(),
    };
    match verb {
        Verb::List => handlers::jobs::list(call).await,
        Verb::Show => handlers::jobs::show(call).await,
        Verb::Data => handlers::jobs::data(call, body).await,
        Verb::Start => handlers::life::start(call, body).await,
        Verb::Stop => handlers::life::stop(call, body).await,
        Verb::StopById => handlers::life::stop_by_id(call, body).await,
        Verb::Delete => handlers::life::delete(call, body).await,
        Verb::DeleteById => handlers::life::delete_by_id(call).await,
        Verb::DeleteBefore => handlers::life::delete_before(call).await,
        Verb::Tag => handlers::notes::tag(call, body).await,
        Verb::Untag => handlers::notes::untag(call, body).await,
        Verb::EditMeta => handlers::notes::edit_meta(call, body).await,
        Verb::EditMetaByJob => handlers::notes::edit_meta_by_job(call, body).await,
        Verb::UsedNodes => handlers::jobs::used_nodes(call).await,
        Verb::Metrics => handlers::jobs::metrics(call).await,
        Verb::Import => handlers::life::import(call, body).await,
        Verb::ForgetTags => handlers::notes::forget_tags(call, body).await,
        Verb::Nodes => handlers::clusters::nodes(call).await,
        Verb::NoteNodes => handlers::clusters::note_nodes(call, body).await,
        Verb::Clusters => handlers::clusters::list(call),
        Verb::Write => handlers::write::write(call, body).await,
        Verb::Users => handlers::users::list(call).await,
        Verb::AddUser => handlers::users::add(call, body).await,
        Verb::RemoveUser => handlers::users::remove(call, body).await,
        Verb::ChangeUser => handlers::users::change(call, body).await,
        Verb::Token => handlers::passes::token(call).await,
        Verb::Roles => handlers::passes::roles(&call),
        Verb::Set => handlers::papers::set(call, body).await,
        Verb::Settings => handlers::papers::settings_of(call).await,
        Verb::KeepMachine => handlers::papers::keep_machine(call, body).await,
        Verb::Machine => handlers::papers::machine_kept(call).await,
    }
}
