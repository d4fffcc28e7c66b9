//! Which jobs are to be signalled or cancelled, and how.

use super::binding::scope;
use domain::job::{TaskSet, WarningScope};
use domain::ports::Directory;
use domain::service::{Action, Filter, Target};
use domain::{JobId, Text, Uid};
use slurm_wire::checked_text::{SignalName, UserName};
use slurm_wire::error_number as number;
use slurm_wire::job_change::KillJobsMsg;
use slurm_wire::job_ids::{NoJobId, SelectedStep, Step};
use slurm_wire::words::{JobState, KillFlag};
use slurm_wire::{Flags, hostlist};
use std::collections::HashSet;

/// Reads what is to be done: no signal, and signal zero, cancel. A signal that nobody knows is noted while it is read;
/// it must not cancel, so it becomes the signal that does nothing.
pub(in crate::slurm) fn signal_action(
    signal: Option<&SignalName>,
    flags: &Flags<KillFlag>,
    is_unknown: bool,
) -> Action {
    if is_unknown {
        return Action::Signal { signal: 0, scope: scope(flags) };
    }
    match signal.and_then(|name| slurm_wire::signal::number(name)).filter(|signal| *signal != 0) {
        // SIGKILL for the steps alone must not end the job.
        None | Some(SIGKILL) if flags.contains(KillFlag::FullStepsOnly) => Action::KillSteps,
        // Of the script alone: the job ends as one that was killed by a signal.
        None | Some(SIGKILL) if scope(flags) == WarningScope::Batch => Action::KillScript,
        None => Action::Cancel { kill: false },
        Some(signal) => Action::Signal { signal: signal.into(), scope: scope(flags) },
    }
}

/// What is meant of a job that is named alone: unless something else is said, all of it gets the signal. Of jobs that are
/// named together the steps do (seen in Slurm 26.05).
pub(in crate::slurm) fn of_one_job(mut flags: Flags<KillFlag>) -> Flags<KillFlag> {
    if !flags.contains(KillFlag::BatchJob) && !flags.contains(KillFlag::FullStepsOnly) {
        flags.insert(KillFlag::FullJob);
    }
    flags
}

/// `SIGKILL`.
const SIGKILL: u16 = 9;

/// How many jobs and tasks of arrays one request may name; each is looked at while everybody else waits.
const MOST_NAMED: u64 = 100_000;

/// Why jobs that are named are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::slurm) enum Unnamed {
    /// Slurm's number for what is wrong with a name.
    Name(i32),
    /// More jobs or tasks of arrays are named than anybody has.
    TooMany,
}

/// Reads names of jobs, once each. A set of tasks ends where arrays end (facts 2.7: the original takes no such set for one);
/// a single task that no array can have is looked for and not found.
pub(in crate::slurm) fn named<'a>(
    jobs: impl IntoIterator<Item = &'a str>,
    max_array_size: u32,
) -> Result<Vec<SelectedStep>, Unnamed> {
    let mut known = HashSet::new();
    let mut left = MOST_NAMED;
    let mut named = Vec::new();
    for job in jobs.into_iter().filter(|job| known.insert(*job)) {
        let job: SelectedStep = job.parse().map_err(|bad: NoJobId| Unnamed::Name(bad.number))?;
        if let Some(tasks) = job.tasks.as_ref().filter(|tasks| tasks.single().is_none()) {
            if tasks.largest().is_some_and(|largest| largest >= max_array_size) {
                return Err(Unnamed::Name(number::TASK_NO_NUMBER));
            }
            left = left.checked_sub(tasks.named().saturating_sub(1)).ok_or(Unnamed::TooMany)?;
        }
        left = left.checked_sub(1).ok_or(Unnamed::TooMany)?;
        named.push(job);
    }
    Ok(named)
}

/// Reads the jobs that are meant.
pub(in crate::slurm) fn targets(named: &[SelectedStep]) -> Vec<Target> {
    named.iter().map(target).collect()
}

