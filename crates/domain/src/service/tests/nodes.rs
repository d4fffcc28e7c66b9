//! Nodes that are changed by an administrator.

use super::*;
use crate::service::{NodeChoice, NodeUpdate, NodeWish};

async fn update(world: &World, by: &str, update: NodeUpdate) -> Result<(), Error> {
    let choice = NodeChoice::Named(vec![Text::const_new("n1")]);
    world.service.update_nodes(&world.service.principal(by), choice, update).await
}

fn state(wish: NodeWish) -> NodeUpdate {
    NodeUpdate { state: Some(wish), reason: Some(Text::const_new("why")), ..NodeUpdate::default() }
}

fn node(world: &World) -> Node {
    world.service.snapshot().cluster.nodes[0].clone()
}

/// From a state, with a wish, to down, drain, fail and future; `None` where that is refused. Measured.
type Turn = (&'static [NodeWish], NodeWish, Option<[bool; 4]>);

const TURNS: &[Turn] = &[
    (&[], NodeWish::Drain, Some([false, true, false, false])),
    (&[], NodeWish::Resume, None),
    (&[], NodeWish::Undrain, Some([false, false, false, false])),
    (&[], NodeWish::Idle, Some([false, false, false, false])),
    (&[], NodeWish::Power, None),
    (&[], NodeWish::Unreachable, None),
    (&[], NodeWish::Future, Some([false, false, false, true])),
    (&[NodeWish::Future], NodeWish::Resume, Some([false, false, false, false])),
    (&[NodeWish::Drain], NodeWish::Down, Some([true, true, false, false])),
    (&[NodeWish::Drain], NodeWish::Fail, Some([false, false, true, false])),
    (&[NodeWish::Drain], NodeWish::NotResponding, Some([false, true, false, false])),
    (&[NodeWish::Fail], NodeWish::Drain, Some([false, true, false, false])),
    (&[NodeWish::Down], NodeWish::Undrain, Some([true, false, false, false])),
    (&[NodeWish::Down, NodeWish::Drain], NodeWish::Undrain, Some([true, false, false, false])),
    (&[NodeWish::Down, NodeWish::Drain], NodeWish::Resume, Some([false, false, false, false])),
    (&[NodeWish::Down, NodeWish::Drain], NodeWish::Idle, Some([false, false, false, false])),
];

#[tokio::test]
async fn states_follow_one_another_as_measured() {
    for (before, wish, wanted) in TURNS {
        let world = World::new(1);
        for wish in *before {
            update(&world, "root", state(*wish)).await.unwrap();
        }
        let came = update(&world, "root", state(*wish)).await;
        assert_eq!(came.is_ok(), wanted.is_some(), "{before:?} {wish:?} {came:?}");
        let flags = node(&world).flags;
        if let Some(wanted) = wanted {
            assert_eq!([flags.down, flags.drain, flags.fail, flags.future], *wanted, "{before:?} {wish:?}");
            let reason = if flags.wants_reason() { "why" } else { "" };
            assert_eq!(node(&world).reason, reason, "{before:?} {wish:?}");
        }
    }
}

#[tokio::test]
async fn what_was_changed_outlives_a_restart() {
    let world = World::new(1);
    let change = NodeUpdate {
        comment: Some(Text::const_new("spare")),
        weight: Some(8),
        features: Some(vec![Text::const_new("fast"), Text::const_new("amd")]),
        active_features: Some(vec![Text::const_new("amd")]),
        ..state(NodeWish::Drain)
    };
    assert!(matches!(update(&world, "alice", change.clone()).await, Err(Error::Forbidden(_))));
    update(&world, "root", change).await.unwrap();
    let before = node(&world);
    let world = world.restarted().await;
    assert_eq!(node(&world), before);
    assert_eq!((before.comment.as_str(), before.weight, before.active_features.len()), ("spare", 8, 1));
    assert_eq!(before.reason_by.map(|(name, _)| name), Some(Text::const_new("root")));

    let unknown =
        NodeUpdate { active_features: Some(vec![Text::const_new("slow")]), ..NodeUpdate::default() };
    let refused = update(&world, "root", unknown).await;
    assert_eq!(refused, Err(Problem::ActiveFeatures(Text::const_new("n1")).into()));
}

#[tokio::test]
async fn of_several_nodes_those_that_are_known_are_changed() {
    let world = World::new(1);
    let choice = NodeChoice::Named(vec![Text::const_new("zz"), Text::const_new("n1")]);
    let change = NodeUpdate { comment: Some(Text::const_new("half")), ..NodeUpdate::default() };
    let came = world.service.update_nodes(&world.service.principal("root"), choice, change).await;
    assert_eq!(came, Err(Problem::UnknownNode(Text::const_new("zz")).into()));
    assert_eq!(node(&world).comment, "half");
}

#[tokio::test]
async fn a_node_goes_back_into_service_when_its_time_has_come() {
    let world = World::new(1);
    let change = NodeUpdate { resume_after: Some(Duration::from_secs(3)), ..state(NodeWish::Drain) };
    update(&world, "root", change).await.unwrap();
    assert!(node(&world).flags.drain);
    let later = NodeUpdate { comment: Some(Text::const_new("x")), ..NodeUpdate::default() };
    world.clock.0.fetch_add(2_000_000, Ordering::SeqCst);
    update(&world, "root", later.clone()).await.unwrap();
    assert!(node(&world).flags.drain, "not yet");
    world.clock.0.fetch_add(2_000_000, Ordering::SeqCst);
    update(&world, "root", later).await.unwrap();
    assert_eq!((node(&world).flags.drain, node(&world).reason.as_str()), (false, ""));
    assert_eq!(node(&world).upkeep.resume_at, None);
}

#[tokio::test]
async fn a_node_whose_machine_answers_comes_back() {
    let world = World::with(1, |cluster| cluster.limits.returns_to_service = true);
    update(&world, "root", state(NodeWish::Drain)).await.unwrap();
    update(&world, "root", state(NodeWish::Down)).await.unwrap();
    assert!(node(&world).flags.down);
    let remark = NodeUpdate { comment: Some(Text::const_new("x")), ..NodeUpdate::default() };
    world.clock.0.fetch_add(1_000_000, Ordering::SeqCst);
    update(&world, "root", remark.clone()).await.unwrap();
    let flags = node(&world).flags;
    assert_eq!((flags.down, flags.drain, &*node(&world).reason), (false, true, "why"));
    update(&world, "root", state(NodeWish::Resume)).await.unwrap();
    update(&world, "root", state(NodeWish::Down)).await.unwrap();
    world.clock.0.fetch_add(1_000_000, Ordering::SeqCst);
    update(&world, "root", remark).await.unwrap();
    assert_eq!((node(&world).flags.takes_jobs(), &*node(&world).reason), (true, ""));
}

#[tokio::test]
async fn jobs_on_a_lost_node_go_back_or_fail() {
    let world = World::new(2);
    let back = world.submit(|submission| submission.requeue = Some(true)).await.unwrap();
    let fails = world.submit(|submission| submission.requeue = Some(false)).await.unwrap();
    update(&world, "root", state(NodeWish::Drain)).await.unwrap();
    assert_eq!(world.word(back), StateWord::Running, "draining lets jobs end");
    update(&world, "root", state(NodeWish::Down)).await.unwrap();
    for job in [back, fails] {
        assert!(matches!(world.job(job).phase, Phase::Completing(_)), "{job}");
        world.ends(job, End::Process(Exit::Signal(9))).await;
    }
    assert_eq!(world.word(fails), StateWord::Ended(Outcome::NodeFail));
    let job = world.job(back);
    assert_eq!((world.word(back), job.restarts, job.eligible), (StateWord::Pending, 1, Timestamp::NEVER));
    let outcomes: Vec<Outcome> = {
        let memory = world.store.memory.lock().unwrap();
        let outcome = |closed: &Closed| match &closed.job.phase {
            Phase::Ended(ended) => Some(ended.outcome),
            _ => None,
        };
        memory.closed.iter().filter_map(outcome).collect()
    };
    assert_eq!(outcomes, [Outcome::NodeFail, Outcome::NodeFail], "history knows why");
}
