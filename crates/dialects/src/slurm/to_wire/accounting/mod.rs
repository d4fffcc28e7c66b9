//! What accounting shows.

mod cluster;
mod job;
mod service;
mod step;
mod tres;

pub(in crate::slurm) use cluster::cluster;
pub(in crate::slurm) use job::{Seen, job};
pub(in crate::slurm) use service::{pings, statistics};
pub(in crate::slurm) use tres::counted;
