//! When and where a job would start that is not submitted: planned with all others, and nothing is changed by it.

use crate::cluster::{array, ask, cluster, job, node, partition};
use domain::job::{Event, Job, WayIn};
use domain::ports::Foreseen;
use domain::state::State;
use domain::{JobId, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp::from_seconds(1_000);

/// Two nodes of four CPUs.
struct World {
    state: State,
    scheduler: Scheduler,
}

fn world() -> World {
    let nodes = vec![node("n0", 4, 1, 10_000, 0), node("n1", 4, 1, 10_000, 0)];
    let cluster = cluster(nodes, vec![partition("a", 0..2)]);
    World { state: State::new(Arc::new(cluster)), scheduler: Scheduler::new() }
}

impl World {
    fn submit(&mut self, minutes: u32, (nodes, cpus): (u32, u32)) -> JobId {
        self.put(|id| job(id, "a", minutes, ask(nodes, cpus)))
    }

    fn put(&mut self, make: impl FnOnce(u32) -> Job) -> JobId {
        let id = self.state.take_id();
        self.state.put(Arc::new(Job { submitted: NOW, eligible: NOW, ..make(id.0) }));
        id
    }

    /// Starts whoever can.
    fn start(&mut self) {
        for start in self.scheduler.plan(&self.state, NOW).starts {
            let event = Event::Started {
                at: NOW,
                allocation: Arc::clone(&start.allocation),
                limit: start.limit,
                boot: "boot".into(),
                overtime: Duration::ZERO,
                way_in: WayIn::InOrder,
            };
            let step = self.state.job(start.job).unwrap().apply(event).unwrap();
            self.state.put(Arc::new(step.job));
        }
    }

    fn foresee(&self, jobs: &[JobId]) -> Vec<Foreseen> {
        self.scheduler.foresee(&self.state, jobs, NOW)
    }

    /// Tells in how many minutes a job would start, on which nodes, and with how many CPUs.
    fn told(&self, job: JobId) -> Option<(u64, Vec<u32>, u32)> {
        match self.foresee(&[job]).as_slice() {
            [] => None,
            [one] => {
                assert_eq!((one.job, one.partition.as_str()), (job, "a"));
                let nodes = one.nodes.iter().map(|node| node.0).collect();
                Some((one.at.since(NOW).as_secs() / 60, nodes, one.cpus))
            }
            more => panic!("it is told {} times", more.len()),
        }
    }
}

#[test]
fn a_job_is_told_the_first_place_that_nobody_before_it_needs() {
    let mut world = world();
    let first = world.submit(30, (1, 4));
    assert_eq!(world.told(first), Some((0, vec![0], 4)));
    world.start();
    let wide = world.submit(60, (2, 8));
    assert_eq!(world.told(wide), Some((30, vec![0, 1], 8)));
    let (short, long) = (world.submit(30, (1, 2)), world.submit(31, (1, 2)));
    assert_eq!(world.told(short), Some((0, vec![1], 2)));
    assert_eq!(world.told(long), Some((90, vec![0], 2)), "the wide one comes first");
    let never = world.put(|id| job(id, "a", 10, ask(3, 3)));
    assert_eq!(world.told(never), None);
}

#[test]
fn a_job_behind_more_than_are_planned_is_told_a_time_as_well() {
    let mut world = world();
    world.submit(30, (2, 8));
    world.start();
    for _ in 0..3_000 {
        world.submit(10, (2, 8));
    }
    let (last, small) = (world.submit(10, (2, 8)), world.submit(10, (1, 1)));
    let (minutes, nodes, cpus) = world.told(last).unwrap();
    // As many as are planned come before it.
    assert_eq!((nodes, cpus), (vec![0, 1], 8));
    assert!(minutes >= 30 + 500 * 10, "in {minutes} minutes");
    assert!(world.told(small).is_some());
}

#[test]
fn of_an_array_the_first_task_is_told_and_of_several_jobs_each() {
    let mut world = world();
    let pool = world.put(|id| array(job(id, "a", 10, ask(1, 3)), 8, 0));
    assert_eq!(world.told(pool), Some((0, vec![0], 3)));
    let other = world.submit(10, (1, 1));
    let both = world.foresee(&[pool, other]);
    assert_eq!(both.iter().map(|one| one.job).collect::<Vec<_>>(), [pool, other]);
}

#[test]
fn who_asks_changes_nothing() {
    let mut world = world();
    world.submit(30, (1, 4));
    let wide = world.submit(60, (2, 8));
    world.submit(10, (1, 2));
    let before = world.state.version();
    assert!(world.told(wide).is_some());
    assert_eq!(world.state.version(), before);
    let asked = world.scheduler.plan(&world.state, NOW);
    let unasked = Scheduler::new().plan(&world.state, NOW);
    assert_eq!(format!("{asked:?}"), format!("{unasked:?}"));
}
