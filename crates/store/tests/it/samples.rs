//! Jobs for tests. Every field of every sample is written out and set, so that one which the store forgets makes a
//! comparison fail.

use domain::accounting::{
    Account, Association, ClusterRecord, Life, Limit, Place, Qos, QosFlags, Record, User, Wckey,
};
use domain::cluster::{
    Gres, Made, MadeKind, NodeFlags, NodeMark, PreemptMode, SystemShare, Topology, Upkeep,
};
use domain::job::*;
use domain::ports::{Batch, Closed, ClosedStep, Saved, Store};
use domain::service::{StateChange, StateWord};
use domain::who::AdminLevel;
use domain::{ChangeId, Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use smallvec::smallvec;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Options, Reader, Writer};

pub(crate) fn text(text: &str) -> Text {
    Text::from(text)
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000 + 123_456)
}

pub(crate) fn open(directory: &Path) -> (Writer, Reader) {
    let (mut writer, reader) = store::open(directory, Options::default()).unwrap();
    writer.load().unwrap();
    (writer, reader)
}

/// Opens a store and returns what is in it.
pub(crate) fn saved(directory: &Path) -> Saved {
    let (mut writer, _) = store::open(directory, Options::default()).unwrap();
    writer.load().unwrap()
}

/// Makes what was asked for, as most submissions do.
pub(crate) fn small_spec(name: &str) -> JobSpec {
    JobSpec {
        owner: Owner { name: text("alice"), uid: Uid(2001), gid: Gid(2001), group: text("alice") },
        kind: JobKind::Batch,
        name: text(name),
        account: text("physics"),
        partitions: vec![text("debug")],
        qos: text("normal"),
        wckey: text("*"),
        work_dir: text("/home/alice"),
        streams: Streams::default(),
        time_limit: TimeLimit::Minutes(10),
        time_minimum: 0,
        resources: Resources { min_nodes: 1, cpus_per_task: 1, ..Resources::default() },
        begin: None,
        deadline: None,
        nice: 0,
        fixed_priority: None,
        requeue: true,
        kill_on_node_fail: true,
        warning: None,
        flags: JobFlags::default(),
        comment: Text::default(),
        command: Text::default(),
        uncommon: None,
    }
}

/// Makes a waiting job.
pub(crate) fn waiting(id: u32) -> Job {
    Job {
        id: JobId(id),
        spec: Arc::new(small_spec("test")),
        array: None,
        het: None,
        submitted: at(100),
        eligible: at(100),
        priority: 1000,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Pending(Pending::default()),
    }
}

/// Makes the same job, ended.
pub(crate) fn ended(job: &Job, end: Timestamp, outcome: Outcome) -> Job {
    let ended = Ended {
        outcome,
        reason: Reason::None,
        ended: end,
        exit: Exit::Code(0),
        usage: Usage::default(),
        cancelled_by: None,
        run: Some(running()),
        remark: Text::default(),
    };
    Job { phase: Phase::Ended(Box::new(ended)), ..job.clone() }
}

pub(crate) fn closed(job: &Job, end: Timestamp, outcome: Outcome) -> Closed {
    Closed { job: Arc::new(ended(job, end, outcome)), nodes: text("n[1-2]"), also: Vec::new() }
}

pub(crate) fn payload(script: &str) -> Arc<Payload> {
    Arc::new(Payload {
        script: script.as_bytes().into(),
        environment: [text("PATH=/usr/bin"), text("HOME=/home/alice")].into(),
        arguments: [text("--fast")].into(),
    })
}

pub(crate) fn batch_of(jobs: impl IntoIterator<Item = Job>) -> Batch {
    Batch { jobs: jobs.into_iter().map(Arc::new).collect(), ..Batch::default() }
}

fn constraint() -> Constraint {
    Constraint {
        written: text("(a|b)&c"),
        meaning: Expression::All(vec![
            Expression::Any(vec![Expression::Feature(text("a")), Expression::Feature(text("b"))]),
            Expression::Feature(text("c")),
        ]),
        same: vec![Expression::Feature(text("d")), Expression::Feature(text("e"))],
        counts: vec![(Expression::Feature(text("f")), 2)],
    }
}

