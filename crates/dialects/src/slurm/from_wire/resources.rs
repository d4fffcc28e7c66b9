//! What of the machine a job asks for.

use super::Refusal;
use super::request;
use super::tres;
use domain::Problem;
use domain::job::{Memory, Per, Resources};
use slurm_wire::NoVal;
use slurm_wire::job_desc::JobDescMsg;

/// The largest 32-bit numbers stand for "none" and "any".
const NO_COUNT: u32 = u32::MAX - 1;

/// Returns a count that was given as a number.
pub(super) fn count(count: Option<u32>) -> Option<u32> {
    count.filter(|count| *count < NO_COUNT)
}

/// Reads the resources of a submission.
pub(super) fn resources(job: &JobDescMsg) -> Result<Resources, Refusal> {
    let licenses = tres::licenses(job.licenses.as_deref().unwrap_or_default())?;
    let mut wanted = Resources {
        tasks: count(job.tasks).map(|tasks| tasks.max(1)),
        cpus_per_task: job.cpus_per_task.unwrap_or(0),
        min_cpus: count(job.minimum_cpus).unwrap_or(0),
        max_cpus: count(job.maximum_cpus).unwrap_or(0),
        min_cpus_per_node: job.minimum_cpus_per_node.unwrap_or(0),
        tasks_per_node: job.tasks_per_node.unwrap_or(0),
        tasks_per_socket: job.tasks_per_socket.unwrap_or(0),
        tasks_per_core: job.tasks_per_core.unwrap_or(0),
        tasks_per_board: job.tasks_per_board.unwrap_or(0),
        sockets_per_node: sockets(job),
        cores_per_socket: job.cores_per_socket.unwrap_or(0),
        threads_per_core: job.threads_per_core.unwrap_or(0),
        memory: request::memory(job.memory_per_node, job.memory_per_cpu).unwrap_or_default(),
        tmp_disk: job.temporary_disk_per_node.unwrap_or(0),
        constraint: request::constraint(job.constraints.as_deref().unwrap_or_default())?,
        required_nodes: request::nodes(job.required_nodes.as_deref().map_or(&[], Vec::as_slice))?,
        excluded_nodes: request::nodes(job.excluded_nodes.as_deref().map_or(&[], Vec::as_slice))?,
        sharing: job.shared.as_ref().map(request::sharing).unwrap_or_default(),
        contiguous: job.contiguous.unwrap_or(false),
        overcommit: job.overcommit.unwrap_or(false),
        tasks_per_gpu: job.ntasks_per_tres.unwrap_or(0),
        licenses: licenses.wanted,
        any_license: licenses.any,
        ..Resources::default()
    };
    gres(job, &mut wanted)?;
    let (min, max) = nodes(job, (0, 0));
    // Every node named is one node at least.
    let named = u32::try_from(wanted.required_nodes.len()).unwrap_or(u32::MAX);
    (wanted.min_nodes, wanted.max_nodes) = (min.max(named).max(1), max);
    wanted.node_sizes = node_sizes(job);
    per_tres(job, &mut wanted)?;
    Ok(wanted)
}

/// Boards are counted by their sockets.
fn sockets(job: &JobDescMsg) -> u16 {
    let boards = job.minimum_boards_per_node.unwrap_or(0).max(1);
    let on_boards = job.minimum_sockets_per_board.unwrap_or(0).saturating_mul(boards);
    match (job.sockets_per_node.unwrap_or(0), on_boards) {
        (0, on_boards) if boards > 1 || on_boards > 1 => on_boards.max(boards),
        (sockets, _) => sockets,
    }
}

/// Returns fewest and most nodes: as given, else as they are `now`.
pub(super) fn nodes(job: &JobDescMsg, now: (u32, u32)) -> (u32, u32) {
    let range = job.nodes.as_ref();
    let min = count(job.minimum_nodes).or(range.map(|range| range.minimum)).unwrap_or(now.0);
    let max = count(job.maximum_nodes).or(range.map(|range| range.maximum)).unwrap_or(now.1);
    (min, max)
}

