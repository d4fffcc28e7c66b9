//! A job, with all that Slurm shows of one. Divided by what the fields are about; those that say no more than what was
//! asked for are in `asked.rs`.

use super::allocation::{gres_detail, resources};
use super::asked::{asked, folded};
use super::exit_code::{derived_exit_code, exit_code};
use super::{state, time, tres};
use domain::cluster::Cluster;
use domain::job::{
    ArrayPart, Hold, Job, JobFlags, JobSpec, Pending, Phase, PutBack, Reason, Running, SuspendedBy,
};
use domain::state::Snapshot;
use domain::{Text, Timestamp};
use slurm_wire::flags::Flag;
use slurm_wire::job_info::{JobInfo, PartPrio};
use slurm_wire::series::Listed;
use slurm_wire::words::JobFlag;
use slurm_wire::{Flags, NoVal};
use std::sync::Arc;
use std::time::Duration;

/// How long the list of an array's waiting tasks may become before it is cut.
const TASK_LIST: usize = 4096;
/// How long a job without a limit is said to run.
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The scheduler has not looked at a job whose reason is one of these; the tasks of an array wait then, too.
const HELD: [Reason; 2] = [Reason::JobHeldUser, Reason::JobHeldAdmin];

/// Describes a job.
pub(in crate::slurm) fn job(job: &Job, snapshot: &Snapshot) -> JobInfo {
    let mut info = asked(&job.spec, &snapshot.cluster);
    add_course(&mut info, job, snapshot);
    info
}

/// Describes jobs of one picture, one after another: what neighbours asked alike is worked out once.
#[derive(Default)]
pub(in crate::slurm) struct Jobs {
    asked: Option<(Arc<JobSpec>, JobInfo)>,
}

impl Jobs {
    /// Describes the next job in the place of another.
    pub(in crate::slurm) fn describe(&mut self, job: &Job, snapshot: &Snapshot, info: &mut JobInfo) {
        let is_alike = |spec: &Arc<JobSpec>| Arc::ptr_eq(spec, &job.spec) || **spec == *job.spec;
        match &self.asked {
            Some((spec, asked)) if is_alike(spec) => info.become_like(asked),
            _ => {
                let asked = asked(&job.spec, &snapshot.cluster);
                info.become_like(&asked);
                self.asked = Some((Arc::clone(&job.spec), asked));
            }
        }
        add_course(info, job, snapshot);
    }
}

/// Leaves out what a job holds core by core.
pub(in crate::slurm) fn without_detail(info: &mut JobInfo) {
    info.job_resources = None;
    info.gres_detail.clear();
}

/// Adds to what was asked for what has become of it.
fn add_course(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    identity(info, job);
    request(info, job);
    numbers(info, job, snapshot);
    priorities(info, job, snapshot);
    info.resv_name = reservation(job, snapshot);
    standing(info, job, snapshot);
    times(info, job, snapshot);
    run(info, job, snapshot);
    streams(info, job);
}

/// Returns the reservations that a job names, or the one that has taken it in.
fn reservation(job: &Job, snapshot: &Snapshot) -> Text {
    let named = &job.spec.uncommon().reservation;
    match job.held_resources().map(|held| &held.reservation) {
        Some(found) if named.is_empty() && snapshot.reservation(found).is_some() => found.clone(),
        _ => named.clone(),
    }
}

fn identity(info: &mut JobInfo, job: &Job) {
    info.job_id = job.id.0;
    info.step_id.job_id = NoVal::Set(job.id.0);
    components(info, job);
    array(info, job);
}

fn components(info: &mut JobInfo, job: &Job) {
    let (leader, offset) = job.het.map_or((0, 0), |part| (part.leader.0, part.offset));
    info.het_job_id = NoVal::Set(leader);
    info.het_job_offset = NoVal::Set(offset);
    if let Some(part) = job.het {
        let last = part.member(part.size.saturating_sub(1));
        info.het_job_id_set = match part.size {
            1 => Text::from(part.leader.to_string()),
            _ => Text::from(format!("{}-{last}", part.leader)),
        };
    }
}

