//! The thread that writes the log every second and moves values into the database every few minutes, and the handle by
//! which everybody writes and reads.

use super::age::{Thinning, tidy};
use super::live::{Leaving, Live};
use super::log::{Log, Piece, found, replay};
use super::points::Points;
use super::table;
use crate::Writer;
use crate::database::{Database, Readers, Unread};
use crate::failure::failed;
use crossbeam_channel::{Receiver, Sender, bounded};
use domain::Timestamp;
use domain::monitoring::{Component, Sample, Series, SeriesKey, SeriesWanted};
use domain::ports::{Clock, SeriesRefused, SeriesStore, StoreError};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How often the log is written: what a crash takes at most.
const LOG_EVERY: Duration = Duration::from_secs(1);
/// How often it is made safe from power cuts.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// How often old values are looked at.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// Values move into the database when there are so many.
const FULL: usize = 4 << 20;
/// Whoever brings more than these waits until some have moved.
const CROWDED: usize = 2 * FULL;
/// Or when the log is so long.
const LONG_LOG: usize = 256 << 20;
/// No answer has more values of a series.
const MOST_VALUES: i64 = 4 << 20;

/// How measured values are kept.
#[derive(Clone)]
pub struct MeasuredOptions {
    /// Tells what is old.
    pub clock: Arc<dyn Clock>,
    /// Series with new values at most; others are refused.
    pub most_series: usize,
    /// How often values move into the database.
    pub checkpoint: Duration,
    /// How long they are kept.
    pub keep: Thinning,
}

/// Keeps measured values. Copies are handles to the same store.
#[derive(Clone)]
pub struct Measured {
    shared: Arc<Shared>,
    _thread: Arc<Thread>,
}

struct Shared {
    incoming: Mutex<Incoming>,
    /// Rung when values have moved.
    moved: Condvar,
    readers: Readers,
    bell: Sender<Wake>,
}

/// Why the thread looks before its time.
enum Wake {
    /// There are many values.
    Full,
    /// Somebody waits until old values have been looked at.
    Tidy(Sender<Result<(), String>>),
}

struct Incoming {
    live: Live,
    piece: Piece,
    /// The number of the log that is being written.
    log: u64,
    /// The disk failed; why.
    broken: Option<String>,
}

struct Thread {
    stop: Option<Sender<()>>,
    handle: Option<JoinHandle<()>>,
}

struct Keeper {
    shared: Arc<Shared>,
    directory: PathBuf,
    connection: Connection,
    log: Log,
    options: MeasuredOptions,
    /// Counts stretches: of two the later one counts.
    written: i64,
    synced: Instant,
    moved: Instant,
    tidied: Instant,
}

impl Measured {
    /// Opens metrics.db in the directory that a writer has taken, and takes in what a crash left in logs.
    ///
    /// # Errors
    /// As [`crate::open`].
    pub fn open(beside: &Writer, options: MeasuredOptions) -> Result<Self, StoreError> {
        let path = beside.database(Database::Metrics)?;
        let directory = path.parent().unwrap_or(Path::new(".")).to_path_buf();
        let connection = Database::Metrics.migrated(&path)?;
        let sqlite = |error| failed("open a database", &path, error);
        let written = connection
            .query_row("SELECT coalesce(max(written), 0) FROM chunk", [], |row| row.get(0))
            .map_err(sqlite)?;
        let broken = |error: io::Error| StoreError::Failed {
            what: "read logs of measured values",
            source: Box::new(error),
        };
        let logs = found(&directory).map_err(broken)?;
        let number = logs.last().map_or(1, |(number, _)| number + 1);
        let log = Log::make(&directory, number).map_err(broken)?;
        let live = Live::new(options.most_series);
        let (bell, rung) = bounded(1);
        let shared = Arc::new(Shared {
            incoming: Mutex::new(Incoming { live, piece: Piece::default(), log: number, broken: None }),
            moved: Condvar::new(),
            readers: Readers::of(path),
            bell,
        });
        let now = Instant::now();
        let mut keeper = Keeper {
            shared: Arc::clone(&shared),
            directory,
            connection,
            log,
            options,
            written,
            synced: now,
            moved: now,
            tidied: now,
        };
        keeper.recover(&logs)?;
        let (stop, stopped) = bounded(0);
        let handle = std::thread::Builder::new()
            .name("measured".into())
            .spawn(move || keeper.keep(&rung, &stopped))
            .map_err(|error| StoreError::Failed { what: "start a thread", source: Box::new(error) })?;
        Ok(Measured { shared, _thread: Arc::new(Thread { stop: Some(stop), handle: Some(handle) }) })
    }
}