fn full_resources(memory: Memory, sharing: Sharing, per: Per) -> Resources {
    Resources {
        min_nodes: 2,
        max_nodes: 4,
        node_sizes: vec![(2, 2), (4, 4)],
        tasks: Some(8),
        cpus_per_task: 3,
        min_cpus: 24,
        max_cpus: 48,
        min_cpus_per_node: 12,
        tasks_per_node: 5,
        tasks_per_socket: 6,
        tasks_per_core: 7,
        tasks_per_board: 9,
        sockets_per_node: 10,
        cores_per_socket: 11,
        threads_per_core: 13,
        memory,
        tmp_disk: 14,
        constraint: Some(constraint()),
        required_nodes: vec![text("n1"), text("n2")],
        excluded_nodes: vec![text("n3")],
        sharing,
        contiguous: true,
        overcommit: true,
        gres: smallvec![
            GresRequest { name: text("gpu"), kind: text("a100"), count: 2, per },
            GresRequest { name: text("fpga"), kind: Text::default(), count: 1, per: Per::Job },
        ],
        cpus_per_gres: vec![(text("gpu"), 4)],
        memory_per_gres: vec![(text("gpu"), 1000)],
        tasks_per_gpu: 2,
        licenses: smallvec![(text("matlab"), 3), (text("ansys"), 1)],
        any_license: true,
    }
}

fn full_uncommon() -> Uncommon {
    Uncommon {
        admin_comment: text("admin comment"),
        extra: text("extra"),
        mail_types: MailTypes::BEGIN.with(MailTypes::ARRAY_TASKS),
        mail_user: text("mail user"),
        reservation: text("reservation"),
        licenses: text("licenses"),
        prefer: Some(constraint()),
        batch_features: text("batch features"),
        cluster_features: text("cluster features"),
        clusters: text("clusters"),
        network: text("network"),
        burst_buffer: text("burst buffer"),
        container: text("container"),
        container_id: text("container id"),
        mcs_label: text("mcs label"),
        selinux_context: text("selinux context"),
        tres_per_job: text("tres per job"),
        tres_per_node: text("tres per node"),
        tres_per_socket: text("tres per socket"),
        tres_per_task: text("tres per task"),
        tres_bind: text("tres bind"),
        tres_freq: text("tres freq"),
        cpus_per_tres: text("cpus per tres"),
        memory_per_tres: text("memory per tres"),
        cpu_frequency: Some([1, 2, 3]),
        accounting_frequency: text("accounting frequency"),
        core_spec: Some(0),
        thread_spec: Some(4),
        switches: 5,
        switch_wait: 6,
        segment_size: 7,
        tasks_per_tres: 8,
        delay_boot: 9,
        reboot: true,
        wait_all_nodes: true,
        oom_kill_step: true,
        profile: 10,
        site_factor: -11,
        reserve_ports: 12,
        cpu_binding: text("cpu binding"),
        cpu_binding_flags: 13,
        memory_binding: text("memory binding"),
        memory_binding_flags: 14,
        rlimits: vec![(text("NOFILE"), Some(1024)), (text("CORE"), None)],
        distribution: text("distribution"),
        umask: Some(0o077),
        submit_line: text("a submit line that is longer than what fits without an allocation"),
        cron: text("*/5 * * * *"),
        origin: text("waldur:{}"),
        told: vec![(text("PJM_JOBID"), text("%A"))],
        limit_seconds: Some(5),
    }
}

fn full_spec(memory: Memory, sharing: Sharing, per: Per) -> JobSpec {
    JobSpec {
        owner: Owner { name: text("bob"), uid: Uid(2002), gid: Gid(100), group: text("users") },
        kind: JobKind::Allocation,
        name: text("späße \u{0}\u{1F680}"),
        account: text("chemistry"),
        partitions: vec![text("debug"), text("long")],
        qos: text("high"),
        wckey: text("*key"),
        work_dir: text("/scratch/bob/a/directory/with/a/long/name"),
        streams: Streams {
            input: text("in"),
            output: text("out-%j"),
            error: text("err-%j"),
            open_mode: OpenMode::Append,
        },
        time_limit: TimeLimit::Minutes(0),
        time_minimum: 5,
        resources: full_resources(memory, sharing, per),
        begin: Some(at(500)),
        deadline: Some(at(90_000)),
        nice: -20,
        fixed_priority: Some(0),
        requeue: true,
        kill_on_node_fail: true,
        warning: Some(Warning { signal: 10, lead: 60, scope: WarningScope::Batch, flags: 3 }),
        flags: JobFlags::CRON_JOB.with(JobFlags::EXPEDITED_REQUEUE),
        comment: text("comment"),
        command: text("/home/bob/job.sh"),
        uncommon: Some(Box::new(full_uncommon())),
    }
}

