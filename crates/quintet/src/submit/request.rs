//! From options to the request of the REST interface: each option becomes the field sbatch would fill.

use super::options::JobOptions;
use super::values::{DependencyAction, OpenMode};
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::list::StringArray;
use slurm_wire::submit::JobSubmitReq;
use slurm_wire::words::{self, JobFlag, JobShared, KillFlag};
use slurm_wire::{Flags, NoVal, Text};
use std::path::Path;

/// What is submitted besides options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Script {
    /// The script's text.
    pub(crate) text: String,
    /// Its name: what jobs are called that have no other.
    pub(crate) name: String,
    /// Its path and what follows it on the command line.
    pub(crate) arguments: Vec<String>,
}

/// Why options make no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    /// A list of resources cannot be read.
    #[error("--{option}: \"{value}\" is not {expected}")]
    Resources {
        /// The option.
        option: &'static str,
        /// What was given.
        value: String,
        /// What can be.
        expected: &'static str,
    },
    /// The working directory has no name that can be sent.
    #[error("the working directory {0} is not UTF-8; name another with --chdir")]
    Directory(String),
}

/// Makes the request. `present_dir` is where the command was called, `environment` what the job gets.
///
/// # Errors
/// If a list of resources cannot be read.
pub(crate) fn request(
    options: &JobOptions,
    script: &Script,
    present_dir: &Path,
    environment: Vec<String>,
) -> Result<JobSubmitReq, RequestError> {
    let mut job = JobDescMsg { environment: Some(texts(environment)), ..JobDescMsg::default() };
    identity(&mut job, options, script);
    counts(&mut job, options);
    resources(&mut job, options)?;
    schedule(&mut job, options);
    files(&mut job, options, present_dir)?;
    Ok(JobSubmitReq { script: Some(Text::from(&script.text)), job: Some(job), ..JobSubmitReq::default() })
}

fn texts(lines: impl IntoIterator<Item = String>) -> StringArray {
    lines.into_iter().map(Text::from).collect()
}

fn text(given: &Option<String>) -> Option<Text> {
    given.as_ref().map(Text::from)
}

fn identity(job: &mut JobDescMsg, options: &JobOptions, script: &Script) {
    job.name = Some(Text::from(options.job_name.as_ref().unwrap_or(&script.name)));
    job.argv = (!script.arguments.is_empty()).then(|| texts(script.arguments.iter().cloned()));
    job.account = text(&options.account);
    job.partition = text(&options.partition);
    job.qos = text(&options.qos);
    job.wckey = text(&options.wckey);
    job.reservation = text(&options.reservation);
    job.comment = text(&options.comment);
    job.extra = text(&options.extra);
    job.oom_kill_step = options.oom_kill_step.map(u16::from);
    job.mcs_label = text(&options.mcs_label);
    job.mail_user = text(&options.mail_user);
    job.mail_type = options.mail_type.as_ref().map(|types| {
        let mut flags = Flags::default();
        types.iter().for_each(|name| flags.insert_name(name));
        flags
    });
    job.user_id = options.uid.as_deref().map(Into::into);
    job.group_id = options.gid.as_deref().map(Into::into);
}

fn counts(job: &mut JobDescMsg, options: &JobOptions) {
    job.nodes = options.nodes.as_ref().map(|range| range.0.clone());
    job.tasks = options.ntasks;
    job.cpus_per_task = options.cpus_per_task;
    job.tasks_per_node = options.ntasks_per_node;
    job.tasks_per_socket = options.ntasks_per_socket;
    job.tasks_per_core = options.ntasks_per_core;
    job.ntasks_per_tres = options.ntasks_per_gpu;
    job.minimum_cpus_per_node = options.mincpus;
    job.sockets_per_node = options.sockets_per_node;
    job.threads_per_core = match options.hint.as_deref() {
        Some("nomultithread" | "compute_bound") => Some(1),
        _ => options.threads_per_core,
    };
    job.core_specification = options.core_spec.map(Into::into);
    job.thread_specification = options.thread_spec.map(Into::into);
    job.memory_per_node = options.mem.map(|size| size.0.into());
    job.memory_per_cpu = options.mem_per_cpu.map(|size| size.0.into());
    job.temporary_disk_per_node = options.tmp.map(|size| u32::try_from(size.0).unwrap_or(u32::MAX));
    job.contiguous = options.contiguous.then_some(true);
    job.overcommit = options.overcommit.then_some(true);
    if let Some(switches) = options.switches {
        job.required_switches = Some(NoVal::Set(switches.count));
        job.wait_for_switch = switches.wait;
    }
}

fn resources(job: &mut JobDescMsg, options: &JobOptions) -> Result<(), RequestError> {
    let gpus = |option, given: &Option<String>| given.as_deref().map(|value| gpus(option, value)).transpose();
    job.tres_per_job = gpus("gpus", &options.gpus)?.map(Text::from);
    job.tres_per_socket = gpus("gpus-per-socket", &options.gpus_per_socket)?.map(Text::from);
    let of_gres = options.gres.as_deref().map(gres).transpose()?.filter(|list| !list.is_empty());
    job.tres_per_node = joined([of_gres, gpus("gpus-per-node", &options.gpus_per_node)?]);
    job.tres_per_task =
        joined([options.tres_per_task.clone(), gpus("gpus-per-task", &options.gpus_per_task)?]);
    job.cpus_per_tres = options.cpus_per_gpu.map(|count| Text::from(format!("gres/gpu:{count}")));
    job.memory_per_tres = options.mem_per_gpu.map(|size| Text::from(format!("gres/gpu:{}", size.0)));
    job.licenses = text(&options.licenses);
    job.constraints = text(&options.constraint);
    job.prefer = text(&options.prefer);
    job.batch_features = text(&options.batch);
    let hosts = |list: &String| texts_of_hosts(list);
    job.required_nodes = options.nodelist.as_ref().map(hosts);
    job.excluded_nodes = options.exclude.as_ref().map(hosts);
    job.distribution = options.distribution.as_deref().map(Into::into);
    job.shared = match options.exclusive.as_deref() {
        Some("user") => Some(JobShared::User.into()),
        Some("mcs") => Some(JobShared::Mcs.into()),
        Some("topo") => Some(JobShared::Topo.into()),
        Some(_) => Some(JobShared::None.into()),
        None => options.oversubscribe.then(|| JobShared::Oversubscribe.into()),
    };
    Ok(())
}

