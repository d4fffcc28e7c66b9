//! `GET ping/`, `GET diag/` and `GET reconfigure/`. None reads parameters.

use crate::http::answer::Answer;
use crate::slurm::call::Call;
use crate::slurm::to_wire;
use domain::Error;
use domain::ports::Clock;
use slurm_wire::diag::DiagResp;
use slurm_wire::ping::PingArrayResp;

/// Says that the controller answers. The original lets any token in here, and shows it a controller that is down.
pub(super) fn ping(call: Call<'_>) -> Answer {
    let snapshot = call.site.jobs.snapshot();
    let took = call.site.jobs.clock().now().since(call.now).as_micros();
    let micros = i64::try_from(took).unwrap_or(i64::MAX);
    let pings = to_wire::pings(&snapshot.cluster.host, call.asker.is_some(), micros);
    call.answer(PingArrayResp { pings: pings.into(), ..PingArrayResp::default() })
}

/// Shows what has been counted.
pub(super) fn diag(mut call: Call<'_>) -> Answer {
    let why = "slurm_get_statistics() failed to get slurmctld statistics";
    if call.trusted(why, "op_handler_diag").is_none() {
        return call.fail();
    }
    let site = call.site;
    let snapshot = site.jobs.snapshot();
    let mut statistics = to_wire::statistics(&snapshot, &site.counters, call.now);
    statistics.gettimeofday_latency = clock_latency(&**site.jobs.clock());
    call.answer(DiagResp { statistics, ..DiagResp::default() })
}

/// Measures what a thousand looks at the clock take, in microseconds.
fn clock_latency(clock: &dyn Clock) -> u32 {
    let begun = std::time::Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(clock.now());
    }
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}

/// Reads the configuration anew.
pub(super) async fn reconfigure(mut call: Call<'_>) -> Answer {
    let (failed, source) = ("slurm_reconfigure() failed", "op_handler_reconfigure");
    let Some(by) = call.trusted(failed, source) else { return call.fail() };
    if let Err(why) = call.site.jobs.reconfigure(&by).await {
        // The original's answer says no more than that; its log does.
        if !matches!(why, Error::Forbidden(_)) {
            call.report.warn(why.to_string(), source);
        }
        call.refused(&why, failed, source);
    }
    call.fail()
}
