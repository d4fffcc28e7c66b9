//! Jobs of our own engine become records by themselves: a thread follows the feed of changes, some at a time, so that a job
//! that is over at once is written once.

use super::clusters::AcceleratorNames;
use super::told::told;
use anyhow::Context;
use domain::cluster::Cluster;
use domain::job::{Job, Phase};
use domain::monitoring::{MonitoredCluster, Record, accounted, of_job};
use domain::ports::StoreError;
use domain::service::{JobService, Monitoring, News, Reader, StateChange, StateWord};
use domain::{ChangeId, JobId, Text};
use std::collections::{BTreeSet, HashSet};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Changes that are looked at together.
const BATCH: usize = 4096;
/// How long changes gather.
const GATHERS: Duration = Duration::from_millis(200);
/// How long it waits when the store has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// The thread that keeps records of our own jobs.
pub(crate) struct Follower {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

struct Following {
    jobs: JobService,
    monitoring: Monitoring,
    accelerators: AcceleratorNames,
    reader: Reader,
    /// Attempts that run and whose scripts are in their records already.
    told: HashSet<(JobId, u32)>,
    stopping: watch::Receiver<bool>,
}

impl Follower {
    /// Begins with what lives now and what has ended since the records were kept last. Call it within the runtime.
    pub(crate) fn start(jobs: JobService, monitoring: Monitoring) -> anyhow::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let accelerators = AcceleratorNames::known_to(&jobs);
        let (reader, told) = (Reader::after(ChangeId(0)), HashSet::new());
        let following = Following { jobs, monitoring, accelerators, reader, told, stopping };
        let runtime = Handle::current();
        let handle = std::thread::Builder::new()
            .name("records".to_owned())
            .spawn(move || following.follow(&runtime))
            .context("start the thread that keeps records of jobs")?;
        Ok(Follower { stop, handle })
    }

    /// Stops it. What it has not seen is found by the next life.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::task::spawn_blocking(move || self.handle.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the thread that keeps records of jobs panicked");
        }
    }
}

impl Following {
    fn follow(mut self, runtime: &Handle) {
        while !*self.stopping.borrow() {
            let done = self.turn();
            if let Err(error) = &done {
                tracing::error!(%error, "records of jobs cannot be kept");
            }
            let wait = if done.is_ok() { GATHERS } else { PATIENCE };
            runtime.block_on(self.pause(wait));
        }
        if let Err(error) = self.turn() {
            tracing::warn!(%error, "the last changes of jobs are kept by the next life");
        }
    }

    /// Waits for the next change and then a little longer, or for the end of the service.
    async fn pause(&mut self, gathers: Duration) {
        let mut bell = self.jobs.feed().bell();
        let last = self.reader.last();
        let rung = async {
            // The feed is there as long as the service.
            let _ = bell.wait_for(|latest| *latest > last).await;
            tokio::time::sleep(gathers).await;
        };
        tokio::select! {
            () = rung => {}
            _ = self.stopping.wait_for(|stop| *stop) => {}
        }
    }

    fn turn(&mut self) -> Result<(), StoreError> {
        while let Some(step) = self.reader.next(self.jobs.feed(), || self.jobs.snapshot(), BATCH) {
            match &step.news {
                News::Changes(changes) => self.look_at(changes)?,
                News::Missed(jobs) => self.look_for(jobs)?,
            }
            self.reader.go_on(step);
        }
        self.monitoring.note_records_up_to(self.reader.last());
        Ok(())
    }

    fn look_at(&mut self, changes: &[StateChange]) -> Result<(), StoreError> {
        let mut touched = BTreeSet::new();
        let mut ended = BTreeSet::new();
        for change in changes {
            match change.to {
                StateWord::Running | StateWord::Suspended | StateWord::Ended(_) => {
                    touched.insert(change.job);
                }
                // An attempt has ended, and the job waits for the next.
                StateWord::Pending if change.from.is_some() => {
                    ended.insert(change.job);
                }
                _ => {}
            }
        }
        self.keep(&touched, &ended)
    }

    /// Looks at jobs that may be others than they were, and at those that were thought to run and are gone.
    fn look_for(&mut self, jobs: &BTreeSet<JobId>) -> Result<(), StoreError> {
        let snapshot = self.jobs.snapshot();
        let is_gone = |job: &JobId| snapshot.jobs.job(*job).is_none();
        let lost: Vec<JobId> = self.running()?.difference(jobs).copied().filter(is_gone).collect();
        let all: Vec<JobId> = jobs.iter().copied().chain(lost).collect();
        let has_come_back = |job: &JobId| snapshot.jobs.job(*job).is_some_and(|job| job.restarts > 0);
        // All of them at once would keep others from their records for long.
        for some in all.chunks(BATCH) {
            let ended = some.iter().copied().filter(has_come_back).collect();
            self.keep(&some.iter().copied().collect(), &ended)?;
        }
        Ok(())
    }

