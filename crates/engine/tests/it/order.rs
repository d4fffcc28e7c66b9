//! In what order jobs are tried and how far ahead is planned, by what is configured: FIFO, depths, windows, priorities
//! in several partitions, switches of qualities of service.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::cluster::{Cluster, Partition, Qos, QosFlags, SchedulerType};
use domain::job::{Event, Job, JobSpec, Phase, Reason, Resources};
use domain::ports::Plan;
use domain::priority::{PriorityType, Rules};
use domain::state::State;
use domain::{JobId, TimeLimit, Timestamp, Uid};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

struct World {
    state: State,
    scheduler: Scheduler,
    now: Timestamp,
}

impl World {
    /// Two nodes of four CPUs.
    fn new(change: impl FnOnce(&mut Cluster)) -> Self {
        let nodes = vec![node("n1", 4, 1, 10_000, 0), node("n2", 4, 1, 10_000, 0)];
        let mut cluster = cluster(nodes, vec![partition("a", 0..2), partition("b", 0..2)]);
        change(&mut cluster);
        let state = State::new(Arc::new(cluster));
        World { state, scheduler: Scheduler::new(), now: Timestamp::from_seconds(1000) }
    }

    fn submit(&mut self, partitions: &[&str], minutes: u32, asked: Resources) -> JobId {
        self.submit_with(partitions, minutes, asked, |_| {})
    }

    fn submit_with(
        &mut self,
        partitions: &[&str],
        minutes: u32,
        asked: Resources,
        change: impl FnOnce(&mut JobSpec),
    ) -> JobId {
        let id = self.state.take_id();
        let mut job = Job { eligible: self.now, submitted: self.now, ..job(id.0, "a", minutes, asked) };
        let spec = Arc::make_mut(&mut job.spec);
        spec.partitions = partitions.iter().copied().map(Into::into).collect();
        change(spec);
        job.priority = self.state.priority_of(&job);
        self.state.put(Arc::new(job));
        id
    }

    /// Lets the scheduler look, deep enough, and takes in what it says.
    fn plan(&mut self) -> Vec<u32> {
        self.now = self.now.after(Duration::from_secs(10));
        let plan = self.scheduler.plan(&self.state, self.now);
        self.take_in(&plan);
        plan.starts.iter().map(|start| start.job.0).collect()
    }

    fn take_in(&mut self, plan: &Plan) {
        for start in &plan.starts {
            let (allocation, limit) = (Arc::clone(&start.allocation), start.limit);
            let event = Event::Started {
                at: self.now,
                allocation,
                limit,
                boot: "boot".into(),
                overtime: Duration::ZERO,
                way_in: domain::job::WayIn::InOrder,
            };
            self.happen(start.job, event);
        }
        for (id, reason, expected_start) in &plan.waits {
            self.happen(*id, Event::Considered { reason: *reason, expected_start: *expected_start });
        }
    }

    fn happen(&mut self, id: JobId, event: Event) {
        let job = self.state.job(id).unwrap().apply(event).unwrap().job;
        self.state.put(Arc::new(job));
    }

    fn waits(&self, id: JobId) -> (Reason, Option<i64>) {
        match &self.state.job(id).unwrap().phase {
            Phase::Pending(pending) => (pending.reason, pending.expected_start.map(Timestamp::seconds)),
            phase => panic!("job {id:?} is {}", phase.name()),
        }
    }
}

fn whole() -> Resources {
    ask(2, 8)
}

#[test]
fn who_is_behind_a_waiting_job_overtakes_only_with_backfill() {
    let check = |by, starts: &[u32]| {
        let mut world = World::new(|cluster| cluster.scheduling.by = by);
        world.submit(&["a"], 60, ask(1, 4));
        let wide = world.submit(&["a"], 60, whole());
        let small = world.submit(&["a"], 10, ask(1, 1));
        let elsewhere = world.submit(&["b"], 200, ask(1, 1));
        assert_eq!(world.plan(), starts);
        assert_eq!(world.waits(wide).0, Reason::Resources);
        if by == SchedulerType::Builtin {
            let starts = [wide, small].map(|id| world.waits(id).1.unwrap());
            assert!(starts[0] > 4000 && starts[1] >= starts[0], "who is behind starts later: {starts:?}");
        }
        assert!(matches!(world.waits(elsewhere), (Reason::Resources | Reason::Priority, _)));
    };
    check(SchedulerType::Backfill, &[1, 3]);
    check(SchedulerType::Builtin, &[1]);
}

