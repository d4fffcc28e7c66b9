//! `quintet alloc`: resources are held while a command, or a shell, runs here; as salloc does.

use crate::client::{Client, ClientArgs, ClientError};
use crate::jobs::row::is_over;
use crate::srun::commands_of;
use crate::submit::{JobOptions, Script, combine, whole_request};
use crate::terminal::remark;
use crate::usage::Usage;
use anyhow::Context;
use clap::ArgMatches;
use reqwest::Method;
use slurm_wire::job_change::KillJobResp;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use slurm_wire::submit::{JobAllocReq, JobAllocResp};
use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked whether the allocation is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Arguments of `quintet alloc`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct AllocArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Hold the resources without running anything; give them back with `quintet cancel`
    #[arg(long, conflicts_with = "command")]
    pub(crate) no_shell: bool,
    /// Give up if the resources are not free at once
    #[arg(short = 'I', long)]
    pub(crate) immediate: bool,
    #[command(flatten)]
    pub(crate) job: JobOptions,
    /// What to run; without it, your shell
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

/// Holds resources while a command runs, with the options of the command line and of variables.
pub(crate) async fn run(args: AllocArgs, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let variable = |name: &str| std::env::var_os(name.replacen("SBATCH_", "SALLOC_", 1));
    let options = combine("the command line", &[], variable, matches)?;
    hold(args, options).await
}

/// The same with options that are gathered already.
pub(crate) async fn hold(args: AllocArgs, options: JobOptions) -> anyhow::Result<ExitCode> {
    refuse_what_is_for_scripts(&options)?;
    let client = Client::open(&args.client)?;
    let name = args.command.first().and_then(|word| word.to_str()).unwrap_or("interactive");
    let script = Script { name: name.to_owned(), ..Script::default() };
    let mut job = whole_request(&options, &script)?.job;
    if let Some(job) = &mut job {
        job.environment = None;
        job.immediate = args.immediate.then_some(true);
    }
    let body = slurm_wire::to_json(&JobAllocReq { job, ..JobAllocReq::default() });
    // Going away while it waits gives the allocation up: the service sees that nobody is there any more.
    let granted = client.slurm::<JobAllocResp>(Method::POST, "/job/allocate", &[], Some(body)).await;
    let id = granted.context("allocate resources")?.value.job_id;
    if !options.quiet {
        remark(&format!("granted job allocation {id}"));
    }
    if args.no_shell {
        return Ok(ExitCode::SUCCESS);
    }
    let code = held(&client, id, &args.command).await;
    let (gone, code) = match code {
        Ok(ended) => ended,
        Err(error) => (false, Err(error)),
    };
    if gone {
        remark(&format!("job allocation {id} has been revoked"));
    } else {
        give_back(&client, id).await?;
        if !options.quiet {
            remark(&format!("relinquished job allocation {id}"));
        }
    }
    code
}

/// What only a script has.
fn refuse_what_is_for_scripts(options: &JobOptions) -> Result<(), Usage> {
    let given = [
        (options.array.is_some(), "array"),
        (options.output.is_some(), "output"),
        (options.error.is_some(), "error"),
        (options.input.is_some(), "input"),
        (options.wait, "wait"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, name)) => {
            Err(Usage(format!("--{name} is for scripts; nothing of this job is run by the service")))
        }
        None => Ok(()),
    }
}

/// Runs the command while the allocation is there; also tells whether it has gone meanwhile.
async fn held(
    client: &Client,
    id: u32,
    command: &[OsString],
) -> anyhow::Result<(bool, anyhow::Result<ExitCode>)> {
    let shown = shown(client, id).await?.context("the allocation is gone already")?;
    let mut variables = variables(client, &shown);
    variables.extend(path(client, id).await);
    let shell = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
    let words = match command.is_empty() {
        true => vec![shell().unwrap_or_else(|| "/bin/sh".into())],
        false => command.to_vec(),
    };
    // What is meant for the command, from the keyboard, is none of ours.
    let mut interrupts = signal(SignalKind::interrupt()).context("listen for signals")?;
    let mut quits = signal(SignalKind::quit()).context("listen for signals")?;
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&OsStr> = words.iter().skip(1).map(OsString::as_os_str).collect();
        let program = words.first().map(OsString::as_os_str).unwrap_or_default();
        supervise::foreground(program, &arguments, &variables)
    });
    tokio::pin!(running);
    let mut gone = false;
    loop {
        tokio::select! {
            ended = &mut running => {
                let status = ended.context("run the command")?.context("run the command")?;
                return Ok((gone, Ok(exit_code(status))));
            }
            _ = interrupts.recv() => {}
            _ = quits.recv() => {}
            () = tokio::time::sleep(LOOK), if !gone => {
                // A service that cannot be reached for a while has not taken anything away.
                if let Ok(None) = self::shown(client, id).await {
                    gone = true;
                    remark(&format!("job allocation {id} is over; its resources belong to others now"));
                }
            }
        }
    }
}

