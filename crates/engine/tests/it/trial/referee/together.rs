//! Components of a heterogeneous job start together or not at all, and none goes on without its leader. A job that recurs
//! has one turn at a time, each when it is due.

use super::brief;
use domain::job::Job;
use domain::{JobId, Timestamp};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Checks a component that starts, once all that starts with it has been taken in.
pub(super) fn check_start(job: &Job, jobs: &BTreeMap<JobId, Arc<Job>>) -> Result<(), String> {
    let Some(part) = job.het else { return Ok(()) };
    let started = |job: &Job| job.held_resources().and_then(|_| Some(job.run()?.started));
    let own = started(job);
    for id in part.members() {
        let other = jobs.get(&id).ok_or_else(|| format!("component {id} is not there: {}", brief(job)))?;
        if started(other) != own {
            return Err(format!("it starts without component {id}: {}", brief(job)));
        }
    }
    Ok(())
}

/// Checks that no component holds anything while its leader does not.
pub(super) fn check_leader(job: &Job, jobs: &BTreeMap<JobId, Arc<Job>>) -> Result<(), String> {
    let Some(part) = job.het.filter(|part| !part.is_leader()) else { return Ok(()) };
    let is_led = jobs.get(&part.leader).is_some_and(|leader| leader.held_resources().is_some());
    match job.held_resources().is_none() || is_led {
        true => Ok(()),
        false => Err(format!("it goes on without its leader: {}", brief(job))),
    }
}

/// When the last turn of each job that recurs ended.
#[derive(Default)]
pub(super) struct Turns(HashMap<JobId, Timestamp>);

impl Turns {
    /// Checks that a turn is due.
    pub(super) fn check_start(&self, job: &Job) -> Result<(), String> {
        let written = &job.spec.uncommon().cron;
        let (Some(begin), false) = (job.spec.begin, written.is_empty()) else { return Ok(()) };
        let minutes = written.split(' ').next().unwrap_or_default();
        let minute = (begin.seconds() / 60 % 60).to_string();
        let due = minutes.split(',').any(|due| due == minute);
        if !due || begin.seconds() % 60 != 0 {
            return Err(format!("its turn {} s is not as {written} says", begin.seconds()));
        }
        match self.0.get(&job.id) {
            Some(last) if begin < *last => {
                Err(format!("its turn began before the last one ended, at {last:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Takes in that an attempt has ended.
    pub(super) fn ended(&mut self, job: &Job, at: Timestamp) {
        // What is put back has its turn once more.
        if job.recurs() && job.is_final() {
            self.0.insert(job.id, at);
        }
    }
}
