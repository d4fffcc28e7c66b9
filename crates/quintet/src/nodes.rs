//! `quintet nodes`: the nodes, what they have and what of it is in use.

use crate::client::{Client, ClientArgs};
use crate::jobs::path_part;
use crate::sheet::size;
use crate::terminal::{Terminal, remark, state_cell};
use anyhow::Context;
use comfy_table::Cell;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;
use slurm_wire::node::{Node, NodesResp};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Arguments of `quintet nodes`.
#[derive(clap::Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct NodesArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Only nodes of this partition
    #[arg(short = 'p', long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Only nodes in this state, such as IDLE or DRAIN
    #[arg(short = 't', long = "in-state", value_name = "STATE")]
    pub(crate) in_state: Option<String>,
}

#[derive(clap::Subcommand, Clone, Debug)]
enum What {
    /// Take nodes out of service: they get no new jobs
    Drain(DrainArgs),
    /// Put nodes back into service
    Resume(ResumeArgs),
}

#[derive(clap::Args, Clone, Debug)]
struct DrainArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Names of nodes
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<String>,
    /// Why
    #[arg(short = 'r', long, value_name = "TEXT")]
    reason: String,
}

#[derive(clap::Args, Clone, Debug)]
struct ResumeArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Names of nodes
    #[arg(value_name = "NODE", required = true)]
    nodes: Vec<String>,
}

/// What the native dialect tells of nodes.
#[derive(Clone, Debug, Default, Deserialize)]
struct Natively {
    limits: BTreeMap<String, String>,
}

/// Lists nodes, or does what is asked for.
pub(crate) async fn run(args: NodesArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.what {
        Some(What::Drain(args)) => {
            mark(&args.client, &args.nodes, &json!({ "state": "drain", "reason": args.reason })).await
        }
        Some(What::Resume(args)) => mark(&args.client, &args.nodes, &json!({ "state": "resume" })).await,
        None => list(args, terminal).await,
    }
}

async fn mark(client: &ClientArgs, nodes: &[String], wanted: &serde_json::Value) -> anyhow::Result<ExitCode> {
    let client = Client::open(client)?;
    for node in nodes {
        let path = format!("{}/nodes/{}", crate::client::NATIVE, path_part(node));
        let sent = client.text(Method::POST, &path, &[], Some(wanted.to_string().into_bytes())).await;
        sent.with_context(|| format!("change node {node}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(args: NodesArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    let client = Client::open(&args.client)?;
    let answer = client.slurm::<NodesResp>(Method::GET, "/nodes/", &[], None).await.context("list nodes")?;
    let wanted = |node: &&Node| {
        let same = |given: &Option<String>, mut names: Box<dyn Iterator<Item = &str> + '_>| {
            given.as_ref().is_none_or(|given| names.any(|name| name.eq_ignore_ascii_case(given)))
        };
        same(&args.partition, Box::new(node.partitions.iter().map(|name| name.as_str())))
            && same(&args.in_state, Box::new(node.state.names()))
    };
    if args.client.json {
        let mut value: serde_json::Value = serde_json::from_str(&answer.text)?;
        if let Some(serde_json::Value::Array(nodes)) = value.get_mut("nodes") {
            let mut keep = answer.value.nodes.iter().map(|node| wanted(&node));
            nodes.retain(|_| keep.next().unwrap_or(false));
        }
        terminal.print(&format!("{value:#}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let header = ["NODE", "STATE", "CPUS", "MEMORY", "GRES", "FEATURES", "PARTITIONS", "REASON"];
    let mut table = terminal.table(&header);
    for node in answer.value.nodes.iter().filter(wanted) {
        let memory = |megabytes: i64| size(u64::try_from(megabytes).unwrap_or(0));
        table.add_row(vec![
            Cell::new(&node.name),
            state_cell(&node.state.names().collect::<Vec<_>>().join("+")),
            Cell::new(format!("{}/{}", node.alloc_cpus, node.cpus)),
            Cell::new(format!("{}/{}", memory(node.alloc_memory), memory(node.real_memory))),
            Cell::new(&node.gres),
            Cell::new(node.features.joined()),
            Cell::new(node.partitions.joined()),
            Cell::new(&node.reason),
        ]);
    }
    terminal.print_table(&table)?;
    // A service of an earlier version does not tell, which is no reason to fail.
    if let Ok(answer) = client.native::<Natively>(Method::GET, "/nodes", &[], None).await {
        tell_limits(&answer.value.limits);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what jobs are not held to: the exceptions are what one has to know.
fn tell_limits(limits: &BTreeMap<String, String>) {
    let those = |how: &str| {
        limits
            .iter()
            .filter(|(_, held)| *held == how)
            .map(|(what, _)| what.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    for (how, means) in
        [("advisory", "a job can escape its limits of"), ("absent", "jobs are not held to their")]
    {
        let what = those(how);
        if !what.is_empty() {
            remark(&format!("{means} {what}"));
        }
    }
}
