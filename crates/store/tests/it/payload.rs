//! Scripts and environments.

use crate::samples::*;
use domain::JobId;
use domain::job::{Outcome, Payload};
use domain::ports::{Batch, History, Store, StoreError};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use store::Options;

fn contents(directory: &Path, database: &str) -> i64 {
    let connection = Connection::open(directory.join(database)).unwrap();
    connection.query_row("SELECT count(*) FROM content", [], |row| row.get(0)).unwrap()
}

fn submission(id: u32, payload: &Arc<Payload>) -> Batch {
    Batch { payloads: vec![(JobId(id), Arc::clone(payload))], ..batch_of([waiting(id)]) }
}

/// Checks that a payload comes back from memory, from disk, and from history.
fn check(sample: Payload) {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let sample = Arc::new(sample);
    writer.commit(&submission(1, &sample)).unwrap();
    assert_eq!(writer.payload(JobId(1)).unwrap(), sample, "from memory");
    assert_eq!(reader.payload(JobId(1)).unwrap(), sample, "by a reader");
    drop(writer);
    let (mut writer, reader) = open(directory.path());
    assert_eq!(writer.payload(JobId(1)).unwrap(), sample, "from disk");
    let end = closed(&waiting(1), at(300), Outcome::Completed);
    writer.commit(&Batch { closed: vec![end], gone: vec![JobId(1)], ..Batch::default() }).unwrap();
    assert_eq!(reader.payload(JobId(1)).unwrap(), sample, "from history");
    assert!(matches!(writer.payload(JobId(1)), Err(StoreError::Missing(JobId(1)))));
}

#[test]
fn an_empty_payload_comes_back() {
    check(Payload::default());
}

#[test]
fn a_small_payload_comes_back() {
    check((*payload("#!/bin/sh\ntrue\n")).clone());
}

#[test]
fn a_large_payload_comes_back() {
    check(Payload {
        script: (0..3_000_000u32).map(|at| (at % 251) as u8).collect(),
        environment: (0..5_000).map(|at| text(&format!("NAME_{at}=a value that repeats itself"))).collect(),
        arguments: [text(""), text("ä\u{0}\n")].into(),
    });
}

#[test]
fn what_was_never_there_is_missing() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    writer.commit(&batch_of([waiting(1)])).unwrap();
    for id in [JobId(1), JobId(2)] {
        assert!(matches!(writer.payload(id), Err(StoreError::Missing(missing)) if missing == id));
        assert!(matches!(reader.payload(id), Err(StoreError::Missing(missing)) if missing == id));
    }
}

#[test]
fn equal_contents_are_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    for id in 1..=50 {
        // Made anew each time: equal, not the same.
        writer.commit(&submission(id, &payload(if id % 2 == 0 { "even" } else { "odd" }))).unwrap();
    }
    assert_eq!(contents(directory.path(), "queue.db"), 2 + 1 + 1);
    let batch = Batch {
        closed: (1..=50).map(|id| closed(&waiting(id), at(300), Outcome::Completed)).collect(),
        gone: (1..=50).map(JobId).collect(),
        ..Batch::default()
    };
    writer.commit(&batch).unwrap();
    assert_eq!(reader.payload(JobId(50)).unwrap(), payload("even"));
    // What the requests have in common, the name of the boot, two scripts, environment and arguments.
    assert_eq!(contents(directory.path(), "history.db"), 2 + 4);
    drop(writer);
    // A later run finds what earlier ones have stored.
    let (mut writer, reader) = open(directory.path());
    let end = closed(&waiting(51), at(300), Outcome::Completed);
    writer.commit(&Batch { closed: vec![end], ..submission(51, &payload("odd")) }).unwrap();
    assert_eq!(reader.payload(JobId(51)).unwrap(), payload("odd"));
    drop(writer);
    assert_eq!(contents(directory.path(), "history.db"), 2 + 4);
}

#[test]
fn a_content_that_was_dropped_is_stored_again() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    writer.commit(&submission(1, &payload("true"))).unwrap();
    writer.commit(&Batch { gone: vec![JobId(1)], ..Batch::default() }).unwrap();
    assert_eq!(contents(directory.path(), "queue.db"), 0);
    writer.commit(&submission(2, &payload("true"))).unwrap();
    drop(writer);
    let (mut writer, _) = open(directory.path());
    assert_eq!(writer.payload(JobId(2)).unwrap(), payload("true"));
}

#[test]
fn a_payload_can_be_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    writer.commit(&submission(1, &payload("old"))).unwrap();
    let batch = Batch { payloads: vec![(JobId(1), payload("new"))], ..Batch::default() };
    writer.commit(&batch).unwrap();
    assert_eq!(writer.payload(JobId(1)).unwrap(), payload("new"));
    assert_eq!(reader.payload(JobId(1)).unwrap(), payload("new"));
    drop(writer);
    let (mut writer, _) = open(directory.path());
    assert_eq!(writer.payload(JobId(1)).unwrap(), payload("new"));
    assert_eq!(contents(directory.path(), "queue.db"), 3);
}

#[test]
fn a_payload_without_a_job_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let batch = Batch { payloads: vec![(JobId(1), payload("true"))], ..batch_of([waiting(2)]) };
    assert!(matches!(writer.commit(&batch), Err(StoreError::Failed { .. })));
    drop(writer);
    assert!(saved(directory.path()).jobs.is_empty());
    assert_eq!(contents(directory.path(), "queue.db"), 0);
}

#[test]
fn a_store_with_little_memory_reads_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { recent_bytes: 0, ..Options::default() };
    let (mut writer, _) = store::open(directory.path(), options).unwrap();
    for id in 1..=3 {
        writer.commit(&submission(id, &payload("true"))).unwrap();
    }
    assert_eq!(writer.payload(JobId(2)).unwrap(), payload("true"));
    assert_eq!(contents(directory.path(), "queue.db"), 9);
}
