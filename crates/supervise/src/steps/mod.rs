//! Steps: programs of many tasks that a running run starts beside itself. What a client (`srun`) says to a launcher,
//! what the launcher answers, what it tells the server and what that decides. Data only, shared by all three.
//!
//! ```text
//! client                    launcher                     server
//! Hello ───────────────────▶
//! Ask(StepRequest) ────────▶ StepAsked ─────────────────▶ records, then
//!        Waiting / Refused ◀─ delay / refuse ◀───────────
//!        Granted(StepLayout) ◀── grant ◀─────────────────
//! files, Start(StepProgram) ▶ starts the tasks
//!     TaskStarted, TaskEnded ◀
//!                    Ended ◀─ StepEnded ────────────────▶ records, then forgets
//! ```

mod client;
mod parts;

pub use client::{StepClient, StepError};
pub use parts::MAX_PARTS;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use crate::launch::{Credentials, Limits, Private, Rlimit};
use crate::report::{StartFailure, Status};
use crate::run::UnixMicros;

/// The variable that tells a run's programs where its launcher listens for steps.
pub const SOCKET_VARIABLE: &str = "QUINTET_STEPS";
/// The variable that tells a run's programs the run's name, as `RunId` writes it.
pub const RUN_VARIABLE: &str = "QUINTET_STEPS_RUN";

/// The most tasks of one step.
pub const MAX_TASKS: u32 = 100_000;
/// The most files that a client may pass for one step.
pub const MAX_FILES: usize = 4096;

/// What a step needs; who places it is the server. Absent numbers are for the server to derive.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepRequest {
    /// Name of the step (`--job-name`); the program's name where none is given.
    pub name: String,
    /// The command line, for display.
    pub command: String,
    /// Fewest nodes (`--nodes`).
    pub min_nodes: Option<u32>,
    /// Most nodes.
    pub max_nodes: Option<u32>,
    /// Tasks in all (`--ntasks`).
    pub tasks: Option<u32>,
    /// Tasks on each node at most (`--ntasks-per-node`).
    pub tasks_per_node: Option<u32>,
    /// CPUs of each task (`--cpus-per-task`); given, it means `exact`.
    pub cpus_per_task: Option<u32>,
    /// Memory.
    pub memory: StepMemory,
    /// Generic resources; `None` takes all that the job has on the step's nodes, an empty list none (`--gres=none`).
    pub gres: Option<Vec<StepGres>>,
    /// Names of nodes to use (`--nodelist`), written out.
    pub nodes: Vec<String>,
    /// Names of nodes not to use (`--exclude`), written out.
    pub excluded: Vec<String>,
    /// Begin with this node of the job's (`--relative`).
    pub relative: Option<u32>,
    /// How tasks are dealt out to nodes.
    pub distribution: Distribution,
    /// Take only what is asked for (`--exact`).
    pub exact: bool,
    /// Share with other steps (`--overlap`).
    pub overlap: bool,
    /// More tasks than CPUs are fine (`--overcommit`).
    pub overcommit: bool,
    /// Fail instead of waiting for resources (`--immediate`).
    pub immediate: bool,
    /// How tasks are bound to CPUs.
    pub bind: CpuBind,
    /// Ends the step after this time (`--time`).
    pub time_limit: Option<Duration>,
    /// If one process is killed for want of memory, all of the step die; `None` leaves it to the job.
    pub die_together: Option<bool>,
    /// The component of a heterogeneous job in which it runs (`--het-group`), counted from the leader.
    pub component: u32,
    /// What [`StepRequest::joined`] has joined to it, for [`StepRequest::others`].
    pub further: Vec<Vec<u8>>,
}

/// Memory of a step, megabytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepMemory {
    /// What the job has on the step's nodes, in proportion where CPUs have memory of their own.
    #[default]
    Default,
    /// So much on each node; zero is all of it, shared with other steps.
    PerNode(u64),
    /// So much for each CPU.
    PerCpu(u64),
    /// So much for each GPU.
    PerGpu(u64),
}

/// A generic resource that a step asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepGres {
    /// Name, such as `gpu`.
    pub name: String,
    /// Type; empty for any.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// Counted how.
    pub per: StepPer,
}

/// What a step's count is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepPer {
    /// The whole step (`--gpus`).
    Step,
    /// Each node (`--gres`, `--gpus-per-node`).
    Node,
    /// Each task (`--gpus-per-task`).
    Task,
}

/// How tasks are dealt out to nodes (`--distribution`, before the colon).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distribution {
    /// Cyclic if each node gets a task at least and `--nodes` was given, else block.
    #[default]
    Default,
    /// Node after node.
    Block,
    /// Round and round.
    Cyclic,
    /// So many in a row on each node, round and round.
    Plane(u32),
}

