//! Finished attempts: kept, found, paged through.

use crate::samples::*;
use domain::job::{ArrayPart, Job, JobSpec, Outcome, Owner, Phase};
use domain::ports::{Batch, Closed, ClosedStep, History, HistoryFilter, Store};
use domain::{Gid, JobId, TaskIndex, Uid};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Reader;

/// Makes a history of 200 attempts that differ in all that a filter can ask for, two ending at the same moment.
fn history(directory: &std::path::Path) -> (Reader, Vec<Closed>) {
    let (mut writer, reader) = open(directory);
    let attempts: Vec<Closed> = (1..=200u32)
        .map(|id| {
            let spec = JobSpec {
                owner: Owner { name: text("user"), uid: Uid(id % 3), gid: Gid(1), group: text("group") },
                account: text(["physics", "chemistry"][id as usize % 2]),
                name: text(["a", "b", "c", "d", "e"][id as usize % 5]),
                ..small_spec("")
            };
            let outcome = Outcome::ALL[id as usize % Outcome::ALL.len()];
            let job = Job { spec: Arc::new(spec), ..waiting(id) };
            let mut closed = closed(&job, at(1000 + i64::from(id / 2)), outcome);
            if id % 7 == 0
                && let Phase::Ended(ended) = &mut Arc::make_mut(&mut closed.job).phase
            {
                ended.run = None;
            }
            closed
        })
        .collect();
    writer.commit(&Batch { closed: attempts.clone(), ..Batch::default() }).unwrap();
    (reader, attempts)
}

fn end_of(closed: &Closed) -> domain::Timestamp {
    match &closed.job.phase {
        Phase::Ended(ended) => ended.ended,
        _ => panic!("not ended"),
    }
}

fn fits(filter: &HistoryFilter, closed: &Closed) -> bool {
    let Phase::Ended(ended) = &closed.job.phase else { return false };
    let spec = &closed.job.spec;
    let partition = ended.run.as_ref().map_or(spec.partition(), |run| &run.allocation.partition);
    filter.user.is_none_or(|user| user == spec.owner.uid)
        && filter.account.as_ref().is_none_or(|account| *account == spec.account)
        && filter.name.as_ref().is_none_or(|name| *name == spec.name)
        && filter.partition.as_ref().is_none_or(|wanted| wanted == partition)
        && (filter.outcomes.is_empty() || filter.outcomes.contains(&ended.outcome))
        && filter.since.is_none_or(|since| ended.ended >= since)
        && filter.until.is_none_or(|until| ended.ended < until)
        && filter.after.is_none_or(|after| (ended.ended, closed.job.id) < after)
}

/// Checks that a search gives what looking at every attempt gives, whole and page by page.
fn check(reader: &Reader, all: &[Closed], filter: &HistoryFilter) {
    let mut expected: Vec<&Closed> = all.iter().filter(|closed| fits(filter, closed)).collect();
    expected.sort_by_key(|closed| std::cmp::Reverse((end_of(closed), closed.job.id)));
    let mut pages = Vec::new();
    let mut after = filter.after;
    loop {
        let page = reader.search(&HistoryFilter { after, limit: 7, ..filter.clone() }).unwrap();
        assert!(page.len() <= 7);
        let Some(last) = page.last() else { break };
        after = Some((end_of(last), last.job.id));
        pages.extend(page);
    }
    let whole = reader.search(&HistoryFilter { limit: 1000, ..filter.clone() }).unwrap();
    for found in [pages, whole] {
        assert_eq!(found.len(), expected.len(), "{filter:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.job, expected.job, "{filter:?}");
            assert_eq!(found.nodes, expected.nodes);
        }
    }
}

#[test]
fn every_combination_of_wishes_is_honoured() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    for wishes in 0..1u32 << 8 {
        let wish = |bit: u32| wishes & (1 << bit) != 0;
        let outcomes = match (wish(4), wish(5)) {
            (false, false) => vec![],
            (true, false) => vec![Outcome::Failed],
            (false, true) => vec![Outcome::Completed, Outcome::Timeout, Outcome::Preempted],
            (true, true) => Outcome::ALL.to_vec(),
        };
        let filter = HistoryFilter {
            user: wish(0).then_some(Uid(1)),
            account: wish(1).then(|| text("physics")),
            name: wish(2).then(|| text("b")),
            partition: wish(3).then(|| text("long")),
            outcomes,
            since: wish(6).then(|| at(1010)),
            until: wish(7).then(|| at(1090)),
            after: (wishes % 5 == 0).then(|| (at(1080), JobId(160))),
            limit: 0,
        };
        check(&reader, &all, &filter);
    }
}

#[test]
fn no_limit_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, _) = history(directory.path());
    assert!(reader.search(&HistoryFilter::default()).unwrap().is_empty());
}

