//! What is committed comes back.

use crate::samples::*;
use domain::accounting::{Account, LastNumbers, Record, RecordKey};
use domain::cron::{Crontab, Installed};
use domain::job::{
    Allocation, ArrayPart, Change, CpuSet, Event, GresShare, Hold, Job, JobFlags, Outcome, Owner, Phase,
    TaskSet,
};
use domain::ports::{Batch, History, Store};
use domain::reservation::{Access, Names, Reservation, ReservationFlags, ReservedNode};
use domain::service::{ClientKey, Note, Receipt};
use domain::{ChangeId, JobId, NodeIndex, TaskIndex, TimeLimit, Timestamp, Uid};
use rusqlite::Connection;
use smallvec::smallvec;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Counts the rows of a table of queue.db.
fn rows(directory: &Path, table: &str) -> i64 {
    let connection = Connection::open(directory.join("queue.db")).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_fresh_store_is_empty() {
    let directory = tempfile::tempdir().unwrap();
    let saved = saved(directory.path());
    assert!(saved.jobs.is_empty() && saved.changes.is_empty() && saved.books.is_empty());
    assert_eq!(saved.next_id, None);
}

#[test]
fn every_field_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let jobs = full_jobs();
    let last_numbers = LastNumbers { association: 9, qos: 3, wckey: 7 };
    let batch = Batch {
        changes: full_changes(),
        next_id: Some(JobId(99)),
        books: full_books(),
        last_numbers: Some(last_numbers),
        nodes: vec![mark("n1"), mark("n2"), mark("n1")],
        ..batch_of(jobs.clone())
    };
    writer.commit(&batch).unwrap();
    drop(writer);
    let saved = saved(directory.path());
    for (saved, job) in saved.jobs.iter().zip(&jobs) {
        assert_eq!(saved, job);
    }
    assert_eq!(saved.jobs.len(), jobs.len());
    assert_eq!(saved.changes, full_changes());
    assert_eq!(by_key(saved.books), by_key(full_books()));
    assert_eq!(saved.last_numbers, last_numbers);
    assert_eq!(saved.nodes, [mark("n1"), mark("n2")]);
    assert_eq!(saved.next_id, Some(JobId(99)));
}

#[test]
fn when_a_job_is_expected_to_start_is_not_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let mut job = waiting(1);
    if let Phase::Pending(pending) = &mut job.phase {
        pending.expected_start = Some(at(1000));
    }
    writer.commit(&batch_of([job])).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).jobs, [waiting(1)]);
}

#[test]
fn the_last_commit_counts() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let job = waiting(1);
    writer.commit(&batch_of([job.clone(), waiting(2)])).unwrap();
    let held = job.apply(Event::Held { hold: Hold::Admin }).unwrap().job;
    writer.commit(&batch_of([held.clone()])).unwrap();
    writer.commit(&Batch { gone: vec![JobId(2), JobId(77)], ..Batch::default() }).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).jobs, [held]);
    assert_eq!(rows(directory.path(), "spec"), 1);
}

#[test]
fn a_job_can_come_and_go_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let job = waiting(1);
    let end = closed(&job, at(300), Outcome::Cancelled);
    let batch = Batch {
        payloads: vec![(JobId(1), payload("true"))],
        closed: vec![end.clone()],
        gone: vec![JobId(1)],
        ..batch_of([(*end.job).clone()])
    };
    writer.commit(&batch).unwrap();
    assert_eq!(reader.attempts(JobId(1)).unwrap()[0].job, end.job);
    assert_eq!(reader.payload(JobId(1)).unwrap(), payload("true"));
    drop(writer);
    assert!(saved(directory.path()).jobs.is_empty());
}

