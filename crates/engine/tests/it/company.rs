//! Who may be beside whom, and where: switches, core specialisation, shared CPUs, security labels. Each scene was played
//! on a real Slurm 26.05 with nodes of eight CPUs (topology/tree; `AllowSpecResourcesUsage`; `OverSubscribe=FORCE:2` and
//! `YES:3`; mcs/user); where ours ends otherwise, it says so.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::cluster::{Cluster, Partition, PartitionSharing, Switch, Switches};
use domain::job::{End, Event, Exit, Job, JobSpec, Phase, Reason, Resources, Sharing, Usage};
use domain::state::State;
use domain::{JobId, NodeIndex, Timestamp, Uid};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

struct World {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
}

impl World {
    /// Four nodes of eight CPUs and two GPUs; partitions `own`, `force` and `yes` over all.
    fn new(change: impl FnOnce(&mut Cluster)) -> Self {
        let nodes = (1..=4).map(|at| node(&format!("n{at}"), 8, 1, 16_000, 2)).collect();
        let forced = PartitionSharing { forced: true, ..PartitionSharing::default() };
        let partitions = vec![
            partition("own", 0..4),
            Partition { oversubscribe: 2, sharing: forced, ..partition("force", 0..4) },
            Partition { oversubscribe: 3, ..partition("yes", 0..4) },
        ];
        let mut cluster = cluster(nodes, partitions);
        change(&mut cluster);
        let state = State::new(Arc::new(cluster));
        World { state, scheduler: Scheduler::new(), now: Timestamp::from_seconds(1000) }
    }

    /// Submits a job of ten minutes, plans, and returns its number.
    fn submit(&mut self, partition: &str, asked: Resources, change: impl FnOnce(&mut JobSpec)) -> JobId {
        let id = self.state.take_id();
        let mut job = job(id.0, partition, 10, asked);
        change(Arc::make_mut(&mut job.spec));
        self.state.put(Arc::new(Job { submitted: self.now, eligible: self.now, ..job }));
        self.plan_after(1);
        id
    }

    fn plan_after(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        let plan = self.scheduler.plan(&self.state, self.now);
        for start in &plan.starts {
            let (allocation, limit) = (Arc::clone(&start.allocation), start.limit);
            let (at, boot, overtime) = (self.now, "boot".into(), Duration::ZERO);
            let way_in = domain::job::WayIn::InOrder;
            self.happen(start.job, Event::Started { at, allocation, limit, boot, overtime, way_in });
        }
        for (id, reason, expected_start) in plan.waits {
            self.happen(id, Event::Considered { reason, expected_start });
        }
    }

    fn happen(&mut self, id: JobId, event: Event) {
        let job = self.state.job(id).unwrap().apply(event).unwrap().job;
        self.state.put(Arc::new(job));
    }

    fn end(&mut self, id: JobId) {
        let end = End::Process(Exit::Code(0));
        self.happen(id, Event::Ended { at: self.now, end, usage: Usage::default(), requeue: None });
    }

    /// Writes where a job is: nodes with their CPUs; or why it waits.
    fn place(&self, id: JobId) -> String {
        let job = self.state.job(id).unwrap();
        let Some(allocation) = job.held_resources() else {
            let Phase::Pending(pending) = &job.phase else { return "over".into() };
            return format!("{:?}", pending.reason);
        };
        let node = |share: &domain::job::NodeShare| {
            let cpus: Vec<String> = share.cpus.iter().map(|cpu| cpu.to_string()).collect();
            format!("n{} {}", share.node.0 + 1, cpus.join(","))
        };
        allocation.nodes.iter().map(node).collect::<Vec<_>>().join("; ")
    }
}

fn on(node: &'static str) -> impl FnOnce(&mut JobSpec) {
    move |spec| spec.resources.required_nodes = vec![node.into()]
}

fn waits() -> String {
    format!("{:?}", Reason::Resources)
}

