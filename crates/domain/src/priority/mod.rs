//! How high a waiting job ranks: the sum of weighted factors, as Slurm's multi-factor plug-in documents it. Pure
//! arithmetic over what is configured and the job; who keeps the queue in this order is `state`.
//!
//! ```text
//! priority = site factor
//!          + weight of age         * (time it could have run / max_age, at most 1)
//!          + weight of association * (its priority, as accounting says)
//!          + weight of fair share  * (0 to 1, as accounting says)
//!          + weight of size        * (its part of the cluster, 0 to 1)
//!          + weight of partition   * (its job factor / the largest)
//!          + weight of QOS         * (its priority / the largest)
//!          + sum of each TRES' weight * (asked for / what the partition has)
//!          - nice
//! ```

mod asked;
mod factors;
mod ranking;
mod reset;
mod rules;

#[cfg(test)]
pub(crate) mod tests;

pub use asked::Asked;
pub use factors::Factors;
pub use ranking::{Ranking, Standing};
pub use reset::UsageReset;
pub use rules::{PriorityFlags, PriorityType, Rules, Tres, TresWeight};
