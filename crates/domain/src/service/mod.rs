//! The use cases. [`JobService`] is what dialects hold; behind it one writer decides, records, answers and acts, in
//! that order. Readers take the [`Snapshot`](crate::state::Snapshot) the writer left after its last commit.

mod accept;
mod accounting;
mod act;
mod aftermath;
mod attend;
mod changeable;
mod chronicle;
mod command;
mod components;
mod crontab;
mod dependencies;
mod entitled;
mod feed;
mod foresee;
mod handle;
mod ledger;
mod lifecycle;
mod made_nodes;
mod mirror;
mod monitor;
mod nodes;
mod pace;
mod prepare;
mod reader;
mod receipts;
mod reconfigure;
mod recovery;
mod report;
mod requeue;
mod reservations;
mod schedule;
mod selection;
mod shrink;
mod submission;
mod update;
mod utilization;
mod writer;

#[cfg(test)]
mod tests;

pub use accounting::Unfulfilled;
pub use attend::Presence;
pub use crontab::BadCrontab;
pub use feed::{Feed, StateChange, StateWord};
pub use handle::{JobService, OpenEngine, Ports};
pub use made_nodes::NewNode;
pub use mirror::{Following, Watching};
pub use monitor::{Left, MonitorError, Monitoring, Which, waits_for_archive};
pub use nodes::{Availability, NodeChoice, NodeUpdate, NodeWish};
pub use reader::{News, Reader, Step};
pub use receipts::{ClientKey, Receipt};
pub use selection::{Action, Filter, Handled, Selection, Target};
pub use submission::{Note, Submission, Submitted};
pub use update::{HoldWish, Update};
pub use utilization::{ReservationUse, Utilization};
