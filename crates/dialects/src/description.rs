//! How a job is described is said once, in Slurm's words: a dialect whose documents hold such a description has it read
//! here, and learns nothing else of the other.

pub(crate) use crate::slurm::{described_job, described_script};
