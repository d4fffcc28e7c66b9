//! The journal remembers what it was told, whatever else happened to the file.

use super::*;
use crate::report::{Ended, StartFailure, Status, Step, Usage};
use crate::run::UnixMicros;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn run(key: u64) -> RunId {
    RunId { key, attempt: 1 }
}

fn start(pid: u32) -> Start {
    Start {
        pid,
        booted_for: 123,
        at: UnixMicros(1_700_000_000_000_001),
        trees: 5,
        script: Some("/spool/a b%/scr\nipt\u{e9}".into()),
        made_folder: true,
        owner: 1000,
    }
}

fn ended(status: Status) -> FoundState {
    FoundState::Ended(Ended {
        pid: 9,
        started_at: UnixMicros(1),
        at: UnixMicros(2),
        status,
        usage: Usage {
            user: Duration::from_micros(3),
            system: Duration::from_micros(4),
            max_rss: 5,
            memory_peak: Some(6),
            read_bytes: 7,
            written_bytes: 8,
            energy: None,
        },
        over_memory: true,
        left_behind: false,
        hook_failed: true,
    })
}

fn all_ends() -> Vec<FoundState> {
    vec![
        ended(Status::Exited(-1)),
        ended(Status::Signalled { signal: 9, core: false }),
        ended(Status::Signalled { signal: 11, core: true }),
        FoundState::Vanished { at: UnixMicros(-7) },
        FoundState::FailedToStart {
            failure: StartFailure { step: Step::Interpreter, errno: 2 },
            hook_failed: true,
            at: UnixMicros(8),
        },
    ]
}

#[test]
fn every_record_is_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, memory) = Journal::open(folder.path()).unwrap();
    assert!(memory.runs.is_empty());
    for (key, end) in (0..).zip(all_ends()) {
        journal.add(&Record::Started { run: run(key), start: start(7) });
        journal.add(&Record::Over { run: run(key), end });
    }
    journal.add(&Record::Started { run: run(100), start: start(8) });
    journal.add(&Record::Started { run: run(101), start: start(9) });
    journal.add(&Record::Forgotten { run: run(101) });
    journal.save().unwrap();

    // Twice: the second reads what the first has tidied.
    for _ in 0..2 {
        let (_, memory) = Journal::open(folder.path()).unwrap();
        assert!(!memory.other_boot);
        assert_eq!(memory.runs.len(), all_ends().len() + 1);
        for (key, end) in (0..).zip(all_ends()) {
            assert_eq!(memory.runs[&run(key)], Remembered { start: Some(start(7)), end: Some(end) });
        }
        assert_eq!(memory.runs[&run(100)], Remembered { start: Some(start(8)), end: None });
    }
    let mode = fs::metadata(folder.path().join("journal")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_child_fills_in_who_it_is() {
    let mut line = StartLine::new(run(3), &start(0));
    let text = String::from_utf8(line.fill().to_vec()).unwrap();
    let Some(Record::Started { start, .. }) = Record::read(text.trim_matches('\n')) else { panic!("{text}") };
    assert_eq!(start.pid, std::process::id());
    assert!(start.booted_for > 0);
    assert_eq!(start.script, self::start(0).script);
}

#[test]
fn a_torn_line_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut whole = Vec::new();
    Record::Started { run: run(1), start: start(7) }.write(&mut whole);
    for cut in 0..whole.len() - 2 {
        let mut text = format!("quintet-journal 1 {}\n", proc::boot_id()).into_bytes();
        text.extend_from_slice(&whole[..cut]);
        Record::Over { run: run(2), end: FoundState::Vanished { at: UnixMicros(1) } }.write(&mut text);
        fs::write(&path, &text).unwrap();
        let (_, memory) = Journal::open(folder.path()).unwrap();
        assert_eq!(memory.runs.keys().copied().collect::<Vec<_>>(), [run(2)], "cut at {cut}");
    }
}

#[test]
fn children_may_write_between_the_parts_of_what_a_full_disk_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let mut lines = Vec::new();
    for (key, end) in (1..).zip(all_ends()) {
        Record::Over { run: run(key), end }.write(&mut lines);
    }
    for cut in 1..lines.len() {
        let mut text = format!("quintet-journal 1 {}\n", proc::boot_id()).into_bytes();
        text.extend_from_slice(&lines[..cut]);
        Record::Started { run: run(100), start: start(7) }.write(&mut text);
        text.extend_from_slice(&lines[whole_lines(&lines, cut)..]);
        fs::write(&path, &text).unwrap();
        let (_, memory) = Journal::open(folder.path()).unwrap();
        assert_eq!(memory.runs.len(), all_ends().len() + 1, "cut at {cut}");
    }
    assert_eq!(whole_lines(&lines, lines.len()), lines.len());
}

#[test]
fn another_boot_is_noticed_and_rubbish_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"quintet-journal 1 another\n\xff\xfe\nS 1\nE 1 2 3 .\nQ 1 1 .\n".to_vec();
    Record::Started { run: run(1), start: start(7) }.write(&mut text);
    fs::write(folder.path().join("journal"), &text).unwrap();
    let (_, memory) = Journal::open(folder.path()).unwrap();
    assert!(memory.other_boot);
    assert_eq!(memory.runs.len(), 1);
}

#[test]
fn rewriting_drops_what_is_not_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, _) = Journal::open(folder.path()).unwrap();
    for key in 0..3000 {
        journal.add(&Record::Started { run: run(key), start: start(7) });
        journal.add(&Record::Forgotten { run: run(key) });
    }
    journal.save().unwrap();
    assert!(journal.is_worth_rewriting(1));
    journal.rewrite(&[Record::Started { run: run(9), start: start(7) }]).unwrap();
    assert!(!journal.is_worth_rewriting(1));
    journal.add(&Record::Started { run: run(10), start: start(7) });
    journal.save().unwrap();
    let (_, memory) = Journal::open(folder.path()).unwrap();
    assert_eq!(memory.runs.len(), 2);
}
