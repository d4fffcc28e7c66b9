//! The key, and the tokens that were found to be signed with it.

use super::claims::Claims;
use domain::{Text, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How many checked tokens are remembered; checking costs some microseconds, so losing them is no harm.
const REMEMBERED: usize = 4096;
/// Longer tokens are not Slurm's.
const LONGEST: usize = 8192;

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Slurm wants at least 16 bytes; anything shorter can be guessed.
    #[error("the token key has {0} bytes, it needs at least 16")]
    Short(usize),
}

/// Checks tokens against one key.
pub struct Keyring {
    key: DecodingKey,
    rules: Validation,
    checked: RwLock<HashMap<Box<str>, Checked>>,
}

#[derive(Clone)]
struct Checked {
    user: Text,
    expires: i64,
}

impl Keyring {
    /// Makes a keyring from the raw bytes of the key file.
    ///
    /// # Errors
    /// [`KeyringError::Short`].
    pub fn new(key: &[u8]) -> Result<Self, KeyringError> {
        if key.len() < 16 {
            return Err(KeyringError::Short(key.len()));
        }
        let mut rules = Validation::new(Algorithm::HS256);
        // Time is compared here, against the service's own clock; an audience or a start time mean nothing to Slurm.
        rules.validate_exp = false;
        rules.validate_aud = false;
        rules.set_required_spec_claims(&["exp"]);
        Ok(Keyring { key: DecodingKey::from_secret(key), rules, checked: RwLock::default() })
    }

    /// Returns whose token this is; `None` if it is not ours, or not valid any more.
    pub fn user(&self, token: &str, now: Timestamp) -> Option<Text> {
        if token.len() > LONGEST {
            return None;
        }
        let known = self.checked.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned();
        let checked = match known {
            Some(checked) => checked,
            None => self.check(token)?,
        };
        (checked.expires > now.seconds()).then_some(checked.user)
    }

    fn check(&self, token: &str) -> Option<Checked> {
        let claims = jsonwebtoken::decode::<Claims>(token, &self.key, &self.rules).ok()?.claims;
        let expires = claims.exp;
        let checked = Checked { user: Text::from(claims.user()?), expires };
        let mut known = self.checked.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(token.into(), checked.clone());
        Some(checked)
    }
}

/// Makes a token for a user, as `scontrol token` would; `None` if the key cannot sign.
pub fn mint(key: &[u8], user: &str, now: Timestamp, lifespan: Duration) -> Option<String> {
    let claims = Claims {
        exp: now.after(lifespan).seconds(),
        iat: Some(now.seconds()),
        sun: Some(user.to_owned()),
        ..Claims::default()
    };
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(key)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_minted_token_is_accepted_until_it_expires() {
        let token = mint(KEY, "alice", NOW, Duration::from_secs(60)).unwrap();
        let keyring = Keyring::new(KEY).unwrap();
        for _ in 0..2 {
            assert_eq!(keyring.user(&token, NOW).as_deref(), Some("alice"));
            assert_eq!(keyring.user(&token, NOW.after(Duration::from_secs(61))), None);
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let keyring = Keyring::new(KEY).unwrap();
        let foreign = mint(b"another key, long enough", "alice", NOW, Duration::from_secs(60)).unwrap();
        let nobody = mint(KEY, "", NOW, Duration::from_secs(60)).unwrap();
        // {"alg":"none"} with good claims.
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", nobody.split('.').nth(1).unwrap());
        for token in ["", "garbage", "a.b.c", &foreign, &nobody, &unsigned] {
            assert_eq!(keyring.user(token, NOW), None, "{token}");
        }
        assert_eq!(Keyring::new(b"short").err(), Some(KeyringError::Short(5)));
    }

    #[test]
    fn other_issuers_may_name_the_user_differently() {
        let keyring = Keyring::new(KEY).unwrap();
        let claims = Claims { exp: NOW.seconds() + 9, sub: Some("bob".into()), ..Claims::default() };
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &EncodingKey::from_secret(KEY))
                .unwrap();
        assert_eq!(keyring.user(&token, NOW).as_deref(), Some("bob"));
    }
}
