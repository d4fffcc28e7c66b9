//! The row of a step that has ended: columns for what many have in common and for its times, and what is left of the
//! record beside them.

use super::known::Known;
use super::shared::{Seen, Texts};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{decode, encoded};
use domain::job::JobStep;
use domain::ports::ClosedStep;
use domain::{JobId, Text, Timestamp};
use rusqlite::{Connection, Row, Rows, Transaction, params};
use std::sync::Arc;

/// What [`Reading::step`] reads.
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

/// Reads the steps of jobs, by job; of each the last one that had this number, by attempt and number.
pub(super) fn of_jobs(
    connection: &Connection,
    known: &mut Known,
    jobs: &[JobId],
) -> Result<Vec<ClosedStep>, Unread> {
    let mut reading = Reading::of(connection, known)?;
    let sql = format!("SELECT {COLUMNS} FROM past_step WHERE job BETWEEN ?1 AND ?2 ORDER BY job");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut all = Vec::new();
    for (first, last) in runs(connection, jobs)? {
        let steps = reading.all(statement.query([first.0, last.0])?)?;
        let mut steps = steps.into_iter().map(|(_, step)| step).peekable();
        while let Some(one) = steps.next() {
            let job = one.job;
            let mut of_job = vec![one];
            while let Some(another) = steps.next_if(|step| step.job == job) {
                of_job.push(another);
            }
            let last = of_job.iter().map(|step| step.submitted).max();
            of_job.retain(|step| Some(step.submitted) == last);
            of_job.sort_by_key(|step| (step.attempt, step.step.step.number));
            all.append(&mut of_job);
        }
    }
    Ok(all)
}

/// So many numbers between the first and the last job for each of them are passed along at most, rather than each job's
/// steps looked for.
const CLOSE: u64 = 8;

/// Returns the first and last of jobs between which no other job has steps, and leaves out those that have none: where
/// their numbers lie close together, one walk along the index tells.
fn runs(connection: &Connection, jobs: &[JobId]) -> rusqlite::Result<Vec<(JobId, JobId)>> {
    let mut jobs = jobs.to_vec();
    jobs.sort_unstable();
    jobs.dedup();
    let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else { return Ok(Vec::new()) };
    if u64::from(last.0 - first.0) > CLOSE * jobs.len() as u64 {
        return Ok(jobs.iter().map(|job| (*job, *job)).collect());
    }
    let sql = "SELECT DISTINCT job FROM past_step WHERE job BETWEEN ?1 AND ?2 ORDER BY job";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([first.0, last.0])?;
    let mut wanted = jobs.iter().peekable();
    let mut runs: Vec<(JobId, JobId)> = Vec::new();
    let mut goes_on = false;
    while let Some(row) = rows.next()? {
        let there = JobId(row.get(0)?);
        while wanted.next_if(|job| **job < there).is_some() {}
        let is_wanted = wanted.next_if(|job| **job == there).is_some();
        match runs.last_mut() {
            Some((_, last)) if is_wanted && goes_on => *last = there,
            _ if is_wanted => runs.push((there, there)),
            _ => {}
        }
        goes_on = is_wanted;
    }
    Ok(runs)
}

/// Reads the steps of an attempt, with their rows.
pub(super) fn of_attempt(
    connection: &Connection,
    id: JobId,
    submitted: Timestamp,
    attempt: u32,
) -> Result<Vec<(i64, ClosedStep)>, Unread> {
    let condition = r#"job = ?1 AND attempt = ?2 AND "end" - age = ?3"#;
    let sql = format!("SELECT {COLUMNS} FROM past_step WHERE {condition}");
    let mut statement = connection.prepare_cached(&sql)?;
    let rows = statement.query(params![id.0, attempt, submitted.micros()])?;
    Reading::of(connection, &mut Known::default())?.all(rows)
}

/// Reads the steps that were recorded first, with their rows.
pub(super) fn oldest(connection: &Connection, limit: i64) -> Result<Vec<(i64, ClosedStep)>, Unread> {
    let sql = format!("SELECT {COLUMNS} FROM past_step ORDER BY id LIMIT ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    Reading::of(connection, &mut Known::default())?.all(statement.query([limit])?)
}

/// Puts steps together again.
struct Reading<'a> {
    words: Texts<'a>,
    lists: Texts<'a>,
}

impl<'a> Reading<'a> {
    fn of(connection: &'a Connection, known: &'a mut Known) -> rusqlite::Result<Self> {
        Ok(Reading {
            words: Texts::words(connection, &mut known.words)?,
            lists: Texts::nodelists(connection, &mut known.lists)?,
        })
    }

    fn all(&mut self, mut rows: Rows<'_>) -> Result<Vec<(i64, ClosedStep)>, Unread> {
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push((row.get(0)?, self.step(row)?));
        }
        Ok(steps)
    }

    fn step(&mut self, row: &Row<'_>) -> Result<ClosedStep, Unread> {
        let id = JobId(row.get(1)?);
        let body = row.get_ref(10)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut closed: ClosedStep =
            decode(body).map_err(|error| unreadable(format!("a step of job {id}"), error))?;
        let (end, age, ran): (i64, i64, i64) = (row.get(4)?, row.get(5)?, row.get(6)?);
        (closed.job, closed.attempt) = (id, row.get(2)?);
        closed.submitted = Timestamp::from_micros(end.saturating_sub(age));
        closed.nodes = self.lists.text(row.get(9)?)?;
        closed.step.end.at = Timestamp::from_micros(end);
        let step = Arc::make_mut(&mut closed.step.step);
        step.number = row.get(3)?;
        step.started = Timestamp::from_micros(end.saturating_sub(ran));
        step.name = self.words.text(row.get(7)?)?;
        if let Some(command) = row.get(8)? {
            step.command = self.words.text(command)?;
        }
        Ok(closed)
    }
}
