//! Priorities beside those a real Slurm showed (`sprio -l`) for the same jobs under the same configuration; what it gave
//! for fair share is taken off.

use super::*;
use crate::cluster::{Cluster, Gres, Node, NodeFlags, Partition, Qos, Topology};
use crate::job::tests::job as plain_job;
use crate::job::{GresRequest, Job, JobSpec, Memory, Per};
use crate::{NodeIndex, Text, TimeLimit, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Makes a cluster whose jobs are ranked by several factors.
pub(crate) fn cluster(change: impl FnOnce(&mut Rules)) -> Arc<Cluster> {
    let node = |name: &str| Node {
        name: name.into(),
        host: Text::default(),
        address: Text::default(),
        port: 0,
        topology: Topology { boards: 1, sockets: 1, cores: 8, threads: 1, cpus: 8 },
        memory: 16_000,
        system: Default::default(),
        tmp_disk: 0,
        weight: 1,
        features: Vec::new(),
        active_features: Vec::new(),
        gres: vec![Gres { name: "gpu".into(), kind: Text::default(), count: 2, ..Gres::default() }],
        flags: NodeFlags::default(),
        upkeep: Default::default(),
        reason: Text::default(),
        reason_at: Timestamp::EPOCH,
        reason_by: None,
        comment: Text::default(),
        extra: Text::default(),
        architecture: Text::default(),
        operating_system: Text::default(),
        booted: Timestamp::EPOCH,
    };
    let partition = |name: &str, nodes: u32, job_factor| Partition {
        name: name.into(),
        nodes: (0..nodes).map(NodeIndex).collect(),
        default_memory_per_cpu: Some(100),
        job_factor,
        ..Partition::default()
    };
    let weight = |name: &str, weight| TresWeight { tres: Tres::parse(name).expect("a TRES"), weight };
    let mut rules = Rules {
        by: PriorityType::MultiFactor,
        age: 100_000,
        job_size: 10_000,
        partition: 1_000,
        qos: 500,
        tres: vec![weight("CPU", 2000.0), weight("Mem", 4000.0), weight("GRES/gpu", 8000.0)],
        max_age: Duration::from_secs(3600),
        ..Rules::default()
    };
    change(&mut rules);
    let mut cluster = Cluster {
        nodes: ["n1", "n2", "n3", "n4"].map(node).into(),
        partitions: vec![partition("pa", 2, 10), partition("pb", 4, 40), partition("idle", 4, 1)],
        priority: rules,
        ..Cluster::default()
    };
    let qos = |name: &'static str, priority| Qos { priority, ..Qos::named(name.into()) };
    cluster.configure_books(|books| books.qos = vec![qos("normal", 10), qos("high", 50)]);
    Arc::new(cluster)
}

/// Makes a job of some tasks.
pub(crate) fn job(partitions: &[&str], tasks: u32, change: impl FnOnce(&mut JobSpec)) -> Job {
    let mut job = plain_job(1);
    let spec = Arc::make_mut(&mut job.spec);
    spec.partitions = partitions.iter().copied().map(Text::from).collect();
    spec.time_limit = TimeLimit::Minutes(60);
    spec.resources.tasks = Some(tasks);
    spec.resources.cpus_per_task = 1;
    change(spec);
    job
}

fn nodes(count: u32) -> impl FnOnce(&mut JobSpec) {
    move |spec| spec.resources.min_nodes = count
}

fn gpus(count: u64) -> impl FnOnce(&mut JobSpec) {
    move |spec| {
        let kind = Text::default();
        spec.resources.gres.push(GresRequest { name: "gpu".into(), kind, count, per: Per::Node });
    }
}

fn priority(cluster: &Arc<Cluster>, job: &Job) -> u32 {
    Ranking::of(cluster).priority(job, Standing::default(), job.eligible)
}

#[test]
fn as_slurm_ranks_them() {
    let cluster = cluster(|_| {});
    let check = |job: Job, slurm: u32| assert_eq!(priority(&cluster, &job), slurm - 1000, "{:?}", job.spec);
    check(job(&["pa"], 1, |_| {}), 2893);
    check(job(&["pb"], 1, |_| {}), 3575);
    check(job(&["pb"], 32, nodes(4)), 14_300);
    check(job(&["pb"], 4, nodes(4)), 8000);
    check(job(&["pa"], 8, |_| {}), 4950);
    check(job(&["pb"], 1, |spec| spec.resources.memory = Memory::PerNode(16_000)), 4568);
    check(job(&["pb"], 1, gpus(2)), 5575);
    check(job(&["pb"], 1, |spec| spec.qos = "high".into()), 3975);
    check(job(&["pb"], 1, |spec| spec.nice = 100), 3475);
    check(job(&["pa"], 1, gpus(1)), 4893);
    check(job(&["idle"], 1, |_| {}), 2600);
}

#[test]
fn each_partition_gives_a_priority_of_its_own() {
    let ranking = Ranking::of(&cluster(|_| {}));
    let check = |partitions: &[&str], tasks, slurm: [u32; 2]| {
        let mut job = job(partitions, tasks, |_| {});
        job.priority = ranking.priority(&job, Standing::default(), job.eligible);
        let found = [0, 1].map(|at| ranking.in_partition(&job, partitions[at]));
        assert_eq!(job.priority, found[0], "the first one is the job's own");
        // What is behind the point of the first one's priority is lost.
        assert!(found.iter().zip(slurm).all(|(found, slurm)| found.abs_diff(slurm - 1000) <= 1), "{found:?}");
    };
    check(&["pa", "pb"], 1, [2893, 3575]);
    check(&["pb", "pa"], 4, [4250, 3775]);
    let mut fixed = job(&["pa", "pb"], 1, |spec| spec.fixed_priority = Some(77));
    fixed.priority = ranking.priority(&fixed, Standing::default(), fixed.eligible);
    assert_eq!((fixed.priority, ranking.in_partition(&fixed, "pb")), (77, 77));
}

#[test]
fn small_jobs_can_be_favoured() {
    let small = cluster(|rules| rules.favor_small = true);
    let check = |cluster: &Arc<Cluster>, job: Job, size: u32| {
        let factors = Ranking::of(cluster).factors(&job, "pb", Standing::default(), job.eligible);
        assert_eq!(factors.job_size.round() as u32, size, "{:?}", job.spec);
    };
    check(&small, job(&["pb"], 1, |_| {}), 8594);
    check(&small, job(&["pb"], 32, nodes(4)), 0);
    check(&small, job(&["pb"], 4, nodes(4)), 4375);
    let by_time = cluster(|rules| rules.flags.small_relative_to_time = true);
    let limited = |minutes, tasks, wide| {
        job(&["pb"], tasks, move |spec| {
            spec.time_limit = TimeLimit::Minutes(minutes);
            spec.resources.min_nodes = wide;
        })
    };
    check(&by_time, limited(60, 1, 1), 42);
    check(&by_time, limited(1, 32, 4), 10_000);
    check(&by_time, limited(60, 32, 4), 167);
    check(&by_time, limited(10, 4, 4), 1000);
    check(&by_time, limited(5, 8, 1), 500);
}

#[test]
fn factors_count_as_they_are_if_told() {
    let plain = cluster(|rules| {
        let flags = &mut rules.flags;
        (flags.plain_association, flags.plain_partition) = (true, true);
        (flags.plain_qos, flags.plain_tres, flags.small_relative_to_time) = (true, true, true);
        rules.favor_small = true;
        rules.qos = 0;
    });
    assert_eq!(priority(&plain, &job(&["pb"], 1, |_| {})), 451_958);
    assert_eq!(priority(&plain, &job(&["pb"], 1, gpus(1))), 459_958);
}

#[test]
fn age_counts_from_when_a_job_could_run_until_the_most() {
    let age = |flags: fn(&mut Rules), seconds| {
        let job = Job { eligible: Timestamp::from_seconds(1000), ..job(&["pb"], 1, |_| {}) };
        let at = Timestamp::from_seconds(seconds);
        Ranking::of(&cluster(flags)).factors(&job, "pb", Standing::default(), at).age
    };
    let check = |flags: fn(&mut Rules), seconds, expected: f64| {
        assert!((age(flags, seconds) - expected).abs() < 1e-6, "{}", age(flags, seconds));
    };
    check(|_| {}, 1000, 0.0);
    check(|_| {}, 900, 0.0);
    check(|_| {}, 1000 + 1800, 50_000.0);
    check(|_| {}, 1000 + 9999, 100_000.0);
    // Submitted at 100.
    check(|rules| rules.flags.accrue_always = true, 1000, 25_000.0);
}

#[test]
fn a_priority_never_means_held_and_never_overflows() {
    let cluster = cluster(|_| {});
    assert_eq!(priority(&cluster, &job(&["pb"], 1, |spec| spec.nice = i32::MAX)), 1);
    let site = |factor| job(&["pb"], 1, move |spec| spec.uncommon_mut().site_factor = factor);
    assert_eq!(priority(&cluster, &site(i32::MIN)), 1);
    assert_eq!(priority(&cluster, &site(1000)), 3575);
    let weights = Ranking::of(&super::tests::cluster(|rules| rules.age = u32::MAX));
    let old = job(&["pb"], 1, |_| {});
    assert_eq!(weights.priority(&old, Standing::default(), Timestamp::NEVER), u32::MAX - 16);
}

#[test]
fn association_and_fair_share_count_once_accounting_tells_them() {
    let ranking = Ranking::of(&cluster(|rules| (rules.fair_share, rules.association) = (1000, 100)));
    let job = job(&["pb"], 1, |_| {});
    let with = |standing| ranking.priority(&job, standing, job.eligible);
    assert_eq!(with(Standing { fair_share: 1.0, ..Standing::default() }), 3575);
    assert_eq!(with(Standing { fair_share: 0.5, priority: 1.0, since: None }), 3175);
}

#[test]
fn what_rises_need_not_fall() {
    let cluster = cluster(|rules| rules.flags.increase_only = true);
    let job = Job { priority: 9999, ..job(&["pb"], 1, |_| {}) };
    assert_eq!(priority(&cluster, &job), 9999);
}

#[test]
fn basic_priorities_are_the_base_less_nice() {
    let cluster = cluster(|rules| rules.by = PriorityType::Basic);
    assert_eq!(priority(&cluster, &job(&["pb"], 32, |spec| spec.nice = 50)), 950);
    assert_eq!(priority(&cluster, &job(&["pb"], 1, |spec| spec.nice = 5000)), 1);
    assert_eq!(priority(&cluster, &job(&["pb"], 1, |spec| spec.nice = -5000)), 6000);
}

#[test]
fn names_of_what_can_be_asked_for() {
    assert_eq!(Tres::parse("Mem"), Some(Tres::Memory));
    let gpu = Tres::Gres { name: "gpu".into(), kind: "a100".into() };
    assert_eq!(Tres::parse("gres/gpu:a100"), Some(gpu));
    assert_eq!(Tres::parse("License/matlab"), Some(Tres::License("matlab".into())));
    for name in ["", "gres/", "gres/:a", "fs/disk", "energy", "cpus"] {
        assert_eq!(Tres::parse(name), None, "{name}");
    }
}
