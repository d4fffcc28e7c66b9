//! How much was used: what is history from its sums, what runs until this moment.

use super::handle::JobService;
use crate::Timestamp;
use crate::cluster::Cluster;
use crate::history::{Almanac, Amounts, Charge, Gathered, UsageLine, UsageWanted, pieces};
use crate::job::Job;
use crate::ports::StoreError;
use crate::state::Snapshot;
use std::sync::Arc;

/// How often it is asked again if a job ended between the looks at history and at what lives.
const TRIES: u32 = 3;

impl JobService {
    /// Sums what was used, by the hours in which it was; jobs that run count until now. Lines come in the order of
    /// their time, then of account, user, partition, quality of service, workload key and reservation. Blocks.
    ///
    /// # Errors
    /// If history cannot be read.
    pub fn report(&self, wanted: &UsageWanted) -> Result<Vec<UsageLine>, StoreError> {
        let mut almanac = Almanac::of(Arc::clone(self.calendar()));
        let mut left = TRIES;
        loop {
            let before = self.snapshot();
            let mut gathered = self.history().usage(wanted)?;
            left -= 1;
            // What has ended meanwhile may be in the sums, and would be counted twice.
            if left > 0 && has_ended(&before, &self.snapshot()) {
                continue;
            }
            let now = self.clock().now();
            for job in before.jobs.iter().filter(|job| job.held_resources().is_some()) {
                add_running(&mut gathered, wanted, (&job.recorded(), &before.cluster), now, &mut almanac);
            }
            return Ok(gathered.lines());
        }
    }
}

/// Tells whether something that ran before does so no more.
fn has_ended(before: &Arc<Snapshot>, after: &Arc<Snapshot>) -> bool {
    if Arc::ptr_eq(before, after) {
        return false;
    }
    let mut running = before.jobs.iter().filter(|job| job.held_resources().is_some());
    running.any(|job| {
        let same = after.jobs.job(job.id).filter(|now| now.held_resources().is_some());
        let parts = |job: &Job| job.run().map_or(0, |run| run.resizes.len());
        same.is_none_or(|now| {
            let is_other = now.restarts != job.restarts || now.submitted != job.submitted;
            is_other || parts(now) != parts(job)
        })
    })
}

fn add_running(
    gathered: &mut Gathered,
    wanted: &UsageWanted,
    (job, cluster): (&Job, &Cluster),
    now: Timestamp,
    almanac: &mut Almanac,
) {
    let charge = Charge::of(job);
    if !wanted.has(&charge) {
        return;
    }
    let also = job.run().map(|run| Amounts::also(&run.allocation, cluster)).unwrap_or_default();
    let held = Amounts::of_job(job, &also);
    let hours = wanted.hours(almanac);
    let charge = wanted.by.of(&charge);
    for piece in pieces(job, &held, now, almanac) {
        if (hours.0..hours.1).contains(&piece.hour) {
            let line = wanted.line_of(piece.hour, hours, almanac);
            gathered.add(line, charge.clone(), &piece.sums);
        }
    }
}
