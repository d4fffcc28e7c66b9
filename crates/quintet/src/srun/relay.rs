//! Passes on what tasks write, and to tasks what this process is given.

use super::labels::{Lines, labelled};
use super::streams::{Relay, Sink};
use crate::watch::{self, Typed};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// How much is read in one go.
const PIECE: usize = 16 << 10;

/// What a task wrote.
#[derive(Clone, Debug)]
pub(super) struct Written {
    sink: Sink,
    /// The task that did.
    pub(super) task: u32,
    /// Where to, on its side.
    pub(super) place: watch::Place,
    label: Option<Arc<str>>,
    /// The bytes, without labels.
    pub(super) bytes: Vec<u8>,
}

/// Begins to read what tasks write; whole lines come out, unless `unbuffered`.
pub(super) fn read_all(relays: Vec<Relay>, unbuffered: bool) -> io::Result<mpsc::Receiver<Written>> {
    let (out, written) = mpsc::channel(64);
    for relay in relays {
        let source = pipe::Receiver::from_owned_fd(relay.source)?;
        // A label stands before whole lines only.
        let by_line = !unbuffered || relay.label.is_some();
        let empty = Written {
            sink: relay.sink,
            task: relay.task,
            place: relay.place,
            label: relay.label.map(Arc::from),
            bytes: Vec::new(),
        };
        tokio::spawn(read(source, empty, by_line.then(Lines::default), out.clone()));
    }
    Ok(written)
}

async fn read(
    mut source: pipe::Receiver,
    empty: Written,
    mut lines: Option<Lines>,
    out: mpsc::Sender<Written>,
) {
    let mut piece = vec![0; PIECE];
    loop {
        let count = source.read(&mut piece).await.unwrap_or(0);
        let bytes = piece.get(..count).unwrap_or_default();
        let mut ready = Vec::new();
        match &mut lines {
            None => ready.extend_from_slice(bytes),
            Some(lines) if count == 0 => lines.end(&mut ready),
            Some(lines) => lines.take(bytes, &mut ready),
        }
        // Nobody listens any more: the task hears of it when it writes again.
        let written = Written { bytes: ready, ..empty.clone() };
        if !written.bytes.is_empty() && out.send(written).await.is_err() || count == 0 {
            return;
        }
    }
}

/// Writes what has come; a sink that cannot be written to is told once, and what follows for it is dropped.
#[derive(Debug)]
pub(super) struct Sinks {
    files: Vec<File>,
    broken: Vec<Sink>,
}

impl Sinks {
    /// Writes into these files, and this process's own streams.
    pub(super) fn new(files: Vec<File>) -> Self {
        Sinks { files, broken: Vec::new() }
    }

    /// Writes.
    ///
    /// # Errors
    /// If the sink cannot be written to; told once for each.
    pub(super) fn write(&mut self, written: &Written) -> io::Result<()> {
        let sink = &written.sink;
        if self.broken.contains(sink) {
            return Ok(());
        }
        let labelled = written.label.as_deref().map(|label| labelled(label, &written.bytes));
        let bytes = labelled.as_deref().unwrap_or(&written.bytes);
        let done = match sink {
            Sink::Stdout => whole(io::stdout().lock(), bytes),
            Sink::Stderr => whole(io::stderr().lock(), bytes),
            Sink::File(at) => match self.files.get_mut(*at) {
                Some(file) => file.write_all(bytes),
                None => Ok(()),
            },
        };
        if done.is_err() {
            self.broken.push(*sink);
        }
        done
    }
}

fn whole(mut out: impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(bytes)?;
    out.flush()
}

/// Begins to pass this process's standard input on to tasks: each of them gets all of it, and what is typed for it elsewhere
/// before that ends.
pub(super) fn feed_all(inputs: Vec<(u32, OwnedFd)>, mut typed: mpsc::Receiver<Typed>) -> io::Result<()> {
    if inputs.is_empty() {
        return Ok(());
    }
    let mut queues = Vec::new();
    for (task, input) in inputs {
        let input = pipe::Sender::from_owned_fd(input)?;
        let (queue, pieces) = mpsc::channel(4);
        tokio::spawn(feed(input, pieces));
        queues.push((task, queue));
    }
    let mut pieces = own_input();
    tokio::spawn(async move {
        loop {
            let piece = tokio::select! {
                piece = pieces.recv() => piece.map(|bytes| Typed { task: None, bytes }),
                Some(typed) = typed.recv() => Some(typed),
            };
            let Some(piece) = piece else { return };
            let wanted = |task: &u32| piece.task.is_none_or(|wanted| wanted == *task);
            for (_, queue) in queues.iter().filter(|(task, _)| wanted(task)) {
                // A task that does not read any more is none of the others' business.
                let _ = queue.send(piece.bytes.clone()).await;
            }
        }
    });
    Ok(())
}

/// Reads this process's standard input in a thread of its own: a file or a terminal cannot be waited for otherwise, and the
/// thread is left behind when the step is over.
pub(crate) fn own_input() -> mpsc::Receiver<Vec<u8>> {
    let (queue, pieces) = mpsc::channel(4);
    let read = move || {
        let mut piece = vec![0; PIECE];
        loop {
            match io::stdin().lock().read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return,
                Ok(count) => {
                    if queue.blocking_send(piece.get(..count).unwrap_or_default().to_vec()).is_err() {
                        return;
                    }
                }
            }
        }
    };
    // Without the thread the tasks see the end of their input, which is what they would see without any.
    let _ = std::thread::Builder::new().name("stdin".to_owned()).spawn(read);
    pieces
}

async fn feed(mut input: pipe::Sender, mut pieces: mpsc::Receiver<Vec<u8>>) {
    while let Some(piece) = pieces.recv().await {
        if input.write_all(&piece).await.is_err() {
            return;
        }
    }
}
