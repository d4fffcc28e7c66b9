//! Ended attempts from queue.db into history.db, within one transaction.

use super::attempt::{Columns, Contents, Incoming};
use super::chronicle;
use super::record;
use super::shared::Seen;
use super::tally::{Tally, Way};
use crate::content::{Packed, Packer};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{BadRow, also, decode, decode_job, encoded};
use crate::writer::{NO_JOB, NO_SPEC};
use domain::Text;
use domain::job::JobSpec;
use domain::ports::StoreError;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tracing::error;

/// Contents remembered as transferred.
const REMEMBERED: usize = 4_096;
/// Contents of the same mark that are compared before another row is made.
const COMPARED: u32 = 4;

/// What is known from earlier transfers. Wrong, and to be forgotten, when a transaction fails.
#[derive(Default)]
pub(super) struct Known {
    /// Rows of requests here, by their rows in queue.db.
    requests: HashMap<i64, (i64, Arc<JobSpec>)>,
    /// Rows of contents here, by their rows in queue.db.
    contents: HashMap<i64, i64>,
    /// The row of the boot seen last.
    boot: Option<(Text, i64)>,
    /// Rows of what many attempts have in common.
    pub(super) seen: Seen,
    /// How often contents had gone when these were known.
    gone: i64,
}

impl Known {
    /// Forgets rows of contents if some have gone since they were remembered, by this process or another.
    pub(super) fn heed(&mut self, gone: i64) {
        if self.gone != gone {
            self.requests.clear();
            self.contents.clear();
            (self.boot, self.gone) = (None, gone);
        }
    }
}

/// One transaction.
pub(super) struct Transfer<'a> {
    pub(super) queue: &'a Connection,
    pub(super) history: &'a Transaction<'a>,
    pub(super) packer: &'a mut Packer,
    pub(super) known: &'a mut Known,
    pub(super) tally: &'a mut Tally,
}

/// Why an attempt was not transferred.
pub(super) enum NotTransferred {
    /// SQLite failed; it may work another time.
    Sqlite(rusqlite::Error),
    /// It will never be understood.
    Unreadable(StoreError),
}

impl From<rusqlite::Error> for NotTransferred {
    fn from(error: rusqlite::Error) -> Self {
        NotTransferred::Sqlite(error)
    }
}

type Transferred<T> = Result<T, NotTransferred>;

