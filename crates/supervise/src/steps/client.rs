//! The client's end: connects to a launcher, asks, passes files, hears.

use std::io::{self, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};

use super::{MAX_FILES, Said, StepAnswer, StepProgram, StepRequest};
use crate::wire::{Code, Inbox, put_frame};

/// Files that go with one message; the kernel takes 253.
const FILES_AT_ONCE: usize = 200;

/// Why a step could not be spoken about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// Nobody listens there, or not for us.
    #[error("connect to {}", path.display())]
    Connect {
        /// Where.
        path: std::path::PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The launcher hung up.
    #[error("the launcher hung up")]
    HungUp,
    /// The connection failed.
    #[error("speak with the launcher")]
    Failed(#[from] io::Error),
    /// The launcher said something that makes no sense: it is of another build.
    #[error("the launcher said something unreadable")]
    Unreadable,
    /// More files than a step may have.
    #[error("more than {MAX_FILES} files for one step")]
    TooManyFiles,
}

/// One step's connection. The step ends with it: dropping it before [`StepAnswer::Ended`] terminates the tasks.
pub struct StepClient {
    stream: UnixStream,
    inbox: Inbox,
}

impl StepClient {
    /// Connects to the launcher that listens at `path` and names the run; without an attempt, whichever lives.
    /// A launcher that has no such run, or not for this user, answers with `Refused`.
    ///
    /// # Errors
    /// If nobody listens there.
    pub fn connect(path: &Path, key: u64, attempt: Option<u32>) -> Result<Self, StepError> {
        let failed = |source| StepError::Connect { path: path.to_owned(), source };
        let stream = connect_anywhere(path).map_err(failed)?;
        let mut client = Self { stream, inbox: Inbox::default() };
        client.say(&Said::Hello { key, attempt })?;
        Ok(client)
    }

    /// Asks for a step; once for a connection.
    ///
    /// # Errors
    /// If the launcher is gone.
    pub fn ask(&mut self, request: StepRequest) -> Result<(), StepError> {
        self.say(&Said::Ask(Box::new(request)))
    }

    /// Passes the files that `program` refers to by their order, and has all tasks started. To be called once, after
    /// `Granted`. The caller may close its copies afterwards.
    ///
    /// # Errors
    /// If the launcher is gone, or there are too many files.
    pub fn start(&mut self, program: StepProgram, files: &[BorrowedFd<'_>]) -> Result<(), StepError> {
        if files.len() > MAX_FILES {
            return Err(StepError::TooManyFiles);
        }
        for files in files.chunks(FILES_AT_ONCE) {
            let mut bytes = Vec::new();
            put_frame(&Said::Files { count: u32::try_from(files.len()).unwrap_or(u32::MAX) }, &mut bytes);
            self.pass(&bytes, files)?;
        }
        self.say(&Said::Start(Box::new(program)))
    }

    /// Sends a signal to all tasks; `SIGKILL` ends the step.
    ///
    /// # Errors
    /// If the launcher is gone.
    pub fn signal(&mut self, signal: i32) -> Result<(), StepError> {
        self.say(&Said::Signal { signal })
    }

    /// Waits for the next answer.
    ///
    /// # Errors
    /// If the launcher is gone. Nothing follows after `Refused` and `Ended`.
    pub fn hear(&mut self) -> Result<StepAnswer, StepError> {
        loop {
            if let Some(answer) = self.heard()? {
                return Ok(answer);
            }
            self.read()?;
        }
    }

    /// Returns an answer that has come already, without waiting and without reading.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn heard(&mut self) -> Result<Option<StepAnswer>, StepError> {
        self.inbox.message().map_err(|_| StepError::Unreadable)
    }

    /// Reads what is there, waiting for the first byte unless the connection was made non-blocking: for callers that
    /// poll [`AsFd`] together with others. Then ask [`StepClient::heard`] until it has nothing.
    ///
    /// # Errors
    /// [`StepError::HungUp`] if the launcher is gone.
    pub fn read(&mut self) -> Result<(), StepError> {
        let mut bytes = [0; 16 << 10];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(StepError::HungUp),
            Ok(count) => {
                self.inbox.extend(bytes.get(..count).unwrap_or_default());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(StepError::HungUp),
            Err(error) => Err(error.into()),
        }
    }

    fn say(&mut self, said: &impl Code) -> Result<(), StepError> {
        let mut bytes = Vec::new();
        put_frame(said, &mut bytes);
        self.pass(&bytes, &[])
    }

    fn pass(&mut self, bytes: &[u8], mut files: &[BorrowedFd<'_>]) -> Result<(), StepError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_AT_ONCE))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !files.is_empty() {
                control.push(SendAncillaryMessage::ScmRights(files));
            }
            match sendmsg(&self.stream, &[IoSlice::new(rest)], &mut control, SendFlags::NOSIGNAL) {
                Ok(count) => {
                    // They went with the first byte.
                    files = &[];
                    rest = rest.get(count..).unwrap_or_default();
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return Err(StepError::HungUp),
                Err(errno) => return Err(io::Error::from(errno).into()),
            }
        }
        Ok(())
    }
}

impl AsFd for StepClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Connects by way of the folder's descriptor, as an address has room for a hundred bytes only.
fn connect_anywhere(path: &Path) -> io::Result<UnixStream> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::NotFound.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder: OwnedFd = rustix::fs::open(folder, flags, Mode::empty())?;
    UnixStream::connect(Path::new(&format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name))
}
