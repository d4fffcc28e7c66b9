//! What is asked of a cluster through us, and what it is answered.

use super::identity::As;
use super::kinds::Kind;
use bytes::Bytes;
use hyper::header::HeaderValue;
use hyper::{Method, StatusCode};
use slurm_wire::versions::Version;
use std::collections::BTreeSet;
use std::time::Duration;

/// A request of Slurm's interface.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// `slurm` or `slurmdb`.
    pub part: &'static str,
    /// The version it is in.
    pub version: &'static Version,
    /// The path below the version as the interface writes it, a `*` for its parameter: `job/*`.
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
    /// Whether the answer comes as JSON.
    pub is_json: bool,
    /// Who asks.
    pub caller: Caller,
    /// Whether nothing older than the request will do.
    pub is_fresh: bool,
    /// What of a long list is wanted.
    pub slice: Slice,
    /// Tags of lists that are known already, as in `If-None-Match`.
    pub known: Option<String>,
    /// The key under which a submission is made once only.
    pub key: Option<super::submissions::ClientKey>,
    /// Whether gzip is understood.
    pub takes_gzip: bool,
    /// How long a write may wait for a cluster that is away.
    pub wait: Option<Duration>,
}

impl Request {
    /// Tells whether it changes something of the cluster.
    pub fn changes_something(&self) -> bool {
        matches!(Kind::of(self), Kind::Write(_))
    }
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A user whom somebody here has made sure of, and in whose name the service asks.
    Sure(String),
    /// A user whom somebody here has made sure of, and who asks with his own token.
    Own {
        /// The user.
        user: String,
        /// The token.
        token: String,
        /// The name beside it.
        name: Option<String>,
    },
    /// Whoever has this token; nobody has looked at it yet.
    Unsure {
        /// The token.
        token: String,
        /// The name beside it.
        name: Option<String>,
    },
}

impl Caller {
    /// Returns as whom the cluster is asked.
    pub(super) fn acts_as(&self) -> As {
        match self {
            Caller::Sure(user) => As::User(user.clone()),
            Caller::Own { token, name, .. } | Caller::Unsure { token, name } => {
                As::Bearer { token: token.clone(), name: name.clone() }
            }
        }
    }
}

/// What of a long list is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Names of the fields of its entries; empty for all.
    pub fields: BTreeSet<Vec<u8>>,
    /// How many entries at most.
    pub limit: Option<usize>,
    /// Where to begin, as an earlier answer said.
    pub cursor: u32,
}

impl Slice {
    /// Tells whether the whole list is wanted.
    pub fn is_whole(&self) -> bool {
        self.fields.is_empty() && self.limit.is_none() && self.cursor == 0
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// The form of its body.
    pub content_type: Option<HeaderValue>,
    /// Its body in pieces.
    pub body: Vec<Bytes>,
    /// Whether the body is compressed by gzip.
    pub is_gzip: bool,
    /// How old it is, if it comes from a copy.
    pub age: Option<Duration>,
    /// What names this state of the list.
    pub tag: Option<String>,
    /// Where the next piece of the list begins.
    pub next: Option<u32>,
}

impl Reply {
    /// Makes one of an answer of the cluster.
    pub(super) fn of(answer: super::transport::Answer) -> Self {
        Reply {
            status: answer.status,
            content_type: answer.content_type,
            body: Some(answer.body).filter(|body| !body.is_empty()).into_iter().collect(),
            is_gzip: false,
            age: None,
            tag: None,
            next: None,
        }
    }

    /// Says that nothing is new.
    pub(super) fn unchanged(age: Duration, tag: Option<String>) -> Self {
        Reply {
            status: StatusCode::NOT_MODIFIED,
            content_type: None,
            body: Vec::new(),
            is_gzip: false,
            age: Some(age),
            tag,
            next: None,
        }
    }
}

/// Puts the path and the query of a request together in a version; `leaving_out` is no parameter that is passed on.
pub(super) fn target(request: &Request, version: &Version, leaving_out: &str) -> String {
    let path = request.pattern.replace('*', &encoded(&request.parameter));
    let mut target = format!("/{}/{}/{path}", request.part, version.name);
    let mut sign = '?';
    for (name, value) in request.query.iter().filter(|(name, _)| name != leaving_out) {
        target.push(sign);
        target.push_str(&encoded(name));
        if let Some(value) = value {
            target.push('=');
            target.push_str(&encoded(value));
        }
        sign = '&';
    }
    target
}

/// Encodes what is no letter or digit of a path or query.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => {
                const DIGITS: [char; 16] =
                    ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
                encoded.push('%');
                encoded.extend(DIGITS.get(usize::from(byte >> 4)));
                encoded.extend(DIGITS.get(usize::from(byte & 15)));
            }
        }
    }
    encoded
}
