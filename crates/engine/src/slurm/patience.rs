//! Writes that wait for a cluster that is away, where whoever sent them asked for it. Nothing of them has been sent when they
//! wait, or, under a client's key, what became of it is looked for first.

use super::relay::Upstream;
use super::request::{Reply, Request};
use super::split::{Splitter, field, number};
use super::trouble::Trouble;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How many may wait at a time; others are told at once.
const MOST: usize = 1000;
/// How many of them at a time try whether the cluster is back.
const AT_ONCE: usize = 4;
/// How long nobody tries after one has found that it is not.
const PAUSE: Duration = Duration::from_millis(250);
/// slurmrestd has not reached the controller: nothing was sent.
const NO_CONTROLLER: i64 = 1800;

/// Those who wait.
pub(super) struct Waiting {
    seats: Semaphore,
    tries: Semaphore,
    /// Until when the cluster is taken for being away.
    away: Mutex<Option<Instant>>,
}

impl Default for Waiting {
    fn default() -> Self {
        let (seats, tries) = (Semaphore::new(MOST), Semaphore::new(AT_ONCE));
        Waiting { seats, tries, away: Mutex::default() }
    }
}

impl Waiting {
    /// Returns how long the cluster is taken for being away, if it is.
    fn pause(&self) -> Option<Duration> {
        let away = *self.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.map(|until| until.saturating_duration_since(Instant::now())).filter(|pause| !pause.is_zero())
    }

    fn found(&self, is_away: bool) {
        let until = is_away.then(|| Instant::now() + PAUSE);
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

impl Upstream {
    /// Answers a write that waits so long for the cluster to come back, if it is away.
    pub(super) async fn answer_within(&self, request: &Request, wait: Duration) -> Result<Reply, Trouble> {
        let deadline = Instant::now() + wait;
        let has_key = request.key.is_some();
        let mut last = self.answer_once(request).await;
        let Ok(_seat) = self.waiting.seats.try_acquire() else { return last };
        while is_worth_waiting(&last, has_key) {
            self.waiting.found(true);
            let Some(_try) = self.turn(deadline).await else { return last };
            last = self.answer_once(request).await;
        }
        self.waiting.found(false);
        last
    }

    /// Waits for one's turn to try; `None` if it does not come in time.
    async fn turn(&self, deadline: Instant) -> Option<tokio::sync::SemaphorePermit<'_>> {
        let turn = async {
            loop {
                if let Some(pause) = self.waiting.pause() {
                    tokio::time::sleep(pause).await;
                }
                let turn = self.waiting.tries.acquire().await.ok()?;
                // Somebody may just have found that it is still away.
                if self.waiting.pause().is_none() {
                    return Some(turn);
                }
            }
        };
        tokio::time::timeout_at(deadline.into(), turn).await.ok().flatten()
    }
}

/// Tells whether a write may be sent again once the cluster is back.
fn is_worth_waiting(told: &Result<Reply, Trouble>, has_key: bool) -> bool {
    match told {
        Err(Trouble::Unreachable(_)) => true,
        Err(Trouble::Unanswered(_) | Trouble::Garbage(_)) => has_key,
        Err(_) => false,
        Ok(reply) => reply.status.is_server_error() && !reply.is_gzip && reached_nobody(&reply.body.concat()),
    }
}

/// Tells whether the first error of an answer is that the controller was not reached.
fn reached_nobody(body: &[u8]) -> bool {
    let (mut splitter, mut numbers) = (Splitter::new("errors"), Vec::new());
    let told = splitter.feed(body, |error| numbers.extend(field(error, "error_number").and_then(number)));
    told.is_ok() && numbers.into_iter().find(|number| *number != 0) == Some(NO_CONTROLLER)
}
