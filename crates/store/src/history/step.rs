//! The row of a step that has ended: columns for what many have in common and for its times, and what is left of the
//! record beside them.

use super::shared::{self, Seen};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{decode, encoded};
use domain::job::JobStep;
use domain::ports::ClosedStep;
use domain::{JobId, Text, Timestamp};
use rusqlite::{Connection, Params, Row, Transaction, params};
use std::sync::Arc;

/// What [`from_row`] reads.
const COLUMNS: &str = r#"id, job, attempt, number, "end", age, ran, name, command, nodes, body"#;

/// Writes the row; one that is there already is replaced.
pub(super) fn insert(
    history: &Transaction<'_>,
    seen: &mut Seen,
    closed: &ClosedStep,
) -> rusqlite::Result<()> {
    let (step, end) = (&closed.step.step, closed.step.end.at.micros());
    let age = end.saturating_sub(closed.submitted.micros());
    let again =
        r#"DELETE FROM past_step WHERE job = ?1 AND attempt = ?2 AND number = ?3 AND "end" - age = ?4"#;
    history.prepare_cached(again)?.execute(params![
        closed.job.0,
        closed.attempt,
        step.number,
        closed.submitted.micros()
    ])?;
    let sql = r#"
        INSERT INTO past_step (job, attempt, number, "end", age, ran, name, command, nodes, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"#;
    history.prepare_cached(sql)?.execute(params![
        closed.job.0,
        closed.attempt,
        step.number,
        end,
        age,
        end.saturating_sub(step.started.micros()),
        seen.word(history, &step.name)?,
        seen.word(history, &step.command)?,
        seen.nodelist(history, &closed.nodes)?,
        encoded(&rest(closed)),
    ])?;
    Ok(())
}

/// Returns the record without what stands in columns.
fn rest(closed: &ClosedStep) -> ClosedStep {
    let mut rest = closed.clone();
    (rest.job, rest.submitted, rest.attempt) = (JobId(0), Timestamp::EPOCH, 0);
    rest.nodes = Text::default();
    rest.step.end.at = Timestamp::EPOCH;
    rest.step.step = Arc::new(JobStep {
        number: 0,
        name: Text::default(),
        command: Text::default(),
        started: Timestamp::EPOCH,
        ..JobStep::clone(&closed.step.step)
    });
    rest
}

/// Tells whether a step has been recorded.
pub(super) fn is_there(history: &Connection, closed: &ClosedStep) -> rusqlite::Result<bool> {
    let sql =
        r#"SELECT 1 FROM past_step WHERE job = ?1 AND attempt = ?2 AND number = ?3 AND "end" - age = ?4"#;
    let key = params![closed.job.0, closed.attempt, closed.step.step.number, closed.submitted.micros()];
    history.prepare_cached(sql)?.exists(key)
}

/// Reads the steps of a job, of the last one that had this number.
pub(super) fn of_job(connection: &Connection, id: JobId) -> Result<Vec<ClosedStep>, Unread> {
    let condition = r#"job = ?1 AND "end" - age = (SELECT max("end" - age) FROM past_step WHERE job = ?1)
        ORDER BY attempt, number"#;
    Ok(read(connection, condition, [id.0])?.into_iter().map(|(_, step)| step).collect())
}

/// Reads the steps of an attempt, with their rows.
pub(super) fn of_attempt(
    connection: &Connection,
    id: JobId,
    submitted: Timestamp,
    attempt: u32,
) -> Result<Vec<(i64, ClosedStep)>, Unread> {
    let condition = r#"job = ?1 AND attempt = ?2 AND "end" - age = ?3"#;
    read(connection, condition, params![id.0, attempt, submitted.micros()])
}

/// Reads the steps that were recorded first, with their rows.
pub(super) fn oldest(connection: &Connection, limit: i64) -> Result<Vec<(i64, ClosedStep)>, Unread> {
    read(connection, "true ORDER BY id LIMIT ?1", [limit])
}

fn read(
    connection: &Connection,
    condition: &str,
    parameters: impl Params,
) -> Result<Vec<(i64, ClosedStep)>, Unread> {
    let sql = format!("SELECT {COLUMNS} FROM past_step WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(parameters)?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push((row.get(0)?, from_row(connection, row)?));
    }
    Ok(steps)
}

fn from_row(connection: &Connection, row: &Row<'_>) -> Result<ClosedStep, Unread> {
    let id = JobId(row.get(1)?);
    let body = row.get_ref(10)?.as_blob().map_err(rusqlite::Error::from)?;
    let mut closed: ClosedStep =
        decode(body).map_err(|error| unreadable(format!("a step of job {id}"), error))?;
    let (end, age, ran): (i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
    (closed.job, closed.attempt) = (id, row.get(2)?);
    closed.submitted = Timestamp::from_micros(end.saturating_sub(age));
    closed.nodes = shared::nodelist(connection, row.get(9)?)?;
    closed.step.end.at = Timestamp::from_micros(end);
    let step = Arc::make_mut(&mut closed.step.step);
    step.number = row.get(3)?;
    step.started = Timestamp::from_micros(end.saturating_sub(ran));
    step.name = shared::word(connection, row.get(7)?)?;
    if let Some(command) = row.get(8)? {
        step.command = shared::word(connection, command)?;
    }
    Ok(closed)
}
