//! Finds the fewest operations that still lead to an objection, and writes them down.

use super::Trial;
use super::changes::CHANGES;
use super::kinds::kind_at;
use super::operation::{Act, Operation, Wishes, wish};
use super::play::play;
use super::scene::{Scene, USERS};
use std::time::{Duration, Instant};

/// Plays at most so many trials in search of a smaller one.
const MOST_TRIALS: usize = 2_000;
/// Begins none after this: a large one would be shrunk for hours.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Takes away operations, and wishes of those that are left, as long as there is an objection. The objection may become
/// another: any will do.
pub(crate) fn shrink(
    scene: &Scene,
    operations: Vec<Operation>,
    objection: String,
) -> (Vec<Operation>, String) {
    let mut search = Search { scene, fewest: operations, objection, trials: 0, began: Instant::now() };
    search.drop_operations();
    search.drop_jobs();
    search.drop_wishes();
    search.drop_operations();
    (search.fewest, search.objection)
}

struct Search<'a> {
    scene: &'a Scene,
    fewest: Vec<Operation>,
    objection: String,
    trials: usize,
    began: Instant,
}

impl Search<'_> {
    /// Takes over a smaller trial if it fails as well.
    fn try_out(&mut self, smaller: Vec<Operation>) -> bool {
        self.trials += 1;
        match self.trials <= MOST_TRIALS && self.began.elapsed() < MOST_TIME {
            true => match play(self.scene, &smaller) {
                Ok(_) => false,
                Err(objection) => {
                    (self.fewest, self.objection) = (smaller, objection);
                    true
                }
            },
            false => false,
        }
    }

    fn drop_operations(&mut self) {
        let mut size = self.fewest.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.fewest.len() {
                let to = (from + size).min(self.fewest.len());
                let smaller = self.fewest[..from].iter().chain(&self.fewest[to..]).cloned().collect();
                if !self.try_out(smaller) {
                    from = to;
                }
            }
            size /= 2;
        }
    }

    /// Leaves away components and entries of crontabs.
    fn drop_jobs(&mut self) {
        for at in 0..self.fewest.len() {
            let mut job = 0;
            loop {
                let mut smaller = self.fewest.clone();
                if !smaller[at].act.drop_job(job) {
                    break;
                }
                if !self.try_out(smaller) {
                    job += 1;
                }
            }
        }
    }

    fn drop_wishes(&mut self) {
        for at in 0..self.fewest.len() {
            for job in 0..self.fewest[at].act.wishes_mut().len() {
                let mut wish = 0;
                loop {
                    let mut smaller = self.fewest.clone();
                    match smaller[at].act.wishes_mut().into_iter().nth(job) {
                        Some(wishes) if wish < wishes.len() => wishes.remove(wish),
                        _ => break,
                    };
                    if !self.try_out(smaller) {
                        wish += 1;
                    }
                }
            }
        }
    }
}

/// More operations than this are not told: nobody would read them.
const MOST_TOLD: usize = 500;

/// Writes down a trial that fails.
pub(crate) fn report(trial: &Trial, scene: &Scene, operations: &[Operation], objection: &str) -> String {
    let mut text = format!("{trial} fails after {} operations:\n", operations.len());
    if operations.len() > MOST_TOLD {
        return text + objection;
    }
    for operation in operations {
        text += &format!("  {:>6} s  {:>4} ", operation.at, operation.number);
        let submits = |wishes: &Wishes, seed: u64| {
            let made = wish(scene, operation, wishes, seed);
            let names: Vec<&str> = wishes.iter().map(|(place, _)| kind_at(*place).name).collect();
            let (owner, limit, seconds) = (&made.spec.owner.name, made.spec.time_limit, made.seconds);
            format!("submit by {owner}, {limit:?}, runs {seconds} s: {}", names.join(", "))
        };
        text += &match &operation.act {
            Act::Submit(wishes, seed) => submits(wishes, *seed),
            Act::SubmitTogether(jobs) => {
                let parts: Vec<String> = jobs.iter().map(|(wishes, seed)| submits(wishes, *seed)).collect();
                format!(
                    "together\n{}",
                    parts.iter().map(|part| format!("{:20}{part}\n", "")).collect::<String>()
                )
            }
            Act::Crontab(user, entries) => {
                let parts: Vec<String> = entries
                    .iter()
                    .map(|(due, wishes, seed)| format!("{due} {}", submits(wishes, *seed)))
                    .collect();
                format!("crontab of {}: {}", USERS[*user], parts.join("; "))
            }
            Act::Change(job, place, _) => format!("change {} of {job}", CHANGES[*place].name),
            act => format!("{act:?}"),
        };
        text += "\n";
    }
    for node in &scene.cluster.nodes {
        let (topology, memory, weight) = (&node.topology, node.memory, node.weight);
        let gres: Vec<String> =
            node.gres.iter().map(|gres| format!("{} {} {}", gres.count, gres.kind, gres.name)).collect();
        text += &format!(
            "  node {}: {} sockets of {} cores of {} threads, {memory} MB, weight {weight}, {:?}, {gres:?}\n",
            node.name, topology.sockets, topology.cores, topology.threads, node.features
        );
    }
    for partition in &scene.cluster.partitions {
        let nodes: Vec<u32> = partition.nodes.iter().map(|node| node.0).collect();
        let (name, tier, mode, grace) =
            (&partition.name, partition.tier, partition.preempt_mode, partition.grace_time);
        text += &format!(
            "  partition {name}: tier {tier}, preempted {mode:?} after {grace} s, nodes {nodes:?}\n"
        );
    }
    let cluster = &scene.cluster;
    text += &format!("  {:?}\n  {:?}\n  {:?}\n", cluster.preempt, cluster.scheduling, cluster.priority.by);
    for qos in cluster.books.all_qos() {
        text += &format!(
            "  qos {}: pushes {:?}, preempted {:?} after {:?}, exempt {:?}, {:?}\n",
            qos.name, qos.preempt, qos.preempt_mode, qos.grace_time, qos.preempt_exempt_time, qos.limits
        );
    }
    text + objection
}
