//! What a record here is about: a job or a whole array of this service, wherever it came from and whether it lives or is
//! history, or something that never became a job.

use super::Waldur;
use super::error::WaldurError;
use super::origin::Origin;
use super::projects::{Charge, Realm};
use super::records::{Note, Refused};
use crate::ids::Kind;
use crate::site::Site;
use domain::cluster::unfold;
use domain::job::{Job, Outcome, Phase};
use domain::ports::{Closed, StoreError};
use domain::state::Snapshot;
use domain::who::Principal;
use domain::{JobId, Text, Timestamp, Uid};
use std::collections::HashMap;
use std::sync::Arc;

/// What a record is about.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// A job.
    Job(Box<Known>),
    /// What never became one.
    Refused(Arc<Refused>),
}

/// A job as it is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// Its name here.
    pub(super) id: u128,
    /// Its record; of an array that of any of its parts.
    pub(super) lead: Part,
    /// All parts of an array; empty for a plain job.
    pub(super) parts: Vec<Part>,
    /// What was noted about it here.
    pub(super) note: Option<Arc<Note>>,
}

/// A record of a job, and the name of its first node.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) job: Arc<Job>,
    pub(super) node: Text,
}

impl Part {
    /// Takes a living one.
    pub(super) fn live(snapshot: &Snapshot, job: &Arc<Job>) -> Self {
        let share = job.run().and_then(|run| run.allocation.nodes.first());
        let node = share.and_then(|share| snapshot.cluster.node(share.node));
        let node = node.map(|node| node.name.clone()).unwrap_or_default();
        Part { job: Arc::clone(job), node }
    }

    /// Takes one of history.
    pub(super) fn past(closed: Closed) -> Self {
        let node = unfold(&closed.nodes).into_iter().next().unwrap_or_default();
        Part { job: closed.job, node }
    }

    /// Returns where it stands, in Slurm's words.
    pub(super) fn word(&self) -> &'static str {
        match &self.job.phase {
            Phase::Pending(_) => "PENDING",
            Phase::Running(run) if run.is_suspended() => "SUSPENDED",
            Phase::Running(_) => "RUNNING",
            Phase::Completing(_) => "COMPLETING",
            Phase::Ended(ended) => ended.outcome.name(),
        }
    }
}

impl Known {
    /// Returns the part by which the whole is judged: what runs before what waits, what went wrong before what did not.
    pub(super) fn telling(&self) -> &Part {
        let rank = |part: &&Part| match &part.job.phase {
            Phase::Running(run) if run.is_suspended() => 1,
            Phase::Running(_) => 0,
            Phase::Completing(_) => 2,
            Phase::Pending(_) => 3,
            Phase::Ended(ended) => 4 + gravity(ended.outcome),
        };
        self.parts.iter().min_by_key(rank).unwrap_or(&self.lead)
    }

    /// Tells whether nothing can happen to it any more.
    pub(super) fn is_final(&self) -> bool {
        self.lead.job.is_final() && self.parts.iter().all(|part| part.job.is_final())
    }

    /// Returns its name for people.
    pub(super) fn name(&self) -> &str {
        let noted = self.note.as_ref().and_then(|note| note.name.as_deref());
        noted.unwrap_or(&self.lead.job.spec.name)
    }

    /// Returns what it is for: as noted, as it was submitted here, or the owner's remark.
    pub(super) fn description(&self) -> String {
        let noted = self.note.as_ref().and_then(|note| note.description.clone());
        let origin = || Origin::of(&self.lead.job.spec).map(|origin| origin.description);
        noted.or_else(origin).unwrap_or_else(|| self.lead.job.spec.comment.to_string())
    }

    /// Returns when something changed last.
    pub(super) fn modified(&self) -> Timestamp {
        let changed = |part: &Part| match &part.job.phase {
            Phase::Pending(_) => part.job.submitted,
            Phase::Running(run) => run.pause.map_or(run.started, |pause| pause.changed),
            Phase::Completing(completing) => completing.since,
            Phase::Ended(ended) => ended.ended,
        };
        let noted = self.note.as_ref().map_or(Timestamp::EPOCH, |note| Timestamp::from_micros(note.modified));
        let parts = self.parts.iter().chain([&self.lead]).map(changed).max();
        parts.unwrap_or(Timestamp::EPOCH).max(noted).max(self.lead.job.submitted)
    }
}

/// How much is wrong with an end, the gravest first.
fn gravity(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Failed => 0,
        Outcome::OutOfMemory => 1,
        Outcome::Timeout => 2,
        Outcome::NodeFail => 3,
        Outcome::Deadline => 4,
        Outcome::Preempted => 5,
        Outcome::Cancelled => 6,
        Outcome::Requeued | Outcome::Resized => 7,
        Outcome::Completed => 8,
    }
}

impl Subject {
    /// Returns its name here.
    pub(super) fn id(&self) -> u128 {
        match self {
            Subject::Job(known) => known.id,
            Subject::Refused(refused) => refused.id,
        }
    }

    /// Returns what is wrong with it, if it is in the state ERRED.
    pub(super) fn fault(&self) -> Option<&super::records::Fault> {
        match self {
            Subject::Job(known) => known.note.as_ref().and_then(|note| note.fault.as_ref()),
            Subject::Refused(refused) => refused.fault.as_ref(),
        }
    }

