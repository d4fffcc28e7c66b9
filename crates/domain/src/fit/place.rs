//! Chooses nodes for a demand: those of low weight first, as few as will do, tasks in blocks.

use super::demand::{matching_units, units};
use super::{Amounts, Demand};
use crate::NodeIndex;
use crate::cluster::{Cluster, Node};
use crate::job::Per;
use smallvec::SmallVec;

/// Where a job goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Its nodes in ascending order.
    pub nodes: SmallVec<[Placed; 1]>,
}

/// What a job takes of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The node.
    pub node: NodeIndex,
    /// Tasks that run there.
    pub tasks: u32,
    /// What it takes.
    pub takes: Amounts,
}

/// A node that could take some tasks.
struct Offer<'a> {
    index: NodeIndex,
    node: &'a Node,
    free: Amounts,
    most: u32,
}

/// Places a demand on nodes, tried in the order given. `free` says what of a node can be had; `None` if it is out of
/// the question.
pub fn place(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    mut free: impl FnMut(NodeIndex) -> Option<Amounts>,
) -> Option<Placement> {
    if let Some(prefer) = demand.prefer {
        let preferred = |node: &Node| prefer.holds(&node.active_features);
        if let Some(placement) = place_among(demand, cluster, nodes, &preferred, &mut free) {
            return Some(placement);
        }
    }
    place_among(demand, cluster, nodes, &|_| true, &mut free)
}

fn place_among(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    allowed: &dyn Fn(&Node) -> bool,
    free: &mut dyn FnMut(NodeIndex) -> Option<Amounts>,
) -> Option<Placement> {
    let mut offers: SmallVec<[Offer<'_>; 1]> = SmallVec::new();
    // Required nodes are asked first, so that most vain attempts end at once.
    let others = nodes.iter().filter(|node| !demand.required.contains(node));
    for (at, index) in demand.required.iter().chain(others).enumerate() {
        let is_required = at < demand.required.len();
        let offer = cluster
            .node(*index)
            .filter(|node| demand.suits(*index, node) && (is_required || allowed(node)))
            .and_then(|node| {
                let free = free(*index)?;
                let most = demand.most_tasks(node, &free);
                (most > 0).then_some(Offer { index: *index, node, free, most })
            });
        let Some(offer) = offer else {
            if is_required {
                return None;
            }
            continue;
        };
        if demand.min_nodes <= 1 && demand.required.len() <= 1 && (is_required || demand.required.is_empty())
        {
            if let Some(placement) = shares(demand, &[&offer]) {
                return Some(placement);
            }
            if demand.max_nodes == 1 {
                if is_required {
                    return None;
                }
                continue;
            }
        }
        offers.push(offer);
    }
    if demand.max_nodes == 1 && demand.min_nodes == 1 { None } else { place_wide(demand, &offers) }
}

fn place_wide(demand: &Demand<'_>, offers: &[Offer<'_>]) -> Option<Placement> {
    let count = |nodes: u32| nodes.min(u32::try_from(offers.len()).unwrap_or(u32::MAX)) as usize;
    if (offers.len() as u64) < u64::from(demand.min_nodes) {
        return None;
    }
    let mut largest: Vec<u32> = offers.iter().map(|offer| offer.most).collect();
    largest.sort_unstable_by(|a, b| b.cmp(a));
    let reach = |nodes: usize| largest.iter().take(nodes).map(|most| u64::from(*most)).sum::<u64>();
    let enough = |nodes: &usize| reach(*nodes) >= u64::from(demand.tasks);
    let fewest = (count(demand.min_nodes)..=count(demand.max_nodes)).find(enough)?;
    (fewest..=count(demand.max_nodes)).find_map(|nodes| {
        if demand.resources.contiguous {
            return choose_neighbours(demand, offers, nodes);
        }
        choose_even(demand, offers, nodes)
            .and_then(|chosen| shares(demand, &chosen))
            .or_else(|| shares(demand, &choose_largest(demand, offers, nodes)))
    })
}

/// Chooses the first nodes that could take an equal part each.
fn choose_even<'a, 'b>(
    demand: &Demand<'_>,
    offers: &'a [Offer<'b>],
    nodes: usize,
) -> Option<Vec<&'a Offer<'b>>> {
    let (required, others) = offers.split_at(demand.required.len().min(offers.len()));
    let part = demand.tasks.div_ceil(u32::try_from(nodes.max(1)).unwrap_or(u32::MAX));
    let even = others.iter().filter(|offer| offer.most >= part);
    let chosen: Vec<_> = required.iter().chain(even).take(nodes).collect();
    (chosen.len() == nodes).then_some(chosen)
}

