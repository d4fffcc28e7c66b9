//! The processes of a run where no control group holds them together: its session, its descendants, and those that
//! carry its mark in the environment they were started with. A program that takes trouble can slip through.

use super::runs::{Run, Runs};
use crate::proc;

/// The variable that marks the processes of a run.
pub(super) const MARK: &str = "QUINTET_RUN";

/// Finds the living processes of a run.
pub(super) fn members(run: &Run, runs: &Runs, mark: &[u8]) -> Vec<u32> {
    let Some(start) = &run.start else { return Vec::new() };
    let leader = run.living_leader();
    // Our orphans are our children; those of a launcher before us are anybody's.
    let candidates = if run.is_child { orphans(runs) } else { proc::all() };
    // A session's number goes to nobody else while it has members. If a stranger has it, it has none.
    let reused = leader.is_none() && proc::stat(start.pid).is_some_and(|stat| !stat.is_zombie());
    let belongs = |pid: &u32| {
        let Some(stat) = proc::stat(*pid).filter(|stat| !stat.is_zombie()) else { return false };
        (start.pid > 0 && stat.session == start.pid && !reused) || proc::has_variable(*pid, mark)
    };
    let roots = candidates.into_iter().filter(belongs).chain(leader);
    proc::with_descendants(roots)
}

/// The variable that marks the tasks of a run's steps.
pub(super) const TASK_MARK: &str = "QUINTET_TASK";

/// The variable that marks the tasks of one step.
pub(super) const STEP_MARK: &str = "QUINTET_STEP";

/// Finds the living processes of a step with these tasks: what descends from them, and what their ends have left to us,
/// in their sessions or with the step's mark.
pub(super) fn step_members(tasks: &[u32], mark: &[u8]) -> Vec<u32> {
    let children = proc::children(std::process::id());
    let lives = |pid: u32| proc::stat(pid).filter(|stat| !stat.is_zombie());
    // Whoever has the number of a task without being our child is a stranger, as are those in a session of that number.
    let is_ours = |task: &u32| children.contains(task) || lives(*task).is_none();
    let sessions: Vec<u32> = tasks.iter().copied().filter(is_ours).collect();
    let belongs = |pid: &u32| {
        let Some(stat) = lives(*pid) else { return false };
        tasks.contains(pid) || sessions.contains(&stat.session) || proc::has_variable(*pid, mark)
    };
    proc::with_descendants(children.iter().copied().filter(belongs))
}

/// Whether a process was started as a task of a step, or by one.
pub(super) fn is_task(pid: u32, mark: &[u8]) -> bool {
    proc::stat(pid).is_some_and(|stat| !stat.is_zombie()) && proc::has_variable(pid, mark)
}

/// Our children that are not the first process of any run.
fn orphans(runs: &Runs) -> Vec<u32> {
    let mut children = proc::children(std::process::id());
    children.retain(|pid| !runs.by_pid.contains_key(pid));
    children
}
