//! What a submission asked for, as far as it is shown of a job whatever becomes of it: it depends on the job's
//! specification and the configuration, and on nothing else.

use super::allocation::minutes;
use super::{given, joined, time, tres};
use domain::cluster::Cluster;
use domain::job::{Constraint, JobKind, JobSpec, MailTypes, Memory, Resources, Sharing};
use domain::{Text, Timestamp};
use slurm_wire::flags::Flag;
use slurm_wire::job_info::JobInfo;
use slurm_wire::words::{JobShared, MailType, Profile};
use slurm_wire::{Flags, NoVal};

/// What Slurm shows where no threads are kept for the system: its "no value" without the bit that tells cores from
/// threads.
const NO_THREADS: u16 = 32_766;

/// Describes a job that was asked for, and of which no more is known.
pub(super) fn asked(spec: &JobSpec, cluster: &Cluster) -> JobInfo {
    let mut info = JobInfo::default();
    identity(&mut info, spec, cluster);
    request(&mut info, spec, cluster);
    numbers(&mut info, spec);
    uncommon(&mut info, spec);
    info.standard_input = spec.streams.input.clone();
    info.standard_error = spec.streams.error.clone();
    info
}

fn identity(info: &mut JobInfo, spec: &JobSpec, cluster: &Cluster) {
    info.cluster = cluster.name.clone();
    // Every job comes in through this daemon.
    info.allocating_node = Text::const_new("localhost");
    info.account = spec.account.clone();
    info.association_id = cluster.association(&spec.account, &spec.owner.name);
    info.name = spec.name.clone();
    info.comment = spec.comment.clone();
    info.command = spec.command.clone();
    info.qos = spec.qos.clone();
    info.wckey = spec.wckey.clone();
    info.user_id = spec.owner.uid.0;
    info.user_name = spec.owner.name.clone();
    info.group_id = spec.owner.gid.0;
    info.group_name = spec.owner.group.clone();
    info.batch_flag = spec.kind == JobKind::Batch;
    info.step_id.step_id = "entire".into();
}

fn request(info: &mut JobInfo, spec: &JobSpec, cluster: &Cluster) {
    info.partition = joined(&spec.partitions);
    info.current_working_directory = spec.work_dir.clone();
    info.time_limit = minutes(spec.time_limit);
    info.time_minimum = NoVal::Set(spec.time_minimum);
    info.deadline = time(spec.deadline.unwrap_or(Timestamp::EPOCH));
    info.nice = spec.nice;
    info.requeue = spec.requeue;
    info.contiguous = spec.resources.contiguous;
    info.features = constraint(spec.resources.constraint.as_ref());
    info.required_nodes = folded(&spec.resources.required_nodes);
    info.excluded_nodes = folded(&spec.resources.excluded_nodes);
    info.shared = shared(spec.resources.sharing);
    info.tres_req_str = tres::requested(spec, cluster);
    match tres::memory(spec, cluster) {
        Memory::PerCpu(megabytes) => info.memory_per_cpu = NoVal::Set(megabytes),
        Memory::PerNode(megabytes) => info.memory_per_node = NoVal::Set(megabytes),
        Memory::Default => {}
    }
}

/// Slurm reads a comma between features as "and", and shows it so.
fn constraint(constraint: Option<&Constraint>) -> Text {
    let written = constraint.map_or("", |constraint| constraint.written.as_str());
    if written.contains(',') { Text::from(written.replace(',', "&")) } else { Text::from(written) }
}

pub(super) fn folded<'a>(names: impl IntoIterator<Item = &'a Text>) -> Text {
    let mut names = names.into_iter().map(Text::as_str).peekable();
    if names.peek().is_none() { Text::default() } else { domain::cluster::fold(names) }
}

fn shared(sharing: Sharing) -> Flags<JobShared> {
    match sharing {
        Sharing::Default => Flags::NONE,
        Sharing::Exclusive => JobShared::None.into(),
        Sharing::Oversubscribe => JobShared::Oversubscribe.into(),
        Sharing::SameUser => JobShared::User.into(),
        Sharing::SameLabel => JobShared::Mcs.into(),
        Sharing::Topology => JobShared::Topo.into(),
    }
}

