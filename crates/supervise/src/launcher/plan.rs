//! Everything about a launch that can be made ready before the fork: C strings, pointers, numbers. What fails here
//! fails without a process. Carrying it out is `child.rs`.

use std::ffi::{CString, OsStr, OsString};
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use rustix::process::{Gid, Uid};

use super::journal::StartLine;
use crate::cgroup::Doors;
use crate::launch::{Credentials, Launch, Resource, Rlimit, Stream, current_rlimit};
use crate::report::{StartFailure, Step};

/// Where programs are looked for if the run's environment has no `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// A launch in the form that the child can use without allocating.
pub(super) struct Plan {
    pub(super) argv: Pointers,
    pub(super) env: Pointers,
    /// Files to try to execute, in this order.
    pub(super) programs: Vec<CString>,
    pub(super) cwd: CString,
    /// Where to go instead, and what to say about it before and behind what is wrong with the other.
    pub(super) refuge: Option<(CString, [Vec<u8>; 2])>,
    pub(super) user: Option<User>,
    pub(super) umask: libc::mode_t,
    /// Limits that only root may set, for before the user changes.
    pub(super) raised_limits: Vec<(u32, libc::rlimit)>,
    /// The others, for the last moment: a small one must not get in our own way.
    pub(super) lowered_limits: Vec<(u32, libc::rlimit)>,
    pub(super) streams: [Opening; 3],
    /// A descriptor that the program keeps.
    pub(super) kept: Option<RawFd>,
    pub(super) cpus: Option<libc::cpu_set_t>,
    pub(super) nice: i32,
    pub(super) oom_score: Option<Vec<u8>>,
    /// How to get into the control groups.
    pub(super) doors: Doors,
    /// Folders and those that they are laid over, in a mount namespace of its own.
    pub(super) overlays: Vec<(CString, CString)>,
    /// What the child writes to the journal; hooks and tasks of steps write nothing.
    pub(super) start_line: Option<StartLine>,
    /// Standard input becomes the terminal of the new session.
    pub(super) terminal: bool,
    pub(super) journal: RawFd,
}

/// A list of strings as `exec` wants it.
pub(super) struct Pointers {
    // Held for the pointers into them.
    _strings: Vec<CString>,
    pointers: Vec<*const libc::c_char>,
    own_pid: Option<OwnPid>,
}

/// A variable whose value only the child knows: `NAME=` and room for a number, ended by zeros.
struct OwnPid {
    text: Box<[u8]>,
    digits_at: usize,
}

impl Pointers {
    fn new(strings: Vec<CString>) -> Self {
        let mut pointers: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        pointers.push(ptr::null());
        Self { _strings: strings, pointers, own_pid: None }
    }

    /// Adds a variable whose value will be the number of the process.
    pub(super) fn add_own_pid(&mut self, name: &OsStr) -> Result<(), StartFailure> {
        let mut text = c_string(name)?.into_bytes();
        text.push(b'=');
        let digits_at = text.len();
        text.resize(digits_at + PID_DIGITS + 1, 0);
        let own_pid = self.own_pid.insert(OwnPid { text: text.into(), digits_at });
        let end = self.pointers.len() - 1;
        self.pointers.insert(end, own_pid.text.as_ptr().cast());
        Ok(())
    }

    /// Writes the number of the calling process where one is wanted. Async-signal-safe.
    pub(super) fn fill_own_pid(&mut self) {
        let Some(own_pid) = &mut self.own_pid else { return };
        // SAFETY: getpid takes nothing and cannot fail.
        let pid = unsafe { libc::getpid() } as u32;
        let digits = pid.checked_ilog10().unwrap_or(0) as usize + 1;
        let field = own_pid.text.get_mut(own_pid.digits_at..own_pid.digits_at + digits);
        let mut rest = pid;
        for digit in field.unwrap_or_default().iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }

    /// The address of a list of C strings that ends with a null pointer; valid as long as `self`.
    pub(super) fn as_ptr(&self) -> *const *const libc::c_char {
        self.pointers.as_ptr()
    }
}

