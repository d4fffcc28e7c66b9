//! What was asked for, checked and with the defaults filled in. Shared by all tasks of an array; changed
//! only by [`Change`](super::Change).

use super::{Constraint, JobFlags, MailTypes, Resources};
use crate::{Gid, Text, TimeLimit, Timestamp, Uid};
use std::sync::Arc;

/// Everything a submission says, apart from script and environment, which are in [`Payload`].
#[derive(Clone, Debug, PartialEq)]
pub struct JobSpec {
    /// Whose job it is.
    pub owner: Owner,
    /// A script to run, or resources to hold.
    pub kind: JobKind,
    /// Name, empty if none was given.
    pub name: Text,
    /// Account charged; empty for none.
    pub account: Text,
    /// Partitions it may run in, first choice first; never empty.
    pub partitions: Vec<Text>,
    /// Quality of service.
    pub qos: Text,
    /// Workload key; a leading `*` marks the default one.
    pub wckey: Text,
    /// Where it runs; absolute, or empty for an allocation that named none.
    pub work_dir: Text,
    /// Standard streams as patterns.
    pub streams: Streams,
    /// How long it may run.
    pub time_limit: TimeLimit,
    /// The least time that would do, minutes; zero for the whole limit.
    pub time_minimum: u32,
    /// CPUs, memory, nodes and the rest.
    pub resources: Resources,
    /// Not before this time.
    pub begin: Option<Timestamp>,
    /// Cancelled if it cannot end by this time.
    pub deadline: Option<Timestamp>,
    /// Subtracted from its priority.
    pub nice: i32,
    /// The priority an operator gave, if one did.
    pub fixed_priority: Option<u32>,
    /// Put back into the queue if its node fails.
    pub requeue: bool,
    /// Ends when one of its nodes fails.
    pub kill_on_node_fail: bool,
    /// The signal sent ahead of the time limit.
    pub warning: Option<Warning>,
    /// Slurm's switches.
    pub flags: JobFlags,
    /// The owner's remark.
    pub comment: Text,
    /// What the submission called its script; empty if it did not say.
    pub command: Text,
    /// What few jobs have.
    pub uncommon: Option<Box<Uncommon>>,
}

/// Whose job it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Log-in name.
    pub name: Text,
    /// User number.
    pub uid: Uid,
    /// Group number the job runs as.
    pub gid: Gid,
    /// Name of that group.
    pub group: Text,
}

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// A script is run on the first node.
    Batch,
    /// Resources are held until given back; nothing is started.
    Allocation,
}

/// Standard streams: file name patterns as given, empty for the default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// Standard input; default `/dev/null`.
    pub input: Text,
    /// Standard output; default `slurm-%j.out`, or `slurm-%A_%a.out` for array tasks.
    pub output: Text,
    /// Standard error; default where standard output goes.
    pub error: Text,
    /// What happens to files that exist.
    pub open_mode: OpenMode,
}

/// What happens to output files that exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OpenMode {
    /// As configured: truncated, appended to after a requeue.
    #[default]
    Default,
    /// Appended to.
    Append,
    /// Emptied first.
    Truncate,
}

/// A signal ahead of the time limit (`--signal`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Signal number.
    pub signal: i32,
    /// Seconds before the limit.
    pub lead: u16,
    /// Who gets it.
    pub scope: WarningScope,
    /// The switches as given on the wire (bits in the order of `kill_warning_flags`), shown again.
    pub flags: u16,
}

impl Warning {
    /// The place of `RESERVATION_JOB` among the switches of the wire.
    const RESERVATION_JOB: u16 = 1 << 8;

    /// Returns how many seconds after its warning the job leaves the place of a reservation, if it offers that
    /// (`--signal=R:`).
    pub fn leaves_reservation_after(&self) -> Option<u16> {
        (self.flags & Self::RESERVATION_JOB != 0).then_some(self.lead)
    }
}

/// Who gets a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WarningScope {
    /// Steps, not the batch shell.
    #[default]
    Steps,
    /// The batch shell alone.
    Batch,
    /// Every process.
    Full,
}

