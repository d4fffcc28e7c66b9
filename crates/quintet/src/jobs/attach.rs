//! `quintet attach`: what a job writes, on both streams, as if it had been started here; or the tasks of one of its steps.

use super::follow::{FollowError, Shown, Stream, follow, job};
use super::wait::{Ending, ended, told_all};
use super::{JobName, attach_step};
use crate::client::{Client, ClientArgs, ClientError};
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use reqwest::Method;
use serde::Deserialize;
use std::process::ExitCode;

/// Arguments of `quintet attach`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct AttachArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The job, or the task of an array such as 12_3; 12.0 is a step that srun has started in it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Begin with so many last lines instead of the first; 0 for what is written from now on
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
    /// Exit with the job's exit code; that of a step it is always
    #[arg(short = 'W', long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) step: StepView,
}

/// What is wanted of a step.
#[derive(clap::Args, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StepView {
    /// Put the number of its task before each line
    #[arg(short = 'l', long, help_heading = "Steps")]
    pub(crate) label: bool,
    /// Only say which tasks are where
    #[arg(long, help_heading = "Steps")]
    pub(crate) layout: bool,
    /// Do not say how tasks have ended
    #[arg(short = 'Q', long, help_heading = "Steps")]
    pub(crate) quiet: bool,
    /// Give what is typed here to this task alone
    #[arg(long, value_name = "TASK", help_heading = "Steps")]
    pub(crate) input_filter: Option<u32>,
    /// Show what this task alone writes to its standard output
    #[arg(long, value_name = "TASK", help_heading = "Steps")]
    pub(crate) output_filter: Option<u32>,
    /// Show what this task alone writes to its standard error
    #[arg(long, value_name = "TASK", help_heading = "Steps")]
    pub(crate) error_filter: Option<u32>,
}

/// Shows a job's output until it has ended, or until Ctrl-C; the job goes on without being watched.
pub(crate) async fn run(args: AttachArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if let Some(step) = attach_step::named(&args.id) {
        let step = step?;
        if args.tail.is_some() {
            return Err(
                Usage("--tail is for what a script writes; of a step what there is is shown".into()).into()
            );
        }
        return attach_step::run(&Client::open(&args.client)?, step, &args.step, args.client.json).await;
    }
    if args.step != StepView::default() {
        return Err(Usage("these options are for steps, such as 12.0".into()).into());
    }
    let name = JobName::parse(&args.id)?;
    let client = Client::open(&args.client)?;
    let shown = if args.client.json { Shown::Json } else { Shown::AsItIs };
    tokio::select! {
        followed = both(&client, name, args.tail, shown) => {
            followed.with_context(|| format!("follow job {name}"))?;
        }
        _ = tokio::signal::ctrl_c() => {
            remark(&format!("left; job {name} goes on"));
            return Ok(ExitCode::SUCCESS);
        }
    }
    if !args.wait {
        return Ok(ExitCode::SUCCESS);
    }
    let endings = ended(&client, name).await?;
    if args.client.json {
        terminal.print(&told_all(&endings))?;
    }
    Ok(ExitCode::from(endings.iter().map(Ending::code).max().unwrap_or(0)))
}

/// Follows both streams of a job until it has ended. Where they go into one file, that is shown as standard output.
pub(crate) async fn both(
    client: &Client,
    name: JobName,
    tail: Option<u64>,
    shown: Shown,
) -> Result<(), FollowError> {
    let output = follow(client, name, Stream::Output, tail, shown);
    if !are_separate(client, name).await? {
        return output.await;
    }
    let error = async {
        match follow(client, name, Stream::Error, tail, shown).await {
            // Standard output says why there is nothing to see, if there is nothing.
            Err(FollowError::Client(ClientError::Refused { .. })) => Ok(()),
            other => other,
        }
    };
    tokio::try_join!(output, error).map(|_| ())
}

/// Tells whether a job has a file of its own for standard error.
async fn are_separate(client: &Client, name: JobName) -> Result<bool, ClientError> {
    if let Some(job) = job(client, name).await? {
        let error = job.standard_error.as_str();
        return Ok(!error.is_empty() && error != job.standard_output.as_str());
    }
    #[derive(Deserialize)]
    struct Attempts {
        jobs: Vec<Files>,
    }
    #[derive(Deserialize)]
    struct Files {
        stdout: Option<String>,
        stderr: Option<String>,
    }
    let found =
        client.native::<Attempts>(Method::GET, &format!("/history/{}", name.path()), &[], None).await?;
    Ok(found.value.jobs.last().is_some_and(|files| files.stdout != files.stderr))
}
