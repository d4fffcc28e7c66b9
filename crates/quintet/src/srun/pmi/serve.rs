//! Connects the tasks of a step with what answers them: a pair of sockets for each, one end of which the task holds open.

use super::server::{Effect, Server};
use super::wire::{Inbox, Message, Version};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

/// The service for a step's tasks.
pub(in super::super) struct Pmi {
    /// The tasks' ends, in their order.
    pub(in super::super) theirs: Vec<OwnedFd>,
    ours: Vec<Pair>,
    server: Server,
}

/// Makes the service for tasks on these nodes.
pub(in super::super) fn open(name: &str, nodes: &[u32]) -> io::Result<Pmi> {
    let mut pmi = Pmi { theirs: Vec::new(), ours: Vec::new(), server: Server::new(name, nodes) };
    for _ in nodes {
        let (ours, theirs) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        pmi.ours.push(ours);
        pmi.theirs.push(theirs.into());
    }
    Ok(pmi)
}

impl Pmi {
    /// Begins to answer; whoever wants the whole step to end comes out.
    pub(in super::super) fn begin(self) -> io::Result<mpsc::Receiver<(usize, String)>> {
        let (tell, aborts) = mpsc::channel(1);
        let (said, messages) = mpsc::channel(64);
        let mut writers = Vec::new();
        for (task, stream) in self.ours.into_iter().enumerate() {
            let (reader, writer) = UnixStream::from_std(stream)?.into_split();
            tokio::spawn(read(task, reader, said.clone()));
            writers.push((writer, Version::One));
        }
        tokio::spawn(answer(self.server, writers, messages, tell));
        Ok(aborts)
    }
}

async fn read(task: usize, mut stream: OwnedReadHalf, said: mpsc::Sender<(usize, Message)>) {
    let mut inbox = Inbox::default();
    let mut version = Version::One;
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut piece).await {
        inbox.add(piece.get(..count).unwrap_or_default());
        loop {
            match inbox.next(version) {
                Ok(Some(message)) => {
                    // Nothing follows before the answer, so the next message is of the form that was agreed on.
                    if message.command() == "init" && message.get("pmi_version") == Some("2") {
                        version = Version::Two;
                    }
                    if said.send((task, message)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                // A task that talks nonsense finds its connection closed.
                Err(_) => return,
            }
        }
    }
}

async fn answer(
    mut server: Server,
    mut writers: Vec<(OwnedWriteHalf, Version)>,
    mut messages: mpsc::Receiver<(usize, Message)>,
    aborts: mpsc::Sender<(usize, String)>,
) {
    while let Some((task, message)) = messages.recv().await {
        for effect in server.take(task, &message) {
            match effect {
                Effect::Answer(task, message) => {
                    let Some((writer, version)) = writers.get_mut(task) else { continue };
                    // A task that has gone needs no answer.
                    let _ = writer.write_all(&message.written(*version)).await;
                }
                Effect::SpeaksTwo(task) => {
                    if let Some((_, version)) = writers.get_mut(task) {
                        *version = Version::Two;
                    }
                }
                Effect::Abort(task, why) => _ = aborts.try_send((task, why)),
            }
        }
    }
}
