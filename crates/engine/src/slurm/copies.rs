//! Answers from copies of whole answers, which are kept as they came.

use super::counters::Counted;
use super::document::{Document, Landed, Place, is_kept};
use super::flight::Ticket;
use super::jobs::next_revision;
use super::kinds::{Family, Kind, is_conditional, list_of};
use super::link::is_stranger;
use super::pack;
use super::relay::{Upstream, check, refused};
use super::request::{Reply, Request, target};
use super::shape::{SMALL, blocking, compressed, cut, is_known, since};
use super::translate;
use super::transport::Answer;
use super::trouble::Trouble;
use hyper::StatusCode;
use slurm_wire::versions::Version;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a request waits for news when there is a copy to tell.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a copy is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Who sees it, if not everybody.
    pub(super) user: Option<String>,
    pub(super) target: String,
    pub(super) accept: Option<Vec<u8>>,
}

/// What came of looking for a copy.
pub(super) enum Got {
    /// One that is new enough.
    Document(Arc<Document>),
    /// One that is not, as no newer one could be had.
    Stale(Arc<Document>),
    /// An answer for whoever asks alone.
    Refused(Answer),
}

impl Upstream {
    /// Answers with a copy of one answer.
    pub(super) async fn document(
        &self,
        request: &Request,
        user: Option<String>,
        family: Family,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let key = Key {
            user,
            target: target(request, version, if is_conditional(request) { "update_time" } else { "" }),
            accept: request.accept.as_ref().filter(|_| !request.is_json).map(|form| form.as_bytes().to_vec()),
        };
        let place = self.documents.place(&key);
        match self.current(request, &key, &place, family).await? {
            Got::Document(document) | Got::Stale(document) => self.shown(request, document, version).await,
            Got::Refused(answer) => refused(request, version, answer),
        }
    }

    /// Returns a copy as it is now, or was a moment ago; or an answer for whoever asks alone.
    pub(super) async fn current(
        &self,
        request: &Request,
        key: &Key,
        place: &Arc<Place>,
        family: Family,
    ) -> Result<Got, Trouble> {
        let arrived = Instant::now();
        let needed = self.written(family);
        for _ in 0..3 {
            let known = place.document();
            let is_written = known.as_ref().is_some_and(|known| needed.is_some_and(|at| known.checked < at));
            let is_new = |known: &Arc<Document>| {
                !is_written
                    && if request.is_fresh {
                        known.checked >= arrived
                    } else {
                        known.checked.elapsed() < self.max_age
                    }
            };
            if let Some(known) = known.clone().filter(is_new) {
                self.counters.count(Counted::Copy, Duration::ZERO);
                return Ok(Got::Document(known));
            }
            let ticket = self.join(request, key, place);
            let begun = ticket.begun;
            let must_wait = is_written || request.is_fresh || known.is_none();
            let landed = ticket.wait(if must_wait { Duration::MAX } else { PATIENCE }).await;
            let stale = known.filter(|known| !request.is_fresh && known.checked.elapsed() < self.stale_for);
            let is_late = begun < arrived && (request.is_fresh || needed.is_some_and(|at| begun < at));
            match (landed, stale) {
                (Some(Landed::Kept(_)), _) if is_late => {}
                (Some(Landed::Kept(document)), _) => {
                    self.counters.count(Counted::Copy, Duration::ZERO);
                    return Ok(Got::Document(document));
                }
                // It was somebody else who was refused, perhaps.
                (Some(Landed::Refused(answer)), _) if is_stranger(answer.status) => {
                    if begun >= arrived {
                        return Ok(Got::Refused(answer));
                    }
                }
                (Some(Landed::Refused(answer)), stale) => match stale {
                    Some(document) if answer.status.is_server_error() => {
                        self.counters.count(Counted::Stale, Duration::ZERO);
                        return Ok(Got::Stale(document));
                    }
                    _ => return Ok(Got::Refused(answer)),
                },
                (_, Some(document)) => {
                    self.counters.count(Counted::Stale, Duration::ZERO);
                    return Ok(Got::Stale(document));
                }
                (Some(Landed::Lost(trouble)), None) => return Err(trouble),
                (None, None) => return Err(Trouble::Unanswered("it takes too long".to_owned())),
            }
        }
        place
            .document()
            .map(Got::Stale)
            .ok_or_else(|| Trouble::Unanswered("it cannot be said for whom".to_owned()))
    }

    /// Joins those who wait for an answer, or asks.
    fn join(&self, request: &Request, key: &Key, place: &Arc<Place>) -> Ticket<Landed> {
        place.flight.join(|| {
            let mut call = self.call(request, Kind::Shared(Family::Cluster), request.version);
            call.target.clone_from(&key.target);
            let known = place.document();
            let asks_for_news =
                known.as_ref().and_then(|known| known.told).filter(|_| is_conditional(request));
            if let Some(told) = asks_for_news {
                let sign = if call.target.contains('?') { '&' } else { '?' };
                call.target.push_str(&format!("{sign}update_time={told}"));
            }
            let (link, place) = (Arc::clone(&self.link), Arc::clone(place));
            async move {
                let begun = Instant::now();
                let answer = match link.ask(&call).await {
                    Ok(answer) => answer,
                    Err(trouble) => return Landed::Lost(trouble),
                };
                let document = match known {
                    Some(known) if answer.status == StatusCode::NOT_MODIFIED => known.confirmed(begun),
                    _ if is_kept(&answer) => {
                        if let Err(trouble) = check(&answer) {
                            return Landed::Lost(trouble);
                        }
                        match known.filter(|known| known.answer == answer) {
                            Some(known) => Document::new(answer, begun, known.revision),
                            None => Document::new(answer, begun, next_revision()),
                        }
                    }
                    _ => return Landed::Refused(answer),
                };
                let document = Arc::new(document);
                place.put(Arc::clone(&document));
                Landed::Kept(document)
            }
        })
    }

    /// Makes an answer of a copy.
    pub(super) async fn shown(
        &self,
        request: &Request,
        document: Arc<Document>,
        version: &'static Version,
    ) -> Result<Reply, Trouble> {
        let age = document.checked.elapsed();
        let list = list_of(request).filter(|_| document.answer.status == StatusCode::OK);
        let tag = list.map(|_| self.tag(document.revision));
        if tag.as_ref().is_some_and(|tag| is_known(request, tag)) {
            return Ok(Reply::unchanged(age, tag));
        }
        if is_conditional(request) && document.is_seen(since(request)) {
            return Ok(Reply::unchanged(age, tag));
        }
        let slices = list.filter(|_| !request.slice.is_whole() && request.is_json);
        if slices.is_none() && version.name == request.version.name {
            if !request.takes_gzip || document.answer.body.len() < SMALL {
                return Ok(Reply { age: Some(age), tag, ..Reply::of(document.answer.clone()) });
            }
            let kept = Arc::clone(&document);
            let body = blocking(move || pack::stream([kept.packed()])).await?;
            let answer = Reply::of(document.answer.clone());
            return Ok(Reply { age: Some(age), tag, body, is_gzip: true, ..answer });
        }
        let request = request.clone();
        blocking(move || {
            let answer = translate::answer(&request, version, document.answer.clone());
            let cut = list.and_then(|list| cut(&request.slice, list, &answer.body));
            let mut reply = Reply { age: Some(age), tag, ..Reply::of(answer) };
            if let Some((body, next)) = cut {
                (reply.body, reply.next) = (body, next);
            }
            compressed(&request, reply)
        })
        .await
    }
}
