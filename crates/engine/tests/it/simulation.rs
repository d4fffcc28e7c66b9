//! A writer in miniature: jobs arrive, are started as the scheduler proposes, and end; the clock jumps from one
//! happening to the next. After every pass everything the scheduler promises is checked.

use crate::cluster::{cluster, node, partition};
use crate::workload::{Arrival, Dice, workload};
use domain::cluster::Cluster;
use domain::job::{ArrayPart, CpuSet, End, Event, Exit, Job, Phase, Reason, Sharing, Usage};
use domain::ports::{Plan, Start};
use domain::state::{QueueKey, State};
use domain::{JobId, Timestamp};
use engine::local::schedule::Scheduler;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What a simulation keeps.
struct Simulation {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
    ends: BTreeSet<(Timestamp, JobId)>,
    again: Option<Timestamp>,
    seconds: HashMap<JobId, u32>,
    promises: BTreeMap<JobId, Timestamp>,
    kept_promises: u32,
    backfilled: u32,
    ended: u32,
}

impl Simulation {
    fn new(cluster: Cluster) -> Self {
        Simulation {
            state: State::new(Arc::new(cluster)),
            scheduler: Scheduler::new(),
            now: Timestamp::EPOCH,
            ends: BTreeSet::new(),
            again: None,
            seconds: HashMap::new(),
            promises: BTreeMap::new(),
            kept_promises: 0,
            backfilled: 0,
            ended: 0,
        }
    }

    fn run(&mut self, arrivals: Vec<Arrival>) {
        let mut arrivals: VecDeque<Arrival> = arrivals.into();
        loop {
            let next =
                [arrivals.front().map(|arrival| arrival.at), self.ends.first().map(|end| end.0), self.again];
            let Some(next) = next.into_iter().flatten().min() else { break };
            assert!(next >= self.now, "time runs forward");
            self.now = next;
            while let Some(arrival) = arrivals.pop_front_if(|arrival| arrival.at <= next) {
                self.submit(arrival);
            }
            while let Some((_, id)) = self.ends.pop_first_if_due(next) {
                self.end(id);
            }
            self.plan();
        }
        assert!(self.state.queues().is_empty(), "every job has started");
        assert_eq!(self.state.holding().count(), 0, "every job has ended");
    }

    fn submit(&mut self, arrival: Arrival) {
        let id = self.state.take_id();
        self.seconds.insert(id, arrival.seconds);
        self.state.put(Arc::new(Job { id, ..arrival.job }));
    }

    fn end(&mut self, id: JobId) {
        let job = Arc::clone(self.state.job(id).unwrap());
        let end = End::Process(Exit::Code(0));
        let step =
            job.apply(Event::Ended { at: self.now, end, usage: Usage::default(), requeue: None }).unwrap();
        assert!(step.job.is_final());
        self.state.put(Arc::new(step.job));
        self.state.take(id);
        self.ended += 1;
    }

    fn plan(&mut self) {
        let first = self.first_in_order();
        let plan = self.scheduler.plan(&self.state, self.now);
        self.again = plan.again;
        for start in &plan.starts {
            self.start(start);
        }
        self.note_waits(&plan);
        self.check_resources();
        // Whoever is no longer first may be delayed by those before it, and gets no promise.
        self.promises.retain(|job, _| first == Some(*job));
        if let Some((job, Reason::Resources, Some(expected))) =
            plan.waits.iter().find(|wait| Some(wait.0) == first && self.is_plain(wait.0))
        {
            let promise = self.promises.entry(*job).or_insert(*expected);
            *promise = (*expected).min(*promise);
        }
        if plan.again.is_none() {
            self.check_reasons();
        }
    }

    fn first_in_order(&self) -> Option<JobId> {
        let tiers = self.state.cluster().partitions.iter();
        let keys = tiers.flat_map(|partition| {
            let tier = std::cmp::Reverse(partition.tier);
            self.state.queues().of(&partition.name).take(1).map(move |key| (tier, key))
        });
        keys.min_by_key(|(tier, key)| (*tier, *key)).map(|(_, QueueKey { job, .. })| job)
    }

    /// Tells whether a job waits for nodes alone: others may overtake it while it waits for licences, and one that
    /// stands in several partitions has several places in the order.
    fn is_plain(&self, job: JobId) -> bool {
        let spec = &self.state.job(job).unwrap().spec;
        spec.partitions.len() == 1 && spec.resources.licenses.is_empty()
    }

    fn note_waits(&mut self, plan: &Plan) {
        for (id, reason, expected_start) in &plan.waits {
            let job = Arc::clone(self.state.job(*id).unwrap());
            assert_ne!(*reason, Reason::None);
            let event = Event::Considered { reason: *reason, expected_start: *expected_start };
            let step = job.apply(event).expect("jobs that wait are waiting");
            assert_ne!(step.job, *job, "only news is told");
            self.state.put(Arc::new(step.job));
        }
    }

