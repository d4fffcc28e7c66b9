//! A cluster in memory: it gives numbers, starts and ends jobs when it is told to by the test, forgets those that are over,
//! and loses answers as scripted.

use super::*;
use crate::job::{Ended, Hold, Pending, Running, TaskSet};
use crate::service::update::{HoldWish, Update};
use std::collections::{BTreeMap, VecDeque};

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is not sent.
    Unreachable,
    /// It is lost on its way.
    LostBefore,
    /// It is done, and the answer is lost.
    LostAfter,
    /// It is lost for now, and done later.
    Late,
}

#[derive(Default)]
pub(super) struct Inside {
    pub(super) jobs: BTreeMap<JobId, Told>,
    pub(super) accounting: Vec<Told>,
    pub(super) last_id: u32,
    /// By the client's key: which jobs were made.
    pub(super) made: BTreeMap<Text, Vec<JobId>>,
    /// What will have taken effect by then.
    late: Vec<(Timestamp, Submission, Text)>,
    /// For the next submissions; then none.
    pub(super) submissions: VecDeque<Fault>,
    pub(super) is_unreachable: bool,
    pub(super) is_accounting_down: bool,
    moments: u64,
    /// What the next look is told.
    pub(super) old: Option<Sighting>,
    looks: VecDeque<(Look, BTreeMap<JobId, Told>)>,
    ground: usize,
    pub(super) asked: Vec<String>,
    /// Who waits until he is let go before a submission is done.
    pub(super) gate: Option<crossbeam_channel::Receiver<()>>,
}

impl Inside {
    fn moment(&mut self) -> Moment {
        self.moments += 1;
        Moment(self.moments)
    }
}

#[derive(Clone)]
pub(super) struct Fake {
    pub(super) inside: Arc<Mutex<Inside>>,
    clock: HandClock,
}

impl Fake {
    pub(super) fn new(clock: HandClock) -> Self {
        Fake { inside: Arc::default(), clock }
    }

    pub(super) fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    fn second(&self) -> Timestamp {
        Timestamp::from_seconds(self.clock.now().seconds())
    }

    fn made(&self, inside: &mut Inside, submission: &Submission, mark: &str) -> JobId {
        inside.last_id += 1;
        let id = JobId(inside.last_id);
        if let Some(key) = &submission.client_key {
            inside.made.entry(key.key.clone()).or_default().push(id);
        }
        let mut spec = submission.spec.clone();
        // What no cluster tells.
        spec.uncommon = None;
        if spec.partitions.is_empty() {
            spec.partitions = vec!["debug".into()];
        }
        let array = TaskSet::parse(&submission.array, 1001).map(|(waiting, throttle)| {
            let size = waiting.len();
            ArrayPart::Pool { waiting, throttle, size }
        });
        let at = self.second();
        let hold = if submission.hold { Hold::User } else { Hold::None };
        let phase = Phase::Pending(Pending { hold, ..Pending::default() });
        let job = Job {
            id,
            spec: Arc::new(spec),
            array,
            submitted: at,
            eligible: at,
            phase,
            ..crate::job::tests::job(1)
        };
        inside.jobs.insert(id, Told { job, mark: mark.into(), accounted: false, as_of: Moment::default() });
        id
    }

    /// Starts a job that waits; of an array the first task that does.
    pub(super) fn start(&self, id: JobId) {
        let at = self.second();
        let mut inside = self.inside();
        let Some(mut told) = inside.jobs.get(&id).cloned().filter(|told| told.job.is_pending()) else {
            return;
        };
        if let Some(ArrayPart::Pool { mut waiting, throttle, size }) = told.job.array.clone() {
            let Some(index) = waiting.first() else { return };
            waiting.remove(index);
            if !waiting.is_empty() {
                inside.last_id += 1;
                let rest = ArrayPart::Pool { waiting, throttle, size };
                inside.jobs.get_mut(&id).unwrap().job.array = Some(rest);
                told.job.id = JobId(inside.last_id);
            }
            told.job.array = Some(ArrayPart::Task { of: id, index, throttle, size });
        }
        let share = NodeShare {
            node: crate::NodeIndex(0),
            cpus: CpuSet::first(1),
            memory: 100,
            tasks: 1,
            gres: Default::default(),
        };
        let allocation = Allocation {
            partition: "debug".into(),
            nodes: [share].into_iter().collect(),
            whole: false,
            licenses: Default::default(),
            reservation: Default::default(),
        };
        let until = told.job.spec.time_limit.end_from(at);
        let run = Running::new(at, Arc::new(allocation), until, Text::default());
        told.job.phase = Phase::Running(Box::new(run));
        inside.jobs.insert(told.job.id, told);
    }

