//! Who asks: a token in `Authorization: Token …` (facts A6). Each use renews it.

use super::Waldur;
use super::error::WaldurError;
use super::tokens::{BadToken, Claims};
use crate::site::Site;
use domain::who::Principal;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::sync::Arc;

const NONE: &str = "Authentication credentials were not provided.";
const EMPTY: &str = "Invalid token. No credentials provided.";
const SPACES: &str = "Invalid token. Token string should not contain spaces.";
const SIGNS: &str = "Invalid token. Token string should not contain invalid characters.";
const INVALID: &str = "Invalid token.";
const EXPIRED: &str = "Token has expired.";
const INACTIVE: &str = "User inactive or deleted.";

/// Somebody who has proved who they are.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// Who it is.
    pub(super) by: Principal,
    /// By what.
    pub(super) token: String,
    /// What that says.
    pub(super) claims: Claims,
}

/// Finds out who asks.
pub(super) async fn caller(
    site: &Arc<Site>,
    waldur: &Arc<Waldur>,
    headers: &HeaderMap,
) -> Result<Caller, WaldurError> {
    let refused = WaldurError::Unauthenticated;
    let header = headers.get(AUTHORIZATION).ok_or(refused(NONE))?;
    let Ok(header) = header.to_str() else {
        // Only what is meant for this API is looked at closely.
        let is_ours = header.as_bytes().to_ascii_lowercase().starts_with(b"token ");
        return Err(refused(if is_ours { SIGNS } else { NONE }));
    };
    let mut words = header.split_ascii_whitespace();
    if !words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("token")) {
        return Err(refused(NONE));
    }
    let token = words.next().ok_or(refused(EMPTY))?.to_owned();
    if words.next().is_some() {
        return Err(refused(SPACES));
    }
    let now = site.jobs.clock().now();
    let (claims, is_due) = waldur.desk.check(&token, now).map_err(|bad| match bad {
        BadToken::Invalid => refused(INVALID),
        BadToken::Expired => refused(EXPIRED),
    })?;
    let (site, waldur) = (Arc::clone(site), Arc::clone(waldur));
    // Users are looked up, which may wait for somebody else's service.
    super::apart(move || {
        let name = waldur.logins.user_of(claims.user);
        let person = name.and_then(|name| site.jobs.directory().person(&name)).ok_or(refused(INACTIVE))?;
        if is_due {
            // Whoever asks waits for it: a token that was good is not found expired because a disk was slow.
            waldur.desk.note(&token, claims, false, now)?;
        }
        Ok(Caller { by: site.jobs.principal(&person.name), token, claims })
    })
    .await
}
