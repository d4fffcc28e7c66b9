//! The environment of tasks, as Slurm 26.05 sets it for steps (compared with `srun env` within a batch job). What the
//! job's own environment has stays; what srun itself knows (its host, its port) it adds itself.

use super::deal::resolved;
use super::grant::Given;
use domain::job::{GresShare, NodeShare};
use std::collections::BTreeMap;
use std::ffi::OsString;
use supervise::steps::{BindRule, CpuBind, Distribution, StepRequest};

type Variables = Vec<(OsString, OsString)>;

/// Where a task is.
pub(super) struct Seat<'a> {
    /// Its number in the step.
    pub(super) rank: u32,
    /// The place of its node in the step.
    pub(super) place: usize,
    /// Its number on the node.
    pub(super) local: u32,
    /// Numbers of all tasks on the node.
    pub(super) on_node: &'a [u32],
}

fn set(variables: &mut Variables, name: &str, value: impl ToString) {
    variables.push((name.into(), value.to_string().into()));
}

/// Returns what all tasks of a step have in common.
pub(super) fn of_step(given: &Given<'_>) -> Variables {
    let step = given.step;
    let mut variables = Variables::new();
    let nodes = given.cluster.fold_shares(&step.shares);
    let job_nodes = given.cluster.fold_nodes(given.allocation);
    let per_node = per_node(step.shares.iter().map(|share| share.tasks));
    for name in ["SLURM_JOB_ID", "SLURM_JOBID"] {
        set(&mut variables, name, given.job.id);
    }
    set(&mut variables, "SLURM_JOB_NODELIST", job_nodes);
    set(&mut variables, "SLURM_JOB_NUM_NODES", given.allocation.nodes.len());
    for name in ["SLURM_STEP_ID", "SLURM_STEPID"] {
        set(&mut variables, name, step.number);
    }
    for name in ["SLURM_STEP_NODELIST", "SLURM_NODELIST"] {
        set(&mut variables, name, &nodes);
    }
    for name in ["SLURM_STEP_NUM_NODES", "SLURM_NNODES"] {
        set(&mut variables, name, step.shares.len());
    }
    for name in ["SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"] {
        set(&mut variables, name, step.tasks);
    }
    for name in ["SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"] {
        set(&mut variables, name, &per_node);
    }
    if let Some(cpus) = given.request.cpus_per_task {
        set(&mut variables, "SLURM_CPUS_PER_TASK", cpus);
    }
    let nodes = u32::try_from(step.shares.len()).unwrap_or(u32::MAX);
    let distribution = match resolved(given.request.distribution, step.tasks, nodes) {
        Distribution::Cyclic => "cyclic".to_owned(),
        Distribution::Plane(size) => {
            set(&mut variables, "SLURM_DIST_PLANESIZE", size);
            "plane".to_owned()
        }
        Distribution::Block | Distribution::Default => "block".to_owned(),
    };
    set(&mut variables, "SLURM_DISTRIBUTION", distribution);
    bind_variables(&mut variables, &given.request.bind);
    variables
}

/// The same for a client, who has no use for bytes that are no text.
pub(super) fn as_text(variables: &Variables) -> BTreeMap<String, String> {
    let text = |text: &OsString| text.to_string_lossy().into_owned();
    variables.iter().map(|(name, value)| (text(name), text(value))).collect()
}

fn bind_variables(variables: &mut Variables, bind: &CpuBind) {
    if bind.written.is_empty() {
        return;
    }
    let listed = |list: &[String]| list.join(",");
    let mask = |words: &Vec<u64>| {
        let digits: String = words.iter().rev().map(|word| format!("{word:016x}")).collect();
        digits.trim_start_matches('0').to_owned()
    };
    let (kind, list) = match &bind.rule {
        BindRule::Default => ("", String::new()),
        BindRule::None => ("none", String::new()),
        BindRule::Cores => ("cores", String::new()),
        BindRule::Threads => ("threads", String::new()),
        BindRule::Sockets => ("sockets", String::new()),
        BindRule::Rank => ("rank", String::new()),
        BindRule::MapCpu(cpus) => ("map_cpu:", listed(&cpus.iter().map(u32::to_string).collect::<Vec<_>>())),
        BindRule::MaskCpu(masks) => ("mask_cpu:", listed(&masks.iter().map(mask).collect::<Vec<_>>())),
    };
    let verbose = if bind.verbose { "verbose" } else { "quiet" };
    let rule = format!("{kind}{list}");
    let whole = if rule.is_empty() { verbose.to_owned() } else { format!("{verbose},{rule}") };
    set(variables, "SLURM_CPU_BIND", whole);
    set(variables, "SLURM_CPU_BIND_VERBOSE", verbose);
    set(variables, "SLURM_CPU_BIND_TYPE", kind);
    set(variables, "SLURM_CPU_BIND_LIST", list);
}

