//! A job as the controller tells it → a job of the domain.

use super::mark;
use super::resources::{Held, gres, held, licenses};
use domain::cluster::{Cluster, Node};
use domain::job::{
    Allocation, ArrayPart, Completing, Constraint, CpuSet, Dependency, Ended, Exit, GresShare, HetPart, Hold,
    Job, JobFlags, JobKind, JobSpec, MailTypes, Memory, NodeShare, Outcome, Owner, Pause, Pending, Per,
    Phase, PutBack, Reason, Resources, Running, Sharing, Streams, SuspendedBy, TaskSet, Uncommon, Usage,
};
use domain::ports::Told;
use domain::{Gid, JobId, NodeIndex, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use slurm_wire::flags::Flag;
use slurm_wire::job_info::{JobInfo, ProcessExitCodeVerbose};
use slurm_wire::job_resources::JobResNode;
use slurm_wire::words::{CoreStatus, JobShared, JobState, MailType, ProcessStatus};
use slurm_wire::{Flags, NoVal, hostlist};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What stands for no threads kept for the system.
const NO_THREADS: u16 = 32_766;

/// Reads jobs of a cluster.
pub(super) struct Reader<'a> {
    pub(super) cluster: &'a Cluster,
    places: HashMap<&'a str, NodeIndex>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Self {
        Reader { cluster, places: cluster.node_places() }
    }

    /// Reads a job; `None` for one without a number.
    pub(super) fn told(&self, info: &JobInfo) -> Option<Told> {
        let (extra, mark) = mark::split(&info.extra);
        let reason = reason(&info.state_reason);
        let job = Job {
            id: Some(JobId(info.job_id)).filter(|id| (1..=JobId::MAX.0).contains(&id.0))?,
            spec: Arc::new(spec(info, extra, reason)),
            array: array(info),
            het: het(info),
            submitted: time(info.submit_time).unwrap_or(Timestamp::EPOCH),
            eligible: eligible(info, reason),
            priority: info.priority.unwrap_or(0),
            dependency: dependency(&info.dependency),
            restarts: info.restart_cnt,
            has_failed_siblings: false,
            phase: self.phase(info, reason),
        };
        Some(Told { job, mark, accounted: false })
    }

    fn phase(&self, info: &JobInfo, reason: Reason) -> Phase {
        let state = &info.job_state;
        let has = |word| state.contains(word);
        let ended = outcome(state);
        if has(JobState::Pending) || state.is_empty() {
            return match (has(JobState::Completing), self.run(info)) {
                (true, Some(run)) => {
                    let requeue = Some(hold(info, reason));
                    completing(info, run, (Outcome::Requeued, reason), (requeue, put_back(state)))
                }
                _ => Phase::Pending(self.pending(info, reason)),
            };
        }
        match (ended, self.run(info)) {
            (Some(outcome), Some(run)) if has(JobState::Completing) => {
                completing(info, run, (outcome, reason), (None, PutBack::Plain))
            }
            (Some(outcome), run) => Phase::Ended(Box::new(Ended {
                outcome,
                reason,
                ended: time(info.end_time).unwrap_or(Timestamp::EPOCH),
                exit: exit(&info.exit_code),
                usage: Usage::default(),
                cancelled_by: None,
                run,
                remark: info.state_description.clone(),
            })),
            (None, Some(run)) => Phase::Running(Box::new(run)),
            (None, None) => Phase::Pending(self.pending(info, reason)),
        }
    }

    fn pending(&self, info: &JobInfo, reason: Reason) -> Pending {
        Pending {
            reason,
            hold: hold(info, reason),
            retry_after: None,
            expected_start: time(info.start_time).filter(|_| reason != Reason::BeginTime),
            put_back: put_back(&info.job_state),
            remark: info.state_description.clone(),
        }
    }

    /// Returns the run that a job has or had; `None` if it has never got anything.
    fn run(&self, info: &JobInfo) -> Option<Running> {
        let started = time(info.start_time).filter(|_| !info.nodes.is_empty())?;
        let until = match info.time_limit {
            NoVal::Infinite => Timestamp::NEVER,
            _ => time(info.end_time).unwrap_or(Timestamp::NEVER),
        };
        let allocation = Arc::new(self.allocation(info));
        let state = &info.job_state;
        let suspended = state.contains(JobState::Suspended);
        let changed = time(info.suspend_time);
        let pause = changed.map(|changed| Pause {
            changed,
            ran: Duration::from_secs(info.pre_sus_time.unwrap_or(0)),
            by: suspended.then_some(SuspendedBy::Operator),
        });
        let mut run = Running::new(started, allocation, until, Text::default());
        run.pause = pause;
        run.stopped = state.contains(JobState::Stopped);
        run.derived = exit(&info.derived_exit_code);
        Some(run)
    }

    fn allocation(&self, info: &JobInfo) -> Allocation {
        let told = info.job_resources.as_ref();
        let layout = told.map(|told| &told.nodes.allocation[..]).unwrap_or_default();
        let details: Vec<Vec<Held>> = info.gres_detail.iter().map(|text| held(text)).collect();
        let nodes: SmallVec<[NodeShare; 1]> = match layout {
            [] => self.shares_of_names(info),
            layout => {
                let tasks = spread(info.tasks.unwrap_or(1), layout.len());
                let shares = layout.iter().enumerate().filter_map(|(at, node)| {
                    self.share(node, tasks, details.get(at).map(Vec::as_slice).unwrap_or_default())
                });
                shares.collect()
            }
        };
        let mut nodes = nodes;
        nodes.sort_by_key(|share| share.node);
        Allocation {
            partition: first_of(&info.partition),
            nodes,
            whole: told.is_some_and(|told| told.nodes.whole),
            licenses: licenses(&info.licenses_allocated),
            reservation: info.resv_name.clone(),
        }
    }

    fn share(&self, told: &JobResNode, tasks: u32, details: &[Held]) -> Option<NodeShare> {
        let place = *self.places.get(told.name.as_str())?;
        let node = self.cluster.node(place)?;
        Some(NodeShare {
            node: place,
            cpus: cpus(told, node),
            memory: u64::try_from(told.memory.allocated).unwrap_or(0),
            tasks,
            gres: gres_shares(node, details),
        })
    }

    /// Of a job that is over only the names of its nodes may be told.
    pub(super) fn shares_of_names(&self, info: &JobInfo) -> SmallVec<[NodeShare; 1]> {
        let cpus = info.cpus.unwrap_or(1);
        self.shares(&info.nodes, cpus, info.tasks.unwrap_or(1), memory_of(&info.tres_alloc_str))
    }

    /// Spreads so much evenly over some nodes.
    pub(super) fn shares(&self, nodes: &str, cpus: u32, tasks: u32, memory: u64) -> SmallVec<[NodeShare; 1]> {
        let names = hostlist::expand(nodes).unwrap_or_default();
        let places: Vec<NodeIndex> =
            names.iter().filter_map(|name| self.places.get(name.as_str())).copied().collect();
        let count = places.len().max(1);
        let share = |node: NodeIndex| NodeShare {
            node,
            cpus: CpuSet::first(spread(cpus, count)),
            memory: memory / count as u64,
            tasks: spread(tasks, count),
            gres: SmallVec::new(),
        };
        places.into_iter().map(share).collect()
    }
}

