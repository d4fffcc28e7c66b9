//! Finished attempts: kept, found, paged through.

use crate::samples::*;
use domain::cluster::unfold;
use domain::history::{Amendment, Between, Kind, Moments, Order, Wanted};
use domain::job::{ArrayPart, Exit, Job, JobSpec, Outcome, Owner, Phase, Reason, WayIn};
use domain::ports::{Batch, Closed, ClosedStep, History, Store};
use domain::{Gid, JobId, TaskIndex, Timestamp, Uid};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;
use store::Reader;

/// Makes a history of 200 attempts that differ in all that a filter can ask for, two ending at the same moment.
fn history(directory: &std::path::Path) -> (Reader, Vec<Closed>) {
    let (mut writer, reader) = open(directory);
    let attempts: Vec<Closed> = attempts(200).collect();
    writer.commit(&Batch { closed: attempts.clone(), ..Batch::default() }).unwrap();
    (reader, attempts)
}

fn attempts(count: u32) -> impl Iterator<Item = Closed> {
    (1..=count).map(|id| {
        let spec = JobSpec {
            owner: Owner { name: text("user"), uid: Uid(id % 3), gid: Gid(1), group: text("group") },
            account: text(["physics", "chemistry"][id as usize % 2]),
            name: text(["a", "b", "c", "d", "e"][id as usize % 5]),
            ..small_spec("")
        };
        let outcome = Outcome::ALL[id as usize % Outcome::ALL.len()];
        let job = Job { spec: Arc::new(spec), ..waiting(id) };
        let mut closed = closed(&job, at(1000 + i64::from(id / 2)), outcome);
        closed.nodes = text(["n1", "n[1-2]", "m7"][id as usize % 3]);
        if let Phase::Ended(ended) = &mut Arc::make_mut(&mut closed.job).phase {
            ended.exit = [Exit::Code(0), Exit::Code(3), Exit::Signal(9), Exit::None][id as usize % 4];
        }
        if let Phase::Ended(ended) = &mut Arc::make_mut(&mut closed.job).phase {
            ended.reason = [Reason::None, Reason::NodeDown, Reason::TimeLimit][id as usize % 3];
            let ways = [WayIn::InOrder, WayIn::Overtaking, WayIn::Submission];
            ended.run.iter_mut().for_each(|run| run.way_in = ways[id as usize % 8 % 3]);
        }
        if id % 7 == 0
            && let Phase::Ended(ended) = &mut Arc::make_mut(&mut closed.job).phase
        {
            ended.run = None;
            closed.nodes = text("");
        }
        closed
    })
}

/// Checks that a search gives what looking at every attempt gives, whole and page by page, either way.
fn check(reader: &Reader, all: &[Closed], wanted: &Wanted) {
    let fitting = |(_, closed): &(u64, &Closed)| wanted.fits(&closed.job, &unfold(&closed.nodes));
    let mut expected: Vec<(u64, &Closed)> = (1..).zip(all).filter(fitting).collect();
    for order in [Order::OldestFirst, Order::LatestFirst] {
        if order == Order::LatestFirst {
            expected.reverse();
        }
        let mut pages = Vec::new();
        let mut after = None;
        let limit = (all.len() / 8).max(23);
        loop {
            let page = reader.search(&Wanted { after, limit, order, ..wanted.clone() }).unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.row);
            pages.extend(page);
        }
        let everything = Wanted { limit: 9999, order, ..wanted.clone() };
        let keys = reader.keys(&everything).unwrap();
        let rows: Vec<u64> = keys.iter().map(|key| key.row).collect();
        for found in [pages, reader.search(&everything).unwrap(), reader.rows(&rows).unwrap()] {
            assert_eq!(found.len(), expected.len(), "{wanted:?}");
            for (found, (row, expected)) in found.iter().zip(&expected) {
                assert_eq!(found.row, *row, "{wanted:?}");
                assert_eq!(found.closed.job, expected.job, "{wanted:?}");
                assert_eq!(found.closed.nodes, expected.nodes);
            }
        }
    }
}