/// Fields that few submissions use; each default means "not given".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Uncommon {
    /// An operator's remark.
    pub admin_comment: Text,
    /// Whatever the client keeps with the job.
    pub extra: Text,
    /// When mail is wanted.
    pub mail_types: MailTypes,
    /// Who gets it; empty for the owner.
    pub mail_user: Text,
    /// Reservation named.
    pub reservation: Text,
    /// Licences as written.
    pub licenses: Text,
    /// Preferred features.
    pub prefer: Option<Constraint>,
    /// Features for the batch node.
    pub batch_features: Text,
    /// Features a cluster must have.
    pub cluster_features: Text,
    /// Clusters named.
    pub clusters: Text,
    /// Network request.
    pub network: Text,
    /// Burst buffer request.
    pub burst_buffer: Text,
    /// Container path.
    pub container: Text,
    /// Container id.
    pub container_id: Text,
    /// Multi-category security label.
    pub mcs_label: Text,
    /// SELinux context.
    pub selinux_context: Text,
    /// TRES per job, as written.
    pub tres_per_job: Text,
    /// TRES per node, as written.
    pub tres_per_node: Text,
    /// TRES per socket, as written.
    pub tres_per_socket: Text,
    /// TRES per task, as written.
    pub tres_per_task: Text,
    /// Binding of TRES, as written.
    pub tres_bind: Text,
    /// Frequency of TRES, as written.
    pub tres_freq: Text,
    /// CPUs per TRES, as written.
    pub cpus_per_tres: Text,
    /// Memory per TRES, as written.
    pub memory_per_tres: Text,
    /// CPU frequency request (minimum, maximum, governor), as Slurm's numbers.
    pub cpu_frequency: Option<[u32; 3]>,
    /// Accounting frequency, as written.
    pub accounting_frequency: Text,
    /// Cores kept for the system on each node.
    pub core_spec: Option<u16>,
    /// Threads kept for the system on each node.
    pub thread_spec: Option<u16>,
    /// Most leaf switches wanted.
    pub switches: u32,
    /// Seconds to wait for them.
    pub switch_wait: u32,
    /// Nodes per segment of a topology block.
    pub segment_size: u16,
    /// Tasks per TRES.
    pub tasks_per_tres: u16,
    /// Seconds a node may take to boot.
    pub delay_boot: u32,
    /// Boot the nodes first.
    pub reboot: bool,
    /// Wait until all nodes are ready.
    pub wait_all_nodes: bool,
    /// The whole step dies with one task out of memory.
    pub oom_kill_step: bool,
    /// Profiling switches (bits in the order of `profile`).
    pub profile: u16,
    /// Site's share of the priority.
    pub site_factor: i32,
    /// Ports to reserve.
    pub reserve_ports: u16,
    /// Binding of CPUs, as written.
    pub cpu_binding: Text,
    /// Binding switches of CPUs (bits in the order of `cpu_binding_flags`).
    pub cpu_binding_flags: u32,
    /// Binding of memory, as written.
    pub memory_binding: Text,
    /// Binding switches of memory (bits in the order of `memory_binding_type`).
    pub memory_binding_flags: u16,
    /// Soft limits of resources for the processes: (Slurm's name, value; `None` for unlimited).
    pub rlimits: Vec<(Text, Option<u64>)>,
    /// Task distribution, as written.
    pub distribution: Text,
    /// File mode mask; `None` for 0022.
    pub umask: Option<u32>,
    /// The command line that submitted it, as sent by the client.
    pub submit_line: Text,
    /// When it recurs, as the five fields of a crontab; empty for jobs that do not.
    pub cron: Text,
    /// What the dialect that it came through keeps with it, behind that dialect's name and a colon; empty if there is
    /// nothing. Only that dialect knows how to read it.
    pub origin: Text,
    /// What else its script is told: names of variables, and what they hold, as patterns of file names are written; what
    /// stands in them is known at the start.
    pub told: Vec<(Text, Text)>,
    /// Its time limit to the second, where it was given so: never more than the minutes of the limit.
    pub limit_seconds: Option<u32>,
}

/// The bulky part of a submission: kept apart, so that a hundred thousand waiting jobs fit in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The batch script, as sent.
    pub script: Arc<[u8]>,
    /// `NAME=value` lines, as sent.
    pub environment: Arc<[Text]>,
    /// Arguments of the script, after its name.
    pub arguments: Arc<[Text]>,
}

impl JobSpec {
    /// Returns the uncommon part, or its defaults.
    pub fn uncommon(&self) -> &Uncommon {
        static NOTHING: std::sync::LazyLock<Uncommon> = std::sync::LazyLock::new(Uncommon::default);
        self.uncommon.as_deref().unwrap_or(&NOTHING)
    }

    /// Returns the uncommon part to be changed, making it if needed.
    pub fn uncommon_mut(&mut self) -> &mut Uncommon {
        self.uncommon.get_or_insert_default()
    }

    /// Tells whether another job could take this one's place: that it needs the same, for the same time, as far as the
    /// choice of nodes goes.
    pub fn needs_as(&self, other: &JobSpec) -> bool {
        const OF_PLACEMENT: JobFlags = JobFlags::GRES_BINDING_ENFORCED
            .with(JobFlags::GRES_BINDING_DISABLED)
            .with(JobFlags::SPREAD_JOB)
            .with(JobFlags::PREFER_MINIMUM_NODE_COUNT);
        let uncommon = |spec: &JobSpec| match spec.uncommon.as_deref() {
            None => (None, Text::default(), Text::default(), None, None, (0, 0)),
            Some(uncommon) => (
                uncommon.prefer.clone(),
                uncommon.batch_features.clone(),
                uncommon.mcs_label.clone(),
                uncommon.core_spec,
                uncommon.thread_spec,
                (uncommon.switches, uncommon.switch_wait),
            ),
        };
        self.time_limit == other.time_limit
            && self.owner.uid == other.owner.uid
            && self.resources == other.resources
            && self.flags.0 & OF_PLACEMENT.0 == other.flags.0 & OF_PLACEMENT.0
            && (self.uncommon.is_none() && other.uncommon.is_none() || uncommon(self) == uncommon(other))
    }

    /// Returns the partition of first choice.
    pub fn partition(&self) -> &Text {
        static NONE: Text = Text::const_new("");
        self.partitions.first().unwrap_or(&NONE)
    }
}
