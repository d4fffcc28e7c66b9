//! Takes out of history what is too old, a block of attempts or a day of sums at a time.

use super::archive::{Line, append, job_line, step_line, usage_line};
use super::bygone::{Bygone, Old};
use super::sweep::{Sweep, Swept, loosen};
use super::{Keep, Retention};
use crate::database::{Database, Unread};
use crate::failure::failed;
use crate::history::attempt::BLOCK;
use crate::history::reader::recorded;
use crate::history::step;
use crate::history::tally::{Whose, kind, minutes, read_others};
use crate::history::usage::read_charge;
use crate::progress::Progress;
use domain::Timestamp;
use domain::history::{Charge, Purged, Span, Sums};
use domain::ports::{Calendar, ClosedStep, StoreError};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tracing::info;

/// Steps that go at once.
const STEPS_AT_ONCE: i64 = 500;
/// Events, reservations or transactions that go at once.
const BYGONES_AT_ONCE: i64 = 500;
/// Hours, days or months whose sums go at once.
const STARTS_AT_ONCE: i64 = 24;
/// Between two looks for what is too old.
const BETWEEN_LOOKS: Duration = Duration::from_secs(60);
/// Between two pieces, for whoever wants to write.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);

/// When there is more to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::history) enum Due {
    /// At once, but for a breath.
    Soon,
    /// Later.
    Later,
}

impl Due {
    /// Returns how long to wait.
    pub(in crate::history) fn wait(self) -> Duration {
        match self {
            Due::Soon => BETWEEN_PIECES,
            Due::Later => BETWEEN_LOOKS,
        }
    }
}

/// Purges.
pub(in crate::history) struct Purge {
    retention: Retention,
    calendar: Arc<dyn Calendar>,
    progress: Arc<Progress>,
    /// What has gone since the last line in the log.
    unsaid: Purged,
    /// Looks for contents to which nothing refers any more.
    sweep: Sweep,
}

impl Purge {
    pub(in crate::history) fn of(
        retention: Retention,
        calendar: Arc<dyn Calendar>,
        progress: Arc<Progress>,
    ) -> Self {
        Purge { retention, calendar, progress, unsaid: Purged::default(), sweep: Sweep::default() }
    }

    /// Takes the next piece out.
    pub(in crate::history) fn next(
        &mut self,
        history: &mut Connection,
        path: &Path,
    ) -> Result<Due, StoreError> {
        let (piece, due) = self.piece(history, path)?;
        self.unsaid.add(&piece);
        self.progress.purged(&piece);
        if due == Due::Soon {
            return Ok(Due::Soon);
        }
        let gone = std::mem::take(&mut self.unsaid);
        if gone != Purged::default() {
            let archive = self.retention.archive.display();
            let Purged { jobs, steps, sums, events, reservations, transactions, contents, archived } = gone;
            info!(
                jobs, steps, sums, events, reservations, transactions, contents, archived, %archive,
                "what was too old has left history"
            );
        }
        Ok(Due::Later)
    }

    /// Takes a piece out, or looks along some attempts for what nothing refers to any more.
    fn piece(&mut self, history: &mut Connection, path: &Path) -> Result<(Purged, Due), StoreError> {
        let done = self.too_old(history).and_then(|gone| match gone == Purged::default() {
            true => self.swept(history),
            false => Ok((gone, Due::Soon)),
        });
        done.map_err(|unread| {
            self.sweep = Sweep::default();
            match unread {
                Unread::Sqlite(error) => failed("purge history", path, error),
                Unread::Store(error) => error,
            }
        })
    }

    fn swept(&mut self, history: &mut Connection) -> Result<(Purged, Due), Unread> {
        let transaction = history.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let swept = self.sweep.next(&transaction)?;
        transaction.commit()?;
        Ok(match swept {
            Swept::Nothing => (Purged::default(), Due::Later),
            Swept::Some(contents) => (Purged { contents, ..Purged::default() }, Due::Soon),
        })
    }

