//! Clusters and jobs to try things on.

use domain::cluster::{Cluster, Gres, Node, NodeFlags, Partition, Topology};
use domain::job::{
    ArrayPart, Job, JobFlags, JobKind, JobSpec, Owner, Pending, Phase, Resources, Streams, TaskSet,
};
use domain::{Gid, JobId, NodeIndex, Text, TimeLimit, Timestamp, Uid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes a node with this many CPUs, two threads a core if told so.
pub(crate) fn node(name: &str, cpus: u32, threads: u16, memory: u64, gpus: u32) -> Node {
    let gres = match gpus {
        0 => Vec::new(),
        count => vec![Gres { name: "gpu".into(), kind: "a100".into(), count, ..Gres::default() }],
    };
    let text = Text::default;
    Node {
        name: name.into(),
        host: "localhost".into(),
        address: "127.0.0.1".into(),
        port: 0,
        topology: Topology {
            boards: 1,
            sockets: 1,
            cores: u16::try_from(cpus / u32::from(threads)).unwrap(),
            threads,
            cpus,
        },
        memory,
        system: Default::default(),
        tmp_disk: 1000,
        weight: 1,
        features: vec!["any".into()],
        active_features: vec!["any".into()],
        gres,
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: text(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: text(),
        extra: text(),
        architecture: "x86_64".into(),
        operating_system: "Linux".into(),
        booted: Timestamp::EPOCH,
    }
}

/// Makes a partition over nodes, by their places.
pub(crate) fn partition(name: &str, nodes: impl IntoIterator<Item = u32>) -> Partition {
    Partition {
        name: name.into(),
        nodes: nodes.into_iter().map(NodeIndex).collect(),
        default_memory_per_cpu: Some(100),
        ..Partition::default()
    }
}

/// Makes a cluster.
pub(crate) fn cluster(nodes: Vec<Node>, partitions: Vec<Partition>) -> Cluster {
    Cluster {
        name: "test".into(),
        host: "localhost".into(),
        nodes,
        partitions,
        licenses: BTreeMap::from([("matlab".into(), 3), ("ansys".into(), 10)]),
        ..Cluster::default()
    }
}

/// Makes a waiting job.
pub(crate) fn job(id: u32, partition: &str, minutes: u32, resources: Resources) -> Job {
    let text = Text::const_new;
    Job {
        id: JobId(id),
        spec: Arc::new(JobSpec {
            owner: Owner { name: text("alice"), uid: Uid(2001), gid: Gid(2001), group: text("alice") },
            kind: JobKind::Batch,
            name: text("test"),
            account: Text::default(),
            partitions: vec![partition.into()],
            qos: text("normal"),
            wckey: text("*"),
            work_dir: text("/tmp"),
            streams: Streams::default(),
            time_limit: TimeLimit::Minutes(minutes),
            time_minimum: 0,
            resources,
            begin: None,
            deadline: None,
            nice: 0,
            fixed_priority: None,
            requeue: false,
            kill_on_node_fail: true,
            warning: None,
            flags: JobFlags::default(),
            comment: Text::default(),
            command: Text::default(),
            uncommon: None,
        }),
        array: None,
        het: None,
        submitted: Timestamp::EPOCH,
        eligible: Timestamp::EPOCH,
        priority: 1000,
        dependency: None,
        restarts: 0,
        has_failed_siblings: false,
        phase: Phase::Pending(Pending::default()),
    }
}

/// Makes a request for so many tasks on so many nodes.
pub(crate) fn ask(nodes: u32, tasks: u32) -> Resources {
    Resources { min_nodes: nodes, tasks: Some(tasks), cpus_per_task: 1, ..Resources::default() }
}

/// Makes a job an array.
pub(crate) fn array(job: Job, tasks: u32, throttle: u32) -> Job {
    let waiting = TaskSet::progression(0, tasks - 1, 1);
    Job { array: Some(ArrayPart::Pool { waiting, throttle, size: tasks }), ..job }
}
