//! Following a cluster that decides for itself: the counterpart of the writer.
//!
//! The same wishes are served by asking the cluster, and what it tells is taken in: recorded as the writer records, and
//! published as the same snapshot. Nothing is scheduled here, and no event is applied to a job: the cluster's word is put in
//! the place of what was known ([`merge`]). While the cluster is asked, nobody else waits: only taking in and recording
//! happens one after the other ([`image`]).
//!
//! What is told counts from the moment at which it was asked for, not from that at which the answer came: a list that was
//! asked for before a job was submitted says nothing about that job.

mod act;
mod gaze;
mod history;
mod image;
mod look;
mod merge;
mod nodes;
mod open;
mod submit;
mod take;

pub(super) use gaze::Gaze;
pub use gaze::Watching;

use super::command::Command;
use super::feed::Feed;
use super::receipts::Receipts;
use crate::ports::{Calendar, Clock, Directory, History, Meter, Remote, RemoteError, Store};
use crate::state::Snapshot;
use crate::{Error, Problem, Text};
use arc_swap::ArcSwap;
use crossbeam_channel::Receiver;
use image::Image;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// How many wishes can be with the cluster at once.
const AT_ONCE: usize = 16;

/// What following a cluster needs of the world.
pub struct Following {
    /// Remembers the jobs of the cluster, and submissions whose outcome is not known.
    pub store: Box<dyn Store>,
    /// Remembers finished ones.
    pub history: Arc<dyn History>,
    /// The cluster.
    pub remote: Arc<dyn Remote>,
    /// Knows users.
    pub directory: Arc<dyn Directory>,
    /// Knows how busy this machine is.
    pub meter: Arc<dyn Meter>,
    /// Knows the time.
    pub clock: Arc<dyn Clock>,
    /// Knows what the walls of the place show.
    pub calendar: Arc<dyn Calendar>,
    /// How long to wait between looks at the cluster while somebody asks.
    pub every: Duration,
}

/// What is known of the cluster, and what asks it.
pub(super) struct Mirror {
    remote: Arc<dyn Remote>,
    history: Arc<dyn History>,
    clock: Arc<dyn Clock>,
    calendar: Arc<dyn Calendar>,
    published: Arc<ArcSwap<Snapshot>>,
    feed: Arc<Feed>,
    receipts: Arc<Receipts>,
    image: Mutex<Image>,
    gaze: Arc<Gaze>,
    stopping: AtomicBool,
    hands: AtomicUsize,
}