#[test]
fn tasks_share_the_request_of_their_array() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let pool = Job {
        array: Some(ArrayPart::Pool { waiting: TaskSet::progression(0, 9, 1), throttle: 0, size: 10 }),
        ..waiting(1)
    };
    writer
        .commit(&Batch { payloads: vec![(JobId(1), payload("true"))], ..batch_of([pool.clone()]) })
        .unwrap();
    let task = |index: u32| Job {
        id: JobId(2 + index),
        array: Some(ArrayPart::Task { of: JobId(1), index: TaskIndex(index), throttle: 0, size: 10 }),
        ..pool.clone()
    };
    writer.commit(&batch_of((0..9).map(task))).unwrap();
    assert_eq!(rows(directory.path(), "spec"), 1);
    drop(writer);

    let (mut writer, _) = store::open(directory.path(), store::Options::default()).unwrap();
    let jobs = writer.load().unwrap().jobs;
    assert_eq!(jobs.len(), 10);
    assert!(jobs.iter().all(|job| Arc::ptr_eq(&job.spec, &jobs[0].spec)));

    // The last task takes the array's number, and is gone before the others.
    let last = Job { id: JobId(1), ..task(9) };
    writer.commit(&batch_of([Job { spec: Arc::clone(&jobs[0].spec), ..last.clone() }])).unwrap();
    writer.commit(&Batch { gone: vec![JobId(1), JobId(2)], ..Batch::default() }).unwrap();
    assert_eq!(writer.payload(JobId(1)).unwrap(), payload("true"), "by the array's number");
    assert_eq!(writer.payload(JobId(5)).unwrap(), payload("true"), "by the task's number");
    drop(writer);
    let (mut writer, reader) = open(directory.path());
    assert_eq!(writer.payload(JobId(1)).unwrap(), payload("true"));
    assert_eq!(reader.payload(JobId(1)).unwrap(), payload("true"));
    assert_eq!(reader.payload(JobId(5)).unwrap(), payload("true"));
    writer.commit(&Batch { gone: (1..20).map(JobId).collect(), ..Batch::default() }).unwrap();
    for table in ["job", "spec", "content"] {
        assert_eq!(rows(directory.path(), table), 0, "{table}");
    }
}

#[test]
fn a_task_with_a_request_of_its_own_leaves_the_others_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let task = |id: u32| Job {
        array: Some(ArrayPart::Task { of: JobId(1), index: TaskIndex(id), throttle: 0, size: 3 }),
        ..waiting(id)
    };
    let first = task(1);
    let others = [2, 3].map(|id| Job { spec: Arc::clone(&first.spec), ..task(id) });
    writer.commit(&batch_of([first.clone(), others[0].clone(), others[1].clone()])).unwrap();
    let changes = vec![Change::TimeLimit(TimeLimit::Minutes(77))];
    let changed = others[0].apply(Event::Updated { at: at(101), changes }).unwrap().job;
    writer.commit(&batch_of([changed.clone()])).unwrap();
    drop(writer);
    let jobs = saved(directory.path()).jobs;
    assert_eq!(jobs, [first, changed, others[1].clone()]);
    assert!(Arc::ptr_eq(&jobs[0].spec, &jobs[2].spec));
    assert_eq!(rows(directory.path(), "spec"), 2);
}

#[test]
fn a_requeued_job_keeps_its_attempt_in_history() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let job = waiting(1);
    writer.commit(&Batch { payloads: vec![(JobId(1), payload("true"))], ..batch_of([job.clone()]) }).unwrap();
    let allocation: Arc<Allocation> = Arc::clone(&running().allocation);
    let started = Event::Started {
        at: at(200),
        allocation,
        limit: TimeLimit::Minutes(10),
        boot: text("boot"),
        overtime: std::time::Duration::ZERO,
        way_in: domain::job::WayIn::InOrder,
    };
    let run = job.apply(started).unwrap().job;
    writer.commit(&batch_of([run.clone()])).unwrap();
    let end = Event::Ended {
        at: at(300),
        end: domain::job::End::Vanished,
        usage: Default::default(),
        requeue: None,
    };
    let step = run.apply(end).unwrap();
    let first = step.closed.unwrap();
    let batch = Batch {
        closed: vec![domain::ports::Closed {
            job: Arc::new(*first.clone()),
            nodes: text("n1"),
            also: Vec::new(),
        }],
        ..batch_of([step.job.clone()])
    };
    writer.commit(&batch).unwrap();
    let attempts = reader.attempts(JobId(1)).unwrap();
    assert_eq!(*attempts[0].job, *first);
    assert!(!attempts[0].job.spec.flags.has(JobFlags::JOB_WAS_RUNNING));
    assert_eq!(attempts[0].nodes, "n1");
    // The second attempt ends as well; both are there, the older one first.
    let second = ended(&step.job, at(500), Outcome::Completed);
    let batch =
        Batch { closed: vec![closed(&step.job, at(500), Outcome::Completed)], ..batch_of([second.clone()]) };
    writer.commit(&batch).unwrap();
    writer.commit(&Batch { gone: vec![JobId(1)], ..Batch::default() }).unwrap();
    drop(writer);
    assert!(saved(directory.path()).jobs.is_empty());
    let attempts = reader.attempts(JobId(1)).unwrap();
    assert_eq!(attempts.len(), 2);
    assert_eq!(*attempts[1].job, second);
}

#[test]
fn old_changes_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    for change in full_changes() {
        writer.commit(&Batch { changes: vec![change], ..Batch::default() }).unwrap();
    }
    writer.commit(&Batch { forget_changes: Some(ChangeId(3)), ..Batch::default() }).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).changes, full_changes()[3..]);
}

