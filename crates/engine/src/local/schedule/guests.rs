//! Guests of a reservation: jobs of others that may use what is not used of it (`--signal=R:`), and leave when its own
//! jobs need their place (`MaxStartDelay`).

use super::ground::Ground;
use super::preempt::Displacing;
use super::reserved::Reserved;
use domain::NodeIndex;
use domain::fit::{Demand, place};
use domain::job::{Job, JobKind, Phase};
use domain::ports::{Preempt, PreemptHow};
use domain::reservation::Reservation;
use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

/// Returns the guests that must leave the reservation for a job of its own that finds no place there: as few as will do,
/// the youngest first. None if that would not help, or if enough are leaving already. Whoever this pass has told to make way
/// for another is left alone.
pub(super) fn asked_to_leave<'a>(
    reserved: Reserved<'a>,
    job: &Job,
    demand: &Demand<'_>,
    nodes: &[NodeIndex],
    (ground, displacing): (&Ground<'a>, &Displacing<'a, '_>),
) -> Vec<Preempt> {
    let Some(own) = ground.own_reservation().filter(|own| own.max_start_delay > 0) else { return Vec::new() };
    let mut guests = guests(reserved, own);
    guests.retain(|guest| !displacing.has_told(guest.id));
    guests.sort_by_key(|guest| Reverse((guest.run().map(|run| run.started), guest.id)));
    let mut left = ground.clone();
    let fits = |left: &Ground<'a>| {
        let free = |index| left.free_for(index, demand, job.spec.owner.uid);
        place(demand, reserved.cluster(), nodes, free).is_some()
    };
    let (leaving, staying): (Vec<_>, Vec<_>) =
        guests.into_iter().partition(|guest| guest.run().is_some_and(|run| run.preemption.is_some()));
    leave(&mut left, &leaving);
    if fits(&left) {
        return Vec::new();
    }
    for (count, guest) in staying.iter().enumerate() {
        leave(&mut left, &[guest]);
        if fits(&left) {
            return staying[..=count].iter().map(|guest| told(guest, job)).collect();
        }
    }
    Vec::new()
}

/// Finds the running jobs of others on its nodes that offer to leave soon enough.
fn guests<'a>(reserved: Reserved<'a>, own: &Reservation) -> Vec<&'a Arc<Job>> {
    let leaves = |job: &&Arc<Job>| {
        let after = job.spec.warning.and_then(|warning| warning.leaves_reservation_after());
        after.is_some_and(|seconds| own.takes_guests(seconds))
    };
    let is_guest = |job: &&Arc<Job>| match &job.phase {
        Phase::Running(run) => {
            run.allocation.reservation != own.name
                && run.allocation.nodes.iter().any(|share| own.of_node(share.node).is_some())
        }
        _ => false,
    };
    reserved.holding().filter(leaves).filter(is_guest).collect()
}

fn leave(left: &mut Ground<'_>, guests: &[&Arc<Job>]) {
    for guest in guests {
        if let Some(allocation) = guest.held_resources() {
            left.give_back(guest, allocation);
        }
    }
}

fn told(guest: &Job, by: &Job) -> Preempt {
    let returns = guest.spec.requeue && guest.spec.kind == JobKind::Batch;
    let lead = guest.spec.warning.map_or(0, |warning| warning.lead);
    Preempt {
        job: guest.id,
        how: if returns { PreemptHow::Requeue } else { PreemptHow::Cancel },
        by: by.id,
        grace: Duration::from_secs(lead.into()),
    }
}
