//! The environment of a batch script: what was submitted, and what Slurm tells a job about itself.
//!
//! Compared with Slurm 26.05 (jobs submitted by REST: plain, array, several nodes, GPUs, exclusive). On purpose
//! different:
//! - `SLURM_SUBMIT_DIR`, `SLURM_SUBMIT_HOST`, `SLURM_CPUS_PER_TASK`, `SLURM_NTASKS_PER_NODE` are always set; in Slurm it
//!   is sbatch that adds them, and scripts rely on them. `SLURM_JOB_GROUP` is set as salloc does.
//! - `SLURM_CONF`, `SLURM_JOB_SLUID` are absent: there is no such thing here.
//! - `SLURM_TASK_PID` is absent where there is no prolog of tasks: nobody knows it before the program is there.

use domain::cluster::{Cluster, Node, Partition};
use domain::job::{Allocation, ArrayPart, Job, Memory, NodeShare, Payload, Per, Running, Sharing};
use domain::{Text, Timestamp};
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Arc;

/// The number of the batch step, as Slurm shows it.
const BATCH_STEP: &str = "-5";

/// GPUs a job was given on a node.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Gpus {
    /// Their numbers on the machine.
    numbers: Vec<u32>,
    /// The numbers under which the job sees them.
    seen_as: Vec<u32>,
}

impl Gpus {
    /// Returns their numbers on the machine, ascending.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    /// Finds the GPUs of a share. Where the others are hidden, the job counts its own from zero.
    pub(super) fn of(node: &Node, share: &NodeShare, others_hidden: bool) -> Self {
        let mut numbers = Vec::new();
        let mut first = 0;
        let mut have_files = true;
        for (at, gres) in node.gres.iter().enumerate().filter(|(_, gres)| gres.name == "gpu") {
            let units = share.gres.iter().filter(|given| given.at == at).flat_map(|given| given.units.iter());
            for unit in units {
                let file = gres.files.get(unit as usize);
                have_files &= file.is_some();
                numbers.push(file.and_then(|file| device_number(file)).unwrap_or(first + unit));
            }
            first += gres.count;
        }
        numbers.sort_unstable();
        let seen_as = match others_hidden && have_files {
            true => (0..).take(numbers.len()).collect(),
            false => numbers.clone(),
        };
        Gpus { numbers, seen_as }
    }
}

/// Returns the number at the end of a device file's name.
fn device_number(file: &str) -> Option<u32> {
    let stem = file.trim_end_matches(|c: char| c.is_ascii_digit());
    file[stem.len()..].parse().ok()
}

/// Returns the environment of a job's batch script, each name once.
pub(super) fn environment(
    job: &Job,
    run: &Running,
    payload: &Payload,
    cluster: &Cluster,
    gpus: &Gpus,
    components: &[Arc<Job>],
) -> Vec<(String, String)> {
    let mut variables = Variables::default();
    variables.set("TMPDIR", "/tmp");
    for line in payload.environment.iter() {
        // Slurm takes a line without a value; no program could find it.
        if let Some((name, value)) = line.split_once('=').filter(|(name, _)| !name.is_empty())
            && !is_passed_on(name)
        {
            variables.set(name, value);
        }
    }
    variables.set("ENVIRONMENT", "BATCH");
    variables.set("PWD", &job.spec.work_dir);
    job_variables(&mut variables, job, run, cluster);
    array_variables(&mut variables, job);
    node_variables(&mut variables, job, &run.allocation, cluster);
    request_variables(&mut variables, job, &run.allocation, cluster);
    gpu_variables(&mut variables, gpus);
    component_variables(&mut variables, components, cluster);
    let node = run.allocation.nodes.first().and_then(|share| cluster.node(share.node));
    let node = node.map(|node| node.name.as_str()).unwrap_or_default();
    for (name, pattern) in &job.spec.uncommon().told {
        variables.set(name, job.filled_in(pattern, node));
    }
    variables.list
}

