//! The thread that measures: what every running job takes, each second of its first minute and every ten seconds after
//! it, and what the machine does. It reads and writes for itself; nobody waits for it.
//!
//! - `watched`: one running job
//! - `hosts`: which series a value belongs to

mod hosts;
mod watched;

use anyhow::Context;
use domain::job::{Job, Outcome, Phase};
use domain::monitoring::{MachineReading, Sample};
use domain::ports::Gauge;
use domain::service::{JobService, Monitoring, StateWord};
use domain::state::Snapshot;
use domain::{ChangeId, JobId, Timestamp};
use hosts::{job_series, machine_series};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;
use watched::{Last, Watched};

/// Changes that are looked at together.
const BATCH: usize = 4096;
/// How long changes gather.
const GATHERS: Duration = Duration::from_millis(250);
/// How often the machine is looked at, and jobs that are no longer young.
const SELDOM: i64 = 10;
/// A round is not followed by the next one before this many times the CPU time that it took: two percent of a CPU, however
/// many jobs there are.
const RESTS: u32 = 50;
/// Of a job that is over so soon nothing is told; to look for its end would cost more than the job.
const SHORT: Duration = Duration::from_secs(1);
/// A job that was noticed so long after its start has run before this service did.
const LATE: Duration = Duration::from_secs(3);

/// The thread that measures.
pub(crate) struct Sampler {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

struct Sampling {
    jobs: JobService,
    monitoring: Monitoring,
    gauge: Arc<dyn Gauge>,
    bound_to: Option<Vec<u32>>,
    last: ChangeId,
    watched: HashMap<JobId, Watched>,
    /// The machine at the last round, and at the last one of those that come seldom.
    machine: Option<MachineReading>,
    seldom: Option<MachineReading>,
    /// No round before.
    rests: Timestamp,
    stopping: watch::Receiver<bool>,
}

impl Sampler {
    /// Begins with what runs now; `None` where jobs cannot be looked at. Call it within the runtime.
    pub(crate) fn start(jobs: JobService, monitoring: Monitoring) -> anyhow::Result<Option<Self>> {
        let Some(gauge) = jobs.gauge().cloned() else { return Ok(None) };
        let (stop, stopping) = watch::channel(false);
        let sampling = Sampling {
            bound_to: gauge.bound_to(),
            jobs,
            monitoring,
            gauge,
            last: ChangeId(0),
            watched: HashMap::new(),
            machine: None,
            seldom: None,
            rests: Timestamp::EPOCH,
            stopping,
        };
        let runtime = Handle::current();
        let handle = std::thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || sampling.sample(&runtime))
            .context("start the thread that measures jobs")?;
        Ok(Some(Sampler { stop, handle }))
    }

    /// Stops it. Jobs go on unmeasured until the next life.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::task::spawn_blocking(move || self.handle.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the thread that measures jobs panicked");
        }
    }
}

impl Sampling {
    fn sample(mut self, runtime: &Handle) {
        self.look_at_all();
        while !*self.stopping.borrow() {
            self.notice();
            let now = self.jobs.clock().now();
            let due = self.due(now);
            if due <= now {
                let before = self.gauge.cost();
                self.round(now);
                let cost = self.gauge.cost().saturating_sub(before);
                self.rests = now.after(cost.saturating_mul(RESTS));
                continue;
            }
            runtime.block_on(self.pause(due.since(now)));
        }
    }

    /// Returns when something is to be done next.
    fn due(&self, now: Timestamp) -> Timestamp {
        let machine = match &self.seldom {
            Some(seldom) => watched::next_seldom(seldom.at),
            None => now,
        };
        let jobs = self.watched.values().map(|watched| watched.due);
        jobs.fold(machine, Timestamp::min).max(self.rests)
    }

