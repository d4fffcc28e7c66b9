//! Changes to a job's request: one variant a field, with the rule of who may change it and when.

use super::{
    ArrayPart, Constraint, Dependency, GresRequest, Job, JobFlags, JobSpec, LicenseWish, MailTypes, Memory,
    OpenMode, Phase, Running, Sharing, Streams, Uncommon,
};
use crate::{Text, TimeLimit, Timestamp};
use std::sync::Arc;

/// One field of a job's request with its new value.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Name.
    Name(Text),
    /// Owner's remark.
    Comment(Text),
    /// Operator's remark.
    AdminComment(Text),
    /// Whatever the client keeps with it.
    Extra(Text),
    /// Account charged.
    Account(Text),
    /// Partitions.
    Partitions(Vec<Text>),
    /// Quality of service.
    Qos(Text),
    /// Workload key.
    Wckey(Text),
    /// Working directory.
    WorkDir(Text),
    /// Standard streams.
    Streams(Streams),
    /// What happens to output files that exist.
    OpenMode(OpenMode),
    /// Time limit.
    TimeLimit(TimeLimit),
    /// When a job that runs is to end; its time limit follows, in whole minutes.
    EndTime(Timestamp),
    /// Least time that would do, minutes.
    TimeMinimum(u32),
    /// Begin time; `None` for now.
    Begin(Option<Timestamp>),
    /// Deadline; `None` for none.
    Deadline(Option<Timestamp>),
    /// Nice value; its priority moves by the difference.
    Nice(i32),
    /// Priority, given by an operator.
    Priority(u32),
    /// Whether it goes back into the queue when its node fails.
    Requeue(bool),
    /// What it waits for.
    Dependency(Option<Box<Dependency>>),
    /// Fewest and most nodes.
    Nodes {
        /// Fewest.
        min: u32,
        /// Most; zero for no wish.
        max: u32,
        /// Sizes that would do; empty for all between.
        sizes: Vec<(u32, u32)>,
    },
    /// Tasks.
    Tasks(u32),
    /// CPUs for each task.
    CpusPerTask(u16),
    /// Fewest CPUs.
    MinCpus(u32),
    /// Most CPUs.
    MaxCpus(u32),
    /// CPUs each node must have.
    MinCpusPerNode(u16),
    /// Most tasks on a node.
    TasksPerNode(u16),
    /// Most tasks on a socket.
    TasksPerSocket(u16),
    /// Tasks for each GPU: as many as that makes with the GPUs asked for, where no number of tasks was asked for.
    TasksPerGres(u16),
    /// Sockets each node must have.
    SocketsPerNode(u16),
    /// Threads each core must have.
    ThreadsPerCore(u16),
    /// Memory.
    Memory(Memory),
    /// Temporary disk, megabytes.
    TmpDisk(u32),
    /// Features.
    Constraint(Option<Constraint>),
    /// Preferred features.
    Prefer(Option<Constraint>),
    /// Nodes it must have.
    RequiredNodes(Vec<Text>),
    /// Nodes it must not have.
    ExcludedNodes(Vec<Text>),
    /// Whether it shares its nodes.
    Sharing(Sharing),
    /// Whether its nodes must be neighbours.
    Contiguous(bool),
    /// Licences: as written, and what it means.
    Licenses(Text, LicenseWish),
    /// Generic resources, with the text for `tres_per_node` and the like.
    Gres(Vec<GresRequest>),
    /// Text of `tres_per_node`, shown again.
    TresPerNode(Text),
    /// Text of `tres_per_job`, shown again.
    TresPerJob(Text),
    /// Text of `tres_per_task`, shown again.
    TresPerTask(Text),
    /// Text of `tres_per_socket`, shown again.
    TresPerSocket(Text),
    /// CPUs for each unit of a generic resource: as written, and what it means.
    CpusPerGres(Text, Vec<(Text, u32)>),
    /// Megabytes for each unit of a generic resource: as written, and what it means.
    MemoryPerGres(Text, Vec<(Text, u64)>),
    /// How devices are bound to tasks, shown again.
    TresBind(Text),
    /// How fast devices shall run, shown again.
    TresFreq(Text),
    /// Wishes for the network, shown again.
    Network(Text),
    /// Label of the system's access rules. Without a plugin for them it changes nothing.
    Label(Text),
    /// Whether its nodes are booted first.
    Reboot(bool),
    /// Reservation named.
    Reservation(Text),
    /// When mail is wanted.
    MailTypes(MailTypes),
    /// Who gets it.
    MailUser(Text),
    /// How many tasks of the array may run at once.
    Throttle(u32),
    /// Most leaf switches.
    Switches(u32),
    /// How long to wait for so few switches, seconds.
    SwitchWait(u32),
    /// Seconds a node may take to boot.
    DelayBoot(u32),
    /// Cores kept for the system.
    CoreSpec(Option<u16>),
    /// Threads kept for the system.
    ThreadSpec(Option<u16>),
    /// Site's share of the priority.
    SiteFactor(i32),
    /// Clusters of a federation, of which this is none.
    Federation,
}