    /// Ends a job; accounting hears of it.
    pub(super) fn end(&self, id: JobId, outcome: Outcome) {
        let at = self.second();
        let mut inside = self.inside();
        let Some(told) = inside.jobs.get_mut(&id).filter(|told| !told.job.is_final()) else { return };
        let ended = |usage| {
            Phase::Ended(Box::new(Ended {
                outcome,
                reason: Reason::None,
                ended: at,
                exit: Exit::Code(0),
                usage,
                cancelled_by: None,
                run: told.job.run().cloned(),
                remark: Text::default(),
            }))
        };
        let usage = Usage { user: Duration::from_secs(7), ..Usage::default() };
        let (shown, known) = (ended(Usage::default()), ended(usage));
        told.job.phase = shown;
        let known = Told { job: Job { phase: known, ..told.job.clone() }, accounted: true, ..told.clone() };
        inside.accounting.push(known);
    }

    /// Puts a running job back into the queue.
    pub(super) fn requeue(&self, id: JobId) {
        let at = self.second();
        let mut inside = self.inside();
        let Some(told) =
            inside.jobs.get_mut(&id).filter(|told| told.job.run().is_some() && !told.job.is_final())
        else {
            return;
        };
        told.job.restarts += 1;
        told.job.submitted = at.max(told.job.submitted.after(Duration::from_secs(1)));
        told.job.phase = Phase::Pending(Pending::default());
    }

    /// Forgets jobs that have been over for so long.
    pub(super) fn forget(&self, age: Duration) {
        let now = self.second();
        self.inside().jobs.retain(|_, told| match &told.job.phase {
            Phase::Ended(ended) => now.since(ended.ended) < age,
            _ => true,
        });
    }

    /// Loses a job without a trace, as a controller does that was killed before it had saved its state.
    pub(super) fn lose(&self, id: JobId) {
        let mut inside = self.inside();
        inside.jobs.remove(&id);
    }

    fn reached(&self, what: String) -> Result<std::sync::MutexGuard<'_, Inside>, RemoteError> {
        let mut inside = self.inside();
        let now = self.clock.now();
        let (due, late): (Vec<_>, Vec<_>) =
            std::mem::take(&mut inside.late).into_iter().partition(|(at, ..)| *at <= now);
        inside.late = late;
        for (_, submission, mark) in due {
            self.made(&mut inside, &submission, &mark);
        }
        inside.asked.push(what);
        match inside.is_unreachable {
            true => Err(RemoteError::Unreachable("nobody answers".into())),
            false => Ok(inside),
        }
    }
}

impl Remote for Fake {
    fn ground(&self) -> Result<Option<Ground>, RemoteError> {
        let mut inside = self.reached("ground".into())?;
        inside.ground += 1;
        let cluster = cluster();
        let partitions =
            cluster.partitions.into_iter().map(|partition| (partition, vec!["n1".into()])).collect();
        let ground = Ground { name: cluster.name, nodes: cluster.nodes, partitions, ..Ground::default() };
        Ok((inside.ground % 2 == 1).then_some(ground))
    }

    fn jobs(&self, since: Option<Look>, _cluster: &Cluster) -> Result<Sighting, RemoteError> {
        let mut inside = self.reached("jobs".into())?;
        if let Some(old) = inside.old.take() {
            return Ok(old);
        }
        let as_of = inside.moment();
        let shown: BTreeMap<JobId, Told> =
            inside.jobs.iter().map(|(id, told)| (*id, Told { as_of, ..told.clone() })).collect();
        // Two looks are remembered.
        let before =
            inside.looks.iter().find(|(look, _)| Some(*look) == since).map(|(_, shown)| shown.clone());
        let is_other = |told: &&Told| {
            let known = before.as_ref().and_then(|before| before.get(&told.job.id));
            known.is_none_or(|known| known.job != told.job)
        };
        let jobs = shown.values().filter(is_other).cloned().collect();
        let there = Arc::new(shown.keys().copied().collect());
        let look = Look(as_of.0);
        inside.looks.push_back((look, shown));
        if inside.looks.len() > 2 {
            inside.looks.pop_front();
        }
        Ok(Sighting { look, as_of, jobs, there })
    }

