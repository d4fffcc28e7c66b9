//! Random workloads, the same for the same seed.

use crate::cluster::{array, job};
use domain::cluster::Cluster;
use domain::fit::{Feasibility, could_ever_run};
use domain::job::{Constraint, GresRequest, Job, Memory, Per, Resources, Sharing};
use domain::{Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;

/// A generator of numbers (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    /// Makes one from a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number from 0 up to but not including `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        u32::try_from(self.next() % u64::from(end.max(1))).unwrap()
    }

    /// Returns true once in `times`.
    pub(crate) fn once_in(&mut self, times: u32) -> bool {
        self.below(times) == 0
    }
}

/// A job that arrives at a time; it would run so many seconds if it could.
pub(crate) struct Arrival {
    pub(crate) at: Timestamp,
    pub(crate) job: Job,
    pub(crate) seconds: u32,
}

/// Makes jobs that the cluster could run.
pub(crate) fn workload(cluster: &Cluster, dice: &mut Dice, count: u32) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    let mut seconds = 1;
    while arrivals.len() < count as usize {
        seconds += if dice.once_in(10) { i64::from(dice.below(600)) } else { i64::from(dice.below(8)) };
        let arrival = arrival(cluster, dice, Timestamp::from_seconds(seconds));
        if could_ever_run(cluster, &arrival.job.spec) == Ok(Feasibility::Possible) {
            arrivals.push(arrival);
        }
    }
    arrivals
}

fn arrival(cluster: &Cluster, dice: &mut Dice, at: Timestamp) -> Arrival {
    let minutes = [1, 2, 5, 10, 60, 240][dice.below(6) as usize];
    let which = dice.below(u32::try_from(cluster.partitions.len()).unwrap()) as usize;
    let mut job = job(1, &cluster.partitions[which].name, minutes, resources(cluster, dice));
    job.priority = 1000 + dice.below(5) * 100;
    job.submitted = at;
    job.eligible = at;
    let spec = Arc::make_mut(&mut job.spec);
    spec.owner.uid = Uid(2001 + dice.below(3));
    if dice.once_in(8) {
        spec.partitions = cluster.partitions.iter().map(|partition| partition.name.clone()).collect();
    }
    if dice.once_in(15) {
        spec.time_limit = TimeLimit::Minutes(minutes.max(10));
        spec.time_minimum = 2;
    }
    if dice.once_in(12) {
        let throttle = if dice.once_in(2) { 1 + dice.below(3) } else { 0 };
        job = array(job, 1 + dice.below(20), throttle);
    }
    let seconds = 1 + dice.below(minutes * 90);
    Arrival { at, job, seconds }
}

fn resources(cluster: &Cluster, dice: &mut Dice) -> Resources {
    let mut asked = Resources { min_nodes: 1, cpus_per_task: 1, ..Resources::default() };
    match dice.below(6) {
        0 => asked.min_nodes = 1 + dice.below(u32::try_from(cluster.nodes.len()).unwrap()),
        1 => asked.tasks = Some(1 + dice.below(12)),
        2 => asked.cpus_per_task = 1 + u16::try_from(dice.below(4)).unwrap(),
        3 => {
            asked.min_nodes = 1 + dice.below(2);
            asked.tasks_per_node = 1 + u16::try_from(dice.below(4)).unwrap();
        }
        4 => asked.min_cpus = 1 + dice.below(8),
        _ => {}
    }
    match dice.below(5) {
        0 => asked.memory = Memory::PerCpu(u64::from(50 + dice.below(400))),
        1 => asked.memory = Memory::PerNode(u64::from(dice.below(3000))),
        _ => {}
    }
    match dice.below(16) {
        0 => asked.sharing = Sharing::Exclusive,
        1 => asked.sharing = Sharing::SameUser,
        2 | 3 => asked.sharing = Sharing::Oversubscribe,
        4 => asked.constraint = Constraint::parse("fast|any").ok(),
        5 => asked.required_nodes = vec![cluster.nodes[0].name.clone()],
        6 => asked.excluded_nodes = vec![cluster.nodes[0].name.clone()],
        7 => asked.contiguous = true,
        8 => asked.overcommit = true,
        _ => {}
    }
    if dice.once_in(6) {
        let per = [Per::Job, Per::Node, Per::Task][dice.below(3) as usize];
        let kind = if dice.once_in(2) { "a100".into() } else { Text::default() };
        let count = u64::from(1 + dice.below(2));
        asked.gres.push(GresRequest { name: "gpu".into(), kind, count, per });
    }
    if dice.once_in(10) {
        asked.licenses.push(("matlab".into(), 1 + dice.below(3)));
    }
    asked
}
