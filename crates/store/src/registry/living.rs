//! Records that are not over, in memory as of the last commit: schedulers' adapters ask for all of them all the time.

use super::record::{living_numbers, row_number, without_words};
use super::tags;
use crate::database::Unread;
use domain::monitoring::{Record, RecordId, RecordsWanted};
use rusqlite::Connection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where there are more, somebody forgets to end jobs: then lists come from the tables.
const MOST: usize = 100_000;

/// Records that are not over, with their tags but without what is told of them in words.
#[derive(Clone, Debug, Default)]
pub(super) struct Living {
    by_start: BTreeMap<(i64, i64), Arc<Record>>,
    starts: HashMap<i64, i64>,
    are_too_many: bool,
}

impl Living {
    /// Reads them all.
    pub(super) fn read(connection: &Connection) -> Result<Self, Unread> {
        let mut living = Living::default();
        let numbers = living_numbers(connection, MOST + 1)?;
        living.refresh(connection, &numbers)?;
        Ok(living)
    }

    /// Takes in one that has just been made.
    pub(super) fn begin(&mut self, record: Record) {
        if !self.are_too_many && !record.state.is_over() {
            self.keep(Record { meta: BTreeMap::new(), ..record });
        }
    }

    fn keep(&mut self, record: Record) {
        let id = row_number(record.id);
        self.starts.insert(id, record.start_time);
        self.by_start.insert((record.start_time, id), Arc::new(record));
        if self.starts.len() > MOST {
            tracing::warn!(most = MOST, "more jobs run than anybody ends: lists of them take longer");
            *self = Living { are_too_many: true, ..Living::default() };
        }
    }

    /// Reads some of them anew.
    pub(super) fn refresh(&mut self, connection: &Connection, touched: &[i64]) -> Result<(), Unread> {
        for id in touched {
            if let Some(start) = self.starts.remove(id) {
                self.by_start.remove(&(start, *id));
            }
            if self.are_too_many {
                continue;
            }
            let number = RecordId(u64::try_from(*id).unwrap_or(0));
            let Some(kept) = without_words(connection, number)? else { continue };
            if kept.record.state.is_over() {
                continue;
            }
            let tags = tags::of(connection, *id)?;
            self.keep(Record { tags, ..kept.record });
        }
        Ok(())
    }

    /// Lists those that are wanted, in order; `None` if they are not all of those that could be.
    pub(super) fn list(&self, wanted: &RecordsWanted) -> Option<Vec<Arc<Record>>> {
        let lives = !wanted.states.is_empty() && wanted.states.iter().all(|state| !state.is_over());
        if self.are_too_many || wanted.with_meta || !lives {
            return None;
        }
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let meant = self.by_start.values().rev().filter(|record| wanted.mean(record));
        Some(meant.skip(count(wanted.skip)).take(wanted.most.map_or(usize::MAX, count)).cloned().collect())
    }
}
