//! The command itself: read the script, ask the service, say what became of it.

use super::directives::{ScriptError, directives};
use super::environment::{host_name, job_environment};
use super::layers::combine_components;
use super::options::JobOptions;
use super::propagation::propagated;
use super::request::{Script, request};
use super::test_only::{strangers, tell};
use super::values::NodeRange;
use crate::client::{Answer, Client, ClientArgs, ClientError};
use crate::jobs::wait::wait_for;
use crate::terminal::{Terminal, remark};
use crate::usage::Usage;
use anyhow::Context;
use clap::{ArgMatches, Args, FromArgMatches};
use reqwest::Method;
use slurm_wire::Text;
use slurm_wire::checked_text::NodeCounts;
use slurm_wire::job_desc::JobDescMsg;
use slurm_wire::submit::{JobSubmitReq, JobSubmitResponse};
use std::borrow::Cow;
use std::io::{IsTerminal, Read};
use std::path::Path;
use std::process::ExitCode;

/// Arguments of `quintet submit`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct SubmitArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Run this command in a shell instead of a script
    #[arg(long, value_name = "COMMAND")]
    pub(crate) wrap: Option<String>,
    #[command(flatten)]
    pub(crate) job: JobOptions,
    /// The script, and what follows are its arguments; without it, or with -, it is read from standard input. Behind a
    /// colon that stands alone follow the options of the next component of a heterogeneous job, and then the script
    #[arg(value_name = "SCRIPT", trailing_var_arg = true)]
    pub(crate) script: Vec<String>,
}

/// Why a script cannot be submitted.
#[derive(Debug, thiserror::Error)]
#[error("{script}: {source}")]
pub(crate) struct BadScript {
    script: String,
    #[source]
    source: ScriptError,
}

/// Submits a job.
pub(crate) async fn run(
    mut args: SubmitArgs,
    matches: &ArgMatches,
    terminal: Terminal,
) -> anyhow::Result<ExitCode> {
    let groups = groups(&mut args, matches)?;
    if args.wrap.is_some() && !args.script.is_empty() {
        return Err(Usage("a command to wrap and a script exclude one another".into()).into());
    }
    let script = read_script(&args)?;
    let bad = |source| BadScript { script: shown_name(&args), source };
    let directives = directives(&script.text).map_err(bad)?;
    let components =
        combine_components(&shown_name(&args), &directives, |name| std::env::var_os(name), &groups)?;
    let request = request_of(&components, &script)?;
    let partitions: Vec<String> = components.iter().filter_map(|part| part.partition.clone()).collect();
    let Some(options) = components.into_iter().next() else { return Ok(ExitCode::SUCCESS) };
    let body = slurm_wire::to_json(&request);
    if options.verbose > 0 {
        remark(&format!("sends {}", String::from_utf8_lossy(&body)));
    }
    let client = Client::open(&args.client)?;
    if options.test_only {
        let asked = client.only_asking();
        let answer = asked.slurm::<JobSubmitResponse>(Method::POST, "/job/submit", &[], Some(body)).await;
        let answer =
            answer.map(|answer| (answer.value.job_id, answer.value.job_submit_user_msg.into_string()));
        tell_of_strangers(&client, &answer, &partitions).await;
        let say = |text: &str| {
            if !options.quiet {
                remark(text);
            }
        };
        return Ok(ExitCode::from(tell(answer, say)?));
    }
    let answer = send(&client, body, options.hold || options.priority == Some(0), &partitions).await?;
    let id = answer.value.job_id;
    match (args.client.json, options.quiet, options.parsable) {
        (true, ..) => terminal.print_json(&answer.text)?,
        (_, true, _) => {}
        (_, _, true) => terminal.print(&id.to_string())?,
        _ => terminal.print(&format!("Submitted batch job {id}"))?,
    }
    if options.wait {
        return wait_for(&client, id).await;
    }
    Ok(ExitCode::SUCCESS)
}

/// Divides the command line where a colon stands alone: returns what was given for each component, and leaves in the
/// arguments the script and its own.
fn groups(args: &mut SubmitArgs, first: &ArgMatches) -> Result<Vec<ArgMatches>, clap::Error> {
    let mut groups = vec![first.clone()];
    while args.script.first().is_some_and(|word| word == ":") {
        let command = clap::Command::new("submit").no_binary_name(true).args_override_self(true);
        let command = SubmitArgs::augment_args(command.infer_long_args(true));
        let matches = command.try_get_matches_from(args.script.iter().skip(1))?;
        let next = SubmitArgs::from_arg_matches(&matches)?;
        args.wrap = args.wrap.take().or(next.wrap);
        args.script = next.script;
        groups.push(matches);
    }
    Ok(groups)
}