fn target(job: &SelectedStep) -> Target {
    let tasks = job.tasks.as_ref().map(|tasks| TaskSet::from_indexes(tasks.indexes()));
    let step = match &job.step {
        Some(Step::Number(number)) => Some(*number),
        // The script's own step is the job.
        _ => None,
    };
    Target { job: JobId(job.job_id), tasks, component: job.component, step }
}

/// What a filter came to.
pub(in crate::slurm) enum Filtering {
    /// Nothing is filtered.
    None,
    /// Jobs that have this in common.
    By(Box<Filter>),
    /// There is no such user.
    UnknownUser(Text),
    /// A list of nodes is too long.
    TooManyNodes(Text),
}

/// Reads the filter of a cancellation. An empty word is asked for as such, and no job has one but in its name; without a
/// workload key nobody is meant by that alone, though the original takes everybody who names none.
pub(in crate::slurm) fn filter(wanted: &KillJobsMsg, directory: &dyn Directory) -> Filtering {
    let given = |text: &Option<Text>| text.clone().filter(|text| !text.is_empty());
    let is_empty = |text: &&Option<Text>| text.as_ref().is_some_and(|text| text.is_empty());
    let words = [&wanted.account, &wanted.partition, &wanted.qos, &wanted.reservation];
    let no_nodes = wanted.nodes.as_ref().is_some_and(|nodes| nodes.is_empty());
    let nodes: &[Text] = wanted.nodes.as_ref().map(|nodes| nodes.as_slice()).unwrap_or_default();
    let nodes = match hostlist::expand_all(nodes) {
        Ok(nodes) => nodes.into_iter().collect(),
        Err((list, _)) => return Filtering::TooManyNodes(list.clone()),
    };
    let mut filter = Filter {
        account: given(&wanted.account),
        name: wanted.job_name.clone(),
        partition: given(&wanted.partition),
        qos: given(&wanted.qos),
        reservation: given(&wanted.reservation),
        wckey: given(&wanted.wckey),
        by_nobody: words.iter().any(is_empty) || no_nodes,
        nodes,
        ..Filter::default()
    };
    if let Some(name) = &wanted.user_name {
        match user(name, directory) {
            Some(uid) => filter.user = Some(uid),
            None => return Filtering::UnknownUser(name.clone()),
        }
    }
    if wanted.job_state.is_none() && filter.is_empty() {
        return Filtering::None;
    }
    filter.by_nobody |= !states(wanted.job_state.as_ref(), &mut filter);
    // The user's number narrows what others have found, but is no filter on its own (facts 2.7).
    if let (Some(UserName(name)), None) = (&wanted.user_id, filter.user) {
        match user(name, directory) {
            Some(uid) => filter.user = Some(uid),
            None => filter.by_nobody = true,
        }
    }
    Filtering::By(Box::new(filter))
}

fn user(name: &Text, directory: &dyn Directory) -> Option<Uid> {
    match name.parse::<u32>() {
        Ok(uid) => Some(Uid(uid)),
        Err(_) => directory.person(name).map(|person| person.uid),
    }
}

/// Narrows by state; returns false if no job that can be cancelled has it. A list with unknown words only passes
/// nobody: the original would cancel everything.
fn states(wanted: Option<&Flags<JobState>>, filter: &mut Filter) -> bool {
    let Some(wanted) = wanted else { return true };
    let has = |state| wanted.contains(state);
    match (has(JobState::Pending), has(JobState::Running), has(JobState::Suspended) || has(JobState::Stopped))
    {
        (true, true, _) => true,
        (true, false, _) => {
            filter.running = Some(false);
            true
        }
        (false, true, _) => {
            filter.running = Some(true);
            true
        }
        (false, false, true) => {
            filter.stopped = true;
            true
        }
        (false, false, false) => false,
    }
}