/// The most digits of a process number.
const PID_DIGITS: usize = 10;

/// Who to become.
pub(super) struct User {
    pub(super) uid: Uid,
    pub(super) gid: Gid,
    pub(super) groups: Vec<Gid>,
}

/// How one of the standard streams is got.
pub(super) enum Opening {
    File {
        path: CString,
        flags: libc::c_int,
    },
    SameAsStdout,
    /// A descriptor that is open already, above those of the standard streams.
    Open(RawFd),
}

const fn failure(step: Step, errno: i32) -> StartFailure {
    StartFailure { step, errno }
}

const REFUSED: StartFailure = failure(Step::Request, libc::EINVAL);

impl Plan {
    /// Makes a launch ready. The doors of control groups are added when those have been made.
    ///
    /// `file_limit` is what a program gets that asks for no limit of open files.
    pub(super) fn new(
        launch: &Launch,
        start_line: Option<StartLine>,
        journal: RawFd,
        file_limit: libc::rlimit,
    ) -> Result<Self, StartFailure> {
        let argv = launch.argv.iter().map(c_string).collect::<Result<Vec<_>, _>>()?;
        let env =
            launch.env.iter().map(|(name, value)| assignment(name, value)).collect::<Result<Vec<_>, _>>()?;
        let (raised_limits, mut lowered_limits): (Vec<_>, Vec<_>) =
            launch.rlimits.iter().map(raw_limit).partition(|(resource, limit)| is_raised(*resource, limit));
        if !launch.rlimits.iter().any(|limit| limit.resource == Resource::Nofile) {
            lowered_limits.push((Resource::Nofile.raw(), file_limit));
        }
        Ok(Self {
            argv: Pointers::new(argv),
            env: Pointers::new(env),
            programs: programs(launch)?,
            cwd: c_string(launch.cwd.as_os_str())?,
            refuge: launch.refuge.as_deref().map(|refuge| refuge_from(&launch.cwd, refuge)).transpose()?,
            user: user(launch.user.as_ref())?,
            umask: launch.umask as libc::mode_t & 0o777,
            raised_limits,
            lowered_limits,
            streams: [
                opening(&launch.stdin, libc::O_RDONLY, false)?,
                opening(&launch.stdout, libc::O_WRONLY, false)?,
                opening(&launch.stderr, libc::O_WRONLY, true)?,
            ],
            kept: None,
            cpus: launch.limits.cpus.as_deref().map(cpu_set).transpose()?,
            nice: launch.nice,
            oom_score: (launch.oom_score != 0).then(|| launch.oom_score.to_string().into_bytes()),
            doors: Doors::default(),
            overlays: overlays(launch)?,
            start_line,
            terminal: false,
            journal,
        })
    }
}

/// The words are Slurm's.
fn refuge_from(cwd: &Path, refuge: &Path) -> Result<(CString, [Vec<u8>; 2]), StartFailure> {
    let bytes = |path: &'_ Path| path.as_os_str().as_bytes().to_vec();
    let before = [&b"error: couldn't chdir to `"[..], &bytes(cwd), b"': "].concat();
    let behind = [&b": going to "[..], &bytes(refuge), b" instead\n"].concat();
    Ok((c_string(refuge.as_os_str())?, [before, behind]))
}

fn overlays(launch: &Launch) -> Result<Vec<(CString, CString)>, StartFailure> {
    let folders = launch.private.iter().flat_map(|private| &private.folders);
    if launch.private.is_some() && !rustix::process::geteuid().is_root() {
        return Err(failure(Step::Private, libc::EPERM));
    }
    folders.map(|(folder, over)| Ok((c_string(folder.as_os_str())?, c_string(over.as_os_str())?))).collect()
}

fn c_string(text: impl AsRef<OsStr>) -> Result<CString, StartFailure> {
    CString::new(text.as_ref().as_bytes()).map_err(|_| REFUSED)
}

fn assignment(name: &OsStr, value: &OsStr) -> Result<CString, StartFailure> {
    let mut text = OsString::with_capacity(name.len() + value.len() + 1);
    text.push(name);
    text.push("=");
    text.push(value);
    c_string(text)
}

