//! Measures the store on this machine: submissions a second by batch size beside the bare rate of fdatasync, load
//! time and memory with 100,000 live jobs. History has an example of its own.
//!
//! `cargo run --release -p store --example commit_rate [DIRECTORY]`

#![expect(clippy::unwrap_used, reason = "a measurement that fails shall stop")]

use domain::job::*;
use domain::ports::{Batch, Store};
use domain::service::StateChange;
use domain::{ChangeId, Gid, JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Options;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = tempfile::tempdir_in(parent).unwrap();
    println!("bare fdatasync of a 4 KB append      {:>9.0} /s", bare_rate(directory.path()));
    for batch in [1, 16, 64, 1000] {
        let state = directory.path().join(format!("batch-{batch}"));
        submissions(&state, batch, Duration::from_secs(3));
        std::fs::remove_dir_all(state).unwrap();
    }
    hundred_thousand(&directory.path().join("many"));
}

fn bare_rate(directory: &Path) -> f64 {
    let mut file = File::create(directory.join("bare")).unwrap();
    let (start, mut count) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(1) {
        file.write_all(&[1; 4096]).unwrap();
        file.sync_data().unwrap();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Commits submissions as the writer does: each with its job, its payload and its change.
fn submissions(state: &Path, size: u32, time: Duration) {
    let (mut writer, _reader) = store::open(state, Options::default()).unwrap();
    let (mut next, mut took, mut cpu) = (1, Vec::new(), Duration::ZERO);
    let start = Instant::now();
    while start.elapsed() < time {
        let batch = submission(next..next + size);
        next += size;
        let (before, cpu_before) = (Instant::now(), thread_cpu());
        writer.commit(&batch).unwrap();
        took.push(before.elapsed());
        cpu += thread_cpu() - cpu_before;
    }
    let total: Duration = took.iter().sum();
    took.sort_unstable();
    println!(
        "submissions, {size:>4} a commit           {:>9.0} /s   commit p50 {:>7.3} ms p99 {:>7.3} ms   {:.1} us CPU each",
        f64::from(next - 1) / total.as_secs_f64(),
        took[took.len() / 2].as_secs_f64() * 1e3,
        took[took.len() * 99 / 100].as_secs_f64() * 1e3,
        cpu.as_secs_f64() * 1e6 / f64::from(next - 1),
    );
    let (log, all) = (megabytes(&state.join("queue.db-wal")), megabytes(&state.join("queue.db")));
    println!("  its log {log:>5.0} MB, database {all:>5.0} MB");
}

fn hundred_thousand(state: &Path) {
    let (mut writer, _reader) = store::open(state, Options::default()).unwrap();
    for first in (1..100_000).step_by(1000) {
        writer.commit(&submission(first..first + 1000)).unwrap();
    }
    drop(writer);
    println!("queue.db with 100,000 waiting jobs   {:>9.1} MB", megabytes(&state.join("queue.db")));
    let (resident_before, start) = (resident(), Instant::now());
    let (mut writer, _reader) = store::open(state, Options::default()).unwrap();
    let saved = writer.load().unwrap();
    println!("open and load them                   {:>9.0} ms", start.elapsed().as_secs_f64() * 1e3);
    println!("memory for them and the store        {:>9.1} MB", resident() - resident_before);
    assert_eq!(saved.jobs.len(), 100_000);
    let start = Instant::now();
    let started = |job: &Job| {
        let mut job = job.clone();
        job.phase = Phase::Running(Box::new(run()));
        Arc::new(job)
    };
    for jobs in saved.jobs.chunks(16) {
        writer.commit(&Batch { jobs: jobs.iter().map(started).collect(), ..Batch::default() }).unwrap();
    }
    println!(
        "changes of state, 16 a commit        {:>9.0} /s",
        saved.jobs.len() as f64 / start.elapsed().as_secs_f64()
    );
}

fn submission(ids: std::ops::Range<u32>) -> Batch {
    let jobs: Vec<Arc<Job>> = ids.clone().map(|id| Arc::new(job(id))).collect();
    let change = |job: &Arc<Job>| {
        StateChange::between(ChangeId(u64::from(job.id.0)), job.submitted, None, job).unwrap()
    };
    Batch {
        changes: jobs.iter().map(change).collect(),
        payloads: ids.clone().map(|id| (JobId(id), payload(id))).collect(),
        forget_changes: ids.start.checked_sub(10_000).map(|id| ChangeId(u64::from(id))),
        next_id: Some(JobId(ids.end)),
        jobs,
        ..Batch::default()
    }
}

/// One script for twenty jobs, one environment for all.
fn payload(id: u32) -> Arc<Payload> {
    let script = format!("#!/bin/bash\n#SBATCH --time=10\nset -e\nsrun ./simulate --case {}\n", id / 20);
    let variable = |at: u32| Text::from(format!("VARIABLE_{at}=/opt/software/module-{at}/lib:/usr/lib"));
    Arc::new(Payload {
        script: script.into_bytes().into(),
        environment: (0..40).map(variable).collect(),
        arguments: Arc::default(),
    })
}

fn run() -> Running {
    Running {
        started: Timestamp::from_seconds(1_700_000_100),
        allocation: Arc::new(Allocation {
            partition: Text::const_new("debug"),
            nodes: [NodeShare {
                node: NodeIndex(0),
                cpus: CpuSet::first(4),
                memory: 4000,
                tasks: 1,
                gres: Default::default(),
            }]
            .into_iter()
            .collect(),
            whole: false,
            licenses: Default::default(),
            reservation: Default::default(),
        }),
        until: Timestamp::from_seconds(1_700_000_700),
        warned: false,
        stopped: false,
        steps: domain::job::Steps::default(),
        attendant: None,
        told: domain::job::Exit::None,
        derived: domain::job::Exit::None,
        way_in: domain::job::WayIn::InOrder,
        resizes: Vec::new(),
        hold: domain::job::Hold::None,
        boot: Text::const_new("4b1ff7e6-0d4b-4a6c-a7b0-0b6a4ec1c7f4"),
        pause: None,
        preemption: None,
        overtime: Duration::ZERO,
        shortened: None,
    }
}

fn job(id: u32) -> Job {
    let user = id % 50;
    let name = Text::from(format!("user{user}"));
    Job {
        id: JobId(id),
        spec: Arc::new(JobSpec {
            owner: Owner {
                name: name.clone(),
                uid: Uid(2000 + user),
                gid: Gid(100),
                group: Text::const_new("users"),
            },
            kind: JobKind::Batch,
            name: Text::from(format!("simulation-{}", id / 20)),
            account: Text::const_new(["physics", "chemistry", "biology"][id as usize % 3]),
            partitions: vec![Text::const_new("debug")],
            qos: Text::const_new("normal"),
            wckey: Text::const_new("*"),
            work_dir: Text::from(format!("/home/{name}/projects/case-{}", id / 20)),
            streams: Streams { output: Text::const_new("slurm-%j.out"), ..Streams::default() },
            time_limit: TimeLimit::Minutes(10),
            time_minimum: 0,
            resources: Resources {
                min_nodes: 1,
                tasks: Some(1),
                cpus_per_task: 4,
                memory: Memory::PerCpu(1000),
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
            uncommon: None,
        }),
        array: None,
        het: None,
        submitted: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(id)),
        eligible: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(id)),
        priority: 1000,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Pending(Pending::default()),
    }
}

fn megabytes(file: &Path) -> f64 {
    std::fs::metadata(file).unwrap().len() as f64 / 1048576.0
}

/// Returns resident memory of this process, megabytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Returns CPU time of this thread.
fn thread_cpu() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(statistics.split_whitespace().next().unwrap().parse().unwrap())
}
