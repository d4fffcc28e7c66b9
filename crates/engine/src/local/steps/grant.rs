//! Makes a grant of a step that is on record: its tasks with their nodes, CPUs and variables, and its limits.

use super::bind::Seats;
use super::place::node_of_each;
use super::variables::{self, Seat, is_given};
use domain::cluster::Cluster;
use domain::job::{Allocation, Job, JobStep, NodeShare};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;
use supervise::steps::{StepGrant, StepLayout, StepRequest, TaskGrant};
use supervise::{Credentials, Limits, Private};

const MEGABYTE: u64 = 1 << 20;

/// Everything a grant is made of.
pub(in crate::local) struct Given<'a> {
    /// The job.
    pub(in crate::local) job: &'a Job,
    /// What it has.
    pub(in crate::local) allocation: &'a Allocation,
    /// The step as it is on record.
    pub(in crate::local) step: &'a JobStep,
    /// What was asked for.
    pub(in crate::local) request: &'a StepRequest,
    /// What is configured.
    pub(in crate::local) cluster: &'a Cluster,
    /// Who the tasks run as.
    pub(in crate::local) user: Option<Credentials>,
    /// Folders that the job has for itself.
    pub(in crate::local) private: Option<Private>,
    /// The machine's CPUs, if tasks are bound to theirs.
    pub(in crate::local) bind_to: Option<&'a [u32]>,
    /// The kernel holds steps to their memory.
    pub(in crate::local) limit_memory: bool,
    /// Devices not given to a step are out of its sight.
    pub(in crate::local) hides_devices: bool,
    /// Arguments that come before those of every task.
    pub(in crate::local) around: Vec<OsString>,
    /// Numbers on the machine of the GPUs of a share.
    pub(in crate::local) gpu_numbers: &'a dyn Fn(&NodeShare) -> Vec<u32>,
}

/// A part of a step: what was asked for it, and what it takes.
pub(super) struct Part<'a> {
    pub(super) request: &'a StepRequest,
    pub(super) shares: &'a [NodeShare],
    /// The place of its first node in the step.
    first: usize,
}

/// Divides a step into its parts.
fn parts<'a>(given: &Given<'a>, others: &'a [StepRequest]) -> Vec<Part<'a>> {
    let shares = &given.step.shares;
    let requests = std::iter::once(given.request).chain(others);
    let whole = [u32::try_from(shares.len()).unwrap_or(u32::MAX)];
    let counts = if given.step.parts.is_empty() { whole.as_slice() } else { &given.step.parts };
    let mut first = 0;
    let mut parts = Vec::new();
    for (request, count) in requests.zip(counts) {
        let end = first + *count as usize;
        parts.push(Part { request, shares: shares.get(first..end).unwrap_or_default(), first });
        first = end;
    }
    parts
}

/// Makes the grant.
pub(in crate::local) fn grant(given: &Given<'_>) -> StepGrant {
    let step = given.step;
    let name = |share: &NodeShare| given.cluster.node(share.node).map(|node| node.name.to_string());
    let env = variables::of_step(given);
    let others = given.request.others().unwrap_or_default();
    let (mut tasks, mut places, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts(given, &others) {
        let before = tasks.len();
        grant_part(given, &part, &mut tasks, &mut places);
        counts.push(u32::try_from(tasks.len() - before).unwrap_or(u32::MAX));
    }
    let layout = StepLayout {
        step: step.number,
        nodes: step.shares.iter().map(|share| name(share).unwrap_or_default()).collect(),
        tasks: places,
        cpus_per_task: given.request.cpus_per_task.unwrap_or(1),
        parts: counts,
        env: variables::as_text(&env),
    };
    StepGrant {
        layout,
        user: given.user.clone(),
        limits: limits(given),
        private: given.private.clone(),
        env,
        tasks,
        pid_variable: "SLURM_TASK_PID".into(),
        around: given.around.clone(),
        time_limit: step.time_limit.map(Duration::from_secs),
        kill_wait: given.cluster.limits.kill_wait,
    }
}

/// Adds the tasks of a part, whose numbers follow on those of the parts before.
fn grant_part(given: &Given<'_>, part: &Part<'_>, tasks: &mut Vec<TaskGrant>, places: &mut Vec<u32>) {
    let counts: Vec<u32> = part.shares.iter().map(|share| share.tasks).collect();
    let own = node_of_each(&counts, part.request.distribution);
    let first_rank = u32::try_from(tasks.len()).unwrap_or(u32::MAX);
    let first_place = u32::try_from(part.first).unwrap_or(u32::MAX);
    let mut on_node: Vec<Vec<u32>> = vec![Vec::new(); counts.len()];
    for (rank, place) in (first_rank..).zip(&own) {
        if let Some(ranks) = on_node.get_mut(*place as usize) {
            ranks.push(rank);
        }
    }
    let mut locals = vec![0; counts.len()];
    for (rank, place) in (first_rank..).zip(&own) {
        let at = *place as usize;
        let (Some(share), Some(ranks), Some(local)) =
            (part.shares.get(at), on_node.get(at), locals.get_mut(at))
        else {
            continue;
        };
        let seat = Seat { rank, place: part.first + at, local: *local, on_node: ranks };
        tasks.push(TaskGrant {
            env: variables::of_task(given, part.request, share, &seat),
            cpus: cpus_of_task(given, part.request, share, *local),
        });
        places.push(first_place + *place);
        *local += 1;
    }
}

fn cpus_of_task(given: &Given<'_>, request: &StepRequest, share: &NodeShare, local: u32) -> Option<Vec<u32>> {
    let machine = given.bind_to?;
    let node = given.cluster.node(share.node)?;
    let cpus: Vec<u32> = share.cpus.iter().collect();
    let each = request.cpus_per_task.unwrap_or(1);
    let seats = Seats { cpus: &cpus, machine, topology: node.topology, each, tasks: share.tasks };
    seats.of_task(&request.bind.rule, local)
}

fn limits(given: &Given<'_>) -> Limits {
    let step = given.step;
    let memory = step.memory();
    let all: u64 = given.allocation.memory();
    let cpus = given.bind_to.map(|machine| {
        let of_share = |share: &NodeShare| -> Vec<u32> {
            share.cpus.iter().filter_map(|cpu| machine.get(cpu as usize).copied()).collect()
        };
        step.shares.iter().flat_map(of_share).collect::<Vec<u32>>()
    });
    Limits {
        // One that has all of the job's memory is held to it with the job.
        memory: (given.limit_memory && memory > 0 && memory < all).then(|| memory.saturating_mul(MEGABYTE)),
        cpus: cpus.filter(|cpus| !cpus.is_empty()),
        deny_devices: denied(given),
        die_together: given.request.die_together.unwrap_or(given.job.spec.uncommon().oom_kill_step),
        ..Limits::default()
    }
}

/// Device files of the step's nodes that it was not given.
fn denied(given: &Given<'_>) -> Vec<PathBuf> {
    let mut denied: Vec<PathBuf> = Vec::new();
    let mut allowed: Vec<PathBuf> = Vec::new();
    for share in &given.step.shares {
        let Some(node) = given.cluster.node(share.node) else { continue };
        for (at, gres) in node.gres.iter().enumerate() {
            for (unit, file) in (0..).zip(&gres.files) {
                let list = if is_given(&share.gres, at, unit) { &mut allowed } else { &mut denied };
                list.push(PathBuf::from(file.as_str()));
            }
        }
    }
    // Virtual nodes may share the machine's devices.
    denied.retain(|file| !allowed.contains(file));
    denied
}
