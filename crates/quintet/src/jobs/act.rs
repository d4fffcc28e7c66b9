//! `quintet cancel`, `hold`, `release`, `suspend`, `resume`, `requeue`: what may be done with jobs.

use super::list::state_name;
use crate::client::{Client, ClientArgs, ClientError};
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use reqwest::Method;
use slurm_wire::job_change::{JobPostResponse, KillJobsMsg, KillJobsResp};
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::job_info::{JobInfo, JobInfoResp};
use slurm_wire::{Flags, Text};
use std::process::ExitCode;

/// Arguments of `quintet cancel`.
#[derive(clap::Args, Clone, Debug)]
#[command(group = clap::ArgGroup::new("which").args(["ids", "user", "name", "partition", "states", "account", "reservation"])
    .required(true).multiple(true))]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs: 12, a task 12_3, tasks 12_[3-5]
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<String>,
    /// Only jobs of this user
    #[arg(short = 'u', long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Only jobs of this name
    #[arg(short = 'n', long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Only jobs in this partition
    #[arg(short = 'p', long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Only jobs charged to this account
    #[arg(short = 'A', long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Only jobs in this reservation
    #[arg(short = 'R', long, value_name = "NAME")]
    pub(crate) reservation: Option<String>,
    /// Only jobs in these states: PENDING, RUNNING, SUSPENDED
    #[arg(short = 't', long, value_name = "STATES", value_delimiter = ',')]
    pub(crate) states: Vec<String>,
    /// Send this signal instead of ending the job
    #[arg(short = 's', long, value_name = "SIGNAL", value_parser = signal)]
    pub(crate) signal: Option<String>,
    /// Jobs of crontabs are meant too, where the service wants that said
    #[arg(long)]
    pub(crate) cron: bool,
    /// Send the signal to the batch shell alone
    #[arg(short = 'b', long, requires = "signal")]
    pub(crate) batch: bool,
    /// Send the signal to the batch shell as well as to everything else
    #[arg(short = 'f', long, requires = "signal", conflicts_with = "batch")]
    pub(crate) full: bool,
}

/// Arguments of `quintet hold` and `quintet release`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct HoldArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

/// Arguments of `quintet suspend` and `quintet resume`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct SuspendArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs: 12, or a task 12_3
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
}

/// Arguments of `quintet requeue`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RequeueArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Jobs: 12, or a task 12_3
    #[arg(value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// Hold them there
    #[arg(long)]
    pub(crate) hold: bool,
    /// Hold them there and mark them SPECIAL_EXIT
    #[arg(long)]
    pub(crate) special: bool,
}

fn signal(text: &str) -> Result<String, String> {
    let known = slurm_wire::signal::number(text).filter(|number| *number > 0);
    known.map(|_| text.to_ascii_uppercase()).ok_or_else(|| "expected a signal such as USR1 or 10".to_owned())
}

/// Cancels jobs, or sends them a signal.
pub(crate) async fn cancel(args: CancelArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let text = |given: &Option<String>| given.as_ref().map(Text::from);
    let mut message = KillJobsMsg {
        jobs: (!args.ids.is_empty()).then(|| args.ids.iter().map(Text::from).collect()),
        user_name: text(&args.user),
        job_name: text(&args.name),
        partition: text(&args.partition),
        account: text(&args.account),
        reservation: text(&args.reservation),
        signal: args.signal.as_deref().map(Into::into),
        ..KillJobsMsg::default()
    };
    if !args.states.is_empty() {
        let mut states = Flags::default();
        for state in &args.states {
            states.insert_name(&state_name(state)?);
        }
        message.job_state = Some(states);
    }
    let mut flags = Flags::default();
    for (wanted, name) in [(args.batch, "BATCH_JOB"), (args.full, "FULL_JOB"), (args.cron, "CRON_JOBS")] {
        if wanted {
            flags.insert_name(name);
        }
    }
    message.flags = (!flags.is_empty()).then_some(flags);
    let client = Client::open(&args.client)?;
    let body = slurm_wire::to_json(&message);
    let answer = client.slurm::<KillJobsResp>(Method::DELETE, "/jobs/", &[], Some(body)).await;
    let answer = answer.context("cancel jobs")?;
    if args.client.json {
        terminal.print_json(&answer.text)?;
    }
    let mut code = ExitCode::SUCCESS;
    for failure in answer.value.status.iter().filter(|failure| failure.error.code != 0) {
        code = ExitCode::FAILURE;
        let which = match failure.job_id.number() {
            Some(id) => format!("job {id}"),
            None => format!("job {}", args.ids.join(" ")),
        };
        let why =
            if failure.error.message.is_empty() { &failure.error.string } else { &failure.error.message };
        remark(&format!("error: {which}: {why}"));
    }
    Ok(code)
}

