//! Measures what a store full of finished jobs takes of the disk and of time, without a service around it.
//!
//! `cargo run --release -p history DIRECTORY [JOBS]`; the directory is kept, and filled only once.

#![expect(clippy::unwrap_used, reason = "a measurement that fails shall stop")]

use domain::history::{Between, Grouping, Kind, Moments, Order, Span, UsageWanted, Wanted};
use domain::job::{Exit, Outcome, WayIn};
use domain::ports::History;
use domain::{Gid, JobId, Text, Timestamp, Uid};
use history::{DAY, Room, chance, end_of};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::{Options, Reader};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().expect("a directory"));
    let jobs = history::whole(arguments.next().map_or(1_000_000, |jobs| jobs.parse().unwrap()));
    history::make(&directory, jobs).unwrap();
    let Room { bytes, attempts, spread } = Room::of(&directory).unwrap();
    let each = |bytes: u64| bytes as f64 / attempts.max(1) as f64;
    println!(
        "history.db                           {:>9.0} MB, {:.0} bytes a job",
        bytes as f64 / 1e6,
        each(bytes)
    );
    for (name, bytes) in spread.iter().filter(|(_, bytes)| each(*bytes) > 0.5) {
        println!("  of which {name:<27} {:>7.1}", each(*bytes));
    }
    let (_writer, reader) = store::open(&directory, Options::default()).unwrap();
    searches(&reader, jobs);
}

fn searches(reader: &Reader, jobs: u32) {
    let page = || Wanted { limit: 1000, order: Order::OldestFirst, ..Wanted::default() };
    let day = |of: u32| {
        let from = end_of(of);
        let times = Between { from: Some(Timestamp::from_micros(from)), to: None };
        Moments {
            ended: times,
            eligible: Between::to(Timestamp::from_micros(from + DAY)),
            ..Moments::default()
        }
    };
    let ended =
        |outcomes: &[Outcome]| vec![Moments { kind: Kind::Ended(outcomes.to_vec()), ..Moments::default() }];
    for (name, wanted) in [
        ("everything", page()),
        ("a usual user", Wanted { users: vec![Uid(2030)], ..page() }),
        ("a rare user", Wanted { users: vec![Uid(2299)], ..page() }),
        ("two users", Wanted { users: vec![Uid(2150), Uid(2290)], ..page() }),
        ("an account", Wanted { accounts: text("project7"), ..page() }),
        ("a group", Wanted { groups: vec![Gid(104)], ..page() }),
        ("a partition", Wanted { partitions: text("fat"), ..page() }),
        ("a quality of service", Wanted { qos: text("high"), ..page() }),
        ("user and partition", Wanted { users: vec![Uid(2290)], partitions: text("gpu"), ..page() }),
        ("a name", Wanted { names: text("simulation-777"), ..page() }),
        ("a node", Wanted { nodes: text("node77"), ..page() }),
        (
            "four nodes",
            Wanted { nodes: (1..5).map(|at| Text::from(format!("node{at}"))).collect(), ..page() },
        ),
        ("failed", Wanted { moments: ended(&[Outcome::Failed]), ..page() }),
        ("node failure", Wanted { moments: ended(&[Outcome::NodeFail]), ..page() }),
        ("completed", Wanted { moments: ended(&[Outcome::Completed]), ..page() }),
        ("an exit code", Wanted { exit: Some(Exit::Code(3)), ..page() }),
        ("a reason nobody has", Wanted { reasons: text("Licenses"), ..page() }),
        ("a rare reason", Wanted { reasons: text("NodeDown"), ..page() }),
        ("started by backfill", Wanted { ways_in: vec![WayIn::Overtaking], ..page() }),
        ("started in order", Wanted { ways_in: vec![WayIn::InOrder], ..page() }),
        ("started on submission", Wanted { ways_in: vec![WayIn::Submission], ..page() }),
        ("noted about", Wanted { altered: true, ..page() }),
        ("rare user, an exit code", Wanted { users: vec![Uid(2290)], exit: Some(Exit::Code(3)), ..page() }),
        ("rare account and node", Wanted { accounts: text("project59"), nodes: text("node77"), ..page() }),
        (
            "usual user, node failure",
            Wanted { users: vec![Uid(2030)], moments: ended(&[Outcome::NodeFail]), ..page() },
        ),
        ("a day", Wanted { moments: vec![day(jobs / 2)], ..page() }),
        ("user in a day", Wanted { users: vec![Uid(2030)], moments: vec![day(jobs / 3)], ..page() }),
    ] {
        pages(name, reader, &wanted, jobs);
    }
    let latest = Wanted { order: Order::LatestFirst, ..page() };
    pages("everything, latest first", reader, &latest, jobs);
    measure("one job by its number", 1000, |at| {
        reader.attempts(JobId(1 + (chance(at, 20) * f64::from(jobs)) as u32)).unwrap().len()
    });
    sums(reader, jobs);
    let whole = Wanted { limit: usize::MAX, moments: vec![day(jobs / 2)], ..page() };
    measure("a day by pieces of 500", 5, |_| {
        let keys = reader.keys(&whole).unwrap();
        let rows: Vec<u64> = keys.iter().map(|key| key.row).collect();
        rows.chunks(500).map(|rows| reader.rows(rows).unwrap().len()).sum()
    });
}

