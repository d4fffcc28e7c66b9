//! Counts that follow from one another: tasks from GPUs, nodes from GPUs, GPUs from tasks. Done once, at submission.

use super::demand::units;
use crate::Problem;
use crate::job::{GresRequest, Per, Resources};

/// Works out what follows, and drops what has been said twice.
///
/// # Errors
/// [`Problem::BadGres`] where the counts cannot be true together: five GPUs by two on each node, GPUs by task with tasks
/// by GPU, more tasks than the GPUs take.
pub(crate) fn derive_counts(resources: &mut Resources) -> Result<(), Problem> {
    tasks_by_gpu(resources)?;
    let by_job: Vec<GresRequest> = of_kind(resources, Per::Job);
    for all in by_job {
        for other in [Per::Task, Per::Node] {
            let Some(part) = alike(resources, &all, other) else { continue };
            if part.count == 0 || all.count % part.count != 0 {
                return Err(Problem::BadGres(all.name.clone()));
            }
            let parts = units(all.count / part.count);
            match other {
                Per::Task => {
                    resources.tasks.get_or_insert(parts.max(1));
                }
                _ => nodes_are(resources, parts, &all)?,
            }
            resources.gres.retain(|request| *request != all);
        }
    }
    for all in of_kind(resources, Per::Node) {
        // As many tasks on each node as have GPUs there.
        if let Some(part) = alike(resources, &all, Per::Task).filter(|part| part.count > 0) {
            let tasks = u16::try_from(all.count / part.count).unwrap_or(u16::MAX);
            if tasks == 0 {
                return Err(Problem::BadGres(all.name.clone()));
            }
            resources.tasks_per_node = match resources.tasks_per_node {
                0 => tasks,
                before => before.min(tasks),
            };
            resources.gres.retain(|request| *request != part);
        }
    }
    Ok(())
}

fn of_kind(resources: &Resources, per: Per) -> Vec<GresRequest> {
    resources.gres.iter().filter(|request| request.per == per && request.count > 0).cloned().collect()
}

/// Returns the request for the same thing, counted differently.
fn alike(resources: &Resources, one: &GresRequest, per: Per) -> Option<GresRequest> {
    let is_same = |other: &&GresRequest| other.per == per && other.name == one.name && other.kind == one.kind;
    resources.gres.iter().find(is_same).cloned()
}

fn nodes_are(resources: &mut Resources, nodes: u32, all: &GresRequest) -> Result<(), Problem> {
    let most = if resources.max_nodes == 0 { u32::MAX } else { resources.max_nodes };
    if nodes < resources.min_nodes || nodes > most {
        return Err(Problem::BadGres(all.name.clone()));
    }
    (resources.min_nodes, resources.max_nodes) = (nodes, nodes);
    Ok(())
}

/// So many tasks share a GPU: tasks follow from GPUs, or GPUs from tasks.
fn tasks_by_gpu(resources: &mut Resources) -> Result<(), Problem> {
    let share = u32::from(resources.tasks_per_gpu);
    if share == 0 {
        return Ok(());
    }
    let gpus: Vec<GresRequest> =
        resources.gres.iter().filter(|request| request.name == "gpu" && request.count > 0).cloned().collect();
    let bad = || Problem::BadGres(crate::Text::const_new("gpu"));
    if gpus.iter().any(|request| matches!(request.per, Per::Task | Per::Socket)) {
        return Err(bad());
    }
    let sum = |per: Per| {
        let of_kind = gpus.iter().filter(|request| request.per == per);
        of_kind.fold(0u32, |sum, request| sum.saturating_add(units(request.count)))
    };
    let (by_job, by_node) = (sum(Per::Job), sum(Per::Node));
    if by_job > 0 {
        let tasks = by_job.saturating_mul(share);
        if resources.tasks.is_some_and(|wanted| wanted > tasks) {
            return Err(Problem::NodeConfiguration);
        }
        resources.tasks = Some(tasks);
    } else if by_node > 0 {
        if resources.tasks.is_none() && resources.tasks_per_node == 0 {
            resources.tasks_per_node = u16::try_from(by_node.saturating_mul(share)).unwrap_or(u16::MAX);
        }
    } else if let Some(tasks) = resources.tasks {
        resources.gres.push(GresRequest {
            name: crate::Text::const_new("gpu"),
            kind: crate::Text::default(),
            count: tasks.div_ceil(share).into(),
            per: Per::Job,
        });
    }
    Ok(())
}
