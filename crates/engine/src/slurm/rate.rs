//! How often one user may ask: a bucket of tokens each.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Users whose buckets are remembered; full ones need not be.
const REMEMBERED: usize = 10_000;
/// The longest anybody is sent away for: what a very small rate comes to no clock can tell.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// How many requests a user has.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// How many each second.
    pub per_second: f64,
    /// How many at once.
    pub burst: f64,
}

/// The buckets.
pub(super) struct Limiter<K> {
    rate: Option<Rate>,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Hash + Eq> Limiter<K> {
    /// Makes one; without a rate nobody is limited.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Limiter { rate, buckets: Mutex::default() }
    }

    /// Takes one request of a user; otherwise says after what time there is another.
    pub(super) fn take(&self, user: K, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |bucket: &Bucket| {
            let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.left + passed * rate.per_second).min(rate.burst)
        };
        if buckets.len() >= REMEMBERED {
            buckets.retain(|_, bucket| refilled(bucket) < rate.burst);
        }
        let bucket = buckets.entry(user).or_insert(Bucket { left: rate.burst, at: now });
        *bucket = Bucket { left: refilled(bucket), at: now };
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let pause = Duration::try_from_secs_f64((1.0 - bucket.left) / rate.per_second);
        Err(pause.map_or(LONGEST, |pause| pause.min(LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_emptied_and_fills_again() {
        let limiter = Limiter::new(Some(Rate { per_second: 2.0, burst: 3.0 }));
        let begin = Instant::now();
        for _ in 0..3 {
            assert_eq!(limiter.take("alice", begin), Ok(()));
        }
        assert_eq!(limiter.take("alice", begin), Err(Duration::from_millis(500)));
        assert_eq!(limiter.take("bob", begin), Ok(()), "each has a bucket of their own");
        let later = begin + Duration::from_millis(500);
        assert_eq!(limiter.take("alice", later), Ok(()));
        assert!(limiter.take("alice", later).is_err());
        assert_eq!(Limiter::new(None).take("alice", begin), Ok(()));
        let hardly_ever = Limiter::new(Some(Rate { per_second: f64::MIN_POSITIVE, burst: 1.0 }));
        assert_eq!(["once", "twice"].map(|_| hardly_ever.take("alice", begin)), [Ok(()), Err(LONGEST)]);
    }
}
