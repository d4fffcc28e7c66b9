//! Who may have to make way for whom, and how: as configured. What follows from it is the scheduler's.

use crate::job::PreemptionWarning;
use std::time::Duration;

/// The cluster's rules of making way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PreemptRules {
    /// What decides who may push whom aside (`PreemptType`).
    pub by: PreemptType,
    /// How jobs make way where neither their partition nor their quality of service says so (`PreemptMode`).
    pub mode: PreemptMode,
    /// How long jobs run before they may have to make way (`PreemptExemptTime`).
    pub exempt_time: Duration,
    /// What a job is told at the beginning of its grace time (`send_user_signal`).
    pub warning: PreemptionWarning,
}

/// What decides who may push whom aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreemptType {
    /// Nothing: nobody makes way (`preempt/none`).
    #[default]
    None,
    /// The tier of their partitions (`preempt/partition_prio`).
    PartitionPriority,
    /// The list of their qualities of service (`preempt/qos`).
    Qos,
}

/// How a job makes way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreemptMode {
    /// Not at all.
    #[default]
    Off,
    /// It is cancelled.
    Cancel,
    /// It goes back into the queue; a job that cannot is cancelled.
    Requeue,
    /// It is stopped and goes on later.
    Suspend,
}