pub(crate) fn step(number: u32) -> JobStep {
    JobStep {
        number,
        ticket: u64::MAX - 1,
        name: text("a.out"),
        command: text("./a.out -x"),
        started: at(210),
        tasks: 3,
        shares: smallvec![NodeShare {
            node: NodeIndex(1),
            cpus: CpuSet::from_iter([0, 64]),
            memory: 100,
            tasks: 3,
            gres: smallvec![GresShare { at: 1, units: CpuSet::from_words(&[2]) }],
        }],
        parts: vec![1],
        overlaps: true,
        time_limit: Some(90),
    }
}

pub(crate) fn closed_step(job: u32, attempt: u32, number: u32) -> ClosedStep {
    let usage = StepUsage {
        user: Duration::from_micros(1),
        system: Duration::from_micros(2),
        max_rss_kb: 3,
        max_rss_task: 4,
        mean_rss_kb: 5,
        read_bytes: 6,
        written_bytes: 7,
    };
    let end = StepEnd { at: at(300), outcome: Outcome::OutOfMemory, exit: Exit::Signal(9), usage };
    let step = EndedStep { step: Arc::new(step(number)), end };
    ClosedStep { job: JobId(job), submitted: at(100), attempt, nodes: text("n[1-2]"), step }
}

pub(crate) fn running() -> Running {
    Running {
        started: at(200),
        allocation: Arc::new(Allocation {
            partition: text("long"),
            nodes: smallvec![
                NodeShare {
                    node: NodeIndex(1),
                    cpus: CpuSet::from_iter([0, 1, 64, 200]),
                    memory: 4096,
                    tasks: 2,
                    gres: smallvec![GresShare { at: 1, units: CpuSet::from_words(&[6, 0, 0]) }],
                },
                NodeShare {
                    node: NodeIndex(0),
                    cpus: CpuSet::default(),
                    memory: 1,
                    tasks: 1,
                    gres: smallvec![],
                },
            ],
            whole: true,
            licenses: smallvec![(text("matlab"), 3)],
            reservation: text("upkeep"),
        }),
        until: Timestamp::NEVER,
        attendant: Some(Attendant { visit: 3, if_gone: IfGone::Expire, back_until: Some(at(500)) }),
        told: Exit::Signal(15),
        derived: Exit::Code(4),
        way_in: WayIn::Overtaking,
        resizes: vec![Resize { at: at(250), ran: Duration::from_secs(9) }],
        hold: Hold::Admin,
        warned: true,
        stopped: true,
        boot: text("4b1ff7e6-0d4b-4a6c-a7b0-0b6a4ec1c7f4"),
        pause: Some(Pause {
            changed: at(450),
            ran: Duration::from_secs(50),
            by: Some(SuspendedBy::Scheduler),
        }),
        preemption: Some(Preemption { at: at(440), by: JobId(77), requeue: true }),
        overtime: Duration::from_secs(60),
        steps: Steps { next: 8, live: vec![Arc::new(step(5)), Arc::new(step(7))] },
        shortened: Some(7),
    }
}

fn phases() -> Vec<Phase> {
    let mut phases = vec![
        Phase::Pending(Pending {
            reason: Reason::DependencyNeverSatisfied,
            hold: Hold::Admin,
            retry_after: Some(at(300)),
            expected_start: None,
            put_back: PutBack::SpecialExit,
            remark: text("prolog: exit code 1"),
        }),
        Phase::Running(Box::new(running())),
        Phase::Completing(Box::new(Completing {
            run: running(),
            since: at(400),
            outcome: Outcome::Preempted,
            reason: Reason::TimeLimit,
            killed: true,
            cancelled_by: Some(Uid(0)),
            requeue: Some(Hold::User),
            put_back: PutBack::Held,
        })),
    ];
    phases.extend(Outcome::ALL.iter().map(|outcome| {
        Phase::Ended(Box::new(Ended {
            outcome: *outcome,
            reason: Reason::Reservation,
            ended: at(450),
            exit: Exit::Signal(9),
            usage: Usage {
                user: Duration::from_nanos(1_234_567_891),
                system: Duration::from_secs(2),
                max_rss_kb: 77,
                peak_kb: 78,
                read_bytes: 79,
                written_bytes: 80,
                energy_mj: Some(81),
            },
            cancelled_by: Some(Uid(2002)),
            run: Some(running()),
            remark: text("open standard output: permission denied"),
        }))
    }));
    phases.extend(Reason::ALL.iter().map(|reason| {
        Phase::Ended(Box::new(Ended {
            outcome: Outcome::Completed,
            reason: *reason,
            ended: at(450),
            exit: Exit::Code(255),
            usage: Usage::default(),
            cancelled_by: None,
            run: None,
            remark: Text::default(),
        }))
    }));
    phases
}

