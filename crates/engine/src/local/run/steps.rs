//! Steps between the domain and the launchers: what was asked for is proposed, what is on record is granted.

use super::desk::{Ask, Desk};
use super::environment::Gpus;
use super::launch::{self, NoLaunch};
use super::local::Local;
use super::report::run_of;
use crate::local::steps::{Component, Given, Obstacle, components, grant, joint_allocation, place_all};
use domain::job::{HetPart, Job, JobStep, Phase};
use domain::ports::{StepReport, StepStart};
use domain::state::State;
use domain::{JobId, Text, Timestamp};
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use supervise::steps::{StepGrant, StepLayout, StepRequest};
use supervise::{Limits, RunId};

const OVER: &str = "Job/step already completing or completed";

impl Local {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the ends of steps that are not on record, after those were found that no launcher knows any more.
    pub(super) fn ended_steps(&mut self, state: &State) -> Vec<StepReport> {
        let inventories = self.desk().take_inventories();
        let at = Timestamp::from_micros(supervise::UnixMicros::now().0);
        for (run, known) in inventories {
            let Some(job) = job_of(state, run) else { continue };
            for step in job.run().iter().flat_map(|run| &run.steps.live) {
                let is_asked = self.desk().asks.contains_key(&(run, step.ticket));
                match known.contains(&step.ticket) {
                    // On record, and the launcher has not heard of it.
                    true if is_asked => self.start_step(&job, step.number, &members_of(state, &job)),
                    true => {}
                    false => self.desk().lose(run, step.number, at),
                }
            }
        }
        self.desk().ends()
    }

    /// Proposes steps that fit now, and tells the others why they wait or will never have one.
    pub(super) fn proposed_steps(&mut self, state: &State, now: Timestamp) -> Vec<StepStart> {
        let mut desk = self.desk();
        if desk.asks.is_empty() {
            return Vec::new();
        }
        let mut starts: Vec<StepStart> = Vec::new();
        let mut refused: Vec<(RunId, u64)> = Vec::new();
        let mut jobs: HashMap<RunId, Option<Found>> = HashMap::new();
        let Desk { asks, looked_at, .. } = &mut *desk;
        for ((run, ticket), ask) in asks.iter_mut() {
            let found = jobs.entry(*run).or_insert_with(|| {
                let job = job_of(state, *run)?;
                let last = looked_at.insert(*run, Arc::clone(&job));
                let is_same = last.is_some_and(|last| Arc::ptr_eq(&last, &job));
                let components = components(&job, &members_of(state, &job));
                Some(Found { job, is_same, components })
            });
            let decided = match found {
                Some(Found { is_same: true, .. }) if !ask.is_new => continue,
                Some(found) => self.decide(found, *ticket, ask, &starts, now),
                None => Err(Obstacle::Never(OVER)),
            };
            ask.is_new = false;
            match decided {
                Ok(None) => {}
                Ok(Some(start)) => starts.push(start),
                Err(Obstacle::Wait(why)) if !ask.request.immediate => {
                    if ask.told != Some(why) {
                        ask.told = Some(why);
                        self.supervisor.delay_step(*run, *ticket, why);
                    }
                }
                Err(Obstacle::Wait(why) | Obstacle::Never(why)) => {
                    self.supervisor.refuse_step(*run, *ticket, why);
                    refused.push((*run, *ticket));
                }
            }
        }
        asks.retain(|key, _| !refused.contains(key));
        starts
    }

    /// Decides about one ask; those that were decided before it in this round count as begun.
    fn decide(
        &self,
        found: &Found,
        ticket: u64,
        ask: &Ask,
        begun: &[StepStart],
        now: Timestamp,
    ) -> Result<Option<StepStart>, Obstacle> {
        let job = &found.job;
        let Phase::Running(run) = &job.phase else { return Err(Obstacle::Never(OVER)) };
        if ask.uid != 0 && ask.uid != job.spec.owner.uid.0 && self.surroundings.may_switch_user {
            return Err(Obstacle::Never("Access/permission denied"));
        }
        if run.steps.live.iter().any(|step| step.ticket == ticket) {
            // It is on record, and its start is on the way.
            return Ok(None);
        }
        if run.is_suspended() {
            return Err(Obstacle::Wait("Job is suspended"));
        }
        let of_job = begun.iter().filter(|start| start.job == job.id);
        let mut live = run.steps.live.clone();
        live.extend(of_job.clone().map(|start| Arc::clone(&start.step)));
        let placed = place_all(&ask.request, &found.components, &live, &self.cluster)?;
        let number = run.steps.next + u32::try_from(of_job.count()).unwrap_or(0);
        let request = &ask.request;
        let step = JobStep {
            number,
            ticket,
            name: cut(&request.name),
            command: cut(&request.command),
            started: now,
            tasks: placed.shares.iter().map(|share| share.tasks).sum(),
            shares: placed.shares,
            parts: placed.parts,
            overlaps: request.overlap,
            time_limit: request.time_limit.map(|limit| limit.as_secs()),
        };
        Ok(Some(StepStart { job: job.id, attempt: job.restarts, step: Arc::new(step) }))
    }

