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
use ratatui::DefaultTerminal;
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
    on_screen(async |screen| live::run(&client, board, screen).await).await
}

/// Gives something the whole terminal; whatever happens, a panic included, leaves it as it was.
async fn on_screen(
    work: impl AsyncFnOnce(DefaultTerminal) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let screen = ratatui::try_init().context("prepare the terminal")?;
    let outcome = work(screen).await;
    ratatui::restore();
    outcome
}
