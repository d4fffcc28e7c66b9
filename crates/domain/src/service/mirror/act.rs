//! Doing something with jobs, and changing them: the cluster is asked, and what has become of the jobs is read anew before
//! the answer.

use super::{Mirror, unsupported};
use crate::cluster::Cluster;
use crate::job::{ArrayPart, Job, Phase, TaskSet};
use crate::ports::{Deed, RemoteError};
use crate::service::selection::{Action, Handled, Selection, Target};
use crate::service::update::Update;
use crate::state::Snapshot;
use crate::who::{AdminLevel, Principal};
use crate::{Error, JobId, Problem, TaskIndex, Text};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `SIGKILL`.
const SIGKILL: i32 = 9;

/// Returns what the cluster is asked for.
fn deed(action: Action) -> Result<Deed, Problem> {
    match action {
        // SIGKILL ends a job like cancelling it at once.
        Action::Signal { signal: SIGKILL, .. } => Ok(Deed::Cancel { kill: true }),
        Action::Cancel { kill } => Ok(Deed::Cancel { kill }),
        Action::Signal { signal, scope } => Ok(Deed::Signal { signal, scope }),
        Action::Requeue { hold, special: false } => Ok(Deed::Requeue { hold }),
        Action::Requeue { special: true, .. } => Err(unsupported("State=SpecialExit in front of a cluster")),
        Action::Suspend => Ok(Deed::Suspend),
        Action::Resume => Ok(Deed::Resume),
        Action::Complete { .. } => Err(unsupported("completing an allocation in front of a cluster")),
        Action::SignalStep { .. } | Action::KillScript | Action::KillSteps => {
            Err(unsupported("signalling steps in front of a cluster"))
        }
    }
}

/// Returns on whose behalf the cluster is asked: operators of the cluster for themselves, others that may act for a job's
/// owner in the owner's name.
fn whom<'a>(cluster: &Cluster, by: &'a Principal, job: &'a Job) -> &'a Text {
    let owner = &job.spec.owner.name;
    let is_operator = cluster.books.level_of(&by.name) >= AdminLevel::Operator || by.name == "root";
    if is_operator { &by.name } else { owner }
}

/// Jobs that are asked for together.
struct Meant {
    /// The job, or the array.
    number: JobId,
    /// Some tasks of the array; `None` for all of it.
    tasks: Option<TaskSet>,
    records: Vec<Arc<Job>>,
}

impl Mirror {
    /// Does something with every job selected.
    pub(super) fn act(
        &self,
        by: &Principal,
        selection: &Selection,
        action: Action,
    ) -> Result<Vec<Handled>, Error> {
        let deed = deed(action)?;
        if selection.targets.is_empty() {
            let meant = self.found(selection);
            return Ok(meant.into_iter().flat_map(|meant| self.act_on(by, &meant, deed)).collect());
        }
        let act_on = |target: &Target| match self.meant(target, selection) {
            Ok(meant) => self.act_on(by, &meant, deed),
            Err(handled) => handled,
        };
        Ok(selection.targets.iter().flat_map(act_on).collect())
    }

    /// Returns the open jobs that the filter finds, each by itself.
    fn found(&self, selection: &Selection) -> Vec<Meant> {
        let image = self.image();
        let passes = |job: &&Arc<Job>| !job.is_final() && selection.filter.passes(job, &image.state);
        let chosen = image.state.jobs().iter().filter(passes);
        let meant = |job: &Arc<Job>| match &job.array {
            Some(ArrayPart::Pool { waiting, .. }) => (job.id, Some(waiting.clone())),
            Some(ArrayPart::Task { of, index, .. }) => (*of, Some(TaskSet::from_indexes([index.0]))),
            None => (job.id, None),
        };
        chosen
            .map(|job| {
                let (number, tasks) = meant(job);
                Meant { number, tasks, records: vec![Arc::clone(job)] }
            })
            .collect()
    }

    /// Returns the jobs that a name stands for; what is not known is asked of the cluster.
    fn meant(&self, target: &Target, selection: &Selection) -> Result<Meant, Vec<Handled>> {
        let id = target.job;
        let refused = |problem: Problem| vec![Handled::whole(id, Err(problem.into()))];
        if target.component.is_some() || target.step.is_some() {
            return Err(refused(unsupported("components and steps in front of a cluster")));
        }
        let mut records = self.records(id);
        if records.is_empty() {
            if let Err(error) = self.read(id) {
                return Err(vec![Handled::whole(id, Err(error))]);
            }
            records = self.records(id);
        }
        if records.is_empty() {
            return Err(refused(Problem::UnknownJob(id)));
        }
        let image = self.image();
        records.retain(|job| selection.filter.passes(job, &image.state));
        if records.is_empty() {
            return Err(refused(Problem::NotMeant(id)));
        }
        let Some(tasks) = &target.tasks else {
            return Ok(Meant { number: id, tasks: None, records });
        };
        let has = |job: &Arc<Job>| match &job.array {
            Some(ArrayPart::Task { index, .. }) => tasks.contains(*index),
            Some(ArrayPart::Pool { waiting, .. }) => tasks.iter().any(|task| waiting.contains(task)),
            None => false,
        };
        records.retain(has);
        match records.is_empty() {
            false => Ok(Meant { number: id, tasks: Some(tasks.clone()), records }),
            true => {
                let name = format!("{id}_[{}]", tasks.written(4096));
                let result = Err(Problem::UnknownTask(Text::from(name)).into());
                let task = tasks.first().filter(|_| tasks.len() == 1);
                Err(vec![Handled { job: None, task, tasks: Some(tasks.clone()), result }])
            }
        }
    }