impl Change {
    /// Tells whether only operators may make it, whatever the job does.
    pub fn is_for_operators(&self) -> bool {
        matches!(
            self,
            Change::AdminComment(_) | Change::Priority(_) | Change::SiteFactor(_) | Change::Reboot(_)
        )
    }

    /// Tells whether only operators may make it while the job waits; later nobody may.
    pub fn waits_for_operators(&self) -> bool {
        matches!(
            self,
            Change::Deadline(_)
                | Change::Sharing(_)
                | Change::Contiguous(_)
                | Change::TasksPerNode(_)
                | Change::TasksPerSocket(_)
        )
    }

    /// Tells whether it can still be made while the job runs.
    pub fn fits_running(&self) -> bool {
        matches!(
            self,
            Change::Name(_)
                | Change::Comment(_)
                | Change::AdminComment(_)
                | Change::Extra(_)
                | Change::TimeLimit(_)
                | Change::EndTime(_)
                | Change::Nice(_)
                | Change::Priority(_)
                | Change::Requeue(_)
                | Change::Qos(_)
                | Change::MailTypes(_)
                | Change::MailUser(_)
                | Change::OpenMode(_)
                | Change::Throttle(_)
                | Change::TresBind(_)
                | Change::TresFreq(_)
                | Change::Network(_)
                | Change::Switches(_)
                | Change::SwitchWait(_)
                | Change::DelayBoot(_)
                | Change::SiteFactor(_)
                | Change::Federation
        )
    }

    /// Tells whether it names something that has to exist.
    pub fn names_something(&self) -> bool {
        matches!(
            self,
            Change::Constraint(_)
                | Change::Prefer(_)
                | Change::Licenses(..)
                | Change::Gres(_)
                | Change::CpusPerGres(..)
                | Change::MemoryPerGres(..)
        )
    }
}

impl Job {
    /// Returns the job with one field changed. Whether that is allowed has been decided before.
    pub(crate) fn changed(self, change: Change) -> Job {
        let mut job = self;
        match change {
            Change::Dependency(dependency) => job.dependency = dependency,
            Change::Priority(priority) => {
                job.priority = priority;
                let spec = Arc::make_mut(&mut job.spec);
                // What is given for good is not moved by a nice value from before.
                (spec.fixed_priority, spec.nice) = (Some(priority), 0);
            }
            Change::EndTime(at) => job.end_at(at),
            Change::Licenses(written, licenses) => {
                job.hold_licenses(&licenses);
                Arc::make_mut(&mut job.spec).change(Change::Licenses(written, licenses));
            }
            Change::Nice(nice) => {
                let moved = i64::from(job.priority) - (i64::from(nice) - i64::from(job.spec.nice));
                if job.priority != 0 {
                    job.priority = u32::try_from(moved.max(1)).unwrap_or(u32::MAX);
                }
                Arc::make_mut(&mut job.spec).nice = nice;
            }
            Change::Throttle(limit) => match &mut job.array {
                Some(ArrayPart::Pool { throttle, .. } | ArrayPart::Task { throttle, .. }) => {
                    *throttle = limit
                }
                None => {}
            },
            change => Arc::make_mut(&mut job.spec).change(change),
        }
        job
    }

    /// Moves the end of a run. The limit is told in minutes, the end is heeded to the second.
    fn end_at(&mut self, at: Timestamp) {
        let Phase::Running(run) = &mut self.phase else { return };
        let seconds = at.since(run.started).as_secs();
        let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
        **run = Running { until: at, shortened: None, ..(**run).clone() };
        Arc::make_mut(&mut self.spec).time_limit = TimeLimit::Minutes(minutes);
    }

    /// Gives a job that runs these licences instead of those it holds; of alternatives the first.
    fn hold_licenses(&mut self, licenses: &LicenseWish) {
        let Phase::Running(run) = &mut self.phase else { return };
        let most = if licenses.any { 1 } else { usize::MAX };
        let held = licenses.wanted.iter().take(most).cloned().collect();
        Arc::make_mut(&mut run.allocation).licenses = held;
    }
}

