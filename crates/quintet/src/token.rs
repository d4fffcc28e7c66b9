//! `quintet token`: credentials, made from the keys in the state directory.

use crate::client::now;
use crate::config::{Config, default_state_dir};
use crate::state_dir::{StateDir, read_key};
use crate::terminal::Terminal;
use crate::usage::Usage;
use anyhow::{Context, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `quintet token`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct TokenArgs {
    /// Whom the credential names
    pub(crate) name: String,
    /// What it is for
    #[arg(long = "for", value_name = "API")]
    pub(crate) api: Api,
    /// How long it lives
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..=3_153_600_000))]
    pub(crate) lifespan: u64,
    /// A role it carries; Slurm's have none
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// The configuration the service runs with, if it names the key or the state directory
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The service's state directory
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
}

/// The interfaces credentials are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Api {
    /// Slurm REST: X-SLURM-USER-TOKEN
    Slurm,
    /// ClusterCockpit
    Clustercockpit,
    /// Waldur
    Waldur,
    /// Nifcloud
    Nifcloud,
    /// ET Engine
    EtEngine,
}

/// Makes a credential and prints it.
pub(crate) fn run(args: TokenArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    if args.api != Api::Slurm {
        let name = match args.api {
            Api::Slurm => "slurm",
            Api::Clustercockpit => "clustercockpit",
            Api::Waldur => "waldur",
            Api::Nifcloud => "nifcloud",
            Api::EtEngine => "et-engine",
        };
        bail!("--for {name} is not supported yet; --for slurm is");
    }
    if !args.roles.is_empty() {
        return Err(Usage(
            "--role: a Slurm token has no roles; give the user an admin level instead".to_owned(),
        )
        .into());
    }
    if args.name.is_empty() || args.name.chars().any(char::is_whitespace) {
        return Err(Usage(format!("\"{}\" is not a user's name", args.name)).into());
    }
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    let key = match config.jwt_key() {
        Some(path) => read_key(path)?,
        None => {
            let state =
                args.state.or_else(|| config.state().map(PathBuf::from)).unwrap_or_else(default_state_dir);
            StateDir::open(&state)?.key()?
        }
    };
    let lifespan = Duration::from_secs(args.lifespan);
    let token = dialects::mint(&key, &args.name, now(), lifespan).context("make a token from the key")?;
    terminal.print(&token)?;
    Ok(ExitCode::SUCCESS)
}
