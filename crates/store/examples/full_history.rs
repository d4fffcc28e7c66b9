//! Fills a store with finished jobs of a made-up cluster and measures: how fast they are recorded, how much room they
//! take, how long searches last, and whether submissions notice.
//!
//! `cargo run --release -p store --example full_history DIRECTORY [JOBS]`; the directory is kept, and filled only once.
//! More than a million are 37 days recorded as they would be, and those days again and again, copied within the database:
//! other numbers, times and directories, and sums of usage to match.
//!
//! The cluster has 500 nodes in five partitions, 300 users in 60 accounts, few of whom run most of the jobs, and 27,000
//! jobs a day. Twenty jobs at a time have name, directory and request in common, every fifth is a task of an array,
//! every tenth runs on several nodes, every seventh fails in some way; two in five have a step of their own.

#![expect(clippy::unwrap_used, reason = "a measurement that fails shall stop")]

use domain::history::{Amendment, Between, Grouping, Kind, Moments, Order, Span, UsageWanted, Wanted};
use domain::job::*;
use domain::ports::{Batch, Closed, ClosedStep, History, Store};
use domain::{Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Options, Reader, Writer};

/// Jobs that end in a day.
const A_DAY: u64 = 27_000;
/// Jobs of 37 days, of which there are copies.
const COPIED: u32 = 37 * A_DAY as u32;
/// The minutes of these days.
const COPIED_MINUTES: i64 = 37 * 1440;
const BEGAN: i64 = 1_700_000_000_000_000;
const DAY: i64 = 86_400_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let state = PathBuf::from(arguments.next().expect("a directory"));
    let jobs: u32 = arguments.next().map_or(1_000_000, |jobs| jobs.parse().unwrap());
    let recorded = if jobs > 1_000_000 { COPIED } else { jobs };
    let jobs = jobs / recorded * recorded;
    if !state.join("history.db").exists() {
        fill(&state, recorded);
        if jobs > recorded {
            copy(&state.join("history.db"), jobs / recorded);
        }
    }
    spread(&state.join("history.db"), jobs);
    let (_writer, reader) = store::open(&state, Options::default()).unwrap();
    searches(&reader, jobs);
}

fn fill(state: &Path, jobs: u32) {
    let (mut writer, reader) = store::open(state, Options::default()).unwrap();
    writer.load().unwrap();
    let start = Instant::now();
    let mut mark = start;
    for first in (1..=jobs).step_by(250) {
        ends(&mut writer, first..(first + 250).min(jobs + 1));
        // The recorder is asked to keep up: a queue.db of millions is not what is measured.
        if first % 10_000 == 1 {
            reader.attempts(JobId(first)).unwrap();
        }
        if first % 1_000_000 == 1 && first > 1 {
            println!(
                "{:>10} jobs, the last million at {:>7.0} /s",
                first - 1,
                1e6 / mark.elapsed().as_secs_f64()
            );
            mark = Instant::now();
        }
    }
    while reader.attempts(JobId(jobs)).unwrap().is_empty() {
        std::thread::yield_now();
    }
    let noted =
        |row: u32| (u64::from(row), Amendment { comment: Some("seen".into()), ..Amendment::default() });
    let notes: Vec<(u64, Amendment)> = (1..=jobs).step_by(5_000).map(noted).collect();
    reader.amend(&notes).unwrap();
    println!(
        "ends committed and recorded          {:>9.0} /s",
        f64::from(jobs) / start.elapsed().as_secs_f64()
    );
}