fn array(info: &mut JobInfo, job: &Job) {
    info.array_job_id = NoVal::Set(0);
    info.array_max_tasks = NoVal::Set(0);
    match &job.array {
        None => {}
        Some(ArrayPart::Pool { waiting, throttle, .. }) => {
            info.array_job_id = NoVal::Set(job.id.0);
            info.array_max_tasks = NoVal::Set(*throttle);
            let mut tasks = waiting.written(TASK_LIST);
            if *throttle > 0 {
                tasks = format!("{tasks}%{throttle}");
            }
            info.array_task_string = tasks.into();
        }
        Some(ArrayPart::Task { of, index, throttle, .. }) => {
            info.array_job_id = NoVal::Set(of.0);
            info.array_task_id = NoVal::Set(index.0);
            info.array_max_tasks = NoVal::Set(*throttle);
        }
    }
}

fn request(info: &mut JobInfo, job: &Job) {
    if let Some(run) = job.run() {
        info.partition = run.allocation.partition.clone();
        if let Some(minutes) = run.shortened {
            info.time_limit = NoVal::Set(minutes);
        }
    }
}

fn numbers(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    let wanted = &job.spec.resources;
    let allocation = job.run().map(|run| &run.allocation);
    if let Some(allocation) = allocation {
        info.cpus = NoVal::Set(allocation.cpus());
        if let Ok(nodes) = u32::try_from(allocation.nodes.len()) {
            info.node_count = NoVal::Set(nodes);
        }
        info.billable_tres = NoVal::Set(f64::from(allocation.cpus()));
        info.tres_alloc_str = tres::allocated(allocation, &snapshot.cluster);
    }
    // A job that ended without having run has those tasks only that somebody asked for.
    let asked_for = job.spec.flags.has(JobFlags::EXACT_TASK_COUNT_REQUESTED) || wanted.tasks_per_node > 0;
    let has_tasks = asked_for || job.is_pending() || allocation.is_some() || job.het.is_some();
    info.tasks = if has_tasks { NoVal::Set(wanted.task_count().max(1)) } else { NoVal::Unset };
    info.max_nodes = NoVal::Set(max_nodes(job, snapshot));
    info.restart_cnt = job.restarts;
}

/// A job that names several partitions has a priority in each of them, told in the order in which they are looked at;
/// one that is held has none.
fn priorities(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    // A suspended job has none, so that nobody takes it for one that could go on.
    let is_suspended = job.run().is_some_and(|run| run.suspended_by() == Some(SuspendedBy::Operator));
    info.priority = NoVal::Set(if is_suspended { 0 } else { job.priority });
    let is_live = matches!(job.phase, Phase::Pending(_) | Phase::Running(_));
    if is_live && job.priority > 0 && job.spec.partitions.len() > 1 {
        let tier = |name: &&Text| snapshot.cluster.partition(name).map_or(0, |partition| partition.tier);
        let mut names: Vec<_> = job.spec.partitions.iter().collect();
        names.sort_by_key(|name| std::cmp::Reverse(tier(name)));
        let ranking = &snapshot.ranking;
        let part =
            |name: &Text| PartPrio { partition: name.clone(), priority: ranking.in_partition(job, name) };
        info.priority_by_partition = names.into_iter().map(part).collect::<Vec<_>>().into();
    }
}

/// A held job without a wish for a most number of nodes shows as many as it could use one task on each, since the
/// controller has already weighed it; a waiting one shows none.
fn max_nodes(job: &Job, snapshot: &Snapshot) -> u32 {
    let wanted = &job.spec.resources;
    match wanted.max_nodes {
        // Seen of components, and of them alone: as many as they have tasks.
        0 if job.het.is_some() => wanted.task_count().max(1),
        0 if job.run().is_none()
            && (is_held(job) || is_just_released(job, snapshot))
            && wanted.cpus_per_task <= 1
            && wanted.tasks_per_core == 0 =>
        {
            wanted.task_count().max(wanted.min_nodes).max(1)
        }
        // A number that leaves no choice is no wish any more once the job runs.
        most if job.run().is_some() && most == job.spec.resources.min_nodes => 0,
        most => most,
    }
}

