//! A finished job in three parts: columns of its attempt; the rest of its own record; and the rest of what was asked
//! for, which many jobs have in common, in a row that they share. Nothing is stored twice.

use crate::content::{Content, Packed};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{decode, decode_job, encode_job};
use domain::job::{Job, JobSpec, Owner, Phase};
use domain::ports::Closed;
use domain::{Gid, JobId, Text, TimeLimit, Timestamp, Uid};
use rusqlite::Row;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What [`Restorer`] reads, from attempt `a`, its shared part `s` and the name of its boot `b`.
pub(super) const COLUMNS: &str = r#"a.job, a.nodes, a.body, a.spec, s.codec, s.size, s.body,
    a.user_name, a.user, a.group_id, a.group_name, a.name, a.account, a.qos, a.wckey, a.work_dir, a.time_limit,
    a.submit, a.eligible, a."end", a.start, a.boot, b.codec, b.size, b.body"#;
/// What they are read from, behind attempt `a`.
pub(super) const JOINS: &str =
    "LEFT JOIN content s ON s.id = a.spec LEFT JOIN content b ON b.id = nullif(a.boot, 0)";

/// Returns the request without what stands in columns.
pub(super) fn shared(spec: &JobSpec) -> JobSpec {
    let empty = Text::default;
    JobSpec {
        owner: Owner { name: empty(), uid: Uid(0), gid: Gid(0), group: empty() },
        name: empty(),
        account: empty(),
        qos: empty(),
        wckey: empty(),
        work_dir: empty(),
        time_limit: TimeLimit::Unlimited,
        ..spec.clone()
    }
}

/// Returns the bytes of the job's record without what stands in columns.
pub(super) fn rest(job: &Job) -> Vec<u8> {
    let mut job = job.clone();
    job.submitted = Timestamp::EPOCH;
    job.eligible = Timestamp::EPOCH;
    if let Phase::Ended(ended) = &mut job.phase {
        ended.ended = Timestamp::EPOCH;
        if let Some(run) = &mut ended.run {
            run.started = Timestamp::EPOCH;
            run.boot = Text::default();
        }
    }
    let mut bytes = Vec::with_capacity(128);
    encode_job(&job, &mut bytes);
    bytes
}

/// Puts jobs together again. Knows the shared parts it has seen; tasks of an array share their request again.
#[derive(Default)]
pub(super) struct Restorer {
    requests: HashMap<i64, Request>,
    boots: HashMap<i64, Text>,
}

/// A shared part, and the last request that was made with it.
struct Request {
    shared: JobSpec,
    last: Option<Arc<JobSpec>>,
}

impl Restorer {
    /// Reads [`COLUMNS`].
    pub(super) fn closed(&mut self, row: &Row<'_>) -> Result<Closed, Unread> {
        let id = JobId(row.get(0)?);
        let spec = self.request(id, row)?;
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut job = decode_job(id, spec, body).map_err(|error| wrong(id, error))?;
        job.submitted = time(row, 17)?.unwrap_or(Timestamp::EPOCH);
        job.eligible = time(row, 18)?.unwrap_or(Timestamp::NEVER);
        if let Phase::Ended(ended) = &mut job.phase {
            ended.ended = time(row, 19)?.unwrap_or(Timestamp::EPOCH);
            if let Some(run) = &mut ended.run {
                run.started = time(row, 20)?.unwrap_or(Timestamp::EPOCH);
                run.boot = self.boot(row)?;
            }
        }
        Ok(Closed { job: Arc::new(job), nodes: text(row, 1)? })
    }

    fn request(&mut self, id: JobId, row: &Row<'_>) -> Result<Arc<JobSpec>, Unread> {
        let request = match self.requests.entry(row.get(3)?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let bytes = Packed::from_columns(row, 4)?.unpacked()?;
                let shared = decode(&bytes).map_err(|error| wrong(id, error))?;
                unknown.insert(Request { shared, last: None })
            }
        };
        let spec = JobSpec {
            owner: Owner {
                name: text(row, 7)?,
                uid: Uid(row.get(8)?),
                gid: Gid(row.get(9)?),
                group: text(row, 10)?,
            },
            name: text(row, 11)?,
            account: text(row, 12)?,
            qos: text(row, 13)?,
            wckey: text(row, 14)?,
            work_dir: text(row, 15)?,
            time_limit: row.get::<_, Option<u32>>(16)?.map_or(TimeLimit::Unlimited, TimeLimit::Minutes),
            ..request.shared.clone()
        };
        match &request.last {
            Some(last) if **last == spec => Ok(Arc::clone(last)),
            _ => Ok(Arc::clone(request.last.insert(Arc::new(spec)))),
        }
    }

    fn boot(&mut self, row: &Row<'_>) -> Result<Text, Unread> {
        let boot: i64 = row.get(21)?;
        if boot == 0 {
            return Ok(Text::default());
        }
        match self.boots.entry(boot) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(unknown) => {
                let name = Content::script(Packed::from_columns(row, 22)?)?;
                Ok(unknown.insert(Text::from_utf8_lossy(&name)).clone())
            }
        }
    }
}

fn wrong(id: JobId, error: crate::row::BadRow) -> domain::ports::StoreError {
    unreadable(format!("finished job {id}"), error)
}

fn text(row: &Row<'_>, column: usize) -> Result<Text, Unread> {
    Ok(Text::from(row.get_ref(column)?.as_str().map_err(rusqlite::Error::from)?))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}
