//! A finished job in three parts: columns of its attempt, some of them numbers of what many have in common; the rest of
//! its own record; and the rest of what was asked for, in a row that many share. Nothing is stored twice.

use super::known::Known;
use super::shared::{Class, Texts};
use crate::content::{Content, Packed};
use crate::database::Unread;
use crate::failure::unreadable;
use crate::row::{also, decode, decode_job, encode_job};
use domain::history::Amendment;
use domain::job::{Allocation, Job, JobSpec, Owner, Phase};
use domain::ports::{Closed, Recorded, StoreError};
use domain::{Gid, JobId, Text, TimeLimit, Timestamp, Uid};
use rusqlite::{CachedStatement, Connection, Row};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// What [`Restorer`] reads of attempt `p` and what was noted about it, `m`.
pub(super) const COLUMNS: &str = r#"p.id, p.job, p.class, p."end", p.age, p.held, p.ran, p.name, p.nodes, p.time_limit,
    p.work_dir, p.spec, p.boot, p.body, m.body, p.also"#;
/// What they are read from.
pub(super) const FROM: &str = "past p LEFT JOIN amendment m ON m.id = p.id";

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
            // Short as a distance; `NEVER` is one that reaches the end of time from anywhere.
            if run.until != Timestamp::NEVER {
                run.until = Timestamp::from_micros(run.until.micros().saturating_sub(run.started.micros()));
            }
            run.started = Timestamp::EPOCH;
            run.boot = Text::default();
            run.allocation =
                Arc::new(Allocation { partition: Text::default(), ..Allocation::clone(&run.allocation) });
        }
    }
    let mut bytes = Vec::with_capacity(128);
    encode_job(&job, &mut bytes);
    bytes
}

/// Puts jobs together again. Remembers the shared parts it has seen; tasks of an array share their request again.
pub(super) struct Restorer<'a> {
    connection: &'a Connection,
    contents: CachedStatement<'a>,
    requests: &'a mut HashMap<i64, Request>,
    boots: &'a mut HashMap<i64, Text>,
    classes: &'a mut HashMap<i64, Arc<Class>>,
    lists: Texts<'a>,
    words: Texts<'a>,
}

/// A shared part, and the last request that was made with it.
pub(super) struct Request {
    shared: JobSpec,
    last: Option<Arc<JobSpec>>,
}

impl<'a> Restorer<'a> {
    /// Makes one that looks shared parts up here, unless they are known.
    pub(super) fn of(connection: &'a Connection, known: &'a mut Known) -> rusqlite::Result<Self> {
        let Known { words, lists, boots, classes, requests } = known;
        Ok(Restorer {
            connection,
            contents: connection.prepare_cached("SELECT codec, size, body FROM content WHERE id = ?1")?,
            requests,
            boots,
            classes,
            lists: Texts::nodelists(connection, lists)?,
            words: Texts::words(connection, words)?,
        })
    }

    /// Reads [`COLUMNS`].
    pub(super) fn recorded(&mut self, row: &Row<'_>) -> Result<Recorded, Unread> {
        let id = JobId(row.get(1)?);
        let class = self.class(row.get(2)?)?;
        let spec = self.request(id, &class, row)?;
        let body = row.get_ref(13)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut job = decode_job(id, spec, body).map_err(|error| wrong(id, error))?;
        let (end, age): (i64, i64) = (row.get(3)?, row.get(4)?);
        let submitted = end.saturating_sub(age);
        job.submitted = Timestamp::from_micros(submitted);
        let held: Option<i64> = row.get(5)?;
        job.eligible =
            held.map_or(Timestamp::NEVER, |held| Timestamp::from_micros(submitted.saturating_add(held)));
        if let Phase::Ended(ended) = &mut job.phase {
            ended.ended = Timestamp::from_micros(end);
            if let Some(run) = &mut ended.run {
                let ran: Option<i64> = row.get(6)?;
                let started = end.saturating_sub(ran.unwrap_or(0));
                run.until = Timestamp::from_micros(run.until.micros().saturating_add(started));
                run.started = Timestamp::from_micros(started);
                run.boot = self.boot(row.get(12)?)?;
                Arc::make_mut(&mut run.allocation).partition = class.partition.clone();
            }
        }
        let amendment = amendment(id, row)?;
        if let Some(amendment) = &amendment {
            amendment.write_into(&mut job);
        }
        let nodes = self.lists.text(row.get(8)?)?;
        let also = row.get_ref(15)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
        let also = also::from_blob(also).map_err(|error| wrong(id, error))?;
        let row = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0);
        Ok(Recorded { row, closed: Closed { job: Arc::new(job), nodes, also }, amendment })
    }

    fn request(&mut self, id: JobId, class: &Class, row: &Row<'_>) -> Result<Arc<JobSpec>, Unread> {
        let name = self.words.text(row.get(7)?)?;
        let work_dir = self.words.text(row.get(10)?)?;
        let request = match self.requests.entry(row.get(11)?) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let bytes = content(&mut self.contents, *unknown.key())?.unpacked()?;
                let shared = decode(&bytes).map_err(|error| wrong(id, error))?;
                unknown.insert(Request { shared, last: None })
            }
        };
        let owner = Owner {
            name: class.user_name.clone(),
            uid: class.uid(),
            gid: class.gid(),
            group: class.group_name.clone(),
        };
        let time_limit = row.get::<_, Option<u32>>(9)?.map_or(TimeLimit::Unlimited, TimeLimit::Minutes);
        if let Some(last) = &request.last
            && (&last.owner, &last.name, &last.account, &last.qos)
                == (&owner, &name, &class.account, &class.qos)
            && (&last.wckey, &last.work_dir, last.time_limit) == (&class.wckey, &work_dir, time_limit)
        {
            return Ok(Arc::clone(last));
        }
        let spec = JobSpec {
            owner,
            name,
            account: class.account.clone(),
            qos: class.qos.clone(),
            wckey: class.wckey.clone(),
            work_dir,
            time_limit,
            ..request.shared.clone()
        };
        Ok(Arc::clone(request.last.insert(Arc::new(spec))))
    }

    fn class(&mut self, id: i64) -> Result<Arc<Class>, Unread> {
        match self.classes.entry(id) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(unknown) => {
                let class = Arc::new(Class::read(self.connection, id)?);
                Ok(Arc::clone(unknown.insert(class)))
            }
        }
    }

    fn boot(&mut self, id: i64) -> Result<Text, Unread> {
        if id == 0 {
            return Ok(Text::default());
        }
        Ok(match self.boots.entry(id) {
            Entry::Occupied(known) => known.get().clone(),
            Entry::Vacant(unknown) => {
                let name = Content::script(content(&mut self.contents, id)?)?;
                unknown.insert(Text::from_utf8_lossy(&name)).clone()
            }
        })
    }
}

fn content(contents: &mut CachedStatement<'_>, id: i64) -> Result<Packed, Unread> {
    Ok(contents.query_row([id], |row| Packed::from_columns(row, 0))?)
}

fn amendment(id: JobId, row: &Row<'_>) -> Result<Option<Box<Amendment>>, Unread> {
    let bytes = row.get_ref(14)?.as_blob_or_null().map_err(rusqlite::Error::from)?;
    let read = bytes.map(|bytes| decode(bytes).map_err(|error| wrong(id, error))).transpose()?;
    Ok(read.map(Box::new))
}

fn wrong(id: JobId, error: crate::row::BadRow) -> StoreError {
    unreadable(format!("finished job {id}"), error)
}
