//! Whether a request could ever be met by the cluster as configured: asked once, at submission.

use super::{Amounts, Demand, Misfit, place};
use crate::cluster::{Cluster, Partition};
use crate::job::{GresRequest, JobSpec, Resources};
use crate::{Problem, Text};
use std::collections::HashSet;

/// How a request that is not refused stands to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feasibility {
    /// An idle cluster could run it.
    Possible,
    /// It waits until the partition is configured otherwise: more nodes than it gives.
    BeyondPartition,
    /// It waits until the partition gives more time; nothing is said of that when it comes (seen on a Slurm).
    TooLong,
    /// It waits until nodes come back that are down or drained.
    NodesUnavailable,
}

/// Tells whether a job could ever run in one of its partitions.
///
/// # Errors
/// The problem that no waiting will solve: an unknown name, or more of something than any node has.
pub fn could_ever_run(cluster: &Cluster, spec: &JobSpec) -> Result<Feasibility, Problem> {
    check_names(cluster, spec)?;
    let mut found: Option<Result<Feasibility, Problem>> = None;
    for name in &spec.partitions {
        let partition = cluster.partition(name).ok_or_else(|| Problem::UnknownPartition(name.clone()))?;
        let here = in_partition(cluster, partition, spec);
        found = match (found, here) {
            (_, Ok(Feasibility::Possible)) => Some(Ok(Feasibility::Possible)),
            (Some(Ok(before)), _) => Some(Ok(before)),
            (Some(Err(_)) | None, here) => Some(here),
        };
    }
    found.unwrap_or(Err(Problem::UnknownPartition(Text::default())))
}

fn in_partition(cluster: &Cluster, partition: &Partition, spec: &JobSpec) -> Result<Feasibility, Problem> {
    let mut demand = match Demand::of(cluster, partition, spec) {
        Ok(demand) => demand,
        Err(Misfit::NodeLimit) => return Ok(Feasibility::BeyondPartition),
        Err(Misfit::UnknownNode(name)) => return Err(Problem::UnknownNode(name)),
        Err(Misfit::MemoryLimit | Misfit::NodeOutside(_) | Misfit::Contradiction) => {
            return Err(Problem::NodeConfiguration);
        }
    };
    // Waiting for switches ends by itself.
    demand.most_switches = None;
    let whole = |node| cluster.node(node).map(Amounts::all_of);
    let up = |node| cluster.node(node).filter(|node| node.flags.takes_jobs()).map(Amounts::all_of);
    if place(&demand, cluster, &partition.nodes, up).is_some() {
        let fits = cluster.gives_time(partition, spec);
        return Ok(if fits { Feasibility::Possible } else { Feasibility::TooLong });
    }
    if is_beyond(cluster, partition, &spec.resources) {
        return Ok(Feasibility::BeyondPartition);
    }
    if place(&demand, cluster, &partition.nodes, whole).is_some() {
        return Ok(Feasibility::NodesUnavailable);
    }
    Err(lacking_gres(cluster, &spec.resources).unwrap_or(Problem::NodeConfiguration))
}

/// Tells whether a partition has fewer nodes or CPUs than a job asks for. That is waited for, as Slurm does: nodes may be
/// added.
pub fn is_beyond(cluster: &Cluster, partition: &Partition, resources: &Resources) -> bool {
    let (nodes, cpus) = (resources.min_nodes as usize, resources.least_cpus());
    let members = partition.nodes.iter().filter_map(|index| cluster.node(*index));
    let all = members.fold(0u32, |all, node| all.saturating_add(node.topology.cpus));
    partition.nodes.len() < nodes || all < cpus
}

/// Checks that the numbers of a request can be true together.
///
/// # Errors
/// [`Problem::BadNodeCount`] and [`Problem::NodeConfiguration`] where the most is less than the least,
/// [`Problem::BadTaskCount`] for fewer tasks than nodes, [`Problem::UnknownNode`] for a node that is required and excluded.
pub(crate) fn check_sense(spec: &JobSpec) -> Result<(), Problem> {
    let resources = &spec.resources;
    if resources.max_nodes > 0 && resources.min_nodes > resources.max_nodes {
        return Err(Problem::BadNodeCount);
    }
    if resources.tasks.is_some_and(|tasks| tasks < resources.min_nodes) {
        return Err(Problem::BadTaskCount);
    }
    if resources.max_cpus > 0 && resources.min_cpus > resources.max_cpus {
        return Err(Problem::NodeConfiguration);
    }
    let excluded: HashSet<&Text> = resources.excluded_nodes.iter().collect();
    let both = resources.required_nodes.iter().find(|name| excluded.contains(name));
    both.map_or(Ok(()), |name| Err(Problem::UnknownNode(name.clone())))
}

/// Checks that everything a request names exists.
///
/// # Errors
/// The first name that nothing has.
pub(crate) fn check_names(cluster: &Cluster, spec: &JobSpec) -> Result<(), Problem> {
    let resources = &spec.resources;
    for name in resources.required_nodes.iter().chain(&resources.excluded_nodes) {
        cluster.node_index(name).ok_or_else(|| Problem::UnknownNode(name.clone()))?;
    }
    let known = |feature: &Text| cluster.present_nodes().any(|node| node.features.contains(feature));
    if let Some(constraint) = &resources.constraint
        && !constraint.features().into_iter().all(known)
    {
        return Err(Problem::BadConstraint(constraint.written.clone()));
    }
    if let Some(preferred) = &spec.uncommon().prefer
        && !preferred.features().into_iter().all(known)
    {
        return Err(Problem::BadPreference(preferred.written.clone()));
    }
    check_licenses(cluster, resources)?;
    lacking_gres(cluster, resources).map_or(Ok(()), Err)
}

/// Returns the generic resource that no node has, if one is asked for. A type that no node has is another matter: then
/// no node is as it has to be.
fn lacking_gres(cluster: &Cluster, resources: &Resources) -> Option<Problem> {
    let exists = |request: &GresRequest| {
        let mut all = cluster.present_nodes().flat_map(|node| &node.gres);
        all.any(|gres| gres.name == request.name)
    };
    let lacking = resources.gres.iter().find(|request| request.count > 0 && !exists(request))?;
    Some(Problem::BadGres(lacking.name.clone()))
}

/// Checks that there are the licences a request names, and so many of them.
///
/// # Errors
/// [`Problem::BadLicense`].
pub(crate) fn check_licenses(cluster: &Cluster, resources: &Resources) -> Result<(), Problem> {
    let beyond = |(name, count): &&(Text, u32)| cluster.licenses.get(name).is_none_or(|all| all < count);
    match resources.licenses.iter().find(beyond) {
        Some((name, _)) => Err(Problem::BadLicense(name.clone())),
        None => Ok(()),
    }
}
