//! The steps of a job of accounting: its script, then those that it started.

use super::job::{Seen, first_node, script_exit};
use crate::slurm::to_wire::{exit_code, state, tres};
use compact_str::format_compact;
use domain::cluster::Cluster;
use domain::job::{Exit, Job, JobStep, NodeShare, Outcome, Phase};
use domain::ports::ClosedStep;
use domain::{Text, Timestamp};
use slurm_wire::NoVal;
use slurm_wire::accounting::step::{self as wire, StepTaskTres};
use slurm_wire::accounting::tres::Tres;
use slurm_wire::scalar::Checked;
use slurm_wire::words::JobState;
use std::time::Duration;

/// What a step used; sizes in bytes.
#[derive(Default)]
struct Used {
    user: Duration,
    system: Duration,
    /// Largest resident memory, the task that had it, and the mean of all.
    memory: (u64, u32, u64),
    read: u64,
    written: u64,
    /// Joules, where the machine tells.
    energy: Option<u64>,
}

/// When and how a step ran.
struct Course {
    started: Timestamp,
    ended: Option<Timestamp>,
    outcome: Outcome,
    exit: Exit,
    used: Used,
}

/// Returns the steps that are this attempt's own.
pub(super) fn own<'a>(seen: &Seen<'a>, steps: &'a [ClosedStep]) -> impl Iterator<Item = &'a ClosedStep> {
    let (id, attempt, submitted) = (seen.job.id, seen.job.restarts, seen.job.submitted);
    steps.iter().filter(move |step| step.job == id && step.attempt == attempt && step.submitted == submitted)
}

/// Describes the steps of an attempt behind those that are there.
pub(super) fn add(all: &mut Vec<wire::Step>, seen: &Seen<'_>, ended: &[ClosedStep], cluster: &Cluster) {
    all.extend(batch(seen, cluster));
    for closed in own(seen, ended) {
        let usage = &closed.step.end.usage;
        let course = Course {
            started: closed.step.step.started,
            ended: Some(closed.step.end.at),
            outcome: closed.step.end.outcome,
            exit: closed.step.end.exit,
            used: Used {
                user: usage.user,
                system: usage.system,
                memory: (bytes(usage.max_rss_kb), usage.max_rss_task, bytes(usage.mean_rss_kb)),
                read: usage.read_bytes,
                written: usage.written_bytes,
                energy: None,
            },
        };
        all.push(started(seen, &closed.step.step, &closed.nodes, &course, cluster));
    }
    let living = match &seen.job.phase {
        Phase::Running(run) => run.steps.live.as_slice(),
        Phase::Completing(completing) => completing.run.steps.live.as_slice(),
        Phase::Pending(_) | Phase::Ended(_) => &[],
    };
    for step in living {
        all.push(started(seen, step, &cluster.fold_shares(&step.shares), &runs(step.started), cluster));
    }
}

fn runs(started: Timestamp) -> Course {
    let (outcome, exit, used) = (Outcome::Completed, Exit::None, Used::default());
    Course { started, ended: None, outcome, exit, used }
}

/// The script counts as a step on the first node.
fn batch(seen: &Seen<'_>, cluster: &Cluster) -> Option<wire::Step> {
    let job: &Job = seen.job;
    // Of a job that was made smaller the script is told of with the last part: before, nobody knows what it will leave.
    let goes_on = matches!(&job.phase, Phase::Ended(ended) if ended.outcome == Outcome::Resized);
    let run = job.run().filter(|_| job.runs_script() && !goes_on)?;
    let share = run.allocation.nodes.first()?;
    let course = match &job.phase {
        Phase::Ended(ended) => {
            let (outcome, exit) = script_exit(job);
            let usage = &ended.usage;
            let memory = bytes(usage.max_rss_kb);
            let used = Used {
                user: usage.user,
                system: usage.system,
                memory: (memory, 0, memory),
                read: usage.read_bytes,
                written: usage.written_bytes,
                energy: usage.energy_mj.map(|millijoules| millijoules / 1000),
            };
            Course { started: run.started, ended: Some(ended.ended), outcome, exit, used }
        }
        _ => runs(run.started),
    };
    let first = first_node(seen.nodes);
    let shares = std::slice::from_ref(share);
    let mut shown = step(seen, &course, shares, &first, 1, cluster);
    shown.step.id = format_compact!("{}.batch", job.id);
    shown.step.name = Text::const_new("batch");
    shown.task.distribution = Text::const_new("Unknown");
    // The original sets the frequency of steps that srun starts, and leaves zeros here.
    (shown.cpu.requested_frequency.min, shown.cpu.requested_frequency.max) = (NoVal::Set(0), NoVal::Set(0));
    shown.cpu.governor = Text::const_new("0");
    Some(shown)
}

