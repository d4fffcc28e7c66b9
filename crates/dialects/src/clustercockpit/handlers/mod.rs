//! One room for each kind of call.

pub(super) mod clusters;
mod form;
pub(super) mod jobs;
pub(super) mod life;
pub(super) mod notes;
pub(super) mod papers;
pub(super) mod passes;
mod shown;
pub(super) mod users;
pub(super) mod write;

use super::error::CockpitError;
use super::keys::Bearer;
use super::{Cockpit, Door, to_wire};
use crate::http::answer::{Answer, answer};
use crate::http::body::NoBody;
use crate::http::query::Pairs;
use crate::site::Site;
use bytes::Bytes;
use domain::monitoring::{Onlooker, Record, RecordId};
use domain::ports::StoreError;
use domain::service::Monitoring;
use hyper::body::Incoming;
use hyper::header::CONTENT_LENGTH;
use hyper::{HeaderMap, StatusCode};
use serde::Serialize;
use std::net::IpAddr;
use std::sync::Arc;

/// Bodies with jobs and tags: a script may be among them.
const LARGEST: u64 = 16 << 20;

/// A request, after it is known what is asked and by whom.
pub(super) struct Call<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) cockpit: &'a Cockpit,
    /// Below which path.
    pub(super) door: Door,
    /// Who asks.
    pub(super) by: Bearer,
    /// Where the request comes from.
    pub(super) peer: IpAddr,
    /// The headers.
    pub(super) headers: &'a HeaderMap,
    /// The query.
    pub(super) query: Pairs<'a>,
    /// What stands in the path's parameter; empty where it has none.
    pub(super) parameter: String,
    /// What stands behind it in a path with two of them.
    pub(super) second: String,
}

/// Whose jobs whoever asks may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// All, and all of their metrics.
    All,
    /// Those of this person, without metrics that plain users do not see unless it manages something.
    Of {
        /// The person.
        person: Onlooker,
        /// It is no more than a user.
        is_plain: bool,
    },
}

impl Sight {
    /// Finds out what a person sees: who has but the role `api`, or supports or administers, sees all; managers see their
    /// projects, which the token names or those who know them (facts 2.2).
    fn of(by: &Bearer, monitoring: &Monitoring) -> Result<Self, StoreError> {
        let is_machine = by.roles.iter().all(|role| role == "api");
        if is_machine || by.has("admin") || by.has("support") {
            return Ok(Sight::All);
        }
        let is_manager = by.has("manager");
        let mut projects = if is_manager { by.projects.clone() } else { Vec::new() };
        if is_manager {
            let users = monitoring.registry().users()?;
            let known = users.into_iter().find(|user| user.name == by.name);
            projects.extend(known.map(|user| user.projects).unwrap_or_default());
        }
        let person = Onlooker { user: by.name.clone(), projects };
        Ok(Sight::Of { person, is_plain: !is_manager })
    }

    /// Returns the person whose jobs alone are seen, if it is so.
    pub(super) fn person(&self) -> Option<&Onlooker> {
        match self {
            Sight::All => None,
            Sight::Of { person, .. } => Some(person),
        }
    }

    /// Tells whether a job is seen.
    pub(super) fn sees(&self, record: &Record) -> bool {
        self.person().is_none_or(|person| person.sees(&record.user, &record.project))
    }

    /// Tells whether metrics stay away that plain users do not see.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Sight::Of { is_plain: true, .. })
    }
}

impl Call<'_> {
    /// Returns how to find out whose jobs may be seen; that may wait for a disk.
    pub(super) fn sight(&self) -> impl FnOnce(&Monitoring) -> Result<Sight, StoreError> + Send + 'static {
        let (door, by) = (self.door, self.by.clone());
        move |monitoring| match door {
            Door::Api => Ok(Sight::All),
            Door::UserApi => Sight::of(&by, monitoring),
        }
    }

    /// Reads the body, of at most `most` bytes.
    pub(super) async fn read(&self, body: Incoming, most: u64) -> Result<Bytes, CockpitError> {
        let length = self.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let read = self.site.bodies.read(body, length, most).await;
        read.map_err(|why| match why {
            NoBody::TooLarge => CockpitError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body is larger than {most} bytes"),
            ),
            NoBody::Broken => CockpitError::bad("the body did not arrive in full"),
        })
    }

    /// Reads the number of a record out of the path.
    pub(super) fn id(&self) -> Result<RecordId, CockpitError> {
        let id: Result<i64, _> = self.parameter.parse();
        let bad = |_| CockpitError::bad(format!("integer expected in path for id: {}", self.parameter));
        // A negative one is that of no job.
        Ok(RecordId(id.map_err(bad)?.try_into().unwrap_or(0)))
    }

    /// Does what may wait for a disk on a thread of its own.
    pub(super) fn apart<T, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, CockpitError>> + Send + use<T, W>
    where
        T: Send + 'static,
        W: FnOnce(&Monitoring) -> Result<T, CockpitError> + Send + 'static,
    {
        let monitoring = self.cockpit.monitoring.clone();
        let done = tokio::task::spawn_blocking(move || work(&monitoring));
        async {
            done.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a call of monitoring ended badly");
                Err(CockpitError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"))
            })
        }
    }
}

/// Makes an answer of a document.
fn json(status: StatusCode, document: &impl Serialize) -> Answer {
    answer(status, "application/json", to_wire::written(document))
}

/// Makes an answer of plain text.
fn text(text: &'static str) -> Answer {
    answer(StatusCode::OK, "text/plain; charset=utf-8", text)
}
