//! The launcher's side of the connection to the server: one server at a time, the newest.

use std::ffi::{CString, OsString};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::daemon::{log, set_file_limit, widen_file_limit};
use super::serve::Launcher;
use crate::report::Found;
use crate::slot;
use crate::wire::{
    Answer, Code, ExecutableMark, Hello, Inbox, Notice, PROTOCOL, Request, Unreadable, put_frame,
    put_greeting,
};

/// How long a launch is awaited that was announced. A submission is written down in less.
const AWAKE: Duration = Duration::from_millis(1);

/// How much is read in one go.
const PIECE: usize = 64 << 10;

/// A connected server.
pub(super) struct Server {
    pub(super) stream: UnixStream,
    inbox: Inbox,
    outbox: Vec<u8>,
    /// Whether it has said that it speaks our protocol.
    greeted: bool,
}

/// What to become: a newer program in the same process.
pub(super) struct Renewal {
    pub(super) exe: PathBuf,
    pub(super) args: Vec<OsString>,
}

impl Server {
    /// Queues a message.
    fn send(&mut self, message: &impl Code) {
        put_frame(message, &mut self.outbox);
    }

    /// Writes as much as the other side takes.
    fn flush(&mut self) -> io::Result<()> {
        while !self.outbox.is_empty() {
            match self.stream.write(&self.outbox) {
                Ok(count) => drop(self.outbox.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outbox.shrink_to(PIECE);
        Ok(())
    }

    /// Whether it must be told when the other side takes more.
    pub(super) fn is_behind(&self) -> bool {
        !self.outbox.is_empty()
    }
}

impl Launcher {
    /// Takes the newest caller as the server.
    pub(super) fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            if !slot::is_own_user(&stream) || stream.set_nonblocking(true).is_err() {
                continue;
            }
            // What the one before has said is obeyed, even if it is gone.
            self.hear_server();
            let mut server = Server { stream, inbox: Inbox::default(), outbox: Vec::new(), greeted: false };
            let hello = Hello { protocol: PROTOCOL, pid: std::process::id(), executable: self.executable };
            put_greeting(&hello, &mut server.outbox);
            self.server = Some(server);
        }
    }

    /// Reads what the server says and does it.
    pub(super) fn hear_server(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let mut bytes = std::mem::take(&mut self.piece);
        bytes.resize(PIECE, 0);
        let stays = loop {
            match server.stream.read(&mut bytes) {
                Ok(0) => break false,
                Ok(count) => {
                    server.inbox.extend(bytes.get(..count).unwrap_or_default());
                    if self.obey(&mut server).is_err() {
                        break false;
                    }
                    if count < PIECE {
                        break true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break false,
            }
        };
        self.piece = bytes;
        self.server = stays.then_some(server);
    }

    fn obey(&mut self, server: &mut Server) -> Result<(), Unreadable> {
        if !server.greeted {
            match server.inbox.greeting()? {
                None => return Ok(()),
                Some(Answer::Serve { protocol: PROTOCOL }) => {
                    server.greeted = true;
                    let found = self.runs.by_id.values().map(|run| self.found(run)).collect();
                    // Reports from before this moment are part of it.
                    self.outgoing.clear();
                    server.send(&Notice::Found(found));
                }
                Some(Answer::Serve { .. }) => return Err(Unreadable),
                Some(Answer::Renew { exe, args }) => {
                    self.renewal = Some(Renewal { exe, args });
                    return Err(Unreadable);
                }
            }
        }
        while let Some(request) = server.inbox.message()? {
            self.carry_out(request);
        }
        Ok(())
    }

    /// Says what a server needs to know of a run, its steps included.
    fn found(&self, run: &super::runs::Run) -> Found {
        Found { steps: self.steps.found(run.id), ..run.found() }
    }

    fn carry_out(&mut self, request: Request) {
        match request {
            Request::Launch(launch) => self.launch(*launch),
            Request::Signal { run, signal, whom } => self.signal(run, signal, whom),
            Request::Suspend(run) => self.set_suspended(run, true),
            Request::Resume(run) => self.set_suspended(run, false),
            Request::Forget(runs) => self.forget(&runs),
            Request::GrantStep { run, ticket, grant } => self.grant_step(run, ticket, *grant),
            Request::RefuseStep { ticket, why } => self.refuse_step(ticket, why),
            Request::DelayStep { ticket, why } => self.delay_step(ticket, why),
            Request::SignalStep { run, step, signal } => self.signal_numbered_step(run, step, signal),
            Request::ForgetSteps { run, steps } => self.forget_steps(run, &steps),
            Request::Narrow { run, limits, nodes } => self.narrow(run, &limits, &nodes),
            Request::Expect => self.awake_until = Some(Instant::now() + AWAKE),
        }
    }

    /// Tells the server what has happened. What it does not hear now it will find when it connects.
    pub(super) fn tell_server(&mut self) {
        let reports = std::mem::take(&mut self.outgoing);
        let Some(server) = &mut self.server else { return };
        if server.greeted && !reports.is_empty() {
            server.send(&Notice::Reports(reports));
        }
        if server.flush().is_err() {
            // It is gone, but what it said before counts.
            self.hear_server();
            self.server = None;
        }
    }

    /// Becomes the program it was told to, children and lock kept. Returns if that failed.
    pub(super) fn renew(&mut self) {
        let Some(Renewal { exe, args }) = self.renewal.take() else { return };
        let mut options = self.options.clone();
        options.renewed = Some(self.lock.as_raw_fd());
        let kept = match self.keep_steps() {
            Ok(kept) => kept,
            Err(error) => return log(self.options.slot, format_args!("write down the steps: {error}")),
        };
        options.kept = Some(kept.as_raw_fd());
        let mut line: Vec<OsString> = vec![exe.clone().into()];
        line.extend(args);
        line.extend(options.to_args());
        let strings: Result<Vec<CString>, _> = line.iter().map(|arg| CString::new(arg.as_bytes())).collect();
        let Ok(strings) = strings else { return };
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(std::ptr::null());
        let Some(program) = pointers.first().copied() else { return };
        set_file_limit(&self.file_limit);
        self.mark_step_descriptors(&kept, true);
        // SAFETY: the list holds pointers to living C strings and ends with a null pointer.
        unsafe {
            libc::fcntl(self.lock.as_raw_fd(), libc::F_SETFD, 0);
            libc::execv(program, pointers.as_ptr());
        }
        let error = io::Error::last_os_error();
        log(self.options.slot, format_args!("execute {}: {error}", exe.display()));
        self.mark_step_descriptors(&kept, false);
        self.file_limit = widen_file_limit();
        // SAFETY: changes a flag of our own descriptor.
        unsafe { libc::fcntl(self.lock.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    }
}

/// Marks an executable file so that another one is told from it.
pub(crate) fn executable_mark(path: &Path) -> io::Result<ExecutableMark> {
    let metadata = std::fs::metadata(path)?;
    Ok(ExecutableMark {
        device: metadata.dev(),
        inode: metadata.ino(),
        modified: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        size: metadata.size(),
    })
}