/// Whether a variable stands for a limit or the file mode mask of who submitted: the job has these, and not the name.
fn is_passed_on(name: &str) -> bool {
    name == "SLURM_UMASK" || name.starts_with("SLURM_RLIMIT_")
}

/// Returns the environment of a prolog or an epilog: what Slurm's guide lists for them. No `PATH`, as there.
pub(super) fn of_hook(
    job: &Job,
    run: &Running,
    cluster: &Cluster,
    gpus: &Gpus,
    context: &str,
) -> Vec<(OsString, OsString)> {
    const NOT_THEIRS: [&str; 10] = [
        "HOSTNAME",
        "SLURM_STEP_ID",
        "SLURM_STEPID",
        "SLURM_NODEID",
        "SLURM_PROCID",
        "SLURM_LOCALID",
        "SLURM_GTIDS",
        "SLURM_TASKS_PER_NODE",
        "SLURM_OOM_KILL_STEP",
        "SLURM_RESTART_COUNT",
    ];
    let mut variables = Variables::default();
    job_variables(&mut variables, job, run, cluster);
    array_variables(&mut variables, job);
    node_variables(&mut variables, job, &run.allocation, cluster);
    request_variables(&mut variables, job, &run.allocation, cluster);
    // They see all devices, so the numbers are the machine's.
    let seen = Gpus { numbers: gpus.numbers.clone(), seen_as: gpus.numbers.clone() };
    gpu_variables(&mut variables, &seen);
    variables.set("SLURM_SCRIPT_CONTEXT", context);
    variables.set("SLURM_UID", job.spec.owner.uid);
    if let Some(tasks) = job.spec.resources.tasks {
        variables.set("SLURM_JOB_NTASKS", tasks);
    }
    let (spared, kind) = match (job.spec.uncommon().core_spec, job.spec.uncommon().thread_spec) {
        (_, Some(threads)) => (threads, "threads"),
        (cores, None) => (cores.unwrap_or(0), "cores"),
    };
    variables.set("SLURM_JOB_CORE_SPEC_COUNT", spared);
    variables.set("SLURM_JOB_CORE_SPEC_TYPE", kind);
    variables.set("SLURM_JOB_WORK_DIR", &job.spec.work_dir);
    variables.set("SLURM_JOB_RESTART_COUNT", job.restarts);
    variables.set_given("SLURM_JOB_COMMENT", &job.spec.comment);
    variables.set_given("SLURM_JOB_EXTRA", &job.spec.uncommon().extra);
    let node = run.allocation.nodes.first().and_then(|share| cluster.node(share.node));
    let node = node.map(|node| node.name.as_str()).unwrap_or_default();
    let input = match job.spec.streams.input.as_str() {
        "" => Text::const_new("/dev/null"),
        pattern => job.stream_path(pattern, node),
    };
    variables.set("SLURM_JOB_STDIN", input);
    let output = job.stream_path(job.output_pattern(), node);
    let error = match job.spec.streams.error.as_str() {
        "" => output.clone(),
        pattern => job.stream_path(pattern, node),
    };
    variables.set("SLURM_JOB_STDOUT", output);
    variables.set("SLURM_JOB_STDERR", error);
    variables.list.retain(|(name, _)| !NOT_THEIRS.contains(&name.as_str()));
    variables.list.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// What the leader of a heterogeneous job is told of each component, where it applies there.
const OF_COMPONENTS: [&str; 16] = [
    "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ACCOUNT",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_JOB_ID",
    "SLURM_JOB_NAME",
    "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES",
    "SLURM_JOB_PARTITION",
    "SLURM_JOB_QOS",
    "SLURM_MEM_PER_CPU",
    "SLURM_MEM_PER_NODE",
    "SLURM_NPROCS",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_NODE",
    "SLURM_TASKS_PER_NODE",
    "SLURM_TRES_PER_TASK",
];

/// The same names with the number of the group behind; `PACK` is what Slurm called it before, and is set still.
fn component_variables(variables: &mut Variables, components: &[Arc<Job>], cluster: &Cluster) {
    if components.is_empty() {
        return;
    }
    for kind in ["HET", "PACK"] {
        variables.set(&format!("SLURM_{kind}_SIZE"), components.len());
    }
    for component in components {
        let (Some(part), Some(run)) = (component.het, component.run()) else { continue };
        let mut own = Variables::default();
        job_variables(&mut own, component, run, cluster);
        node_variables(&mut own, component, &run.allocation, cluster);
        request_variables(&mut own, component, &run.allocation, cluster);
        if component.spec.resources.cpus_per_task > 1 {
            own.set("SLURM_TRES_PER_TASK", format!("cpu={}", component.spec.resources.cpus_per_task));
        }
        for (name, value) in own.list.iter().filter(|(name, _)| OF_COMPONENTS.contains(&name.as_str())) {
            for kind in ["HET", "PACK"] {
                variables.set(&format!("{name}_{kind}_GROUP_{}", part.offset), value);
            }
        }
    }
}

/// Names and values in order of first mention; a later value replaces an earlier one.
#[derive(Default)]
struct Variables {
    list: Vec<(String, String)>,
    places: HashMap<String, usize>,
}

impl Variables {
    fn set(&mut self, name: &str, value: impl ToString) {
        match self.places.get(name) {
            Some(at) => self.list[*at].1 = value.to_string(),
            None => {
                self.places.insert(name.to_owned(), self.list.len());
                self.list.push((name.to_owned(), value.to_string()));
            }
        }
    }

    fn set_given(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            self.set(name, value);
        }
    }
}

