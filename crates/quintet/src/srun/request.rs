//! From options to what the launcher is asked for: the step's size, place and binding.

use super::options::SrunOptions;
use super::values::{cpu_bind, distribution, gpus, gres, node_names, task_tres};
use std::time::Duration;
use supervise::steps::{StepGres, StepMemory, StepPer, StepRequest};

/// Why options ask for no step that there could be. The words are srun's where it has any.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Impossible(pub(super) String);

impl Impossible {
    pub(super) fn because(why: impl Into<String>) -> Self {
        Impossible(why.into())
    }
}

/// Makes the request for a step of the job at hand. `command` is shown as what the step runs.
pub(super) fn step_request(
    options: &SrunOptions,
    name: &str,
    command: &str,
) -> Result<StepRequest, Impossible> {
    let of_task = match options.tres_per_task.as_deref() {
        Some(list) => task_tres(list)?,
        None => Default::default(),
    };
    let cpus_per_task = options.cpus_per_task.map(u32::from).or(of_task.cpus);
    let range = options.nodes.as_ref().map(|range| &range.0);
    if let Some(bind) = options.mem_bind.as_deref()
        && !bind.split(',').all(|word| matches!(word, "none" | "q" | "quiet" | "v" | "verbose" | "no"))
    {
        return Err(Impossible::because("tasks cannot be bound to memory: --mem-bind can only be none"));
    }
    Ok(StepRequest {
        name: options.job_name.clone().unwrap_or_else(|| name.to_owned()),
        command: command.to_owned(),
        min_nodes: range.map(|range| range.minimum),
        max_nodes: range.map(|range| range.maximum),
        tasks: options.ntasks,
        tasks_per_node: options.ntasks_per_node.map(u32::from),
        cpus_per_task,
        memory: memory(options)?,
        gres: resources(options, of_task.gres)?,
        nodes: names("nodelist", options.nodelist.as_deref())?,
        excluded: names("exclude", options.exclude.as_deref())?,
        relative: options.relative,
        distribution: options.distribution.as_deref().map(distribution).transpose()?.unwrap_or_default(),
        exact: options.exact || options.exclusive.is_some(),
        overlap: options.overlap,
        overcommit: options.overcommit,
        immediate: options.immediate == Some(0),
        bind: options.cpu_bind.as_deref().map(cpu_bind).transpose()?.unwrap_or_default(),
        component: 0,
        further: Vec::new(),
        time_limit: options
            .time
            .and_then(|limit| limit.0)
            .map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
        die_together: options.oom_kill_step.map(|kill| kill == 1),
    })
}

fn memory(options: &SrunOptions) -> Result<StepMemory, Impossible> {
    let given = [
        options.mem.map(|size| StepMemory::PerNode(size.0)),
        options.mem_per_cpu.map(|size| StepMemory::PerCpu(size.0)),
        options.mem_per_gpu.map(|size| StepMemory::PerGpu(size.0)),
    ];
    let mut given = given.into_iter().flatten();
    match (given.next(), given.next()) {
        (Some(_), Some(_)) => {
            Err(Impossible::because("--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive."))
        }
        (memory, _) => Ok(memory.unwrap_or_default()),
    }
}

fn resources(options: &SrunOptions, of_task: Vec<StepGres>) -> Result<Option<Vec<StepGres>>, Impossible> {
    let mut all = of_task;
    let mut given = !all.is_empty();
    if let Some(list) = options.gres.as_deref() {
        given = true;
        all.extend(gres(list)?);
    }
    let counted = [
        ("gpus", &options.gpus, StepPer::Step),
        ("gpus-per-node", &options.gpus_per_node, StepPer::Node),
        ("gpus-per-task", &options.gpus_per_task, StepPer::Task),
    ];
    for (option, list, per) in counted {
        if let Some(list) = list {
            given = true;
            // A job with GPUs for each task is told so in two variables.
            all.retain(|known| known.name != "gpu" || known.per != per);
            all.extend(gpus(option, list, per)?);
        }
    }
    Ok(given.then_some(all))
}

fn names(option: &str, list: Option<&str>) -> Result<Vec<String>, Impossible> {
    match list {
        None => Ok(Vec::new()),
        Some(list) => node_names(list).ok_or_else(|| Impossible(format!("Invalid --{option} specification"))),
    }
}
