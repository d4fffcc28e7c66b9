//! Waldur's API of Slurm jobs (`/api/slurm-jobs/`) and what its clients need beside it: log-in, projects, customers, settings
//! of the service, users. A record here is a job or a whole array of this service, whichever way it came in, or a submission
//! that the service has refused.
//!
//! What is different from the original, and why, is in `docs/dialects/waldur.md`.

mod address;
mod auth;
mod body;
mod error;
mod from_wire;
mod handlers;
mod listing;
mod lockout;
mod names;
mod origin;
mod pages;
mod projects;
mod records;
mod routes;
mod subject;
mod sweep;
mod to_wire;
mod tokens;

#[cfg(test)]
#[path = "../../tests/it/shelf.rs"]
mod shelf;

pub use handlers::password_hash;
pub(crate) use routes::owns;
pub(crate) use sweep::sweep;
pub use tokens::WaldurTokens;

use crate::http::answer::{Answer, empty};
use crate::http::path::segments;
use crate::http::query::plain_pairs;
use crate::ids::Kind;
use crate::site::Site;
use address::Address;
use domain::Timestamp;
use domain::ports::{Directory, Logins, Shelf, StoreError};
use domain::state::Snapshot;
use error::WaldurError;
use handlers::Call;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD, HeaderName};
use hyper::{HeaderMap, Method, Request, StatusCode};
use lockout::Lockout;
use names::Names;
use projects::Realm;
use records::Records;
use routes::{Route, route};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokens::Desk;

/// By what a client knows its request again, and finds the answer to it.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longer ones are passed over.
const LONGEST_ID: usize = 128;

/// What of this dialect a site decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaldurOptions {
    /// Largest script that may be sent, bytes.
    pub max_upload: u64,
    /// How long a token that was got by logging in lives unused.
    pub token_lifetime: Duration,
    /// How many finished jobs lists go back.
    pub list_limit: usize,
    /// Where jobs run whose scripts do not say; `%u` is the user's name. Empty for the home directory.
    pub work_dir: String,
    /// Under which address clients know this service; `None` for the one they ask for.
    pub url: Option<String>,
}

/// What this dialect needs.
pub struct Waldur {
    names: Names,
    desk: Desk,
    records: Records,
    lockout: Lockout,
    /// How many passwords are checked at a time: each takes a CPU for a while.
    checks: tokio::sync::Semaphore,
    logins: Arc<dyn Logins>,
    options: WaldurOptions,
}

impl Waldur {
    /// Opens what is kept. Blocks. `key` is what jobs are named under; it must always be the same.
    ///
    /// # Errors
    /// If the shelf cannot be read.
    pub fn open(
        options: WaldurOptions,
        key: [u8; 16],
        tokens: WaldurTokens,
        logins: Arc<dyn Logins>,
        shelf: Arc<dyn Shelf>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let names = Names::new(key);
        let counted = |id| names.ids.read(Kind::Refused, id).map(|(count, ..)| count.0);
        let records = Records::open(Arc::clone(&shelf), counted)?;
        let desk = Desk::open(tokens, shelf, now)?;
        let (lockout, checks) = (Lockout::default(), tokio::sync::Semaphore::new(2));
        Ok(Waldur { names, desk, records, lockout, checks, logins, options })
    }

    /// Returns where projects are looked up.
    fn realm<'a>(&'a self, snapshot: &'a Snapshot, directory: &'a dyn Directory) -> Realm<'a> {
        Realm { names: &self.names, snapshot, directory }
    }

    /// Returns the name of the settings of the one service.
    fn settings_id(&self, snapshot: &Snapshot) -> u128 {
        self.names.named("service settings", &snapshot.cluster.name)
    }
}

/// Does what may wait for a disk on a thread of its own.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WaldurError> + Send + 'static,
) -> Result<T, WaldurError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a call of Waldur's interface ended badly");
        Err(WaldurError::Bug)
    })
}

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
    let Some(waldur) = &site.waldur else { return WaldurError::NotFound.answer() };
    let id = request.headers().get(REQUEST_ID).filter(|id| id.len() <= LONGEST_ID).cloned();
    let mut answer = run(site, waldur, request, peer).await.unwrap_or_else(|error| error.answer());
    if let Some(id) = id {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    answer
}

