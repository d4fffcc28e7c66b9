//! What a job that names reservations is told when it is submitted or changed.

use super::names_of;
use crate::fit::{Amounts, Demand, place};
use crate::job::JobSpec;
use crate::reservation::{Closed, Fence, Membership, Reservation, ReservationFlags};
use crate::service::Note;
use crate::service::ledger::Ledger;
use crate::who::AdminLevel;
use crate::{Problem, Timestamp};
use std::sync::Arc;

impl Ledger<'_> {
    /// Checks the reservations that a request names: there are such, and its owner may use them.
    pub(in crate::service) fn check_reservations(&self, spec: &JobSpec) -> Result<(), Problem> {
        self.reservations_of(spec).map(|_| ())
    }

    /// Does the same, and says whether they could be used now.
    ///
    /// # Errors
    /// [`Problem::UnknownReservation`], [`Problem::ReservationForbidden`]; [`Problem::NodeConfiguration`] where none of
    /// them has what is asked for.
    pub(in crate::service) fn look_at_reservations(&self, spec: &JobSpec) -> Result<Option<Note>, Problem> {
        let named = self.reservations_of(spec)?;
        if named.is_empty() || named.iter().any(|reservation| self.could_run_in(reservation, spec)) {
            return Ok(None);
        }
        if named.iter().all(|reservation| reservation.is_open(self.now)) {
            return Err(Problem::NodeConfiguration);
        }
        Ok(Some(Note::ReservationNotOpen))
    }

    fn reservations_of(&self, spec: &JobSpec) -> Result<Vec<&Arc<Reservation>>, Problem> {
        let list = &spec.uncommon().reservation;
        let mut found = Vec::new();
        for name in names_of(list) {
            let reservation =
                self.state().reservation(name).ok_or_else(|| Problem::UnknownReservation(list.clone()))?;
            let is_privileged = self.cluster().level_of(&spec.owner.name) == AdminLevel::Administrator;
            if !is_privileged && !reservation.access.admits(&spec.owner.name, &spec.account) {
                return Err(Problem::ReservationForbidden(reservation.name.clone()));
            }
            found.push(reservation);
        }
        Ok(found)
    }

    /// Tells whether a job could start in a reservation now if nothing ran.
    fn could_run_in(&self, reservation: &Arc<Reservation>, spec: &JobSpec) -> bool {
        let is_flexible = reservation.flags.has(ReservationFlags::FLEX);
        if !reservation.is_open(self.now) && !is_flexible {
            return false;
        }
        let fence = Fence::of(&[], Membership::Inside(reservation), self.now, Timestamp::NEVER);
        let cluster = self.cluster();
        spec.partitions.iter().filter_map(|name| cluster.partition(name)).any(|partition| {
            let Ok(mut demand) = Demand::of(cluster, partition, spec) else { return false };
            demand.most_switches = None;
            let open = |index| {
                let node = cluster.node(index)?;
                match fence.closed(index, node) {
                    Closed::Nothing => Some(Amounts::all_of(node)),
                    Closed::Node => None,
                    Closed::Part(closed) => Some(Amounts::free_of(node, &closed)),
                }
            };
            place(&demand, cluster, &partition.nodes, open).is_some()
        })
    }
}
