//! What readers see: a picture of the state that never changes.

use super::Planned;
use super::table::JobTable;
use super::tallies::Tallies;
use crate::accounting::Shares;
use crate::cluster::{Cluster, NodeUse};
use crate::cron::Crontab;
use crate::job::{ArrayPart, Job, Phase};
use crate::ports::PassExit;
use crate::priority::Ranking;
use crate::reservation::Reservation;
use crate::{ChangeId, JobId, Text, Timestamp, Uid};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A picture of the state, taken after a commit. Cheap to copy.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken.
    pub at: Timestamp,
    /// What is configured.
    pub cluster: Arc<Cluster>,
    /// All live jobs.
    pub jobs: JobTable,
    /// How the tasks of each array stand.
    pub tallies: Tallies,
    /// What of each node is in use, in the order of the nodes.
    pub nodes: Arc<Vec<NodeUse>>,
    /// Where waiting jobs are expected to start.
    pub planned: Arc<Planned>,
    /// How many of each licence are in use.
    pub licenses: Arc<BTreeMap<Text, u32>>,
    /// How jobs are ranked.
    pub ranking: Arc<Ranking>,
    /// How fair shares stood when they were worked out last.
    pub shares: Arc<Shares>,
    /// Crontabs by user.
    pub crontabs: Arc<BTreeMap<Uid, Arc<Crontab>>>,
    /// Reservations in the order in which they were made.
    pub reservations: Arc<Vec<Arc<Reservation>>>,
    /// When a reservation changed, began or ended last.
    pub reservations_changed: Timestamp,
    /// When a job changed last.
    pub jobs_changed: Timestamp,
    /// When a node changed last, in state or in use.
    pub nodes_changed: Timestamp,
    /// When a partition changed last.
    pub partitions_changed: Timestamp,
    /// The last change in the feed.
    pub change: ChangeId,
    /// What has been counted.
    pub statistics: Arc<Statistics>,
}

impl Default for Snapshot {
    fn default() -> Self {
        let cluster = Arc::new(Cluster::default());
        Snapshot {
            at: Timestamp::EPOCH,
            ranking: Arc::new(Ranking::of(&cluster)),
            cluster,
            jobs: JobTable::default(),
            tallies: Tallies::default(),
            nodes: Arc::default(),
            planned: Arc::default(),
            licenses: Arc::default(),
            shares: Arc::default(),
            crontabs: Arc::default(),
            reservations: Arc::default(),
            reservations_changed: Timestamp::EPOCH,
            jobs_changed: Timestamp::EPOCH,
            nodes_changed: Timestamp::EPOCH,
            partitions_changed: Timestamp::EPOCH,
            change: ChangeId(0),
            statistics: Arc::default(),
        }
    }
}

impl Snapshot {
    /// Returns the reservation of this name; case matters.
    pub fn reservation(&self, name: &str) -> Option<&Arc<Reservation>> {
        self.reservations.iter().find(|reservation| reservation.name == name)
    }

    /// Returns every record that a job number stands for: the job, all records of the array, or, for the leader of a
    /// heterogeneous job, all its components.
    pub fn records(&self, id: JobId) -> Vec<Arc<Job>> {
        records(&self.jobs, &self.tallies, id)
    }
}

/// Returns every record that a job number stands for: the job, or all records of the array.
///
/// Tasks get their numbers after their array, so the walk begins there, if there is such an array.
pub(super) fn records(jobs: &JobTable, tallies: &Tallies, id: JobId) -> Vec<Arc<Job>> {
    let own = jobs.job(id);
    match own.map(|job| &job.array) {
        Some(None) => match own.and_then(|job| job.het).filter(|part| part.is_leader()) {
            Some(part) => {
                let is_member = |job: &&Arc<Job>| job.het.is_some_and(|other| other.leader == id);
                part.members().filter_map(|id| jobs.job(id)).filter(is_member).cloned().collect()
            }
            None => own.cloned().into_iter().collect(),
        },
        // The number of a task that is not its array's names this task alone.
        Some(Some(ArrayPart::Task { of, .. })) if *of != id => own.cloned().into_iter().collect(),
        // The array's own number: it belongs to the pool, or to the task that left it last, or to nobody any more
        // while other tasks are still here.
        _ if tallies.of(id).is_none() => Vec::new(),
        _ => jobs.iter_from(id).filter(|job| job.array.is_some() && job.array_id() == id).cloned().collect(),
    }
}