/// Reads the sizes that would do, where they are not simply all between the least and the most.
pub(super) fn node_sizes(job: &JobDescMsg) -> Vec<(u32, u32)> {
    let sizes = job.nodes.as_ref().map_or(&[][..], |range| range.sizes.as_slice());
    let read = |size: &domain::Text| {
        let (low, high) = size.split_once('-').unwrap_or((size, size));
        Some((low.parse().ok()?, high.parse().ok()?))
    };
    sizes.iter().filter_map(read).collect()
}

/// Reads what is asked for by job, node, socket and task.
fn gres(job: &JobDescMsg, wanted: &mut Resources) -> Result<(), Refusal> {
    let lists = [
        (&job.tres_per_job, Per::Job),
        (&job.tres_per_node, Per::Node),
        (&job.tres_per_socket, Per::Socket),
        (&job.tres_per_task, Per::Task),
    ];
    for (list, per) in lists {
        let list = list.as_deref().unwrap_or_default();
        let read = tres::tres(list, per)?;
        let given = match per {
            // The number of tasks may also follow from what the whole job gets.
            Per::Task => {
                count(job.tasks).is_some() || job.tasks_per_node.is_some() || job.tres_per_job.is_some()
            }
            Per::Socket => job.sockets_per_node.is_some(),
            Per::Job | Per::Node => true,
        };
        // What is counted by tasks or sockets needs their number.
        if let (false, Some(first)) = (given, read.gres.first()) {
            return Err(Problem::BadGres(first.name.clone()).into());
        }
        wanted.gres.extend(read.gres.iter().cloned());
        plain(&read, per, wanted).ok_or_else(|| Problem::BadTres(list.into()))?;
    }
    Ok(())
}

/// Takes over CPUs, memory and nodes that stand among the generic resources. The original keeps such words for show;
/// here they count, and `None` says that they cannot be counted that way.
fn plain(read: &tres::Tres, per: Per, wanted: &mut Resources) -> Option<()> {
    let small = |count: u64| u32::try_from(count).unwrap_or(NO_COUNT - 1);
    if let Some(cpus) = read.cpus {
        let narrow = u16::try_from(cpus).unwrap_or(u16::MAX - 1);
        match per {
            Per::Job => wanted.min_cpus = wanted.min_cpus.max(small(cpus)),
            Per::Node => wanted.min_cpus_per_node = wanted.min_cpus_per_node.max(narrow),
            // `cpus_per_task` speaks for itself.
            Per::Task if wanted.cpus_per_task == 0 => wanted.cpus_per_task = narrow,
            Per::Task => {}
            Per::Socket => return None,
        }
    }
    match (read.memory, per) {
        (None, _) => {}
        (Some(megabytes), Per::Node) if wanted.memory == Memory::Default => {
            wanted.memory = Memory::PerNode(megabytes);
        }
        (Some(_), Per::Node) => {}
        (Some(_), _) => return None,
    }
    match (read.nodes, per) {
        (None, _) => {}
        (Some(nodes), Per::Job) => wanted.min_nodes = wanted.min_nodes.max(small(nodes)),
        (Some(_), _) => return None,
    }
    Some(())
}

/// CPUs and memory that are asked for with each unit of a generic resource.
fn per_tres(job: &JobDescMsg, wanted: &mut Resources) -> Result<(), Refusal> {
    let is_asked = |name: &domain::Text| {
        // What tasks share has units too, though nobody has counted them yet.
        let has = wanted.gres.iter().any(|request| request.name == *name);
        if has || *name == "gpu" && wanted.tasks_per_gpu > 0 {
            Ok(())
        } else {
            Err(Problem::BadGres(name.clone()))
        }
    };
    let cpus = tres::cpus_per_unit(job.cpus_per_tres.as_deref().unwrap_or_default())?;
    let memory = tres::memory_per_unit(job.memory_per_tres.as_deref().unwrap_or_default())?;
    cpus.iter().chain(&memory).try_for_each(|(name, _)| is_asked(name))?;
    let small = |(name, count): (domain::Text, u64)| (name, u32::try_from(count).unwrap_or(NO_COUNT));
    wanted.cpus_per_gres = cpus.into_iter().map(small).collect();
    wanted.memory_per_gres = memory;
    Ok(())
}

/// Returns a number that was given and is none of the special ones.
pub(super) fn number<T: Copy>(number: Option<NoVal<T>>) -> Option<T> {
    number.and_then(NoVal::number)
}
