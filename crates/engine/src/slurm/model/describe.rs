//! A submission → what slurmrestd is sent. What is left open stays open: the cluster has its own defaults.

use super::{mark, script};
use domain::job::{JobKind, Memory, OpenMode, Resources, Sharing, Uncommon, WarningScope};
use domain::service::Submission;
use domain::{Problem, Text, TimeLimit, Timestamp};
use slurm_wire::flags::Flag;
use slurm_wire::job_desc::{JobDescMsg, JobDescMsgRlimits};
use slurm_wire::no_val::{MemoryMb, TimeNoVal, UnixTime};
use slurm_wire::submit::JobSubmitReq;
use slurm_wire::words::{self, JobShared, KillFlag, MailType};
use slurm_wire::{Flags, NoVal};

/// Describes a submission, with its mark.
///
/// # Errors
/// [`Problem::Unsupported`] for what cannot be said over the cluster's interface.
pub(super) fn request(submission: &Submission, mark: &str) -> Result<JobSubmitReq, Problem> {
    let Submission { spec, payload, .. } = submission;
    let uncommon = spec.uncommon();
    if spec.kind != JobKind::Batch {
        return Err(unsupported("an allocation in front of a cluster"));
    }
    unsaid(uncommon)?;
    let mut job = JobDescMsg {
        name: text(&spec.name),
        account: text(&spec.account),
        partition: (!spec.partitions.is_empty()).then(|| Text::from(spec.partitions.join(","))),
        qos: text(&spec.qos),
        wckey: text(&spec.wckey),
        current_working_directory: text(&spec.work_dir),
        standard_input: text(&spec.streams.input),
        standard_output: text(&spec.streams.output),
        standard_error: text(&spec.streams.error),
        open_mode: match spec.streams.open_mode {
            OpenMode::Default => None,
            OpenMode::Append => Some(words::OpenMode::Append.into()),
            OpenMode::Truncate => Some(words::OpenMode::Truncate.into()),
        },
        time_limit: submission.time_limit.map(minutes),
        time_minimum: (spec.time_minimum > 0).then_some(NoVal::Set(spec.time_minimum)),
        begin_time: spec.begin.map(|at| TimeNoVal(NoVal::Set(seconds(at)))),
        deadline: spec.deadline.map(|at| UnixTime(at.seconds())),
        nice: (spec.nice != 0).then_some(spec.nice.into()),
        priority: spec.fixed_priority.map(NoVal::Set),
        requeue: submission.requeue,
        kill_on_node_fail: (!spec.kill_on_node_fail).then_some(false),
        comment: text(&spec.comment),
        array: text(&submission.array),
        dependency: text(&submission.dependency),
        hold: submission.hold.then_some(true),
        immediate: submission.immediate.then_some(true),
        environment: Some(payload.environment.to_vec().into()),
        extra: text(&mark::with_mark(&uncommon.extra, mark)),
        ..JobDescMsg::default()
    };
    if !spec.command.is_empty() || !payload.arguments.is_empty() {
        let words = std::iter::once(spec.command.clone()).chain(payload.arguments.iter().cloned());
        job.argv = Some(words.collect::<Vec<_>>().into());
    }
    if let Some(warning) = spec.warning {
        let number = u16::try_from(warning.signal).unwrap_or(0);
        job.kill_warning_signal = Some(Text::from(slurm_wire::signal::shown(number)).into());
        job.kill_warning_delay = Some(NoVal::Set(warning.lead));
        job.kill_warning_flags = match warning.scope {
            WarningScope::Steps => None,
            WarningScope::Batch => Some(KillFlag::BatchJob.into()),
            WarningScope::Full => Some(KillFlag::FullJob.into()),
        };
    }
    add_resources(&mut job, &spec.resources);
    add_uncommon(&mut job, uncommon);
    let script = script::told(&payload.script, &uncommon.told, uncommon.umask)?;
    Ok(JobSubmitReq { script: Some(script), job: Some(job), ..JobSubmitReq::default() })
}

