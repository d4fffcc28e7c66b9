//! Monitoring beside the job service: what is watched, and the threads that keep its records true.
//!
//! - `own`: our own cluster as monitoring sees it; `clusters`: that one and others, as they are now
//! - `follow`: jobs of our own engine become records; `told`: what is told of them in words
//! - `sampler`: what jobs take and what the machine does is measured
//! - `archive`: records of jobs that are over get their statistics, and their place in the archive
//! - `folder`: the archive's files; `import`: those of another archive

mod archive;
mod clusters;
mod folder;
mod follow;
mod import;
mod own;
mod sampler;
mod told;

pub(crate) use archive::Archivist;
pub(crate) use clusters::Described;
pub(crate) use folder::Folder;
pub(crate) use follow::Follower;
pub(crate) use import::{ImportArgs, run as import};
pub(crate) use sampler::Sampler;
