//! A transaction of the single writer. SQLite understands its words once, and not anew for every batch as with
//! rusqlite's own.

use rusqlite::Connection;
use tracing::warn;

/// A transaction that is open; dropped without a commit it is taken back.
pub(super) struct Transaction<'a>(&'a Connection);

impl<'a> Transaction<'a> {
    /// Opens one and keeps other writers out.
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(Transaction(connection))
    }

    /// Makes it last.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("COMMIT")?.execute([]).map(|_| ())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        // After a commit, and where SQLite has taken it back by itself, there is nothing left to do.
        if !self.0.is_autocommit()
            && let Err(error) = self.0.execute_batch("ROLLBACK")
        {
            warn!(error = &error as &dyn std::error::Error, "a batch could not be taken back");
        }
    }
}
