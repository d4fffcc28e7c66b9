//! Leaving the server: a grandchild in a session of its own, deaf to terminals and polite signals, that gathers the
//! orphans of its runs.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use rustix::pipe::{PipeFlags, pipe_with};

use crate::slot::Slot;

/// Signals that a terminal or a service manager sends to everybody, and those that mean nothing to us.
const IGNORED: &[libc::c_int] = &[
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGPIPE,
    libc::SIGALRM,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGTSTP,
    libc::SIGTTIN,
    libc::SIGTTOU,
];

/// Closes what whoever started the server had open: a launcher would keep it open for days.
pub(super) fn close_inherited() {
    // SAFETY: this is called before anything of this process is opened, so nobody owns what is closed. On kernels that
    // do not know the call it does nothing.
    unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) };
}

/// Runs `life` in a detached process and returns when it says that it is ready, or with what it said instead.
pub(super) fn detach(slot: &Slot, life: impl FnOnce(&mut dyn FnMut()) -> io::Result<()>) -> io::Result<()> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: no other thread exists yet; parent and child go separate ways below.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            drop(reader);
            let code = match leave_session(slot, writer, life) {
                Ok(()) => 0,
                Err(_) => 1,
            };
            // SAFETY: ends the process; what is to be written has been written.
            unsafe { libc::_exit(code) }
        }
        child => {
            drop(writer);
            let mut said = String::new();
            File::from(reader).read_to_string(&mut said)?;
            // SAFETY: waits for our own child, which has ended or is about to; no status is wanted.
            unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
            if said == "ready" { Ok(()) } else { Err(io::Error::other(said)) }
        }
    }
}

/// Forks once more, so that the launcher can never get a terminal.
fn leave_session(
    slot: &Slot,
    writer: OwnedFd,
    life: impl FnOnce(&mut dyn FnMut()) -> io::Result<()>,
) -> io::Result<()> {
    // SAFETY: plain system calls in a single-threaded process.
    unsafe {
        libc::setsid();
        match libc::fork() {
            -1 => return Err(io::Error::last_os_error()),
            0 => {}
            _ => return Ok(()),
        }
    }
    let mut pipe = Some(File::from(writer));
    let mut say = move |text: &str| {
        if let Some(mut pipe) = pipe.take() {
            let _ = pipe.write_all(text.as_bytes());
        }
    };
    let result = settle(slot).and_then(|()| life(&mut || say("ready")));
    if let Err(error) = &result {
        // On the log if nobody listens any more.
        log(slot.number, format_args!("{error}"));
        say(&error.to_string());
    }
    result
}

/// Writes a line to the log. If that is impossible (on a full disk, say) the line is lost and nothing else.
pub(super) fn log(slot: usize, line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "launcher {slot}: {line}");
}

/// Takes leave of the folder, the files and the terminal of whoever started us.
fn settle(slot: &Slot) -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(slot.folder.join("log"))?;
    for (number, file) in [(0, &null), (1, &null), (2, &log)] {
        // SAFETY: both are descriptors; the standard ones are nobody's property.
        if unsafe { libc::dup2(file.as_raw_fd(), number) } == -1 {
            return Err(io::Error::last_os_error());
        }
    }
    std::env::set_current_dir("/")
}

/// Gathers orphans and sets signals: `SIGCHLD` is read from the returned descriptor, the polite ones are ignored.
///
/// Returns also which signals children must be given back.
pub(super) fn arrange_signals() -> io::Result<(OwnedFd, Vec<libc::c_int>)> {
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // SAFETY: a sigset is plain memory that sigemptyset initialises; the descriptor that signalfd returns is ours.
    unsafe {
        libc::umask(0o077);
        for signal in IGNORED {
            libc::signal(*signal, libc::SIG_IGN);
        }
        // Whoever started us may have had it ignored, and then no child could be waited for.
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
        let descriptor = libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);
        if descriptor == -1 {
            return Err(io::Error::last_os_error());
        }
        use std::os::fd::FromRawFd;
        Ok((OwnedFd::from_raw_fd(descriptor), ignored_signals()))
    }
}

/// Lets the launcher open as many files as it may, since every beginning run needs one. Returns the limits that it
/// had, which its children get back.
pub(super) fn widen_file_limit() -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: both calls are given a valid rlimit.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        set_file_limit(&libc::rlimit { rlim_cur: limit.rlim_max, ..limit });
    }
    limit
}

/// Sets the limit of open files; a refusal leaves the old one, which is as good.
pub(super) fn set_file_limit(limit: &libc::rlimit) {
    // SAFETY: the limit is a valid rlimit.
    unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, limit) };
}

/// Lists all signals that are ignored now, those inherited from whoever started us included.
///
/// Read from the kernel: the C library hides two that it keeps for itself, and those may be ignored as well.
fn ignored_signals() -> Vec<libc::c_int> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bits =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    match bits {
        Some(bits) => (1..=64).filter(|signal| bits >> (signal - 1) & 1 == 1).collect(),
        None => IGNORED.to_vec(),
    }
}
