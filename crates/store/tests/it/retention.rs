//! What is too old goes into an archive and out of history, and comes back from there.

use crate::samples::*;
use domain::history::{
    Amendment, Booking, Deed, During, Episode, Grouping, Occurrence, Purged, UsageWanted, Wanted,
};
use domain::job::{Job, Outcome};
use domain::ports::{Batch, Clock, Closed, History, Store};
use domain::{JobId, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Keep, Loaded, Options, Reader, Retention, Writer};

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

fn for_ever(archive: &Path) -> Retention {
    Retention::for_ever(archive.to_owned(), Arc::new(Much))
}

fn keep(days: u32) -> Option<Keep> {
    Some(Keep { age: days * Duration::from_secs(86_400), archived: true })
}

fn load(directory: &Path, file: &Path) -> Loaded {
    let mut bytes = 0;
    let loaded = store::load_archive(directory, file, &mut |_, read| bytes = read).unwrap();
    assert_eq!(bytes, std::fs::metadata(file).unwrap().len(), "told until the end");
    loaded
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

fn until_recorded(reader: &Reader, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while all(reader).len() < count {
        assert!(Instant::now() < deadline, "they are recorded");
    }
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
    until_recorded(&reader, expected);
    let row = reader.search(&Wanted { jobs: vec![(JobId(1_001), None)], limit: 1, ..Wanted::default() });
    let note = Amendment { comment: Some(text("noted")), ..Amendment::default() };
    reader.amend(&[(row.unwrap()[0].row, note)]).unwrap();
    let before = all(&reader);
    drop((writer, reader));

    let folder = directory.path().join("archive");
    let retention = Retention { jobs: keep(10), ..for_ever(&folder) };
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
        let listed = store::list_archive(file).unwrap();
        let first = load(directory.path(), file);
        assert_eq!((listed.jobs, listed.steps, listed.sums), (first.jobs, first.steps, first.sums));
        let again = load(directory.path(), file);
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
    let retention = Retention { hours: keep(1), ..for_ever(&folder) };
    let (writer, reader) = kept(directory.path(), retention);
    until(&reader, |purged| purged.sums > 0);
    assert_eq!(reader.usage(&wanted).unwrap().lines(), before, "days are left");
    drop((writer, reader));
    let loaded = load(directory.path(), &archives(&folder)[0]);
    assert!(loaded.sums > 0 && loaded.known == 0);
}

#[test]
fn a_line_that_is_none_is_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let file = directory.path().join("lines");
    for (text, line) in [("{}\n", 1), ("\n\n{\"kind\":\"step\"}", 3), ("\u{0}", 1)] {
        std::fs::write(&file, text).unwrap();
        let error = store::load_archive(directory.path(), &file, &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, store::LoadError::Line { line: found, .. } if found == line), "{error}");
    }
    let nowhere = directory.path().join("nowhere");
    assert!(store::load_archive(&nowhere, &file, &mut |_, _| {}).is_err());
}

#[test]
fn without_an_archive_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("archive");
    let gone = Keep { age: Duration::from_secs(86_400), archived: false };
    let retention = Retention { steps: Some(gone), ..for_ever(&folder) };
    let (mut writer, reader) = kept(directory.path(), retention);
    let steps = vec![closed_step(1, 0, 0), closed_step(1, 0, 1)];
    writer.commit(&Batch { steps, ..batch_of([waiting(1)]) }).unwrap();
    until(&reader, |purged| purged == Purged { steps: 2, ..Purged::default() });
    assert!(!folder.exists());
}

#[test]
fn what_is_too_old_goes_while_attempts_come() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let old = (1..3_000).map(|id| closed_at(id, 300)).collect();
    writer.commit(&Batch { closed: old, ..Batch::default() }).unwrap();
    until_recorded(&reader, 2_999);
    drop((writer, reader));
    let folder = directory.path().join("archive");
    let (mut writer, reader) = kept(directory.path(), Retention { jobs: keep(10), ..for_ever(&folder) });
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut id = 10_000;
    // Somebody asks for each as soon as it is there: no pause comes.
    while reader.purged().jobs < 2_000 {
        id += 1;
        writer.commit(&Batch { closed: vec![closed_at(id, 999 * 86_400)], ..Batch::default() }).unwrap();
        let one = Wanted { jobs: vec![(JobId(id), None)], limit: 1, ..Wanted::default() };
        // On a machine that is busy it may take longer than a reader waits.
        while reader.search(&one).unwrap().is_empty() {
            assert!(Instant::now() < deadline, "it is recorded");
        }
        assert!(Instant::now() < deadline, "{:?} have gone", reader.purged());
    }
}

