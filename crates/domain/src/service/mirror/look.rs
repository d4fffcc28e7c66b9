//! Looking at the cluster: one round brings what is known in line with what the cluster tells.

use super::gaze::Gaze;
use super::image::{Image, Shown};
use super::take::{GIVEN_UP_AFTER, PATIENCE};
use super::{Following, Mirror, nodes, open, unavailable};
use crate::cluster::Cluster;
use crate::ports::{Look, Saved, Sighting};
use crate::service::feed::Feed;
use crate::service::receipts::Receipts;
use crate::service::writer::{chain, recount};
use crate::state::{Snapshot, State, Statistics};
use crate::{ChangeId, Error, JobId, Text};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many jobs accounting is asked about in one round.
const MOST_ASKED: usize = 200;

/// How long a cluster remembers jobs that are over at least.
const MEMORY: Duration = Duration::from_secs(120);

impl Mirror {
    /// Loads what was remembered. The cluster is not asked yet.
    pub(in crate::service) fn open(cluster: Cluster, following: Following) -> Result<Arc<Self>, Error> {
        let Following { mut store, history, remote, clock, calendar, every, .. } = following;
        let failed = |error: &dyn std::error::Error| Error::Unavailable(Text::from(chain(error)));
        let saved = store.load().map_err(|error| failed(&error))?;
        let now = clock.now();
        let mut cluster = cluster;
        // What there is the cluster tells.
        cluster.nodes = nodes::remembered(&saved.nodes);
        (cluster.partitions, cluster.licenses) = Default::default();
        let limits = &cluster.limits;
        let (most, lifetime) = (limits.kept_receipts, limits.receipt_lifetime);
        let feed = Arc::new(Feed::new(saved.changes.clone(), limits.kept_changes));
        let receipts = Arc::new(Receipts::new(saved.receipts.clone(), most, lifetime));
        let last_change = saved.changes.last().map_or(ChangeId(0), |change| change.id);
        let mut image = Image {
            state: State::new(Arc::new(cluster)),
            memo: Default::default(),
            store,
            last_change,
            statistics: Statistics { since: now, ..Statistics::default() },
            partitions_changed: now,
        };
        image.remember(saved, now)?;
        recount(&mut image.state, &*history).map_err(|error| failed(&error))?;
        let published = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let mirror = Mirror {
            remote,
            history,
            clock,
            calendar,
            published,
            feed,
            receipts,
            image: Mutex::new(image),
            gaze: Arc::new(Gaze::new(every)),
            stopping: AtomicBool::new(false),
            hands: AtomicUsize::new(0),
        };
        let seen = crate::service::aftermath::Seen { jobs: true, nodes: true, reservations: true };
        mirror.image().publish(&mirror.shown(), now, seen);
        Ok(Arc::new(mirror))
    }

