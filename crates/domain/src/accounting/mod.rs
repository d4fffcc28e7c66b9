//! Accounting: what is counted, and who may use how much of it.
//!
//! - `books`: everything that is known, in maps that copies share; part of [`crate::cluster::Cluster`]
//! - `record`, `qos`, `limits`: what is in them
//! - `edit`: a request's changes, all of them or none; `wish` says what can be asked for
//! - `import`: what the configuration brings in, once
//! - [`tres`]: what is counted, `quantity` how much of it
//! - `usage`: what was used and is in use (`tally` of each), brought up to date with every change of a job
//! - `line`: which limits bind a job; `enforce`: whether it may come in and start; `reasons`: what they are called
//! - `fair_share`: how much of their share everybody has used
//!
//! What has been used is not in the books but counted by the numbers of associations and qualities of service: usage
//! changes with every job, the books with every decision of somebody.

mod books;
mod edit;
mod enforce;
mod enforcement;
mod fair_share;
mod import;
mod limits;
mod line;
mod qos;
mod quantity;
mod reasons;
mod record;
mod shards;
mod tally;
pub mod tres;
mod usage;
mod wish;

pub use books::{Books, LastNumbers, NORMAL, ROOT, Record, RecordKey};
pub use edit::{Done, Edit, Work};
pub(crate) use enforce::Accruing;
pub use enforce::{Moment, Planned};
pub use enforcement::{Enforcement, barred};
pub use fair_share::{Share, Shares};
pub use import::Configured;
pub use limits::{Limit, LimitChanges, Limits};
pub use line::Line;
pub use qos::{Qos, QosFlags};
pub use quantity::{Quantities, Wanted, billing, held, minutes};
use record::is_same;
pub use record::{Account, Association, ClusterRecord, Life, Place, User, Wckey, folded};
pub use shards::Shards;
pub use tally::{Past, Tally};
pub use tres::{Trackable, trackables};
pub use usage::{Account as UsedBy, Usage};
pub use wish::{
    AccountWish, AccountsAddition, AssociationFilter, AssociationWish, ClusterWish, QosChoice, QosWish,
    Removal, UserWish, UsersAddition, WckeyWish, Wish,
};

#[cfg(test)]
mod tests;