    /// Waits for a moment, or for changes, which may gather; or for the end of the service.
    async fn pause(&mut self, most: Duration) {
        let mut bell = self.jobs.feed().bell();
        let last = self.last;
        let rung = async {
            // The feed is there as long as the service.
            let _ = bell.wait_for(|latest| *latest > last).await;
            tokio::time::sleep(GATHERS).await;
        };
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep(most) => {}
            _ = self.stopping.wait_for(|stop| *stop) => {}
        }
    }

    /// Looks for jobs that run among all.
    fn look_at_all(&mut self) {
        let snapshot = self.jobs.snapshot();
        for job in snapshot.jobs.iter() {
            self.watch(job, &snapshot);
        }
        self.last = snapshot.change;
    }

    /// Takes in which jobs have begun and ended.
    fn notice(&mut self) {
        loop {
            let changes = match self.jobs.feed().after(self.last, BATCH) {
                Ok(changes) => changes,
                Err(_) => {
                    // Too much has happened. Jobs that have ended meanwhile are found when they are due.
                    self.look_at_all();
                    continue;
                }
            };
            let Some(last) = changes.last() else { return };
            self.last = last.id;
            let snapshot = self.jobs.snapshot();
            for change in &changes {
                match change.to {
                    StateWord::Running => {
                        if let Some(job) = snapshot.jobs.job(change.job) {
                            self.watch(job, &snapshot);
                        }
                    }
                    StateWord::Ended(_) | StateWord::Pending => self.finish(change.job),
                    StateWord::Stopped | StateWord::Suspended | StateWord::Completing => {}
                }
            }
        }
    }

    /// Measures a job from now on if it runs and is not measured yet.
    fn watch(&mut self, job: &Job, snapshot: &Snapshot) {
        let (Phase::Running(_) | Phase::Completing(_), Some(run)) = (&job.phase, job.run()) else { return };
        match self.watched.get(&job.id) {
            Some(known) if known.attempt == job.restarts => return,
            Some(_) => self.finish(job.id),
            None => {}
        }
        // What others begin runs with their leader.
        let Some(place) = job.has_run().then(|| hosts::place(job, snapshot)).flatten() else { return };
        let is_new = self.jobs.clock().now().since(run.started) < LATE;
        let gauge = self.gauge.job(job.id, job.restarts);
        self.watched.insert(job.id, Watched::begin(job.restarts, run.started, is_new, place, gauge));
    }

    /// Measures all that is due.
    fn round(&mut self, now: Timestamp) {
        let snapshot = self.jobs.snapshot();
        let machine = self.gauge.machine();
        let mut samples = Vec::new();
        self.jobs_due(now, &snapshot, &machine, &mut samples);
        if let Some(host) = hosts::of_machine(&snapshot) {
            let cluster = &snapshot.cluster.name;
            if let Some(before) = &self.machine {
                machine_series(cluster, host, machine.at, machine.since(before), &mut samples);
            }
            let is_due = |seldom: &&MachineReading| watched::next_seldom(seldom.at) <= now;
            if let Some(before) = self.seldom.as_ref().filter(is_due) {
                let threads = machine.threads_since(before, |_| true);
                machine_series(cluster, host, machine.at, threads, &mut samples);
            }
        }
        if self.seldom.as_ref().is_none_or(|seldom| watched::next_seldom(seldom.at) <= now) {
            self.seldom = Some(machine.clone());
        }
        self.machine = Some(machine);
        self.write(samples);
    }

    fn jobs_due(
        &mut self,
        now: Timestamp,
        snapshot: &Snapshot,
        machine: &MachineReading,
        samples: &mut Vec<Sample>,
    ) {
        let due: Vec<JobId> =
            self.watched.iter().filter(|(_, watched)| watched.due <= now).map(|(id, _)| *id).collect();
        let shared = self.shared_cpus(&due, snapshot);
        for id in due {
            let living = snapshot.jobs.job(id);
            let Some(watched) = self.watched.get_mut(&id) else { continue };
            let same = living.filter(|job| job.restarts == watched.attempt);
            let Some((job, run)) = same.and_then(|job| Some((job, job.run()?))) else {
                // Its end was missed.
                self.finish(id);
                continue;
            };
            if let Some(place) = hosts::place(job, snapshot) {
                watched.place = place;
            }
            let young = watched.is_young(now);
            let mut values = watched.read();
            let before = if young { &self.machine } else { &self.seldom };
            if let Some(before) = before.as_ref().filter(|before| before.at >= watched.started)
                && !run.is_suspended()
                && let Some(cpus) = hosts::own_cpus(run, self.bound_to.as_deref())
                && cpus.iter().all(|cpu| shared.get(cpu).is_none_or(|jobs| *jobs < 2))
            {
                let threads = machine.threads_since(before, |cpu| cpus.contains(&cpu));
                if hosts::are_its_own(&threads, &values, cpus.len()) {
                    values.extend(threads);
                }
            }
            job_series(&snapshot.cluster.name, id, watched, machine.at, values, samples);
            watched.wait(now);
        }
    }

    /// Counts the jobs on CPUs, if some of those that are due are bound to theirs.
    fn shared_cpus(&self, due: &[JobId], snapshot: &Snapshot) -> BTreeMap<u32, u32> {
        let mut jobs = BTreeMap::new();
        if due.is_empty() || self.bound_to.is_none() {
            return jobs;
        }
        for run in self.watched.keys().filter_map(|id| snapshot.jobs.job(*id)?.run()) {
            for cpu in hosts::own_cpus(run, self.bound_to.as_deref()).into_iter().flatten() {
                *jobs.entry(cpu).or_insert(0) += 1;
            }
        }
        jobs
    }

    /// Adds what an attempt took after it was measured last, as far as is known of the dead.
    fn finish(&mut self, id: JobId) {
        let Some(mut watched) = self.watched.remove(&id) else { return };
        if self.jobs.clock().now().since(watched.started) < SHORT {
            return;
        }
        let attempts = match self.jobs.history().attempts(id) {
            Ok(attempts) => attempts,
            Err(error) => {
                tracing::warn!(%error, job = id.0, "the last values of a job are not known");
                return;
            }
        };
        let ended = attempts.iter().find_map(|attempt| match &attempt.job.phase {
            Phase::Ended(ended) if attempt.job.id == id && attempt.job.restarts == watched.attempt => {
                (ended.outcome != Outcome::Resized).then_some(ended)
            }
            _ => None,
        });
        let Some(ended) = ended else { return };
        let mut samples = Vec::new();
        if let Some(Last { at, values }) = watched.end(ended.ended, &ended.usage) {
            let cluster = &self.jobs.snapshot().cluster.name;
            job_series(cluster, id, &watched, at, values, &mut samples);
        }
        self.write(samples);
    }

    fn write(&self, samples: Vec<Sample>) {
        if samples.is_empty() {
            return;
        }
        if let Err(error) = self.monitoring.write(samples) {
            tracing::warn!(%error, "what was measured is not kept");
        }
    }
}
