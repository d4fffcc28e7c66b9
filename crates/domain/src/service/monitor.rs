//! The use cases of monitoring: jobs registered, ended, tagged, listed and shown. Calls may block.

use crate::monitoring::{
    DataWanted, JobMetric, JobState, MonitoredCluster, MonitoringStatus, NodeReport, Record, RecordId,
    RecordsWanted, Sample, Scope, Tag, TagId, Unfit, chosen, ended, is_same_job, job_data, registered,
    summarise,
};
use crate::ports::{
    Archive, Begun, Clock, Clusters, Kept, Registry, Replaced, SeriesRefused, SeriesStore, StoreError,
};
use crate::{ChangeId, Text, Timestamp};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A sample may be this far ahead of our clock: clocks differ.
const AHEAD: Duration = Duration::from_secs(600);
/// Jobs on more nodes are archived without their cores (facts 4.5).
const FEW_NODES: u32 = 8;
/// Series of a job that ended this long ago are read from the archive, which keeps them as they came, seconds.
const SETTLED: i64 = 7 * 86_400;
/// Nodes of a cluster that others may tell of.
const MOST_NODES: u64 = 100_000;
/// How often a change is tried that somebody else was faster with.
const TRIES: usize = 16;

/// Why monitoring refuses something.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// What was told of a job makes no sense.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The job is known already.
    #[error("a job with that jobId, cluster and startTime is known as {id}", id = .0.0)]
    Duplicate(RecordId),
    /// There is no such job.
    #[error("there is no such job")]
    NotFound,
    /// Somebody else changes it all the time.
    #[error("the job is being changed by somebody else")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which job is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of this number.
    Id(RecordId),
    /// The one of this number on its cluster; of several the last that runs, else the last.
    Job {
        /// The number on its cluster.
        job: i64,
        /// The cluster, if it is told.
        cluster: Option<Text>,
        /// When it started, if that is told, seconds since 1970.
        start: Option<i64>,
    },
}

/// Monitoring. Copies are handles to the same one.
#[derive(Clone)]
pub struct Monitoring {
    registry: Arc<dyn Registry>,
    series: Arc<dyn SeriesStore>,
    archive: Option<Arc<dyn Archive>>,
    clusters: Arc<dyn Clusters>,
    clock: Arc<dyn Clock>,
    /// Counts jobs that have ended: whoever archives waits for it.
    ends: Arc<watch::Sender<u64>>,
    /// Up to which change of jobs there are records.
    followed: Arc<watch::Sender<ChangeId>>,
}

impl Monitoring {
    /// Makes monitoring of these clusters.
    pub fn new(
        registry: Arc<dyn Registry>,
        series: Arc<dyn SeriesStore>,
        clusters: Arc<dyn Clusters>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (ends, followed) = (Arc::new(watch::Sender::new(0)), Arc::new(watch::Sender::new(ChangeId(0))));
        Monitoring { registry, series, archive: None, clusters, clock, ends, followed }
    }

    /// Adds the archive of jobs that are over.
    pub fn with_archive(self, archive: Arc<dyn Archive>) -> Self {
        Monitoring { archive: Some(archive), ..self }
    }

    /// Returns the clusters that are watched.
    pub fn clusters(&self) -> Arc<Vec<MonitoredCluster>> {
        self.clusters.watched()
    }

    /// Returns the records.
    pub fn registry(&self) -> &Arc<dyn Registry> {
        &self.registry
    }

    /// Returns the present second.
    pub fn now(&self) -> i64 {
        self.clock.now().seconds()
    }

    /// Notes that there are records of jobs as they were after a change.
    pub fn note_records_up_to(&self, change: ChangeId) {
        self.followed.send_replace(change);
    }

    /// Waits until there are records of jobs as they were after a change.
    pub async fn has_records_up_to(&self, change: ChangeId) {
        // The sender is there as long as this handle.
        let _ = self.followed.subscribe().wait_for(|followed| *followed >= change).await;
    }

    /// Lets wait for the end of jobs.
    pub fn ends(&self) -> watch::Receiver<u64> {
        self.ends.subscribe()
    }

