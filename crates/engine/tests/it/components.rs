//! Heterogeneous jobs before the scheduler: their components start together, at the moment that was said, and nobody
//! takes their place meanwhile.

use crate::cluster::{ask, cluster, job, node, partition};
use domain::cluster::SchedulerType;
use domain::job::{Event, HetPart, Hold, Job};
use domain::ports::Plan;
use domain::state::State;
use domain::{JobId, Timestamp};
use engine::local::schedule::Scheduler;
use std::sync::Arc;
use std::time::Duration;

/// Two nodes of four CPUs; partition `one` has the first, `all` both.
fn state() -> State {
    let nodes = vec![node("n1", 4, 1, 8000, 0), node("n2", 4, 1, 8000, 0)];
    State::new(Arc::new(cluster(nodes, vec![partition("all", 0..2), partition("one", 0..1)])))
}

/// Puts a heterogeneous job in: for each component its partition, tasks and minutes.
fn submit(state: &mut State, first: u32, components: &[(&str, u32, u32)]) {
    let size = u32::try_from(components.len()).unwrap();
    for (offset, (partition, tasks, minutes)) in (0..).zip(components) {
        let part = HetPart { leader: JobId(first), offset, size };
        let component = job(first + offset, partition, *minutes, ask(1, *tasks));
        state.put(Arc::new(Job { het: Some(part), ..component }));
    }
}

/// Lets everything start that is proposed.
fn start(state: &mut State, plan: &Plan, now: Timestamp) {
    for start in &plan.starts {
        let event = Event::Started {
            at: now,
            allocation: Arc::clone(&start.allocation),
            limit: start.limit,
            boot: "boot".into(),
            overtime: Duration::ZERO,
            way_in: domain::job::WayIn::InOrder,
        };
        let job = state.job(start.job).unwrap().apply(event).unwrap().job;
        state.put(Arc::new(job));
    }
}

fn started(plan: &Plan) -> Vec<u32> {
    let mut started: Vec<u32> = plan.starts.iter().map(|start| start.job.0).collect();
    started.sort_unstable();
    started
}

/// When it is said that a job should start, minutes from the beginning.
fn expected(plan: &Plan, id: u32) -> Option<i64> {
    let (_, _, expected) = plan.waits.iter().find(|(job, ..)| job.0 == id)?;
    expected.map(|at| at.seconds() / 60)
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_seconds(minutes * 60)
}

#[test]
fn components_start_together_each_with_its_own_resources() {
    let mut state = state();
    submit(&mut state, 1, &[("one", 3, 5), ("all", 4, 9), ("all", 1, 7)]);
    let plan = Scheduler::new().plan(&state, at(0));
    assert_eq!(started(&plan), [1, 2, 3]);
    let nodes: Vec<u32> = plan.starts.iter().map(|start| start.allocation.nodes[0].node.0).collect();
    assert_eq!(nodes, [0, 1, 0], "the third shares a node with the first");
    assert!(plan.starts.iter().all(|start| start.backfilled), "the main pass leaves them alone");
}

#[test]
fn nobody_starts_before_all_can_and_nobody_takes_their_place() {
    let mut state = state();
    let mut scheduler = Scheduler::new();
    state.put(Arc::new(job(1, "all", 10, ask(1, 3))));
    let plan = scheduler.plan(&state, at(0));
    start(&mut state, &plan, at(0));
    submit(&mut state, 2, &[("all", 4, 5), ("all", 2, 5)]);
    // Behind them: one that is over before the ten minutes are, and one that is not.
    state.put(Arc::new(job(4, "all", 8, ask(1, 1))));
    state.put(Arc::new(job(5, "all", 60, ask(2, 2))));
    let plan = scheduler.plan(&state, at(1));
    assert_eq!(started(&plan), [4], "there is room for one component, but not for both");
    assert_eq!((expected(&plan, 2), expected(&plan, 3)), (Some(10), Some(10)));
    start(&mut state, &plan, at(1));
    let ended = Event::Ended {
        at: at(10),
        end: domain::job::End::Process(domain::job::Exit::Code(0)),
        usage: Default::default(),
        requeue: None,
    };
    for id in [1, 4] {
        let job = state.job(JobId(id)).unwrap().apply(ended.clone()).unwrap().job;
        state.put(Arc::new(job));
    }
    let plan = scheduler.plan(&state, at(10));
    assert_eq!(started(&plan), [2, 3], "{:?}", plan.waits);
}

