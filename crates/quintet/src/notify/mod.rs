//! Those who are told what becomes of jobs: their owners by mail, and the job completion script. A thread of its own
//! follows the feed of changes, speaks with the relay and runs the programs; the service never waits for it.

mod deliver;
mod digest;
mod limits;
mod occasion;
mod place;
mod recipient;
mod relay;
#[cfg(test)]
mod tests;
mod variables;

use crate::config::NoticeConfig;
use anyhow::Context;
use deliver::deliver;
use digest::Digest;
use domain::ChangeId;
use domain::service::JobService;
use place::Place;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

/// Changes that are looked at together.
const BATCH: usize = 256;
/// How long the end of the service waits for programs that are running.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// The thread that tells others of jobs.
pub(crate) struct Notifier {
    stop: watch::Sender<bool>,
    stopped: oneshot::Receiver<()>,
}

impl Notifier {
    /// Begins to follow the feed from where an earlier life in the same state directory has stopped; does nothing if
    /// nobody is to be told. Call it within the runtime.
    pub(crate) fn start(wants: NoticeConfig, jobs: JobService, state: &Path) -> anyhow::Result<Option<Self>> {
        let place = Place::within(state);
        match &wants.mail {
            _ if wants.relay.is_some() => {}
            None => {
                tracing::info!("no mail is sent: [mail] of the configuration names neither relay nor program")
            }
            Some(program) if !program.is_file() => {
                tracing::error!(program = %program.display(), "no mail is sent: there is no such program");
            }
            Some(_) => {}
        }
        if !wants.sends_mail() && wants.completion.is_none() {
            // What happens from now on is nobody's news, also when there is somebody again.
            place.forget();
            return Ok(None);
        }
        let (stop, stopping) = watch::channel(false);
        let (done, stopped) = oneshot::channel();
        let last = place.read(*jobs.feed().bell().borrow());
        let follower = Follower { digest: Digest::new(wants, &jobs, last), jobs, place, last, stopping };
        let runtime = Handle::current();
        std::thread::Builder::new()
            .name("notifier".to_owned())
            .spawn(move || {
                follower.follow(&runtime);
                let _ = done.send(());
            })
            .context("start the thread that sends notices")?;
        Ok(Some(Notifier { stop, stopped }))
    }

    /// Stops it. What is not told by now is told by the next life.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(LAST_WORDS, self.stopped).await;
    }
}

struct Follower {
    digest: Digest,
    jobs: JobService,
    place: Place,
    last: ChangeId,
    stopping: watch::Receiver<bool>,
}

impl Follower {
    fn follow(mut self, runtime: &Handle) {
        while !*self.stopping.borrow() {
            let wait = match self.jobs.feed().after(self.last, BATCH) {
                Ok(changes) => {
                    let (notices, wait) = self.digest.read(&changes, &self.jobs);
                    deliver(&notices);
                    if let Some(last) = changes.last() {
                        self.last = last.id;
                        self.place.write(self.last);
                    }
                    if changes.is_empty() { wait } else { Some(Duration::ZERO) }
                }
                Err(oldest) => {
                    let lost = oldest.0.saturating_sub(self.last.0 + 1);
                    tracing::warn!(lost, "changes of jobs came faster than notices of them could be sent");
                    self.last = ChangeId(oldest.0.saturating_sub(1));
                    Some(Duration::ZERO)
                }
            };
            runtime.block_on(self.pause(wait));
        }
    }

    /// Waits for the next change, the end of the service, or as long as is said.
    async fn pause(&mut self, most: Option<Duration>) {
        let mut bell = self.jobs.feed().bell();
        let last = self.last;
        let rung = async { bell.wait_for(|latest| *latest > last).await.is_ok() };
        let stop = async { self.stopping.wait_for(|stop| *stop).await.is_ok() };
        let alarm = async {
            match most {
                Some(most) => tokio::time::sleep(most).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = rung => {}
            _ = stop => {}
            () = alarm => {}
        }
    }
}
