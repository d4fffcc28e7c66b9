//! Where a trial takes place: a cluster of mixed nodes and overlapping partitions.

use super::dice::Dice;
use crate::cluster::{cluster, node, partition};
use domain::TimeLimit;
use domain::cluster::{Cluster, Gres, Node};
use domain::job::CpuSet;
use domain::who::{AdminLevel, Membership};
use std::time::Duration;

/// How long processes have between SIGTERM and SIGKILL.
pub(crate) const KILL_WAIT: Duration = Duration::from_secs(5);

/// Who submits; the first is an operator.
pub(crate) const USERS: [&str; 4] = ["olga", "alice", "bob", "carol"];

/// Where a trial takes place.
pub(crate) struct Scene {
    /// The cluster as it is at the beginning.
    pub(crate) cluster: Cluster,
}

/// What a trial is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variety {
    /// Jobs alone, on a cluster where nobody makes way and all nodes are well.
    Plain,
    /// Everything: see [`policy`](super::policy) and [`operation`](super::operation).
    Full,
}

impl Scene {
    /// Makes a cluster of so many nodes.
    pub(crate) fn random(dice: &mut Dice, count: u32) -> Self {
        let nodes: Vec<Node> = (0..count).map(|at| random_node(dice, at)).collect();
        let mut main = partition("main", 0..count);
        main.is_default = true;
        let mut short = partition("short", 0..count.div_ceil(2));
        short.max_time = TimeLimit::Minutes(60);
        short.tier = 2;
        short.oversubscribe = 3;
        let mut wide = partition("wide", count / 3..count);
        wide.max_nodes = Some(count.div_ceil(2).max(1));
        wide.default_memory_per_cpu = None;
        wide.max_memory_per_cpu = Some(400);
        let mut alone = partition("alone", count - count.div_ceil(4)..count);
        alone.exclusive = true;
        let mut cluster = cluster(nodes, vec![main, short, wide, alone]);
        cluster.limits.kill_wait = KILL_WAIT;
        cluster.limits.kept_changes = 1_000;
        let operator =
            Membership { name: USERS[0].into(), level: AdminLevel::Operator, ..Membership::default() };
        cluster.configure_books(|books| books.users = vec![operator]);
        Scene { cluster }
    }
}

fn random_node(dice: &mut Dice, at: u32) -> Node {
    let (cpus, threads) = dice.one_of(&[(4, 1), (8, 1), (8, 2), (16, 1), (16, 2)]);
    let mut node =
        node(&format!("n{at}"), cpus, threads, u64::from(dice.one_of(&[4_000u32, 16_000, 64_000])), 0);
    if dice.once_in(2) {
        node.topology.sockets = 2;
        node.topology.cores /= 2;
    }
    for (feature, odds) in [("fast", 3), ("big", 4), ("new", 2)] {
        if dice.once_in(odds) {
            node.features.push(feature.into());
            node.active_features.push(feature.into());
        }
    }
    for (name, kind, odds) in [("gpu", "a100", 3), ("gpu", "v100", 4), ("disk", "", 5)] {
        if dice.once_in(odds) {
            let count = dice.up_to(4);
            node.gres.push(Gres {
                name: name.into(),
                kind: kind.into(),
                count,
                files: Vec::new(),
                near: CpuSet::default(),
                taken_away: 0,
            });
        }
    }
    node.weight = dice.up_to(3);
    node
}
