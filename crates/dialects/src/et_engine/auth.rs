//! Credentials → who asks: the key alone, or behind `Bearer`.

use super::EtEngine;
use super::error::EtError;
use super::handlers::blocking;
use super::keys::ApiKey;
use super::record::Key;
use super::shelves::by_id;
use crate::site::Site;
use domain::job::Owner;
use domain::who::{Person, Principal};
use domain::{Gid, Uid};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use std::sync::Arc;

/// What keys are called that were made on the command line.
const BY_COMMAND: &str = "command line";

/// Who asks.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The user and what the user may do.
    pub(super) principal: Principal,
    /// As whom jobs run.
    pub(super) owner: Owner,
    /// The user as the machine knows it.
    pub(super) person: Person,
}

impl Caller {
    /// Returns the user's name.
    pub(super) fn name(&self) -> &str {
        &self.person.name
    }

    /// Returns the user's number.
    pub(super) fn uid(&self) -> Uid {
        self.person.uid
    }
}

/// Finds out who asks.
pub(super) async fn caller(site: &Arc<Site>, et: &EtEngine, headers: &HeaderMap) -> Result<Caller, EtError> {
    let missing = EtError::Unauthenticated("Missing authorization header");
    let header = headers.get(AUTHORIZATION).ok_or(missing)?;
    let invalid = || EtError::Unauthenticated("Invalid API key");
    let text = header.to_str().map_err(|_| invalid())?.trim();
    let written = match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => rest.trim(),
        _ => text,
    };
    let key = et.keys.read(written).ok_or_else(invalid)?;
    if site.jobs.clock().now() >= key.expires {
        return Err(EtError::Unauthenticated("The API key has expired"));
    }
    let (site, et) = (Arc::clone(site), et.clone());
    blocking(move || {
        if is_revoked(&et, &key)? {
            return Err(EtError::Unauthenticated("Invalid API key"));
        }
        let person = site.jobs.directory().person(&key.user).ok_or_else(invalid)?;
        let principal = site.jobs.principal(&person.name);
        Ok(Caller { principal, owner: owner(&person), person })
    })
    .await
}

/// Returns a user as the owner of jobs and files.
pub(super) fn owner(person: &Person) -> Owner {
    let (uid, gid): (Uid, Gid) = (person.uid, person.gid);
    Owner { name: person.name.clone(), uid, gid, group: person.group.clone() }
}

/// Looks whether a key was taken back, here or on the command line. One that was made without us is remembered from now on.
fn is_revoked(et: &EtEngine, key: &ApiKey) -> Result<bool, EtError> {
    let name = by_id(key.id);
    if et.is_taken_back(&name)? {
        return Ok(true);
    }
    if let Some(known) = et.shelves.get::<Key>(&key.user, &name)? {
        return Ok(known.revoked);
    }
    let (made, expires) = (key.made.seconds(), key.expires.seconds());
    let known =
        Key { name: BY_COMMAND.to_owned(), description: String::new(), made, expires, revoked: false };
    et.shelves.put_new(&key.user, &name, &known)?;
    Ok(false)
}