fn numbers(info: &mut JobInfo, spec: &JobSpec) {
    let wanted = &spec.resources;
    info.cpus = NoVal::Set(wanted.least_cpus());
    info.node_count = NoVal::Set(wanted.min_nodes.max(1));
    info.cpus_per_task = bounded(wanted.cpus_per_task.max(1));
    info.max_cpus = NoVal::Set(wanted.max_cpus);
    info.minimum_cpus_per_node = bounded(least_cpus_per_node(wanted));
    info.minimum_tmp_disk_per_node = NoVal::Set(wanted.tmp_disk);
    info.sockets_per_node = given(wanted.sockets_per_node);
    info.cores_per_socket = given(wanted.cores_per_socket);
    info.threads_per_core = given(wanted.threads_per_core);
    info.tasks_per_node = NoVal::Set(wanted.tasks_per_node);
    info.tasks_per_board = NoVal::Set(wanted.tasks_per_board);
    info.tasks_per_socket = limit(wanted.tasks_per_socket);
    info.tasks_per_core = limit(wanted.tasks_per_core);
}

/// The largest number stands for infinity.
fn bounded(count: u16) -> NoVal<u16> {
    if count == u16::MAX { NoVal::Infinite } else { NoVal::Set(count) }
}

fn limit(count: u16) -> NoVal<u16> {
    if count == 0 { NoVal::Infinite } else { NoVal::Set(count) }
}

fn least_cpus_per_node(wanted: &Resources) -> u16 {
    let for_tasks = wanted.cpus_per_task.max(1).saturating_mul(wanted.tasks_per_node.max(1));
    wanted.min_cpus_per_node.max(for_tasks)
}

fn uncommon(info: &mut JobInfo, spec: &JobSpec) {
    let uncommon = spec.uncommon();
    info.admin_comment = uncommon.admin_comment.clone();
    info.extra = uncommon.extra.clone();
    info.mail_type = mail_types(uncommon.mail_types);
    info.mail_user = match uncommon.mail_user.as_str() {
        "" => spec.owner.name.clone(),
        _ => uncommon.mail_user.clone(),
    };
    info.licenses = uncommon.licenses.clone();
    info.prefer = constraint(uncommon.prefer.as_ref());
    info.batch_features = uncommon.batch_features.clone();
    info.cluster_features = uncommon.cluster_features.clone();
    info.network = uncommon.network.clone();
    info.burst_buffer = uncommon.burst_buffer.clone();
    info.container = uncommon.container.clone();
    info.container_id = uncommon.container_id.clone();
    info.mcs_label = uncommon.mcs_label.clone();
    info.selinux_context = uncommon.selinux_context.clone();
    info.tres_per_job = uncommon.tres_per_job.clone();
    info.tres_per_node = uncommon.tres_per_node.clone();
    info.tres_per_socket = uncommon.tres_per_socket.clone();
    info.tres_per_task = uncommon.tres_per_task.clone();
    info.tres_bind = uncommon.tres_bind.clone();
    info.tres_freq = uncommon.tres_freq.clone();
    info.cpus_per_tres = uncommon.cpus_per_tres.clone();
    info.memory_per_tres = uncommon.memory_per_tres.clone();
    info.tasks_per_tres = NoVal::Set(uncommon.tasks_per_tres);
    info.cron = uncommon.cron.clone();
    info.submit_line = uncommon.submit_line.clone();
    info.core_spec = uncommon.core_spec.unwrap_or(0);
    info.thread_spec = uncommon.thread_spec.unwrap_or(NO_THREADS);
    info.required_switches = uncommon.switches;
    info.maximum_switch_wait_time = uncommon.switch_wait;
    info.segment_size = uncommon.segment_size.into();
    info.delay_boot = NoVal::Set(uncommon.delay_boot);
    info.reboot = uncommon.reboot;
    info.profile = profile(uncommon.profile);
    if let Some([least, most, governor]) = uncommon.cpu_frequency {
        let number = |number: u32| if number == 0 { NoVal::Unset } else { NoVal::Set(number) };
        info.cpu_frequency_minimum = number(least);
        info.cpu_frequency_maximum = number(most);
        info.cpu_frequency_governor = number(governor);
    }
}

fn mail_types(types: MailTypes) -> Flags<MailType> {
    // Both enumerations have the same order.
    MailType::MEMBERS.iter().filter(|kind| types.0 & (1 << kind.index()) != 0).copied().collect()
}

fn profile(bits: u16) -> Flags<Profile> {
    match bits {
        0 => Profile::NotSet.into(),
        bits => Profile::MEMBERS.iter().filter(|kind| bits & (1 << kind.index()) != 0).copied().collect(),
    }
}
