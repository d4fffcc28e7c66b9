//! `quintet nodes`: the nodes, what they have and what of it is in use.

use crate::client::{Client, ClientArgs};
use crate::sheet::size;
use crate::terminal::{Terminal, state_cell};
use anyhow::Context;
use comfy_table::Cell;
use reqwest::Method;
use slurm_wire::node::{Node, NodesResp};
use std::process::ExitCode;

/// Arguments of `quintet nodes`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct NodesArgs {
    #[command(flatten)]
    pub(crate) client: ClientArgs,
    /// Only nodes of this partition
    #[arg(short = 'p', long, value_name = "NAME")]
    pub(crate) partition: Option<String>,
    /// Only nodes in this state, such as IDLE or DRAIN
    #[arg(short = 't', long = "in-state", value_name = "STATE")]
    pub(crate) in_state: Option<String>,
}

/// Lists nodes.
pub(crate) async fn run(args: NodesArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
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
    Ok(ExitCode::SUCCESS)
}
