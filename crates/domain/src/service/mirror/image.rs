//! What is known of the cluster: the live state, what is remembered beside it, and how changes of both are recorded.

use super::open::Open;
use crate::cluster::{Cluster, NodeMark};
use crate::job::Job;
use crate::ports::{Calendar, Look, Moment, Store};
use crate::service::aftermath::Seen;
use crate::service::feed::Feed;
use crate::service::ledger::{Finished, Ledger};
use crate::service::receipts::Receipts;
use crate::service::writer::chain;
use crate::state::{Snapshot, State, Statistics};
use crate::{ChangeId, Error, JobId, Text, Timestamp};
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What is known of the cluster.
pub(super) struct Image {
    pub(super) state: State,
    pub(super) memo: Memo,
    pub(super) store: Box<dyn Store>,
    pub(super) last_change: ChangeId,
    pub(super) statistics: Statistics,
    pub(super) partitions_changed: Timestamp,
}

/// Where what was recorded is shown.
pub(super) struct Shown<'a> {
    pub(super) calendar: &'a dyn Calendar,
    pub(super) published: &'a ArcSwap<Snapshot>,
    pub(super) feed: &'a Feed,
    pub(super) receipts: &'a Arc<Receipts>,
}

/// What is known beside the live state.
#[derive(Default)]
pub(super) struct Memo {
    /// From which moment the newest is that is known of a job.
    pub(super) told: HashMap<JobId, Moment>,
    /// The last look of which everything was taken in.
    pub(super) since: Option<Look>,
    /// The cluster has been seen at all.
    pub(super) has_seen: bool,
    /// Submissions whose outcome is not known, by the numbers under which they are remembered.
    pub(super) open: BTreeMap<JobId, Open>,
    /// How many there have been.
    pub(super) opened: u32,
    /// Numbers of jobs that were found for submissions while somebody was at work on them.
    pub(super) found: HashMap<JobId, JobId>,
    /// Jobs that have ended, and since when it is waited for what accounting says of them.
    pub(super) ending: HashMap<JobId, Timestamp>,
    /// Jobs that the cluster does not know any more, and since when accounting has nothing to say of them either.
    pub(super) missing: HashMap<JobId, Timestamp>,
    /// Living jobs that were submitted here.
    pub(super) ours: HashSet<JobId>,
    /// Jobs that have left, by when they were submitted, as long as the cluster still tells of them.
    pub(super) left: HashMap<JobId, Timestamp>,
    /// Those of the open ones that have got a number in the batch in the making.
    pub(super) claimed: Vec<(JobId, Open)>,
    /// To be recorded with the batch in the making.
    pub(super) fresh: Vec<Arc<Job>>,
    pub(super) dropped: Vec<JobId>,
    pub(super) marks: Vec<NodeMark>,
    /// Readers shall see it though nothing of it is recorded.
    pub(super) is_new: bool,
}

impl Memo {
    /// Tells whether somebody waits for what becomes of jobs that were submitted here, or for what accounting says.
    pub(super) fn has_ours(&self) -> bool {
        !(self.ours.is_empty() && self.open.is_empty() && self.ending.is_empty() && self.missing.is_empty())
    }

    /// Tells whether what is from that moment is newer than what is known of a job, and takes note of it if so.
    pub(super) fn is_news(&mut self, job: JobId, as_of: Moment) -> bool {
        let known = self.told.entry(job).or_default();
        let is_news = *known <= as_of;
        *known = as_of.max(*known);
        is_news
    }
}