/// Copies what was recorded, so that there is so much of it.
fn copy(file: &Path, times: u32) {
    let start = Instant::now();
    let connection = rusqlite::Connection::open(file).unwrap();
    connection
        .execute_batch(
            "PRAGMA cache_size = -1000000; PRAGMA synchronous = off; PRAGMA wal_autocheckpoint = 100000;",
        )
        .unwrap();
    connection
        .execute_batch(
            "CREATE TEMP TABLE first_usage AS SELECT * FROM usage WHERE kind % 3 < 2;
             CREATE TEMP TABLE first_waited AS SELECT * FROM waited;",
        )
        .unwrap();
    for copy in 1..i64::from(times) {
        let (jobs, minutes) = (copy * i64::from(COPIED), copy * COPIED_MINUTES);
        let micros = minutes * 60_000_000;
        connection
            .execute_batch(&format!(
                r#"BEGIN;
                INSERT OR IGNORE INTO word (text) SELECT text || '-{copy}' FROM word WHERE id IN
                    (SELECT work_dir FROM past WHERE id <= {COPIED}) AND text <> '';
                CREATE TEMP TABLE dir AS SELECT old.id AS old, new.id AS new FROM word old
                    JOIN word new ON new.text = old.text || '-{copy}';
                CREATE UNIQUE INDEX temp.dir_old ON dir (old);
                INSERT INTO past SELECT p.id + {jobs}, p.job + {jobs}, p.attempt, p.class, p.outcome, p.exit,
                    p."end" + {micros}, p.age, p.held, p.ran, p.name, p.nodes, p.reason, p.array + {jobs}, p.task,
                    p.time_limit, coalesce(d.new, 0), p.spec, p.boot, p.script, p.environment, p.arguments, p.body, p.also, p.way
                    FROM past p LEFT JOIN dir d ON d.old = p.work_dir WHERE p.id <= {COPIED} ORDER BY p.id;
                INSERT INTO amendment SELECT id + {jobs}, body FROM amendment WHERE id <= {COPIED};
                INSERT INTO past_step (job, attempt, number, "end", age, ran, name, command, nodes, body)
                    SELECT job + {jobs}, attempt, number, "end" + {micros}, age, ran, name, command, nodes, body
                    FROM past_step WHERE job <= {COPIED};
                CREATE TEMP TABLE more AS SELECT kind, start + {minutes} AS start, charge, cpu, memory, node, extra, others
                    FROM first_usage;
                INSERT INTO usage SELECT * FROM temp.more WHERE true ON CONFLICT DO UPDATE SET cpu = cpu + excluded.cpu,
                    memory = memory + excluded.memory, node = node + excluded.node;
                INSERT INTO waited SELECT start + {minutes}, cpu FROM first_waited WHERE true
                    ON CONFLICT DO UPDATE SET cpu = cpu + excluded.cpu;
                DROP TABLE temp.more; DROP TABLE temp.dir; COMMIT;"#
            ))
            .unwrap();
        println!("{:>10} jobs copied after {:>5.0} s", jobs, start.elapsed().as_secs_f64());
    }
    connection
        .execute_batch(
            r#"BEGIN; DELETE FROM block;
            INSERT INTO block SELECT id / 1024, min("end" - age), min("end"), max("end") FROM past GROUP BY 1;
            DELETE FROM usage WHERE kind % 3 = 2;
            INSERT INTO usage SELECT kind + 1, strftime('%s', start * 60, 'unixepoch', 'start of month') / 60 AS month,
                charge, sum(cpu), sum(memory), sum(node), sum(extra), NULL FROM usage WHERE kind % 3 = 1 GROUP BY 1, 2, 3;
            COMMIT; PRAGMA wal_checkpoint(truncate);"#,
        )
        .unwrap();
}

fn ends(writer: &mut Writer, ids: std::ops::Range<u32>) {
    let closed: Vec<Closed> = ids.map(closed).collect();
    let steps = closed.iter().filter(|closed| closed.job.id.0 % 5 < 2).map(step).collect();
    writer.commit(&Batch { closed, steps, ..Batch::default() }).unwrap();
}