    /// Registers a job with its tags.
    ///
    /// # Errors
    /// [`Unfit`] as [`registered`] finds it, then [`MonitorError::Duplicate`].
    pub fn begin(&self, record: Record) -> Result<RecordId, MonitorError> {
        let record = registered(record, &self.clusters())?;
        match self.registry.begin(record, is_same_job)? {
            Begun::New(id) => Ok(id),
            Begun::Duplicate(id) => Err(MonitorError::Duplicate(id)),
        }
    }

    /// Takes in jobs of our own engine as they are now.
    ///
    /// # Errors
    /// If the store fails.
    pub fn absorb(&self, records: Vec<Record>) -> Result<(), StoreError> {
        let has_ended = records.iter().any(waits_for_archive);
        self.registry.absorb(records)?;
        if has_ended {
            self.ring();
        }
        Ok(())
    }

    /// Checks a job that is over in another archive, and returns it as it would be taken in.
    ///
    /// # Errors
    /// [`Unfit`] as [`registered`] finds it, [`Unfit::NotOver`], or [`MonitorError::Duplicate`] of one with the same start.
    pub fn importable(&self, record: Record) -> Result<Record, MonitorError> {
        let record = registered(record, &self.clusters())?;
        if !record.state.is_over() {
            return Err(Unfit::NotOver.into());
        }
        let record = Record { monitoring: MonitoringStatus::Archived, ..record };
        let known = RecordsWanted {
            job: Some(record.job),
            cluster: Some(record.cluster.clone()),
            ..RecordsWanted::default()
        };
        match self.registry.list(&known)?.iter().find(|old| started_together(old, &record)) {
            Some(old) => Err(MonitorError::Duplicate(old.id)),
            None => Ok(record),
        }
    }

    /// Takes in a job that [`Monitoring::importable`] has returned, with its series; what was worked out of these comes
    /// with it.
    ///
    /// # Errors
    /// [`MonitorError::Duplicate`] if somebody else was faster, or if the store fails.
    pub fn import(&self, record: Record, series: &[u8]) -> Result<RecordId, MonitorError> {
        // First the archive: a record without its series would not be looked at again.
        if let Some(archive) = &self.archive {
            archive.take_in(&record, self.cluster_of(&record).as_ref(), series)?;
        }
        match self.registry.begin(record, started_together)? {
            Begun::New(id) => Ok(id),
            Begun::Duplicate(id) => Err(MonitorError::Duplicate(id)),
        }
    }

    /// Keeps what another scheduler tells of its nodes. Those of a cluster that tells of itself are passed over by the
    /// caller.
    ///
    /// # Errors
    /// [`Unfit::NoCluster`], [`Unfit::NoHost`], [`Unfit::TooManyNodes`], or if the store fails.
    pub fn note_nodes(&self, cluster: &str, nodes: Vec<NodeReport>) -> Result<(), MonitorError> {
        let clusters = self.clusters();
        let known = clusters.iter().find(|known| known.name == cluster);
        let known = known.ok_or_else(|| Unfit::NoCluster(cluster.into()))?;
        for node in &nodes {
            if known.sub_cluster_of(&node.hostname).is_none() {
                return Err(Unfit::NoHost(cluster.into(), node.hostname.clone()).into());
            }
        }
        match self.registry.note_nodes(cluster, self.now(), nodes, MOST_NODES)? {
            true => Ok(()),
            false => Err(Unfit::TooManyNodes(MOST_NODES).into()),
        }
    }

    /// Changes what is told of a job in words; its file in the archive follows.
    ///
    /// # Errors
    /// As [`Monitoring::change`].
    pub fn tell(&self, which: &Which, words: &[(Text, String)]) -> Result<Record, MonitorError> {
        let record = self.change(which, |record| {
            let mut record = record.clone();
            record.meta.extend(words.iter().cloned());
            Ok(record)
        })?;
        if record.state.is_over() {
            self.registry.touch(record.id)?;
            self.ring();
        }
        Ok(record)
    }

    /// Takes tags away from everywhere; tells how many there were. The archive follows.
    ///
    /// # Errors
    /// If the store fails.
    pub fn forget_tags(&self, tags: &[Tag]) -> Result<u64, StoreError> {
        let gone = self.registry.forget_tags(tags)?;
        self.ring();
        Ok(gone)
    }