/// Measures sums of usage over ranges that begin and end anywhere.
fn sums(reader: &Reader, jobs: u32) {
    let account = Grouping { account: true, ..Grouping::default() };
    let user = Grouping { account: true, user: true, ..Grouping::default() };
    for (name, by, accounts) in [
        ("usage per account, any range", account, Vec::new()),
        ("usage of one account, any range", account, text("project7")),
        ("usage of everybody, any range", Grouping::default(), Vec::new()),
        ("usage per user, any range", user, Vec::new()),
    ] {
        measure(name, 101, |at| {
            let some = |question: u64| end_of((chance(at, question) * f64::from(jobs)) as u32);
            let (one, other) = (some(22), some(23));
            let (from, to) = (one.min(other), one.max(other));
            let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to));
            let wanted = UsageWanted { from, to, by, accounts: accounts.clone(), ..UsageWanted::default() };
            reader.usage(&wanted).unwrap().lines().len()
        });
    }
    let year = UsageWanted {
        to: Timestamp::from_micros(end_of(jobs)),
        by: account,
        every: Some(Span::Day),
        ..UsageWanted::default()
    };
    measure("usage per account and day, all", 11, |_| reader.usage(&year).unwrap().lines().len());
}

fn text(text: &'static str) -> Vec<Text> {
    vec![Text::const_new(text)]
}

/// Measures pages that begin anywhere.
fn pages(name: &str, reader: &Reader, wanted: &Wanted, jobs: u32) {
    measure(name, 21, |at| {
        let after =
            Some((chance(at, 21) * f64::from(jobs)) as u64).filter(|_| wanted.moments.is_empty() || at > 5);
        let after = after.filter(|_| !wanted.moments.iter().any(|moments| !moments.ended.is_all()));
        reader.search(&Wanted { after, ..wanted.clone() }).unwrap().len()
    });
}

fn measure(name: &str, times: u32, mut ask: impl FnMut(u32) -> usize) {
    let mut took: Vec<(Duration, usize)> = (0..times)
        .map(|at| {
            let start = Instant::now();
            let found = ask(at);
            (start.elapsed(), found)
        })
        .collect();
    took.sort_unstable();
    let milliseconds = |part: usize| took[(took.len() - 1) * part / 100].0.as_secs_f64() * 1e3;
    println!(
        "{name:<36} p50 {:>8.2} ms   p95 {:>8.2} ms   {} found",
        milliseconds(50),
        milliseconds(95),
        took[took.len() / 2].1
    );
}