    /// Returns the state of the record.
    pub(super) fn state(&self) -> &'static str {
        if self.fault().is_some() { "ERRED" } else { "OK" }
    }

    /// Returns where it stands in the scheduler.
    pub(super) fn runtime_state(&self) -> &str {
        match self {
            Subject::Job(known) => known.telling().word(),
            Subject::Refused(refused) => &refused.runtime_state,
        }
    }

    /// Returns what the scheduler calls it; empty for what never came there.
    pub(super) fn backend_id(&self) -> String {
        match self {
            Subject::Refused(_) => String::new(),
            Subject::Job(known) => match known.lead.job.het {
                Some(part) => format!("{}+{}", part.leader, part.offset),
                None => known.lead.job.array_id().to_string(),
            },
        }
    }

    /// Returns its name for people.
    pub(super) fn name(&self) -> &str {
        match self {
            Subject::Job(known) => known.name(),
            Subject::Refused(refused) => &refused.name,
        }
    }

    /// Returns who submitted it.
    pub(super) fn owner(&self) -> Uid {
        match self {
            Subject::Job(known) => known.lead.job.spec.owner.uid,
            Subject::Refused(refused) => Uid(refused.owner),
        }
    }

    /// Returns what it is charged to.
    pub(super) fn charge(&self, realm: &Realm<'_>) -> Charge {
        match self {
            Subject::Job(known) => realm.charge_of(&known.lead.job),
            Subject::Refused(refused) => refused.charge(),
        }
    }

    /// Tells whether somebody may see it: who submitted it, and who sees its project.
    pub(super) fn is_seen(&self, by: &Principal, realm: &Realm<'_>) -> bool {
        by.uid == Some(self.owner()) || realm.sees(by, &self.charge(realm))
    }

    /// Tells whether somebody may change it.
    pub(super) fn is_changed_by(&self, by: &Principal) -> bool {
        by.is_operator() || by.uid == Some(self.owner())
    }

    /// Finds the record of a name, whether or not somebody may see it. Blocks.
    pub(super) fn find(
        site: &Site,
        waldur: &Waldur,
        kind: Kind,
        id: u128,
    ) -> Result<Option<Self>, StoreError> {
        if let Some((job, second)) = waldur.names.read_job(kind, id) {
            let known = job_of(site, waldur, job, second)?;
            return Ok(known
                .filter(|known| !waldur.records.is_gone(known.id))
                .map(Box::new)
                .map(Subject::Job));
        }
        Ok(waldur.records.refused(id).map(Subject::Refused))
    }

    /// Finds the record of a name in a path, for somebody who may see it. Blocks.
    pub(super) fn seen(site: &Site, waldur: &Waldur, by: &Principal, id: u128) -> Result<Self, WaldurError> {
        let found = Subject::find(site, waldur, Kind::WaldurJob, id)?.ok_or(WaldurError::NoJob)?;
        let snapshot = site.jobs.snapshot();
        let realm = waldur.realm(&snapshot, &**site.jobs.directory());
        if found.is_seen(by, &realm) { Ok(found) } else { Err(WaldurError::NoJob) }
    }
}

/// Finds a job by its number and the second of its submission.
fn job_of(site: &Site, waldur: &Waldur, id: JobId, second: i64) -> Result<Option<Known>, StoreError> {
    let snapshot = site.jobs.snapshot();
    let is_meant = |job: &Arc<Job>| job.array_id() == id && job.submitted.seconds() == second;
    let live: Vec<Part> = snapshot
        .records(id)
        .iter()
        .filter(|job| is_meant(job))
        .map(|job| Part::live(&snapshot, job))
        .collect();
    if let Some(lead) = live.iter().find(|part| part.job.id == id).or(live.first()).cloned() {
        return known(site, waldur, lead, live).map(Some);
    }
    let mut past = site.jobs.history().attempts(id)?;
    past.retain(|closed| is_meant(&closed.job));
    // The last attempt of what has the array's own number, or else of any task.
    let own = past.iter().rposition(|closed| closed.job.id == id);
    let lead = own.or(past.len().checked_sub(1)).and_then(|at| past.get(at)).cloned();
    let Some(lead) = lead.map(Part::past) else { return Ok(None) };
    let parts = last_attempts(past);
    Ok(Some(whole(waldur, lead, parts)))
}

/// Returns the last attempt of each of an array's parts.
fn last_attempts(past: Vec<Closed>) -> Vec<Part> {
    let mut last: HashMap<JobId, Part> = HashMap::new();
    for closed in past {
        last.insert(closed.job.id, Part::past(closed));
    }
    let mut parts: Vec<Part> = last.into_values().collect();
    parts.sort_unstable_by_key(|part| part.job.id);
    parts
}

/// Makes a whole of a record and the living parts of its array. What has left the living ones is looked up only where it can
/// matter. Blocks.
pub(super) fn known(
    site: &Site,
    waldur: &Waldur,
    lead: Part,
    mut parts: Vec<Part>,
) -> Result<Known, StoreError> {
    if lead.job.array.is_none() {
        parts.clear();
    } else if lead.job.is_final() && parts.iter().all(|part| part.job.is_final()) {
        let (id, submitted) = (lead.job.array_id(), lead.job.submitted);
        let mut past = site.jobs.history().attempts(id)?;
        past.retain(|closed| closed.job.submitted == submitted);
        for part in last_attempts(past) {
            if !parts.iter().any(|live| live.job.id == part.job.id) {
                parts.push(part);
            }
        }
    }
    Ok(whole(waldur, lead, parts))
}

fn whole(waldur: &Waldur, lead: Part, parts: Vec<Part>) -> Known {
    let id = waldur.names.job(&lead.job);
    let parts = if lead.job.array.is_none() { Vec::new() } else { parts };
    Known { id, lead, parts, note: waldur.records.note(id) }
}
