//! Making a job smaller that runs: it keeps some of its nodes, and its processes on the others are ended. What it had
//! until then is history as an attempt of its own (Slurm's `RESIZING`), and the rest counts from that moment.

use super::apply::{Applied, Effect};
use super::{Allocation, Ended, Exit, Job, NodeShare, Outcome, Pause, Phase, Reason, Running, Steps, Usage};
use crate::{NodeIndex, Text, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// `SIGKILL`.
const SIGKILL: i32 = 9;

/// A moment at which a run was made smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resize {
    /// When.
    pub at: Timestamp,
    /// How long it had run by then, suspensions left out.
    pub ran: Duration,
}

impl Job {
    /// Leaves a run these of its nodes. With a number of tasks the request becomes that much smaller as well, for the
    /// time when the job is put back.
    pub(super) fn shrunk(
        &self,
        run: &Running,
        at: Timestamp,
        kept: &[NodeIndex],
        tasks: Option<u32>,
    ) -> Applied {
        let is_kept = |share: &&NodeShare| kept.contains(&share.node);
        let nodes = run.allocation.nodes.iter().filter(is_kept).cloned().collect();
        let allocation = Arc::new(Allocation { nodes, ..Allocation::clone(&run.allocation) });
        let mut smaller = Running { allocation, ..run.clone() };
        smaller.resizes.push(Resize { at, ran: run.elapsed(at) });
        let mut job = self.clone();
        if let Some(tasks) = tasks {
            let count = u32::try_from(smaller.allocation.nodes.len()).unwrap_or(u32::MAX);
            let resources = &mut Arc::make_mut(&mut job.spec).resources;
            resources.min_nodes = count;
            resources.min_cpus = resources.min_cpus.min(smaller.allocation.cpus());
            resources.tasks = resources.tasks.map(|_| tasks);
        }
        // A step with tasks on other nodes as well loses only those on the nodes that go.
        let is_left = |share: &NodeShare| kept.contains(&share.node);
        let lost = run.steps.live.iter().filter(|step| !step.shares.iter().any(is_left));
        let killed = lost.map(|step| Effect::SignalStep { number: step.number, signal: SIGKILL });
        let mut effects: Vec<Effect> = killed.collect();
        effects.push(Effect::Shrink);
        let mut step = job.turned(Phase::Running(Box::new(smaller)))?;
        step.effects = effects;
        step.closed = Some(Box::new(self.part_until(run, at)));
        Ok(step)
    }

    /// Returns what history keeps of a run that goes on with less.
    fn part_until(&self, run: &Running, at: Timestamp) -> Job {
        // Its steps are history of their own, and some of them go on.
        let steps = Steps { live: Vec::new(), ..run.steps };
        let ended = Ended {
            outcome: Outcome::Resized,
            reason: Reason::None,
            ended: at,
            exit: Exit::Code(0),
            usage: Usage::default(),
            cancelled_by: None,
            run: Some(Running { steps, ..run.clone() }),
            remark: Text::default(),
        };
        Job { phase: Phase::Ended(Box::new(ended)), ..self.clone() }
    }

    /// Returns the attempt as accounting has it: one that was made smaller was submitted and started when that
    /// happened, since what was before is an attempt of its own.
    #[must_use]
    pub fn recorded(self: &Arc<Job>) -> Arc<Job> {
        let Some(resize) = self.run().and_then(|run| run.resizes.last().copied()) else {
            return Arc::clone(self);
        };
        let mut job = Job::clone(self);
        (job.submitted, job.eligible) = (resize.at, resize.at);
        match &mut job.phase {
            Phase::Running(run) => run.count_from(resize),
            Phase::Completing(completing) => completing.run.count_from(resize),
            Phase::Ended(ended) => ended.run.iter_mut().for_each(|run| run.count_from(resize)),
            Phase::Pending(_) => {}
        }
        Arc::new(job)
    }

    /// Returns when the attempt of accounting was submitted in which a step belongs that began then.
    pub fn recorded_submission(&self, began: Timestamp) -> Timestamp {
        let resizes = self.run().map(|run| run.resizes.as_slice()).unwrap_or_default();
        resizes.iter().rev().find(|resize| resize.at <= began).map_or(self.submitted, |resize| resize.at)
    }
}

impl Running {
    /// Forgets what was before it was made smaller.
    fn count_from(&mut self, resize: Resize) {
        self.started = resize.at;
        self.pause = self.pause.and_then(|pause| match pause.changed <= resize.at {
            true => pause.by.map(|_| Pause { changed: resize.at, ran: Duration::ZERO, ..pause }),
            false => Some(Pause { ran: pause.ran.saturating_sub(resize.ran), ..pause }),
        });
    }
}