/// A number that looks random, the same for the same job and question.
fn chance(id: u32, question: u64) -> f64 {
    let mut state = (u64::from(id) << 8 | question).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 32;
    state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    state ^= state >> 32;
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

fn end_of(id: u32) -> i64 {
    BEGAN + (u64::from(id) * DAY as u64 / A_DAY) as i64
}

fn closed(id: u32) -> Closed {
    let series = id / 20;
    let user = (chance(series, 1).powi(3) * 300.0) as u32;
    let partition =
        ["batch", "batch", "batch", "long", "gpu", "debug", "fat"][(chance(series, 2) * 7.0) as usize];
    let several = id.is_multiple_of(10);
    let node = (chance(id, 3) * 496.0) as u32;
    let nodes = if several { node..node + 2 + (chance(id, 4) * 3.0) as u32 } else { node..node + 1 };
    let ran = (chance(id, 5).powi(4) * 86_400e6) as i64 + 1_000_000;
    let waited = (chance(id, 6).powi(6) * 86_400e6) as i64;
    let outcome = match (chance(id, 7) * 1000.0) as u32 {
        0 => Outcome::NodeFail,
        1..5 => Outcome::OutOfMemory,
        5..30 => Outcome::Timeout,
        30..60 => Outcome::Cancelled,
        60..150 => Outcome::Failed,
        _ => Outcome::Completed,
    };
    let exit = match outcome {
        Outcome::Failed => Exit::Code(1 + (chance(id, 8) * 3.0) as u8),
        Outcome::Cancelled | Outcome::Timeout => Exit::Signal(15),
        _ => Exit::Code(0),
    };
    let end = end_of(id) + (chance(id, 9) * 5e6) as i64;
    let (started, submitted) = (end - ran, end - ran - waited);
    let cpus = 1 + (chance(series, 10) * 16.0) as u32;
    let share = |node: u32| NodeShare {
        node: NodeIndex(node),
        cpus: (0..cpus).map(|cpu| cpu + (chance(id, 11) * 40.0) as u32).collect(),
        memory: u64::from(cpus) * 2000,
        tasks: 1,
        gres: Default::default(),
    };
    let allocation = Allocation {
        partition: Text::const_new(partition),
        nodes: nodes.clone().map(share).collect(),
        whole: false,
        licenses: Default::default(),
        reservation: Text::default(),
    };
    let (at, until) = (Timestamp::from_micros(started), Timestamp::from_micros(started + DAY));
    let boot = Text::const_new("4b1ff7e6-0d4b-4a6c-a7b0-0b6a4ec1c7f4");
    let mut run = Running::new(at, Arc::new(allocation), until, boot);
    run.steps.next = u32::from(id % 5 < 2);
    run.way_in = match (chance(id, 16) * 100.0) as u32 {
        0 => WayIn::Submission,
        1..30 => WayIn::Overtaking,
        _ => WayIn::InOrder,
    };
    let ended = Ended {
        outcome,
        reason: match outcome {
            Outcome::Timeout => Reason::TimeLimit,
            Outcome::NodeFail => Reason::NodeDown,
            Outcome::Failed => Reason::NonZeroExitCode,
            _ => Reason::None,
        },
        ended: Timestamp::from_micros(end),
        exit,
        usage: Usage {
            user: Duration::from_micros((ran as f64 * chance(id, 12)) as u64 * u64::from(cpus)),
            system: Duration::from_micros((ran as f64 * 0.02) as u64),
            max_rss_kb: (chance(id, 13) * 4e6) as u64,
            peak_kb: (chance(id, 13) * 5e6) as u64,
            read_bytes: (chance(id, 14) * 1e9) as u64,
            written_bytes: (chance(id, 15) * 1e8) as u64,
            energy_mj: None,
        },
        cancelled_by: (outcome == Outcome::Cancelled).then_some(Uid(2000 + user)),
        run: Some(run),
        remark: Text::default(),
    };
    let array = id.is_multiple_of(5).then_some(ArrayPart::Task {
        of: JobId(series * 20 + 1),
        index: TaskIndex(id % 20),
        throttle: 0,
        size: 4,
    });
    let names: Vec<String> = nodes.map(|node| format!("node{node}")).collect();
    let nodes = domain::cluster::fold(names.iter().map(String::as_str));
    let job = Job {
        id: JobId(id),
        spec: Arc::new(spec(series, user, partition, cpus)),
        array,
        het: None,
        submitted: Timestamp::from_micros(submitted),
        eligible: Timestamp::from_micros(submitted),
        priority: 4_294_000_000 - id,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Ended(Box::new(ended)),
    };
    Closed { job: Arc::new(job), nodes, also: Vec::new() }
}

fn spec(series: u32, user: u32, partition: &'static str, cpus: u32) -> JobSpec {
    let name = Text::from(format!("user{user}"));
    let uncommon =
        Uncommon { submit_line: format!("sbatch run-{}.sh", series % 1000).into(), ..Uncommon::default() };
    JobSpec {
        owner: Owner {
            name: name.clone(),
            uid: Uid(2000 + user),
            gid: Gid(100 + user % 10),
            group: Text::from(format!("group{}", user % 10)),
        },
        kind: JobKind::Batch,
        name: Text::from(format!("simulation-{}", series % 50_000)),
        account: Text::from(format!("project{}", user % 60)),
        partitions: vec![Text::const_new(partition)],
        qos: Text::const_new(["normal", "normal", "normal", "high"][(series % 4) as usize]),
        wckey: Text::default(),
        work_dir: Text::from(format!("/home/{name}/projects/case-{}", series % 50_000)),
        streams: Streams { output: Text::const_new("slurm-%j.out"), ..Streams::default() },
        time_limit: TimeLimit::Minutes(60 * (1 + series % 48)),
        time_minimum: 0,
        resources: Resources {
            min_nodes: 1,
            tasks: Some(1),
            cpus_per_task: cpus as u16,
            memory: Memory::PerCpu(2000),
            ..Resources::default()
        },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: true,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::USING_DEFAULT_ACCOUNT,
        comment: Text::default(),
        command: Text::default(),
        uncommon: Some(Box::new(uncommon)),
    }
}

fn step(closed: &Closed) -> ClosedStep {
    let job = &closed.job;
    let run = job.run().unwrap();
    let Phase::Ended(ended) = &job.phase else { panic!("it has ended") };
    let step = JobStep {
        number: 0,
        ticket: u64::from(job.id.0),
        name: Text::const_new("simulate"),
        command: Text::const_new("srun ./simulate --all"),
        started: run.started,
        tasks: 1,
        shares: run.allocation.nodes.clone(),
        ..JobStep::default()
    };
    let usage = StepUsage {
        user: ended.usage.user,
        system: ended.usage.system,
        max_rss_kb: ended.usage.max_rss_kb,
        mean_rss_kb: ended.usage.max_rss_kb,
        ..StepUsage::default()
    };
    ClosedStep {
        job: job.id,
        submitted: job.submitted,
        attempt: 0,
        nodes: closed.nodes.clone(),
        step: EndedStep {
            step: Arc::new(step),
            end: StepEnd { at: ended.ended, outcome: ended.outcome, exit: ended.exit, usage },
        },
    }
}

/// Prints where the bytes of history are.
fn spread(file: &Path, jobs: u32) {
    let bytes = std::fs::metadata(file).unwrap().len() as f64;
    println!(
        "history.db                           {:>9.0} MB, {:.0} bytes a job",
        bytes / 1e6,
        bytes / f64::from(jobs)
    );
    let connection = rusqlite::Connection::open(file).unwrap();
    let sql = "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC";
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, f64>(1)?))).unwrap();
    for (name, bytes) in rows.map(Result::unwrap).filter(|(_, bytes)| *bytes > f64::from(jobs) / 2.0) {
        println!("  of which {name:<27} {:>7.1}", bytes / f64::from(jobs));
    }
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
