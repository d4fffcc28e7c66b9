//! What may be asked of `srun`: srun's options. What they mean for a step is in `request.rs`, for a job that has to be
//! made first in `allocation.rs`; which variables stand for them in `variables.rs`.

use crate::submit::values::{
    Begin, Deadline, ExportWish, MailTypes, Megabytes, Minutes, NodeRange, OpenMode, Signal, Switches,
    mail_types,
};
use clap::Args;

/// Options of a step, and of the job that is made for it where there is none.
#[derive(Args, Clone, Debug, Default, PartialEq)]
pub(crate) struct SrunOptions {
    /// Tasks
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) ntasks: Option<u32>,
    /// Nodes, or least and most of them
    #[arg(short = 'N', long, value_name = "MIN[-MAX]")]
    pub(crate) nodes: Option<NodeRange>,
    /// CPUs of each task
    #[arg(short = 'c', long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) cpus_per_task: Option<u16>,
    /// Most tasks on a node
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ntasks_per_node: Option<u16>,
    /// Memory on each node: megabytes or 16G; 0 for all that the job has
    #[arg(long, value_name = "SIZE")]
    pub(crate) mem: Option<Megabytes>,
    /// Memory for each CPU
    #[arg(long, value_name = "SIZE")]
    pub(crate) mem_per_cpu: Option<Megabytes>,
    /// Memory for each GPU
    #[arg(long, value_name = "SIZE")]
    pub(crate) mem_per_gpu: Option<Megabytes>,
    /// Generic resources on each node, such as gpu:2, or none
    #[arg(long, value_name = "LIST")]
    pub(crate) gres: Option<String>,
    /// GPUs in all
    #[arg(short = 'G', long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus: Option<String>,
    /// GPUs on each node
    #[arg(long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus_per_node: Option<String>,
    /// GPUs of each task
    #[arg(long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus_per_task: Option<String>,
    /// Trackable resources of each task, such as cpu=2,gres/gpu=1
    #[arg(long, value_name = "LIST")]
    pub(crate) tres_per_task: Option<String>,
    /// How tasks are dealt out to nodes: block, cyclic or plane=SIZE
    #[arg(short = 'm', long, value_name = "METHOD")]
    pub(crate) distribution: Option<String>,
    /// Nodes that must be among those used
    #[arg(short = 'w', long, value_name = "NODES")]
    pub(crate) nodelist: Option<String>,
    /// Nodes not to use
    #[arg(short = 'x', long, value_name = "NODES")]
    pub(crate) exclude: Option<String>,
    /// Begin with this node of the job's, counted from 0
    #[arg(short = 'r', long, value_name = "NUMBER")]
    pub(crate) relative: Option<u32>,
    /// Time limit: minutes, HH:MM:SS, D-HH:MM:SS or unlimited
    #[arg(short = 't', long, value_name = "TIME")]
    pub(crate) time: Option<Minutes>,
    /// Name of the step [default: the program's]
    #[arg(short = 'J', long, value_name = "NAME")]
    pub(crate) job_name: Option<String>,
    /// Run in this job
    #[arg(long, value_name = "ID", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) jobid: Option<u32>,
    /// Take only what is asked for, and leave the rest of the job to other steps
    #[arg(long)]
    pub(crate) exact: bool,
    /// Share what is taken with other steps
    #[arg(long)]
    pub(crate) overlap: bool,
    /// In a job as --exact; a new job shares its nodes with nobody, or with =user or =mcs
    #[arg(long, value_name = "WITH", num_args = 0..=1, require_equals = true, default_missing_value = "none",
        value_parser = ["none", "user", "mcs", "topo"])]
    pub(crate) exclusive: Option<String>,
    /// More tasks than CPUs are fine
    #[arg(short = 'O', long)]
    pub(crate) overcommit: bool,
    /// Give up if there is no room at once, or within these seconds
    #[arg(short = 'I', long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
        default_missing_value = "0")]
    pub(crate) immediate: Option<u64>,
    /// How tasks are bound to CPUs: none, cores, threads, sockets, rank, map_cpu:LIST, mask_cpu:LIST, with quiet, or
    /// verbose, before it
    #[arg(long, value_name = "[quiet,|verbose,]HOW")]
    pub(crate) cpu_bind: Option<String>,
    /// Components of a heterogeneous job to run in, such as 0,2-3 [default: the leader, or one for each program between
    /// colons]
    #[arg(long, value_name = "NUMBERS")]
    pub(crate) het_group: Option<String>,
    /// How tasks are bound to memory: only none is possible
    #[arg(long, value_name = "HOW")]
    pub(crate) mem_bind: Option<String>,

    /// Where standard output goes: a file (%j, %J, %s, %t, %n, %N, %u, %x are filled in), all, none, or a task's number
    #[arg(short = 'o', long, value_name = "WHERE", help_heading = "Input and output")]
    pub(crate) output: Option<String>,
    /// Where standard error goes [default: where standard output goes]
    #[arg(short = 'e', long, value_name = "WHERE", help_heading = "Input and output")]
    pub(crate) error: Option<String>,
    /// Where standard input comes from: a file, all, none, or the number of the one task that gets it
    #[arg(short = 'i', long, value_name = "WHERE", help_heading = "Input and output")]
    pub(crate) input: Option<String>,
    /// What happens to output files that exist
    #[arg(long, value_name = "append|truncate", help_heading = "Input and output")]
    pub(crate) open_mode: Option<OpenMode>,
    /// Put the task's number before each line
    #[arg(short = 'l', long, help_heading = "Input and output")]
    pub(crate) label: bool,
    /// Pass on output as it comes, and not line by line
    #[arg(short = 'u', long, help_heading = "Input and output")]
    pub(crate) unbuffered: bool,
    /// Run task 0 in a terminal of its own
    #[arg(long, help_heading = "Input and output")]
    pub(crate) pty: bool,
    /// Say nothing but errors
    #[arg(short = 'Q', long, help_heading = "Input and output")]
    pub(crate) quiet: bool,
    /// Say more
    #[arg(short = 'v', long, action = clap::ArgAction::Count, help_heading = "Input and output")]
    pub(crate) verbose: u8,

    /// Run nothing: say when and where the job would start
    #[arg(long, help_heading = "Programs")]
    pub(crate) test_only: bool,
    /// Working directory [default: the present one]
    #[arg(short = 'D', long, value_name = "DIR", help_heading = "Programs")]
    pub(crate) chdir: Option<String>,
    /// Environment of the tasks: ALL, NONE, or variables such as A,B=2,ALL [default: ALL]
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "ALL",
        help_heading = "Programs")]
    pub(crate) export: Option<ExportWish>,
    /// The command is a file that says which task runs which program
    #[arg(long, help_heading = "Programs")]
    pub(crate) multi_prog: bool,
    /// How MPI programs find one another: none, pmi2, or list for what there is
    #[arg(long, value_name = "TYPE", help_heading = "Programs")]
    pub(crate) mpi: Option<String>,
    /// Limits of this process that the tasks get: ALL, NONE, or names such as NOFILE,CORE
    #[arg(long, value_name = "LIMITS", num_args = 0..=1, require_equals = true, default_missing_value = "ALL",
        help_heading = "Programs")]
    pub(crate) propagate: Option<String>,
    /// End the step when a task fails; =0 does not
    #[arg(short = 'K', long, value_name = "0|1", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = clap::value_parser!(u8).range(0..=1), help_heading = "Programs")]
    pub(crate) kill_on_bad_exit: Option<u8>,
    /// End the step so long after its first task has ended; 0 waits for ever
    #[arg(short = 'W', long, value_name = "SECONDS", help_heading = "Programs")]
    pub(crate) wait: Option<u64>,
    /// One Ctrl-C is enough
    #[arg(long, help_heading = "Programs")]
    pub(crate) quit_on_interrupt: bool,
    /// Pass Ctrl-C on to the tasks, without asking
    #[arg(short = 'X', long, help_heading = "Programs")]
    pub(crate) disable_status: bool,
    /// Signals that are not passed on to the tasks, such as INT,USR1
    #[arg(long, value_name = "SIGNALS", help_heading = "Programs")]
    pub(crate) ignore_signals: Option<String>,
    /// Run here before the step, with the step's program as arguments
    #[arg(long, value_name = "PROGRAM", help_heading = "Programs")]
    pub(crate) prolog: Option<String>,
    /// Run here after the step, with the step's program as arguments
    #[arg(long, value_name = "PROGRAM", help_heading = "Programs")]
    pub(crate) epilog: Option<String>,
    /// Accepted for srun's sake: tasks are started by one launcher
    #[arg(short = 'T', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Programs")]
    pub(crate) threads: Option<u32>,
    /// Variables for numbers of nodes and tasks win over options
    #[arg(short = 'E', long, help_heading = "Programs")]
    pub(crate) preserve_env: bool,

    /// Account to charge
    #[arg(short = 'A', long, value_name = "NAME", help_heading = "For a job that has to be made")]
    pub(crate) account: Option<String>,
    /// Partition, or several with commas between
    #[arg(short = 'p', long, value_name = "NAMES", help_heading = "For a job that has to be made")]
    pub(crate) partition: Option<String>,
    /// Quality of service
    #[arg(short = 'q', long, value_name = "NAME", help_heading = "For a job that has to be made")]
    pub(crate) qos: Option<String>,
    /// Workload key
    #[arg(long, value_name = "KEY", help_heading = "For a job that has to be made")]
    pub(crate) wckey: Option<String>,
    /// Reservation to run in
    #[arg(long, value_name = "NAME", help_heading = "For a job that has to be made")]
    pub(crate) reservation: Option<String>,
    /// Features the nodes must have
    #[arg(short = 'C', long, value_name = "EXPRESSION", help_heading = "For a job that has to be made")]
    pub(crate) constraint: Option<String>,
    /// Features the nodes should have
    #[arg(long, value_name = "EXPRESSION", help_heading = "For a job that has to be made")]
    pub(crate) prefer: Option<String>,
    /// Licences, such as matlab:2
    #[arg(short = 'L', long, value_name = "LIST", help_heading = "For a job that has to be made")]
    pub(crate) licenses: Option<String>,
    /// Not before this time: now+1hour, 16:00, tomorrow
    #[arg(short = 'b', long, value_name = "WHEN", help_heading = "For a job that has to be made")]
    pub(crate) begin: Option<Begin>,
    /// Give up if it cannot end by this time
    #[arg(long, value_name = "WHEN", help_heading = "For a job that has to be made")]
    pub(crate) deadline: Option<Deadline>,
    /// Start after other jobs, such as afterok:12:13
    #[arg(short = 'd', long, value_name = "LIST", help_heading = "For a job that has to be made")]
    pub(crate) dependency: Option<String>,
    /// Do not start before it is released
    #[arg(short = 'H', long, help_heading = "For a job that has to be made")]
    pub(crate) hold: bool,
    /// The least time that would do
    #[arg(long, value_name = "TIME", help_heading = "For a job that has to be made")]
    pub(crate) time_min: Option<Minutes>,
    /// Signal ahead of the time limit
    #[arg(long, value_name = "SIGNAL[@SECONDS]", help_heading = "For a job that has to be made")]
    pub(crate) signal: Option<Signal>,
    /// Subtract from the priority
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, require_equals = true, default_missing_value = "100",
        allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-2_147_483_645..=2_147_483_645),
        help_heading = "For a job that has to be made")]
    pub(crate) nice: Option<i32>,
    /// Priority, for operators
    #[arg(long, value_name = "NUMBER", help_heading = "For a job that has to be made")]
    pub(crate) priority: Option<u32>,
    /// Remark
    #[arg(long, value_name = "TEXT", help_heading = "For a job that has to be made")]
    pub(crate) comment: Option<String>,
    /// When mail is wanted
    #[arg(long, value_name = "TYPES", value_parser = mail_types, help_heading = "For a job that has to be made")]
    pub(crate) mail_type: Option<MailTypes>,
    /// Who gets it
    #[arg(long, value_name = "USER", help_heading = "For a job that has to be made")]
    pub(crate) mail_user: Option<String>,
    /// Security label
    #[arg(long, value_name = "LABEL", help_heading = "For a job that has to be made")]
    pub(crate) mcs_label: Option<String>,
    /// CPUs each node must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) mincpus: Option<u16>,
    /// Temporary disk each node must have
    #[arg(long, value_name = "SIZE", help_heading = "For a job that has to be made")]
    pub(crate) tmp: Option<Megabytes>,
    /// Threads each core must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) threads_per_core: Option<u16>,
    /// Sockets each node must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) sockets_per_node: Option<u16>,
    /// Most tasks on a socket
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) ntasks_per_socket: Option<u16>,
    /// Most tasks on a core
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) ntasks_per_core: Option<u16>,
    /// CPUs for each GPU
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) cpus_per_gpu: Option<u32>,
    /// Tasks for each GPU
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "For a job that has to be made")]
    pub(crate) ntasks_per_gpu: Option<u16>,
    /// GPUs of each socket
    #[arg(long, value_name = "[TYPE:]NUMBER", help_heading = "For a job that has to be made")]
    pub(crate) gpus_per_socket: Option<String>,
    /// How CPUs and GPUs belong together: enforce-binding or disable-binding
    #[arg(long, value_name = "FLAG", value_parser = ["enforce-binding", "disable-binding"],
        help_heading = "For a job that has to be made")]
    pub(crate) gres_flags: Option<String>,
    /// Whether tasks use one thread of each core (nomultithread, compute_bound) or all (multithread)
    #[arg(long, value_name = "HINT", value_parser = ["nomultithread", "compute_bound", "multithread"],
        help_heading = "For a job that has to be made")]
    pub(crate) hint: Option<String>,
    /// Whatever a program keeps with the job
    #[arg(long, value_name = "TEXT", help_heading = "For a job that has to be made")]
    pub(crate) extra: Option<String>,
    /// Threads of each node kept for the system
    #[arg(
        long,
        value_name = "NUMBER",
        overrides_with = "core_spec",
        help_heading = "For a job that has to be made"
    )]
    pub(crate) thread_spec: Option<u16>,
    /// Cores of each node kept for the system
    #[arg(short = 'S', long, value_name = "NUMBER", help_heading = "For a job that has to be made")]
    pub(crate) core_spec: Option<u16>,
    /// Nodes must be neighbours
    #[arg(long, help_heading = "For a job that has to be made")]
    pub(crate) contiguous: bool,
    /// Share CPUs too, where the partition allows
    #[arg(short = 's', long, help_heading = "For a job that has to be made")]
    pub(crate) oversubscribe: bool,
    /// Spread over as many nodes as possible
    #[arg(long, help_heading = "For a job that has to be made")]
    pub(crate) spread_job: bool,
    /// Of a range of nodes, prefer the fewest
    #[arg(long, help_heading = "For a job that has to be made")]
    pub(crate) use_min_nodes: bool,
    /// Go on when one of its nodes fails
    #[arg(short = 'k', long, help_heading = "For a job that has to be made")]
    pub(crate) no_kill: bool,
    /// Most leaf switches wanted, and how long to wait for them
    #[arg(long, value_name = "COUNT[@TIME]", help_heading = "For a job that has to be made")]
    pub(crate) switches: Option<Switches>,

    /// If one process runs out of memory, kill all of its step
    #[arg(long, value_name = "0|1", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = clap::value_parser!(u8).range(0..=1))]
    pub(crate) oom_kill_step: Option<u8>,
    /// Run before each task, as the task: its lines "export NAME=value", "unset NAME" and "print text" count
    #[arg(long, value_name = "PROGRAM", help_heading = "Programs")]
    pub(crate) task_prolog: Option<String>,
    /// Run after each task, as the task
    #[arg(long, value_name = "PROGRAM", help_heading = "Programs")]
    pub(crate) task_epilog: Option<String>,
}
