//! `quintet alloc`: resources are held while a command, or a shell, runs here; as salloc does, and in its words.
//!
//! - `command.rs` runs the command, `variables.rs` is what it is told

mod command;
mod variables;

use crate::allocation::{Asked, Attendance, IfGone, ask, complete};
use crate::client::{Client, ClientArgs, ClientError};
use crate::submit::layers::combine_components;
use crate::submit::test_only::strangers;
use crate::submit::{JobOptions, Script, whole_request};
use crate::usage::Usage;
use anyhow::Context;
use clap::{ArgMatches, Args, FromArgMatches};
use command::Held;
use reqwest::Method;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use slurm_wire::submit::JobAllocReq;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// What a job is called that has no other name.
const NAME: &str = "interactive";
/// A wait so long makes the terminal ring when it is over.
const LONG: Duration = Duration::from_secs(10);

/// Arguments of `quintet alloc`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct AllocArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Hold the resources without running anything; give them back with `quintet cancel`
    #[arg(long)]
    pub(crate) no_shell: bool,
    /// Give up if the resources are not free at once
    #[arg(short = 'I', long)]
    pub(crate) immediate: bool,
    /// Ring the terminal's bell when the resources are there [default: after a wait of ten seconds]
    #[arg(long, overrides_with = "no_bell")]
    pub(crate) bell: bool,
    /// Never ring it
    #[arg(long, overrides_with = "bell")]
    pub(crate) no_bell: bool,
    /// Send the command this signal when the resources are taken away [default: SIGHUP at a terminal, else SIGTERM]
    #[arg(short = 'K', long, value_name = "SIGNAL", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub(crate) kill_command: Option<String>,
    #[command(flatten)]
    pub(crate) job: JobOptions,
    /// What to run; without it, your shell. Behind a colon that stands alone follow the options of the next component of
    /// a heterogeneous job, and then the command
    #[arg(value_name = "COMMAND", trailing_var_arg = true)]
    pub(crate) command: Vec<OsString>,
}

/// Holds resources while a command runs, with the options of the command line and of variables.
pub(crate) async fn run(mut args: AllocArgs, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let groups = groups(&mut args, matches)?;
    if args.no_shell && !args.command.is_empty() {
        return Err(Usage("--no-shell runs nothing; give no command".into()).into());
    }
    let variable = |name: &str| std::env::var_os(name.replacen("SBATCH_", "SALLOC_", 1));
    let components = combine_components("the command line", &[], variable, &groups)?;
    hold_all(args, &components, IfGone::Expire).await
}

/// The same with options that are gathered already, for a command that takes its job along when it is killed.
pub(crate) async fn hold(args: AllocArgs, options: JobOptions) -> anyhow::Result<ExitCode> {
    hold_all(args, &[options], IfGone::Cancel).await
}

