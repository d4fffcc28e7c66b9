//! Whether and where a request fits: pure arithmetic over nodes, shared by the check at submission and by the
//! scheduler, so that what is accepted can be placed. Knows neither time nor other jobs: who asks says what is free.
//!
//! `demand` says what a job needs in a partition, `carve` what a part of it takes of a node, `place` which nodes it goes
//! to, `units` which CPUs and devices it gets there, `feasible` whether an idle cluster could ever run it.

mod amounts;
mod carve;
mod choose;
mod demand;
mod derive;
mod feasible;
mod gres;
mod place;
mod sharing;
mod units;

#[cfg(test)]
mod measured;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use amounts::Amounts;
pub use demand::{Demand, Misfit};
pub(crate) use derive::derive_counts;
pub use feasible::{Feasibility, could_ever_run, is_beyond};
pub(crate) use feasible::{check_licenses, check_names, check_sense};
pub use place::{Placed, Placement, place};
pub(crate) use sharing::cpu_sharers;
