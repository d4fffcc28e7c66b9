//! What server and launcher say to each other over a Unix socket: a greeting that never changes its shape,
//! then frames of a length and a message. Both ends are of one uid, yet nothing read here can panic.

mod code;
mod shapes;

pub(crate) use code::{Code, Reader};

use std::ffi::OsString;
use std::path::PathBuf;

use crate::launch::{Launch, Limits};
use crate::report::{Found, Report};
use crate::run::RunId;
use crate::steps::StepGrant;

/// The version of everything after the greeting. A server that finds another one renews the launcher.
pub(crate) const PROTOCOL: u32 = 9;

/// The most bytes of one frame: a script and an environment with room to spare.
pub(crate) const MAX_FRAME: usize = 64 << 20;

const MAGIC: [u8; 8] = *b"qntlnch\n";

/// What the launcher says first. Its outer shape is the same in all versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) pid: u32,
    /// Which file the launcher executes, so that an upgrade is noticed.
    pub(crate) executable: ExecutableMark,
}

/// What tells one executable file from another without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExecutableMark {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) modified: i64,
    pub(crate) size: u64,
}

/// What the server answers to the hello. Its shape is the same in all versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Let us speak this protocol.
    Serve { protocol: u32 },
    /// Execute this file with these arguments in your place; keep your children.
    Renew { exe: PathBuf, args: Vec<OsString> },
}

/// A request to a launcher.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    Launch(Box<Launch>),
    Signal {
        run: RunId,
        signal: i32,
        whom: Whom,
    },
    Suspend(RunId),
    Resume(RunId),
    Forget(Vec<RunId>),
    GrantStep {
        run: RunId,
        ticket: u64,
        grant: Box<StepGrant>,
    },
    RefuseStep {
        ticket: u64,
        why: String,
    },
    DelayStep {
        ticket: u64,
        why: String,
    },
    SignalStep {
        run: RunId,
        step: u32,
        signal: i32,
    },
    ForgetSteps {
        run: RunId,
        steps: Vec<u32>,
    },
    Narrow {
        run: RunId,
        limits: Box<Limits>,
        nodes: Vec<String>,
    },
    /// A launch will probably follow at once.
    Expect,
}

/// Who of a run gets a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// The first process.
    Leader,
    /// The process group of the first process.
    Group,
    /// Every process of the run.
    All,
    /// The tasks of its steps.
    Steps,
}

/// What a launcher tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Notice {
    /// All that it knows; the first notice on a connection.
    Found(Vec<Found>),
    Reports(Vec<Report>),
}

/// Appends a message with its length before it.
pub(crate) fn put_frame(message: &impl Code, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    message.put(out);
    let length = u32::try_from(out.len() - start - 4).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Appends a hello or an answer: the magic bytes and a frame.
pub(crate) fn put_greeting(message: &impl Code, out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    put_frame(message, out);
}

/// The other side does not speak this language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unreadable message on the launcher's socket")]
pub(crate) struct Unreadable;

/// Collects what was read and gives it out message by message.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    taken: usize,
}

impl Inbox {
    /// Adds bytes as they came.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes out one greeting if all of it is there.
    pub(crate) fn greeting<T: Code>(&mut self) -> Result<Option<T>, Unreadable> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let seen = rest.len().min(MAGIC.len());
        if rest.get(..seen) != MAGIC.get(..seen) {
            return Err(Unreadable);
        }
        let Some(body) = frame(rest.get(MAGIC.len()..).unwrap_or_default())? else { return Ok(None) };
        let message = Reader::whole(body).ok_or(Unreadable)?;
        self.taken += MAGIC.len() + 4 + body.len();
        Ok(Some(message))
    }

    /// Takes out one message if all of it is there.
    pub(crate) fn message<T: Code>(&mut self) -> Result<Option<T>, Unreadable> {
        self.message_up_to(MAX_FRAME)
    }

    /// What has been read and not taken out.
    pub(crate) fn unread(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Takes out one message if all of it is there; one that is longer than `most` bytes is not waited for.
    pub(crate) fn message_up_to<T: Code>(&mut self, most: usize) -> Result<Option<T>, Unreadable> {
        let Some(body) = frame_up_to(self.bytes.get(self.taken..).unwrap_or_default(), most)? else {
            self.give_back_memory();
            return Ok(None);
        };
        let message = Reader::whole(body).ok_or(Unreadable)?;
        self.taken += 4 + body.len();
        Ok(Some(message))
    }

    /// A launcher shall stay small after one large script.
    fn give_back_memory(&mut self) {
        if self.taken == self.bytes.len() && self.bytes.capacity() > 1 << 18 {
            *self = Self::default();
        }
    }
}

/// Returns the body of the first frame, or nothing if it is not complete yet.
fn frame(bytes: &[u8]) -> Result<Option<&[u8]>, Unreadable> {
    frame_up_to(bytes, MAX_FRAME)
}

fn frame_up_to(bytes: &[u8], most: usize) -> Result<Option<&[u8]>, Unreadable> {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > most {
        return Err(Unreadable);
    }
    Ok(rest.get(..length))
}

#[cfg(test)]
mod tests;
