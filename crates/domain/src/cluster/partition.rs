//! Partitions: queues with limits over sets of nodes.

use super::PreemptMode;
use crate::priority::TresWeight;
use crate::{NodeIndex, Text, TimeLimit};
use std::time::Duration;

/// A partition as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// Name.
    pub name: Text,
    /// Its nodes, ascending.
    pub nodes: Vec<NodeIndex>,
    /// Its nodes as the configuration writes them.
    pub nodes_written: Text,
    /// Jobs that name no partition come here.
    pub is_default: bool,
    /// What it does with jobs.
    pub state: PartitionState,
    /// Longest run.
    pub max_time: TimeLimit,
    /// Limit of jobs that give none; `None` for the longest.
    pub default_time: Option<TimeLimit>,
    /// Most nodes of a job; `None` for no limit.
    pub max_nodes: Option<u32>,
    /// Fewest nodes of a job.
    pub min_nodes: u32,
    /// Most CPUs of all its jobs on a node; `None` for no limit.
    pub max_cpus_per_node: Option<u32>,
    /// Memory for each CPU where a job says nothing, megabytes.
    pub default_memory_per_cpu: Option<u64>,
    /// Memory on each node where a job says nothing, megabytes.
    pub default_memory_per_node: Option<u64>,
    /// Most memory for each CPU, megabytes.
    pub max_memory_per_cpu: Option<u64>,
    /// Most memory on each node, megabytes.
    pub max_memory_per_node: Option<u64>,
    /// Partitions of higher tier are served first.
    pub tier: u16,
    /// Share of the partition in a job's priority.
    pub job_factor: u16,
    /// Jobs get whole nodes.
    pub exclusive: bool,
    /// How many jobs may share a CPU; 1 for none.
    pub oversubscribe: u16,
    /// How jobs share nodes and CPUs beyond that.
    pub sharing: PartitionSharing,
    /// What GPUs bring along.
    pub gpu_defaults: GpuDefaults,
    /// Only root may use it.
    pub root_only: bool,
    /// Only these groups may use it; empty for all.
    pub allow_groups: Vec<Text>,
    /// Only these accounts may use it; empty for all.
    pub allow_accounts: Vec<Text>,
    /// These accounts may not use it.
    pub deny_accounts: Vec<Text>,
    /// Only these qualities of service may use it; empty for all.
    pub allow_qos: Vec<Text>,
    /// These may not.
    pub deny_qos: Vec<Text>,
    /// Seconds between SIGTERM and SIGKILL for jobs that make way.
    pub grace_time: u32,
    /// How its jobs make way; `None` for the cluster's way.
    pub preempt_mode: Option<PreemptMode>,
    /// How long jobs may exceed their time limit (`OverTimeLimit`); `None` for the cluster's.
    pub overtime: Option<Duration>,
    /// The quality of service whose limits hold for all its jobs; empty for none.
    pub qos: Text,
    /// What its resources are charged (`TRESBillingWeights`); empty for the CPUs.
    pub billing: Vec<TresWeight>,
    /// Hidden from plain listings.
    pub hidden: bool,
}

impl Default for Partition {
    /// A partition that limits nothing and has no nodes.
    fn default() -> Self {
        Partition {
            name: Text::default(),
            nodes: Vec::new(),
            nodes_written: Text::default(),
            is_default: false,
            state: PartitionState::Up,
            max_time: TimeLimit::Unlimited,
            default_time: None,
            max_nodes: None,
            min_nodes: 0,
            max_cpus_per_node: None,
            default_memory_per_cpu: None,
            default_memory_per_node: None,
            max_memory_per_cpu: None,
            max_memory_per_node: None,
            tier: 1,
            job_factor: 1,
            exclusive: false,
            oversubscribe: 1,
            sharing: PartitionSharing::default(),
            gpu_defaults: GpuDefaults::default(),
            root_only: false,
            allow_groups: Vec::new(),
            allow_accounts: Vec::new(),
            deny_accounts: Vec::new(),
            allow_qos: Vec::new(),
            deny_qos: Vec::new(),
            grace_time: 0,
            preempt_mode: None,
            overtime: None,
            qos: Text::default(),
            billing: Vec::new(),
            hidden: false,
        }
    }
}

impl Partition {
    /// Tells whether it limits the CPUs that its jobs may have on a node or socket.
    pub fn limits_cpus(&self) -> bool {
        self.max_cpus_per_node.is_some() || self.sharing.max_cpus_per_socket.is_some()
    }
}

/// How jobs of a partition share nodes and CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartitionSharing {
    /// Every job shares its CPUs, whether it wants to or not (`OverSubscribe=FORCE`).
    pub forced: bool,
    /// Nodes are used by one user at a time (`ExclusiveUser`).
    pub one_user: bool,
    /// Most CPUs of all its jobs on a socket; `None` for no limit.
    pub max_cpus_per_socket: Option<u32>,
}

/// What comes with a GPU where a job says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GpuDefaults {
    /// CPUs for each (`DefCpuPerGPU`).
    pub cpus: Option<u32>,
    /// Memory for each, megabytes (`DefMemPerGPU`).
    pub memory: Option<u64>,
}

/// What a partition does with jobs (scontrol's State).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PartitionState {
    /// Takes jobs and starts them.
    #[default]
    Up,
    /// Takes jobs, starts none.
    Down,
    /// Takes none, starts those it has.
    Drain,
    /// Takes none, starts none.
    Inactive,
}

impl PartitionState {
    /// Tells whether it takes new jobs.
    pub fn takes_jobs(self) -> bool {
        matches!(self, PartitionState::Up | PartitionState::Down)
    }

    /// Tells whether it starts jobs.
    pub fn starts_jobs(self) -> bool {
        matches!(self, PartitionState::Up | PartitionState::Drain)
    }
}
