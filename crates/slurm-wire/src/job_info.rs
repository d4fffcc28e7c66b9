//! What the controller says of a job it has. What accounting remembers of one is in `accounting/job.rs`.

use crate::checked_text::{Sluid, StepName};
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::{Flags, OpenFlags};
use crate::job_resources::JobRes;
use crate::list::{CsvString, JobInfoGresDetail, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{JobFlag, JobShared, JobState, MailType, ProcessStatus, Profile};

object! {
    /// Jobs of the controller.
    reply JobInfoResp = "openapi_job_info_resp" {
        jobs: JobInfoMsg = required,
        last_backfill: NoVal<u64> = required,
        last_update: NoVal<u64> = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `power` of [`JobInfo`].
    reply inline JobInfoPower = "job_info_power" {
        flags: OpenFlags = deprecated,
    }
}

object! {
    /// A job of the controller.
    reply listed JobInfo = "job_info" {
        account: Text,
        accrue_time: NoVal<u64>,
        admin_comment: Text,
        allocating_node: Text,
        array_job_id: NoVal<u32>,
        array_task_id: NoVal<u32>,
        array_max_tasks: NoVal<u32>,
        array_task_string: Text,
        association_id: u32,
        batch_features: Text,
        batch_flag: bool,
        batch_host: Text,
        flags: Flags<JobFlag>,
        burst_buffer: Text,
        burst_buffer_state: Text,
        cluster: Text,
        cluster_features: Text,
        command: Text,
        comment: Text,
        container: Text,
        container_id: Text,
        container_type: Text = later,
        contiguous: bool,
        core_spec: u16,
        thread_spec: u16,
        cores_per_socket: NoVal<u16>,
        billable_tres: NoVal<f64>,
        cpus_per_task: NoVal<u16>,
        cpu_frequency_minimum: NoVal<u32>,
        cpu_frequency_maximum: NoVal<u32>,
        cpu_frequency_governor: NoVal<u32>,
        cpus_per_tres: Text,
        cron: Text,
        deadline: NoVal<u64>,
        delay_boot: NoVal<u32>,
        dependency: Text,
        derived_exit_code: ProcessExitCodeVerbose,
        eligible_time: NoVal<u64>,
        end_time: NoVal<u64>,
        excluded_nodes: Text,
        exit_code: ProcessExitCodeVerbose,
        extra: Text,
        failed_node: Text,
        features: Text,
        federation_origin: Text,
        federation_siblings_active: Text,
        federation_siblings_viable: Text,
        gres_detail: JobInfoGresDetail,
        group_id: u32,
        group_name: Text,
        het_job_id: NoVal<u32>,
        het_job_id_set: Text,
        het_job_offset: NoVal<u32>,
        job_id: u32,
        job_resources: Option<JobRes>,
        job_size_str: CsvString,
        job_state: Flags<JobState>,
        last_sched_evaluation: NoVal<u64>,
        licenses: Text,
        licenses_allocated: Text,
        mail_type: Flags<MailType>,
        mail_user: Text,
        max_cpus: NoVal<u32>,
        max_nodes: NoVal<u32>,
        mcs_label: Text,
        memory_per_tres: Text,
        memory_update_delay: u32 = later,
        memory_update_margin: u32 = later,
        name: Text,
        network: Text,
        nodes: Text,
        nice: i32,
        tasks_per_core: NoVal<u16>,
        tasks_per_tres: NoVal<u16>,
        tasks_per_node: NoVal<u16>,
        tasks_per_socket: NoVal<u16>,
        tasks_per_board: NoVal<u16>,
        cpus: NoVal<u32>,
        node_count: NoVal<u32>,
        tasks: NoVal<u32>,
        partition: Text,
        prefer: Text,
        memory_per_cpu: NoVal<u64>,
        memory_per_node: NoVal<u64>,
        minimum_cpus_per_node: NoVal<u16>,
        minimum_tmp_disk_per_node: NoVal<u32>,
        power: JobInfoPower,
        preempt_time: NoVal<u64>,
        preemptable_time: NoVal<u64>,
        pre_sus_time: NoVal<u64>,
        hold: bool,
        priority: NoVal<u32>,
        priority_by_partition: PriorityByPartition,
        profile: Flags<Profile>,
        qos: Text,
        reboot: bool,
        required_nodes: Text,
        required_switches: u32,
        requeue: bool,
        resize_time: NoVal<u64>,
        restart_cnt: u32,
        resv_name: Text,
        scheduled_nodes: Text,
        segment_size: u32,
        selinux_context: Text,
        shared: Flags<JobShared>,
        step_id: SlurmStepId,
        sockets_per_board: u32,
        sockets_per_node: NoVal<u16>,
        start_time: NoVal<u64>,
        state_description: Text,
        state_reason: Text,
        standard_input: Text,
        standard_output: Text,
        standard_error: Text,
        stdin_expanded: Text,
        stdout_expanded: Text,
        stderr_expanded: Text,
        submit_time: NoVal<u64>,
        submit_line: Text,
        suspend_time: NoVal<u64>,
        system_comment: Text,
        time_limit: NoVal<u32>,
        time_minimum: NoVal<u32>,
        threads_per_core: NoVal<u16>,
        tres_bind: Text,
        tres_freq: Text,
        tres_per_job: Text,
        tres_per_node: Text,
        tres_per_socket: Text,
        tres_per_task: Text,
        tres_req_str: Text,
        tres_alloc_str: Text,
        user_id: u32,
        user_name: Text,
        maximum_switch_wait_time: u32,
        wckey: Text,
        current_working_directory: Text,
    }
}

object! {
    /// Part `signal` of [`ProcessExitCodeVerbose`].
    both inline ProcessExitCodeVerboseSignal, ProcessExitCodeVerboseSignalInput = "process_exit_code_verbose_signal" {
        id: NoVal<u16>,
        name: Text,
    }
}

object! {
    /// How a process ended.
    both ProcessExitCodeVerbose, ProcessExitCodeVerboseInput = "process_exit_code_verbose" {
        status: Flags<ProcessStatus>,
        return_code: NoVal<u32>,
        signal: ProcessExitCodeVerboseSignal,
    }
}

object! {
    /// The priority of a job in one of its partitions.
    reply PartPrio = "part_prio" {
        partition: Text,
        priority: u32,
    }
}

object! {
    /// A step by its parts.
    both SlurmStepId, SlurmStepIdInput = "slurm_step_id" {
        sluid: Sluid,
        job_id: NoVal<u32>,
        step_het_component: NoVal<u32>,
        step_id: StepName,
    }
}

lists! {
    /// Jobs of the controller.
    JobInfoMsg, JobInfoMsgKind of JobInfo = "job_info_msg", read_plain;
    /// The priorities of a job in its partitions.
    PriorityByPartition, PriorityByPartitionKind of PartPrio = "priority_by_partition", read_plain;
}