#[test]
fn records_of_accounting_are_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    writer.commit(&Batch { books: full_books(), ..Batch::default() }).unwrap();
    let changed = Account { name: text("Physics"), description: text("other"), ..Account::default() };
    let keep = Record::Account(Arc::new(changed));
    let gone = full_books().iter().map(Record::key).filter(|key| *key != keep.key()).collect();
    writer.commit(&Batch { books: vec![keep.clone()], removed_books: gone, ..Batch::default() }).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).books, [keep]);
}

fn by_key(records: Vec<Record>) -> BTreeMap<RecordKey, Record> {
    records.into_iter().map(|record| (record.key(), record)).collect()
}

#[test]
fn crontabs_are_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let crontab = |uid, written: &str, jobs: &[u32]| {
        let owner = Owner { uid: Uid(uid), ..waiting(1).spec.owner.clone() };
        let installed = |job: &u32| Installed { first_line: *job, last_line: job + 1, job: JobId(*job) };
        Arc::new(Crontab { owner, text: text(written), installed: jobs.iter().map(installed).collect() })
    };
    let (first, other) = (crontab(7, "@daily a", &[1, 2]), crontab(8, "", &[]));
    writer.commit(&Batch { crontabs: vec![first, other], ..Batch::default() }).unwrap();
    let second = crontab(7, "@hourly a", &[3]);
    let batch =
        Batch { crontabs: vec![Arc::clone(&second)], removed_crontabs: vec![Uid(8)], ..Batch::default() };
    writer.commit(&batch).unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).crontabs, [(*second).clone()]);
}

#[test]
fn many_jobs_load_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let jobs: Vec<Job> = (1..=6_000).map(waiting).collect();
    writer.commit(&batch_of(jobs.clone())).unwrap();
    writer.commit(&Batch { gone: (2_000..3_000).map(JobId).collect(), ..Batch::default() }).unwrap();
    drop(writer);
    let ids: Vec<u32> = saved(directory.path()).jobs.iter().map(|job| job.id.0).collect();
    assert_eq!(ids, (1..2_000).chain(3_000..=6_000).collect::<Vec<_>>());
}

#[test]
fn reservations_are_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let whole = ReservedNode::whole(NodeIndex(3));
    let names =
        |list: &[&str], excluded| Names { names: list.iter().map(|name| text(name)).collect(), excluded };
    let first = Reservation {
        name: text("upkeep"),
        number: 7,
        start: at(100),
        end: Timestamp::NEVER,
        float: Some(Duration::from_secs(60)),
        flags: ReservationFlags::MAINT.with(ReservationFlags::TRES_PER_NODE),
        nodes: vec![
            ReservedNode {
                cpus: Some(CpuSet::from_iter([0, 5])),
                gres: smallvec![GresShare { at: 1, units: CpuSet::first(2) }],
                ..whole.clone()
            },
            whole,
        ],
        wanted_nodes: 2,
        partition: text("long"),
        access: Access {
            users: names(&["alice"], true),
            groups: vec![text("hpc")],
            members: vec![text("bob")],
            accounts: names(&["physics"], false),
        },
        licenses: vec![(text("matlab"), 3)],
        features: text("fast"),
        max_start_delay: 5,
        purge_after: 300,
        idle_since: Some(at(99)),
        comment: text("remark"),
        burst_buffer: text("buffer"),
    };
    let second = Reservation { number: 8, ..Reservation::default() };
    let batch = Batch {
        reservations: vec![Arc::new(first.clone()), Arc::new(second)],
        last_reservation: Some(8),
        ..Batch::default()
    };
    writer.commit(&batch).unwrap();
    let changed = Reservation { end: at(200), ..first };
    let batch = Batch {
        reservations: vec![Arc::new(changed.clone())],
        removed_reservations: vec![8],
        ..Batch::default()
    };
    writer.commit(&batch).unwrap();
    drop(writer);
    let saved = saved(directory.path());
    assert_eq!((saved.reservations, saved.last_reservation), (vec![changed], 8));
}

#[test]
fn receipts_are_kept_until_they_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    let key = |key: &str| ClientKey { user: text("alice"), key: text(key), content: text("c0ffee") };
    let receipt = |number, notes| Receipt { number, key: key("k"), at: at(7), job: JobId(9), notes };
    let all =
        vec![Note::Held, Note::PartitionConfiguration, Note::NodesUnavailable, Note::ReservationNotOpen];
    let kept = receipt(2, all);
    let batch = Batch { receipts: vec![receipt(1, Vec::new()), kept.clone()], ..Batch::default() };
    writer.commit(&batch).unwrap();
    writer
        .commit(&Batch {
            receipts: vec![receipt(3, Vec::new())],
            forget_receipts: Some(1),
            ..Batch::default()
        })
        .unwrap();
    drop(writer);
    assert_eq!(saved(directory.path()).receipts, [kept, receipt(3, Vec::new())]);
}
