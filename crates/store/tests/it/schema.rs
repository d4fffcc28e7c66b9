//! Databases of other versions.

use crate::samples::*;
use domain::JobId;
use domain::job::Outcome;
use domain::ports::{Batch, History, Store};
use rusqlite::Connection;
use std::error::Error;
use store::{OpenError, Options};

#[test]
fn a_later_version_is_refused_and_left_alone() {
    for name in ["queue.db", "history.db"] {
        let directory = tempfile::tempdir().unwrap();
        drop(open(directory.path()));
        let connection = Connection::open(directory.path().join(name)).unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        let error = store::open(directory.path(), Options::default()).unwrap_err();
        let source = error.source().and_then(|source| source.downcast_ref::<OpenError>());
        let Some(OpenError::Later { path, found: 1000, .. }) = source else { panic!("{error:?}") };
        assert!(path.ends_with(name));
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 1000);
    }
}

/// The first version's databases, as its SQL made them, with a job and an attempt in them.
#[test]
fn a_store_of_version_1_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    for (name, schema) in [
        ("queue.db", include_str!("../../src/schema/queue_1.sql")),
        ("history.db", include_str!("../../src/schema/history_1.sql")),
    ] {
        let connection = Connection::open(directory.path().join(name)).unwrap();
        connection.execute_batch(schema).unwrap();
        connection.pragma_update(None, "user_version", 1).unwrap();
    }
    let queue = Connection::open(directory.path().join("queue.db")).unwrap();
    // {"o": {"n": "alice", "u": 2001}, "n": "test", "p": ["debug"], "t": 10}, as written by version 1.
    let spec = b"\x84\xa1o\x82\xa1n\xa5alice\xa1u\xcd\x07\xd1\xa1n\xa4test\xa1p\x91\xa5debug\xa1t\x0a";
    // {"s": 100, "e": 100, "p": 7}
    let body = b"\x83\xa1s\x64\xa1e\x64\xa1p\x07";
    queue.execute("INSERT INTO spec VALUES (1, ?1)", [&spec[..]]).unwrap();
    queue.execute("INSERT INTO content VALUES (1, 0, 4, CAST('true' AS BLOB))", []).unwrap();
    queue.execute("INSERT INTO job VALUES (5, NULL, 1, 1, 0, 0, ?1)", [&body[..]]).unwrap();
    queue.execute("INSERT INTO number VALUES ('next job', 6)", []).unwrap();
    drop(queue);

    let (mut writer, reader) = store::open(directory.path(), Options::default()).unwrap();
    let saved = writer.load().unwrap();
    assert_eq!(saved.next_id, Some(JobId(6)));
    let job = &saved.jobs[0];
    assert_eq!((job.id, job.priority, job.spec.owner.name.as_str()), (JobId(5), 7, "alice"));
    assert_eq!(job.spec.partition(), "debug");
    assert!(job.is_pending());
    assert_eq!(&*writer.payload(JobId(5)).unwrap().script, b"true");
    let batch = Batch { closed: vec![closed(job, at(9), Outcome::Completed)], ..Batch::default() };
    writer.commit(&batch).unwrap();
    assert_eq!(reader.attempts(JobId(5)).unwrap().len(), 1);
}

#[test]
fn a_field_nobody_knows_any_more_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    writer.commit(&batch_of([waiting(1)])).unwrap();
    drop(writer);
    let connection = Connection::open(directory.path().join("queue.db")).unwrap();
    // {"zz": [1], "p": 9}
    connection.execute("UPDATE job SET body = x'82a27a7a9101a17009'", []).unwrap();
    let jobs = saved(directory.path()).jobs;
    assert_eq!(jobs[0].priority, 9);
}
