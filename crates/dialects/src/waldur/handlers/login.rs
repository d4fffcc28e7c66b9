//! Logging in with a name and a password, and giving a token back (facts A7).

use super::super::lockout::MINUTES;
use super::super::{apart, from_wire};
use super::{Call, WaldurError, json};
use crate::http::answer::{Answer, empty};
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use hyper::StatusCode;
use hyper::body::Incoming;
use serde_json::json as document;
use std::sync::{Arc, LazyLock};

/// Nobody's name and password take more, bytes.
const LARGEST: u64 = 64 << 10;
const WRONG: &str = "Invalid username/password.";
const LOCKED: &str = "Username is locked out. Try in 10 minutes.";
const _: () = assert!(MINUTES == 10, "the sentence says so");

/// Stands for the password of whoever has none: nobody learns from the time it takes whether a name is known.
static NOBODY: LazyLock<String> = LazyLock::new(|| password_hash("nobody's").unwrap_or_default());

/// Makes what is kept of a password (Argon2id, in the PHC format).
///
/// # Errors
/// If the system gives no random numbers.
pub fn password_hash(password: &str) -> Result<String, std::io::Error> {
    let hash = argon2::Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|error| std::io::Error::other(error.to_string()))
}

/// Gives a token for a name and a password.
pub(in super::super) async fn login(call: Call<'_>, body: Incoming) -> Result<Answer, WaldurError> {
    let (name, password) = from_wire::credentials(call.fields_within(body, LARGEST).await?)?;
    let (waldur, peer, now) = (call.waldur, call.peer, call.site.jobs.clock().now());
    if waldur.lockout.holds(&name, peer, now) {
        return Err(WaldurError::Unauthenticated(LOCKED));
    }
    let _turn = waldur.checks.acquire().await.map_err(|_| WaldurError::Bug)?;
    // Others may have failed while this one waited for its turn.
    if waldur.lockout.holds(&name, peer, now) {
        return Err(WaldurError::Unauthenticated(LOCKED));
    }
    let (site, logins, asked) = (Arc::clone(call.site), Arc::clone(&waldur.logins), name.clone());
    let user = apart(move || {
        let kept = logins.hash_of(&asked);
        let hash = kept.as_deref().unwrap_or(&NOBODY);
        let is_right = argon2::Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
        let person = site.jobs.directory().person(&asked);
        let person = person.filter(|_| is_right && kept.is_some());
        Ok(person.map(|person| logins.number_of(&person.name)).transpose()?)
    })
    .await?;
    let Some(user) = user else {
        waldur.lockout.failed(&name, peer, now);
        return Err(WaldurError::Unauthenticated(WRONG));
    };
    waldur.lockout.forgive(&name, peer);
    let token = waldur.desk.mint(user, now, waldur.options.token_lifetime);
    Ok(json(StatusCode::OK, &document!({ "token": token })))
}

/// Takes a token back.
pub(in super::super) async fn logout(call: Call<'_>) -> Result<Answer, WaldurError> {
    let caller = call.caller.clone().ok_or(WaldurError::Bug)?;
    let (waldur, now) = (Arc::clone(call.waldur), call.site.jobs.clock().now());
    apart(move || Ok(waldur.desk.note(&caller.token, caller.claims, true, now)?)).await?;
    Ok(empty(StatusCode::NO_CONTENT))
}
