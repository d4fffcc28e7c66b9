//! The whole service on trial: random jobs of every kind are submitted, changed and ended under a virtual clock, with
//! the real scheduler and without processes. A [`referee`] keeps books of its own from what is recorded and objects to
//! anything that Slurm's rules forbid. A seed gives the same trial every time; one that fails is shrunk to the fewest
//! operations that still fail.
//!
//! New kinds of requests are a line in [`kinds`], new things to do with jobs a line in [`operation`], new rules a line in
//! [`referee`].

pub(crate) mod dice;
pub(crate) mod executor;
pub(crate) mod kinds;
pub(crate) mod operation;
pub(crate) mod play;
pub(crate) mod referee;
pub(crate) mod scene;
pub(crate) mod shrink;
pub(crate) mod world;

use operation::Operation;
use play::Tally;
use scene::Scene;

/// Runs the trials of some seeds; returns what was counted.
///
/// # Errors
/// The objection to the first that fails, with the fewest operations that lead to it.
pub(crate) fn try_seeds(
    seeds: impl IntoIterator<Item = u64>,
    nodes: u32,
    jobs: u32,
) -> Result<Tally, String> {
    let mut sum = Tally::default();
    for seed in seeds {
        let (scene, operations) = of_seed(seed, nodes, jobs);
        match play::play(&scene, &operations) {
            Ok(tally) => sum.add(&tally),
            Err(objection) => {
                let (fewest, objection) = shrink::shrink(&scene, operations, objection);
                return Err(shrink::report(seed, nodes, jobs, &scene, &fewest, &objection));
            }
        }
    }
    Ok(sum)
}

/// Makes the trial of a seed.
pub(crate) fn of_seed(seed: u64, nodes: u32, jobs: u32) -> (Scene, Vec<Operation>) {
    let mut dice = dice::Dice::new(seed);
    let scene = Scene::random(&mut dice, nodes);
    let operations = operation::random(&mut dice, &scene, jobs);
    (scene, operations)
}
