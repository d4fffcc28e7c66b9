//! Counters of the database daemon.

use crate::envelope::{Errors, Meta, Warnings};
use crate::list::{lists, read_plain};
use crate::object::{is_deprecated, is_documented, is_required, json_key, key, object};
use crate::scalar::Text;

object! {
    /// Counters of the database daemon.
    reply SlurmdbdStatsResp = "openapi_slurmdbd_stats_resp" {
        statistics: StatsRec = required,
        meta: Meta,
        errors: Errors,
        warnings: Warnings,
    }
}

object! {
    /// Counters of the database daemon.
    reply StatsRec = "stats_rec" {
        time_start: i64,
        rollups: RollupStats,
        rpcs "RPCs": StatsRpcList,
        users: StatsUserList,
    }
}

object! {
    /// Part `hourly/duration` of [`RollupStats`].
    reply inline RollupStatsHourlyDuration = "rollup_stats_hourly_duration" {
        last: i64,
        max: i64,
        time: i64,
    }
}

object! {
    /// Part `hourly` of [`RollupStats`].
    reply inline RollupStatsHourly = "rollup_stats_hourly" {
        count: u32,
        last_run: i64,
        duration: RollupStatsHourlyDuration,
    }
}

object! {
    /// Part `daily/duration` of [`RollupStats`].
    reply inline RollupStatsDailyDuration = "rollup_stats_daily_duration" {
        last: i64,
        max: i64,
        time: i64,
    }
}

object! {
    /// Part `daily` of [`RollupStats`].
    reply inline RollupStatsDaily = "rollup_stats_daily" {
        count: u32,
        last_run: i64,
        duration: RollupStatsDailyDuration,
    }
}

object! {
    /// Part `monthly/duration` of [`RollupStats`].
    reply inline RollupStatsMonthlyDuration = "rollup_stats_monthly_duration" {
        last: i64,
        max: i64,
        time: i64,
    }
}

object! {
    /// Part `monthly` of [`RollupStats`].
    reply inline RollupStatsMonthly = "rollup_stats_monthly" {
        count: u32,
        last_run: i64,
        duration: RollupStatsMonthlyDuration,
    }
}

object! {
    /// How long the sums of usage take.
    reply RollupStats = "rollup_stats" {
        hourly: RollupStatsHourly,
        daily: RollupStatsDaily,
        monthly: RollupStatsMonthly,
    }
}

object! {
    /// Part `time` of [`StatsRpc`].
    reply inline StatsRpcTime = "stats_rpc_time" {
        average: i64,
        total: i64,
    }
}

object! {
    /// What one kind of request cost.
    reply StatsRpc = "stats_rpc" {
        rpc: Text,
        count: u32,
        time: StatsRpcTime,
    }
}

object! {
    /// Part `time` of [`StatsUser`].
    reply inline StatsUserTime = "stats_user_time" {
        average: i64,
        total: i64,
    }
}

object! {
    /// What the requests of one user cost.
    reply StatsUser = "stats_user" {
        user: Text,
        count: u32,
        time: StatsUserTime,
    }
}

lists! {
    /// What requests cost, kind by kind.
    StatsRpcList, StatsRpcListKind of StatsRpc = "stats_rpc_list", read_plain;
    /// What requests cost, user by user.
    StatsUserList, StatsUserListKind of StatsUser = "stats_user_list", read_plain;
}
