//! Doing something with jobs: cancelling, signalling, putting back. What one job refuses does not stop the others.

use super::ledger::Ledger;
use super::selection::{Action, Handled, Selection, Target};
use crate::cluster::Cluster;
use crate::job::{
    ArrayPart, Event, HetPart, Hold, Job, JobKind, Phase, PutBack, Requeue, Running, SuspendedBy, TaskSet,
    WarningScope,
};
use crate::state::State;
use crate::who::Principal;
use crate::{Error, JobId, Problem, TaskIndex, Text, Uid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// `SIGKILL`.
const SIGKILL: i32 = 9;

/// So many tasks are looked for one by one.
const FEW: u32 = 16;

/// How long a list of tasks may be in a name.
const LONGEST_NAME: usize = 4096;

/// What shall be done, and whether jobs that recur were named as such.
#[derive(Clone, Copy)]
struct Wish {
    action: Action,
    cron_jobs: bool,
}

impl Wish {
    /// Only to cancel them needs to be said, and only where that is configured.
    fn means_cron_jobs(self, cluster: &Cluster) -> bool {
        let cancels = matches!(self.action, Action::Cancel { .. } | Action::KillSteps | Action::KillScript);
        self.cron_jobs || !cancels || !cluster.limits.explicit_cron_cancel
    }
}

impl Ledger<'_> {
    /// Does something with every job selected.
    pub(super) fn act(&mut self, by: &Principal, selection: &Selection, action: Action) -> Vec<Handled> {
        // SIGKILL ends a job like cancelling it at once.
        let action = match action {
            Action::Signal { signal: SIGKILL, .. } => Action::Cancel { kill: true },
            action => action,
        };
        let wish = Wish { action, cron_jobs: selection.cron_jobs };
        if selection.targets.is_empty() {
            let passes = |job: &&Arc<Job>| !job.is_final() && selection.filter.passes(job, self.state());
            let chosen: Vec<Arc<Job>> = self.state().jobs().iter().filter(passes).cloned().collect();
            return chosen.iter().map(|job| self.act_on(by, job, wish)).collect();
        }
        let index = Index::of(self.state(), selection.targets.len());
        let act_on = |target: &Target| {
            let wish = Wish { action: of_step(action, target.step), ..wish };
            let records = index.records(self.state(), target);
            self.act_on_target(by, target, (selection, records), wish)
        };
        selection.targets.iter().flat_map(act_on).collect()
    }

    fn act_on_target(
        &mut self,
        by: &Principal,
        target: &Target,
        (selection, records): (&Selection, Vec<Arc<Job>>),
        wish: Wish,
    ) -> Vec<Handled> {
        if records.is_empty() {
            return vec![Handled::whole(target.job, Err(Problem::UnknownJob(target.job).into()))];
        }
        let (records, others): (Vec<_>, Vec<_>) =
            records.into_iter().partition(|job| selection.filter.passes(job, self.state()));
        if records.is_empty() {
            let refused = |job: &Arc<Job>| Handled::whole(job.id, Err(Problem::NotMeant(job.id).into()));
            return others.iter().map(refused).collect();
        }
        if let Some(component) = target.component {
            return self.act_on_component(by, target.job, &records, component, wish);
        }
        if records.iter().any(|job| job.het.is_some_and(|part| part.size > 1 && part.leader == target.job)) {
            return self.act_on_components(by, &records, wish);
        }
        match &target.tasks {
            Some(tasks) if records.iter().any(|job| job.array.is_some()) => {
                self.act_on_tasks(by, target.job, &records, tasks, wish)
            }
            // A job that is no array has no tasks.
            Some(tasks) => vec![unknown(target.job, tasks, tasks)],
            None if records.len() == 1 => records.iter().map(|job| self.act_on(by, job, wish)).collect(),
            // Of a whole array the tasks that are over are left alone, unless all are.
            None => {
                let open: Vec<_> = records.iter().filter(|job| !job.is_final()).cloned().collect();
                let meant = if open.is_empty() { records } else { open };
                meant.iter().map(|job| self.act_on(by, job, wish)).collect()
            }
        }
    }

    fn act_on_component(
        &mut self,
        by: &Principal,
        leader: JobId,
        records: &[Arc<Job>],
        component: u32,
        wish: Wish,
    ) -> Vec<Handled> {
        let is_meant =
            |job: &&Arc<Job>| job.het.is_some_and(|part| part.leader == leader && part.offset == component);
        match records.iter().find(is_meant) {
            Some(job) => vec![self.act_on(by, job, wish)],
            None => vec![Handled::whole(leader, Err(Problem::UnknownJob(leader).into()))],
        }
    }

    /// The leader comes last, as the original tells it. Components that are over are left alone, unless all are.
    fn act_on_components(&mut self, by: &Principal, records: &[Arc<Job>], wish: Wish) -> Vec<Handled> {
        if let Action::Requeue { .. } | Action::Suspend | Action::Resume = wish.action {
            // The others follow him.
            let leader = records.iter().find(|job| job.het.is_some_and(HetPart::is_leader));
            return leader.map(|job| self.act_on(by, job, wish)).into_iter().collect();
        }
        let all_over = records.iter().all(|job| job.is_final());
        let meant = records.iter().rev().filter(|job| all_over || !job.is_final());
        meant.map(|job| self.act_on(by, job, wish)).collect()
    }

    /// What is not there is told first, then each task that has a record, then those that wait together.
    fn act_on_tasks(
        &mut self,
        by: &Principal,
        array: JobId,
        records: &[Arc<Job>],
        tasks: &TaskSet,
        wish: Wish,
    ) -> Vec<Handled> {
        let own = |job: &Arc<Job>| match &job.array {
            Some(ArrayPart::Task { index, .. }) => Some((*index, Arc::clone(job))),
            _ => None,
        };
        let all: HashMap<TaskIndex, Arc<Job>> = records.iter().filter_map(own).collect();
        let own: BTreeMap<TaskIndex, Arc<Job>> =
            tasks.iter().filter_map(|index| Some((index, Arc::clone(all.get(&index)?)))).collect();
        let pool = records.iter().find_map(|job| match &job.array {
            Some(ArrayPart::Pool { waiting, .. }) if job.is_pending() => Some((job, waiting)),
            _ => None,
        });
        // Of many, each look at the set itself would be a walk.
        let idle: Option<HashSet<TaskIndex>> =
            pool.filter(|_| tasks.len() > FEW).map(|(_, waiting)| waiting.iter().collect());
        let waits = |index: &TaskIndex| match &idle {
            Some(idle) => idle.contains(index),
            None => pool.is_some_and(|(_, waiting)| waiting.contains(*index)),
        };
        let (waiting, others): (Vec<TaskIndex>, Vec<TaskIndex>) =
            tasks.iter().filter(|index| !own.contains_key(index)).partition(waits);
        let mut handled = Vec::new();
        if !others.is_empty() {
            handled.push(unknown(array, &TaskSet::from_indexes(numbers(&others)), tasks));
        }
        handled.extend(own.values().map(|job| self.act_on(by, job, wish)));
        if let Some((pool, _)) = pool.filter(|_| !waiting.is_empty()) {
            let tasks = TaskSet::from_indexes(numbers(&waiting));
            let result = match wish.action {
                _ if !by.may_change(pool) => Err(Problem::NotOwner.into()),
                Action::Cancel { .. } | Action::KillSteps | Action::KillScript => {
                    self.drop_waiting_tasks(by, pool.id, &waiting)
                }
                _ => Err(Problem::NotRunning(array).into()),
            };
            let task = tasks.first().filter(|_| tasks.len() == 1);
            handled.push(Handled { job: Some(pool.id), task, tasks: Some(tasks), result });
        }
        handled
    }

    /// Waiting tasks that are cancelled leave the array without a record, as long as others wait there.
    fn drop_waiting_tasks(
        &mut self,
        by: &Principal,
        pool: JobId,
        dropped: &[TaskIndex],
    ) -> Result<(), Error> {
        let Some(pool) = self.job(pool).cloned() else { return Ok(()) };
        let Some(ArrayPart::Pool { waiting, throttle, size }) = &pool.array else { return Ok(()) };
        let dropped: HashSet<TaskIndex> = dropped.iter().copied().collect();
        let left: Vec<TaskIndex> = waiting.iter().filter(|index| !dropped.contains(index)).collect();
        if left.is_empty() {
            let by = by.uid.unwrap_or(Uid(0));
            return Ok(self.happen(pool.id, Event::Cancelled { at: self.now, by, kill: false })?);
        }
        let rest = TaskSet::from_indexes(numbers(&left));
        let array = Some(ArrayPart::Pool { waiting: rest, throttle: *throttle, size: *size });
        self.put(Job { array, ..(*pool).clone() });
        Ok(())
    }

    fn act_on(&mut self, by: &Principal, job: &Arc<Job>, wish: Wish) -> Handled {
        let task = match job.array {
            Some(ArrayPart::Task { index, .. }) => Some(index),
            _ => None,
        };
        let now = self.job(job.id).cloned().unwrap_or_else(|| Arc::clone(job));
        let result = if !by.may_change(job) {
            Err(Problem::NotOwner.into())
        } else if now.het.is_some() && now.phase != job.phase {
            // Another component has just taken it along.
            Ok(())
        } else if now.recurs() && !wish.means_cron_jobs(self.cluster()) {
            Err(Problem::CronJobNotMeant(job.id).into())
        } else {
            self.perform(by, &now, wish.action)
        };
        Handled { job: Some(job.id), task, tasks: None, result }
    }

    fn perform(&mut self, by: &Principal, job: &Arc<Job>, action: Action) -> Result<(), Error> {
        let (id, at) = (job.id, self.now);
        let who = by.uid.unwrap_or(Uid(0));
        match (&job.phase, action) {
            (_, Action::Requeue { .. } | Action::Suspend | Action::Resume)
                if job.het.is_some_and(|part| !part.is_leader()) =>
            {
                Err(Problem::NotLeader(job.id).into())
            }
            (_, Action::Requeue { hold, special }) => self.put_back(by, job, hold || special, special),
            (Phase::Ended(_), _) => Err(Problem::AlreadyEnded(id).into()),
            (_, Action::Complete { .. }) if job.spec.kind != JobKind::Allocation => {
                Err(Problem::NotAllocation(id).into())
            }
            (Phase::Pending(_), Action::Complete { .. }) => Err(Problem::NotRunning(id).into()),
            (_, Action::Complete { exit }) => Ok(self.happen(id, Event::Finished { at, exit })?),
            (Phase::Completing(_), Action::Cancel { kill: true }) => {
                Ok(self.happen(id, Event::Cancelled { at, by: who, kill: true })?)
            }
            // It would have gone back into the queue.
            (Phase::Completing(completing), Action::Cancel { kill }) if completing.requeue.is_some() => {
                Ok(self.happen(id, Event::Cancelled { at, by: who, kill })?)
            }
            (Phase::Completing(_), _) => Err(Problem::AlreadyEnding(id).into()),
            (Phase::Running(run), Action::SignalStep { number, signal }) => match run.steps.step(number) {
                Some(_) => Ok(self.happen(id, Event::StepSignalled { number, signal })?),
                None => Err(Problem::AlreadyEnded(id).into()),
            },
            (
                Phase::Pending(_),
                Action::Signal { .. } | Action::SignalStep { .. } | Action::Suspend | Action::Resume,
            ) => Err(Problem::NotRunning(id).into()),
            (Phase::Running(_), Action::KillScript) if job.runs_script() => {
                let scope = WarningScope::Batch;
                Ok(self.happen(id, Event::Signalled { signal: SIGKILL, scope })?)
            }
            (Phase::Running(_), Action::KillScript) => {
                Ok(self.happen(id, Event::Cancelled { at, by: who, kill: true })?)
            }
            (Phase::Running(run), Action::KillSteps) => {
                for step in &run.steps.live {
                    self.happen(id, Event::StepSignalled { number: step.number, signal: SIGKILL })?;
                }
                Ok(())
            }
            (Phase::Pending(_), Action::KillSteps | Action::KillScript) => {
                Ok(self.happen(id, Event::Cancelled { at, by: who, kill: false })?)
            }
            (_, Action::Cancel { kill }) => Ok(self.happen(id, Event::Cancelled { at, by: who, kill })?),
            (Phase::Running(_), Action::Signal { signal, scope }) => {
                Ok(self.happen(id, Event::Signalled { signal, scope })?)
            }
            (Phase::Running(run), Action::Suspend) => self.suspend(id, run),
            (Phase::Running(run), Action::Resume) => self.let_go_on(job, run),
        }
    }

    /// Puts a job back into the queue; a hold is the caller's own, so that only an operator releases an operator's.
    fn put_back(&mut self, by: &Principal, job: &Arc<Job>, hold: bool, special: bool) -> Result<(), Error> {
        let put_back = match (hold, special) {
            (_, true) => PutBack::SpecialExit,
            (true, false) => PutBack::Held,
            (false, false) => PutBack::Plain,
        };
        let is_own = by.uid == Some(job.spec.owner.uid);
        let hold = match (hold || job.is_suspended(), is_own) {
            (false, _) => Hold::None,
            (true, true) => Hold::User,
            (true, false) => Hold::Admin,
        };
        match &job.phase {
            Phase::Pending(_) => Err(Problem::NotRunning(job.id).into()),
            Phase::Completing(_) => Err(Problem::AlreadyEnding(job.id).into()),
            Phase::Running(_) | Phase::Ended(_) if !job.spec.requeue || job.spec.kind != JobKind::Batch => {
                Err(Problem::Unalterable(job.id).into())
            }
            Phase::Running(_) | Phase::Ended(_) => {
                let how = Requeue { hold, put_back };
                Ok(self.happen(job.id, Event::Requeued { at: self.now, how })?)
            }
        }
    }

    fn suspend(&mut self, id: JobId, run: &Running) -> Result<(), Error> {
        match run.suspended_by() {
            Some(SuspendedBy::Operator) => Err(Problem::Suspended(id).into()),
            None if run.preemption.is_some() => Err(Problem::Unalterable(id).into()),
            // What the scheduler has suspended would go on by itself; an operator may forbid that.
            _ => Ok(self.happen(id, Event::Suspended { at: self.now, by: SuspendedBy::Operator })?),
        }
    }

    /// Lets a suspended job go on at once, or as soon as others have left its CPUs.
    fn let_go_on(&mut self, job: &Job, run: &Running) -> Result<(), Error> {
        match run.suspended_by() {
            None => Err(Problem::NotSuspended(job.id).into()),
            Some(_) if self.has_room_to_resume(job) => {
                Ok(self.happen(job.id, Event::Resumed { at: self.now })?)
            }
            Some(_) => Ok(self.happen(job.id, Event::ResumeAsked)?),
        }
    }

    /// Tells whether a suspended job can go on at once, with all its components.
    pub(super) fn has_room_to_resume(&self, job: &Job) -> bool {
        let has_room = |id| match self.job(id) {
            Some(other) if other.is_suspended() => self.state().has_room_to_resume(other),
            _ => true,
        };
        match job.het {
            Some(part) => part.members().all(has_room),
            None => has_room(job.id),
        }
    }
}

