//! What the server decides about steps.

use super::{Live, Step, StepState};
use crate::cgroup::RunFolder;
use crate::launcher::journal::Record;
use crate::launcher::serve::Launcher;
use crate::report::{Report, StartFailure, Status};
use crate::run::{RunId, UnixMicros};
use crate::steps::{StepAnswer, StepCut, StepEnded, StepGrant, StepUsage};

impl Launcher {
    /// A step may begin. One whose client has gone meanwhile ends at once, as its beginning is on record.
    pub(in crate::launcher) fn grant_step(&mut self, run: RunId, ticket: u64, grant: StepGrant) {
        let number = grant.layout.step;
        match self.steps.table.get(&ticket).map(|step| &step.state) {
            Some(StepState::Asked { .. }) => {}
            // It was told before.
            Some(StepState::Live(_)) => return,
            Some(StepState::Over { number, ended }) => {
                let ended = ended.clone();
                return self.outgoing.push(Report::StepEnded { run, ticket, step: *number, ended });
            }
            None => return self.never_began(run, ticket, number, StepCut::ClientGone),
        }
        if grant.tasks.is_empty() {
            return self.never_began(run, ticket, number, StepCut::NotStarted);
        }
        let above = self.runs.by_id.get(&run).filter(|run| run.may_have_steps());
        let Some(above) = above else { return self.never_began(run, ticket, number, StepCut::RunEnded) };
        let folder = RunFolder::step(above.folder.as_ref(), &self.hierarchy, run, number, &grant.limits);
        let folder = match folder {
            Ok(folder) => folder,
            Err(error) => {
                super::super::daemon::log(self.options.slot, format_args!("step {run}.{number}: {error}"));
                return self.never_began(run, ticket, number, StepCut::NotStarted);
            }
        };
        self.journal.add(&Record::StepBegan { run, ticket, step: number });
        let answer = StepAnswer::Granted(Box::new(grant.layout.clone()));
        if let Some(step) = self.steps.table.get_mut(&ticket) {
            step.state = StepState::Live(Box::new(Live::new(grant, folder)));
        }
        self.steps.numbers.insert((run, number), ticket);
        self.steps.live.push(ticket);
        self.answer(ticket, &answer);
    }

    /// Settles a step that has a number and will never have a process.
    fn never_began(&mut self, run: RunId, ticket: u64, number: u32, cut: StepCut) {
        let ended = Box::new(StepEnded {
            started_at: None,
            at: UnixMicros::now(),
            status: None,
            cut: Some(cut),
            over_memory: false,
            usage: StepUsage::default(),
        });
        self.answer(ticket, &StepAnswer::Ended(ended.clone()));
        self.conclude_step(run, ticket, number, ended);
    }

    /// Keeps a step's end until the server has taken note of it.
    pub(super) fn conclude_step(&mut self, run: RunId, ticket: u64, number: u32, ended: Box<StepEnded>) {
        self.journal.add(&Record::StepOver { run, ticket, step: number, ended: ended.clone() });
        self.outgoing.push(Report::StepEnded { run, ticket, step: number, ended: ended.clone() });
        self.steps.numbers.insert((run, number), ticket);
        if let Some(status) = ended.status.map(Status::as_wait_tells).filter(|status| *status > 0) {
            let worst = self.steps.worst.entry(run).or_default();
            *worst = status.max(*worst);
        }
        self.steps.live.retain(|other| *other != ticket);
        let client = self.steps.table.get(&ticket).and_then(|step| step.client);
        self.steps.table.insert(ticket, Step { run, client, state: StepState::Over { number, ended } });
    }

    /// There will be no step.
    pub(in crate::launcher) fn refuse_step(&mut self, ticket: u64, why: String) {
        if self.steps.table.get(&ticket).is_some_and(|step| matches!(step.state, StepState::Asked { .. })) {
            self.answer(ticket, &StepAnswer::Refused { why });
            self.steps.table.remove(&ticket);
        }
    }

    /// A step must wait.
    pub(in crate::launcher) fn delay_step(&mut self, ticket: u64, why: String) {
        if self.steps.table.get(&ticket).is_some_and(|step| matches!(step.state, StepState::Asked { .. })) {
            self.answer(ticket, &StepAnswer::Waiting { why });
        }
    }

    /// Sends a signal to the tasks of a step by its number.
    pub(in crate::launcher) fn signal_numbered_step(&mut self, run: RunId, step: u32, signal: i32) {
        if let Some(ticket) = self.steps.ticket_of(run, step) {
            self.signal_step(ticket, signal);
        }
    }

    /// Sends a signal to the tasks of all steps of a run.
    pub(in crate::launcher) fn signal_steps(&mut self, run: RunId, signal: i32) {
        for ticket in self.steps.open_of(run) {
            self.signal_step(ticket, signal);
        }
    }

    /// Drops steps whose ends are on record.
    pub(in crate::launcher) fn forget_steps(&mut self, run: RunId, numbers: &[u32]) {
        for number in numbers {
            let Some(ticket) = self.steps.ticket_of(run, *number) else { continue };
            let is_over = |step: &Step| matches!(step.state, StepState::Over { .. });
            if self.steps.table.get(&ticket).is_some_and(is_over) {
                self.steps.table.remove(&ticket);
                self.steps.numbers.remove(&(run, *number));
                self.journal.add(&Record::StepForgotten { run, ticket });
            }
        }
    }

    /// Drops all steps of a run that is forgotten itself.
    pub(in crate::launcher) fn forget_steps_of(&mut self, run: RunId) {
        self.steps.table.retain(|_, step| step.run != run);
        self.steps.numbers.retain(|(of, _), _| *of != run);
        self.steps.worst.remove(&run);
    }

    /// Tells the client that a task could not be started.
    pub(super) fn task_failed(&mut self, ticket: u64, task: usize, failure: StartFailure) {
        let task = u32::try_from(task).unwrap_or(u32::MAX);
        self.answer(ticket, &StepAnswer::TaskFailed { task, failure });
    }
}
