//! Counts attempts that are older than the sums of usage, some of them at a time, so that nothing waits for it: at the
//! first start after an update, and never again.

use super::reader::recorded;
use super::shared::Seen;
use super::tally::{Tally, Way};
use crate::database::Unread;
use crate::failure::failed;
use domain::ports::{Recorded, StoreError};
use rusqlite::Connection;
use std::path::Path;
use tracing::{info, warn};

/// Attempts counted in one transaction: some tens of milliseconds.
const AT_ONCE: i64 = 2_000;

/// How much is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    Nothing,
    Something,
}

/// Tells whether there is something left to count.
pub(super) fn left(history: &Connection) -> rusqlite::Result<Left> {
    let sql = "SELECT upto < until, until - upto FROM counted";
    let (more, rows): (bool, i64) = history.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if more {
        info!(attempts = rows, "usage of older attempts is being summed up");
    }
    Ok(if more { Left::Something } else { Left::Nothing })
}

/// Counts the next ones.
pub(super) fn next(
    history: &mut Connection,
    path: &Path,
    seen: &mut Seen,
    tally: &mut Tally,
) -> Result<Left, StoreError> {
    let mut count = || -> Result<Left, Unread> {
        let transaction = history.transaction()?;
        let (upto, until): (i64, i64) =
            transaction
                .query_row("SELECT upto, until FROM counted", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let last = until.min(upto.saturating_add(AT_ONCE));
        for found in readable(&transaction, upto + 1..=last)? {
            let closed = &found.closed;
            tally.count(
                &transaction,
                seen,
                (&closed.job, &closed.also),
                found.amendment.as_deref(),
                Way::First,
            )?;
        }
        tally.write(&transaction)?;
        transaction.execute("UPDATE counted SET upto = ?1", [last])?;
        transaction.commit()?;
        Ok(if last < until { Left::Something } else { Left::Nothing })
    };
    let left = count().map_err(|unread| match unread {
        Unread::Sqlite(error) => failed("sum up usage", path, error),
        Unread::Store(error) => error,
    });
    match &left {
        Ok(Left::Nothing) => info!("usage of older attempts is summed up"),
        Ok(Left::Something) => {}
        Err(_) => tally.forget(),
    }
    left
}

/// Reads attempts; one that cannot be understood is left out of the sums, with a line in the log.
fn readable(history: &Connection, rows: std::ops::RangeInclusive<i64>) -> Result<Vec<Recorded>, Unread> {
    let number = |row: i64| u64::try_from(row).unwrap_or(0);
    match recorded(history, rows.clone().map(number)) {
        Err(Unread::Store(_)) => {}
        all => return all,
    }
    let mut found = Vec::new();
    for row in rows {
        match recorded(history, [number(row)]) {
            Ok(one) => found.extend(one),
            Err(Unread::Store(error)) => {
                warn!(row, error = &error as &dyn std::error::Error, "an attempt is not counted");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
