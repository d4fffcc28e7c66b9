//! What is said about runs: that they began, how they ended, why they could not begin.

use std::fmt;
use std::io;
use std::time::Duration;

use crate::run::{RunId, UnixMicros};
use crate::steps::{FoundStep, StepEnded, StepRequest};

/// One thing that happened to a run.
///
/// Of each run come `Started` and then exactly one of `Ended` and `Vanished`, or `FailedToStart` or `Vanished`
/// alone. After a reconnection a report may come again; it then says the same as before.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// The program runs.
    Started {
        /// Which run.
        run: RunId,
        /// Its first process.
        pid: u32,
        /// When.
        at: UnixMicros,
    },
    /// The program was not reached.
    FailedToStart {
        /// Which run.
        run: RunId,
        /// What went wrong.
        failure: StartFailure,
        /// Whether a hook that came after it failed as well.
        hook_failed: bool,
        /// When.
        at: UnixMicros,
    },
    /// The first process ended, and all the others of the run are gone as well.
    Ended {
        /// Which run.
        run: RunId,
        /// How.
        ended: Ended,
    },
    /// The run is gone and nobody saw how it ended.
    Vanished {
        /// Which run.
        run: RunId,
        /// When that was noticed.
        at: UnixMicros,
    },
    /// A signal was asked for and the kernel refused it although the run lives.
    NotSignalled {
        /// Which run.
        run: RunId,
        /// Which signal; `SIGSTOP` and `SIGCONT` stand for suspending and resuming.
        signal: i32,
        /// Why.
        errno: i32,
    },
    /// A client asks for a step.
    StepAsked {
        /// In which run.
        run: RunId,
        /// Names the ask; the same in all that follows from it.
        ticket: u64,
        /// Who asks.
        uid: u32,
        /// What for.
        request: Box<StepRequest>,
    },
    /// Whoever asked for a step is gone, or the run is.
    StepGone {
        /// Which run.
        run: RunId,
        /// Which ask.
        ticket: u64,
    },
    /// A granted step has ended. Repeated until it is forgotten.
    StepEnded {
        /// Which run.
        run: RunId,
        /// Which ask it came from.
        ticket: u64,
        /// Its number.
        step: u32,
        /// How.
        ended: Box<StepEnded>,
    },
    /// All that a launcher knows of a run's steps, after it was replaced or connected to.
    Steps {
        /// Which run.
        run: RunId,
        /// The steps, none but these.
        steps: Vec<FoundStep>,
    },
}

impl Report {
    /// Which run this is about.
    pub fn run(&self) -> RunId {
        match self {
            Self::Started { run, .. }
            | Self::FailedToStart { run, .. }
            | Self::Ended { run, .. }
            | Self::Vanished { run, .. }
            | Self::NotSignalled { run, .. }
            | Self::StepAsked { run, .. }
            | Self::StepGone { run, .. }
            | Self::StepEnded { run, .. }
            | Self::Steps { run, .. } => *run,
        }
    }

    /// Whether nothing can follow but repetitions.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::FailedToStart { .. } | Self::Ended { .. } | Self::Vanished { .. })
    }
}

/// How a run ended whose program had been reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Its first process.
    pub pid: u32,
    /// When it had started.
    pub started_at: UnixMicros,
    /// When its first process ended.
    pub at: UnixMicros,
    /// How its first process ended.
    pub status: Status,
    /// What it took.
    pub usage: Usage,
    /// Whether the kernel killed some of it for its memory limit.
    pub over_memory: bool,
    /// Whether some of its processes could not be killed in time (stuck in the kernel).
    pub left_behind: bool,
    /// Whether a hook that came after it failed or took too long.
    pub hook_failed: bool,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal.
    Signalled {
        /// Its number.
        signal: i32,
        /// Whether a core was dumped.
        core: bool,
    },
}

impl Status {
    /// Returns the number in which the kernel's `wait` puts this.
    pub fn as_wait_tells(self) -> u32 {
        match self {
            Self::Exited(code) => (code.unsigned_abs() & 0xff) << 8,
            Self::Signalled { signal, core } => (signal.unsigned_abs() & 0x7f) | (u32::from(core) << 7),
        }
    }
}

impl Status {
    /// Reads the form that `wait` gives.
    pub(crate) fn from_wait(status: i32) -> Self {
        if libc::WIFSIGNALED(status) {
            Self::Signalled { signal: libc::WTERMSIG(status), core: libc::WCOREDUMP(status) }
        } else {
            Self::Exited(libc::WEXITSTATUS(status))
        }
    }
}

/// What a run took. CPU time is that of its whole cgroup where there is one, else that of its first process and
/// of those that were waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in programs.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The most memory that any one process had resident, in bytes.
    pub max_rss: u64,
    /// The most memory that all of it had together, page cache included, in bytes; `None` where no control group
    /// counted it.
    pub memory_peak: Option<u64>,
    /// Bytes read from storage. Counted for the first process and those that were waited for, for all where the
    /// control group counts it.
    pub read_bytes: u64,
    /// Bytes written to storage, counted likewise.
    pub written_bytes: u64,
    /// Microjoules that the whole machine took meanwhile; `None` where it does not tell.
    pub energy: Option<u64>,
}

