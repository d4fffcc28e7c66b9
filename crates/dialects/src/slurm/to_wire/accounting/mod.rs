//! What accounting shows.

mod cluster;
mod service;
mod tres;

pub(in crate::slurm) use cluster::cluster;
pub(in crate::slurm) use service::{pings, statistics};
pub(in crate::slurm) use tres::counted;
