//! The pair of keys that ClusterCockpit's tokens are signed and checked with (Ed25519), and the tokens.

use domain::{Text, Timestamp};
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// Longer tokens are nobody's.
const LONGEST: usize = 8192;
/// What stands before the 32 bytes of a private key in PKCS #8 (RFC 8410, section 7).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// What is wrong with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CockpitKeyError {
    /// It has another length.
    #[error("the private key has {0} bytes; it has 64, seed and public key, or 32, the seed alone")]
    Length(usize),
    /// Its halves do not belong together.
    #[error("the second half of the private key is not the public key of the first")]
    Halves,
}

/// Makes and checks tokens.
pub struct CockpitKeys {
    signing: SigningKey,
    checking: DecodingKey,
    rules: Validation,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    roles: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    projects: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exp: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    iat: Option<f64>,
}

/// Whom a token names, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bearer {
    /// The user; empty if the token names none.
    pub(crate) name: Text,
    /// Its roles, in lower case.
    pub(crate) roles: Vec<Text>,
    /// The projects it manages.
    pub(crate) projects: Vec<Text>,
    /// When the token ends, seconds since 1970; `None` for never.
    pub(crate) until: Option<i64>,
}

fn names(value: &Value) -> Vec<Text> {
    let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(|name| Text::from(name.to_lowercase())).collect()
}

impl CockpitKeys {
    /// Makes keys of the bytes of a private key: its seed, or the seed and the public key behind it.
    ///
    /// # Errors
    /// [`CockpitKeyError`].
    pub fn new(bytes: &[u8]) -> Result<Self, CockpitKeyError> {
        let seed = bytes.first_chunk::<32>().filter(|_| matches!(bytes.len(), 32 | 64));
        let signing = SigningKey::from_bytes(seed.ok_or(CockpitKeyError::Length(bytes.len()))?);
        let public = signing.verifying_key();
        if bytes.get(32..).is_some_and(|rest| !rest.is_empty() && rest != public.as_bytes()) {
            return Err(CockpitKeyError::Halves);
        }
        let mut rules = Validation::new(Algorithm::EdDSA);
        // Times are compared here, against the service's own clock; they may be missing.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let checking = DecodingKey::from_ed_der(public.as_bytes());
        Ok(CockpitKeys { signing, checking, rules })
    }

    /// Returns the private key: its seed, and the public key behind it.
    pub fn private(&self) -> [u8; 64] {
        self.signing.to_keypair_bytes()
    }

    /// Returns the public key.
    pub fn public(&self) -> [u8; 32] {
        self.signing.verifying_key().to_bytes()
    }

    /// Makes a token for a user with roles; without a lifespan it never ends. `None` if the key cannot sign.
    pub fn mint(
        &self,
        user: &str,
        roles: &[String],
        now: Timestamp,
        lifespan: Option<Duration>,
    ) -> Option<String> {
        let seconds = |at: Timestamp| at.seconds() as f64;
        let claims = Claims {
            sub: Some(user.to_owned()),
            roles: Value::from(roles.to_vec()),
            projects: None,
            exp: lifespan.map(|lifespan| seconds(now.after(lifespan))),
            nbf: None,
            iat: Some(seconds(now)),
        };
        let der: Vec<u8> = PKCS8.into_iter().chain(self.signing.to_bytes()).collect();
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(&der)).ok()
    }

    /// Returns whose token this is.
    ///
    /// # Errors
    /// Why it does not hold.
    pub(crate) fn bearer(&self, token: &str, now: Timestamp) -> Result<Bearer, &'static str> {
        if token.len() > LONGEST {
            return Err("token is malformed");
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.rules)
            .map_err(|_| "token is no Ed25519 token of this service")?
            .claims;
        let now = now.seconds() as f64;
        if claims.exp.is_some_and(|exp| exp <= now) {
            return Err("token is expired");
        }
        if claims.nbf.is_some_and(|nbf| nbf > now) || claims.iat.is_some_and(|iat| iat > now + 60.0) {
            return Err("token is not valid yet");
        }
        Ok(Bearer {
            name: claims.sub.unwrap_or_default().into(),
            roles: names(&claims.roles),
            projects: claims.projects.as_ref().map(names).unwrap_or_default(),
            until: claims.exp.map(|exp| exp as i64),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_token_is_accepted_until_it_ends() {
        let keys = CockpitKeys::new(&[7; 32]).unwrap();
        let roles = ["api".to_owned(), "Admin".to_owned()];
        let token = keys.mint("alice", &roles, NOW, Some(Duration::from_secs(60))).unwrap();
        let bearer = keys.bearer(&token, NOW).unwrap();
        assert_eq!((bearer.name.as_str(), bearer.roles), ("alice", vec!["api".into(), "admin".into()]));
        assert_eq!(keys.bearer(&token, NOW.after(Duration::from_secs(61))), Err("token is expired"));
        let forever = keys.mint("alice", &[], NOW, None).unwrap();
        assert!(keys.bearer(&forever, NOW.after(Duration::from_secs(1 << 30))).is_ok());
        assert!(CockpitKeys::new(&keys.private()).is_ok());
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let keys = CockpitKeys::new(&[7; 32]).unwrap();
        let foreign = CockpitKeys::new(&[8; 32]).unwrap().mint("a", &[], NOW, None).unwrap();
        let shared = jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            &serde_json::json!({"sub": "a", "roles": ["api"]}),
            &EncodingKey::from_secret(&keys.public()),
        )
        .unwrap();
        for token in ["", "a.b.c", &foreign, &shared] {
            assert!(keys.bearer(token, NOW).is_err(), "{token}");
        }
        let mut halves = keys.private();
        halves[40] ^= 1;
        assert_eq!(CockpitKeys::new(&halves).err(), Some(CockpitKeyError::Halves));
        assert_eq!(CockpitKeys::new(&[1; 33]).err(), Some(CockpitKeyError::Length(33)));
    }

    #[test]
    fn roles_that_are_no_list_are_none() {
        let keys = CockpitKeys::new(&[7; 32]).unwrap();
        let der: Vec<u8> = PKCS8.into_iter().chain([7; 32]).collect();
        let claims = serde_json::json!({"roles": "api"});
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(&der));
        assert_eq!(keys.bearer(&token.unwrap(), NOW), Ok(Bearer::default()));
    }
}
