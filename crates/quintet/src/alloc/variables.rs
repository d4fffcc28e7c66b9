//! What the command is told of its allocation: salloc's variables. Of several components each has its own, with
//! `_HET_GROUP_` and its number behind the name.

use crate::client::{Client, ClientArgs, STATE_VARIABLE};
use crate::submit::JobOptions;
use crate::submit::environment::host_name;
use slurm_wire::job_info::JobInfo;
use std::ffi::OsString;

/// A list of variables in the making.
#[derive(Default)]
struct Variables {
    all: Vec<(OsString, OsString)>,
    suffix: String,
}

impl Variables {
    fn set(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            self.all.push((format!("{name}{}", self.suffix).into(), value.into()));
        }
    }
}

/// Returns the variables of an allocation of these jobs, asked for with these options.
pub(super) fn variables(
    client: &Client,
    given: &ClientArgs,
    jobs: &[JobInfo],
    options: &[JobOptions],
) -> Vec<(OsString, OsString)> {
    let mut variables = Variables::default();
    for (at, (job, options)) in jobs.iter().zip(options).enumerate() {
        if jobs.len() > 1 {
            variables.suffix = format!("_HET_GROUP_{at}");
        }
        of_job(&mut variables, job);
        of_options(&mut variables, options);
    }
    variables.suffix.clear();
    if let (true, Some(leader)) = (jobs.len() > 1, jobs.first()) {
        variables.set("SLURM_HET_SIZE", jobs.len());
        variables.set("SLURM_JOB_ID", leader.job_id);
        let tasks: u64 = jobs.iter().map(tasks_of).sum();
        variables.set("SLURM_NTASKS", tasks);
        variables.set("SLURM_NPROCS", tasks);
    }
    if let Some(job) = jobs.first() {
        variables.set("SLURM_CLUSTER_NAME", &job.cluster);
    }
    let here = std::env::current_dir().unwrap_or_default();
    variables.set("SLURM_SUBMIT_DIR", here.display());
    variables.set("SLURM_SUBMIT_HOST", host_name());
    variables.set("QUINTET_URL", client.base());
    // What is called in there asks the same service, and proves in the same way who asks.
    if let Some(state) = given.state.as_deref().and_then(|state| std::path::absolute(state).ok()) {
        variables.all.push((STATE_VARIABLE.into(), state.into()));
    }
    variables.all
}

fn tasks_of(job: &JobInfo) -> u64 {
    job.tasks.number().unwrap_or(1).into()
}

fn of_job(variables: &mut Variables, job: &JobInfo) {
    for name in ["SLURM_JOB_ID", "SLURM_JOBID"] {
        variables.set(name, job.job_id);
    }
    for name in ["SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
        variables.set(name, &job.nodes);
    }
    for name in ["SLURM_JOB_NUM_NODES", "SLURM_NNODES"] {
        variables.set(name, job.node_count.unwrap_or(0));
    }
    variables.set("SLURM_JOB_NAME", &job.name);
    variables.set("SLURM_JOB_PARTITION", &job.partition);
    variables.set("SLURM_JOB_ACCOUNT", &job.account);
    variables.set("SLURM_JOB_QOS", &job.qos);
    for name in ["SLURM_NTASKS", "SLURM_NPROCS"] {
        variables.set(name, tasks_of(job));
    }
    let of_nodes = job.job_resources.iter().flat_map(|resources| resources.nodes.allocation.iter());
    let cpus: Vec<u64> = of_nodes.map(|node| node.cpus.count.into()).collect();
    variables.set("SLURM_JOB_CPUS_PER_NODE", counts(&cpus));
    let each = job.cpus_per_task.number().map_or(1, u64::from).max(1);
    let most = job.tasks_per_node.number().map_or(u64::MAX, u64::from);
    variables.set("SLURM_TASKS_PER_NODE", counts(&tasks_by_node(tasks_of(job), &cpus, each, most)));
}

fn of_options(variables: &mut Variables, options: &JobOptions) {
    if let Some(cpus) = options.cpus_per_task {
        variables.set("SLURM_CPUS_PER_TASK", cpus);
        variables.set("SLURM_TRES_PER_TASK", format!("cpu={cpus}"));
    }
    let numbers = [
        ("SLURM_NTASKS_PER_NODE", options.ntasks_per_node.map(u64::from)),
        ("SLURM_NTASKS_PER_SOCKET", options.ntasks_per_socket.map(u64::from)),
        ("SLURM_NTASKS_PER_CORE", options.ntasks_per_core.map(u64::from)),
        ("SLURM_THREADS_PER_CORE", options.threads_per_core.map(u64::from)),
        ("SLURM_CPUS_PER_GPU", options.cpus_per_gpu.map(u64::from)),
        ("SLURM_MEM_PER_NODE", options.mem.map(|size| size.0)),
        ("SLURM_MEM_PER_CPU", options.mem_per_cpu.map(|size| size.0)),
        ("SLURM_MEM_PER_GPU", options.mem_per_gpu.map(|size| size.0)),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            variables.set(name, number);
        }
    }
    let texts = [
        ("SLURM_GPUS", &options.gpus),
        ("SLURM_GPUS_PER_NODE", &options.gpus_per_node),
        ("SLURM_GPUS_PER_TASK", &options.gpus_per_task),
        ("SLURM_DISTRIBUTION", &options.distribution),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            variables.set(name, text);
        }
    }
    if options.overcommit {
        variables.set("SLURM_OVERCOMMIT", 1);
    }
}

/// Deals tasks out to nodes by their CPUs, one node after the other; each has one at least.
fn tasks_by_node(tasks: u64, cpus: &[u64], each: u64, most: u64) -> Vec<u64> {
    let mut left = tasks;
    let mut after = cpus.len() as u64;
    let mut by_node = Vec::new();
    for cpus in cpus {
        after -= 1;
        let room = (cpus / each).clamp(1, most.max(1));
        let own = room.min(left.saturating_sub(after)).max(1);
        left = left.saturating_sub(own);
        by_node.push(own);
    }
    by_node
}

/// Writes counts by node as Slurm does: `4,2(x3)`.
fn counts(counts: &[u64]) -> String {
    let runs = counts.chunk_by(|one, next| one == next);
    let written = runs.map(|run| match run {
        [count] => count.to_string(),
        run => format!("{}(x{})", run.first().copied().unwrap_or(0), run.len()),
    });
    written.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_dealt_out_by_cpus() {
        let check = |tasks, cpus: &[u64], each, most, told: &str| {
            assert_eq!(counts(&tasks_by_node(tasks, cpus, each, most)), told, "{tasks} {cpus:?}");
        };
        check(1, &[1], 1, u64::MAX, "1");
        check(4, &[4, 4], 2, 2, "2(x2)");
        check(5, &[4, 4], 1, u64::MAX, "4,1");
        check(4, &[8, 8], 1, 2, "2(x2)");
        check(2, &[8, 8], 1, u64::MAX, "1(x2)");
    }
}
