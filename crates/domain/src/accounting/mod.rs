//! Accounting: what is counted, and who may use how much of it.
//!
//! - `books`: everything that is known, in maps that copies share; part of [`crate::cluster::Cluster`]
//! - `record`, `qos`, `limits`: what is in them
//! - `edit`: a request's changes, all of them or none; `wish` says what can be asked for
//! - `import`: what the configuration brings in, once
//! - [`tres`]: what is counted
//!
//! What has been used is not in the books but counted by the numbers of associations and qualities of service: usage
//! changes with every job, the books with every decision of somebody.

mod books;
mod edit;
mod import;
mod limits;
mod qos;
mod record;
mod shards;
pub mod tres;
mod wish;

pub use books::{Books, LastNumbers, NORMAL, ROOT, Record, RecordKey};
pub use edit::{Done, Edit, Work};
pub use import::Configured;
pub use limits::{Limit, LimitChanges, Limits};
pub use qos::{Qos, QosFlags};
pub use record::{Account, Association, ClusterRecord, Life, Place, User, Wckey, folded};
pub use shards::Shards;
pub use tres::{Trackable, trackables};
pub use wish::{
    AccountWish, AccountsAddition, AssociationFilter, AssociationWish, ClusterWish, QosChoice, QosWish,
    Removal, UserWish, UsersAddition, WckeyWish, Wish,
};

#[cfg(test)]
mod tests;