fn started(seen: &Seen<'_>, of: &JobStep, nodes: &Text, course: &Course, cluster: &Cluster) -> wire::Step {
    let mut shown = step(seen, course, &of.shares, nodes, of.tasks, cluster);
    shown.step.id = format_compact!("{}.{}", seen.job.id, of.number);
    shown.step.name = of.name.clone();
    shown.submit_line = of.command.clone();
    shown.task.distribution = Text::const_new(if of.tasks > 1 { "Block" } else { "Cyclic" });
    shown.cpu.governor = Text::const_new("Unknown");
    if let Some(seconds) = of.time_limit {
        shown.time.limit = NoVal::Set(u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX));
    }
    shown
}

fn step(
    seen: &Seen<'_>,
    course: &Course,
    shares: &[NodeShare],
    nodes: &Text,
    tasks: u32,
    cluster: &Cluster,
) -> wire::Step {
    let mut shown = wire::Step::default();
    let names = domain::cluster::unfold(nodes);
    shown.nodes.count = u32::try_from(names.len()).unwrap_or(u32::MAX);
    shown.nodes.range = nodes.clone();
    shown.tasks.count = tasks;
    shown.time = times(seen, course);
    shown.exit_code = exit_code::in_words(course.exit);
    shown.state = match course.ended {
        Some(_) => state::outcome(course.outcome).into(),
        None => JobState::Running.into(),
    };
    shown.statistics.energy.consumed = NoVal::Set(course.used.energy.unwrap_or(0));
    shown.tres.allocated = tres::step_list(shares, cluster).into();
    if course.ended.is_some() {
        consumption(&mut shown.tres, &course.used, &names);
    }
    shown.nodes.list = names.into();
    shown
}

fn times(seen: &Seen<'_>, course: &Course) -> wire::StepTime {
    let point = |at: Timestamp| NoVal::Set(u64::try_from(at.seconds()).unwrap_or(0));
    let (start, end) = (point(course.started), course.ended.map_or(NoVal::Set(0), point));
    let mut time = wire::StepTime { start, end, ..wire::StepTime::default() };
    let until = course.ended.unwrap_or(seen.now);
    let lasted = until.seconds().saturating_sub(course.started.seconds());
    time.elapsed = u32::try_from(lasted).unwrap_or(0);
    time.limit = NoVal::Infinite;
    let parts = |time: Duration| (i64::try_from(time.as_secs()).unwrap_or(i64::MAX), time.subsec_micros());
    let Used { user, system, .. } = course.used;
    (time.user.seconds, time.user.microseconds) = parts(user);
    (time.system.seconds, time.system.microseconds) = parts(system);
    (time.total.seconds, time.total.microseconds) = parts(user.saturating_add(system));
    time
}

/// Writes what was used. As in the original what was taken in stands under `requested`, what was put out under
/// `consumed`; a step that ended before anybody looked has no memory to tell of.
fn consumption(shown: &mut wire::StepTres, used: &Used, nodes: &[Text]) {
    let (largest, task, mean) = used.memory;
    let energy = amount("energy", "", 3, used.energy.unwrap_or(0));
    if largest == 0 {
        let nothing = || vec![energy.clone()].into();
        shown.requested.average = nothing();
        shown.requested.total = nothing();
        shown.consumed.average = nothing();
        shown.consumed.total = nothing();
        return;
    }
    let node = nodes.first().cloned().unwrap_or_default();
    let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let cpu = amount("cpu", "", 1, milliseconds(used.user.saturating_add(used.system)));
    let read = amount("fs", "disk", 6, used.read);
    let taken = |memory: u64| [cpu.clone(), amount("mem", "", 2, memory), energy.clone(), read.clone()];
    let (most, least) = (taken(largest), taken(mean));
    let given = [energy.clone(), amount("fs", "disk", 6, used.written)];
    let of_task = |one: &Tres| StepTaskTres {
        kind: one.kind.clone(),
        name: one.name.clone(),
        id: one.id,
        count: one.count,
        task,
        node: node.clone(),
    };
    shown.requested.max = most.iter().map(of_task).collect();
    shown.requested.min = least.iter().map(of_task).collect();
    shown.requested.average = Vec::from(least).into();
    shown.requested.total = Vec::from(most).into();
    shown.consumed.max = given.iter().map(of_task).collect();
    shown.consumed.min = given.iter().map(of_task).collect();
    shown.consumed.average = given.to_vec().into();
    shown.consumed.total = Vec::from(given).into();
}

fn amount(kind: &'static str, name: &'static str, id: u32, count: u64) -> Tres {
    let count = Checked(i64::try_from(count).unwrap_or(i64::MAX));
    Tres { kind: Text::const_new(kind), name: Text::const_new(name), id, count }
}

fn bytes(kilobytes: u64) -> u64 {
    kilobytes.saturating_mul(1024)
}
