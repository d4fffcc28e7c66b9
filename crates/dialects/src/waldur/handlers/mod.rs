//! One room for each kind of call.

pub(super) mod change;
pub(super) mod create;
pub(super) mod jobs;
pub(super) mod login;
pub(super) mod media;
pub(super) mod places;
pub(super) mod remove;

pub use login::password_hash;

use super::address::Address;
use super::auth::Caller;
use super::body::Fields;
use super::error::WaldurError;
use super::names::parse;
use super::pages::Page;
use super::to_wire::{self, Document};
use super::{Waldur, from_wire};
use crate::http::answer::{Answer, answer, empty};
use crate::http::body::NoBody;
use crate::http::query::Pairs;
use crate::site::Site;
use domain::who::Principal;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LINK};
use hyper::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;

/// What a form takes beside the file in it, bytes.
const AROUND_FILE: u64 = 1 << 20;
/// What a form with a file is.
const MULTIPART: &str = "multipart/form-data";

/// A request, after it is known what is asked and by whom.
pub(super) struct Call<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) waldur: &'a Arc<Waldur>,
    /// Who asks; `None` where anybody may.
    pub(super) caller: Option<Caller>,
    /// Where the request comes from.
    pub(super) peer: IpAddr,
    /// Below which URL the client knows this service.
    pub(super) address: Address,
    /// The path as it was sent.
    pub(super) path: &'a str,
    pub(super) method: &'a Method,
    pub(super) headers: &'a HeaderMap,
    pub(super) query: Pairs<'a>,
}

impl Call<'_> {
    /// Returns who asks.
    fn by(&self) -> Result<&Principal, WaldurError> {
        // Routes that need somebody are not reached without.
        self.caller.as_ref().map(|caller| &caller.by).ok_or(WaldurError::Bug)
    }

    /// Reads the fields of the body, which is long only where it can have a file.
    async fn fields(&self, body: Incoming) -> Result<Fields, WaldurError> {
        let file = match self.kind().trim_start().get(..MULTIPART.len()) {
            Some(kind) if kind.eq_ignore_ascii_case(MULTIPART) => self.waldur.options.max_upload,
            _ => 0,
        };
        self.fields_within(body, file.saturating_add(AROUND_FILE)).await
    }

    /// Returns what the body is said to be.
    fn kind(&self) -> &str {
        self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default()
    }

    /// Reads the fields of a body of at most `most` bytes.
    async fn fields_within(&self, body: Incoming, most: u64) -> Result<Fields, WaldurError> {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let read = self.site.bodies.read(body, length, most).await;
        let bytes = read.map_err(|why| match why {
            NoBody::TooLarge => WaldurError::TooLarge(most),
            NoBody::Broken => WaldurError::Malformed("The body did not arrive in full.".to_owned()),
        })?;
        Fields::read(self.kind(), bytes).await
    }

    /// Makes the answer that is a page of a list, of `total` items in all.
    fn page(&self, total: usize, items: Vec<Document>) -> Result<Answer, WaldurError> {
        let room = self.path.trim_matches('/').strip_prefix("api/").unwrap_or_default().trim_matches('/');
        let links = Page::of(&self.query).links(&self.address.of(room), &self.query, total);
        let mut answer = match *self.method {
            Method::HEAD => empty(StatusCode::OK),
            _ => json(StatusCode::OK, &json!(items)),
        };
        let headers = answer.headers_mut();
        headers.insert("X-Result-Count", HeaderValue::from(total));
        if let Ok(links) = HeaderValue::from_str(&links) {
            headers.insert(LINK, links);
        }
        Ok(answer)
    }

    /// Makes a page of a list that is short enough to be made in full.
    fn list<T>(&self, all: &[T], write: impl Fn(&T) -> Document) -> Result<Answer, WaldurError> {
        let range = Page::of(&self.query).of_list(all.len())?;
        let fields = from_wire::fields(&self.query);
        let items = all.get(range).unwrap_or_default().iter();
        self.page(all.len(), items.map(|item| to_wire::chosen(write(item), &fields)).collect())
    }

    /// Makes the answer that is one thing.
    fn one(&self, document: Document) -> Answer {
        let document = to_wire::chosen(document, &from_wire::fields(&self.query));
        json(StatusCode::OK, &Value::Object(document))
    }
}

/// Reads the name in a path; one that cannot be a name is that of nothing.
fn id(text: &str) -> Result<u128, WaldurError> {
    parse(text).ok_or(WaldurError::NotFound)
}

/// Makes an answer of a document.
fn json(status: StatusCode, document: &Value) -> Answer {
    answer(status, "application/json", document.to_string().into_bytes())
}

/// Makes an answer that says something.
fn detail(status: StatusCode, text: &str) -> Answer {
    json(status, &json!({ "detail": text }))
}