/// Tells whether the scheduler has had the time to look at a job since it became eligible, or since it came.
fn is_looked_at(job: &Job, snapshot: &Snapshot) -> bool {
    let since = if job.eligible == Timestamp::NEVER { job.submitted } else { job.eligible };
    match &job.phase {
        Phase::Pending(_) => snapshot.statistics.main.last_at > since,
        Phase::Running(_) | Phase::Completing(_) => true,
        // One that has never run has been looked at if there was something to say of it.
        Phase::Ended(ended) => ended.run.is_some() || ended.reason != Reason::None,
    }
}

/// Tells whether a job was held, or waited for something, and nobody has looked at it since.
fn is_just_released(job: &Job, snapshot: &Snapshot) -> bool {
    let is_free = job.is_pending() && job.eligible != Timestamp::NEVER;
    is_free && job.eligible > job.submitted && !is_looked_at(job, snapshot)
}

/// Tells whether somebody holds a job, or did so when it was cancelled.
fn is_held(job: &Job) -> bool {
    match &job.phase {
        Phase::Pending(pending) => pending.hold != Hold::None,
        // It will wait as soon as it is put back.
        Phase::Running(run) => run.suspended_by() == Some(SuspendedBy::Operator) || job.priority == 0,
        Phase::Completing(_) | Phase::Ended(_) => job.priority == 0,
    }
}

fn standing(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    info.job_state = state::words(job);
    info.hold = is_held(job);
    let reason = match state::reason(job) {
        // Being held is told for longer than it lasts, and before it begins.
        Reason::None if !job.is_pending() && !job.is_suspended() && is_held(job) => match job.hold() {
            Hold::Admin => Reason::JobHeldAdmin,
            Hold::None | Hold::User => Reason::JobHeldUser,
        },
        reason => reason,
    };
    info.state_reason = Text::const_new(reason.name());
    info.exit_code = exit_code(job);
    info.derived_exit_code = derived_exit_code(job);
    if let (Reason::RaisedSignal, Some(number)) = (reason, info.exit_code.signal.id.number()) {
        info.state_description = Text::from(format!("RaisedSignal:{number}({})", signal_in_words(number)));
    }
    // Slurm leaves this to the log of the node.
    info.system_comment = remark(job);
    if let Some(said) = described(job) {
        info.state_description = said;
    }
    let has_waited = job.is_pending() || job.run().is_none();
    if let Some(dependency) = job.dependency.as_ref().filter(|_| has_waited) {
        info.dependency = dependency.written().into();
    }
    info.flags = flags(job, snapshot);
}

/// Returns what Slurm says of the state of a job that was put back and held.
fn described(job: &Job) -> Option<Text> {
    match &job.phase {
        Phase::Pending(Pending { put_back: PutBack::LaunchFailed, .. }) => {
            Some(Text::const_new("launch failed requeued held"))
        }
        Phase::Pending(Pending { put_back: PutBack::Held, .. }) => {
            Some(Text::const_new("job requeued in held state"))
        }
        Phase::Pending(Pending { put_back: PutBack::ReservationGone, remark, .. }) => Some(remark.clone()),
        Phase::Pending(Pending { reason: Reason::Reserved, .. }) => {
            Some(Text::const_new("ReqNodeNotAvail, Reserved for maintenance"))
        }
        _ => None,
    }
}

/// Returns what went wrong, in the service's words.
fn remark(job: &Job) -> Text {
    match &job.phase {
        // Said as the state's description.
        Phase::Pending(Pending { put_back: PutBack::ReservationGone, .. }) => Text::default(),
        Phase::Pending(pending) => pending.remark.clone(),
        Phase::Ended(ended) => ended.remark.clone(),
        Phase::Running(_) | Phase::Completing(_) => Text::default(),
    }
}