    fn too_old(&self, history: &mut Connection) -> Result<Purged, Unread> {
        let now = self.retention.clock.now();
        let transaction = history.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut gone = Purged::default();
        if let Some(keep) = self.retention.jobs {
            self.jobs(&transaction, (keep, now.before(keep.age)), &mut gone)?;
        }
        if let Some(keep) = self.retention.steps.filter(|_| gone == Purged::default()) {
            self.steps(&transaction, (keep, now.before(keep.age)), &mut gone)?;
        }
        for span in Span::ALL {
            if let Some(keep) = self.retention.of(span).filter(|_| gone == Purged::default()) {
                self.sums(&transaction, span, (keep, now.before(keep.age)), &mut gone)?;
            }
        }
        for what in Bygone::ALL {
            if let Some(keep) = self.retention.beside_jobs(what).filter(|_| gone == Purged::default()) {
                self.beside_jobs(&transaction, what, (keep, now.before(keep.age)), &mut gone)?;
            }
        }
        transaction.commit()?;
        Ok(gone)
    }

    /// Takes out the first block of attempts all of which are too old.
    fn jobs(
        &self,
        history: &Transaction<'_>,
        (keep, before): (Keep, Timestamp),
        gone: &mut Purged,
    ) -> Result<(), Unread> {
        let find = "SELECT id FROM block WHERE last < ?1 ORDER BY id LIMIT 1";
        let mut statement = history.prepare_cached(find)?;
        let Some(block) = statement.query([before.micros()])?.next()?.map(|row| row.get::<_, i64>(0)) else {
            return Ok(());
        };
        let first = block? * BLOCK;
        let rows = first..=first + BLOCK - 1;
        let found = recorded(history, rows.clone().filter_map(|row| u64::try_from(row).ok()))?;
        let mut lines = Vec::new();
        let mut steps = Vec::new();
        for found in &found {
            if keep.archived {
                lines.push(job_line(history, found)?);
            }
            let job = &found.closed.job;
            steps.extend(step::of_attempt(history, job.id, job.submitted, job.restarts)?);
        }
        let month = found.first().and_then(|found| match &found.closed.job.phase {
            domain::job::Phase::Ended(ended) => Some(ended.ended),
            _ => None,
        });
        gone.archived += self.archive("jobs", month.unwrap_or(before), &lines)?;
        self.take_steps(history, keep, steps, gone)?;
        loosen(history, first, first + BLOCK - 1)?;
        history.execute("DELETE FROM past WHERE id BETWEEN ?1 AND ?2", [first, first + BLOCK - 1])?;
        history.execute("DELETE FROM amendment WHERE id BETWEEN ?1 AND ?2", [first, first + BLOCK - 1])?;
        history.execute("DELETE FROM block WHERE id = ?1", [first / BLOCK])?;
        gone.jobs += found.len() as u64;
        Ok(())
    }

    /// Takes out the first steps as long as they are too old; they are in the order in which they ended, nearly.
    fn steps(
        &self,
        history: &Transaction<'_>,
        (keep, before): (Keep, Timestamp),
        gone: &mut Purged,
    ) -> Result<(), Unread> {
        let mut steps = step::oldest(history, STEPS_AT_ONCE)?;
        let too_old = steps.iter().position(|(_, step)| step.step.end.at >= before);
        steps.truncate(too_old.unwrap_or(steps.len()));
        self.take_steps(history, keep, steps, gone)
    }

    fn take_steps(
        &self,
        history: &Transaction<'_>,
        keep: Keep,
        steps: Vec<(i64, ClosedStep)>,
        gone: &mut Purged,
    ) -> Result<(), Unread> {
        if steps.is_empty() {
            return Ok(());
        }
        if keep.archived {
            let lines: Vec<Line> = steps.iter().map(|(_, step)| step_line(step)).collect::<Result<_, _>>()?;
            let first = lines.first().map_or(0, |line| match line {
                Line::Step(step) => step.end,
                _ => 0,
            });
            gone.archived += self.archive("steps", Timestamp::from_micros(first), &lines)?;
        }
        let mut delete = history.prepare_cached("DELETE FROM past_step WHERE id = ?1")?;
        for (id, _) in &steps {
            delete.execute([id])?;
        }
        gone.steps += steps.len() as u64;
        Ok(())
    }