/// Lists the files to try: the program itself, or its name in every folder of the run's own `PATH`.
fn programs(launch: &Launch) -> Result<Vec<CString>, StartFailure> {
    let zeroth = launch.argv.first().ok_or(REFUSED)?;
    let name = launch.program.as_ref().map_or(zeroth.as_os_str(), |path| path.as_os_str());
    if name.is_empty() {
        return Err(failure(Step::Program, libc::ENOENT));
    }
    if name.as_bytes().contains(&b'/') {
        return Ok(vec![c_string(name)?]);
    }
    let path = launch.env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_os_str());
    let folders = path.unwrap_or(OsStr::new(DEFAULT_PATH)).as_bytes().split(|byte| *byte == b':');
    folders
        .map(|folder| {
            let folder =
                if folder.is_empty() { Path::new(".") } else { Path::new(OsStr::from_bytes(folder)) };
            c_string(folder.join(name))
        })
        .collect()
}

/// Checks that we may become the user; without the right to it, only our own will do.
fn user(credentials: Option<&Credentials>) -> Result<Option<User>, StartFailure> {
    let Some(credentials) = credentials else { return Ok(None) };
    // The kernel reads the highest number as "leave it".
    if credentials.uid == u32::MAX || credentials.gid == u32::MAX || credentials.groups.contains(&u32::MAX) {
        return Err(REFUSED);
    }
    if !rustix::process::geteuid().is_root() {
        if credentials.uid != rustix::process::geteuid().as_raw() {
            return Err(failure(Step::Uid, libc::EPERM));
        }
        if credentials.gid != rustix::process::getegid().as_raw() {
            return Err(failure(Step::Gid, libc::EPERM));
        }
        // Supplementary groups stay the launcher's own: they are this user's, and only root may set them.
        return Ok(None);
    }
    Ok(Some(User {
        uid: Uid::from_raw(credentials.uid),
        gid: Gid::from_raw(credentials.gid),
        groups: credentials.groups.iter().map(|gid| Gid::from_raw(*gid)).collect(),
    }))
}

fn raw_limit(limit: &Rlimit) -> (u32, libc::rlimit) {
    let raw = |value: Option<u64>| value.unwrap_or(libc::RLIM_INFINITY);
    (limit.resource.raw(), libc::rlimit { rlim_cur: raw(limit.soft), rlim_max: raw(limit.hard) })
}

fn is_raised(resource: u32, limit: &libc::rlimit) -> bool {
    let known = Resource::ALL.iter().find(|known| known.raw() == resource);
    let hard = known.and_then(|known| current_rlimit(*known).1).unwrap_or(libc::RLIM_INFINITY);
    limit.rlim_max > hard
}

fn opening(stream: &Stream, mode: libc::c_int, may_follow: bool) -> Result<Opening, StartFailure> {
    let flags = libc::O_CLOEXEC | libc::O_NOCTTY;
    let make = flags | libc::O_WRONLY | libc::O_CREAT;
    let (path, flags) = match stream {
        Stream::Null => (Path::new("/dev/null"), flags | mode),
        Stream::Read(path) => (path.as_path(), flags | libc::O_RDONLY),
        Stream::Truncate(path) => (path.as_path(), make | libc::O_TRUNC),
        Stream::Append(path) => (path.as_path(), make | libc::O_APPEND),
        Stream::SameAsStdout if may_follow => return Ok(Opening::SameAsStdout),
        Stream::SameAsStdout => return Err(REFUSED),
    };
    Ok(Opening::File { path: c_string(path)?, flags })
}

fn cpu_set(cpus: &[u32]) -> Result<libc::cpu_set_t, StartFailure> {
    // SAFETY: a cpu_set_t is an array of numbers, for which all zeros is a value.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in cpus {
        let cpu = *cpu as usize;
        if cpu >= libc::CPU_SETSIZE as usize {
            return Err(failure(Step::Affinity, libc::EINVAL));
        }
        // SAFETY: the number was checked against the size of the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    Ok(set)
}
