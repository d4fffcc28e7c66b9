//! What a client says of a job when it submits or changes it.

use crate::checked_number::{CoreSpecification, Nice, ThreadSpecification};
use crate::checked_text::{CpuFrequency, Crontab, Distribution, GroupName, NodeCounts, SignalName, UserName};
use crate::flags::{Flags, OpenFlags};
use crate::job_info::SlurmStepId;
use crate::list::{CsvString, StringArray, lists, read_plain};
use crate::no_val::{MemoryMb, NoVal, TimeNoVal, UnixTime};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{
    CpuBindingFlag, CronFlag, JobFlag, JobShared, KillFlag, MailType, MemoryBindingFlag, OpenMode, Profile,
    X11Forward,
};

object! {
    /// Part `rlimits` of [`JobDescMsg`].
    request inline JobDescMsgRlimits = "job_desc_msg_rlimits" {
        cpu: NoVal<u64>,
        fsize: NoVal<u64>,
        data: NoVal<u64>,
        stack: NoVal<u64>,
        core: NoVal<u64>,
        rss: NoVal<u64>,
        nproc: NoVal<u64>,
        nofile: NoVal<u64>,
        memlock: NoVal<u64>,
        address_space "as": NoVal<u64>,
    }
}

object! {
    /// A job as its submitter describes it; in a change only what shall become different.
    request JobDescMsg = "job_desc_msg" {
        account: Text,
        account_gather_frequency: Text,
        admin_comment: Text,
        allocation_node_list: Text,
        allocation_node_port: u16,
        argv: StringArray,
        array: Text,
        batch_features: Text,
        begin_time: TimeNoVal,
        flags: Flags<JobFlag>,
        burst_buffer: Text,
        clusters: Text,
        cluster_constraint: Text,
        comment: Text,
        contiguous: bool,
        container: Text,
        container_id: Text,
        container_type: Text = later,
        core_specification: CoreSpecification,
        thread_specification: ThreadSpecification,
        cpu_binding: Text,
        cpu_binding_flags: Flags<CpuBindingFlag>,
        cpu_frequency: CpuFrequency,
        cpus_per_tres: Text,
        crontab: Crontab,
        deadline: UnixTime,
        delay_boot: u32,
        dependency: Text,
        end_time: UnixTime,
        environment: StringArray,
        rlimits: JobDescMsgRlimits,
        excluded_nodes: CsvString,
        extra: Text,
        constraints: Text,
        group_id: GroupName,
        hetjob_group: u32,
        immediate: bool,
        job_id: u32,
        kill_on_node_fail: bool,
        licenses: Text,
        mail_type: Flags<MailType>,
        mail_user: Text,
        mcs_label: Text,
        memory_binding: Text,
        memory_binding_type: Flags<MemoryBindingFlag>,
        memory_per_tres: Text,
        memory_update_margin: u32 = later,
        memory_update_delay: u32 = later,
        name: Text,
        network: Text,
        nice: Nice,
        tasks: u32,
        oom_kill_step: u16,
        open_mode: Flags<OpenMode>,
        reserve_ports: u16,
        overcommit: bool,
        partition: Text,
        distribution_plane_size: NoVal<u16>,
        power_flags: OpenFlags = deprecated,
        prefer: Text,
        hold: bool,
        priority: NoVal<u32>,
        profile: Flags<Profile>,
        qos: Text,
        reboot: bool,
        required_nodes: CsvString,
        requeue: bool,
        reservation: Text,
        script: Text,
        shared: Flags<JobShared>,
        site_factor: i32,
        spank_environment: StringArray,
        step_id: SlurmStepId,
        distribution: Distribution,
        time_limit: NoVal<u32>,
        time_minimum: NoVal<u32>,
        tres_bind: Text,
        tres_freq: Text,
        tres_per_job: Text,
        tres_per_node: Text,
        tres_per_socket: Text,
        tres_per_task: Text,
        user_id: UserName,
        wait_all_nodes: bool,
        kill_warning_flags: Flags<KillFlag>,
        kill_warning_signal: SignalName,
        kill_warning_delay: NoVal<u16>,
        current_working_directory: Text,
        cpus_per_task: u16,
        minimum_cpus: u32,
        maximum_cpus: u32,
        nodes: NodeCounts,
        minimum_nodes: u32,
        maximum_nodes: u32,
        minimum_boards_per_node: u16,
        minimum_sockets_per_board: u16,
        sockets_per_node: u16,
        cores_per_socket: u16 = later,
        threads_per_core: u16,
        tasks_per_node: u16,
        tasks_per_socket: u16,
        tasks_per_core: u16,
        tasks_per_board: u16,
        ntasks_per_tres: u16,
        minimum_cpus_per_node: u16,
        memory_per_cpu: MemoryMb,
        memory_per_node: MemoryMb,
        temporary_disk_per_node: u32,
        selinux_context: Text,
        required_switches: NoVal<u32>,
        segment_size: NoVal<u16>,
        standard_error: Text,
        standard_input: Text,
        standard_output: Text,
        wait_for_switch: u32,
        wckey: Text,
        x11: Flags<X11Forward>,
        x11_magic_cookie: Text,
        x11_target_host: Text,
        x11_target_port: u16,
    }
}

object! {
    /// Part `line` of [`CronEntry`].
    request inline CronEntryLine = "cron_entry_line" {
        start: u32,
        end: u32,
    }
}

object! {
    /// When a job of `scrontab` runs.
    request CronEntry = "cron_entry" {
        flags: Flags<CronFlag>,
        minute: Text,
        hour: Text,
        day_of_month: Text,
        month: Text,
        day_of_week: Text,
        specification: Text,
        command: Text,
        line: CronEntryLine,
    }
}

lists! {
    /// The components of a heterogeneous job.
    JobDescMsgList, JobDescMsgListKind of JobDescMsg = "job_desc_msg_list", read_plain;
}