fn dependency() -> Box<Dependency> {
    let relations = [
        (Relation::After(Duration::from_secs(600)), TermState::Unfulfilled),
        (Relation::AfterAny, TermState::Fulfilled),
        (Relation::AfterOk, TermState::Failed),
        (Relation::AfterNotOk, TermState::Unfulfilled),
        (Relation::AfterCorr, TermState::Unfulfilled),
        (Relation::AfterExit(ExitCodes::which(|code| code % 3 == 0)), TermState::Unfulfilled),
        (Relation::AfterEnd(Outcomes::which(|outcome| outcome != Outcome::Failed)), TermState::Failed),
    ];
    let mut terms: Vec<Term> = relations
        .into_iter()
        .map(|(relation, state)| Term {
            relation,
            job: Some(JobId(3)),
            task: Some(TaskIndex(0)),
            unheeded: 2,
            state,
        })
        .collect();
    terms.push(Term {
        relation: Relation::Singleton,
        job: None,
        task: None,
        unheeded: 0,
        state: TermState::Unfulfilled,
    });
    Box::new(Dependency { terms, require: Requirement::Any })
}

/// Makes jobs that have every field set, in every phase, and every value of every enumeration among them.
pub(crate) fn full_jobs() -> Vec<Job> {
    let memories = [Memory::Default, Memory::PerNode(0), Memory::PerCpu(2048)];
    let sharings = [
        Sharing::Default,
        Sharing::Exclusive,
        Sharing::Oversubscribe,
        Sharing::SameUser,
        Sharing::SameLabel,
        Sharing::Topology,
    ];
    let pers = [Per::Job, Per::Node, Per::Socket, Per::Task];
    let mut waiting = TaskSet::progression(0, 99_999, 3);
    waiting.remove(TaskIndex(33));
    let arrays = [
        None,
        Some(ArrayPart::Pool { waiting, throttle: 5, size: 40_000 }),
        Some(ArrayPart::Task { of: JobId(2), index: TaskIndex(33), throttle: 5, size: 40_000 }),
    ];
    let phases = phases();
    let jobs = phases.into_iter().enumerate().map(|(at_phase, phase)| Job {
        id: JobId(10 + at_phase as u32),
        spec: Arc::new(full_spec(
            memories[at_phase % memories.len()],
            sharings[at_phase % sharings.len()],
            pers[at_phase % pers.len()],
        )),
        array: arrays[at_phase % arrays.len()].clone(),
        het: (at_phase % 2 == 1).then_some(HetPart { leader: JobId(9), offset: at_phase as u32, size: 40 }),
        submitted: at(100 + at_phase as i64),
        eligible: Timestamp::NEVER,
        priority: u32::MAX,
        dependency: Some(dependency()),
        restarts: 3,
        has_failed_siblings: true,
        phase,
    });
    jobs.collect()
}

pub(crate) fn full_changes() -> Vec<StateChange> {
    let words = [
        StateWord::Pending,
        StateWord::Running,
        StateWord::Stopped,
        StateWord::Completing,
        StateWord::Ended(Outcome::NodeFail),
    ];
    let change = |(id, to): (usize, StateWord)| StateChange {
        id: ChangeId(id as u64 + 1),
        at: at(100),
        job: JobId(10),
        task: (id % 2 == 0).then_some((JobId(2), TaskIndex(7))),
        het: (id % 2 == 1).then_some(HetPart { leader: JobId(9), offset: 1, size: 2 }),
        name: text("name"),
        user: text("alice"),
        from: words.get(id + 1).copied(),
        to,
        reason: Reason::Licenses,
        exit: Exit::Code(0),
    };
    words.into_iter().enumerate().map(change).collect()
}