/// How tasks are bound to CPUs (`--cpu-bind`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuBind {
    /// The rule.
    pub rule: BindRule,
    /// The option as given, for `SLURM_CPU_BIND`; empty if not given.
    pub written: String,
    /// Tell each task's binding.
    pub verbose: bool,
}

/// A rule for binding tasks to CPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BindRule {
    /// As configured.
    #[default]
    Default,
    /// All tasks on all CPUs of the step.
    None,
    /// Each task on whole cores.
    Cores,
    /// Each task on threads.
    Threads,
    /// Each task on whole sockets.
    Sockets,
    /// Task by task, in the order of local ranks.
    Rank,
    /// These CPUs, by local rank, over and over.
    MapCpu(Vec<u32>),
    /// These sets of CPUs (bits, lowest word first), by local rank, over and over.
    MaskCpu(Vec<Vec<u64>>),
}

/// Where the tasks of a granted step are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepLayout {
    /// The step's number.
    pub step: u32,
    /// Names of its nodes.
    pub nodes: Vec<String>,
    /// For each task, in order, the place of its node in `nodes`.
    pub tasks: Vec<u32>,
    /// CPUs of each task.
    pub cpus_per_task: u32,
    /// How many tasks each part of the step has.
    pub parts: Vec<u32>,
    /// Variables that every task gets, for clients that must know them.
    pub env: BTreeMap<String, String>,
}

/// What every task of a step executes.
#[derive(Clone, Debug, PartialEq)]
pub struct StepProgram {
    /// The arguments, the zeroth included. Without a slash it is looked for in the `PATH` of `env`.
    pub argv: Vec<OsString>,
    /// The environment; what the server sets for steps and tasks replaces what stands here.
    pub env: Vec<(OsString, OsString)>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The mask for new files.
    pub umask: u32,
    /// Limits; none is raised above what the launcher's own hard limit is.
    pub rlimits: Vec<Rlimit>,
    /// The streams: one entry for each task in order, or one for all.
    pub streams: Vec<TaskStreams>,
    /// Task 0's standard input is a terminal, and becomes its own.
    pub terminal: bool,
    /// Arguments that differ by task (`--multi-prog`): task number and its whole list; the others have `argv`.
    pub argv_by_task: Vec<(u32, Vec<OsString>)>,
    /// Variables that differ by task, in the order of tasks: they replace those of `env`. Empty, or one list for each.
    pub env_by_task: Vec<Vec<(OsString, OsString)>>,
    /// The variable that tells a task the number of its `channel`.
    pub channel_variable: OsString,
}

/// The three standard streams of a task, and one of its own: files that the client has passed, by their order from zero; `None` is
/// `/dev/null`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskStreams {
    /// Standard input.
    pub stdin: Option<u32>,
    /// Standard output.
    pub stdout: Option<u32>,
    /// Standard error.
    pub stderr: Option<u32>,
    /// Another file that the task has open, under the number that [`StepProgram::channel_variable`] tells it.
    pub channel: Option<u32>,
}

/// Runs the prolog, whose lines count as Slurm's do; then the program; then the epilog, if there is one. A prolog that
/// fails is the task's end; one that is killed counts as having left 1. The program's process is that of the shell, whose
/// number it is told, if there is no epilog.
const AROUND_A_TASK: &str = r#"
prolog=$1 epilog=$2 prologs=$3 epilogs=$4; shift 4
export SLURM_TASK_PID=$$
if [ -n "$prolog" ]; then
  said=$(SLURM_SCRIPT_CONTEXT=prolog_task "$prolog" </dev/null)
  code=$?
  [ $code -le 128 ] || code=1
  while IFS= read -r line; do
    case $line in
      "export "*=*) export "${line#export }" ;;
      "unset "*) unset "${line#unset }" ;;
      "print "*) printf '%s\n' "${line#print }" ;;
    esac
  done <<END
$said
END
  [ $code = 0 ] || { printf 'slurmstepd: error: %s failed status=%s\n' "$prologs" $code >&2; exit $code; }
fi
[ -n "$epilog" ] || exec "$@"
"$@"
code=$?
SLURM_SCRIPT_CONTEXT=epilog_task "$epilog" </dev/null ||
  printf 'slurmstepd: error: %s failed status=%s\n' "$epilogs" $? >&2
exit $code
"#;

/// Returns the arguments that put a prolog and an epilog around a task, whose own follow; nothing without either.
/// `names` are what the two are called if they fail.
pub fn around_a_task(prolog: Option<&OsStr>, epilog: Option<&OsStr>, names: [&str; 2]) -> Vec<OsString> {
    let given = |name: Option<&OsStr>| name.unwrap_or_default().to_owned();
    let (prolog, epilog) = (given(prolog), given(epilog));
    if prolog.is_empty() && epilog.is_empty() {
        return Vec::new();
    }
    let shell = ["/bin/sh", "-c", AROUND_A_TASK, "srun"].map(OsString::from);
    shell.into_iter().chain([prolog, epilog]).chain(names.map(OsString::from)).collect()
}