impl Mirror {
    /// Returns where readers find the last snapshot.
    pub(super) fn published(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.published)
    }

    /// Returns the feed of changes.
    pub(super) fn feed(&self) -> Arc<Feed> {
        Arc::clone(&self.feed)
    }

    /// Returns what submissions with a key were answered.
    pub(super) fn receipts(&self) -> Arc<Receipts> {
        Arc::clone(&self.receipts)
    }

    /// Returns who wants the cluster to be looked at.
    pub(super) fn gaze(&self) -> Arc<Gaze> {
        Arc::clone(&self.gaze)
    }

    /// Returns what answers questions about finished jobs; scripts that are not here are asked of the cluster.
    pub(super) fn history(&self) -> Arc<dyn History> {
        Arc::new(history::WithScripts::new(Arc::clone(&self.history), Arc::clone(&self.remote)))
    }

    /// Starts the threads: one looks at the cluster, the others serve wishes until nobody can have any more.
    pub(super) fn run(self: Arc<Self>, inbox: &Receiver<Command>) -> Result<(), Error> {
        let cannot = |error| Error::Unavailable(Text::from(format!("cannot start a thread: {error}")));
        for _ in 0..AT_ONCE {
            let (mirror, inbox) = (Arc::clone(&self), inbox.clone());
            self.hands.fetch_add(1, Ordering::SeqCst);
            let hand = move || {
                for command in inbox {
                    mirror.serve(command);
                }
                // The last one out.
                if mirror.hands.fetch_sub(1, Ordering::SeqCst) == 1 {
                    mirror.stop();
                }
            };
            std::thread::Builder::new().name("mirror".into()).spawn(hand).map_err(cannot)?;
        }
        std::thread::Builder::new()
            .name("looks".into())
            .spawn(move || self.keep_looking())
            .map_err(cannot)?;
        Ok(())
    }

    fn keep_looking(&self) {
        while !self.stopping.load(Ordering::SeqCst) {
            let begun = self.clock.now();
            self.gaze.begin(begun);
            let outcome = self.look();
            let is_first = self.gaze.end(outcome.is_ok());
            if let Err(error) = outcome
                && is_first
            {
                tracing::warn!(%error, "the cluster could not be looked at");
            }
            let (now, has_ours) = (self.clock.now(), self.image().memo.has_ours());
            self.gaze.rest(self.gaze.pause(now, has_ours), now.since(begun));
        }
    }

    fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        self.gaze.ring();
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does as wished, and answers.
    pub(in crate::service) fn serve(&self, command: Command) {
        if self.stopping.load(Ordering::SeqCst) {
            // Whoever waits for an answer is told by the loss of the channel that the service is stopping.
            return;
        }
        match command {
            Command::Forward(by, submission, reply) => answer(reply, self.submit(&by, *submission)),
            Command::Act { by, selection, action, reply } => {
                answer(reply, self.act(&by, &selection, action));
            }
            Command::Update { by, job, update, reply } => answer(reply, self.update(&by, job, &update)),
            Command::Reconfigure(cluster, reply) => answer(reply, self.reconfigure(*cluster)),
            Command::Stop(reply) => {
                self.stop();
                // What is being recorded is done first.
                drop(self.image());
                let _ = reply.send(());
            }
            Command::LeaveAlone { .. } | Command::Reports(_) => {}
            other => refuse(other),
        }
    }
}

fn answer<T>(reply: oneshot::Sender<Result<T, Error>>, result: Result<T, Error>) {
    // A caller who has gone away does not mind.
    let _ = reply.send(result);
}

/// Refuses by name what the cluster behind does not take from us.
fn refuse(command: Command) {
    fn no<T>(reply: oneshot::Sender<Result<T, Error>>, what: &'static str) {
        answer(reply, Err(unsupported(what).into()));
    }
    match command {
        Command::Submit(_, reply) => no(reply, "a job without its submission"),
        Command::SubmitComponents(_, reply) => no(reply, "a heterogeneous job in front of a cluster"),
        Command::Foresee(_, reply) => no(reply, "foreseeing a start in front of a cluster"),
        Command::Attend { reply, .. } => no(reply, "attending an allocation in front of a cluster"),
        Command::RememberMember { reply, .. } | Command::ForgetMember { reply, .. } => {
            no(reply, "changing users in front of a cluster");
        }
        Command::Account { reply, .. } => no(reply, "changing accounting in front of a cluster"),
        Command::MarkNode { reply, .. }
        | Command::UpdateNodes { reply, .. }
        | Command::MakeNodes { reply, .. }
        | Command::RemoveNodes { reply, .. } => no(reply, "changing nodes in front of a cluster"),
        Command::Reserve(_, reply) => no(reply, "a reservation in front of a cluster"),
        Command::ChangeReservation(_, reply) | Command::RemoveReservation { reply, .. } => {
            no(reply, "changing reservations in front of a cluster");
        }
        Command::SetCrontab(_, reply) => no(reply, "a crontab in front of a cluster"),
        Command::RemoveCrontab { reply, .. } => no(reply, "changing crontabs in front of a cluster"),
        // Served elsewhere.
        Command::Forward(..)
        | Command::Act { .. }
        | Command::Update { .. }
        | Command::Reconfigure(..)
        | Command::Stop(_)
        | Command::LeaveAlone { .. }
        | Command::Reports(_) => {}
    }
}

fn unsupported(what: &'static str) -> Problem {
    Problem::Unsupported(Text::const_new(what))
}

/// What of an error is the cluster's silence.
fn unavailable(error: &RemoteError) -> Error {
    Error::Unavailable(Text::from(error.to_string()))
}
