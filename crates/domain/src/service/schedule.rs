//! Taking in what the scheduler proposes.

use super::ledger::Ledger;
use crate::job::{
    ArrayPart, Event, HetPart, Job, JobKind, Phase, PreemptionWarning, Running, SuspendedBy, WayIn,
};
use crate::ports::{Plan, Preempt, PreemptHow, Start};
use crate::{JobId, Text};
use std::sync::Arc;
use std::time::Duration;

impl Ledger<'_> {
    /// Starts what the plan starts and notes why others wait. A proposal that no longer fits is dropped.
    pub(super) fn take_plan(&mut self, plan: &Plan, boot: &Text) {
        self.is_behind = false;
        for preempt in &plan.preempts {
            self.preempt(preempt);
        }
        for job in &plan.resumes {
            self.resume(*job);
        }
        for start in &plan.starts {
            match self.job(start.job).and_then(|job| job.het) {
                None => self.start(start, boot),
                Some(part) if part.is_leader() => self.start_components(part, &plan.starts, boot),
                // It starts with its leader or not at all.
                Some(_) => {}
            }
        }
        for (id, reason, expected_start) in &plan.waits {
            let waits = self.job(*id).is_some_and(|job| job.is_pending());
            if waits {
                let event = Event::Considered { reason: *reason, expected_start: *expected_start };
                if let Err(refused) = self.happen(*id, event) {
                    tracing::error!(job.id = id.0, error = %refused, "reason could not be noted");
                }
            }
        }
    }

    /// Starts all components of a heterogeneous job, if the plan has a place for each and each may start.
    fn start_components(&mut self, part: HetPart, starts: &[Start], boot: &Text) {
        let may_start = |id: JobId| {
            self.job(id).is_some_and(|job| {
                job.is_pending() && job.het.is_some_and(|of| of.leader == part.leader) && job.is_eligible()
            })
        };
        let found: Option<Vec<&Start>> = part
            .members()
            .map(|id| starts.iter().find(|start| start.job == id).filter(|_| may_start(id)))
            .collect();
        for start in found.into_iter().flatten() {
            self.start(start, boot);
        }
    }

    /// Lets a job make way, if it still runs and has not been told before.
    fn preempt(&mut self, preempt: &Preempt) {
        let Preempt { job: id, how, by, grace } = *preempt;
        let Some(run) = self.job(id).and_then(|job| match &job.phase {
            Phase::Running(run) if run.preemption.is_none() => Some(run),
            _ => None,
        }) else {
            return;
        };
        let event = match how {
            PreemptHow::Suspend if run.is_suspended() => return,
            PreemptHow::Suspend => Event::Suspended { at: self.now, by: SuspendedBy::Scheduler },
            PreemptHow::Cancel | PreemptHow::Requeue => Event::Preempted {
                at: self.now,
                by,
                requeue: how == PreemptHow::Requeue,
                grace,
                warning: self.warning_of(id),
            },
        };
        if let Err(refused) = self.happen(id, event) {
            tracing::error!(job.id = id.0, error = %refused, "preemption could not be noted");
        }
    }

    /// Returns what a job is told that makes way: one that is the guest of a reservation the signal it asked for.
    fn warning_of(&self, id: JobId) -> PreemptionWarning {
        let asked = self.job(id).and_then(|job| job.spec.warning);
        match asked.and_then(|warning| warning.leaves_reservation_after()) {
            Some(_) => PreemptionWarning::UserSignal,
            None => self.cluster().preempt.warning,
        }
    }

    /// Lets a suspended job go on.
    fn resume(&mut self, id: JobId) {
        let waits = |run: &Running| run.suspended_by() == Some(SuspendedBy::Scheduler);
        let Some(job) = self.job(id).filter(|job| matches!(&job.phase, Phase::Running(run) if waits(run)))
        else {
            return;
        };
        if !self.has_room_to_resume(job) {
            return;
        }
        if let Err(refused) = self.happen(id, Event::Resumed { at: self.now }) {
            tracing::error!(job.id = id.0, error = %refused, "resumption could not be noted");
        }
    }

    /// Returns how long jobs may exceed their limit in a partition.
    fn overtime(&self, partition: &str) -> Duration {
        let own = self.cluster().partition(partition).and_then(|partition| partition.overtime);
        own.unwrap_or(self.cluster().limits.overtime)
    }

    /// Returns how a job's turn came. A program waits for an allocation, so that it is tried at once.
    fn way_in(&self, start: &Start, id: JobId) -> WayIn {
        let at_once = |job: &Job| job.spec.kind == JobKind::Allocation && job.submitted == self.now;
        match self.job(id) {
            _ if start.backfilled => WayIn::Overtaking,
            Some(job) if at_once(job) => WayIn::Submission,
            _ => WayIn::InOrder,
        }
    }

    fn start(&mut self, start: &Start, boot: &Text) {
        let Some(id) = self.startable(start) else { return };
        let event = Event::Started {
            at: self.now,
            allocation: Arc::clone(&start.allocation),
            limit: start.limit,
            boot: boot.clone(),
            overtime: self.overtime(&start.allocation.partition),
            way_in: self.way_in(start, id),
        };
        match self.happen(id, event) {
            Ok(_) => self.note_use(&start.allocation.reservation),
            Err(refused) => tracing::error!(job.id = id.0, error = %refused, "start could not be noted"),
        }
    }

    /// Returns the number of the record to start, after a task has been given its own.
    fn startable(&mut self, start: &Start) -> Option<JobId> {
        let job = self.job(start.job).filter(|job| matches!(job.phase, Phase::Pending(_)))?;
        match (&job.array, start.task) {
            (Some(ArrayPart::Pool { waiting, .. }), Some(index)) if waiting.contains(index) => {
                Some(self.split(start.job, index))
            }
            (Some(ArrayPart::Pool { .. }), _) => None,
            _ => Some(start.job),
        }
    }
}