    /// Takes out the first sums over such a span that are too old, for everybody at once.
    fn sums(
        &self,
        history: &Transaction<'_>,
        span: Span,
        (keep, before): (Keep, Timestamp),
        gone: &mut Purged,
    ) -> Result<(), Unread> {
        let everybody = kind(Whose::Everybody, span);
        let find = "SELECT start FROM usage WHERE kind = ?1 AND start < ?2 ORDER BY start LIMIT ?3";
        let mut statement = history.prepare_cached(find)?;
        let starts: Vec<i64> = statement
            .query_map(params![everybody, minutes(before.seconds()), STARTS_AT_ONCE], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return Ok(()) };
        for whose in [Whose::Charge, Whose::Account, Whose::Everybody] {
            let range = params![kind(whose, span), first, last];
            if keep.archived {
                let lines = lines_of_sums(history, kind(whose, span), (*first, *last))?;
                let of = Timestamp::from_seconds(first.saturating_mul(60));
                gone.archived += self.archive("usage", of, &lines)?;
            }
            let sql = "DELETE FROM usage WHERE kind = ?1 AND start BETWEEN ?2 AND ?3";
            gone.sums += history.prepare_cached(sql)?.execute(range)? as u64;
        }
        if span == Span::Hour {
            history.execute("DELETE FROM waited WHERE start <= ?1", [last])?;
        }
        Ok(())
    }

    /// Takes out the first of what happened beside jobs.
    fn beside_jobs(
        &self,
        history: &Transaction<'_>,
        what: Bygone,
        (keep, before): (Keep, Timestamp),
        gone: &mut Purged,
    ) -> Result<(), Unread> {
        let old = what.oldest(history, before, BYGONES_AT_ONCE)?;
        let Some(first) = old.first().map(|old| old.at) else { return Ok(()) };
        what.take(history, &old)?;
        let count = match what {
            Bygone::Events => &mut gone.events,
            Bygone::Reservations => &mut gone.reservations,
            Bygone::Transactions => &mut gone.transactions,
        };
        *count += old.len() as u64;
        if keep.archived {
            let lines: Vec<Line> = old.into_iter().map(|Old { line, .. }| line).collect();
            gone.archived += self.archive(what.word(), first, &lines)?;
        }
        Ok(())
    }

    /// Writes lines into the archive; returns how many.
    fn archive(&self, kind: &str, of: Timestamp, lines: &[Line]) -> Result<u64, Unread> {
        if lines.is_empty() {
            return Ok(0);
        }
        let month = self.calendar.shown(of);
        let written = append(&self.retention.archive, kind, month, lines);
        written.map(|_| lines.len() as u64).map_err(|error| {
            Unread::Store(StoreError::Failed { what: "write an archive", source: Box::new(error) })
        })
    }
}

/// Takes out of the store in a directory what is too old, all at once, telling how far it is. The service may run
/// meanwhile: it waits for a piece at most.
///
/// # Errors
/// If there is no store, or it or the archive cannot be written. What has gone before stays gone, and is archived.
pub fn dump_archive(
    store: &Path,
    retention: Retention,
    calendar: Arc<dyn Calendar>,
    told: &mut dyn FnMut(&Purged),
) -> Result<Purged, StoreError> {
    let path = store.join(Database::History.file());
    if !path.exists() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(StoreError::Failed { what: "find history", source: Box::new(source) });
    }
    retention.probe()?;
    let mut history = Database::History.migrated(&path)?;
    let mut purge = Purge::of(retention, calendar, Arc::default());
    let mut gone = Purged::default();
    loop {
        let (piece, due) = purge.piece(&mut history, &path)?;
        gone.add(&piece);
        if due == Due::Later {
            return Ok(gone);
        }
        told(&gone);
    }
}

fn lines_of_sums(history: &Connection, kind: u8, (first, last): (i64, i64)) -> Result<Vec<Line>, Unread> {
    let sql = "SELECT start, charge, cpu, memory, node, extra, others FROM usage
               WHERE kind = ?1 AND start BETWEEN ?2 AND ?3";
    let mut statement = history.prepare_cached(sql)?;
    let mut rows = statement.query(params![kind, first, last])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let charge = match row.get(1)? {
            0 => Charge::default(),
            id => read_charge(history, id)?,
        };
        let cpu: i64 = row.get(2)?;
        let others = row.get_ref(6)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let sums = Sums {
            cpu,
            memory: row.get(3)?,
            node: row.get(4)?,
            billing: cpu.saturating_add(row.get(5)?),
            others: read_others(others)?,
        };
        lines.push(usage_line(kind, row.get(0)?, &charge, sums));
    }
    Ok(lines)
}
