//! The table of records.

use super::body::{BadBody, Columns, numbered, read, read_words, state_number, words, written};
use super::groups::{count, group_of};
use super::spans::Moved;
use crate::database::Unread;
use domain::monitoring::{JobState, Origin, Record, RecordId};
use domain::ports::{Kept, Replaced, StoreError};
use domain::service::waits_for_archive;
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

/// The columns of a record, in the order in which [`of_row`] reads them.
pub(super) const COLUMNS: &str = "r.id, g.cluster, g.user, g.project, r.state, r.start, r.job, r.attempt, r.submitted, \
    r.version, r.body, r.meta";
/// Where they are.
pub(super) const FROM: &str = "record r JOIN grp g ON g.id = r.grp";

fn broken(error: BadBody) -> StoreError {
    StoreError::Unreadable { what: "a record of a monitored job".to_owned(), source: Box::new(error) }
}

/// Reads a record from its row; with what is told of it in words if that is wanted. Its tags are elsewhere.
pub(super) fn of_row(row: &Row<'_>, with_meta: bool) -> Result<Kept, Unread> {
    let state: i64 = row.get(4)?;
    let no_state = || StoreError::Unreadable {
        what: "the state of a monitored job".to_owned(),
        source: format!("there is no state {state}").into(),
    };
    let columns = Columns {
        id: RecordId(u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0)),
        cluster: row.get::<_, String>(1)?.into(),
        user: row.get::<_, String>(2)?.into(),
        project: row.get::<_, String>(3)?.into(),
        state: numbered(state).ok_or_else(no_state)?,
        start: row.get(5)?,
        job: row.get(6)?,
        attempt: row.get(7)?,
        submitted: row.get(8)?,
    };
    let body = row.get_ref(10)?.as_blob().map_err(rusqlite::Error::from)?;
    let mut record = read(columns, body).map_err(broken)?;
    if with_meta {
        let meta = row.get_ref(11)?.as_blob().map_err(rusqlite::Error::from)?;
        record.meta = read_words(meta).map_err(broken)?;
    }
    Ok(Kept { record, version: u64::try_from(row.get::<_, i64>(9)?).unwrap_or(0) })
}

/// Returns the number of a record as tables have it; what cannot be one is that of no record.
pub(super) fn row_number(id: RecordId) -> i64 {
    i64::try_from(id.0).unwrap_or(-1)
}

/// Reads a record without its tags.
pub(super) fn by_number(connection: &Connection, id: RecordId) -> Result<Option<Kept>, Unread> {
    read_one(connection, id, true)
}

/// Reads a record without its tags and what is told of it in words.
pub(super) fn without_words(connection: &Connection, id: RecordId) -> Result<Option<Kept>, Unread> {
    read_one(connection, id, false)
}

fn read_one(connection: &Connection, id: RecordId, with_words: bool) -> Result<Option<Kept>, Unread> {
    let mut select = connection.prepare_cached(&format!("SELECT {COLUMNS} FROM {FROM} WHERE r.id = ?1"))?;
    let mut rows = select.query([row_number(id)])?;
    rows.next()?.map(|row| of_row(row, with_words)).transpose()
}

/// Reads records of one number on a cluster, the oldest first, without tags and words.
pub(super) fn by_job(connection: &Connection, cluster: &str, job: i64) -> Result<Vec<Kept>, Unread> {
    let mut select = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {FROM} WHERE r.job = ?1 AND g.cluster = ?2 ORDER BY r.id"
    ))?;
    let mut rows = select.query(params![job, cluster])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(of_row(row, false)?);
    }
    Ok(found)
}

fn attempt(record: &Record) -> i64 {
    match record.origin {
        Origin::Engine { attempt } => i64::from(attempt),
        Origin::Registered => -1,
    }
}

/// What has not ended ends after everything else.
fn ended(record: &Record) -> i64 {
    record.end().unwrap_or(i64::MAX)
}

/// A record's body and words as the table has them: made before anybody waits for the table.
pub(super) struct Packed {
    body: Vec<u8>,
    words: Vec<u8>,
}

impl Packed {
    pub(super) fn of(record: &Record) -> Result<Self, StoreError> {
        Ok(Packed { body: written(record).map_err(broken)?, words: words(&record.meta).map_err(broken)? })
    }
}

/// Returns what a record's row holds, in the order in which it is put there; the number is found where there is none yet.
fn columns<'a>(id: Option<i64>, group: i64, record: &'a Record, packed: &'a Packed) -> impl Params + 'a {
    (
        id,
        group,
        state_number(record.state),
        record.start_time,
        record.job,
        attempt(record),
        record.submit_time,
        &packed.body,
        &packed.words,
        waits_for_archive(record),
        ended(record),
    )
}

