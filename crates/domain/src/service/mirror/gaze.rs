//! When the cluster is looked at: often while somebody asks, now and then while jobs live that were submitted here, and
//! hardly ever otherwise. Whoever asks after a long silence waits for a look.

use crate::Timestamp;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// So long after somebody has asked it is looked often.
const AWAKE: Duration = Duration::from_secs(15);
/// How often while jobs live that were submitted here and nobody asks: whoever follows them shall hear of their ends.
const OURS: Duration = Duration::from_secs(5);
/// How often otherwise: a cluster remembers jobs that are over for some minutes, and none shall be missed.
const IDLE: Duration = Duration::from_secs(60);
/// The longest pause between looks while the cluster does not answer.
const LONGEST: Duration = Duration::from_secs(30);
/// A look that has taken so long is waited for by nobody.
const SLOW: Duration = Duration::from_secs(1);
/// The longest pause before a look that somebody waits for: looks take half of the time at most.
const BREATH: Duration = Duration::from_millis(200);

/// When the cluster is looked at, and who wants it to be.
#[derive(Debug)]
pub(in crate::service) struct Gaze {
    every: Duration,
    moments: Mutex<Moments>,
    /// How many looks are over.
    done: watch::Sender<u64>,
    bell: Sender<()>,
    rung: Receiver<()>,
    watchers: AtomicUsize,
    has_seen: AtomicBool,
}

#[derive(Debug, Default)]
struct Moments {
    /// When somebody asked last.
    asked: Option<Timestamp>,
    /// When the last look began.
    begun: Timestamp,
    /// How many have begun.
    count: u64,
    is_looking: bool,
    /// How many failed in a row.
    failures: u32,
    /// Something was changed since the last look began.
    has_heard: bool,
}

/// Somebody who follows what happens: while he does, the cluster is looked at often.
#[derive(Debug)]
pub struct Watching(Arc<Gaze>);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Gaze {
    /// Makes one; `every` is how often the cluster is looked at while somebody asks.
    pub(super) fn new(every: Duration) -> Self {
        let (bell, rung) = crossbeam_channel::bounded(1);
        let (moments, watchers) = (Mutex::default(), AtomicUsize::new(0));
        let has_seen = AtomicBool::new(false);
        Gaze { every, moments, done: watch::Sender::new(0), bell, rung, watchers, has_seen }
    }

    fn moments(&self) -> MutexGuard<'_, Moments> {
        self.moments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the cluster looked at without waiting for the next turn.
    pub(super) fn ring(&self) {
        // One that has been rung already rings for all.
        let _ = self.bell.try_send(());
    }

    /// Notes that something was changed past whoever looks: those who wait see it soon, others when they ask.
    pub(in crate::service) fn hear(&self, now: Timestamp) {
        self.moments().has_heard = true;
        if self.is_awake(now) {
            self.ring();
        }
    }

    /// Tells whether the cluster has been seen since the start.
    pub(in crate::service) fn has_seen(&self) -> bool {
        self.has_seen.load(Ordering::SeqCst)
    }

    /// Counts somebody who follows what happens.
    pub(in crate::service) fn watching(self: &Arc<Self>) -> Watching {
        self.watchers.fetch_add(1, Ordering::SeqCst);
        self.ring();
        Watching(Arc::clone(self))
    }

    /// Notes that somebody asks, and waits until what he is told is not older than it may be. While the cluster is slow or
    /// does not answer nobody waits. Tells whether he has waited.
    pub(in crate::service) async fn ask(&self, now: Timestamp) -> bool {
        let mut done = self.done.subscribe();
        let wanted = {
            let mut moments = self.moments();
            moments.asked = Some(now);
            let is_old = now.since(moments.begun) >= self.every * 2;
            if !is_old && !moments.has_heard {
                return false;
            }
            self.ring();
            let is_slow = moments.is_looking && now.since(moments.begun) >= SLOW;
            if moments.failures > 0 || is_slow {
                return false;
            }
            // What is looked at now was begun before whatever was heard of since.
            moments.count + u64::from(moments.has_heard || !moments.is_looking)
        };
        // Nobody looks any more when the service stops.
        done.wait_for(|done| *done >= wanted).await.is_ok()
    }

    /// Notes that a look begins.
    pub(super) fn begin(&self, now: Timestamp) {
        let mut moments = self.moments();
        moments.count += 1;
        (moments.begun, moments.is_looking, moments.has_heard) = (now, true, false);
    }