    fn jobs_now(&self, since: Option<Look>, cluster: &Cluster) -> Result<Sighting, RemoteError> {
        self.jobs(since, cluster)
    }

    fn job(&self, id: JobId, _cluster: &Cluster) -> Result<Vec<Told>, RemoteError> {
        let mut inside = self.reached(format!("job {id}"))?;
        let as_of = inside.moment();
        let is_it = |told: &&Told| told.job.id == id || told.job.array_id() == id;
        Ok(inside.jobs.values().filter(is_it).map(|told| Told { as_of, ..told.clone() }).collect())
    }

    fn submit(&self, submission: &Submission, mark: &str) -> Result<JobId, RemoteError> {
        let gate = self.inside().gate.clone();
        if let Some(gate) = gate {
            gate.recv().unwrap();
        }
        let mut inside = self.reached(format!("submit {mark}"))?;
        if submission.spec.name == "bad" {
            let words = "Invalid account".into();
            return Err(RemoteError::Refused(Problem::ClusterRefused(ClusterRefusal {
                number: 2045,
                words,
            })));
        }
        let lost = || RemoteError::Unknown("the connection broke".into());
        match inside.submissions.pop_front() {
            None => Ok(self.made(&mut inside, submission, mark)),
            Some(Fault::Unreachable) => Err(RemoteError::Unreachable("nobody answers".into())),
            Some(Fault::LostBefore) => Err(lost()),
            Some(Fault::LostAfter) => {
                self.made(&mut inside, submission, mark);
                Err(lost())
            }
            Some(Fault::Late) => {
                let at = self.clock.now().after(Duration::from_secs(3));
                inside.late.push((at, submission.clone(), mark.into()));
                Err(lost())
            }
        }
    }

    fn act(&self, user: &str, deed: Deed, job: JobId, tasks: Option<&TaskSet>) -> Result<(), RemoteError> {
        let ids: Vec<JobId> = {
            let tasks = tasks.map(|tasks| tasks.written(100)).unwrap_or_default();
            let inside = self.reached(format!("{deed:?} {job} {tasks} as {user}"))?;
            let all = inside.jobs.values().filter(|told| told.job.id == job || told.job.array_id() == job);
            all.map(|told| told.job.id).collect()
        };
        match deed {
            Deed::Cancel { .. } => ids.iter().for_each(|id| self.end(*id, Outcome::Cancelled)),
            _ => return Err(RemoteError::Refused(Problem::Unsupported("this".into()))),
        }
        Ok(())
    }

    fn update(&self, user: &str, job: JobId, update: &Update) -> Result<(), RemoteError> {
        let mut inside = self.reached(format!("update {job} as {user}"))?;
        let told = inside.jobs.get_mut(&job).ok_or(RemoteError::Refused(Problem::UnknownJob(job)))?;
        if let (Some(HoldWish::Hold), Phase::Pending(pending)) = (update.hold, &mut told.job.phase) {
            pending.hold = Hold::User;
        }
        Ok(())
    }

    fn ended(&self, jobs: &[JobId], _cluster: &Cluster) -> Result<Vec<Told>, RemoteError> {
        let mut inside = self.reached(format!("ended {jobs:?}"))?;
        if inside.is_accounting_down {
            return Err(RemoteError::Unreachable("no database".into()));
        }
        let as_of = inside.moment();
        let wanted = inside.accounting.iter().filter(|told| jobs.contains(&told.job.id));
        Ok(wanted.map(|told| Told { as_of, ..told.clone() }).collect())
    }

    fn recall(
        &self,
        mark: &str,
        _owner: &str,
        _since: Timestamp,
        _cluster: &Cluster,
    ) -> Result<Option<Told>, RemoteError> {
        let mut inside = self.reached(format!("recall {mark}"))?;
        let as_of = inside.moment();
        let found = inside.accounting.iter().find(|told| told.mark == mark);
        Ok(found.map(|told| Told { as_of, ..told.clone() }))
    }

    fn payload(&self, job: JobId) -> Result<Option<Payload>, RemoteError> {
        let inside = self.reached(format!("payload {job}"))?;
        let script = Arc::from(&b"#!/bin/sh\n# from accounting\n"[..]);
        Ok(inside.jobs.contains_key(&job).then(|| Payload { script, ..Payload::default() }))
    }

    fn settles(&self) -> Duration {
        Duration::from_secs(5)
    }
}
