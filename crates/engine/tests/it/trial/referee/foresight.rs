//! When a job could start if everybody who runs used up their time: an arithmetic of its own, for requests that are
//! plain enough to be judged by counting.

use crate::trial::scene::KILL_WAIT;
use domain::cluster::{Node, Partition};
use domain::job::{Allocation, Job, Memory, Phase, Resources, Sharing};
use domain::ports::Start;
use domain::reservation::Reservation;
use domain::state::State;
use domain::{TimeLimit, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// Beside reservations every moment is looked at anew; on larger clusters that would take too long.
const MOST_NODES: usize = 50;

/// Tells whether a job's request can be judged by counting tasks per node.
pub(super) fn is_plain(state: &State, job: &Job) -> bool {
    let cluster = state.cluster();
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
        && (state.reservations().is_empty() || cluster.nodes.len() <= MOST_NODES)
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
    if state.reservations().is_empty() {
        return beside_jobs(state, job, others, now);
    }
    let partition = state.cluster().partition(job.spec.partition())?;
    beside_reservations(state, partition, job, others, now)
}

/// Tells whether nothing but reservations keeps a job from starting now.
pub(super) fn is_kept_out(state: &State, job: &Job, now: Timestamp) -> bool {
    !state.reservations().is_empty() && beside_jobs(state, job, &[], now) == Some(now)
}

/// Returns when the job could start first if there were no reservations.
fn beside_jobs(state: &State, job: &Job, others: &[Start], now: Timestamp) -> Option<Timestamp> {
    let cluster = state.cluster();
    let partition = cluster.partition(job.spec.partition())?;
    let (mut rooms, releases) = rooms(state, job, others, now);
    let mut caps: Vec<u32> = rooms.iter().map(|_| 0).collect();
    let usable: Vec<bool> =
        (0..rooms.len()).map(|at| is_usable(&cluster.nodes[at], at, partition, job)).collect();
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

/// Does the same where reservations come and go: whatever is free at a moment may be so too short a time. Each moment at
/// which something is given back, or a reservation ends, is looked at for itself.
fn beside_reservations(
    state: &State,
    partition: &Partition,
    job: &Job,
    others: &[Start],
    now: Timestamp,
) -> Option<Timestamp> {
    let nodes = &state.cluster().nodes;
    let all = state.reservations();
    let holding = stays(state, others, now);
    let ends = holding.iter().map(|stay| stay.2).chain(all.iter().map(|one| one.window(now).1));
    let moments: BTreeSet<Timestamp> = ends.filter(|at| *at > now).chain([now]).collect();
    let asked = &job.spec.resources;
    let (wanted, least) = (asked.task_count().max(asked.min_nodes), asked.min_nodes.max(1));
    let fits = |when: &Timestamp| {
        let until = end_from(job.spec.time_limit, *when);
        let meets = |one: &&Arc<Reservation>| one.window(now).0 < until && *when < one.window(now).1;
        let mut tasks = Vec::new();
        for (at, node) in nodes.iter().enumerate().filter(|(at, node)| is_usable(node, *at, partition, job)) {
            let index = domain::NodeIndex(u32::try_from(at).unwrap());
            let mut taken: BTreeSet<u32> = BTreeSet::new();
            for kept in all.iter().filter(meets).filter_map(|one| one.of_node(index)) {
                match &kept.cpus {
                    Some(cpus) => taken.extend(cpus.iter()),
                    None => taken.extend(0..node.topology.cpus),
                }
            }
            let mut room = Room { cpus: 0, memory: node.memory, open_from: *when };
            for (other, allocation, end) in holding.iter().filter(|stay| stay.2 > *when) {
                for share in allocation.nodes.iter().filter(|share| share.node == index) {
                    taken.extend(share.cpus.iter());
                    room.memory -= share.memory;
                    if is_closed_by(other, job) {
                        room.open_from = room.open_from.max(*end);
                    }
                }
            }
            room.cpus = node.topology.cpus - u32::try_from(taken.len()).unwrap();
            tasks.push(most_tasks(partition, node, job, &room, *when));
        }
        let open = u32::try_from(tasks.iter().filter(|tasks| **tasks > 0).count()).unwrap();
        tasks.iter().sum::<u32>() >= wanted && open >= least
    };
    moments.into_iter().find(fits)
}

fn is_usable(node: &Node, at: usize, partition: &Partition, job: &Job) -> bool {
    let index = domain::NodeIndex(u32::try_from(at).unwrap());
    let asked = &job.spec.resources;
    partition.nodes.contains(&index)
        && node.flags.takes_jobs()
        && !asked.excluded_nodes.contains(&node.name)
        && asked.constraint.as_ref().is_none_or(|wanted| wanted.holds(&node.active_features))
}

/// Tells whether a job keeps those of others off its nodes.
fn is_closed_by(other: &Job, job: &Job) -> bool {
    other.spec.resources.sharing == Sharing::SameUser && other.spec.owner.uid != job.spec.owner.uid
}

/// A job, what it has, and when it gives that back.
type Holding<'a> = (&'a Arc<Job>, &'a Arc<Allocation>, Timestamp);

/// Returns who runs, and who else would start now.
fn stays<'a>(state: &'a State, others: &'a [Start], now: Timestamp) -> Vec<Holding<'a>> {
    let holding = state.holding().filter_map(|job| {
        let held = job.held_resources()?;
        Some((job, held, end_in_reservation(state, held, end_of(job, now), now)))
    });
    let coming = others
        .iter()
        .filter_map(|start| Some((state.job(start.job)?, &start.allocation, end_from(start.limit, now))));
    holding.chain(coming).collect()
}

/// A job ends with the reservation it runs in, or as long after it as is permitted.
fn end_in_reservation(state: &State, held: &Allocation, end: Timestamp, now: Timestamp) -> Timestamp {
    let own = state.reservations().iter().find(|one| one.name == held.reservation);
    let overrun = state.cluster().limits.reservation_overrun;
    match own.filter(|own| own.is_open(now) && overrun != Duration::MAX) {
        Some(own) => end.min(own.end.after(overrun)),
        None => end,
    }
}

/// What is given back when: of which node, CPUs and memory.
type Releases = BTreeMap<Timestamp, Vec<(usize, u32, u64)>>;

fn rooms(state: &State, job: &Job, others: &[Start], now: Timestamp) -> (Vec<Room>, Releases) {
    let nodes = &state.cluster().nodes;
    let room = |node: &Node| Room { cpus: node.topology.cpus, memory: node.memory, open_from: now };
    let mut rooms: Vec<Room> = nodes.iter().map(room).collect();
    let mut releases = Releases::new();
    let mut last_use: BTreeMap<(usize, u32), Timestamp> = BTreeMap::new();
    for (other, allocation, until) in stays(state, others, now) {
        for share in &allocation.nodes {
            let at = share.node.0 as usize;
            rooms[at].memory -= share.memory;
            releases.entry(until).or_default().push((at, 0, share.memory));
            if is_closed_by(other, job) {
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