    fn act_on(&self, by: &Principal, meant: &Meant, deed: Deed) -> Vec<Handled> {
        let Meant { number, tasks, records } = meant;
        // Those that are over are left alone, unless all are.
        let open: Vec<&Arc<Job>> = records.iter().filter(|job| !job.is_final()).collect();
        let Some(first) = open.first() else {
            let over = |job: &Arc<Job>| handled(job, Err(Problem::AlreadyEnded(job.id).into()));
            return records.iter().map(over).collect();
        };
        if let Some(foreign) = open.iter().find(|job| !by.may_change(job)) {
            return vec![handled(foreign, Err(Problem::NotOwner.into()))];
        }
        let result = fits(first, deed, open.len()).map_err(Error::from).and_then(|()| {
            let cluster = Arc::clone(self.image().state.cluster());
            let done = self.remote.act(whom(&cluster, by, first), deed, *number, tasks.as_ref());
            // Whatever became of it, readers shall see it.
            let read = self.read(*number);
            done.map_err(|error| told(error, first.id)).and(read)
        });
        open.iter().map(|job| handled(job, result.clone())).collect()
    }

    /// Changes every record of a job number.
    pub(super) fn update(&self, by: &Principal, id: JobId, update: &Update) -> Result<Vec<Handled>, Error> {
        let mut records = self.records(id);
        if records.is_empty() {
            self.read(id)?;
            records = self.records(id);
        }
        let Some(first) = records.iter().find(|job| !job.is_final()).or(records.first()).cloned() else {
            return Err(Problem::UnknownJob(id).into());
        };
        if !by.may_change(&first) {
            return Err(Problem::NotOwner.into());
        }
        match &first.phase {
            Phase::Ended(_) => return Err(Problem::AlreadyEnded(first.id).into()),
            Phase::Completing(_) => return Err(Problem::AlreadyEnding(first.id).into()),
            Phase::Pending(_) | Phase::Running(_) => {}
        }
        if !update.changes.is_empty() || update.hold.is_some() {
            let cluster = Arc::clone(self.image().state.cluster());
            let done = self.remote.update(whom(&cluster, by, &first), id, update);
            let read = self.read(id);
            done.map_err(|error| told(error, first.id)).and(read)?;
        }
        let open = records.iter().filter(|job| !job.is_final());
        Ok(open.map(|job| handled(job, Ok(()))).collect())
    }

    fn records(&self, id: JobId) -> Vec<Arc<Job>> {
        let snapshot: Arc<Snapshot> = self.published.load_full();
        snapshot.records(id)
    }

    /// Reads a job anew, with all records of its array.
    pub(super) fn read(&self, id: JobId) -> Result<(), Error> {
        let told = self.remote.job(id, &self.cluster())?;
        let now = self.clock.now();
        let there: BTreeSet<JobId> = told.iter().map(|told| told.job.id).collect();
        let mut image = self.image();
        image.turn(&self.shown(), now, |ledger, memo| {
            for told in told {
                ledger.take_told(memo, &*self.history, told);
            }
            // Tasks that wait no more leave their array without a word.
            let gone =
                ledger.records(id).into_iter().filter(|job| !job.is_final() && !there.contains(&job.id));
            for job in gone.collect::<Vec<_>>() {
                memo.missing.entry(job.id).or_insert(now);
            }
        })?;
        let waits = !image.memo.ending.is_empty() || !image.memo.missing.is_empty();
        drop(image);
        if waits {
            self.gaze.ring();
        }
        Ok(())
    }
}

/// Refuses what a job in its state cannot be asked for, as it is known; the rest is the cluster's to refuse.
fn fits(job: &Job, deed: Deed, records: usize) -> Result<(), Problem> {
    match (&job.phase, deed) {
        _ if records > 1 => Ok(()),
        (Phase::Pending(_), Deed::Signal { .. } | Deed::Suspend | Deed::Resume) => {
            Err(Problem::NotRunning(job.id))
        }
        (Phase::Completing(_), Deed::Signal { .. } | Deed::Cancel { kill: false }) => {
            Err(Problem::AlreadyEnding(job.id))
        }
        _ => Ok(()),
    }
}

/// What the cluster says of the job that was named is said of the record.
fn told(error: RemoteError, id: JobId) -> Error {
    match error {
        RemoteError::Refused(Problem::AlreadyEnded(_)) => Problem::AlreadyEnded(id).into(),
        RemoteError::Refused(Problem::AlreadyEnding(_)) => Problem::AlreadyEnding(id).into(),
        error => error.into(),
    }
}

fn handled(job: &Job, result: Result<(), Error>) -> Handled {
    let task: Option<TaskIndex> = match &job.array {
        Some(ArrayPart::Task { index, .. }) => Some(*index),
        _ => None,
    };
    let tasks = match &job.array {
        Some(ArrayPart::Pool { waiting, .. }) => Some(waiting.clone()),
        _ => None,
    };
    Handled { job: Some(job.id), task, tasks, result }
}
