//! Qualities of service: how much a job's class counts, and whom it may push aside. Their limits belong to accounting.

use super::PreemptMode;
use crate::Text;
use std::time::Duration;

/// A quality of service as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Qos {
    /// Name; case does not matter.
    pub name: Text,
    /// What it is for, in words.
    pub description: Text,
    /// Its share in a job's priority, relative to the largest of all.
    pub priority: u32,
    /// Names of those whose jobs may have to make way for jobs of this one.
    pub preempt: Vec<Text>,
    /// How jobs of this one make way; `None` for the cluster's way.
    pub preempt_mode: Option<PreemptMode>,
    /// How long jobs of this one have between being told and being made to go; zero for no time at all.
    pub grace_time: Duration,
    /// How long jobs of this one run before they may have to make way; `None` for as long as the cluster says.
    pub preempt_exempt_time: Option<Duration>,
    /// How much the use of jobs of this one weighs in accounting; 1 for what was used.
    pub usage_factor: f64,
    /// Switches.
    pub flags: QosFlags,
}

/// Switches of a quality of service, by Slurm's names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QosFlags {
    /// Jobs are started where there is room, but backfill plans no start for them (`NoReserve`).
    pub no_reserve: bool,
    /// The partition's longest run does not bind its jobs (`PartitionTimeLimit`).
    pub partition_time_limit: bool,
    /// The partition's most nodes do not bind its jobs (`PartitionMaxNodes`).
    pub partition_max_nodes: bool,
    /// The partition's fewest nodes do not bind its jobs (`PartitionMinNodes`).
    pub partition_min_nodes: bool,
}

impl Qos {
    /// Makes one of this name that gives nothing: what jobs have that name none.
    pub fn named(name: Text) -> Self {
        Qos {
            name,
            description: Text::const_new(""),
            priority: 0,
            preempt: Vec::new(),
            preempt_mode: None,
            grace_time: Duration::ZERO,
            preempt_exempt_time: None,
            usage_factor: 1.0,
            flags: QosFlags::default(),
        }
    }

    /// Tells whether jobs of this one may push aside jobs of a quality of service of that name.
    pub fn may_preempt(&self, other: &str) -> bool {
        self.preempt.iter().any(|name| name.eq_ignore_ascii_case(other))
    }
}
