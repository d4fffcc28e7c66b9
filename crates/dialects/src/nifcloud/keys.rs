//! Access keys and the secrets that belong to them, derived from one key of the state directory: nothing of them is kept
//! anywhere but which were taken back, and whoever has the key can make and check them at any time, also beside a service
//! that runs.
//!
//! An access key is a sealed note, `number, end of life, user`, in letters and digits: sixteen bytes that prove it (an HMAC)
//! and give it its own stream of bytes to hide it under. The number is a random one, so that no two access keys are the
//! same. The secret is an HMAC of the access key.

use crate::revocable::Revocable;
use domain::Timestamp;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Bytes that prove an access key.
const PROOF: usize = 16;
/// Bytes of its number.
const NUMBER: usize = 4;
/// Longest name of a user in an access key.
const LONGEST_NAME: usize = 128;
/// Longest access key; more is not looked at.
const LONGEST_KEY: usize = 256;
/// Fewest bytes of the key from which all are derived.
const SHORTEST: usize = 32;
/// The letters of access keys: RFC 4648's alphabet of 32.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Why access keys cannot be made from a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NifcloudKeyError {
    /// It could be guessed.
    #[error("the key has {0} bytes; it needs at least 32")]
    Short(usize),
    /// Nobody can be called so.
    #[error("\"{0}\" is no user's name")]
    Name(String),
}

/// Makes and checks access keys.
pub struct NifcloudKeys {
    key: Vec<u8>,
}

/// Whose an access key is, and what belongs to it.
pub(super) struct Known {
    /// The user's name.
    pub(super) user: String,
    /// The secret.
    pub(super) secret: String,
}

impl NifcloudKeys {
    /// Takes the key from which all are derived.
    ///
    /// # Errors
    /// If it is too short.
    pub fn new(key: &[u8]) -> Result<Self, NifcloudKeyError> {
        match key.len() {
            length if length < SHORTEST => Err(NifcloudKeyError::Short(length)),
            _ => Ok(NifcloudKeys { key: key.to_vec() }),
        }
    }

    /// Makes an access key for a user, good for as long as is said, and its secret of 40 characters.
    ///
    /// # Errors
    /// If nobody can be called so.
    pub fn mint(
        &self,
        user: &str,
        now: Timestamp,
        lifespan: Duration,
    ) -> Result<(String, String), NifcloudKeyError> {
        if user.is_empty() || user.len() > LONGEST_NAME {
            return Err(NifcloudKeyError::Name(user.to_owned()));
        }
        let end = now.after(lifespan).seconds();
        let mut note = rand::random::<[u8; NUMBER]>().to_vec();
        note.extend(end.to_be_bytes());
        note.extend_from_slice(user.as_bytes());
        let proof = self.proof(&note);
        self.hide(&proof, &mut note);
        let access_key = written(&[proof.as_slice(), &note].concat());
        let secret = self.secret(&access_key);
        Ok((access_key, secret))
    }

    /// Returns whose an access key is; `None` where it is none of ours, or its time is up. Whether it was taken back is
    /// another question.
    pub(super) fn known(&self, access_key: &str, now: Timestamp) -> Option<Known> {
        let (user, end) = self.unsealed(access_key)?;
        (now < end).then(|| Known { user, secret: self.secret(access_key) })
    }

    /// Returns what must be remembered of an access key that is taken back; `None` where it is none of ours.
    pub fn revocable(&self, access_key: &str) -> Option<Revocable> {
        let (user, until) = self.unsealed(access_key)?;
        Some(Revocable { api: super::NAME, name: access_key.to_owned(), user, until })
    }

    /// Returns whose an access key is and when its time is up.
    fn unsealed(&self, access_key: &str) -> Option<(String, Timestamp)> {
        if access_key.len() > LONGEST_KEY {
            return None;
        }
        let bytes = read(access_key)?;
        let (proof, note) = bytes.split_at_checked(PROOF)?;
        let mut note = note.to_vec();
        self.hide(proof, &mut note);
        if !bool::from(self.proof(&note).as_slice().ct_eq(proof)) {
            return None;
        }
        let (end, user) = note.get(NUMBER..)?.split_first_chunk::<8>()?;
        let user = String::from_utf8(user.to_vec()).ok()?;
        Some((user, Timestamp::from_seconds(i64::from_be_bytes(*end))))
    }

