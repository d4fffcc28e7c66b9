//! Notes about attempts that have ended, on a connection of their own: SQLite lets them and the recorder take turns. What
//! they move from one to another moves in the sums of usage, too.

use super::reader::recorded;
use super::shared::{Class, Seen};
use super::tally::{Tally, Way};
use crate::database::{Database, Unread};
use crate::failure::failed;
use crate::row::encoded;
use domain::Text;
use domain::history::Amendment;
use domain::ports::{Calendar, StoreError};
use rusqlite::{Transaction, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;

/// Writes notes beside those that are there; they are safe when this returns.
pub(super) fn write(
    path: &Path,
    calendar: Arc<dyn Calendar>,
    amendments: &[(u64, Amendment)],
) -> Result<(), StoreError> {
    let mut connection = Database::History.writable(path)?;
    let write = || -> Result<(), Unread> {
        connection.pragma_update(None, "synchronous", "full")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut amending = Amending {
            seen: Seen::default(),
            tally: Tally::of(calendar),
            uncounted: uncounted(&transaction)?,
        };
        for (row, later) in amendments {
            amending.one(&transaction, *row, later)?;
        }
        amending.tally.write(&transaction)?;
        Ok(transaction.commit()?)
    };
    write().map_err(|unread| match unread {
        Unread::Sqlite(error) => failed("amend history", path, error),
        Unread::Store(error) => error,
    })
}

/// Rows that are not in the sums yet.
fn uncounted(history: &Transaction<'_>) -> rusqlite::Result<(i64, i64)> {
    history.query_row("SELECT upto, until FROM counted", [], |row| Ok((row.get(0)?, row.get(1)?)))
}

struct Amending {
    seen: Seen,
    tally: Tally,
    uncounted: (i64, i64),
}

impl Amending {
    fn one(&mut self, history: &Transaction<'_>, row: u64, later: &Amendment) -> Result<(), Unread> {
        let Some(before) = recorded(history, [row])?.pop() else { return Ok(()) };
        let mut amendment = before.amendment.as_deref().cloned().unwrap_or_default();
        amendment.merge(later);
        let number = i64::try_from(row).unwrap_or(i64::MAX);
        let put = "INSERT OR REPLACE INTO amendment (id, body) VALUES (?1, ?2)";
        history.prepare_cached(put)?.execute(params![number, encoded(&amendment)])?;
        if let Some(wckey) = &later.wckey {
            self.put_under(history, number, wckey)?;
        }
        let is_counted = number <= self.uncounted.0 || number > self.uncounted.1;
        let moves = later.wckey.is_some() || later.allocated.is_some();
        if !is_counted || !moves {
            return Ok(());
        }
        let Amending { seen, tally, .. } = self;
        let of = &before.closed;
        tally.count(history, seen, (&of.job, &of.also), before.amendment.as_deref(), Way::Back)?;
        for after in recorded(history, [row])? {
            let of = &after.closed;
            tally.count(history, seen, (&of.job, &of.also), after.amendment.as_deref(), Way::Again)?;
        }
        Ok(())
    }

    /// Has an attempt found under its new workload key from now on.
    fn put_under(&mut self, history: &Transaction<'_>, row: i64, wckey: &Text) -> Result<(), Unread> {
        let own = "SELECT class FROM past WHERE id = ?1";
        let class: i64 = history.prepare_cached(own)?.query_row([row], |row| row.get(0))?;
        let class = Class { wckey: wckey.clone(), ..Class::read(history, class)? };
        let class = self.seen.class(history, class)?;
        history.prepare_cached("UPDATE past SET class = ?2 WHERE id = ?1")?.execute([row, class])?;
        Ok(())
    }
}
