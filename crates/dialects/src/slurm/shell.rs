//! What happens to every request before its operation sees it, in the original's order: head, credentials, body,
//! path and method, accepted forms.

use super::auth::asker;
use super::call::Call;
use super::forward;
use super::handlers;
use super::media::{self, BodyForm, Format, Unacceptable};
use super::once::Once;
use super::routes;
use super::script_options;
use super::slice::Slice;
use super::test_only;
use crate::http::answer::{Answer, answer};
use crate::http::body::NoBody;
use crate::http::{path, query};
use crate::site::Site;
use crate::tokens;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING};
use hyper::{Request, StatusCode};
use slurm_wire::Value;
use slurm_wire::json::JsonError;
use slurm_wire::yaml::YamlError;
use std::net::SocketAddr;
use std::sync::Arc;

/// Largest body.
const LARGEST_BODY: u64 = 64 << 20;
/// A document may have so many values, or one for every [`BYTES_FOR_VALUE`] of a long one: short ones take up many times
/// the room in which they are written, and the largest body has room for thirty million.
const MOST_VALUES: usize = 2_000_000;
/// What names its values takes more: associations with limits take eleven bytes for each value.
const BYTES_FOR_VALUE: usize = 8;
/// Largest body of somebody whose token does not hold: it is read only to answer as the original does.
const LARGEST_UNTRUSTED: u64 = 1 << 20;

const NO_SUCH_PATH: &str = "Unable to find requested URL endpoint. Please query the '/openapi/v3' endpoint or \
visit 'https://slurm.schedmd.com/rest_api.html' for the OpenAPI specification which includes a list of all possible \
slurmrestd endpoints.";

/// Answers a request.
pub(crate) async fn respond(site: &Arc<Site>, request: Request<Incoming>, peer: SocketAddr) -> Answer {
    match prepare_and_run(site, request, peer).await {
        Ok(answer) => answer,
        Err(TurnedAway { status, content_type, why }) => answer(status, content_type, why),
    }
}

/// A request that no operation gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TurnedAway {
    status: StatusCode,
    content_type: &'static str,
    why: &'static str,
}

/// Turns a request away with a plain text.
fn away(status: StatusCode, why: &'static str) -> TurnedAway {
    TurnedAway { status, content_type: "text/plain", why }
}

async fn prepare_and_run(
    site: &Arc<Site>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Answer, TurnedAway> {
    let (head, body) = request.into_parts();
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return Err(away(StatusCode::NOT_ACCEPTABLE, "Invalid HTTP Tranfser-Encoding header"));
    }
    let length = announced_length(&head.headers);
    if length.is_some_and(|length| length > LARGEST_BODY) {
        return Err(too_large());
    }
    // The original reads the body before it looks for credentials. Nobody should be able to make us do that work.
    let Some(asker) = asker(site, &head.headers) else {
        return Err(away(StatusCode::UNAUTHORIZED, "Authentication failure"));
    };
    let is_trusted =
        asker.is_some() || length > Some(LARGEST_UNTRUSTED) && is_known(site, &head.headers).await;
    let bytes = read(site, body, length, is_trusted).await?;
    let written = slurm_wire::json::text(&bytes);
    let segments = path::segments(head.uri.path());
    let found = segments.as_ref().ok().and_then(|path| routes::find(&site.slurm, &head.method, path));
    // A cluster behind us reads documents itself.
    let cluster =
        site.cluster.as_deref().filter(|_| found.is_some_and(|found| !forward::is_ours(found.operation)));
    let document = if cluster.is_some() { None } else { document(&head.headers, &written)? };
    let segments_known = segments.is_ok();
    let Some(found) = found else {
        let why = if segments_known { NO_SUCH_PATH } else { "Invalid or unknown URL path" };
        return Err(away(StatusCode::NOT_FOUND, why));
    };
    let format = media::accepted(head.headers.get(ACCEPT)).map_err(unacceptable)?;
    let mut pairs =
        query::pairs(head.uri.query().unwrap_or_default()).map_err(|query::BadQuery| unspecified())?;
    let slice = Slice::take(found.operation, &mut pairs, &head.headers);
    if let Some(cluster) = cluster {
        let call = Call::new(site, asker.clone(), found, Value::Null, format, peer);
        let (headers, method) = (&head.headers, head.method.clone());
        let once = Once::of(found.operation, headers, &bytes);
        let incoming = forward::Incoming {
            headers,
            method,
            found,
            query: pairs,
            slice,
            body: bytes.clone(),
            asker,
            once,
        };
        return Ok(forward::respond(cluster, incoming, call).await);
    }
    let document = match document {
        Some(_) if !pairs.is_empty() => {
            let why = "Unexpected HTTP body provided when URL Query provided";
            return Err(away(StatusCode::BAD_REQUEST, why));
        }
        Some(document) => document,
        None => Value::from_query(pairs),
    };
    let mut call = Call::new(site, asker, found, document, format, peer);
    call.slice = slice;
    call.script_lines = script_options::Wish::of(&head.headers);
    call.is_question = test_only::is_asked(&head.headers);
    call.once = Once::of(found.operation, &head.headers, &bytes);
    Ok(handlers::run(found.operation, call).await)
}

fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Tells whether a cluster behind us knows whoever asks, whose token is none of ours.
async fn is_known(site: &Site, headers: &HeaderMap) -> bool {
    let Some(cluster) = &site.cluster else { return false };
    let (token, name) = tokens::shown(headers);
    cluster.knows(&token, name.as_deref()).await
}

async fn read(
    site: &Site,
    body: Incoming,
    length: Option<u64>,
    is_trusted: bool,
) -> Result<bytes::Bytes, TurnedAway> {
    let most = if is_trusted { LARGEST_BODY } else { LARGEST_UNTRUSTED };
    site.bodies.read(body, length, most).await.map_err(|why| match why {
        NoBody::TooLarge => too_large(),
        NoBody::Broken => away(StatusCode::BAD_REQUEST, "Failure during parsing"),
    })
}

fn document<'a>(headers: &HeaderMap, written: &'a str) -> Result<Option<Value<'a>>, TurnedAway> {
    if written.is_empty() {
        return Ok(None);
    }
    let most = MOST_VALUES.max(written.len() / BYTES_FOR_VALUE);
    match media::body_form(headers.get(CONTENT_TYPE)) {
        BodyForm::Known(Format::Json) => {
            slurm_wire::json::parse_within(written, most).map(Some).map_err(|why| match why {
                JsonError::TooMany => too_many(),
                _ => away(StatusCode::BAD_REQUEST, "Failure during parsing"),
            })
        }
        BodyForm::Known(Format::Yaml(_)) => {
            slurm_wire::yaml::parse_within(written, most).map(Some).map_err(|why| match why {
                YamlError::TooMany => too_many(),
                _ => away(StatusCode::INTERNAL_SERVER_ERROR, "Unable to convert Data type"),
            })
        }
        BodyForm::Unknown => {
            Err(away(StatusCode::UNSUPPORTED_MEDIA_TYPE, "MIME type is unknown to any loaded plugins"))
        }
        BodyForm::Unreadable => Err(unspecified()),
    }
}

fn unspecified() -> TurnedAway {
    away(StatusCode::INTERNAL_SERVER_ERROR, "Unspecified error")
}

fn too_large() -> TurnedAway {
    away(StatusCode::PAYLOAD_TOO_LARGE, "HTTP Content-Length header too large to process")
}

fn too_many() -> TurnedAway {
    away(StatusCode::PAYLOAD_TOO_LARGE, "HTTP body has too many values to process")
}

fn unacceptable(why: Unacceptable) -> TurnedAway {
    match why {
        Unacceptable::Unknown => away(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "HTTP Accept header content type is unknown or unsupported",
        ),
        Unacceptable::WebForm => TurnedAway {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            content_type: "application/x-www-form-urlencoded",
            why: "Requested operation not supported on this system",
        },
    }
}