impl Image {
    /// Decides something and records it; nothing of it is kept if it cannot be recorded.
    pub(super) fn turn<T>(
        &mut self,
        shown: &Shown<'_>,
        now: Timestamp,
        decide: impl FnOnce(&mut Ledger<'_>, &mut Memo) -> T,
    ) -> Result<T, Error> {
        let mut ledger = Ledger::open(&mut self.state, shown.calendar, shown.receipts, now, self.last_change);
        let outcome = decide(&mut ledger, &mut self.memo);
        let finished = ledger.finish();
        self.record(shown, now, finished)?;
        Ok(outcome)
    }

    fn record(&mut self, shown: &Shown<'_>, now: Timestamp, finished: Finished) -> Result<(), Error> {
        let Finished { mut batch, undo, moved, nodes_touched, .. } = finished;
        let is_new = std::mem::take(&mut self.memo.is_new);
        batch.jobs.append(&mut self.memo.fresh);
        batch.gone.append(&mut self.memo.dropped);
        batch.nodes.append(&mut self.memo.marks);
        batch.occurrence.at = now;
        let has_marks = !batch.nodes.is_empty();
        if batch.is_empty() {
            if is_new {
                self.publish(shown, now, Seen { jobs: false, nodes: true, reservations: false });
            }
            return Ok(());
        }
        batch.forget_changes = shown.feed.surplus(batch.changes.len());
        if let Err(error) = self.store.commit(&batch) {
            self.state.store_again(&batch.usage);
            undo.take_back(&mut self.state);
            // Whatever was taken for known must be told again.
            self.memo.since = None;
            self.memo.told.clear();
            for (place, open) in std::mem::take(&mut self.memo.claimed) {
                self.memo.found.remove(&place);
                self.memo.open.insert(place, open);
            }
            return Err(Error::Unavailable(Text::from(chain(&error))));
        }
        self.memo.claimed.clear();
        let synced = self.store.sync();
        self.state.settle_tallies();
        self.statistics.commits += 1;
        self.statistics.records += batch.jobs.len() as u64;
        self.statistics.add(&moved);
        if let Some(last) = batch.changes.last() {
            self.last_change = last.id;
        }
        if let Some(last) = batch.forget_receipts {
            shown.receipts.forget(last);
        }
        shown.receipts.add(std::mem::take(&mut batch.receipts));
        let nodes = nodes_touched || has_marks || is_new;
        self.publish(shown, now, Seen { jobs: true, nodes, reservations: false });
        shown.feed.add(&batch.changes);
        // It took place, but whoever asked must not take it for safe.
        synced.map_err(|error| Error::Unavailable(Text::from(chain(&error))))
    }

    /// Makes a new snapshot.
    pub(super) fn publish(&mut self, shown: &Shown<'_>, now: Timestamp, seen: Seen) {
        let last = shown.published.load();
        let mut snapshot = self.state.snapshot(now);
        snapshot.jobs_changed = if seen.jobs { now } else { last.jobs_changed };
        snapshot.nodes_changed = if seen.nodes { now } else { last.nodes_changed };
        snapshot.partitions_changed = self.partitions_changed;
        snapshot.change = self.last_change;
        let (pending, running) = self.state.counts();
        snapshot.statistics =
            Arc::new(Statistics { pending, running, counted_at: now, ..self.statistics.clone() });
        drop(last);
        shown.published.store(Arc::new(snapshot));
    }

    /// Forgets what was noted of jobs that are here no more.
    pub(super) fn tidy(&mut self) {
        let Image { state, memo, .. } = self;
        let lives = |id: &JobId| state.job(*id).is_some_and(|job| !job.is_final());
        memo.ending.retain(|id, _| lives(id));
        memo.missing.retain(|id, _| lives(id));
        memo.ours.retain(lives);
        let known: HashSet<JobId> = memo.left.keys().copied().collect();
        memo.told.retain(|id, _| state.job(*id).is_some() || known.contains(id));
    }

    /// Goes on with another description of the cluster.
    pub(super) fn put_cluster(&mut self, cluster: Cluster, now: Timestamp) {
        if cluster.partitions != self.state.cluster().partitions {
            self.partitions_changed = now;
        }
        self.state.reconfigure(Arc::new(cluster));
        self.memo.is_new = true;
    }
}