fn spread(count: u32, over: usize) -> u32 {
    count.div_ceil(u32::try_from(over).unwrap_or(u32::MAX).max(1)).min(4096)
}

/// Returns the CPUs of the cores that are said to be a job's; the first ones, where the two do not agree.
fn cpus(told: &JobResNode, node: &Node) -> CpuSet {
    let topology = node.topology;
    let (cores, threads) = (u32::from(topology.cores.max(1)), u32::from(topology.threads.max(1)));
    let mut set = CpuSet::default();
    for socket in told.sockets.iter() {
        for core in socket.cores.iter().filter(|core| core.status.contains(CoreStatus::Allocated)) {
            let core = socket.index.saturating_mul(cores).saturating_add(core.index);
            let first = core.saturating_mul(threads);
            (first..first.saturating_add(threads))
                .take_while(|cpu| *cpu < topology.cpus)
                .for_each(|cpu| set.insert(cpu));
        }
    }
    let count = told.cpus.count.min(topology.cpus);
    if set.is_empty() || set.len() < count { CpuSet::first(count) } else { set }
}

fn gres_shares(node: &Node, details: &[Held]) -> SmallVec<[GresShare; 1]> {
    let share = |held: &Held| {
        let fits = |gres: &domain::cluster::Gres| {
            gres.name == held.name && (held.kind.is_empty() || gres.kind == held.kind)
        };
        let at = node.gres.iter().position(fits)?;
        let units = held.units.clone().unwrap_or_else(|| CpuSet::first(held.count.min(4096)));
        Some(GresShare { at, units })
    };
    details.iter().filter_map(share).collect()
}