/// Adds a record, and returns its number and where it has come to.
pub(super) fn insert(
    connection: &Connection,
    record: &Record,
    packed: &Packed,
) -> Result<(RecordId, Moved), Unread> {
    let group = group_of(connection, record)?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO record (id, grp, state, start, job, attempt, submitted, version, tagged, due, body, meta, ended)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, 0, ?10, ?8, ?9, ?11)",
    )?;
    let id = insert.insert(columns(None, group, record, packed))?;
    count(connection, group, 1)?;
    let come = Moved { group, start: record.start_time, has_come: true };
    Ok((RecordId(u64::try_from(id).unwrap_or(0)), come))
}

/// Puts a record in the place of an older one of the same number; returns where it has gone from and come to.
pub(super) fn replace(
    connection: &Connection,
    kept: &Kept,
    packed: &Packed,
) -> Result<(Replaced, Vec<Moved>), Unread> {
    let Kept { record, version } = kept;
    let id = row_number(record.id);
    let mut select = connection.prepare_cached("SELECT grp, start, version FROM record WHERE id = ?1")?;
    let found: Option<(i64, i64, i64)> =
        select.query_row([id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let Some((before, started, found)) = found else { return Ok((Replaced::Gone, Vec::new())) };
    if u64::try_from(found).ok() != Some(*version) {
        return Ok((Replaced::Changed, Vec::new()));
    }
    let group = group_of(connection, record)?;
    let mut update = connection.prepare_cached(
        "UPDATE record SET grp = ?2, state = ?3, start = ?4, job = ?5, attempt = ?6, submitted = ?7,
             version = version + 1, due = ?10, body = ?8, meta = ?9, ended = ?11 WHERE id = ?1",
    )?;
    update.execute(columns(Some(id), group, record, packed))?;
    let gone = Moved { group: before, start: started, has_come: false };
    let come = Moved { group, start: record.start_time, has_come: true };
    if group == before && started == record.start_time {
        return Ok((Replaced::Done, Vec::new()));
    }
    count(connection, before, -1)?;
    count(connection, group, 1)?;
    Ok((Replaced::Done, vec![gone, come]))
}

/// Takes a record away; returns where it was.
pub(super) fn remove(connection: &Connection, id: i64) -> rusqlite::Result<Option<Moved>> {
    let mut delete = connection.prepare_cached("DELETE FROM record WHERE id = ?1 RETURNING grp, start")?;
    let was = |row: &Row<'_>| Ok(Moved { group: row.get(0)?, start: row.get(1)?, has_come: false });
    let gone = delete.query_row([id], was).optional()?;
    if let Some(Moved { group, .. }) = gone {
        count(connection, group, -1)?;
        let mut untag = connection.prepare_cached("DELETE FROM record_tag WHERE record = ?1")?;
        untag.execute([id])?;
    }
    Ok(gone)
}

/// Returns the numbers of records that started before a second, at most `most`.
pub(super) fn started_before(
    connection: &Connection,
    start: i64,
    omit_tagged: bool,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached(
        "SELECT id FROM record WHERE start < ?1 AND (tagged = 0 OR NOT ?2) ORDER BY start LIMIT ?3",
    )?;
    select.query_map(params![start, omit_tagged, most as i64], |row| row.get(0))?.collect()
}

/// Returns the numbers of records that are not over, at most `most`.
pub(super) fn living_numbers(connection: &Connection, most: usize) -> rusqlite::Result<Vec<i64>> {
    let states = JobState::ALL.into_iter().filter(|state| !state.is_over());
    let states: Vec<String> = states.map(|state| state_number(state).to_string()).collect();
    let mut select = connection
        .prepare(&format!("SELECT id FROM record WHERE state IN ({}) LIMIT ?1", states.join(", ")))?;
    select.query_map([most as i64], |row| row.get(0))?.collect()
}

/// Returns the numbers of records that shall be written to the archive, the oldest first.
pub(super) fn due(connection: &Connection, most: usize) -> rusqlite::Result<Vec<RecordId>> {
    let mut select = connection.prepare_cached("SELECT id FROM record WHERE due = 1 ORDER BY id LIMIT ?1")?;
    let number = |row: &Row<'_>| row.get::<_, i64>(0).map(|id| RecordId(u64::try_from(id).unwrap_or(0)));
    select.query_map([most as i64], number)?.collect()
}
