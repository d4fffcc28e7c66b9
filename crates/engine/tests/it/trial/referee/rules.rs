//! What must be true of a job that starts: one rule a function, one line in the table.

use crate::trial::scene::KILL_WAIT;
use domain::cluster::{Cluster, Node, Partition};
use domain::job::{Allocation, Constraint, GresRequest, Job, Memory, NodeShare, Per, Phase, Resources};
use domain::{TimeLimit, Timestamp};

/// A job that starts.
struct Start<'a> {
    partition: &'a Partition,
    job: &'a Job,
    asked: &'a Resources,
    given: &'a Allocation,
    shares: Vec<(&'a NodeShare, &'a Node)>,
    now: Timestamp,
}

/// Tells whether all is well.
type Rule = fn(&Start<'_>) -> bool;

/// Every rule with what is said of those who break it.
const RULES: &[(&str, Rule)] = &[
    ("it is not eligible", |start| start.job.eligible <= start.now),
    ("it is held", |start| start.job.priority > 0),
    ("its time has not come", |start| start.job.spec.begin.is_none_or(|begin| begin <= start.now)),
    ("it cannot end by its deadline", ends_by_deadline),
    ("it did not ask for this partition", |start| start.job.spec.partitions.contains(&start.given.partition)),
    ("the partition starts no jobs", |start| start.partition.state.starts_jobs()),
    ("it gets more time than the partition gives", |start| limit(start) <= start.partition.max_time),
    ("it gets more time than it asked for", |start| limit(start) <= start.job.spec.time_limit),
    ("it gets less time than would do", has_time),
    ("its nodes are not in order", |start| {
        start.given.nodes.windows(2).all(|pair| pair[0].node < pair[1].node)
    }),
    ("a node is not the partition's", |start| {
        nodes(start, |share, _| start.partition.nodes.contains(&share.node))
    }),
    ("a node takes no jobs", |start| nodes(start, |_, node| node.flags.takes_jobs())),
    ("a node is excluded", |start| nodes(start, |_, node| !start.asked.excluded_nodes.contains(&node.name))),
    ("a required node is missing", has_required),
    ("too few nodes", |start| start.shares.len() >= start.asked.min_nodes.max(1) as usize),
    ("too many nodes", has_at_most),
    ("nodes are not neighbours", is_contiguous),
    ("a node lacks features", has_features),
    ("a node has too few sockets, cores or threads", suits_topology),
    ("too few tasks", |start| tasks(start) >= start.asked.task_count()),
    ("a node without a task or a CPU", |start| {
        nodes(start, |share, _| share.tasks > 0 && !share.cpus.is_empty())
    }),
    ("too few CPUs", |start| start.given.cpus() >= start.asked.min_cpus),
    ("too few CPUs for the tasks of a node", has_cpus_for_tasks),
    ("too few CPUs on a node", |start| {
        nodes(start, |share, _| share.cpus.len() >= u32::from(start.asked.min_cpus_per_node))
    }),
    ("more tasks on a node than asked", |start| {
        nodes(start, |share, _| {
            start.asked.tasks_per_node == 0 || share.tasks <= u32::from(start.asked.tasks_per_node)
        })
    }),
    ("parts of cores", has_whole_cores),
    ("whole nodes in parts", has_whole_nodes),
    ("too little memory", has_memory),
    ("too few units of a generic resource", has_gres),
    ("other licences than asked", |start| start.given.licenses == start.asked.licenses),
];

/// Checks a job that starts.
pub(super) fn check_start(
    cluster: &Cluster,
    job: &Job,
    given: &Allocation,
    now: Timestamp,
) -> Result<(), String> {
    let partition =
        cluster.partition(&given.partition).ok_or("it starts in a partition that is not there")?;
    let node = |share| Some((share, cluster.node(NodeShare::clone(share).node)?));
    let shares =
        given.nodes.iter().map(node).collect::<Option<_>>().ok_or("it starts on a node that is not there")?;
    let start = Start { partition, job, asked: &job.spec.resources, given, shares, now };
    match RULES.iter().find(|(_, holds)| !holds(&start)) {
        Some((objection, _)) => Err((*objection).to_owned()),
        None => Ok(()),
    }
}

/// Checks a finished attempt.
pub(super) fn check_end(job: &Job) -> Result<(), String> {
    let Phase::Ended(ended) = &job.phase else { return Err("an unfinished attempt is history".into()) };
    let Some(run) = &ended.run else { return Ok(()) };
    if ended.ended < run.started {
        return Err(format!("job {} ended before it began", job.id));
    }
    if run.is_suspended() {
        // Its time stood still.
        return Ok(());
    }
    if let Some(deadline) = job.spec.deadline
        && run.pause.is_none()
        && ended.ended > deadline.after(KILL_WAIT * 2)
    {
        return Err(format!("job {} ran until {:?}, its deadline was {deadline:?}", job.id, ended.ended));
    }
    let latest =
        if run.until == Timestamp::NEVER { Timestamp::NEVER } else { run.until.after(KILL_WAIT * 2) };
    // A stopped job cannot hear that its time is up before it is killed.
    match ended.ended <= latest {
        true => Ok(()),
        false => {
            Err(format!("job {} ran until {:?}, its time was up at {:?}", job.id, ended.ended, run.until))
        }
    }
}

fn nodes(start: &Start<'_>, holds: impl Fn(&NodeShare, &Node) -> bool) -> bool {
    start.shares.iter().all(|(share, node)| holds(share, node))
}

fn tasks(start: &Start<'_>) -> u32 {
    start.shares.iter().map(|(share, _)| share.tasks).sum()
}

fn limit(start: &Start<'_>) -> TimeLimit {
    match start.job.run().map(|run| run.until) {
        None | Some(Timestamp::NEVER) => TimeLimit::Unlimited,
        Some(until) => TimeLimit::Minutes(u32::try_from(until.since(start.now).as_secs() / 60).unwrap()),
    }
}

fn has_time(start: &Start<'_>) -> bool {
    let spec = &start.job.spec;
    let given = limit(start);
    // Whoever names a deadline runs until then at most.
    let until_deadline = spec.deadline.map(|deadline| deadline.since(start.now).as_secs() / 60);
    given == spec.time_limit
        || spec.time_minimum > 0 && given >= TimeLimit::Minutes(spec.time_minimum)
        || until_deadline.is_some_and(|minutes| given >= TimeLimit::Minutes(u32::try_from(minutes).unwrap()))
}

fn ends_by_deadline(start: &Start<'_>) -> bool {
    start.job.spec.deadline.is_none_or(|deadline| start.now < deadline)
}

fn has_required(start: &Start<'_>) -> bool {
    let is_there = |name: &domain::Text| start.shares.iter().any(|(_, node)| node.name == *name);
    start.asked.required_nodes.iter().all(is_there)
}

fn has_at_most(start: &Start<'_>) -> bool {
    let count = u32::try_from(start.shares.len()).unwrap();
    count <= start.partition.max_nodes.unwrap_or(u32::MAX)
        && (start.asked.max_nodes == 0 || count <= start.asked.max_nodes)
}

fn is_contiguous(start: &Start<'_>) -> bool {
    !start.asked.contiguous || start.given.nodes.windows(2).all(|pair| pair[0].node.0 + 1 == pair[1].node.0)
}

/// Preferred features stand in for those required where all nodes have them.
fn has_features(start: &Start<'_>) -> bool {
    let prefer = start.job.spec.uncommon().prefer.as_ref();
    have(start, start.asked.constraint.as_ref()) || prefer.is_some() && have(start, prefer)
}

/// Knows the expressions that the table of wishes contains.
fn have(start: &Start<'_>, wanted: Option<&Constraint>) -> bool {
    let Some(constraint) = wanted else { return true };
    nodes(start, |_, node| {
        let has = |feature: &str| node.active_features.iter().any(|active| active == feature);
        match constraint.written.as_str() {
            "fast&big" => has("fast") && has("big"),
            "big&new" => has("big") && has("new"),
            "fast|big" => has("fast") || has("big"),
            "new&(fast|big)" => has("new") && (has("fast") || has("big")),
            feature => has(feature),
        }
    })
}

fn suits_topology(start: &Start<'_>) -> bool {
    nodes(start, |_, node| {
        node.topology.sockets >= start.asked.sockets_per_node
            && node.topology.cores >= start.asked.cores_per_socket
            && node.topology.threads >= start.asked.threads_per_core
    })
}

fn has_cpus_for_tasks(start: &Start<'_>) -> bool {
    start.asked.overcommit
        || nodes(start, |share, _| share.cpus.len() >= share.tasks * start.asked.task_cpus())
}

fn has_whole_cores(start: &Start<'_>) -> bool {
    nodes(start, |share, node| {
        let threads = u32::from(node.topology.threads);
        let core = |cpu: u32| cpu / threads * threads..(cpu / threads + 1) * threads;
        let shared = start.asked.sharing == domain::job::Sharing::Oversubscribe;
        shared || share.cpus.iter().all(|cpu| core(cpu).all(|cpu| share.cpus.contains(cpu)))
    })
}

fn has_whole_nodes(start: &Start<'_>) -> bool {
    let wants = start.partition.exclusive || start.asked.sharing == domain::job::Sharing::Exclusive;
    (start.given.whole || !wants)
        && (!start.given.whole || nodes(start, |share, node| share.cpus.len() == node.topology.cpus))
}

fn has_memory(start: &Start<'_>) -> bool {
    match start.asked.memory {
        Memory::Default => true,
        Memory::PerNode(0) => nodes(start, |share, node| share.memory == node.memory),
        Memory::PerNode(wanted) => nodes(start, |share, _| share.memory >= wanted),
        // Where the partition gives less for each CPU, the job gets more CPUs instead.
        Memory::PerCpu(wanted) => nodes(start, |share, node| {
            let by_task =
                start.given.whole || start.partition.max_memory_per_cpu.is_some_and(|most| most < wanted);
            let cpus = if by_task { start.asked.task_cpus() * share.tasks } else { share.cpus.len() };
            start.asked.overcommit || share.memory >= (wanted * u64::from(cpus)).min(node.memory)
        }),
    }
}

fn has_gres(start: &Start<'_>) -> bool {
    start.asked.gres.iter().all(|request| {
        let on = |share: &NodeShare, node: &Node| units(request, share, node);
        match request.per {
            Per::Job => {
                start.shares.iter().map(|(share, node)| on(share, node)).sum::<u64>() >= request.count
            }
            Per::Node => nodes(start, |share, node| on(share, node) >= request.count),
            Per::Task => {
                nodes(start, |share, node| on(share, node) >= request.count * u64::from(share.tasks))
            }
            Per::Socket => nodes(start, |share, node| {
                on(share, node) >= request.count * u64::from(start.asked.sockets_per_node.max(1))
            }),
        }
    })
}

/// Returns the units of a share that a request would take.
fn units(request: &GresRequest, share: &NodeShare, node: &Node) -> u64 {
    let fits = |at: usize| {
        let gres = &node.gres[at];
        gres.name == request.name && (request.kind.is_empty() || gres.kind == request.kind)
    };
    share.gres.iter().filter(|part| fits(part.at)).map(|part| u64::from(part.units.len())).sum()
}
