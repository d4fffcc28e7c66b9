//! Reads history, and the scripts of jobs that live: from any thread, without waiting for the writer.

use super::known::{Known, Memories};
use super::record::{COLUMNS, FROM, Restorer};
use super::{amend, chronicle, step, usage, walk};
use crate::content::{Content, Packed};
use crate::database::{Readers, Unread};
use crate::progress::Progress;
use crate::writer::{Parts, read_parts};
use domain::history::{
    Almanac, Amendment, Booking, Deed, During, Episode, Gathered, Order, Purged, UsageWanted, Wanted,
};
use domain::job::{Payload, Phase};
use domain::ports::{Calendar, Closed, ClosedStep, History, Key, Recorded, StoreError};
use domain::{JobId, Timestamp};
use rusqlite::{Connection, params_from_iter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// History shows an attempt a moment after its end is committed; readers wait for that, but not for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers questions about finished jobs. Copies share their connections.
#[derive(Clone)]
pub struct Reader {
    queue: Readers,
    history: Readers,
    memories: Memories,
    path: Arc<Path>,
    progress: Arc<Progress>,
    calendar: Arc<dyn Calendar>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    /// Makes a reader; databases are opened when they are needed.
    pub(crate) fn of(
        queue: PathBuf,
        history: PathBuf,
        progress: Arc<Progress>,
        calendar: Arc<dyn Calendar>,
    ) -> Self {
        let path = Arc::from(history.as_path());
        let memories = Memories::default();
        Reader {
            queue: Readers::of(queue),
            history: Readers::of(history),
            memories,
            path,
            progress,
            calendar,
        }
    }

    /// Reads with what earlier readers have seen.
    fn read<T>(
        &self,
        what: &'static str,
        reading: impl FnOnce(&Connection, &mut Known) -> Result<T, Unread>,
    ) -> Result<T, StoreError> {
        self.memories.with(|known| self.history.read(what, |connection| reading(connection, known)))
    }

    /// Waits until history shows what has been committed by now, or once more could not be made to.
    fn catch_up(&self) {
        let reached = self.progress.reached();
        let committed = reached.committed;
        if reached.recorded >= committed {
            return;
        }
        self.progress.set(|reached| {
            reached.asked = reached.asked.max(committed);
            reached.failing = false;
        });
        self.progress.wait_at_most(PATIENCE, |reached| {
            reached.recorded < committed && !reached.failing && !reached.stopping
        });
    }
}

/// Reads the attempts of rows; those that are not there are left out.
pub(super) fn recorded(
    connection: &Connection,
    rows: impl IntoIterator<Item = u64>,
) -> Result<Vec<Recorded>, Unread> {
    recorded_with(connection, &mut Known::default(), rows)
}

/// Rows this close together are read in one go, passing by what lies between them.
const CLOSE: i64 = 4;

fn recorded_with(
    connection: &Connection,
    known: &mut Known,
    rows: impl IntoIterator<Item = u64>,
) -> Result<Vec<Recorded>, Unread> {
    let sql = format!("SELECT {COLUMNS} FROM {FROM} WHERE p.id BETWEEN ?1 AND ?2 ORDER BY p.id");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut restorer = Restorer::of(connection, known)?;
    let rows = rows.into_iter().map(|row| i64::try_from(row).unwrap_or(i64::MAX));
    let mut places: Vec<(i64, usize)> = rows.enumerate().map(|(place, row)| (row, place)).collect();
    places.sort_unstable();
    let mut found: Vec<Option<Recorded>> = places.iter().map(|_| None).collect();
    for run in places.chunk_by(|(one, _), (next, _)| one < next && next - one <= CLOSE) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else { continue };
        let mut there = statement.query([first, last])?;
        let mut missing = run.iter().peekable();
        while let Some(row) = there.next()? {
            let id: i64 = row.get(0)?;
            while missing.next_if(|(wanted, _)| *wanted < id).is_some() {}
            if let Some((_, place)) = missing.next_if(|(wanted, _)| *wanted == id)
                && let Some(found) = found.get_mut(*place)
            {
                *found = Some(restorer.recorded(row)?);
            }
        }
    }
    Ok(found.into_iter().flatten().collect())
}