#[test]
fn all_of_it_can_go_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let old: Vec<Closed> = (1..1_500).map(|id| closed_at(id, 300)).collect();
    let steps = vec![closed_step(1_000, 0, 0)];
    writer.commit(&Batch { closed: old, steps, ..Batch::default() }).unwrap();
    until_recorded(&reader, 1_499);
    let folder = directory.path().join("archive");
    let mut told = 0;
    let mut dump = |retention| {
        let calendar = Options::default().calendar;
        store::dump_archive(directory.path(), retention, calendar, &mut |_| told += 1).unwrap()
    };
    let first = dump(Retention { jobs: keep(10), steps: keep(10), ..for_ever(&folder) });
    assert_eq!((first.steps, first.jobs), (1, 1_499));
    assert_eq!(first.archived, 1_500);
    assert_eq!(dump(Retention { jobs: keep(10), ..for_ever(&folder) }), Purged::default());
    assert!(told >= 2);
    assert_eq!(all(&reader), []);
}

#[test]
fn nothing_starts_where_no_archive_can_be_written() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let open = |retention| {
        let options = Options { retention: Some(retention), ..Options::default() };
        store::open(&directory.path().join("store"), options).map(drop)
    };
    let refused = open(Retention { jobs: keep(10), ..for_ever(&file.join("archive")) }).unwrap_err();
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(why, format!("write into the archive {}/archive", file.display()));
    assert!(open(for_ever(&file)).is_ok(), "nothing goes there");
}

/// What happens over four days: a node that fails twice, two reservations, and three deeds.
fn happenings() -> Vec<Occurrence> {
    let out = |start| Episode { node: text("n1"), start, reason: text("disk"), ..Episode::default() };
    let cluster = Episode { start: at(0), nodes: text("n[1-4]"), ..Episode::default() };
    let deed = |at, place| Deed { at, actor: text("root"), action: text("Add Accounts"), place: text(place) };
    let booking =
        |number, start, end| Booking { number, name: text("talk"), start, end, ..Booking::default() };
    let day = |day: i64| at(day * 86_400);
    let nothing = Occurrence::default;
    vec![
        Occurrence { at: day(0), cluster: Some(cluster), deeds: vec![deed(day(0), "a")], ..nothing() },
        Occurrence { at: day(1), out: vec![out(day(1))], deeds: vec![deed(day(1), "b")], ..nothing() },
        Occurrence { at: day(1), bookings: vec![booking(1, day(1), day(2))], ..nothing() },
        Occurrence { at: day(1), bookings: vec![booking(2, at(86_410), Timestamp::NEVER)], ..nothing() },
        Occurrence { at: day(2), back: vec![text("n1")], ..nothing() },
        Occurrence { at: day(3), out: vec![out(day(3))], deeds: vec![deed(day(3), "c")], ..nothing() },
    ]
}

type Beside = (Vec<Episode>, Vec<Booking>, Vec<Deed>);

fn beside(reader: &Reader) -> Beside {
    let always = During::all(Timestamp::EPOCH, Timestamp::NEVER);
    (reader.episodes(&always).unwrap(), reader.bookings(&always).unwrap(), reader.deeds(&always).unwrap())
}

#[test]
fn what_happened_beside_jobs_goes_when_it_is_over_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    for occurrence in happenings() {
        writer.commit(&Batch { occurrence, ..Batch::default() }).unwrap();
    }
    let before = beside(&reader);
    assert_eq!((before.0.len(), before.1.len(), before.2.len()), (3, 2, 3));
    drop((writer, reader));

    let folder = directory.path().join("archive");
    // From the third day on.
    let young = keep(998);
    let retention =
        Retention { events: young, reservations: young, transactions: young, ..for_ever(&folder) };
    let (writer, reader) = kept(directory.path(), retention);
    let gone = Purged { events: 0, reservations: 0, transactions: 2, archived: 2, ..Purged::default() };
    until(&reader, |purged| purged == gone);
    drop((writer, reader));
    let older = keep(997);
    let retention = Retention { events: older, reservations: older, ..for_ever(&folder) };
    let (writer, reader) = kept(directory.path(), retention);
    until(&reader, |purged| {
        purged == Purged { events: 1, reservations: 1, archived: 2, ..Purged::default() }
    });
    let (episodes, bookings, deeds) = beside(&reader);
    let left: Vec<(&str, i64)> =
        episodes.iter().map(|one| (one.node.as_str(), one.start.seconds() / 86_400)).collect();
    assert_eq!(left, [("", 0), ("n1", 3)], "what goes on stays");
    assert_eq!(bookings.iter().map(|one| one.number).collect::<Vec<_>>(), [2]);
    assert_eq!(deeds.iter().map(|one| one.place.as_str()).collect::<Vec<_>>(), ["c"]);
    drop((writer, reader));

    let files = archives(&folder);
    let names: Vec<_> = files.iter().map(|file| file.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["events-1970-01.jsonl", "reservations-1970-01.jsonl", "transactions-1970-01.jsonl"]);
    for (file, counts) in files.iter().zip([(1, 0, 0), (0, 1, 0), (0, 0, 2)]) {
        let listed = store::list_archive(file).unwrap();
        assert_eq!((listed.events, listed.reservations, listed.transactions), counts);
        let loaded = load(directory.path(), file);
        assert_eq!(
            (loaded.events, loaded.reservations, loaded.transactions, loaded.known),
            (counts.0, counts.1, counts.2, 0)
        );
        assert_eq!(load(directory.path(), file).known, counts.0 + counts.1 + counts.2);
    }
    let (_writer, reader) = open(directory.path());
    assert_eq!(beside(&reader), before);
}

