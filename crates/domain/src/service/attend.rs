//! The programs that allocations were made for: as long as one is there its allocation stays, and when it goes without
//! having said that the allocation is complete, the allocation ends as the program wanted.

use super::command::Command;
use super::handle::JobService;
use super::ledger::Ledger;
use crate::job::{Event, IfGone, Job, JobKind, Phase};
use crate::who::Principal;
use crate::{Error, JobId, Problem};
use std::sync::Arc;
use std::time::Duration;

/// How long a program may be away whose connection broke: the time to connect once more.
const BROKEN: Duration = Duration::from_secs(3);
/// How long one may be away that the service itself was away from.
const RESTARTED: Duration = Duration::from_secs(10);

impl Ledger<'_> {
    /// A program is there for an allocation; returns which visit this is.
    pub(super) fn attend(&mut self, by: &Principal, id: JobId, if_gone: IfGone) -> Result<u32, Error> {
        let job = self.job(id).cloned().ok_or(Problem::UnknownJob(id))?;
        if !by.may_change(&job) {
            return Err(Problem::NotOwner.into());
        }
        if job.spec.kind != JobKind::Allocation {
            return Err(Problem::NotAllocation(id).into());
        }
        match &job.phase {
            Phase::Pending(_) => Err(Problem::NotRunning(id).into()),
            Phase::Completing(_) => Err(Problem::AlreadyEnding(id).into()),
            Phase::Ended(_) => Err(Problem::AlreadyEnded(id).into()),
            Phase::Running(run) => {
                let visit = run.attendant.map_or(0, |attendant| attendant.visit.wrapping_add(1));
                self.happen(id, Event::Attended { visit, if_gone })?;
                Ok(visit)
            }
        }
    }

    /// The program of that visit has gone.
    pub(super) fn leave_alone(&mut self, id: JobId, visit: u32) {
        let is_meant = |job: &&Arc<Job>| {
            let attendant = job.run().and_then(|run| run.attendant);
            attendant.is_some_and(|attendant| attendant.visit == visit && attendant.back_until.is_none())
        };
        if let Some(job) = self.job(id).filter(is_meant).cloned() {
            self.left(&job, BROKEN);
        }
    }

    /// Whoever was there before the service was away has to come again.
    pub(super) fn call_attendants(&mut self) {
        let attended = |job: &&Arc<Job>| job.run().is_some_and(|run| run.attendant.is_some());
        let jobs: Vec<Arc<Job>> = self.state().holding().filter(attended).cloned().collect();
        jobs.iter().for_each(|job| self.left(job, RESTARTED));
    }

    fn left(&mut self, job: &Job, patience: Duration) {
        let Phase::Running(run) = &job.phase else { return };
        let limit = self.cluster().limits.inactive_limit;
        let patience = match run.attendant.map(|attendant| attendant.if_gone) {
            None => return,
            Some(IfGone::Cancel) => Some(patience),
            Some(IfGone::Expire) => (!limit.is_zero()).then(|| limit.max(patience)),
        };
        let back_until = patience.map(|patience| self.now.after(patience));
        if let Err(refused) = self.happen(job.id, Event::Left { back_until }) {
            tracing::error!(job.id = job.id.0, error = %refused, "an allocation could not be left alone");
        }
    }
}

/// A program's presence. Dropping it says that the program has gone.
pub struct Presence {
    service: JobService,
    job: JobId,
    visit: u32,
}

impl JobService {
    /// Notes that the program an allocation was made for is there, until what is returned is dropped.
    ///
    /// # Errors
    /// [`Problem::UnknownJob`], [`Problem::NotOwner`], [`Problem::NotAllocation`]; [`Problem::NotRunning`],
    /// [`Problem::AlreadyEnding`] or [`Problem::AlreadyEnded`] if it holds nothing yet or no longer.
    pub async fn attend(&self, by: &Principal, job: JobId, if_gone: IfGone) -> Result<Presence, Error> {
        let by = by.clone();
        let visit = self.ask(|reply| Command::Attend { by, job, if_gone, reply }).await??;
        Ok(Presence { service: self.clone(), job, visit })
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.service.tell(Command::LeaveAlone { job: self.job, visit: self.visit });
    }
}
