//! Finds the fewest operations that still lead to an objection, and writes them down.

use super::kinds::KINDS;
use super::operation::{Act, Operation, wish};
use super::play::play;
use super::scene::Scene;

/// Plays at most so many trials in search of a smaller one.
const MOST_TRIALS: usize = 2_000;

/// Takes away operations, and wishes of those that are left, as long as there is an objection. The objection may become
/// another: any will do.
pub(crate) fn shrink(
    scene: &Scene,
    operations: Vec<Operation>,
    objection: String,
) -> (Vec<Operation>, String) {
    let mut search = Search { scene, fewest: operations, objection, trials: 0 };
    search.drop_operations();
    search.drop_wishes();
    search.drop_operations();
    (search.fewest, search.objection)
}

struct Search<'a> {
    scene: &'a Scene,
    fewest: Vec<Operation>,
    objection: String,
    trials: usize,
}

impl Search<'_> {
    /// Takes over a smaller trial if it fails as well.
    fn try_out(&mut self, smaller: Vec<Operation>) -> bool {
        self.trials += 1;
        match self.trials <= MOST_TRIALS {
            true => match play(self.scene, &smaller) {
                Ok(_) => false,
                Err(objection) => {
                    (self.fewest, self.objection) = (smaller, objection);
                    true
                }
            },
            false => false,
        }
    }

    fn drop_operations(&mut self) {
        let mut size = self.fewest.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.fewest.len() {
                let to = (from + size).min(self.fewest.len());
                let smaller = self.fewest[..from].iter().chain(&self.fewest[to..]).cloned().collect();
                if !self.try_out(smaller) {
                    from = to;
                }
            }
            size /= 2;
        }
    }

    fn drop_wishes(&mut self) {
        for at in 0..self.fewest.len() {
            let mut wish = 0;
            loop {
                let mut smaller = self.fewest.clone();
                match &mut smaller[at].act {
                    Act::Submit(kinds, _) if wish < kinds.len() => kinds.remove(wish),
                    _ => break,
                };
                if !self.try_out(smaller) {
                    wish += 1;
                }
            }
        }
    }
}

/// Writes down a trial that fails.
pub(crate) fn report(
    seed: u64,
    nodes: u32,
    jobs: u32,
    scene: &Scene,
    operations: &[Operation],
    objection: &str,
) -> String {
    let mut text = format!(
        "seed {seed} with {nodes} nodes and {jobs} jobs fails after {} operations:\n",
        operations.len()
    );
    for operation in operations {
        text += &format!("  {:>6} s  {:>4} ", operation.at, operation.number);
        match &operation.act {
            Act::Submit(kinds, seed) => {
                let made = wish(scene, operation, kinds, *seed);
                let names: Vec<&str> = kinds.iter().map(|(place, _)| KINDS[*place].name).collect();
                text += &format!(
                    "submit by {}, {:?}, runs {} s: {}\n",
                    made.spec.owner.name,
                    made.spec.time_limit,
                    made.seconds,
                    names.join(", ")
                );
            }
            act => text += &format!("{act:?}\n"),
        }
    }
    for partition in &scene.cluster.partitions {
        text += &format!(
            "  partition {}: nodes {:?}\n",
            partition.name,
            partition.nodes.iter().map(|node| node.0).collect::<Vec<_>>()
        );
    }
    text + objection
}