/// What has been counted since the start or the last midnight, for `diag`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Since when.
    pub since: Timestamp,
    /// Jobs accepted.
    pub submitted: u64,
    /// Jobs started.
    pub started: u64,
    /// Jobs completed well.
    pub completed: u64,
    /// Jobs cancelled.
    pub canceled: u64,
    /// Jobs that failed in some way.
    pub failed: u64,
    /// Jobs that wait now.
    pub pending: u64,
    /// Jobs that run now.
    pub running: u64,
    /// When the two above were counted.
    pub counted_at: Timestamp,
    /// Commits made.
    pub commits: u64,
    /// Records committed.
    pub records: u64,
    /// Passes of the main scheduler.
    pub main: PassStatistics,
    /// Passes that looked at jobs out of order.
    pub backfill: PassStatistics,
    /// Jobs started out of order.
    pub backfilled: u64,
    /// The same since the start of the service.
    pub ever_backfilled: u64,
    /// Of these, components of heterogeneous jobs.
    pub backfilled_components: u64,
}

impl Statistics {
    /// Counts from zero, as the original does at midnight. What was seen last, and how often was written, stays.
    pub fn begin_anew(&mut self, now: Timestamp) {
        let Statistics { pending, running, counted_at, commits, records, ever_backfilled, .. } = *self;
        let (main, backfill) = (self.main.begun_anew(), self.backfill.begun_anew());
        *self = Statistics {
            since: now,
            pending,
            running,
            counted_at,
            commits,
            records,
            main,
            backfill,
            ever_backfilled,
            ..Statistics::default()
        };
    }
}

/// What one kind of scheduling pass has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PassStatistics {
    /// Passes.
    pub passes: u64,
    /// Jobs looked at, in all.
    pub depth: u64,
    /// Jobs looked at in the last pass.
    pub last_depth: u64,
    /// Jobs that waited at the last pass.
    pub last_queue: u64,
    /// Jobs that waited, added up over all passes.
    pub queue: u64,
    /// Time taken by all passes, microseconds.
    pub micros: u64,
    /// Time taken by the longest pass, microseconds.
    pub longest: u64,
    /// Time taken by the last pass, microseconds.
    pub last: u64,
    /// When the last pass was.
    pub last_at: Timestamp,
    /// Passes that came to the end of the queue.
    pub to_end: u64,
    /// Passes that had looked at as many jobs as they may.
    pub full_depth: u64,
    /// Passes that had started as many jobs as they may.
    pub full_starts: u64,
    /// Passes that had done as much work as they may.
    pub full_work: u64,
    /// Steps of the future the last pass kept in mind.
    pub last_table: u64,
    /// The same, added up over all passes.
    pub table: u64,
}

impl PassStatistics {
    fn begun_anew(self) -> Self {
        let PassStatistics { last_depth, last_queue, last, last_at, last_table, .. } = self;
        PassStatistics { last_depth, last_queue, last, last_at, last_table, ..PassStatistics::default() }
    }

    /// Takes in one more pass.
    pub fn add(&mut self, at: Timestamp, micros: u64, depth: u64, queue: u64) {
        self.passes += 1;
        self.depth += depth;
        self.last_depth = depth;
        self.queue += queue;
        self.last_queue = queue;
        self.micros += micros;
        self.longest = self.longest.max(micros);
        self.last = micros;
        self.last_at = at;
    }

    /// Takes in how that pass ended, and how many steps of the future it kept in mind.
    pub fn add_end(&mut self, exit: PassExit, table: u64) {
        let count = match exit {
            PassExit::EndOfQueue => &mut self.to_end,
            PassExit::Depth => &mut self.full_depth,
            PassExit::Starts => &mut self.full_starts,
            PassExit::Work => &mut self.full_work,
        };
        *count += 1;
        self.last_table = table;
        self.table += table;
    }
}

impl Statistics {
    /// Adds what a batch has moved.
    pub fn add(&mut self, moved: &Statistics) {
        self.submitted += moved.submitted;
        self.started += moved.started;
        self.completed += moved.completed;
        self.canceled += moved.canceled;
        self.failed += moved.failed;
    }

    /// Takes in that a job has changed.
    pub fn moved(&mut self, before: Option<&Job>, after: &Job) {
        let old = before.map(|job| &job.phase);
        match (old, &after.phase) {
            (None, Phase::Pending(_)) if !matches!(after.array, Some(ArrayPart::Task { .. })) => {
                self.submitted += 1
            }
            (Some(Phase::Pending(_)) | None, Phase::Running(_)) => self.started += 1,
            (Some(Phase::Ended(_)), _) => {}
            (_, Phase::Ended(ended)) => match ended.outcome {
                crate::job::Outcome::Completed => self.completed += 1,
                crate::job::Outcome::Cancelled => self.canceled += 1,
                _ => self.failed += 1,
            },
            _ => {}
        }
    }
}
