//! When the list of all jobs has to be asked for.

use super::{JobsCopy, Kept};
use std::time::{Duration, Instant};

/// Between two calls this many times as long as the last one took is nothing asked of a cluster that is slow.
const RESTS: u32 = 3;

/// When a list has to be asked for.
pub(super) enum Due {
    No,
    /// It will be, so that one can begin.
    Soon,
    /// It is, and the cluster is slow.
    Slow,
    /// It will do once the jobs are in it that somebody wrote to or has read.
    Touched,
    /// It is.
    Now {
        /// What there is will not do.
        must_wait: bool,
    },
}

impl JobsCopy {
    /// Tells when the list has to be asked for by somebody who came then; see [`JobsCopy::current`].
    pub(super) fn is_due(&self, kept: &Kept, arrived: Instant, is_fresh: bool, stale_for: Duration) -> Due {
        let Some(picture) = &kept.picture else { return Due::Now { must_wait: true } };
        let age = picture.checked.elapsed();
        let is_written = kept.since.is_some_and(|since| picture.checked < since);
        if is_fresh && picture.checked < arrived || is_written {
            return Due::Now { must_wait: true };
        }
        if !kept.touched.is_empty() || !kept.ahead.is_empty() {
            return if age < self.max_age { Due::Touched } else { Due::Now { must_wait: true } };
        }
        let cost = kept.last.map_or(Duration::ZERO, |(cost, _)| cost);
        let ahead = (cost.saturating_mul(2) + Duration::from_millis(50)).min(self.max_age / 2);
        if age + ahead < self.max_age {
            return Due::No;
        }
        let rests = kept.last.is_some_and(|(cost, over)| {
            cost > self.max_age / 4 && over.elapsed() < cost.saturating_mul(RESTS)
        });
        match () {
            () if rests && age < self.max_age => Due::No,
            () if age < self.max_age => Due::Soon,
            // A cluster that is slow is left alone for a while; the age is told.
            () if rests && age < stale_for => Due::Slow,
            () => Due::Now { must_wait: false },
        }
    }
}
