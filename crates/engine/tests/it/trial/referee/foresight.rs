//! When a job could start if everybody who runs used up their time: an arithmetic of its own, for requests that are
//! plain enough to be judged by counting.

use crate::trial::scene::KILL_WAIT;
use domain::cluster::{Cluster, Node, Partition};
use domain::job::{Job, Memory, Phase, Resources, Sharing};
use domain::ports::Start;
use domain::state::State;
use domain::{TimeLimit, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Tells whether a job's request can be judged by counting tasks per node.
pub(super) fn is_plain(cluster: &Cluster, job: &Job) -> bool {
    let asked = &job.spec.resources;
    let known = Resources {
        min_nodes: asked.min_nodes,
        tasks: asked.tasks,
        cpus_per_task: asked.cpus_per_task,
        tasks_per_node: asked.tasks_per_node,
        memory: asked.memory,
        constraint: asked.constraint.clone(),
        excluded_nodes: asked.excluded_nodes.clone(),
        sharing: asked.sharing,
        ..Resources::default()
    };
    let Some(partition) = cluster.partition(job.spec.partition()) else { return false };
    *asked == known
        && job.array.is_none()
        && job.het.is_none()
        && (asked.tasks.is_some() || asked.tasks_per_node == 0)
        && job.spec.partitions.len() == 1
        && job.spec.time_limit <= partition.max_time
        && job.spec.deadline.is_none()
        && matches!(asked.sharing, Sharing::Default | Sharing::Exclusive)
        && partition.max_memory_per_cpu.is_none()
        && partition.max_nodes.is_none()
        && partition.max_cpus_per_node.is_none()
        && asked.memory != Memory::PerNode(0)
}

/// What is free of a node, and whom it is closed to.
struct Room {
    cpus: u32,
    memory: u64,
    open_from: Timestamp,
}

/// Returns when the job could start first, given who runs and who else would start now.
pub(super) fn earliest(state: &State, job: &Job, others: &[Start], now: Timestamp) -> Option<Timestamp> {
    let cluster = state.cluster();
    let partition = cluster.partition(job.spec.partition())?;
    let (mut rooms, releases) = rooms(state, job, others, now);
    let mut caps: Vec<u32> = rooms.iter().map(|_| 0).collect();
    let usable = |at: usize| {
        let index = domain::NodeIndex(u32::try_from(at).unwrap());
        let node = &cluster.nodes[at];
        let asked = &job.spec.resources;
        partition.nodes.contains(&index)
            && node.flags.takes_jobs()
            && !asked.excluded_nodes.contains(&node.name)
            && asked.constraint.as_ref().is_none_or(|wanted| wanted.holds(&node.active_features))
    };
    let usable: Vec<bool> = (0..rooms.len()).map(usable).collect();
    let (mut tasks, mut nodes) = (0, 0);
    let asked = &job.spec.resources;
    let (wanted, least) = (asked.task_count().max(asked.min_nodes), asked.min_nodes.max(1));
    let mut recount = |at: usize, when: Timestamp, rooms: &[Room]| {
        let cap =
            if usable[at] { most_tasks(partition, &cluster.nodes[at], job, &rooms[at], when) } else { 0 };
        tasks = tasks + cap - caps[at];
        nodes = nodes + u32::from(cap > 0) - u32::from(caps[at] > 0);
        caps[at] = cap;
        tasks >= wanted && nodes >= least
    };
    let mut fits = false;
    for at in 0..rooms.len() {
        fits = recount(at, now, &rooms);
    }
    if fits {
        return Some(now);
    }
    for (when, changes) in releases {
        for (at, cpus, memory) in changes {
            rooms[at].cpus += cpus;
            rooms[at].memory += memory;
            fits = recount(at, when, &rooms);
        }
        if fits {
            return Some(when);
        }
    }
    None
}

/// What is given back when: of which node, CPUs and memory.
type Releases = BTreeMap<Timestamp, Vec<(usize, u32, u64)>>;

fn rooms(state: &State, job: &Job, others: &[Start], now: Timestamp) -> (Vec<Room>, Releases) {
    let nodes = &state.cluster().nodes;
    let room = |node: &Node| Room { cpus: node.topology.cpus, memory: node.memory, open_from: now };
    let mut rooms: Vec<Room> = nodes.iter().map(room).collect();
    let mut releases = Releases::new();
    let mut last_use: BTreeMap<(usize, u32), Timestamp> = BTreeMap::new();
    let holding = state.holding().filter_map(|job| Some((job, job.held_resources()?, end_of(job, now))));
    let coming = others
        .iter()
        .filter_map(|start| Some((state.job(start.job)?, &start.allocation, end_from(start.limit, now))));
    for (other, allocation, until) in holding.chain(coming) {
        for share in &allocation.nodes {
            let at = share.node.0 as usize;
            rooms[at].memory -= share.memory;
            releases.entry(until).or_default().push((at, 0, share.memory));
            if other.spec.resources.sharing == Sharing::SameUser && other.spec.owner.uid != job.spec.owner.uid
            {
                rooms[at].open_from = rooms[at].open_from.max(until);
            }
            for cpu in share.cpus.iter() {
                let last = last_use.entry((at, cpu)).or_insert(until);
                *last = until.max(*last);
            }
        }
    }
    for ((at, _), until) in last_use {
        rooms[at].cpus -= 1;
        releases.entry(until).or_default().push((at, 1, 0));
    }
    (rooms, releases)
}

fn end_of(job: &Job, now: Timestamp) -> Timestamp {
    let until = match &job.phase {
        Phase::Running(run) => run.until.min(run.started.after(YEAR)),
        Phase::Completing(completing) => completing.since.after(KILL_WAIT),
        Phase::Pending(_) | Phase::Ended(_) => now,
    };
    until.max(now.after(Duration::from_secs(1)))
}

fn end_from(limit: TimeLimit, now: Timestamp) -> Timestamp {
    limit.end_from(now).min(now.after(YEAR))
}

/// A job without a limit is taken to run for so long.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Returns how many tasks a node could take.
fn most_tasks(partition: &Partition, node: &Node, job: &Job, room: &Room, when: Timestamp) -> u32 {
    let asked = &job.spec.resources;
    let whole = partition.exclusive || asked.sharing == Sharing::Exclusive;
    if room.open_from > when || whole && room.cpus < node.topology.cpus {
        return 0;
    }
    let granule = node.topology.granule();
    let per_cpu = match (asked.memory, partition.default_memory_per_cpu) {
        (Memory::PerNode(wanted), _) if room.memory < wanted => return 0,
        (Memory::PerCpu(wanted), _) => wanted,
        (Memory::Default, Some(wanted)) => wanted,
        _ => 0,
    };
    let covered = match per_cpu {
        _ if whole => u32::MAX,
        0 => u32::MAX,
        wanted => u32::try_from(room.memory / wanted).unwrap_or(u32::MAX),
    };
    let cpus = room.cpus.min(covered);
    let cpus = cpus - cpus % granule;
    // A node must be able to take as many tasks as it may at most, unless there is only one.
    if asked.tasks != Some(1) && cpus < u32::from(asked.tasks_per_node) * asked.task_cpus() {
        return 0;
    }
    let tasks = cpus / asked.task_cpus();
    if asked.tasks_per_node > 0 { tasks.min(u32::from(asked.tasks_per_node)) } else { tasks }
}