fn unsupported(what: &'static str) -> Problem {
    Problem::Unsupported(Text::const_new(what))
}

/// Refuses what is known here in a form in which it cannot be said again.
fn unsaid(uncommon: &Uncommon) -> Result<(), Problem> {
    let said = [
        (uncommon.cpu_frequency.is_some(), "cpu_frequency in front of a cluster"),
        (uncommon.profile != 0, "profile in front of a cluster"),
        (uncommon.cpu_binding_flags != 0, "cpu_binding_flags in front of a cluster"),
        (uncommon.memory_binding_flags != 0, "memory_binding_type in front of a cluster"),
        (!uncommon.cron.is_empty(), "a crontab in front of a cluster"),
    ];
    said.into_iter().find(|(is_said, _)| *is_said).map_or(Ok(()), |(_, what)| Err(unsupported(what)))
}

/// Returns a text, if there is one.
pub(super) fn text(text: &Text) -> Option<Text> {
    (!text.is_empty()).then(|| text.clone())
}

/// Writes a time limit.
pub(super) fn minutes(limit: TimeLimit) -> NoVal<u32> {
    match limit {
        TimeLimit::Minutes(minutes) => NoVal::Set(minutes),
        TimeLimit::Unlimited => NoVal::Infinite,
    }
}

/// Writes a time.
pub(super) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.seconds()).unwrap_or(0)
}

/// Writes who shares nodes.
pub(super) fn shared(sharing: Sharing) -> Option<Flags<JobShared>> {
    match sharing {
        Sharing::Default => None,
        Sharing::Exclusive => Some(JobShared::None.into()),
        Sharing::Oversubscribe => Some(JobShared::Oversubscribe.into()),
        Sharing::SameUser => Some(JobShared::User.into()),
        Sharing::SameLabel => Some(JobShared::Mcs.into()),
        Sharing::Topology => Some(JobShared::Topo.into()),
    }
}

/// Writes when mail is wanted; both enumerations have the same order.
pub(super) fn mail_types(bits: u16) -> Flags<MailType> {
    MailType::MEMBERS.iter().filter(|kind| bits & (1 << kind.index()) != 0).copied().collect()
}

fn some<T: Copy + PartialEq + Default>(value: T) -> Option<T> {
    (value != T::default()).then_some(value)
}

fn add_resources(job: &mut JobDescMsg, wanted: &Resources) {
    job.minimum_nodes = (wanted.min_nodes > 1 || wanted.max_nodes > 0).then_some(wanted.min_nodes.max(1));
    job.maximum_nodes = some(wanted.max_nodes);
    job.tasks = wanted.tasks;
    job.cpus_per_task = some(wanted.cpus_per_task);
    job.minimum_cpus = some(wanted.min_cpus);
    job.maximum_cpus = some(wanted.max_cpus);
    job.minimum_cpus_per_node = some(wanted.min_cpus_per_node);
    job.tasks_per_node = some(wanted.tasks_per_node);
    job.tasks_per_socket = some(wanted.tasks_per_socket);
    job.tasks_per_core = some(wanted.tasks_per_core);
    job.tasks_per_board = some(wanted.tasks_per_board);
    job.sockets_per_node = some(wanted.sockets_per_node);
    job.cores_per_socket = some(wanted.cores_per_socket);
    job.threads_per_core = some(wanted.threads_per_core);
    job.ntasks_per_tres = some(wanted.tasks_per_gpu);
    job.temporary_disk_per_node = some(wanted.tmp_disk);
    job.contiguous = some(wanted.contiguous);
    job.overcommit = some(wanted.overcommit);
    job.shared = shared(wanted.sharing);
    match wanted.memory {
        Memory::Default => {}
        Memory::PerNode(megabytes) => job.memory_per_node = Some(MemoryMb(NoVal::Set(megabytes))),
        Memory::PerCpu(megabytes) => job.memory_per_cpu = Some(MemoryMb(NoVal::Set(megabytes))),
    }
    job.constraints = wanted.constraint.as_ref().map(|constraint| constraint.written.clone());
    job.required_nodes = (!wanted.required_nodes.is_empty()).then(|| wanted.required_nodes.clone().into());
    job.excluded_nodes = (!wanted.excluded_nodes.is_empty()).then(|| wanted.excluded_nodes.clone().into());
}

