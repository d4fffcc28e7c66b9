//! `quintet token`: credentials, made from the keys in the state directory.

use crate::client::{STATE_VARIABLE, now};
use crate::config::{Config, default_state_dir};
use crate::logins::LoginFile;
use crate::state_dir::{StateDir, StateError, read_key};
use crate::terminal::Terminal;
use crate::usage::Usage;
use anyhow::Context;
use domain::ports::Logins;
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
    /// A role it carries, for ClusterCockpit [default: api]; others have none
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',', value_parser = dialects::COCKPIT_ROLES)]
    pub(crate) roles: Vec<String>,
    /// The configuration the service runs with, if it names the key or the state directory
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The service's state directory
    #[arg(long, env = STATE_VARIABLE, hide_env_values = true, value_name = "DIR")]
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
    /// Nifcloud HPC: an access key and its secret
    Nifcloud,
    /// ET Engine
    EtEngine,
}

/// Makes a credential and prints it.
pub(crate) fn run(args: TokenArgs, terminal: Terminal) -> anyhow::Result<ExitCode> {
    match args.api {
        Api::Slurm if !args.roles.is_empty() => {
            let why = "--role: a Slurm token has no roles; give the user an admin level instead";
            return Err(Usage(why.to_owned()).into());
        }
        Api::EtEngine if !args.roles.is_empty() => {
            return Err(Usage("--role: an ET Engine key has no roles".to_owned()).into());
        }
        Api::Waldur if !args.roles.is_empty() => {
            let why = "--role: a Waldur token has no roles; give the user an admin level instead";
            return Err(Usage(why.to_owned()).into());
        }
        Api::Nifcloud if !args.roles.is_empty() => {
            return Err(Usage("--role: an access key has no roles".to_owned()).into());
        }
        Api::Slurm | Api::Clustercockpit | Api::EtEngine | Api::Waldur | Api::Nifcloud => {}
    }
    let is_bad = |sign: char| sign.is_whitespace() || matches!(sign, ':' | '/');
    if args.name.is_empty() || args.name.contains(is_bad) {
        return Err(Usage(format!("\"{}\" is not a user's name", args.name)).into());
    }
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::default_values(),
    };
    let lifespan = Duration::from_secs(args.lifespan);
    let state = || {
        let path = args
            .state
            .clone()
            .or_else(|| config.state().map(PathBuf::from))
            .unwrap_or_else(default_state_dir);
        StateDir::open(&path)
    };
    let token = match args.api {
        Api::Clustercockpit => {
            // Without a role a token is good for nothing there.
            let roles = if args.roles.is_empty() { vec!["api".to_owned()] } else { args.roles.clone() };
            cockpit_keys(&config, state)?.mint(&args.name, &roles, now(), Some(lifespan))
        }
        Api::EtEngine => Some(dialects::EtKeys::new(&state()?.et_key()?).mint(&args.name, now(), lifespan)),
        Api::Waldur => {
            let mut state = state()?;
            let tokens = dialects::WaldurTokens::new(&state.waldur_key()?);
            let user = LoginFile::of(&state).number_of(&args.name)?;
            Some(tokens.mint(user, now(), lifespan))
        }
        Api::Nifcloud => {
            let nifcloud =
                config.nifcloud()?.context("[nifcloud] of the configuration says that it is not served")?;
            let key = match &nifcloud.private_key {
                Some(path) => read_key(path)?,
                None => state()?.nifcloud_key()?,
            };
            let keys =
                dialects::NifcloudKeys::new(&key).context("use the key access keys are derived from")?;
            let (access_key, secret) = keys.mint(&args.name, now(), lifespan)?;
            terminal.print(&format!("{access_key} {secret}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        _ => {
            let key = match config.jwt_key() {
                Some(path) => read_key(path)?,
                None => state()?.key()?,
            };
            dialects::mint(&key, &args.name, now(), lifespan)
        }
    };
    let token = token.context("make a token from the key")?;
    terminal.print(&token)?;
    Ok(ExitCode::SUCCESS)
}

fn cockpit_keys(
    config: &Config,
    state: impl FnOnce() -> Result<StateDir, StateError>,
) -> anyhow::Result<dialects::CockpitKeys> {
    let cockpit =
        config.cockpit()?.context("[clustercockpit] of the configuration says that it is not served")?;
    let key = match &cockpit.private_key {
        Some(path) => read_key(path)?,
        None => state()?.cockpit_key()?,
    };
    dialects::CockpitKeys::new(&key).context("use the key ClusterCockpit's tokens are signed with")
}

/// Makes a token for ClusterCockpit's interface that lives for a day, for a program of ours.
pub(crate) fn cockpit_token(config: &Config, state: Option<PathBuf>, name: &str) -> anyhow::Result<String> {
    let path = state.or_else(|| config.state().map(PathBuf::from)).unwrap_or_else(default_state_dir);
    let keys = cockpit_keys(config, || StateDir::open(&path))?;
    let lifespan = Some(Duration::from_secs(86_400));
    keys.mint(name, &["api".to_owned()], now(), lifespan).context("make a token from the key")
}