/// Holds jobs, or lets them go.
pub(crate) async fn hold(args: HoldArgs, hold: bool, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    let body = slurm_wire::to_json(&JobDescMsg { hold: Some(hold), ..JobDescMsg::default() });
    let action = if hold { "hold" } else { "release" };
    let mut code = ExitCode::SUCCESS;
    for id in &args.ids {
        let is_number = |text: &str| text.parse::<u32>().is_ok();
        if !(is_number(id) || id.split_once('+').is_some_and(|(job, part)| is_number(job) && is_number(part)))
        {
            return Err(
                Usage(format!("\"{id}\" is not the number of a job; an array is held as a whole")).into()
            );
        }
    }
    for id in whole_jobs(&client, &args.ids).await {
        let path = format!("/job/{}", id.replace('+', "%2B"));
        match client.slurm::<JobPostResponse>(Method::POST, &path, &[], Some(body.clone())).await {
            Ok(answer) if args.client.json => terminal.print_json(&answer.text)?,
            Ok(_) => {}
            // One job that cannot be held does not spare the others; a service that cannot be reached does.
            Err(error @ ClientError::Refused { .. }) => {
                code = ExitCode::FAILURE;
                remark(&format!("error: {action} job {id}: {error}"));
            }
            Err(error) => return Err(error).with_context(|| format!("{action} job {id}")),
        }
    }
    Ok(code)
}

/// Halts jobs, so that others can use their CPUs.
pub(crate) async fn suspend(args: SuspendArgs) -> anyhow::Result<ExitCode> {
    natively(&args.client, &args.ids, "suspend", None).await
}

/// Lets suspended jobs go on, as soon as their CPUs are free.
pub(crate) async fn resume(args: SuspendArgs) -> anyhow::Result<ExitCode> {
    natively(&args.client, &args.ids, "resume", None).await
}

/// Puts jobs back into the queue.
pub(crate) async fn requeue(args: RequeueArgs) -> anyhow::Result<ExitCode> {
    let body = serde_json::json!({ "hold": args.hold, "special": args.special });
    natively(&args.client, &args.ids, "requeue", Some(body)).await
}

/// What the native dialect says became of one job.
#[derive(serde::Deserialize)]
struct ActedOn {
    job_id: Option<u32>,
    task: Option<u32>,
    error: Option<String>,
}

/// And of all that were meant.
#[derive(serde::Deserialize)]
struct Acted {
    jobs: Vec<ActedOn>,
}

/// Does something with jobs that only the native dialect has a word for. One that refuses does not spare the others.
async fn natively(
    client: &ClientArgs,
    ids: &[String],
    verb: &str,
    body: Option<serde_json::Value>,
) -> anyhow::Result<ExitCode> {
    let client = Client::open(client)?;
    let mut code = ExitCode::SUCCESS;
    let mut fail = |id: &str, why: &str| {
        code = ExitCode::FAILURE;
        remark(&format!("error: {verb} job {id}: {why}"));
    };
    for id in ids {
        let path = format!("{}/jobs/{}/{verb}", crate::client::NATIVE, super::path_part(id));
        let body = body.as_ref().map(|body| body.to_string().into_bytes());
        let told = match client.text(Method::POST, &path, &[], body).await {
            Ok(told) => told,
            Err(error @ ClientError::Refused { .. }) => {
                fail(id, &error.to_string());
                continue;
            }
            Err(error) => return Err(error).with_context(|| format!("{verb} job {id}")),
        };
        let acted: Acted = serde_json::from_str(&told).context("read the answer")?;
        for one in acted.jobs {
            let Some(why) = one.error else { continue };
            let name = match (one.job_id, one.task) {
                (Some(job), Some(task)) => format!("{job} (task {task})"),
                (Some(job), None) => job.to_string(),
                _ => id.clone(),
            };
            fail(&name, &why);
        }
    }
    Ok(code)
}

/// Puts in the place of each heterogeneous job all its components, which are changed one by one.
async fn whole_jobs(client: &Client, ids: &[String]) -> Vec<String> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        let shown = match id.contains('+') {
            true => None,
            false => client.slurm::<JobInfoResp>(Method::GET, &format!("/job/{id}"), &[], None).await.ok(),
        };
        let of_leader =
            |job: &JobInfo| job.het_job_id.number().map(|leader| leader.to_string()).as_ref() == Some(id);
        let parts = shown.iter().flat_map(|shown| shown.value.jobs.iter());
        let parts: Vec<String> =
            parts.filter(|job| of_leader(job)).map(|job| job.job_id.to_string()).collect();
        // What there is to say about a job that cannot be shown is said when it is to be changed.
        all.extend(if parts.is_empty() { vec![id.clone()] } else { parts });
    }
    all
}
