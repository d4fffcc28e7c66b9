//! What may be asked for when a job is submitted: sbatch's options, whether they stand on the command line, in
//! `#SBATCH` lines or in `SBATCH_*` variables. How they become a request is decided in `request.rs`.

use super::values::{
    ArrayRange, Begin, Deadline, DependencyAction, ExportWish, Megabytes, Minutes, NodeRange, OpenMode,
    Signal, Switches,
};
use clap::Args;

/// Options of a job.
#[derive(Args, Clone, Debug, Default, PartialEq)]
#[command(next_help_heading = "Job options (also in #SBATCH lines)")]
pub(crate) struct JobOptions {
    /// Name of the job [default: the script's name]
    #[arg(short = 'J', long, value_name = "NAME")]
    pub(crate) job_name: Option<String>,
    /// Account to charge
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Partition, or several with commas between
    #[arg(short = 'p', long, value_name = "NAMES")]
    pub(crate) partition: Option<String>,
    /// Quality of service
    #[arg(short = 'q', long, value_name = "NAME")]
    pub(crate) qos: Option<String>,
    /// Workload key
    #[arg(long, value_name = "KEY")]
    pub(crate) wckey: Option<String>,
    /// Reservation to run in
    #[arg(long, value_name = "NAME")]
    pub(crate) reservation: Option<String>,

