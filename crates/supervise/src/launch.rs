//! What can be asked for when a program is started. Data only: `launcher/` carries it out.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::run::RunId;

/// Everything that is needed to start one program.
#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    /// The name of this execution.
    pub run: RunId,
    /// The arguments, the zeroth included.
    pub argv: Vec<OsString>,
    /// The file to execute; without one it is the zeroth argument. A name without a slash is
    /// looked for in the `PATH` of `env`.
    pub program: Option<PathBuf>,
    /// The whole environment. Nothing is inherited and nothing is added, except `QUINTET_RUN`
    /// where no cgroup can hold the run together.
    pub env: Vec<(OsString, OsString)>,
    /// The working directory, entered as the user.
    pub cwd: PathBuf,
    /// Where it goes instead, after a word on standard error, if the working directory cannot be entered. Then folders
    /// that are missing above output files are made as well, and the streams' paths must be absolute. Without it both
    /// are failures.
    pub refuge: Option<PathBuf>,
    /// Who runs it; `None` is the server's own user.
    pub user: Option<Credentials>,
    /// The mask for new files.
    pub umask: u32,
    /// The limits that differ from the launcher's own.
    pub rlimits: Vec<Rlimit>,
    /// Where standard input comes from.
    pub stdin: Stream,
    /// Where standard output goes to.
    pub stdout: Stream,
    /// Where standard error goes to.
    pub stderr: Stream,
    /// A file that is written before the start and removed after the end.
    pub script: Option<Script>,
    /// What the run's cgroup may take.
    pub limits: Limits,
    /// The nice value; zero leaves the launcher's.
    pub nice: i32,
    /// The `oom_score_adj`; zero leaves the launcher's.
    pub oom_score: i32,
    /// Programs of the administrator around it.
    pub hooks: Option<Box<Hooks>>,
    /// Folders that it has for itself; making them takes root.
    pub private: Option<Private>,
    /// There is no program: it is a place for steps alone, and runs until it is killed.
    pub held: bool,
}

impl Launch {
    /// Describes a program in an empty environment, in `/`, as the own user, with all streams closed off.
    pub fn new(run: RunId, argv: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            run,
            argv: argv.into_iter().map(Into::into).collect(),
            program: None,
            env: Vec::new(),
            cwd: PathBuf::from("/"),
            refuge: None,
            user: None,
            umask: 0o022,
            rlimits: Vec::new(),
            stdin: Stream::Null,
            stdout: Stream::Null,
            stderr: Stream::Null,
            script: None,
            limits: Limits::default(),
            nice: 0,
            oom_score: 0,
            hooks: None,
            private: None,
            held: false,
        }
    }

    /// Describes a place for steps without a program of its own.
    pub fn place(run: RunId) -> Self {
        Self { held: true, ..Self::new(run, std::iter::empty::<OsString>()) }
    }

    /// Whether there is something to do beyond starting the program.
    pub(crate) fn has_surroundings(&self) -> bool {
        self.hooks.is_some() || self.private.as_ref().is_some_and(|private| !private.lasting)
    }
}

/// Programs of the administrator around a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hooks {
    /// Run one after the other before there is anything of the run, as the server's user. If one fails, the others and
    /// the program are not started.
    pub before: Vec<Hook>,
    /// Runs after the program as its user, with its environment and under its limits. Nothing depends on it.
    pub task_after: Option<Hook>,
    /// Run one after the other when nothing of the run is left, as the server's user; all of them, whatever became of
    /// the run. The run's end is reported after them.
    pub after: Vec<Hook>,
    /// What only the launcher can tell them.
    pub told: Told,
}

/// Names of variables whose values are known when a hook begins, and not before; an empty one is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// For hooks after the run: how its program ended, as `wait` says it.
    pub status: OsString,
    /// For hooks after the run: the same as `CODE:SIGNAL`.
    pub code: OsString,
    /// For hooks after the run: the highest end of its steps, as `wait` says it.
    pub worst_step: OsString,
    /// For the hook at the program's side after it: the number that its process had.
    pub pid: OsString,
}

/// A program of the administrator.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// The file to execute.
    pub program: PathBuf,
    /// The whole environment; of a hook at the program's side what it has beyond that of the program.
    pub env: Vec<(OsString, OsString)>,
    /// After this time it is killed and counts as failed.
    pub timeout: Option<std::time::Duration>,
}

/// Folders that a run sees in place of those that everybody shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Private {
    /// Where each folder is, and the one it is laid over. It is made with mode 1777 for the user, in a folder that only
    /// the server's user can enter, which is made as well.
    pub folders: Vec<(PathBuf, PathBuf)>,
    /// They stay after the run, for others that share them.
    pub lasting: bool,
}

/// A user as the kernel knows one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user's number.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
    /// The supplementary groups.
    pub groups: Vec<u32>,
}