/// Makes a record of each kind, with every field set.
pub(crate) fn full_books() -> Vec<Record> {
    let life = Life { created: at(1), modified: at(2), deleted: true };
    let account = Account {
        name: text("physics"),
        description: text("Physics"),
        organization: text("science"),
        coordinators: vec![text("alice")],
        users_are_coordinators: Some(false),
        life,
    };
    let user = User {
        name: text("alice"),
        level: AdminLevel::Operator,
        default_account: text("physics"),
        default_wckey: text("key"),
        life,
    };
    let place = Place {
        cluster: text("here"),
        account: text("physics"),
        user: text("alice"),
        partition: text("debug"),
    };
    let association = Association {
        id: 9,
        place,
        parent: text("root"),
        shares: 5,
        comment: text("words"),
        priority: Some(0),
        qos_changes: vec![(true, 4), (false, 5)],
        qos: Some(vec![1, 3]),
        default_qos: Some(3),
        limits: Limit::ALL.into_iter().map(|limit| (limit, 1, 0)).collect(),
        life,
    };
    let flags = QosFlags {
        no_reserve: true,
        partition_time_limit: true,
        partition_max_nodes: true,
        partition_min_nodes: true,
        enforce_usage_threshold: true,
        required_reservation: true,
        deny_limit: true,
        override_partition_qos: true,
        no_decay: true,
        usage_factor_safe: true,
        relative: true,
    };
    let qos = Qos {
        id: 3,
        name: text("high"),
        description: text("High"),
        priority: 7,
        preempt: vec![text("normal")],
        preempt_mode: Some(PreemptMode::Suspend),
        grace_time: Duration::from_secs(60),
        preempt_exempt_time: Some(Duration::from_secs(1)),
        usage_factor: 0.5,
        usage_threshold: Some(0.25),
        limit_factor: Some(2.0),
        limits: [(Limit::MaxTresPerUser, 1, 16)].into_iter().collect(),
        flags,
        life,
    };
    let key = Wckey { id: 7, cluster: text("here"), user: text("alice"), name: text("*"), life };
    let cluster = ClusterRecord { name: text("there"), external: true, life };
    vec![
        Record::Account(Arc::new(account)),
        Record::User(Arc::new(user)),
        Record::Association(Arc::new(association)),
        Record::Qos(Arc::new(qos)),
        Record::Wckey(Arc::new(key)),
        Record::Cluster(Arc::new(cluster)),
        Record::Imported(text("account physics")),
    ]
}

/// Makes the administrative state of a node.
pub(crate) fn mark(node: &str) -> NodeMark {
    NodeMark {
        node: text(node),
        flags: NodeFlags { drain: true, fail: true, external: true, gone: true, ..NodeFlags::default() },
        reason: text("Epilog error"),
        at: at(7),
        by: Some((text("root"), Uid(0))),
        upkeep: Upkeep {
            resume_at: Some(at(9)),
            back_at: Some(at(8)),
            comment: Some(text("spare")),
            extra: Some(text("")),
            weight: Some(7),
            features: Some(vec![text("fast"), text("amd")]),
            active_features: Some(vec![text("amd")]),
            gres: Some(text("gpu:2")),
            address: Some(text("127.0.0.2")),
            host: Some(text("other")),
            cpu_binding: Some(1),
            topology: Some(text("default:s1")),
            made: Some(Arc::new(made())),
        },
    }
}

fn made() -> Made {
    Made {
        place: NodeIndex(4),
        kind: MadeKind::External,
        host: text("host"),
        address: text("127.0.0.3"),
        port: 6818,
        topology: Topology { boards: 1, sockets: 2, cores: 4, threads: 2, cpus: 16 },
        memory: 1000,
        system: SystemShare { cpus: [3, 4].into_iter().collect(), memory: 10 },
        tmp_disk: 5,
        weight: 2,
        features: vec![text("dyn")],
        gres: vec![Gres {
            name: text("gpu"),
            kind: text("a100"),
            count: 2,
            files: vec![text("/dev/null")],
            near: [1].into_iter().collect(),
            taken_away: 1,
        }],
    }
}
