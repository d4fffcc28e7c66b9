//! Speaks with a launcher without blocking anything else: a thread watches the connection, since reading it waits.

use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc as blocking;
use supervise::steps::{StepAnswer, StepClient, StepError, StepProgram, StepRequest};
use tokio::sync::mpsc;

/// A connection with a launcher. Dropping it ends it, and the step with it.
pub(super) struct Conversation {
    client: StepClient,
    /// The watcher's copy of the connection.
    copy: OwnedFd,
    /// There is something to read.
    ready: mpsc::Receiver<()>,
    /// It has been read; the watcher may look again.
    go_on: blocking::SyncSender<()>,
}

impl Conversation {
    /// Takes over a connection.
    pub(super) fn new(client: StepClient) -> io::Result<Self> {
        let copy = client.as_fd().try_clone_to_owned()?;
        let watched = copy.try_clone()?;
        let (tell, ready) = mpsc::channel(1);
        let (go_on, wait) = blocking::sync_channel(1);
        let watch = move || {
            while has_something(&watched) && tell.blocking_send(()).is_ok() && wait.recv().is_ok() {}
        };
        std::thread::Builder::new().name("launcher".to_owned()).spawn(watch)?;
        Ok(Conversation { client, copy, ready, go_on })
    }

    /// Asks for a step.
    pub(super) fn ask(&mut self, request: StepRequest) -> Result<(), StepError> {
        self.client.ask(request)
    }

    /// Has the tasks started.
    pub(super) fn start(&mut self, program: StepProgram, files: &[BorrowedFd<'_>]) -> Result<(), StepError> {
        self.client.start(program, files)
    }

    /// Sends all tasks a signal. That it cannot be sent is no news: a step that has ended in the meantime has said so, and
    /// whoever listens hears that or that nobody is there any more.
    pub(super) fn signal(&mut self, signal: i32) {
        drop(self.client.signal(signal));
    }

    /// Waits for the next answer. Nothing is lost if the waiting is given up.
    pub(super) async fn hear(&mut self) -> Result<StepAnswer, StepError> {
        loop {
            if let Some(answer) = self.client.heard()? {
                return Ok(answer);
            }
            self.ready.recv().await.ok_or(StepError::HungUp)?;
            self.client.read()?;
            // Without a watcher the next wait fails.
            let _ = self.go_on.send(());
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // The watcher holds the connection open as long as it waits; this ends the waiting.
        let _ = rustix::net::shutdown(&self.copy, rustix::net::Shutdown::Both);
    }
}

/// Waits until reading would not wait; `false` if that cannot be found out.
fn has_something(file: &OwnedFd) -> bool {
    loop {
        let mut files = [PollFd::new(file, PollFlags::IN)];
        match poll(&mut files, None) {
            Ok(ready) => return ready > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return false,
        }
    }
}
