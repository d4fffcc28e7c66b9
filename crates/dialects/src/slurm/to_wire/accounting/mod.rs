//! What accounting shows.

mod asked;
mod cluster;
mod foreign;
mod job;
mod limits;
mod records;
mod service;
mod step;
mod texts;
mod tres;
mod usage;

pub(in crate::slurm) use cluster::{cluster, other_cluster};
pub(in crate::slurm) use foreign::foreign;
pub(in crate::slurm) use job::{Jobs, Seen};
pub(in crate::slurm) use limits::{AssociationShown, association, qos};
pub(in crate::slurm) use records::{Groups, Shown, account, user, wckey};
pub(in crate::slurm) use service::{pings, statistics};
pub(in crate::slurm) use texts::{added_accounts, added_users, removed_association, removed_wckey};
pub(in crate::slurm) use tres::counted;
pub(in crate::slurm) use usage::UsageTold;
