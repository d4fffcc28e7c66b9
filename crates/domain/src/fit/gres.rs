//! Generic resources of one node: how many a part of a job takes, and from which of the node's, so that they are near
//! its CPUs.

use super::carve::{Part, Sockets, is_in};
use super::demand::units;
use super::{Amounts, Demand};
use crate::cluster::{Gres, Node};
use crate::job::{GresRequest, Per};
use smallvec::SmallVec;

/// What there is to pick from.
pub(super) struct Wish<'a> {
    pub(super) node: &'a Node,
    pub(super) free: &'a Amounts,
    /// CPUs that could be had, by socket.
    pub(super) sockets: &'a Sockets,
    /// CPUs that will be taken.
    pub(super) cpus: u32,
}

/// What was picked.
pub(super) struct Pick {
    /// Units of each of the node's resources.
    pub(super) taken: SmallVec<[u32; 2]>,
    /// CPUs wanted near them, by socket.
    pub(super) near: Sockets,
    /// Sockets from which CPUs may come, as bits.
    pub(super) allowed: u64,
}

/// A request with the units a part of the job takes.
pub(super) type Wanted<'a> = SmallVec<[(&'a GresRequest, u32); 2]>;

/// Tells whether a resource of a node is what a request asks for.
pub(super) fn is_meant(gres: &Gres, request: &GresRequest) -> bool {
    gres.name == request.name && (request.kind.is_empty() || gres.kind == request.kind)
}

/// Returns the units of a node that a request would take.
pub(super) fn matching_units(node: &Node, request: &GresRequest, free: &[u32]) -> u32 {
    let meant = node.gres.iter().zip(free).filter(|(gres, _)| is_meant(gres, request));
    meant.map(|(_, free)| *free).fold(0, u32::saturating_add)
}

/// Returns the units a request takes of each node however many tasks are there; one where it counts by the job,
/// since each node must have a part in it.
pub(super) fn fixed_units(demand: &Demand<'_>, request: &GresRequest) -> u32 {
    match request.per {
        Per::Job => units(request.count).min(1),
        Per::Node => units(request.count),
        Per::Socket => {
            units(request.count).saturating_mul(u32::from(demand.resources.sockets_per_node.max(1)))
        }
        Per::Task => 0,
    }
}

/// Returns what a part of a job takes; those who want a certain type come before those who take any.
pub(super) fn wanted_units<'a>(demand: &Demand<'a>, part: Part<'_>) -> Wanted<'a> {
    let mut job_units = part.job_units.iter();
    let mut wanted: Wanted<'a> = demand
        .resources
        .gres
        .iter()
        .map(|request| {
            let count = match request.per {
                Per::Job => job_units.next().copied().unwrap_or(0),
                Per::Task => units(request.count).saturating_mul(part.tasks),
                Per::Node | Per::Socket => fixed_units(demand, request),
            };
            (request, count)
        })
        .collect();
    wanted.sort_by_key(|(request, _)| request.kind.is_empty());
    wanted
}

/// Picks units; `None` if there are too few.
pub(super) fn pick(demand: &Demand<'_>, wish: &Wish<'_>, wanted: &Wanted<'_>) -> Option<Pick> {
    let none: Sockets = wish.sockets.iter().map(|_| 0).collect();
    let mut pick = Pick { taken: wish.node.gres.iter().map(|_| 0).collect(), near: none, allowed: u64::MAX };
    let total = wanted.iter().map(|(_, count)| *count).fold(0, u32::saturating_add);
    if total == 0 {
        return Some(pick);
    }
    let has_places = wish.sockets.len() > 1
        && (wish.node.gres.iter().any(|gres| !gres.near.is_empty())
            || wanted.iter().any(|(request, _)| request.per == Per::Socket));
    if !has_places {
        wanted.iter().try_for_each(|(request, count)| fill(&mut pick.taken, wish, request, *count))?;
        return Some(pick);
    }
    let mut places = Places { demand, wish, pick, left: wish.sockets.clone(), touched: 0 };
    let each = wish.cpus.div_ceil(total);
    for (request, count) in wanted {
        match request.per {
            Per::Socket => places.by_socket(request)?,
            _ => (0..*count).try_for_each(|_| places.unit(request, each))?,
        }
    }
    if demand.bound {
        places.pick.allowed = places.touched;
    }
    Some(places.pick)
}

