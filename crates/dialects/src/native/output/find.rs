//! Which record of a job is meant by a name, and which file is its output.

use super::super::error::NativeError;
use super::super::job_name::{JobName, Part};
use super::super::to_wire::first_node;
use crate::site::Site;
use domain::job::{ArrayPart, Job, Phase};
use domain::ports::{Closed, History, StoreError};
use domain::state::Snapshot;
use domain::{JobId, Text};
use std::sync::Arc;

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// A job whose output is wanted, as last seen.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What it was called.
    pub(super) name: JobName,
    /// Its record; for a task that waits, that of its array.
    pub(super) job: Arc<Job>,
    /// Its first node, once it has one.
    node: Text,
}

impl Subject {
    /// Finds a job among the live ones.
    pub(super) fn live(snapshot: &Snapshot, name: JobName) -> Result<Option<Self>, NativeError> {
        let records = snapshot.records(name.number);
        let job = match name.part {
            Some(_) => records.into_iter().find(|job| name.means(job)),
            None => single(records, name)?,
        };
        Ok(job.map(|job| Subject { name, node: node_of(snapshot, &job), job }))
    }

    /// Finds a job in history: its last attempt. Blocks.
    pub(super) fn finished(site: &Site, name: JobName) -> Result<Option<Self>, NativeError> {
        let attempts = attempts(&**site.jobs.history(), name).map_err(NativeError::History)?;
        let meant = attempts.into_iter();
        let last = match name.part {
            Some(_) => meant.last(),
            None => {
                let attempts: Vec<Closed> = meant.collect();
                let one = single(attempts.iter().map(|closed| Arc::clone(&closed.job)).collect(), name)?;
                one.and_then(|one| attempts.into_iter().rfind(|closed| closed.job.id == one.id))
            }
        };
        Ok(last.map(|closed| Subject { name, job: closed.job, node: first_node(&closed.nodes) }))
    }

    /// Finds a job wherever it is. Blocks.
    pub(super) fn find(site: &Site, name: JobName) -> Result<Self, NativeError> {
        if let Some(subject) = Subject::live(&site.jobs.snapshot(), name)? {
            return Ok(subject);
        }
        if let Some(subject) = Subject::finished(site, name)? {
            return Ok(subject);
        }
        Err(domain::Error::from(name.unknown()).into())
    }

    /// Looks at the job anew; `false` if it is not among the live ones any more.
    pub(super) fn refresh(&mut self, snapshot: &Snapshot) -> bool {
        // While a task waits its number is not known; once it is, it stays.
        let latest = match self.job.array {
            Some(ArrayPart::Pool { .. }) => {
                Subject::live(snapshot, self.name).ok().flatten().map(|found| found.job)
            }
            _ => snapshot.jobs.job(self.job.id).cloned(),
        };
        let Some(latest) = latest else { return false };
        if !Arc::ptr_eq(&latest, &self.job) {
            self.node = node_of(snapshot, &latest);
            self.job = latest;
        }
        true
    }

    /// Tells whether the record in the snapshot is another one than the one last seen.
    pub(super) fn has_changed(&self, snapshot: &Snapshot) -> bool {
        snapshot.jobs.job(self.job.id).is_none_or(|job| !Arc::ptr_eq(job, &self.job))
    }

    /// Returns the file; `None` as long as it cannot be known, or if there is none.
    pub(super) fn path(&self, stream: Stream) -> Option<Text> {
        self.job.run().filter(|_| self.job.runs_script())?;
        let path = match stream {
            Stream::Output => self.job.output_path(&self.node),
            Stream::Error => self.job.error_path(&self.node),
        };
        Some(path).filter(|path| !path.is_empty())
    }

    /// Tells whether it waits to be started.
    pub(super) fn waits(&self) -> bool {
        matches!(self.job.phase, Phase::Pending(_))
    }
}

/// Returns the attempts of whatever a name means, oldest first; of a heterogeneous job those of each component, the
/// leader's first. Blocks.
pub(in super::super) fn attempts(history: &dyn History, name: JobName) -> Result<Vec<Closed>, StoreError> {
    if let Some(Part::Component(offset)) = name.part {
        let mut all = history.attempts(JobId(name.number.0.saturating_add(offset)))?;
        all.retain(|closed| name.means(&closed.job));
        return Ok(all);
    }
    let mut all = history.attempts(name.number)?;
    let is_leader = |closed: &&Closed| closed.job.id == name.number;
    if let Some(part) = all.iter().filter(is_leader).filter_map(|closed| closed.job.het).next_back() {
        for member in part.members().filter(|member| *member != name.number) {
            all.extend(history.attempts(member)?);
        }
    }
    all.retain(|closed| name.means(&closed.job));
    Ok(all)
}

/// Returns the one job a number stands for; an array is more than one.
fn single(records: Vec<Arc<Job>>, name: JobName) -> Result<Option<Arc<Job>>, NativeError> {
    let of_array = |job: &Arc<Job>| job.array.is_some() && job.array_id() == name.number;
    if records.iter().any(of_array) {
        return Err(NativeError::TaskWanted(name.number));
    }
    Ok(records.into_iter().find(|job| job.id == name.number))
}

fn node_of(snapshot: &Snapshot, job: &Job) -> Text {
    let share = job.run().and_then(|run| run.allocation.nodes.first());
    let node = share.and_then(|share| snapshot.cluster.node(share.node));
    node.map(|node| node.name.clone()).unwrap_or_default()
}
