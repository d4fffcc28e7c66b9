//! How the tasks of a step stand, and what is said about it.

use super::message::{code, complain, ending, nodes, say, stepd_complains, tasks};
use crate::allocation::Left;
use std::collections::BTreeMap;
use supervise::steps::StepLayout;
use supervise::{StartFailure, Status};

/// How a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waits,
    Runs,
    Ended(Status),
    /// Its program was not reached; it counts as having exited with this code.
    NotStarted(i32),
}

impl Standing {
    fn is_well(&self) -> bool {
        *self == Standing::Ended(Status::Exited(0))
    }

    fn is_bad(&self) -> bool {
        matches!(self, Standing::Ended(_) | Standing::NotStarted(_)) && !self.is_well()
    }
}

/// The tasks of a step.
#[derive(Debug)]
pub(super) struct Course {
    /// `7.0`.
    name: String,
    /// For each task the name of its node.
    nodes: Vec<String>,
    tasks: Vec<Standing>,
    /// Bad ends that have not been told yet.
    untold: Vec<u32>,
}

impl Course {
    /// Begins, nothing being started.
    pub(super) fn new(job: u32, layout: &StepLayout) -> Self {
        let node = |at: &u32| layout.nodes.get(*at as usize).cloned().unwrap_or_default();
        Course {
            name: format!("{job}.{}", layout.step),
            nodes: layout.tasks.iter().map(node).collect(),
            tasks: vec![Standing::Waits; layout.tasks.len()],
            untold: Vec::new(),
        }
    }

    /// Returns the step's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the names of the step's nodes, folded.
    fn all_nodes(&self) -> String {
        nodes(self.nodes.iter().map(String::as_str))
    }

    /// A task runs.
    pub(super) fn started(&mut self, task: u32) {
        self.set(task, Standing::Runs);
    }

    /// A task has ended; tells whether badly.
    pub(super) fn ended(&mut self, task: u32, status: Status) -> bool {
        self.set(task, Standing::Ended(status));
        let is_bad = ending(status).is_some();
        if is_bad {
            self.untold.push(task);
        }
        is_bad
    }

    /// A task's program could not be executed; it counts as having exited with the number of the error.
    pub(super) fn not_started(&mut self, task: u32, failure: StartFailure) {
        self.set(task, Standing::NotStarted(failure.code()));
        self.untold.push(task);
    }

    fn set(&mut self, task: u32, standing: Standing) {
        if let Some(slot) = self.tasks.get_mut(task as usize) {
            *slot = standing;
        }
    }

    /// Tells whether there are bad ends to be told.
    pub(super) fn has_untold(&self) -> bool {
        !self.untold.is_empty()
    }

    /// Tells bad ends, those of one node and one kind together.
    pub(super) fn tell(&mut self) {
        let mut kinds: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
        for task in std::mem::take(&mut self.untold) {
            let Some(status) = self.status(task) else { continue };
            let node = self.nodes.get(task as usize).cloned().unwrap_or_default();
            let Some(text) = ending(status) else { continue };
            kinds.entry((node, text)).or_default().push(task);
        }
        for ((node, text), numbers) in kinds {
            complain(&format!("{node}: {}: {text}", tasks(&numbers)));
        }
    }

    fn status(&self, task: u32) -> Option<Status> {
        match self.tasks.get(task as usize)? {
            Standing::Ended(status) => Some(*status),
            Standing::NotStarted(code) => Some(Status::Exited(*code)),
            _ => None,
        }
    }

    /// Says which tasks run and which have exited.
    pub(super) fn tell_standing(&self) {
        let of = |wanted: fn(&Standing) -> bool| -> Vec<u32> {
            (0_u32..)
                .zip(&self.tasks)
                .filter(|(_, standing)| wanted(standing))
                .map(|(task, _)| task)
                .collect()
        };
        let groups = [
            (of(|standing| *standing == Standing::Waits), "not started"),
            (of(|standing| *standing == Standing::Runs), "running"),
            (of(|standing| standing.is_well()), "exited"),
            (of(|standing| standing.is_bad()), "exited abnormally"),
        ];
        for (numbers, word) in groups.iter().filter(|(numbers, _)| !numbers.is_empty()) {
            say(&format!("StepId={} {}: {word}", self.name, tasks(numbers)));
        }
    }

    /// Says that the step was ended at this time, and why.
    pub(super) fn tell_cancelled(&self, at: &str, why: &str) {
        stepd_complains(&format!(
            "*** STEP {} ON {} CANCELLED AT {at}{why} ***",
            self.name,
            self.all_nodes()
        ));
    }

    /// Tells whether a task was ended by a signal that ends whatever it is sent to.
    pub(super) fn has_forced(&self) -> bool {
        let forced = |standing: &Standing| {
            matches!(standing, Standing::Ended(Status::Signalled { signal: 9 | 15, .. }))
        };
        self.tasks.iter().any(forced)
    }

    /// Tells whether all tasks have ended.
    pub(super) fn is_over(&self) -> bool {
        (0_u32..).zip(&self.tasks).all(|(task, _)| self.status(task).is_some())
    }

    /// Returns the gravest end of a task.
    pub(super) fn left(&self) -> Left {
        let left = |status| match status {
            Status::Exited(code) => Left::Code((code & 0xff) as u8),
            Status::Signalled { signal, .. } => Left::Signal((signal & 0x7f) as u8),
        };
        let all = (0_u32..).zip(&self.tasks).filter_map(|(task, _)| self.status(task)).map(left);
        all.fold(Left::Code(0), Left::graver)
    }

    /// Returns the highest exit code of a task.
    pub(super) fn code(&self) -> u8 {
        (0_u32..).zip(&self.tasks).filter_map(|(task, _)| self.status(task)).map(code).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use supervise::Step as Stage;

    #[test]
    fn the_highest_code_counts() {
        let layout = StepLayout { nodes: vec!["n1".into()], tasks: vec![0, 0, 0], ..StepLayout::default() };
        let mut course = Course::new(7, &layout);
        assert_eq!((course.name(), course.code(), course.is_over()), ("7.0", 0, false));
        course.started(0);
        assert!(!course.ended(0, Status::Exited(0)));
        assert!(course.ended(1, Status::Exited(3)));
        course.not_started(2, StartFailure { step: Stage::Program, errno: 2 });
        assert!(course.is_over() && course.has_untold());
        assert_eq!(course.code(), 3);
        assert!(course.ended(1, Status::Signalled { signal: 15, core: false }));
        assert_eq!(course.code(), 143);
    }
}
