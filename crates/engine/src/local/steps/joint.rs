//! Steps of several parts: each finds its place in its own component of a heterogeneous job, or beside the others in the
//! same one; all have one or none.

use super::place::{Obstacle, place};
use domain::cluster::Cluster;
use domain::job::{Allocation, Job, JobStep, Memory, NodeShare};
use smallvec::SmallVec;
use std::sync::Arc;
use supervise::steps::StepRequest;

const NO_SUCH_COMPONENT: Obstacle = Obstacle::Never("Invalid job id specified");
const TOO_MANY_CPUS: Obstacle = Obstacle::Never("More processors requested than permitted");
const GARBLED: Obstacle = Obstacle::Never("Unspecified error");

/// A component of a job: what it has, and how it asked for memory.
#[derive(Clone, Debug)]
pub(in crate::local) struct Component {
    pub(in crate::local) allocation: Arc<Allocation>,
    pub(in crate::local) memory: Memory,
}

/// Returns the components of a job that have something, each in its place; of a plain job itself alone.
pub(in crate::local) fn components<'a>(
    job: &'a Arc<Job>,
    all: impl IntoIterator<Item = &'a Arc<Job>>,
) -> Vec<Option<Component>> {
    let of = |job: &Arc<Job>| {
        let allocation = Arc::clone(job.held_resources()?);
        Some(Component { allocation, memory: job.spec.resources.memory })
    };
    let Some(part) = job.het else { return vec![of(job)] };
    let mut components = vec![None; part.size as usize];
    for member in all {
        let place = member.het.and_then(|part| components.get_mut(part.offset as usize));
        if let Some(place) = place {
            *place = of(member);
        }
    }
    components
}

/// A place for all parts.
pub(in crate::local) struct Placed {
    /// What they take, part after part.
    pub(in crate::local) shares: SmallVec<[NodeShare; 1]>,
    /// How many of them are each part's; empty for one part.
    pub(in crate::local) parts: Vec<u32>,
}

/// Finds a place for a step and all that is joined to it, among the steps that live.
pub(in crate::local) fn place_all(
    request: &StepRequest,
    components: &[Option<Component>],
    live: &[Arc<JobStep>],
    cluster: &Cluster,
) -> Result<Placed, Obstacle> {
    let others = request.others().ok_or(GARBLED)?;
    if !others.is_empty() {
        // What has no room together with its own parts never will.
        find(request, &others, components, &[], cluster).map_err(|obstacle| match obstacle {
            Obstacle::Wait(_) => TOO_MANY_CPUS,
            never => never,
        })?;
    }
    find(request, &others, components, live, cluster)
}

fn find(
    request: &StepRequest,
    others: &[StepRequest],
    components: &[Option<Component>],
    live: &[Arc<JobStep>],
    cluster: &Cluster,
) -> Result<Placed, Obstacle> {
    let mut live = live.to_vec();
    let mut placed = Placed { shares: SmallVec::new(), parts: Vec::new() };
    for part in std::iter::once(request).chain(others) {
        let component = components.get(part.component as usize).and_then(Option::as_ref);
        let Component { allocation, memory } = component.ok_or(NO_SUCH_COMPONENT)?;
        let shares = place(part, *memory, allocation, &live, cluster)?;
        placed.parts.push(u32::try_from(shares.len()).unwrap_or(u32::MAX));
        // The next part finds this one there.
        let step = JobStep { shares: shares.clone(), overlaps: part.overlap, ..JobStep::default() };
        live.push(Arc::new(step));
        placed.shares.extend(shares);
    }
    if others.is_empty() {
        placed.parts.clear();
    }
    Ok(placed)
}

/// Returns what the components that a step runs in have together.
pub(in crate::local) fn joint_allocation(
    request: &StepRequest,
    components: &[Option<Component>],
) -> Option<Arc<Allocation>> {
    let others = request.others()?;
    let mut used: Vec<u32> = std::iter::once(request).chain(&others).map(|part| part.component).collect();
    used.sort_unstable();
    used.dedup();
    let mut of_used = used.iter().map(|at| components.get(*at as usize).and_then(Option::as_ref));
    let first = of_used.next()??;
    let mut joint = Arc::clone(&first.allocation);
    for component in of_used {
        Arc::make_mut(&mut joint).nodes.extend(component?.allocation.nodes.iter().cloned());
    }
    Some(joint)
}