#[test]
fn every_field_of_an_ended_job_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let attempts: Vec<Closed> = full_jobs()
        .into_iter()
        .filter(Job::is_final)
        .map(|job| Closed { job: Arc::new(job), nodes: text("n[1-9]") })
        .collect();
    writer.commit(&Batch { closed: attempts.clone(), ..Batch::default() }).unwrap();
    for closed in &attempts {
        let found = reader.attempts(closed.job.id).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].job, closed.job);
        assert_eq!(found[0].nodes, closed.nodes);
    }
}

#[test]
fn an_array_has_the_attempts_of_all_its_tasks() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let task = |id: u32, index: u32| {
        let array = ArrayPart::Task { of: JobId(1), index: TaskIndex(index), throttle: 0, size: 3 };
        closed(&Job { array: Some(array), ..waiting(id) }, at(300 + i64::from(index)), Outcome::Completed)
    };
    let attempts = vec![task(1, 2), task(2, 0), task(3, 1), closed(&waiting(4), at(1), Outcome::Failed)];
    writer.commit(&Batch { closed: attempts, ..Batch::default() }).unwrap();
    let ids = |id: u32| -> Vec<u32> {
        reader.attempts(JobId(id)).unwrap().iter().map(|closed| closed.job.id.0).collect()
    };
    assert_eq!(ids(1), [2, 3, 1]);
    assert_eq!(ids(2), [2]);
    assert_eq!(ids(4), [4]);
    assert!(ids(5).is_empty());
}

#[test]
fn the_same_attempt_twice_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let end = closed(&waiting(1), at(300), Outcome::Failed);
    for _ in 0..2 {
        writer.commit(&Batch { closed: vec![end.clone()], ..Batch::default() }).unwrap();
    }
    assert_eq!(reader.attempts(JobId(1)).unwrap().len(), 1);
    // The number is given again, years later: that is another job.
    let later = Job { submitted: at(9_999_999), ..waiting(1) };
    let end = closed(&later, at(10_000_000), Outcome::Failed);
    writer.commit(&Batch { closed: vec![end], ..Batch::default() }).unwrap();
    assert_eq!(reader.attempts(JobId(1)).unwrap().len(), 2);
}

#[test]
fn the_queue_forgets_what_history_has_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let jobs: Vec<Job> = (1..=20).map(waiting).collect();
    writer.commit(&batch_of(jobs.clone())).unwrap();
    let batch = Batch {
        closed: jobs.iter().map(|job| closed(job, at(300), Outcome::Completed)).collect(),
        gone: jobs.iter().map(|job| job.id).collect(),
        ..Batch::default()
    };
    writer.commit(&batch).unwrap();
    // Closing the store makes history safe; the next run finds attempts that are there already, takes them over once
    // more, and forgets them at some commit.
    drop(writer);
    let (mut writer, _) = open(directory.path());
    let connection = rusqlite::Connection::open(directory.path().join("queue.db")).unwrap();
    let left = |table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while left("closed") > 0 || left("spec") > 0 {
        assert!(std::time::Instant::now() < deadline, "closed attempts are never forgotten");
        writer.commit(&Batch { next_id: Some(JobId(21)), ..Batch::default() }).unwrap();
        std::thread::yield_now();
    }
    let filter = HistoryFilter { limit: 100, ..HistoryFilter::default() };
    let found: BTreeSet<u32> = reader.search(&filter).unwrap().iter().map(|closed| closed.job.id.0).collect();
    assert_eq!(found, (1..=20).collect());
}

#[test]
fn steps_are_kept_beside_their_attempt() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let all: Vec<ClosedStep> =
        [(0, 0), (0, 1), (1, 0)].map(|(attempt, number)| closed_step(5, attempt, number)).to_vec();
    let (first, later) = all.split_at(2);
    writer.commit(&Batch { steps: first.to_vec(), ..Batch::default() }).unwrap();
    assert_eq!(reader.steps(JobId(5)).unwrap(), first);
    let others = vec![later[0].clone(), closed_step(6, 0, 0)];
    let closed = vec![closed(&waiting(5), at(1000), Outcome::Completed)];
    writer.commit(&Batch { steps: others, closed, ..Batch::default() }).unwrap();
    assert_eq!(reader.steps(JobId(5)).unwrap(), all);
    assert_eq!(reader.attempts(JobId(5)).unwrap().len(), 1);
    // Not one of them is lost or doubled when the service is started again.
    drop((writer, reader));
    let (_writer, reader) = open(directory.path());
    assert_eq!(reader.steps(JobId(5)).unwrap(), all);
    assert_eq!(reader.steps(JobId(6)).unwrap(), [closed_step(6, 0, 0)]);
    assert_eq!(reader.steps(JobId(7)).unwrap(), []);
}
