//! `GET ping/` and `GET diag/` of accounting. Neither reads parameters.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire;
use slurm_wire::accounting::stats::SlurmdbdStatsResp;
use slurm_wire::error_number as number;
use slurm_wire::ping::SlurmdbdPingResp;

/// Says that accounting answers; with a token that does not hold it seems not to.
pub(super) fn ping(call: Call<'_>) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let took = call.site.jobs.clock().now().since(call.now).as_micros();
    let micros = i64::try_from(took).unwrap_or(i64::MAX);
    let pings = to_wire::accounting::pings(&snapshot.cluster.host, call.asker.is_some(), micros);
    call.answer(SlurmdbdPingResp { pings: pings.into(), ..SlurmdbdPingResp::default() })
}

/// Shows what was asked of accounting, to operators.
pub(super) fn diag(mut call: Call<'_>) -> Answer {
    let Some(asker) = call.admitted() else { return call.fail() };
    if !asker.is_operator() {
        call.report.error(number::ACCESS_DENIED, "stats query failed", "slurmdb_get_stats");
        return call.fail();
    }
    let statistics = to_wire::accounting::statistics(&call.site.counters, call.site.started);
    call.answer(SlurmdbdStatsResp { statistics, ..SlurmdbdStatsResp::default() })
}