/// Two leaves of two nodes each, under one switch.
fn two_leaves(cluster: &mut Cluster) {
    let switch = |name: &str, nodes: std::ops::Range<u32>, level| Switch {
        name: name.into(),
        nodes: nodes.map(NodeIndex).collect(),
        level,
    };
    cluster.switches =
        Switches::new(vec![switch("s1", 0..2, 0), switch("s2", 2..4, 0), switch("top", 0..4, 1)]);
}

#[test]
fn a_job_insists_on_one_switch_as_long_as_it_said_and_then_takes_two() {
    let mut world = World::new(two_leaves);
    world.submit("own", ask(1, 8), on("n1"));
    world.submit("own", ask(1, 8), on("n3"));
    let near = world.submit("own", ask(2, 2), |spec| {
        (spec.uncommon_mut().switches, spec.uncommon_mut().switch_wait) = (1, 20);
    });
    assert_eq!(world.place(near), waits());
    let small = world.submit("own", ask(1, 1), |_| {});
    // The original filled n4, we fill n2: either leaves room for the other.
    assert_eq!(world.place(small), "n2 0", "it delays nobody");
    world.plan_after(10);
    assert_eq!(world.place(near), waits());
    world.plan_after(10);
    assert_eq!(world.place(near), "n2 1; n4 0");
}

#[test]
fn a_job_that_insists_on_one_switch_starts_at_once_when_it_can_have_it() {
    let mut world = World::new(two_leaves);
    world.submit("own", ask(1, 8), on("n1"));
    let other = world.submit("own", ask(1, 8), on("n3"));
    let near = world.submit("own", ask(2, 2), |spec| {
        (spec.uncommon_mut().switches, spec.uncommon_mut().switch_wait) = (1, 250);
    });
    assert_eq!(world.place(near), waits());
    world.end(other);
    world.plan_after(1);
    assert_eq!(world.place(near), "n3 0; n4 0");
}

#[test]
fn nobody_waits_longer_for_switches_than_the_cluster_allows() {
    let mut world = World::new(|cluster| {
        two_leaves(cluster);
        cluster.limits.max_switch_wait = Duration::from_secs(5);
    });
    world.submit("own", ask(1, 8), on("n1"));
    world.submit("own", ask(1, 8), on("n3"));
    let near = world.submit("own", ask(2, 2), |spec| {
        (spec.uncommon_mut().switches, spec.uncommon_mut().switch_wait) = (1, 3600);
    });
    assert_eq!(world.place(near), waits());
    world.plan_after(5);
    assert_eq!(world.place(near), "n2 0; n4 0");
}

#[test]
fn a_job_that_does_not_ask_gets_one_switch_where_it_can() {
    let mut world = World::new(two_leaves);
    world.submit("own", ask(1, 8), on("n1"));
    let job = world.submit("own", ask(2, 2), |_| {});
    assert_eq!(world.place(job), "n3 0; n4 0");
}

#[test]
fn who_leaves_cores_to_the_system_has_the_rest_of_the_node_alone() {
    let mut world = World::new(|cluster| cluster.limits.allow_core_spec = true);
    let first = world.submit("own", ask(1, 1), |spec| spec.uncommon_mut().core_spec = Some(2));
    let beside = world.submit("own", ask(1, 1), |_| {});
    let threads = world.submit("own", ask(1, 1), |spec| spec.uncommon_mut().thread_spec = Some(3));
    let none = world.submit("own", ask(1, 1), |spec| spec.uncommon_mut().core_spec = Some(0));
    assert_eq!(world.place(first), "n1 0,1,2,3,4,5");
    assert_eq!(world.place(beside), "n2 0");
    assert_eq!(world.place(threads), "n3 0,1,2,3,4");
    assert_eq!(world.place(none), "n4 0,1,2,3,4,5,6,7");
    let share = &world.state.job(first).unwrap().held_resources().unwrap().nodes[0];
    assert_eq!((share.memory, share.gres[0].units.len()), (600, 2), "with all that is in it");
    let late = world.submit("own", ask(1, 1), on("n1"));
    assert_eq!(world.place(late), waits(), "also not on the cores that are left out");
    world.end(first);
    world.plan_after(1);
    assert_eq!(world.place(late), "n1 0");
}

