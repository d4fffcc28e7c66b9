//! Makes the credentials that the recorded conversations used, good ones and bad ones, from the service's key.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;

/// `{"alg":"none","typ":"JWT"}`, as it stands in front of a token that nobody signed.
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// The claims of Slurm's tokens.
#[derive(Serialize)]
struct Claims<'a> {
    exp: u64,
    iat: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sun: Option<&'a str>,
}

/// Every token of the recording by the name it has there.
pub(crate) struct Tokens(BTreeMap<String, String>);

impl Tokens {
    /// Makes all of them with the service's HS256 key.
    pub(crate) fn mint(key: &[u8]) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let good = |user| Claims { exp: now + 86_400, iat: now, sun: Some(user) };
        let mut tokens = BTreeMap::new();
        for user in ["root", "alice", "bob", "carol", "slurm", "ghost"] {
            tokens.insert(user.to_owned(), signed(&good(user), key)?);
        }
        let alice = signed(&good("alice"), key)?;
        let claims = alice.split('.').nth(1).unwrap_or_default();
        tokens.insert("algnone".to_owned(), format!("{UNSIGNED}.{claims}."));
        tokens.insert("minted".to_owned(), alice);
        let expired = Claims { exp: now - 10, iat: now - 100, sun: Some("alice") };
        tokens.insert("expired".to_owned(), signed(&expired, key)?);
        tokens.insert("wrongkey".to_owned(), signed(&good("alice"), &[b'x'; 32])?);
        tokens.insert("nosun".to_owned(), signed(&Claims { exp: now + 86_400, iat: now, sun: None }, key)?);
        Ok(Self(tokens))
    }

    /// Returns a token by the name it has in the recording; empty for names without one.
    pub(crate) fn named(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Puts tokens where a recorded request says `<TOKEN:name>`.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, (name, token)| text.replace(&format!("<TOKEN:{name}>"), token))
    }
}

fn signed(claims: &Claims<'_>, key: &[u8]) -> Result<String> {
    Ok(encode(&Header::default(), claims, &EncodingKey::from_secret(key))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unsigned_token_has_claims_and_no_signature() {
        let tokens = Tokens::mint(b"key").unwrap();
        let parts: Vec<_> = tokens.named("algnone").split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!((parts[0], parts[2]), (UNSIGNED, ""));
        assert_eq!(tokens.fill("a <TOKEN:bob> b"), format!("a {} b", tokens.named("bob")));
    }
}