    fn start(&mut self, start: &Start) {
        let job = Arc::clone(self.state.job(start.job).expect("jobs that start are there"));
        self.check_start(&job, start);
        if let Some(promise) = self.promises.remove(&job.id) {
            // Promises are told to the minute.
            let latest = promise.after(Duration::from_secs(60));
            assert!(self.now <= latest, "job was promised {promise:?} and starts {:?}: {job:?}", self.now);
            self.kept_promises += 1;
        }
        self.backfilled += u32::from(start.backfilled);
        let job = match &job.array {
            Some(ArrayPart::Pool { .. }) => self.leave_pool(&job, start),
            _ => (*job).clone(),
        };
        let seconds = self.seconds[&job.array_id()];
        let event = Event::Started {
            at: self.now,
            allocation: Arc::clone(&start.allocation),
            limit: start.limit,
            boot: "boot".into(),
            overtime: std::time::Duration::ZERO,
            way_in: domain::job::WayIn::InOrder,
        };
        let step = job.apply(event).expect("a proposal fits");
        let until = step.job.run().unwrap().until;
        let end = self.now.after(Duration::from_secs(u64::from(seconds))).min(until);
        self.ends.insert((end, job.id));
        self.state.put(Arc::new(step.job));
    }

    fn leave_pool(&mut self, pool: &Job, start: &Start) -> Job {
        let index = start.task.expect("an array starts a task");
        let Some(ArrayPart::Pool { waiting, throttle, size }) = &pool.array else { unreachable!() };
        assert_eq!(waiting.first(), Some(index), "tasks start in order");
        let part = ArrayPart::Task { of: pool.id, index, throttle: *throttle, size: *size };
        let mut rest = waiting.clone();
        rest.remove(index);
        if rest.is_empty() {
            return Job { array: Some(part), ..pool.clone() };
        }
        let id = self.state.take_id();
        let array = Some(ArrayPart::Pool { waiting: rest, throttle: *throttle, size: *size });
        self.state.put(Arc::new(Job { array, ..pool.clone() }));
        Job { id, array: Some(part), ..pool.clone() }
    }

    fn check_start(&self, job: &Job, start: &Start) {
        let cluster = self.state.cluster();
        let (resources, allocation) = (&job.spec.resources, &start.allocation);
        assert!(job.is_pending() && job.eligible <= self.now);
        assert!(job.spec.partitions.contains(&allocation.partition));
        let partition = cluster.partition(&allocation.partition).unwrap();
        let minutes = start.limit.minutes().unwrap();
        assert!(start.limit <= job.spec.time_limit && start.limit <= partition.max_time);
        assert!(start.limit == job.spec.time_limit || minutes >= job.spec.time_minimum.max(1));
        let count = u32::try_from(allocation.nodes.len()).unwrap();
        assert!(count >= resources.min_nodes.max(1) && count <= partition.max_nodes.unwrap_or(u32::MAX));
        assert!(allocation.nodes.windows(2).all(|pair| pair[0].node < pair[1].node), "nodes ascend");
        let tasks: u32 = allocation.nodes.iter().map(|share| share.tasks).sum();
        assert!(tasks >= resources.task_count());
        assert!(allocation.cpus() >= resources.min_cpus);
        for share in &allocation.nodes {
            let node = cluster.node(share.node).unwrap();
            assert!(partition.nodes.contains(&share.node) && node.flags.takes_jobs());
            assert!(share.tasks > 0 && !share.cpus.is_empty());
            assert!(resources.overcommit || share.cpus.len() >= share.tasks * resources.task_cpus());
            assert_eq!(share.cpus.len() % node.topology.granule(), 0, "whole cores");
            assert!(resources.constraint.as_ref().is_none_or(|wanted| wanted.holds(&node.active_features)));
            assert!(!resources.excluded_nodes.contains(&node.name));
        }
        let has = |name: &domain::Text| {
            allocation.nodes.iter().any(|share| cluster.node(share.node).unwrap().name == *name)
        };
        assert!(resources.required_nodes.iter().all(has));
        if resources.contiguous {
            assert!(allocation.nodes.windows(2).all(|pair| pair[0].node.0 + 1 == pair[1].node.0));
        }
    }

