//! Heterogeneous jobs: taking all components in together, and what happens to the others when something happens to one.
//! Seen with the original: what ends a waiting component ends the whole; of a running one the leader takes all with him,
//! while another component may go alone.

use super::ledger::{Ledger, Moved};
use super::prepare::Draft;
use super::submission::Submitted;
use crate::job::{Event, HetPart, Job, NodeShare, Phase, Requeue};
use crate::{Error, JobId, Problem};
use std::sync::Arc;

/// `SIGKILL`.
const SIGKILL: i32 = 9;

impl Ledger<'_> {
    /// Makes the components of a heterogeneous job, all or none. The answer has the leader's number, and the notes on the
    /// last component, as in the original.
    pub(super) fn accept_components(&mut self, drafts: Vec<Draft>) -> Result<Submitted, Error> {
        self.check_room(drafts.len())?;
        let size = u32::try_from(drafts.len()).map_err(|_| Problem::TooManyJobs)?;
        let next = self.state().next_id();
        let leader = self.take_ids(size).ok_or(Problem::TooManyJobs)?;
        let parts = (0..size).map(|offset| HetPart { leader, offset, size });
        let made: Result<Vec<_>, Error> = parts
            .zip(drafts)
            .map(|(part, draft)| {
                let (job, payload, notes) = self.new_job(part.member(part.offset), draft)?;
                Ok((Job { het: Some(part), ..job }, payload, notes))
            })
            .collect();
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                self.count_from(next);
                return Err(error);
            }
        };
        let mut last_notes = Vec::new();
        for (job, payload, notes) in made {
            self.keep(job, payload);
            last_notes = notes;
        }
        let members = HetPart { leader, offset: 0, size }.members();
        members.for_each(|id| self.end_if_hopeless(id));
        Ok(Submitted { id: leader, notes: last_notes })
    }

    /// Steps that run in a component end with it, although the leader has them.
    fn end_steps_in(&mut self, part: HetPart, before: &Job, after: &Job) {
        let has_ended = matches!(
            (&before.phase, &after.phase),
            (Phase::Running(_), Phase::Completing(_) | Phase::Ended(_))
        );
        if part.is_leader() || !has_ended {
            return;
        }
        let own = after.run().map(|run| Arc::clone(&run.allocation));
        let leader = self.job(part.leader).filter(|leader| matches!(leader.phase, Phase::Running(_)));
        let (Some(own), Some(leader)) = (own, leader.cloned()) else { return };
        let is_here = |share: &NodeShare| {
            own.nodes.iter().any(|mine| mine.node == share.node && mine.cpus.overlaps(&share.cpus))
        };
        let steps = leader.run().map(|run| run.steps.live.as_slice()).unwrap_or_default();
        for step in steps.iter().filter(|step| step.shares.iter().any(is_here)) {
            let killed = Event::StepSignalled { number: step.number, signal: SIGKILL };
            if let Err(refused) = self.happen(leader.id, killed) {
                tracing::error!(job.id = leader.id.0, error = %refused, "a step could not be ended");
            }
        }
    }

    /// Lets happen to the other components what follows for them from something that has happened to one.
    pub(super) fn components_follow(&mut self, before: &Job, event: &Event, after: &Job) {
        let Some(part) = after.het.filter(|part| part.size > 1) else { return };
        self.end_steps_in(part, before, after);
        let Some(consequence) = consequence(part, before, event, after) else { return };
        let others: Vec<JobId> = part.members().filter(|id| *id != after.id).collect();
        for id in others {
            let is_concerned = self.job(id).is_some_and(|other| {
                other.het.is_some_and(|of| of.leader == part.leader) && is_concerned(other, &consequence)
            });
            if !is_concerned {
                continue;
            }
            // What follows from this for others is what happens to them here: nothing goes round once more.
            match self.happen_alone(id, consequence.clone()) {
                Ok(Some(Moved { before, after })) => {
                    if let Some(part) = after.het {
                        self.end_steps_in(part, &before, &after);
                    }
                }
                Ok(None) => {}
                Err(refused) => {
                    tracing::error!(job.id = id.0, error = %refused, "component could not follow its job");
                }
            }
        }
    }
}

/// Returns what happens to the other components; `None` if it is nothing to them.
fn consequence(part: HetPart, before: &Job, event: &Event, after: &Job) -> Option<Event> {
    match (&before.phase, &after.phase) {
        (Phase::Pending(_), Phase::Ended(_)) => Some(event.clone()),
        _ if !part.is_leader() => None,
        (Phase::Running(_), Phase::Completing(_) | Phase::Ended(_)) => Some(event.clone()),
        // He goes back into the queue, and all go with him: also those that have ended alone before.
        (Phase::Running(_) | Phase::Completing(_) | Phase::Ended(_), Phase::Pending(pending)) => {
            match event {
                Event::Requeued { .. } => Some(event.clone()),
                Event::Ended { at, .. } => {
                    let how = Requeue { hold: pending.hold, put_back: pending.put_back };
                    Some(Event::Requeued { at: *at, how })
                }
                _ => None,
            }
        }
        // They halt and go on together, and are told together to make way.
        (Phase::Running(_), Phase::Running(_)) => match event {
            Event::Suspended { .. }
            | Event::Resumed { .. }
            | Event::ResumeAsked
            | Event::Preempted { .. } => Some(event.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Tells whether it can happen to this component: one that has gone alone before is left alone, unless all begin anew.
fn is_concerned(job: &Job, consequence: &Event) -> bool {
    match &job.phase {
        Phase::Pending(_) => !matches!(consequence, Event::Requeued { .. } | Event::Ended { .. }),
        Phase::Running(run) => match consequence {
            Event::DeadlinePassed { .. } => false,
            Event::Resumed { .. } | Event::ResumeAsked => run.is_suspended(),
            _ => true,
        },
        Phase::Completing(_) => false,
        Phase::Ended(_) => matches!(consequence, Event::Requeued { .. }),
    }
}
