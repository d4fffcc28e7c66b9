//! Whether and where a request fits: pure arithmetic over nodes, shared by the check at submission and by the
//! scheduler, so that what is accepted can be placed. Knows neither time nor other jobs: who asks says what is free.

mod amounts;
mod demand;
mod feasible;
mod place;

#[cfg(test)]
mod tests;

pub use amounts::Amounts;
pub(crate) use demand::cpu_sharers;
pub use demand::{Demand, Misfit};
pub(crate) use feasible::check_names;
pub use feasible::{Feasibility, could_ever_run};
pub use place::{Placed, Placement, place};
