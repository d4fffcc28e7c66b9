//! Who has tried too many passwords, and for how long that is held against them.

use domain::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// After so many failures nobody is let in under this name from this address (facts A7).
const MOST: u32 = 4;
/// For so long.
pub(super) const MINUTES: u64 = 10;
/// Names and addresses that are remembered at most; beyond that the oldest are forgotten.
const KNOWN: usize = 10_000;
/// Longer names are not told apart.
const LONGEST: usize = 256;

/// Failures by name and address.
#[derive(Default)]
pub(super) struct Lockout(Mutex<HashMap<(String, IpAddr), (u32, Timestamp)>>);

impl Lockout {
    /// Tells whether nobody is let in under a name from an address.
    pub(super) fn holds(&self, name: &str, from: IpAddr, now: Timestamp) -> bool {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = failures.get(&key(name, from));
        known.is_some_and(|(count, last)| *count >= MOST && is_held(*last, now))
    }

    /// Takes in a failure.
    pub(super) fn failed(&self, name: &str, from: IpAddr, now: Timestamp) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= KNOWN {
            failures.retain(|_, (_, last)| is_held(*last, now));
        }
        if failures.len() >= KNOWN {
            let oldest = failures.iter().min_by_key(|(_, (_, last))| *last).map(|(key, _)| key.clone());
            oldest.and_then(|oldest| failures.remove(&oldest));
        }
        let entry = failures.entry(key(name, from)).or_insert((0, now));
        let count = if is_held(entry.1, now) { entry.0.saturating_add(1) } else { 1 };
        *entry = (count, now);
    }

    /// Forgets the failures of somebody who was let in.
    pub(super) fn forgive(&self, name: &str, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(name, from));
    }
}

fn key(name: &str, from: IpAddr) -> (String, IpAddr) {
    (name.chars().take(LONGEST).collect(), from.to_canonical())
}

fn is_held(last: Timestamp, now: Timestamp) -> bool {
    now.since(last) < Duration::from_secs(MINUTES * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_failures_lock_a_name_out_for_ten_minutes() {
        let (lockout, here) = (Lockout::default(), IpAddr::from([127, 0, 0, 1]));
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        for second in 0..4 {
            assert!(!lockout.holds("alice", here, at(second)));
            lockout.failed("alice", here, at(second));
        }
        assert!(lockout.holds("alice", here, at(4)) && lockout.holds("alice", here, at(602)));
        assert!(!lockout.holds("bob", here, at(4)));
        assert!(!lockout.holds("alice", IpAddr::from([127, 0, 0, 2]), at(4)));
        assert!(!lockout.holds("alice", here, at(603)));
        lockout.failed("alice", here, at(700));
        assert!(!lockout.holds("alice", here, at(701)));
        lockout.forgive("alice", here);
        assert!(!lockout.holds("alice", here, at(701)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let lockout = Lockout::default();
        for number in 0..(KNOWN as u32 + 10) {
            lockout.failed("x", IpAddr::from(number.to_be_bytes()), Timestamp::from_seconds(number.into()));
        }
        assert!(lockout.0.lock().unwrap().len() <= KNOWN);
    }
}