/// What a client says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    /// First of all: which run it is about. Without an attempt, whichever lives.
    Hello { key: u64, attempt: Option<u32> },
    /// It wants a step.
    Ask(Box<StepRequest>),
    /// This many files come with these bytes.
    Files { count: u32 },
    /// The granted step shall execute this.
    Start(Box<StepProgram>),
    /// All tasks shall get this signal.
    Signal { signal: i32 },
}

/// What a launcher answers to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum StepAnswer {
    /// The step must wait; said at first and when the reason changes.
    Waiting {
        /// Why, in Slurm's words.
        why: String,
    },
    /// There will be no step. Nothing follows.
    Refused {
        /// Why, in Slurm's words.
        why: String,
    },
    /// The step has its place; [`StepClient::start`] comes next.
    Granted(Box<StepLayout>),
    /// A task runs.
    TaskStarted {
        /// Its number.
        task: u32,
        /// Its process.
        pid: u32,
    },
    /// A task's program was not reached. Counts as its end.
    TaskFailed {
        /// Its number.
        task: u32,
        /// What went wrong.
        failure: StartFailure,
    },
    /// A task's process has ended.
    TaskEnded {
        /// Its number.
        task: u32,
        /// How.
        status: Status,
    },
    /// All processes of the step are gone. Nothing follows.
    Ended(Box<StepEnded>),
}

/// What the server grants.
#[derive(Clone, Debug, PartialEq)]
pub struct StepGrant {
    /// The step's number and layout, for the client.
    pub layout: StepLayout,
    /// Who its tasks run as; `None` is the server's own user.
    pub user: Option<Credentials>,
    /// What the step's cgroup may take.
    pub limits: Limits,
    /// The folders that the run has for itself: its steps see the same.
    pub private: Option<Private>,
    /// Variables of all tasks.
    pub env: Vec<(OsString, OsString)>,
    /// What differs by task; as many as the layout has tasks.
    pub tasks: Vec<TaskGrant>,
    /// The variable that tells each process its own number.
    pub pid_variable: OsString,
    /// Arguments that come before those of every task: a program that does something and then becomes the task's.
    pub around: Vec<OsString>,
    /// Ends the step after this time.
    pub time_limit: Option<Duration>,
    /// How long its processes have between `SIGTERM` and `SIGKILL`.
    pub kill_wait: Duration,
}

/// What is particular to one task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskGrant {
    /// Its own variables.
    pub env: Vec<(OsString, OsString)>,
    /// The CPUs it is bound to; `None` leaves it all of the step's.
    pub cpus: Option<Vec<u32>>,
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEnded {
    /// When its first task was started; `None` if none ever was.
    pub started_at: Option<UnixMicros>,
    /// When its last process was gone.
    pub at: UnixMicros,
    /// The highest exit code of a task, or a signal that ended one where no code says more; `None` if no task ended.
    pub status: Option<Status>,
    /// Why it ended before its tasks did.
    pub cut: Option<StepCut>,
    /// The kernel killed something of it for want of memory.
    pub over_memory: bool,
    /// What its tasks took.
    pub usage: StepUsage,
}

/// Why a step ended before its tasks did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepCut {
    /// Its client went away.
    ClientGone,
    /// Its time was up.
    TimeLimit,
    /// It was killed from outside, by client or server.
    Killed,
    /// The run it belonged to ended.
    RunEnded,
    /// The launcher died, and its tasks with it.
    Lost,
    /// A task's program could not be executed.
    NotStarted,
}

/// What the tasks of a step took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepUsage {
    /// CPU time in programs.
    pub user: Duration,
    /// CPU time in the kernel.
    pub system: Duration,
    /// The most memory that one task had resident, bytes.
    pub max_rss: u64,
    /// Which task that was.
    pub max_rss_task: u32,
    /// The mean of the tasks' largest resident memory, bytes.
    pub mean_rss: u64,
    /// Bytes read from storage.
    pub read: u64,
    /// Bytes written to storage.
    pub written: u64,
}

/// A step that a launcher knows of when a server connects.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundStep {
    /// The client's ask, or that which the step came from.
    pub ticket: u64,
    /// What is known.
    pub state: FoundStepState,
}

/// How far a found step has come.
#[derive(Clone, Debug, PartialEq)]
pub enum FoundStepState {
    /// It waits for the server.
    Asked {
        /// Who asks.
        uid: u32,
        /// What for.
        request: Box<StepRequest>,
    },
    /// It was granted under this number and lives.
    Granted {
        /// Its number.
        step: u32,
    },
    /// It has ended and was not forgotten.
    Ended {
        /// Its number.
        step: u32,
        /// How.
        ended: Box<StepEnded>,
    },
}
