//! Takes ended attempts from queue.db over into history.db. The same path after a crash as in normal life: queue.db
//! keeps an attempt until it is on history's disk, and to take one over twice does no harm.

use super::attempt::Incoming;
use super::recount::{self, Left};
use super::retention::{Due, Purge, contents_gone};
use super::shared::Seen;
use super::tally::Tally;
use super::transfer::{Known, Transfer};
use crate::Options;
use crate::content::Packer;
use crate::database::Database;
use crate::failure::failed;
use crate::progress::{Progress, Reached};
use crate::writer::read_parts;
use domain::JobId;
use domain::ports::StoreError;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tracing::{debug, error, info, warn};

/// Attempts taken over in one transaction.
const AT_ONCE: i64 = 5_000;
/// For so long ends come together before they are taken over, unless somebody asks for them: a transaction for each
/// would take the CPUs away from the next start.
const GATHERING: Duration = Duration::from_millis(50);
/// A pause this long makes what was taken over safe …
const QUIET: Duration = Duration::from_secs(1);
/// … and so does this many attempts without a pause.
const MOST_UNSAFE: i64 = 20_000;
/// After a failure.
const RETRY: Duration = Duration::from_secs(5);
/// While attempts come without a pause, what is too old goes a piece at a time after so many transactions …
const TAKEOVERS_A_PIECE: u32 = 8;
/// … and so often it is looked whether there is such.
const TAKEOVERS_A_LOOK: u32 = 256;

/// The thread that takes over.
pub(crate) struct Recorder {
    progress: Arc<Progress>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Opens history.db and starts the thread.
    pub(crate) fn start(
        queue_path: PathBuf,
        history_path: PathBuf,
        progress: Arc<Progress>,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let mut history = Database::History.migrated(&history_path)?;
        unfold(&mut history).map_err(|error| failed("migrate history", &history_path, error))?;
        spread_writes(&history).map_err(|error| failed("open a database", &history_path, error))?;
        let uncounted =
            recount::left(&history).map_err(|error| failed("read history", &history_path, error))?;
        let queue = Database::readable(&queue_path)?;
        let mut takeover = Takeover {
            queue,
            queue_path,
            history,
            history_path,
            progress: Arc::clone(&progress),
            packer: Packer::new(),
            known: Known::default(),
            tally: Tally::of(Arc::clone(&options.calendar)),
            purge: options
                .retention
                .clone()
                .map(|retention| Purge::of(retention, Arc::clone(&options.calendar), Arc::clone(&progress))),
            due: Due::Soon,
            takeovers: 0,
            is_full: false,
            uncounted,
        };
        let thread = std::thread::Builder::new()
            .name("history".into())
            .spawn(move || {
                // Readers shall not wait for a thread that is no more.
                let _gone = Gone(Arc::clone(&takeover.progress));
                takeover.run();
            })
            .map_err(|error| StoreError::Failed { what: "start a thread", source: Box::new(error) })?;
        Ok(Recorder { progress, thread: Some(thread) })
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.progress.set(|reached| reached.stopping = true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the history thread panicked");
        }
    }
}

/// Attempts go to the ends of many runs of the indexes: pages that are written again and again stay in memory, and go
/// from the log into the database once for many attempts.
fn spread_writes(history: &Connection) -> rusqlite::Result<()> {
    history.pragma_update(None, "cache_size", -(64 << 10))?;
    history.pragma_update_and_check(None, "wal_autocheckpoint", 16 << 10, |_| Ok(()))
}

/// Finishes what the schema's migration cannot do by itself.
fn unfold(history: &mut Connection) -> rusqlite::Result<()> {
    let transaction = history.transaction()?;
    Seen::default().unfold_all(&transaction)?;
    transaction.commit()
}

struct Gone(Arc<Progress>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.set(|reached| reached.stopping = true);
    }
}

struct Takeover {
    queue: Connection,
    queue_path: PathBuf,
    history: Connection,
    history_path: PathBuf,
    progress: Arc<Progress>,
    packer: Packer,
    known: Known,
    tally: Tally,
    /// Whether attempts are older than the sums of usage.
    uncounted: Left,
    /// Takes out what is too old, if anything ever is.
    purge: Option<Purge>,
    /// When it is to look again.
    due: Due,
    /// Transactions since it last did.
    takeovers: u32,
    /// Whether the last piece could not be taken out.
    is_full: bool,
}

impl Takeover {
    fn run(&mut self) {
        let mut has_failed = false;
        loop {
            let is_idle = |reached: &Reached| {
                reached.committed <= reached.recorded
                    && reached.synced >= reached.recorded
                    && self.uncounted == Left::Nothing
                    && !reached.stopping
            };
            let reached = match self.purge {
                None => self.progress.wait_while(is_idle),
                Some(_) => self.progress.wait_at_most(self.due.wait(), is_idle),
            };
            let more = reached.committed > reached.recorded;
            let unsafe_ones = reached.recorded - reached.synced;
            let done = if more && unsafe_ones < MOST_UNSAFE {
                self.progress.wait_at_most(GATHERING, |reached| {
                    reached.asked <= reached.recorded && !reached.is_much() && !reached.stopping
                });
                self.take_over(reached.recorded).and_then(|()| self.take_out_in_between())
            } else if unsafe_ones > 0 {
                self.sync_when_quiet(unsafe_ones)
            } else if self.uncounted == Left::Something && !reached.stopping {
                self.recount()
            } else if !reached.stopping {
                self.take_out()
            } else {
                break;
            };
            let failing = match done {
                Ok(()) => false,
                Err(error) => {
                    self.known = Known::default();
                    self.tally.forget();
                    if !has_failed {
                        let error = &error as &dyn std::error::Error;
                        error!(error, "history cannot be written: ended jobs stay in queue.db until it can");
                    }
                    true
                }
            };
            if has_failed && !failing {
                info!("history can be written again");
            }
            has_failed = failing;
            if !failing {
                continue;
            }
            self.progress.set(|reached| reached.failing = true);
            // A reader who misses something takes that back, and it is tried again at once.
            if self.progress.wait_at_most(RETRY, |reached| reached.failing && !reached.stopping).stopping {
                // queue.db has it all; the next start goes on from there.
                break;
            }
            self.progress.set(|reached| reached.failing = false);
        }
    }