    /// Returns the secret of an access key, whether it is one or not: those that are none take the same time.
    pub(super) fn secret(&self, access_key: &str) -> String {
        let mac = self.mac(b"nifcloud secret", &[access_key.as_bytes()]);
        written(&mac).chars().take(40).collect()
    }

    fn proof(&self, note: &[u8]) -> Vec<u8> {
        let mut proof = self.mac(b"nifcloud access key", &[note]);
        proof.truncate(PROOF);
        proof
    }

    /// Covers a note with bytes that depend on its proof, or uncovers it.
    fn hide(&self, proof: &[u8], note: &mut [u8]) {
        for (at, piece) in (0_u32..).zip(note.chunks_mut(32)) {
            let cover = self.mac(b"nifcloud cover", &[proof, &at.to_be_bytes()]);
            for (byte, cover) in piece.iter_mut().zip(cover) {
                *byte ^= cover;
            }
        }
    }

    fn mac(&self, purpose: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        let mut mac = hmac(&self.key);
        mac.update(purpose);
        mac.update(&[0]);
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }
}

/// Begins an HMAC with SHA-256.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    // Keys of an HMAC may have any length; a short one is filled up.
    Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

/// Writes bytes in letters, five bits each.
fn written(bytes: &[u8]) -> String {
    let (mut text, mut held, mut bits) = (String::new(), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(letter(held >> bits));
        }
    }
    if bits > 0 {
        text.push(letter(held << (5 - bits)));
    }
    text
}

fn letter(held: u32) -> char {
    LETTERS.get((held & 31) as usize).map_or('A', |letter| char::from(*letter))
}

/// Reads what was written so; `None` where it could not have been.
fn read(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        held = (held << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).ok()?);
        }
    }
    // Each text stands for other bytes than every other text.
    (bits < 5 && held & ((1 << bits) - 1) == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn keys() -> NifcloudKeys {
        NifcloudKeys::new(&[7; 32]).unwrap()
    }

    #[test]
    fn an_access_key_says_whose_it_is_until_its_time_is_up() {
        let (access_key, secret) = keys().mint("alice", NOW, DAY).unwrap();
        assert_eq!(secret.len(), 40);
        let known = keys().known(&access_key, NOW.after(DAY / 2)).unwrap();
        assert_eq!((known.user.as_str(), known.secret), ("alice", secret));
        assert!(keys().known(&access_key, NOW.after(DAY)).is_none());
        let long = "\u{e9}".repeat(64);
        let (access_key, _) = keys().mint(&long, NOW, DAY).unwrap();
        assert_eq!(keys().known(&access_key, NOW).unwrap().user, long);
        // Each can be taken back by itself, also when its time is up.
        assert_ne!(keys().mint(&long, NOW, DAY).unwrap().0, access_key);
        let (api, name) = ("nifcloud", access_key.clone());
        let wanted = Revocable { api, name, user: long, until: NOW.after(DAY) };
        assert_eq!(keys().revocable(&access_key), Some(wanted));
        assert_eq!(keys().revocable("AKIDEXAMPLE"), None);
    }

    #[test]
    fn what_was_not_made_here_is_nobodys() {
        let (access_key, _) = keys().mint("alice", NOW, DAY).unwrap();
        let other = NifcloudKeys::new(&[8; 32]).unwrap();
        assert!(other.known(&access_key, NOW).is_none());
        for at in 0..access_key.len() {
            let mut changed = access_key.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(keys().known(std::str::from_utf8(&changed).unwrap(), NOW).is_none(), "{at}");
        }
        for nonsense in ["", "AKIDEXAMPLE", "a", "=", &access_key[..20], &"A".repeat(300)] {
            assert!(keys().known(nonsense, NOW).is_none(), "{nonsense}");
        }
    }

    #[test]
    fn bad_keys_and_names_are_refused() {
        assert_eq!(NifcloudKeys::new(b"short").err(), Some(NifcloudKeyError::Short(5)));
        assert!(keys().mint("", NOW, DAY).is_err() && keys().mint(&"x".repeat(129), NOW, DAY).is_err());
    }
}
