//! Everything that was live, out of queue.db; on two threads, since understanding the rows is most of the work.

use super::ledger::{Known, Ledger, Parts};
use crate::database::Database;
use crate::failure::{failed, unreadable};
use crate::row::{book, decode, decode_all, decode_job, usage};
use domain::accounting::{LastNumbers, Past, Record, UsedBy};
use domain::cluster::NodeMark;
use domain::cron::Crontab;
use domain::job::{ArrayPart, Job, JobSpec};
use domain::ports::{Saved, StoreError};
use domain::reservation::Reservation;
use domain::service::{Receipt, StateChange};
use domain::who::Membership;
use domain::{JobId, Timestamp};
use rusqlite::{Connection, Row};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// Below this many rows a second thread costs more than it saves.
const WORTH_A_THREAD: i64 = 2_000;

type Specs = HashMap<i64, Arc<JobSpec>>;

/// Reads everything, and puts it into the ledger in place of what was there.
pub(super) fn load(connection: &Connection, path: &Path, ledger: &mut Ledger) -> Result<Saved, StoreError> {
    ledger.clear();
    let specs: Specs =
        in_halves(connection, path, "spec", |half| read_specs(half, path))?.into_iter().collect();
    ledger.expect(specs.len(), 0);
    for (id, spec) in &specs {
        ledger.put_spec(*id, Arc::clone(spec), 0);
    }
    let jobs = in_halves(connection, path, "job", |half| read_jobs(half, path, &specs))?;
    ledger.expect(0, jobs.len());
    for (job, columns) in &jobs {
        let is_task = matches!(job.array, Some(ArrayPart::Task { .. }));
        let array = job.array_id();
        ledger.use_spec_row(columns.spec);
        if let (None, Some(parts)) = (ledger.parts(array), columns.parts) {
            ledger.put_parts(array, parts);
            parts.rows().for_each(|id| ledger.use_content(id));
        }
        ledger.use_payload(array);
        ledger.put_job(job.id, Known { spec: columns.spec, array, is_task });
    }
    let sqlite = |error| failed("load the jobs", path, error);
    read_closed(connection, ledger).map_err(sqlite)?;
    let last_content = connection
        .query_row("SELECT max(id) FROM content", [], |row| row.get::<_, Option<i64>>(0))
        .map_err(sqlite)?;
    ledger.saw_content(last_content.unwrap_or(0));
    ledger.keep();
    Ok(Saved {
        jobs: jobs.into_iter().map(|(job, _)| job).collect(),
        next_id: read_number(connection, "next job").map_err(sqlite)?.map(JobId),
        changes: read_changes(connection, path)?,
        members: read_members(connection, path)?,
        usage: read_usage(connection, path)?,
        accounted: Timestamp::from_seconds(
            read_number(connection, usage::ACCOUNTED).map_err(sqlite)?.unwrap_or(0).into(),
        ),
        books: read_books(connection, path)?,
        last_numbers: read_last_numbers(connection).map_err(sqlite)?,
        nodes: read_nodes(connection, path)?,
        crontabs: read_crontabs(connection, path)?,
        reservations: read_reservations(connection, path)?,
        last_reservation: read_number(connection, "last reservation").map_err(sqlite)?.unwrap_or(0),
        receipts: read_receipts(connection, path)?,
    })
}

/// Rows of a table in two ranges of their numbers.
struct Half<'a> {
    connection: &'a Connection,
    first: i64,
    last: i64,
}

