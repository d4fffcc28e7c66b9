//! Whether a request could ever be met by the cluster as configured: asked once, at submission.

use super::{Amounts, Demand, Misfit, place};
use crate::cluster::{Cluster, Partition};
use crate::job::{GresRequest, JobSpec, Resources};
use crate::{Problem, Text};

/// How a request that is not refused stands to the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feasibility {
    /// An idle cluster could run it.
    Possible,
    /// It waits until the partition is configured otherwise: more nodes, or more time, than it gives.
    BeyondPartition,
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
    let demand = match Demand::of(cluster, partition, spec) {
        Ok(demand) => demand,
        Err(Misfit::NodeLimit) => return Ok(Feasibility::BeyondPartition),
        Err(Misfit::UnknownNode(name)) => return Err(Problem::UnknownNode(name)),
        Err(Misfit::MemoryLimit | Misfit::NodeOutside(_)) => return Err(Problem::NodeConfiguration),
    };
    let whole = |node| cluster.node(node).map(Amounts::all_of);
    let up = |node| cluster.node(node).filter(|node| node.flags.takes_jobs()).map(Amounts::all_of);
    if place(&demand, cluster, &partition.nodes, up).is_some() {
        let fits = spec.time_limit <= partition.max_time;
        return Ok(if fits { Feasibility::Possible } else { Feasibility::BeyondPartition });
    }
    if place(&demand, cluster, &partition.nodes, whole).is_some() {
        return Ok(Feasibility::NodesUnavailable);
    }
    // Enough nodes of the right kind may be all that is missing; that is waited for, as Slurm does.
    let suitable = partition.nodes.iter().filter(|index| {
        cluster.node(**index).is_some_and(|node| {
            demand.suits(**index, node) && demand.most_tasks(node, &Amounts::all_of(node)) > 0
        })
    });
    let suitable = u32::try_from(suitable.count()).unwrap_or(u32::MAX);
    if suitable > 0 && partition.nodes.len() < demand.min_nodes as usize {
        Ok(Feasibility::BeyondPartition)
    } else {
        Err(lacking_gres(cluster, &spec.resources).unwrap_or(Problem::NodeConfiguration))
    }
}

/// Checks that everything a request names exists.
///
/// # Errors
/// The first name that nothing has.
pub(crate) fn check_names(cluster: &Cluster, spec: &JobSpec) -> Result<(), Problem> {
    let resources = &spec.resources;
    let reservation = &spec.uncommon().reservation;
    if !reservation.is_empty() {
        // There are none yet.
        return Err(Problem::UnknownReservation(reservation.clone()));
    }
    for name in resources.required_nodes.iter().chain(&resources.excluded_nodes) {
        cluster.node_index(name).ok_or_else(|| Problem::UnknownNode(name.clone()))?;
    }
    let known = |feature: &Text| cluster.nodes.iter().any(|node| node.features.contains(feature));
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

/// Returns the generic resource that no node has, if one is asked for.
fn lacking_gres(cluster: &Cluster, resources: &Resources) -> Option<Problem> {
    let exists = |request: &GresRequest| {
        let mut all = cluster.nodes.iter().flat_map(|node| &node.gres);
        all.any(|gres| gres.name == request.name && (request.kind.is_empty() || gres.kind == request.kind))
    };
    let lacking = resources.gres.iter().find(|request| request.count > 0 && !exists(request))?;
    let name = match lacking.kind.as_str() {
        "" => lacking.name.clone(),
        kind => Text::from(format!("{}:{kind}", lacking.name)),
    };
    Some(Problem::BadGres(name))
}

fn check_licenses(cluster: &Cluster, resources: &Resources) -> Result<(), Problem> {
    let beyond = |(name, count): &&(Text, u32)| cluster.licenses.get(name).is_none_or(|all| all < count);
    match resources.licenses.iter().find(beyond) {
        Some((name, _)) => Err(Problem::BadLicense(name.clone())),
        None => Ok(()),
    }
}
