//! What of the machine a job asks for.

use super::Refusal;
use super::request;
use super::tres;
use domain::job::{GresRequest, Memory, Per, Resources};
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
        threads_per_core: job.threads_per_core.unwrap_or(0),
        memory: request::memory(job.memory_per_node, job.memory_per_cpu).unwrap_or_default(),
        tmp_disk: job.temporary_disk_per_node.unwrap_or(0),
        constraint: request::constraint(job.constraints.as_deref().unwrap_or_default())?,
        required_nodes: request::nodes(job.required_nodes.as_deref().map_or(&[], Vec::as_slice))?,
        excluded_nodes: request::nodes(job.excluded_nodes.as_deref().map_or(&[], Vec::as_slice))?,
        sharing: job.shared.as_ref().map(request::sharing).unwrap_or_default(),
        contiguous: job.contiguous.unwrap_or(false),
        overcommit: job.overcommit.unwrap_or(false),
        gres: gres(job)?.into(),
        licenses: tres::licenses(job.licenses.as_deref().unwrap_or_default())?.into(),
        ..Resources::default()
    };
    let (min, max) = nodes(job, (0, 0));
    // Every node named is one node at least.
    let named = u32::try_from(wanted.required_nodes.len()).unwrap_or(u32::MAX);
    (wanted.min_nodes, wanted.max_nodes) = (min.max(named).max(1), max);
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

fn gres(job: &JobDescMsg) -> Result<Vec<GresRequest>, Refusal> {
    let lists = [
        (&job.tres_per_job, Per::Job),
        (&job.tres_per_node, Per::Node),
        (&job.tres_per_socket, Per::Socket),
        (&job.tres_per_task, Per::Task),
    ];
    let mut requests = Vec::new();
    for (list, per) in lists {
        let read = tres::gres(list.as_deref().unwrap_or_default(), per)?;
        let given = match per {
            Per::Task => count(job.tasks).is_some() || job.tasks_per_node.is_some(),
            Per::Socket => job.sockets_per_node.is_some(),
            Per::Job | Per::Node => true,
        };
        // What is counted by tasks or sockets needs their number.
        if let (false, Some(first)) = (given, read.first()) {
            return Err(domain::Problem::BadGres(first.name.clone()).into());
        }
        requests.extend(read);
    }
    Ok(requests)
}

/// CPUs and memory that are asked for with each unit of a generic resource.
fn per_tres(job: &JobDescMsg, wanted: &mut Resources) -> Result<(), Refusal> {
    let units = |wanted: &Resources, name: &str| {
        let of_name = wanted.gres.iter().filter(|request| request.name == name);
        of_name.map(|request| request.count).max().ok_or_else(|| domain::Problem::BadGres(name.into()))
    };
    for (name, cpus) in tres::amounts(job.cpus_per_tres.as_deref().unwrap_or_default())? {
        let cpus = cpus.saturating_mul(units(wanted, &name)?);
        wanted.min_cpus = wanted.min_cpus.max(u32::try_from(cpus).unwrap_or(u32::MAX));
    }
    for (name, megabytes) in tres::amounts(job.memory_per_tres.as_deref().unwrap_or_default())? {
        let megabytes = megabytes.saturating_mul(units(wanted, &name)?);
        if wanted.memory == Memory::Default {
            wanted.memory = Memory::PerNode(megabytes);
        }
    }
    Ok(())
}

/// Returns a number that was given and is none of the special ones.
pub(super) fn number<T: Copy>(number: Option<NoVal<T>>) -> Option<T> {
    number.and_then(NoVal::number)
}
