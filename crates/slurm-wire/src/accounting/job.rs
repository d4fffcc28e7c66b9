//! What accounting remembers of a job, and what may be changed afterwards. Its steps are in `step.rs`.

use crate::accounting::association::AssocShort;
use crate::accounting::step::StepList;
use crate::accounting::tres::TresList;
use crate::envelope::{Errors, Meta, Warnings};
use crate::flags::Flags;
use crate::job_info::ProcessExitCodeVerbose;
use crate::list::{SelectedStepList, StringList, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;
use crate::words::{AccountingJobFlag, JobState, WckeyTagFlag};

/// What the original's database calls a job that has no name.
pub const NAMELESS: &str = "allocation";

object! {
    /// Jobs of accounting.
    reply SlurmdbdJobsResp = "openapi_slurmdbd_jobs_resp" {
        jobs: JobList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Part `comment` of [`Job`].
    reply inline JobComment = "job_comment" {
        administrator: Text,
        job: Text,
        system: Text,
    }
}

object! {
    /// Part `array/limits/max/running` of [`Job`].
    reply inline JobArrayLimitsMaxRunning = "job_array_limits_max_running" {
        tasks: u32,
    }
}

object! {
    /// Part `array/limits/max` of [`Job`].
    reply inline JobArrayLimitsMax = "job_array_limits_max" {
        running: JobArrayLimitsMaxRunning,
    }
}

object! {
    /// Part `array/limits` of [`Job`].
    reply inline JobArrayLimits = "job_array_limits" {
        max: JobArrayLimitsMax,
    }
}

object! {
    /// Part `array` of [`Job`].
    reply inline JobArray = "job_array" {
        job_id: u32,
        limits: JobArrayLimits,
        task_id: NoVal<u32>,
        task: Text,
    }
}

object! {
    /// Part `time/system` of [`Job`].
    reply inline JobTimeSystem = "job_time_system" {
        seconds: i64,
        microseconds: i64,
    }
}

object! {
    /// Part `time/total` of [`Job`].
    reply inline JobTimeTotal = "job_time_total" {
        seconds: i64,
        microseconds: i64,
    }
}

object! {
    /// Part `time/user` of [`Job`].
    reply inline JobTimeUser = "job_time_user" {
        seconds: i64,
        microseconds: i64,
    }
}

object! {
    /// Part `time` of [`Job`].
    reply inline JobTime = "job_time" {
        elapsed: u32,
        eligible: i64,
        end: i64,
        planned: NoVal<u64>,
        start: i64,
        submission: i64,
        suspended: u32,
        system: JobTimeSystem,
        limit: NoVal<u32>,
        total: JobTimeTotal,
        user: JobTimeUser,
    }
}

object! {
    /// Part `het` of [`Job`].
    reply inline JobHet = "job_het" {
        job_id: u32,
        job_offset: NoVal<u32>,
    }
}

object! {
    /// Part `mcs` of [`Job`].
    reply inline JobMcs = "job_mcs" {
        label: Text,
    }
}

object! {
    /// Part `required` of [`Job`].
    reply inline JobRequired = "job_required" {
        cpus "CPUs": u32,
        memory_per_cpu: NoVal<u64>,
        memory_per_node: NoVal<u64>,
    }
}

object! {
    /// Part `reservation` of [`Job`].
    reply inline JobReservation = "job_reservation" {
        id: u32,
        name: Text,
        requested: Text,
    }
}

object! {
    /// Part `state` of [`Job`].
    reply inline JobStatePart = "job_state" {
        current: Flags<JobState>,
        reason: Text,
    }
}

object! {
    /// Part `tres` of [`Job`].
    reply inline JobTres = "job_tres" {
        allocated: TresList,
        requested: TresList,
    }
}

object! {
    /// A job of accounting.
    reply listed Job = "job" {
        account: Text,
        comment: JobComment,
        allocation_nodes: u32,
        array: JobArray,
        association: AssocShort,
        block: Text,
        cluster: Text,
        constraints: Text,
        container: Text,
        sluid: Text = later,
        derived_exit_code: ProcessExitCodeVerbose,
        time: JobTime,
        exclusive: Text = later,
        exit_code: ProcessExitCodeVerbose,
        extra: Text,
        failed_node: Text,
        flags: Flags<AccountingJobFlag>,
        group: Text,
        het: JobHet,
        job_id: u32,
        name: Text,
        licenses: Text,
        mcs: JobMcs,
        nodes: Text,
        oversubscribe: Text = later,
        partition: Text,
        hold: bool,
        priority: NoVal<u32>,
        qos: Text,
        qosreq: Text,
        required: JobRequired,
        kill_request_user: Text,
        restart_cnt: u32,
        reservation: JobReservation,
        script: Text,
        segment_size: u32,
        original_sluid: Text = later,
        stdin_expanded: Text,
        stdout_expanded: Text,
        stderr_expanded: Text,
        stdout: Text,
        stderr: Text,
        stdin: Text,
        state: JobStatePart,
        steps: StepList,
        submit_line: Text,
        tres: JobTres,
        used_gres: Text,
        user: Text,
        wckey: WckeyTagStruct,
        working_directory: Text,
    }
}

object! {
    /// A workload key, and whether it was assumed.
    reply WckeyTagStruct = "wckey_tag_struct" {
        wckey: Text = required,
        flags: Flags<WckeyTagFlag> = required,
    }
}

object! {
    /// Part `comment` of [`JobModify`].
    request inline JobModifyComment = "job_modify_comment" {
        administrator: Text,
        job: Text,
        system: Text,
    }
}

object! {
    /// Part `tres` of [`JobModify`].
    request inline JobModifyTres = "job_modify_tres" {
        allocated: TresList,
    }
}

object! {
    /// What shall become different about a job that accounting has.
    request JobModify = "job_modify" {
        comment: JobModifyComment,
        derived_exit_code: ProcessExitCodeVerbose,
        extra: Text,
        tres: JobModifyTres,
        wckey: Text,
    }
}

object! {
    /// Jobs of accounting, and what shall become different about them.
    request JobModifyReq = "openapi_job_modify_req" {
        job_id_list: SelectedStepList,
        job_rec: JobModify,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// What became of the change of jobs of accounting.
    reply JobModifyResp = "openapi_job_modify_resp" {
        results: StringList = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

lists! {
    /// Jobs of accounting.
    JobList, JobListKind of Job = "job_list", read_plain;
}