fn completing(
    info: &JobInfo,
    mut run: Running,
    (outcome, reason): (Outcome, Reason),
    (requeue, put_back): (Option<Hold>, PutBack),
) -> Phase {
    run.told = exit(&info.exit_code);
    Phase::Completing(Box::new(Completing {
        since: time(info.end_time).unwrap_or(run.started),
        run,
        outcome,
        reason,
        killed: false,
        cancelled_by: None,
        requeue,
        put_back,
    }))
}

/// Returns how a job ended, if it has.
pub(super) fn outcome(state: &Flags<JobState>) -> Option<Outcome> {
    const WORDS: [(JobState, Outcome); 12] = [
        (JobState::Completed, Outcome::Completed),
        (JobState::Cancelled, Outcome::Cancelled),
        (JobState::Failed, Outcome::Failed),
        (JobState::Timeout, Outcome::Timeout),
        (JobState::NodeFail, Outcome::NodeFail),
        (JobState::Preempted, Outcome::Preempted),
        (JobState::BootFail, Outcome::Failed),
        (JobState::LaunchFailed, Outcome::Failed),
        (JobState::Deadline, Outcome::Deadline),
        (JobState::OutOfMemory, Outcome::OutOfMemory),
        (JobState::Revoked, Outcome::Cancelled),
        (JobState::Requeued, Outcome::Requeued),
    ];
    let is_live = [JobState::Pending, JobState::Running, JobState::Suspended];
    if is_live.into_iter().any(|word| state.contains(word)) {
        return None;
    }
    WORDS.into_iter().find(|(word, _)| state.contains(*word)).map(|(_, outcome)| outcome)
}

fn put_back(state: &Flags<JobState>) -> PutBack {
    if state.contains(JobState::SpecialExit) {
        PutBack::SpecialExit
    } else if state.contains(JobState::RequeueHold) {
        PutBack::Held
    } else if state.contains(JobState::ResvDelHold) {
        PutBack::ReservationGone
    } else {
        PutBack::Plain
    }
}

fn hold(info: &JobInfo, reason: Reason) -> Hold {
    match reason {
        Reason::JobHeldAdmin => Hold::Admin,
        Reason::JobHeldUser => Hold::User,
        _ if info.hold => Hold::User,
        _ => Hold::None,
    }
}

/// Returns the reason of that name; one that is not known is none.
pub(super) fn reason(name: &str) -> Reason {
    Reason::ALL.iter().copied().find(|reason| reason.name() == name).unwrap_or_default()
}

/// Returns what a process left.
pub(super) fn exit(code: &ProcessExitCodeVerbose) -> Exit {
    let is_signal =
        code.status.contains(ProcessStatus::Signaled) || code.status.contains(ProcessStatus::CoreDumped);
    match (code.signal.id.number().filter(|id| *id > 0), code.return_code.number()) {
        (Some(signal), _) if is_signal => Exit::Signal(u8::try_from(signal).unwrap_or(u8::MAX)),
        (_, Some(code)) => Exit::Code(u8::try_from(code).unwrap_or(u8::MAX)),
        _ => Exit::None,
    }
}

/// Returns a time; zero is none.
pub(super) fn time(seconds: NoVal<u64>) -> Option<Timestamp> {
    let seconds = seconds.number().filter(|seconds| *seconds > 0)?;
    i64::try_from(seconds).ok().map(Timestamp::from_seconds)
}

fn eligible(info: &JobInfo, reason: Reason) -> Timestamp {
    let waits = [Reason::Dependency, Reason::DependencyNeverSatisfied, Reason::BeginTime].contains(&reason);
    let is_held = info.job_state.contains(JobState::Pending) && (hold(info, reason) != Hold::None || waits);
    match is_held {
        true => Timestamp::NEVER,
        false => time(info.eligible_time).or(time(info.submit_time)).unwrap_or(Timestamp::NEVER),
    }
}

/// Reads a dependency without what is said of how far it is met.
fn dependency(shown: &str) -> Option<Box<Dependency>> {
    let mut written = String::with_capacity(shown.len());
    let mut depth = 0_usize;
    for letter in shown.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            letter if depth == 0 => written.push(letter),
            _ => {}
        }
    }
    Dependency::parse(&written).ok().flatten().map(Box::new)
}