#[test]
fn licences_stop_those_behind_only_where_nobody_overtakes() {
    let check = |by, starts: &[u32]| {
        let mut world = World::new(|cluster| cluster.scheduling.by = by);
        let licensed =
            |count| Resources { licenses: [("matlab".into(), count)].into_iter().collect(), ..ask(1, 1) };
        world.submit(&["a"], 60, licensed(2));
        let waiting = world.submit(&["a"], 60, licensed(2));
        world.submit(&["a"], 60, ask(1, 1));
        assert_eq!(world.plan(), starts);
        assert_eq!(world.waits(waiting).0, Reason::Licenses);
    };
    check(SchedulerType::Backfill, &[1, 3]);
    check(SchedulerType::Builtin, &[1]);
}

/// One node is busy for an hour, a wide job waits for both, small ones could use the other node meanwhile.
fn behind_a_wide_job(change: impl FnOnce(&mut Cluster), small: &[(&str, u32)]) -> (World, Vec<JobId>) {
    let mut world = World::new(change);
    world.submit(&["a"], 60, ask(1, 4));
    world.submit(&["a"], 60, whole());
    let small = small.iter().map(|(partition, user)| {
        world.submit_with(&[partition], 10, ask(1, 1), |spec| spec.owner.uid = Uid(*user))
    });
    let small = small.collect();
    (world, small)
}

#[test]
fn depths_bound_who_may_overtake() {
    let three = [("a", 1), ("a", 1), ("b", 2)];
    let check = |change: fn(&mut Cluster), starts: &[u32]| {
        let (mut world, _) = behind_a_wide_job(change, &three);
        assert_eq!(world.plan(), starts);
    };
    check(|_| {}, &[1, 3, 4, 5]);
    check(|cluster| cluster.scheduling.backfill.max_jobs = 2, &[1, 3]);
    check(|cluster| cluster.scheduling.backfill.max_jobs_of_partition = 2, &[1, 3, 5]);
    check(|cluster| cluster.scheduling.backfill.max_jobs_of_user = 1, &[1, 3, 5]);
    check(|cluster| cluster.scheduling.backfill.max_starts = 1, &[1, 3]);
}

#[test]
fn the_main_pass_can_be_bound_to_some_jobs_of_each_partition() {
    let mut world = World::new(|cluster| {
        cluster.scheduling.partition_depth = 1;
        cluster.scheduling.by = SchedulerType::Builtin;
    });
    for partition in ["a", "a", "b", "b"] {
        world.submit(&[partition], 10, ask(1, 1));
    }
    assert_eq!(world.plan(), [1, 3]);
    assert_eq!(world.plan(), [2, 4]);
}

#[test]
fn nothing_is_kept_free_beyond_the_window() {
    let late = |window| {
        let mut world = World::new(|cluster| cluster.scheduling.backfill.window = window);
        world.submit(&["a"], 60, ask(1, 4));
        let wide = world.submit(&["a"], 60, whole());
        world.submit(&["a"], 300, ask(1, 1));
        (world.plan(), world.waits(wide))
    };
    let (starts, (reason, expected)) = late(None);
    assert_eq!((starts, reason, expected), (vec![1], Reason::Resources, Some(4620)));
    let (starts, waits) = late(Some(Duration::from_secs(1800)));
    assert_eq!((starts, waits), (vec![1, 3], (Reason::Resources, None)));
}

#[test]
fn nothing_is_kept_free_for_jobs_that_count_little() {
    let check = |change: fn(&mut Cluster), starts: &[u32]| {
        let mut world = World::new(change);
        world.submit(&["a"], 60, ask(1, 4));
        world.submit_with(&["a"], 60, whole(), |spec| spec.qos = "loose".into());
        world.submit(&["a"], 300, ask(1, 1));
        assert_eq!(world.plan(), starts);
    };
    check(|_| {}, &[1]);
    check(|cluster| cluster.scheduling.backfill.least_priority = 1001, &[1, 3]);
    check(|cluster| cluster.scheduling.backfill.least_age = Duration::from_secs(60), &[1, 3]);
    let no_reserve = |cluster: &mut Cluster| {
        let flags = QosFlags { no_reserve: true, ..QosFlags::default() };
        cluster.configure_books(|books| books.qos.push(Qos { flags, ..Qos::named("loose".into()) }));
    };
    check(no_reserve, &[1, 3]);
}

