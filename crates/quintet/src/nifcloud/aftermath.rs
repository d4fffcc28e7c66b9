//! What follows when a job of Nifcloud's interface is over: a thread follows the feed of changes, writes files of statistics
//! as their users, and cancels steps that must not run. How far it is is remembered, so that nothing is left out over a
//! restart; what is done twice does no harm.

use anyhow::Context;
use dialects::{Nifcloud, NifcloudAftermath, nifcloud_aftermath};
use domain::job::{Job, Phase};
use domain::ports::{Homes, Shelf};
use domain::service::{Action, JobService, News, Reader, Selection, StateWord, Target};
use domain::{ChangeId, JobId};
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Changes that are looked at together.
const BATCH: usize = 1024;
/// How often it is written down at least, while anything happens, how far it is.
const MEMORY: Duration = Duration::from_secs(30);
/// Where it is remembered how far it is.
const SHELF: &str = "nifcloud.aftermath";
const PLACE: &str = "place";

/// The thread.
pub(crate) struct Aftermath {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

struct Following {
    jobs: JobService,
    homes: Arc<dyn Homes>,
    shelf: Arc<dyn Shelf>,
    zone: TimeZone,
    reader: Reader,
    /// When that was written down last.
    remembered: Instant,
    stopping: watch::Receiver<bool>,
}

impl Aftermath {
    /// Goes on where the life before has stopped. Call it within the runtime.
    pub(crate) fn start(
        jobs: JobService,
        nifcloud: &Nifcloud,
        shelf: Arc<dyn Shelf>,
    ) -> anyhow::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let place = shelf.get(SHELF, PLACE).context("read how far the ends of jobs have been dealt with")?;
        let place = place.and_then(|place| String::from_utf8(place).ok()?.parse().ok());
        let following = Following {
            // What happened before there was such a thread is nobody's of it.
            reader: Reader::after(place.map_or_else(|| *jobs.feed().bell().borrow(), ChangeId)),
            jobs,
            homes: Arc::clone(&nifcloud.homes),
            shelf,
            remembered: Instant::now(),
            zone: nifcloud.habits.zone.clone().unwrap_or_else(TimeZone::system),
            stopping,
        };
        let runtime = Handle::current();
        let handle = std::thread::Builder::new()
            .name("aftermath".to_owned())
            .spawn(move || following.follow(&runtime))
            .context("start the thread that deals with the ends of jobs")?;
        Ok(Aftermath { stop, handle })
    }

    /// Stops it. What it has not seen is found by the next life.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::task::spawn_blocking(move || self.handle.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the thread that deals with the ends of jobs panicked");
        }
    }
}

impl Following {
    fn follow(mut self, runtime: &Handle) {
        while !*self.stopping.borrow() {
            if let Some(step) = self.reader.next(self.jobs.feed(), || self.jobs.snapshot(), BATCH) {
                let mut has_done = false;
                match &step.news {
                    News::Changes(changes) => {
                        for change in changes.iter().filter(|change| matches!(change.to, StateWord::Ended(_)))
                        {
                            has_done |= self.deal_with(change.job, runtime);
                        }
                    }
                    // Of those that have not ended there is nothing to be done.
                    News::Missed(jobs) => {
                        for job in jobs {
                            has_done |= self.deal_with(*job, runtime);
                        }
                    }
                }
                self.reader.go_on(step);
                // Jobs of other dialects are many, and looked at again in no time.
                if has_done || self.remembered.elapsed() > MEMORY {
                    self.remember();
                }
                continue;
            }
            let mut bell = self.jobs.feed().bell();
            let last = self.reader.last();
            runtime.block_on(async {
                tokio::select! {
                    _ = bell.wait_for(|latest| *latest > last) => {}
                    _ = self.stopping.wait_for(|stop| *stop) => {}
                }
            });
        }
        self.remember();
    }

    fn remember(&mut self) {
        self.remembered = Instant::now();
        if let Err(error) = self.shelf.put(SHELF, PLACE, self.reader.last().0.to_string().as_bytes()) {
            tracing::warn!(%error, "it cannot be remembered which ends of jobs have been dealt with");
        }
    }

    /// Does what is to be done after the end of a job; says whether there was anything.
    fn deal_with(&self, id: JobId, runtime: &Handle) -> bool {
        let snapshot = self.jobs.snapshot();
        let Some(job) = snapshot.jobs.job(id).cloned().or_else(|| self.recorded(id)) else { return false };
        if !matches!(job.phase, Phase::Ended(_)) {
            return false;
        }
        let NifcloudAftermath { file, cancel } = nifcloud_aftermath(&job, &snapshot, &self.zone);
        let has_done = file.is_some() || !cancel.is_empty();
        if let Some((path, content)) = file
            && let Some(owner) = self.jobs.directory().person(&job.spec.owner.name)
            && let Err(why) = self.homes.write(&owner, &path, content.as_bytes())
        {
            tracing::info!(job.id = id.0, %why, "a job's statistics cannot be written");
        }
        if cancel.is_empty() {
            return has_done;
        }
        let target = |job| Target { job, tasks: None, component: None, step: None };
        let selection =
            Selection { targets: cancel.into_iter().map(target).collect(), ..Selection::default() };
        let by = self.jobs.principal(&job.spec.owner.name);
        let done = runtime.block_on(self.jobs.act(&by, selection, Action::Cancel { kill: false }));
        if let Err(error) = done {
            tracing::warn!(job.id = id.0, %error, "later steps cannot be cancelled");
        }
        has_done
    }

    fn recorded(&self, id: JobId) -> Option<Arc<Job>> {
        let attempts = self.jobs.history().attempts(id).ok()?;
        attempts.into_iter().map(|closed| closed.job).rfind(|job| job.id == id)
    }
}
