//! A launcher's own folder: its lock, its socket, its journal, its log. Launchers live in numbered slots, so that a
//! new one finds what the last one in the same place has left.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags};

const PREFIX: &str = "launcher-";

/// The folder of one launcher.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    pub(crate) number: usize,
    pub(crate) folder: PathBuf,
}

impl Slot {
    /// Names the folder of a slot.
    pub(crate) fn new(state: &Path, number: usize) -> Self {
        Self { number, folder: state.join(format!("{PREFIX}{number}")) }
    }

    /// Lists the slots that have a folder.
    pub(crate) fn existing(state: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(state) else { return Vec::new() };
        let number = |entry: fs::DirEntry| entry.file_name().to_str()?.strip_prefix(PREFIX)?.parse().ok();
        entries.flatten().filter_map(number).map(|number| Self::new(state, number)).collect()
    }

    /// Makes the folder, for its owner only.
    pub(crate) fn make(&self) -> io::Result<()> {
        private_folder(&self.folder)
    }

    /// Takes the slot for this process; `None` if another one has it.
    ///
    /// A record lock, as that is neither inherited by children nor left behind by a death.
    pub(crate) fn lock(&self) -> io::Result<Option<File>> {
        let path = self.folder.join("lock");
        let file = OpenOptions::new().create(true).write(true).truncate(false).mode(0o600).open(path)?;
        Ok(lock_file(&file)?.then_some(file))
    }

    /// Takes over the lock that this process held before it executed a new program.
    pub(crate) fn inherit_lock(descriptor: RawFd) -> io::Result<File> {
        // SAFETY: fcntl on a number is harmless if it is no descriptor: then it fails.
        if descriptor < 3 || unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) } == -1 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        // SAFETY: the descriptor is open, and was passed on by the program before us for this purpose alone.
        let file = File::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
        if lock_file(&file)? { Ok(file) } else { Err(io::ErrorKind::WouldBlock.into()) }
    }

    /// Opens the socket, in place of one that a predecessor has left.
    pub(crate) fn listen(&self) -> io::Result<UnixListener> {
        let folder = self.open()?;
        let path = short(&folder);
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }

    /// Connects to the launcher that listens here; it must be of our own user.
    pub(crate) fn connect(&self) -> io::Result<UnixStream> {
        let folder = self.open()?;
        let stream = UnixStream::connect(short(&folder))?;
        if !is_own_user(&stream) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(stream)
    }

    /// Removes the socket when its launcher leaves.
    pub(crate) fn close(&self) {
        let _ = fs::remove_file(self.folder.join("socket"));
    }

    fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(rustix::fs::open(&self.folder, flags, Mode::empty())?)
    }
}

/// A socket's address has room for a hundred bytes only; a folder may lie deeper than that.
fn short(folder: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}/socket", folder.as_raw_fd()))
}

fn lock_file(file: &File) -> io::Result<bool> {
    match rustix::fs::fcntl_lock(file.as_fd(), FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Whether the process at the other end has our user.
pub(crate) fn is_own_user(stream: &UnixStream) -> bool {
    let peer = rustix::net::sockopt::socket_peercred(stream);
    peer.is_ok_and(|peer| peer.uid == rustix::process::geteuid())
}

/// Makes a folder, and those above it, that only its owner can enter.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}