/// Makes the request of a job, or of a heterogeneous one.
fn request_of(components: &[JobOptions], script: &Script) -> anyhow::Result<JobSubmitReq> {
    if let [options] = components {
        return whole_request(options, script);
    }
    let requests = components.iter().map(|options| whole_request(options, script));
    let jobs = requests.map(|request| Ok(request?.job.unwrap_or_default()));
    Ok(JobSubmitReq {
        script: Some(Text::from(&script.text)),
        jobs: Some(jobs.collect::<anyhow::Result<Vec<JobDescMsg>>>()?.into()),
        ..JobSubmitReq::default()
    })
}

/// Makes the request of a script that is submitted from here and now.
pub(crate) fn whole_request(options: &JobOptions, script: &Script) -> anyhow::Result<JobSubmitReq> {
    let present_dir = std::env::current_dir().context("find the working directory")?;
    let environment = job_environment(
        options.export.as_ref(),
        std::env::vars_os(),
        &present_dir.to_string_lossy(),
        &host_name(),
    );
    for name in &environment.left_out {
        remark(&format!("warning: the variable {name} is not UTF-8 and is not sent"));
    }
    let mut variables = environment.variables;
    variables.retain(|line| !line.starts_with("SLURM_RLIMIT_") && !line.starts_with("SLURM_UMASK="));
    let propagated = propagated(options.propagate.as_deref()).map_err(anyhow::Error::msg);
    variables.extend(propagated.context("--propagate")?);
    Ok(request(&on_fewer_nodes(options), script, &present_dir, variables)?)
}

/// Each node has a task, so that fewer tasks than nodes need fewer nodes.
fn on_fewer_nodes(options: &JobOptions) -> Cow<'_, JobOptions> {
    let (Some(tasks), Some(NodeRange(counts))) = (options.ntasks, &options.nodes) else {
        return Cow::Borrowed(options);
    };
    if tasks >= counts.minimum {
        return Cow::Borrowed(options);
    }
    let nodes = counts.minimum;
    remark(&format!("warning: can't run {tasks} processes on {nodes} nodes, setting nnodes to {tasks}"));
    let fewer = NodeCounts { minimum: tasks, maximum: tasks, sizes: Vec::new() };
    Cow::Owned(JobOptions { nodes: Some(NodeRange(fewer)), ..options.clone() })
}

/// Says which partitions there are not, if it is that why a job was refused.
async fn tell_of_strangers<T>(client: &Client, answer: &Result<T, ClientError>, partitions: &[String]) {
    if let Err(refusal) = answer
        && let Some(text) = strangers(client, refusal, partitions.iter().map(String::as_str)).await
    {
        remark(&format!("error: {text}"));
    }
}

/// Sends a request for jobs in these partitions, as they were asked for, and passes on what the service remarks.
pub(crate) async fn send(
    client: &Client,
    body: Vec<u8>,
    is_held: bool,
    partitions: &[String],
) -> anyhow::Result<Answer<JobSubmitResponse>> {
    let answer = client.slurm::<JobSubmitResponse>(Method::POST, "/job/submit", &[], Some(body)).await;
    tell_of_strangers(client, &answer, partitions).await;
    let answer = answer.context("submit the job")?;
    for warning in answer.value.warnings.iter() {
        // That a job is held is news only to somebody who has not asked for it.
        let of_hold =
            warning.description.contains("held state") || warning.source.contains("slurm_submit_batch_job");
        if !(of_hold && is_held) {
            remark(&format!("warning: {}", warning.description));
        }
    }
    Ok(answer)
}

fn shown_name(args: &SubmitArgs) -> String {
    match (&args.wrap, args.script.first()) {
        (Some(_), _) => "--wrap".to_owned(),
        (None, Some(path)) if path != "-" => path.clone(),
        _ => "standard input".to_owned(),
    }
}

fn read_script(args: &SubmitArgs) -> anyhow::Result<Script> {
    if let Some(command) = &args.wrap {
        let text = format!("#!/bin/sh\n# This script was created by quintet submit --wrap.\n\n{command}\n");
        return Ok(Script { text, name: "wrap".to_owned(), arguments: Vec::new() });
    }
    let (bytes, name, path) = match args.script.first() {
        Some(path) if path != "-" => {
            let bytes = std::fs::read(path).with_context(|| format!("read script {path}"))?;
            let path = Path::new(path);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            (bytes, name, whole.to_string_lossy().into_owned())
        }
        _ => {
            let mut input = std::io::stdin();
            if input.is_terminal() {
                remark("reads the script from standard input; end it with Ctrl-D");
            }
            let mut bytes = Vec::new();
            input.read_to_end(&mut bytes).context("read the script from standard input")?;
            (bytes, "sbatch".to_owned(), "sbatch".to_owned())
        }
    };
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("the script {path} is not UTF-8"))?;
    let arguments = std::iter::once(path).chain(args.script.iter().skip(1).cloned()).collect();
    Ok(Script { text, name, arguments })
}