/// Why the program was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartFailure {
    /// What was being done.
    pub step: Step,
    /// The kernel's answer.
    pub errno: i32,
}

impl StartFailure {
    /// Returns the exit code that stands for it, which is the kernel's number as Slurm has it: 2 where there is no such
    /// program, 13 where it may not be executed, 8 where it is none.
    pub fn code(self) -> i32 {
        (self.errno & 0xff).max(1)
    }
}

impl fmt::Display for StartFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.step, self.errno) {
            (Step::Prolog, libc::EREMOTEIO) => {
                write!(f, "{}: it failed", self.step.text())
            }
            (Step::Prolog, libc::ETIMEDOUT) => {
                write!(f, "{}: it took too long", self.step.text())
            }
            _ => write!(f, "{}: {}", self.step.text(), errno_text(self.errno)),
        }
    }
}

impl std::error::Error for StartFailure {}

/// Says an errno in the kernel's words, in lower case and without the number.
fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        /// What has to be done before a program is reached, in this order.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum Step { $($(#[$doc])* $name = $number,)* }

        impl Step {
            /// Says what was being done.
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            pub(crate) fn from_number(number: u8) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

steps! {
    /// Reading the request: an empty argument list, a zero byte, too many bytes.
    Request = 0, "read the request";
    /// Writing down that it starts.
    Journal = 1, "write the journal";
    /// Writing the script file.
    Script = 2, "write the script";
    /// Making and limiting the cgroup.
    Cgroup = 3, "set up the cgroup";
    /// Making the process.
    Fork = 4, "fork";
    /// Giving it a session of its own.
    Session = 5, "start a session";
    /// Setting resource limits.
    Rlimit = 6, "set resource limits";
    /// Setting nice value and OOM score.
    Priority = 7, "set the priority";
    /// Binding to CPUs.
    Affinity = 8, "bind to cpus";
    /// Setting supplementary groups.
    Groups = 9, "set supplementary groups";
    /// Becoming the group.
    Gid = 10, "become the group";
    /// Becoming the user.
    Uid = 11, "become the user";
    /// Entering the working directory.
    Directory = 12, "enter the working directory";
    /// Opening standard input.
    Stdin = 13, "open standard input";
    /// Opening standard output.
    Stdout = 14, "open standard output";
    /// Opening standard error.
    Stderr = 15, "open standard error";
    /// Executing: no such program, not executable, not a known format.
    Program = 16, "execute the program";
    /// Executing a script whose first line names an interpreter that does not exist.
    Interpreter = 17, "find the script's interpreter";
    /// A hook before the run; `EREMOTEIO` means that it ran and failed by itself, `ETIMEDOUT` that it took too long,
    /// `ECANCELED` that the run was killed meanwhile.
    Prolog = 18, "run the prolog";
    // 19 was the hook at the program's side before it, which the program's own shell runs today.
    /// Making or laying over the folders of its own.
    Private = 20, "set up private folders";
}

/// A run that the launchers know of when a server connects.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Which run.
    pub run: RunId,
    /// What is known of it.
    pub state: FoundState,
    /// Its steps that have not been forgotten, and asks for some.
    pub steps: Vec<FoundStep>,
}

/// How far a found run has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FoundState {
    /// Its process exists and has not reached the program yet.
    Starting,
    /// It runs.
    Running {
        /// Its first process.
        pid: u32,
        /// When it started.
        at: UnixMicros,
        /// Whether it is suspended.
        suspended: bool,
    },
    /// Its program was not reached.
    FailedToStart {
        /// What went wrong.
        failure: StartFailure,
        /// Whether a hook that came after it failed as well.
        hook_failed: bool,
        /// When.
        at: UnixMicros,
    },
    /// It ended and has not been forgotten.
    Ended(Ended),
    /// It is gone and nobody saw how.
    Vanished {
        /// When that was noticed.
        at: UnixMicros,
    },
}

impl Found {
    /// Says the same as reports.
    pub fn reports(&self) -> Vec<Report> {
        let run = self.run;
        match &self.state {
            FoundState::Starting => Vec::new(),
            FoundState::Running { pid, at, .. } => vec![Report::Started { run, pid: *pid, at: *at }],
            FoundState::FailedToStart { failure, hook_failed, at } => {
                vec![Report::FailedToStart { run, failure: *failure, hook_failed: *hook_failed, at: *at }]
            }
            FoundState::Ended(ended) => vec![
                Report::Started { run, pid: ended.pid, at: ended.started_at },
                Report::Ended { run, ended: ended.clone() },
            ],
            FoundState::Vanished { at } => vec![Report::Vanished { run, at: *at }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_one_line() {
        let failure = StartFailure { step: Step::Stdout, errno: libc::EACCES };
        assert_eq!(failure.to_string(), "open standard output: permission denied");
    }

    #[test]
    fn wait_statuses_are_read() {
        assert_eq!(Status::from_wait(3 << 8), Status::Exited(3));
        assert_eq!(Status::from_wait(9), Status::Signalled { signal: 9, core: false });
        assert_eq!(Status::from_wait(11 | 0x80), Status::Signalled { signal: 11, core: true });
    }
}
