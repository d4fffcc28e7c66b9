//! Writes the attempts of a list one after another, as they are read.

use super::ahead::{Ahead, AtHand, Batch};
use crate::site::Site;
use crate::slurm::to_wire::accounting::{Jobs, Seen};
use domain::history::Amendment;
use domain::job::{Job, Phase};
use domain::ports::Recorded;
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{Text, Timestamp, Uid};
use slurm_wire::out::Out;
use slurm_wire::series::Series;
use std::collections::HashMap;
use std::sync::Arc;

/// What attempts are shown by.
pub(super) struct Around {
    pub(super) snapshot: Arc<Snapshot>,
    /// Who looks.
    pub(super) principal: Principal,
    pub(super) now: Timestamp,
    /// Steps are not wanted.
    pub(super) no_steps: bool,
    /// Scripts are.
    pub(super) scripts: bool,
}

/// Writes attempts.
pub(super) struct Teller {
    ahead: Ahead,
    site: Arc<Site>,
    around: Around,
    batch: Batch,
    /// Names of those who cancelled jobs.
    names: HashMap<Uid, Text>,
    jobs: Jobs,
    series: Series<slurm_wire::accounting::job::Job>,
}

impl Teller {
    /// Makes one that has written nothing yet.
    pub(super) fn of(ahead: Ahead, site: Arc<Site>, around: Around) -> Self {
        Teller {
            ahead,
            site,
            around,
            batch: Batch::default(),
            names: HashMap::new(),
            jobs: Jobs::default(),
            series: Series::default(),
        }
    }

    /// Writes the next attempt, and says whether there was one. Blocks, within the runtime.
    pub(super) fn write(&mut self, out: &mut Out) -> bool {
        if self.batch.attempts.is_empty() {
            match self.ahead.next() {
                Some(batch) => self.batch = batch,
                None => return false,
            }
        }
        match self.batch.attempts.pop_front() {
            None => return false,
            Some(AtHand::Foreign(job)) => *self.series.vacant() = *job,
            Some(AtHand::Past(found)) => {
                let Recorded { closed, amendment, .. } = &*found;
                self.describe(&closed.job, &closed.nodes, amendment.as_deref());
            }
            Some(AtHand::Living(job)) => {
                let held = job.run().map(|run| self.around.snapshot.cluster.fold_nodes(&run.allocation));
                self.describe(&job, &held.unwrap_or_default(), None);
            }
        }
        self.series.write(out);
        true
    }

    /// Describes an attempt, which is written next.
    fn describe(&mut self, job: &Job, nodes: &Text, amendment: Option<&Amendment>) {
        let cancelled_by = match &job.phase {
            Phase::Ended(ended) => ended.cancelled_by,
            Phase::Completing(completing) => completing.cancelled_by,
            Phase::Pending(_) | Phase::Running(_) => None,
        };
        let cancelled_by = cancelled_by.map(|uid| self.name(uid, job)).unwrap_or_default();
        let history = self.site.jobs.history();
        let steps = self.batch.steps.get(&job.id).map(Vec::as_slice).unwrap_or_default();
        let may_see =
            self.around.principal.uid == Some(job.spec.owner.uid) || self.around.principal.is_operator();
        let script = match self.around.scripts && may_see {
            true => history.payload(job.array_id()).or_else(|_| history.payload(job.id)).ok(),
            false => None,
        };
        let seen = Seen {
            job,
            nodes,
            amendment,
            steps: Some(steps).filter(|_| !self.around.no_steps),
            cancelled_by,
            script: script.map(|payload| Text::from_utf8_lossy(&payload.script)).unwrap_or_default(),
            now: self.around.now,
        };
        self.jobs.describe(&seen, &self.around.snapshot.cluster, self.series.vacant());
    }

    fn name(&mut self, uid: Uid, job: &Job) -> Text {
        if uid == job.spec.owner.uid {
            return job.spec.owner.name.clone();
        }
        let directory = self.site.jobs.directory();
        let named = || directory.person_by_uid(uid).map(|person| person.name);
        self.names.entry(uid).or_insert_with(|| named().unwrap_or_else(|| uid.to_string().into())).clone()
    }
}
