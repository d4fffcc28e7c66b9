//! The row of a step that has ended: columns for those who count, the whole record beside them.

use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{Stored, decode};
use domain::JobId;
use domain::job::Exit;
use domain::ports::ClosedStep;
use rusqlite::{Connection, Transaction, params};
use std::time::Duration;

/// Writes the row; one that is there already is replaced.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    closed: &ClosedStep,
    body: &[u8],
) -> rusqlite::Result<()> {
    let sql = r#"
        INSERT OR REPLACE INTO step (
            job, submit, attempt, number, name, nodes, tasks, cpus, memory, start, "end", outcome, exit_code,
            exit_signal, cpu_micros, max_rss, body
        ) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"#;
    let (step, end) = (&closed.step.step, &closed.step.end);
    let (code, signal) = match end.exit {
        Exit::None => (None, None),
        Exit::Code(code) => (Some(code), None),
        Exit::Signal(signal) => (None, Some(signal)),
    };
    let small = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    transaction.prepare_cached(sql)?.execute(params![
        closed.job.0,
        closed.submitted.micros(),
        closed.attempt,
        step.number,
        step.name.as_str(),
        closed.nodes.as_str(),
        step.tasks,
        step.cpus(),
        small(step.memory()),
        step.started.micros(),
        end.at.micros(),
        end.outcome.to_row(),
        code,
        signal,
        micros(end.usage.user.saturating_add(end.usage.system)),
        small(end.usage.max_rss_kb),
        body,
    ])?;
    Ok(())
}

/// Reads the steps of a job, of the last one that had this number.
pub(super) fn of_job(connection: &Connection, id: JobId) -> Result<Vec<ClosedStep>, Unread> {
    let sql = "SELECT body FROM step WHERE job = ?1
               AND submit = (SELECT max(submit) FROM step WHERE job = ?1) ORDER BY attempt, number";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.0])?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        let body = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        steps.push(decode(body).map_err(|error| unreadable(format!("a step of job {id}"), error))?);
    }
    Ok(steps)
}
