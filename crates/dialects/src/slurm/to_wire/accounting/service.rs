//! Whether accounting answers, and what was asked of it.

use crate::slurm::counters::Counters;
use domain::{Text, Timestamp};
use slurm_wire::accounting::stats::{StatsRec, StatsRpc, StatsUser};
use slurm_wire::ping::SlurmdbdPing;

/// Describes the only database there is.
pub(in crate::slurm) fn pings(host: &Text, answers: bool, micros: i64) -> Vec<SlurmdbdPing> {
    vec![SlurmdbdPing {
        hostname: host.clone(),
        responding: answers,
        status: Text::const_new(if answers { "No error" } else { "Protocol authentication error" }),
        latency: micros,
        primary: true,
    }]
}

/// Describes what has been counted since the start.
pub(in crate::slurm) fn statistics(counters: &Counters, since: Timestamp) -> StatsRec {
    let mut stats = StatsRec { time_start: since.seconds(), ..StatsRec::default() };
    let kinds = counters.accounting.kinds().into_iter().map(|tally| {
        let mut told =
            StatsRpc { rpc: tally.message_type.into(), count: small(tally.count), ..StatsRpc::default() };
        (told.time.average, told.time.total) = (mean(tally.micros, tally.count), large(tally.micros));
        told
    });
    stats.rpcs = kinds.collect();
    let users = counters.accounting.users().into_values().map(|tally| {
        let mut told = StatsUser { user: tally.name, count: small(tally.count), ..StatsUser::default() };
        (told.time.average, told.time.total) = (mean(tally.micros, tally.count), large(tally.micros));
        told
    });
    stats.users = users.collect();
    stats
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
