//! Reads history, and the scripts of jobs that live: from any thread, without waiting for the writer.

use super::query::Query;
use super::record::{COLUMNS, JOINS, Restorer};
use super::step;
use crate::content::{Content, Packed};
use crate::database::{Readers, Unread};
use crate::progress::Progress;
use crate::writer::{Parts, read_parts};
use domain::JobId;
use domain::job::Payload;
use domain::ports::{Closed, ClosedStep, History, HistoryFilter, StoreError};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// History shows an attempt a moment after its end is committed; readers wait for that, but not for ever.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers questions about finished jobs. Copies share their connections.
#[derive(Clone, Debug)]
pub struct Reader {
    queue: Readers,
    history: Readers,
    progress: Arc<Progress>,
}

impl Reader {
    /// Makes a reader; databases are opened when they are needed.
    pub(crate) fn of(queue: PathBuf, history: PathBuf, progress: Arc<Progress>) -> Self {
        Reader { queue: Readers::of(queue), history: Readers::of(history), progress }
    }

    /// Waits until history shows what has been committed by now.
    fn catch_up(&self) {
        let reached = self.progress.reached();
        let committed = reached.committed;
        if reached.recorded >= committed {
            return;
        }
        self.progress.set(|reached| reached.asked = reached.asked.max(committed));
        self.progress.wait_at_most(PATIENCE, |reached| {
            reached.recorded < committed && !reached.failing && !reached.stopping
        });
    }

    fn closed(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Vec<Closed>, StoreError> {
        self.catch_up();
        self.history.read("read history", |connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let mut rows = statement.query(parameters)?;
            let mut closed = Vec::new();
            let mut restorer = Restorer::default();
            while let Some(row) = rows.next()? {
                closed.push(restorer.closed(row)?);
            }
            Ok(closed)
        })
    }
}

impl History for Reader {
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError> {
        let sql = format!(
            r#"SELECT {COLUMNS} FROM attempt a {JOINS}
               WHERE a.job = ?1 OR a.array = ?1 ORDER BY a."end", a.attempt, a.id"#
        );
        self.closed(&sql, &[&id.0])
    }

    fn search(&self, filter: &HistoryFilter) -> Result<Vec<Closed>, StoreError> {
        if filter.limit == 0 {
            return Ok(Vec::new());
        }
        let Query { sql, parameters } = Query::of(filter);
        let sql = format!(
            r#"SELECT {COLUMNS} FROM ({sql}) k CROSS JOIN attempt a ON a.id = k.id {JOINS}
               ORDER BY k."end" DESC, k.job DESC"#
        );
        let parameters: Vec<&dyn ToSql> = parameters.iter().map(|value| value as &dyn ToSql).collect();
        self.closed(&sql, &parameters)
    }

    fn steps(&self, id: JobId) -> Result<Vec<ClosedStep>, StoreError> {
        self.catch_up();
        self.history.read("read steps", |connection| step::of_job(connection, id))
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
                "SELECT script, environment, arguments FROM attempt WHERE job = ?1
                 ORDER BY submit DESC, attempt DESC LIMIT 1",
                "SELECT script, environment, arguments FROM attempt WHERE array = ?1 ORDER BY id DESC LIMIT 1",
                id,
            )
        })?;
        finished.ok_or(StoreError::Missing(id))
    }
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
