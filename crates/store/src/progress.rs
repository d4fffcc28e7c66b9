//! How far history has come: what the writer has committed, what history shows, and what of it is safe on disk.

use domain::history::Purged;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Numbers of closed attempts, each the last of its kind. Shared by writer, recorder and readers.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    reached: Mutex<Reached>,
    moved: Condvar,
    purged: Mutex<Purged>,
}

/// Where everybody stands.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reached {
    /// Committed to queue.db.
    pub(crate) committed: i64,
    /// Somebody waits until history shows this one.
    pub(crate) asked: i64,
    /// Visible in history.db.
    pub(crate) recorded: i64,
    /// In history.db and safe from power cuts: queue.db may forget it.
    pub(crate) synced: i64,
    /// History could not be written at the last try, and nobody has asked for another one.
    pub(crate) failing: bool,
    /// The store is being closed, or nothing is taken over any more.
    pub(crate) stopping: bool,
}

/// So many attempts are taken over without waiting for more.
const MUCH: i64 = 500;

impl Reached {
    /// Whether it would not pay to let more come together.
    pub(crate) fn is_much(&self) -> bool {
        self.committed - self.recorded >= MUCH
    }
}

impl Progress {
    /// Notes what has left history.
    pub(crate) fn purged(&self, more: &Purged) {
        self.purged.lock().unwrap_or_else(PoisonError::into_inner).add(more);
    }

    /// Returns what has left history since the start.
    pub(crate) fn purged_so_far(&self) -> Purged {
        *self.purged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where everybody stands.
    pub(crate) fn reached(&self) -> Reached {
        *self.lock()
    }

    /// Changes where somebody stands and tells the others.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Reached)) {
        change(&mut self.lock());
        self.moved.notify_all();
    }

    /// Takes in what was committed. Wakes somebody only if there was nothing to do before, or if there is much now.
    pub(crate) fn commit(&self, last: i64) {
        let mut reached = self.lock();
        let was_idle = reached.committed <= reached.recorded;
        reached.committed = last;
        let is_much = reached.is_much();
        drop(reached);
        if was_idle || is_much {
            self.moved.notify_all();
        }
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
