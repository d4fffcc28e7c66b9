//! What was acknowledged is there after `kill -9`, at whatever moment it comes.

use crate::samples::*;
use domain::JobId;
use domain::job::{Job, Outcome};
use domain::ports::{Batch, History, Store};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const STATE: &str = "STORE_TEST_STATE";

/// The child: submits, ends and forgets jobs for ever, printing what was acknowledged.
#[test]
fn child_that_is_killed() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let (mut writer, _) = store::open(Path::new(&state), store::Options::default()).unwrap();
    let mut next = writer.load().unwrap().next_id.map_or(1, |id| id.0);
    loop {
        let ids = next..next + 8;
        next = ids.end;
        let batch = Batch {
            payloads: ids.clone().map(|id| (JobId(id), payload(&format!("echo {id}")))).collect(),
            next_id: Some(JobId(next)),
            ..batch_of(ids.clone().map(waiting))
        };
        writer.commit(&batch).unwrap();
        println!("submitted {} {}", ids.start, ids.end);
        // Half of them end, and leave at once.
        let ends = ids.start..ids.start + 4;
        let batch = Batch {
            closed: ends.clone().map(|id| closed(&waiting(id), at(300), Outcome::Completed)).collect(),
            gone: ends.clone().map(JobId).collect(),
            ..Batch::default()
        };
        writer.commit(&batch).unwrap();
        println!("ended {} {}", ends.start, ends.end);
        std::io::stdout().flush().unwrap();
    }
}

/// Runs the child and kills it after `lines` lines; returns what was acknowledged: each job, and whether it ended.
fn run_and_kill(state: &Path, lines: usize, acknowledged: &mut BTreeMap<u32, bool>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durability::child_that_is_killed", "--nocapture"])
        .env(STATE, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut take = |line: String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [word @ ("submitted" | "ended"), first, end] = words[..] else { return false };
        for id in first.parse().unwrap()..end.parse().unwrap() {
            acknowledged.insert(id, word == "ended");
        }
        true
    };
    let mut taken = 0;
    while taken < lines {
        taken += usize::from(take(output.next().expect("the child goes on for ever").unwrap()));
    }
    child.kill().unwrap();
    // What it still said before it died counts too; a line cut short does not.
    output.map_while(Result::ok).for_each(|line| {
        take(line);
    });
    child.wait().unwrap();
}

#[test]
fn nothing_acknowledged_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    for round in 0..6 {
        run_and_kill(directory.path(), 3 + round * 37, &mut acknowledged);
        let (mut writer, reader) = store::open(directory.path(), store::Options::default()).unwrap();
        let saved = writer.load().unwrap();
        let live: BTreeMap<u32, &Job> = saved.jobs.iter().map(|job| (job.id.0, job)).collect();
        for (id, has_ended) in &acknowledged {
            let script = payload(&format!("echo {id}"));
            if *has_ended {
                assert!(!live.contains_key(id), "job {id} came back");
                assert_eq!(reader.attempts(JobId(*id)).unwrap().len(), 1, "end of job {id}");
            } else if let Some(job) = live.get(id) {
                assert_eq!(**job, waiting(*id));
                assert_eq!(writer.payload(JobId(*id)).unwrap(), script);
            } else {
                // Its end was committed but not printed any more.
                assert_eq!(reader.attempts(JobId(*id)).unwrap().len(), 1, "job {id}");
            }
            assert_eq!(reader.payload(JobId(*id)).unwrap(), script);
        }
        assert!(saved.next_id.unwrap().0 > *acknowledged.keys().last().unwrap());
    }
    assert!(acknowledged.len() > 100);
}

/// A power cut may take the last writes of history.db along, but never those of queue.db: as if history.db were of
/// an earlier moment.
#[test]
fn a_history_that_lost_its_tail_is_made_whole() {
    let directory = tempfile::tempdir().unwrap();
    let (state, after_cut) = (directory.path().join("state"), directory.path().join("after"));
    std::fs::create_dir(&after_cut).unwrap();
    drop(open(&state));
    std::fs::copy(state.join("history.db"), after_cut.join("history.db")).unwrap();
    let (mut writer, reader) = open(&state);
    let attempts = (1..=100).map(|id| closed(&waiting(id), at(300), Outcome::Completed)).collect();
    writer.commit(&Batch { closed: attempts, ..Batch::default() }).unwrap();
    assert_eq!(reader.attempts(JobId(100)).unwrap().len(), 1);
    for file in ["queue.db", "queue.db-wal"] {
        std::fs::copy(state.join(file), after_cut.join(file)).unwrap();
    }
    let (_writer, reader) = open(&after_cut);
    for id in 1..=100 {
        assert_eq!(reader.attempts(JobId(id)).unwrap().len(), 1);
    }
}

/// As long as history cannot be written, nothing is lost and nobody waits; when it can be again, it is made whole.
#[test]
fn history_that_cannot_be_written_catches_up() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let other = rusqlite::Connection::open(directory.path().join("history.db")).unwrap();
    other.execute_batch("ALTER TABLE past RENAME TO away").unwrap();
    let end = closed(&waiting(1), at(300), Outcome::Completed);
    writer.commit(&Batch { closed: vec![end], ..Batch::default() }).unwrap();
    assert!(reader.attempts(JobId(1)).is_err());
    other.execute_batch("ALTER TABLE away RENAME TO past").unwrap();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while reader.attempts(JobId(1)).unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "history has not caught up");
        std::thread::yield_now();
    }
}

/// An ended job that cannot be understood is lost to history, and nothing else is.
#[test]
fn history_goes_on_after_a_record_it_cannot_read() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let queue = rusqlite::Connection::open(directory.path().join("queue.db")).unwrap();
    let bad = "INSERT INTO closed (id, job, spec, nodes, body) VALUES (?1, 1, ?2, '', x'c1')";
    queue.execute(bad, [1, 99]).unwrap();
    queue.execute("INSERT INTO spec (id, body) VALUES (5, x'80')", []).unwrap();
    queue.execute(bad, [2, 5]).unwrap();
    drop(queue);
    let (mut writer, reader) = open(directory.path());
    let end = closed(&waiting(7), at(300), Outcome::Completed);
    writer.commit(&Batch { closed: vec![end], ..Batch::default() }).unwrap();
    assert_eq!(reader.attempts(JobId(7)).unwrap().len(), 1);
    assert!(reader.attempts(JobId(1)).unwrap().is_empty());
}
