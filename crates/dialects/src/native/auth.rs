//! Credentials → who asks: the same as in Slurm's dialect, but whoever is turned away is told why.

use super::error::NativeError;
use crate::site::Site;
use crate::tokens::{Caller, Keyring, caller};
use domain::Timestamp;
use domain::who::Principal;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

/// Why credentials do not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadCredentials {
    /// There are none.
    #[error("no token")]
    None,
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It is no token, or another service's.
    #[error("the token is not signed with this service's key")]
    Foreign,
    /// It is somebody else's.
    #[error("the token belongs to {0}, not to the user named by X-SLURM-USER-NAME")]
    NotTheirs(String),
}

/// Finds out who asks.
pub(super) fn principal(site: &Site, headers: &HeaderMap) -> Result<Principal, NativeError> {
    let now = site.jobs.clock().now();
    let snapshot = site.jobs.snapshot();
    match caller(headers, &site.keys, &snapshot.cluster, now) {
        Caller::User(name) => Ok(site.jobs.principal(&name)),
        Caller::Nobody => Err(NativeError::Unauthenticated(BadCredentials::None)),
        Caller::Refused => Err(NativeError::Unauthenticated(why(headers, &site.keys, now))),
    }
}

/// Says what is wrong with credentials that were refused.
fn why(headers: &HeaderMap, keys: &Keyring, now: Timestamp) -> BadCredentials {
    let header = headers.get("x-slurm-user-token").or_else(|| headers.get(AUTHORIZATION));
    let text = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    let token = text.strip_prefix("Bearer ").unwrap_or(text).trim();
    if let Some(user) = keys.user(token, now) {
        return BadCredentials::NotTheirs(user.to_string());
    }
    // At the beginning of time no token had expired: what holds then is ours.
    match keys.user(token, Timestamp::EPOCH) {
        Some(_) => BadCredentials::Expired,
        None => BadCredentials::Foreign,
    }
}
