//! Looks up what was used, where a list shall tell it.

use crate::slurm::call::Call;
use crate::slurm::from_wire::accounting::usage_wanted;
use domain::history::{Almanac, Grouping, UsageLine, UsageWanted};
use slurm_wire::error_number as number;
use slurm_wire::no_val::UnixTime;
use std::sync::Arc;

/// Sums up by these fields, within the time of a query; `None` if history cannot be read, which is reported.
pub(super) async fn used(
    call: &mut Call<'_>,
    (start, end): (Option<UnixTime>, Option<UnixTime>),
    by: Grouping,
    failure: (&'static str, &'static str),
) -> Option<Vec<UsageLine>> {
    let (site, now) = (Arc::clone(call.site), call.now);
    let summed = tokio::task::spawn_blocking(move || {
        let mut almanac = Almanac::of(Arc::clone(site.jobs.calendar()));
        let wanted = UsageWanted { by, ..usage_wanted(start, end, now, &mut almanac) };
        site.jobs.report(&wanted)
    });
    match summed.await {
        Ok(Ok(lines)) => return Some(lines),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "usage cannot be read");
        }
        Err(error) => tracing::error!(%error, "a sum of usage broke off"),
    }
    call.numbered(number::DATABASE_CONNECTION, failure.0, failure.1);
    None
}