fn array(info: &JobInfo) -> Option<ArrayPart> {
    let of = info.array_job_id.number().filter(|id| *id > 0).map(JobId)?;
    let throttle = info.array_max_tasks.unwrap_or(0);
    if let Some(index) = info.array_task_id.number() {
        return Some(ArrayPart::Task { of, index: TaskIndex(index), throttle, size: 1 });
    }
    let waiting = tasks(&info.array_task_string)?;
    let size = waiting.len();
    Some(ArrayPart::Pool { waiting, throttle, size })
}

/// Reads the tasks of an array that wait; a list that was cut tells those that it names.
fn tasks(written: &str) -> Option<TaskSet> {
    let list = written.split('%').next().unwrap_or_default().trim_matches(['[', ']']);
    let list = match list.strip_suffix("...") {
        Some(cut) => cut.rsplit_once(',').map_or("", |(whole, _)| whole),
        None => list,
    };
    TaskSet::parse(list, u32::MAX).map(|(tasks, _)| tasks)
}

fn het(info: &JobInfo) -> Option<HetPart> {
    let leader = info.het_job_id.number().filter(|id| *id > 0).map(JobId)?;
    let count = |part: &str| match part.split_once('-') {
        Some((first, last)) => {
            Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)?.saturating_add(1))
        }
        None => part.parse::<u32>().ok().map(|_| 1),
    };
    let size = info.het_job_id_set.split(',').filter_map(count).fold(0, u32::saturating_add).max(1);
    Some(HetPart { leader, offset: info.het_job_offset.unwrap_or(0), size })
}

fn spec(info: &JobInfo, extra: Text, reason: Reason) -> JobSpec {
    let owner = Owner {
        name: info.user_name.clone(),
        uid: Uid(info.user_id),
        gid: Gid(info.group_id),
        group: info.group_name.clone(),
    };
    let begin = time(info.eligible_time).filter(|_| reason == Reason::BeginTime);
    let uncommon = uncommon(info, extra);
    JobSpec {
        owner,
        kind: if info.batch_flag { JobKind::Batch } else { JobKind::Allocation },
        name: info.name.clone(),
        account: info.account.clone(),
        partitions: names(&info.partition),
        qos: info.qos.clone(),
        wckey: info.wckey.clone(),
        work_dir: info.current_working_directory.clone(),
        streams: Streams {
            input: info.standard_input.clone(),
            output: info.standard_output.clone(),
            error: info.standard_error.clone(),
            ..Streams::default()
        },
        time_limit: match info.time_limit {
            NoVal::Set(minutes) => TimeLimit::Minutes(minutes),
            NoVal::Infinite | NoVal::Unset => TimeLimit::Unlimited,
        },
        time_minimum: info.time_minimum.unwrap_or(0),
        resources: resources(info),
        begin,
        deadline: time(info.deadline),
        nice: info.nice,
        fixed_priority: None,
        requeue: info.requeue,
        kill_on_node_fail: true,
        warning: None,
        flags: flags(info),
        comment: mark::split(&info.comment).0,
        command: info.command.clone(),
        uncommon: (uncommon != Uncommon::default()).then(|| Box::new(uncommon)),
    }
}

fn flags(info: &JobInfo) -> JobFlags {
    let known = |name: &str| JobFlags::ALL.iter().find(|(known, _)| *known == name).map(|(_, flag)| *flag);
    let said = info.flags.iter().filter_map(|flag| known(flag.name()));
    // What it says of where a job stands is told otherwise.
    let all = said.fold(JobFlags::default(), JobFlags::with);
    all.without(JobFlags::DEPENDENT).without(JobFlags::JOB_WAS_RUNNING)
}

