//! Counters of the controller.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{HostlistString, lists, read_plain};
use crate::no_val::NoVal;
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// Counters of the controller.
    reply DiagResp = "openapi_diag_resp" {
        statistics: StatsMsg = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Counters of the controller.
    reply StatsMsg = "stats_msg" {
        parts_packed: u32 = deprecated,
        req_time: NoVal<u64>,
        req_time_start: NoVal<u64>,
        server_thread_count: u32,
        agent_queue_size: u32,
        agent_count: u32,
        agent_thread_count: u32,
        dbd_agent_queue_size: u32,
        gettimeofday_latency: u32,
        schedule_cycle_max: u32,
        schedule_cycle_last: u32,
        schedule_cycle_sum: i64,
        schedule_cycle_total: u32,
        schedule_cycle_mean: i64,
        schedule_cycle_mean_depth: i64,
        schedule_cycle_per_minute: i64,
        schedule_cycle_depth: u32,
        schedule_exit: ScheduleExitFields,
        schedule_queue_length: u32,
        jobs_submitted: u32,
        jobs_started: u32,
        jobs_completed: u32,
        jobs_canceled: u32,
        jobs_failed: u32,
        jobs_pending: u32,
        jobs_running: u32,
        job_states_ts: NoVal<u64>,
        bf_backfilled_jobs: u32,
        bf_last_backfilled_jobs: u32,
        bf_backfilled_het_jobs: u32,
        bf_cycle_counter: u32,
        bf_cycle_mean: i64,
        bf_depth_mean: i64,
        bf_depth_mean_try: i64,
        bf_cycle_sum: i64,
        bf_cycle_last: u32,
        bf_cycle_max: u32,
        bf_exit: BfExitFields,
        bf_last_depth: u32,
        bf_last_depth_try: u32,
        bf_depth_sum: u32,
        bf_depth_try_sum: u32,
        bf_queue_len: u32,
        bf_queue_len_mean: i64,
        bf_queue_len_sum: u32,
        bf_table_size: u32,
        bf_table_size_sum: u32,
        bf_table_size_mean: i64,
        bf_when_last_cycle: NoVal<u64>,
        bf_active: bool,
        rpcs_by_message_type: StatsMsgRpcsByType,
        rpcs_by_user: StatsMsgRpcsByUser,
        pending_rpcs: StatsMsgRpcsQueue,
        pending_rpcs_by_hostlist: StatsMsgRpcsDump,
    }
}

object! {
    /// Why the main scheduler ended its cycles.
    reply ScheduleExitFields = "schedule_exit_fields" {
        end_job_queue: u32,
        default_queue_depth: u32,
        max_job_start: u32,
        max_rpc_cnt: u32,
        max_sched_time: u32,
        licenses: u32,
    }
}

object! {
    /// Why the backfill scheduler ended its cycles.
    reply BfExitFields = "bf_exit_fields" {
        end_job_queue: u32,
        bf_max_job_start: u32,
        bf_max_job_test: u32,
        bf_max_time: u32,
        bf_node_space_size: u32,
        state_changed: u32,
    }
}

object! {
    /// What one kind of request cost.
    reply StatsMsgRpcType = "stats_msg_rpc_type" {
        type_id: u32 = required,
        message_type: Text = required,
        count: u32 = required,
        queued: u32 = required,
        dropped: i64 = required,
        cycle_last: u32 = required,
        cycle_max: u32 = required,
        total_time: i64 = required,
        average_time: NoVal<u64> = required,
    }
}

object! {
    /// What the requests of one user cost.
    reply StatsMsgRpcUser = "stats_msg_rpc_user" {
        user_id: u32 = required,
        user: Text = required,
        count: u32 = required,
        total_time: i64 = required,
        average_time: NoVal<u64> = required,
    }
}

object! {
    /// How many requests of a kind wait.
    reply StatsMsgRpcQueue = "stats_msg_rpc_queue" {
        type_id: u32 = required,
        message_type: Text = required,
        count: u32 = required,
    }
}

object! {
    /// The nodes that requests of a kind wait for.
    reply StatsMsgRpcDump = "stats_msg_rpc_dump" {
        type_id: u32 = required,
        message_type: Text = required,
        count: HostlistString = required,
    }
}

lists! {
    /// What requests cost, kind by kind.
    StatsMsgRpcsByType, StatsMsgRpcsByTypeKind of StatsMsgRpcType = "stats_msg_rpcs_by_type", read_plain;
    /// What requests cost, user by user.
    StatsMsgRpcsByUser, StatsMsgRpcsByUserKind of StatsMsgRpcUser = "stats_msg_rpcs_by_user", read_plain;
    /// The requests that wait, kind by kind.
    StatsMsgRpcsQueue, StatsMsgRpcsQueueKind of StatsMsgRpcQueue = "stats_msg_rpcs_queue", read_plain;
    /// The nodes that requests wait for, kind by kind.
    StatsMsgRpcsDump, StatsMsgRpcsDumpKind of StatsMsgRpcDump = "stats_msg_rpcs_dump", read_plain;
}
