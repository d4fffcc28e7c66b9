//! Amounts of trackable resources by their numbers, and what a job asks for or holds of them.

use super::Line;
use super::tres::{BILLING, CPU, MEMORY, NODE, Numbers};
use crate::cluster::{Cluster, Node, Partition};
use crate::job::{Allocation, JobSpec, Sharing};
use crate::priority::{Asked, Tres};
use crate::{Text, TimeLimit};
use smallvec::SmallVec;

/// Amounts by the numbers of resources, in ascending order. What is not in it is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quantities(SmallVec<[(u32, u64); 5]>);

impl Quantities {
    /// Returns the amount of a resource.
    pub fn of(&self, resource: u32) -> u64 {
        self.at(resource).ok().and_then(|at| self.0.get(at)).map_or(0, |(_, amount)| *amount)
    }

    /// Goes through those that are not zero: resource and amount.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.0.iter().copied()
    }

    /// Adds an amount of one resource.
    pub fn put(&mut self, resource: u32, amount: u64) {
        match self.at(resource) {
            _ if amount == 0 => {}
            Ok(at) => self.0[at].1 = self.0[at].1.saturating_add(amount),
            Err(at) => self.0.insert(at, (resource, amount)),
        }
    }

    /// Adds others.
    pub fn add(&mut self, other: &Quantities) {
        other.iter().for_each(|(resource, amount)| self.put(resource, amount));
    }

    /// Takes others off.
    pub fn take(&mut self, other: &Quantities) {
        for (resource, amount) in other.iter() {
            if let Ok(at) = self.at(resource) {
                self.0[at].1 = self.0[at].1.saturating_sub(amount);
            }
        }
        self.0.retain(|(_, amount)| *amount > 0);
    }

    /// Returns each multiplied with the same number.
    #[must_use]
    pub fn times(&self, factor: u64) -> Quantities {
        Quantities(self.iter().map(|(resource, amount)| (resource, amount.saturating_mul(factor))).collect())
    }

    fn at(&self, resource: u32) -> Result<usize, usize> {
        self.0.binary_search_by_key(&resource, |(resource, _)| *resource)
    }
}

/// What a job would use if it started, as far as anybody knows before it has its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How much of what.
    pub quantities: Quantities,
    /// On how many nodes.
    pub nodes: u32,
    /// For how many minutes at most.
    pub minutes: u64,
}

impl Wanted {
    /// Looks at a request in a partition, as far as its line asks for it: what is counted when it is submitted, whole nodes
    /// or not.
    pub fn by(
        spec: &JobSpec,
        cluster: &Cluster,
        partition: &Partition,
        (numbers, line): (&Numbers, &Line),
    ) -> Wanted {
        Wanted::of(spec, cluster, partition, (numbers, line), 0)
    }

    /// Does the same for the least that it will have once it starts: who has nodes to itself has all of their CPUs.
    pub fn at_least(
        spec: &JobSpec,
        cluster: &Cluster,
        partition: &Partition,
        (numbers, line): (&Numbers, &Line),
    ) -> Wanted {
        let whole = partition.exclusive || spec.resources.sharing == Sharing::Exclusive;
        let cpus_of_node = if whole { smallest_node(cluster, partition) } else { 0 };
        Wanted::of(spec, cluster, partition, (numbers, line), cpus_of_node)
    }

    fn of(
        spec: &JobSpec,
        cluster: &Cluster,
        partition: &Partition,
        (numbers, line): (&Numbers, &Line),
        cpus_of_node: u32,
    ) -> Wanted {
        let asked = Asked::by(spec);
        let mut quantities = Quantities::default();
        let cpus = asked.cpus.max(asked.nodes.saturating_mul(cpus_of_node));
        quantities.put(CPU, cpus.into());
        if line.counts(MEMORY) || !partition.billing.is_empty() {
            // Looked for on the nodes where nobody says how much it is.
            quantities.put(MEMORY, asked.amount(&Tres::Memory, cluster, partition));
        }
        quantities.put(NODE, asked.nodes.into());
        if !spec.resources.gres.is_empty() {
            for (name, number) in numbers.iter() {
                let tres = Tres::Gres { name: name.clone(), kind: Text::default() };
                quantities.put(*number, asked.amount(&tres, cluster, partition));
            }
        }
        quantities.put(BILLING, billing(&quantities, partition, cluster, numbers));
        Wanted { quantities, nodes: asked.nodes, minutes: minutes(spec.time_limit) }
    }
}

fn smallest_node(cluster: &Cluster, partition: &Partition) -> u32 {
    let nodes = partition.nodes.iter().filter_map(|index| cluster.node(*index));
    nodes.map(Node::job_cpus).min().unwrap_or(0)
}

/// Returns a time limit in minutes; without one a year.
pub fn minutes(limit: TimeLimit) -> u64 {
    const YEAR: u32 = 365 * 24 * 60;
    limit.minutes().unwrap_or(YEAR).into()
}

/// Returns what a job holds.
pub fn held(allocation: &Allocation, cluster: &Cluster, numbers: &Numbers) -> Quantities {
    let mut quantities = Quantities::default();
    quantities.put(CPU, allocation.cpus().into());
    quantities.put(MEMORY, allocation.memory());
    quantities.put(NODE, allocation.nodes.len() as u64);
    for share in allocation.nodes.iter().filter(|share| !share.gres.is_empty()) {
        let Some(node) = cluster.node(share.node) else { continue };
        for gres in &share.gres {
            let number = node.gres.get(gres.at).and_then(|gres| numbers.of(&gres.name));
            number.into_iter().for_each(|number| quantities.put(number, gres.units.len().into()));
        }
    }
    if let Some(partition) = cluster.partition(&allocation.partition) {
        quantities.put(BILLING, billing(&quantities, partition, cluster, numbers));
    }
    quantities
}

/// Returns what resources are charged in a partition: CPUs, unless it says otherwise.
pub fn billing(quantities: &Quantities, partition: &Partition, cluster: &Cluster, numbers: &Numbers) -> u64 {
    let weights = &partition.billing;
    if weights.is_empty() {
        return quantities.of(CPU);
    }
    let parts = weights.iter().map(|weight| {
        let number = match &weight.tres {
            Tres::Cpu => CPU,
            Tres::Memory => MEMORY,
            Tres::Node => NODE,
            Tres::Gres { name, .. } => numbers.of(name).unwrap_or(0),
            Tres::License(_) => 0,
        };
        weight.weight * quantities.of(number) as f64
    });
    // A cast of a float keeps within the bounds of the integer.
    match cluster.priority.flags.max_tres {
        true => parts.fold(0.0, f64::max) as u64,
        false => parts.sum::<f64>() as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_and_go() {
        let mut sum = Quantities::default();
        sum.put(4, 1);
        sum.put(1, 8);
        let more = sum.times(3);
        sum.add(&more);
        assert_eq!(sum.iter().collect::<Vec<_>>(), [(1, 32), (4, 4)]);
        sum.take(&more);
        sum.take(&more);
        assert_eq!((sum.of(1), sum.of(4), sum.iter().count()), (0, 0, 0));
    }
}
