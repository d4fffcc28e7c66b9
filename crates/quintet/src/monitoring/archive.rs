//! Records of jobs that are over get their statistics, footprint and energy, and their files in the archive: one job after
//! the other, by a thread of its own.

use anyhow::Context;
use domain::ports::{Kept, Replaced};
use domain::service::Monitoring;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::watch;

/// Records that are looked at together.
const BATCH: usize = 256;
/// How long after a job's end it is archived: its last values are still on their way.
const SETTLES: Duration = Duration::from_secs(2);
/// How often it looks though nothing has ended.
const OFTEN: Duration = Duration::from_secs(30);

/// The thread that archives jobs.
pub(crate) struct Archivist {
    stop: watch::Sender<bool>,
    handle: JoinHandle<()>,
}

struct Archiving {
    monitoring: Monitoring,
    stopping: watch::Receiver<bool>,
}

impl Archivist {
    /// Begins with what was left over. Call it within the runtime.
    pub(crate) fn start(monitoring: Monitoring) -> anyhow::Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let archiving = Archiving { monitoring, stopping };
        let runtime = Handle::current();
        let handle = std::thread::Builder::new()
            .name("archive".to_owned())
            .spawn(move || archiving.archive(&runtime))
            .context("start the thread that archives jobs")?;
        Ok(Archivist { stop, handle })
    }

    /// Stops it. What is not archived yet is archived by the next life.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let ended = tokio::task::spawn_blocking(move || self.handle.join()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("the thread that archives jobs panicked");
        }
    }
}

impl Archiving {
    fn archive(mut self, runtime: &Handle) {
        let mut ends = self.monitoring.ends();
        while !*self.stopping.borrow() {
            ends.mark_unchanged();
            if let Err(error) = self.turn() {
                tracing::error!(error = format!("{error:#}"), "jobs cannot be archived");
            }
            runtime.block_on(async {
                let ended = async {
                    let ended = tokio::time::timeout(OFTEN, ends.changed()).await;
                    if ended.is_ok() {
                        tokio::time::sleep(SETTLES).await;
                    }
                };
                tokio::select! {
                    () = ended => {}
                    _ = self.stopping.wait_for(|stop| *stop) => {}
                }
            });
        }
    }

    fn turn(&self) -> anyhow::Result<()> {
        loop {
            let due = self.monitoring.registry().due(BATCH)?;
            let settled = self.monitoring.now().saturating_sub(i64::try_from(SETTLES.as_secs()).unwrap_or(0));
            let mut waiting = due.len() < BATCH;
            for id in due {
                if *self.stopping.borrow() {
                    return Ok(());
                }
                match self.monitoring.registry().record(id)? {
                    Some(kept) if kept.record.until(settled) > settled => waiting = true,
                    Some(kept) => self.one(kept)?,
                    None => {}
                }
            }
            if waiting {
                return Ok(());
            }
        }
    }

    /// Archives a job. Whoever changes it meanwhile has it archived once more.
    fn one(&self, kept: Kept) -> anyhow::Result<()> {
        let record = self.monitoring.archived(&kept.record)?;
        // One that has changed is still due.
        match self.monitoring.registry().replace(&Kept { record, version: kept.version })? {
            Replaced::Done | Replaced::Changed | Replaced::Gone => Ok(()),
        }
    }
}
