//! Chooses nodes for a demand: those of low weight first, tasks in blocks. Which features nodes must have is decided
//! here, how a set of several nodes is put together in `choose`.

use super::choose::{Offer, choose};
use super::{Amounts, Demand};
use crate::NodeIndex;
use crate::cluster::{Cluster, Node};
use crate::job::{Constraint, Expression};
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

/// What features nodes must have in one attempt.
#[derive(Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) constraint: Option<&'a Constraint>,
    /// The alternative that all nodes must meet.
    alternative: Option<&'a Expression>,
    /// Nodes before this one are out of the question, since it is to be the first.
    first: Option<NodeIndex>,
}

impl Rule<'_> {
    fn allows(&self, index: NodeIndex, node: &Node) -> bool {
        let features = &node.active_features;
        self.constraint.is_none_or(|constraint| constraint.meaning.holds(features))
            && self.alternative.is_none_or(|alternative| alternative.holds(features))
            && self.first.is_none_or(|first| first <= index)
    }

    /// Tells whether it matters which nodes are chosen together.
    fn counts(&self) -> bool {
        self.constraint.is_some_and(|constraint| !constraint.counts.is_empty())
    }
}

/// Places a demand on nodes, tried in the order given. `free` says what of a node can be had; `None` if it is out of
/// the question. Preferred features take the place of those asked for, as long as that leads anywhere.
pub fn place(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    mut free: impl FnMut(NodeIndex) -> Option<Amounts>,
) -> Option<Placement> {
    let asked = demand.resources.constraint.as_ref();
    if demand.prefer.is_some()
        && let Some(placement) = place_by(demand, cluster, nodes, demand.prefer, &mut free)
    {
        return Some(placement);
    }
    place_by(demand, cluster, nodes, asked, &mut free)
}

type Free<'a> = &'a mut dyn FnMut(NodeIndex) -> Option<Amounts>;

fn place_by(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    constraint: Option<&Constraint>,
    free: Free<'_>,
) -> Option<Placement> {
    let alternatives = constraint.map_or(&[][..], |constraint| constraint.same.as_slice());
    let rule = Rule { constraint, alternative: None, first: None };
    if alternatives.is_empty() {
        return place_with_first(demand, cluster, nodes, rule, free);
    }
    alternatives.iter().find_map(|alternative| {
        place_with_first(demand, cluster, nodes, Rule { alternative: Some(alternative), ..rule }, free)
    })
}

/// Sees to it that the first node has the features its batch script needs.
fn place_with_first(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    rule: Rule<'_>,
    free: Free<'_>,
) -> Option<Placement> {
    let Some(batch) = &demand.batch else { return place_among(demand, cluster, nodes, rule, free) };
    let fits = |index: &&NodeIndex| {
        let node = cluster.node(**index).filter(|node| rule.allows(**index, node));
        node.is_some_and(|node| batch.holds(&node.active_features))
    };
    nodes.iter().filter(fits).find_map(|index| {
        let rule = Rule { first: Some(*index), ..rule };
        let placement = place_among(demand, cluster, nodes, rule, free)?;
        (placement.nodes.first()?.node == *index).then_some(placement)
    })
}

fn place_among(
    demand: &Demand<'_>,
    cluster: &Cluster,
    nodes: &[NodeIndex],
    rule: Rule<'_>,
    free: Free<'_>,
) -> Option<Placement> {
    let mut offers: SmallVec<[Offer<'_>; 1]> = SmallVec::new();
    let is_alone = demand.max_nodes == 1 && !rule.counts();
    let takes_first = !rule.counts() && demand.takes_first_node();
    let must = |index: &NodeIndex| demand.required.contains(index) || rule.first == Some(*index);
    // Required nodes are asked first, so that most vain attempts end at once.
    let (musts, others) = (nodes.iter().filter(|node| must(node)), nodes.iter().filter(|node| !must(node)));
    let mut wanted = 0;
    for index in musts.chain(others) {
        let is_required = must(index);
        wanted += usize::from(is_required);
        if is_alone && wanted > 0 && !is_required {
            break;
        }
        let offer = cluster
            .node(*index)
            .filter(|node| demand.suits(*index, node) && rule.allows(*index, node))
            .and_then(|node| {
                let free = free(*index)?;
                let most = demand.most_tasks(node, &free);
                (most > 0).then_some(Offer { index: *index, node, free, most, is_required })
            });
        let Some(offer) = offer else {
            if is_required {
                return None;
            }
            continue;
        };
        if takes_first
            && demand.required.len() <= 1
            && (is_required || demand.required.is_empty())
            && let Some(placement) = demand.divided(&[&offer])
        {
            return Some(placement);
        }
        if !is_alone {
            offers.push(offer);
        }
    }
    if is_alone { None } else { choose(demand, cluster, &offers, rule) }
}
