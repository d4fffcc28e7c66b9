//! The jobs of a made-up cluster: every one follows from its number.

use std::sync::Arc;
use std::time::Duration;

use domain::job::*;
use domain::ports::{Closed, ClosedStep};
use domain::{Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};

use crate::{A_DAY, BEGAN, DAY};

/// A number that looks random, the same for the same job and question.
pub fn chance(id: u32, question: u64) -> f64 {
    let mut state = (u64::from(id) << 8 | question).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    state ^= state >> 32;
    state = state.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    state ^= state >> 32;
    (state >> 11) as f64 / (1_u64 << 53) as f64
}

/// Returns when the job of this number ends, or a few seconds before, microseconds since 1970.
pub fn end_of(id: u32) -> i64 {
    BEGAN + (u64::from(id) * DAY as u64 / u64::from(A_DAY)) as i64
}

/// Returns the job of this number, which has ended.
pub(crate) fn closed(id: u32) -> Closed {
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

/// Returns the step of a job, if it has one.
pub(crate) fn step(closed: &Closed) -> Option<ClosedStep> {
    let job = &closed.job;
    let run = job.run().filter(|run| run.steps.next > 0)?;
    let Phase::Ended(ended) = &job.phase else { return None };
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
    Some(ClosedStep {
        job: job.id,
        submitted: job.submitted,
        attempt: 0,
        nodes: closed.nodes.clone(),
        step: EndedStep {
            step: Arc::new(step),
            end: StepEnd { at: ended.ended, outcome: ended.outcome, exit: ended.exit, usage },
        },
    })
}
