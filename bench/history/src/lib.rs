//! A store full of finished jobs of a made-up cluster, to measure with.
//!
//! A million are 37 days of jobs, handed to the store as a service would and recorded by it; more are copies of these
//! days within the database. The cluster has 500 nodes in five partitions, 300 users in 60 accounts, few of whom run
//! most of the jobs, and 27,000 jobs a day. Twenty jobs at a time have name, directory and request in common, every
//! fifth is a task of an array, every tenth runs on several nodes, every seventh fails in some way; two in five have a
//! step of their own.

mod copy;
mod jobs;
pub mod monitored;

pub use jobs::{chance, end_of};

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use domain::JobId;
use domain::history::Amendment;
use domain::ports::{Batch, Closed, History, Store};
use store::{Options, Reader, Writer};

/// Jobs that end in a day.
pub const A_DAY: u32 = 27_000;
/// Microseconds of a day.
pub const DAY: i64 = 86_400_000_000;
/// When the first job ended, microseconds since 1970.
pub const BEGAN: i64 = 1_700_000_000_000_000;
/// Nodes of the cluster, by the numbers they have in the store: `node0` and so on.
pub const NODES: u32 = 500;
/// Its partitions, all of them of all nodes.
pub const PARTITIONS: [&str; 5] = ["batch", "long", "gpu", "debug", "fat"];
/// Its users: `user0` and so on, the first ones with most of the jobs.
pub const USERS: u32 = 300;
/// The number of the first user.
pub const FIRST_USER: u32 = 2_000;
/// Its accounts: `project0` and so on; a user is in the one of its number modulo this.
pub const ACCOUNTS: u32 = 60;

/// Jobs of 37 days, of which there are copies.
const COPIED: u32 = 37 * A_DAY;
/// The minutes of these days.
const COPIED_MINUTES: i64 = 37 * 1440;
/// One attempt in so many has a note.
const NOTED: usize = 5_000;
/// Jobs that end in one commit.
const AT_ONCE: u32 = 250;
/// The file that says how many jobs there are, written when all of them are.
const FINISHED: &str = "made-up-jobs";

/// Returns how many jobs a store has for which so many were asked: beyond a million whole copies.
pub fn whole(jobs: u32) -> u32 {
    if jobs > COPIED { jobs / COPIED * COPIED } else { jobs }
}

/// Makes a store of [`whole`] so many jobs in a directory, unless there is one.
///
/// # Errors
/// If the store cannot be written, or the directory has another one.
pub fn make(directory: &Path, jobs: u32) -> Result<()> {
    let (file, finished) = (directory.join("history.db"), directory.join(FINISHED));
    let jobs = whole(jobs);
    if file.exists() {
        let made = std::fs::read_to_string(&finished).unwrap_or_default();
        ensure!(made == jobs.to_string(), "{} has another store", directory.display());
        return Ok(());
    }
    let recorded = jobs.min(COPIED);
    let rate = record(directory, 1, recorded)?;
    eprintln!("{recorded:>10} jobs recorded, {rate:.0} a second");
    let (mut writer, reader) = opened(directory)?;
    let note =
        |row: u32| (u64::from(row), Amendment { comment: Some("seen".into()), ..Amendment::default() });
    let notes: Vec<(u64, Amendment)> = (1..=recorded).step_by(NOTED).map(note).collect();
    reader.amend(&notes)?;
    // The service goes on behind them.
    writer.commit(&Batch { next_id: Some(JobId(jobs + 1)), ..Batch::default() })?;
    drop((writer, reader));
    if jobs > recorded {
        copy::copy(&file, jobs / recorded).with_context(|| format!("copy within {}", file.display()))?;
    }
    Ok(std::fs::write(finished, jobs.to_string())?)
}

/// Lets so many jobs end, from this number on, and waits until they are recorded; returns how many were recorded a
/// second. Never further ahead of the recorder than ten thousand: a queue of millions is not what is measured.
///
/// # Errors
/// If the store cannot be written.
pub fn record(directory: &Path, first: u32, count: u32) -> Result<f64> {
    let (mut writer, reader) = opened(directory)?;
    let began = Instant::now();
    let behind = first + count;
    for from in (first..behind).step_by(AT_ONCE as usize) {
        let closed: Vec<Closed> = (from..behind.min(from + AT_ONCE)).map(jobs::closed).collect();
        let steps = closed.iter().filter_map(jobs::step).collect();
        writer.commit(&Batch { closed, steps, ..Batch::default() })?;
        if (from - first).is_multiple_of(10_000) {
            reader.attempts(JobId(from))?;
        }
    }
    let last = JobId(behind - 1);
    while reader.attempts(last)?.is_empty() {
        ensure!(began.elapsed().as_secs() < 3_600, "they are not recorded");
        std::thread::yield_now();
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// Returns the number after the last job that was recorded.
///
/// # Errors
/// If the store cannot be read.
pub fn next_number(directory: &Path) -> Result<u32> {
    let connection = rusqlite::Connection::open(directory.join("history.db"))?;
    let sql = "SELECT coalesce(max(job), 0) + 1 FROM past WHERE id > (SELECT max(id) FROM past) - 100000";
    Ok(connection.query_row(sql, [], |row| row.get(0))?)
}

/// What history takes in a directory.
pub struct Room {
    /// Bytes of the file.
    pub bytes: u64,
    /// Attempts that are in it: more than were made up once others were recorded behind them.
    pub attempts: u64,
    /// Bytes of tables and indexes, the largest first.
    pub spread: Vec<(String, u64)>,
}

impl Room {
    /// Measures it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn of(directory: &Path) -> Result<Self> {
        let file = directory.join("history.db");
        let connection = rusqlite::Connection::open(&file)?;
        let count = "SELECT coalesce(max(id) - min(id) + 1, 0) FROM past";
        let attempts: i64 = connection.query_row(count, [], |row| row.get(0))?;
        let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC";
        let mut statement = connection.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        Ok(Room {
            bytes: std::fs::metadata(&file)?.len(),
            attempts: attempts.unsigned_abs(),
            spread: rows.collect::<Result<_, _>>()?,
        })
    }
}

fn opened(directory: &Path) -> Result<(Writer, Reader)> {
    let (mut writer, reader) = store::open(directory, Options::default())?;
    writer.load()?;
    Ok((writer, reader))
}
