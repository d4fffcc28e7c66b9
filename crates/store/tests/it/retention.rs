//! What is too old goes into an archive and out of history, and comes back from there.

use crate::samples::*;
use domain::history::{Amendment, Grouping, Purged, UsageWanted, Wanted};
use domain::job::{Job, Outcome};
use domain::ports::{Batch, Clock, Closed, History, Store};
use domain::{JobId, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Options, Reader, Retention, Writer};

/// The time at which everything of the samples has been over for a thousand days.
struct Much;

impl Clock for Much {
    fn now(&self) -> Timestamp {
        at(1_000 * 86_400)
    }
}

fn kept(directory: &Path, retention: Retention) -> (Writer, Reader) {
    let options = Options { retention: Some(retention), ..Options::default() };
    let (mut writer, reader) = store::open(directory, options).unwrap();
    writer.load().unwrap();
    (writer, reader)
}

fn for_ever() -> Retention {
    Retention {
        jobs: None,
        steps: None,
        hours: None,
        days: None,
        months: None,
        archive: None,
        clock: Arc::new(Much),
    }
}

fn until(reader: &Reader, purged: impl Fn(Purged) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !purged(reader.purged()) {
        assert!(Instant::now() < deadline, "{:?} have gone", reader.purged());
        std::thread::yield_now();
    }
}

fn all(reader: &Reader) -> Vec<(Job, Option<Box<Amendment>>)> {
    let found = reader.search(&Wanted { limit: usize::MAX, ..Wanted::default() }).unwrap();
    let mut all: Vec<_> =
        found.into_iter().map(|found| (Job::clone(&found.closed.job), found.amendment)).collect();
    all.sort_by_key(|(job, _)| job.id);
    all
}

fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_is_too_old_goes_into_the_archive_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    // Every kind of record, and as many plain ones as fill a block.
    let mut closed: Vec<Closed> = full_jobs()
        .into_iter()
        .filter(Job::is_final)
        .map(|job| Closed { job: Arc::new(job), nodes: text("n[1-9]"), also: vec![(text("gres/gpu"), 2)] })
        .collect();
    let plain = |id: u32| closed_at(id, 300);
    closed.extend((1_000..2_100).map(plain));
    let last = closed_at(5_000, 999 * 86_400);
    closed.push(last.clone());
    let expected = closed.len();
    let steps = vec![closed_step(1_000, 0, 0), closed_step(1_000, 0, 1)];
    let payloads = vec![(JobId(1_000), payload("#!/bin/sh\ntrue"))];
    let live = Batch { payloads, ..batch_of([waiting(1_000)]) };
    writer.commit(&live).unwrap();
    writer.commit(&Batch { closed, steps, gone: vec![JobId(1_000)], ..Batch::default() }).unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while all(&reader).len() < expected {
        assert!(Instant::now() < deadline, "they are recorded");
    }
    let row = reader.search(&Wanted { jobs: vec![(JobId(1_001), None)], limit: 1, ..Wanted::default() });
    let note = Amendment { comment: Some(text("noted")), ..Amendment::default() };
    reader.amend(&[(row.unwrap()[0].row, note)]).unwrap();
    let before = all(&reader);
    drop((writer, reader));

    let folder = directory.path().join("archive");
    let day = Duration::from_secs(86_400);
    let retention = Retention { jobs: Some(10 * day), archive: Some(folder.clone()), ..for_ever() };
    let (writer, reader) = kept(directory.path(), retention);
    until(&reader, |purged| purged.jobs >= 1_000);
    let left = all(&reader);
    assert_eq!(left.len() as u64 + reader.purged().jobs, before.len() as u64);
    assert_eq!(left.last().map(|(job, _)| job), Some(&*last.job));
    assert!(reader.steps(JobId(1_000)).unwrap().is_empty());
    assert_eq!(reader.purged().steps, 2);
    drop((writer, reader));

    let files = archives(&folder);
    assert_eq!(files.len(), 2, "{files:?}");
    for file in &files {
        let first = store::load_archive(directory.path(), file).unwrap();
        let again = store::load_archive(directory.path(), file).unwrap();
        assert_eq!(again.known, first.jobs + first.steps + first.sums);
    }
    let (_writer, reader) = open(directory.path());
    assert_eq!(all(&reader), before);
    assert_eq!(reader.steps(JobId(1_000)).unwrap().len(), 2);
    assert_eq!(&*reader.payload(JobId(1_000)).unwrap().script, b"#!/bin/sh\ntrue");
}

fn closed_at(id: u32, end: i64) -> Closed {
    closed(&waiting(id), at(end), Outcome::Completed)
}

#[test]
fn sums_by_the_hour_go_before_those_by_the_day() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let ended: Vec<Closed> = (1..50).map(|id| closed_at(id, i64::from(id) * 3_600)).collect();
    writer.commit(&Batch { closed: ended, ..Batch::default() }).unwrap();
    let by = Grouping { user: true, ..Grouping::default() };
    let wanted = UsageWanted { to: at(20 * 86_400), by, ..UsageWanted::default() };
    let before = reader.usage(&wanted).unwrap().lines();
    assert_eq!(before.len(), 1);
    drop((writer, reader));

    let folder = directory.path().join("archive");
    let keep = Duration::from_secs(86_400);
    let retention = Retention { hours: Some(keep), archive: Some(folder.clone()), ..for_ever() };
    let (writer, reader) = kept(directory.path(), retention);
    until(&reader, |purged| purged.sums > 0);
    assert_eq!(reader.usage(&wanted).unwrap().lines(), before, "days are left");
    drop((writer, reader));
    let loaded = store::load_archive(directory.path(), &archives(&folder)[0]).unwrap();
    assert!(loaded.sums > 0 && loaded.known == 0);
}

#[test]
fn a_line_that_is_none_is_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let file = directory.path().join("lines");
    for (text, line) in [("{}\n", 1), ("\n\n{\"kind\":\"step\"}", 3), ("\u{0}", 1)] {
        std::fs::write(&file, text).unwrap();
        let error = store::load_archive(directory.path(), &file).unwrap_err();
        assert!(matches!(error, store::LoadError::Line { line: found, .. } if found == line), "{error}");
    }
    let nowhere = directory.path().join("nowhere");
    assert!(store::load_archive(&nowhere, &file).is_err());
}
