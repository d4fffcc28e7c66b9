//! The reservations, which jobs have to do with them, and when the next of them begins or ends.

use crate::job::Job;
use crate::reservation::{Reservation, ReservationFlags};
use crate::{JobId, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The reservations.
#[derive(Clone, Debug, Default)]
pub(super) struct Reserved {
    all: Arc<Vec<Arc<Reservation>>>,
    jobs: BTreeSet<JobId>,
    /// Up to when has been seen what began and ended.
    seen: Timestamp,
    /// The highest number that one ever had.
    pub(super) last_number: u32,
}

impl Reserved {
    /// Returns all of them.
    pub(super) fn all(&self) -> &Arc<Vec<Arc<Reservation>>> {
        &self.all
    }

    /// Returns the live jobs that name one or run in one.
    pub(super) fn jobs(&self) -> impl Iterator<Item = JobId> + '_ {
        self.jobs.iter().copied()
    }

    /// Puts others in the place of those there were.
    pub(super) fn put(&mut self, all: Arc<Vec<Arc<Reservation>>>) -> Arc<Vec<Arc<Reservation>>> {
        std::mem::replace(&mut self.all, all)
    }

    /// Takes in that a job has changed, or is gone.
    pub(super) fn moved(&mut self, id: JobId, after: Option<&Job>) {
        let has_to_do = |job: &Job| {
            let names = !job.is_final()
                && job.spec.uncommon.as_deref().is_some_and(|more| !more.reservation.is_empty());
            names || job.held_resources().is_some_and(|held| !held.reservation.is_empty())
        };
        if after.is_some_and(has_to_do) {
            self.jobs.insert(id);
        } else if !self.jobs.is_empty() {
            self.jobs.remove(&id);
        }
    }

    /// Returns when something is due next.
    pub(super) fn next_turn(&self) -> Option<Timestamp> {
        self.all.iter().flat_map(|reservation| edges(reservation)).filter(|at| *at > self.seen).min()
    }

    /// Tells whether something was due since this was asked last.
    pub(super) fn turn(&mut self, now: Timestamp) -> bool {
        let has_turned = self.next_turn().is_some_and(|at| at <= now);
        self.seen = self.seen.max(now);
        has_turned
    }
}

/// The moments at which something happens to a reservation by itself.
fn edges(reservation: &Reservation) -> impl Iterator<Item = Timestamp> + use<> {
    let purges = reservation.flags.has(ReservationFlags::PURGE_COMP);
    let patience = Duration::from_secs(reservation.purge_after.into());
    let purge = reservation.idle_since.filter(|_| purges).map(|since| since.after(patience));
    let stands = reservation.float.is_none();
    [stands.then_some(reservation.start), stands.then_some(reservation.end), purge]
        .into_iter()
        .flatten()
        .filter(|at| *at != Timestamp::NEVER)
}
