//! Sums of usage: what attempts add to them, what is noted later, and stores that are older than they.

use crate::samples::*;
use domain::history::{Amendment, Charge, Grouping, Span, Sums, UsageLine, UsageWanted};
use domain::job::*;
use domain::ports::{Batch, Closed, History, Store};
use domain::{JobId, NodeIndex, Text, Timestamp};
use rusqlite::Connection;
use smallvec::smallvec;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Reader;

/// A full hour.
const BASE: i64 = 1_760_004_000;

/// An attempt on two CPUs, 100 MB and a GPU, from and to so many seconds behind [`BASE`].
fn ran(id: u32, account: &str, from: i64, to: i64) -> Closed {
    let spec = JobSpec { account: text(account), ..small_spec("test") };
    let moment = |seconds: i64| Timestamp::from_seconds(BASE + seconds);
    let share = NodeShare {
        node: NodeIndex(0),
        cpus: CpuSet::from_iter([0, 1]),
        memory: 100,
        tasks: 1,
        gres: smallvec![GresShare { at: 0, units: CpuSet::from_words(&[1]) }],
    };
    let allocation = Allocation {
        partition: text("debug"),
        nodes: smallvec![share],
        whole: false,
        licenses: smallvec![],
        reservation: Text::default(),
    };
    let run = Running::new(moment(from), Arc::new(allocation), Timestamp::NEVER, text("boot"));
    let ended = Ended {
        outcome: Outcome::Completed,
        reason: Reason::None,
        ended: moment(to),
        exit: Exit::Code(0),
        usage: Usage { energy_mj: Some(3_600_000), ..Usage::default() },
        cancelled_by: None,
        run: Some(run),
        remark: Text::default(),
    };
    let job = Job {
        spec: Arc::new(spec),
        submitted: moment(from - 10),
        eligible: moment(from - 10),
        phase: Phase::Ended(Box::new(ended)),
        ..waiting(id)
    };
    Closed { job: Arc::new(job), nodes: text("n1"), also: vec![(text("gres/gpu"), 1)] }
}

fn wanted(from: i64, to: i64) -> UsageWanted {
    let moment = |seconds: i64| Timestamp::from_seconds(BASE + seconds);
    let by = Grouping { account: true, ..Grouping::default() };
    UsageWanted { from: moment(from), to: moment(to), by, ..UsageWanted::default() }
}

fn lines(reader: &Reader, wanted: &UsageWanted) -> Vec<(i64, String, i64)> {
    let short = |line: UsageLine| {
        let start = line.start.seconds() - BASE;
        (start, format!("{}{}", line.charge.account, line.charge.wckey), line.sums.cpu)
    };
    reader.usage(wanted).unwrap().lines().into_iter().map(short).collect()
}

fn line(start: i64, name: &str, cpu: i64) -> (i64, String, i64) {
    (start, name.to_owned(), cpu)
}

#[test]
fn an_attempt_counts_in_every_hour_it_touched_and_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let again = {
        let first = ran(2, "biology", 0, 100);
        Closed { job: Arc::new(Job { restarts: 1, ..Job::clone(&ran(2, "biology", 200, 300).job) }), ..first }
    };
    let closed = vec![ran(1, "physics", 3_000, 7_300), ran(2, "biology", 0, 100), again];
    for _ in 0..2 {
        writer.commit(&Batch { closed: closed.clone(), ..Batch::default() }).unwrap();
    }
    let hourly = UsageWanted { every: Some(Span::Hour), ..wanted(0, 10_800) };
    let hours = [
        line(0, "biology", 400),
        line(0, "physics", 1_200),
        line(3_600, "physics", 7_200),
        line(7_200, "physics", 200),
    ];
    assert_eq!(lines(&reader, &hourly), hours);
    assert_eq!(lines(&reader, &wanted(3_600, 7_200)), [line(3_600, "physics", 7_200)]);
    // A month and more on either side.
    let long = wanted(-5_000_000, 5_000_000);
    let all = reader.usage(&long).unwrap().lines();
    let physics = all.iter().find(|line| line.charge.account == "physics").unwrap();
    let others = vec![(text("energy"), 3_600), (text("gres/gpu"), 4_300)];
    let sums = Sums { cpu: 8_600, memory: 430_000, node: 4_300, billing: 8_600, others };
    assert_eq!(physics.sums, sums);
    let by_user = Grouping { user: true, partition: true, ..Grouping::default() };
    let users = reader.usage(&UsageWanted { by: by_user, ..long.clone() }).unwrap().lines();
    let charge = Charge { user: text("alice"), partition: text("debug"), ..Charge::default() };
    assert_eq!((users.len(), &users[0].charge, users[0].sums.cpu), (1, &charge, 9_000));
    let nobody = UsageWanted { users: vec![text("bob")], ..long.clone() };
    assert_eq!(lines(&reader, &nobody), []);
    let everybody = UsageWanted { by: Grouping::default(), ..long };
    assert_eq!(reader.usage(&everybody).unwrap().lines()[0].sums.cpu, 9_000);
}

