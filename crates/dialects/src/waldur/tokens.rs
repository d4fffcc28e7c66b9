//! The tokens of this dialect: 40 hexadecimal digits that say whose they are, since when and for how long, and prove it. Each
//! use renews a token; what is remembered of one is kept under a hash of it.

use domain::Timestamp;
use domain::ports::{Shelf, StoreError};
use hmac::{Hmac, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where it is remembered that tokens were used or given back.
const SHELF: &str = "waldur token";
/// Bytes that say what a token is, before those that prove it.
const CLAIMS: usize = 11;
/// Bytes of a token.
const LENGTH: usize = 20;
/// A lifespan with this bit counts minutes, any other seconds.
const MINUTES: u32 = 1 << 23;
/// The use of a token is written down when so much of its lifespan has passed since the last time.
const SHARE: i64 = 16;
/// Documents read at once.
const PAGE: usize = 1000;

/// Makes tokens and says whose they are.
pub struct WaldurTokens {
    key: Vec<u8>,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claims {
    /// Whose it is, by the number that stands for the name.
    pub(super) user: u32,
    /// Since when, seconds since 1970.
    issued: u32,
    /// How long it lives unused, seconds.
    lifespan: u32,
}

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadToken {
    /// It is none, or was given back.
    Invalid,
    /// It has not been used for too long.
    Expired,
}

impl WaldurTokens {
    /// Makes them under a key.
    pub fn new(key: &[u8]) -> Self {
        WaldurTokens { key: key.to_owned() }
    }

    /// Makes a token of the user with a number that ends when it has not been used for `lifespan`: up to 97 days to the second, up to 15 years to the
    /// minute.
    pub fn mint(&self, user: u32, now: Timestamp, lifespan: Duration) -> String {
        let seconds = lifespan.as_secs().max(1);
        let lifespan = match u32::try_from(seconds) {
            Ok(seconds) if seconds < MINUTES => seconds,
            _ => u32::try_from(seconds / 60).unwrap_or(u32::MAX).min(MINUTES - 1) | MINUTES,
        };
        let issued = u32::try_from(now.seconds().max(0)).unwrap_or(u32::MAX);
        let claims = user.to_be_bytes().into_iter().chain(issued.to_be_bytes());
        let claims: Vec<u8> = claims.chain(lifespan.to_be_bytes().into_iter().skip(1)).collect();
        let proof = self.proof(&claims).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default();
        let bytes = claims.iter().chain(&proof).take(LENGTH);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    fn proof(&self, claims: &[u8]) -> Option<Hmac<Sha256>> {
        // A key of any length will do.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(b"waldur token ");
        mac.update(claims);
        Some(mac)
    }

    /// Returns what a token says, if it is one of this service's.
    fn claims(&self, token: &str) -> Option<Claims> {
        let bytes = bytes_of(token)?;
        let (claims, proof) = bytes.split_at_checked(CLAIMS)?;
        self.proof(claims)?.verify_truncated_left(proof).ok()?;
        let [u0, u1, u2, u3, i0, i1, i2, i3, l0, l1, l2] = *claims.first_chunk()?;
        let written = u32::from_be_bytes([0, l0, l1, l2]);
        let lifespan = if written & MINUTES == 0 { written } else { (written ^ MINUTES).saturating_mul(60) };
        let user = u32::from_be_bytes([u0, u1, u2, u3]);
        Some(Claims { user, issued: u32::from_be_bytes([i0, i1, i2, i3]), lifespan })
    }
}

fn bytes_of(token: &str) -> Option<[u8; LENGTH]> {
    let digits = token.as_bytes();
    if digits.len() != 2 * LENGTH {
        return None;
    }
    let mut bytes = [0; LENGTH];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| pair.get(at).and_then(|digit| char::from(*digit).to_digit(16));
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

/// What is remembered of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    /// When it was used last, seconds since 1970.
    used: i64,
    /// It was given back.
    #[serde(default)]
    ended: bool,
    /// Nobody will ask for it any more from then on, seconds since 1970.
    until: i64,
}

/// The tokens that are in use.
pub(super) struct Desk {
    tokens: WaldurTokens,
    shelf: Arc<dyn Shelf>,
    /// Locked for a moment only; who writes holds `writing` as well.
    remembered: Mutex<HashMap<String, Remembered>>,
    writing: Mutex<()>,
}

impl Desk {
    /// Opens the desk with what is remembered. Blocks.
    pub(super) fn open(
        tokens: WaldurTokens,
        shelf: Arc<dyn Shelf>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut remembered = HashMap::new();
        let mut after: Option<String> = None;
        loop {
            let page = shelf.list(SHELF, "", after.as_deref(), PAGE)?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (name, document) in page {
                match serde_json::from_slice::<Remembered>(&document) {
                    Ok(known) if known.until >= now.seconds() => {
                        remembered.insert(name, known);
                    }
                    _ => {
                        shelf.remove(SHELF, &name)?;
                    }
                }
            }
        }
        Ok(Desk { tokens, shelf, remembered: Mutex::new(remembered), writing: Mutex::new(()) })
    }

    /// Makes a token for somebody who has logged in.
    pub(super) fn mint(&self, user: u32, now: Timestamp, lifespan: Duration) -> String {
        // One that was made in this second may have been given back already.
        let later = (0..60).map(|second| now.after(Duration::from_secs(second)));
        let mut made = later.map(|at| self.tokens.mint(user, at, lifespan));
        let is_fresh = |token: &String| !self.known(&hashed(token)).is_some_and(|known| known.ended);
        made.find(is_fresh).unwrap_or_else(|| self.tokens.mint(user, now, lifespan))
    }

    fn known(&self, name: &str) -> Option<Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    /// Says whose a token is, and whether it is time to write down that it was used.
    pub(super) fn check(&self, token: &str, now: Timestamp) -> Result<(Claims, bool), BadToken> {
        let claims = self.tokens.claims(token).ok_or(BadToken::Invalid)?;
        let known = self.known(&hashed(token));
        if known.is_some_and(|known| known.ended) {
            return Err(BadToken::Invalid);
        }
        let used = known.map_or(i64::from(claims.issued), |known| known.used.max(claims.issued.into()));
        let lifespan = i64::from(claims.lifespan);
        let idle = now.seconds() - used;
        if idle > lifespan {
            return Err(BadToken::Expired);
        }
        Ok((claims, idle > lifespan / SHARE))
    }

    /// Writes down that a token was used, or given back. Blocks.
    pub(super) fn note(
        &self,
        token: &str,
        claims: Claims,
        ended: bool,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let name = hashed(token);
        let until = now.seconds() + i64::from(claims.lifespan) + 60;
        let note = Remembered { used: now.seconds(), ended, until };
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.known(&name).is_some_and(|known| known.ended) {
            return Ok(());
        }
        let document = serde_json::to_vec(&note).unwrap_or_default();
        self.shelf.put(SHELF, &name, &document)?;
        let gone: Vec<String> = {
            let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.insert(name, note);
            let known = remembered.iter().filter(|(_, known)| known.until < now.seconds());
            let gone: Vec<String> = known.map(|(name, _)| name.clone()).collect();
            for name in &gone {
                remembered.remove(name);
            }
            gone
        };
        for name in gone {
            self.shelf.remove(SHELF, &name)?;
        }
        Ok(())
    }
}

/// Returns the name under which a token is remembered.
fn hashed(token: &str) -> String {
    let digest = Sha256::digest(token.to_ascii_lowercase());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waldur::shelf::MemoryShelf;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn after(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    fn desk(shelf: &Arc<MemoryShelf>) -> Desk {
        Desk::open(WaldurTokens::new(&[7; 32]), Arc::clone(shelf) as Arc<dyn Shelf>, NOW).unwrap()
    }

    #[test]
    fn a_token_holds_as_long_as_it_is_used() {
        let shelf = Arc::new(MemoryShelf::default());
        let token = WaldurTokens::new(&[7; 32]).mint(1000, NOW, Duration::from_secs(160));
        assert_eq!(token.len(), 40);
        let first = desk(&shelf);
        let (claims, is_due) = first.check(&token, after(9)).unwrap();
        assert_eq!((claims.user, is_due), (1000, false));
        assert!(first.check(&token, after(150)).unwrap().1);
        first.note(&token, claims, false, after(150)).unwrap();
        // Also after a restart.
        assert!(desk(&shelf).check(&token, after(300)).is_ok());
        assert_eq!(desk(&shelf).check(&token, after(311)), Err(BadToken::Expired));
        // Nothing is kept of what nobody asks for.
        let late = Desk::open(WaldurTokens::new(&[7; 32]), Arc::clone(&shelf) as Arc<dyn Shelf>, after(1000));
        assert_eq!(late.unwrap().check(&token, after(1000)), Err(BadToken::Expired));
        assert!(shelf.list(SHELF, "", None, 1).unwrap().is_empty());
    }

    #[test]
    fn what_was_given_back_stays_so() {
        let shelf = Arc::new(MemoryShelf::default());
        let own = desk(&shelf);
        let token = own.mint(1000, NOW, Duration::from_secs(600));
        let (claims, _) = own.check(&token, NOW).unwrap();
        own.note(&token, claims, true, NOW).unwrap();
        own.note(&token, claims, false, NOW).unwrap();
        assert_eq!(own.check(&token, NOW), Err(BadToken::Invalid));
        assert_eq!(desk(&shelf).check(&token, NOW), Err(BadToken::Invalid));
        let next = own.mint(1000, NOW, Duration::from_secs(600));
        assert!(next != token && own.check(&next, NOW).is_ok());
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let own = desk(&Arc::new(MemoryShelf::default()));
        let token = own.mint(1000, NOW, Duration::from_secs(600));
        let foreign = WaldurTokens::new(&[8; 32]).mint(1000, NOW, Duration::from_secs(600));
        let other = format!("{:08x}{}", 0, &token[8..]);
        for bad in ["", "0", &"z".repeat(40), &foreign, &other, &token[..38]] {
            assert_eq!(own.check(bad, NOW), Err(BadToken::Invalid), "{bad}");
        }
        let long = own.mint(1, NOW, Duration::from_secs(86_400 * 365));
        assert_eq!(own.check(&long, NOW).unwrap().0.lifespan, 86_400 * 365);
    }
}
