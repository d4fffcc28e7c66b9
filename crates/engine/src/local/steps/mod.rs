//! Steps of jobs: whether and where one fits within its job's allocation, and what its tasks are told. Pure: the same
//! job, the same living steps and the same request always give the same answer.
//!
//! The rules are those of srun(1) since Slurm 22.05: steps do not share CPUs, memory and generic resources unless they
//! ask to (`--overlap`); one that takes only what it needs says so (`--exact`, `--cpus-per-task`), the others get all
//! that is free on their nodes; whoever does not fit now waits.

mod bind;
mod deal;
mod grant;
mod joint;
mod place;
mod variables;

#[cfg(test)]
mod tests;

pub(super) use grant::{Given, grant};
pub(super) use joint::{Component, components, joint_allocation, place_all};
pub(super) use place::Obstacle;
