//! One call for all who want the same at the same time. It goes on when those who wait have gone: a slow answer would
//! otherwise never be taken in, however often it is asked for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// A call that is under way, or none.
pub(super) struct Flight<T>(Mutex<Option<UnderWay<T>>>);

struct UnderWay<T> {
    begun: Instant,
    landed: watch::Receiver<Option<T>>,
}

/// A call one can wait for.
pub(super) struct Ticket<T> {
    /// When the call began.
    pub(super) begun: Instant,
    landed: watch::Receiver<Option<T>>,
}

impl<T> Default for Flight<T> {
    fn default() -> Self {
        Flight(Mutex::new(None))
    }
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    /// Joins the call that is under way, or begins one.
    pub(super) fn join<F>(&self, begin: impl FnOnce() -> F) -> Ticket<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(UnderWay { begun, landed }) = &*under_way
            && landed.borrow().is_none()
            && landed.has_changed().is_ok()
        {
            return Ticket { begun: *begun, landed: landed.clone() };
        }
        let (tell, landed) = watch::channel(None);
        let begun = Instant::now();
        let call = begin();
        tokio::spawn(async move { tell.send_replace(Some(call.await)) });
        *under_way = Some(UnderWay { begun, landed: landed.clone() });
        Ticket { begun, landed }
    }
}

impl<T: Clone> Ticket<T> {
    /// Waits for the call; `None` if it takes longer than that, or has come to nothing.
    pub(super) async fn wait(mut self, patience: Duration) -> Option<T> {
        let landed = tokio::time::timeout(patience, self.landed.wait_for(Option::is_some)).await;
        landed.ok()?.ok()?.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn those_who_come_meanwhile_wait_for_the_same_call() {
        let (flight, calls, go) = (Flight::default(), Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let begin = || {
            let (calls, go) = (Arc::clone(&calls), Arc::clone(&go));
            async move {
                go.notified().await;
                calls.fetch_add(1, Ordering::SeqCst)
            }
        };
        let first = flight.join(begin);
        let second = flight.join(begin);
        assert_eq!(first.begun, second.begun);
        drop(first);
        assert_eq!(flight.join(begin).wait(Duration::ZERO).await, None, "too slow for this one");
        go.notify_one();
        assert_eq!(second.wait(Duration::from_secs(60)).await, Some(0));
        let third = flight.join(begin);
        go.notify_one();
        assert_eq!(third.wait(Duration::from_secs(60)).await, Some(1));
    }
}