    fn ring(&self) {
        self.ends.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Works out what is told of a job when it is over, and returns the series that belong into the archive.
    ///
    /// # Errors
    /// If the store fails.
    pub fn worked_out(&self, record: &mut Record) -> Result<Vec<JobMetric>, StoreError> {
        let mut scopes = vec![Scope::Node];
        if record.num_nodes <= FEW_NODES {
            scopes.push(Scope::Core);
        }
        if record.num_acc > 0 {
            scopes.push(Scope::Accelerator);
        }
        let data = self.data(record, &DataWanted { scopes, ..DataWanted::default() })?;
        summarise(record, &data);
        Ok(data)
    }

    /// Finds a job.
    ///
    /// # Errors
    /// [`MonitorError::NotFound`].
    pub fn find(&self, which: &Which) -> Result<Kept, MonitorError> {
        let id = match which {
            Which::Id(id) => *id,
            Which::Job { job, cluster, start } => {
                let wanted = RecordsWanted {
                    job: Some(*job),
                    cluster: cluster.clone(),
                    started_from: *start,
                    started_until: *start,
                    ..RecordsWanted::default()
                };
                let all = self.registry.list(&wanted)?;
                let runs = all.iter().find(|record| record.state == JobState::Running);
                runs.or(all.first()).ok_or(MonitorError::NotFound)?.id
            }
        };
        self.registry.record(id)?.ok_or(MonitorError::NotFound)
    }

    /// Ends a job at a second; without a state it is completed. Returns it as it is then.
    ///
    /// # Errors
    /// [`MonitorError::NotFound`], or [`Unfit`] as [`ended`] finds it.
    pub fn end(&self, which: &Which, stop: i64, state: Option<JobState>) -> Result<Record, MonitorError> {
        let record = self.change(which, |record| Ok(ended(record, stop, state)?))?;
        self.ring();
        Ok(record)
    }

    /// Changes a record. What `with` returns is put in its place, unless somebody else was faster: then it is asked again.
    ///
    /// # Errors
    /// [`MonitorError::NotFound`], what `with` finds, or [`MonitorError::Busy`].
    pub fn change(
        &self,
        which: &Which,
        with: impl Fn(&Record) -> Result<Record, MonitorError>,
    ) -> Result<Record, MonitorError> {
        for _ in 0..TRIES {
            let Kept { record, version } = self.find(which)?;
            let record = with(&record)?;
            let kept = Kept { record, version };
            match self.registry.replace(&kept)? {
                Replaced::Done => return Ok(kept.record),
                Replaced::Changed => {}
                Replaced::Gone => return Err(MonitorError::NotFound),
            }
        }
        Err(MonitorError::Busy)
    }

    /// Gives a job tags; it may have some of them. Returns it with all its tags.
    ///
    /// # Errors
    /// [`MonitorError::NotFound`].
    pub fn tag(&self, id: RecordId, tags: &[Tag]) -> Result<Record, MonitorError> {
        let tags = self.registry.tag(id, tags)?;
        self.tagged(id, tags)
    }

    /// Takes tags from a job. Returns it with those it still has.
    ///
    /// # Errors
    /// [`MonitorError::NotFound`].
    pub fn untag(&self, id: RecordId, tags: &[Tag]) -> Result<Record, MonitorError> {
        let tags = self.registry.untag(id, tags)?;
        self.tagged(id, tags)
    }

    fn tagged(&self, id: RecordId, tags: Option<Vec<(TagId, Tag)>>) -> Result<Record, MonitorError> {
        let tags = tags.ok_or(MonitorError::NotFound)?;
        let record = self.find(&Which::Id(id))?.record;
        if record.state.is_over() {
            // Its file in the archive is written anew.
            self.ring();
        }
        Ok(Record { tags, ..record })
    }

    /// Returns the cluster of a record; `None` if it is not watched any more.
    pub fn cluster_of(&self, record: &Record) -> Option<MonitoredCluster> {
        self.clusters().iter().find(|cluster| cluster.name == record.cluster).cloned()
    }

    /// Reads the series of a job.
    ///
    /// # Errors
    /// If the store fails.
    pub fn data(&self, record: &Record, wanted: &DataWanted) -> Result<Vec<JobMetric>, StoreError> {
        let mut all = Vec::new();
        self.each_metric(record, wanted, &mut |metric| all.push(metric))?;
        Ok(all)
    }

    /// Reads the series of a job, metric by metric.
    ///
    /// # Errors
    /// If the store fails, maybe after some metrics.
    pub fn each_metric(
        &self,
        record: &Record,
        wanted: &DataWanted,
        look: &mut dyn FnMut(JobMetric),
    ) -> Result<(), StoreError> {
        let cluster = self.cluster_of(record);
        let now = self.now();
        // What is old was thinned out, and of what was imported nothing else is known.
        let is_settled = record.end().is_some_and(|end| end < now.saturating_sub(SETTLED));
        if is_settled && let Some(kept) = self.kept(record)? {
            chosen(kept, record, cluster.as_ref(), wanted).into_iter().for_each(look);
            return Ok(());
        }
        let mut is_measured = false;
        if let Some(cluster) = &cluster {
            let mut look = |metric| {
                is_measured = true;
                look(metric);
            };
            job_data(record, cluster, wanted, self.series.as_ref(), now, &mut look)?;
        }
        if !is_measured
            && !is_settled
            && let Some(kept) = self.kept(record)?
        {
            chosen(kept, record, cluster.as_ref(), wanted).into_iter().for_each(look);
        }
        Ok(())
    }

    /// Reads what the archive has of a job's series.
    fn kept(&self, record: &Record) -> Result<Option<Vec<JobMetric>>, StoreError> {
        match &self.archive {
            Some(archive) if record.monitoring == MonitoringStatus::Archived => archive.series(record),
            _ => Ok(None),
        }
    }

    /// Brings the archive up to date about a job that is over, and returns it as it is then. One that is kept there is
    /// described anew; its series stay, as those in the store may have become fewer since.
    ///
    /// # Errors
    /// If the store fails; what the archive cannot keep is told in the record.
    pub fn archived(&self, record: &Record) -> Result<Record, StoreError> {
        let mut record = record.clone();
        let Some(archive) = &self.archive else { return Ok(record) };
        // Nothing was measured of what is disabled: there is no file to change.
        if record.monitoring == MonitoringStatus::Disabled {
            return Ok(record);
        }
        let kept = if record.monitoring == MonitoringStatus::Archived && archive.describe(&record)? {
            Ok(())
        } else {
            let data = self.worked_out(&mut record)?;
            record.monitoring = MonitoringStatus::Archived;
            archive.keep(&record, self.cluster_of(&record).as_ref(), &data)
        };
        if let Err(error) = kept {
            tracing::error!(id = record.id.0, %error, "a job could not be archived");
            record.monitoring = MonitoringStatus::ArchivingFailed;
        }
        Ok(record)
    }

    /// Takes in what was measured. What is not finite, too far ahead, or of no metric of its cluster is left out: says
    /// how many of these there were, and of which cluster nothing is known.
    ///
    /// # Errors
    /// If the store fails or has too many series.
    pub fn write(&self, samples: Vec<Sample>) -> Result<Left, SeriesRefused> {
        let latest = self.clock.now().after(AHEAD);
        let clusters = self.clusters();
        let mut left = Left::default();
        let names = |cluster: &MonitoredCluster| -> HashSet<Text> {
            cluster.metrics.iter().map(|metric| metric.name.clone()).collect()
        };
        let known: HashMap<Text, HashSet<Text>> =
            clusters.iter().map(|cluster| (cluster.name.clone(), names(cluster))).collect();
        let is_known = |sample: &Sample, left: &mut Left| {
            let names = known.get(&sample.key.cluster);
            let is_known = names.is_some_and(|names| names.contains(&sample.key.metric));
            left.unknown += usize::from(!is_known);
            is_known
        };
        let mut taken = samples;
        taken.retain(|sample| {
            let makes_sense = sample.value.is_finite() && sample.at <= latest && sample.at > Timestamp::EPOCH;
            left.senseless += usize::from(!makes_sense);
            makes_sense && is_known(sample, &mut left)
        });
        self.series.write(&taken)?;
        Ok(left)
    }
}

/// Samples that were not taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Of metrics or clusters that are not watched.
    pub unknown: usize,
    /// Not finite, or of a time that lies ahead.
    pub senseless: usize,
}

fn started_together(old: &Record, new: &Record) -> bool {
    old.start_time == new.start_time
}

/// Tells whether a job that is over waits for its place in the archive.
pub fn waits_for_archive(record: &Record) -> bool {
    record.state.is_over() && record.monitoring == MonitoringStatus::RunningOrArchiving
}
