//! The live jobs: the store's side for the single writer. Everything is in queue.db when [`Store::commit`] returns, and
//! on the disk when [`Store::sync`] does; what has ended goes on to history.db from there, by the recorder's own thread.

mod commit;
mod ledger;
mod load;
mod recent;
mod transaction;
mod undo;

pub(crate) use ledger::{NO_JOB, NO_SPEC, Parts};
pub(crate) use load::read_parts;

use crate::Options;
use crate::checkpoint::Checkpointer;
use crate::content::{Content, Packed, Packer};
use crate::database::Database;
use crate::directory::Directory;
use crate::failure::failed;
use crate::history::Recorder;
use crate::progress::Progress;
use commit::{NotRecorded, Recording, Statements};
use domain::job::Payload;
use domain::ports::{Batch, Saved, Store, StoreError};
use domain::{JobId, Text};
use ledger::Ledger;
use recent::Recent;
use rusqlite::Connection;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing::warn;
use transaction::Transaction;

/// Bytes a commit writes beside its rows, roughly.
const COMMIT_WEIGHT: usize = 8 << 10;

/// Remembers the live jobs. There is one in a directory at a time.
pub struct Writer {
    path: PathBuf,
    connection: Connection,
    /// The log that commits are written to; opened by the first who wants it safe.
    log: Option<File>,
    ledger: Ledger,
    /// What was found at the start, until somebody asks for it.
    found: Option<Saved>,
    recent: Recent,
    packer: Packer,
    progress: Arc<Progress>,
    recorder: Option<Recorder>,
    checkpointer: Checkpointer,
    // The last to go: then others may have the directory.
    directory: Directory,
}

impl Writer {
    /// Returns where a database of this directory is, and makes sure that it is there.
    pub(crate) fn database(&self, which: Database) -> Result<PathBuf, StoreError> {
        Ok(self.directory.database(which.file())?)
    }