/// Names a signal as the C library does.
fn signal_in_words(number: u16) -> String {
    const NAMES: [&str; 15] = [
        "Hangup",
        "Interrupt",
        "Quit",
        "Illegal instruction",
        "Trace/breakpoint trap",
        "Aborted",
        "Bus error",
        "Floating point exception",
        "Killed",
        "User defined signal 1",
        "Segmentation fault",
        "User defined signal 2",
        "Broken pipe",
        "Alarm clock",
        "Terminated",
    ];
    match number {
        34..=64 => format!("Real-time signal {}", number - 34),
        _ => {
            let name = usize::from(number).checked_sub(1).and_then(|at| NAMES.get(at));
            name.map_or_else(|| format!("Unknown signal {number}"), |name| (*name).to_owned())
        }
    }
}

fn flags(job: &Job, snapshot: &Snapshot) -> Flags<JobFlag> {
    let mut flags = job.spec.flags;
    match &job.phase {
        // The original forgets it of one that was made smaller.
        Phase::Running(run) if !run.resizes.is_empty() => {
            flags = flags.without(JobFlags::JOB_WAS_RUNNING);
        }
        Phase::Running(_) => flags = flags.with(JobFlags::JOB_WAS_RUNNING),
        _ => {}
    }
    if job.run().is_none() && is_dependent(job, snapshot) {
        flags = flags.with(JobFlags::DEPENDENT);
    }
    // Both enumerations have the same order.
    let mut shown = Flags::NONE;
    let mut bits = flags.0;
    while bits != 0 {
        if let Some(flag) = JobFlag::MEMBERS.get(bits.trailing_zeros() as usize) {
            shown.insert(*flag);
        }
        bits &= bits - 1;
    }
    if job.spec.resources.max_nodes == 0 {
        shown.insert(JobFlag::JobImplicitMaxNodes);
    }
    shown
}

/// Tells whether something but the machine keeps a job from starting, as far as the scheduler knows: of arrays and of
/// jobs that were held it finds out when it looks.
fn is_dependent(job: &Job, snapshot: &Snapshot) -> bool {
    let is_pool = matches!(job.array, Some(ArrayPart::Pool { .. }));
    match state::reason(job) {
        reason if HELD.contains(&reason) => true,
        Reason::ReservationDeleted => is_pool,
        Reason::BeginTime => !is_looked_at(job, snapshot),
        _ if job.eligible == Timestamp::NEVER => true,
        _ => (is_pool && !is_looked_at(job, snapshot)) || is_just_released(job, snapshot),
    }
}

/// Since when a job gathers age, and since when it may start. Of an array whose tasks come and go nothing is told.
fn waiting_times(info: &mut JobInfo, job: &Job, snapshot: &Snapshot, begin: Timestamp) {
    let eligible = if job.eligible == Timestamp::NEVER { begin } else { job.eligible };
    let looked_at = is_looked_at(job, snapshot);
    let may_start = job.eligible != Timestamp::NEVER || state::reason(job) == Reason::BeginTime;
    let (eligible, accrues) = match &job.array {
        Some(ArrayPart::Pool { waiting, size, .. }) => {
            let is_split = waiting.len() < *size;
            (if is_split || !looked_at { Timestamp::EPOCH } else { eligible }, is_split)
        }
        _ => (eligible, looked_at && may_start),
    };
    info.eligible_time = time(eligible);
    info.accrue_time = match (accrues, &job.array) {
        (false, _) => NoVal::Set(0),
        (true, Some(ArrayPart::Pool { .. })) => time(job.submitted),
        (true, _) => time(eligible),
    };
}

