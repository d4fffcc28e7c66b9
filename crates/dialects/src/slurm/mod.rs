//! Slurm's REST API, v0.0.44. This file is its route table; [`respond`] is the only door.
//!
//! Order of checks, texts and numbers are the original's wherever they were measured.

mod auth;
mod call;
mod counters;
mod error;
mod from_wire;
mod handlers;
mod listing;
mod media;
mod routes;
mod shell;
mod sizes;
mod to_wire;

pub(crate) use counters::Counters;
pub(crate) use from_wire::described_job;
pub(crate) use shell::respond;
pub(crate) use sizes::Sizes;