impl JobSpec {
    fn change(&mut self, change: Change) {
        self.mark(&change);
        let resources = &mut self.resources;
        match change {
            Change::Name(name) => self.name = name,
            Change::Comment(comment) => self.comment = comment,
            Change::Account(account) => self.account = account,
            Change::Partitions(partitions) => self.partitions = partitions,
            Change::Qos(qos) => self.qos = qos,
            Change::Wckey(wckey) => self.wckey = wckey,
            Change::WorkDir(directory) => self.work_dir = directory,
            Change::Streams(streams) => self.streams = streams,
            Change::OpenMode(mode) => self.streams.open_mode = mode,
            Change::TimeLimit(limit) => {
                self.time_limit = limit;
                if let Some(uncommon) = &mut self.uncommon {
                    uncommon.limit_seconds = None;
                }
            }
            Change::TimeMinimum(minutes) => self.time_minimum = minutes,
            Change::Begin(begin) => self.begin = begin,
            Change::Deadline(deadline) => self.deadline = deadline,
            Change::Requeue(requeue) => self.requeue = requeue,
            Change::Nodes { min, max, sizes } => {
                (resources.min_nodes, resources.max_nodes) = (min, max);
                resources.node_sizes = sizes;
            }
            Change::Tasks(tasks) => resources.tasks = Some(tasks),
            Change::CpusPerTask(cpus) => resources.cpus_per_task = cpus,
            Change::MinCpus(cpus) => resources.min_cpus = cpus,
            Change::MaxCpus(cpus) => resources.max_cpus = cpus,
            Change::MinCpusPerNode(cpus) => {
                resources.min_cpus_per_node = cpus;
                let all = u32::from(cpus).saturating_mul(resources.min_nodes.max(1));
                resources.min_cpus = resources.min_cpus.max(all);
            }
            Change::TasksPerNode(tasks) => resources.tasks_per_node = tasks,
            Change::TasksPerSocket(tasks) => resources.tasks_per_socket = tasks,
            Change::TasksPerGres(each) => {
                let is_asked = self.flags.has(JobFlags::EXACT_TASK_COUNT_REQUESTED);
                let gpus = resources.gpus().filter(|_| !is_asked);
                resources.tasks = gpus.map(|gpus| gpus.saturating_mul(each.into())).or(resources.tasks);
            }
            Change::SocketsPerNode(sockets) => resources.sockets_per_node = sockets,
            Change::ThreadsPerCore(threads) => resources.threads_per_core = threads,
            Change::CpusPerGres(written, cpus) => {
                resources.cpus_per_gres = cpus;
                self.uncommon_mut().cpus_per_tres = written;
            }
            Change::MemoryPerGres(written, memory) => {
                resources.memory_per_gres = memory;
                self.uncommon_mut().memory_per_tres = written;
            }
            Change::Memory(memory) => resources.memory = memory,
            Change::TmpDisk(megabytes) => resources.tmp_disk = megabytes,
            Change::Constraint(constraint) => resources.constraint = constraint,
            Change::RequiredNodes(nodes) => resources.required_nodes = nodes,
            Change::ExcludedNodes(nodes) => resources.excluded_nodes = nodes,
            Change::Sharing(sharing) => resources.sharing = sharing,
            Change::Contiguous(contiguous) => resources.contiguous = contiguous,
            Change::Gres(gres) => resources.gres = gres.into(),
            Change::Licenses(written, licenses) => {
                resources.licenses = licenses.wanted;
                resources.any_license = licenses.any;
                self.uncommon_mut().licenses = written;
            }
            change => self.uncommon_mut().change(change),
        }
    }
}

impl JobSpec {
    /// Keeps the marks true that say where a value came from.
    fn mark(&mut self, change: &Change) {
        self.flags = match change {
            Change::Partitions(_) => self.flags.without(JobFlags::PARTITION_ASSIGNED),
            Change::Tasks(_) => self.flags.with(JobFlags::EXACT_TASK_COUNT_REQUESTED),
            Change::Memory(_) => self.flags.with(JobFlags::EXACT_MEMORY_REQUESTED),
            _ => return,
        };
    }
}

impl Uncommon {
    fn change(&mut self, change: Change) {
        match change {
            Change::AdminComment(comment) => self.admin_comment = comment,
            Change::Extra(extra) => self.extra = extra,
            Change::Prefer(prefer) => self.prefer = prefer,
            Change::TresPerNode(tres) => self.tres_per_node = tres,
            Change::TresPerJob(tres) => self.tres_per_job = tres,
            Change::TresPerTask(tres) => self.tres_per_task = tres,
            Change::TresPerSocket(tres) => self.tres_per_socket = tres,
            Change::Reservation(reservation) => self.reservation = reservation,
            Change::MailTypes(types) => self.mail_types = types,
            Change::MailUser(user) => self.mail_user = user,
            Change::TresBind(bind) => self.tres_bind = bind,
            Change::TresFreq(frequency) => self.tres_freq = frequency,
            Change::Network(network) => self.network = network,
            Change::Reboot(reboot) => self.reboot = reboot,
            Change::Switches(count) => self.switches = count,
            Change::SwitchWait(seconds) => self.switch_wait = seconds,
            Change::DelayBoot(seconds) => self.delay_boot = seconds,
            Change::CoreSpec(cores) => self.core_spec = cores,
            Change::ThreadSpec(threads) => self.thread_spec = threads,
            // These are taken, and change nothing.
            Change::Label(_) | Change::Federation => {}
            Change::SiteFactor(factor) => self.site_factor = factor,
            // Every other variant has been taken by the two functions before.
            _ => debug_assert!(false, "a change that no part of a job takes"),
        }
    }
}