fn job_variables(variables: &mut Variables, job: &Job, run: &Running, cluster: &Cluster) {
    let spec = &job.spec;
    variables.set("SLURM_JOB_ID", job.id);
    variables.set("SLURM_JOBID", job.id);
    variables.set_given("SLURM_JOB_NAME", &spec.name);
    variables.set("SLURM_JOB_PARTITION", &run.allocation.partition);
    variables.set_given("SLURM_JOB_ACCOUNT", &spec.account);
    variables.set_given("SLURM_JOB_QOS", &spec.qos);
    variables.set("SLURM_JOB_USER", &spec.owner.name);
    variables.set("SLURM_JOB_UID", spec.owner.uid);
    variables.set("SLURM_JOB_GID", spec.owner.gid);
    variables.set_given("SLURM_JOB_GROUP", &spec.owner.group);
    variables.set("SLURM_JOB_START_TIME", run.started.seconds());
    if run.until != Timestamp::NEVER {
        variables.set("SLURM_JOB_END_TIME", run.until.seconds());
    }
    variables.set("SLURM_CLUSTER_NAME", &cluster.name);
    variables.set("SLURM_SUBMIT_DIR", &spec.work_dir);
    variables.set("SLURM_SUBMIT_HOST", &cluster.host);
    if job.restarts > 0 {
        variables.set("SLURM_RESTART_COUNT", job.restarts);
    }
    for (name, value) in [("SLURM_STEP_ID", BATCH_STEP), ("SLURM_STEPID", BATCH_STEP)] {
        variables.set(name, value);
    }
    for name in ["SLURM_NODEID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_GTIDS"] {
        variables.set(name, 0);
    }
    variables.set("SLURM_OOM_KILL_STEP", u8::from(spec.uncommon().oom_kill_step));
}

fn array_variables(variables: &mut Variables, job: &Job) {
    let Some(ArrayPart::Task { of, index, size, .. }) = &job.array else { return };
    variables.set("SLURM_ARRAY_JOB_ID", of);
    variables.set("SLURM_ARRAY_TASK_ID", index);
    variables.set("SLURM_ARRAY_TASK_COUNT", size);
}