    /// Opens queue.db and starts the threads beside the writer.
    pub(crate) fn open(
        directory: Directory,
        queue: PathBuf,
        history: PathBuf,
        progress: Arc<Progress>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let connection = Database::Queue.migrated(&queue)?;
        let configure = || -> rusqlite::Result<()> {
            // Another thread does it.
            connection.pragma_update(None, "wal_autocheckpoint", 0)?;
            // A commit writes the log and leaves the disk to `sync`.
            connection.pragma_update(None, "synchronous", "normal")?;
            if let Some(most) = options.most_queue_pages {
                connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))?;
            }
            Ok(())
        };
        configure().map_err(|error| failed("open a database", &queue, error))?;
        let mut ledger = Ledger::new();
        let found = load::load(&connection, &queue, &mut ledger)?;
        progress.set(|reached| reached.committed = ledger.last_closed());
        let recorder = Recorder::start(queue.clone(), history, Arc::clone(&progress), options)?;
        let checkpointer = Checkpointer::start(&queue)?;
        Ok(Writer {
            path: queue,
            connection,
            log: None,
            ledger,
            found: Some(found),
            recent: Recent::new(options.recent_bytes),
            packer: Packer::new(),
            progress,
            recorder: Some(recorder),
            checkpointer,
            directory,
        })
    }

    fn content<T>(
        &mut self,
        id: i64,
        held: impl Fn(Content) -> Option<T>,
        unpack: impl Fn(Packed) -> Result<T, StoreError>,
        hold: impl Fn(&T) -> Content,
    ) -> Result<Option<T>, StoreError> {
        if id == 0 {
            return Ok(None);
        }
        if let Some(content) = self.recent.content(id).and_then(held) {
            return Ok(Some(content));
        }
        let read = |connection: &Connection| {
            let mut statement =
                connection.prepare_cached("SELECT codec, size, body FROM content WHERE id = ?1")?;
            statement.query_row([id], |row| Packed::from_columns(row, 0))
        };
        let packed = read(&self.connection).map_err(|error| failed("read a script", &self.path, error))?;
        let content = unpack(packed)?;
        self.recent.keep(id, hold(&content));
        Ok(Some(content))
    }

    fn script(&mut self, id: i64) -> Result<Arc<[u8]>, StoreError> {
        let held = |content| match content {
            Content::Script(script) => Some(script),
            Content::Lines(_) => None,
        };
        let script = self.content(id, held, Content::script, |script| Content::Script(Arc::clone(script)))?;
        Ok(script.unwrap_or_default())
    }

    fn lines(&mut self, id: i64) -> Result<Arc<[Text]>, StoreError> {
        let held = |content| match content {
            Content::Script(_) => None,
            Content::Lines(lines) => Some(lines),
        };
        let lines = self.content(id, held, Content::lines, |lines| Content::Lines(Arc::clone(lines)))?;
        Ok(lines.unwrap_or_default())
    }

    /// Commits a batch, and what the store itself has to put in order.
    fn record(&mut self, batch: &Batch) -> Result<(), StoreError> {
        let Writer { path, connection, ledger, recent, packer, progress, .. } = self;
        let sqlite = |error| failed("commit", path, error);
        let connection = &*connection;
        let transaction = Transaction::begin(connection).map_err(sqlite)?;
        let mut recording = Recording {
            statements: Statements::of(connection).map_err(sqlite)?,
            ledger,
            recent,
            packer,
            synced: progress.reached().synced,
            row: Vec::with_capacity(1024),
            written: COMMIT_WEIGHT,
        };
        let recorded = recording.record(batch);
        let written = recording.written;
        drop(recording);
        // Without a commit the transaction is rolled back where it is dropped.
        let done = match recorded {
            Ok(()) => transaction.commit().map_err(sqlite),
            Err(NotRecorded::Sqlite(error)) => Err(sqlite(error)),
            Err(error) => Err(StoreError::Failed { what: "commit", source: Box::new(error) }),
        };
        match done {
            Ok(()) => ledger.keep(),
            Err(_) => ledger.undo(),
        }
        done?;
        // Not true any more.
        self.found = None;
        if !batch.closed.is_empty() || !batch.steps.is_empty() || !batch.occurrence.is_nothing() {
            progress.commit(ledger.last_closed());
        }
        self.checkpointer.wrote(written);
        Ok(())
    }
}

/// Names a file that SQLite keeps beside a database.
fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

impl Drop for Writer {
    fn drop(&mut self) {
        // History takes in what has ended; then nothing of it is left for the next start.
        self.recorder = None;
        if let Err(error) = self.record(&Batch::default()) {
            warn!(error = &error as &dyn std::error::Error, "the store could not be tidied up");
        }
    }
}

impl Store for Writer {
    fn load(&mut self) -> Result<Saved, StoreError> {
        match self.found.take() {
            Some(found) => Ok(found),
            None => load::load(&self.connection, &self.path, &mut self.ledger),
        }
    }

    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError> {
        if batch.is_empty() && batch.next_id.is_none() && batch.forget_changes.is_none() {
            return Ok(());
        }
        self.record(batch)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        // Nothing is locked by way of this file, so it does no harm that closing it would drop locks.
        let log = match self.log.take() {
            Some(log) => Ok(log),
            None => File::open(beside(&self.path, "-wal")),
        };
        let synced = log.and_then(|log| {
            let synced = log.sync_data();
            self.log = Some(log);
            synced
        });
        synced.map_err(|error| StoreError::Failed { what: "make queue.db safe", source: Box::new(error) })
    }

    fn syncs_slowly(&self) -> bool {
        true
    }

    fn payload(&mut self, id: JobId) -> Result<Arc<Payload>, StoreError> {
        let array = self.ledger.job(id).map_or(id, |known| known.array);
        let parts = self.ledger.parts(array).ok_or(StoreError::Missing(id))?;
        Ok(Arc::new(Payload {
            script: self.script(parts.script)?,
            environment: self.lines(parts.environment)?,
            arguments: self.lines(parts.arguments)?,
        }))
    }
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("path", &self.path).finish_non_exhaustive()
    }
}
