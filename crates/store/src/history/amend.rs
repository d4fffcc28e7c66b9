//! Notes about attempts that have ended, on a connection of their own: SQLite lets them and the recorder take turns.

use crate::database::Database;
use crate::failure::{failed, unreadable};
use crate::row::{decode, encoded};
use domain::history::Amendment;
use domain::ports::StoreError;
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use std::path::Path;

/// Writes notes beside those that are there; they are safe when this returns.
pub(super) fn write(path: &Path, amendments: &[(u64, Amendment)]) -> Result<(), StoreError> {
    let mut connection = Database::History.writable(path)?;
    let mut unread = Ok(());
    let mut write = || -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", "full")?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let find = "SELECT m.body FROM past p LEFT JOIN amendment m ON m.id = p.id WHERE p.id = ?1";
        for (row, later) in amendments {
            let row = i64::try_from(*row).unwrap_or(i64::MAX);
            let found = transaction.prepare_cached(find)?;
            let found: Option<Option<Vec<u8>>> = { found }.query_row([row], |row| row.get(0)).optional()?;
            let Some(before) = found else { continue };
            let mut amendment = match before.as_deref().map(decode::<Amendment>).transpose() {
                Ok(before) => before.unwrap_or_default(),
                Err(error) => {
                    unread = Err(unreadable(format!("what was noted about row {row}"), error));
                    return Ok(());
                }
            };
            amendment.merge(later);
            let put = "INSERT OR REPLACE INTO amendment (id, body) VALUES (?1, ?2)";
            transaction.prepare_cached(put)?.execute(params![row, encoded(&amendment)])?;
        }
        transaction.commit()
    };
    write().map_err(|error| failed("amend history", path, error))?;
    unread
}
