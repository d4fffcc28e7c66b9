//! The whole service on trial: random jobs of every kind are submitted, changed and ended under a virtual clock, with
//! the real scheduler and without processes. A [`referee`] keeps books of its own from what is recorded and objects to
//! anything that Slurm's rules forbid. A seed gives the same trial every time; one that fails is shrunk to the fewest
//! operations that still fail.
//!
//! New kinds of requests are a line in [`kinds`], new changes one in [`changes`], new things to do with jobs and nodes one
//! in [`operation`], what reservations ask for is in [`reservations`], new rules are one in [`referee`]; how the cluster itself differs from trial to trial is in [`scene`] and
//! [`policy`] and [`limits`].
//!
//! `./test unit` plays a handful (`trials.rs`). Thousands, and large ones, are for the example:
//!
//! ```text
//! cargo run --release -p engine --example simulate -- SEEDS NODES JOBS FIRST_SEED [plain]
//! simulate 1000 4 100        # small, crowded: half a minute on a quiet machine
//! simulate 300 20 300        # middle
//! simulate 1 500 10000       # full size: minutes, nearly all of it in passes that plan ahead; shrunk for one at most
//! ```

pub(crate) mod changes;
pub(crate) mod dice;
pub(crate) mod executor;
pub(crate) mod kinds;
pub(crate) mod limits;
pub(crate) mod operation;
pub(crate) mod play;
pub(crate) mod policy;
pub(crate) mod referee;
pub(crate) mod reservations;
pub(crate) mod scene;
pub(crate) mod shrink;
pub(crate) mod world;

use operation::Operation;
use play::Tally;
use scene::{Scene, Variety};
use std::fmt;
use std::time::Duration;

/// A trial before it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    /// Chance begins with this.
    pub(crate) seed: u64,
    /// Nodes of the cluster.
    pub(crate) nodes: u32,
    /// Jobs, those aside that make it a full one.
    pub(crate) jobs: u32,
    /// What it is made of.
    pub(crate) variety: Variety,
}

impl fmt::Display for Trial {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { seed, nodes, jobs, variety } = self;
        write!(to, "{variety:?} seed {seed} with {nodes} nodes and {jobs} jobs")
    }
}

impl Trial {
    /// Makes the cluster and the operations.
    pub(crate) fn made(&self) -> (Scene, Vec<Operation>) {
        let mut dice = dice::Dice::new(self.seed);
        let mut scene = Scene::random(&mut dice, self.nodes);
        let mut operations = operation::random(&mut dice, &scene, self.jobs);
        if self.variety == Variety::Full {
            policy::vary(&mut dice, &mut scene.cluster);
            operation::enrich(&mut dice, &scene, &mut operations);
            if dice.once_in(2) {
                operation::add_reservations(&mut dice, &mut scene, &mut operations);
            }
            if self.seed % 5 == 4 {
                limits::limit(&mut dice, &mut scene.cluster);
            }
        }
        scene.cluster.scheduling.backfill.interval = self.pace();
        (scene, operations)
    }

    /// The least time between two passes that plan ahead. Under a clock that is set they could be made after every
    /// operation; large clusters have Slurm's own pace, and some small ones too.
    fn pace(&self) -> Duration {
        match (self.nodes, self.seed % 10) {
            // A pass that plans ahead for hundreds of nodes costs most of the time of a large trial.
            (200.., 0..9) => Duration::from_secs(900),
            (50.., _) | (_, 9) => Duration::from_secs(30),
            _ => Duration::ZERO,
        }
    }

    /// Plays it; returns what was counted.
    ///
    /// # Errors
    /// The objection, with the fewest operations that lead to it.
    pub(crate) fn hold(&self) -> Result<Tally, String> {
        let (scene, operations) = self.made();
        play::play(&scene, &operations).map_err(|objection| {
            let (fewest, objection) = shrink::shrink(&scene, operations, objection);
            shrink::report(self, &scene, &fewest, &objection)
        })
    }
}
