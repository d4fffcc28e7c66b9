//! Slurm's interface in front of a real cluster: requests are handed to it as they came, and what it says is handed
//! back. What this dialect needs of the way there is [`SlurmCluster`]; who has one decides what comes from a copy.

mod door;
mod prefer;

pub(super) use door::{Incoming, is_ours, respond};

use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use slurm_wire::Version;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

/// A Slurm cluster that answers for itself.
pub trait SlurmCluster: Send + Sync {
    /// Answers a request.
    fn forward(&self, request: Forward) -> Forwarding<'_>;

    /// Tells whether the cluster knows whoever has a token; not, if it cannot be asked.
    fn knows<'a>(&'a self, token: &'a str, name: Option<&'a str>) -> Judging<'a>;

    /// Returns how long a write may wait at most for the cluster to come back.
    fn longest_wait(&self) -> Duration;

    /// Returns what is counted of it: name, meaning and count.
    fn counts(&self) -> Vec<(&'static str, &'static str, u64)>;
}

/// An answer on its way.
pub type Forwarding<'a> = Pin<Box<dyn Future<Output = Result<Forwarded, NotForwarded>> + Send + 'a>>;

/// A verdict on its way.
pub type Judging<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Its method.
    pub method: Method,
    /// `slurm` or `slurmdb`.
    pub part: &'static str,
    /// The version it is in.
    pub version: &'static Version,
    /// The path below the version, a `*` for its parameter.
    pub pattern: &'static str,
    /// The parameter of the path, decoded; empty where there is none.
    pub parameter: String,
    /// The query, decoded; `None` for a name without `=`.
    pub query: Vec<(String, Option<String>)>,
    /// The form of the body.
    pub content_type: Option<HeaderValue>,
    /// The body.
    pub body: Bytes,
    /// The forms that are accepted.
    pub accept: Option<HeaderValue>,
    /// Whether the answer is wanted as JSON.
    pub is_json: bool,
    /// The user, if the token is one of ours.
    pub user: Option<String>,
    /// The token.
    pub token: String,
    /// The name beside it.
    pub name: Option<String>,
    /// Whether nothing older than the request will do.
    pub is_fresh: bool,
    /// The fields of a long list's entries that are wanted; empty for all.
    pub fields: BTreeSet<Vec<u8>>,
    /// How many of the entries at most.
    pub limit: Option<usize>,
    /// Where to begin in the list, as an earlier answer said.
    pub cursor: u32,
    /// Tags of lists that are known already.
    pub known: Option<String>,
    /// The key under which a submission is made once only, and what stands for the request under it.
    pub key: Option<(String, String)>,
    /// Whether gzip is understood.
    pub takes_gzip: bool,
    /// How long it may wait for the cluster to come back, if that is away and it changes something.
    pub wait: Option<Duration>,
}

/// What comes back.
#[derive(Clone, Debug)]
pub struct Forwarded {
    /// Its status.
    pub status: StatusCode,
    /// The form of its body.
    pub content_type: Option<HeaderValue>,
    /// Its body in pieces.
    pub body: Vec<Bytes>,
    /// Whether the body is compressed by gzip.
    pub is_gzip: bool,
    /// How old it is, if it is a copy.
    pub age: Option<Duration>,
    /// What names this state of the list.
    pub tag: Option<String>,
    /// Where the next piece of the list begins.
    pub next: Option<u32>,
}

/// Why nothing comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotForwarded {
    /// The cluster cannot be reached: nothing was sent.
    Unreachable(String),
    /// It was sent, and whether it was carried out is not known.
    Unanswered(String),
    /// The user has asked too often, and may again after that time.
    TooMany(Duration),
    /// The service has no credentials to act for the user.
    NoIdentity(String),
    /// The cluster has no such operation.
    NotOffered,
    /// The key of a submission cannot be heeded: why, as one sentence without a full stop.
    BadKey(&'static str),
}