fn resources(info: &JobInfo) -> Resources {
    let per_tres = [
        (&info.tres_per_job, Per::Job),
        (&info.tres_per_node, Per::Node),
        (&info.tres_per_socket, Per::Socket),
        (&info.tres_per_task, Per::Task),
    ];
    let nodes = |list: &Text| hostlist::expand(list).unwrap_or_default();
    Resources {
        min_nodes: info.node_count.unwrap_or(1).max(1),
        max_nodes: info.max_nodes.unwrap_or(0),
        tasks: info.tasks.number(),
        cpus_per_task: info.cpus_per_task.unwrap_or(0),
        min_cpus: info.cpus.unwrap_or(0),
        max_cpus: info.max_cpus.unwrap_or(0),
        min_cpus_per_node: info.minimum_cpus_per_node.unwrap_or(0),
        tasks_per_node: info.tasks_per_node.unwrap_or(0),
        tasks_per_socket: info.tasks_per_socket.unwrap_or(0),
        tasks_per_core: info.tasks_per_core.unwrap_or(0),
        tasks_per_board: info.tasks_per_board.unwrap_or(0),
        sockets_per_node: info.sockets_per_node.unwrap_or(0),
        cores_per_socket: info.cores_per_socket.unwrap_or(0),
        threads_per_core: info.threads_per_core.unwrap_or(0),
        memory: match (info.memory_per_node, info.memory_per_cpu) {
            (NoVal::Set(megabytes), _) => Memory::PerNode(megabytes),
            (_, NoVal::Set(megabytes)) => Memory::PerCpu(megabytes),
            _ => Memory::Default,
        },
        tmp_disk: info.minimum_tmp_disk_per_node.unwrap_or(0),
        constraint: constraint(&info.features),
        required_nodes: nodes(&info.required_nodes),
        excluded_nodes: nodes(&info.excluded_nodes),
        sharing: sharing(&info.shared),
        contiguous: info.contiguous,
        gres: per_tres.iter().flat_map(|(list, per)| gres(list, *per)).collect(),
        licenses: licenses(&info.licenses),
        any_license: info.licenses.contains('|'),
        ..Resources::default()
    }
}

fn constraint(written: &str) -> Option<Constraint> {
    if written.is_empty() { None } else { Constraint::parse(written).ok() }
}

fn sharing(shared: &Flags<JobShared>) -> Sharing {
    const WORDS: [(JobShared, Sharing); 5] = [
        (JobShared::Oversubscribe, Sharing::Oversubscribe),
        (JobShared::User, Sharing::SameUser),
        (JobShared::Mcs, Sharing::SameLabel),
        (JobShared::Topo, Sharing::Topology),
        (JobShared::None, Sharing::Exclusive),
    ];
    WORDS
        .into_iter()
        .find(|(word, _)| shared.contains(*word))
        .map_or(Sharing::Default, |(_, sharing)| sharing)
}

fn uncommon(info: &JobInfo, extra: Text) -> Uncommon {
    let mail_user = if info.mail_user == info.user_name { Text::default() } else { info.mail_user.clone() };
    Uncommon {
        admin_comment: info.admin_comment.clone(),
        extra,
        mail_types: mail_types(&info.mail_type),
        mail_user,
        reservation: info.resv_name.clone(),
        licenses: info.licenses.clone(),
        prefer: constraint(&info.prefer),
        batch_features: info.batch_features.clone(),
        cluster_features: info.cluster_features.clone(),
        network: info.network.clone(),
        burst_buffer: info.burst_buffer.clone(),
        container: info.container.clone(),
        container_id: info.container_id.clone(),
        mcs_label: info.mcs_label.clone(),
        selinux_context: info.selinux_context.clone(),
        tres_per_job: info.tres_per_job.clone(),
        tres_per_node: info.tres_per_node.clone(),
        tres_per_socket: info.tres_per_socket.clone(),
        tres_per_task: info.tres_per_task.clone(),
        tres_bind: info.tres_bind.clone(),
        tres_freq: info.tres_freq.clone(),
        cpus_per_tres: info.cpus_per_tres.clone(),
        memory_per_tres: info.memory_per_tres.clone(),
        core_spec: Some(info.core_spec).filter(|cores| *cores > 0 && *cores < NO_THREADS),
        thread_spec: Some(info.thread_spec).filter(|threads| *threads < NO_THREADS),
        switches: info.required_switches,
        switch_wait: info.maximum_switch_wait_time,
        tasks_per_tres: info.tasks_per_tres.unwrap_or(0),
        delay_boot: info.delay_boot.unwrap_or(0),
        reboot: info.reboot,
        submit_line: info.submit_line.clone(),
        cron: info.cron.clone(),
        ..Uncommon::default()
    }
}

/// Both enumerations have the same order.
fn mail_types(types: &Flags<MailType>) -> MailTypes {
    MailTypes(types.iter().fold(0, |bits, kind| bits | 1_u16.checked_shl(kind.index() as u32).unwrap_or(0)))
}

/// Reads names between commas.
pub(super) fn names(list: &str) -> Vec<Text> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Text::from).collect()
}

fn first_of(list: &str) -> Text {
    Text::from(list.split(',').next().unwrap_or_default())
}

/// Returns the megabytes of memory in a list such as `cpu=2,mem=200M,node=1`.
fn memory_of(tres: &str) -> u64 {
    let memory = tres.split(',').find_map(|item| item.strip_prefix("mem="));
    memory.and_then(slurm_wire::size::megabytes).unwrap_or(0)
}
