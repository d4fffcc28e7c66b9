//! From a request to the cluster, and from what it says to an answer.

use super::{Forward, Forwarded, NotForwarded, SlurmCluster, prefer};
use crate::http::answer::{Answer, Body, text};
use crate::http::query::Pairs;
use crate::slurm::auth::Asker;
use crate::slurm::call::{Call, written};
use crate::slurm::media::{self, Format};
use crate::slurm::once::Once;
use crate::slurm::routes::{Found, Operation};
use crate::slurm::script_options::Wish;
use crate::slurm::slice::Slice;
use crate::slurm::{error, test_only};
use crate::tokens;
use bytes::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AGE, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER, VARY,
};
use hyper::{Response, StatusCode};
use slurm_wire::error_number as number;

/// How old a copy is, in milliseconds: `Age` knows seconds only.
const AGE_MS: HeaderName = HeaderName::from_static("x-quintet-age-ms");
const NEXT: HeaderName = HeaderName::from_static("x-next-cursor");
/// What the errors of this service itself name as their source.
const SOURCE: &str = "quintet";
const KEY: &str = "Idempotency-Key";

/// Tells whether an operation is answered here, whoever has the jobs.
pub(in crate::slurm) fn is_ours(operation: Operation) -> bool {
    matches!(operation, Operation::OpenApi | Operation::Hostlist | Operation::Hostnames)
}

/// What came in.
pub(in crate::slurm) struct Incoming<'a> {
    pub(in crate::slurm) headers: &'a HeaderMap,
    pub(in crate::slurm) method: hyper::Method,
    pub(in crate::slurm) found: Found<'a>,
    pub(in crate::slurm) query: Pairs<'a>,
    pub(in crate::slurm) slice: Slice,
    pub(in crate::slurm) body: Bytes,
    pub(in crate::slurm) asker: Asker,
    pub(in crate::slurm) once: Once,
}

/// Hands a request to the cluster. `call` says what is wrong with it, where something is.
pub(in crate::slurm) async fn respond(
    cluster: &dyn SlurmCluster,
    incoming: Incoming<'_>,
    mut call: Call<'_>,
) -> Answer {
    if let Some(problem) = incoming.slice.problem {
        call.report.error(number::INVALID_QUERY, problem, SOURCE);
        return call.fail();
    }
    if incoming.once == Once::Unreadable {
        let why = "Rejecting request. Idempotency-Key must be one text of 1 to 255 letters";
        call.report.error(number::INVALID_QUERY, why, KEY);
        return call.fail();
    }
    if let Some(header) = unsupported(&incoming) {
        let why = format!("Rejecting request. {header} is not supported in front of a Slurm cluster");
        call.report.error(number::NOT_SUPPORTED, why, SOURCE);
        return call.fail();
    }
    let is_write = incoming.method != hyper::Method::GET;
    // Slices are made of JSON; the other form follows from it.
    let yaml = match call.format {
        Format::Yaml(_) if incoming.slice.is_partial() => Some(call.format),
        _ => None,
    };
    let wait = prefer::wait(incoming.headers, cluster.longest_wait()).filter(|_| is_write);
    let told = cluster.forward(Forward { wait, ..forward(incoming, yaml.is_some()) }).await;
    let mut answer = match told {
        Ok(told) if yaml.is_some() && told.status == StatusCode::OK => {
            let body = told.body.concat();
            let mut answer = written(told.status, call.format, body);
            mark(answer.headers_mut(), &told);
            answer
        }
        Ok(told) => answered(told),
        Err(why) => failed(call, why, is_write),
    };
    if let Some(applied) = wait.and_then(prefer::applied) {
        answer.headers_mut().insert(prefer::APPLIED, applied);
    }
    answer
}

/// Returns the header that asks for something that the cluster cannot do and this service only can with jobs of its own.
fn unsupported(incoming: &Incoming<'_>) -> Option<&'static str> {
    let submits = matches!(incoming.found.operation, Operation::Submit | Operation::Allocate);
    if !submits {
        return None;
    }
    // The answer to an allocation is waited for; who has gone away cannot be told what became of it.
    if incoming.found.operation == Operation::Allocate && incoming.once != Once::Unsaid {
        return Some("Idempotency-Key of allocations");
    }
    if test_only::is_asked(incoming.headers) {
        return Some("X-Test-Only");
    }
    (Wish::of(incoming.headers) == Wish::Honor).then_some("X-Sbatch-Lines: honor")
}

fn forward(incoming: Incoming<'_>, needs_json: bool) -> Forward {
    let Incoming { headers, method, found, query, slice, body, asker, once } = incoming;
    let (token, name) = tokens::shown(headers);
    let accept = headers.get(ACCEPT).filter(|_| !needs_json).cloned();
    let pair = |(name, value): (std::borrow::Cow<'_, str>, Option<std::borrow::Cow<'_, str>>)| {
        (name.into_owned(), value.map(std::borrow::Cow::into_owned))
    };
    Forward {
        method,
        part: found.part,
        version: found.version,
        pattern: found.pattern,
        parameter: found.parameter.to_owned(),
        query: query.into_iter().map(pair).collect(),
        content_type: headers.get(CONTENT_TYPE).cloned(),
        body,
        is_json: matches!(media::accepted(accept.as_ref()), Ok(Format::Json)),
        accept,
        user: asker.map(|asker| asker.name.to_string()),
        token,
        name,
        is_fresh: is_fresh(headers),
        limit: slice.limit,
        cursor: slice.cursor,
        fields: slice.fields,
        known: headers.get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).map(str::to_owned),
        key: match once {
            Once::Key { key, content } => Some((key.to_string(), content.to_string())),
            Once::Unsaid | Once::Unreadable => None,
        },
        takes_gzip: takes_gzip(headers),
        wait: None,
    }
}

fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','))
}

fn is_fresh(headers: &HeaderMap) -> bool {
    words(headers, &CACHE_CONTROL).any(|word| {
        let word = word.trim();
        ["no-cache", "no-store", "max-age=0"].iter().any(|known| word.eq_ignore_ascii_case(known))
    })
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    words(headers, &ACCEPT_ENCODING).any(|word| {
        let (name, weight) = word.split_once(';').unwrap_or((word, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        name.trim().eq_ignore_ascii_case("gzip") && weight > 0.0
    })
}

fn answered(told: Forwarded) -> Answer {
    let length = told.body.iter().map(|piece| piece.len() as u64).sum();
    let mut answer = match told.body.len() {
        0 => Response::new(Body::Whole(None)),
        1 => Response::new(Body::Whole(told.body.first().cloned())),
        _ => Response::new(Body::pieces_of(futures_util::stream::iter(told.body.clone()), Some(length))),
    };
    *answer.status_mut() = told.status;
    mark(answer.headers_mut(), &told);
    if let Some(form) = told.content_type {
        answer.headers_mut().insert(CONTENT_TYPE, form);
    }
    if told.is_gzip {
        answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        answer.headers_mut().insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if told.status.as_u16() >= 400 {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Close"));
    }
    answer
}

/// Adds what the client is to know beside the answer.
fn mark(headers: &mut HeaderMap, told: &Forwarded) {
    if let Some(age) = told.age {
        headers.insert(AGE, HeaderValue::from(age.as_secs()));
        headers.insert(AGE_MS, HeaderValue::from(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)));
    }
    if let Some(tag) = told.tag.as_deref().and_then(|tag| HeaderValue::from_str(tag).ok()) {
        headers.insert(ETAG, tag);
    }
    if let Some(next) = told.next {
        headers.insert(NEXT, HeaderValue::from(next));
    }
}

/// Says why there is no answer of the cluster, in the shape of its own.
fn failed(mut call: Call<'_>, why: NotForwarded, is_write: bool) -> Answer {
    let (status, number, why, pause) = match why {
        NotForwarded::Unreachable(why) => {
            let why = format!("The cluster cannot be reached; nothing was done: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, error::NO_CONTROLLER, why, Some(1))
        }
        NotForwarded::Unanswered(why) if is_write => {
            let why = format!(
                "The cluster did not answer; whether the request was carried out is not known: {why}"
            );
            (StatusCode::GATEWAY_TIMEOUT, error::NO_REPLY, why, None)
        }
        NotForwarded::Unanswered(why) => {
            let why = format!("The cluster did not answer: {why}");
            (StatusCode::GATEWAY_TIMEOUT, error::NO_REPLY, why, Some(1))
        }
        NotForwarded::TooMany(pause) => {
            let seconds = pause.as_secs() + u64::from(pause.subsec_nanos() > 0);
            let why = "Rejecting request. There have been too many of this user".to_owned();
            (StatusCode::TOO_MANY_REQUESTS, error::TRY_AGAIN, why, Some(seconds.max(1)))
        }
        NotForwarded::NoIdentity(why) => {
            let why = format!("The service cannot act for this user: {why}");
            (StatusCode::SERVICE_UNAVAILABLE, number::PROTOCOL_AUTHENTICATION, why, None)
        }
        NotForwarded::BadKey(why) => {
            call.report.error(number::INVALID_QUERY, format!("Rejecting request. {why}"), KEY);
            return call.fail();
        }
        NotForwarded::NotOffered => {
            return text(StatusCode::NOT_FOUND, "The Slurm cluster does not offer this operation");
        }
    };
    call.numbered(number, &why, SOURCE);
    let mut answer = call.fail_with(status);
    if let Some(pause) = pause {
        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(pause));
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        [(name, HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn gzip_is_taken_where_it_is_wanted() {
        for (value, wanted) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("GZIP", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&headers(ACCEPT_ENCODING, value)), wanted, "{value}");
        }
    }

    #[test]
    fn copies_can_be_declined() {
        for (value, wanted) in
            [("no-cache", true), ("private, max-age=0", true), ("max-age=5", false), ("", false)]
        {
            assert_eq!(is_fresh(&headers(CACHE_CONTROL, value)), wanted, "{value}");
        }
    }
}