/// The command's `PATH`, on which it finds what jobs find.
async fn path(client: &Client, id: u32) -> Option<(OsString, OsString)> {
    let folder = commands_of(client, id).await?;
    let present = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder).chain(std::env::split_paths(&present));
    Some(("PATH".into(), std::env::join_paths(folders).ok()?))
}

fn exit_code(status: std::process::ExitStatus) -> ExitCode {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Returns the allocation as long as it is there.
async fn shown(client: &Client, id: u32) -> Result<Option<JobInfo>, ClientError> {
    match client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{id}"), &[], None).await {
        Ok(answer) => Ok(answer.value.jobs.iter().next().filter(|job| !is_over(job)).cloned()),
        Err(ClientError::Refused { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn give_back(client: &Client, id: u32) -> anyhow::Result<()> {
    let cancelled = client.slurm::<KillJobResp>(Method::DELETE, &format!("/job/{id}"), &[], None).await;
    cancelled.context("give the resources back")?;
    Ok(())
}

/// What the command is told of the allocation, as salloc tells it.
fn variables(client: &Client, job: &JobInfo) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    let mut set = |name: &str, value: String| {
        if !value.is_empty() {
            variables.push((name.into(), value.into()));
        }
    };
    let id = job.job_id.to_string();
    let nodes = job.node_count.unwrap_or(0).to_string();
    for name in ["SLURM_JOB_ID", "SLURM_JOBID"] {
        set(name, id.clone());
    }
    for name in ["SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
        set(name, job.nodes.to_string());
    }
    for name in ["SLURM_JOB_NUM_NODES", "SLURM_NNODES"] {
        set(name, nodes.clone());
    }
    set("SLURM_JOB_NAME", job.name.to_string());
    set("SLURM_JOB_PARTITION", job.partition.to_string());
    set("SLURM_JOB_ACCOUNT", job.account.to_string());
    set("SLURM_JOB_QOS", job.qos.to_string());
    set("SLURM_JOB_USER", job.user_name.to_string());
    set("SLURM_JOB_UID", job.user_id.to_string());
    set("SLURM_CLUSTER_NAME", job.cluster.to_string());
    set("SLURM_SUBMIT_DIR", job.current_working_directory.to_string());
    set("SLURM_JOB_START_TIME", job.start_time.unwrap_or(0).to_string());
    if let Some(tasks) = job.tasks.number() {
        set("SLURM_NTASKS", tasks.to_string());
        set("SLURM_NPROCS", tasks.to_string());
    }
    if let Some(cpus) = job.cpus_per_task.number().filter(|cpus| *cpus > 1) {
        set("SLURM_CPUS_PER_TASK", cpus.to_string());
    }
    let of_nodes = job.job_resources.iter().flat_map(|resources| resources.nodes.allocation.iter());
    let cpus: Vec<u64> = of_nodes.map(|node| node.cpus.count.into()).collect();
    set("SLURM_JOB_CPUS_PER_NODE", counts(&cpus));
    set("QUINTET_URL", client.base().to_owned());
    variables
}

/// Writes counts by node as Slurm does: `4,2(x3)`.
fn counts(counts: &[u64]) -> String {
    let runs = counts.chunk_by(|one, next| one == next);
    let written = runs.map(|run| match run {
        [count] => count.to_string(),
        run => format!("{}(x{})", run.first().copied().unwrap_or(0), run.len()),
    });
    written.collect::<Vec<_>>().join(",")
}