/// Ends jobs with these numbers and scripts at a second.
fn with_scripts(writer: &mut Writer, jobs: impl Iterator<Item = (u32, String)>, end: i64) {
    let (mut live, mut payloads, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for (id, script) in jobs {
        live.push(waiting(id));
        payloads.push((JobId(id), payload(&script)));
        closed.push(closed_at(id, end));
    }
    let gone = live.iter().map(|job| job.id).collect();
    writer.commit(&Batch { payloads, ..batch_of(live) }).unwrap();
    writer.commit(&Batch { closed, gone, ..Batch::default() }).unwrap();
}

fn contents(directory: &Path) -> i64 {
    let history = rusqlite::Connection::open(directory.join("history.db")).unwrap();
    history.query_row("SELECT count(*) FROM content", [], |row| row.get(0)).unwrap()
}

#[test]
fn scripts_go_with_the_last_job_that_has_them() {
    const OLD: u32 = 2_047;
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let own = |id: u32| (id, format!("#!/bin/sh\n./own {id}"));
    let shared = "#!/bin/sh\n./shared".to_owned();
    // Two blocks, every fourth of which has a script that a younger job has as well.
    let old = (1..=OLD).map(|id| if id % 4 == 0 { (id, shared.clone()) } else { own(id) });
    with_scripts(&mut writer, old, 300);
    with_scripts(&mut writer, [(5_000, shared.clone()), own(5_001)].into_iter(), 999 * 86_400);
    until_recorded(&reader, OLD as usize + 2);
    drop((writer, reader));
    let before = contents(directory.path());
    assert!(before > 1_536, "{before}");

    let folder = directory.path().join("archive");
    let (mut writer, reader) = kept(directory.path(), Retention { jobs: keep(10), ..for_ever(&folder) });
    until(&reader, |purged| (purged.jobs, purged.contents) == (u64::from(OLD), 1_536));
    assert_eq!(contents(directory.path()), before - 1_536);
    assert_eq!(&*reader.payload(JobId(5_000)).unwrap().script, shared.as_bytes());
    assert_eq!(&*reader.payload(JobId(5_001)).unwrap().script, own(5_001).1.as_bytes());
    // One that has gone is stored anew, whatever was known of it.
    with_scripts(&mut writer, [(1, own(1).1), (6_000, shared.clone())].into_iter(), 999 * 86_400);
    until_recorded(&reader, 4);
    assert_eq!(&*reader.payload(JobId(1)).unwrap().script, own(1).1.as_bytes());
    assert_eq!(&*reader.payload(JobId(6_000)).unwrap().script, shared.as_bytes());
    drop((writer, reader));
    let archive = archives(&folder).remove(0);
    assert_eq!(load(directory.path(), &archive).jobs, u64::from(OLD));
    let (_writer, reader) = open(directory.path());
    assert_eq!(&*reader.payload(JobId(3)).unwrap().script, own(3).1.as_bytes());
    assert_eq!(&*reader.payload(JobId(4)).unwrap().script, shared.as_bytes());
}

#[test]
fn what_another_process_let_go_is_not_relied_on() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let script = || "#!/bin/sh\n./again".to_owned();
    // The job that lives keeps its script in the queue, and what is known of it.
    let live = Batch { payloads: vec![(JobId(2), payload(&script()))], ..batch_of([waiting(2)]) };
    writer.commit(&live).unwrap();
    with_scripts(&mut writer, [(1, script())].into_iter(), 300);
    until_recorded(&reader, 1);
    let folder = directory.path().join("archive");
    let retention = Retention { jobs: keep(10), ..for_ever(&folder) };
    let gone =
        store::dump_archive(directory.path(), retention, Options::default().calendar, &mut |_| {}).unwrap();
    assert_eq!((gone.jobs, gone.contents > 0), (1, true));
    let closed = vec![closed_at(2, 999 * 86_400)];
    writer.commit(&Batch { closed, gone: vec![JobId(2)], ..Batch::default() }).unwrap();
    until_recorded(&reader, 1);
    assert_eq!(&*reader.payload(JobId(2)).unwrap().script, script().as_bytes());
}