async fn run(
    site: &Arc<Site>,
    waldur: &Arc<Waldur>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Answer, WaldurError> {
    let (head, body) = request.into_parts();
    if head.method == Method::OPTIONS && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return Ok(empty(StatusCode::OK));
    }
    let path = segments(head.uri.path()).map_err(|_| WaldurError::NotFound)?;
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let route = route(&path).ok_or(WaldurError::NotFound)?;
    let is_media = matches!(route, Route::Media(_));
    // The order is the original's: what the client takes, who asks, how, and only then what for (facts A4).
    if !is_media && !takes_json(&head.headers) {
        return Err(WaldurError::NotAcceptable);
    }
    let caller = match route.is_public() {
        true => None,
        false => match auth::caller(site, waldur, &head.headers).await {
            // To strangers there are no files.
            Err(_) if is_media => return Err(WaldurError::NotFound),
            caller => Some(caller?),
        },
    };
    if !route.allows(head.method.as_str()) {
        return Err(WaldurError::Method(head.method.to_string(), route.allowed()));
    }
    let query = plain_pairs(head.uri.query().unwrap_or_default());
    let query = query.map_err(|_| WaldurError::Malformed("The query cannot be decoded.".to_owned()))?;
    let address = Address::of_request(waldur.options.url.as_deref(), &head.headers, site.address);
    let call = Call {
        site,
        waldur,
        caller,
        peer: peer.ip(),
        address,
        path: head.uri.path(),
        method: &head.method,
        headers: &head.headers,
        query,
    };
    if head.method == Method::OPTIONS {
        return Ok(handlers::places::options(route));
    }
    match (route, head.method.as_str()) {
        (Route::Root, _) => handlers::places::root(call),
        (Route::Jobs, "POST") => handlers::create::create(call, body).await,
        (Route::Jobs, _) => handlers::jobs::list(call).await,
        (Route::Job(id), "PUT") => handlers::change::update(call, id, body, false).await,
        (Route::Job(id), "PATCH") => handlers::change::update(call, id, body, true).await,
        (Route::Job(id), "DELETE") => handlers::remove::delete(call, id).await,
        (Route::Job(id), _) => handlers::jobs::show(call, id).await,
        (Route::Pull(id), _) => handlers::change::pull(call, id).await,
        (Route::Unlink(id), _) => handlers::remove::unlink(call, id).await,
        (Route::SetOk(id), _) => handlers::change::set_ok(call, id).await,
        (Route::SetErred(id), _) => handlers::change::set_erred(call, id, body).await,
        (Route::Media(id), _) => handlers::media::script(call, id).await,
        (Route::Projects, _) => handlers::places::projects(call).await,
        (Route::Project(id), _) => handlers::places::project(call, id).await,
        (Route::Customers, _) => handlers::places::customers(call).await,
        (Route::Customer(id), _) => handlers::places::customer(call, id).await,
        (Route::Settings, _) => handlers::places::all_settings(call),
        (Route::Setting(id), _) => handlers::places::settings(call, id),
        (Route::Me, _) => handlers::places::me(call).await,
        (Route::User(id), _) => handlers::places::user(call, id).await,
        (Route::Login, _) => handlers::login::login(call, body).await,
        (Route::Logout, _) => handlers::login::logout(call).await,
        (Route::Version, _) => handlers::places::version(call),
        (Route::Configuration, _) => handlers::places::configuration(call),
    }
}

/// Tells whether a client takes what everything but files is written in.
fn takes_json(headers: &HeaderMap) -> bool {
    let mut said = headers.get_all(ACCEPT).into_iter().peekable();
    if said.peek().is_none() {
        return true;
    }
    let ranges = said.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut kinds = ranges.map(|range| range.split(';').next().unwrap_or_default().trim());
    kinds.any(|kind| {
        kind.is_empty()
            || kind == "*/*"
            || kind.eq_ignore_ascii_case("application/*")
            || kind.eq_ignore_ascii_case("application/json")
    })
}