    /// Nodes, or least and most of them
    #[arg(short = 'N', long, value_name = "MIN[-MAX]")]
    pub(crate) nodes: Option<NodeRange>,
    /// Tasks
    #[arg(short = 'n', long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=2_000_000_000))]
    pub(crate) ntasks: Option<u32>,
    /// CPUs for each task
    #[arg(short = 'c', long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) cpus_per_task: Option<u16>,
    /// Most tasks on a node
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ntasks_per_node: Option<u16>,
    /// Most tasks on a socket
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ntasks_per_socket: Option<u16>,
    /// Most tasks on a core
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ntasks_per_core: Option<u16>,
    /// Tasks for each GPU
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) ntasks_per_gpu: Option<u16>,
    /// CPUs each node must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) mincpus: Option<u16>,
    /// Sockets each node must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) sockets_per_node: Option<u16>,
    /// Threads each core must have
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads_per_core: Option<u16>,
    /// Whether tasks use one thread of each core (nomultithread, compute_bound) or all (multithread)
    #[arg(long, value_name = "HINT", value_parser = ["nomultithread", "compute_bound", "multithread"],
        conflicts_with = "threads_per_core")]
    pub(crate) hint: Option<String>,
    /// Memory on each node: megabytes or 16G; 0 for all of it
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["mem_per_cpu", "mem_per_gpu"])]
    pub(crate) mem: Option<Megabytes>,
    /// Memory for each CPU: megabytes or 2G
    #[arg(long, value_name = "SIZE", conflicts_with = "mem_per_gpu")]
    pub(crate) mem_per_cpu: Option<Megabytes>,
    /// Memory for each GPU: megabytes or 16G
    #[arg(long, value_name = "SIZE")]
    pub(crate) mem_per_gpu: Option<Megabytes>,
    /// Temporary disk each node must have: megabytes or 10G
    #[arg(long, value_name = "SIZE")]
    pub(crate) tmp: Option<Megabytes>,
    /// Generic resources of each node, such as gpu:2 or gpu:a100:1
    #[arg(long, value_name = "LIST")]
    pub(crate) gres: Option<String>,
    /// GPUs of the whole job: 2, or a type and a number such as a100:2
    #[arg(short = 'G', long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus: Option<String>,
    /// GPUs of each node
    #[arg(long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus_per_node: Option<String>,
    /// GPUs of each socket
    #[arg(long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus_per_socket: Option<String>,
    /// GPUs of each task
    #[arg(long, value_name = "[TYPE:]NUMBER")]
    pub(crate) gpus_per_task: Option<String>,
    /// How CPUs and GPUs belong together: enforce-binding gives only CPUs near the GPUs, disable-binding any
    #[arg(long, value_name = "FLAG", value_parser = ["enforce-binding", "disable-binding"])]
    pub(crate) gres_flags: Option<String>,
    /// CPUs for each GPU
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) cpus_per_gpu: Option<u32>,
    /// Trackable resources of each task, such as cpu=2,gres/gpu=1
    #[arg(long, value_name = "LIST")]
    pub(crate) tres_per_task: Option<String>,
    /// Licences, such as matlab:2
    #[arg(short = 'L', long, value_name = "LIST")]
    pub(crate) licenses: Option<String>,
    /// Features the nodes must have
    #[arg(short = 'C', long, value_name = "EXPRESSION")]
    pub(crate) constraint: Option<String>,
    /// Features the nodes should have
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) prefer: Option<String>,
    /// Features the first node must have, which runs the script; some of those in --constraint
    #[arg(long, value_name = "EXPRESSION")]
    pub(crate) batch: Option<String>,
    /// Nodes that must be among those given
    #[arg(short = 'w', long, value_name = "NODES")]
    pub(crate) nodelist: Option<String>,
    /// Nodes that must not be among those given
    #[arg(short = 'x', long, value_name = "NODES")]
    pub(crate) exclude: Option<String>,
    /// Share nodes with nobody; =user shares with jobs of the same user, =mcs with those of the same label
    #[arg(long, value_name = "WITH", num_args = 0..=1, require_equals = true, default_missing_value = "none",
        value_parser = ["none", "user", "mcs", "topo"], overrides_with = "oversubscribe")]
    pub(crate) exclusive: Option<String>,
    /// Share CPUs too, where the partition allows
    #[arg(short = 's', long, overrides_with = "exclusive")]
    pub(crate) oversubscribe: bool,
    /// More tasks than CPUs are fine
    #[arg(short = 'O', long)]
    pub(crate) overcommit: bool,
    /// Nodes must be neighbours
    #[arg(long)]
    pub(crate) contiguous: bool,
    /// Spread over as many nodes as possible
    #[arg(long)]
    pub(crate) spread_job: bool,
    /// Of a range of nodes, prefer the fewest
    #[arg(long)]
    pub(crate) use_min_nodes: bool,
    /// Distribution of tasks over nodes, such as block or cyclic
    #[arg(short = 'm', long, value_name = "METHOD")]
    pub(crate) distribution: Option<String>,
    /// Most leaf switches wanted, and how long to wait for them
    #[arg(long, value_name = "COUNT[@TIME]")]
    pub(crate) switches: Option<Switches>,
    /// Cores of each node kept for the system
    #[arg(short = 'S', long, value_name = "NUMBER", overrides_with = "thread_spec")]
    pub(crate) core_spec: Option<u16>,
    /// Threads of each node kept for the system
    #[arg(long, value_name = "NUMBER", overrides_with = "core_spec")]
    pub(crate) thread_spec: Option<u16>,

    /// Time limit: minutes, HH:MM:SS, D-HH:MM:SS or unlimited
    #[arg(short = 't', long, value_name = "TIME")]
    pub(crate) time: Option<Minutes>,
    /// The least time that would do
    #[arg(long, value_name = "TIME")]
    pub(crate) time_min: Option<Minutes>,
    /// Not before this time: now+1hour, 16:00, tomorrow, 2027-01-31T12:00
    #[arg(short = 'b', long, value_name = "WHEN")]
    pub(crate) begin: Option<Begin>,
    /// Cancel if it cannot end by this time
    #[arg(long, value_name = "WHEN")]
    pub(crate) deadline: Option<Deadline>,
    /// Signal ahead of the time limit; B: sends it to the batch shell
    #[arg(long, value_name = "[B:]SIGNAL[@SECONDS]")]
    pub(crate) signal: Option<Signal>,
    /// Start after other jobs, such as afterok:12:13
    #[arg(short = 'd', long, value_name = "LIST")]
    pub(crate) dependency: Option<String>,
    /// What becomes of a job whose dependency can never be met
    #[arg(long, value_name = "yes|no")]
    pub(crate) kill_on_invalid_dep: Option<DependencyAction>,
    /// Indexes of an array, such as 0-9%2
    #[arg(short = 'a', long, value_name = "INDEXES")]
    pub(crate) array: Option<ArrayRange>,
    /// Submit, but do not start before it is released
    #[arg(short = 'H', long)]
    pub(crate) hold: bool,
    /// Subtract from the priority; operators may add to it with a negative number
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, require_equals = true, default_missing_value = "100",
        allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-2_147_483_645..=2_147_483_645))]
    pub(crate) nice: Option<i32>,
    /// Priority, for operators
    #[arg(long, value_name = "NUMBER")]
    pub(crate) priority: Option<u32>,
    /// Put back into the queue when a node fails
    #[arg(long, overrides_with = "no_requeue")]
    pub(crate) requeue: bool,
    /// End for good when a node fails
    #[arg(long, overrides_with = "requeue")]
    pub(crate) no_requeue: bool,
    /// If one process runs out of memory, kill all of its step
    #[arg(long, value_name = "0|1", num_args = 0..=1, require_equals = true, default_missing_value = "1",
        value_parser = clap::value_parser!(u8).range(0..=1))]
    pub(crate) oom_kill_step: Option<u8>,
    /// Go on when one of its nodes fails
    #[arg(short = 'k', long)]
    pub(crate) no_kill: bool,

    /// File for standard output; %j, %A, %a, %x, %u, %N are filled in [default: slurm-%j.out]
    #[arg(short = 'o', long, value_name = "FILE")]
    pub(crate) output: Option<String>,
    /// File for standard error [default: where standard output goes]
    #[arg(short = 'e', long, value_name = "FILE")]
    pub(crate) error: Option<String>,
    /// File for standard input [default: /dev/null]
    #[arg(short = 'i', long, value_name = "FILE")]
    pub(crate) input: Option<String>,
    /// What happens to output files that exist
    #[arg(long, value_name = "append|truncate")]
    pub(crate) open_mode: Option<OpenMode>,
    /// Working directory [default: the present one]
    #[arg(short = 'D', long, value_name = "DIR")]
    pub(crate) chdir: Option<String>,
    /// Environment of the job: ALL, NONE, or variables such as A,B=2,ALL [default: ALL]
    #[arg(long, value_name = "WHAT", num_args = 0..=1, require_equals = true, default_missing_value = "ALL")]
    pub(crate) export: Option<ExportWish>,
    /// Limits of this process that the job gets: ALL, NONE, or names such as STACK,NOFILE [default: ALL]
    #[arg(long, value_name = "LIMITS", num_args = 0..=1, require_equals = true, default_missing_value = "ALL")]
    pub(crate) propagate: Option<String>,
    /// Remark
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    /// Whatever a program keeps with the job
    #[arg(long, value_name = "TEXT")]
    pub(crate) extra: Option<String>,
    /// When mail is wanted: NONE, ALL, or a list of BEGIN, END, FAIL, REQUEUE, TIME_LIMIT, TIME_LIMIT_90, …
    #[arg(long, value_name = "TYPES", value_parser = super::values::mail_types)]
    pub(crate) mail_type: Option<super::values::MailTypes>,
    /// Who gets it
    #[arg(long, value_name = "USER")]
    pub(crate) mail_user: Option<String>,
    /// Security label
    #[arg(long, value_name = "LABEL")]
    pub(crate) mcs_label: Option<String>,
    /// User to run as, for administrators
    #[arg(long, value_name = "USER")]
    pub(crate) uid: Option<String>,
    /// Group to run as, for administrators
    #[arg(long, value_name = "GROUP")]
    pub(crate) gid: Option<String>,

    /// Submit nothing: say when and where the job would start
    #[arg(long)]
    pub(crate) test_only: bool,
    /// Wait until the job has ended, and exit with its exit code
    #[arg(short = 'W', long)]
    pub(crate) wait: bool,
    /// Print the job's number alone
    #[arg(long)]
    pub(crate) parsable: bool,
    /// Print nothing
    #[arg(short = 'Q', long)]
    pub(crate) quiet: bool,
    /// Print on standard error what is sent
    #[arg(short = 'v', long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Accepted for sbatch's sake: #PBS lines are never read
    #[arg(long)]
    pub(crate) ignore_pbs: bool,
}
