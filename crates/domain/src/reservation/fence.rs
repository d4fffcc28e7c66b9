//! What of nodes and licences is closed to a job because of reservations, its own and those of others.

use super::{Reservation, ReservedNode};
use crate::cluster::{Node, NodeUse};
use crate::job::CpuSet;
use crate::state::State;
use crate::{NodeIndex, Text, Timestamp};
use std::sync::Arc;

/// What is closed of a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Closed {
    /// Nothing.
    Nothing,
    /// All of it.
    Node,
    /// What this counts as in use, besides what really is.
    Part(Box<NodeUse>),
}

/// In which reservation a job wants to run.
#[derive(Clone, Copy, Debug)]
pub enum Membership<'a> {
    /// In none.
    Outside,
    /// In this one.
    Inside(&'a Arc<Reservation>),
}

/// What is closed to a job that would run for some time from now on.
#[derive(Clone, Debug)]
pub struct Fence<'a> {
    own: Option<&'a Arc<Reservation>>,
    /// Reservations of others that it would run into.
    others: Vec<&'a Arc<Reservation>>,
    /// Those of them whose nodes it may use until they need them; not their licences, for which nobody is asked to leave.
    hosts: Vec<&'a Arc<Reservation>>,
}

impl<'a> Fence<'a> {
    /// Works out what lies between `now` and `until` for a job.
    pub fn of(
        reservations: &'a [Arc<Reservation>],
        membership: Membership<'a>,
        now: Timestamp,
        until: Timestamp,
    ) -> Self {
        let own = match membership {
            Membership::Outside => None,
            Membership::Inside(own) => Some(own),
        };
        let is_other = |other: &&Arc<Reservation>| {
            own.is_none_or(|own| {
                // Who may overlap others does not mind them.
                own.number != other.number && !own.may_overlap()
            })
        };
        let meets = |other: &&Arc<Reservation>| {
            let (start, end) = other.window(now);
            start < until && now < end
        };
        let others = reservations.iter().filter(is_other).filter(meets).collect();
        Fence { own, others, hosts: Vec::new() }
    }

    /// Opens the nodes of reservations that a job may overlap since it leaves within the time they allow for that; but not of
    /// those, by their numbers, whose own jobs wait.
    #[must_use]
    pub fn leaving_after(mut self, seconds: Option<u16>, but: &[u32]) -> Self {
        if let Some(seconds) = seconds {
            let takes =
                |other: &&Arc<Reservation>| other.takes_guests(seconds) && !but.contains(&other.number);
            (self.hosts, self.others) = self.others.into_iter().partition(takes);
        }
        self
    }

    /// Returns the reservation the job would run in.
    pub fn own(&self) -> Option<&'a Arc<Reservation>> {
        self.own
    }

    /// Tells whether nothing is closed.
    pub fn is_open(&self) -> bool {
        self.others.is_empty() && self.bound().is_none()
    }

    /// Returns the reservation whose nodes alone the job may use.
    fn bound(&self) -> Option<&'a Arc<Reservation>> {
        self.own.filter(|own| !own.is_flexible())
    }

    /// Returns what is closed of a node.
    pub fn closed(&self, index: NodeIndex, node: &Node) -> Closed {
        let mut closed: Option<NodeUse> = None;
        if let Some(own) = self.bound() {
            match own.of_node(index) {
                None => return Closed::Node,
                Some(ReservedNode { cpus: None, .. }) => {}
                Some(ReservedNode { cpus: Some(cpus), gres, .. }) => {
                    let mut others = CpuSet::first(node.topology.cpus);
                    others.remove(cpus);
                    let used = closed.get_or_insert_with(|| nothing_of(node));
                    used.cpus.add(&others);
                    for share in gres {
                        let all = node.gres.get(share.at).map_or(0, |gres| gres.count);
                        let mut rest = CpuSet::first(all);
                        rest.remove(&share.units);
                        if let Some(units) = used.gres.get_mut(share.at) {
                            units.add(&rest);
                        }
                    }
                }
            }
        }
        for other in &self.others {
            match other.of_node(index) {
                None => {}
                Some(ReservedNode { cpus: None, .. }) => return Closed::Node,
                Some(ReservedNode { cpus: Some(cpus), gres, .. }) => {
                    let used = closed.get_or_insert_with(|| nothing_of(node));
                    used.cpus.add(cpus);
                    for share in gres {
                        if let Some(units) = used.gres.get_mut(share.at) {
                            units.add(&share.units);
                        }
                    }
                }
            }
        }
        closed.map_or(Closed::Nothing, |closed| Closed::Part(Box::new(closed)))
    }

    /// Returns how many of a licence the reservations of others keep, beyond what their own jobs have of them.
    pub fn kept_licenses(&self, name: &Text, state: &State) -> u32 {
        let closed = self.others.iter().chain(&self.hosts);
        let kept = closed.map(|other| other.kept_licenses(name, state));
        kept.fold(0, u32::saturating_add)
    }
}

impl Reservation {
    /// Tells whether others may use its nodes who leave so many seconds after they are told (`MaxStartDelay`).
    pub fn takes_guests(&self, seconds: u16) -> bool {
        self.max_start_delay > 0 && u32::from(seconds) <= self.max_start_delay
    }

    /// Returns how many of a licence it keeps free: those it has and its own jobs do not use.
    pub fn kept_licenses(&self, name: &Text, state: &State) -> u32 {
        let count = self.licenses.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
        if count == 0 {
            return 0;
        }
        let own = state.reserved_jobs().filter_map(|job| job.held_resources());
        let own = own.filter(|held| held.reservation == self.name);
        let used = own.flat_map(|held| &held.licenses).filter(|(known, _)| known == name);
        count.saturating_sub(used.map(|(_, count)| *count).fold(0, u32::saturating_add))
    }
}

/// What counts as in use without anything being so; a job that is not there, so that it is looked at.
fn nothing_of(node: &Node) -> NodeUse {
    NodeUse { jobs: 1, gres: node.gres.iter().map(|_| CpuSet::default()).collect(), ..NodeUse::default() }
}