impl Measured {
    /// Makes longer steps of what is old enough, and forgets what is too old; otherwise that happens now and then.
    ///
    /// # Errors
    /// If the disk is full or broken.
    pub fn tidy_now(&self) -> Result<(), StoreError> {
        let (reply, done) = bounded(1);
        let asked = self.shared.bell.send(Wake::Tidy(reply)).map_err(|error| error.to_string());
        asked.and_then(|()| done.recv().map_err(|error| error.to_string())?).map_err(|why| {
            StoreError::Failed { what: "tidy measured values", source: Box::new(io::Error::other(why)) }
        })
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::warn!("the thread of measured values panicked");
        }
    }
}

impl Shared {
    fn incoming(&self) -> MutexGuard<'_, Incoming> {
        self.incoming.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        // A bell that is ringing need not be rung again.
        let _ = self.bell.try_send(Wake::Full);
    }
}

impl SeriesStore for Measured {
    fn write(&self, samples: &[Sample]) -> Result<(), SeriesRefused> {
        let mut incoming = self.shared.incoming();
        while incoming.live.points() >= CROWDED && incoming.broken.is_none() {
            self.shared.ring();
            incoming = self.shared.moved.wait(incoming).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(why) = &incoming.broken {
            let source = io::Error::other(why.clone());
            return Err(StoreError::Failed { what: "write measured values", source: Box::new(source) }.into());
        }
        let Incoming { live, piece, log, .. } = &mut *incoming;
        let refused = samples.iter().filter(|sample| !live.take(sample, *log, piece)).count();
        if live.points() >= FULL {
            self.shared.ring();
        }
        if refused > 0 { Err(SeriesRefused::TooManySeries { refused }) } else { Ok(()) }
    }

    fn read(&self, wanted: &[SeriesWanted]) -> Result<Vec<Option<Series>>, StoreError> {
        // What is in memory first: whatever moves into the database meanwhile is then found twice, not missed.
        let live: Vec<Points> = {
            let incoming = self.shared.incoming();
            let read =
                |one: &SeriesWanted| incoming.live.read(&one.key, one.from.seconds(), one.until.seconds());
            wanted.iter().map(read).collect()
        };
        self.shared.readers.read("read measured values", |connection| {
            let both = wanted.iter().zip(live);
            both.map(|(one, live)| {
                let kept = match table::known_number(connection, &one.key)? {
                    Some(number) => table::read(connection, number, one.from.seconds(), one.until.seconds())?,
                    None => (Points::default(), 0),
                };
                Ok(laid_out(one, kept.0.with(live), kept.1))
            })
            .collect()
        })
    }

    fn components(
        &self,
        about: &SeriesKey,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Component>, StoreError> {
        let (from, until) = (from.seconds(), until.seconds());
        let live = self.shared.incoming().live.alike(about, from, until);
        let mut all: BTreeSet<Component> = live.into_iter().map(|key| key.component.clone()).collect();
        let kept = self
            .shared
            .readers
            .read("read measured values", |connection| Ok(table::alike(connection, about, from, until)?))?;
        all.extend(kept.into_iter().filter_map(|row| Some(row.key()?.component)));
        Ok(all.into_iter().collect())
    }
}

/// Lays values out a step apart, with gaps where there are none.
fn laid_out(wanted: &SeriesWanted, points: Points, kept_step: i64) -> Option<Series> {
    let last = *points.times.last()?;
    let from = wanted.from.seconds();
    let asked = match wanted.timestep {
        0 => points.finest_step(),
        step => i64::from(step),
    };
    let step = asked.max(kept_step).max((last - from) / MOST_VALUES + 1);
    let timestep = u32::try_from(step).unwrap_or(u32::MAX);
    let series = |values| Some(Series { key: wanted.key.clone(), start: from, timestep, values });
    let lead = usize::try_from((points.times.first()? - from) / step).ok()?;
    if points.are_apart(step) {
        let mut values = points.values;
        values.splice(0..0, std::iter::repeat_n(f64::NAN, lead));
        return series(values);
    }
    let length = usize::try_from((last - from) / step + 1).ok()?;
    let mut values = vec![f64::NAN; length];
    let means = points.means(from, step);
    for (time, value) in means.times.iter().zip(means.values) {
        if let Some(place) = usize::try_from((time - from) / step).ok().and_then(|at| values.get_mut(at)) {
            *place = value;
        }
    }
    series(values)
}

impl Keeper {
    /// Takes in logs that were not moved into the database, and moves them.
    fn recover(&mut self, logs: &[(u64, PathBuf)]) -> Result<(), StoreError> {
        let broken = |error: io::Error| StoreError::Failed {
            what: "read logs of measured values",
            source: Box::new(error),
        };
        if logs.is_empty() {
            return Ok(());
        }
        {
            let mut incoming = self.shared.incoming();
            // They are in their own log already.
            let mut unused = Piece::default();
            for (_, path) in logs {
                replay(path, |key, time, value| {
                    let at = Timestamp::from_seconds(time);
                    incoming.live.take(&Sample { key: key.clone(), at, value }, 0, &mut unused);
                })
                .map_err(broken)?;
            }
        }
        let leaving = self.shared.incoming().live.leave();
        self.store(&leaving).map_err(|unread| told(unread, &self.directory))?;
        self.shared.incoming().live.arrived(&leaving);
        for (_, path) in logs {
            std::fs::remove_file(path).map_err(broken)?;
        }
        Ok(())
    }

    fn keep(mut self, rung: &Receiver<Wake>, stopped: &Receiver<()>) {
        loop {
            let (mut is_full, mut is_over) = (false, false);
            crossbeam_channel::select! {
                recv(rung) -> wake => match wake {
                    Ok(Wake::Tidy(reply)) => {
                        // Whoever asked may have gone.
                        let _ = reply.send(self.tidy(Duration::MAX));
                    }
                    _ => is_full = true,
                },
                recv(stopped) -> _ => is_over = true,
                default(LOG_EVERY) => {}
            }
            let done = self.turn(is_full, is_over);
            let mut incoming = self.shared.incoming();
            if let Err(why) = done {
                if incoming.broken.is_none() {
                    tracing::error!(%why, "measured values cannot be written");
                }
                incoming.broken = Some(why);
            } else {
                incoming.broken = None;
            }
            drop(incoming);
            self.shared.moved.notify_all();
            if is_over {
                break;
            }
        }
    }

    fn turn(&mut self, is_full: bool, is_over: bool) -> Result<(), String> {
        let piece = std::mem::take(&mut self.shared.incoming().piece);
        self.log.write(&piece).map_err(|error| format!("{}: {error}", self.log.path().display()))?;
        if self.synced.elapsed() >= SYNC_EVERY || is_over {
            self.synced = Instant::now();
            self.log.sync().map_err(|error| format!("{}: {error}", self.log.path().display()))?;
        }
        let is_due = self.moved.elapsed() >= self.options.checkpoint || self.log.len() >= LONG_LOG;
        let is_full = is_full && self.shared.incoming().live.points() >= FULL;
        if is_due || is_full || is_over {
            self.moved = Instant::now();
            self.move_on()?;
        }
        if self.tidied.elapsed() >= TIDY_EVERY && !is_over {
            self.tidied = Instant::now();
            self.tidy(LOG_EVERY)?;
        }
        Ok(())
    }

    /// Moves all values into the database and begins a new log.
    fn move_on(&mut self) -> Result<(), String> {
        if self.log.len() == 0 && self.shared.incoming().live.points() == 0 {
            return Ok(());
        }
        let number = self.shared.incoming().log + 1;
        let next = Log::make(&self.directory, number).map_err(|error| format!("a new log: {error}"))?;
        let (leaving, rest) = {
            let mut incoming = self.shared.incoming();
            incoming.log = number;
            (incoming.live.leave(), std::mem::take(&mut incoming.piece))
        };
        let old = std::mem::replace(&mut self.log, next);
        let stored = self.store(&leaving).map_err(|unread| told(unread, &self.directory).to_string());
        if let Err(why) = stored {
            // Everything stays where it was, in memory and in its log, which is read if the service ends now.
            self.shared.incoming().live.stay(leaving);
            let mut old = old;
            let _ = old.write(&rest);
            return Err(why);
        }
        self.shared.incoming().live.arrived(&leaving);
        // The log before this one may be left from a turn that failed: what is in it has moved with the rest.
        for (number, path) in found(&self.directory).unwrap_or_default() {
            if number < self.shared.incoming().log {
                let _ = std::fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn store(&mut self, leaving: &[Leaving]) -> Result<(), Unread> {
        if leaving.is_empty() {
            return Ok(());
        }
        self.written += 1;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for Leaving { key, points, .. } in leaving {
            let number = table::number_of(&transaction, key)?;
            table::add(&transaction, number, Points::clone(points), self.written)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Does what is due with old values, for about so long.
    fn tidy(&mut self, most: Duration) -> Result<(), String> {
        let now = self.options.clock.now().seconds();
        self.written += 1;
        let began = Instant::now();
        while tidy(&mut self.connection, &self.options.keep, now, self.written)
            .map_err(|unread| told(unread, &self.directory).to_string())?
            && began.elapsed() < most
        {}
        Ok(())
    }
}

fn told(unread: Unread, directory: &Path) -> StoreError {
    match unread {
        Unread::Sqlite(error) => {
            failed("write measured values", &directory.join(Database::Metrics.file()), error)
        }
        Unread::Store(error) => error,
    }
}