#[test]
fn components_that_never_fit_together_keep_nobody_else_waiting() {
    let mut state = state();
    let mut scheduler = Scheduler::new();
    // Each would fit, but there is one such node only.
    submit(&mut state, 1, &[("one", 4, 5), ("one", 4, 5)]);
    let plan = scheduler.plan(&state, at(0));
    start(&mut state, &plan, at(0));
    state.put(Arc::new(job(3, "one", 5, ask(1, 4))));
    let plan = scheduler.plan(&state, at(1));
    assert_eq!(started(&plan), [3]);
    assert!(!plan.starts[0].backfilled, "the main pass need not wait for the other");
}

#[test]
fn where_nobody_overtakes_nobody_waits_for_components_that_are_never_started() {
    let nodes = vec![node("n1", 4, 1, 8000, 0)];
    let mut cluster = cluster(nodes, vec![partition("all", 0..1)]);
    cluster.scheduling.by = SchedulerType::Builtin;
    let mut state = State::new(Arc::new(cluster));
    submit(&mut state, 1, &[("all", 2, 5), ("all", 2, 5)]);
    state.put(Arc::new(job(3, "all", 5, ask(1, 4))));
    assert_eq!(started(&Scheduler::new().plan(&state, at(0))), [3]);
}

#[test]
fn components_behind_many_that_can_never_start_are_planned_all_the_same() {
    let mut cluster = cluster(vec![node("n1", 4, 1, 8000, 0)], vec![partition("all", 0..1)]);
    cluster.scheduling.backfill.max_jobs = 3;
    let mut state = State::new(Arc::new(cluster));
    for id in 1..=3 {
        state.put(Arc::new(job(id, "all", 5, ask(1, 5))));
    }
    // Each would fit, but not both; and two that would.
    submit(&mut state, 4, &[("all", 4, 5), ("all", 4, 5)]);
    submit(&mut state, 6, &[("all", 1, 5), ("all", 1, 5)]);
    state.put(Arc::new(job(8, "all", 5, ask(1, 1))));
    let mut scheduler = Scheduler::new();
    let plan = scheduler.plan(&state, at(0));
    assert_eq!(started(&plan), [6, 7]);
    start(&mut state, &plan, at(0));
    assert_eq!(started(&scheduler.plan(&state, at(1))), [8]);
}

#[test]
fn components_too_deep_to_be_planned_keep_nobody_else_waiting() {
    let mut cluster = cluster(vec![node("n1", 4, 1, 8000, 0)], vec![partition("all", 0..1)]);
    cluster.scheduling.backfill.max_jobs = 1;
    let mut state = State::new(Arc::new(cluster));
    submit(&mut state, 1, &[("all", 4, 5), ("all", 4, 5)]);
    submit(&mut state, 3, &[("all", 4, 5), ("all", 4, 5)]);
    state.put(Arc::new(job(5, "all", 5, ask(1, 1))));
    let mut scheduler = Scheduler::new();
    let plan = scheduler.plan(&state, at(0));
    start(&mut state, &plan, at(0));
    assert_eq!(started(&scheduler.plan(&state, at(1))), [5]);
}

#[test]
fn the_main_pass_keeps_only_the_nodes_that_components_are_booked_on() {
    let mut state = state();
    let mut scheduler = Scheduler::new();
    state.put(Arc::new(job(1, "one", 10, ask(1, 3))));
    let plan = scheduler.plan(&state, at(0));
    start(&mut state, &plan, at(0));
    submit(&mut state, 2, &[("one", 2, 5), ("one", 2, 5)]);
    let plan = scheduler.plan(&state, at(1));
    assert_eq!((started(&plan), expected(&plan, 2)), (vec![], Some(10)));
    // Neither would be over before the two can start; one of them has another node to go to.
    state.put(Arc::new(job(4, "all", 60, ask(1, 4))));
    state.put(Arc::new(job(5, "one", 60, ask(1, 1))));
    let plan = scheduler.plan(&state, at(2));
    assert_eq!(started(&plan), [4]);
    assert!(!plan.starts[0].backfilled && plan.starts[0].allocation.nodes[0].node.0 != 0);
}

#[test]
fn a_component_that_cannot_start_keeps_nobody_else_waiting() {
    let mut state = state();
    submit(&mut state, 1, &[("all", 4, 5), ("all", 4, 5)]);
    submit(&mut state, 3, &[("all", 4, 5), ("one", 5, 5)]);
    let held = state.job(JobId(2)).unwrap().apply(Event::Held { hold: Hold::User }).unwrap().job;
    state.put(Arc::new(held));
    state.put(Arc::new(job(5, "all", 5, ask(2, 8))));
    let plan = Scheduler::new().plan(&state, at(0));
    assert_eq!(started(&plan), [5], "one waits for a held one, one for a node that does not exist");
    assert_eq!(expected(&plan, 3), None);
}