#[test]
fn rows_come_in_the_order_in_which_they_are_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    let near: Vec<u64> = (1..=200).rev().collect();
    let far: Vec<u64> = (1..=200).step_by(17).chain([199, 3, 2, 4]).collect();
    for mut asked in [near, far] {
        let expected: Vec<(u64, JobId)> =
            asked.iter().map(|row| (*row, all[*row as usize - 1].job.id)).collect();
        // What is not there is left out.
        asked.insert(1, 201);
        asked.insert(2, u64::MAX);
        let found = reader.rows(&asked).unwrap();
        let found: Vec<(u64, JobId)> = found.iter().map(|found| (found.row, found.closed.job.id)).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn steps_of_many_jobs_are_those_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let mut steps = Vec::new();
    for job in (1..=60).filter(|job| job % 3 != 0) {
        for (attempt, number) in [(1, 0), (0, 1), (0, 0)] {
            steps.push(closed_step(job, attempt, number));
        }
        if job % 4 == 0 {
            // The job that had this number before.
            steps.push(ClosedStep { submitted: at(7), ..closed_step(job, 0, 0) });
        }
    }
    writer.commit(&Batch { steps, ..Batch::default() }).unwrap();
    let some = |which: fn(&u32) -> bool| -> Vec<u32> { (1..=60).filter(which).collect() };
    for jobs in [
        some(|_| true),
        some(|job| job % 2 == 0),
        some(|job| job % 3 == 0),
        some(|job| (20..30).contains(job)),
        vec![1, 60_000],
        Vec::new(),
    ] {
        let jobs: Vec<JobId> = jobs.into_iter().map(JobId).collect();
        let each: Vec<ClosedStep> = jobs.iter().flat_map(|job| reader.steps(*job).unwrap()).collect();
        assert_eq!(reader.steps_of(&jobs).unwrap(), each);
        let there = jobs.iter().filter(|job| job.0 <= 60 && job.0 % 3 != 0).count();
        assert_eq!(each.len(), there * 3);
    }
}

#[test]
fn every_combination_of_wishes_is_honoured() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    for wishes in (0..1u32 << 9).step_by(5) {
        let wish = |bit: u32| wishes & (1 << bit) != 0;
        let one = |bit: u32, word: &str| if wish(bit) { vec![text(word)] } else { Vec::new() };
        let kind = match (wish(4), wish(5)) {
            (false, false) => Kind::Any,
            (true, false) => Kind::Ended(vec![Outcome::Failed]),
            (false, true) => Kind::Ended(vec![Outcome::Completed, Outcome::Timeout, Outcome::Preempted]),
            (true, true) => Kind::Ended(Outcome::ALL.to_vec()),
        };
        let between = |bit: u32, from: i64, to: i64| match wishes >> bit & 3 {
            0 => Between::default(),
            1 => Between::from(at(from)),
            2 => Between::to(at(to)),
            _ => Between { from: Some(at(from)), to: Some(at(to)) },
        };
        let moments = Moments { kind, ended: between(6, 1010, 1090), ..Moments::default() };
        let other =
            Moments { started: between(7, 101, 400), or_never_started: wish(0), ..Moments::default() };
        let wanted = Wanted {
            users: if wish(0) { vec![Uid(1)] } else { Vec::new() },
            accounts: one(1, "physics"),
            names: one(2, "b"),
            partitions: one(3, "long"),
            nodes: one(8, "n2"),
            moments: if wish(8) { vec![moments, other] } else { vec![moments] },
            ..Wanted::default()
        };
        check(&reader, &all, &wanted);
    }
}

