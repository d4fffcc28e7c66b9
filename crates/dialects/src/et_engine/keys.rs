//! The keys that programs show: what they stand for is in them, under a seal of this service. So a key can be made without
//! the service, nobody can find out other people's keys from what is stored, and only those taken back are remembered.

use super::shelves::by_id;
use super::uuid::{hex, unhex};
use crate::revocable::Revocable;
use domain::{Text, Timestamp};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::Duration;

/// What every key begins with, so that it is recognised where it should not be.
const PREFIX: &str = "et1";
/// Bytes of the seal.
const SEAL: usize = 16;
/// Longer keys are nobody's.
const LONGEST: usize = 1024;

/// What a key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    /// Number of the key.
    pub(crate) id: u128,
    /// Whose it is.
    pub(crate) user: Text,
    /// When it was made, in whole seconds.
    pub(crate) made: Timestamp,
    /// From when on it is good for nothing.
    pub(crate) expires: Timestamp,
}

/// Makes and checks keys.
#[derive(Clone)]
pub struct EtKeys(Hmac<Sha256>);

impl EtKeys {
    /// Makes one of a secret of any length; a short one is a weak one.
    pub fn new(secret: &[u8]) -> Self {
        // The length does not matter to this function, so it cannot fail.
        let hmac = Hmac::new_from_slice(secret).unwrap_or_else(|_| Hmac::new(&Default::default()));
        EtKeys(hmac)
    }

    /// Returns a key for another purpose, which stays the same as long as this one's secret does.
    pub(super) fn derived(&self, purpose: &[u8]) -> [u8; 16] {
        // Keys that are sealed begin with a number of 16 bytes; no purpose is as long.
        let derived = self.0.clone().chain_update(purpose).finalize().into_bytes();
        derived.first_chunk().copied().unwrap_or_default()
    }

    /// Makes a key for a user that is good for some time from now on.
    pub fn mint(&self, user: &str, now: Timestamp, lifespan: Duration) -> String {
        self.issue(user, now, lifespan).0
    }

    /// Makes a key, and says what it stands for.
    pub(super) fn issue(&self, user: &str, now: Timestamp, lifespan: Duration) -> (String, ApiKey) {
        let expires = Timestamp::from_seconds(now.after(lifespan).seconds());
        let made = Timestamp::from_seconds(now.seconds());
        let key = ApiKey { id: rand::random(), user: Text::from(user), made, expires };
        (self.written(&key), key)
    }

    /// Returns what must be remembered of a key that is taken back; `None` if it is not one of ours.
    pub fn revocable(&self, written: &str) -> Option<Revocable> {
        let key = self.read(written)?;
        Some(Revocable {
            api: super::NAME,
            name: by_id(key.id),
            user: key.user.into_string(),
            until: key.expires,
        })
    }

    fn written(&self, key: &ApiKey) -> String {
        let mut sealed = key.id.to_be_bytes().to_vec();
        sealed.extend(key.made.seconds().to_be_bytes());
        sealed.extend(key.expires.seconds().to_be_bytes());
        sealed.extend(key.user.as_bytes());
        let seal = self.0.clone().chain_update(&sealed).finalize().into_bytes();
        sealed.extend(seal.iter().take(SEAL));
        format!("{PREFIX}{}", hex(&sealed))
    }

    /// Reads a key; `None` if it is not one of ours. Whether it is too old, or was taken back, is another question.
    pub(super) fn read(&self, written: &str) -> Option<ApiKey> {
        let bytes = unhex(written.strip_prefix(PREFIX).filter(|rest| rest.len() <= LONGEST)?)?;
        let (sealed, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        self.0.clone().chain_update(sealed).verify_truncated_left(seal).ok()?;
        let (id, rest) = sealed.split_first_chunk::<16>()?;
        let (made, rest) = rest.split_first_chunk::<8>()?;
        let (expires, user) = rest.split_first_chunk::<8>()?;
        let time = |bytes: &[u8; 8]| Timestamp::from_seconds(i64::from_be_bytes(*bytes));
        Some(ApiKey {
            id: u128::from_be_bytes(*id),
            user: Text::from(std::str::from_utf8(user).ok()?),
            made: time(made),
            expires: time(expires),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_says_whose_it_is_and_nobody_else_can_make_one() {
        let keys = EtKeys::new(&[7; 32]);
        let now = Timestamp::from_micros(1_800_000_000_999_999);
        let (written, key) = keys.issue("alice", now, Duration::from_secs(60));
        assert_eq!(
            (key.user.as_str(), key.made.seconds(), key.expires.seconds()),
            ("alice", 1_800_000_000, 1_800_000_060)
        );
        let until = Timestamp::from_seconds(1_800_000_060);
        let wanted = Revocable { api: "et-engine", name: by_id(key.id), user: "alice".to_owned(), until };
        assert_eq!(keys.revocable(&written), Some(wanted));
        assert_eq!(keys.revocable("et1"), None);
        assert_eq!(keys.read(&written), Some(key));
        assert_ne!(keys.mint("alice", now, Duration::from_secs(60)), written);
        assert_eq!(EtKeys::new(&[8; 32]).read(&written), None);
        for at in 0..written.len() {
            let mut other = written.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(keys.read(std::str::from_utf8(&other).unwrap()), None, "{at}");
        }
        for nonsense in ["", "et1", "et1zz", "et1é", &written[..written.len() - 2], &format!("{written}00")]
        {
            assert_eq!(keys.read(nonsense), None, "{nonsense}");
        }
    }
}
