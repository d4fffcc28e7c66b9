//! Which nodes and cores a reservation gets. Cores are taken in order of their numbers; of several nodes each gives one
//! at least, and the first ones as many as they have.

use super::ReservedNode;
use crate::cluster::{Cluster, Node};
use crate::job::{CpuSet, GresShare};
use crate::{NodeIndex, Problem, Text};
use smallvec::SmallVec;

/// What a reservation shall have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// So many nodes; as many as it takes where `None`.
    pub nodes: Option<u32>,
    /// So many cores in all, or on each node; whole nodes where `None`.
    pub cores: Option<u32>,
    /// So many units of generic resources, in all or on each node.
    pub gres: Vec<(Text, u64)>,
    /// Counted by node.
    pub per_node: bool,
}

impl Choice {
    /// Tells whether whole nodes are wanted.
    pub fn is_of_whole_nodes(&self) -> bool {
        self.cores.is_none() && self.gres.is_empty()
    }
}

/// What a node could give.
struct Offer<'a> {
    index: NodeIndex,
    node: &'a Node,
    /// First CPUs of cores that are to be had.
    cores: Vec<u32>,
    taken: CpuSet,
}

/// Chooses among nodes, the best ones first; `taken` says which CPUs of a node are not to be had.
///
/// # Errors
/// [`Problem::NodesBusy`] if there is not enough.
pub fn choose(
    cluster: &Cluster,
    candidates: &[NodeIndex],
    choice: &Choice,
    taken: impl Fn(NodeIndex) -> CpuSet,
) -> Result<Vec<ReservedNode>, Problem> {
    let offers = offers(cluster, candidates, choice, taken);
    let mut chosen = match (choice.nodes, choice.cores) {
        (Some(count), _) => first(offers, count as usize)?,
        (None, _) if !choice.gres.is_empty() => fewest_for_gres(offers, choice)?,
        (None, Some(cores)) => {
            let count = offers.len().min(cores as usize);
            first(offers, count)?
        }
        (None, None) => return Err(Problem::NodesBusy),
    };
    chosen.sort_by_key(|offer| offer.index);
    take(chosen, choice)
}

/// Takes what is wanted of these very nodes.
///
/// # Errors
/// [`Problem::NodesBusy`] if they have not enough.
pub fn choose_listed(
    cluster: &Cluster,
    listed: &[NodeIndex],
    choice: &Choice,
    taken: impl Fn(NodeIndex) -> CpuSet,
) -> Result<Vec<ReservedNode>, Problem> {
    if choice.is_of_whole_nodes() {
        return Ok(listed.iter().copied().map(ReservedNode::whole).collect());
    }
    let offers = offers(cluster, listed, choice, taken);
    if offers.len() < listed.len() {
        return Err(Problem::NodesBusy);
    }
    take(offers, choice)
}

fn offers<'a>(
    cluster: &'a Cluster,
    candidates: &[NodeIndex],
    choice: &Choice,
    taken: impl Fn(NodeIndex) -> CpuSet,
) -> Vec<Offer<'a>> {
    let offer = |index: &NodeIndex| {
        let node = cluster.node(*index)?;
        let taken = taken(*index);
        let granule = node.topology.granule();
        let mut cores = Vec::new();
        let mut cpu = 0;
        while cpu < node.topology.cpus {
            if !(cpu..cpu + granule).any(|cpu| taken.contains(cpu)) {
                cores.push(cpu);
            }
            cpu += granule;
        }
        let is_good = if choice.is_of_whole_nodes() {
            taken.is_empty()
        } else {
            let least = if choice.per_node { choice.cores.unwrap_or(1) } else { 1 };
            cores.len() >= least as usize
        };
        let has_gres = choice.gres.iter().all(|(name, count)| {
            let there = units_of(node, name);
            if choice.per_node { there >= *count } else { there > 0 }
        });
        (is_good && has_gres).then_some(Offer { index: *index, node, cores, taken })
    };
    candidates.iter().filter_map(offer).collect()
}

fn units_of(node: &Node, name: &str) -> u64 {
    node.gres.iter().filter(|gres| gres.name == name).map(|gres| u64::from(gres.count)).sum()
}

fn first(mut offers: Vec<Offer<'_>>, count: usize) -> Result<Vec<Offer<'_>>, Problem> {
    if count == 0 || offers.len() < count {
        return Err(Problem::NodesBusy);
    }
    offers.truncate(count);
    Ok(offers)
}

/// Takes nodes until they have all units and cores.
fn fewest_for_gres<'a>(offers: Vec<Offer<'a>>, choice: &Choice) -> Result<Vec<Offer<'a>>, Problem> {
    let mut chosen: Vec<Offer<'a>> = Vec::new();
    for offer in offers {
        chosen.push(offer);
        let has = |(name, count): &(Text, u64)| {
            chosen.iter().map(|offer| units_of(offer.node, name)).fold(0, u64::saturating_add) >= *count
        };
        let cores: usize = chosen.iter().map(|offer| offer.cores.len()).sum();
        if choice.gres.iter().all(has) && cores >= choice.cores.unwrap_or(0) as usize {
            return Ok(chosen);
        }
    }
    Err(Problem::NodesBusy)
}

fn take(chosen: Vec<Offer<'_>>, choice: &Choice) -> Result<Vec<ReservedNode>, Problem> {
    if choice.is_of_whole_nodes() {
        return Ok(chosen.into_iter().map(|offer| ReservedNode::whole(offer.index)).collect());
    }
    let mut left_nodes = chosen.len();
    let mut left_cores = choice.cores;
    let mut left_units = choice.gres.clone();
    let mut reserved = Vec::with_capacity(chosen.len());
    for offer in &chosen {
        left_nodes -= 1;
        let all = offer.cores.len();
        let count = match left_cores {
            // With nothing but units asked for, they come with all cores that are left of their nodes.
            None => all,
            Some(cores) if choice.per_node => cores as usize,
            Some(cores) => (cores as usize).saturating_sub(left_nodes).min(all),
        };
        if count == 0 || count > all {
            return Err(Problem::NodesBusy);
        }
        if !choice.per_node {
            left_cores =
                left_cores.map(|cores| cores.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX)));
        }
        let gres = units(offer.node, &mut left_units, choice.per_node);
        reserved.push(ReservedNode { node: offer.index, cpus: Some(cpus(offer, count)), gres });
    }
    let is_met =
        choice.per_node || left_cores.unwrap_or(0) == 0 && left_units.iter().all(|(_, count)| *count == 0);
    if is_met { Ok(reserved) } else { Err(Problem::NodesBusy) }
}

fn cpus(offer: &Offer<'_>, cores: usize) -> CpuSet {
    let granule = offer.node.topology.granule();
    let last = offer.node.topology.cpus;
    let threads = |first: &u32| *first..(*first + granule).min(last);
    let cpus = offer.cores.iter().take(cores).flat_map(threads);
    cpus.filter(|cpu| !offer.taken.contains(*cpu)).collect()
}

fn units(node: &Node, left: &mut [(Text, u64)], per_node: bool) -> SmallVec<[GresShare; 1]> {
    let mut shares = SmallVec::new();
    for (name, count) in left {
        let mut wanted = *count;
        for (at, gres) in node.gres.iter().enumerate().filter(|(_, gres)| gres.name == *name) {
            let taken = u32::try_from(wanted).unwrap_or(u32::MAX).min(gres.count);
            if taken > 0 {
                shares.push(GresShare { at, units: CpuSet::first(taken) });
            }
            wanted -= u64::from(taken);
        }
        if !per_node {
            *count = wanted;
        }
    }
    shares
}