impl History for Reader {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        let wanted = Wanted {
            jobs: vec![(id, None)],
            order: Order::OldestFirst,
            limit: usize::MAX,
            ..Wanted::default()
        };
        let mut closed: Vec<Closed> = self.search(&wanted)?.into_iter().map(|found| found.closed).collect();
        // What was reported late was recorded late.
        closed.sort_by_key(|closed| match &closed.job.phase {
            Phase::Ended(ended) => (ended.ended, closed.job.restarts),
            _ => (Timestamp::NEVER, closed.job.restarts),
        });
        Ok(closed)
    }

    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError> {
        let mut all = Vec::new();
        self.each(wanted, &mut |found| {
            all.extend(found);
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    fn each(
        &self,
        wanted: &Wanted,
        take: &mut dyn FnMut(Vec<Recorded>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.catch_up();
        self.read("read history", |connection, known| {
            walk::rows(connection, wanted, &mut |rows| {
                Ok(take(recorded_with(connection, known, rows.iter().copied())?))
            })
        })
    }

    fn keys(&self, wanted: &Wanted) -> Result<Vec<Key>, StoreError> {
        if wanted.limit == 0 {
            return Ok(Vec::new());
        }
        self.catch_up();
        self.history.read("read history", |connection| walk::keys(connection, wanted))
    }

    fn rows(&self, rows: &[u64]) -> Result<Vec<Recorded>, StoreError> {
        self.read("read history", |connection, known| recorded_with(connection, known, rows.iter().copied()))
    }

    fn amend(&self, amendments: &[(u64, Amendment)]) -> Result<(), StoreError> {
        amend::write(&self.path, Arc::clone(&self.calendar), amendments)
    }

    fn purged(&self) -> Purged {
        self.progress.purged_so_far()
    }

    fn usage(&self, wanted: &UsageWanted) -> Result<Gathered, StoreError> {
        self.catch_up();
        let mut almanac = Almanac::of(Arc::clone(&self.calendar));
        self.history.read("read usage", |connection| usage::usage(connection, wanted, &mut almanac))
    }

    fn episodes(&self, during: &During) -> Result<Vec<Episode>, StoreError> {
        self.catch_up();
        self.history.read("read events", |connection| chronicle::episodes(connection, during))
    }

    fn bookings(&self, during: &During) -> Result<Vec<Booking>, StoreError> {
        self.catch_up();
        self.history.read("read reservations", |connection| chronicle::bookings(connection, during))
    }

    fn deeds(&self, during: &During) -> Result<Vec<Deed>, StoreError> {
        self.catch_up();
        self.history.read("read transactions", |connection| chronicle::deeds(connection, during))
    }

    fn waited(&self, during: &During) -> Result<Vec<(i64, i64)>, StoreError> {
        self.catch_up();
        self.history.read("read usage", |connection| chronicle::waited(connection, during))
    }

    fn steps(&self, id: JobId) -> Result<Vec<ClosedStep>, StoreError> {
        self.catch_up();
        self.read("read steps", |connection, known| step::of_jobs(connection, known, &[id]))
    }

    fn steps_of(&self, jobs: &[JobId]) -> Result<Vec<ClosedStep>, StoreError> {
        self.catch_up();
        self.read("read steps", |connection, known| step::of_jobs(connection, known, jobs))
    }

    fn payload(&self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        let live = self.queue.read("read a script", |connection| {
            payload_by(
                connection,
                "SELECT script, environment, arguments FROM job WHERE id = ?1",
                "SELECT script, environment, arguments FROM job WHERE array = ?1 LIMIT 1",
                id,
            )
        })?;
        if let Some(payload) = live {
            return Ok(payload);
        }
        self.catch_up();
        let finished = self.history.read("read a script", |connection| {
            payload_by(
                connection,
                "SELECT script, environment, arguments FROM past WHERE job = ?1 ORDER BY id DESC LIMIT 1",
                "SELECT script, environment, arguments FROM past WHERE array = ?1 ORDER BY id DESC LIMIT 1",
                id,
            )
        })?;
        finished.ok_or(StoreError::Missing(id))
    }
}

/// Reads the payload of the attempt in a row.
pub(super) fn payload_of(connection: &Connection, row: u64) -> Result<Option<Payload>, Unread> {
    let sql = "SELECT script, environment, arguments FROM past WHERE id = ?1";
    let mut statement = connection.prepare_cached(sql)?;
    let mut parts =
        statement.query_map([i64::try_from(row).unwrap_or(i64::MAX)], |row| read_parts(row, 0))?;
    let parts = parts.next().transpose()?.flatten();
    parts.map(|parts| payload(connection, parts)).transpose()
}

/// Reads the payload that one of two statements finds, the first one first.
fn payload_by(
    connection: &Connection,
    by_job: &str,
    by_array: &str,
    id: JobId,
) -> Result<Option<Arc<Payload>>, Unread> {
    for sql in [by_job, by_array] {
        let mut statement = connection.prepare_cached(sql)?;
        let parts =
            statement.query_map(params_from_iter([id.0]), |row| read_parts(row, 0))?.next().transpose()?;
        if let Some(Some(parts)) = parts {
            return payload(connection, parts).map(|payload| Some(Arc::new(payload)));
        }
    }
    Ok(None)
}

fn payload(connection: &Connection, parts: Parts) -> Result<Payload, Unread> {
    let packed = |id: i64| -> rusqlite::Result<Option<Packed>> {
        if id == 0 {
            return Ok(None);
        }
        let mut statement =
            connection.prepare_cached("SELECT codec, size, body FROM content WHERE id = ?1")?;
        statement.query_row([id], |row| Packed::from_columns(row, 0)).map(Some)
    };
    Ok(Payload {
        script: packed(parts.script)?.map(Content::script).transpose()?.unwrap_or_default(),
        environment: packed(parts.environment)?.map(Content::lines).transpose()?.unwrap_or_default(),
        arguments: packed(parts.arguments)?.map(Content::lines).transpose()?.unwrap_or_default(),
    })
}
