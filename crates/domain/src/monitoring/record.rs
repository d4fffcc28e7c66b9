//! A job as monitoring knows it. The fields are those of ClusterCockpit's job metadata.

use super::Statistics;
use super::metric::Unit;
use crate::Text;
use std::collections::BTreeMap;

/// The number of a record. Given once: no other record ever has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(pub u64);

/// The number of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagId(pub u64);

/// Who sees a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TagScope {
    /// Everybody.
    #[default]
    Global,
    /// Administrators.
    Admin,
    /// This user.
    Private(Text),
}

/// A tag of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// Its kind.
    pub kind: Text,
    /// Its name.
    pub name: Text,
    /// Who sees it.
    pub scope: TagScope,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobState {
    /// It runs.
    #[default]
    Running,
    /// It ended well.
    Completed,
    /// It failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It was stopped (ClusterCockpit up to 1.4).
    Stopped,
    /// It ran out of time.
    Timeout,
    /// It made way.
    Preempted,
    /// It ran out of memory.
    OutOfMemory,
    /// A node could not be started for it.
    BootFail,
    /// It could not end before its deadline.
    Deadline,
    /// A node failed.
    NodeFail,
    /// It waits.
    Pending,
    /// It is suspended.
    Suspended,
}

/// With whom a job shares its nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sharing {
    /// With jobs of anybody.
    MultiUser,
    /// With nobody.
    #[default]
    None,
    /// With jobs of the same user.
    SingleUser,
}

/// How far monitoring has come with a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MonitoringStatus {
    /// It is not monitored.
    Disabled,
    /// It runs, or is being archived.
    #[default]
    RunningOrArchiving,
    /// Archiving failed.
    ArchivingFailed,
    /// It is in the archive.
    Archived,
}

/// What a job has on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostResources {
    /// The host.
    pub hostname: Text,
    /// Its hardware threads, by the operating system's numbers; empty for all.
    pub hwthreads: Vec<u32>,
    /// Its accelerators.
    pub accelerators: Vec<Text>,
    /// What else is told of it.
    pub configuration: Text,
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Somebody else's scheduler registered it.
    #[default]
    Registered,
    /// Our engine runs or ran it: which attempt of the job.
    Engine {
        /// The attempt.
        attempt: u32,
    },
}

/// A job as monitoring knows it. Times are seconds since 1970, durations seconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// Its number; zero until it has one.
    pub id: RecordId,
    /// Where it comes from.
    pub origin: Origin,
    /// The job's number on its cluster.
    pub job: i64,
    /// Whose it is.
    pub user: Text,
    /// The project, which is the account of the engine's jobs.
    pub project: Text,
    /// The cluster.
    pub cluster: Text,
    /// The sub-cluster.
    pub sub_cluster: Text,
    /// The partition.
    pub partition: Text,
    /// The number of its array; zero without one.
    pub array_job: i64,
    /// Nodes.
    pub num_nodes: u32,
    /// Hardware threads; zero where that is not known.
    pub num_hwthreads: u32,
    /// Accelerators.
    pub num_acc: u32,
    /// With whom it shares its nodes.
    pub sharing: Sharing,
    /// How far monitoring has come.
    pub monitoring: MonitoringStatus,
    /// Hardware threads of each core that it may use.
    pub smt: u32,
    /// Where it stands.
    pub state: JobState,
    /// When it was submitted; zero where that is not known.
    pub submit_time: i64,
    /// When it started.
    pub start_time: i64,
    /// How long it ran; for one that runs, what was told, usually zero.
    pub duration: i64,
    /// How long it may run; zero where that is not known.
    pub walltime: i64,
    /// Megabytes asked for; zero where that is not known.
    pub requested_memory: i64,
    /// What it has where.
    pub resources: Vec<HostResources>,
    /// Words about it, such as `jobName` and `jobScript`. Left empty where a list was not asked for them.
    pub meta: BTreeMap<Text, String>,
    /// Its tags in the order of their numbers.
    pub tags: Vec<(TagId, Tag)>,
    /// What each metric showed, once it is over.
    pub statistics: BTreeMap<Text, (Unit, Statistics)>,
    /// Single numbers, named `METRIC_avg`, `METRIC_min` or `METRIC_max`.
    pub footprint: BTreeMap<Text, f64>,
    /// Energy used, kWh.
    pub energy: f64,
    /// The same by metric.
    pub energy_footprint: BTreeMap<Text, f64>,
}

impl JobState {
    /// All of them.
    pub const ALL: [JobState; 13] = [
        JobState::Running,
        JobState::Completed,
        JobState::Failed,
        JobState::Cancelled,
        JobState::Stopped,
        JobState::Timeout,
        JobState::Preempted,
        JobState::OutOfMemory,
        JobState::BootFail,
        JobState::Deadline,
        JobState::NodeFail,
        JobState::Pending,
        JobState::Suspended,
    ];

    /// Returns the word for it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Completed => "completed",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
            JobState::Stopped => "stopped",
            JobState::Timeout => "timeout",
            JobState::Preempted => "preempted",
            JobState::OutOfMemory => "out_of_memory",
            JobState::BootFail => "boot_fail",
            JobState::Deadline => "deadline",
            JobState::NodeFail => "node_fail",
            JobState::Pending => "pending",
            JobState::Suspended => "suspended",
        }
    }

    /// Finds the state of this word.
    pub fn named(name: &str) -> Option<Self> {
        JobState::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Tells whether the job is over.
    pub fn is_over(self) -> bool {
        !matches!(self, JobState::Running | JobState::Pending | JobState::Suspended)
    }
}

impl Sharing {
    /// Returns ClusterCockpit's number for it, as `exclusive` has it up to 1.4.
    pub fn exclusive(self) -> u8 {
        match self {
            Sharing::MultiUser => 0,
            Sharing::None => 1,
            Sharing::SingleUser => 2,
        }
    }

    /// Returns ClusterCockpit's word for it, as `shared` has it from 1.5 on.
    pub fn shared(self) -> &'static str {
        match self {
            Sharing::MultiUser => "multi_user",
            Sharing::None => "none",
            Sharing::SingleUser => "single_user",
        }
    }
}

impl MonitoringStatus {
    /// Returns ClusterCockpit's number for it.
    pub fn number(self) -> u8 {
        match self {
            MonitoringStatus::Disabled => 0,
            MonitoringStatus::RunningOrArchiving => 1,
            MonitoringStatus::ArchivingFailed => 2,
            MonitoringStatus::Archived => 3,
        }
    }

    /// Finds the status of this number.
    pub fn numbered(number: u8) -> Option<Self> {
        [Self::Disabled, Self::RunningOrArchiving, Self::ArchivingFailed, Self::Archived]
            .into_iter()
            .find(|status| status.number() == number)
    }
}

impl Record {
    /// Returns when it ended; `None` if it has not.
    pub fn end(&self) -> Option<i64> {
        self.state.is_over().then(|| self.start_time.saturating_add(self.duration))
    }

    /// Returns when it ended, or `now` if it runs.
    pub fn until(&self, now: i64) -> i64 {
        self.end().unwrap_or(now.max(self.start_time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_words() {
        for state in JobState::ALL {
            assert_eq!(JobState::named(state.name()), Some(state));
        }
        assert_eq!((JobState::named("RUNNING"), JobState::named("")), (None, None));
    }

    #[test]
    fn a_running_job_lasts_until_now() {
        let mut record = Record { start_time: 100, duration: 50, ..Record::default() };
        assert_eq!((record.until(120), record.until(90)), (120, 100));
        record.state = JobState::Failed;
        assert_eq!(record.until(120), 150);
    }
}