/// Where one of the three standard streams leads. Files are opened as the user, below the working directory
/// if the path is relative, and made with mode 0666 less the mask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `/dev/null`.
    Null,
    /// An existing file, for reading.
    Read(PathBuf),
    /// A file that is emptied first.
    Truncate(PathBuf),
    /// A file that is written at its end.
    Append(PathBuf),
    /// The same open file as standard output; on standard output itself it is refused.
    SameAsStdout,
}

/// A file that exists as long as the run does: mode 0700, owned by the user.
///
/// A missing last folder is made for it and removed with it. It and folders above it get mode 0711 and belong to the
/// server's user: whoever runs the script needs no right to change what lies there. For root it must not lie below
/// a folder that users can change, as they could lead it elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Where it is written; the user must be able to get there.
    pub path: PathBuf,
    /// What is written.
    pub content: Vec<u8>,
}

/// What the run may take altogether. Which of these are enforced on this machine, `Capabilities` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory (and swap).
    pub memory: Option<u64>,
    /// The numbers of the CPUs that it may run on.
    pub cpus: Option<Vec<u32>>,
    /// How many CPUs' worth of time it gets, for example 1.5.
    pub cpu_quota: Option<f64>,
    /// How many processes and threads it may have.
    pub pids: Option<u64>,
    /// Device files that it must not open.
    pub deny_devices: Vec<PathBuf>,
    /// If the kernel kills one of its processes for want of memory, all of them die.
    pub die_together: bool,
}

impl Limits {
    /// Whether nothing is limited.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One resource limit; `None` is infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlimit {
    /// What is limited.
    pub resource: Resource,
    /// The limit in force.
    pub soft: Option<u64>,
    /// The limit up to which the process may raise it.
    pub hard: Option<u64>,
}

macro_rules! resources {
    ($($(#[$doc:meta])* $name:ident = $raw:ident, $text:literal;)*) => {
        /// A resource that the kernel limits for each process.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Resource { $($(#[$doc])* $name,)* }

        impl Resource {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the kernel's name without `RLIMIT_`, such as `NOFILE`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(crate) fn raw(self) -> u32 {
                match self { $(Self::$name => libc::$raw as u32,)* }
            }
        }
    };
}

resources! {
    /// Address space in bytes.
    As = RLIMIT_AS, "AS";
    /// Core file in bytes.
    Core = RLIMIT_CORE, "CORE";
    /// CPU time in seconds.
    Cpu = RLIMIT_CPU, "CPU";
    /// Data segment in bytes.
    Data = RLIMIT_DATA, "DATA";
    /// Largest file in bytes.
    Fsize = RLIMIT_FSIZE, "FSIZE";
    /// File locks.
    Locks = RLIMIT_LOCKS, "LOCKS";
    /// Locked memory in bytes.
    Memlock = RLIMIT_MEMLOCK, "MEMLOCK";
    /// Bytes in message queues.
    Msgqueue = RLIMIT_MSGQUEUE, "MSGQUEUE";
    /// Ceiling of the nice value.
    Nice = RLIMIT_NICE, "NICE";
    /// Open files.
    Nofile = RLIMIT_NOFILE, "NOFILE";
    /// Processes of the user.
    Nproc = RLIMIT_NPROC, "NPROC";
    /// Resident memory in bytes (without effect in Linux).
    Rss = RLIMIT_RSS, "RSS";
    /// Real-time priority.
    Rtprio = RLIMIT_RTPRIO, "RTPRIO";
    /// Real-time CPU time in microseconds.
    Rttime = RLIMIT_RTTIME, "RTTIME";
    /// Queued signals.
    Sigpending = RLIMIT_SIGPENDING, "SIGPENDING";
    /// Stack in bytes.
    Stack = RLIMIT_STACK, "STACK";
}

impl Resource {
    /// Finds a resource by its name, in any case, with or without `RLIMIT_`.
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let bare = upper.strip_prefix("RLIMIT_").unwrap_or(&upper);
        Self::ALL.iter().copied().find(|resource| resource.name() == bare)
    }
}

/// Returns the soft and hard limit of this process; `None` is infinity.
pub fn current_rlimit(resource: Resource) -> (Option<u64>, Option<u64>) {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: `limit` is a valid, writable rlimit; the call writes nothing else.
    unsafe { libc::getrlimit(resource.raw() as _, &mut limit) };
    let finite = |value: libc::rlim_t| (value != libc::RLIM_INFINITY).then_some(value);
    (finite(limit.rlim_cur), finite(limit.rlim_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_found_by_any_spelling() {
        for resource in Resource::ALL {
            assert_eq!(Resource::from_name(resource.name()), Some(*resource));
        }
        assert_eq!(Resource::from_name("rlimit_nofile"), Some(Resource::Nofile));
        assert_eq!(Resource::from_name("wine"), None);
    }
}