fn add_uncommon(job: &mut JobDescMsg, uncommon: &Uncommon) {
    job.admin_comment = text(&uncommon.admin_comment);
    job.mail_user = text(&uncommon.mail_user);
    job.mail_type = (uncommon.mail_types.0 != 0).then(|| mail_types(uncommon.mail_types.0));
    job.reservation = text(&uncommon.reservation);
    job.licenses = text(&uncommon.licenses);
    job.prefer = uncommon.prefer.as_ref().map(|prefer| prefer.written.clone());
    job.batch_features = text(&uncommon.batch_features);
    job.cluster_constraint = text(&uncommon.cluster_features);
    job.clusters = text(&uncommon.clusters);
    job.network = text(&uncommon.network);
    job.burst_buffer = text(&uncommon.burst_buffer);
    job.container = text(&uncommon.container);
    job.container_id = text(&uncommon.container_id);
    job.mcs_label = text(&uncommon.mcs_label);
    job.selinux_context = text(&uncommon.selinux_context);
    job.tres_per_job = text(&uncommon.tres_per_job);
    job.tres_per_node = text(&uncommon.tres_per_node);
    job.tres_per_socket = text(&uncommon.tres_per_socket);
    job.tres_per_task = text(&uncommon.tres_per_task);
    job.tres_bind = text(&uncommon.tres_bind);
    job.tres_freq = text(&uncommon.tres_freq);
    job.cpus_per_tres = text(&uncommon.cpus_per_tres);
    job.memory_per_tres = text(&uncommon.memory_per_tres);
    job.account_gather_frequency = text(&uncommon.accounting_frequency);
    job.core_specification = uncommon.core_spec.map(Into::into);
    job.thread_specification = uncommon.thread_spec.map(Into::into);
    job.required_switches = (uncommon.switches > 0).then_some(NoVal::Set(uncommon.switches));
    job.wait_for_switch = some(uncommon.switch_wait);
    job.segment_size = (uncommon.segment_size > 0).then_some(NoVal::Set(uncommon.segment_size));
    job.delay_boot = some(uncommon.delay_boot);
    job.reboot = some(uncommon.reboot);
    job.wait_all_nodes = some(uncommon.wait_all_nodes);
    job.oom_kill_step = uncommon.oom_kill_step.then_some(1);
    job.site_factor = some(uncommon.site_factor);
    job.reserve_ports = some(uncommon.reserve_ports);
    job.cpu_binding = text(&uncommon.cpu_binding);
    job.memory_binding = text(&uncommon.memory_binding);
    job.distribution = text(&uncommon.distribution).map(Into::into);
    if !uncommon.rlimits.is_empty() {
        job.rlimits = Some(rlimits(&uncommon.rlimits));
    }
}

fn rlimits(limits: &[(Text, Option<u64>)]) -> JobDescMsgRlimits {
    let mut said = JobDescMsgRlimits::default();
    for (name, limit) in limits {
        let place = match name.as_str() {
            "cpu" => &mut said.cpu,
            "fsize" => &mut said.fsize,
            "data" => &mut said.data,
            "stack" => &mut said.stack,
            "core" => &mut said.core,
            "rss" => &mut said.rss,
            "nproc" => &mut said.nproc,
            "nofile" => &mut said.nofile,
            "memlock" => &mut said.memlock,
            "as" => &mut said.address_space,
            _ => continue,
        };
        *place = Some(limit.map_or(NoVal::Infinite, NoVal::Set));
    }
    said
}
