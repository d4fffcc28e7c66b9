//! What follows when a job is over: its statistics are written, and steps go that must not run without it.

use super::kept::{Kept, Step};
use super::script::Until;
use super::to_wire;
use domain::job::{Job, Outcome, Phase, Reason};
use domain::state::Snapshot;
use domain::{JobId, Text};
use jiff::tz::TimeZone;

/// What is to be done after the end of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// A file that its owner gets, and what is in it.
    pub file: Option<(Text, String)>,
    /// Jobs of its owner that are to be cancelled.
    pub cancel: Vec<JobId>,
}

/// Says what is to be done after the end of a job; nothing for jobs of other dialects.
pub fn aftermath(job: &Job, snapshot: &Snapshot, zone: &TimeZone) -> Aftermath {
    if !Kept::is_with(&job.spec) {
        return Aftermath::default();
    }
    let file = to_wire::statistics(job, &snapshot.cluster, zone);
    Aftermath { file, cancel: later_steps(job, snapshot) }
}

/// Returns the steps that must not run either, where a step was cancelled because of those before it.
fn later_steps(job: &Job, snapshot: &Snapshot) -> Vec<JobId> {
    let Some(own) = Kept::of(&job.spec).step else { return Vec::new() };
    let Phase::Ended(ended) = &job.phase else { return Vec::new() };
    let must_not_run =
        ended.outcome == Outcome::Cancelled && ended.reason == Reason::DependencyNeverSatisfied;
    if !must_not_run || own.until == Until::One {
        return Vec::new();
    }
    let step_job = own.of.unwrap_or(job.id.0);
    let theirs = snapshot.jobs.iter().filter(|other| other.spec.owner.uid == job.spec.owner.uid);
    let waiting: Vec<(JobId, Step)> = theirs
        .filter(|other| other.is_pending())
        .filter_map(|other| Some((other.id, Kept::of(&other.spec).step?)))
        .filter(|(id, step)| step.of.unwrap_or(id.0) == step_job)
        .collect();
    let mut gone = vec![own.number];
    let mut going: Vec<JobId> = Vec::new();
    // Those that depend on one that goes do so as well; each round but the last finds one.
    loop {
        let goes = |(id, step): &&(JobId, Step)| {
            let is_later = match own.until {
                Until::All => step.number > own.number,
                Until::After => step.after.iter().any(|number| gone.contains(number)),
                Until::One => false,
            };
            is_later && !going.contains(id)
        };
        let Some((id, step)) = waiting.iter().find(goes) else { return going };
        going.push(*id);
        gone.push(step.number);
    }
}