#[test]
fn what_is_noted_later_moves_what_was_used() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    writer.commit(&Batch { closed: vec![ran(1, "physics", 0, 4_000)], ..Batch::default() }).unwrap();
    let by = Grouping { wckey: true, ..Grouping::default() };
    let by_key = UsageWanted { by, ..wanted(0, 7_200) };
    assert_eq!(lines(&reader, &by_key), [line(0, "", 8_000)]);
    let rows = reader.keys(&domain::history::Wanted { limit: 9, ..Default::default() }).unwrap();
    let key = Amendment { wckey: Some(text("fusion")), ..Amendment::default() };
    reader.amend(&[(rows[0].row, key)]).unwrap();
    assert_eq!(lines(&reader, &by_key), [line(0, "fusion", 8_000)]);
    let cpus = Amendment { allocated: Some(vec![(1, 3)]), ..Amendment::default() };
    reader.amend(&[(rows[0].row, cpus.clone()), (rows[0].row, cpus)]).unwrap();
    assert_eq!(lines(&reader, &by_key), [line(0, "fusion", 12_000)]);
    let comment = Amendment { comment: Some(text("well")), ..Amendment::default() };
    reader.amend(&[(rows[0].row, comment)]).unwrap();
    assert_eq!(lines(&reader, &by_key), [line(0, "fusion", 12_000)]);
    assert_eq!(lines(&reader, &wanted(0, 7_200)), [line(0, "physics", 12_000)]);
}

/// More than are counted in one transaction.
const ATTEMPTS: u32 = 2_100;

/// Makes what was not there before the sums as it was. There were no steps.
const BEFORE_SUMS: &str =
    "DROP TABLE loose; DROP TABLE left_behind; DROP TABLE episode; DROP TABLE booking; DROP TABLE deed;
    DROP TABLE past_step; CREATE TABLE step (id INTEGER PRIMARY KEY, job, submit, attempt, number,
        name, nodes, start, \"end\", body);
    DROP INDEX past_reason; DROP INDEX past_way; ALTER TABLE past DROP COLUMN way;
    INSERT OR IGNORE INTO word (text) VALUES ('None');
    UPDATE past SET reason = (SELECT id FROM word WHERE text = 'None');
    DROP TABLE usage; DROP TABLE charge; DROP TABLE waited; DROP TABLE counted;
    ALTER TABLE past DROP COLUMN also; PRAGMA user_version = 3";

/// Takes attempts back into the table of the first version.
const FIRST_VERSION: &str = r#"
    INSERT INTO content SELECT * FROM new.content;
    INSERT INTO attempt SELECT p.id, p.job, p.attempt, p.array, p.task, c.user, c.user_name, c.group_id, c.group_name,
        c.account, c.partition, c.qos, c.wckey, n.text, l.text, 1, 2, 100, p."end" - p.age, p."end" - p.age + p.held,
        p."end" - p.ran, p."end", p.outcome, p.exit, NULL, r.text, p.time_limit, 1, 0, 0, w.text, p.spec, p.boot,
        p.script, p.environment, p.arguments, p.body
    FROM new.past p JOIN new.class c ON c.id = p.class JOIN new.word n ON n.id = p.name
    JOIN new.nodelist l ON l.id = p.nodes JOIN new.word r ON r.id = p.reason JOIN new.word w ON w.id = p.work_dir"#;

#[test]
fn attempts_of_older_stores_are_counted_by_and_by() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let closed: Vec<Closed> = (1..=ATTEMPTS).map(|id| ran(id, "physics", 0, i64::from(id))).collect();
    writer.commit(&Batch { closed, ..Batch::default() }).unwrap();
    let all = [line(0, "physics", i64::from(ATTEMPTS * (ATTEMPTS + 1)))];
    let deadline = Instant::now() + Duration::from_secs(120);
    while lines(&reader, &wanted(0, 3_600)) != all {
        assert!(Instant::now() < deadline, "they are recorded");
    }
    drop((writer, reader));

    let history = directory.path().join("history.db");
    let new = directory.path().join("new.db");
    Connection::open(&history).unwrap().execute_batch(BEFORE_SUMS).unwrap();
    are_counted(directory.path(), &all);
    Connection::open(&history).unwrap().execute_batch(BEFORE_SUMS).unwrap();
    std::fs::rename(&history, &new).unwrap();
    let old = Connection::open(&history).unwrap();
    old.execute_batch(include_str!("../../src/schema/history_1.sql")).unwrap();
    old.execute("ATTACH ?1 AS new", [new.to_str().unwrap()]).unwrap();
    old.execute_batch(FIRST_VERSION).unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    drop(old);
    are_counted(directory.path(), &all);
}

/// Waits until all is counted, and ends an attempt more.
fn are_counted(directory: &Path, all: &[(i64, String, i64)]) {
    let (mut writer, reader) = open(directory);
    let deadline = Instant::now() + Duration::from_secs(120);
    while lines(&reader, &wanted(0, 3_600)) != all && Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(lines(&reader, &wanted(0, 3_600)), all);
    let last = reader.attempts(JobId(ATTEMPTS)).unwrap();
    assert_eq!(last.len(), 1);
    let again = ran(ATTEMPTS, "physics", 0, i64::from(ATTEMPTS));
    let twice = Batch { closed: vec![again], ..Batch::default() };
    writer.commit(&twice).unwrap();
    assert_eq!(lines(&reader, &wanted(0, 3_600)), all);
}
