//! `quintet top`: nodes and jobs as they are now, kept up to date by the service's events.
//!
//! - `board.rs` what is known, and in which order it is shown
//! - `keys.rs` what a key means
//! - `view.rs` how it looks
//! - `live.rs` the loop between keys, events and the service

mod board;
mod keys;
mod live;
mod view;

#[cfg(test)]
mod tests;

use crate::client::{Client, ClientArgs};
use crate::terminal::Terminal;
use crate::usage::Usage;
use anyhow::Context;
use board::{Board, Order};
use std::process::ExitCode;

/// Arguments of `quintet top`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    client: ClientArgs,
    /// Only jobs of this user [default: everybody's]
    #[arg(short = 'u', long, value_name = "NAME")]
    user: Option<String>,
    /// What jobs are sorted by
    #[arg(short = 's', long, value_enum, default_value_t = Order::State)]
    sort: Order,
}

/// Shows nodes and jobs until somebody has seen enough.
pub(crate) async fn run(args: TopArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if !terminal.is_terminal() || args.client.json {
        return Err(Usage("top needs a terminal; `quintet ps` lists jobs for programs".to_owned()).into());
    }
    let client = Client::open(&args.client)?;
    let me = client.user().await.context("find out who asks")?;
    let board = Board::new(me, args.user, args.sort);
    // Whatever happens, a panic included, leaves the terminal as it was.
    let screen = ratatui::try_init().context("prepare the terminal")?;
    let outcome = live::run(&client, board, screen).await;
    ratatui::restore();
    outcome.map(|()| ExitCode::SUCCESS)
}
