//! Reservations in the forecast: whoever is outside finds what they have taken; whoever is inside has a forecast of what is
//! theirs alone, since the two never share anything at the same time.

use super::super::ground::Ground;
use super::super::layout::Layout;
use super::{Forecast, Past, YEAR, as_amounts};
use domain::cluster::{Node, Taken};
use domain::fit::Amounts;
use domain::job::{Allocation, CpuSet, NodeShare};
use domain::reservation::{Fence, Membership, Reservation, ReservationFlags, ReservedNode};
use domain::state::State;
use domain::{NodeIndex, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// A reservation without end is taken to last this long.
const LONG: u32 = 10;

impl<'a> Forecast<'a> {
    /// Makes a forecast of what a reservation has, for its own jobs. It goes on beyond its end: a job that has begun
    /// inside may say that it would run on.
    pub(in crate::local::schedule) fn inside(
        layout: &'a Layout,
        state: &'a State,
        now: Timestamp,
        own: &'a Arc<Reservation>,
    ) -> Self {
        let mut past = Past::new(layout);
        past.only = (!own.is_of_whole_nodes()).then_some(&**own);
        for job in state.holding() {
            if let Some(allocation) = job.held_resources() {
                past.add(state, job, allocation, now);
            }
        }
        let mut ground = Ground::new(state);
        ground.fence_in(Some(Fence::of(&[], Membership::Inside(own), now, Timestamp::NEVER)));
        let is_free = own.flags.has(ReservationFlags::ANY_NODES) && own.nodes.is_empty();
        let free = |index: NodeIndex| {
            if is_free || own.of_node(index).is_some() { ground.free_behind_fence(index) } else { None }
        };
        let mut forecast = Forecast::of_past(past, state, free, now);
        if !own.may_overlap() {
            forecast.take_reserved(state, Some(own));
        }
        forecast
    }

    /// Takes off what reservations have while they are open, but for this one.
    pub(super) fn take_reserved(&mut self, state: &State, own: Option<&Reservation>) {
        let now = self.now;
        for other in
            state.reservations().iter().filter(|other| own.is_none_or(|own| own.number != other.number))
        {
            let (start, end) = other.window(now);
            let (from, until) = (start.max(now), end.min(now.after(YEAR * LONG)));
            if from >= until {
                continue;
            }
            self.give_back_used(state, other, from, until);
            for reserved in &other.nodes {
                self.take_node(reserved, from, until);
            }
            for (name, _) in &other.licenses {
                if let Some(timeline) = self.licenses.get_mut(name) {
                    timeline.take(from, until, &as_amounts(other.kept_licenses(name, state)));
                }
            }
            self.times.extend([from, until]);
        }
    }

    fn take_node(&mut self, reserved: &ReservedNode, from: Timestamp, until: Timestamp) {
        let Some(node) = self.layout.cluster().node(reserved.node) else { return };
        if let Some(timeline) = self.nodes.get_mut(reserved.node.0 as usize).and_then(Option::as_mut) {
            timeline.take(from, until, &amounts_reserved(node, reserved));
        }
    }

    /// What the jobs of a reservation of cores use of it would be taken off twice.
    fn give_back_used(&mut self, state: &State, other: &Reservation, from: Timestamp, until: Timestamp) {
        if other.is_of_whole_nodes() {
            return;
        }
        let own = state.reserved_jobs().filter_map(|job| {
            job.held_resources().filter(|held| held.reservation == other.name).map(|held| (job, held))
        });
        for (job, held) in own {
            let end = super::expected_end(job, self.now, self.layout.cluster().limits.kill_wait);
            let end = self.layout.rounded(end_with_reservation(state, held, end, self.now)).min(until);
            for share in held.nodes.iter().filter(|_| from < end) {
                let Some(node) = self.layout.cluster().node(share.node) else { continue };
                let Some(used) =
                    other.of_node(share.node).and_then(|reserved| used_of(node, reserved, share))
                else {
                    continue;
                };
                if let Some(timeline) = self.nodes.get_mut(share.node.0 as usize).and_then(Option::as_mut) {
                    timeline.give(from, end, &used);
                }
            }
        }
    }
}

/// Returns when a job will have given back what it holds: with the reservation it runs in, if that ends before, or as long
/// after it as jobs may run on (`ResvOverRun`).
pub(super) fn end_with_reservation(
    state: &State,
    allocation: &Allocation,
    end: Timestamp,
    now: Timestamp,
) -> Timestamp {
    if allocation.reservation.is_empty() {
        return end;
    }
    let own = state.reservation(&allocation.reservation);
    let own = own.filter(|own| !own.flags.has(ReservationFlags::FLEX) && own.is_open(now));
    let overrun = state.cluster().limits.reservation_overrun;
    own.filter(|_| overrun != Duration::MAX).map_or(end, |own| end.min(own.end.after(overrun)))
}

/// Returns what a reservation has of a node.
fn amounts_reserved(node: &Node, reserved: &ReservedNode) -> Amounts {
    let Some(cpus) = &reserved.cpus else { return Amounts::all_of(node) };
    let mut amounts = Amounts::of_cpus(node, cpus.iter());
    amounts.gres = node.gres.iter().map(|_| 0).collect();
    for share in &reserved.gres {
        if let Some(count) = amounts.gres.get_mut(share.at) {
            *count += share.units.len();
        }
    }
    amounts
}

/// Returns what a share of a node has of what is reserved there.
fn used_of(node: &Node, reserved: &ReservedNode, share: &NodeShare) -> Option<Amounts> {
    let cpus = reserved.cpus.as_ref()?;
    let both = common(cpus, &share.cpus);
    let mut used = Amounts::of_cpus(node, both.iter());
    used.gres = node.gres.iter().map(|_| 0).collect();
    for own in &reserved.gres {
        for given in share.gres.iter().filter(|given| given.at == own.at) {
            if let Some(count) = used.gres.get_mut(own.at) {
                *count += common(&own.units, &given.units).len();
            }
        }
    }
    Some(used)
}

fn common(one: &CpuSet, other: &CpuSet) -> CpuSet {
    one.iter().filter(|cpu| other.contains(*cpu)).collect()
}

/// Returns what a job gives back of its share, as far as it lies within a reservation of cores; memory counts wherever it
/// is.
pub(super) fn amounts_within(layout: &Layout, taken: Taken<'_>, own: &Reservation) -> Amounts {
    let Some(node) = layout.cluster().node(taken.share.node) else { return Amounts::default() };
    let mut within = Amounts::of_share(node, taken.share);
    let Some(reserved) = own.of_node(taken.share.node) else { return within };
    if let Some(used) = used_of(node, reserved, taken.share) {
        (within.cpus, within.sockets) = (used.cpus, used.sockets);
        for share in &reserved.gres {
            if let (Some(count), Some(units)) = (within.gres.get_mut(share.at), used.gres.get(share.at)) {
                *count = *units;
            }
        }
    }
    within
}