#[test]
fn each_wish_is_honoured_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    let any = Wanted::default;
    let moments = |moments: Moments| Wanted { moments: vec![moments], ..any() };
    for wanted in [
        any(),
        Wanted { jobs: vec![(JobId(7), None), (JobId(9), None), (JobId(999), None)], ..any() },
        Wanted { jobs: vec![(JobId(7), Some(TaskIndex(1)))], ..any() },
        Wanted { users: vec![Uid(0), Uid(2)], ..any() },
        Wanted { groups: vec![Gid(2)], ..any() },
        Wanted { groups: vec![Gid(1)], ..any() },
        Wanted { associations: vec![(text("physics"), text("user"), text("long"))], ..any() },
        Wanted { associations: vec![(text("chemistry"), text("user"), text(""))], ..any() },
        Wanted { associations: vec![(text("chemistry"), text("nobody"), text(""))], ..any() },
        Wanted { names: vec![text("a"), text("e"), text("z")], ..any() },
        Wanted { names: vec![text("z")], ..any() },
        Wanted { qos: vec![text("normal")], ..any() },
        Wanted { qos: vec![text("high")], ..any() },
        Wanted { wckeys: vec![text("*")], ..any() },
        Wanted { reservations: vec![text("")], ..any() },
        Wanted { reservations: vec![text("maintenance")], ..any() },
        Wanted { constraints: vec![text("a&b")], ..any() },
        Wanted { constraints: vec![text("B")], ..any() },
        Wanted { constraints: vec![text("b"), text("a")], ..any() },
        Wanted { constraints: vec![text("b"), text("c")], ..any() },
        Wanted { partitions: vec![text("LONG")], accounts: vec![text("Physics")], ..any() },
        Wanted { nodes: vec![text("n1"), text("n9")], ..any() },
        Wanted { nodes: vec![text("n9")], ..any() },
        Wanted { reasons: vec![text("None")], ..any() },
        Wanted { reasons: vec![text("Resources")], ..any() },
        Wanted { reasons: vec![text("")], ..any() },
        Wanted { reasons: vec![text("NodeDown")], ..any() },
        Wanted { reasons: vec![text("None"), text("TimeLimit")], ..any() },
        Wanted { ways_in: vec![WayIn::InOrder], ..any() },
        Wanted { ways_in: vec![WayIn::Submission], ..any() },
        Wanted { ways_in: vec![WayIn::Overtaking, WayIn::Submission], ..any() },
        Wanted { ways_in: vec![WayIn::Overtaking], exit: Some(Exit::Code(3)), ..any() },
        Wanted { exit: Some(Exit::Code(0)), ..any() },
        Wanted { exit: Some(Exit::Code(3)), ..any() },
        Wanted { exit: Some(Exit::Signal(9)), ..any() },
        Wanted { exit: Some(Exit::None), ..any() },
        moments(Moments { submitted: Between::to(at(99)), ..Moments::default() }),
        moments(Moments {
            submitted: Between { from: Some(at(100)), to: Some(at(100)) },
            ..Moments::default()
        }),
        moments(Moments { eligible: Between::from(at(100)), ..Moments::default() }),
        moments(Moments { started: Between::to(at(5000)), ..Moments::default() }),
        moments(Moments { kind: Kind::Pending, ..Moments::default() }),
        moments(Moments { kind: Kind::Ended(Vec::new()), ..Moments::default() }),
    ] {
        check(&reader, &all, &wanted);
    }
}

#[test]
fn times_are_honoured_within_blocks_and_across_them() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let mut all: Vec<Closed> = attempts(1300).collect();
    for (id, closed) in (1..).zip(&mut all) {
        let job = Arc::make_mut(&mut closed.job);
        let Phase::Ended(ended) = &mut job.phase else { unreachable!() };
        let started = ended.ended.before(Duration::from_secs(1 + id % 50));
        if let Some(run) = &mut ended.run {
            run.started = started;
        }
        job.submitted = started.before(Duration::from_secs(id % 300));
        // Of some it was never told when they could run, whether they did or not.
        job.eligible = if id % 11 < 3 { Timestamp::NEVER } else { job.submitted };
    }
    writer.commit(&Batch { closed: all.clone(), ..Batch::default() }).unwrap();
    let (from, to) = (|second| Between::from(at(second)), |second| Between::to(at(second)));
    let long = Between { from: Some(at(1150)), to: Some(at(1450)) };
    for times in [
        Moments { ended: from(0), eligible: to(9999), ..Moments::default() },
        Moments { ended: from(1200), eligible: to(1600), ..Moments::default() },
        Moments { ended: long, ..Moments::default() },
        Moments { submitted: long, ..Moments::default() },
        Moments { eligible: long, ..Moments::default() },
        Moments { started: long, ..Moments::default() },
        Moments { started: from(1150), or_never_started: true, eligible: to(1450), ..Moments::default() },
        Moments { kind: Kind::Ended(vec![Outcome::Failed]), ended: from(0), ..Moments::default() },
    ] {
        let moments = vec![times];
        for wanted in [
            Wanted { nodes: vec![text("n2")], ..Wanted::default() },
            Wanted { nodes: vec![text("n1"), text("m7")], users: vec![Uid(1)], ..Wanted::default() },
            Wanted { ways_in: vec![WayIn::Submission], ..Wanted::default() },
            Wanted { ways_in: vec![WayIn::Submission, WayIn::Overtaking], ..Wanted::default() },
            Wanted { reasons: vec![text("NodeDown")], ..Wanted::default() },
            Wanted { exit: Some(Exit::Code(3)), ..Wanted::default() },
            Wanted { names: vec![text("a"), text("d")], ..Wanted::default() },
        ] {
            check(&reader, &all, &Wanted { moments: moments.clone(), ..wanted });
        }
        let both = vec![Moments { kind: Kind::Ended(vec![Outcome::Timeout]), ..Moments::default() }];
        let moments = [moments, both].concat();
        check(&reader, &all, &Wanted { moments, nodes: vec![text("n1")], ..Wanted::default() });
    }
}