fn times(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    info.submit_time = time(job.submitted);
    let begin = job.spec.begin.filter(|_| job.is_pending()).unwrap_or(Timestamp::EPOCH);
    waiting_times(info, job, snapshot, begin);
    let started = job.run().map(|run| run.started);
    info.last_sched_evaluation = time(started.unwrap_or_else(|| evaluated(job, snapshot)));
    let resized = job.run().and_then(|run| run.resizes.last());
    info.resize_time = time(resized.map_or(Timestamp::EPOCH, |resize| resize.at));
    let preemptable = job.run().and_then(|run| snapshot.cluster.preemptable_from(job, run));
    info.preemptable_time = time(preemptable.unwrap_or(Timestamp::EPOCH));
    let pause = job.run().and_then(|run| run.pause);
    info.suspend_time = time(pause.map_or(Timestamp::EPOCH, |pause| pause.changed));
    info.pre_sus_time = NoVal::Set(pause.map_or(0, |pause| pause.ran.as_secs()));
    let preemption = job.run().and_then(|run| run.preemption);
    info.preempt_time = time(preemption.map_or(Timestamp::EPOCH, |preemption| preemption.at));
    let (start, end) = match &job.phase {
        Phase::Pending(pending) => expected(job, pending, begin),
        // One that may run for ever is said to end in a year.
        Phase::Running(run) if run.until == Timestamp::NEVER => (run.started, run.started.after(YEAR)),
        Phase::Running(run) => (run.started, run.until),
        Phase::Completing(completing) => (completing.run.started, completing.since),
        Phase::Ended(ended) => (started.unwrap_or(ended.ended), ended.ended),
    };
    info.start_time = time(start);
    info.end_time = time(end);
}

/// Returns when the scheduler looked at a waiting job: those it has planned a start for it looks at in each such pass.
fn evaluated(job: &Job, snapshot: &Snapshot) -> Timestamp {
    let is_planned = matches!(&job.phase, Phase::Pending(pending) if pending.expected_start.is_some());
    if is_planned { snapshot.statistics.backfill.last_at.max(job.submitted) } else { job.submitted }
}

fn expected(job: &Job, pending: &Pending, begin: Timestamp) -> (Timestamp, Timestamp) {
    let start = match pending.expected_start {
        Some(start) => start,
        // Until the scheduler says better, a job starts when it begs to.
        None if job.eligible == Timestamp::NEVER => begin,
        None => Timestamp::EPOCH,
    };
    match start {
        Timestamp::EPOCH => (start, start),
        start => (start, job.spec.time_limit.end_from(start)),
    }
}

/// Returns where a job that waits is expected to start; empty if nothing is booked for it.
fn planned_nodes(job: &Job, snapshot: &Snapshot) -> Text {
    let planned = snapshot.planned.of(job.id).iter().filter(|_| job.is_pending());
    folded(planned.filter_map(|index| snapshot.cluster.node(*index)).map(|node| &node.name))
}

fn run(info: &mut JobInfo, job: &Job, snapshot: &Snapshot) {
    let cluster = &*snapshot.cluster;
    info.scheduled_nodes = planned_nodes(job, snapshot);
    let Some(Running { allocation, .. }) = job.run() else { return };
    info.nodes = cluster.fold_nodes(allocation);
    info.batch_host = Text::from(first_node(job, cluster));
    info.job_resources = Some(resources(allocation, cluster, &info.nodes));
    if !job.is_final() {
        info.gres_detail = gres_detail(allocation, cluster).into();
    }
    let licenses = allocation.licenses.iter().map(|(name, count)| Text::from(format!("{name}:{count}")));
    // Here the original puts semicolons.
    info.licenses_allocated = licenses.collect::<Vec<_>>().join(";").into();
}

fn first_node<'a>(job: &Job, cluster: &'a Cluster) -> &'a str {
    let share = job.run().and_then(|run| run.allocation.nodes.first());
    share.and_then(|share| cluster.node(share.node)).map_or("", |node| node.name.as_str())
}

fn streams(info: &mut JobInfo, job: &Job) {
    let streams = &job.spec.streams;
    let node = info.batch_host.clone();
    info.standard_output = Text::from(job.output_pattern());
    info.stdin_expanded = job.stream_path(&streams.input, &node);
    info.stdout_expanded = job.output_path(&node);
    info.stderr_expanded = job.stream_path(&streams.error, &node);
}
