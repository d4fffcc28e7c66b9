//! Databases of other versions.

use crate::samples::*;
use domain::JobId;
use domain::history::{Order, Wanted};
use domain::job::{Outcome, WayIn};
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

/// History of the version before steps had columns in common, as its SQL made it.
#[test]
fn attempts_and_steps_of_history_4_are_found_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let connection = Connection::open(directory.path().join("history.db")).unwrap();
    for schema in [
        include_str!("../../src/schema/history_1.sql"),
        include_str!("../../src/schema/history_2.sql"),
        include_str!("../../src/schema/history_3.sql"),
        include_str!("../../src/schema/history_4.sql"),
    ] {
        connection.execute_batch(schema).unwrap();
    }
    // {"o": {"n": "alice", "u": 2001}, "n": "test", "p": ["debug"], "t": 10}, as written by version 1.
    let spec = b"\x84\xa1o\x82\xa1n\xa5alice\xa1u\xcd\x07\xd1\xa1n\xa4test\xa1p\x91\xa5debug\xa1t\x0a";
    connection.execute("INSERT INTO content VALUES (1, 0, 40, 7, ?1)", [&spec[..]]).unwrap();
    connection
        .execute_batch(
            r#"INSERT INTO word VALUES (1, 'None'), (2, 'NodeDown');
            INSERT INTO class VALUES (1, 2001, 'alice', 100, 'users', 'a', 'debug', 'normal', '', '', '');
            INSERT INTO nodelist VALUES (1, 'n1', 1);"#,
        )
        .unwrap();
    // {"f": {"e": {"r": {"i": …}}}}, and one that has never run.
    let ran = |way: u8| [b"\x81\xa1f\x81\xa1e\x81\xa1r\x81\xa1i".as_slice(), &[way]].concat();
    let never_ran = b"\x81\xa1f\x81\xa1e\x80".to_vec();
    let past = r#"INSERT INTO past (job, attempt, class, outcome, exit, "end", age, held, ran, name, nodes, reason,
        work_dir, spec, boot, body) VALUES (?1, 0, 1, 0, 0, 300, 200, 0, ?2, 0, 1, ?3, 0, 1, 0, ?4)"#;
    for (job, time, reason, body) in [
        (5, Some(100), 1, ran(0)),
        (6, Some(100), 2, ran(1)),
        (7, Some(100), 1, ran(2)),
        (8, None, 1, never_ran),
    ] {
        connection.execute(past, (job, time, reason, body)).unwrap();
    }
    connection.execute(r#"INSERT INTO block VALUES (0, 100, 300, 300)"#, []).unwrap();
    // {"j": 5, "b": 100, "n": "n1", "s": {"s": {"m": "sim", "c": "srun sim", "s": 200, "k": 1}, "e": {"a": 300}}}
    let body = b"\x84\xa1j\x05\xa1b\x64\xa1n\xa2n1\xa1s\x82\xa1s\x84\xa1m\xa3sim\xa1c\xa8srun sim\
        \xa1s\xcc\xc8\xa1k\x01\xa1e\x81\xa1a\xcd\x01\x2c";
    let step = r#"INSERT INTO step (job, submit, attempt, number, name, nodes, tasks, cpus, memory, start, "end", outcome,
        cpu_micros, max_rss, body) VALUES (5, 100, 0, 0, 'sim', 'n1', 1, 1, 0, 200, 300, 0, 0, 0, ?1)"#;
    connection.execute(step, [&body[..]]).unwrap();
    connection.pragma_update(None, "user_version", 4).unwrap();
    drop(connection);

    let (_writer, reader) = store::open(directory.path(), Options::default()).unwrap();
    let jobs = |wanted: Wanted| -> Vec<u32> {
        let found = reader.search(&Wanted { limit: 9, order: Order::OldestFirst, ..wanted }).unwrap();
        found.iter().map(|found| found.closed.job.id.0).collect()
    };
    let started = |ways_in: &[WayIn]| Wanted { ways_in: ways_in.to_vec(), ..Wanted::default() };
    assert_eq!(jobs(Wanted::default()), [5, 6, 7, 8]);
    assert_eq!(jobs(started(&[WayIn::InOrder])), [5]);
    assert_eq!(jobs(started(&[WayIn::Submission, WayIn::Overtaking])), [6, 7]);
    assert_eq!(jobs(Wanted { reasons: vec![text("NodeDown")], ..Wanted::default() }), [6]);
    assert_eq!(jobs(Wanted { reasons: vec![text("None")], ..Wanted::default() }), [5, 7, 8]);
    let steps = reader.steps(JobId(5)).unwrap();
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    let course = (step.step.step.started.micros(), step.step.end.at.micros(), step.submitted.micros());
    assert_eq!(course, (200, 300, 100));
    let words = (step.step.step.name.as_str(), step.step.step.command.as_str(), step.nodes.as_str());
    assert_eq!(words, ("sim", "srun sim", "n1"));
    assert_eq!((step.job, step.step.step.tasks), (JobId(5), 1));
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
