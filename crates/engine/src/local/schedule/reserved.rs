//! Reservations as the scheduler sees them: in which of them a job may run now, and what is closed to it.

use domain::cluster::Cluster;
use domain::job::{Job, Reason};
use domain::reservation::{Fence, Membership, Reservation, ReservationFlags};
use domain::state::State;
use domain::who::AdminLevel;
use domain::{TimeLimit, Timestamp};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// The reservations at one moment.
#[derive(Clone, Copy)]
pub(super) struct Reserved<'a> {
    state: &'a State,
    now: Timestamp,
}

/// Where a job tries to run, the best first.
pub(super) type Memberships<'a> = SmallVec<[Membership<'a>; 1]>;

impl<'a> Reserved<'a> {
    /// Looks at the reservations at a moment.
    pub(super) fn new(state: &'a State, now: Timestamp) -> Self {
        Reserved { state, now }
    }

    /// Tells whether there are none, and so nothing to look at.
    pub(super) fn is_empty(&self) -> bool {
        self.state.reservations().is_empty()
    }

    /// Returns all of them.
    pub(super) fn all(&self) -> &'a [Arc<Reservation>] {
        self.state.reservations()
    }

    /// Returns what is configured.
    pub(super) fn cluster(&self) -> &'a Cluster {
        self.state.cluster()
    }

    /// Returns the jobs that hold resources.
    pub(super) fn holding(&self) -> impl Iterator<Item = &'a Arc<Job>> + use<'a> {
        self.state.holding()
    }

    /// Returns the waiting jobs that name a reservation, in the order in which they have their turn.
    pub(super) fn waiting(&self) -> Vec<&'a Arc<Job>> {
        let mut jobs: Vec<&Arc<Job>> =
            self.state.reserved_jobs().filter(|job| job.is_eligible() && names_reservation(job)).collect();
        jobs.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.id));
        jobs
    }

    /// Returns where a job may run now: in the reservations it names that are open; or outside of all, and in those that
    /// take it in.
    ///
    /// # Errors
    /// Why there is no such place.
    pub(super) fn memberships(&self, job: &Job) -> Result<Memberships<'a>, Reason> {
        if !names_reservation(job) {
            let mut found: Memberships<'a> = smallvec![Membership::Outside];
            found.extend(self.all().iter().filter(|one| self.attracts(one, job)).map(Membership::Inside));
            return Ok(found);
        }
        let named = job.spec.uncommon().reservation.split(',');
        let found: Memberships<'a> = named
            .filter_map(|name| self.state.reservation(name))
            .filter(|one| self.is_usable(one) && self.admits(one, job))
            .map(Membership::Inside)
            .collect();
        if found.is_empty() { Err(Reason::Reservation) } else { Ok(found) }
    }

    /// Returns where all of these jobs may run together.
    ///
    /// # Errors
    /// Why there is no such place.
    pub(super) fn memberships_of_all(&self, jobs: &[&Arc<Job>]) -> Result<Memberships<'a>, Reason> {
        let mut common: Option<Memberships<'a>> = None;
        for job in jobs {
            let own = self.memberships(job)?;
            match &mut common {
                None => common = Some(own),
                Some(common) => common.retain(|one| own.iter().any(|other| number(other) == number(one))),
            }
        }
        common.filter(|common| !common.is_empty()).ok_or(Reason::Reservation)
    }

    /// Tells whether jobs of a reservation may run now.
    fn is_usable(&self, reservation: &Reservation) -> bool {
        reservation.is_open(self.now) || reservation.flags.has(ReservationFlags::FLEX)
    }

    fn admits(&self, reservation: &Reservation, job: &Job) -> bool {
        let owner = &job.spec.owner.name;
        reservation.access.admits(owner, &job.spec.account)
            || self.state.cluster().level_of(owner) == AdminLevel::Administrator
    }

    fn attracts(&self, reservation: &Reservation, job: &Job) -> bool {
        reservation.flags.has(ReservationFlags::MAGNETIC)
            && reservation.is_open(self.now)
            && reservation.access.admits(&job.spec.owner.name, &job.spec.account)
    }

    /// Returns what is closed to a job that would run from now on for so long.
    pub(super) fn fence(&self, membership: Membership<'a>, job: &Job, limit: TimeLimit) -> Fence<'a> {
        self.fence_but(membership, job, limit, &[])
    }

    /// Does the same where some reservations, by their numbers, take no guests any more.
    pub(super) fn fence_but(
        &self,
        membership: Membership<'a>,
        job: &Job,
        limit: TimeLimit,
        waited_in: &[u32],
    ) -> Fence<'a> {
        let fence = self.fence_until(membership, limit.end_from(self.now));
        let leaves = job.spec.warning.and_then(|warning| warning.leaves_reservation_after());
        fence.leaving_after(leaves, waited_in)
    }

    /// Returns what is closed to a job that would run until a time at the latest, if others made way for it: nobody does so
    /// for a guest.
    pub(super) fn fence_until(&self, membership: Membership<'a>, until: Timestamp) -> Fence<'a> {
        Fence::of(self.all(), membership, self.now, until)
    }
}

/// Returns the number of the reservation; `None` outside of all.
fn number(membership: &Membership<'_>) -> Option<u32> {
    match membership {
        Membership::Outside => None,
        Membership::Inside(own) => Some(own.number),
    }
}

/// Tells whether a job names a reservation.
pub(super) fn names_reservation(job: &Job) -> bool {
    job.spec.uncommon.as_deref().is_some_and(|uncommon| !uncommon.reservation.is_empty())
}