    /// Waits for a pause, unless too much is unsafe, and makes safe what is in history.db.
    fn sync_when_quiet(&mut self, unsafe_ones: i64) -> Result<(), StoreError> {
        if unsafe_ones < MOST_UNSAFE {
            let quiet = |reached: &crate::progress::Reached| {
                reached.committed <= reached.recorded && !reached.stopping
            };
            if self.progress.wait_at_most(QUIET, quiet).committed > self.progress.reached().recorded {
                return Ok(());
            }
        }
        let recorded = self.progress.reached().recorded;
        let sync = || -> rusqlite::Result<()> {
            // One transaction that waits for the disk takes all before it along.
            self.history.pragma_update(None, "synchronous", "full")?;
            let marked = self.history.execute("UPDATE mark SET syncs = syncs + 1", []);
            self.history.pragma_update(None, "synchronous", "normal")?;
            marked.map(|_| ())
        };
        sync().map_err(|error| failed("make history safe", &self.history_path, error))?;
        debug!(attempts = unsafe_ones, "history is safe");
        self.progress.set(|reached| reached.synced = recorded);
        Ok(())
    }

    /// Counts some of the attempts that are older than the sums of usage.
    fn recount(&mut self) -> Result<(), StoreError> {
        let Takeover { history, history_path, known, tally, .. } = self;
        self.uncounted = recount::next(history, history_path, &mut known.seen, tally)?;
        Ok(())
    }

    /// Takes out some of what is too old. What is recorded does not depend on it, so that a failure is told and
    /// forgotten.
    fn take_out(&mut self) -> Result<(), StoreError> {
        let Takeover { history, history_path, purge, .. } = self;
        let Some(purge) = purge else { return Ok(()) };
        self.takeovers = 0;
        let done = purge.next(history, history_path);
        match &done {
            Err(error) if !self.is_full => {
                let error = error as &dyn std::error::Error;
                error!(error, "what is too old stays in history until it can be taken out");
            }
            Ok(_) if self.is_full => info!("what is too old leaves history again"),
            _ => {}
        }
        self.is_full = done.is_err();
        self.due = done.unwrap_or(Due::Later);
        Ok(())
    }

    /// The same where attempts leave no pause.
    fn take_out_in_between(&mut self) -> Result<(), StoreError> {
        self.takeovers = self.takeovers.saturating_add(1);
        let often = if self.due == Due::Soon { TAKEOVERS_A_PIECE } else { TAKEOVERS_A_LOOK };
        let has_turn = self.takeovers >= often && self.uncounted == Left::Nothing;
        if has_turn { self.take_out() } else { Ok(()) }
    }

    fn take_over(&mut self, after: i64) -> Result<(), StoreError> {
        let incoming = self.incoming(after)?;
        let Some(last) = incoming.last().map(|incoming| incoming.id) else {
            // Nothing beyond: whatever was announced is not there to be taken.
            self.progress.set(|reached| reached.recorded = reached.committed);
            return Ok(());
        };
        let Takeover { queue, history, packer, known, tally, .. } = self;
        let mut take = || -> rusqlite::Result<()> {
            let transaction = history.transaction()?;
            known.heed(contents_gone(&transaction)?);
            let mut transfer = Transfer { queue, history: &transaction, packer, known, tally };
            incoming.iter().try_for_each(|incoming| transfer.attempt(incoming))?;
            tally.write(&transaction)?;
            transaction.commit()
        };
        take().map_err(|error| failed("write history", &self.history_path, error))?;
        self.progress.set(|reached| reached.recorded = last);
        Ok(())
    }

    fn incoming(&mut self, after: i64) -> Result<Vec<Incoming>, StoreError> {
        let sqlite = |error| failed("read what has ended", &self.queue_path, error);
        let sql = "SELECT id, job, spec, script, environment, arguments, nodes, body, also FROM closed
                   WHERE id > ?1 ORDER BY id LIMIT ?2";
        let mut statement = self.queue.prepare_cached(sql).map_err(sqlite)?;
        let rows = statement
            .query_map([after, AT_ONCE], |row| {
                Ok(Incoming {
                    id: row.get(0)?,
                    job: JobId(row.get(1)?),
                    spec: row.get(2)?,
                    parts: read_parts(row, 3)?,
                    nodes: row.get(6)?,
                    body: row.get(7)?,
                    also: row.get(8)?,
                })
            })
            .map_err(sqlite)?;
        rows.collect::<Result<_, _>>().map_err(sqlite)
    }
}