    /// A step is on record: its launcher may start it. Without the ask, it is told so that it reports an end.
    pub(super) fn start_step(&self, job: &Arc<Job>, number: u32, members: &[Arc<Job>]) {
        let run = run_of(job.id, job.restarts);
        let found = job.run().and_then(|run| Some((run, run.steps.step(number)?)));
        let Some((_, step)) = found else { return };
        let ask = self.desk().asks.remove(&(run, step.ticket));
        let granted = match &ask {
            Some(ask) => {
                let joint = joint_allocation(&ask.request, &components(job, members));
                let gone = || OVER.to_owned();
                joint.ok_or_else(gone).and_then(|joint| self.grant_of(job, &joint, step, &ask.request))
            }
            None => Ok(nobodys(number)),
        };
        match granted {
            Ok(granted) => self.supervisor.grant_step(run, step.ticket, granted),
            Err(why) => {
                tracing::error!(job.id = job.id.0, step = number, error = why, "a step cannot begin");
                self.supervisor.refuse_step(run, step.ticket, &why);
                self.desk().lose(run, number, step.started);
            }
        }
    }

    fn grant_of(
        &self,
        job: &Job,
        allocation: &domain::job::Allocation,
        step: &JobStep,
        request: &StepRequest,
    ) -> Result<StepGrant, String> {
        let around = &self.surroundings.around;
        let user = launch::user(job, &self.users, &self.surroundings).map_err(NoLaunch::why)?;
        let private = around.private(job, &self.surroundings.instance)?;
        let gpu_numbers = |share: &domain::job::NodeShare| {
            let node = self.cluster.node(share.node);
            node.map(|node| Gpus::of(node, share, false).numbers().to_vec()).unwrap_or_default()
        };
        Ok(grant(&Given {
            job,
            allocation,
            step,
            request,
            cluster: &self.cluster,
            user,
            private,
            around: around.of_tasks(),
            bind_to: self.surroundings.bind_to.as_deref(),
            limit_memory: self.surroundings.limit_memory,
            hides_devices: self.surroundings.hides_devices,
            gpu_numbers: &gpu_numbers,
        }))
    }

    /// The end of a step is on record.
    pub(super) fn forget_step(&self, job: JobId, attempt: u32, number: u32) {
        self.desk().forget(job, attempt, number);
        self.supervisor.forget_steps(run_of(job, attempt), &[number]);
    }

    /// A run is over.
    pub(super) fn forget_desk(&self, run: RunId) {
        self.desk().forget_run(run);
    }
}

/// A job in which steps are asked for.
struct Found {
    job: Arc<Job>,
    /// It is as it was when its asks were looked at last.
    is_same: bool,
    components: Vec<Option<Component>>,
}

/// Returns all components of a heterogeneous job, itself the first; of another nothing.
fn members_of(state: &State, job: &Job) -> Vec<Arc<Job>> {
    let members = job.het.into_iter().flat_map(HetPart::members);
    members.filter_map(|id| state.job(id)).cloned().collect()
}

fn job_of(state: &State, run: RunId) -> Option<Arc<Job>> {
    let id = JobId(u32::try_from(run.key).ok()?);
    state.job(id).filter(|job| job.restarts == run.attempt && job.held_resources().is_some()).cloned()
}

/// A grant for a client who is gone.
fn nobodys(number: u32) -> StepGrant {
    StepGrant {
        layout: StepLayout { step: number, ..StepLayout::default() },
        user: None,
        limits: Limits::default(),
        private: None,
        env: Vec::new(),
        tasks: Vec::new(),
        pid_variable: std::ffi::OsString::new(),
        around: Vec::new(),
        time_limit: None,
        kill_wait: std::time::Duration::ZERO,
    }
}

/// Names are shown in lists: nobody needs more of one.
fn cut(text: &str) -> Text {
    const MOST: usize = 1024;
    Text::from(text.chars().take(MOST).collect::<String>())
}
