//! How a request carries a token, and for whom it may speak (facts 2.2).

use super::Keyring;
use domain::cluster::Cluster;
use domain::{Text, Timestamp};
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

const USER_NAME: &str = "x-slurm-user-name";
const USER_TOKEN: &str = "x-slurm-user-token";

/// What the credentials of a request amount to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// There are none.
    Nobody,
    /// There are some, and they do not hold.
    Refused,
    /// This user.
    User(Text),
}

/// Finds out who asks.
pub(crate) fn caller(headers: &HeaderMap, keys: &Keyring, cluster: &Cluster, now: Timestamp) -> Caller {
    let Some(token) = token(headers) else { return Caller::Nobody };
    let Some(user) = token.and_then(|token| keys.user(token, now)) else { return Caller::Refused };
    match headers.get(USER_NAME) {
        None => Caller::User(user),
        Some(name) if name.as_bytes() == user.as_bytes() => Caller::User(user),
        // Root and the service's own user may speak for anybody, even for names nobody knows.
        Some(name) if user == "root" || user == cluster.limits.service_user => {
            match name.to_str().ok().filter(|name| !name.is_empty()) {
                Some(name) => Caller::User(Text::from(name)),
                None => Caller::Refused,
            }
        }
        Some(_) => Caller::Refused,
    }
}

/// Returns the token of a request and the name beside it as they are, whether they hold or not; a token that cannot be
/// one is empty.
pub(crate) fn shown(headers: &HeaderMap) -> (String, Option<String>) {
    let name = headers.get(USER_NAME).map(|name| name.to_str().unwrap_or_default().to_owned());
    (token(headers).flatten().unwrap_or_default().to_owned(), name)
}

/// Returns the token, `Some(None)` where something is in its place that cannot be one.
fn token(headers: &HeaderMap) -> Option<Option<&str>> {
    if let Some(token) = headers.get(USER_TOKEN) {
        return Some(token.to_str().ok());
    }
    // The scheme is case-sensitive, as in the original.
    let token = headers.get(AUTHORIZATION)?.as_bytes().strip_prefix(b"Bearer ")?;
    Some(std::str::from_utf8(token).ok().map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::mint;
    use hyper::header::{HeaderName, HeaderValue};
    use std::time::Duration;

    const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn credentials_are_weighed() {
        let keys = Keyring::new(KEY).unwrap();
        let snapshot = domain::state::Snapshot::default();
        let [alice, root, slurm] =
            ["alice", "root", "slurm"].map(|name| mint(KEY, name, NOW, Duration::from_secs(9)).unwrap());
        let bearer = format!("Bearer {alice}");
        let lower = format!("bearer {alice}");
        let user = |name: &str| Caller::User(name.into());
        let cases: [(&[(&str, &str)], Caller); 13] = [
            (&[], Caller::Nobody),
            (&[(USER_NAME, "alice")], Caller::Nobody),
            (&[("authorization", &lower)], Caller::Nobody),
            (&[("authorization", "Basic YTpi")], Caller::Nobody),
            (&[("authorization", &bearer)], user("alice")),
            (&[(USER_TOKEN, &alice)], user("alice")),
            (&[(USER_TOKEN, &alice), (USER_NAME, "alice")], user("alice")),
            (&[(USER_TOKEN, &alice), (USER_NAME, "bob")], Caller::Refused),
            (&[(USER_TOKEN, &alice), (USER_NAME, "")], Caller::Refused),
            (&[(USER_TOKEN, ""), (USER_NAME, "alice")], Caller::Refused),
            (&[(USER_TOKEN, "garbage")], Caller::Refused),
            (&[(USER_TOKEN, &root), (USER_NAME, "bob")], user("bob")),
            (&[(USER_TOKEN, &slurm), (USER_NAME, "stranger")], user("stranger")),
        ];
        for (headers, wanted) in cases {
            let headers = headers
                .iter()
                .map(|(name, value)| {
                    (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
                })
                .collect();
            assert_eq!(caller(&headers, &keys, &snapshot.cluster, NOW), wanted, "{headers:?}");
        }
    }
}