impl Transfer<'_> {
    /// Transfers an attempt. One that cannot be understood is left behind: better one row less than a history that
    /// stops for good.
    pub(super) fn attempt(&mut self, incoming: &Incoming) -> rusqlite::Result<()> {
        let done = match (incoming.spec, incoming.job) {
            (NO_SPEC, NO_JOB) => self.occurrence(incoming),
            (NO_SPEC, _) => self.step(incoming),
            _ => self.understood(incoming),
        };
        match done {
            Ok(()) => Ok(()),
            Err(NotTransferred::Sqlite(error)) => Err(error),
            Err(NotTransferred::Unreadable(error)) => {
                let error = &error as &dyn std::error::Error;
                error!(job.id = incoming.job.0, error, "a record is lost to history");
                Ok(())
            }
        }
    }

    fn occurrence(&mut self, incoming: &Incoming) -> Transferred<()> {
        let wrong = |error| never("what happened beside jobs".to_owned(), error);
        let occurrence = decode(&incoming.body).map_err(wrong)?;
        chronicle::write(self.history, &occurrence).map_err(|unread| match unread {
            Unread::Sqlite(error) => NotTransferred::Sqlite(error),
            Unread::Store(error) => NotTransferred::Unreadable(error),
        })
    }

    fn step(&mut self, incoming: &Incoming) -> Transferred<()> {
        let step = decode(&incoming.body)
            .map_err(|error| never(format!("a step of job {}", incoming.job), error))?;
        Ok(super::step::insert(self.history, &mut self.known.seen, &step)?)
    }

    fn understood(&mut self, incoming: &Incoming) -> Transferred<()> {
        let wrong = |error| never(format!("ended job {}", incoming.job), error);
        let (spec_row, spec) = self.request(incoming.spec)?;
        let job = decode_job(incoming.job, spec, &incoming.body).map_err(wrong)?;
        let Some(columns) = Columns::of(&job) else {
            return Err(wrong(BadRow::Nonsense("a phase other than ended")));
        };
        let mut parts = [None; 3];
        if let Some(from) = incoming.parts {
            for (part, from) in parts.iter_mut().zip([from.script, from.environment, from.arguments]) {
                *part = Some(self.content(from)?);
            }
        }
        let boot = match job.run() {
            Some(run) => self.boot(&run.boot)?,
            None => 0,
        };
        let also = also::from_blob(incoming.also.as_deref()).map_err(wrong)?;
        let contents = Contents { spec: spec_row, boot, parts, also: incoming.also.clone() };
        let seen = &mut self.known.seen;
        if columns.insert(self.history, seen, &incoming.nodes, &contents)?.is_some() {
            self.tally.count(self.history, seen, (&job, &also), None, Way::First)?;
        }
        Ok(())
    }

    /// Returns a request, and the row of what it shares with others.
    fn request(&mut self, from: i64) -> Transferred<(i64, Arc<JobSpec>)> {
        if let Some((row, spec)) = self.known.requests.get(&from) {
            return Ok((*row, Arc::clone(spec)));
        }
        let wrong = |error| never(format!("request {from}"), error);
        let mut statement = self.queue.prepare_cached("SELECT body FROM spec WHERE id = ?1")?;
        let body: Option<Vec<u8>> = statement.query_row([from], |row| row.get(0)).optional()?;
        let body = body.ok_or_else(|| wrong(BadRow::Nonsense("a request that is not there")))?;
        let spec: Arc<JobSpec> = decode(&body).map(Arc::new).map_err(wrong)?;
        let shared = self.packer.pack(encoded(&record::shared(&spec)));
        let row = self.stored(&shared)?;
        remember(&mut self.known.requests, from, (row, Arc::clone(&spec)));
        Ok((row, spec))
    }

    fn content(&mut self, from: i64) -> Transferred<i64> {
        if from == 0 {
            return Ok(0);
        }
        if let Some(row) = self.known.contents.get(&from) {
            return Ok(*row);
        }
        let sql = "SELECT codec, size, body FROM content WHERE id = ?1";
        let mut statement = self.queue.prepare_cached(sql)?;
        let packed = statement.query_row([from], |row| Packed::from_columns(row, 0)).optional()?;
        let missing = || never(format!("content {from}"), BadRow::Nonsense("a content that is not there"));
        let row = self.stored(&packed.ok_or_else(missing)?)?;
        remember(&mut self.known.contents, from, row);
        Ok(row)
    }

    fn boot(&mut self, name: &Text) -> Transferred<i64> {
        if name.is_empty() {
            return Ok(0);
        }
        match &self.known.boot {
            Some((last, row)) if last == name => Ok(*row),
            _ => {
                let packed = self.packer.pack(name.as_bytes().to_vec());
                let row = self.stored(&packed)?;
                self.known.boot = Some((name.clone(), row));
                Ok(row)
            }
        }
    }

    fn stored(&self, packed: &Packed) -> Transferred<i64> {
        Ok(stored_content(self.history, packed)?)
    }
}

/// Returns the row of a content, making one if there is none.
pub(super) fn stored_content(history: &Transaction<'_>, packed: &Packed) -> rusqlite::Result<i64> {
    let mark = mark_of(packed);
    if let Some(row) = same(history, mark, packed)? {
        return Ok(row);
    }
    let sql = "INSERT INTO content (codec, size, mark, body) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = history.prepare_cached(sql)?;
    statement.insert(params![packed.codec, packed.size, mark, packed.body])
}

fn same(history: &Transaction<'_>, mark: i64, packed: &Packed) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT id, codec, size, body FROM content WHERE mark = ?1 LIMIT ?2";
    let mut statement = history.prepare_cached(sql)?;
    let mut rows = statement.query(params![mark, COMPARED])?;
    while let Some(row) = rows.next()? {
        if Packed::from_columns(row, 1)? == *packed {
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}

fn never(what: String, error: BadRow) -> NotTransferred {
    NotTransferred::Unreadable(unreadable(what, error))
}

/// Puts something into a memory that must not grow for ever.
fn remember<T>(memory: &mut HashMap<i64, T>, key: i64, value: T) {
    if memory.len() >= REMEMBERED {
        memory.clear();
    }
    memory.insert(key, value);
}

/// Returns a hash that is the same in every run, as long as the standard library keeps its; if it changes, some
/// contents are stored twice.
fn mark_of(packed: &Packed) -> i64 {
    let mut hasher = DefaultHasher::new();
    packed.body.hash(&mut hasher);
    hasher.finish().cast_signed()
}