    /// Notes that it is over; tells whether it is the first of several that fail.
    pub(super) fn end(&self, is_good: bool) -> bool {
        self.has_seen.fetch_or(is_good, Ordering::SeqCst);
        let mut moments = self.moments();
        moments.is_looking = false;
        moments.failures = if is_good { 0 } else { moments.failures.saturating_add(1) };
        let is_first = moments.failures == 1;
        self.done.send_replace(moments.count);
        is_first
    }

    fn is_awake(&self, now: Timestamp) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0
            || self.moments().asked.is_some_and(|asked| now.since(asked) < AWAKE)
    }

    /// Returns how long to wait for the next look; `has_ours` says that jobs live that were submitted here.
    pub(super) fn pause(&self, now: Timestamp, has_ours: bool) -> Duration {
        let failures = self.moments().failures;
        if failures > 0 {
            return self
                .every
                .saturating_mul(1 << failures.min(10))
                .clamp(self.every, LONGEST.max(self.every));
        }
        match (self.is_awake(now), has_ours) {
            (true, _) => self.every,
            (false, true) => self.every.max(OURS),
            (false, false) => self.every.max(IDLE),
        }
    }

    /// Waits for the next look; the last one took so long.
    pub(super) fn rest(&self, pause: Duration, took: Duration) {
        match self.rung.recv_timeout(pause) {
            Ok(()) => std::thread::sleep(took.min(BREATH)),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn seconds(pause: Duration) -> u64 {
        pause.as_secs()
    }

    #[test]
    fn the_less_is_wanted_the_longer_are_the_pauses() {
        let gaze = Arc::new(Gaze::new(Duration::from_secs(1)));
        let look = |second: i64, is_good: bool| {
            gaze.begin(at(second));
            gaze.end(is_good)
        };
        look(0, true);
        assert_eq!((seconds(gaze.pause(at(0), true)), seconds(gaze.pause(at(0), false))), (5, 60));
        gaze.moments().asked = Some(at(1));
        assert_eq!(seconds(gaze.pause(at(2), false)), 1);
        assert_eq!(seconds(gaze.pause(at(17), false)), 60);
        let watching = gaze.watching();
        assert_eq!(seconds(gaze.pause(at(17), false)), 1);
        drop(watching);
        assert_eq!(seconds(gaze.pause(at(17), false)), 60);
        assert!(look(20, false) && !look(22, false));
        assert_eq!(seconds(gaze.pause(at(22), false)), 4);
        for second in 30..40 {
            look(second, false);
        }
        assert_eq!(seconds(gaze.pause(at(40), true)), 30);
    }

    #[test]
    fn what_was_seen_once_has_been_seen() {
        let gaze = Gaze::new(Duration::from_secs(1));
        let seen = [false, true, false].map(|is_good| {
            gaze.begin(at(0));
            gaze.end(is_good);
            gaze.has_seen()
        });
        assert_eq!(seen, [false, true, true]);
    }

    #[tokio::test]
    async fn who_asks_waits_only_for_what_he_must_see() {
        let gaze = Arc::new(Gaze::new(Duration::from_secs(1)));
        gaze.begin(at(0));
        gaze.end(true);
        // It was looked at a moment ago.
        gaze.ask(at(1)).await;
        assert!(gaze.rung.try_recv().is_err());
        // Something was changed: a look that is under way will not do.
        gaze.begin(at(1));
        gaze.hear(at(1));
        let asking = |second: i64| {
            let gaze = Arc::clone(&gaze);
            tokio::spawn(async move { gaze.ask(at(second)).await })
        };
        let waits = asking(1);
        tokio::task::yield_now().await;
        gaze.end(true);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        assert!(gaze.rung.try_recv().is_ok());
        gaze.begin(at(2));
        gaze.end(true);
        waits.await.unwrap();
        // After a long silence as well.
        let waits = asking(100);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished() && gaze.rung.try_recv().is_ok());
        gaze.begin(at(100));
        // Who comes later does not wait for what takes long.
        gaze.ask(at(103)).await;
        gaze.end(false);
        waits.await.unwrap();
        assert!(gaze.rung.try_recv().is_ok());
        // While the cluster is away nobody waits, but it is tried at once.
        gaze.ask(at(200)).await;
        assert!(gaze.rung.try_recv().is_ok());
    }
}
