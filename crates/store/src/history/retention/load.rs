//! Brings an archive back into history. What is there already stays as it is, so that a file may be loaded twice.

use super::archive::{JobLine, Line, StepLine, UsageLine, contents};
use super::bygone;
use crate::content::Packer;
use crate::database::Database;
use crate::history::attempt::{Columns, Contents};
use crate::history::shared::Seen;
use crate::history::transfer::stored_content;
use crate::history::{record, step};
use crate::row::{Stored, also, encoded, job_from_json, value_from_json};
use domain::JobId;
use domain::Text;
use domain::history::{Amendment, Charge};
use domain::job::{JobSpec, Phase};
use domain::ports::{ClosedStep, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

/// Lines loaded in one transaction: a service that runs beside it waits no longer.
const AT_ONCE: usize = 500;

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Attempts.
    pub jobs: u64,
    /// Steps.
    pub steps: u64,
    /// Sums of usage.
    pub sums: u64,
    /// Events: nodes out of service, and what the cluster had.
    pub events: u64,
    /// Reservations.
    pub reservations: u64,
    /// Changes of the books.
    pub transactions: u64,
    /// Lines of what is there already.
    pub known: u64,
}

/// Why an archive was not loaded. What stands before the line in question has been.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("read the archive")]
    File(#[from] std::io::Error),
    /// A line is none of an archive.
    #[error("line {line} is no line of an archive: {why}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The store does not work.
    #[error("the store")]
    Store(#[from] StoreError),
    /// The database does not work.
    #[error("write history")]
    Database(#[from] rusqlite::Error),
}

/// Loads an archive into the store in a directory, telling now and then what was loaded and how many bytes of the file
/// that were. The service may run meanwhile.
///
/// # Errors
/// If a line cannot be understood, or a file not be read or written.
pub fn load_archive(
    store: &Path,
    archive: &Path,
    told: &mut dyn FnMut(&Loaded, u64),
) -> Result<Loaded, LoadError> {
    let path = store.join(Database::History.file());
    if !path.exists() {
        return Err(std::io::Error::from(std::io::ErrorKind::NotFound).into());
    }
    let mut history = Database::History.migrated(&path)?;
    let mut loading = Loading { packer: Packer::new(), seen: Seen::default(), loaded: Loaded::default() };
    let mut lines = BufReader::new(File::open(archive)?).lines().enumerate();
    let mut read: u64 = 0;
    loop {
        let some: Vec<(usize, String)> = lines
            .by_ref()
            .take(AT_ONCE)
            .map(|(at, line)| line.map(|line| (at + 1, line)))
            .collect::<Result<_, _>>()?;
        if some.is_empty() {
            return Ok(loading.loaded);
        }
        loading.piece(&mut history, &some)?;
        read += some.iter().map(|(_, line)| line.len() as u64 + 1).sum::<u64>();
        told(&loading.loaded, read);
    }
}

struct Loading {
    packer: Packer,
    seen: Seen,
    loaded: Loaded,
}

impl Loading {
    fn piece(&mut self, history: &mut Connection, lines: &[(usize, String)]) -> Result<(), LoadError> {
        let transaction = history.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (at, text) in lines.iter().filter(|(_, text)| !text.trim().is_empty()) {
            let wrong = |why: String| LoadError::Line { line: *at, why };
            let line = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            let is_new = match line {
                Line::Job(job) => self.job(&transaction, *job, &wrong)?,
                Line::Step(step) => self.step(&transaction, step, &wrong)?,
                Line::Usage(usage) => self.usage(&transaction, &usage)?,
                Line::Event(line) => {
                    let is_new = bygone::put_episode(&transaction, &of_line(line.record, &wrong)?)?;
                    self.loaded.events += u64::from(is_new);
                    is_new
                }
                Line::Reservation(line) => {
                    let is_new =
                        bygone::put_booking(&transaction, &of_line(line.record, &wrong)?, line.told)?;
                    self.loaded.reservations += u64::from(is_new);
                    is_new
                }
                Line::Transaction(line) => {
                    let is_new = bygone::put_deed(&transaction, &of_line(line.record, &wrong)?)?;
                    self.loaded.transactions += u64::from(is_new);
                    is_new
                }
            };
            self.loaded.known += u64::from(!is_new);
        }
        Ok(transaction.commit()?)
    }

    fn job(
        &mut self,
        history: &Transaction<'_>,
        line: JobLine,
        wrong: &dyn Fn(String) -> LoadError,
    ) -> Result<bool, LoadError> {
        let spec: Arc<JobSpec> =
            value_from_json(line.spec).map(Arc::new).map_err(|error| wrong(error.to_string()))?;
        let job = job_from_json(JobId(line.job), Arc::clone(&spec), line.record)
            .map_err(|error| wrong(error.to_string()))?;
        if !matches!(job.phase, Phase::Ended(_)) {
            return Err(wrong("a job that has not ended".to_owned()));
        }
        let stored = |bytes| stored_content(history, &bytes);
        let shared = stored(self.packer.pack(encoded(&record::shared(&spec))))?;
        let boot = match job.run().filter(|run| !run.boot.is_empty()) {
            Some(run) => stored(self.packer.pack(run.boot.as_bytes().to_vec()))?,
            None => 0,
        };
        let mut parts = [None; 3];
        if let Some(payload) = line.payload {
            for (part, content) in parts.iter_mut().zip(contents(payload)) {
                let is_empty = content.is_empty();
                *part = Some(if is_empty { 0 } else { stored(content.packed(&mut self.packer))? });
            }
        }
        let also: Vec<(Text, u64)> =
            line.also.iter().map(|(name, amount)| (Text::from(name.as_str()), *amount)).collect();
        let contents = Contents { spec: shared, boot, parts, also: also::to_blob(&also) };
        let Some(columns) = Columns::of(&job) else { return Ok(false) };
        if columns.insert(history, &mut self.seen, &line.nodes, &contents)?.is_none() {
            return Ok(false);
        }
        let row = history.query_row("SELECT max(id) FROM past", [], |row| row.get::<_, i64>(0))?;
        if let Some(amendment) = line.amendment {
            let amendment: Amendment =
                value_from_json(amendment).map_err(|error| wrong(error.to_string()))?;
            let put = "INSERT OR REPLACE INTO amendment (id, body) VALUES (?1, ?2)";
            history.prepare_cached(put)?.execute(params![row, encoded(&amendment)])?;
        }
        self.loaded.jobs += 1;
        Ok(true)
    }

    fn step(
        &mut self,
        history: &Transaction<'_>,
        line: StepLine,
        wrong: &dyn Fn(String) -> LoadError,
    ) -> Result<bool, LoadError> {
        let step: ClosedStep = value_from_json(line.record).map_err(|error| wrong(error.to_string()))?;
        if step::is_there(history, &step)? {
            return Ok(false);
        }
        step::insert(history, &mut self.seen, &step)?;
        self.loaded.steps += 1;
        Ok(true)
    }

    fn usage(&mut self, history: &Transaction<'_>, line: &UsageLine) -> Result<bool, LoadError> {
        let text = |text: &String| Text::from(text.as_str());
        let charge = Charge {
            account: text(&line.account),
            user: text(&line.user),
            partition: text(&line.partition),
            qos: text(&line.qos),
            wckey: text(&line.wckey),
            reservation: text(&line.reservation),
        };
        let of_everybody = line.sum >= 6;
        let id = if of_everybody { 0 } else { self.seen.charge(history, &charge)? };
        let others: Vec<(Text, i64)> =
            line.others.iter().map(|(name, amount)| (Text::from(name.as_str()), *amount)).collect();
        let sql = "INSERT OR IGNORE INTO usage (kind, start, charge, cpu, memory, node, extra, others)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let done = history.prepare_cached(sql)?.execute(params![
            line.sum,
            line.start,
            id,
            line.cpu,
            line.memory,
            line.node,
            line.billing.saturating_sub(line.cpu),
            also::to_blob(&others),
        ])?;
        self.loaded.sums += done as u64;
        Ok(done > 0)
    }
}

/// Reads a record of a line.
fn of_line<T: Stored>(
    record: serde_json::Value,
    wrong: &dyn Fn(String) -> LoadError,
) -> Result<T, LoadError> {
    value_from_json(record).map_err(|error| wrong(error.to_string()))
}