fn node_variables(variables: &mut Variables, job: &Job, allocation: &Allocation, cluster: &Cluster) {
    let Some(share) = allocation.nodes.first() else { return };
    let name = cluster.node(share.node).map(|node| node.name.clone()).unwrap_or_default();
    let list = cluster.fold_nodes(allocation);
    variables.set("HOSTNAME", &name);
    variables.set("SLURMD_NODENAME", &name);
    variables.set("SLURM_TOPOLOGY_ADDR", &name);
    variables.set("SLURM_TOPOLOGY_ADDR_PATTERN", "node");
    for name in ["SLURM_JOB_NUM_NODES", "SLURM_NNODES"] {
        variables.set(name, allocation.nodes.len());
    }
    for name in ["SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
        variables.set(name, &list);
    }
    variables.set("SLURM_CPUS_ON_NODE", share.cpus.len());
    variables.set("SLURM_JOB_CPUS_PER_NODE", per_node(allocation.nodes.iter().map(|share| share.cpus.len())));
    let resources = &job.spec.resources;
    let tasks = |share: &NodeShare| match resources.tasks {
        // Without a number of tasks Slurm counts as many as the CPUs could take.
        None if !resources.overcommit => share.tasks.max(share.cpus.len() / resources.task_cpus()),
        _ => share.tasks,
    };
    variables.set("SLURM_TASKS_PER_NODE", per_node(allocation.nodes.iter().map(tasks)));
}

fn request_variables(variables: &mut Variables, job: &Job, allocation: &Allocation, cluster: &Cluster) {
    let resources = &job.spec.resources;
    if let Some(tasks) = resources.tasks {
        variables.set("SLURM_NTASKS", tasks);
        variables.set("SLURM_NPROCS", tasks);
    }
    if resources.tasks_per_node > 0 {
        variables.set("SLURM_NTASKS_PER_NODE", resources.tasks_per_node);
    }
    if resources.cpus_per_task > 1 {
        variables.set("SLURM_CPUS_PER_TASK", resources.cpus_per_task);
        // This one, and not the other, is what srun takes for its own.
        variables.set("SLURM_TRES_PER_TASK", format!("cpu={}", resources.cpus_per_task));
    }
    let partition = cluster.partition(&allocation.partition);
    let memory_of_gpu = memory_per_gpu(job, partition);
    let memory = match resources.memory {
        // Memory that comes with GPUs is none of the others.
        Memory::Default if memory_of_gpu.is_some() => None,
        Memory::Default => partition.and_then(|partition| {
            let by_cpu = partition.default_memory_per_cpu.map(Memory::PerCpu);
            by_cpu.or(partition.default_memory_per_node.map(Memory::PerNode))
        }),
        memory => Some(memory),
    };
    match memory {
        Some(Memory::PerNode(memory)) if memory > 0 => variables.set("SLURM_MEM_PER_NODE", memory),
        Some(Memory::PerCpu(memory)) => variables.set("SLURM_MEM_PER_CPU", memory),
        _ => {}
    }
    let exclusive = match resources.sharing {
        _ if allocation.whole => "NODE",
        Sharing::SameUser => "USER",
        Sharing::SameLabel => "MCS",
        Sharing::Topology => "TOPO",
        _ => "NO",
    };
    variables.set("SLURM_JOB_EXCLUSIVE", exclusive);
    let shares = cluster.cpu_sharers(job, allocation) > 1;
    variables.set("SLURM_JOB_OVERSUBSCRIBE", if shares { "YES" } else { "NO" });
    let licenses = allocation.licenses.iter().map(|(name, count)| format!("{name}:{count}"));
    variables.set_given("SLURM_JOB_LICENSES", &licenses.collect::<Vec<_>>().join(","));
    let constraint = resources.constraint.as_ref().map_or("", |constraint| constraint.written.as_str());
    variables.set_given("SLURM_JOB_CONSTRAINTS", constraint);
    layout_variables(variables, job);
    gpu_request_variables(variables, job);
    if let Some(memory) = memory_of_gpu.filter(|_| resources.memory == Memory::Default) {
        variables.set("SLURM_MEM_PER_GPU", memory);
    }
}

