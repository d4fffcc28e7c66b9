//! Qualities of service: how much a job's class counts, whom it may push aside, and within which limits.

use super::{Life, Limits};
use crate::Text;
use crate::cluster::PreemptMode;
use std::time::Duration;

/// A quality of service as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Qos {
    /// Slurm's number; zero before it is in the books.
    pub id: u32,
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
    /// The usage, as a part of the share, beyond which jobs wait; `None` for none.
    pub usage_threshold: Option<f64>,
    /// By how much limits of associations are multiplied for its jobs; `None` for not at all.
    pub limit_factor: Option<f64>,
    /// Limits.
    pub limits: Limits,
    /// Switches.
    pub flags: QosFlags,
    /// Its times.
    pub life: Life,
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
    /// Who is over the usage threshold cannot submit either (`EnforceUsageThreshold`).
    pub enforce_usage_threshold: bool,
    /// It serves jobs in reservations only (`RequiresReservation`).
    pub required_reservation: bool,
    /// What is over a limit is refused, and does not wait (`DenyOnLimit`).
    pub deny_limit: bool,
    /// Its limits count more than those of the partition's own (`OverPartQOS`).
    pub override_partition_qos: bool,
    /// What is used under it is not forgotten by and by (`NoDecay`).
    pub no_decay: bool,
    /// Jobs start only if their usage, weighted, stays within the limits (`UsageFactorSafe`).
    pub usage_factor_safe: bool,
    /// Its limits are percentages of the cluster (`Relative`).
    pub relative: bool,
}

impl Qos {
    /// Makes one of this name that gives nothing: what jobs have that name none.
    pub fn named(name: Text) -> Self {
        Qos {
            id: 0,
            name,
            description: Text::const_new(""),
            priority: 0,
            preempt: Vec::new(),
            preempt_mode: None,
            grace_time: Duration::ZERO,
            preempt_exempt_time: None,
            usage_factor: 1.0,
            usage_threshold: None,
            limit_factor: None,
            limits: Limits::default(),
            flags: QosFlags::default(),
            life: Life::default(),
        }
    }

    /// Tells whether jobs of this one may push aside jobs of a quality of service of that name.
    pub fn may_preempt(&self, other: &str) -> bool {
        self.preempt.iter().any(|name| name.eq_ignore_ascii_case(other))
    }
}
