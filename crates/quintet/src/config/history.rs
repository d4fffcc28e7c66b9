//! `[history]`: how long what is kept, as slurmdbd's Purge*After and Archive* say it.

use super::ConfigError;
use super::file::HistoryTable;
use super::units::Age;
use domain::ports::Clock;
use std::path::Path;
use std::sync::Arc;
use store::{Keep, Retention};

/// Returns how long history is kept by a service with its state in a folder.
pub(super) fn retention(table: &HistoryTable, state: &Path, clock: Arc<dyn Clock>) -> Retention {
    let keep = |after: Option<Age>, archived| after.map(|after| Keep { age: after.0, archived });
    let usage = |own: Option<Age>| keep(own.or(table.purge_usage_after), table.archive_usage);
    Retention {
        jobs: keep(table.purge_job_after, table.archive_jobs),
        steps: keep(table.purge_step_after, table.archive_steps),
        hours: usage(table.purge_hourly_usage_after),
        days: usage(table.purge_daily_usage_after),
        months: usage(None),
        events: keep(table.purge_event_after, table.archive_events),
        reservations: keep(table.purge_resv_after, table.archive_resvs),
        transactions: keep(table.purge_txn_after, table.archive_txn),
        ..Retention::for_ever(table.archive_dir.clone().unwrap_or_else(|| state.join("archive")), clock)
    }
}

/// Looks whether it makes sense.
///
/// # Errors
/// If a short sum would be kept longer than the long ones, which reports need to go on from.
pub(super) fn check(table: &HistoryTable) -> Result<(), ConfigError> {
    let HistoryTable { purge_hourly_usage_after: hourly, purge_daily_usage_after: daily, .. } = table;
    let all = table.purge_usage_after;
    let is_longer = |one: Option<Age>, other: Option<Age>| match (one, other) {
        (Some(one), Some(other)) => one.0 > other.0,
        _ => false,
    };
    if is_longer(*hourly, all) || is_longer(*daily, all) || is_longer(*hourly, daily.or(all)) {
        let why =
            "usage by the hour must not be kept longer than by the day, and that not longer than all of it";
        return Err(ConfigError::unfit("[history]", why));
    }
    Ok(())
}
