//! What was asked for with a job, as the controller tells it.

use super::{names, time};
use crate::slurm::model::resources::{gres, licenses};
use domain::job::{
    Constraint, JobFlags, JobKind, JobSpec, MailTypes, Memory, Owner, Per, Reason, Resources, Sharing,
    Streams, Uncommon,
};
use domain::{Gid, Text, TimeLimit, Uid};
use slurm_wire::flags::Flag;
use slurm_wire::job_info::JobInfo;
use slurm_wire::words::{JobShared, MailType};
use slurm_wire::{Flags, NoVal, hostlist};

/// What stands for no threads kept for the system.
const NO_THREADS: u16 = 32_766;

pub(super) fn spec(info: &JobInfo, reason: Reason) -> JobSpec {
    let owner = Owner {
        name: info.user_name.clone(),
        uid: Uid(info.user_id),
        gid: Gid(info.group_id),
        group: info.group_name.clone(),
    };
    let begin = time(info.eligible_time).filter(|_| reason == Reason::BeginTime);
    let uncommon = uncommon(info);
    JobSpec {
        owner,
        kind: if info.batch_flag { JobKind::Batch } else { JobKind::Allocation },
        name: info.name.clone(),
        account: info.account.clone(),
        partitions: names(&info.partition),
        qos: info.qos.clone(),
        wckey: info.wckey.clone(),
        work_dir: info.current_working_directory.clone(),
        streams: Streams {
            input: info.standard_input.clone(),
            output: info.standard_output.clone(),
            error: info.standard_error.clone(),
            ..Streams::default()
        },
        time_limit: match info.time_limit {
            NoVal::Set(minutes) => TimeLimit::Minutes(minutes),
            NoVal::Infinite | NoVal::Unset => TimeLimit::Unlimited,
        },
        time_minimum: info.time_minimum.unwrap_or(0),
        resources: resources(info),
        begin,
        deadline: time(info.deadline),
        nice: info.nice,
        fixed_priority: None,
        requeue: info.requeue,
        kill_on_node_fail: true,
        warning: None,
        flags: flags(info),
        comment: info.comment.clone(),
        command: info.command.clone(),
        uncommon: (uncommon != Uncommon::default()).then(|| Box::new(uncommon)),
    }
}

fn flags(info: &JobInfo) -> JobFlags {
    let known = |name: &str| JobFlags::ALL.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag);
    let said = info.flags.iter().filter_map(|flag| known(flag.name()));
    // What it says of where a job stands is told otherwise.
    let all = said.fold(JobFlags::default(), JobFlags::with);
    all.without(JobFlags::DEPENDENT).without(JobFlags::JOB_WAS_RUNNING)
}

fn resources(info: &JobInfo) -> Resources {
    let per_tres = [
        (&info.tres_per_job, Per::Job),
        (&info.tres_per_node, Per::Node),
        (&info.tres_per_socket, Per::Socket),
        (&info.tres_per_task, Per::Task),
    ];
    let nodes = |list: &Text| hostlist::expand(list).unwrap_or_default();
    Resources {
        min_nodes: info.node_count.unwrap_or(1).max(1),
        max_nodes: info.max_nodes.unwrap_or(0),
        tasks: info.tasks.number(),
        cpus_per_task: info.cpus_per_task.unwrap_or(0),
        min_cpus: info.cpus.unwrap_or(0),
        max_cpus: info.max_cpus.unwrap_or(0),
        min_cpus_per_node: info.minimum_cpus_per_node.unwrap_or(0),
        tasks_per_node: info.tasks_per_node.unwrap_or(0),
        tasks_per_socket: info.tasks_per_socket.unwrap_or(0),
        tasks_per_core: info.tasks_per_core.unwrap_or(0),
        tasks_per_board: info.tasks_per_board.unwrap_or(0),
        sockets_per_node: info.sockets_per_node.unwrap_or(0),
        cores_per_socket: info.cores_per_socket.unwrap_or(0),
        threads_per_core: info.threads_per_core.unwrap_or(0),
        memory: match (info.memory_per_node, info.memory_per_cpu) {
            (NoVal::Set(megabytes), _) => Memory::PerNode(megabytes),
            (_, NoVal::Set(megabytes)) => Memory::PerCpu(megabytes),
            _ => Memory::Default,
        },
        tmp_disk: info.minimum_tmp_disk_per_node.unwrap_or(0),
        constraint: constraint(&info.features),
        required_nodes: nodes(&info.required_nodes),
        excluded_nodes: nodes(&info.excluded_nodes),
        sharing: sharing(&info.shared),
        contiguous: info.contiguous,
        gres: per_tres.iter().flat_map(|(list, per)| gres(list, *per)).collect(),
        licenses: licenses(&info.licenses),
        any_license: info.licenses.contains('|'),
        ..Resources::default()
    }
}

fn constraint(written: &str) -> Option<Constraint> {
    if written.is_empty() { None } else { Constraint::parse(written).ok() }
}

fn sharing(shared: &Flags<JobShared>) -> Sharing {
    const WORDS: [(JobShared, Sharing); 5] = [
        (JobShared::Oversubscribe, Sharing::Oversubscribe),
        (JobShared::User, Sharing::SameUser),
        (JobShared::Mcs, Sharing::SameLabel),
        (JobShared::Topo, Sharing::Topology),
        (JobShared::None, Sharing::Exclusive),
    ];
    WORDS
        .into_iter()
        .find(|(word, _)| shared.contains(*word))
        .map_or(Sharing::Default, |(_, sharing)| sharing)
}

fn uncommon(info: &JobInfo) -> Uncommon {
    let mail_user = if info.mail_user == info.user_name { Text::default() } else { info.mail_user.clone() };
    Uncommon {
        admin_comment: info.admin_comment.clone(),
        extra: info.extra.clone(),
        mail_types: mail_types(&info.mail_type),
        mail_user,
        reservation: info.resv_name.clone(),
        licenses: info.licenses.clone(),
        prefer: constraint(&info.prefer),
        batch_features: info.batch_features.clone(),
        cluster_features: info.cluster_features.clone(),
        network: info.network.clone(),
        burst_buffer: info.burst_buffer.clone(),
        container: info.container.clone(),
        container_id: info.container_id.clone(),
        mcs_label: info.mcs_label.clone(),
        selinux_context: info.selinux_context.clone(),
        tres_per_job: info.tres_per_job.clone(),
        tres_per_node: info.tres_per_node.clone(),
        tres_per_socket: info.tres_per_socket.clone(),
        tres_per_task: info.tres_per_task.clone(),
        tres_bind: info.tres_bind.clone(),
        tres_freq: info.tres_freq.clone(),
        cpus_per_tres: info.cpus_per_tres.clone(),
        memory_per_tres: info.memory_per_tres.clone(),
        core_spec: Some(info.core_spec).filter(|cores| *cores > 0 && *cores < NO_THREADS),
        thread_spec: Some(info.thread_spec).filter(|threads| *threads < NO_THREADS),
        switches: info.required_switches,
        switch_wait: info.maximum_switch_wait_time,
        tasks_per_tres: info.tasks_per_tres.unwrap_or(0),
        delay_boot: info.delay_boot.unwrap_or(0),
        reboot: info.reboot,
        submit_line: info.submit_line.clone(),
        cron: info.cron.clone(),
        ..Uncommon::default()
    }
}

/// Both enumerations have the same order.
fn mail_types(types: &Flags<MailType>) -> MailTypes {
    MailTypes(types.iter().fold(0, |bits, kind| bits | 1_u16.checked_shl(kind.index() as u32).unwrap_or(0)))
}
