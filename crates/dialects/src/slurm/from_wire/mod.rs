//! Wire → domain. May refuse, naming what is wrong in Slurm's numbers.

pub(super) mod accounting;
mod accounting_jobs;
mod binding;
mod document;
mod job_id;
mod lengths;
mod node;
mod node_conf;
mod people;
mod request;
mod reservation;
mod resources;
mod selection;
mod submission;
mod tres;
mod uncommon;
mod update;

pub(super) use accounting_jobs::{Asked, Clusters, NotAsked, asked};
pub(crate) use document::{described_job, described_script};
pub(super) use job_id::{PathJob, path_job, recorded_job};
pub(super) use node::{node_choice, node_update};
pub(super) use node_conf::{BadLine, new_nodes};
pub(super) use reservation::reservation;
pub(super) use selection::{Filtering, Unnamed, filter, named, of_one_job, signal_action, targets};
pub(super) use submission::{Wanted, submission};
pub(super) use update::update;

use domain::{Error, Problem};

/// Why a request cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// In the domain's words.
    Problem(Error),
    /// With a number that only Slurm has, and its text.
    Number(i32, &'static str),
    /// While it was read: with a number, a sentence and the place.
    Place(i32, String, &'static str),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem.into())
    }
}

#[cfg(test)]
mod tests;