/// A list of hosts goes as one text: the service divides it outside of brackets.
fn texts_of_hosts(list: &str) -> slurm_wire::list::CsvString {
    std::iter::once(Text::from(list)).collect()
}

fn schedule(job: &mut JobDescMsg, options: &JobOptions) {
    let limit = |minutes: super::values::Minutes| minutes.0.map_or(NoVal::Infinite, NoVal::Set);
    job.time_limit = options.time.map(limit);
    job.time_minimum = options.time_min.map(limit);
    job.begin_time = options.begin.map(|moment| moment.0.into());
    job.deadline = options.deadline.map(|moment| i64::try_from(moment.0).unwrap_or(i64::MAX).into());
    job.dependency = text(&options.dependency);
    job.array = options.array.as_ref().map(|range| Text::from(&range.0));
    job.hold = options.hold.then_some(true);
    job.nice = options.nice.map(Into::into);
    job.priority = options.priority.map(NoVal::Set);
    job.requeue = match (options.requeue, options.no_requeue) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    job.kill_on_node_fail = options.no_kill.then_some(false);
    if let Some(signal) = &options.signal {
        job.kill_warning_signal = Some(signal.signal.as_str().into());
        job.kill_warning_delay = Some(NoVal::Set(signal.lead));
        let mut flags = Flags::default();
        if signal.batch {
            flags.insert(KillFlag::BatchJob);
        }
        if signal.reservation {
            flags.insert(KillFlag::ReservationJob);
        }
        job.kill_warning_flags = (!flags.is_empty()).then_some(flags);
    }
    let mut flags = Flags::default();
    match options.kill_on_invalid_dep {
        Some(DependencyAction::Kill) => flags.insert(JobFlag::KillInvalidDependency),
        Some(DependencyAction::Keep) => flags.insert(JobFlag::NoKillInvalidDependency),
        None => {}
    }
    if options.spread_job {
        flags.insert(JobFlag::SpreadJob);
    }
    match options.gres_flags.as_deref() {
        Some("enforce-binding") => flags.insert(JobFlag::GresBindingEnforced),
        Some("disable-binding") => flags.insert(JobFlag::GresBindingDisabled),
        _ => {}
    }
    if options.use_min_nodes {
        flags.insert(JobFlag::PreferMinimumNodeCount);
    }
    job.flags = (!flags.is_empty()).then_some(flags);
}

fn files(job: &mut JobDescMsg, options: &JobOptions, present_dir: &Path) -> Result<(), RequestError> {
    let dir = match &options.chdir {
        Some(dir) => present_dir.join(dir),
        None => present_dir.to_owned(),
    };
    let named = dir.to_str().ok_or_else(|| RequestError::Directory(dir.display().to_string()))?;
    job.current_working_directory = Some(Text::from(named));
    job.standard_output = text(&options.output);
    job.standard_error = text(&options.error);
    job.standard_input = text(&options.input);
    job.open_mode = options.open_mode.map(|mode| match mode {
        OpenMode::Append => words::OpenMode::Append.into(),
        OpenMode::Truncate => words::OpenMode::Truncate.into(),
    });
    Ok(())
}

fn joined(lists: [Option<String>; 2]) -> Option<Text> {
    let lists: Vec<String> = lists.into_iter().flatten().collect();
    (!lists.is_empty()).then(|| Text::from(lists.join(",")))
}

/// Writes `gpu:2,matlab:1` as the interface names generic resources.
fn gres(list: &str) -> Result<String, RequestError> {
    if list.eq_ignore_ascii_case("none") {
        return Ok(String::new());
    }
    let expected = "a list such as gpu:2 or gpu:a100:1";
    let bad = || RequestError::Resources { option: "gres", value: list.to_owned(), expected };
    let one = |item: &str| {
        let item = item.strip_prefix("gres/").or_else(|| item.strip_prefix("gres:")).unwrap_or(item);
        let fits =
            !item.is_empty() && item.split(':').count() <= 3 && item.split(':').all(|part| !part.is_empty());
        fits.then(|| format!("gres/{item}")).ok_or_else(bad)
    };
    Ok(list.split(',').map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}

/// Writes `2` or `a100:2,v100:1` as the interface names GPUs.
fn gpus(option: &'static str, list: &str) -> Result<String, RequestError> {
    let expected = "a number, or a type and a number such as a100:2";
    let bad = || RequestError::Resources { option, value: list.to_owned(), expected };
    let one = |item: &str| {
        let (kind, count) = item.split_once(':').map_or((None, item), |(kind, count)| (Some(kind), count));
        let count: u32 = count.parse().map_err(|_| bad())?;
        match kind {
            None => Ok(format!("gres/gpu:{count}")),
            Some(kind) if !kind.is_empty() && kind.parse::<u32>().is_err() => {
                Ok(format!("gres/gpu:{kind}:{count}"))
            }
            Some(_) => Err(bad()),
        }
    };
    Ok(list.split(',').map(one).collect::<Result<Vec<_>, _>>()?.join(","))
}
