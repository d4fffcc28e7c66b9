//! Who shares what with whom: the partition's rule and the job's wish together (Slurm's page on sharing consumable
//! resources).
//!
//! | partition | job says nothing | `--oversubscribe` | `--exclusive` |
//! | --- | --- | --- | --- |
//! | `NO` | CPUs of its own | CPUs of its own | whole nodes |
//! | `YES:n` | CPUs of its own | shares CPUs with those who say so too | whole nodes |
//! | `FORCE:n` | shares CPUs | shares CPUs | all CPUs of its nodes, and shares them |
//! | `EXCLUSIVE` | whole nodes | whole nodes | whole nodes |
//!
//! Memory and generic resources are never shared.

use crate::cluster::Partition;
use crate::job::{Resources, Sharing};

/// Returns how many jobs may be on each CPU of such a job; one if it shares with nobody.
pub(crate) fn cpu_sharers(partition: &Partition, resources: &Resources) -> u16 {
    if partition.exclusive {
        return 1;
    }
    let shares = partition.sharing.forced || resources.sharing == Sharing::Oversubscribe;
    if shares { partition.oversubscribe.max(1) } else { 1 }
}
