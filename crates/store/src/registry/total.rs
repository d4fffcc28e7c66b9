//! How many records a list has altogether: from groups alone, from groups and spans of time, or along the rows.

use super::desk::Monitored;
use super::list;
use super::spans::{Counts, Spans};
use crate::database::{Database, Unread};
use domain::monitoring::RecordsWanted;
use domain::ports::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, PoisonError};

impl Monitored {
    /// Counts what is wanted, whatever part of it a page shows.
    pub(super) fn total(&self, wanted: &RecordsWanted) -> Result<u64, StoreError> {
        let groups = self.meant(wanted);
        let window = list::window(wanted);
        if window.is_some() {
            self.count_spans();
        }
        let parts = window.and_then(|window| match &self.seen().spans {
            Spans::Known(counts) => Some(window.parts(counts, &groups)),
            Spans::Unasked | Spans::Counting(_) => None,
        });
        self.readers.read("count records", |connection| match parts {
            Some(parts) => parts.total(connection, &groups),
            None => list::count(connection, &groups, wanted),
        })
    }

    /// Counts how many records started when, if nobody has; others count along the rows meanwhile.
    fn count_spans(&self) {
        if !matches!(self.seen().spans, Spans::Unasked) {
            return;
        }
        let counted = match self.before_all_others() {
            Ok(None) => return,
            Ok(Some(connection)) => Counts::read(&connection).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &counted {
            tracing::warn!(%error, "records could not be counted by their starts");
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.spans.settle(counted.ok());
    }

    /// Returns a connection that sees what was there before a transaction: whatever this and later ones change is noted from
    /// here on. `None` if somebody was faster.
    fn before_all_others(&self) -> Result<Option<Connection>, StoreError> {
        let (seen, path) = (Arc::clone(&self.seen), self.readers.path());
        self.ask(move |_| {
            let mut seen = seen.write().unwrap_or_else(PoisonError::into_inner);
            if !matches!(seen.spans, Spans::Unasked) {
                return Ok(None);
            }
            let connection = Database::readable(&path)?;
            connection.execute_batch("BEGIN; SELECT 1 FROM record LIMIT 1").map_err(Unread::from)?;
            seen.spans = Spans::Counting(Vec::new());
            Ok(Some(connection))
        })
    }
}