/// The records of arrays by their arrays, for requests that name many: a look through all jobs for each would take long.
struct Index(Option<HashMap<JobId, Vec<JobId>>>);

impl Index {
    fn of(state: &State, targets: usize) -> Self {
        if targets < 2 {
            return Index(None);
        }
        let mut arrays: HashMap<JobId, Vec<JobId>> = HashMap::new();
        for job in state.jobs().iter().filter(|job| job.array.is_some()) {
            arrays.entry(job.array_id()).or_default().push(job.id);
        }
        Index(Some(arrays))
    }

    /// Returns the records that a name stands for as they are now.
    fn records(&self, state: &State, target: &Target) -> Vec<Arc<Job>> {
        let Index(Some(arrays)) = self else { return state.records(target.job) };
        match state.job(target.job).map(|job| (&job.array, job.array_id())) {
            Some((None, _)) => state.records(target.job),
            Some((Some(_), array)) if array != target.job => {
                state.job(target.job).cloned().into_iter().collect()
            }
            _ => {
                let ids = arrays.get(&target.job).map(Vec::as_slice).unwrap_or_default();
                ids.iter().filter_map(|id| state.job(*id)).cloned().collect()
            }
        }
    }
}

fn numbers(tasks: &[TaskIndex]) -> impl Iterator<Item = u32> + '_ {
    tasks.iter().map(|index| index.0)
}

/// Tells of tasks that are not there: by the name that was written for one, as a set for some of several.
fn unknown(array: JobId, tasks: &TaskSet, named: &TaskSet) -> Handled {
    let name = match named.first().filter(|_| named.len() == 1) {
        Some(index) => format!("{array}_{index}"),
        None => format!("{array}_[{}]", tasks.written(LONGEST_NAME)),
    };
    let task = tasks.first().filter(|_| tasks.len() == 1);
    let result = Err(Problem::UnknownTask(Text::from(name)).into());
    Handled { job: None, task, tasks: Some(tasks.clone()), result }
}

/// Narrows an action to a step: cancelling one kills it.
fn of_step(action: Action, step: Option<u32>) -> Action {
    match (step, action) {
        (None, action) => action,
        (Some(number), Action::Signal { signal, .. }) => Action::SignalStep { number, signal },
        (Some(number), Action::Cancel { .. } | Action::KillSteps | Action::KillScript) => {
            Action::SignalStep { number, signal: SIGKILL }
        }
        (Some(_), action) => action,
    }
}
