//! Slurm's REST API, v0.0.44 and its neighbours. Routes are in `routes.rs`; [`respond`] is the only door.
//!
//! Order of checks, texts and numbers are the original's wherever they were measured.

mod auth;
mod batch;
mod call;
mod counters;
mod error;
mod forward;
mod from_wire;
mod handlers;
mod kept;
mod listing;
mod media;
mod once;
#[cfg(test)]
mod pictures;
mod required;
mod reservation_words;
mod routes;
mod script_options;
mod series;
mod served;
mod shell;
mod slice;
mod test_only;
mod to_wire;

pub(crate) use batch::of_script;
pub(crate) use counters::Counters;
pub use forward::{Forward, Forwarded, Forwarding, Judging, NotForwarded, SlurmCluster};
pub(crate) use from_wire::{described_job, described_script};
pub(crate) use handlers::Descriptions;
pub(crate) use kept::KeptJobs;
pub use script_options::ScriptOptions;
pub use served::{Part, Served};
pub(crate) use shell::respond;