    /// Adds up what runs, without the state's own sums.
    fn check_resources(&self) {
        let cluster = self.state.cluster();
        let mut licenses: BTreeMap<&str, u32> = BTreeMap::new();
        let mut arrays: BTreeMap<JobId, (u32, u32)> = BTreeMap::new();
        for job in self.state.holding() {
            for (name, count) in &job.held_resources().unwrap().licenses {
                *licenses.entry(name).or_default() += count;
            }
            if let Some(ArrayPart::Task { of, throttle, .. }) = &job.array {
                arrays.entry(*of).or_insert((0, *throttle)).0 += 1;
            }
        }
        assert!(licenses.iter().all(|(name, used)| used <= &cluster.licenses[*name]));
        assert!(arrays.values().all(|(running, throttle)| *throttle == 0 || running <= throttle));
        for (at, node) in cluster.nodes.iter().enumerate() {
            let mut own = CpuSet::default();
            let mut sharers: BTreeMap<u32, u16> = BTreeMap::new();
            let mut gres = vec![CpuSet::default(); node.gres.len()];
            let (mut memory, mut jobs, mut whole) = (0, 0, 0);
            let (mut users, mut same_user) = (BTreeSet::new(), false);
            for job in self.state.holding() {
                let allocation = job.held_resources().unwrap();
                let Some(share) = allocation.nodes.iter().find(|share| share.node.0 as usize == at) else {
                    continue;
                };
                let most = cluster.partition(&allocation.partition).unwrap().oversubscribe;
                if job.spec.resources.sharing == Sharing::Oversubscribe && most > 1 {
                    share.cpus.iter().for_each(|cpu| *sharers.entry(cpu).or_default() += 1);
                    assert!(share.cpus.iter().all(|cpu| sharers[&cpu] <= most));
                } else {
                    assert!(!own.overlaps(&share.cpus), "a CPU is given out twice");
                    own.add(&share.cpus);
                }
                for part in &share.gres {
                    assert!(!gres[part.at].overlaps(&part.units), "a unit is given out twice");
                    gres[part.at].add(&part.units);
                }
                memory += share.memory;
                jobs += 1;
                whole += u32::from(allocation.whole);
                users.insert(job.spec.owner.uid);
                same_user |= job.spec.resources.sharing == Sharing::SameUser;
            }
            assert!(sharers.keys().all(|cpu| !own.contains(*cpu)));
            assert!(own.iter().chain(sharers.keys().copied()).all(|cpu| cpu < node.topology.cpus));
            assert!(memory <= node.memory, "memory of {} is given out twice", node.name);
            assert!(whole == 0 || jobs == 1, "{} is shared with somebody who is alone there", node.name);
            assert!(!same_user || users.len() == 1, "{} has two users", node.name);
            let in_use = &self.state.node_use()[at];
            assert_eq!(in_use.jobs, jobs);
            assert_eq!(in_use.cpus.len() as usize, own.len() as usize + sharers.len());
        }
    }

    fn check_reasons(&self) {
        let cluster = self.state.cluster();
        let waiting: usize =
            cluster.partitions.iter().map(|partition| self.state.queues().len_of(&partition.name)).sum();
        if waiting > cluster.scheduling.backfill.max_jobs {
            return;
        }
        for partition in &cluster.partitions {
            for key in self.state.queues().of(&partition.name) {
                let job = self.state.job(key.job).unwrap();
                let Phase::Pending(pending) = &job.phase else { unreachable!() };
                assert_ne!(pending.reason, Reason::None, "job {} waits for no reason", job.id);
            }
        }
    }
}

trait PopDue {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(Timestamp, JobId)>;
}

impl PopDue for BTreeSet<(Timestamp, JobId)> {
    fn pop_first_if_due(&mut self, now: Timestamp) -> Option<(Timestamp, JobId)> {
        if self.first()?.0 <= now { self.pop_first() } else { None }
    }
}

fn check(cluster: Cluster, seeds: std::ops::Range<u64>, count: u32) {
    for seed in seeds {
        let arrivals = workload(&cluster, &mut Dice::new(seed), count);
        let mut simulation = Simulation::new(cluster.clone());
        simulation.run(arrivals);
        assert!(simulation.ended >= count, "seed {seed}");
        assert!(simulation.backfilled > 0 && simulation.kept_promises > 0, "seed {seed} tests nothing");
    }
}

#[test]
fn one_small_machine_serves_everybody() {
    check(cluster(vec![node("n1", 4, 1, 4000, 2)], vec![partition("main", [0])]), 1..3, 200);
}

#[test]
fn four_nodes_and_two_overlapping_partitions_serve_everybody() {
    let nodes = (1..=4).map(|at| node(&format!("n{at}"), 8, 1, 16_000, 2)).collect();
    let mut short = partition("short", [0, 1]);
    short.max_time = domain::TimeLimit::Minutes(60);
    short.tier = 2;
    short.oversubscribe = 3;
    let long = partition("long", [0, 1, 2, 3]);
    check(cluster(nodes, vec![short, long]), 10..12, 200);
}

#[test]
fn mixed_nodes_with_threads_serve_everybody() {
    let mut nodes: Vec<_> = (1..=10).map(|at| node(&format!("n{at}"), 8, 2, 8_000, at % 3)).collect();
    for at in [2, 5, 7] {
        nodes[at].weight = 10;
        nodes[at].features.push("fast".into());
        nodes[at].active_features.push("fast".into());
    }
    let mut alone = partition("alone", [8, 9]);
    alone.exclusive = true;
    let mut wide = partition("wide", 0..8);
    wide.max_memory_per_cpu = Some(200);
    wide.max_nodes = Some(6);
    check(cluster(nodes, vec![wide, alone]), 20..22, 200);
}