#[test]
fn what_was_found_is_handed_over_until_there_is_enough() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    for (wanted, enough) in
        [(Wanted::default(), 60), (Wanted { nodes: vec![text("n1")], ..Wanted::default() }, 9)]
    {
        let wanted = Wanted { limit: 9999, order: Order::OldestFirst, ..wanted };
        let (mut found, mut times) = (Vec::new(), 0);
        reader
            .each(&wanted, &mut |some| {
                found.extend(some.into_iter().map(|found| found.row));
                times += 1;
                if found.len() < enough { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            })
            .unwrap();
        let expected: Vec<u64> = reader.search(&wanted).unwrap().iter().map(|found| found.row).collect();
        assert!(found.len() >= enough && found.len() < expected.len() && expected.len() < all.len() + 1);
        assert_eq!(found, expected[..found.len()]);
        assert!(times <= 3, "{times}");
    }
}

#[test]
fn what_is_noted_afterwards_is_shown_in_the_place_of_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, all) = history(directory.path());
    let note = |comment: Option<&str>, extra: Option<&str>| Amendment {
        comment: comment.map(text),
        extra: extra.map(text),
        derived_exit: Some(Exit::Code(7)),
        allocated: Some(vec![(1, 3)]),
        ..Amendment::default()
    };
    reader.amend(&[(5, note(Some("first"), Some("kept"))), (999, note(None, None))]).unwrap();
    reader.amend(&[(5, note(Some("second"), None))]).unwrap();
    let found = reader.rows(&[5, 6, 999]).unwrap();
    assert_eq!(found.len(), 2);
    reader.amend(&[(40, note(None, Some("other")))]).unwrap();
    let altered = |wanted: Wanted| -> Vec<u64> {
        let found = reader.search(&Wanted { altered: true, limit: 9, ..wanted }).unwrap();
        found.iter().map(|found| found.row).collect()
    };
    assert_eq!(altered(Wanted::default()), [40, 5]);
    assert_eq!(altered(Wanted { after: Some(40), ..Wanted::default() }), [5]);
    assert_eq!(altered(Wanted { users: vec![Uid(40 % 3)], ..Wanted::default() }), [40]);
    assert_eq!(altered(Wanted { names: vec![text("a")], ..Wanted::default() }), [40, 5]);
    assert_eq!(altered(Wanted { jobs: vec![(JobId(5), None), (JobId(6), None)], ..Wanted::default() }), [5]);
    let job = &found[0].closed.job;
    assert_eq!((&*job.spec.comment, &*job.spec.uncommon().extra), ("second", "kept"));
    assert_eq!(job.run().unwrap().derived, Exit::Code(7));
    assert_eq!(found[0].amendment.as_ref().unwrap().allocated, Some(vec![(1, 3)]));
    assert!(found[1].amendment.is_none());
    assert_eq!(found[1].closed.job, all[5].job);
}

#[test]
fn an_attempt_is_found_under_the_key_it_was_given_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, _) = history(directory.path());
    let under = |key: &str| {
        let wanted = Wanted { wckeys: vec![text(key)], limit: 1000, ..Wanted::default() };
        reader.search(&wanted).unwrap().iter().map(|found| found.row).collect::<Vec<u64>>()
    };
    let before = under("*");
    reader.amend(&[(5, Amendment { wckey: Some(text("later")), ..Amendment::default() })]).unwrap();
    assert_eq!(under("Later"), [5]);
    assert_eq!(under("*").len(), before.len() - 1);
    assert_eq!(reader.rows(&[5]).unwrap()[0].closed.job.spec.wckey, "later");
}

#[test]
fn no_limit_no_answer() {
    let directory = tempfile::tempdir().unwrap();
    let (reader, _) = history(directory.path());
    assert!(reader.search(&Wanted::default()).unwrap().is_empty());
}

#[test]
fn every_field_of_an_ended_job_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, reader) = open(directory.path());
    let attempts: Vec<Closed> = full_jobs()
        .into_iter()
        .filter(Job::is_final)
        .map(|job| Closed { job: Arc::new(job), nodes: text("n[1-9]"), also: Vec::new() })
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
    let wanted = Wanted { limit: 100, ..Wanted::default() };
    let found: BTreeSet<u32> =
        reader.search(&wanted).unwrap().iter().map(|found| found.closed.job.id.0).collect();
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
