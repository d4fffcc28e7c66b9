//! Who may have to make way for whom, and how: as configured. What follows from it is the scheduler's.

use super::Cluster;
use crate::Timestamp;
use crate::job::{Job, PreemptionWarning, Running};
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
    /// Jobs make way for those as well that lack their licences (`reclaim_licenses`).
    pub for_licenses: bool,
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

impl Cluster {
    /// Returns how long a job runs before it may have to make way: as its quality of service says, or the cluster.
    pub fn exempt_time(&self, job: &Job) -> Duration {
        let own = self.qos(&job.spec.qos).and_then(|qos| qos.preempt_exempt_time);
        own.unwrap_or(self.preempt.exempt_time)
    }

    /// Returns from when on a job may have to make way; `None` where nobody does.
    pub fn preemptable_from(&self, job: &Job, run: &Running) -> Option<Timestamp> {
        let makes_way = self.preempt.by != PreemptType::None;
        makes_way.then(|| run.started.after(self.exempt_time(job)))
    }
}
