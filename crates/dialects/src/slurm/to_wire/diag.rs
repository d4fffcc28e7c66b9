//! Counters of controller and scheduler.

use super::time;
use crate::slurm::counters::Counters;
use domain::Timestamp;
use domain::state::{PassStatistics, Snapshot};
use slurm_wire::NoVal;
use slurm_wire::diag::{StatsMsg, StatsMsgRpcType, StatsMsgRpcUser};

/// Describes what has been counted.
pub(in crate::slurm) fn statistics(snapshot: &Snapshot, counters: &Counters, now: Timestamp) -> StatsMsg {
    let counted = &snapshot.statistics;
    let since = counted.since;
    let mut stats = StatsMsg {
        req_time: time(now),
        req_time_start: time(since),
        server_thread_count: 1,
        jobs_submitted: small(counted.submitted),
        jobs_started: small(counted.started),
        jobs_completed: small(counted.completed),
        jobs_canceled: small(counted.canceled),
        jobs_failed: small(counted.failed),
        jobs_pending: small(counted.pending),
        jobs_running: small(counted.running),
        job_states_ts: time(counted.counted_at),
        bf_backfilled_jobs: small(counted.ever_backfilled),
        bf_last_backfilled_jobs: small(counted.backfilled),
        bf_backfilled_het_jobs: small(counted.backfilled_components),
        ..StatsMsg::default()
    };
    main_scheduler(&mut stats, &counted.main, since, now);
    backfill(&mut stats, &counted.backfill);
    requests(&mut stats, counters);
    stats
}

fn main_scheduler(stats: &mut StatsMsg, passes: &PassStatistics, since: Timestamp, now: Timestamp) {
    stats.schedule_cycle_max = small(passes.longest);
    stats.schedule_cycle_last = small(passes.last);
    stats.schedule_cycle_sum = large(passes.micros);
    stats.schedule_cycle_total = small(passes.passes);
    stats.schedule_cycle_mean = mean(passes.micros, passes.passes);
    stats.schedule_cycle_mean_depth = mean(passes.depth, passes.passes);
    stats.schedule_cycle_per_minute = mean(passes.passes, now.since(since).as_secs() / 60);
    stats.schedule_cycle_depth = small(passes.depth);
    stats.schedule_exit.end_job_queue = small(passes.to_end);
    stats.schedule_exit.default_queue_depth = small(passes.full_depth);
    stats.schedule_exit.max_job_start = small(passes.full_starts);
    stats.schedule_queue_length = small(passes.last_queue);
}

fn backfill(stats: &mut StatsMsg, passes: &PassStatistics) {
    stats.bf_cycle_counter = small(passes.passes);
    stats.bf_cycle_mean = mean(passes.micros, passes.passes);
    stats.bf_cycle_sum = large(passes.micros);
    stats.bf_cycle_last = small(passes.last);
    stats.bf_cycle_max = small(passes.longest);
    stats.bf_depth_mean = mean(passes.depth, passes.passes);
    stats.bf_depth_mean_try = stats.bf_depth_mean;
    stats.bf_depth_sum = small(passes.depth);
    stats.bf_depth_try_sum = small(passes.depth);
    stats.bf_last_depth = small(passes.last_depth);
    stats.bf_last_depth_try = small(passes.last_depth);
    stats.bf_queue_len = small(passes.last_queue);
    stats.bf_queue_len_sum = small(passes.queue);
    stats.bf_queue_len_mean = mean(passes.queue, passes.passes);
    stats.bf_exit.end_job_queue = small(passes.to_end);
    stats.bf_exit.bf_max_job_test = small(passes.full_depth);
    stats.bf_exit.bf_max_job_start = small(passes.full_starts);
    stats.bf_exit.bf_max_time = small(passes.full_work);
    stats.bf_table_size = small(passes.last_table);
    stats.bf_table_size_sum = small(passes.table);
    stats.bf_table_size_mean = mean(passes.table, passes.passes);
    stats.bf_when_last_cycle = time(passes.last_at);
}

fn requests(stats: &mut StatsMsg, counters: &Counters) {
    let kinds = counters.controller.kinds().into_iter().map(|tally| StatsMsgRpcType {
        type_id: tally.type_id,
        message_type: tally.message_type.into(),
        count: small(tally.count),
        total_time: large(tally.micros),
        average_time: average(tally.micros, tally.count),
        ..StatsMsgRpcType::default()
    });
    stats.rpcs_by_message_type = kinds.collect();
    let users = counters.controller.users().into_iter().map(|(user_id, tally)| StatsMsgRpcUser {
        user_id,
        user: tally.name,
        count: small(tally.count),
        total_time: large(tally.micros),
        average_time: average(tally.micros, tally.count),
    });
    stats.rpcs_by_user = users.collect();
}

fn average(sum: u64, count: u64) -> NoVal<u64> {
    NoVal::from(sum.checked_div(count).filter(|_| sum > 0))
}

fn mean(sum: u64, count: u64) -> i64 {
    large(sum.checked_div(count).unwrap_or(0))
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn large(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