/// Takes units in the order in which the node has them.
fn fill(taken: &mut [u32], wish: &Wish<'_>, request: &GresRequest, mut wanted: u32) -> Option<()> {
    let meant = wish.node.gres.iter().enumerate().filter(|(_, gres)| is_meant(gres, request));
    for (at, _) in meant {
        let more = (wish.free.gres.get(at).copied().unwrap_or(0) - taken[at]).min(wanted);
        taken[at] += more;
        wanted -= more;
    }
    (wanted == 0).then_some(())
}

/// Units that are near certain sockets, picked one by one so that the CPUs of each fit beside it.
struct Places<'a, 'b> {
    demand: &'a Demand<'b>,
    wish: &'a Wish<'a>,
    pick: Pick,
    /// CPUs not yet wanted by a unit, by socket.
    left: Sockets,
    /// Sockets near which units have been picked, as bits.
    touched: u64,
}

impl Places<'_, '_> {
    /// Returns the sockets a resource is near to, as bits.
    fn near(&self, gres: &Gres) -> u64 {
        if gres.near.is_empty() {
            return u64::MAX;
        }
        let topology = self.wish.node.topology;
        gres.near
            .iter()
            .fold(0, |sockets, cpu| sockets | 1u64.checked_shl(topology.socket_of(cpu) as u32).unwrap_or(0))
    }

    fn is_free(&self, at: usize) -> bool {
        self.wish.free.gres.get(at).copied().unwrap_or(0) > self.pick.taken[at]
    }

    /// Picks one unit, and wants so many CPUs near it.
    fn unit(&mut self, request: &GresRequest, cpus: u32) -> Option<()> {
        let mut best: Option<(usize, usize, u32)> = None;
        for (at, gres) in self.wish.node.gres.iter().enumerate() {
            if !is_meant(gres, request) || !self.is_free(at) {
                continue;
            }
            let near = self.near(gres);
            let sockets = self.left.iter().enumerate().filter(|(socket, _)| is_in(near, *socket));
            let Some((socket, room)) = sockets.max_by_key(|(socket, room)| (**room, usize::MAX - socket))
            else {
                continue;
            };
            let room = (*room).min(cpus);
            if best.is_none_or(|(_, _, most)| room > most) {
                best = Some((at, socket, room));
            }
        }
        let (at, socket, room) = best?;
        let near = self.near(&self.wish.node.gres[at]);
        if self.demand.bound
            && (0..self.left.len()).all(|one| !is_in(near, one) || self.wish.sockets[one] == 0)
        {
            // A unit none of whose CPUs can be had.
            return None;
        }
        self.pick.taken[at] += 1;
        self.touched |= near;
        if near != u64::MAX {
            self.left[socket] -= room;
            self.pick.near[socket] += room;
        }
        Some(())
    }

    /// Picks units on as many sockets as the job wants of a node.
    fn by_socket(&mut self, request: &GresRequest) -> Option<()> {
        let each = units(request.count);
        let mut wanted = u32::from(self.demand.resources.sockets_per_node.max(1));
        for socket in 0..self.left.len() {
            if wanted == 0 {
                break;
            }
            if self.wish.sockets[socket] > 0 && self.take_near(request, socket, each) {
                self.touched |= 1u64.checked_shl(socket as u32).unwrap_or(0);
                wanted -= 1;
            }
        }
        (wanted == 0).then_some(())
    }

    /// Takes so many units near a socket, or none if there are too few.
    fn take_near(&mut self, request: &GresRequest, socket: usize, mut count: u32) -> bool {
        let before = self.pick.taken.clone();
        for (at, gres) in self.wish.node.gres.iter().enumerate() {
            if is_meant(gres, request) && is_in(self.near(gres), socket) {
                let free = self.wish.free.gres.get(at).copied().unwrap_or(0) - self.pick.taken[at];
                let more = free.min(count);
                self.pick.taken[at] += more;
                count -= more;
            }
        }
        if count > 0 {
            self.pick.taken = before;
        }
        count == 0
    }
}