async fn hold_all(args: AllocArgs, components: &[JobOptions], if_gone: IfGone) -> anyhow::Result<ExitCode> {
    let kill_with = kill_signal(args.kill_command.as_deref())?;
    let Some(first) = components.first() else { return Ok(ExitCode::SUCCESS) };
    components.iter().try_for_each(refuse_what_is_for_scripts)?;
    let quiet = first.quiet;
    let client = Client::open(&args.client)?;
    let name = first.job_name.clone().unwrap_or_else(|| NAME.to_owned());
    let begin = Instant::now();
    let request = request(components, args.immediate)?;
    let id = ask(&client, &request, &name, |asked| match asked {
        _ if quiet => {}
        Asked::Waits(id) => {
            say(&format!("Pending job allocation {id}"));
            say(&format!("job {id} queued and waiting for resources"));
        }
        Asked::Granted(id) => say(&format!("job {id} has been allocated resources")),
    });
    let id = match id.await {
        Ok(id) => id,
        Err(refusal) => {
            let partitions = components.iter().filter_map(|part| part.partition.as_deref());
            if let Some(text) = strangers(&client, &refusal, partitions).await {
                say(&format!("error: {text}"));
            }
            let ClientError::Refused { why, .. } = refusal else {
                return Err(refusal).context("allocate resources");
            };
            say(&format!("error: Job submit/allocate failed: {why}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    if args.bell || (!args.no_bell && begin.elapsed() > LONG && std::io::stdin().is_terminal()) {
        // If it cannot be heard, nothing is lost.
        let _ = std::io::stderr().write_all(b"\x07");
    }
    let attendance = (!args.no_shell).then(|| Attendance::begin(&client, id, if_gone));
    if !quiet {
        say(&format!("Granted job allocation {id}"));
    }
    let jobs = shown(&client, id).await?;
    if !quiet {
        jobs.iter().for_each(|job| say(&format!("Nodes {} are ready for job", job.nodes)));
    }
    let Some(attendance) = attendance else { return Ok(ExitCode::SUCCESS) };
    let held = Held { client: &client, id, quiet, kill_with, folder: first.chdir.as_deref() };
    let variables = variables::variables(&client, &args.client, &jobs, components);
    let (left, code) = held.run(&args.command, variables, attendance).await?;
    if let Some(left) = left {
        complete(&client, id, left).await?;
    }
    Ok(code)
}

/// Divides the command line where a colon stands alone, and leaves in the arguments the command and its own.
fn groups(args: &mut AllocArgs, first: &ArgMatches) -> Result<Vec<ArgMatches>, clap::Error> {
    let mut groups = vec![first.clone()];
    while args.command.first().is_some_and(|word| word == ":") {
        let command = clap::Command::new("alloc").no_binary_name(true).args_override_self(true);
        let command = AllocArgs::augment_args(command.infer_long_args(true));
        let matches = command.try_get_matches_from(args.command.iter().skip(1))?;
        let next = AllocArgs::from_arg_matches(&matches)?;
        args.no_shell |= next.no_shell;
        args.immediate |= next.immediate;
        args.command = next.command;
        groups.push(matches);
    }
    Ok(groups)
}

/// Reads `--kill-command`.
fn kill_signal(given: Option<&str>) -> Result<Option<i32>, Usage> {
    match given {
        None => Ok(None),
        // As Slurm has it: a shell at a terminal heeds no other.
        Some("") => Ok(Some(if std::io::stdin().is_terminal() { 1 } else { 15 })),
        Some(name) => {
            let number = slurm_wire::signal::number(name).filter(|number| *number > 0);
            number
                .map(|number| Some(i32::from(number)))
                .ok_or_else(|| Usage(format!("--kill-command: there is no signal {name}")))
        }
    }
}

fn request(components: &[JobOptions], immediate: bool) -> anyhow::Result<JobAllocReq> {
    let script = Script { name: NAME.to_owned(), ..Script::default() };
    let one = |options: &JobOptions| -> anyhow::Result<JobDescMsg> {
        let mut job = whole_request(options, &script)?.job.unwrap_or_default();
        job.environment = None;
        job.immediate = immediate.then_some(true);
        Ok(job)
    };
    let mut jobs = components.iter().map(one).collect::<anyhow::Result<Vec<JobDescMsg>>>()?;
    Ok(match jobs.len() {
        1 => JobAllocReq { job: jobs.pop(), ..JobAllocReq::default() },
        _ => JobAllocReq { hetjob: Some(jobs.into()), ..JobAllocReq::default() },
    })
}

/// What only a script has.
fn refuse_what_is_for_scripts(options: &JobOptions) -> Result<(), Usage> {
    let given = [
        (options.array.is_some(), "array"),
        (options.output.is_some(), "output"),
        (options.error.is_some(), "error"),
        (options.input.is_some(), "input"),
        (options.wait, "wait"),
        (options.test_only, "test-only"),
    ];
    match given.iter().find(|(given, _)| *given) {
        Some((_, name)) => {
            Err(Usage(format!("--{name} is for scripts; nothing of this job is run by the service")))
        }
        None => Ok(()),
    }
}

/// Returns the job, or its components.
async fn shown(client: &Client, id: u32) -> anyhow::Result<Vec<JobInfo>> {
    let answer = client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{id}"), &[], None).await;
    let jobs = answer.context("look at the allocation")?.value.jobs;
    Ok(jobs.iter().cloned().collect())
}

/// Says something on standard error, as salloc.
fn say(text: &str) {
    // If nobody can be told, there is nobody to be told that.
    let _ = writeln!(std::io::stderr(), "salloc: {text}");
}
