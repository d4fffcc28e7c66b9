//! Jobs that the scheduler has suspended go on when their CPUs are free again: ahead of every waiting job that could not
//! push them aside anyway.

use super::ground::Ground;
use super::preempt::may_push;
use domain::JobId;
use domain::cluster::{Cluster, Partition};
use domain::job::{Allocation, Job, Phase, SuspendedBy};
use domain::state::State;
use std::cmp::Reverse;
use std::sync::Arc;

/// Suspended jobs that go on by themselves.
pub(super) struct Returning<'a> {
    state: &'a State,
    waiting: Vec<&'a Arc<Job>>,
    /// Those that go on now.
    pub(super) resumes: Vec<JobId>,
}

impl<'a> Returning<'a> {
    /// Finds those that wait to go on, the highest first.
    pub(super) fn new(state: &'a State) -> Self {
        let is_meant = |job: &&Arc<Job>| {
            matches!(&job.phase, Phase::Running(run) if run.suspended_by() == Some(SuspendedBy::Scheduler))
                && job.het.is_none_or(|part| part.is_leader())
        };
        let mut waiting: Vec<&Arc<Job>> = state.suspended().filter(is_meant).collect();
        waiting.sort_by_key(|job| (Reverse(tier(state.cluster(), job)), Reverse(job.priority), job.id));
        Returning { state, waiting, resumes: Vec::new() }
    }

    /// Lets all go on that have room and come before this waiting job.
    pub(super) fn before(&mut self, job: &Job, partition: &Partition, ground: &mut Ground<'a>) {
        if !self.waiting.is_empty() {
            let cluster = self.state.cluster();
            self.go_on(ground, |suspended| !may_push(cluster, job, partition, suspended));
        }
    }

    /// Lets all go on that have room.
    pub(super) fn at_last(&mut self, ground: &mut Ground<'a>) {
        self.go_on(ground, |_| true);
    }

    fn go_on(&mut self, ground: &mut Ground<'a>, may: impl Fn(&Job) -> bool) {
        let (state, resumes) = (self.state, &mut self.resumes);
        self.waiting.retain(|job| {
            if !may(job) {
                return true;
            }
            let parts: Vec<(&Arc<Job>, &Arc<Allocation>)> = parts(state, job).collect();
            if !parts.iter().all(|(job, allocation)| ground.has_room_for(job, allocation)) {
                return true;
            }
            parts.iter().for_each(|(job, allocation)| ground.resume(job, allocation));
            resumes.push(job.id);
            false
        });
    }
}

/// Returns a job with its suspended components, and what each holds.
fn parts<'a>(
    state: &'a State,
    job: &'a Arc<Job>,
) -> impl Iterator<Item = (&'a Arc<Job>, &'a Arc<Allocation>)> {
    let members = job.het.into_iter().flat_map(|part| part.members().skip(1));
    let others = members.filter_map(|id| state.job(id)).filter(|job| job.is_suspended());
    std::iter::once(job).chain(others).filter_map(|job| Some((job, job.held_resources()?)))
}

fn tier(cluster: &Cluster, job: &Job) -> u16 {
    let partition = job.held_resources().and_then(|allocation| cluster.partition(&allocation.partition));
    partition.map_or(0, |partition| partition.tier)
}