#[test]
fn a_partition_that_forces_sharing_gives_each_cpu_to_so_many_jobs() {
    let mut world = World::new(|_| {});
    let [first, second, third] = [8, 8, 8].map(|tasks| world.submit("force", ask(1, tasks), on("n1")));
    let all = "n1 0,1,2,3,4,5,6,7";
    assert_eq!([first, second, third].map(|job| world.place(job)), [all.into(), all.into(), waits()]);
    let stranger = world.submit("own", ask(1, 1), on("n1"));
    assert!(world.state.job(stranger).unwrap().is_pending(), "who shares with nobody stays out");
    world.end(first);
    world.plan_after(1);
    assert_eq!(world.place(third), all);
}

/// The original lets the third have 0-2 as well: it gives CPUs in rows of jobs, each as wide as the node, and leaves the
/// two that are left of the first row for smaller jobs. We give what nobody has first.
#[test]
fn cpus_are_shared_when_there_are_no_others() {
    let mut world = World::new(|_| {});
    let jobs = [3, 3, 3].map(|tasks| world.submit("force", ask(1, tasks), on("n1")));
    assert_eq!(jobs.map(|job| world.place(job)), ["n1 0,1,2", "n1 3,4,5", "n1 0,6,7"]);
    let alone = world.submit("force", ask(1, 1), |spec| {
        spec.resources.sharing = Sharing::Exclusive;
        on("n1")(spec);
    });
    assert_eq!(world.place(alone), waits(), "it needs every CPU, and one has two jobs");
}

#[test]
fn memory_is_not_shared() {
    let mut world = World::new(|_| {});
    let large = |spec: &mut JobSpec| {
        spec.resources.memory = domain::job::Memory::PerNode(9_000);
        on("n1")(spec);
    };
    let [first, second] = [(); 2].map(|()| world.submit("force", ask(1, 4), large));
    assert_eq!([first, second].map(|job| world.place(job)), ["n1 0,1,2,3".into(), waits()]);
}

#[test]
fn only_those_who_say_so_share_where_nobody_is_forced() {
    let mut world = World::new(|_| {});
    let shares = |spec: &mut JobSpec| {
        spec.resources.sharing = Sharing::Oversubscribe;
        on("n1")(spec);
    };
    let [first, second] = [(); 2].map(|()| world.submit("yes", ask(1, 8), shares));
    let own = world.submit("yes", ask(1, 6), on("n1"));
    let all = "n1 0,1,2,3,4,5,6,7";
    assert_eq!([first, second, own].map(|job| world.place(job)), [all.into(), all.into(), waits()]);
}

#[test]
fn who_wants_its_own_label_only_beside_it_keeps_others_out() {
    let mut world = World::new(|_| {});
    let of = |user: u32, label: &'static str, sharing| {
        move |spec: &mut JobSpec| {
            spec.owner.uid = Uid(user);
            spec.uncommon_mut().mcs_label = label.into();
            spec.resources.sharing = sharing;
            on("n1")(spec);
        }
    };
    let first = world.submit("own", ask(1, 1), of(1, "red", Sharing::SameLabel));
    let like = world.submit("own", ask(1, 1), of(2, "red", Sharing::Default));
    let without = world.submit("own", ask(1, 1), of(2, "", Sharing::Default));
    assert_eq!([first, like, without].map(|job| world.place(job)), ["n1 0".into(), "n1 1".into(), waits()]);
    world.end(first);
    world.plan_after(1);
    assert_eq!(world.place(without), "n1 0");
    let late = world.submit("own", ask(1, 1), of(1, "red", Sharing::SameLabel));
    assert_eq!(world.place(late), waits(), "somebody without the label is there");
}
