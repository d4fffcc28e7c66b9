//! Series and their stretches in metrics.db.

use super::chunk::{BadChunk, decoded, encoded};
use super::points::Points;
use crate::database::Unread;
use domain::Text;
use domain::monitoring::{Component, Scope, SeriesKey};
use domain::ports::StoreError;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, Transaction, params};
use serde::{Deserialize, Serialize};

/// Values of one stretch at most: more than a day of one value every ten seconds.
const LONG: usize = 16_384;
/// A series of a whole host has this number instead of a job's and an attempt's.
const NO_JOB: i64 = -1;

/// What a series is about, in columns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeyRow {
    cluster: String,
    host: String,
    job: i64,
    attempt: i64,
    metric: String,
    scope: u8,
    part: String,
    sub_kind: String,
    sub: String,
}

fn scope_number(scope: Scope) -> u8 {
    match scope {
        Scope::Node => 0,
        Scope::Socket => 1,
        Scope::MemoryDomain => 2,
        Scope::Core => 3,
        Scope::HwThread => 4,
        Scope::Accelerator => 5,
    }
}

impl KeyRow {
    /// Its columns, in the order of their table.
    fn columns(&self) -> [&dyn ToSql; 9] {
        let KeyRow { cluster, host, job, attempt, metric, scope, part, sub_kind, sub } = self;
        [cluster, host, job, attempt, metric, scope, part, sub_kind, sub]
    }

    pub(super) fn of(key: &SeriesKey) -> Self {
        let SeriesKey { cluster, host, job, component, metric } = key;
        let (sub_kind, sub) = component.sub.clone().unwrap_or_default();
        KeyRow {
            cluster: cluster.to_string(),
            host: host.to_string(),
            job: job.map_or(NO_JOB, |(job, _)| i64::from(job)),
            attempt: job.map_or(NO_JOB, |(_, attempt)| i64::from(attempt)),
            metric: metric.to_string(),
            scope: scope_number(component.scope),
            part: component.id.to_string(),
            sub_kind: sub_kind.to_string(),
            sub: sub.to_string(),
        }
    }

    /// Returns what it says; `None` if that makes no sense.
    pub(super) fn key(self) -> Option<SeriesKey> {
        let job = match (u32::try_from(self.job), u32::try_from(self.attempt)) {
            (Ok(job), Ok(attempt)) => Some((job, attempt)),
            _ => None,
        };
        let scope = Scope::ALL.into_iter().find(|scope| scope_number(*scope) == self.scope)?;
        let is_whole = self.sub_kind.is_empty() && self.sub.is_empty();
        let sub = (!is_whole).then(|| (Text::from(self.sub_kind), Text::from(self.sub)));
        Some(SeriesKey {
            cluster: self.cluster.into(),
            host: self.host.into(),
            job,
            component: Component { scope, id: self.part.into(), sub },
            metric: self.metric.into(),
        })
    }
}

/// A stretch of a series.
struct Stretch {
    first: i64,
    written: i64,
    step: i64,
    points: Points,
}

fn broken(error: BadChunk) -> StoreError {
    StoreError::Unreadable { what: "a stretch of measured values".to_owned(), source: Box::new(error) }
}

fn stretch(row: &Row<'_>) -> Result<Stretch, Unread> {
    let bytes = row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)?;
    let points = decoded(bytes).map_err(broken)?;
    Ok(Stretch { first: row.get(0)?, written: row.get(1)?, step: row.get(2)?, points })
}

/// Returns the number of a series, which it gets if it has none.
pub(super) fn number_of(transaction: &Transaction<'_>, key: &SeriesKey) -> rusqlite::Result<i64> {
    if let Some(number) = known_number(transaction, key)? {
        return Ok(number);
    }
    let row = KeyRow::of(key);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO series (cluster, host, job, attempt, metric, scope, part, sub_kind, sub)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.insert(row.columns())
}

/// Returns the number of a series, if it has one.
pub(super) fn known_number(connection: &Connection, key: &SeriesKey) -> rusqlite::Result<Option<i64>> {
    let row = KeyRow::of(key);
    let mut select = connection.prepare_cached(
        "SELECT id FROM series WHERE cluster = ?1 AND host = ?2 AND job = ?3 AND attempt = ?4 AND metric = ?5
             AND scope = ?6 AND part = ?7 AND sub_kind = ?8 AND sub = ?9",
    )?;
    select.query_row(row.columns(), |row| row.get(0)).optional()
}

/// Adds values to a series. Short stretches at its end become one with them, each time there are as many new ones: so each
/// value is written again a few times only.
pub(super) fn add(
    transaction: &Transaction<'_>,
    series: i64,
    mut points: Points,
    written: i64,
) -> Result<(), Unread> {
    let mut last = transaction.prepare_cached(
        "SELECT first, written, step, points, count FROM chunk WHERE series = ?1 AND step = 0
         ORDER BY first DESC, written DESC LIMIT 1",
    )?;
    loop {
        let mut rows = last.query([series])?;
        let Some(row) = rows.next()? else { break };
        let count = usize::try_from(row.get::<_, i64>(4)?).unwrap_or(usize::MAX);
        if count > points.len() || count.saturating_add(points.len()) > LONG {
            break;
        }
        let before = stretch(row)?;
        drop(rows);
        remove(transaction, series, before.first, before.written)?;
        points = before.points.with(points);
    }
    write(transaction, series, 0, &points, written)
}

