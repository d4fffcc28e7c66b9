//! What the programs are told of a job: the environment of Slurm's MailProg and of its jobcomp/script.

use super::occasion::{Occasion, clock, exit_status};
use domain::cluster::Cluster;
use domain::job::{ArrayPart, Job, JobKind, Outcome, Phase, Running};
use domain::{TimeLimit, Timestamp};
use std::time::Duration;

/// What Slurm's "no value" reads as.
const NO_VALUE: u32 = 4_294_967_294;

/// Names and values of an environment.
#[derive(Debug, Default)]
pub(super) struct Variables(pub(super) Vec<(String, String)>);

impl Variables {
    fn set(&mut self, name: &str, value: impl ToString) {
        // A value with a zero byte in it would keep the program from being started.
        let value = value.to_string().replace('\0', "");
        self.0.push((name.to_owned(), value));
    }
}

/// Returns what the program that sends mail is told of a job; `spent` is how long it queued or ran.
pub(super) fn of_mail(occasion: Occasion, job: &Job, cluster: &Cluster, spent: Duration) -> Variables {
    let mut variables = Variables::default();
    let (spec, owner) = (&job.spec, &job.spec.owner);
    variables.set("SLURM_CLUSTER_NAME", &cluster.name);
    for name in ["SLURM_JOB_ID", "SLURM_JOBID"] {
        variables.set(name, job.id);
    }
    for (name, value) in [
        ("SLURM_JOB_NAME", &spec.name),
        ("SLURM_JOB_USER", &owner.name),
        ("SLURM_JOB_GROUP", &owner.group),
        ("SLURM_JOB_ACCOUNT", &spec.account),
        ("SLURM_JOB_QOS", &spec.qos),
        ("SLURM_JOB_WORK_DIR", &spec.work_dir),
        ("SLURM_WCKEY", &spec.wckey),
    ] {
        variables.set(name, value);
    }
    variables.set("SLURM_JOB_UID", owner.uid.0);
    variables.set("SLURM_JOB_GID", owner.gid.0);
    variables.set("SLURM_JOB_RESTART_COUNT", job.restarts);
    variables.set("SLURM_JOB_MAIL_TYPE", occasion.words());
    variables.set("SLURM_JOB_PARTITION", job.run().map_or(spec.partition(), |run| &run.allocation.partition));
    let state = match &job.phase {
        Phase::Pending(_) => "PENDING",
        Phase::Running(_) if job.is_suspended() => "SUSPENDED",
        Phase::Running(_) => "RUNNING",
        Phase::Completing(completing) => completing.outcome.name(),
        Phase::Ended(ended) => ended.outcome.name(),
    };
    variables.set("SLURM_JOB_STATE", state);
    match occasion {
        Occasion::Began => variables.set("SLURM_JOB_QUEUED_TIME", clock(spent)),
        Occasion::InvalidDependency => {}
        _ => variables.set("SLURM_JOB_RUN_TIME", clock(spent)),
    }
    if let Some(run) = job.run() {
        of_run(&mut variables, job, run, cluster);
    }
    if let Some(ArrayPart::Task { of, index, size, .. }) = &job.array {
        variables.set("SLURM_ARRAY_JOB_ID", of);
        variables.set("SLURM_ARRAY_TASK_ID", index);
        variables.set("SLURM_ARRAY_TASK_COUNT", size);
    }
    if let Phase::Ended(ended) = &job.phase {
        let (code, signal) = exit_status(ended);
        let status = u32::from(code) << 8 | u32::from(signal);
        variables.set("SLURM_JOB_EXIT_CODE", status);
        variables.set("SLURM_JOB_EXIT_CODE2", format!("{code}:{signal}"));
        variables.set("SLURM_JOB_EXIT_CODE_MAX", code);
        variables.set("SLURM_JOB_DERIVED_EC", 0);
    }
    variables
}

fn of_run(variables: &mut Variables, job: &Job, run: &Running, cluster: &Cluster) {
    let node = first_node(run, cluster);
    variables.set("SLURM_JOB_NODELIST", cluster.fold_nodes(&run.allocation));
    variables.set("SLURM_JOB_NUM_NODES", run.allocation.nodes.len());
    variables.set("SLURM_JOB_START_TIME", run.started.seconds());
    variables.set("SLURM_JOB_END_TIME", end_of(job, run).seconds());
    variables.set("SLURM_JOB_STDIN", input_of(job, &node));
    variables.set("SLURM_JOB_STDOUT", job.output_path(&node));
    variables.set("SLURM_JOB_STDERR", job.error_path(&node));
}