fn in_halves<T: Send>(
    connection: &Connection,
    path: &Path,
    table: &'static str,
    read: impl Fn(&Half<'_>) -> Result<Vec<T>, StoreError> + Sync,
) -> Result<Vec<T>, StoreError> {
    let sqlite = |error| failed("load the jobs", path, error);
    let ends = format!("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM {table}");
    let (first, last): (i64, i64) =
        connection.query_row(&ends, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(sqlite)?;
    if last - first < WORTH_A_THREAD {
        return read(&Half { connection, first, last });
    }
    let middle = first + (last - first) / 2;
    std::thread::scope(|scope| {
        let later = scope.spawn(|| {
            let connection = Database::readable(path)?;
            read(&Half { connection: &connection, first: middle + 1, last })
        });
        let mut rows = read(&Half { connection, first, last: middle })?;
        // A panic over there is a panic here.
        let later = later.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        rows.extend(later);
        Ok(rows)
    })
}

impl Half<'_> {
    fn rows<T>(
        &self,
        path: &Path,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<Result<T, StoreError>>,
    ) -> Result<Vec<T>, StoreError> {
        let sqlite = |error| failed("load the jobs", path, error);
        let mut statement = self.connection.prepare(sql).map_err(sqlite)?;
        let rows = statement.query_map([self.first, self.last], |row| read(row)).map_err(sqlite)?;
        rows.map(|row| row.map_err(sqlite).flatten()).collect()
    }
}

fn read_specs(half: &Half<'_>, path: &Path) -> Result<Vec<(i64, Arc<JobSpec>)>, StoreError> {
    half.rows(path, "SELECT id, body FROM spec WHERE id BETWEEN ?1 AND ?2", |row| {
        let (id, body) = (row.get(0)?, row.get_ref(1)?.as_blob()?);
        Ok(decode(body)
            .map(|spec| (id, Arc::new(spec)))
            .map_err(|error| unreadable(format!("request {id} in {}", path.display()), error)))
    })
}

/// Columns of a job that are the ledger's matter.
struct Columns {
    spec: i64,
    parts: Option<Parts>,
}

fn read_jobs(half: &Half<'_>, path: &Path, specs: &Specs) -> Result<Vec<(Job, Columns)>, StoreError> {
    let sql = "SELECT id, spec, script, environment, arguments, body FROM job
               WHERE id BETWEEN ?1 AND ?2 ORDER BY id";
    half.rows(path, sql, |row| {
        let (id, spec, body) = (JobId(row.get(0)?), row.get(1)?, row.get_ref(5)?.as_blob()?);
        let columns = Columns { spec, parts: read_parts(row, 2)? };
        let job = match specs.get(&spec) {
            Some(spec) => decode_job(id, Arc::clone(spec), body),
            None => Err(crate::row::BadRow::Nonsense("a job without its request")),
        };
        Ok(job
            .map(|job| (job, columns))
            .map_err(|error| unreadable(format!("job {id} in {}", path.display()), error)))
    })
}

/// Reads the columns `script`, `environment` and `arguments`, the first of them at `at`.
pub(crate) fn read_parts(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Parts>> {
    let script: Option<i64> = row.get(at)?;
    let Some(script) = script else { return Ok(None) };
    let (environment, arguments): (Option<i64>, Option<i64>) = (row.get(at + 1)?, row.get(at + 2)?);
    Ok(Some(Parts { script, environment: environment.unwrap_or(0), arguments: arguments.unwrap_or(0) }))
}

fn read_closed(connection: &Connection, ledger: &mut Ledger) -> rusqlite::Result<()> {
    let mut statement =
        connection.prepare("SELECT id, spec, script, environment, arguments FROM closed ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, spec, parts) = (row.get(0)?, row.get(1)?, read_parts(row, 2)?);
        ledger.use_spec_row(spec);
        parts.into_iter().flat_map(Parts::rows).for_each(|id| ledger.use_content(id));
        ledger.saw_closed(id, spec, parts);
    }
    Ok(())
}

fn read_number(connection: &Connection, name: &str) -> rusqlite::Result<Option<u32>> {
    let mut statement = connection.prepare("SELECT value FROM number WHERE name = ?1")?;
    statement.query_map([name], |row| row.get(0))?.next().transpose()
}

fn read_changes(connection: &Connection, path: &Path) -> Result<Vec<StateChange>, StoreError> {
    let mut changes = Vec::new();
    for body in bodies(connection, "SELECT body FROM change ORDER BY last", path)? {
        let batch = decode_all(&body);
        changes.extend(batch.map_err(|error| unreadable(format!("the feed in {}", path.display()), error))?);
    }
    Ok(changes)
}

fn read_members(connection: &Connection, path: &Path) -> Result<Vec<Membership>, StoreError> {
    let rows = bodies(connection, "SELECT body FROM member ORDER BY name", path)?;
    let members = rows.iter().map(|body| decode(body));
    members
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a user in {}", path.display()), error))
}

fn read_books(connection: &Connection, path: &Path) -> Result<Vec<Record>, StoreError> {
    let sqlite = |error| failed("load the jobs", path, error);
    let mut statement = connection.prepare("SELECT kind, name, body FROM book").map_err(sqlite)?;
    let rows = statement.query_map([], |row| {
        let (kind, name): (u8, String) = (row.get(0)?, row.get(1)?);
        let record = book::record(kind, &name, row.get_ref(2)?.as_blob()?);
        Ok(record.map_err(|error| unreadable(format!("a record of accounting in {}", path.display()), error)))
    });
    rows.map_err(sqlite)?.map(|row| row.map_err(sqlite).flatten()).collect()
}

fn read_usage(connection: &Connection, path: &Path) -> Result<Vec<(UsedBy, Past)>, StoreError> {
    let sqlite = |error| failed("load the jobs", path, error);
    let mut statement = connection.prepare("SELECT kind, id, body FROM usage").map_err(sqlite)?;
    let rows = statement.query_map([], |row| {
        let (kind, id): (u8, u32) = (row.get(0)?, row.get(1)?);
        let past = decode(row.get_ref(2)?.as_blob()?).and_then(|past| Ok((usage::used_by(kind, id)?, past)));
        Ok(past.map_err(|error| unreadable(format!("what was used in {}", path.display()), error)))
    });
    rows.map_err(sqlite)?.map(|row| row.map_err(sqlite).flatten()).collect()
}

fn read_last_numbers(connection: &Connection) -> rusqlite::Result<LastNumbers> {
    let mut last = LastNumbers::default();
    for (name, into) in [
        (book::LAST_ASSOCIATION, &mut last.association),
        (book::LAST_QOS, &mut last.qos),
        (book::LAST_WCKEY, &mut last.wckey),
    ] {
        *into = read_number(connection, name)?.unwrap_or(0);
    }
    Ok(last)
}

fn read_nodes(connection: &Connection, path: &Path) -> Result<Vec<NodeMark>, StoreError> {
    let rows = bodies(connection, "SELECT body FROM node ORDER BY name", path)?;
    let nodes = rows.iter().map(|body| decode(body));
    nodes
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a node in {}", path.display()), error))
}

fn read_crontabs(connection: &Connection, path: &Path) -> Result<Vec<Crontab>, StoreError> {
    let rows = bodies(connection, "SELECT body FROM crontab ORDER BY user", path)?;
    let crontabs = rows.iter().map(|body| decode(body));
    crontabs
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a crontab in {}", path.display()), error))
}

fn read_reservations(connection: &Connection, path: &Path) -> Result<Vec<Reservation>, StoreError> {
    let rows = bodies(connection, "SELECT body FROM reservation ORDER BY id", path)?;
    let reservations = rows.iter().map(|body| decode(body));
    reservations
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a reservation in {}", path.display()), error))
}

fn read_receipts(connection: &Connection, path: &Path) -> Result<Vec<Receipt>, StoreError> {
    let rows = bodies(connection, "SELECT body FROM receipt ORDER BY id", path)?;
    let receipts = rows.iter().map(|body| decode(body));
    receipts
        .collect::<Result<_, _>>()
        .map_err(|error| unreadable(format!("a receipt in {}", path.display()), error))
}

fn bodies(connection: &Connection, sql: &str, path: &Path) -> Result<Vec<Vec<u8>>, StoreError> {
    let read = || -> rusqlite::Result<Vec<Vec<u8>>> {
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(|error| failed("load the jobs", path, error))
}
