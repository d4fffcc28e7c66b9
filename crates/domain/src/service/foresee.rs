//! When a job would start that is not submitted: it is taken in, planned with all the others, and taken back.

use super::ledger::Ledger;
use super::prepare::Draft;
use crate::job::{HetPart, Hold};
use crate::ports::{Engine, Foreseen};
use crate::{Error, JobId, Problem, Text, Timestamp};
use std::sync::Arc;

/// What is said of a job that would wait for another one.
const UNMET: Text = Text::const_new("that is not met yet");

impl Ledger<'_> {
    /// Says when and where a job would start, or the components of one, the leader first. That it is held is left out of
    /// account, as the original does; this batch must not be recorded.
    ///
    /// # Errors
    /// What a submission is refused for; [`Problem::BadDependency`] where it would wait for another job,
    /// [`Problem::NodeConfiguration`] where no start can be told.
    pub(super) fn foresee(
        &mut self,
        mut drafts: Vec<Draft>,
        engine: &mut dyn Engine,
    ) -> Result<Vec<Foreseen>, Error> {
        let size = u32::try_from(drafts.len()).map_err(|_| Problem::TooManyJobs)?;
        let begins: Vec<Option<Timestamp>> = drafts.iter_mut().map(waits_for_nothing).collect();
        let leader = match (drafts.pop(), drafts.is_empty()) {
            (Some(draft), true) => self.accept(draft)?.id,
            (Some(last), false) => {
                drafts.push(last);
                self.accept_components(drafts)?.id
            }
            (None, _) => return Ok(Vec::new()),
        };
        let jobs: Vec<JobId> = HetPart { leader, offset: 0, size }.members().collect();
        if jobs.iter().any(|id| self.job(*id).is_none_or(|job| job.eligible > self.now)) {
            return Err(Problem::BadDependency(UNMET).into());
        }
        let mut found = engine.foresee(self.state(), &jobs, self.now);
        found.sort_by_key(|foreseen| foreseen.job);
        if found.len() < jobs.len() {
            // Nothing that is known to come to an end would make room for it.
            return Err(Problem::NodeConfiguration.into());
        }
        for (foreseen, begin) in found.iter_mut().zip(begins) {
            foreseen.at = foreseen.at.max(begin.unwrap_or(self.now));
        }
        Ok(found)
    }
}

/// Has a job wait for resources only. Returns when it may begin.
fn waits_for_nothing(draft: &mut Draft) -> Option<Timestamp> {
    draft.hold = Hold::None;
    draft.client_key = None;
    let begin = draft.spec.begin;
    if begin.is_some() {
        Arc::make_mut(&mut draft.spec).begin = None;
    }
    begin
}