    /// Returns where what is recorded is shown.
    pub(super) fn shown(&self) -> Shown<'_> {
        Shown {
            calendar: &*self.calendar,
            published: &self.published,
            feed: &self.feed,
            receipts: &self.receipts,
        }
    }

    /// Returns the cluster as it is known when it is asked.
    pub(super) fn cluster(&self) -> Arc<Cluster> {
        Arc::clone(self.image().state.cluster())
    }

    /// Returns what the last look was, and the cluster as it is known.
    fn last_look(&self) -> (Option<Look>, Arc<Cluster>) {
        let image = self.image();
        (image.memo.since, Arc::clone(image.state.cluster()))
    }

    /// Looks at the cluster once, and takes in what it tells.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it cannot be reached, or if what it tells cannot be recorded.
    pub(in crate::service) fn look(&self) -> Result<(), Error> {
        if let Some(ground) = self.remote.ground().map_err(|error| unavailable(&error))? {
            self.take_ground(ground)?;
        }
        let (since, cluster) = self.last_look();
        let sighting = self.remote.jobs(since, &cluster).map_err(|error| unavailable(&error))?;
        self.take_sighting(since, sighting)?;
        self.ask_accounting()?;
        self.settle_open()?;
        let now = self.clock.now();
        let mut image = self.image();
        image.memo.has_seen = true;
        image.turn(&self.shown(), now, |ledger, memo| ledger.see_told_off(memo))?;
        image.tidy();
        Ok(())
    }

    fn take_sighting(&self, since: Option<Look>, sighting: Sighting) -> Result<(), Error> {
        let Sighting { look, as_of, jobs, there } = sighting;
        let now = self.clock.now();
        let history = &*self.history;
        let mut image = self.image();
        // What is not news may have changed once more since: then it must be told again.
        image.memo.since = Some(look);
        let is_all_news = image.turn(&self.shown(), now, |ledger, memo| {
            let mut is_all_news = true;
            for told in jobs {
                is_all_news &= ledger.take_told(memo, history, told);
            }
            let is_gone = |id: JobId, memo: &super::image::Memo| {
                !there.contains(&id) && memo.told.get(&id).is_none_or(|newest| *newest <= as_of)
            };
            let live = ledger.state().jobs().iter().filter(|job| !job.is_final());
            let gone: Vec<JobId> = live.map(|job| job.id).filter(|id| is_gone(*id, memo)).collect();
            for id in gone {
                memo.missing.entry(id).or_insert(now);
            }
            memo.missing.retain(|id, _| !there.contains(id));
            memo.left.retain(|id, _| there.contains(id));
            is_all_news
        })?;
        if !is_all_news {
            image.memo.since = since.filter(|_| image.memo.since.is_some());
        }
        Ok(())
    }

    /// Asks accounting about jobs that are over, and about those that the cluster does not know any more.
    fn ask_accounting(&self) -> Result<(), Error> {
        let cluster = self.cluster();
        let wanted: Vec<JobId> = {
            let image = self.image();
            let (ending, missing) = (image.memo.ending.keys(), image.memo.missing.keys());
            ending.chain(missing).copied().take(MOST_ASKED).collect()
        };
        if wanted.is_empty() {
            return Ok(());
        }
        let told = self.remote.ended(&wanted, &cluster);
        let is_reached = told.is_ok();
        if let Err(error) = &told {
            tracing::debug!(%error, "accounting does not answer");
        }
        let now = self.clock.now();
        let mut image = self.image();
        image.turn(&self.shown(), now, |ledger, memo| {
            for told in told.unwrap_or_default() {
                ledger.take_accounted(memo, told);
            }
            let has_waited = |waiting: &HashMap<JobId, crate::Timestamp>, id: &JobId, patience| {
                waiting.get(id).is_some_and(|since| now.since(*since) >= patience)
            };
            for id in &wanted {
                if has_waited(&memo.ending, id, PATIENCE) {
                    ledger.end_unaccounted(memo, *id);
                }
                // While accounting is silent, nobody is given up.
                if is_reached && has_waited(&memo.missing, id, GIVEN_UP_AFTER) {
                    match ledger.job(*id).cloned() {
                        Some(known) => ledger.end_forgotten(memo, &known),
                        None => drop(memo.missing.remove(id)),
                    }
                }
            }
            if !is_reached {
                memo.missing.values_mut().for_each(|since| *since = now);
            }
        })
    }

    /// Gives up submissions of which the cluster has shown that they have come to nothing: it has been asked for all jobs
    /// since they could still have taken effect, and none has their mark.
    fn settle_open(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let settles = self.remote.settles();
        let is_due = |open: &open::Open| !open.is_at_work && now.since(open.sent) >= settles;
        let due: Vec<JobId> = {
            let image = self.image();
            image.memo.open.iter().filter(|(_, open)| is_due(open)).map(|(place, _)| *place).collect()
        };
        if due.is_empty() {
            return Ok(());
        }
        self.find_open()?;
        for place in due {
            self.recall(place)?;
            let mut image = self.image();
            if image.memo.open.get(&place).is_some_and(is_due) {
                tracing::warn!("a submission whose answer was lost has come to nothing");
                image.give_up(&self.shown(), now, place)?;
            }
        }
        Ok(())
    }

    /// Asks accounting for the job of a submission that was sent so long ago that the cluster may have forgotten it.
    pub(super) fn recall(&self, place: JobId) -> Result<(), Error> {
        let now = self.clock.now();
        let open = self.image().memo.open.get(&place).cloned();
        let is_old = |open: &open::Open| now.since(open.job.submitted) >= MEMORY;
        let Some(open) = open.filter(is_old) else { return Ok(()) };
        let cluster = self.cluster();
        let owner = &open.job.spec.owner.name;
        let since = open.job.submitted.before(MEMORY);
        let found = self.remote.recall(&open.mark(), owner, since, &cluster);
        let Some(told) = found.map_err(|error| unavailable(&error))? else { return Ok(()) };
        self.image().turn(&self.shown(), now, |ledger, memo| {
            ledger.retire(memo, &told.job);
            ledger.take_told(memo, &*self.history, told);
        })
    }

    /// Asks the cluster for its jobs, so that those with the mark of an open submission are found.
    pub(super) fn find_open(&self) -> Result<(), Error> {
        let (since, cluster) = self.last_look();
        let sighting = self.remote.jobs_now(since, &cluster).map_err(|error| unavailable(&error))?;
        self.take_sighting(since, sighting)
    }
}

impl Image {
    fn remember(&mut self, saved: Saved, now: crate::Timestamp) -> Result<(), Error> {
        self.state.remember_usage(saved.usage, saved.accounted);
        let keys = saved.receipts.iter().filter(|receipt| open::is_open(receipt.job));
        let keys: HashMap<JobId, _> = keys.map(|receipt| (receipt.job, receipt.key.clone())).collect();
        for job in saved.jobs {
            if !open::is_open(job.id) {
                self.state.put(Arc::new(job));
                continue;
            }
            let unread = |error| Error::Unavailable(Text::from(chain(&error)));
            let payload = self.store.payload(job.id).map_err(unread)?;
            let (place, key) = (job.id, keys.get(&job.id).cloned());
            // When it was sent is not known; nothing of it takes effect later than if that had been now.
            let open = open::Open { job: Arc::new(job), payload, key, sent: now, is_at_work: false };
            self.memo.open.insert(place, open);
        }
        Ok(())
    }
}