/// Chooses those nodes that can take most.
fn choose_largest<'a, 'b>(demand: &Demand<'_>, offers: &'a [Offer<'b>], nodes: usize) -> Vec<&'a Offer<'b>> {
    let (required, others) = offers.split_at(demand.required.len().min(offers.len()));
    let mut others: Vec<_> = others.iter().collect();
    others.sort_by_key(|offer| std::cmp::Reverse(offer.most));
    required.iter().chain(others).take(nodes).collect()
}

/// Chooses the first row of neighbours that will do.
fn choose_neighbours(demand: &Demand<'_>, offers: &[Offer<'_>], nodes: usize) -> Option<Placement> {
    let mut sorted: Vec<&Offer<'_>> = offers.iter().collect();
    sorted.sort_by_key(|offer| offer.index);
    sorted.windows(nodes).find_map(|row| {
        let is_row = row.windows(2).all(|pair| pair[0].index.0 + 1 == pair[1].index.0);
        let has_required =
            demand.required.iter().all(|wanted| row.iter().any(|offer| offer.index == *wanted));
        if is_row && has_required { shares(demand, row) } else { None }
    })
}

/// Divides the job over the nodes chosen; `None` if they do not suffice after all.
fn shares(demand: &Demand<'_>, chosen: &[&Offer<'_>]) -> Option<Placement> {
    let mut chosen: SmallVec<[&Offer<'_>; 1]> = chosen.iter().copied().collect();
    chosen.sort_by_key(|offer| offer.index);
    let tasks = divide(demand.tasks, chosen.iter().map(|offer| offer.most))?;
    let job_units = divide_job_gres(demand, &chosen)?;
    let mut placed: SmallVec<[Placed; 1]> = SmallVec::new();
    for (at, (offer, tasks)) in chosen.iter().zip(&tasks).enumerate() {
        let mut takes = demand.needs(offer.node, *tasks);
        let own: SmallVec<[u32; 2]> = job_units.iter().map(|parts| parts[at]).collect();
        takes.gres = demand.pick_gres(offer.node, &offer.free, *tasks, &own)?;
        if !offer.free.covers(&takes) {
            return None;
        }
        placed.push(Placed { node: offer.index, tasks: *tasks, takes });
    }
    add_cpus(demand, &chosen, &mut placed)?;
    Some(Placement { nodes: placed })
}

/// Divides a count in blocks: each part at least one, the first ones as full as they can be.
fn divide(
    count: u32,
    most: impl DoubleEndedIterator<Item = u32> + ExactSizeIterator,
) -> Option<SmallVec<[u32; 1]>> {
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

/// Divides each generic resource that counts by the job over the nodes.
fn divide_job_gres(demand: &Demand<'_>, chosen: &[&Offer<'_>]) -> Option<SmallVec<[SmallVec<[u32; 1]>; 1]>> {
    let by_job = demand.resources.gres.iter().filter(|request| request.per == Per::Job);
    by_job
        .map(|request| {
            let there = chosen.iter().map(|offer| matching_units(offer.node, request, &offer.free.gres));
            divide(units(request.count), there)
        })
        .collect()
}

/// Adds CPUs until the job has as many in all as it asked for.
fn add_cpus(demand: &Demand<'_>, chosen: &[&Offer<'_>], placed: &mut [Placed]) -> Option<()> {
    let given: u64 = placed.iter().map(|placed| u64::from(placed.takes.cpus)).sum();
    let mut missing = u64::from(demand.least_cpus).saturating_sub(given);
    for (offer, placed) in chosen.iter().zip(placed) {
        if missing == 0 {
            break;
        }
        let granule = offer.node.topology.granule();
        let spare = demand.usable_cpus(offer.node, &offer.free).saturating_sub(placed.takes.cpus);
        let wanted = u32::try_from(missing.next_multiple_of(u64::from(granule))).unwrap_or(u32::MAX);
        let more = spare.min(wanted);
        placed.takes.cpus += more;
        placed.takes.memory = demand.memory_for(offer.node, placed.takes.cpus);
        missing = missing.saturating_sub(u64::from(more));
        if !offer.free.covers(&placed.takes) {
            return None;
        }
    }
    (missing == 0).then_some(())
}
