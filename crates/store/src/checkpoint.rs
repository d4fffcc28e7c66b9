//! Moves what is in queue.db's write-ahead log into the database, on a thread and a connection of its own, so that
//! nobody who waits for an acknowledgement waits for that.

use crate::database::Database;
use crate::failure::failed;
use crossbeam_channel::{Receiver, Sender, bounded};
use domain::ports::StoreError;
use rusqlite::Connection;
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{debug, warn};

/// The log is emptied after about so many bytes.
const OFTEN: usize = 8 << 20;
/// Beyond so many pages the writer is stopped for the last few, since the log can start anew only when no page of it is
/// left: under constant load it would grow for ever otherwise.
const LONG_LOG: i64 = 16 << 10;

/// How long the writer may be stopped at most, while somebody reads an old page of the log.
const PATIENCE: Duration = Duration::from_millis(250);

/// Empties the log now and then.
pub(crate) struct Checkpointer {
    written: usize,
    bell: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread.
    pub(crate) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = Database::Queue.writable(path)?;
        connection.busy_timeout(PATIENCE).map_err(|error| failed("open a database", path, error))?;
        let (bell, rung) = bounded(1);
        let path = path.to_path_buf();
        let thread = std::thread::Builder::new()
            .name("checkpoint".into())
            .spawn(move || empty_when_rung(&connection, &path, &rung))
            .map_err(|error| StoreError::Failed { what: "start a thread", source: Box::new(error) })?;
        Ok(Checkpointer { written: 0, bell: Some(bell), thread: Some(thread) })
    }

    /// Takes in that about so many bytes were written.
    pub(crate) fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        if self.written >= OFTEN
            && let Some(bell) = &self.bell
            && bell.try_send(()).is_ok()
        {
            self.written = 0;
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.bell = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the checkpoint thread panicked");
        }
    }
}

fn empty_when_rung(connection: &Connection, path: &Path, rung: &Receiver<()>) {
    while rung.recv().is_ok() {
        if let Err(error) = empty(connection) {
            // The log keeps everything; the next round tries again.
            let error = failed("checkpoint", path, error);
            warn!(error = &error as &dyn std::error::Error, "the log of queue.db could not be emptied");
        }
    }
}

fn empty(connection: &Connection) -> rusqlite::Result<()> {
    let log: i64 = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    debug!(pages = log, "the log of queue.db is emptied");
    if log > LONG_LOG {
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    }
    Ok(())
}
