//! Puts a set of several nodes together and divides a job over it: how many nodes, which of those that could take a part,
//! and who gets what.

use super::carve::Part;
use super::demand::{Spread, units};
use super::gres::matching_units;
use super::place::{Placed, Placement, Rule};
use super::{Amounts, Demand};
use crate::NodeIndex;
use crate::cluster::{Cluster, Node};
use crate::job::{Constraint, GresRequest, MOST_COUNTS, Per};
use smallvec::SmallVec;
use std::cmp::Reverse;

/// How many numbers of nodes are tried before a demand is given up: those after the first that could do rarely help.
const MOST_SIZES: usize = 8;

/// A node that could take some tasks.
pub(super) struct Offer<'a> {
    pub(super) index: NodeIndex,
    pub(super) node: &'a Node,
    pub(super) free: Amounts,
    /// Most tasks.
    pub(super) most: u32,
    pub(super) is_required: bool,
}

type Offers<'a, 'b> = Vec<&'a Offer<'b>>;

/// Chooses nodes among the offers; `None` if no set of them will do.
pub(super) fn choose(
    demand: &Demand<'_>,
    cluster: &Cluster,
    offers: &[Offer<'_>],
    rule: Rule<'_>,
) -> Option<Placement> {
    let all: Offers<'_, '_> = offers.iter().collect();
    if (all.len() as u64) < u64::from(demand.min_nodes) {
        return None;
    }
    if cluster.switches.is_empty() || demand.max_nodes <= 1 {
        return among(demand, &all, rule);
    }
    on_switches(demand, cluster, &all, rule)
}

/// Chooses the lowest switch that will do, of several the one with the fewest nodes to offer; above the leaves, the
/// leaves with most to offer first.
fn on_switches(
    demand: &Demand<'_>,
    cluster: &Cluster,
    all: &Offers<'_, '_>,
    rule: Rule<'_>,
) -> Option<Placement> {
    let leaves_of = |placement: &Placement| {
        let mut leaves: SmallVec<[Option<u32>; 8]> =
            placement.nodes.iter().map(|placed| cluster.switches.leaf_of(placed.node)).collect();
        leaves.sort_unstable();
        leaves.dedup();
        u32::try_from(leaves.len()).unwrap_or(u32::MAX)
    };
    let is_near =
        |placement: &Placement| demand.most_switches.is_none_or(|most| leaves_of(placement) <= most);
    let mut switches: Vec<_> = cluster
        .switches
        .all()
        .iter()
        .map(|switch| {
            let is_below = |offer: &&&Offer<'_>| switch.nodes.binary_search(&offer.index).is_ok();
            (switch.level, all.iter().filter(is_below).copied().collect::<Offers<'_, '_>>())
        })
        .filter(|(_, below)| below.len() as u64 >= u64::from(demand.min_nodes))
        .collect();
    switches.sort_by_key(|(level, below)| (*level, below.len()));
    for (level, mut below) in switches {
        if level > 0 {
            by_leaves(cluster, &mut below);
        }
        if let Some(placement) = among(demand, &below, rule).filter(is_near) {
            return Some(placement);
        }
    }
    // Nodes on switches that nothing connects are taken together if they have to be.
    let mut all = all.clone();
    by_leaves(cluster, &mut all);
    among(demand, &all, rule).filter(is_near)
}

/// Puts nodes in the order of their leaves, those with most nodes first; required nodes stay in front.
fn by_leaves(cluster: &Cluster, offers: &mut Offers<'_, '_>) {
    let mut sizes: std::collections::BTreeMap<Option<u32>, usize> = std::collections::BTreeMap::new();
    for offer in offers.iter() {
        *sizes.entry(cluster.switches.leaf_of(offer.index)).or_default() += 1;
    }
    offers.sort_by_key(|offer| {
        let leaf = cluster.switches.leaf_of(offer.index);
        (Reverse(offer.is_required), Reverse(sizes.get(&leaf).copied().unwrap_or(0)), leaf)
    });
}

fn among(demand: &Demand<'_>, offers: &Offers<'_, '_>, rule: Rule<'_>) -> Option<Placement> {
    let count = |nodes: u32| (nodes as usize).min(offers.len());
    let (least, most) = (demand.min_nodes as usize, count(demand.max_nodes));
    if offers.len() < least || least > most {
        return None;
    }
    let reach = Sums::of(demand, offers);
    let fits = |nodes: &usize| {
        demand.is_size(u32::try_from(*nodes).unwrap_or(u32::MAX)) && reach.suffice(demand, *nodes)
    };
    let attempt = |nodes: usize| with_size(demand, offers, nodes, rule);
    match demand.spread {
        Spread::Few => (least..=most).filter(fits).take(MOST_SIZES).find_map(attempt),
        Spread::Many | Spread::Even => (least..=most).rev().filter(fits).take(MOST_SIZES).find_map(attempt),
    }
}

/// What the best of the offers could give together.
struct Sums {
    /// Tasks of the first so many, the largest first.
    tasks: Vec<u64>,
    /// The same for each generic resource that is counted by the job.
    units: SmallVec<[(u64, Vec<u64>); 1]>,
}

impl Sums {
    fn of(demand: &Demand<'_>, offers: &Offers<'_, '_>) -> Self {
        let by_job = demand.resources.gres.iter().filter(|request| request.per == Per::Job);
        let units = by_job.map(|request| {
            let there = offers.iter().map(|offer| matching_units(offer.node, request, &offer.free.gres));
            (u64::from(units(request.count)), summed(there))
        });
        Sums { tasks: summed(offers.iter().map(|offer| offer.most)), units: units.collect() }
    }

    fn suffice(&self, demand: &Demand<'_>, nodes: usize) -> bool {
        let reaches = |sums: &[u64], wanted: u64| {
            nodes.checked_sub(1).and_then(|at| sums.get(at)).is_some_and(|sum| *sum >= wanted)
        };
        reaches(&self.tasks, demand.tasks_on(nodes).into())
            && self.units.iter().all(|(wanted, sums)| reaches(sums, *wanted))
    }
}

fn summed(counts: impl Iterator<Item = u32>) -> Vec<u64> {
    let mut counts: Vec<u32> = counts.collect();
    counts.sort_unstable_by_key(|count| Reverse(*count));
    let mut sum = 0;
    counts
        .into_iter()
        .map(|count| {
            sum += u64::from(count);
            sum
        })
        .collect()
}

/// Finds a set of so many nodes.
fn with_size(
    demand: &Demand<'_>,
    offers: &Offers<'_, '_>,
    nodes: usize,
    rule: Rule<'_>,
) -> Option<Placement> {
    if demand.resources.contiguous {
        return neighbours(demand, offers, nodes, rule.constraint);
    }
    if let Some(constraint) = rule.constraint.filter(|constraint| !constraint.counts.is_empty()) {
        return demand.divided(&counted(constraint, offers, nodes)?);
    }
    // First come those that must be, then in order; the largest only if that does not suffice.
    let musts = offers.iter().filter(|offer| offer.is_required).count();
    let part = demand.tasks_on(nodes).div_ceil(u32::try_from(nodes.max(1)).unwrap_or(u32::MAX));
    let even = offers.iter().copied().filter(|offer| offer.is_required || offer.most >= part);
    let chosen: Offers<'_, '_> = even.take(nodes).collect();
    if chosen.len() == nodes
        && chosen.iter().filter(|offer| offer.is_required).count() == musts
        && let Some(placement) = demand.divided(&chosen)
    {
        return Some(placement);
    }
    let largest = |key: &dyn Fn(&Offer<'_>) -> u32| {
        let mut sorted = offers.clone();
        sorted.sort_by_key(|offer| (Reverse(offer.is_required), Reverse(key(offer))));
        sorted.truncate(nodes);
        demand.divided(&sorted)
    };
    let by_cpus = || (demand.least_cpus > 0).then(|| largest(&|offer| offer.free.cpus)).flatten();
    largest(&|offer| offer.most).or_else(by_cpus).or_else(|| {
        let mut by_job = demand.resources.gres.iter().filter(|request| request.per == Per::Job);
        by_job.find_map(|request| largest(&|offer| matching_units(offer.node, request, &offer.free.gres)))
    })
}

/// Chooses the first row of neighbours that will do.
fn neighbours(
    demand: &Demand<'_>,
    offers: &Offers<'_, '_>,
    nodes: usize,
    constraint: Option<&Constraint>,
) -> Option<Placement> {
    let mut sorted = offers.clone();
    sorted.sort_by_key(|offer| offer.index);
    let musts = offers.iter().filter(|offer| offer.is_required).count();
    sorted.windows(nodes).find_map(|row| {
        let is_row = row.windows(2).all(|pair| pair[0].index.0 + 1 == pair[1].index.0);
        let has_required = row.iter().filter(|offer| offer.is_required).count() == musts;
        let meets_counts = constraint.is_none_or(|constraint| {
            constraint.counts.is_empty() || counted(constraint, &row.to_vec(), nodes).is_some()
        });
        if is_row && has_required && meets_counts { demand.divided(row) } else { None }
    })
}

/// Chooses so many nodes of which there are as many of each kind as the constraint counts, each counted once.
fn counted<'a, 'b>(constraint: &Constraint, offers: &Offers<'a, 'b>, nodes: usize) -> Option<Offers<'a, 'b>> {
    let holds: Vec<u32> = offers
        .iter()
        .map(|offer| {
            let features = &offer.node.active_features;
            constraint.counts.iter().enumerate().fold(0, |bits, (at, (kind, _))| {
                bits | u32::from(kind.holds(features)).checked_shl(at as u32).unwrap_or(0)
            })
        })
        .collect();
    if u64::from(constraint.counted_nodes()) > nodes as u64 {
        return None;
    }
    let mut kind_of: Vec<Option<usize>> = vec![None; offers.len()];
    for (kind, (_, count)) in constraint.counts.iter().enumerate() {
        for _ in 0..*count {
            assign(kind, &holds, &mut kind_of)?;
        }
    }
    let is_chosen = |at: usize| kind_of[at].is_some() || offers[at].is_required;
    let chosen = (0..offers.len()).filter(|at| is_chosen(*at)).count();
    let mut missing = nodes.checked_sub(chosen)?;
    let picked = (0..offers.len()).filter(|at| {
        is_chosen(*at) || {
            let is_wanted = missing > 0;
            missing -= usize::from(is_wanted);
            is_wanted
        }
    });
    let picked: Offers<'a, 'b> = picked.map(|at| offers[at]).collect();
    (picked.len() == nodes).then_some(picked)
}

/// Finds one more node of a kind. Nodes that count for another kind move over if that finds one of its own elsewhere; the
/// search goes from kind to kind, of which there are few.
fn assign(kind: usize, holds: &[u32], kind_of: &mut [Option<usize>]) -> Option<()> {
    let mut came_from: [Option<(usize, usize)>; MOST_COUNTS] = [None; MOST_COUNTS];
    let mut queue = std::collections::VecDeque::from([kind]);
    let mut seen = 1u32 << kind;
    while let Some(at) = queue.pop_front() {
        let is_of_kind = |offer: &usize| holds[*offer] & (1 << at) != 0;
        if let Some(free) = (0..holds.len()).filter(is_of_kind).find(|offer| kind_of[*offer].is_none()) {
            let (mut offer, mut at) = (free, at);
            loop {
                kind_of[offer] = Some(at);
                match came_from[at] {
                    Some((before, moved)) => (offer, at) = (moved, before),
                    None => return Some(()),
                }
            }
        }
        for offer in (0..holds.len()).filter(is_of_kind) {
            if let Some(other) = kind_of[offer].filter(|other| seen & (1 << other) == 0) {
                seen |= 1 << other;
                came_from[other] = Some((at, offer));
                queue.push_back(other);
            }
        }
    }
    None
}

impl Demand<'_> {
    /// Tells whether the first node on which all fits is the right one.
    pub(super) fn takes_first_node(&self) -> bool {
        self.min_nodes <= 1
            && self.is_size(1)
            && (self.max_nodes == 1 || self.spread == Spread::Few)
            && self.most_switches.is_none_or(|most| most >= 1)
    }

    /// Divides the job over the nodes chosen; `None` if they do not suffice after all.
    pub(super) fn divided(&self, chosen: &[&Offer<'_>]) -> Option<Placement> {
        let mut chosen: SmallVec<[&Offer<'_>; 1]> = chosen.iter().copied().collect();
        chosen.sort_by_key(|offer| offer.index);
        let count = self.tasks_on(chosen.len());
        let tasks = match self.spread {
            _ if self.shared_gpus().is_some() => self.tasks_by_units(count, &chosen),
            Spread::Even => divided_evenly(count, chosen.iter().map(|offer| offer.most)),
            Spread::Few | Spread::Many => divided(count, chosen.iter().map(|offer| offer.most)),
        }?;
        let job_units = self.divided_units(&chosen, &tasks)?;
        let mut placed: SmallVec<[Placed; 1]> = SmallVec::new();
        let mut missing = u64::from(self.least_cpus);
        for (at, (offer, tasks)) in chosen.iter().zip(&tasks).enumerate() {
            let own: SmallVec<[u32; 2]> = job_units.iter().map(|parts| parts[at]).collect();
            let part = Part { tasks: *tasks, job_units: &own, least_cpus: 0 };
            let takes = self.carve(offer.node, &offer.free, part)?;
            missing = missing.saturating_sub(takes.cpus.into());
            placed.push(Placed { node: offer.index, tasks: *tasks, takes });
        }
        for (at, offer) in chosen.iter().enumerate() {
            if missing == 0 {
                break;
            }
            let own: SmallVec<[u32; 2]> = job_units.iter().map(|parts| parts[at]).collect();
            missing = self.add_cpus(offer, &own, &mut placed[at], missing)?;
        }
        (missing == 0).then_some(Placement { nodes: placed })
    }

    /// Adds CPUs on a node until the job has as many in all as it asked for. Returns how many are still missing.
    fn add_cpus(&self, offer: &Offer<'_>, own: &[u32], placed: &mut Placed, missing: u64) -> Option<u64> {
        let all = self.reach(offer.node, &offer.free)?.cpus;
        let wanted = u64::from(placed.takes.cpus).saturating_add(missing).min(all.into());
        let least_cpus = u32::try_from(wanted).unwrap_or(u32::MAX);
        let part = Part { tasks: placed.tasks, job_units: own, least_cpus };
        let before = placed.takes.cpus;
        placed.takes = self.carve(offer.node, &offer.free, part)?;
        Some(missing.saturating_sub(u64::from(placed.takes.cpus.saturating_sub(before))))
    }

    /// Returns the request for GPUs of the whole job that tasks share.
    fn shared_gpus(&self) -> Option<&GresRequest> {
        let is_shared =
            |request: &&GresRequest| request.per == Per::Job && request.name == "gpu" && request.count > 0;
        self.resources.gres.iter().find(is_shared).filter(|_| self.resources.tasks_per_gpu > 0)
    }

    /// Divides tasks that share GPUs: GPUs first, so that none is left with fewer tasks than it could take.
    fn tasks_by_units(&self, count: u32, chosen: &[&Offer<'_>]) -> Option<SmallVec<[u32; 1]>> {
        let request = self.shared_gpus()?;
        let on_gpu = u32::from(self.resources.tasks_per_gpu);
        let there = chosen.iter().map(|offer| {
            let units = matching_units(offer.node, request, &offer.free.gres);
            units.min((offer.most / on_gpu).max(1))
        });
        let units = divided(units(request.count), there.collect::<SmallVec<[u32; 8]>>().into_iter())?;
        let most =
            units.iter().zip(chosen).map(|(units, offer)| units.saturating_mul(on_gpu).min(offer.most));
        divided(count, most.collect::<SmallVec<[u32; 8]>>().into_iter())
    }

    /// Divides each generic resource that counts by the job over the nodes.
    fn divided_units(
        &self,
        chosen: &[&Offer<'_>],
        tasks: &[u32],
    ) -> Option<SmallVec<[SmallVec<[u32; 1]>; 1]>> {
        let by_job = self.resources.gres.iter().filter(|request| request.per == Per::Job);
        by_job
            .map(|request| {
                let count = units(request.count);
                let on_gpu = u32::from(self.resources.tasks_per_gpu);
                if on_gpu > 0 && request.name == "gpu" && count > 0 {
                    // Units go where their tasks are.
                    let parts: SmallVec<[u32; 1]> =
                        tasks.iter().map(|tasks| tasks.div_ceil(on_gpu)).collect();
                    let sum = parts.iter().fold(0u32, |sum, part| sum.saturating_add(*part));
                    return (sum <= count).then_some(parts);
                }
                let each = self.cpus_of_unit(request);
                let there = chosen.iter().map(|offer| {
                    let units = matching_units(offer.node, request, &offer.free.gres);
                    let cpus = || self.reach(offer.node, &offer.free).map_or(0, |reach| reach.cpus);
                    cpus().checked_div(each).map_or(units, |most| most.min(units))
                });
                divided(count, there.collect::<SmallVec<[u32; 8]>>().into_iter())
            })
            .collect()
    }
}

/// Divides a count in blocks: each part at least one, the first ones as full as they can be.
fn divided(count: u32, most: impl ExactSizeIterator<Item = u32>) -> Option<SmallVec<[u32; 1]>> {
    let parts = most.len();
    if count == 0 {
        return Some(std::iter::repeat_n(0, parts).collect());
    }
    let mut left = count;
    let mut divided = SmallVec::new();
    for (at, most) in most.enumerate() {
        let behind = u32::try_from(parts - at - 1).unwrap_or(u32::MAX);
        let part = most.min(left.checked_sub(behind)?);
        if part == 0 {
            return None;
        }
        left -= part;
        divided.push(part);
    }
    (left == 0).then_some(divided)
}

/// Divides a count so that no part is larger than it has to be; each is at least one.
fn divided_evenly(count: u32, most: impl ExactSizeIterator<Item = u32>) -> Option<SmallVec<[u32; 1]>> {
    let most: SmallVec<[u32; 8]> = most.collect();
    let mut parts: SmallVec<[u32; 1]> = most.iter().map(|_| 0).collect();
    let mut left = count;
    while left > 0 {
        let open = parts.iter().zip(&most).filter(|(part, most)| part < most).count();
        let step = left.checked_div(u32::try_from(open).unwrap_or(u32::MAX))?.max(1);
        for (part, most) in parts.iter_mut().zip(&most) {
            let more = step.min(most - *part).min(left);
            *part += more;
            left -= more;
        }
    }
    parts.iter().all(|part| *part > 0).then_some(parts)
}
