//! Pictures with jobs of many kinds, for tests of how they are shown.

use domain::cluster::{Cluster, Node, NodeFlags, Partition, Topology};
use domain::job::*;
use domain::state::Snapshot;
use domain::{Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;

/// When all of it happens.
pub(super) fn noon() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

fn spec() -> JobSpec {
    let text = Text::const_new;
    JobSpec {
        owner: Owner { name: text("alice"), uid: Uid(2001), gid: Gid(2001), group: text("staff") },
        kind: JobKind::Batch,
        name: text("align"),
        account: text("root"),
        partitions: vec![text("debug")],
        qos: text("normal"),
        wckey: text(""),
        work_dir: text("/home/alice/a/long/way/down/to/where/the/reads/are"),
        streams: Streams::default(),
        time_limit: TimeLimit::Minutes(10),
        time_minimum: 0,
        resources: Resources { min_nodes: 1, memory: Memory::PerNode(500), ..Resources::default() },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: true,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::default(),
        comment: text("one of many"),
        command: text("align.sh"),
        uncommon: None,
    }
}

fn unlike(place: u32) -> JobSpec {
    let mut spec = spec();
    match place % 6 {
        0 => spec.comment = "says \"so\"\n".into(),
        1 => spec.partitions.push("other".into()),
        2 => spec.time_limit = TimeLimit::Unlimited,
        3 => spec.streams.output = "out/%x-%A-%a.txt".into(),
        4 => spec.resources = Resources { tasks: Some(4), cpus_per_task: 2, max_nodes: 3, ..spec.resources },
        _ => {
            let uncommon = spec.uncommon_mut();
            uncommon.mail_types = MailTypes(0b101);
            uncommon.licenses = "matlab:2".into();
            uncommon.cpu_frequency = Some([1, 2, 3]);
            uncommon.core_spec = Some(1);
        }
    }
    spec
}

fn running() -> Running {
    let share = NodeShare {
        node: NodeIndex(0),
        cpus: [0, 1, 3].into_iter().collect(),
        memory: 500,
        tasks: 1,
        gres: Default::default(),
    };
    let allocation = Allocation {
        partition: "debug".into(),
        nodes: [share].into_iter().collect(),
        whole: false,
        licenses: [("matlab".into(), 2)].into_iter().collect(),
        reservation: Text::default(),
    };
    let until = noon().after(std::time::Duration::from_secs(600));
    Running::new(noon(), Arc::new(allocation), until, "boot".into())
}

fn phase(place: u32) -> Phase {
    let mut run = running();
    let outcome = Outcome::ALL[place as usize % Outcome::ALL.len()];
    let pause =
        Pause { changed: noon(), ran: std::time::Duration::from_secs(7), by: Some(SuspendedBy::Operator) };
    match place % 9 {
        0..3 => Phase::Pending(Pending::default()),
        3 => Phase::Pending(Pending { reason: Reason::JobHeldUser, hold: Hold::User, ..Pending::default() }),
        4 => Phase::Pending(Pending {
            expected_start: Some(noon()),
            put_back: PutBack::Held,
            ..Pending::default()
        }),
        5 => Phase::Running(Box::new(run)),
        6 => {
            (run.pause, run.shortened) = (Some(pause), Some(5));
            Phase::Running(Box::new(run))
        }
        7 => Phase::Completing(Box::new(Completing {
            run,
            since: noon(),
            outcome,
            reason: Reason::None,
            killed: false,
            cancelled_by: None,
            requeue: place.is_multiple_of(2).then_some(Hold::None),
            put_back: PutBack::Plain,
        })),
        _ => Phase::Ended(Box::new(Ended {
            outcome,
            reason: Reason::NonZeroExitCode,
            ended: noon(),
            exit: if place.is_multiple_of(2) { Exit::Code(3) } else { Exit::Signal(9) },
            usage: Usage::default(),
            cancelled_by: None,
            run: (!place.is_multiple_of(3)).then_some(run),
            remark: "it is over".into(),
        })),
    }
}

/// Makes a job: neighbours are alike now and then.
fn job(id: u32, alike: &Arc<JobSpec>) -> Job {
    let spec = match id / 3 % 4 {
        0 | 1 => Arc::clone(alike),
        2 => Arc::new((**alike).clone()),
        _ => Arc::new(unlike(id)),
    };
    let phase = phase(id / 5);
    let is_pending = matches!(phase, Phase::Pending(_));
    let is_held = matches!(&phase, Phase::Pending(pending) if pending.hold != Hold::None);
    Job {
        id: JobId(id),
        spec,
        array: match id % 11 {
            3 if is_pending => {
                let waiting = TaskSet::progression(0, id, 2);
                Some(ArrayPart::Pool { size: waiting.len(), waiting, throttle: id % 2 })
            }
            4 => Some(ArrayPart::Task { of: JobId(id - 1), index: TaskIndex(id), throttle: 0, size: 9 }),
            _ => None,
        },
        het: (id % 13 == 5).then_some(HetPart { leader: JobId(id), offset: 0, size: 2 }),
        submitted: noon(),
        eligible: if is_held { Timestamp::NEVER } else { noon() },
        priority: if is_held { 0 } else { 4_294_000_000 - id },
        dependency: None,
        restarts: id % 2,
        has_failed_siblings: false,
        phase,
    }
}

fn node() -> Node {
    Node {
        name: "n1".into(),
        host: "here".into(),
        address: "127.0.0.1".into(),
        port: 0,
        topology: Topology { boards: 1, sockets: 2, cores: 4, threads: 1, cpus: 8 },
        memory: 16_000,
        system: Default::default(),
        tmp_disk: 0,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres: Vec::new(),
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: "x86_64".into(),
        operating_system: "Linux".into(),
        booted: Timestamp::EPOCH,
    }
}

/// Makes a picture of so many jobs, at which the scheduler has not looked yet.
pub(super) fn picture(jobs: u32) -> Snapshot {
    let partition = |name: &'static str, tier| Partition {
        name: Text::const_new(name),
        nodes: vec![NodeIndex(0)],
        tier,
        ..Partition::default()
    };
    let cluster = Cluster {
        name: "test".into(),
        nodes: vec![node()],
        partitions: vec![partition("debug", 1), partition("other", 2)],
        ..Cluster::default()
    };
    let mut picture = Snapshot { at: noon(), cluster: Arc::new(cluster), ..Snapshot::default() };
    let alike = Arc::new(spec());
    for id in 1..=jobs {
        picture.jobs.put(Arc::new(job(id, &alike)));
    }
    picture
}
