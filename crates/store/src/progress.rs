//! How far history has come: what the writer has committed, what history shows, and what of it is safe on disk.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Numbers of closed attempts, each the last of its kind. Shared by writer, recorder and readers.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    reached: Mutex<Reached>,
    moved: Condvar,
}

/// Where everybody stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    /// Committed to queue.db.
    pub(crate) committed: i64,
    /// Visible in history.db.
    pub(crate) recorded: i64,
    /// In history.db and safe from power cuts: queue.db may forget it.
    pub(crate) synced: i64,
    /// History could not be written at the last try.
    pub(crate) failing: bool,
    /// The store is being closed.
    pub(crate) stopping: bool,
}

impl Progress {
    /// Returns where everybody stands.
    pub(crate) fn reached(&self) -> Reached {
        *self.lock()
    }

    /// Changes where somebody stands and tells the others.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Reached)) {
        change(&mut self.lock());
        self.moved.notify_all();
    }

    /// Waits as long as `idle` holds.
    pub(crate) fn wait_while(&self, idle: impl Fn(&Reached) -> bool) -> Reached {
        let waited = self.moved.wait_while(self.lock(), |reached| idle(reached));
        *waited.unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as `idle` holds, but not for longer than `most`.
    pub(crate) fn wait_at_most(&self, most: Duration, idle: impl Fn(&Reached) -> bool) -> Reached {
        let waited = self.moved.wait_timeout_while(self.lock(), most, |reached| idle(reached));
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn lock(&self) -> MutexGuard<'_, Reached> {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