    /// Returns the jobs whose records say that they run.
    fn running(&self) -> Result<BTreeSet<JobId>, StoreError> {
        use domain::monitoring::{JobState, Origin, RecordsWanted};
        let wanted = RecordsWanted {
            states: vec![JobState::Running, JobState::Suspended],
            cluster: Some(self.jobs.snapshot().cluster.name.clone()),
            ..RecordsWanted::default()
        };
        let records = self.monitoring.registry().list(&wanted)?;
        let own = records.iter().filter(|record| record.origin != Origin::Registered);
        Ok(own.filter_map(|record| u32::try_from(record.job).ok()).map(JobId).collect())
    }

    /// Keeps records of jobs as they are now, and of the attempts that others have left in history.
    fn keep(&mut self, touched: &BTreeSet<JobId>, ended: &BTreeSet<JobId>) -> Result<(), StoreError> {
        let snapshot = self.jobs.snapshot();
        let clusters = self.monitoring.clusters();
        let own = clusters.iter().find(|cluster| cluster.name == snapshot.cluster.name);
        let sub_cluster = |host: &str| -> Text {
            let sub = own.and_then(|own: &MonitoredCluster| own.sub_cluster_of(host));
            sub.map(|sub| sub.name.clone()).unwrap_or_default()
        };
        let mut records: Vec<Record> = Vec::new();
        let mut history = ended.clone();
        for id in touched {
            match snapshot.jobs.job(*id) {
                Some(job) => records.extend(
                    of_job(job, &snapshot.cluster, sub_cluster)
                        .map(|record| self.with_use(record, job, own))
                        .map(|record| self.with_words(record, job, &snapshot.cluster)),
                ),
                None => {
                    history.insert(*id);
                }
            }
        }
        for id in history {
            let attempts = self.jobs.history().attempts(id)?;
            let attempts = attempts.iter().filter(|attempt| attempt.job.id == id);
            for attempt in attempts {
                let record = of_job(&attempt.job, &snapshot.cluster, sub_cluster);
                let record = record.map(|record| self.with_use(record, &attempt.job, own));
                let words = |record| self.with_words(record, &attempt.job, &snapshot.cluster);
                records.extend(record.map(words));
            }
        }
        if records.is_empty() {
            return Ok(());
        }
        if let Some(own) = own {
            records.iter_mut().for_each(|record| name_parts(record, own, &self.accelerators));
        }
        let kept = self.monitoring.absorb(records);
        if kept.is_err() {
            self.told.clear();
        }
        kept
    }

    /// Adds what a cluster's accounting says of the use of a job that is over: nobody here has measured it, unless somebody
    /// there did and sent it.
    fn with_use(&self, mut record: Record, job: &Job, own: Option<&MonitoredCluster>) -> Record {
        if let (true, Phase::Ended(ended), Some(own)) = (self.jobs.follows_cluster(), &job.phase, own) {
            accounted(&mut record, &ended.usage, own);
        }
        record
    }

    /// Adds what is told of a job in words, as it begins and as it ends: its script, once for each attempt that is seen to
    /// run, and what the scheduler knows of it.
    fn with_words(&mut self, mut record: Record, job: &Job, cluster: &Cluster) -> Record {
        let attempt = (job.id, job.restarts);
        if record.state.is_over() || !self.told.contains(&attempt) {
            record.meta.insert(Text::const_new("slurmInfo"), told(job, &record, cluster));
        }
        let is_told = match record.state.is_over() {
            true => self.told.remove(&attempt),
            false => !self.told.insert(attempt),
        };
        if !is_told {
            let history = self.jobs.history();
            // One that cannot be read any more is not worth more than its record.
            let payload = history.payload(job.array_id()).or_else(|_| history.payload(job.id));
            let script = payload.map(|payload| String::from_utf8_lossy(&payload.script).into_owned());
            if let Some(script) = script.ok().filter(|script| !script.is_empty()) {
                record.meta.insert(Text::const_new("jobScript"), script);
            }
        }
        record
    }
}

/// Gives hardware threads the operating system's numbers, as the engine counts those of a node from zero, and GPUs the names
/// that monitoring has for them.
fn name_parts(record: &mut Record, own: &MonitoredCluster, accelerators: &AcceleratorNames) {
    for part in &mut record.resources {
        part.accelerators.iter_mut().for_each(|file| *file = accelerators.of(file));
        let Some(sub) = own.sub_cluster_of(&part.hostname) else { continue };
        let known = &sub.topology.node;
        for thread in &mut part.hwthreads {
            *thread = known.get(*thread as usize).copied().unwrap_or(*thread);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::monitoring::{HostResources, SubCluster, Topology};

    #[test]
    fn threads_have_the_numbers_of_the_machine() {
        let topology = Topology { node: vec![4, 5, 6], ..Topology::default() };
        let sub = SubCluster { topology, ..SubCluster::default() };
        let own = MonitoredCluster { sub_clusters: vec![sub], ..MonitoredCluster::default() };
        let hwthreads = vec![0, 2];
        let resources = vec![HostResources { hwthreads, ..HostResources::default() }];
        let mut record = Record { resources, ..Record::default() };
        name_parts(&mut record, &own, &AcceleratorNames::default());
        assert_eq!(record.resources[0].hwthreads, [4, 6]);
    }
}
