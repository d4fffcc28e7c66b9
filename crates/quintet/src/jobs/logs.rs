//! `quintet logs`: what a job has written, and what it writes.

use super::JobName;
use crate::client::{Client, ClientArgs, NATIVE};
use crate::terminal::Terminal;
use anyhow::Context;
use reqwest::Method;
use std::process::ExitCode;

/// Arguments of `quintet logs`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// The job, or the task of an array such as 12_3
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Wait for the job to start, and go on until it has ended
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,
    /// Standard error instead of standard output
    #[arg(short = 'e', long)]
    pub(crate) stderr: bool,
    /// Only the last lines
    #[arg(long, value_name = "LINES")]
    pub(crate) tail: Option<u64>,
}

/// Prints the output of a job.
pub(crate) async fn run(args: LogsArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let id = JobName::parse(&args.id)?;
    let stream = if args.stderr { "stderr" } else { "stdout" };
    let mut query = Vec::new();
    query.extend(args.tail.map(|lines| ("tail", lines.to_string())));
    query.extend(args.follow.then(|| ("follow", "1".to_owned())));
    let client = Client::open(&args.client)?;
    let path = format!("{NATIVE}/jobs/{}/{stream}", id.path());
    let mut whole = Vec::new();
    let failed = || format!("read the {stream} of job {id}");
    let mut answer = client.send(Method::GET, &path, &query, None).await.with_context(failed)?;
    while let Some(piece) = answer.chunk().await.with_context(failed)? {
        if args.client.json {
            whole.extend_from_slice(&piece);
        } else {
            terminal.print_bytes(&piece)?;
        }
    }
    if args.client.json {
        let told = serde_json::json!({ "job": id.to_string(), "stream": stream, "text": String::from_utf8_lossy(&whole) });
        terminal.print(&format!("{told:#}"))?;
    }
    Ok(ExitCode::SUCCESS)
}