fn end_of(job: &Job, run: &Running) -> Timestamp {
    match &job.phase {
        Phase::Ended(ended) => ended.ended,
        _ => run.until,
    }
}

fn first_node(run: &Running, cluster: &Cluster) -> String {
    let share = run.allocation.nodes.first();
    share.and_then(|share| cluster.node(share.node)).map(|node| node.name.to_string()).unwrap_or_default()
}

fn input_of(job: &Job, node: &str) -> String {
    match job.spec.streams.input.as_str() {
        "" if job.spec.kind == JobKind::Batch => "/dev/null".to_owned(),
        pattern => job.stream_path(pattern, node).to_string(),
    }
}

/// Returns what the job completion script is told of an attempt that has ended; `None` of one that has not.
pub(super) fn of_completion(job: &Job, nodes: &str, cluster: &Cluster) -> Option<Variables> {
    let Phase::Ended(ended) = &job.phase else { return None };
    let mut variables = Variables::default();
    let (spec, uncommon, run) = (&job.spec, job.spec.uncommon(), ended.run.as_ref());
    let (array, index) = match &job.array {
        Some(ArrayPart::Task { of, index, .. }) => (of.to_string(), index.to_string()),
        Some(ArrayPart::Pool { .. }) => (job.id.to_string(), NO_VALUE.to_string()),
        None => ("0".to_owned(), NO_VALUE.to_string()),
    };
    let node = run.map(|run| first_node(run, cluster)).unwrap_or_default();
    let (code, signal) = exit_status(ended);
    let limit = match run.and_then(|run| run.shortened).map_or(spec.time_limit, TimeLimit::Minutes) {
        TimeLimit::Minutes(minutes) => clock(Duration::from_secs(u64::from(minutes) * 60)),
        TimeLimit::Unlimited => "UNLIMITED".to_owned(),
    };
    let nodes_and_cpus = run.map_or((0, 0), |run| {
        let cpus = run.allocation.nodes.iter().map(|share| u64::from(share.cpus.len())).sum();
        (run.allocation.nodes.len(), cpus)
    });
    let eligible = if job.eligible == Timestamp::NEVER { job.submitted } else { job.eligible };
    // An attempt that went back into the queue is told as Slurm does: by where the job is then.
    let state = if ended.outcome == Outcome::Requeued { "PENDING" } else { ended.outcome.name() };
    let constraints = spec.resources.constraint.as_ref().map(|wish| wish.written.to_string());
    for (name, value) in [
        ("JOBID", job.id.to_string()),
        ("ARRAYJOBID", array),
        ("ARRAYTASKID", index),
        ("UID", spec.owner.uid.0.to_string()),
        ("USERNAME", spec.owner.name.to_string()),
        ("GID", spec.owner.gid.0.to_string()),
        ("GROUPNAME", spec.owner.group.to_string()),
        ("CLUSTER", cluster.name.to_string()),
        ("ACCOUNT", spec.account.to_string()),
        ("QOS", spec.qos.to_string()),
        ("WCKEY", spec.wckey.to_string()),
        ("RESERVATION", uncommon.reservation.to_string()),
        ("CONSTRAINTS", constraints.unwrap_or_default()),
        ("DEPENDENCY", job.dependency.as_ref().map(|wish| wish.written()).unwrap_or_default()),
        ("PARTITION", run.map_or(spec.partition(), |run| &run.allocation.partition).to_string()),
        ("JOBNAME", spec.name.to_string()),
        ("JOBSTATE", state.to_owned()),
        ("LIMIT", limit),
        ("SUBMIT", job.submitted.seconds().to_string()),
        ("ELIGIBLE", eligible.seconds().to_string()),
        ("START", run.map_or(ended.ended, |run| run.started).seconds().to_string()),
        ("END", ended.ended.seconds().to_string()),
        ("EXITCODE", format!("{code}:{signal}")),
        ("DERIVED_EC", "0:0".to_owned()),
        ("NODES", nodes.to_owned()),
        ("NODECNT", nodes_and_cpus.0.to_string()),
        ("PROCS", nodes_and_cpus.1.to_string()),
        ("BATCH", if spec.kind == JobKind::Batch { "yes" } else { "no" }.to_owned()),
        ("WORK_DIR", spec.work_dir.to_string()),
        ("STDIN", input_of(job, &node)),
        ("STDOUT", job.output_path(&node).to_string()),
        ("STDERR", job.error_path(&node).to_string()),
        ("PATH", "/usr/bin:/bin:/usr/sbin:/sbin".to_owned()),
    ] {
        variables.set(name, value);
    }
    Some(variables)
}
