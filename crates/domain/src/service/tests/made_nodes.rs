//! Nodes that are made at run time and taken away again.

use super::*;
use crate::NodeIndex;
use crate::cluster::{MadeKind, Partition};
use crate::service::{NewNode, NodeChoice, NodeUpdate, NodeWish};

pub(super) fn new(name: &str, kind: MadeKind) -> NewNode {
    NewNode {
        name: Text::from(name),
        kind,
        host: None,
        address: None,
        port: None,
        topology: Some(Topology { boards: 1, sockets: 1, cores: 2, threads: 1, cpus: 2 }),
        memory: Some(500),
        system_cores: 0,
        system_memory: 0,
        tmp_disk: None,
        weight: None,
        features: vec![Text::const_new("dyn")],
        gres: Vec::new(),
        topology_words: None,
        reason: Text::default(),
    }
}

fn all_nodes(cluster: &mut Cluster) {
    cluster.limits.max_nodes = Some(3);
    for partition in &mut cluster.partitions {
        partition.nodes_written = Text::const_new("ALL");
    }
}

async fn make(world: &World, names: &[&'static str]) -> Result<(), Error> {
    let nodes = names.iter().map(|name| new(name, MadeKind::Cloud)).collect();
    world.service.make_nodes(&world.service.principal("root"), nodes).await
}

async fn remove(world: &World, name: &'static str) -> Result<(), Error> {
    let choice = NodeChoice::Named(vec![Text::const_new(name)]);
    world.service.remove_nodes(&world.service.principal("root"), choice).await
}

fn names(world: &World) -> Vec<String> {
    world.service.snapshot().cluster.present_nodes().map(|node| node.name.to_string()).collect()
}

fn partition(world: &World) -> Partition {
    world.service.snapshot().cluster.partitions[0].clone()
}

#[tokio::test]
async fn all_are_made_or_none() {
    let world = World::with(1, all_nodes);
    let by_alice = world.service.make_nodes(&world.service.principal("alice"), Vec::new()).await;
    assert!(matches!(by_alice, Err(Error::Forbidden(_))));
    make(&world, &["d1"]).await.unwrap();
    let known = make(&world, &["d2", "d1"]).await;
    assert_eq!(known, Err(Problem::NodeExists(Text::const_new("d1")).into()));
    assert_eq!(make(&world, &["d2", "d3"]).await, Err(Problem::NodeTableFull.into()));
    assert_eq!(names(&world), ["n1", "d1"]);
    assert_eq!(partition(&world).nodes, [NodeIndex(0), NodeIndex(1)]);
    assert_eq!(world.service.snapshot().nodes.len(), 2);
}

#[tokio::test]
async fn they_outlive_a_restart_until_they_are_taken_away() {
    let world = World::with(1, all_nodes);
    make(&world, &["d1", "d2"]).await.unwrap();
    remove(&world, "d1").await.unwrap();
    assert_eq!(remove(&world, "d1").await, Err(Problem::UnknownNode(Text::const_new("d1")).into()));
    assert_eq!(remove(&world, "n1").await, Err(Problem::NotMade(Text::const_new("n1")).into()));
    assert_eq!(names(&world), ["n1", "d2"]);
    let before = world.service.snapshot().cluster.nodes.clone();
    let world = world.restarted().await;
    assert_eq!(world.service.snapshot().cluster.nodes, before);
    let known = world.engine.known.lock().unwrap().clone();
    assert_eq!(known.unwrap().nodes, before, "the engine knows them before anything else");
    assert_eq!(names(&world), ["n1", "d2"]);
}

#[tokio::test]
async fn a_place_that_nobody_remembers_is_given_again() {
    let world = World::with(1, all_nodes);
    make(&world, &["d1"]).await.unwrap();
    remove(&world, "d1").await.unwrap();
    make(&world, &["d2"]).await.unwrap();
    assert_eq!(world.service.snapshot().cluster.node_index("d2"), Some(NodeIndex(1)));
    let remembered: Vec<_> = world.store.memory.lock().unwrap().nodes.keys().cloned().collect();
    assert_eq!(remembered, ["d2"]);
}

#[tokio::test]
async fn thousands_are_made_drained_and_given_other_names_at_once() {
    const MANY: usize = 3_000;
    let world = World::with(1, |cluster| {
        all_nodes(cluster);
        cluster.limits.max_nodes = Some(MANY + 1);
    });
    let root = world.service.principal("root");
    let series = |letter: char| (0..MANY).map(move |number| format!("{letter}{number}"));
    let made = |letter| series(letter).map(|name| new(&name, MadeKind::Cloud)).collect::<Vec<_>>();
    let named = |letter| NodeChoice::Named(series(letter).map(Text::from).collect());
    world.service.make_nodes(&root, made('a')).await.unwrap();
    let drain = NodeUpdate {
        state: Some(NodeWish::Drain),
        reason: Some(Text::const_new("moved")),
        ..NodeUpdate::default()
    };
    world.service.update_nodes(&root, named('a'), drain).await.unwrap();
    let is_drained = |node: &&crate::cluster::Node| node.flags.drain;
    assert_eq!(world.service.snapshot().cluster.present_nodes().filter(is_drained).count(), MANY);
    world.service.remove_nodes(&root, named('a')).await.unwrap();
    world.service.make_nodes(&root, made('b')).await.unwrap();
    let cluster = Arc::clone(&world.service.snapshot().cluster);
    assert_eq!(cluster.nodes.len(), MANY + 1, "every place is given again");
    assert_eq!(cluster.node_index("b7"), Some(NodeIndex(8)));
    assert_eq!(cluster.node_places().len(), MANY + 1);
    assert_eq!(world.store.memory.lock().unwrap().nodes.len(), MANY);
    assert_eq!(world.restarted().await.service.snapshot().cluster.nodes, cluster.nodes);
}
