//! AWS Signature Version 4: whether a request was signed by whom it says. Strict in what proves something, lenient where
//! real clients differ (facts B7).
//!
//! The signature is judged over the bytes of the body, so it is read before. An access key that nobody knows and a
//! signature that is wrong have the same answer after the same work.

mod authorization;
mod canonical;
#[cfg(test)]
mod tests;

use super::error::NifcloudError;
use super::keys::{NifcloudKeys, hmac};
use authorization::Authorization;
use domain::Timestamp;
use hmac::Mac;
use hyper::header::{AUTHORIZATION, DATE, HOST, HeaderMap, HeaderName};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::time::Duration;
use subtle::ConstantTimeEq;

const AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
const BODY_HASH: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// How a scope ends.
const TERMINATOR: &str = "aws4_request";
/// Stands for the hash of a body that was not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// What a signature must be made for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureRules {
    /// The region.
    pub region: String,
    /// Names of the service; any of them will do.
    pub services: Vec<String>,
    /// How far a client's clock may be off, and so for how long a signature can be used.
    pub clock_skew: Duration,
    /// Bodies need not be signed.
    pub unsigned_bodies: bool,
}

/// A request as it was received.
pub(super) struct Received<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// Who signed a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Signer<'a> {
    /// The user's name.
    pub(super) user: String,
    /// With which key.
    pub(super) access_key: &'a str,
}

/// Tells whether a request names an access key of this service, whoever has sent it: nobody else's keep requests of users
/// waiting.
pub(super) fn names_key(keys: &NifcloudKeys, headers: &HeaderMap, now: Timestamp) -> bool {
    let header = only(headers, &AUTHORIZATION).ok().flatten();
    let authorization = header.and_then(|header| Authorization::read(header).ok());
    authorization.is_some_and(|authorization| keys.known(authorization.access_key, now).is_some())
}

/// Returns who signed a request.
///
/// # Errors
/// With the code for whatever is missing or wrong.
pub(super) fn signer<'a>(
    keys: &NifcloudKeys,
    rules: &SignatureRules,
    request: &Received<'a>,
    now: Timestamp,
) -> Result<Signer<'a>, NifcloudError> {
    let header = only(request.headers, &AUTHORIZATION)?.ok_or(NifcloudError::NoAccessKey)?;
    let authorization = Authorization::read(header)?;
    let moment = moment(request.headers, &authorization)?;
    let signed_at = Timestamp::from_seconds(moment.seconds);
    if signed_at.since(now).max(now.since(signed_at)) > rules.clock_skew {
        return Err(NifcloudError::Expired);
    }
    let wrong = NifcloudError::Permission;
    let [day, region, service, terminator] = authorization.scope;
    let is_in_scope = moment.written.get(..8) == Some(day)
        && region == rules.region
        && rules.services.iter().any(|known| known == service)
        && terminator == TERMINATOR;
    if !is_in_scope || only(request.headers, &HOST)?.is_none() || !authorization.signs("host") {
        return Err(wrong);
    }
    let body_hash = body_hash(request, rules)?;
    let canonical = canonical::Request {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: request.headers,
        signed: &authorization.signed,
        body_hash: &body_hash,
    };
    let forms = canonical.canonical().ok_or(wrong)?;
    let known = keys.known(authorization.access_key, now);
    let secret =
        known.as_ref().map_or_else(|| keys.secret(authorization.access_key), |known| known.secret.clone());
    let key = signing_key(&secret, authorization.scope);
    let scope = authorization.scope.join("/");
    let mut is_right = subtle::Choice::from(0);
    for form in &forms {
        let digest = hex(&Sha256::digest(form.as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{digest}", moment.written);
        let signature = hex(&mac(&key, to_sign.as_bytes()));
        is_right |= signature.as_bytes().ct_eq(authorization.signature.as_bytes());
    }
    match known {
        Some(known) if bool::from(is_right) => {
            Ok(Signer { user: known.user, access_key: authorization.access_key })
        }
        _ => Err(wrong),
    }
}

/// When a request was signed.
struct Moment {
    seconds: i64,
    /// As it stands in what was signed: `20150830T123600Z`.
    written: String,
}

/// Reads when the request was signed: `X-Amz-Date`, or a signed `Date`, as old clients have it.
fn moment(headers: &HeaderMap, authorization: &Authorization<'_>) -> Result<Moment, NifcloudError> {
    let wrong = NifcloudError::Permission;
    let (text, is_signed) = match (only(headers, &AMZ_DATE)?, only(headers, &DATE)?) {
        (Some(text), _) => (text, authorization.signs(AMZ_DATE.as_str())),
        (None, Some(text)) if authorization.signs(DATE.as_str()) => (text, true),
        (None, _) => return Err(NifcloudError::NoSignature),
    };
    let basic = DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok().filter(|_| text.len() == 16);
    let time = match basic.map(|time| time.to_zoned(TimeZone::UTC)) {
        Some(time) => time.map_err(|_| wrong)?.timestamp(),
        None => jiff::fmt::rfc2822::parse(text).map_err(|_| wrong)?.timestamp(),
    };
    if !is_signed {
        return Err(wrong);
    }
    let written = time.strftime("%Y%m%dT%H%M%SZ").to_string();
    Ok(Moment { seconds: time.as_second(), written })
}

/// Returns the hash that stands for the body in what was signed.
fn body_hash(request: &Received<'_>, rules: &SignatureRules) -> Result<String, NifcloudError> {
    let own = hex(&Sha256::digest(request.body));
    match only(request.headers, &BODY_HASH)? {
        None => Ok(own),
        Some(told) if told.eq_ignore_ascii_case(&own) => Ok(told.to_owned()),
        Some(UNSIGNED) if rules.unsigned_bodies => Ok(UNSIGNED.to_owned()),
        Some(_) => Err(NifcloudError::Permission),
    }
}

/// Returns a header that must not be there twice.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, NifcloudError> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(NifcloudError::Permission);
    }
    let text = first.map(|value| value.to_str().map(str::trim));
    text.transpose().map_err(|_| NifcloudError::Permission)
}

fn signing_key(secret: &str, scope: [&str; 4]) -> Vec<u8> {
    let first = format!("AWS4{secret}").into_bytes();
    scope.iter().fold(first, |key, part| mac(&key, part.as_bytes()))
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = hmac(key);
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
