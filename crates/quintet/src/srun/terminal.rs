//! `--pty`: task 0 has a terminal of its own, and this process's terminal is passed on to it key by key.

use super::message::terminal_is_raw;
use crate::watch::Typed;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    OptionalActions, Termios, Winsize, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize,
};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;
use tokio::sync::mpsc;

/// Ctrl-D: where there is no terminal to type it on, it ends what the task reads.
const END_OF_INPUT: &[u8] = &[4];

/// How long something may still come when the step is over.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A pair of terminals: ours to write keys into, and the task's. Each direction has a thread, which is left behind when
/// the step is over.
pub(super) struct Pair {
    ours: OwnedFd,
    theirs: Option<OwnedFd>,
    shown: Option<mpsc::Receiver<Vec<u8>>>,
}

impl Pair {
    /// Opens a pair as large as this process's terminal.
    pub(super) fn open() -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let name = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs = rustix::fs::open(name.as_c_str(), flags, Mode::empty())?;
        let pair = Pair { ours, theirs: Some(theirs), shown: None };
        pair.fit();
        Ok(pair)
    }

    /// Takes the task's end, to be passed on and closed.
    pub(super) fn theirs(&mut self) -> Option<OwnedFd> {
        self.theirs.take()
    }

    /// Makes the task's terminal as large as this process's.
    pub(super) fn fit(&self) {
        let size = tcgetwinsize(io::stdin()).or_else(|_| tcgetwinsize(io::stdout()));
        let usual = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // A terminal of another size is not worth failing for.
        let _ = tcsetwinsize(&self.ours, size.unwrap_or(usual));
    }

    /// Begins to pass on keys, and to read what the task writes.
    pub(super) fn begin(&mut self) -> io::Result<()> {
        let (mut keys, mut screen) = (File::from(self.ours.try_clone()?), File::from(self.ours.try_clone()?));
        let (show, shown) = mpsc::channel(16);
        let type_keys = move || {
            // If the task's end is closed, nobody reads keys.
            if io::copy(&mut io::stdin().lock(), &mut keys).is_ok() && !isatty(io::stdin()) {
                let _ = keys.write_all(END_OF_INPUT);
            }
        };
        let read_screen = move || {
            let mut piece = [0; 16 << 10];
            // A terminal whose other end is closed fails.
            while let Ok(count @ 1..) = screen.read(&mut piece) {
                if show.blocking_send(piece.get(..count).unwrap_or_default().to_vec()).is_err() {
                    return;
                }
            }
        };
        std::thread::Builder::new().name("keys".to_owned()).spawn(type_keys)?;
        std::thread::Builder::new().name("screen".to_owned()).spawn(read_screen)?;
        self.shown = Some(shown);
        Ok(())
    }

    /// Types what others have, who look on.
    pub(super) fn take(&self, mut typed: mpsc::Receiver<Typed>) -> io::Result<()> {
        let mut keys = File::from(self.ours.try_clone()?);
        let type_keys = move || {
            while let Some(Typed { bytes, .. }) = typed.blocking_recv() {
                // If the task's end is closed, nobody reads keys.
                let _ = keys.write_all(&bytes);
            }
        };
        std::thread::Builder::new().name("others' keys".to_owned()).spawn(type_keys)?;
        Ok(())
    }

    /// Shows the next piece of what the task writes and returns it; waits for ever when nothing comes any more.
    pub(super) async fn show(&mut self) -> io::Result<Vec<u8>> {
        let piece = match &mut self.shown {
            Some(shown) => shown.recv().await,
            None => std::future::pending().await,
        };
        match piece {
            Some(piece) => print(&piece).map(|()| piece),
            None => {
                self.shown = None;
                Ok(Vec::new())
            }
        }
    }

    /// Shows what is left when the step is over, and returns it.
    pub(super) async fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut rest = Vec::new();
        while self.shown.is_some() {
            match tokio::time::timeout(LAST_WORDS, self.show()).await {
                Ok(shown) => rest.extend(shown?),
                Err(_) => break,
            }
        }
        Ok(rest)
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}

/// This process's terminal in raw mode; dropping it brings back how it was.
pub(crate) struct Raw(Option<Termios>);

impl Raw {
    /// Makes it raw, if there is one.
    pub(crate) fn enter() -> Self {
        let stdin = io::stdin();
        if !isatty(stdin.as_fd()) {
            return Raw(None);
        }
        let Ok(before) = tcgetattr(&stdin) else { return Raw(None) };
        let mut raw = before.clone();
        raw.make_raw();
        match tcsetattr(&stdin, OptionalActions::Drain, &raw) {
            Ok(()) => {
                terminal_is_raw(true);
                Raw(Some(before))
            }
            Err(_) => Raw(None),
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            // If the terminal has gone, there is nothing to bring back.
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, before);
            terminal_is_raw(false);
        }
    }
}