fn remove(transaction: &Transaction<'_>, series: i64, first: i64, written: i64) -> rusqlite::Result<()> {
    let mut delete =
        transaction.prepare_cached("DELETE FROM chunk WHERE series = ?1 AND first = ?2 AND written = ?3")?;
    delete.execute([series, first, written]).map(|_| ())
}

fn write(
    transaction: &Transaction<'_>,
    series: i64,
    step: i64,
    points: &Points,
    written: i64,
) -> Result<(), Unread> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR REPLACE INTO chunk (series, first, written, last, step, count, points)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let pieces = points.times.chunks(LONG).zip(points.values.chunks(LONG));
    for (times, values) in pieces {
        let piece = Points { times: times.to_vec(), values: values.to_vec() };
        let (Some(first), Some(last)) = (times.first(), times.last()) else { continue };
        let bytes = encoded(&piece).map_err(broken)?;
        insert.execute(params![series, first, written, last, step, piece.len() as i64, bytes])?;
    }
    Ok(())
}

/// Reads what is known of a series in a stretch of time, with the longest step any of it is kept in (0: as it came).
pub(super) fn read(
    connection: &Connection,
    series: i64,
    from: i64,
    until: i64,
) -> Result<(Points, i64), Unread> {
    let mut select = connection.prepare_cached(
        "SELECT first, written, step, points FROM chunk WHERE series = ?1 AND first < ?2 AND last >= ?3",
    )?;
    let mut rows = select.query([series, until, from])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(stretch(row)?);
    }
    found.sort_by_key(|stretch| stretch.written);
    let step = found.iter().map(|stretch| stretch.step).max().unwrap_or(0);
    let all = found.into_iter().fold(Points::default(), |all, stretch| all.with(stretch.points));
    Ok((all.only_within(from, until), step))
}

/// Finds series of the same cluster, host, job and metric that have values in a stretch of time.
pub(super) fn alike(
    connection: &Connection,
    about: &SeriesKey,
    from: i64,
    until: i64,
) -> rusqlite::Result<Vec<KeyRow>> {
    let row = KeyRow::of(about);
    let mut select = connection.prepare_cached(
        "SELECT cluster, host, job, attempt, metric, scope, part, sub_kind, sub FROM series
         WHERE cluster = ?1 AND host = ?2 AND job = ?3 AND attempt = ?4 AND metric = ?5
             AND EXISTS (SELECT 1 FROM chunk WHERE series = series.id AND first < ?6 AND last >= ?7)",
    )?;
    let found = select.query_map(
        params![row.cluster, row.host, row.job, row.attempt, row.metric, until, from],
        |row| {
            Ok(KeyRow {
                cluster: row.get(0)?,
                host: row.get(1)?,
                job: row.get(2)?,
                attempt: row.get(3)?,
                metric: row.get(4)?,
                scope: row.get(5)?,
                part: row.get(6)?,
                sub_kind: row.get(7)?,
                sub: row.get(8)?,
            })
        },
    )?;
    found.collect()
}

/// Makes longer steps of values that ended before `cut` and are kept in shorter ones, of at most `most` series. Tells of
/// how many.
pub(super) fn coarsen(
    transaction: &Transaction<'_>,
    cut: i64,
    step: i64,
    most: usize,
    written: i64,
) -> Result<usize, Unread> {
    let mut select = transaction
        .prepare_cached("SELECT DISTINCT series FROM chunk WHERE step < ?1 AND last < ?2 LIMIT ?3")?;
    let found: rusqlite::Result<Vec<i64>> =
        select.query_map(params![step, cut, most as i64], |row| row.get(0))?.collect();
    let found = found?;
    let mut fine = transaction.prepare_cached(
        "SELECT first, written, step, points FROM chunk WHERE series = ?1 AND step < ?2 AND last < ?3",
    )?;
    for series in &found {
        let mut rows = fine.query([*series, step, cut])?;
        let mut stretches = Vec::new();
        while let Some(row) = rows.next()? {
            stretches.push(stretch(row)?);
        }
        drop(rows);
        stretches.sort_by_key(|stretch| stretch.written);
        let mut all = Points::default();
        for Stretch { first, written, points, .. } in stretches {
            remove(transaction, *series, first, written)?;
            all = all.with(points);
        }
        write(transaction, *series, step, &all.means(0, step), written)?;
    }
    Ok(found.len())
}

/// Forgets values that ended before `cut`, and series that have no others. Tells how many stretches went.
pub(super) fn forget(transaction: &Transaction<'_>, cut: i64, most: usize) -> rusqlite::Result<usize> {
    let mut select =
        transaction.prepare_cached("SELECT series, first, written FROM chunk WHERE last < ?1 LIMIT ?2")?;
    let found: rusqlite::Result<Vec<[i64; 3]>> = select
        .query_map(params![cut, most as i64], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?
        .collect();
    let found = found?;
    let mut empty = transaction.prepare_cached(
        "DELETE FROM series WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM chunk WHERE series = ?1)",
    )?;
    for [series, first, written] in &found {
        remove(transaction, *series, *first, *written)?;
        empty.execute([series])?;
    }
    Ok(found.len())
}