/// Returns the memory that comes with each GPU, megabytes.
fn memory_per_gpu(job: &Job, partition: Option<&Partition>) -> Option<u64> {
    let resources = &job.spec.resources;
    let asked = resources.memory_per_gres.iter().find(|(name, _)| name == "gpu").map(|(_, memory)| *memory);
    let has_gpu = || resources.gres.iter().any(|request| request.name == "gpu");
    asked.or_else(|| partition.filter(|_| has_gpu())?.gpu_defaults.memory)
}

/// How tasks lie on sockets, cores and threads, as far as the job said.
fn layout_variables(variables: &mut Variables, job: &Job) {
    let (resources, uncommon) = (&job.spec.resources, job.spec.uncommon());
    for (name, count) in [
        ("SLURM_NTASKS_PER_SOCKET", resources.tasks_per_socket),
        ("SLURM_NTASKS_PER_CORE", resources.tasks_per_core),
        ("SLURM_NTASKS_PER_GPU", resources.tasks_per_gpu),
        ("SLURM_THREADS_PER_CORE", resources.threads_per_core),
        ("SLURM_CORE_SPEC", uncommon.core_spec.unwrap_or(0)),
        ("SLURM_THREAD_SPEC", uncommon.thread_spec.unwrap_or(0)),
        ("SLURM_OVERCOMMIT", u16::from(resources.overcommit)),
    ] {
        if count > 0 {
            variables.set(name, count);
        }
    }
    match uncommon.distribution.split_once("plane=") {
        Some((_, size)) => {
            variables.set("SLURM_DISTRIBUTION", "plane");
            variables.set("SLURM_DIST_PLANESIZE", size);
        }
        None => variables.set_given("SLURM_DISTRIBUTION", &uncommon.distribution),
    }
}

/// What the job asked for in GPUs; srun takes it for its steps.
fn gpu_request_variables(variables: &mut Variables, job: &Job) {
    let (resources, uncommon) = (&job.spec.resources, job.spec.uncommon());
    for (name, per) in [
        ("SLURM_GPUS", Per::Job),
        ("SLURM_GPUS_PER_NODE", Per::Node),
        ("SLURM_GPUS_PER_SOCKET", Per::Socket),
        ("SLURM_GPUS_PER_TASK", Per::Task),
    ] {
        let meant = resources
            .gres
            .iter()
            .filter(|request| request.name == "gpu" && request.per == per && request.count > 0);
        let written = meant.map(|request| match request.kind.as_str() {
            "" => request.count.to_string(),
            kind => format!("{kind}:{}", request.count),
        });
        variables.set_given(name, &written.collect::<Vec<_>>().join(","));
    }
    if let Some((_, cpus)) = resources.cpus_per_gres.iter().find(|(name, _)| name == "gpu") {
        variables.set("SLURM_CPUS_PER_GPU", cpus);
    }
    let of_task = &uncommon.tres_per_task;
    if !of_task.is_empty() {
        let cpus = match resources.cpus_per_task {
            cpus @ 2.. if !of_task.contains("cpu") => format!("cpu={cpus},"),
            _ => String::new(),
        };
        variables.set("SLURM_TRES_PER_TASK", format!("{cpus}{of_task}"));
    }
    variables.set_given("SLURM_TRES_BIND", &uncommon.tres_bind);
}

fn gpu_variables(variables: &mut Variables, gpus: &Gpus) {
    if gpus.numbers.is_empty() {
        return;
    }
    variables.set("SLURM_JOB_GPUS", joined(&gpus.numbers));
    variables.set("SLURM_GPUS_ON_NODE", gpus.numbers.len());
    let seen_as = joined(&gpus.seen_as);
    for name in ["CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"] {
        variables.set(name, &seen_as);
    }
}

fn joined(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

/// Writes counts by node as Slurm does: `4,2(x3)`.
fn per_node(counts: impl Iterator<Item = u32>) -> Text {
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
    Text::from(written.collect::<Vec<_>>().join(","))
}
