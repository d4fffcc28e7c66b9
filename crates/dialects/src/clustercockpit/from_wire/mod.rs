//! What this dialect is told: jobs that start and end, tags, and which jobs a list shall have.

mod archived;
mod choice;
mod cluster;
mod list;
mod nodes;
mod start;
mod tags;

pub use archived::{BadArchived, archived_job, archived_series};
pub use cluster::{BadCluster, cluster};

pub(super) use choice::{Stop, deleted, stop};
pub(super) use list::listing;
pub(super) use nodes::nodes;
pub(super) use start::start;
pub(super) use tags::tags;

use super::error::CockpitError;
use domain::monitoring::JobState;

/// Reads the word for a state.
fn state(word: &str) -> Result<JobState, CockpitError> {
    JobState::named(word).ok_or_else(|| CockpitError::bad(format!("invalid job state: {word}")))
}