#[test]
fn a_partition_limits_time_unless_the_quality_of_service_goes_before_it() {
    let mut world = World::new(|cluster| {
        cluster.partitions[0].max_time = TimeLimit::Minutes(10);
        let flags = QosFlags { partition_time_limit: true, ..QosFlags::default() };
        cluster.configure_books(|books| books.qos.push(Qos { flags, ..Qos::named("long".into()) }));
    });
    let normal = world.submit(&["a"], 60, ask(1, 1));
    world.submit_with(&["a"], 60, ask(1, 1), |spec| spec.qos = "long".into());
    assert_eq!(world.plan(), [2]);
    assert_eq!(world.waits(normal).0, Reason::PartitionTimeLimit);
}

#[test]
fn a_partition_limits_nodes_unless_the_quality_of_service_goes_before_it() {
    let mut world = World::new(|cluster| {
        cluster.partitions[0].max_nodes = Some(1);
        cluster.partitions[1].min_nodes = 2;
        let flags = QosFlags { partition_max_nodes: true, partition_min_nodes: true, ..QosFlags::default() };
        cluster.configure_books(|books| books.qos.push(Qos { flags, ..Qos::named("wide".into()) }));
    });
    let normal = world.submit(&["a"], 10, ask(2, 2));
    world.submit_with(&["a"], 10, ask(2, 2), |spec| spec.qos = "wide".into());
    world.submit_with(&["b"], 10, ask(1, 1), |spec| spec.qos = "wide".into());
    world.submit(&["b"], 10, Resources { min_nodes: 1, ..Resources::default() });
    assert_eq!(world.plan(), [2, 3, 4]);
    assert_eq!(world.waits(normal).0, Reason::PartitionNodeLimit);
    let nodes = |id: u32| world.state.job(JobId(id)).unwrap().held_resources().unwrap().nodes.len();
    assert_eq!([nodes(2), nodes(3), nodes(4)], [2, 1, 2]);
}

#[test]
fn one_pass_may_start_so_many_and_the_next_one_follows_by_itself() {
    let (mut world, _) =
        behind_a_wide_job(|cluster| cluster.scheduling.backfill.max_starts = 1, &[("a", 1); 3]);
    let mut started = Vec::new();
    let mut again = Some(world.now);
    while let Some(at) = again {
        world.now = at;
        let plan = world.scheduler.plan(&world.state, at);
        world.take_in(&plan);
        started.extend(plan.starts.iter().map(|start| start.job.0));
        again = plan.again.filter(|_| started.len() < 4);
    }
    assert_eq!(started, [1, 3, 4, 5]);
}

#[test]
fn expected_starts_stay_as_told_while_nothing_changes() {
    let mut world = World::new(|_| {});
    world.submit(&["a"], 60, whole());
    let waiting: Vec<JobId> = (0..3).map(|_| world.submit(&["a"], 30, whole())).collect();
    world.plan();
    let told: Vec<_> = waiting.iter().map(|id| world.waits(*id)).collect();
    assert_eq!(
        told.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(),
        [Reason::Resources, Reason::Priority, Reason::Priority]
    );
    let starts: Vec<i64> = told.iter().map(|(_, start)| start.unwrap()).collect();
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == 1800), "{starts:?}");
    for _ in 0..20 {
        world.plan();
        world.submit(&["a"], 10, ask(1, 1));
        assert_eq!(waiting.iter().map(|id| world.waits(*id)).collect::<Vec<_>>(), told);
    }
}

#[test]
fn a_job_ranks_in_each_of_its_partitions() {
    let order = |first: &[&str]| {
        let mut world = World::new(|cluster| {
            cluster.priority = Rules { by: PriorityType::MultiFactor, partition: 1000, ..Rules::default() };
            let factor = |partition: &mut Partition, factor| partition.job_factor = factor;
            factor(&mut cluster.partitions[0], 10);
            factor(&mut cluster.partitions[1], 40);
        });
        world.submit(&["a"], 10, whole());
        world.submit(first, 10, whole());
        world.plan()
    };
    assert_eq!(order(&["a"]), [1], "equal ones in the order they came");
    assert_eq!(order(&["b"]), [2]);
    assert_eq!(order(&["a", "b"]), [2], "it is first in the other partition");
}