/// Returns what is particular to one task.
pub(super) fn of_task(
    given: &Given<'_>,
    request: &StepRequest,
    share: &NodeShare,
    seat: &Seat<'_>,
) -> Variables {
    let mut variables = Variables::new();
    let name = given.cluster.node(share.node).map(|node| node.name.clone()).unwrap_or_default();
    set(&mut variables, "SLURM_PROCID", seat.rank);
    set(&mut variables, "SLURM_LOCALID", seat.local);
    set(&mut variables, "SLURM_NODEID", seat.place);
    set(&mut variables, "SLURM_GTIDS", joined(seat.on_node));
    set(&mut variables, "SLURMD_NODENAME", &name);
    set(&mut variables, "SLURM_TOPOLOGY_ADDR", &name);
    set(&mut variables, "SLURM_TOPOLOGY_ADDR_PATTERN", "node");
    set(&mut variables, "SLURM_CPUS_ON_NODE", share.cpus.len());
    if let (Some(cpus), false) = (request.cpus_per_task, given.step.parts.is_empty()) {
        set(&mut variables, "SLURM_CPUS_PER_TASK", cpus);
    }
    gpu_variables(&mut variables, given, request, share, seat);
    variables
}

fn gpu_variables(
    variables: &mut Variables,
    given: &Given<'_>,
    request: &StepRequest,
    share: &NodeShare,
    seat: &Seat<'_>,
) {
    let Some(node) = given.cluster.node(share.node) else { return };
    let has_gpus =
        given.allocation.nodes.iter().filter(|own| own.node == share.node).any(|own| {
            own.gres.iter().any(|gres| node.gres.get(gres.at).is_some_and(|gres| gres.name == "gpu"))
        });
    if !has_gpus {
        return;
    }
    let of_step = (given.gpu_numbers)(share);
    let per_task = request
        .gres
        .iter()
        .flatten()
        .find(|gres| gres.name == "gpu" && gres.per == supervise::steps::StepPer::Task);
    let own: Vec<u32> = match per_task {
        Some(gres) => {
            let each = usize::try_from(gres.count).unwrap_or(usize::MAX);
            of_step.iter().skip((seat.local as usize).saturating_mul(each)).take(each).copied().collect()
        }
        None => of_step.clone(),
    };
    // Where the others are hidden, a step counts its own from zero.
    let seen_as: Vec<u32> = match given.hides_devices {
        true => {
            (0..).zip(&of_step).filter(|(_, number)| own.contains(number)).map(|(place, _)| place).collect()
        }
        false => own.clone(),
    };
    if own.is_empty() {
        // Hides what the job's environment shows.
        for name in VISIBLE {
            set(variables, name, "");
        }
        return;
    }
    for name in VISIBLE {
        set(variables, name, joined(&seen_as));
    }
    set(variables, "SLURM_STEP_GPUS", joined(&own));
    set(variables, "SLURM_GPUS_ON_NODE", of_step.len());
}

const VISIBLE: [&str; 4] =
    ["CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"];

fn joined(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// Writes counts by node as Slurm does: `4,2(x3)`.
fn per_node(counts: impl Iterator<Item = u32>) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for count in counts {
        match runs.last_mut() {
            Some((last, times)) if *last == count => *times += 1,
            _ => runs.push((count, 1)),
        }
    }
    let written = runs.iter().map(|(count, times)| match times {
        1 => count.to_string(),
        times => format!("{count}(x{times})"),
    });
    written.collect::<Vec<_>>().join(",")
}

/// The generic resources of a share that are not among these.
pub(super) fn is_given(gres: &[GresShare], at: usize, unit: u32) -> bool {
    gres.iter().any(|given| given.at == at && given.units.contains(unit))
}
