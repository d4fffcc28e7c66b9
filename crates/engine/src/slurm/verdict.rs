//! Whose tokens the cluster accepts. slurmrestd looks at no token, so that nothing of a copy may be told before
//! slurmctld has accepted one; that is remembered for a short while, by a digest of the token.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long an accepted token is not asked about again.
const ACCEPTED: Duration = Duration::from_secs(30);
/// How long a refused one is not: short, as a user may just have been made.
const REFUSED: Duration = Duration::from_secs(2);
/// Tokens that are remembered.
const REMEMBERED: usize = 50_000;

/// What stands for a token and the name beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Print([u8; 32]);

impl Print {
    pub(super) fn of(token: &str, name: Option<&str>) -> Self {
        let mut digest = Sha256::new();
        digest.update((token.len() as u64).to_le_bytes());
        digest.update(token);
        // No name is another thing than an empty one.
        digest.update([u8::from(name.is_some())]);
        digest.update(name.unwrap_or_default());
        Print(digest.finalize().into())
    }
}

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The cluster accepts it.
    Accepted,
    /// It does not.
    Refused,
    /// It must be asked; when it last accepted it, if it did and the token has not expired since.
    Unknown(Option<Duration>),
}

#[derive(Clone, Copy)]
struct Known {
    is_accepted: bool,
    at: Instant,
    /// In seconds of UNIX time.
    expires: u64,
}

/// The verdicts.
#[derive(Default)]
pub(super) struct Verdicts(Mutex<HashMap<Print, Known>>);

impl Verdicts {
    /// Returns what is known.
    pub(super) fn of(&self, print: &Print) -> Verdict {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(print).copied();
        let Some(known) = known.filter(|known| known.expires > now()) else { return Verdict::Unknown(None) };
        match (known.is_accepted, known.at.elapsed()) {
            (true, age) if age < ACCEPTED => Verdict::Accepted,
            (true, age) => Verdict::Unknown(Some(age)),
            (false, age) if age < REFUSED => Verdict::Refused,
            (false, _) => Verdict::Unknown(None),
        }
    }

    /// Remembers what the cluster said.
    pub(super) fn remember(&self, print: Print, token: &str, is_accepted: bool) {
        let mut verdicts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if verdicts.len() >= REMEMBERED {
            let now = now();
            verdicts.retain(|_, known| known.is_accepted && known.expires > now);
            if verdicts.len() >= REMEMBERED {
                verdicts.clear();
            }
        }
        let expires = claims(token).map_or(u64::MAX, |claims| claims.exp);
        verdicts.insert(print, Known { is_accepted, at: Instant::now(), expires });
    }
}

#[derive(serde::Deserialize)]
struct Claims {
    #[serde(default = "never")]
    exp: u64,
    #[serde(default)]
    sun: Option<String>,
    #[serde(default)]
    username: Option<String>,
    #[serde(default)]
    sub: Option<String>,
}

fn never() -> u64 {
    u64::MAX
}

/// Reads what a token says, without any proof of it.
fn claims(token: &str) -> Option<Claims> {
    Some(jsonwebtoken::dangerous::insecure_decode::<Claims>(token).ok()?.claims)
}

/// Returns whom a token claims to be of. That is to be believed only once the cluster has accepted it.
pub(super) fn claimed_user(token: &str) -> Option<String> {
    let Claims { sun, username, sub, .. } = claims(token)?;
    [sun, username, sub].into_iter().flatten().find(|name| !name.is_empty())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
