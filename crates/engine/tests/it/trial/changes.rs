//! What of a waiting or running job is changed by an operator: a table of changes.

use super::dice::Dice;
use super::scene::Scene;
use domain::job::{Change, Constraint, Memory, Sharing};
use domain::{Text, TimeLimit, Timestamp};

/// A change in the table.
pub(crate) struct ChangeKind {
    /// What it is called in a report.
    pub(crate) name: &'static str,
    /// Makes the change.
    pub(crate) make: fn(&mut Dice, &Scene, Timestamp) -> Change,
}

const fn change(name: &'static str, make: fn(&mut Dice, &Scene, Timestamp) -> Change) -> ChangeKind {
    ChangeKind { name, make }
}

/// Every change.
pub(crate) const CHANGES: &[ChangeKind] = &[
    change("nodes", |dice, _, _| {
        let min = dice.up_to(3);
        Change::Nodes { min, max: dice.one_of(&[0, min, min + 2]), sizes: Vec::new() }
    }),
    change("time limit", |dice, _, _| Change::TimeLimit(TimeLimit::Minutes(dice.up_to(200)))),
    change("least time", |dice, _, _| Change::TimeMinimum(dice.up_to(4))),
    change("deadline", |dice, _, now| {
        Change::Deadline(Some(Timestamp::from_seconds(now.seconds() + 120 + i64::from(dice.below(5_000)))))
    }),
    change("no deadline", |_, _, _| Change::Deadline(None)),
    change("begin", |dice, _, now| {
        Change::Begin(Some(Timestamp::from_seconds(now.seconds() + i64::from(dice.below(1_000)))))
    }),
    change("begin now", |_, _, _| Change::Begin(None)),
    change("nice", |dice, _, _| Change::Nice(i32::try_from(dice.below(3_000)).unwrap() - 1_000)),
    change("priority", |dice, _, _| Change::Priority(dice.up_to(100_000))),
    change("tasks", |dice, _, _| Change::Tasks(dice.up_to(12))),
    change("CPUs per task", |dice, _, _| Change::CpusPerTask(dice.few(4))),
    change("memory", |dice, _, _| Change::Memory(Memory::PerNode(u64::from(dice.up_to(4_000))))),
    change("features", |dice, _, _| {
        Change::Constraint(Constraint::parse(dice.one_of(&["fast", "big", "any"])).ok())
    }),
    change("excluded nodes", |dice, scene, _| {
        let nodes = &scene.cluster.nodes;
        let node = dice.below(u32::try_from(nodes.len()).unwrap()) as usize;
        Change::ExcludedNodes(vec![nodes[node].name.clone()])
    }),
    change("sharing", |dice, _, _| {
        Change::Sharing(dice.one_of(&[Sharing::Default, Sharing::Exclusive, Sharing::Oversubscribe]))
    }),
    change("partitions", |dice, _, _| {
        Change::Partitions(vec![Text::from(dice.one_of(&["main", "short", "wide", "alone"]))])
    }),
    change("quality of service", |dice, _, _| Change::Qos(dice.one_of(&["high", "low", "normal"]).into())),
    change("requeue", |dice, _, _| Change::Requeue(dice.once_in(2))),
];
