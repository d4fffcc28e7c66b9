//! Connections to the databases, and their schemas. Migrations only add; the position in the list is the version.

use crate::failure::{OpenError, failed};
use crate::row::{Stored, way_in};
use domain::job::WayIn;
use domain::ports::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};
use rusqlite_migration::{HookResult, M, Migrations};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longer than any checkpoint that stops the writer for a moment.
const BUSY: Duration = Duration::from_secs(30);
/// Connections kept for readers; more are opened when more read at once.
const KEPT_READERS: usize = 4;
/// Memory of a reader for pages, kilobytes, as far as it needs that: enough for all inner pages of ten million attempts
/// and for words they share, beside the rows of a search that passes by, so that what is looked for is one read away.
const READER_CACHE: i64 = 24 << 10;
/// Bytes of a page where rows are a few thousand bytes long.
const SMALL_PAGE: i64 = 512;

/// Which of the databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// The live jobs.
    Queue,
    /// Finished attempts.
    History,
    /// Measured values.
    Metrics,
    /// Monitored jobs.
    Monitor,
    /// What dialects keep for themselves.
    Shelf,
}

impl Database {
    /// Returns the name of its file.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Database::Queue => "queue.db",
            Database::History => "history.db",
            Database::Metrics => "metrics.db",
            Database::Monitor => "monitor.db",
            Database::Shelf => "shelf.db",
        }
    }

    fn steps(self) -> Vec<M<'static>> {
        match self {
            Database::Queue => vec![
                M::up(include_str!("schema/queue_1.sql")),
                M::up(include_str!("schema/queue_2.sql")),
                M::up(include_str!("schema/queue_3.sql")),
                M::up(include_str!("schema/queue_4.sql")),
                M::up(include_str!("schema/queue_5.sql")),
                M::up(include_str!("schema/queue_6.sql")),
                M::up(include_str!("schema/queue_7.sql")),
                M::up(include_str!("schema/queue_8.sql")),
            ],
            Database::History => vec![
                M::up(include_str!("schema/history_1.sql")),
                M::up(include_str!("schema/history_2.sql")),
                M::up(include_str!("schema/history_3.sql")),
                M::up(include_str!("schema/history_4.sql")),
                M::up_with_hook(include_str!("schema/history_5.sql"), find_ways_in),
                M::up(include_str!("schema/history_6.sql")),
                M::up(include_str!("schema/history_7.sql")),
                M::up(include_str!("schema/history_8.sql")),
            ],
            Database::Metrics => {
                vec![M::up(include_str!("schema/metrics_1.sql")), M::up(include_str!("schema/metrics_2.sql"))]
            }
            Database::Monitor => vec![
                M::up(include_str!("schema/monitor_1.sql")),
                M::up(include_str!("schema/monitor_2.sql")),
                M::up(include_str!("schema/monitor_3.sql")),
            ],
            Database::Shelf => vec![M::up(include_str!("schema/shelf_1.sql"))],
        }
    }

    /// Opens the database for writing and brings its schema up to date.
    pub(crate) fn migrated(self, path: &Path) -> Result<Connection, StoreError> {
        let mut connection = self.writable(path)?;
        let migration = |source| OpenError::Migration { path: path.into(), source: Box::new(source) };
        let steps = self.steps();
        let known = steps.len() as i64;
        let migrations = Migrations::new(steps);
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(|error| failed("open a database", path, error))?;
        if version > known {
            return Err(OpenError::Later { path: path.into(), found: version, known }.into());
        }
        migrations.to_latest(&mut connection).map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => failed("migrate a database", path, err),
            error => migration(error).into(),
        })?;
        Ok(connection)
    }

    /// Opens the database for writing, as it is.
    pub(crate) fn writable(self, path: &Path) -> Result<Connection, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            prepare_for_work(&connection)?;
            if self == Database::Metrics {
                // Stretches of values end somewhere in a page. Has an effect before there is anything in the file.
                connection.pragma_update(None, "page_size", SMALL_PAGE)?;
            }
            connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
            // What history has is in queue.db until it is safe, and measured values are in a log of their own.
            let is_answered_for = matches!(self, Database::Queue | Database::Monitor | Database::Shelf);
            let synchronous = if is_answered_for { "full" } else { "normal" };
            connection.pragma_update(None, "synchronous", synchronous)?;
            Ok(connection)
        };
        open().map_err(|error| failed("open a database", path, error))
    }

    /// Opens the database for reading only.
    pub(crate) fn readable(path: &Path) -> Result<Connection, StoreError> {
        let open = || -> rusqlite::Result<Connection> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let connection = Connection::open_with_flags(path, flags)?;
            prepare_for_work(&connection)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE)?;
            Ok(connection)
        };
        open().map_err(|error| failed("open a database", path, error))
    }
}

/// Keeps statements, as they were planned once. Without the second, SQLite plans a statement anew for each value that its
/// plan might depend on, such as every `LIMIT ?`.
fn prepare_for_work(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Writes down how the turns of older attempts came, as far as it was not in order: only their records say so. One that
/// cannot be read stays as it is.
fn find_ways_in(history: &Transaction<'_>) -> HookResult {
    let mut put = history.prepare("UPDATE past SET way = ?2 WHERE id = ?1")?;
    let mut statement = history.prepare("SELECT id, body FROM past WHERE ran IS NOT NULL")?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        if let Ok(Some(way)) = way_in(body)
            && way != WayIn::InOrder
        {
            found.push((row.get::<_, i64>(0)?, way.to_row()));
        }
    }
    for row in found {
        put.execute(row)?;
    }
    Ok(())
}

/// Connections for readers on any thread.
#[derive(Clone, Debug)]
pub(crate) struct Readers {
    path: Arc<Path>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    /// Makes readers of the database at `path`; nothing is opened yet.
    pub(crate) fn of(path: PathBuf) -> Self {
        Readers { path: path.into(), idle: Arc::default() }
    }

    /// Returns where the database is.
    pub(crate) fn path(&self) -> Arc<Path> {
        Arc::clone(&self.path)
    }

    /// Reads, saying `what` was tried if SQLite fails.
    pub(crate) fn read<T>(
        &self,
        what: &'static str,
        reading: impl FnOnce(&Connection) -> Result<T, Unread>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| Database::readable(&self.path), Ok)?;
        let answer = read_at_once(&connection, reading);
        // A connection that failed may be in a bad state: the next reader shall have a fresh one.
        if answer.is_ok() {
            let mut idle = self.idle();
            if idle.len() < KEPT_READERS {
                idle.push(connection);
            }
        }
        answer.map_err(|unread| match unread {
            Unread::Sqlite(error) => failed(what, &self.path, error),
            Unread::Store(error) => error,
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what was there at one moment: SQLite would else take and give back its locks for every statement.
fn read_at_once<T>(
    connection: &Connection,
    reading: impl FnOnce(&Connection) -> Result<T, Unread>,
) -> Result<T, Unread> {
    let transaction = connection.unchecked_transaction()?;
    let answer = reading(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

/// Why something was not read: SQLite failed, or what it gave made no sense.
#[derive(Debug)]
pub(crate) enum Unread {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for Unread {
    fn from(error: rusqlite::Error) -> Self {
        Unread::Sqlite(error)
    }
}

impl From<StoreError> for Unread {
    fn from(error: StoreError) -> Self {
        Unread::Store(error)
    }
}
